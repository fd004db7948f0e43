//! What a disk that fails, fills up or lies leaves of a store: what was acknowledged, served on.

mod support;

use support::*;
use zonekit_store::{
    Batch, Content, Diff, Options, Publication, Standing, Store, StoreError, Timers, Zone,
};
use zonekit_wire::{NameBuf, Serial};

#[test]
fn a_full_disk_leaves_what_was_served_and_says_so() {
    let disk = FaultyDisk::default();
    let store = open(&disk);
    let apex = name("example.org");
    store.create_zone(apex.as_name()).unwrap();
    let generation = publish_records(&store, &apex, 1, &[1]);

    disk.fail_after(0);
    for _ in 0..3 {
        match store.publish(replacement(&apex, generation, zone(&apex, 2, &[2]))) {
            Err(StoreError::Storage(failure)) => {
                assert!(
                    failure.is_disk_full() || failure.to_string().contains("I/O"),
                    "{failure}"
                );
            }
            other => panic!("{other:?}"),
        }
        let held = store.zone(apex.as_name()).unwrap();
        assert_eq!(held.servable().unwrap().serial(), Serial(1));
    }
    disk.heal();
    let generation = store
        .publish(replacement(&apex, generation, zone(&apex, 2, &[2])))
        .unwrap();
    assert_eq!(store.zone(apex.as_name()).unwrap().generation, generation);
    drop(store);
    let held = open(&disk).zone(apex.as_name()).unwrap();
    assert_eq!(held.zone.as_ref().unwrap().serial(), Serial(2));
}

/// A commit can reach the file and be reported as failed: when it fails at its very end.
#[test]
fn wherever_a_commit_fails_the_next_one_starts_from_what_is_served() {
    let [apex, other] = [name("example.org"), name("other.example")];
    let run = |disk: &FaultyDisk, fail: &dyn Fn()| {
        let store = open(disk);
        store.create_zone(apex.as_name()).unwrap();
        let expected = publish_records(&store, &apex, 1, &[1]);
        let to = |serial: u32, octets: &[u8]| {
            let new = zone(&apex, serial, octets);
            Publication {
                zone: apex.clone(),
                expected,
                content: Content::Patch {
                    diff: Diff::between(&zone(&apex, 1, &[1]), &new),
                    zone: new,
                },
                timers: None,
            }
        };

        fail();
        if store.publish(to(2, &[2])).is_ok() {
            return false;
        }
        disk.heal();
        if refuses(disk, || store.publish(to(3, &[3])).map(drop)) {
            return true;
        }
        store.publish(to(3, &[3])).unwrap();
        patch_records(&store, &apex, 4, &[4]);

        fail();
        let failed = store.create_zone(other.as_name()).is_err();
        disk.heal();
        if refuses(disk, || store.create_zone(other.as_name()).map(drop)) {
            return true;
        }
        if failed {
            assert!(store.zone(other.as_name()).is_none());
            store.create_zone(other.as_name()).unwrap();
        }
        publish_records(&store, &other, 9, &[9]);
        drop(store);

        let store = open(disk);
        assert!(store.damage().is_empty(), "{:?}", store.damage());
        assert_eq!(store.zone_count(), 2);
        for (apex, serial) in [(&apex, 4), (&other, 9)] {
            let held = store.zone(apex.as_name()).unwrap();
            let found = records(held.servable().unwrap());
            assert_eq!(found, records(&zone(apex, serial, &[serial as u8])));
        }
        // Zones that came twice are there once, for good.
        store.remove_zone(other.as_name()).unwrap();
        drop(store);
        let store = open(disk);
        assert!(store.zone(other.as_name()).is_none());
        true
    };
    wherever_it_fails(run);
}

