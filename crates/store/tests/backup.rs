//! What a check proves, and what a backup brings back.

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use support::*;
use tempfile::TempDir;
use zonekit_store::{
    BackupError, Batch, CheckError, Checked, Content, Diff, JournalLimits, Options, Publication,
    RestoreError, Store, Timers, check, restore,
};
use zonekit_wire::Serial;

/// A store with zones that have come by all ways, and settings.
fn used(path: &Path) -> Store {
    let mut options = Options::default();
    options.piece_octets = 20_000;
    options.journal = JournalLimits {
        steps: 5,
        ..JournalLimits::default()
    };
    let store = Store::open(path, options).unwrap();
    let mut batch = Batch::new();
    batch
        .put("one", "value")
        .put("long", vec![9; 40_000])
        .create_zone(name("empty.example").as_name(), Timers::default());
    store.commit(batch).unwrap();
    for number in 0..3 {
        let apex = apex(number);
        store.create_zone(apex.as_name()).unwrap();
        publish_records(&store, &apex, 1, &[1, 2, 3]);
        for serial in 2..10 {
            patch_records(&store, &apex, serial, &[serial as u8, number]);
        }
    }
    let large = name("large.example");
    store.create_zone(large.as_name()).unwrap();
    let expected = store.zone(large.as_name()).unwrap().generation;
    let version = large_zone(&large, 1, 3_000);
    store
        .publish(replacement(&large, expected, version))
        .unwrap();
    patch_to(&store, &large, large_zone(&large, 2, 3_010));
    store
}

/// All that a store holds.
fn content(store: &Store) -> BTreeMap<String, BTreeSet<String>> {
    let zones = store.zones().map(|held| {
        let records = held.servable().map(records).unwrap_or_default();
        (held.name().to_string(), records)
    });
    let settings = store.settings("").unwrap().into_iter();
    let settings = settings.map(|(key, value)| (key, [format!("{value:?}")].into()));
    zones.chain(settings).collect()
}

fn checked(path: &Path) -> (zonekit_store::Summary, Vec<Checked>) {
    let mut zones = Vec::new();
    let summary = check(path, |zone| zones.push(zone.clone())).unwrap();
    (summary, zones)
}

#[test]
fn what_is_sound_is_said_to_be_and_left_as_it_is() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("zones");
    drop(used(&path));
    let before = fs::read(&path).unwrap();
    let (summary, zones) = checked(&path);
    assert!(summary.is_sound(), "{summary:?} {zones:?}");
    assert_eq!((summary.zones, summary.settings), (5, 2));
    let of = |zone: &str| {
        let zone = zones.iter().find(|it| it.name == name(zone)).unwrap();
        let version = zone.version.map(|it| (it.serial, it.records));
        (version, zone.steps)
    };
    assert_eq!(of("empty.example"), (None, 0));
    assert_eq!(of("zone1.example"), (Some((Serial(9), 4)), 5));
    assert_eq!(of("large.example"), (Some((Serial(2), 3_012)), 1));
    assert!(fs::read(&path).unwrap() == before, "the file is as it was");
}

/// A file that was being written when the power went needs repair when it is opened: in memory then.
#[test]
fn what_was_not_closed_is_checked_too() {
    let folder = TempDir::new().unwrap();
    let (path, copy) = (folder.path().join("zones"), folder.path().join("copy"));
    let store = used(&path);
    fs::copy(&path, &copy).unwrap();
    let before = fs::read(&copy).unwrap();
    let (summary, zones) = checked(&copy);
    assert!(summary.is_sound(), "{summary:?} {zones:?}");
    assert!(fs::read(&copy).unwrap() == before, "the file is as it was");
    assert!(matches!(check(&path, |_| {}), Err(CheckError::InUse)));
    drop(store);
}

/// Octets that are changed are found, unless nobody reads them.
#[test]
fn what_passes_the_check_is_served_as_it_was() {
    let folder = TempDir::new().unwrap();
    let (path, copy) = (folder.path().join("zones"), folder.path().join("copy"));
    let store = used(&path);
    let expected = content(&store);
    drop(store);
    let octets = fs::read(&path).unwrap();
    let (mut found, mut tried) = (0, 0);
    for at in (0..octets.len()).step_by(octets.len() / 61) {
        let mut changed = octets.clone();
        changed[at] ^= 0x55;
        fs::write(&copy, &changed).unwrap();
        tried += 1;
        match check(&copy, |_| {}) {
            Ok(summary) if summary.is_sound() => {
                let store = Store::open(&copy, Options::default()).unwrap();
                assert!(content(&store) == expected, "octet {at}");
            }
            Ok(_) | Err(_) => found += 1,
        }
    }
    assert!(found > 3, "{found} of {tried}");
}

#[test]
fn damage_is_told_with_the_zone_that_it_is_in() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("zones");
    drop(used(&path));
    let mut octets = fs::read(&path).unwrap();
    // An address that one record of the large zone has.
    let address = 2_991_u32.to_be_bytes();
    let places: Vec<usize> = octets
        .windows(4)
        .enumerate()
        .filter(|(_, window)| *window == address)
        .map(|(at, _)| at)
        .collect();
    assert!(!places.is_empty());
    for at in places {
        octets[at] ^= 1;
    }
    fs::write(&path, octets).unwrap();
    let (summary, zones) = checked(&path);
    assert!(!summary.is_sound());
    let damaged = zones.iter().filter(|zone| !zone.damage.is_empty());
    let damaged: Vec<String> = damaged.map(|zone| zone.name.to_string()).collect();
    assert_eq!(damaged, ["large.example."]);
}

