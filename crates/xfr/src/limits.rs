//! How much a primary may ask of us.

use std::time::Duration;

/// The limits of a visit. All are on by default; 0 switches one off, and means of the two waits for other primaries
/// (`probe_grace`, `probe_wait`) not to wait.
///
/// What a zone may look like (records per RRset, types per name) is limited where zones are built, and reaches a
/// transfer as an error of its [`Apply`](crate::Apply).
///
/// ```
/// use std::time::Duration;
/// use zonekit_xfr::{Client, Limits};
///
/// let patient = Limits { idle_timeout: Duration::from_secs(60), ..Limits::default() };
/// let client = Client::new("192.0.2.1:53".parse()?).limits(patient);
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Limits {
    /// Octets of messages in one transfer, as received. Default: 16 GiB.
    pub max_zone_octets: u64,
    /// Records in a whole zone. Default: 200,000,000.
    pub max_zone_records: u64,
    /// Records removed and added by one IXFR. Default (`None`): as many as the zone has records,
    /// [`Visit::held_records`](crate::Visit::held_records).
    pub max_ixfr_changes: Option<u64>,
    /// Messages without an answer, in a row, inside a transfer. Default: 100.
    pub max_empty_messages: u32,
    /// How long a connection may take to be made. Where clear text may be spoken instead of TLS, TLS may take two parts of
    /// five of it. Default: 5 s.
    pub connect_timeout: Duration,
    /// How long the primary may be silent inside a transfer. Default: 10 s.
    pub idle_timeout: Duration,
    /// How long one transfer may take in all. Default: 2 h.
    pub max_transfer_time: Duration,
    /// The slowest transfer that we put up with. Default: 10 KiB in 5 minutes.
    pub min_transfer_rate: Rate,
    /// How long a newer SOA alone, in answer to IXFR, is waited upon for more. Default: 5 s.
    pub lone_soa_wait: Duration,
    /// How long the answer to a datagram is waited upon. Default: 500 ms.
    pub query_timeout: Duration,
    /// Datagrams sent before TCP is tried. Default: 2.
    pub query_tries: u32,
    /// How long the other primaries are waited upon once one has offered a newer serial. Default: 500 ms.
    pub probe_grace: Duration,
    /// How long the other primaries are waited upon once one has answered at all. Default: 2 s.
    pub probe_wait: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_zone_octets: 16 << 30,
            max_zone_records: 200_000_000,
            max_ixfr_changes: None,
            max_empty_messages: 100,
            connect_timeout: Duration::from_secs(5),
            idle_timeout: Duration::from_secs(10),
            max_transfer_time: Duration::from_secs(2 * 60 * 60),
            min_transfer_rate: Rate::default(),
            lone_soa_wait: Duration::from_secs(5),
            query_timeout: Duration::from_millis(500),
            query_tries: 2,
            probe_grace: Duration::from_millis(500),
            probe_wait: Duration::from_secs(2),
        }
    }
}

/// So many octets in every such stretch of time.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Rate {
    /// Octets received; 0 switches the limit off.
    pub octets: u64,
    /// The stretch in which they must arrive.
    pub period: Duration,
}

impl Default for Rate {
    fn default() -> Self {
        Self {
            octets: 10 << 10,
            period: Duration::from_secs(300),
        }
    }
}

/// A limit that was passed, with its setting.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum LimitError {
    /// [`Limits::max_zone_octets`].
    #[error("more than {0} octets (max_zone_octets)")]
    ZoneOctets(u64),
    /// [`Limits::max_zone_records`].
    #[error("more than {0} records (max_zone_records)")]
    ZoneRecords(u64),
    /// [`Limits::max_ixfr_changes`].
    #[error("more than {0} differences (max_ixfr_changes)")]
    IxfrChanges(u64),
    /// [`Limits::max_empty_messages`].
    #[error("more than {0} messages without answers in a row (max_empty_messages)")]
    EmptyMessages(u32),
    /// [`Limits::max_transfer_time`].
    #[error("not finished after {} s (max_transfer_time)", .0.as_secs())]
    TransferTime(Duration),
    /// [`Limits::min_transfer_rate`]; with the octets that came in its period.
    #[error("{received} octets in {} s where {} are asked (min_transfer_rate)", .rate.period.as_secs(), .rate.octets)]
    TransferRate {
        /// The setting.
        rate: Rate,
        /// What arrived in the last period.
        received: u64,
    },
}

/// A wait that can be added to any moment: a hundred years at most, since what a clock can tell is finite.
pub(crate) fn bounded(wait: Duration) -> Duration {
    const AGES: Duration = Duration::from_secs(100 * 365 * 86_400);
    wait.min(AGES)
}

/// Whether `count` is past a limit that 0 switches off.
pub(crate) fn exceeds(count: u64, limit: u64) -> bool {
    limit != 0 && count > limit
}
