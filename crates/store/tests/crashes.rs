//! Random changes, failures, crashes and restarts against a model: nothing acknowledged is lost.

mod support;

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use support::*;
use zonekit_store::{Batch, Content, Diff, Publication, Store, StoreError};

/// What somebody does to a store. Zones and settings go by small numbers.
#[derive(Clone, Debug)]
enum Op {
    Create(u8),
    Remove(u8),
    Replace(u8, Vec<u8>),
    Patch(u8, Vec<u8>),
    Next(u8, Vec<u8>),
    Put(u8, u16),
    Unput(u8),
    /// Operations fail from so many on, until healed.
    FailAfter(u64),
    Heal,
    Restart,
    /// The power goes; the numbers choose what of the unsynced octets has reached the disk.
    Crash(u64),
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let octets = || prop::collection::vec(any::<u8>(), 0..12);
    let op = prop_oneof![
        2 => (0..4u8).prop_map(Op::Create),
        1 => (0..4u8).prop_map(Op::Remove),
        4 => (0..4u8, octets()).prop_map(|(zone, records)| Op::Replace(zone, records)),
        8 => (0..4u8, octets()).prop_map(|(zone, records)| Op::Patch(zone, records)),
        4 => (0..4u8, octets()).prop_map(|(zone, records)| Op::Next(zone, records)),
        2 => (0..3u8, any::<u16>()).prop_map(|(key, value)| Op::Put(key, value)),
        1 => (0..3u8).prop_map(Op::Unput),
        2 => (0..40u64).prop_map(Op::FailAfter),
        1 => Just(Op::Heal),
        1 => Just(Op::Restart),
        2 => any::<u64>().prop_map(Op::Crash),
    ];
    prop::collection::vec(op, 1..40)
}

/// What a zone or a setting was when last acknowledged, and what it may be since.
#[derive(Debug)]
struct Known<T> {
    acknowledged: T,
    maybe: Vec<T>,
}

/// Whether there is a zone, whether it has contents, and which.
type ZoneState = Option<Option<(u32, BTreeSet<String>)>>;

/// A store and what is known of it.
struct Model {
    disk: FaultyDisk,
    store: Option<Store>,
    zones: BTreeMap<u8, Known<ZoneState>>,
    settings: BTreeMap<u8, Known<Option<Vec<u8>>>>,
    serial: u32,
    open: fn(&FaultyDisk) -> Store,
}

impl Model {
    fn new(open: fn(&FaultyDisk) -> Store) -> Self {
        let disk = FaultyDisk::default();
        let store = Some(open(&disk));
        let known = |_| None;
        Self {
            disk,
            store,
            zones: (0..4)
                .map(|zone| {
                    (
                        zone,
                        Known {
                            acknowledged: known(zone),
                            maybe: Vec::new(),
                        },
                    )
                })
                .collect(),
            settings: (0..3)
                .map(|key| {
                    (
                        key,
                        Known {
                            acknowledged: None,
                            maybe: Vec::new(),
                        },
                    )
                })
                .collect(),
            serial: 0,
            open,
        }
    }

    fn store(&self) -> &Store {
        self.store.as_ref().unwrap()
    }

    fn step(&mut self, op: &Op) {
        match op {
            Op::Create(number) => {
                let result = self.store().create_zone(apex(*number).as_name());
                self.note(*number, Some(None), result.map(drop));
            }
            Op::Remove(number) => {
                let result = self.store().remove_zone(apex(*number).as_name());
                self.note(*number, None, result);
            }
            Op::Replace(number, octets) | Op::Patch(number, octets) | Op::Next(number, octets) => {
                self.serial += 1;
                let new = zone(&apex(*number), self.serial, octets);
                let Some(held) = self.store().zone(apex(*number).as_name()) else {
                    return;
                };
                let content = match (op, &held.zone) {
                    (Op::Patch(..), Some(old)) => Content::Patch {
                        zone: new.clone(),
                        diff: Diff::between(old, &new),
                    },
                    (Op::Next(..), _) => Content::Next(new.clone()),
                    _ => Content::Replace(new.clone()),
                };
                let result = self.store().publish(Publication {
                    zone: apex(*number),
                    expected: held.generation,
                    content,
                    timers: None,
                });
                drop(held);
                self.note(
                    *number,
                    Some(Some((self.serial, records(&new)))),
                    result.map(drop),
                );
            }
            Op::Put(key, value) => {
                let value = vec![*value as u8; usize::from(*value)];
                let mut batch = Batch::new();
                batch.put(format!("key{key}"), value.clone());
                let result = self.store().commit(batch);
                self.note_setting(*key, Some(value), result);
            }
            Op::Unput(key) => {
                let mut batch = Batch::new();
                batch.remove(format!("key{key}"));
                let result = self.store().commit(batch);
                self.note_setting(*key, None, result);
            }
            Op::FailAfter(operations) => self.disk.fail_after(*operations),
            Op::Heal => self.disk.heal(),
            Op::Restart => {
                self.disk.heal();
                self.store = None;
                if self.disk.has_lost() {
                    self.disk = self.disk.after_crash(|_| 0);
                }
                self.store = Some((self.open)(&self.disk));
                self.settle();
            }
            Op::Crash(seed) => {
                let mut seed = *seed;
                let crashed = self.disk.after_crash(|most| {
                    seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    match seed >> 62 {
                        0 => 0,
                        1 => most,
                        _ => (seed >> 20) as usize % (most + 1),
                    }
                });
                self.disk.fail_after(0); // the old process is gone
                self.store = None;
                self.disk = crashed;
                self.store = Some((self.open)(&self.disk));
                self.settle();
            }
        }
        self.check();
    }