/// Another zone in the place of one, with its settings: wherever that fails, the first is served on and there after a restart;
/// otherwise the second.
#[test]
fn wherever_a_reset_fails_there_is_one_of_the_two_with_its_settings() {
    let apex = name("example.org");
    let run = |disk: &FaultyDisk, fail: &dyn Fn()| {
        let store = open(disk);
        store.create_zone(apex.as_name()).unwrap();
        publish_records(&store, &apex, 1, &[1]);
        patch_records(&store, &apex, 2, &[2]);
        put(&store, &[("first", "here")]).unwrap();

        fail();
        let mut batch = Batch::new();
        batch
            .remove("first")
            .put("second", "here")
            .reset_zone(apex.as_name(), Timers::default());
        let succeeds = store.commit(batch).is_ok();
        let is_second = |store: &Store| store.zone(apex.as_name()).unwrap().zone.is_none();
        assert_eq!(is_second(&store), succeeds);
        disk.heal();
        if refuses(disk, || put(&store, &[("another key", "")])) {
            return true;
        }
        put(&store, &[("another key", "")]).unwrap();
        drop(store);

        let store = open(disk);
        assert!(store.damage().is_empty(), "{:?}", store.damage());
        assert_eq!(store.zone_count(), 1);
        assert_eq!(is_second(&store), succeeds);
        for (key, is_there) in [("first", !succeeds), ("second", succeeds)] {
            assert_eq!(store.setting(key).unwrap().is_some(), is_there, "{key}");
        }
        !succeeds
    };
    wherever_it_fails(run);
}

#[test]
fn what_failed_does_not_come_back_with_a_later_commit() {
    let [apex, other] = [name("example.org"), name("other.example")];
    let run = |disk: &FaultyDisk, fail: &dyn Fn()| {
        let store = open(disk);
        store.create_zone(apex.as_name()).unwrap();
        publish_records(&store, &apex, 1, &[1]);
        patch_records(&store, &apex, 2, &[2]);
        put(&store, &[("key", "old"), ("twice", "old")]).unwrap();

        fail();
        let mut batch = Batch::new();
        batch
            .put("key", "new")
            .put("twice", "first")
            .put("twice", "second")
            .remove_zone(apex.as_name())
            .create_zone(other.as_name(), Timers::default());
        let succeeds = store.commit(batch).is_ok();
        disk.heal();
        if refuses(disk, || put(&store, &[("another key", "")])) {
            return true;
        }
        put(&store, &[("another key", "")]).unwrap();
        drop(store);

        let store = open(disk);
        let (key, twice) = if succeeds {
            ("new", "second")
        } else {
            ("old", "old")
        };
        assert_eq!(store.setting("key").unwrap(), Some(key.into()));
        assert_eq!(store.setting("twice").unwrap(), Some(twice.into()));
        assert_eq!(store.zone(other.as_name()).is_some(), succeeds);
        let held = store.zone(apex.as_name());
        let serial = held.and_then(|held| Some(held.servable()?.serial()));
        assert_eq!(serial, (!succeeds).then_some(Serial(2)));
        !succeeds
    };
    wherever_it_fails(run);
}

#[test]
fn timers_that_failed_do_not_come_back() {
    let apex = name("example.org");
    let run = |disk: &FaultyDisk, fail: &dyn Fn()| {
        let store = open(disk);
        store.create_zone(apex.as_name()).unwrap();
        publish_records(&store, &apex, 1, &[1]);
        fail();
        let timers = Timers {
            next_check: 3,
            ..Timers::default()
        };
        let mut batch = Batch::new();
        batch.set_timers(apex.as_name(), timers, Some(Standing::Expired));
        let succeeds = store.commit(batch).is_ok();
        disk.heal();
        if refuses(disk, || put(&store, &[("key", "")])) {
            return true;
        }
        put(&store, &[("key", "")]).unwrap();
        drop(store);

        let store = open(disk);
        let standing = store.zone(apex.as_name()).unwrap().standing;
        assert_eq!(standing == Standing::Expired, succeeds);
        assert_eq!(store.timers(apex.as_name()) == Some(timers), succeeds);
        !succeeds
    };
    wherever_it_fails(run);
}

