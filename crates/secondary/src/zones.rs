//! What the node knows of each zone while it runs: settings, status, what failed where, and the visit under way.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard};

use foldhash::fast::RandomState;
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use zonekit_model::{
    PrimaryOutcome, PrimaryStatus, SecondaryZone, SurveyQuery, Timestamp, Trouble, ZoneName,
    ZoneState, ZoneStatus,
};
use zonekit_xfr::Memory;

use crate::past::Visits;
use crate::primaries::KeyTurns;

/// One zone in our charge.
pub(crate) struct Charge {
    pub(crate) zone: Arc<SecondaryZone>,
    /// Without its history, which is in `visits`.
    pub(crate) status: ZoneStatus,
    /// The last visits.
    pub(crate) visits: Visits,
    /// What visits found out about each primary, in their order.
    pub(crate) memory: Vec<Memory>,
    /// Grows with every change of the settings: a visit that began before it has nothing more to say.
    pub(crate) term: u64,
    /// The visit under way.
    pub(crate) visit: Option<UnderWay>,
    /// The primary that the next visit by order is made to, if it is to one only.
    pub(crate) only: Option<SocketAddr>,
    /// Whether it was told that the version held is about to expire.
    pub(crate) is_warned: bool,
    /// Which keys the primaries are asked with.
    pub(crate) turns: KeyTurns,
}

/// A visit that goes on.
pub(crate) struct UnderWay {
    pub(crate) task: AbortHandle,
    /// Tells it that the zone is to be visited again.
    pub(crate) hurry: Arc<Notify>,
}

/// Zones by their names.
type Charges = HashMap<ZoneName, Entry, RandomState>;

/// All zones in our charge.
#[derive(Default)]
pub(crate) struct Zones {
    table: Mutex<Charges>,
}

/// A zone in the table, and what it is looked for by: so that looking over all of them takes one place in memory for a few
/// zones, not several for each.
pub(crate) struct Entry {
    /// In a box: the table keeps room for more zones than there are.
    charge: Box<Charge>,
    /// When the version held expires, in seconds since 1970; 0 if nothing does.
    expires: u32,
    /// The troubles it is in that time has no part in, each a bit.
    troubles: u8,
}

impl Zones {
    /// The table, for a moment: nothing is waited for while it is held.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Charges> {
        // A panic elsewhere leaves every entry whole: they are changed field by field.
        self.table
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Looks at one zone.
    pub(crate) fn with<T>(
        &self,
        name: &ZoneName,
        look: impl FnOnce(&mut Charge) -> T,
    ) -> Option<T> {
        self.lock().get_mut(name).map(|entry| entry.change(look))
    }

    /// Looks at one zone if its settings are still those of `term`.
    pub(crate) fn within<T>(
        &self,
        name: &ZoneName,
        term: u64,
        look: impl FnOnce(&mut Charge) -> T,
    ) -> Option<T> {
        self.lock()
            .get_mut(name)
            .filter(|entry| entry.term == term)
            .map(|entry| entry.change(look))
    }

    /// The zones that may be in one of these troubles, unless they are more than `most`.
    pub(crate) fn in_trouble(
        &self,
        query: &SurveyQuery,
        now: Timestamp,
        most: usize,
    ) -> Option<Vec<(Arc<SecondaryZone>, ZoneStatus)>> {
        let wanted = bits(&query.troubles, |_| true);
        let latest = match query.troubles.contains(&Trouble::Expiring) {
            true => (now.0.saturating_add(query.horizon) / 1_000).saturating_add(1),
            false => 0,
        };
        let is_meant = |entry: &&Entry| {
            let expires = u64::from(entry.expires);
            entry.troubles & wanted != 0 || (expires != 0 && expires <= latest)
        };
        let table = self.lock();
        let are_few = { table.values() }.filter(is_meant).nth(most).is_none();
        let found = |entry: &Entry| (Arc::clone(&entry.zone), entry.status.clone());
        are_few.then(|| table.values().filter(is_meant).map(found).collect())
    }

    pub(crate) fn status(&self, name: &ZoneName) -> Option<ZoneStatus> {
        self.with(name, |charge| ZoneStatus {
            history: charge.visits.all().into(),
            ..charge.status.clone()
        })
    }

    pub(crate) fn state(&self, name: &ZoneName) -> ZoneState {
        let state = self.with(name, |charge| charge.status.state());
        state.unwrap_or(ZoneState::Provisioning)
    }
}

impl Entry {
    pub(crate) fn new(charge: Charge) -> Self {
        let mut entry = Self {
            charge: Box::new(charge),
            expires: 0,
            troubles: 0,
        };
        entry.note();
        entry
    }

    /// Changes the zone, or looks at it.
    pub(crate) fn change<T>(&mut self, change: impl FnOnce(&mut Charge) -> T) -> T {
        let changed = change(&mut self.charge);
        self.note();
        changed
    }

    fn note(&mut self) {
        let status = &self.charge.status;
        let expires = status.expires_at.map_or(0, Timestamp::as_seconds);
        self.expires = u32::try_from(expires).unwrap_or(u32::MAX);
        // How long before its expiry a zone is about to expire is said by who asks.
        self.troubles = bits(&Trouble::ALL, |trouble| {
            trouble.is_that_of(status, Timestamp(0), 0)
        });
    }
}

impl Deref for Entry {
    type Target = Charge;

    fn deref(&self) -> &Charge {
        &self.charge
    }
}

/// Those of these troubles that are meant, each a bit.
fn bits(troubles: &[Trouble], is_meant: impl Fn(Trouble) -> bool) -> u8 {
    let meant =
        { troubles.iter() }.filter(|&&trouble| trouble != Trouble::Expiring && is_meant(trouble));
    meant.fold(0, |bits, &trouble| bits | 1 << trouble as u8)
}

impl Charge {
    /// A zone that is new here.
    pub(crate) fn new(zone: Arc<SecondaryZone>, status: ZoneStatus) -> Self {
        Self {
            zone,
            status,
            visits: Visits::default(),
            memory: Vec::new(),
            term: 0,
            visit: None,
            only: None,
            is_warned: false,
            turns: KeyTurns::default(),
        }
    }

    /// Puts other settings in place. A visit under way ends without trace.
    pub(crate) fn change(&mut self, zone: Arc<SecondaryZone>, primaries: Vec<PrimaryStatus>) {
        self.call_off();
        self.zone = zone;
        self.memory.clear();
        self.only = None;
        self.turns = KeyTurns::default();
        // Where a primary stays, so does what is known of it; it will be asked anew in a moment all the same.
        let before = std::mem::take(&mut self.status.primaries);
        self.status.primaries = { primaries.into_iter() }
            .map(|fresh| {
                let known = before.iter().find(|known| known.address == fresh.address);
                PrimaryStatus {
                    outcome: PrimaryOutcome::Pending,
                    failure: None,
                    ..known.cloned().unwrap_or(fresh)
                }
            })
            .collect();
    }

    /// Ends the visit under way, if there is one, without trace.
    pub(crate) fn call_off(&mut self) {
        self.term += 1;
        if let Some(visit) = self.visit.take() {
            visit.task.abort();
        }
    }

    /// Tells the visit under way, if there is one, that the zone is to be visited again.
    pub(crate) fn hurry(&self) {
        if let Some(visit) = &self.visit {
            visit.hurry.notify_one();
        }
    }
}
