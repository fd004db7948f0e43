//! What a store keeps: through restarts, crashes, failing and lying disks.

#[path = "support/faulty.rs"]
mod faulty;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};

use faulty::FaultyDisk;
use proptest::prelude::*;
use zonekit_store::{
    Batch, Checks, Content, Damage, Diff, Generation, JournalLimits, OpenError, Options,
    Publication, Standing, Store, StoreError, Timers, Zone, ZoneBuilder, ZoneLimits,
};
use zonekit_wire::{Class, Name, NameBuf, Record, Rtype, Serial};

#[test]
fn a_restart_brings_everything_back() {
    let disk = FaultyDisk::default();
    let store = open(&disk);
    let [one, two] = [name("One.example"), name("two.example")];
    let timers = Timers {
        next_check: 1_000,
        expires_at: 2_000,
        failures: 3,
    };
    let mut batch = Batch::new();
    batch
        .create_zone(one.as_name(), timers)
        .create_zone(two.as_name(), Timers::default())
        .put("registry/a", "first")
        .put("registry/b", vec![7; 100_000])
        .put("other", "");
    store.commit(batch).unwrap();
    publish_records(&store, &one, 1, &[1, 2, 3]);
    let mut batch = Batch::new();
    batch.set_timers(one.as_name(), timers, Some(Standing::Stale { until: 99 }));
    store.commit(batch).unwrap();
    drop(store);

    let store = open(&disk);
    assert!(store.damage().is_empty());
    assert_eq!(store.zone_count(), 2);
    let held = store.zone(name("one.EXAMPLE").as_name()).unwrap();
    assert_eq!(held.name().to_string(), "One.example.");
    assert_eq!(held.standing, Standing::Stale { until: 99 });
    assert_eq!(
        records(held.zone.as_ref().unwrap()),
        records(&zone(&one, 1, &[1, 2, 3]))
    );
    assert_eq!(store.timers(one.as_name()), Some(timers));
    let held = store.zone(two.as_name()).unwrap();
    assert_eq!(held.standing, Standing::NeverLoaded);
    assert!(held.zone.is_none() && held.servable().is_none());
    assert_eq!(
        store.settings("registry/").unwrap(),
        [
            ("registry/a".to_owned(), b"first".to_vec()),
            ("registry/b".to_owned(), vec![7; 100_000])
        ]
    );
    assert_eq!(store.setting("other").unwrap(), Some(Vec::new()));
    assert_eq!(store.setting("registry").unwrap(), None);
}

#[test]
fn a_publication_on_an_old_generation_is_refused() {
    let store = Store::in_memory();
    let apex = name("example.org");
    let first = store.create_zone(apex.as_name()).unwrap();
    let second = publish_records(&store, &apex, 1, &[1]);
    let late = store.publish(replacement(&apex, first, zone(&apex, 2, &[2])));
    assert!(
        matches!(late, Err(StoreError::Conflict { expected, found, .. }) if expected == first && found == second)
    );

    store.remove_zone(apex.as_name()).unwrap();
    let late = store.publish(replacement(&apex, second, zone(&apex, 2, &[2])));
    assert!(matches!(late, Err(StoreError::NoSuchZone(_))));

    store.create_zone(apex.as_name()).unwrap();
    let late = store.publish(replacement(&apex, second, zone(&apex, 2, &[2])));
    assert!(
        matches!(late, Err(StoreError::Conflict { .. })),
        "another zone of the same name"
    );
}

#[test]
fn changes_that_make_no_sense_are_refused_and_nothing_of_their_batch_is_made() {
    let store = Store::in_memory();
    let [here, there] = [name("here.example"), name("there.example")];
    store.create_zone(here.as_name()).unwrap();

    let mut batch = Batch::new();
    batch
        .create_zone(there.as_name(), Timers::default())
        .create_zone(here.as_name(), Timers::default())
        .put("key", "value");
    assert!(matches!(store.commit(batch), Err(StoreError::ZoneExists(zone)) if zone == here));
    assert!(store.zone(there.as_name()).is_none());
    assert_eq!(store.setting("key").unwrap(), None);

    let mut batch = Batch::new();
    batch
        .create_zone(there.as_name(), Timers::default())
        .remove_zone(there.as_name());
    assert!(matches!(
        store.commit(batch),
        Err(StoreError::NamedTwice(_))
    ));

    let generation = store.zone(here.as_name()).unwrap().generation;
    let wrong = store.publish(replacement(&here, generation, zone(&there, 1, &[])));
    assert!(matches!(wrong, Err(StoreError::WrongApex { .. })));

    publish_records(&store, &here, 1, &[1]);
    let held = store.zone(here.as_name()).unwrap();
    let wrong = store.publish(Publication {
        content: Content::Patch {
            zone: zone(&here, 3, &[3]),
            diff: Diff::between(&zone(&here, 2, &[2]), &zone(&here, 3, &[3])),
        },
        ..replacement(&here, held.generation, zone(&here, 3, &[3]))
    });
    assert!(matches!(wrong, Err(StoreError::WrongDifference { .. })));
}