    fn note(&mut self, number: u8, content: ZoneState, result: Result<(), StoreError>) {
        if result.is_ok() {
            self.acknowledge();
        }
        let known = self.zones.get_mut(&number).unwrap();
        match result {
            Ok(()) => known.acknowledged = content,
            Err(StoreError::Storage(failure)) => {
                assert_eq!(failure.needs_restart(), self.disk.has_lost());
                known.maybe.push(content);
            }
            Err(StoreError::ZoneExists(_) | StoreError::NoSuchZone(_)) => {}
            Err(error) => panic!("{error}"),
        }
    }

    fn note_setting(&mut self, key: u8, value: Option<Vec<u8>>, result: Result<(), StoreError>) {
        if result.is_ok() {
            self.acknowledge();
        }
        let known = self.settings.get_mut(&key).unwrap();
        match result {
            Ok(()) => known.acknowledged = value,
            Err(StoreError::Storage(failure)) => {
                assert_eq!(failure.needs_restart(), self.disk.has_lost());
                known.maybe.push(value);
            }
            Err(error) => panic!("{error}"),
        }
    }

    /// A commit has succeeded: what failed before it is gone for good.
    fn acknowledge(&mut self) {
        for known in self.zones.values_mut() {
            known.maybe.clear();
        }
        for known in self.settings.values_mut() {
            known.maybe.clear();
        }
    }

    /// After a restart, things are as acknowledged or as a later attempt would have them; then that is what is known.
    fn settle(&mut self) {
        assert!(
            self.store().damage().is_empty(),
            "{:?}",
            self.store().damage()
        );
        for number in 0..4 {
            let found = self.content(number);
            let known = self.zones.get_mut(&number).unwrap();
            assert!(
                found == known.acknowledged || known.maybe.contains(&found),
                "zone {number}: {found:?} is none of {known:?}"
            );
            *known = Known {
                acknowledged: found,
                maybe: Vec::new(),
            };
        }
        for key in 0..3 {
            let found = self.store().setting(&format!("key{key}")).unwrap();
            let known = self.settings.get_mut(&key).unwrap();
            assert!(
                found == known.acknowledged || known.maybe.contains(&found),
                "key {key}"
            );
            *known = Known {
                acknowledged: found,
                maybe: Vec::new(),
            };
        }
    }

    /// What readers see is what has been acknowledged last.
    fn check(&self) {
        for (number, known) in &self.zones {
            assert_eq!(self.content(*number), known.acknowledged, "zone {number}");
        }
        for (key, known) in self
            .settings
            .iter()
            .filter(|(_, known)| known.maybe.is_empty())
        {
            if let Ok(found) = self.store().setting(&format!("key{key}")) {
                assert_eq!(found, known.acknowledged, "key {key}");
            }
        }
    }

    fn content(&self, number: u8) -> ZoneState {
        let held = self.store().zone(apex(number).as_name())?;
        Some(
            held.zone
                .as_ref()
                .map(|zone| (zone.serial().0, records(zone))),
        )
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    /// Whatever is done and whenever the disk fails or the power goes: readers see what was acknowledged last, and after
    /// a restart there is that or what was being written.
    #[test]
    fn nothing_acknowledged_is_lost(ops in ops(), in_pieces: bool) {
        let mut model = Model::new(if in_pieces { open_in_pieces } else { open_small });
        for op in &ops {
            model.step(op);
        }
        model.step(&Op::Restart);
    }
}
