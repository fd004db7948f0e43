//! The one judge of every command, and the tables that it judges by.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use uuid::Uuid;

use crate::{
    Change, Changes, Command, Contract, DeclaredKey, DeclaredZone, KeyDraft, KeyName, Page,
    PageRequest, Primaries, Primary, Quota, QuotaLimits, QuotaUsage, Refusal, SecondaryZone,
    Timestamp, TsigKey, WantedPrimaries, ZoneDraft, ZoneFilter, ZoneId, ZoneName, ZoneState,
};

/// All zones and keys of all contracts.
///
/// One writer at a time: judge, make durable, apply. What was judged must be applied before the next is judged, or be
/// undone with what [`Registry::apply`] gives back. Readers see whole states only.
#[derive(Clone, Debug, Default)]
pub struct Registry {
    limits: QuotaLimits,
    tenants: HashMap<Option<Contract>, Tenant>,
    by_name: HashMap<ZoneName, Arc<SecondaryZone>>,
    keys: HashMap<KeyName, HeldKey>,
    /// The highest generation ever given out here, of what is gone too.
    latest: u64,
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
        let mut zones: Vec<_> = zones.into_iter().map(Arc::new).collect();
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

    /// Says what a command would change, or why it may not.
    ///
    /// # Errors
    ///
    /// The refusal, in words fit for the client that asked.
    pub fn judge(&self, command: Command, at: Timestamp) -> Result<Changes, Refusal> {
        match command {
            Command::CreateZone {
                contract,
                id,
                draft,
            } => match self.zone(&contract, id) {
                Some(_) => Err(Refusal::IdTaken),
                None => self.judge_new(contract, id, draft, at),
            },
            Command::EnsureZone {
                contract,
                id,
                draft,
                expected,
            } => match (self.zone(&contract, id), expected) {
                (Some(zone), _) => self.judge_changed(zone, draft, expected, at),
                (None, None) => self.judge_new(contract, id, draft, at),
                (None, Some(_)) => Err(Refusal::UnknownZone),
            },
            Command::RemoveZone {
                contract,
                id,
                expected,
            } => {
                let zone = self.zone(&contract, id).ok_or(Refusal::UnknownZone)?;
                may_change(zone.declared, zone.generation, expected)?;
                Ok(Change::RemoveZone(Arc::clone(zone)).into())
            }
            Command::CreateKey {
                contract,
                id,
                draft,
            } => {
                if self.key_of(&contract, id).is_some() {
                    return Err(Refusal::IdTaken);
                }
                if self.keys.contains_key(&draft.name) {
                    return Err(Refusal::KeyNameTaken(draft.name));
                }
                Ok(Change::PutKey(Arc::new(self.new_key(Some(contract), id, draft, at))).into())
            }
            Command::RemoveKey {
                contract,
                id,
                expected,
            } => {
                let key = self.key_of(&contract, id).ok_or(Refusal::UnknownKey)?;
                may_change(key.declared, key.generation, expected)?;
                match self.uses_of(&key.name) {
                    0 => Ok(Change::RemoveKey(Arc::clone(key)).into()),
                    zones => Err(Refusal::KeyInUse {
                        name: key.name.clone(),
                        zones,
                    }),
                }
            }
            Command::Declare { zones, keys } => self.judge_declared(zones, keys, at),
        }
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

    /// All zones of all contracts, in no order.
    pub fn zones(&self) -> impl Iterator<Item = &Arc<SecondaryZone>> {
        self.by_name.values()
    }

    /// How many zones there are.
    pub fn zone_count(&self) -> usize {
        self.by_name.len()
    }

    /// The key of that name, whosever it is.
    pub fn key(&self, name: &KeyName) -> Option<&Arc<TsigKey>> {
        self.keys.get(name).map(|held| &held.key)
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
        let others = tenant.listing.iter().filter(|zone| {
            part.as_deref()
                .is_none_or(|part| zone.name.as_str().contains(part))
                && exact.is_none_or(|exact| exact.id != zone.id)
        });
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

    /// Says whether a zone may hold that many records within its contract's quota.
    ///
    /// # Errors
    ///
    /// [`Refusal::TooManyRecords`] if not. A zone never refused is one without contract, or one that is not growing.
    pub fn judge_records(&self, zone: &ZoneId, records: u64) -> Result<(), Refusal> {
        let Some(tenant) = zone
            .contract
            .as_ref()
            .and_then(|contract| self.tenant(Some(contract)))
        else {
            return Ok(());
        };
        let held = tenant.counts.get(&zone.id).copied().unwrap_or(0);
        let wanted = (tenant.records - held).saturating_add(records);
        if wanted > self.limits.records && records > held {
            return Err(Refusal::TooManyRecords {
                limit: self.limits.records,
                wanted,
            });
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

    fn judge_new(
        &self,
        contract: Contract,
        id: Uuid,
        draft: ZoneDraft,
        at: Timestamp,
    ) -> Result<Changes, Refusal> {
        if self.by_name.contains_key(&draft.name) {
            return Err(Refusal::NameTaken(draft.name));
        }
        let limit = self.limits.secondary_zones;
        if self.quota(&contract).usage.secondary_zones >= limit {
            return Err(Refusal::TooManyZones { limit });
        }
        let primaries = merge(draft.primaries, None)?;
        self.judge_keys(&primaries, Some(&contract))?;
        let zone = SecondaryZone {
            id,
            contract: Some(contract),
            name: draft.name,
            description: draft.description,
            primaries,
            created: at,
            modified: at,
            generation: self.next_generation(at),
            declared: false,
        };
        Ok(Change::PutZone(Arc::new(zone)).into())
    }

    fn judge_changed(
        &self,
        zone: &Arc<SecondaryZone>,
        draft: ZoneDraft,
        expected: Option<u64>,
        at: Timestamp,
    ) -> Result<Changes, Refusal> {
        may_change(zone.declared, zone.generation, expected)?;
        if zone.name != draft.name {
            return Err(Refusal::NameFixed {
                is: zone.name.clone(),
                wanted: draft.name,
            });
        }
        let primaries = merge(draft.primaries, Some(&zone.primaries))?;
        self.judge_keys(&primaries, zone.contract.as_ref())?;
        let changed = SecondaryZone {
            description: draft.description,
            primaries,
            modified: at,
            generation: self.next_generation(at),
            ..SecondaryZone::clone(zone)
        };
        Ok(Change::PutZone(Arc::new(changed)).into())
    }

    /// A key must be there, and be the contract's own.
    fn judge_keys(
        &self,
        primaries: &Primaries,
        contract: Option<&Contract>,
    ) -> Result<(), Refusal> {
        let unknown = |name: &&KeyName| {
            self.key(name)
                .is_none_or(|key| key.contract.as_ref() != contract)
        };
        match primaries
            .iter()
            .filter_map(|primary| primary.key.as_ref())
            .find(unknown)
        {
            Some(name) => Err(Refusal::UnknownKeyName(name.clone())),
            None => Ok(()),
        }
    }

    fn judge_declared(
        &self,
        zones: Vec<DeclaredZone>,
        keys: Vec<DeclaredKey>,
        at: Timestamp,
    ) -> Result<Changes, Refusal> {
        let mut changes = Changes::default();

        let mut key_names = HashSet::new();
        for DeclaredKey { id, draft } in keys {
            if !key_names.insert(draft.name.clone()) {
                return Err(Refusal::KeyNameTaken(draft.name));
            }
            match self.key(&draft.name) {
                Some(key) if !key.declared => return Err(Refusal::KeyNameTaken(draft.name)),
                Some(key) if key.algorithm == draft.algorithm && key.secret == draft.secret => {}
                known => {
                    let key = TsigKey {
                        declared: true,
                        ..self.new_key(None, known.map_or(id, |key| key.id), draft, at)
                    };
                    changes.push(Change::PutKey(Arc::new(key)));
                }
            }
        }

        let generation = self.next_generation(at);
        let mut zone_names = HashSet::new();
        let mut puts = Vec::new();
        for DeclaredZone {
            contract,
            id,
            draft,
        } in zones
        {
            if !zone_names.insert(draft.name.clone()) {
                return Err(Refusal::NameTaken(draft.name));
            }
            let primaries = merge(draft.primaries, None)?;
            let unknown = |name: &&KeyName| !key_names.contains(*name);
            if let Some(name) = primaries
                .iter()
                .filter_map(|primary| primary.key.as_ref())
                .find(unknown)
            {
                return Err(Refusal::UnknownKeyName(name.clone()));
            }
            let known = self.by_name.get(&draft.name);
            if let Some(zone) = known.filter(|zone| zone.contract != contract) {
                if !zone.declared {
                    return Err(Refusal::NameTaken(draft.name));
                }
                changes.push(Change::RemoveZone(Arc::clone(zone)));
            }
            let known = known.filter(|zone| zone.contract == contract);
            if known.is_some_and(|zone| {
                zone.declared
                    && zone.primaries == primaries
                    && zone.description == draft.description
            }) {
                continue;
            }
            puts.push(Change::PutZone(Arc::new(SecondaryZone {
                id: known.map_or(id, |zone| zone.id),
                contract,
                name: draft.name,
                description: draft.description,
                primaries,
                created: known.map_or(at, |zone| zone.created),
                modified: at,
                generation,
                declared: true,
            })));
        }
        // What leaves goes first, so that its id and name are free; keys go last, when nothing uses them any more.
        for zone in self
            .zones()
            .filter(|zone| zone.declared && !zone_names.contains(&zone.name))
        {
            changes.push(Change::RemoveZone(Arc::clone(zone)));
        }
        for put in puts {
            changes.push(put);
        }
        for key in self
            .keys()
            .filter(|key| key.declared && !key_names.contains(&key.name))
        {
            changes.push(Change::RemoveKey(Arc::clone(key)));
        }
        Ok(changes)
    }

    fn new_key(
        &self,
        contract: Option<Contract>,
        id: Uuid,
        draft: KeyDraft,
        at: Timestamp,
    ) -> TsigKey {
        TsigKey {
            id,
            contract,
            name: draft.name,
            algorithm: draft.algorithm,
            secret: draft.secret,
            created: at,
            generation: self.next_generation(at),
            declared: false,
        }
    }

    /// Above all before, and above those of registries before a restart: it starts from the time.
    fn next_generation(&self, at: Timestamp) -> u64 {
        at.0.max(self.latest.saturating_add(1))
    }

    fn tenant(&self, contract: Option<&Contract>) -> Option<&Tenant> {
        self.tenants.get(&contract.cloned())
    }

    fn key_of(&self, contract: &Contract, id: Uuid) -> Option<&Arc<TsigKey>> {
        self.keys()
            .find(|key| key.id == id && key.contract.as_ref() == Some(contract))
    }

    fn uses_of(&self, key: &KeyName) -> usize {
        self.keys.get(key).map_or(0, |held| held.uses)
    }

    fn put_zone(&mut self, zone: Arc<SecondaryZone>) -> Option<Arc<SecondaryZone>> {
        let before = self
            .tenants
            .entry(zone.contract.clone())
            .or_default()
            .put(Arc::clone(&zone));
        if let Some(before) = &before {
            self.count_uses(&before.primaries, false);
        }
        self.count_uses(&zone.primaries, true);
        self.latest = self.latest.max(zone.generation);
        self.by_name.insert(zone.name.clone(), zone);
        before
    }

    fn remove_zone(&mut self, zone: &SecondaryZone) -> Option<Arc<SecondaryZone>> {
        let tenant = self.tenants.get_mut(&zone.contract)?;
        let before = tenant.remove(zone.id)?;
        if tenant.zones.is_empty() {
            self.tenants.remove(&zone.contract);
        }
        self.by_name.remove(&before.name);
        self.count_uses(&before.primaries, false);
        Some(before)
    }

    fn put_key(&mut self, key: Arc<TsigKey>) -> Option<Arc<TsigKey>> {
        self.latest = self.latest.max(key.generation);
        match self.keys.get_mut(&key.name) {
            Some(held) => Some(std::mem::replace(&mut held.key, key)),
            None => {
                self.keys.insert(key.name.clone(), HeldKey { key, uses: 0 });
                None
            }
        }
    }

    fn remove_key(&mut self, name: &KeyName) -> Option<Arc<TsigKey>> {
        self.keys.remove(name).map(|held| held.key)
    }

    fn count_uses(&mut self, primaries: &Primaries, more: bool) {
        let names: HashSet<_> = primaries
            .iter()
            .filter_map(|primary| primary.key.as_ref())
            .collect();
        for name in names {
            if let Some(held) = self.keys.get_mut(name) {
                held.uses = if more {
                    held.uses + 1
                } else {
                    held.uses.saturating_sub(1)
                };
            }
        }
    }
}

/// The zones of one contract.
#[derive(Clone, Debug, Default)]
struct Tenant {
    zones: HashMap<Uuid, Arc<SecondaryZone>>,
    /// The same zones by age, so that any page is found at once and new zones come at the end.
    listing: Vec<Arc<SecondaryZone>>,
    counts: HashMap<Uuid, u64>,
    /// Sum of `counts`.
    records: u64,
}

impl Tenant {
    fn put(&mut self, zone: Arc<SecondaryZone>) -> Option<Arc<SecondaryZone>> {
        let before = self.zones.insert(zone.id, Arc::clone(&zone));
        if let Some(before) = &before {
            self.unlist(before);
        }
        let place = place_of(&zone);
        let position = self
            .listing
            .partition_point(|other| place_of(other) < place);
        self.listing.insert(position, zone);
        before
    }

    fn remove(&mut self, id: Uuid) -> Option<Arc<SecondaryZone>> {
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

#[derive(Clone, Debug)]
struct HeldKey {
    key: Arc<TsigKey>,
    /// How many zones name it.
    uses: usize,
}

/// Where a zone stands in its contract's list; it never moves.
fn place_of(zone: &SecondaryZone) -> (Timestamp, Uuid) {
    (zone.created, zone.id)
}

/// Part of a name as names are stored: lower case, no final dot.
fn plain_part(part: &str) -> String {
    let part = part.to_ascii_lowercase();
    match part.strip_suffix('.') {
        Some(rest) if !rest.is_empty() => rest.into(),
        _ => part,
    }
}

fn may_change(declared: bool, is: u64, expected: Option<u64>) -> Result<(), Refusal> {
    match expected {
        _ if declared => Err(Refusal::Declared),
        Some(expected) if expected != is => Err(Refusal::Changed { is, expected }),
        _ => Ok(()),
    }
}

/// The primaries that result from what is wanted and what is there: an address alone keeps the port and the key of the
/// primary that is there; the same address again stands for the next one there.
fn merge(wanted: WantedPrimaries, present: Option<&Primaries>) -> Result<Primaries, Refusal> {
    let addresses = match wanted {
        WantedPrimaries::Exactly(primaries) => return Ok(primaries),
        WantedPrimaries::Addresses(addresses) => addresses,
    };
    let mut left: Vec<_> = present.into_iter().flatten().map(Some).collect();
    let mut take = |address| {
        let held = left
            .iter_mut()
            .find(|held| held.is_some_and(|primary| primary.address == address));
        held.and_then(Option::take)
            .cloned()
            .unwrap_or_else(|| Primary::from(address))
    };
    let primaries: Vec<_> = addresses.into_iter().map(&mut take).collect();
    Ok(Primaries::new(primaries)?)
}

#[cfg(test)]
mod tests;
