//! Where the zones to answer for are found.

use std::ops::Range;

use zonekit_store::{Diff, HeldZone, Standing, Store, Zone};
use zonekit_wire::{Name, Serial};

/// The table of zones that a [`Responder`](crate::Responder) answers from: a `Store`, or something made up for a test.
///
/// Each call gives one version of the zone, whole, which stays as it is for as long as it is held.
///
/// ```
/// use zonekit_serve::{Holding, Zones};
/// use zonekit_store::Zone;
/// use zonekit_wire::Name;
///
/// /// One zone, and nothing else.
/// struct Single(Zone);
///
/// impl Zones for Single {
///     fn enclosing(&self, name: Name<'_>) -> Option<Holding> {
///         name.is_at_or_below(self.0.apex()).then(|| Holding::Served(self.0.clone()))
///     }
///
///     fn zone(&self, apex: Name<'_>) -> Option<Holding> {
///         (apex == self.0.apex()).then(|| Holding::Served(self.0.clone()))
///     }
/// }
/// ```
pub trait Zones: Send + Sync {
    /// The zone closest above a name, the name itself included.
    fn enclosing(&self, name: Name<'_>) -> Option<Holding>;

    /// The zone with this apex.
    fn zone(&self, apex: Name<'_>) -> Option<Holding>;

    /// Seconds until this version, which [`zone`](Self::zone) gave, expires, at `now` in seconds since 1970: what a client
    /// hears that asks for it ([RFC 7314 §3]). A primary's versions do not age: it says what their SOA says, and so does
    /// whoever has nothing better to say.
    ///
    /// [RFC 7314 §3]: https://www.rfc-editor.org/rfc/rfc7314#section-3
    fn expires_in(&self, zone: &Zone, now: u64) -> u32 {
        let _ = now;
        zone.soa().as_soa().expire
    }

    /// What leads from the version with this serial to the one held now, from the oldest to the newest; `None` where that
    /// is not known (any more), and the whole zone has to be handed over.
    fn differences(&self, apex: Name<'_>, from: Serial) -> Option<Vec<Diff>> {
        let _ = (apex, from);
        None
    }

    /// About how many octets the records of [`differences`](Self::differences) have; `None` as there. A table that keeps
    /// its history on a disk knows this without reading it, for requests that it would be read for in vain.
    fn differences_octets(&self, apex: Name<'_>, from: Serial) -> Option<u64> {
        let octets = |difference: &Diff| difference.encode().len() as u64;
        Some(self.differences(apex, from)?.iter().map(octets).sum())
    }

    /// The numbers that the table has for what [`differences`](Self::differences) gives, where it keeps its history on a
    /// disk: by them it is read piece by piece while it is handed over, and is never in memory as a whole. `None` where
    /// there is no history, or it is in memory anyway.
    fn steps(&self, apex: Name<'_>, from: Serial) -> Option<Range<u64>> {
        let _ = (apex, from);
        None
    }

    /// Reads the first of the differences with these numbers, as many as have about so many octets together, but one at
    /// least; `None` where they are not known any more.
    fn read_steps(&self, apex: Name<'_>, numbers: Range<u64>, octets: usize) -> Option<Vec<Diff>> {
        let _ = (apex, numbers, octets);
        None
    }
}

/// What is held of a zone that is ours to answer for.
#[derive(Clone)]
pub enum Holding {
    /// A version to answer from.
    Served(Zone),
    /// Configured, and never yet transferred.
    NotLoaded,
    /// Held, and too old to be told on (RFC 1035 §3.3.13, EXPIRE).
    Expired,
}

impl Zones for Store {
    fn enclosing(&self, name: Name<'_>) -> Option<Holding> {
        self.enclosing(name).map(|held| Holding::of(&held))
    }

    fn zone(&self, apex: Name<'_>) -> Option<Holding> {
        self.zone(apex).map(|held| Holding::of(&held))
    }

    /// A history that cannot be read is none: the whole zone is handed over instead.
    fn differences(&self, apex: Name<'_>, from: Serial) -> Option<Vec<Diff>> {
        self.journal(apex, from).ok().flatten()
    }

    fn differences_octets(&self, apex: Name<'_>, from: Serial) -> Option<u64> {
        self.journal_octets(apex, from)
    }

    fn steps(&self, apex: Name<'_>, from: Serial) -> Option<Range<u64>> {
        self.journal_numbers(apex, from)
    }

    fn read_steps(&self, apex: Name<'_>, numbers: Range<u64>, octets: usize) -> Option<Vec<Diff>> {
        self.journal_steps(apex, numbers, octets).ok().flatten()
    }
}

impl Holding {
    fn of(held: &HeldZone) -> Self {
        match (held.servable(), held.standing) {
            (Some(zone), _) => Self::Served(zone.clone()),
            (None, Standing::Expired) => Self::Expired,
            (None, _) => Self::NotLoaded,
        }
    }
}
