//! Lists whose pages stay put: each goes on behind the last item of the one before, whatever came or went meanwhile.

use std::{cmp::Ordering, ops::Bound, sync::Arc};

use memchr::memmem;
use uuid::Uuid;

use super::{
    Registry,
    tenant::{Tenant, place_of},
};
use crate::{
    Contract, Cursor, KeyQuery, Order, OrderBy, SecondaryZone, Selection, Timestamp, TsigKey,
    ZoneQuery, ZoneState,
};

impl Registry {
    /// The contract's zones that are asked for.
    ///
    /// `state_of` is asked only of zones that nothing else has ruled out, and only if the query names a state.
    pub fn select(
        &self,
        contract: &Contract,
        query: &ZoneQuery,
        state_of: impl Fn(&SecondaryZone) -> ZoneState,
    ) -> Selection<Arc<SecondaryZone>> {
        let Some(tenant) = self.tenant(Some(contract)) else {
            return Selection::default();
        };
        let after = query.after.as_ref();
        if self.means_all(contract, query) {
            // In an order and the number that are kept: no other zone needs to be looked at.
            let total = tenant.zones.len() as u64;
            return first(tenant.behind(query.order, after), query, total);
        }
        let contains = query.name_contains.as_deref().map(str::to_ascii_lowercase);
        let key = query.key.map(|id| self.key_of(contract, id));
        if key == Some(None) {
            return Selection::default(); // nobody is asked with a key that is not there
        }
        let key = key.flatten().map(|key| &key.name);
        // Zones made in a time lie side by side.
        let made = tenant.made(query.created_from, query.created_before);
        let rest = ZoneQuery {
            created_from: None,
            created_before: None,
            ..query.clone()
        };
        if query.order.by == OrderBy::Created && self.means_all(contract, &rest) {
            let place = after.and_then(Cursor::created);
            let page = between(made, place, query.order.descending);
            return first(page, query, made.len() as u64);
        }
        let users = key
            .and_then(|name| self.keys.get(name))
            .map(|held| &held.users);
        let rest = ZoneQuery {
            key: None,
            ..query.clone()
        };
        if let Some(users) = users
            && query.order.by == OrderBy::Created
            && self.means_all(contract, &rest)
        {
            let zone = |place: &(Timestamp, Uuid)| tenant.zones.get(&place.1);
            let (from, to) = match (after.and_then(Cursor::created), query.order.descending) {
                (None, _) => (Bound::Unbounded, Bound::Unbounded),
                (Some(place), false) => (Bound::Excluded(place), Bound::Unbounded),
                (Some(place), true) => (Bound::Unbounded, Bound::Excluded(place)),
            };
            let places = users.range((from, to));
            let total = users.len() as u64;
            return match query.order.descending {
                false => first(places.filter_map(zone), query, total),
                true => first(places.rev().filter_map(zone), query, total),
            };
        }
        let rest = ZoneQuery {
            name_contains: None,
            ..query.clone()
        };
        if let Some(part) = &contains
            && query.order.by == OrderBy::Created
            && self.means_all(contract, &rest)
        {
            let total = tenant.names.count_containing(part);
            if tenant.is_walked(total, query.limit.saturating_add(1)) {
                let finder = memmem::Finder::new(part);
                let is_named = |zone: &&Arc<SecondaryZone>| {
                    finder.find(zone.name.as_str().as_bytes()).is_some()
                };
                let behind = tenant.behind(query.order, after);
                return first(behind.filter(is_named), query, total as u64);
            }
        }
        let is_meant = |zone: &&Arc<SecondaryZone>| {
            let name = zone.name.as_str();
            let within = query.within.as_ref();
            within.is_none_or(|within| within.holds(&zone.labels))
                && query.name.as_ref().is_none_or(|exactly| name == exactly)
                && contains.as_ref().is_none_or(|part| name.contains(part))
                && query.created_from.is_none_or(|from| zone.created >= from)
                && query
                    .created_before
                    .is_none_or(|before| zone.created < before)
                && users.is_none_or(|users| users.contains(&place_of(zone)))
                && query.state.is_none_or(|state| state_of(zone) == state)
        };
        let meant: Vec<_> = match (&query.name, &contains) {
            (Some(name), _) => tenant
                .names
                .find(name)
                .into_iter()
                .filter(is_meant)
                .collect(),
            (None, Some(part)) => tenant.names.containing(part).filter(is_meant).collect(),
            (None, None) => made.iter().filter(is_meant).collect(),
        };
        cut(meant, query.order, after, query.limit)
    }

