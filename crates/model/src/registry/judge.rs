//! What is decided of each command.

use std::{collections::HashSet, net::IpAddr, sync::Arc};

use uuid::Uuid;

use super::Registry;
use crate::{
    Change, Changes, Command, Contract, DeclaredKey, DeclaredZone, Expected, KeyDraft, KeyName,
    Labels, NotifySources, Primaries, Primary, Refusal, RetryToken, SecondaryZone, Timestamp,
    TsigKey, WantedPrimaries, WantedPrimary, ZoneDraft, ZoneEdit, ZoneId,
};

impl Registry {
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
                retry,
            } => match self.zone(&contract, id) {
                Some(_) => Err(Refusal::IdTaken),
                None => self.judge_new(contract, id, draft, retry, at),
            },
            Command::EnsureZone {
                contract,
                id,
                draft,
                expected,
            } => match self.zone(&contract, id) {
                Some(zone) => {
                    may_change(zone.declared, &expected, zone.generation, zone.modified)?;
                    self.judge_whole(zone, draft, at)
                }
                None if expected == Expected::default() => {
                    self.judge_new(contract, id, draft, None, at)
                }
                None => Err(Refusal::UnknownZone),
            },
            Command::ChangeZone {
                contract,
                id,
                edit,
                expected,
            } => {
                let zone = self.zone(&contract, id).ok_or(Refusal::UnknownZone)?;
                may_change(zone.declared, &expected, zone.generation, zone.modified)?;
                self.judge_edit(zone, edit, at)
            }
            Command::RemoveZone {
                contract,
                id,
                expected,
            } => {
                let zone = self.zone(&contract, id).ok_or(Refusal::UnknownZone)?;
                may_change(zone.declared, &expected, zone.generation, zone.modified)?;
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
                let limit = self.limits.tsig_keys;
                if self.quota(&contract).usage.tsig_keys >= limit {
                    return Err(Refusal::TooManyKeys { limit });
                }
                Ok(Change::PutKey(Arc::new(self.new_key(Some(contract), id, draft, at))).into())
            }
            Command::ChangeKey {
                contract,
                id,
                edit,
                expected,
            } => {
                let key = self.key_of(&contract, id).ok_or(Refusal::UnknownKey)?;
                let modified = key.modified.unwrap_or(key.created);
                may_change(key.declared, &expected, key.generation, modified)?;
                let key = TsigKey::clone(key);
                let changed = TsigKey {
                    labels: key.labels.with(edit),
                    modified: Some(at),
                    generation: self.next_generation(at),
                    ..key
                };
                Ok(Change::PutKey(Arc::new(changed)).into())
            }
            Command::RemoveKey {
                contract,
                id,
                expected,
            } => {
                let key = self.key_of(&contract, id).ok_or(Refusal::UnknownKey)?;
                let modified = key.modified.unwrap_or(key.created);
                may_change(key.declared, &expected, key.generation, modified)?;
                match self.uses_of(&key.name) {
                    0 => Ok(Change::RemoveKey(Arc::clone(key)).into()),
                    zones => Err(Refusal::KeyInUse {
                        name: key.name.clone(),
                        zones,
                    }),
                }
            }
            Command::Declare { zones, keys } => self.judge_declared(zones, keys, at),
            Command::Follow { catalog, zones } => Ok(self.judge_followed(&catalog, zones, at)),
        }
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

    fn judge_new(
        &self,
        contract: Contract,
        id: Uuid,
        draft: ZoneDraft,
        retry: Option<RetryToken>,
        at: Timestamp,
    ) -> Result<Changes, Refusal> {
        if let Some(made) = retry
            .as_ref()
            .and_then(|token| self.made_with(&contract, token, at))
        {
            // What was answered the first time is answered again, as it is by now.
            return match made.retry.as_deref() == retry.as_ref() {
                true => Ok(Change::PutZone(Arc::clone(made)).into()),
                false => Err(Refusal::TokenReused),
            };
        }
        if self.by_name.contains_key(&draft.name) || self.is_reserved(&draft.name) {
            return Err(Refusal::NameTaken(draft.name));
        }
        let limit = self.limits.secondary_zones;
        if self.quota(&contract).usage.secondary_zones >= limit {
            return Err(Refusal::TooManyZones { limit });
        }
        let primaries = self.primaries(draft.primaries, Some(&contract), None)?;
        let zone = SecondaryZone {
            id,
            contract: Some(contract),
            name: draft.name,
            description: draft.description,
            primaries,
            zonemd: draft.zonemd.unwrap_or_default(),
            notify_sources: draft.notify_sources.unwrap_or_default(),
            created: at,
            modified: at,
            generation: self.next_generation(at),
            declared: false,
            labels: draft.labels.unwrap_or_default(),
            retry: retry.map(Box::new),
            member: None,
        };
        Ok(Change::PutZone(Arc::new(zone)).into())
    }

    /// The zone that a request with this token made, if the token is still good.
    fn made_with(
        &self,
        contract: &Contract,
        token: &RetryToken,
        at: Timestamp,
    ) -> Option<&Arc<SecondaryZone>> {
        let tenant = self.tenant(Some(contract))?;
        let zone = tenant.zones.get(tenant.tokens.get(token.as_str())?)?;
        (at.since(zone.created) <= RetryToken::LIFE).then_some(zone)
    }

    fn judge_whole(
        &self,
        zone: &Arc<SecondaryZone>,
        draft: ZoneDraft,
        at: Timestamp,
    ) -> Result<Changes, Refusal> {
        if zone.name != draft.name {
            return Err(Refusal::NameFixed {
                is: zone.name.clone(),
                wanted: draft.name,
            });
        }
        let present = Some(&zone.primaries);
        let primaries = self.primaries(draft.primaries, zone.contract.as_ref(), present)?;
        let zone = SecondaryZone::clone(zone);
        let changed = SecondaryZone {
            description: draft.description,
            primaries,
            zonemd: draft.zonemd.unwrap_or(zone.zonemd),
            notify_sources: draft.notify_sources.unwrap_or(zone.notify_sources),
            labels: draft.labels.unwrap_or(zone.labels),
            modified: at,
            generation: self.next_generation(at),
            ..zone
        };
        Ok(Change::PutZone(Arc::new(changed)).into())
    }

    fn judge_edit(
        &self,
        zone: &Arc<SecondaryZone>,
        edit: ZoneEdit,
        at: Timestamp,
    ) -> Result<Changes, Refusal> {
        let primaries = match edit.primaries {
            Some(wanted) => {
                self.primaries(wanted, zone.contract.as_ref(), Some(&zone.primaries))?
            }
            None => zone.primaries.clone(),
        };
        let zone = SecondaryZone::clone(zone);
        let changed = SecondaryZone {
            primaries,
            description: edit.description.unwrap_or(zone.description),
            zonemd: edit.zonemd.unwrap_or(zone.zonemd),
            notify_sources: edit.notify_sources.unwrap_or(zone.notify_sources),
            labels: zone.labels.with(edit.labels),
            modified: at,
            generation: self.next_generation(at),
            ..zone
        };
        Ok(Change::PutZone(Arc::new(changed)).into())
    }

    /// The primaries that result from what a contract wants and what is there; every key must be there, and its own.
    fn primaries(
        &self,
        wanted: WantedPrimaries,
        contract: Option<&Contract>,
        present: Option<&Primaries>,
    ) -> Result<Primaries, Refusal> {
        let primaries = match wanted {
            WantedPrimaries::Exactly(primaries) => primaries,
            WantedPrimaries::Addresses(addresses) => merge(addresses, present)?,
            WantedPrimaries::ByKeyId(wanted) => {
                let primaries = wanted
                    .into_iter()
                    .map(|wanted| self.named(wanted, contract, present));
                Primaries::new(primaries.collect::<Result<Vec<_>, _>>()?)?
            }
        };
        self.judge_keys(&primaries, contract)?;
        Ok(primaries)
    }

    /// The primary with the name of its key in the place of the id.
    fn named(
        &self,
        wanted: WantedPrimary,
        contract: Option<&Contract>,
        present: Option<&Primaries>,
    ) -> Result<Primary, Refusal> {
        let key = match wanted.key {
            None => None,
            Some(id) => {
                let key = contract.and_then(|contract| self.key_of(contract, id));
                let key = key.ok_or(Refusal::UnknownKeyId(wanted.address))?;
                Some(key.name.clone())
            }
        };
        let is_same = |primary: &&Primary| {
            (primary.address, primary.port, &primary.key) == (wanted.address, wanted.port, &key)
        };
        let same = present.and_then(|present| present.iter().find(is_same));
        Ok(Primary {
            address: wanted.address,
            port: wanted.port,
            // Of a roll-over, an API that knows one key only has nothing to say.
            next_key: same.and_then(|primary| primary.next_key.clone()),
            key,
        })
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
        match primaries.iter().flat_map(Primary::keys).find(unknown) {
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
            if !zone_names.insert(draft.name.clone()) || self.is_reserved(&draft.name) {
                return Err(Refusal::NameTaken(draft.name));
            }
            let primaries = match draft.primaries {
                WantedPrimaries::Exactly(primaries) => primaries,
                // A declared zone belongs to nobody whose keys could be meant by their ids.
                other => self.primaries(other, None, None)?,
            };
            let unknown = |name: &&KeyName| !key_names.contains(*name);
            if let Some(name) = primaries.iter().flat_map(Primary::keys).find(unknown) {
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
            let zonemd = draft.zonemd.unwrap_or_default();
            if known.is_some_and(|zone| {
                zone.declared
                    && zone.member.is_none()
                    && zone.primaries == primaries
                    && zone.description == draft.description
                    && zone.zonemd == zonemd
            }) {
                continue;
            }
            puts.push(Change::PutZone(Arc::new(SecondaryZone {
                id: known.map_or(id, |zone| zone.id),
                contract,
                name: draft.name,
                description: draft.description,
                primaries,
                zonemd,
                notify_sources: NotifySources::default(),
                created: known.map_or(at, |zone| zone.created),
                modified: at,
                generation,
                declared: true,
                labels: known.map_or_else(Labels::default, |zone| zone.labels.clone()),
                retry: None,
                member: None,
            })));
        }
        // What leaves goes first, so that its id and name are free; keys go last, when nothing uses them any more.
        for zone in self
            .zones()
            .filter(|zone| zone.declared && zone.member.is_none())
            .filter(|zone| !zone_names.contains(&zone.name))
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
            modified: None,
            generation: self.next_generation(at),
            declared: false,
            labels: draft.labels,
        }
    }

    /// Above all before, and above those of registries before a restart: it starts from the time.
    pub(super) fn next_generation(&self, at: Timestamp) -> u64 {
        at.0.max(self.latest.saturating_add(1))
    }
}

fn may_change(
    declared: bool,
    expected: &Expected,
    generation: u64,
    modified: Timestamp,
) -> Result<(), Refusal> {
    match expected.is_met(generation, modified) {
        _ if declared => Err(Refusal::Declared),
        false => Err(Refusal::Changed),
        true => Ok(()),
    }
}

/// The primaries that result from addresses and what is there: an address alone keeps the port and the key of the
/// primary that is there; the same address again stands for the next one there.
fn merge(addresses: Vec<IpAddr>, present: Option<&Primaries>) -> Result<Primaries, Refusal> {
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
