//! How versions come into the file: what a checkpoint writes, and what is written in pieces.

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use proptest::prelude::*;
use support::*;
use zonekit_store::{
    Batch, Checks, Content, Generation, JournalLimits, Options, Publication, Store, Zone,
    ZoneLimits, ZonePatch,
};
use zonekit_wire::{Class, NameBuf, Record, Rtype, Serial};

/// A snapshot is due with every third step.
fn eager() -> Options {
    let mut options = Options::default();
    options.journal = JournalLimits {
        octets: 0,
        steps: 4,
        age: 0,
    };
    options
}

/// Hosts by number, each with the text that it has.
type Hosts = BTreeMap<u16, Vec<u8>>;

/// The version held, with other hosts: cut down to what it has of them.
fn edited(held: &Zone, from: &Hosts, to: &Hosts) -> Content {
    let apex = held.apex().to_buf();
    let serial = held.serial().0;
    let mut patch = ZonePatch::new(held, ZoneLimits::default(), Checks::Strict);
    let rdata = [soa(serial), soa(serial + 1)];
    let [old_soa, new_soa] = rdata.each_ref().map(|rdata| Record {
        owner: apex.as_name(),
        rtype: Rtype::SOA,
        class: Class::IN,
        ttl: 3600,
        rdata,
    });
    let only = |here: &Hosts, there: &Hosts| -> Vec<(NameBuf, Vec<u8>)> {
        let differs = |(host, text): &(&u16, &Vec<u8>)| there.get(host) != Some(*text);
        let named = |(host, text): (&u16, &Vec<u8>)| (owner(&apex, *host), text.clone());
        here.iter().filter(differs).map(named).collect()
    };
    patch.step(&old_soa).unwrap();
    for (owner, rdata) in &only(from, to) {
        patch.remove(&txt(owner, rdata)).unwrap();
    }
    patch.reach(&new_soa).unwrap();
    for (owner, rdata) in &only(to, from) {
        patch.add(&txt(owner, rdata)).unwrap();
    }
    let (zone, diff, _) = patch.finish().unwrap();
    Content::Patch { zone, diff }
}

fn whole(apex: &NameBuf, serial: u32, hosts: &Hosts) -> Zone {
    let mut builder = begun(apex, serial);
    for (host, rdata) in hosts {
        let owner = owner(apex, *host);
        builder.add(&txt(&owner, rdata)).unwrap();
    }
    builder.finish().unwrap().0
}

fn owner(apex: &NameBuf, host: u16) -> NameBuf {
    name(&format!("h{host:05}.{apex}"))
}

fn txt<'r>(owner: &'r NameBuf, rdata: &'r [u8]) -> Record<'r> {
    Record {
        owner: owner.as_name(),
        rtype: Rtype::TXT,
        class: Class::IN,
        ttl: 3600,
        rdata,
    }
}

fn soa(serial: u32) -> Vec<u8> {
    let mut soa = vec![0, 0];
    for number in [serial, 3600, 600, 86_400, 300] {
        soa.extend_from_slice(&number.to_be_bytes());
    }
    soa
}

/// Character strings of so many octets in all.
fn text(filling: u8, octets: usize) -> Vec<u8> {
    let mut rdata = Vec::new();
    for part in vec![filling; octets.max(1)].chunks(255) {
        rdata.push(part.len() as u8);
        rdata.extend_from_slice(part);
    }
    rdata
}

fn publish(store: &Store, apex: &NameBuf, content: Content) -> Generation {
    let expected = store.zone(apex.as_name()).unwrap().generation;
    let publication = Publication {
        zone: apex.clone(),
        expected,
        content,
        timers: None,
    };
    store.publish(publication).unwrap()
}

