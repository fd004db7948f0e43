//! How much history is kept, and which publications go on with it.

mod support;

use support::*;
use zonekit_store::{Content, Diff, JournalLimits, Options, Store, Zone};
use zonekit_wire::{NameBuf, Serial};

fn open_with(disk: &FaultyDisk, journal: JournalLimits) -> Store {
    let mut options = Options::default();
    options.journal = journal;
    Store::open_on(disk.clone(), options).unwrap()
}

fn publish_next(store: &Store, apex: &NameBuf, zone: Zone) {
    let expected = store.zone(apex.as_name()).unwrap().generation;
    let mut publication = replacement(apex, expected, zone.clone());
    publication.content = Content::Next(zone);
    store.publish(publication).unwrap();
}

/// How many steps lead from a version to the one held.
fn steps(store: &Store, apex: &NameBuf, from: u32) -> Option<usize> {
    let steps = store.journal(apex.as_name(), Serial(from)).unwrap();
    assert_eq!(
        store.journal_octets(apex.as_name(), Serial(from)).is_some(),
        steps.is_some()
    );
    let numbers = store.journal_numbers(apex.as_name(), Serial(from));
    let at_once = steps.as_deref().unwrap_or_default();
    let mut one_by_one = Vec::new();
    for number in numbers.clone().into_iter().flatten() {
        let read = store.journal_steps(apex.as_name(), number..number + 2, 1);
        one_by_one.extend(read.unwrap().unwrap());
    }
    let octets = |steps: &[Diff]| {
        steps
            .iter()
            .flat_map(Diff::encode)
            .copied()
            .collect::<Vec<_>>()
    };
    assert_eq!(octets(&one_by_one), octets(at_once));
    assert_eq!(
        (numbers.is_some(), one_by_one.len()),
        (steps.is_some(), at_once.len())
    );
    steps.map(|steps| steps.len())
}

#[test]
fn a_whole_version_that_follows_goes_on_with_the_history_where_the_difference_is_smaller() {
    let check = |first: u32, octets: &[u8], second: u32, then: &[u8], expected: Option<usize>| {
        let disk = FaultyDisk::default();
        let store = open(&disk);
        let apex = name("example.org");
        store.create_zone(apex.as_name()).unwrap();
        publish_next(&store, &apex, zone(&apex, first, octets));
        publish_next(&store, &apex, zone(&apex, second, then));
        for store in [store, open(&disk)] {
            let held = store.zone(apex.as_name()).unwrap();
            let held = held.servable().unwrap();
            assert_eq!(held.serial(), Serial(second));
            assert_eq!(records(held), records(&zone(&apex, second, then)));
            if first != second {
                assert_eq!(steps(&store, &apex, first), expected, "{first} to {second}");
            }
            for step in store
                .journal(apex.as_name(), Serial(first))
                .unwrap()
                .unwrap_or_default()
            {
                let led_to = step.apply(&zone(&apex, first, octets)).unwrap();
                assert_eq!(records(&led_to), records(held));
            }
            drop(store);
        }
    };
    let (many, one_more): (Vec<u8>, Vec<u8>) = ((0..40).collect(), (0..41).collect());
    check(1, &many, 2, &one_more, Some(1));
    check(1, &many, 2, &many, Some(1));
    check(u32::MAX, &many, 3, &one_more, Some(1));
    // The history ends: a lower serial, one that is neither, the same one, other contents.
    check(3, &many, 2, &one_more, None);
    check(1, &many, 1 + (1 << 31), &one_more, None);
    check(2, &many, 2, &one_more, None);
    let others: Vec<u8> = (100..140).collect();
    check(1, &many, 2, &others, None);
}

#[test]
fn what_is_forced_upon_a_zone_ends_its_history() {
    let store = open(&FaultyDisk::default());
    let apex = name("example.org");
    store.create_zone(apex.as_name()).unwrap();
    let many: Vec<u8> = (0..40).collect();
    publish_records(&store, &apex, 1, &many);
    publish_records(&store, &apex, 2, &many);
    assert_eq!(steps(&store, &apex, 1), None);
}

#[test]
fn steps_go_when_they_are_too_old() {
    let disk = FaultyDisk::default();
    let limits = JournalLimits {
        octets: 0,
        steps: 0,
        age: 100,
    };
    let store = open_with(&disk, limits);
    let apex = name("example.org");
    store.create_zone(apex.as_name()).unwrap();
    publish_records(&store, &apex, 1, &[1]);
    for (serial, now) in [(2, 1_000), (3, 1_050), (4, 1_090)] {
        store.note_time(now);
        patch_records(&store, &apex, serial, &[serial as u8]);
    }
    let all = |store: &Store| [1, 2, 3, 4].map(|from| steps(store, &apex, from));
    assert_eq!(all(&store), [Some(3), Some(2), Some(1), Some(0)]);
    store.note_time(1_101);
    assert_eq!(all(&store), [None, Some(2), Some(1), Some(0)]);
    drop(store);

    // Whoever is not told the time knows no ages; a publication forgets what is too old.
    let store = open_with(&disk, limits);
    assert_eq!(all(&store), [Some(3), Some(2), Some(1), Some(0)]);
    store.note_time(1_160);
    patch_records(&store, &apex, 5, &[5]);
    store.note_time(0);
    assert_eq!(all(&store), [None, None, Some(2), Some(1)]);
    drop(store);
    let store = open_with(&disk, limits);
    assert!(store.damage().is_empty());
    assert_eq!(all(&store), [None, None, Some(2), Some(1)]);
}

#[test]
fn a_history_is_never_larger_than_its_zone() {
    let disk = FaultyDisk::default();
    let no_limits = JournalLimits {
        octets: 0,
        steps: 0,
        age: 0,
    };
    let store = open_with(&disk, no_limits);
    let apex = name("example.org");
    store.create_zone(apex.as_name()).unwrap();
    publish_records(&store, &apex, 1, &[1]);
    for serial in 2..200 {
        patch_records(&store, &apex, serial, &[serial as u8; 1]);
    }
    let kept = (1..200).find_map(|from| store.journal_octets(apex.as_name(), Serial(from)));
    let kept = kept.unwrap();
    assert!((8_000..=16_384).contains(&kept), "{kept} octets");
}

#[test]
fn other_limits_hold_from_the_next_publication_on() {
    let store = open(&FaultyDisk::default());
    let apex = name("example.org");
    store.create_zone(apex.as_name()).unwrap();
    publish_records(&store, &apex, 1, &[1]);
    for serial in 2..10 {
        patch_records(&store, &apex, serial, &[serial as u8]);
    }
    assert_eq!(steps(&store, &apex, 1), Some(8));
    store.set_journal_limits(JournalLimits {
        steps: 3,
        ..JournalLimits::default()
    });
    patch_records(&store, &apex, 10, &[10]);
    assert_eq!(steps(&store, &apex, 6), None);
    assert_eq!(steps(&store, &apex, 7), Some(3));
}
