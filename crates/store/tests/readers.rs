//! Readers in other threads, while versions come and go: each version that they see is whole.
//!
//! Tests look for a second; `ZONEKIT_STORE_SECONDS` says another time:
//!
//! ```sh
//! ZONEKIT_STORE_SECONDS=600 cargo test --release -p zonekit-store --test readers -- --nocapture
//! ```

mod support;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use support::*;
use zonekit_store::{
    Checks, Content, Diff, Publication, Store, Zone, ZoneBuilder, ZoneLimits, ZonePatch,
};
use zonekit_wire::{Class, NameBuf, Record, Rtype};

/// Markers, each in a page of its own: between two of them lie records that fill one.
const MARKERS: u32 = 40;
const BETWEEN: u32 = 12;

fn owner(apex: &NameBuf, marker: u32, number: u32) -> NameBuf {
    name(&format!("m{marker:03}-{number:02}.{apex}"))
}

fn text(owner: &NameBuf, octets: &[u8], show: impl FnOnce(&Record<'_>)) {
    show(&Record {
        owner: owner.as_name(),
        rtype: Rtype(65_280),
        class: Class::IN,
        ttl: 60,
        rdata: octets,
    });
}

fn add_all(apex: &NameBuf, serial: u32, builder: &mut ZoneBuilder) {
    for marker in 0..MARKERS {
        text(&owner(apex, marker, 0), &serial.to_be_bytes(), |record| {
            builder.add(record).unwrap();
        });
        for number in 1..=BETWEEN {
            text(
                &owner(apex, marker, number),
                &[number as u8; 400],
                |record| {
                    builder.add(record).unwrap();
                },
            );
        }
    }
}

fn whole(apex: &NameBuf, serial: u32) -> Zone {
    let mut builder: ZoneBuilder = begun(apex, serial);
    add_all(apex, serial, &mut builder);
    builder.finish().unwrap().0
}

/// From one version to the next: every marker changes, and nothing else.
fn step(apex: &NameBuf, old: &Zone, serial: u32) -> (Zone, Diff) {
    let mut patch = ZonePatch::new(old, ZoneLimits::default(), Checks::Strict);
    let soa = |serial| soa_record(apex, serial);
    let from = old.serial().0;
    patch.step(&soa(from).as_record()).unwrap();
    for marker in 0..MARKERS {
        text(&owner(apex, marker, 0), &from.to_be_bytes(), |record| {
            patch.remove(record).unwrap();
        });
    }
    patch.reach(&soa(serial).as_record()).unwrap();
    for marker in 0..MARKERS {
        text(&owner(apex, marker, 0), &serial.to_be_bytes(), |record| {
            patch.add(record).unwrap();
        });
    }
    let (zone, diff, _) = patch.finish().unwrap();
    (zone, diff)
}

/// Every marker tells the serial of the SOA, and everything between them is there.
fn check(zone: &Zone) {
    let serial = zone.serial().0.to_be_bytes();
    let (mut markers, mut others) = (0, 0);
    let mut records = zone.iter();
    while let Some(record) = records.next() {
        match (record.rtype, record.rdata) {
            (Rtype::SOA | Rtype::NS, _) => {}
            (_, marker) if marker.len() == 4 => {
                assert_eq!(marker, serial, "{}", record.owner);
                markers += 1;
            }
            (_, other) => {
                assert!(other.len() == 400 && other.iter().all(|octet| *octet == other[0]));
                others += 1;
            }
        }
    }
    assert_eq!((markers, others), (MARKERS, MARKERS * BETWEEN));
}

#[test]
fn every_version_that_readers_see_is_whole() {
    let seconds = std::env::var("ZONEKIT_STORE_SECONDS").map_or(1, |number| {
        number.parse().expect("ZONEKIT_STORE_SECONDS: a number")
    });
    let apex = name("example.org");
    let store = Store::in_memory();
    store.create_zone(apex.as_name()).unwrap();
    let first = whole(&apex, 1);
    assert!(first.pages().count() >= MARKERS as usize);
    let expected = store.zone(apex.as_name()).unwrap().generation;
    store.publish(replacement(&apex, expected, first)).unwrap();

    let (is_over, seen) = (AtomicBool::new(false), AtomicU64::new(0));
    let mut serial = 1;
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let mut last = None;
                while !is_over.load(Ordering::Relaxed) {
                    let zone = store.zone(apex.as_name()).unwrap().servable().cloned();
                    let zone = zone.expect("there always is one");
                    check(&zone);
                    assert!(
                        last.is_none_or(|last| last <= zone.serial().0),
                        "none goes back"
                    );
                    last = Some(zone.serial().0);
                    seen.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(seconds)
            || serial < 5
            || seen.load(Ordering::Relaxed) == 0
        {
            assert!(
                began.elapsed() < Duration::from_secs(seconds + 60),
                "{serial} versions and no reader"
            );
            serial += 1;
            let held = store.zone(apex.as_name()).unwrap();
            let content = match serial % 4 {
                0 => Content::Replace(whole(&apex, serial)),
                _ => {
                    let (zone, diff) = step(&apex, held.zone.as_ref().unwrap(), serial);
                    Content::Patch { zone, diff }
                }
            };
            let expected = held.generation;
            drop(held);
            let published = store.publish(Publication {
                zone: apex.clone(),
                expected,
                content,
                timers: None,
            });
            published.unwrap();
        }
        is_over.store(true, Ordering::Relaxed);
    });
    let seen = seen.into_inner();
    println!("{serial} versions, looked at {seen} times");
    assert!(serial >= 5 && seen > 0);
}
