//! One zone that the node looks after: settings, status, what failed where, and the visit under way.
//!
//! There may be hundreds of thousands, nearly all of them at rest: what is known of a zone's primaries then lies in the octets
//! that are in the file too, and is unpacked when a visit begins or ends, or somebody looks.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::sync::Notify;
use tokio::task::AbortHandle;
use zonekit_model::{
    PrimaryOutcome, PrimaryStatus, SecondaryZone, Standing, Timestamp, Trouble, ZoneState,
    ZoneStatus,
};
use zonekit_xfr::Memory;

use crate::past::{Packed, Past, Visits};
use crate::primaries::KeyTurns;
use crate::visits::Rules;

/// One zone in our charge.
pub(crate) struct Charge {
    pub(crate) zone: Arc<SecondaryZone>,
    brief: Brief,
    /// The rest of what is [`Known`].
    past: Packed,
    /// Grows with every change of the settings: a visit that began before it has nothing more to say.
    pub(crate) term: u64,
    /// The visit under way.
    pub(crate) visit: Option<Box<UnderWay>>,
    /// The primary that the next visit by order is made to, if it is to one only.
    pub(crate) only: Option<Box<SocketAddr>>,
    /// Whether it was told that the version held is about to expire.
    pub(crate) is_warned: bool,
    /// Which keys the primaries are asked with.
    pub(crate) turns: KeyTurns,
}

/// What is known of a zone.
pub(crate) struct Known {
    /// Without its history, which is in `visits`.
    pub(crate) status: ZoneStatus,
    /// What visits found out about each primary, in their order.
    pub(crate) memory: Vec<Memory>,
    /// The last visits.
    pub(crate) visits: Visits,
}

/// The part of a status that is looked at without its primaries.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Brief {
    pub(crate) standing: Standing,
    pub(crate) serial: Option<u32>,
    pub(crate) records: u64,
    pub(crate) octets: u64,
    pub(crate) next_try: Option<Timestamp>,
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) failures: u32,
    /// Those that time has no part in, as [`troubles`] counts them.
    pub(crate) troubles: u8,
}

/// A visit that goes on.
pub(crate) struct UnderWay {
    pub(crate) task: AbortHandle,
    /// The one primary that it is made to, if it is.
    pub(crate) only: Option<usize>,
    /// Whether it takes the zone whole, whatever its serial.
    pub(crate) force: bool,
    /// What it holds the zone to.
    pub(crate) rules: Rules,
    /// Tells it that the zone is to be visited again.
    pub(crate) hurry: Arc<Notify>,
}

impl Charge {
    /// A zone that was not here, with what is known of it.
    pub(crate) fn new(zone: Arc<SecondaryZone>, known: &Known) -> Self {
        Self {
            zone,
            brief: Brief::of(&known.status),
            past: Packed::new(&known.status, &known.memory, &known.visits),
            term: 0,
            visit: None,
            only: None,
            is_warned: false,
            turns: KeyTurns::default(),
        }
    }

    pub(crate) fn brief(&self) -> &Brief {
        &self.brief
    }

    /// What is known, but for what the visit under way will bring.
    pub(crate) fn known(&self) -> Known {
        let Past {
            last_check,
            last_success,
            primaries,
            visits,
            ..
        } = self.past.unpack();
        let (primaries, memory) = primaries.into_iter().unzip();
        let status = ZoneStatus {
            last_check,
            last_success,
            primaries,
            ..self.brief.status()
        };
        Known {
            status,
            memory,
            visits,
        }
    }

    /// Keeps what is known by now.
    pub(crate) fn keep(&mut self, known: &Known) {
        self.brief = Brief::of(&known.status);
        self.past = Packed::new(&known.status, &known.memory, &known.visits);
    }

    /// Changes the status.
    pub(crate) fn alter(&mut self, change: impl FnOnce(&mut ZoneStatus)) {
        let mut known = self.known();
        change(&mut known.status);
        self.keep(&known);
    }

