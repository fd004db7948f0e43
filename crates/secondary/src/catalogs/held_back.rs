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

    /// Notes a version that is held back, or what it takes away by now; an order that came meanwhile stands.
    pub(super) fn hold(&self, catalog: &ZoneName, version: HeldVersion) {
        let mut versions = self.versions();
        let before = versions.insert(catalog.clone(), version);
        if let Some(before) = before.filter(|before| before.generation == version.generation)
            && let Some(version) = versions.get_mut(catalog)
        {
            version.is_ordered |= before.is_ordered;
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_for_the_version_that_is_held_back_and_for_no_other() {
        let (held_back, catalog) = (HeldBack::default(), "catalog.example".parse().unwrap());
        let version = |generation: Generation| HeldVersion {
            generation,
            serial: Serial(1),
            removed: 30,
            members: 40,
            is_ordered: false,
        };
        let store = zonekit_store::Store::in_memory();
        let [first, second] = ["one.example", "two.example"].map(|name| {
            let name: zonekit_wire::NameBuf = name.parse().unwrap();
            store.create_zone(name.as_name()).unwrap()
        });
        assert!(held_back.order(&catalog).is_none());
        held_back.hold(&catalog, version(first));
        held_back.order(&catalog).unwrap();
        for (generation, is_ordered) in [(first, true), (second, false)] {
            held_back.hold(&catalog, version(generation));
            assert_eq!(held_back.version(&catalog).unwrap().is_ordered, is_ordered);
        }
    }
}