/// A difference that is accepted is applied at the next start; one that then did not fit would cost the zone.
#[test]
fn a_difference_that_does_not_lead_to_its_version_is_refused() {
    let disk = FaultyDisk::default();
    let store = open(&disk);
    let apex = name("example.org");
    store.create_zone(apex.as_name()).unwrap();
    let expected = publish_records(&store, &apex, 1, &[1, 2]);
    let held = || zone(&apex, 1, &[1, 2]);
    let publish = |zone, diff| {
        store.publish(Publication {
            content: Content::Patch { zone, diff },
            ..replacement(&apex, expected, held())
        })
    };
    let other_soa = |serial: u32| {
        let mut builder = ZoneBuilder::new(apex.as_name(), ZoneLimits::default(), Checks::Lenient);
        let soa = [&[0, 0][..], &serial.to_be_bytes(), &[9; 16]].concat();
        let record = Record {
            owner: apex.as_name(),
            rtype: Rtype::SOA,
            class: Class::IN,
            ttl: 3600,
            rdata: &soa,
        };
        builder.begin(&record).unwrap();
        builder.finish().unwrap().0
    };
    let new = zone(&apex, 2, &[1, 3]);
    for (what, diff) in [
        ("another serial", Diff::between(&zone(&apex, 0, &[]), &new)),
        ("another SOA", Diff::between(&other_soa(1), &new)),
        ("to another SOA", Diff::between(&held(), &other_soa(2))),
        ("other records", Diff::between(&zone(&apex, 1, &[1]), &new)),
        ("to others", Diff::between(&held(), &zone(&apex, 2, &[]))),
    ] {
        let refused = publish(new.clone(), diff);
        assert!(
            matches!(refused, Err(StoreError::WrongDifference { .. })),
            "{what}: {refused:?}"
        );
    }
    publish(new.clone(), Diff::between(&held(), &new)).unwrap();
    drop(store);
    assert!(open(&disk).damage().is_empty());
}

#[test]
fn the_closest_zone_above_answers() {
    let store = Store::in_memory();
    for zone in ["example", "sub.example", "a.b.c.d.e.f"] {
        store.create_zone(name(zone).as_name()).unwrap();
    }
    let above = |qname: &str| {
        let held = store.enclosing(name(qname).as_name())?;
        Some(held.name().to_string())
    };
    assert_eq!(above("example").as_deref(), Some("example."));
    assert_eq!(above("WWW.Example").as_deref(), Some("example."));
    assert_eq!(above("x.y.z.sub.EXAMPLE").as_deref(), Some("sub.example."));
    assert_eq!(above("b.c.d.e.f"), None);
    assert_eq!(
        above("1.2.3.4.5.6.a.b.c.d.e.f").as_deref(),
        Some("a.b.c.d.e.f.")
    );
    assert_eq!(above("."), None);
    store.remove_zone(name("SUB.example").as_name()).unwrap();
    assert_eq!(above("x.sub.example").as_deref(), Some("example."));
    store.create_zone(Name::ROOT).unwrap();
    assert_eq!(above("org").as_deref(), Some("."));
}