    /// The contract's zones whose names contain `part`, in any letter case, unless they are more than `most`.
    pub fn containing(
        &self,
        contract: &Contract,
        part: &str,
        most: usize,
    ) -> Option<Vec<Arc<SecondaryZone>>> {
        let Some(tenant) = self.tenant(Some(contract)) else {
            return Some(Vec::new());
        };
        let part = part.to_ascii_lowercase();
        // Counted first: whoever is told that they are too many has not touched them.
        let are_few = tenant.names.count_containing(&part) <= most;
        are_few.then(|| tenant.names.containing(&part).cloned().collect())
    }

    /// The contract's keys that are asked for.
    pub fn select_keys(&self, contract: &Contract, query: &KeyQuery) -> Selection<Arc<TsigKey>> {
        let Some(tenant) = self.tenant(Some(contract)) else {
            return Selection::default();
        };
        let is_meant = |key: &&Arc<TsigKey>| {
            let within = query.within.as_ref();
            within.is_none_or(|within| within.holds(&key.labels))
                && query.id.is_none_or(|id| key.id == id)
                && { query.name.as_ref() }.is_none_or(|exactly| key.name.as_str() == exactly)
        };
        let keys = tenant.keys.values().filter_map(|name| self.key(name));
        let meant = keys.filter(is_meant).collect();
        cut(meant, query.order, query.after.as_ref(), query.limit)
    }

    /// Whether a query rules no zone of the contract out.
    pub fn means_all(&self, contract: &Contract, query: &ZoneQuery) -> bool {
        let plain = ZoneQuery {
            within: query.within.clone(),
            name: None,
            name_contains: None,
            created_from: None,
            created_before: None,
            state: None,
            key: None,
            order: query.order,
            after: query.after.clone(),
            limit: query.limit,
        };
        let (Some(tenant), true) = (self.tenant(Some(contract)), *query == plain) else {
            return false;
        };
        query.within.as_ref().is_none_or(|within| {
            let count = |compartment| tenant.compartments.get(&compartment).copied().unwrap_or(0);
            let outside = if within.is_root { count(None) } else { 0 };
            count(Some(within.compartment.clone())) + outside == tenant.zones.len() as u64
        })
    }
}

impl Tenant {
    /// All zones in that order, from behind that place on.
    fn behind(
        &self,
        Order { by, descending }: Order,
        after: Option<&Cursor>,
    ) -> Box<dyn Iterator<Item = &Arc<SecondaryZone>> + '_> {
        let (at, id) = match (by, after) {
            (OrderBy::Name, after) => {
                let name = after.and_then(|after| match after {
                    Cursor::Name(name) => Some(&**name),
                    Cursor::Created(..) => None,
                });
                return self.names.behind(name, descending);
            }
            (OrderBy::Created, Some(Cursor::Created(at, id))) => (*at, *id),
            (OrderBy::Created, _) if descending => return Box::new(self.listing.iter().rev()),
            (OrderBy::Created, _) => return Box::new(self.listing.iter()),
        };
        between(&self.listing, Some((at, id)), descending)
    }

    /// The zones made from one moment on and before another, the oldest first.
    fn made(&self, from: Option<Timestamp>, before: Option<Timestamp>) -> &[Arc<SecondaryZone>] {
        let place = |moment: Option<Timestamp>| {
            moment.map(|at| self.listing.partition_point(|zone| zone.created < at))
        };
        let (from, before) = (place(from).unwrap_or(0), place(before));
        let before = before.unwrap_or(self.listing.len());
        self.listing.get(from..before).unwrap_or_default()
    }
}

