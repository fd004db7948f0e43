//! All zones that the node looks after while it runs.

use std::collections::HashMap;
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard};

use foldhash::fast::RandomState;
use zonekit_model::{
    Contract, SecondaryZone, SurveyQuery, Timestamp, Trouble, Uuid, ZoneName, ZoneState, ZoneStatus,
};

use crate::charge::{Charge, troubles};
use crate::ranked::Ranked;

/// Zones by their names, and those of each contract by state.
#[derive(Default)]
pub(crate) struct Charges {
    entries: HashMap<ZoneName, Entry, RandomState>,
    /// So that a page of those in one state is found without looking at all others.
    by_state: HashMap<(Contract, ZoneState), Aged>,
}

/// Zones by age, as in every list.
pub(crate) type Aged = Ranked<(Timestamp, Uuid), ZoneName>;

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
    /// In which state it is filed.
    state: ZoneState,
}

impl Deref for Charges {
    type Target = HashMap<ZoneName, Entry, RandomState>;

    fn deref(&self) -> &Self::Target {
        &self.entries
    }
}

impl Charges {
    /// Enters a zone.
    pub(crate) fn insert(&mut self, name: ZoneName, charge: Charge) {
        self.remove(&name);
        let entry = Entry::new(charge);
        self.file(&entry.zone, entry.state, true);
        self.entries.insert(name, entry);
    }

    /// Takes a zone out.
    pub(crate) fn remove(&mut self, name: &ZoneName) -> Option<Box<Charge>> {
        let entry = self.entries.remove(name)?;
        self.file(&entry.zone, entry.state, false);
        Some(entry.charge)
    }

    /// Changes a zone, or looks at it.
    pub(crate) fn change<T>(
        &mut self,
        name: &ZoneName,
        change: impl FnOnce(&mut Charge) -> T,
    ) -> Option<T> {
        let entry = self.entries.get_mut(name)?;
        let (zone, state) = (Arc::clone(&entry.zone), entry.state);
        let changed = change(&mut entry.charge);
        entry.note();
        if state != entry.state || !Arc::ptr_eq(&zone, &entry.zone) {
            let (now, then) = (Arc::clone(&entry.zone), entry.state);
            self.file(&zone, state, false);
            self.file(&now, then, true);
        }
        Some(changed)
    }

    /// Calls off all visits that are under way.
    pub(crate) fn call_off(&mut self) {
        for entry in self.entries.values_mut() {
            entry.charge.call_off();
        }
    }

    /// Files a zone under a state, or no longer. Those of no contract are asked for by nobody.
    fn file(&mut self, zone: &SecondaryZone, state: ZoneState, is_so: bool) {
        let Some(contract) = zone.contract.clone() else {
            return;
        };
        let place = (zone.created, zone.id);
        let filed = self.by_state.entry((contract, state)).or_default();
        match is_so {
            true => filed.insert(place, zone.name.clone()),
            false => filed.remove(&place),
        }
    }

    /// The zones of a contract in a state, by age; none where none ever was.
    pub(crate) fn in_state(&self, contract: &Contract, state: ZoneState) -> Option<&Aged> {
        self.by_state.get(&(contract.clone(), state))
    }
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
        self.lock().change(name, look)
    }

    /// Looks at one zone if its settings are still those of `term`.
    pub(crate) fn within<T>(
        &self,
        name: &ZoneName,
        term: u64,
        look: impl FnOnce(&mut Charge) -> T,
    ) -> Option<T> {
        let mut table = self.lock();
        table.get(name).filter(|entry| entry.term == term)?;
        table.change(name, look)
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
        let table = self.lock();
        let state = table.get(name).map(|entry| entry.state);
        state.unwrap_or(ZoneState::Provisioning)
    }
}

impl Entry {
    fn new(charge: Charge) -> Self {
        let mut entry = Self {
            charge: Box::new(charge),
            expires: 0,
            troubles: 0,
            state: ZoneState::Provisioning,
        };
        entry.note();
        entry
    }

    fn note(&mut self) {
        let brief = self.charge.brief();
        let expires = brief.expires_at.map_or(0, Timestamp::as_seconds);
        self.expires = u32::try_from(expires).unwrap_or(u32::MAX);
        self.troubles = brief.troubles;
        self.state = self.charge.state();
    }
}

impl Deref for Entry {
    type Target = Charge;

    fn deref(&self) -> &Charge {
        &self.charge
    }
}