#[test]
fn the_journal_leads_from_every_version_kept_to_the_one_held() {
    let disk = FaultyDisk::default();
    let options = || Options::default();
    let store = open(&disk);
    let apex = name("example.org");
    store.create_zone(apex.as_name()).unwrap();
    publish_records(&store, &apex, 1, &[1, 2, 3]);
    for serial in 2..30 {
        patch_records(&store, &apex, serial, &[1, serial as u8, 200]);
    }
    let check = |store: &Store| {
        let held = store.zone(apex.as_name()).unwrap();
        let newest = held.zone.clone().unwrap();
        assert_eq!(newest.serial(), Serial(29));
        for from in 1..30 {
            let steps = store
                .journal(apex.as_name(), Serial(from))
                .unwrap()
                .unwrap();
            assert_eq!(steps.len(), 29 - from as usize);
            let mut at = zone(
                &apex,
                from,
                &if from == 1 {
                    vec![1, 2, 3]
                } else {
                    vec![1, from as u8, 200]
                },
            );
            for step in &steps {
                at = step.apply(&at).unwrap();
            }
            assert_eq!(records(&at), records(&newest), "from {from}");
        }
        assert!(store.journal(apex.as_name(), Serial(0)).unwrap().is_none());
    };
    check(&store);
    drop(store);
    check(&Store::open_on(disk.clone(), options()).unwrap());

    let store = open(&disk);
    publish_records(&store, &apex, 30, &[9]);
    assert!(
        store.journal(apex.as_name(), Serial(29)).unwrap().is_none(),
        "a replacement ends the history"
    );
    assert_eq!(
        store
            .journal(apex.as_name(), Serial(30))
            .unwrap()
            .map(|steps| steps.len()),
        Some(0)
    );
}

#[test]
fn the_size_of_the_journal_is_known_without_reading_it() {
    let disk = FaultyDisk::default();
    let store = open(&disk);
    let apex = name("example.org");
    assert_eq!(store.journal_octets(apex.as_name(), Serial(1)), None);
    store.create_zone(apex.as_name()).unwrap();
    assert_eq!(store.journal_octets(apex.as_name(), Serial(1)), None);
    publish_records(&store, &apex, 1, &[1, 2, 3]);
    for serial in 2..20 {
        patch_records(&store, &apex, serial, &[1, serial as u8, 200]);
    }
    let check = |store: &Store| {
        for from in 0..25 {
            let journal = store.journal(apex.as_name(), Serial(from)).unwrap();
            let encoded = journal.map(|steps| {
                let lengths = steps.iter().map(|step| step.encode().len() as u64);
                (steps.len() as u64, lengths.sum::<u64>())
            });
            let octets = store.journal_octets(apex.as_name(), Serial(from));
            assert_eq!(octets.is_some(), encoded.is_some(), "from {from}");
            let (Some(octets), Some((steps, encoded))) = (octets, encoded) else {
                continue;
            };
            assert!((encoded..=encoded + 32 * steps).contains(&octets));
        }
        assert_eq!(store.journal_octets(apex.as_name(), Serial(19)), Some(0));
    };
    check(&store);
    drop(store);
    check(&open(&disk));
}

#[test]
fn the_journal_keeps_to_its_limits() {
    let disk = FaultyDisk::default();
    let mut options = Options::default();
    options.journal = JournalLimits {
        octets: 1 << 20,
        steps: 5,
    };
    let apex = name("example.org");
    let store = Store::open_on(disk.clone(), options).unwrap();
    store.create_zone(apex.as_name()).unwrap();
    publish_records(&store, &apex, 1, &[1]);
    for serial in 2..50 {
        patch_records(&store, &apex, serial, &[serial as u8]);
        let steps = |from| {
            let steps = store.journal(apex.as_name(), Serial(from)).unwrap();
            steps.map(|steps| steps.len())
        };
        let oldest = serial.saturating_sub(5).max(1);
        assert_eq!(steps(oldest), Some((serial - oldest) as usize));
        assert_eq!(steps(oldest - 1), None);
    }
    drop(store);
    let store = Store::open_on(disk, options).unwrap();
    let held = store.zone(apex.as_name()).unwrap();
    assert_eq!(
        records(held.zone.as_ref().unwrap()),
        records(&zone(&apex, 49, &[49]))
    );
    assert_eq!(
        store
            .journal(apex.as_name(), Serial(44))
            .unwrap()
            .unwrap()
            .len(),
        5
    );
}

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

#[test]
fn a_damaged_zone_is_named_and_the_others_are_served() {
    let disk = FaultyDisk::default();
    let store = open(&disk);
    for (number, apex) in ["one.example", "two.example", "three.example"]
        .iter()
        .enumerate()
    {
        let apex = name(apex);
        store.create_zone(apex.as_name()).unwrap();
        publish_records(&store, &apex, 1, &[100 + number as u8]);
    }
    drop(store);
    assert!(disk.damage(&[192, 0, 2, 101], &[192, 0, 2, 99]) > 0);

    let store = open(&disk);
    let two = name("two.example");
    assert!(
        matches!(store.damage(), [Damage::Checksum { zone, .. }] if *zone == two),
        "{:?}",
        store.damage()
    );
    assert_eq!(
        store.damage()[0].to_string(),
        "block 0 of the pages of zone two.example. does not match its checksum"
    );
    let held = store.zone(two.as_name()).unwrap();
    assert_eq!(held.standing, Standing::NeverLoaded);
    for other in ["one.example", "three.example"] {
        assert!(
            store
                .zone(name(other).as_name())
                .unwrap()
                .servable()
                .is_some()
        );
    }
    // A new transfer mends it.
    store
        .publish(replacement(&two, held.generation, zone(&two, 2, &[2])))
        .unwrap();
    drop(store);
    assert!(open(&disk).damage().is_empty());
}

