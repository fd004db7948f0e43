//! What the node knows of each zone while it runs: settings, status, what failed where, and the visit under way.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::Notify;
use tokio::task::AbortHandle;
use zonekit_model::{
    PrimaryOutcome, PrimaryStatus, SecondaryZone, ZoneName, ZoneState, ZoneStatus,
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

/// All zones in our charge.
#[derive(Default)]
pub(crate) struct Zones {
    /// In boxes: the table keeps room for more zones than there are.
    table: Mutex<HashMap<ZoneName, Box<Charge>>>,
}

impl Zones {
    /// The table, for a moment: nothing is waited for while it is held.
    pub(crate) fn lock(&self) -> MutexGuard<'_, HashMap<ZoneName, Box<Charge>>> {
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
        self.lock().get_mut(name).map(|charge| look(charge))
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
            .filter(|charge| charge.term == term)
            .map(|charge| look(charge))
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