    /// What is known beside the version and the timers, as it is in the file.
    pub(crate) fn past_octets(&self) -> &[u8] {
        self.past.octets()
    }

    /// The status to be shown, without its history.
    pub(crate) fn status(&self) -> ZoneStatus {
        let mut status = self.known().status;
        let Some(visit) = &self.visit else {
            return status;
        };
        for (place, primary) in status.primaries.iter_mut().enumerate() {
            let is_asked = visit.only.is_none_or(|only| only == place);
            // What is known of a primary stays to be seen until there is something newer, unless somebody waits for just that.
            if is_asked && primary.outcome == PrimaryOutcome::Pending {
                primary.outcome = PrimaryOutcome::InProgress;
            }
        }
        status
    }

    pub(crate) fn state(&self) -> ZoneState {
        self.brief.status().state()
    }

    /// Puts other settings in place. A visit under way ends without trace.
    pub(crate) fn change(&mut self, zone: Arc<SecondaryZone>, primaries: Vec<PrimaryStatus>) {
        self.call_off();
        self.zone = zone;
        self.only = None;
        self.turns = KeyTurns::default();
        let mut known = self.known();
        known.memory.clear();
        // Where a primary stays, so does what is known of it; it will be asked anew in a moment all the same.
        let before = std::mem::take(&mut known.status.primaries);
        known.status.primaries = { primaries.into_iter() }
            .map(|fresh| {
                let known = before.iter().find(|known| known.address == fresh.address);
                PrimaryStatus {
                    outcome: PrimaryOutcome::Pending,
                    failure: None,
                    ..known.cloned().unwrap_or(fresh)
                }
            })
            .collect();
        self.keep(&known);
    }

    /// Ends the visit under way, if there is one, without trace.
    pub(crate) fn call_off(&mut self) {
        self.term += 1;
        if let Some(visit) = self.visit.take() {
            visit.task.abort();
        }
    }

    /// Ends the visit under way, if there is one and it is under other rules than these; whether the one in its place is to
    /// take the zone whole.
    pub(crate) fn recall(&mut self, rules: impl FnOnce(&SecondaryZone) -> Rules) -> Option<bool> {
        let visit = self.visit.as_ref()?;
        if visit.rules == rules(&self.zone) {
            return None;
        }
        let (only, force) = (visit.only, visit.force);
        let primaries = self.known().status.primaries;
        let only = only.and_then(|place| primaries.get(place));
        self.only = only.map(|primary| Box::new(primary.address));
        self.call_off();
        Some(force)
    }

    /// Tells the visit under way, if there is one, that the zone is to be visited again.
    pub(crate) fn hurry(&self) {
        if let Some(visit) = &self.visit {
            visit.hurry.notify_one();
        }
    }
}

impl Brief {
    fn of(status: &ZoneStatus) -> Self {
        Self {
            standing: status.standing,
            serial: status.serial,
            records: status.records,
            octets: status.octets,
            next_try: status.next_try,
            expires_at: status.expires_at,
            failures: status.failures,
            // How long before its expiry a zone is about to expire is said by who asks.
            troubles: troubles(&Trouble::ALL, |trouble| {
                trouble.is_that_of(status, Timestamp(0), 0)
            }),
        }
    }

    fn status(&self) -> ZoneStatus {
        ZoneStatus {
            standing: self.standing,
            serial: self.serial,
            records: self.records,
            octets: self.octets,
            next_try: self.next_try,
            expires_at: self.expires_at,
            failures: self.failures,
            ..ZoneStatus::default()
        }
    }
}

/// Those of these troubles that are meant and that time has no part in, each a bit.
pub(crate) fn troubles(troubles: &[Trouble], is_meant: impl Fn(Trouble) -> bool) -> u8 {
    let meant =
        { troubles.iter() }.filter(|&&trouble| trouble != Trouble::Expiring && is_meant(trouble));
    meant.fold(0, |bits, &trouble| bits | 1 << trouble as u8)
}