#[test]
fn a_damaged_step_is_named_and_the_zone_mended_by_a_transfer() {
    let disk = FaultyDisk::default();
    let store = open(&disk);
    let apex = name("example.org");
    store.create_zone(apex.as_name()).unwrap();
    publish_records(&store, &apex, 1, &[1]);
    patch_records(&store, &apex, 2, &[123]);
    patch_records(&store, &apex, 3, &[1]);
    drop(store);
    assert!(disk.damage(&[192, 0, 2, 123], &[192, 0, 2, 124]) > 0);

    let store = open(&disk);
    let said: Vec<String> = store.damage().iter().map(ToString::to_string).collect();
    assert_eq!(
        said,
        ["step 0 of the journal of zone example.org. does not match its checksum"]
    );
    let held = store.zone(apex.as_name()).unwrap();
    assert_eq!(held.standing, Standing::NeverLoaded);
    assert!(store.journal(apex.as_name(), Serial(1)).unwrap().is_none());
    publish_records(&store, &apex, 4, &[4]);
    patch_records(&store, &apex, 5, &[5]);
    drop(store);
    let store = open(&disk);
    assert!(store.damage().is_empty());
    let steps = store.journal(apex.as_name(), Serial(4)).unwrap();
    assert_eq!(steps.map(|steps| steps.len()), Some(1));
}

/// Steps below the snapshot are for secondaries behind us only.
#[test]
fn damage_in_the_history_costs_history_and_nothing_else() {
    let disk = FaultyDisk::default();
    let store = open(&disk);
    let apex = name("example.org");
    let mark = [192, 0, 2, 231];
    // Some of many records are other ones in the versions from 4 on, so that a snapshot is written there.
    let version = |serial: u32| {
        let mut builder = begun(&apex, serial);
        for number in 0..2_000_u32 {
            let owner: NameBuf = format!("n{number}.{apex}").parse().unwrap();
            let changed = serial >= 4 && number < 300;
            let record = Record {
                owner: owner.as_name(),
                rtype: Rtype::A,
                class: Class::IN,
                ttl: 3600,
                rdata: &[10, changed.into(), (number >> 8) as u8, number as u8],
            };
            builder.add(&record).unwrap();
            if serial == 2 && number == 0 {
                let rdata = &mark;
                builder.add(&Record { rdata, ..record }).unwrap();
            }
        }
        builder.finish().unwrap().0
    };
    store.create_zone(apex.as_name()).unwrap();
    let expected = store.zone(apex.as_name()).unwrap().generation;
    store
        .publish(replacement(&apex, expected, version(1)))
        .unwrap();
    for serial in 2..=5 {
        patch_to(&store, &apex, version(serial));
    }
    let steps = |store: &Store, from| {
        let steps = store.journal(apex.as_name(), Serial(from)).unwrap();
        steps.map(|steps| steps.len())
    };
    assert_eq!(steps(&store, 1), Some(4));
    drop(store);
    assert!(disk.damage(&mark, &[192, 0, 2, 232]) > 0);

    let store = open(&disk);
    let said: Vec<String> = store.damage().iter().map(ToString::to_string).collect();
    assert_eq!(
        said,
        [0, 1].map(|step| {
            format!("step {step} of the journal of zone example.org. does not match its checksum")
        })
    );
    let check = |store: &Store, last: u32| {
        let held = store.zone(apex.as_name()).unwrap();
        assert_eq!(records(held.servable().unwrap()), records(&version(last)));
        assert_eq!(steps(store, 2), None);
        assert_eq!(steps(store, 3), Some(last as usize - 3));
    };
    check(&store, 5);
    patch_to(&store, &apex, version(6));
    check(&store, 6);
    drop(store);
    let store = open(&disk);
    assert!(store.damage().is_empty(), "{:?}", store.damage());
    check(&store, 6);
}

