//! What a visit is to do.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use zonekit_tsig::Key;
use zonekit_wire::{NameBuf, SoaBuf};

use crate::Limits;
#[cfg(feature = "tls")]
use crate::Tls;

/// One visit for one zone: asks all its primaries for their SOA and takes what is newer than what is held.
///
/// ```
/// use zonekit_wire::{Serial, SoaBuf};
/// use zonekit_xfr::{Limits, Primary, Visit};
///
/// let mut primary = Primary::new("192.0.2.1:53".parse()?);
/// primary.key = Some("transfer.example.:c2VjcmV0".parse()?);
/// let mut visit = Visit::new("example.org".parse()?, vec![primary]);
/// // What is held, where something is: the SOA, and the number of records.
/// let (mname, rname) = ("ns1.example.org".parse()?, "hostmaster.example.org".parse()?);
/// visit.held = Some(SoaBuf { mname, rname, serial: Serial(7), refresh: 3600, retry: 600, expire: 86_400, minimum: 60 });
/// visit.held_records = 9;
/// visit.limits = Limits { max_zone_records: 1_000_000, ..Limits::default() };
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Visit {
    /// The zone's name.
    pub zone: NameBuf,
    /// The SOA of the version that is held, if one is.
    pub held: Option<SoaBuf>,
    /// Records of that version: no IXFR may have more differences, unless [`Limits::max_ixfr_changes`] says otherwise.
    pub held_records: u64,
    /// Who has the zone, in the order in which they are preferred.
    pub primaries: Vec<Primary>,
    /// Which of them a newer version is taken from.
    pub preference: Preference,
    /// Which of them sent the NOTIFY that this visit is about: it is preferred among those that offer the same serial.
    pub preferred: Option<usize>,
    /// Takes the whole zone by AXFR, whatever its serial.
    pub force: bool,
    /// Takes an older serial too, if nobody has a newer one: our copy has expired.
    pub accept_lower: bool,
    /// Asks for the zone at once, without asking for its SOA first, where that would tell nothing: nothing is held, and there
    /// is one primary.
    pub straight: bool,
    /// What the visits before found out, one for each primary; missing ones are as [`Memory::default`].
    pub memory: Vec<Memory>,
    /// Which of them are not to be asked, since they were out of reach a moment ago ([`Reach`](crate::Reach)).
    pub out_of_reach: Vec<usize>,
    /// How much the primaries may ask of us.
    pub limits: Limits,
}

impl Visit {
    /// The first visit for a zone of which nothing is held.
    pub fn new(zone: NameBuf, primaries: Vec<Primary>) -> Self {
        Self {
            zone,
            held: None,
            held_records: 0,
            primaries,
            preference: Preference::default(),
            preferred: None,
            force: false,
            accept_lower: false,
            straight: false,
            memory: Vec::new(),
            out_of_reach: Vec::new(),
            limits: Limits::default(),
        }
    }

    pub(crate) fn is_straight(&self) -> bool {
        self.straight
            && self.held.is_none()
            && self.primaries.len() == 1
            && self.out_of_reach.is_empty()
    }
}

/// Which of several primaries with different serials a newer version is taken from. All are asked in any case, and
/// whoever fails is followed by the next.
///
/// ```
/// use std::time::Duration;
/// use zonekit_xfr::{Preference, Primary, Visit};
///
/// let primaries = vec![Primary::new("192.0.2.1:53".parse()?), Primary::new("192.0.2.2:53".parse()?)];
/// let mut visit = Visit::new("example.org".parse()?, primaries);
/// assert_eq!(visit.preference, Preference::Newest);
/// visit.preference = Preference::Same(Duration::from_secs(600)); // no whole zone from another for ten minutes
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum Preference {
    /// The one with the highest serial; among equals the notifier, then the first.
    #[default]
    Newest,
    /// The first in order that answers and is not behind what is held, whatever those after it have.
    InOrder,
    /// The one that gave the version held, as long as it can be used. Another that is ahead of it is asked for differences;
    /// a whole zone is taken from there only once it has been ahead for this long.
    Same(Duration),
}