/// A commit that failed and is in the file all the same is taken back, and that fails in its turn.
#[test]
fn wherever_taking_back_fails_the_next_commit_starts_from_what_is_served() {
    let apex = name("example.org");
    let served = |store: &Store| {
        let held = store.zone(apex.as_name()).unwrap();
        held.servable().unwrap().serial()
    };
    let begun = |operations| {
        let disk = FaultyDisk::default();
        let store = open(&disk);
        store.create_zone(apex.as_name()).unwrap();
        publish_records(&store, &apex, 1, &[1]);
        patch_records(&store, &apex, 2, &[2]);
        let expected = store.zone(apex.as_name()).unwrap().generation;
        disk.fail_late_after(operations);
        let failed = store.publish(replacement(&apex, expected, zone(&apex, 3, &[3])));
        disk.heal();
        let in_file = served(&open(&disk.after_crash(|most| most)));
        let is_there = failed.is_err() && !disk.has_lost() && in_file == Serial(3);
        (disk, store, failed.is_ok(), is_there)
    };
    let mut taken_back = 0;
    let first = (0..).map(|operations| (operations, begun(operations)));
    for (first, _) in first
        .take_while(|(_, (_, _, succeeds, _))| !succeeds)
        .filter(|(_, (.., is_there))| *is_there)
    {
        for second in 0.. {
            let (disk, store, ..) = begun(first);
            disk.fail_late_after(second);
            let failed = put(&store, &[("key", "")]).is_err();
            disk.heal();
            if refuses(&disk, || put(&store, &[("key", "")])) {
                continue;
            }
            patch_records(&store, &apex, 4, &[4]);
            patch_records(&store, &apex, 5, &[5]);
            drop(store);
            let store = open(&disk);
            assert!(store.damage().is_empty(), "{:?}", store.damage());
            assert_eq!(served(&store), Serial(5));
            taken_back += 1;
            if !failed {
                break;
            }
        }
    }
    assert!(taken_back > 0);
}

/// What is taken back may be large: no transaction is, for that.
#[test]
fn a_large_zone_is_taken_back_in_pieces() {
    const PIECE: usize = 40_000;
    let apex = name("example.org");
    let (old, new) = (large_zone(&apex, 1, 20_000), large_zone(&apex, 2, 20_001));
    assert!(old.held_octets() > 6 * PIECE);
    let open = |disk: &FaultyDisk| {
        let mut options = Options::default();
        options.piece_octets = PIECE as u64;
        Store::open_on(disk.clone(), options).unwrap()
    };
    let mut taken_back = 0;
    for operations in 0.. {
        let disk = FaultyDisk::default();
        let store = open(&disk);
        let expected = store.create_zone(apex.as_name()).unwrap();
        let whole = replacement(&apex, expected, old.clone());
        let expected = store.publish(whole).unwrap();
        disk.fail_late_after(operations);
        let failed = store.publish(Publication {
            content: Content::Patch {
                diff: Diff::between(&old, &new),
                zone: new.clone(),
            },
            ..replacement(&apex, expected, new.clone())
        });
        disk.heal();
        if failed.is_ok() {
            break;
        }
        if disk.has_lost() {
            continue;
        }
        let before = disk.written();
        disk.take_most_unsynced();
        put(&store, &[("key", "")]).unwrap();
        let most = disk.take_most_unsynced();
        assert!(most < 3 * PIECE, "{most} octets in one transaction");
        taken_back += usize::from(disk.written() - before > old.held_octets());
        drop(store);
        let store = open(&disk);
        assert!(store.damage().is_empty(), "{:?}", store.damage());
        let held = store.zone(apex.as_name()).unwrap();
        assert_eq!(records(held.servable().unwrap()), records(&old));
    }
    assert!(taken_back > 0);
}

