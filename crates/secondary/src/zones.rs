//! All zones that the node looks after while it runs.

use std::collections::HashMap;
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard};

use foldhash::fast::RandomState;
use zonekit_model::{
    SecondaryZone, SurveyQuery, Timestamp, Trouble, ZoneName, ZoneState, ZoneStatus,
};

use crate::charge::{Charge, troubles};

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
        let wanted = troubles(&query.troubles, |_| true);
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
        let found = |entry: &Entry| (Arc::clone(&entry.zone), entry.status());
        are_few.then(|| table.values().filter(is_meant).map(found).collect())
    }

    pub(crate) fn status(&self, name: &ZoneName) -> Option<ZoneStatus> {
        self.with(name, |charge| ZoneStatus {
            history: charge.known().visits.all().into(),
            ..charge.status()
        })
    }

    pub(crate) fn state(&self, name: &ZoneName) -> ZoneState {
        let state = self.with(name, |charge| charge.state());
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
        let brief = self.charge.brief();
        let expires = brief.expires_at.map_or(0, Timestamp::as_seconds);
        self.expires = u32::try_from(expires).unwrap_or(u32::MAX);
        self.troubles = brief.troubles;
    }
}

impl Deref for Entry {
    type Target = Charge;

    fn deref(&self) -> &Charge {
        &self.charge
    }
}
