//! The registry and its durable form: who has which zone, and which keys there are.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard};

use serde::Serialize;
use serde::de::DeserializeOwned;
use zonekit_model::{
    Change, Changes, Command, DeclaredKey, DeclaredZone, QuotaLimits, Refusal, Registry,
    RestoreError, SecondaryZone, TsigKey, Uuid, ZoneDraft, ZoneName,
};

use zonekit_store::{Batch, Store, StoreError, Timers};

use crate::Config;

/// Settings of zones begin with this, followed by their [`zonekit_model::ZoneId`].
const ZONE: &str = "zone/";
/// Settings of keys begin with this, followed by their name.
const KEY: &str = "key/";
/// What is kept for the routes begins with this.
pub(crate) const KEPT: &str = "kept/";

/// The registry, and where it is kept.
pub(crate) struct Book {
    registry: Mutex<Registry>,
}

/// Why the registry could not be restored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BookError {
    /// The store failed.
    #[error("reading the settings")]
    Store(#[from] StoreError),
    /// A setting is not what this program writes.
    #[error("the setting {name} cannot be read: {error}")]
    Unreadable {
        /// What it is called in the store.
        name: String,
        /// What the JSON reader says.
        error: String,
    },
    /// The settings contradict each other.
    #[error("the settings contradict each other")]
    Restore(#[from] RestoreError),
}

impl Book {
    /// The registry as the store has it.
    pub(crate) fn open(store: &Store, limits: QuotaLimits) -> Result<Self, BookError> {
        let zones: Vec<SecondaryZone> = read_all(store, ZONE)?;
        let keys: Vec<TsigKey> = read_all(store, KEY)?;
        Ok(Self {
            registry: Mutex::new(Registry::restore(limits, zones, keys)?),
        })
    }

    /// The registry, for a moment: nothing is waited for while it is held.
    pub(crate) fn registry(&self) -> MutexGuard<'_, Registry> {
        // Changes are applied one by one, each of them whole.
        self.registry
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Keeps the name of a zone that is made here from being anybody's; refused if it is somebody's.
    pub(crate) fn reserve(&self, name: Option<&ZoneName>) -> Result<(), Refusal> {
        let mut registry = self.registry();
        match name.filter(|&name| registry.zone_named(name).is_some()) {
            Some(name) => Err(Refusal::NameTaken(name.clone())),
            None => {
                registry.reserve(name.cloned());
                Ok(())
            }
        }
    }

    /// Makes changes durable together, in the settings and among the zones of the store, each with what is kept of it for the
    /// routes. Declared keys are not kept: the configuration has them, and is where they are guarded.
    pub(crate) fn store<'c>(
        &self,
        store: &Store,
        changes: impl IntoIterator<Item = (&'c Changes, &'c [(String, Vec<u8>)])>,
    ) -> Result<(), StoreError> {
        let mut batch = Batch::new();
        let mut fates = Fates::default();
        for (changes, kept) in changes {
            for change in changes.iter() {
                enter(change, &mut batch, &mut fates);
            }
            for (name, value) in kept {
                batch.put(format!("{KEPT}{name}"), value.as_slice());
            }
        }
        fates.enter(&mut batch, store);
        store.commit(batch)
    }
}

/// Puts a change into the settings, and notes what becomes of its zone.
fn enter<'c>(change: &'c Change, batch: &mut Batch, fates: &mut Fates<'c>) {
    match change {
        Change::PutZone(zone) => {
            batch.put(format!("{ZONE}{}", zone.zone_id()), json(&**zone));
            fates.put.push(&zone.name);
        }
        Change::RemoveZone(zone) => {
            batch.remove(format!("{ZONE}{}", zone.zone_id()));
            fates.removed.insert(&zone.name);
        }
        Change::PutKey(key) if key.declared => {}
        Change::PutKey(key) => {
            batch.put(format!("{KEY}{}", key.name), json(&**key));
        }
        Change::RemoveKey(key) => {
            batch.remove(format!("{KEY}{}", key.name));
        }
    }
}

/// What becomes of the zones of the store. One that is removed and put is another zone of the same name: both in one commit,
/// since half of that would leave nothing where there was something.
#[derive(Default)]
struct Fates<'c> {
    removed: HashSet<&'c ZoneName>,
    /// In the order in which they are to lie in the file. What is removed and put is removed first.
    put: Vec<&'c ZoneName>,
}

impl Fates<'_> {
    fn enter(self, batch: &mut Batch, store: &Store) {
        let Self { mut removed, put } = self;
        for zone in put {
            let name = zone.to_name();
            match (removed.remove(zone), store.zone(name.as_name()).is_some()) {
                // Nothing of the first may be left in it.
                (true, true) => batch.reset_zone(name.as_name(), Timers::default()),
                (_, false) => batch.create_zone(name.as_name(), Timers::default()),
                (false, true) => batch,
            };
        }
        for zone in removed {
            let name = zone.to_name();
            if store.zone(name.as_name()).is_some() {
                batch.remove_zone(name.as_name());
            }
        }
    }
}

/// The command that makes the registry have what the configuration declares.
pub(crate) fn declaration(config: &Config) -> Command {
    let zones = config.zones.iter().map(|zone| DeclaredZone {
        contract: zone.contract.clone(),
        id: Uuid::now_v7(),
        draft: ZoneDraft {
            zonemd: Some(zone.particulars.zonemd),
            ..ZoneDraft::from_primaries(zone.name.clone(), zone.primaries.clone())
        },
    });
    let keys = config.keys.iter().map(|key| DeclaredKey {
        id: Uuid::now_v7(),
        draft: key.clone(),
    });
    Command::Declare {
        zones: zones.collect(),
        keys: keys.collect(),
    }
}

fn json(value: &impl Serialize) -> Vec<u8> {
    // Plain structs of text and numbers: there is nothing in them that JSON cannot say.
    serde_json::to_vec(value).unwrap_or_default()
}

fn read_all<T: DeserializeOwned>(store: &Store, prefix: &str) -> Result<Vec<T>, BookError> {
    { store.settings(prefix)?.into_iter() }
        .map(|(name, value)| {
            serde_json::from_slice(&value).map_err(|error| BookError::Unreadable {
                name,
                error: error.to_string(),
            })
        })
        .collect()
}