#[test]
fn a_commit_that_failed_costs_the_next_one_nothing() {
    let [big, small] = [name("big.example"), name("small.example")];
    let disk = FaultyDisk::default();
    let store = open(&disk);
    for apex in [&big, &small] {
        store.create_zone(apex.as_name()).unwrap();
    }
    let expected = store.zone(big.as_name()).unwrap().generation;
    let large = large_zone(&big, 1, 20_000);
    store.publish(replacement(&big, expected, large)).unwrap();
    let patch = |apex: &NameBuf, new: Zone| {
        let before = disk.written();
        patch_to(&store, apex, new);
        disk.written() - before
    };
    publish_records(&store, &small, 1, &[1]);
    patch(&big, large_zone(&big, 2, 20_001));
    let usual = patch(&small, zone(&small, 2, &[2]));

    // There is no room for a larger zone, only for little ones.
    let larger = large_zone(&big, 9, 100_000);
    disk.fill_up(200_000);
    for (round, count) in [(3, 0), (4, 1), (5, 2), (6, 3)] {
        disk.fail_after(0);
        let held = store.zone(big.as_name()).unwrap();
        let new = large_zone(&big, round, 20_000);
        let content = Content::Patch {
            diff: Diff::between(held.zone.as_ref().unwrap(), &new),
            zone: new,
        };
        let failed = store.publish(Publication {
            content,
            ..replacement(&big, held.generation, zone(&big, 9, &[9]))
        });
        assert!(failed.is_err());
        disk.heal();

        let expected = store.zone(big.as_name()).unwrap().generation;
        let failed = store.publish(replacement(&big, expected, larger.clone()));
        assert!(
            matches!(&failed, Err(StoreError::Storage(failure)) if failure.is_disk_full()),
            "{failed:?}"
        );
        let written = patch(&small, zone(&small, round, &[round as u8]));
        assert!(written < 3 * usual, "{written} octets, usually {usual}");
        patch(&big, large_zone(&big, round, 20_002 + count));
    }
    let steps = store.journal(big.as_name(), Serial(1)).unwrap();
    assert_eq!(steps.map(|steps| steps.len()), Some(5), "the history");
    drop(store);
    let held = open(&disk).zone(big.as_name()).unwrap();
    assert_eq!(held.servable().unwrap().serial(), Serial(6));
}

/// What could not be synced may be read back all the same, and be lost later with all that was written on top of it.
#[test]
fn after_a_failed_sync_nothing_is_written_and_everything_is_served() {
    let apex = name("example.org");
    let mut lost = 0;
    for operations in 0..60 {
        let disk = FaultyDisk::default();
        let store = open(&disk);
        store.create_zone(apex.as_name()).unwrap();
        let expected = publish_records(&store, &apex, 1, &[1]);
        disk.fail_after(operations);
        let failed = store.publish(replacement(&apex, expected, zone(&apex, 2, &[2])));
        disk.heal();
        let Err(StoreError::Storage(failure)) = failed else {
            failed.unwrap();
            break;
        };
        assert_eq!(failure.needs_restart(), disk.has_lost());
        assert_eq!(store.failure().is_some(), disk.has_lost());
        if !disk.has_lost() {
            continue;
        }
        lost += 1;
        for serial in 3..6 {
            let new = zone(&apex, serial, &[3]);
            let refused = store.publish(replacement(&apex, expected, new));
            assert!(
                matches!(&refused, Err(StoreError::Storage(failure)) if failure.needs_restart()),
                "{refused:?}"
            );
        }
        let held = store.zone(apex.as_name()).unwrap();
        assert_eq!(held.servable().unwrap().serial(), Serial(1));
        drop(store);
        for reached in [0, usize::MAX] {
            let store = open(&disk.after_crash(|most| most.min(reached)));
            let held = store.zone(apex.as_name()).unwrap();
            assert!([Serial(1), Serial(2)].contains(&held.servable().unwrap().serial()));
        }
    }
    assert_eq!(lost, 2, "a commit has two syncs");
}

/// Runs something with disks that fail after ever more operations, early and late, until `run` says that nothing has
/// failed.
fn wherever_it_fails(run: impl Fn(&FaultyDisk, &dyn Fn()) -> bool) {
    for late in [false, true] {
        let mut operations = 0;
        loop {
            let disk = FaultyDisk::default();
            let fail = || match late {
                false => disk.fail_after(operations),
                true => disk.fail_late_after(operations),
            };
            if !run(&disk, &fail) {
                break;
            }
            operations += 1;
        }
        assert!(operations > 3, "{operations}");
    }
}

/// Whether a sync has failed; then the change is refused.
fn refuses(disk: &FaultyDisk, change: impl FnOnce() -> Result<(), StoreError>) -> bool {
    disk.has_lost() && {
        let refused = change();
        assert!(
            matches!(&refused, Err(StoreError::Storage(failure)) if failure.needs_restart()),
            "{refused:?}"
        );
        true
    }
}

fn put(store: &Store, settings: &[(&str, &str)]) -> Result<(), StoreError> {
    let mut batch = Batch::new();
    for (key, value) in settings {
        batch.put(*key, *value);
    }
    store.commit(batch)
}