fn held(store: &Store, apex: &NameBuf) -> Zone {
    store.zone(apex.as_name()).unwrap().zone.clone().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, ..ProptestConfig::default() })]

    /// Blocks that are written anew, split, joined and taken out make the version that is served, in small pieces too.
    #[test]
    fn after_any_checkpoints_the_file_has_what_is_served(
        first in prop::collection::btree_set(0..3_000_u16, 0..800),
        steps in prop::collection::vec(
            (0..3_000_u16, prop_oneof![4 => 1..40_u16, 1 => 400..3_000_u16], prop_oneof![4 => 0..300_usize, 1 => 20_000..40_000_usize], any::<bool>()),
            1..14,
        ),
        piece in prop_oneof![Just(20_000_u64), Just(8 << 20)],
    ) {
        let disk = FaultyDisk::default();
        let mut options = eager();
        options.piece_octets = piece;
        let apex = name("example.org");
        let mut hosts: Hosts = first.into_iter().map(|host| (host, text(7, 40))).collect();
        let mut store = Store::open_on(disk.clone(), options).unwrap();
        store.create_zone(apex.as_name()).unwrap();
        publish(&store, &apex, Content::Replace(whole(&apex, 1, &hosts)));
        for (round, (from, count, octets, is_removal)) in steps.into_iter().enumerate() {
            let before = hosts.clone();
            if is_removal {
                hosts.retain(|host, _| !(from..from + count).contains(host));
            } else {
                // Long texts are few, or the zone grows without need.
                let count = if octets > 300 { count.min(3) } else { count.min(200) };
                hosts.extend((from..from + count).map(|host| (host, text(round as u8, octets))));
            }
            let content = edited(&held(&store, &apex), &before, &hosts);
            publish(&store, &apex, content);
            let served = held(&store, &apex);
            prop_assert_eq!(records(&served), records(&whole(&apex, served.serial().0, &hosts)));
            drop(store);
            store = Store::open_on(disk.clone(), options).unwrap();
            prop_assert!(store.damage().is_empty(), "{:?}", store.damage());
            prop_assert_eq!(records(&held(&store, &apex)), records(&served));
        }
    }
}

#[test]
fn a_checkpoint_writes_what_has_changed_and_not_the_zone() {
    let disk = FaultyDisk::default();
    let store = Store::open_on(disk.clone(), eager()).unwrap();
    let apex = name("example.org");
    store.create_zone(apex.as_name()).unwrap();
    let mut hosts: Hosts = (0..10_000).map(|host| (host, text(1, 60))).collect();
    let before = disk.written();
    publish(&store, &apex, Content::Replace(whole(&apex, 1, &hosts)));
    let replaced = disk.written() - before;
    for round in 0..12 {
        let old = hosts.clone();
        for host in [5, 5_000, 9_999] {
            hosts.insert(host, text(2 + round, 60));
        }
        let content = edited(&held(&store, &apex), &old, &hosts);
        let before = disk.written();
        publish(&store, &apex, content);
        let written = disk.written() - before;
        assert!(
            written * 4 < replaced,
            "{written} octets, {replaced} for the zone"
        );
    }
    drop(store);
    let store = Store::open_on(disk, eager()).unwrap();
    assert_eq!(
        records(&held(&store, &apex)),
        records(&whole(&apex, 13, &hosts))
    );
}

#[test]
fn others_commit_between_the_pieces_of_a_large_version() {
    let mut options = Options::default();
    options.piece_octets = 8_000;
    let disk = FaultyDisk::default();
    let store = Store::open_on(disk.clone(), options).unwrap();
    let apex = name("example.org");
    store.create_zone(apex.as_name()).unwrap();
    let (is_over, commits) = (AtomicBool::new(false), AtomicU32::new(0));
    let between: Vec<u32> = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                let mut batch = Batch::new();
                batch.put("key", "value");
                store.commit(batch).unwrap();
                commits.fetch_add(1, Ordering::Relaxed);
            }
        });
        let between = while_published(&disk, &commits, 10, |serial| {
            publish(
                &store,
                &apex,
                Content::Replace(large_zone(&apex, serial, 30_000)),
            );
        });
        is_over.store(true, Ordering::Relaxed);
        between
    });
    assert!(between.last() > Some(&10), "{between:?}");
}

