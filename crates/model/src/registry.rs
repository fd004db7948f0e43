//! The one judge of every command, and the tables that it judges by.

mod follow;
mod group;
mod judge;
mod names;
mod select;
mod tenant;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use uuid::Uuid;

use self::tenant::{Tenant, place_of};
use crate::{
    Change, Changes, Contract, KeyName, Page, PageRequest, Primary, Quota, QuotaLimits, QuotaUsage,
    Refusal, SecondaryZone, SharedPrimaries, Timestamp, TsigKey, ZoneFilter, ZoneId, ZoneName,
    ZoneState,
};

/// All zones and keys of all contracts.
///
/// One writer at a time: judge, make durable, apply. What was judged must be applied before the next is judged, or be
/// undone with what [`Registry::apply`] gives back. Readers see whole states only.
///
/// ```
/// use zonekit_model::{Command, Contract, QuotaLimits, Refusal, Registry, Timestamp, Uuid, ZoneDraft};
///
/// let mut registry = Registry::new(QuotaLimits { secondary_zones: 1, ..QuotaLimits::default() });
/// let contract: Contract = "demo".parse()?;
/// let create = |number: u128, name: &str| -> Result<Command, Box<dyn std::error::Error>> {
///     let draft = ZoneDraft::at_addresses(name.parse()?, ["192.0.2.1".parse()?]);
///     Ok(Command::create(&contract, Uuid::from_u128(number), draft))
/// };
/// let changes = registry.judge(create(1, "example.org")?, Timestamp(1_000))?;
/// let undo = registry.apply(changes);
/// let refusal: Refusal = registry.judge(create(2, "example.net")?, Timestamp(2_000)).unwrap_err();
/// println!("{refusal}"); // the quota is used up
/// registry.apply(undo); // the change could not be made durable, say
/// assert_eq!(registry.zone_count(), 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Registry {
    limits: QuotaLimits,
    tenants: HashMap<Option<Contract>, Tenant>,
    by_name: HashMap<ZoneName, Arc<SecondaryZone>>,
    keys: HashMap<KeyName, HeldKey>,
    /// Names that no command makes a zone of.
    reserved: HashSet<ZoneName>,
    /// The highest generation ever given out here, of what is gone too.
    latest: u64,
    /// See [`Registry::comings`].
    comings: u64,
}

/// What the store kept does not fit together.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RestoreError {
    /// Two zones of the same name.
    #[error("two zones are named {0}")]
    ZoneName(ZoneName),
    /// Two zones of one contract with the same id.
    #[error("two zones have the id {0}")]
    ZoneId(ZoneId),
    /// Two keys of the same name.
    #[error("two keys are named {0}")]
    KeyName(KeyName),
}

impl Registry {
    /// A registry without zones that allows each contract this much.
    pub fn new(limits: QuotaLimits) -> Self {
        Self {
            limits,
            ..Self::default()
        }
    }

    /// A registry as it was when its zones and keys were stored.
    ///
    /// # Errors
    ///
    /// If two of them claim the same name or id.
    pub fn restore(
        limits: QuotaLimits,
        zones: impl IntoIterator<Item = SecondaryZone>,
        keys: impl IntoIterator<Item = TsigKey>,
    ) -> Result<Self, RestoreError> {
        let mut registry = Self::new(limits);
        for key in keys {
            if registry.keys.contains_key(&key.name) {
                return Err(RestoreError::KeyName(key.name));
            }
            registry.put_key(Arc::new(key));
        }
        let mut shared = SharedPrimaries::default();
        let zones = zones.into_iter().map(|mut zone| {
            zone.primaries = shared.share(zone.primaries);
            Arc::new(zone)
        });
        let mut zones: Vec<_> = zones.collect();
        zones.sort_unstable_by_key(|zone| place_of(zone)); // so that each goes to the end of its contract's list
        for zone in zones {
            if registry.by_name.contains_key(&zone.name) {
                return Err(RestoreError::ZoneName(zone.name.clone()));
            }
            if registry
                .tenant(zone.contract.as_ref())
                .is_some_and(|tenant| tenant.zones.contains_key(&zone.id))
            {
                return Err(RestoreError::ZoneId(zone.zone_id()));
            }
            registry.put_zone(zone);
        }
        Ok(registry)
    }

    /// Makes changes that were judged, and gives what would undo them.
    pub fn apply(&mut self, changes: Changes) -> Changes {
        let mut undo: Vec<_> = changes
            .into_iter()
            .filter_map(|change| match change {
                Change::PutZone(zone) => Some(match self.put_zone(Arc::clone(&zone)) {
                    Some(before) => Change::PutZone(before),
                    None => Change::RemoveZone(zone),
                }),
                Change::RemoveZone(zone) => self.remove_zone(&zone).map(Change::PutZone),
                Change::PutKey(key) => Some(match self.put_key(Arc::clone(&key)) {
                    Some(before) => Change::PutKey(before),
                    None => Change::RemoveKey(key),
                }),
                Change::RemoveKey(key) => self.remove_key(&key.name).map(Change::PutKey),
            })
            .collect();
        undo.reverse();
        undo.into_iter().collect()
    }

