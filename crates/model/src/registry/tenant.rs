//! What one contract has.

use std::{collections::HashMap, ops::Range, sync::Arc};

use memchr::memmem;
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

    /// Of the zones whose names contain `part`, but for one, the oldest from one number on to another; and how many there are,
    /// that one included.
    pub(super) fn oldest_named<'t>(
        &'t self,
        part: &'t str,
        but: Option<&Arc<SecondaryZone>>,
        wanted: Range<usize>,
    ) -> (Vec<&'t Arc<SecondaryZone>>, u64) {
        let count = self.names.count_containing(part);
        let is_other = |zone: &&Arc<SecondaryZone>| but.is_none_or(|but| but.id != zone.id);
        let (from, len) = (wanted.start, wanted.len());
        let found: Vec<_> = match self.is_walked(count, wanted.end) {
            true => {
                let finder = memmem::Finder::new(part);
                let named = { self.listing.iter() }
                    .filter(|zone| finder.find(zone.name.as_str().as_bytes()).is_some());
                named.filter(is_other).skip(from).take(len).collect()
            }
            false => {
                let mut found: Vec<_> = self.names.containing(part).filter(is_other).collect();
                found.sort_unstable_by_key(|zone| place_of(zone));
                found.into_iter().skip(from).take(len).collect()
            }
        };
        (found, count as u64)
    }

    /// Whether the first few of so many zones are found sooner by walking over all of them than by putting those in order. To
    /// put a zone in order takes about twice as long as to pass it by.
    pub(super) fn is_walked(&self, count: usize, few: usize) -> bool {
        let walked = self.listing.len().saturating_mul(few) / count.max(1);
        walked < count.saturating_mul(2)
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
