//! What is said of damage in the file, and what is served all the same.

mod support;

use support::*;
use zonekit_store::{Damage, OpenError, Options, Standing, Store};
use zonekit_wire::{Class, NameBuf, Record, Rtype, Serial};

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
