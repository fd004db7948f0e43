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

/// Wherever a file is damaged, opening it says so or brings what is whole; nothing panics.
#[test]
fn no_damage_to_the_file_makes_the_store_panic() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("zones");
    let apexes: Vec<NameBuf> = (0..40).map(|n| name(&format!("z{n}.example"))).collect();
    let store = Store::open(&path, Options::default()).unwrap();
    for apex in &apexes {
        store.create_zone(apex.as_name()).unwrap();
        publish_records(&store, apex, 1, &[1, 2, 3]);
        patch_records(&store, apex, 2, &[1, 2, 4]);
    }
    drop(store);
    let whole = std::fs::read(&path).unwrap();
    let rounds = std::env::var("ZONEKIT_STORE_DAMAGES").map_or(40, |number| {
        number.parse().expect("ZONEKIT_STORE_DAMAGES: a number")
    });
    let (mut random, mut opened, mut refused) = (0x5EED_u64, 0, 0);
    let mut draw = |end: usize| {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) as usize % end
    };
    // Octets that are nothing yet are most of a small file: where one lies that is something, is worth more.
    let used: Vec<usize> = (0..whole.len()).filter(|at| whole[*at] != 0).collect();
    for round in 0..rounds {
        let mut octets = whole.clone();
        for _ in 0..1 + draw(4) {
            let at = used[draw(used.len())];
            match draw(5) {
                0 => octets[at..]
                    .iter_mut()
                    .take(512)
                    .for_each(|octet| *octet = 0),
                1 => octets[at] = 0xFF,
                2 => octets[at..]
                    .iter_mut()
                    .take(8)
                    .for_each(|octet| *octet = 0xFF),
                _ => octets[at] ^= 1 << draw(8),
            }
        }
        if draw(10) == 0 {
            octets.truncate(used[draw(used.len())]);
        }
        std::fs::write(&path, &octets).unwrap();
        let store = match Store::open(&path, Options::default()) {
            Ok(store) => store,
            Err(error) => {
                assert!(!error.to_string().is_empty());
                refused += 1;
                continue;
            }
        };
        opened += 1;
        for apex in &apexes {
            if let Some(held) = store.zone(apex.as_name()) {
                let _ = store.journal(apex.as_name(), Serial(1));
                let _ = held.zone.as_ref().map(records);
                if round % 4 == 0 {
                    let replaced = replacement(apex, held.generation, zone(apex, 3, &[1]));
                    let _ = store.publish(replaced);
                }
            }
        }
        drop(store);
        let _ = zonekit_store::check(&path, |_| ());
    }
    assert!(
        opened > 0 && refused > 0,
        "{opened} opened, {refused} refused"
    );
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