/// A server that a zone can be taken from.
///
/// ```
/// use zonekit_xfr::{Primary, Transport};
///
/// let mut primary = Primary::new("192.0.2.1:53".parse()?);
/// assert_eq!(primary.transport, Transport::Plain);
/// primary.key = Some("transfer.example.:c2VjcmV0".parse()?);
/// primary.source = Some("192.0.2.53".parse()?); // of several addresses that we have
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Primary {
    /// Where it listens.
    pub address: SocketAddr,
    /// How it is spoken with there.
    pub transport: Transport,
    /// Signs what we ask; then everything that it answers must be signed too.
    pub key: Option<Key>,
    /// The address of ours that our sockets are bound to; any if there is none.
    pub source: Option<IpAddr>,
    /// Asks for differences in datagrams first (RFC 1995 §2), and over TCP where they do not fit into one.
    pub ixfr_over_udp: bool,
}

impl Primary {
    /// A primary that wants no signatures.
    pub fn new(address: SocketAddr) -> Self {
        Self {
            address,
            transport: Transport::default(),
            key: None,
            source: None,
            ixfr_over_udp: false,
        }
    }
}

/// How a primary is spoken with.
///
/// ```no_run
/// # #[cfg(feature = "tls")]
/// # fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use zonekit_xfr::{Primary, Tls, Transport};
///
/// let mut primary = Primary::new("192.0.2.1:853".parse()?);
/// primary.transport = Transport::Tls(Tls::authenticated(&std::fs::read("ca.pem")?, "ns1.example.net")?);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum Transport {
    /// In clear text: SOA over UDP, transfers over TCP.
    #[default]
    Plain,
    /// Over TLS, whatever is asked (RFC 9103).
    #[cfg(feature = "tls")]
    Tls(Tls),
}

impl Transport {
    /// Whether a datagram may be sent: all that is asked of others goes over connections.
    pub(crate) fn has_datagrams(&self) -> bool {
        matches!(self, Self::Plain)
    }

    /// Why clear text is spoken with the primary at this address, where TLS is wanted and clear text is allowed.
    #[cfg(feature = "tokio")]
    #[cfg_attr(not(feature = "tls"), allow(unused_variables))]
    pub(crate) fn why_clear_text(
        &self,
        primary: SocketAddr,
        now: std::time::Instant,
    ) -> Option<crate::Loss> {
        match self {
            Self::Plain => None,
            #[cfg(feature = "tls")]
            Self::Tls(tls) => tls.failed(primary, now),
        }
    }
}

/// What is remembered of a zone at a primary from one visit to the next.
///
/// ```
/// use zonekit_xfr::Memory;
///
/// let mut memory = Memory::default();
/// memory.ixfr_failed(1_700_000_000);
/// assert_eq!(memory.no_ixfr_until, Some(1_700_000_600)); // ten minutes, then twice as long each time
/// memory.ixfr_failed(1_700_000_600);
/// assert_eq!(memory.no_ixfr_until, Some(1_700_001_800));
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Memory {
    /// IXFR failed: AXFR is asked for until then, in seconds since 1970.
    pub no_ixfr_until: Option<u64>,
    /// How many times in a row it did.
    pub ixfr_failures: u32,
    /// EDNS was refused: questions go without until then, in seconds since 1970.
    pub no_edns_until: Option<u64>,
    /// The version held came from it.
    pub gave: bool,
    /// It has been ahead of the one that gave the version held since then, in seconds since 1970.
    pub ahead_since: Option<u64>,
}

impl Memory {
    /// Notes that IXFR failed, or brought what nobody wanted. It is tried again after ten minutes, and twice as long after
    /// each further failure, up to a day.
    pub fn ixfr_failed(&mut self, now: u64) {
        let wait = (600_u64 << self.ixfr_failures.min(8)).min(86_400);
        self.no_ixfr_until = Some(now + wait);
        self.ixfr_failures = self.ixfr_failures.saturating_add(1);
    }

    pub(crate) fn ixfr_succeeded(&mut self) {
        self.no_ixfr_until = None;
        self.ixfr_failures = 0;
    }

    /// Notes that EDNS was refused, and an answer came without. It is tried again after an hour: servers are renewed.
    pub(crate) fn edns_refused(&mut self, now: u64) {
        self.no_edns_until = Some(now + 3600);
    }

    pub(crate) fn may_edns(&self, now: u64) -> bool {
        self.no_edns_until.is_none_or(|until| until <= now)
    }

    pub(crate) fn may_ixfr(&self, now: u64) -> bool {
        self.no_ixfr_until.is_none_or(|until| until <= now)
    }
}
