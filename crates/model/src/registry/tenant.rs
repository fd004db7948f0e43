//! What one contract has.

use std::{collections::HashMap, sync::Arc};

use uuid::Uuid;

use super::names::Names;
use crate::{Compartment, KeyName, SecondaryZone, Timestamp};

/// The zones and keys of one contract.
#[derive(Clone, Debug, Default)]
pub(super) struct Tenant {
    pub(super) zones: HashMap<Uuid, Arc<SecondaryZone>>,
    /// The same zones by age, so that any page is found at once and new zones come at the end.
    pub(super) listing: Vec<Arc<SecondaryZone>>,
    /// The same zones by name.
    pub(super) names: Names,
    pub(super) counts: HashMap<Uuid, u64>,
    /// Sum of `counts`.
    pub(super) records: u64,
    /// How many zones are in which compartment.
    pub(super) compartments: HashMap<Option<Compartment>, u64>,
    /// Which zone was made by the request with which token.
    pub(super) tokens: HashMap<Box<str>, Uuid>,
    pub(super) keys: HashMap<Uuid, KeyName>,
}

impl Tenant {
    pub(super) fn is_empty(&self) -> bool {
        self.zones.is_empty() && self.keys.is_empty()
    }

    pub(super) fn put(&mut self, zone: Arc<SecondaryZone>) -> Option<Arc<SecondaryZone>> {
        let before = self.zones.insert(zone.id, Arc::clone(&zone));
        if let Some(before) = &before {
            self.forget_labels(before);
        }
        let compartment = zone.labels.compartment.clone();
        *self.compartments.entry(compartment).or_default() += 1;
        if let Some(retry) = &zone.retry {
            self.tokens.insert(retry.as_str().into(), zone.id);
        }
        if let Some(renamed) = before.as_ref().filter(|before| before.name != zone.name) {
            self.names.remove(renamed.name.as_str());
        }
        self.names.put(Arc::clone(&zone));
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
        self.names.remove(before.name.as_str());
        self.forget_labels(&before);
        self.records -= self.counts.remove(&id).unwrap_or(0);
        Some(before)
    }

    fn forget_labels(&mut self, zone: &SecondaryZone) {
        if let Some(count) = self.compartments.get_mut(&zone.labels.compartment) {
            *count -= 1;
            if *count == 0 {
                self.compartments.remove(&zone.labels.compartment);
            }
        }
        if let Some(retry) = &zone.retry {
            self.tokens.remove(retry.as_str());
        }
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
