//! What a store has of a zone at one moment.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use arc_swap::Guard;
use zonekit_wire::Name;

use crate::Zone;

/// Which publication a version is: different for every publication of a store while it is open, also across a zone
/// that was removed and made again.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Generation(pub(crate) u64);

impl Generation {
    /// Its number: greater for later publications of the store while it is open.
    pub fn as_u64(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Whether what is held of a zone may be served.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Standing {
    /// The primaries were reached when they should have been.
    Current,
    /// The primaries are out of reach; served until it expires.
    Stale {
        /// When that will be, in seconds since 1970.
        until: u64,
    },
    /// Out of reach for too long: answered with SERVFAIL (RFC 1035 §3.3.13, expire).
    Expired,
    /// Nothing has been transferred yet.
    NeverLoaded,
}

/// When a zone is looked after next. All times are in seconds since 1970.
///
/// The store keeps these numbers, it does not act on them.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Timers {
    /// When to ask the primaries again.
    pub next_check: u64,
    /// When the version held expires.
    pub expires_at: u64,
    /// How many checks in a row have failed.
    pub failures: u32,
}

/// What a store has of a zone at one moment. To hold it keeps nothing and nobody from moving on.
///
/// Meant to be held for the length of an answer; clone the [`Zone`] to keep it for longer.
pub struct Held(pub(crate) Guard<Arc<HeldZone>>);

/// The parts of a [`Held`].
#[derive(Clone)]
#[non_exhaustive]
pub struct HeldZone {
    pub(crate) name: Arc<[u8]>,
    /// Which publication this is; to be given with the next one.
    pub generation: Generation,
    /// Whether it may be served.
    pub standing: Standing,
    /// The contents, once there are some.
    pub zone: Option<Zone>,
}

impl HeldZone {
    /// The zone's name, in the case in which it was created.
    pub fn name(&self) -> Name<'_> {
        Name::from_octets(&self.name).unwrap_or(Name::ROOT)
    }

    /// The contents, if they may be served.
    pub fn servable(&self) -> Option<&Zone> {
        match self.standing {
            Standing::Current | Standing::Stale { .. } => self.zone.as_ref(),
            Standing::Expired | Standing::NeverLoaded => None,
        }
    }
}

impl Deref for Held {
    type Target = HeldZone;

    fn deref(&self) -> &HeldZone {
        &self.0
    }
}

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Held")
            .field("name", &self.name())
            .field("generation", &self.generation)
            .field("standing", &self.standing)
            .field("serial", &self.zone.as_ref().map(|zone| zone.serial().0))
            .finish()
    }
}
