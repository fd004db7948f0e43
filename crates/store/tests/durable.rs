//! What a store keeps: through restarts, in its journal, and while many publish and read.

mod support;

use support::*;
use zonekit_store::{
    Batch, Checks, Content, Diff, JournalLimits, Options, Publication, Standing, Store, StoreError,
    Timers, ZoneBuilder, ZoneLimits,
};
use zonekit_wire::{Class, Name, Record, Rtype, Serial};

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
fn a_zone_that_is_reset_is_another_one_of_the_same_name() {
    let disk = FaultyDisk::default();
    let mut options = Options::default();
    options.zones = 1;
    let store = Store::open_on(disk.clone(), options).unwrap();
    let (apex, other) = (name("example.org"), name("other.example"));
    store.create_zone(apex.as_name()).unwrap();
    let before = publish_records(&store, &apex, 1, &[1]);
    let held = store.zone(apex.as_name()).unwrap();

    // There may be as many zones as there are: one in the place of another is no more.
    let timers = Timers {
        next_check: 7,
        ..Timers::default()
    };
    let mut batch = Batch::new();
    batch.reset_zone(apex.as_name(), timers);
    store.commit(batch).unwrap();
    assert_eq!(
        held.servable().unwrap().serial(),
        Serial(1),
        "it is held on to"
    );
    let check = |store: &Store| {
        let reset = store.zone(apex.as_name()).unwrap();
        assert_eq!(reset.standing, Standing::NeverLoaded);
        assert!(reset.zone.is_none() && reset.generation > before);
        assert_eq!(store.timers(apex.as_name()), Some(timers));
        assert_eq!(store.zone_count(), 1);
    };
    check(&store);
    let late = store.publish(replacement(&apex, before, zone(&apex, 2, &[2])));
    assert!(matches!(late, Err(StoreError::Conflict { .. })));

    let mut batch = Batch::new();
    batch
        .reset_zone(apex.as_name(), Timers::default())
        .create_zone(other.as_name(), Timers::default());
    let one_more = store.commit(batch);
    assert!(matches!(
        one_more,
        Err(StoreError::TooManyZones { limit: 1 })
    ));
    let mut batch = Batch::new();
    batch.reset_zone(other.as_name(), Timers::default());
    assert!(matches!(
        store.commit(batch),
        Err(StoreError::NoSuchZone(_))
    ));
    drop(store);
    check(&open(&disk));
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
        age: 0,
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
fn noted_values_reach_the_file_with_the_next_commit() {
    let disk = FaultyDisk::default();
    let store = open(&disk);
    let apex = name("example.org");
    store.create_zone(apex.as_name()).unwrap();
    store.note_setting("past/a", Some(vec![7; 20_000]));
    store.note_setting("past/b", Some(b"b".to_vec()));
    assert_eq!(
        open(&disk.after_crash(|_| 0)).setting("past/a").unwrap(),
        None
    );

    publish_records(&store, &apex, 1, &[1]);
    let crashed = open(&disk.after_crash(|_| 0));
    for store in [&store, &crashed] {
        assert_eq!(store.setting("past/a").unwrap(), Some(vec![7; 20_000]));
        assert_eq!(store.setting("past/b").unwrap().as_deref(), Some(&b"b"[..]));
    }

    store.note_setting("past/a", Some(b"newer".to_vec()));
    store.note_setting("past/b", None);
    store.flush().unwrap();
    let crashed = open(&disk.after_crash(|_| 0));
    assert_eq!(
        crashed.setting("past/a").unwrap().as_deref(),
        Some(&b"newer"[..])
    );
    assert_eq!(crashed.setting("past/b").unwrap(), None);
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