#[test]
fn a_file_has_one_store_at_a_time_and_rubbish_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("zones");
    let store = Store::open(&path, Options::default()).unwrap();
    let apex = name("example.org");
    store.create_zone(apex.as_name()).unwrap();
    publish_records(&store, &apex, 1, &[1]);
    assert!(matches!(
        Store::open(&path, Options::default()),
        Err(OpenError::Storage(_))
    ));
    drop(store);
    let store = Store::open(&path, Options::default()).unwrap();
    assert!(store.zone(apex.as_name()).unwrap().servable().is_some());
    drop(store);

    let rubbish = folder.path().join("rubbish");
    std::fs::write(
        &rubbish,
        b"zone \"example.org\" { type secondary; };".repeat(100),
    )
    .unwrap();
    assert!(matches!(
        Store::open(&rubbish, Options::default()),
        Err(OpenError::Storage(_))
    ));
    assert!(Store::open(folder.path().join("no/such/folder"), Options::default()).is_err());
}

#[test]
fn noted_timers_and_standings_reach_the_file_with_the_next_commit() {
    let disk = FaultyDisk::default();
    let store = open(&disk);
    let apex = name("example.org");
    store.create_zone(apex.as_name()).unwrap();
    publish_records(&store, &apex, 1, &[1]);
    let timers = Timers {
        next_check: 5,
        expires_at: 6,
        failures: 7,
    };
    store.note_timers(apex.as_name(), timers).unwrap();
    store
        .set_standing(apex.as_name(), Standing::Expired)
        .unwrap();
    assert_eq!(store.timers(apex.as_name()), Some(timers));
    let held = store.zone(apex.as_name()).unwrap();
    assert!(held.zone.is_some() && held.servable().is_none());
    let crashed = open(&disk.after_crash(|_| 0));
    assert_eq!(
        crashed.zone(apex.as_name()).unwrap().standing,
        Standing::Current
    );

    store.flush().unwrap();
    let crashed = open(&disk.after_crash(|_| 0));
    assert_eq!(
        crashed.zone(apex.as_name()).unwrap().standing,
        Standing::Expired
    );
    assert_eq!(crashed.timers(apex.as_name()), Some(timers));
}

#[test]
fn publications_from_many_threads_all_arrive() {
    let disk = FaultyDisk::default();
    let store = open(&disk);
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let store = &store;
            scope.spawn(move || {
                for number in 0..5 {
                    let apex = name(&format!("z{number}.t{thread}.example"));
                    store.create_zone(apex.as_name()).unwrap();
                    publish_records(store, &apex, 1, &[thread]);
                    patch_records(store, &apex, 2, &[thread, 77]);
                }
            });
        }
    });
    let check = |store: &Store| {
        assert_eq!(store.zone_count(), 40);
        for held in store.zones() {
            assert_eq!(held.zone.as_ref().unwrap().serial(), Serial(2));
        }
    };
    check(&store);
    drop(store);
    check(&open(&disk));
}

#[test]
fn readers_see_whole_versions_while_others_publish() {
    let store = Store::in_memory();
    let apex = name("example.org");
    store.create_zone(apex.as_name()).unwrap();
    publish_records(&store, &apex, 1, &[1]);
    let done = AtomicBool::new(false);
    let host = name("n1.example.org");
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    let held = store.enclosing(host.as_name()).unwrap();
                    let zone = held.servable().unwrap();
                    let last = zone.serial().0 as u8;
                    let set = zone.rrset(host.as_name(), Rtype::A).unwrap();
                    assert_eq!(set.rdatas().next().unwrap()[3], last);
                }
            });
        }
        for serial in 2..60 {
            // The first record tells the serial.
            patch_marked(&store, &apex, serial);
        }
        done.store(true, Ordering::Relaxed);
    });
}

/// What somebody does to a store. Zones and settings go by small numbers.
#[derive(Clone, Debug)]
enum Op {
    Create(u8),
    Remove(u8),
    Replace(u8, Vec<u8>),
    Patch(u8, Vec<u8>),
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
}