/// Of zones by age, those behind a place, or before it the other way round.
fn between(
    zones: &[Arc<SecondaryZone>],
    place: Option<(Timestamp, Uuid)>,
    descending: bool,
) -> Box<dyn Iterator<Item = &Arc<SecondaryZone>> + '_> {
    if descending {
        let end = place.map_or(zones.len(), |place| {
            zones.partition_point(|zone| place_of(zone) < place)
        });
        return Box::new(zones.iter().take(end).rev());
    }
    let begin = place.map_or(0, |place| {
        zones.partition_point(|zone| place_of(zone) <= place)
    });
    Box::new(zones.iter().skip(begin))
}

impl Order {
    /// The part of these zones that lies behind a place, in this order; not more than `limit` of them.
    pub fn page(
        self,
        zones: &[Arc<SecondaryZone>],
        after: Option<&Cursor>,
        limit: usize,
    ) -> Selection<Arc<SecondaryZone>> {
        cut(zones.iter().collect(), self, after, limit)
    }
}

/// The first of those that are left of `total` zones in the order asked for.
fn first<'z>(
    mut rest: impl Iterator<Item = &'z Arc<SecondaryZone>>,
    query: &ZoneQuery,
    total: u64,
) -> Selection<Arc<SecondaryZone>> {
    let items: Vec<_> = rest.by_ref().take(query.limit).cloned().collect();
    let next = rest.next().and(items.last());
    Selection {
        total,
        next: next.map(|zone| query.order.place(zone)),
        items,
    }
}

/// What lists are ordered by.
trait Listed {
    fn cmp_by(&self, other: &Self, by: OrderBy) -> Ordering;
    fn cmp_cursor(&self, cursor: &Cursor) -> Ordering;
    fn cursor(&self, by: OrderBy) -> Cursor;
}

macro_rules! listed {
    ($type:ty) => {
        impl Listed for $type {
            fn cmp_by(&self, other: &Self, by: OrderBy) -> Ordering {
                match by {
                    OrderBy::Created => (self.created, self.id).cmp(&(other.created, other.id)),
                    OrderBy::Name => self.name.as_str().cmp(other.name.as_str()),
                }
            }

            fn cmp_cursor(&self, cursor: &Cursor) -> Ordering {
                match cursor {
                    Cursor::Created(at, id) => (self.created, self.id).cmp(&(*at, *id)),
                    Cursor::Name(name) => self.name.as_str().cmp(name),
                }
            }

            fn cursor(&self, by: OrderBy) -> Cursor {
                match by {
                    OrderBy::Created => Cursor::Created(self.created, self.id),
                    OrderBy::Name => Cursor::Name(self.name.as_str().into()),
                }
            }
        }
    };
}

listed!(SecondaryZone);
listed!(TsigKey);

/// The part of `all` that lies behind `after`, in order.
fn cut<T: Listed>(
    mut all: Vec<&Arc<T>>,
    Order { by, descending }: Order,
    after: Option<&Cursor>,
    limit: usize,
) -> Selection<Arc<T>> {
    let turned = |ordering: Ordering| match descending {
        true => ordering.reverse(),
        false => ordering,
    };
    let total = all.len() as u64;
    all.retain(|item| after.is_none_or(|after| turned(item.cmp_cursor(after)).is_gt()));
    let is_last = all.len() <= limit;
    let order = |a: &&Arc<T>, b: &&Arc<T>| turned(a.cmp_by(b, by));
    if !is_last && limit > 0 {
        // Only what is shown is sorted.
        all.select_nth_unstable_by(limit - 1, order);
        all.truncate(limit);
    }
    all.sort_unstable_by(order);
    let last = all.last().filter(|_| !is_last);
    Selection {
        next: last.map(|item| item.cursor(by)),
        items: all.into_iter().cloned().collect(),
        total,
    }
}