    /// The zone of that id, if the contract has it.
    pub fn zone(&self, contract: &Contract, id: Uuid) -> Option<&Arc<SecondaryZone>> {
        self.tenant(Some(contract))?.zones.get(&id)
    }

    /// The zone of that name, whosever it is.
    pub fn zone_named(&self, name: &ZoneName) -> Option<&Arc<SecondaryZone>> {
        self.by_name.get(name)
    }

    /// The zone of that name, if the contract has it.
    pub fn zone_of(&self, contract: &Contract, name: &ZoneName) -> Option<&Arc<SecondaryZone>> {
        let zone = self.zone_named(name);
        zone.filter(|zone| zone.contract.as_ref() == Some(contract))
    }

    /// All zones of all contracts, in no order.
    pub fn zones(&self) -> impl Iterator<Item = &Arc<SecondaryZone>> {
        self.by_name.values()
    }

    /// How often a zone has come or gone, one that was tried and not kept included: while that stays the same, there are the same
    /// zones.
    pub fn comings(&self) -> u64 {
        self.comings
    }

    /// How many zones there are.
    pub fn zone_count(&self) -> usize {
        self.by_name.len()
    }

    /// The key of that name, whosever it is.
    pub fn key(&self, name: &KeyName) -> Option<&Arc<TsigKey>> {
        self.keys.get(name).map(|held| &held.key)
    }

    /// The key of that id, if the contract has it.
    pub fn key_of(&self, contract: &Contract, id: Uuid) -> Option<&Arc<TsigKey>> {
        self.key(self.tenant(Some(contract))?.keys.get(&id)?)
    }

    /// The ids of the keys that a zone's primaries are asked with, in their order. Those of the configuration have none
    /// that its contract could use.
    pub fn key_ids(&self, zone: &SecondaryZone) -> Vec<Option<Uuid>> {
        let id = |primary: &Primary| {
            let key = self.key(primary.key.as_ref()?)?;
            (key.contract.is_some() && key.contract == zone.contract).then_some(key.id)
        };
        zone.primaries.iter().map(id).collect()
    }

    /// All keys of all contracts, in no order.
    pub fn keys(&self) -> impl Iterator<Item = &Arc<TsigKey>> {
        self.keys.values().map(|held| &held.key)
    }

    /// A page of a contract's zones, the oldest first; a zone named exactly as the filter says comes before all.
    ///
    /// `state_of` is asked for zones that the name did not already rule out, and only if the filter names a state.
    pub fn list(
        &self,
        contract: &Contract,
        filter: &ZoneFilter,
        page: PageRequest,
        state_of: impl Fn(&SecondaryZone) -> ZoneState,
    ) -> Page<Arc<SecondaryZone>> {
        let Some(tenant) = self.tenant(Some(contract)) else {
            return Page {
                items: Vec::new(),
                total: 0,
            };
        };
        let offset = usize::try_from(page.offset).unwrap_or(usize::MAX);
        let limit = usize::try_from(page.limit).unwrap_or(usize::MAX);
        if *filter == ZoneFilter::default() {
            return Page {
                items: tenant
                    .listing
                    .iter()
                    .skip(offset)
                    .take(limit)
                    .cloned()
                    .collect(),
                total: tenant.listing.len() as u64,
            };
        }
        let part = filter.name.as_deref().map(plain_part);
        let exact = part
            .as_deref()
            .and_then(|part| self.by_name.get(&part.parse::<ZoneName>().ok()?))
            .filter(|zone| zone.contract.as_ref() == Some(contract));
        if let (Some(part), None) = (&part, filter.state) {
            // The exact one stands before the others, which are counted without it.
            let ahead = usize::from(exact.is_some());
            let from = offset.saturating_sub(ahead);
            let to = offset.saturating_add(limit).saturating_sub(ahead);
            let (found, total) = tenant.oldest_named(part, exact, from..to.max(from));
            let first = exact.filter(|_| offset == 0 && limit > 0);
            return Page {
                items: first.into_iter().chain(found).cloned().collect(),
                total,
            };
        }
        let found = part.as_deref().map(|part| {
            let mut found: Vec<_> = tenant.names.containing(part).collect();
            found.sort_unstable_by_key(|zone| place_of(zone));
            found
        });
        let others: Box<dyn Iterator<Item = _>> = match &found {
            Some(found) => Box::new(found.iter().copied()),
            None => Box::new(tenant.listing.iter()),
        };
        let others = others.filter(|zone| exact.is_none_or(|exact| exact.id != zone.id));
        let mut items = Vec::new();
        let mut total = 0;
        for zone in exact
            .into_iter()
            .chain(others)
            .filter(|zone| filter.state.is_none_or(|state| state_of(zone) == state))
        {
            if total >= offset && items.len() < limit {
                items.push(Arc::clone(zone));
            }
            total += 1;
        }
        Page {
            items,
            total: total as u64,
        }
    }

