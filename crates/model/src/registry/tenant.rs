//! What one contract has.

use std::{collections::HashMap, sync::Arc};

use uuid::Uuid;

use crate::{SecondaryZone, Timestamp};

/// The zones of one contract.
#[derive(Clone, Debug, Default)]
pub(super) struct Tenant {
    pub(super) zones: HashMap<Uuid, Arc<SecondaryZone>>,
    /// The same zones by age, so that any page is found at once and new zones come at the end.
    pub(super) listing: Vec<Arc<SecondaryZone>>,
    pub(super) counts: HashMap<Uuid, u64>,
    /// Sum of `counts`.
    pub(super) records: u64,
}

impl Tenant {
    pub(super) fn put(&mut self, zone: Arc<SecondaryZone>) -> Option<Arc<SecondaryZone>> {
        let before = self.zones.insert(zone.id, Arc::clone(&zone));
        let place = place_of(&zone);
        if let Some(moved) = before.as_ref().filter(|before| place_of(before) != place) {
            self.unlist(moved);
        }
        match self
            .listing
            .binary_search_by(|other| place_of(other).cmp(&place))
        {
            Ok(position) => {
                if let Some(listed) = self.listing.get_mut(position) {
                    *listed = zone;
                }
            }
            Err(position) => self.listing.insert(position, zone),
        }
        before
    }

    pub(super) fn remove(&mut self, id: Uuid) -> Option<Arc<SecondaryZone>> {
        let before = self.zones.remove(&id)?;
        self.unlist(&before);
        self.records -= self.counts.remove(&id).unwrap_or(0);
        Some(before)
    }

    fn unlist(&mut self, zone: &SecondaryZone) {
        let place = place_of(zone);
        if let Ok(position) = self
            .listing
            .binary_search_by(|other| place_of(other).cmp(&place))
        {
            self.listing.remove(position);
        }
    }
}

/// Where a zone stands in its contract's list; it never moves.
pub(super) fn place_of(zone: &SecondaryZone) -> (Timestamp, Uuid) {
    (zone.created, zone.id)
}