/// Has versions published until others have counted more than `enough` while one of them was written, the disk slow, so
/// that they come to it; gives what was counted during each.
fn while_published(
    disk: &FaultyDisk,
    others: &AtomicU32,
    enough: u32,
    publish: impl Fn(u32),
) -> Vec<u32> {
    let mut counted = Vec::new();
    disk.slow_down(Duration::from_millis(20));
    while counted.last().is_none_or(|last| *last <= enough) && counted.len() < 20 {
        let before = others.load(Ordering::Relaxed);
        publish(1 + counted.len() as u32);
        counted.push(others.load(Ordering::Relaxed) - before);
    }
    disk.slow_down(Duration::ZERO);
    counted
}

#[test]
fn nobody_takes_out_what_is_being_written() {
    let mut options = Options::default();
    options.piece_octets = 8_000;
    let disk = FaultyDisk::default();
    let store = Store::open_on(disk.clone(), options).unwrap();
    let (apex, other) = (name("example.org"), name("example.net"));
    store.create_zone(apex.as_name()).unwrap();
    store.create_zone(other.as_name()).unwrap();
    let (is_over, versions) = (AtomicBool::new(false), AtomicU32::new(0));
    let meanwhile = std::thread::scope(|scope| {
        scope.spawn(|| {
            // Each takes several pieces too, and takes out the one before it, and all else that is of no use.
            while !is_over.load(Ordering::Relaxed) {
                let serial = 1 + versions.load(Ordering::Relaxed);
                let small = large_zone(&other, serial, 1_000);
                publish(&store, &other, Content::Replace(small));
                versions.store(serial, Ordering::Relaxed);
            }
        });
        let meanwhile = while_published(&disk, &versions, 2, |serial| {
            publish(
                &store,
                &apex,
                Content::Replace(large_zone(&apex, serial, 30_000)),
            );
        });
        is_over.store(true, Ordering::Relaxed);
        meanwhile
    });
    assert!(meanwhile.last() > Some(&2), "{meanwhile:?}");
    let large = large_zone(&apex, meanwhile.len() as u32, 30_000);
    drop(store);
    let store = Store::open_on(disk, options).unwrap();
    assert!(store.damage().is_empty(), "{:?}", store.damage());
    assert_eq!(records(&held(&store, &apex)), records(&large));
}

/// Wherever the disk fails, and wherever the power goes, while a large version is written: the old one is there whole, or
/// the new one is; and the next one finds no less room than before.
#[test]
fn a_large_version_is_there_whole_or_not_at_all() {
    let options = || {
        let mut options = Options::default();
        options.piece_octets = 8_000;
        options
    };
    let apex = name("example.org");
    let (old, new) = (large_zone(&apex, 1, 800), large_zone(&apex, 2, 1_000));
    let contents = [&old, &new].map(records);
    let mut seen = BTreeSet::new();
    let mut operations = 0;
    loop {
        let disk = FaultyDisk::default();
        let store = Store::open_on(disk.clone(), options()).unwrap();
        store.create_zone(apex.as_name()).unwrap();
        publish(&store, &apex, Content::Replace(old.clone()));
        let expected = store.zone(apex.as_name()).unwrap().generation;
        disk.fail_after(operations);
        let result = store.publish(replacement(&apex, expected, new.clone()));
        let served = usize::from(result.is_ok());
        assert_eq!(records(&held(&store, &apex)), contents[served]);
        let crashed = [disk.after_crash(|_| 0), disk.after_crash(|most| most)];
        disk.heal();
        for disk in crashed {
            let store = Store::open_on(disk, options()).unwrap();
            assert!(store.damage().is_empty(), "{:?}", store.damage());
            let found = held(&store, &apex);
            let is_new = usize::from(found.serial() == Serial(2));
            assert_eq!(records(&found), contents[is_new]);
            assert!(is_new >= served, "what was acknowledged is there");
            seen.insert((served, is_new));
        }
        drop(store);
        if result.is_ok() && operations > 400 {
            break;
        }
        operations += if operations < 20 { 1 } else { 17 };
        assert!(operations < 5_000);
    }
    assert!(seen.contains(&(0, 0)) && seen.contains(&(1, 1)), "{seen:?}");
}