#[test]
fn a_backup_is_one_moment_of_a_store_that_goes_on() {
    let folder = TempDir::new().unwrap();
    let store = used(&folder.path().join("zones"));
    let apex = name("moving.example");
    store.create_zone(apex.as_name()).unwrap();
    publish_records(&store, &apex, 1, &[1]);
    let mut batch = Batch::new();
    batch.put("serial", 1_u32.to_be_bytes());
    store.commit(batch).unwrap();

    let is_over = AtomicBool::new(false);
    let newest = AtomicU32::new(1);
    let backups = std::thread::scope(|scope| {
        let moving = scope.spawn(|| {
            let mut serial = 1;
            while !is_over.load(Ordering::Relaxed) {
                serial += 1;
                let held = store.zone(apex.as_name()).unwrap();
                let new = zone(&apex, serial, &[serial as u8]);
                let diff = Diff::between(held.zone.as_ref().unwrap(), &new);
                let mut batch = Batch::new();
                batch
                    .put("serial", serial.to_be_bytes())
                    .publish(Publication {
                        content: Content::Patch { zone: new, diff },
                        ..replacement(&apex, held.generation, zone(&apex, serial, &[]))
                    });
                store.commit(batch).unwrap();
                newest.store(serial, Ordering::Relaxed);
            }
        });
        let mut backups = 0;
        while backups < 5 || (newest.load(Ordering::Relaxed) <= 5 && !moving.is_finished()) {
            let path = folder.path().join(format!("backup{backups}"));
            let octets = store.backup(&path).unwrap();
            assert_eq!(fs::metadata(&path).unwrap().len(), octets);
            backups += 1;
        }
        is_over.store(true, Ordering::Relaxed);
        moving.join().unwrap();
        backups
    });
    let last = newest.into_inner();
    assert!(last > 5, "{last}");
    let expected = content(&store);
    for number in 0..backups {
        let path = folder.path().join(format!("backup{number}"));
        let (summary, zones) = checked(&path);
        assert!(summary.is_sound(), "{summary:?} {zones:?}");
        let backup = Store::open(&path, Options::default()).unwrap();
        let held = backup.zone(apex.as_name()).unwrap();
        let serial = held.servable().unwrap().serial().0;
        let setting = backup.setting("serial").unwrap();
        assert_eq!(setting, Some(serial.to_be_bytes().to_vec()));
        let mut found = content(&backup);
        for moved in ["serial", "moving.example."] {
            found.insert(moved.to_owned(), expected[moved].clone());
        }
        assert!(found == expected);
        let from = Serial(serial.saturating_sub(2).max(1));
        assert!(backup.journal(apex.as_name(), from).unwrap().is_some());
    }
}

#[test]
fn a_backup_overwrites_nothing() {
    let folder = TempDir::new().unwrap();
    let store = used(&folder.path().join("zones"));
    let path = folder.path().join("backup");
    fs::write(&path, "something else").unwrap();
    assert!(matches!(store.backup(&path), Err(BackupError::Exists)));
    assert_eq!(fs::read(&path).unwrap(), b"something else");
    let nowhere = folder.path().join("no/such/folder");
    assert!(matches!(store.backup(nowhere), Err(BackupError::Write(_))));
    // What was left behind by one that was cut off is no hindrance.
    fs::write(folder.path().join("other.part"), "half").unwrap();
    store.backup(folder.path().join("other")).unwrap();
    assert!(!folder.path().join("other.part").exists());
}

#[test]
fn a_backup_is_put_in_place_only_where_that_loses_nothing_unasked() {
    let folder = TempDir::new().unwrap();
    let at = |file: &str| folder.path().join(file);
    let store = used(&at("zones"));
    let expected = content(&store);
    store.backup(at("backup")).unwrap();
    let later = name("later.example");
    store.create_zone(later.as_name()).unwrap();

    let back = |replace| restore(&at("backup"), &at("zones"), replace, |_| {});
    assert!(matches!(back(false), Err(RestoreError::Exists)));
    assert!(matches!(back(true), Err(RestoreError::InUse)));
    drop(store);
    assert!(matches!(back(false), Err(RestoreError::Exists)));

    let mut octets = fs::read(at("backup")).unwrap();
    let text = b"value";
    let place = octets.windows(5).position(|window| window == text).unwrap();
    octets[place] ^= 1;
    fs::write(at("damaged"), octets).unwrap();
    let damaged = restore(&at("damaged"), &at("zones"), true, |_| {});
    assert!(
        matches!(damaged, Err(RestoreError::Damaged(_))),
        "{damaged:?}"
    );
    let untouched = Store::open(at("zones"), Options::default()).unwrap();
    assert!(untouched.zone(later.as_name()).is_some());
    drop(untouched);

    assert_eq!(back(true).unwrap().zones, 5);
    restore(&at("backup"), &at("elsewhere"), false, |_| {}).unwrap();
    for file in ["zones", "elsewhere"] {
        let store = Store::open(at(file), Options::default()).unwrap();
        assert!(content(&store) == expected, "{file}");
        publish_records(&store, &apex(0), 20, &[4]);
    }
}
