//! What came of a visit.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use zonekit_wire::{Serial, SoaBuf};

use crate::{Loss, Memory, TransferKind, VisitError};

/// The result of a visit, and what each primary said.
///
/// ```
/// use zonekit_xfr::{Outcome, Report};
///
/// fn tell(report: &Report) -> String {
///     match (report.outcome, report.transfer()) {
///         (Outcome::Transferred { serial, .. }, Some(transfer)) => {
///             let took = &transfer.statistics;
///             format!("serial {serial} in {} octets, {:?}", took.octets, took.kind)
///         }
///         (Outcome::Failed, _) => report.error().map_or("no primaries".to_owned(), |error| error.in_words()),
///         (outcome, _) => format!("{outcome:?}"),
///     }
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Report {
    /// What it means for the zone.
    pub outcome: Outcome,
    /// One for each primary of the visit, in its order.
    pub primaries: Vec<PrimaryReport>,
    /// What the next visit should know, one for each primary.
    pub memory: Vec<Memory>,
    /// How long the visit took.
    pub duration: Duration,
}

impl Report {
    /// The newest serial that any primary offered.
    pub fn newest_offered(&self) -> Option<Serial> {
        self.primaries
            .iter()
            .filter_map(|primary| primary.serial())
            .reduce(|newest, serial| {
                if serial.is_newer_than(newest) {
                    serial
                } else {
                    newest
                }
            })
    }

    /// When the version with this serial expires at the primaries that have it, by their own word: the latest that any of
    /// them says (RFC 7314 §4). `None` if one of them does not say: it may be the one whose word is good for all the time
    /// that the SOA allows.
    pub fn expires(&self, serial: Serial) -> Option<Instant> {
        let having = { self.primaries.iter() }
            .filter(|primary| primary.serial() == Some(serial) && primary.error.is_none());
        let mut told = having.map(|primary| primary.expires);
        let first = told.next()??;
        told.try_fold(first, |latest, told| Some(latest.max(told?)))
    }

    /// The transfer that brought the new version.
    pub fn transfer(&self) -> Option<&TransferReport> {
        self.primaries
            .iter()
            .flat_map(|primary| &primary.transfers)
            .find(|transfer| transfer.error.is_none())
    }

    /// The error to show for the visit: of the first primary that has one.
    pub fn error(&self) -> Option<&VisitError> {
        self.primaries
            .iter()
            .find_map(|primary| primary.error.as_ref())
    }
}

/// What a visit means for the zone.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// A primary has the version that we hold, and none a newer one.
    UpToDate,
    /// A primary has the version that we hold, and others offer newer ones, none of which could be taken. What we hold is
    /// confirmed all the same: one who offers what it cannot deliver must not let a zone expire that another vouches for.
    Confirmed {
        /// The newest serial offered.
        offered: Serial,
    },
    /// A new version was taken, and committed.
    Transferred {
        /// As what it came: AXFR also where IXFR was asked and a whole zone came.
        kind: TransferKind,
        /// Its serial.
        serial: Serial,
        /// Which primary it came from.
        primary: usize,
    },
    /// Every primary that answered has an older version than we hold.
    NotTaken,
    /// No primary answered, or none of the newer versions could be taken and nobody has ours.
    Failed,
}

/// What one primary did in a visit.
#[derive(Clone, Debug)]
pub struct PrimaryReport {
    /// Where it was asked.
    pub address: SocketAddr,
    /// What it has, by its own word.
    pub soa: Option<SoaBuf>,
    /// When that expires there, by its own word (EDNS EXPIRE, RFC 7314): soon, if it is itself a secondary that has lost its
    /// primary.
    pub expires: Option<Instant>,
    /// Whether it is there at all: it said something, or a connection with it stood. `None` if it was not asked, or not waited
    /// upon long enough to tell.
    pub is_reached: Option<bool>,
    /// How long it took to say so.
    pub answered_in: Option<Duration>,
    /// Why clear text was spoken with it though TLS is wanted, where that is allowed: how TLS failed.
    pub clear_text: Option<Loss>,
    /// What went wrong last, unless all went well in the end.
    pub error: Option<VisitError>,
    /// The transfers that were tried, in order: IXFR, then AXFR.
    pub transfers: Vec<TransferReport>,
}

impl PrimaryReport {
    /// The serial that it offers.
    pub fn serial(&self) -> Option<Serial> {
        self.soa.as_ref().map(|soa| soa.serial)
    }
}

/// One transfer that was tried.
#[derive(Clone, Debug)]
pub struct TransferReport {
    /// What was asked.
    pub asked: TransferKind,
    /// What came, as far as it did.
    pub statistics: Statistics,
    /// Why it failed, if it did.
    pub error: Option<VisitError>,
}

/// The measure of a transfer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Statistics {
    /// What came: a whole zone or differences.
    pub kind: TransferKind,
    /// Octets of all messages, without their frames.
    pub octets: u64,
    /// Messages.
    pub messages: u64,
    /// Records of the zone, or differences with their SOAs; the closing SOA and skipped ones are not counted.
    pub records: u64,
    /// Records outside the zone, passed over.
    pub skipped: u64,
    /// Messages without AA, which was tolerated.
    pub not_authoritative: u64,
    /// From asking to the end.
    pub duration: Duration,
}