impl Model {
    fn new() -> Self {
        let disk = FaultyDisk::default();
        let store = Some(open_small(&disk));
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
            Op::Replace(number, octets) | Op::Patch(number, octets) => {
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
                self.store = Some(open_small(&self.disk));
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
                self.store = Some(open_small(&self.disk));
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
    fn nothing_acknowledged_is_lost(ops in ops()) {
        let mut model = Model::new();
        for op in &ops {
            model.step(op);
        }
        model.step(&Op::Restart);
    }
}

fn open(disk: &FaultyDisk) -> Store {
    Store::open_on(disk.clone(), Options::default()).unwrap()
}

/// Little cache and a short journal, so that more of the machinery turns.
fn open_small(disk: &FaultyDisk) -> Store {
    let mut options = Options::default();
    options.cache_octets = 64 << 10;
    options.journal = JournalLimits {
        octets: 2_000,
        steps: 4,
    };
    Store::open_on(disk.clone(), options).unwrap()
}

fn name(text: &str) -> NameBuf {
    text.parse().unwrap()
}

fn apex(number: u8) -> NameBuf {
    name(&format!("zone{number}.example"))
}

fn replacement(apex: &NameBuf, expected: Generation, zone: Zone) -> Publication {
    Publication {
        zone: apex.clone(),
        expected,
        content: Content::Replace(zone),
        timers: None,
    }
}

fn publish_records(store: &Store, apex: &NameBuf, serial: u32, octets: &[u8]) -> Generation {
    let expected = store.zone(apex.as_name()).unwrap().generation;
    store
        .publish(replacement(apex, expected, zone(apex, serial, octets)))
        .unwrap()
}

fn patch_records(store: &Store, apex: &NameBuf, serial: u32, octets: &[u8]) -> Generation {
    patch_to(store, apex, zone(apex, serial, octets))
}

fn patch_marked(store: &Store, apex: &NameBuf, serial: u32) -> Generation {
    let host = name("n1.example.org");
    let mut builder = begun(apex, serial);
    let rdata = [192, 0, 2, serial as u8];
    builder
        .add(&Record {
            owner: host.as_name(),
            rtype: Rtype::A,
            class: Class::IN,
            ttl: 60,
            rdata: &rdata,
        })
        .unwrap();
    patch_to(store, apex, builder.finish().unwrap().0)
}

fn patch_to(store: &Store, apex: &NameBuf, new: Zone) -> Generation {
    let held = store.zone(apex.as_name()).unwrap();
    let diff = Diff::between(held.zone.as_ref().unwrap(), &new);
    let expected = held.generation;
    drop(held);
    let content = Content::Patch { zone: new, diff };
    store
        .publish(Publication {
            zone: apex.clone(),
            expected,
            content,
            timers: None,
        })
        .unwrap()
}

/// A zone of one address record for each octet.
fn zone(apex: &NameBuf, serial: u32, octets: &[u8]) -> Zone {
    let mut builder = begun(apex, serial);
    for octet in octets {
        let owner: NameBuf = format!("n{octet}.{apex}").parse().unwrap();
        let rdata = [192, 0, 2, *octet];
        let record = Record {
            owner: owner.as_name(),
            rtype: Rtype::A,
            class: Class::IN,
            ttl: 3600,
            rdata: &rdata,
        };
        builder.add(&record).unwrap();
    }
    builder.finish().unwrap().0
}

/// A zone of so many address records.
fn large_zone(apex: &NameBuf, serial: u32, count: u32) -> Zone {
    let mut builder = begun(apex, serial);
    for number in 0..count {
        let owner: NameBuf = format!("n{number:07}.{apex}").parse().unwrap();
        let record = Record {
            owner: owner.as_name(),
            rtype: Rtype::A,
            class: Class::IN,
            ttl: 3600,
            rdata: &number.to_be_bytes(),
        };
        builder.add(&record).unwrap();
    }
    builder.finish().unwrap().0
}

fn begun(apex: &NameBuf, serial: u32) -> ZoneBuilder {
    let mut soa = vec![0, 0];
    for number in [serial, 3600, 600, 86_400, 300] {
        soa.extend_from_slice(&number.to_be_bytes());
    }
    let record = |rtype, rdata| Record {
        owner: apex.as_name(),
        rtype,
        class: Class::IN,
        ttl: 3600,
        rdata,
    };
    let mut builder = ZoneBuilder::new(apex.as_name(), ZoneLimits::default(), Checks::Strict);
    builder.begin(&record(Rtype::SOA, &soa)).unwrap();
    builder.add(&record(Rtype::NS, b"\x02ns\0")).unwrap();
    builder
}

fn records(zone: &Zone) -> BTreeSet<String> {
    let mut records = zone.iter();
    let mut found = BTreeSet::new();
    while let Some(record) = records.next() {
        found.insert(record.to_string());
    }
    found
}
