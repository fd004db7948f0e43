//! Versions of catalogs that take away too much to be followed without an order.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use zonekit_model::ZoneName;
use zonekit_store::Generation;
use zonekit_wire::Serial;

/// The catalogs that are not followed as they are now.
#[derive(Default)]
pub(crate) struct HeldBack {
    versions: Mutex<HashMap<ZoneName, HeldVersion>>,
}

/// A version that is held back.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HeldVersion {
    pub(crate) generation: Generation,
    pub(crate) serial: Serial,
    /// How many members it takes away,
    pub(crate) removed: usize,
    /// of how many.
    pub(crate) members: usize,
    /// Somebody has said that it is to be followed all the same.
    pub(crate) is_ordered: bool,
}

impl HeldBack {
    /// The version of a catalog that is held back, if one is.
    pub(crate) fn version(&self, catalog: &ZoneName) -> Option<HeldVersion> {
        self.versions().get(catalog).copied()
    }

    /// How many catalogs are not followed as they are now.
    pub(crate) fn count(&self) -> usize {
        self.versions().len()
    }

    /// Has the version that is held back be followed: that one, and none that comes after it.
    pub(crate) fn order(&self, catalog: &ZoneName) -> Option<HeldVersion> {
        let mut versions = self.versions();
        let version = versions.get_mut(catalog)?;
        version.is_ordered = true;
        Some(*version)
    }

    pub(super) fn hold(&self, catalog: &ZoneName, version: HeldVersion) {
        self.versions().insert(catalog.clone(), version);
    }

    pub(super) fn forget(&self, catalog: &ZoneName) {
        self.versions().remove(catalog);
    }

    /// Forgets the versions of catalogs that are not followed any more.
    pub(super) fn retain(&self, is_followed: impl Fn(&ZoneName) -> bool) {
        self.versions().retain(|catalog, _| is_followed(catalog));
    }

    fn versions(&self) -> MutexGuard<'_, HashMap<ZoneName, HeldVersion>> {
        self.versions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Display for HeldVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            serial,
            removed,
            members,
            ..
        } = self;
        let serial = serial.0;
        write!(
            f,
            "serial {serial} takes away {removed} of {members} members"
        )
    }
}
