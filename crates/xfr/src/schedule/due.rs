//! What goes into a schedule and what comes out of it.

use std::net::IpAddr;
use std::time::Instant;

use zonekit_wire::SoaBuf;

/// How many visits may go on at a time; 0: as many as there are.
///
/// Nobody gets the last of them for long: neither the visits with one primary nor those of one
/// [owner](super::Schedule::set_owner)'s zones are more than there are slots left for others when another is to begin. So
/// some primaries that stall keep no others waiting.
///
/// ```
/// use zonekit_xfr::{Schedule, Slots, Timers};
///
/// let slots = Slots { per_primary: 5, ..Slots::default() };
/// let schedule: Schedule<&str> = Schedule::new(Timers::default(), slots, 1);
/// assert_eq!(schedule.visits(), 0);
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Slots {
    /// With one primary, counted by its address (`transfers_per_primary`); a visit asks all primaries of its zone, and
    /// counts at each. Default: 20.
    pub per_primary: usize,
    /// In all (`transfers`). Default: 200.
    pub all: usize,
}

impl Default for Slots {
    fn default() -> Self {
        Self {
            per_primary: 20,
            all: 200,
        }
    }
}

/// What is known of a zone when it enters the schedule.
#[derive(Clone, Copy, Debug)]
pub enum Start<'a> {
    /// Nothing is held: visit it at once.
    Never,
    /// A version is held, and these timers ran before; what is over is due at once.
    Held {
        /// Its SOA.
        soa: &'a SoaBuf,
        /// When it was to be checked.
        next_check: Instant,
        /// When it expires. `None`: it has.
        expires: Option<Instant>,
    },
}

/// What is to be done now.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Due<Z> {
    /// Visit the zone, and say how it went by [`Schedule::finished`](super::Schedule::finished).
    Visit {
        /// Which zone.
        zone: Z,
        /// Why.
        reason: Reason,
        /// Take the whole zone whatever its serial: an operator says so.
        force: bool,
        /// Who sent the NOTIFY, if one did.
        notifier: Option<IpAddr>,
        /// The copy held has expired: an older serial is good enough.
        expired: bool,
    },
    /// The zone has expired: no longer answer from it. Visits go on.
    Expired(Z),
}

/// Why a zone is visited; the first in this list goes first.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Reason {
    /// An operator wants it.
    Operator,
    /// A NOTIFY came.
    Notify,
    /// Its refresh or retry timer ran out.
    Refresh,
    /// Nothing is held yet.
    Bootstrap,
}

/// How a visit went.
#[derive(Clone, Copy, Debug)]
pub enum Finished<'a> {
    /// A primary has given us something newer.
    Taken {
        /// The SOA that is held now.
        soa: &'a SoaBuf,
        /// When it expires at the primary itself, if that said so (EDNS EXPIRE, RFC 7314): then it does here too, if that is
        /// not later than the SOA allows.
        expires: Option<Instant>,
    },
    /// A primary has confirmed what we hold.
    Current {
        /// The SOA that is held.
        soa: &'a SoaBuf,
        /// When it expires at the primary itself, if that said so: ours may last as long, if the SOA allows; what it was good
        /// for before, it still is.
        expires: Option<Instant>,
    },
    /// A primary has confirmed what we hold, but another offers something newer that could not be taken: the version is
    /// good for as long, and the newer one is tried for again as after a failure.
    Confirmed {
        /// The SOA that is held.
        soa: &'a SoaBuf,
        /// As of [`Current`](Self::Current).
        expires: Option<Instant>,
    },
    /// None has.
    Failed,
}

/// What becomes of a NOTIFY.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Notified {
    /// The zone will be checked.
    Queued,
    /// It was to be checked anyway: one check will do.
    Coalesced,
    /// The version it speaks of, or a newer one, is held.
    Held,
    /// The zone is not ours.
    Unknown,
}

/// Where a zone stands in the schedule.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Timing {
    /// When it is checked next, if nothing happens before; `None` while it waits in line or is visited.
    pub next_check: Option<Instant>,
    /// When it expires; `None` if it has, or nothing is held.
    pub expires: Option<Instant>,
    /// Whether a visit goes on.
    pub is_visited: bool,
    /// Failed visits in a row.
    pub failures: u32,
}