    /// What a contract may have and has.
    pub fn quota(&self, contract: &Contract) -> Quota {
        let usage = self
            .tenant(Some(contract))
            .map_or_else(QuotaUsage::default, |tenant| QuotaUsage {
                secondary_zones: tenant.zones.len() as u64,
                records: tenant.records,
                tsig_keys: tenant.keys.len() as u64,
            });
        Quota {
            limits: self.limits,
            usage,
        }
    }

    /// Sets what each contract may have. Contracts that already have more keep it.
    pub fn set_limits(&mut self, limits: QuotaLimits) {
        self.limits = limits;
    }

    /// Counts as many records to a zone as it is about to hold, if its contract may have them, so that others that come
    /// at the same time find what is left. To be followed by [`note_records`](Self::note_records) with what it holds in the end.
    ///
    /// # Errors
    ///
    /// As of [`judge_records`](Self::judge_records); nothing is counted then.
    pub fn reserve_records(&mut self, zone: &ZoneId, records: u64) -> Result<(), Refusal> {
        self.judge_records(zone, records)?;
        let tenant = self.tenants.get(&zone.contract);
        let held = tenant.and_then(|tenant| tenant.counts.get(&zone.id));
        // What it holds may stay, and is nobody else's before it is gone.
        if held.is_none_or(|&held| held < records) {
            self.note_records(zone, records);
        }
        Ok(())
    }

    /// Notes how many records a zone holds now. Counts are not part of what is stored: whoever restores tells them anew.
    pub fn note_records(&mut self, zone: &ZoneId, records: u64) {
        let Some(tenant) = self.tenants.get_mut(&zone.contract) else {
            return;
        };
        if tenant.zones.contains_key(&zone.id) {
            let held = tenant.counts.insert(zone.id, records).unwrap_or(0);
            tenant.records = tenant.records - held + records;
        }
    }

    fn tenant(&self, contract: Option<&Contract>) -> Option<&Tenant> {
        self.tenants.get(&contract.cloned())
    }

    fn uses_of(&self, key: &KeyName) -> usize {
        self.keys.get(key).map_or(0, |held| held.users.len())
    }

    fn put_zone(&mut self, zone: Arc<SecondaryZone>) -> Option<Arc<SecondaryZone>> {
        let before = self
            .tenants
            .entry(zone.contract.clone())
            .or_default()
            .put(Arc::clone(&zone));
        match &before {
            Some(before) => self.note_keys(before, false),
            None => self.comings += 1,
        }
        self.note_keys(&zone, true);
        self.latest = self.latest.max(zone.generation);
        self.by_name.insert(zone.name.clone(), zone);
        before
    }

    fn remove_zone(&mut self, zone: &SecondaryZone) -> Option<Arc<SecondaryZone>> {
        let tenant = self.tenants.get_mut(&zone.contract)?;
        let before = tenant.remove(zone.id)?;
        if tenant.is_empty() {
            self.tenants.remove(&zone.contract);
        }
        self.comings += 1;
        self.by_name.remove(&before.name);
        self.note_keys(&before, false);
        Some(before)
    }

    fn put_key(&mut self, key: Arc<TsigKey>) -> Option<Arc<TsigKey>> {
        self.latest = self.latest.max(key.generation);
        if key.contract.is_some() {
            let tenant = self.tenants.entry(key.contract.clone()).or_default();
            tenant.keys.insert(key.id, key.name.clone());
        }
        match self.keys.get_mut(&key.name) {
            Some(held) => Some(std::mem::replace(&mut held.key, key)),
            None => {
                let users = BTreeSet::new();
                self.keys.insert(key.name.clone(), HeldKey { key, users });
                None
            }
        }
    }

    fn remove_key(&mut self, name: &KeyName) -> Option<Arc<TsigKey>> {
        let HeldKey { key, .. } = self.keys.remove(name)?;
        if let Some(tenant) = self.tenants.get_mut(&key.contract) {
            tenant.keys.remove(&key.id);
            if tenant.is_empty() {
                self.tenants.remove(&key.contract);
            }
        }
        Some(key)
    }

    /// Notes that a zone is asked for with its keys, or no longer.
    fn note_keys(&mut self, zone: &SecondaryZone, is_so: bool) {
        let place = place_of(zone);
        for name in zone.primaries.iter().flat_map(Primary::keys) {
            if let Some(held) = self.keys.get_mut(name) {
                match is_so {
                    true => held.users.insert(place),
                    false => held.users.remove(&place),
                };
            }
        }
    }
}

#[derive(Clone, Debug)]
struct HeldKey {
    key: Arc<TsigKey>,
    /// The places of the zones that name it.
    users: BTreeSet<(Timestamp, Uuid)>,
}

/// Part of a name as names are stored: lower case, no final dot.
fn plain_part(part: &str) -> String {
    let part = part.to_ascii_lowercase();
    match part.strip_suffix('.') {
        Some(rest) if !rest.is_empty() => rest.into(),
        _ => part,
    }
}
