//! What a small zone costs, when there are very many: memory of the store, and room in its file.
//!
//! Tests look at a few thousand zones; `ZONEKIT_STORE_ZONES` says another number:
//!
//! ```sh
//! ZONEKIT_STORE_ZONES=20000 cargo test --release -p zonekit-store --test tiny -- --nocapture
//! ```

#![allow(unsafe_code)] // an allocator cannot be written without

mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use support::*;
use zonekit_store::{
    Batch, Checks, Content, Options, Publication, Store, Timers, Zone, ZoneBuilder, ZoneLimits,
};
use zonekit_wire::{NameBuf, master::Reader};

/// The system's allocator, which counts what is held.
struct Counting;

static HELD: AtomicUsize = AtomicUsize::new(0);

/// What a block takes where allocators are frugal: eight octets of their own, in steps of sixteen.
fn taken(layout: Layout) -> usize {
    (layout.size() + 8).next_multiple_of(16).max(32)
}

// SAFETY: everything is passed on to the system's allocator as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        HELD.fetch_add(taken(layout), Ordering::Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, octets: *mut u8, layout: Layout) {
        HELD.fetch_sub(taken(layout), Ordering::Relaxed);
        unsafe { System.dealloc(octets, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

fn apex(number: usize) -> NameBuf {
    name(&format!("zone{number:06}.example.org"))
}

/// Eight records, as a parked domain has them.
fn tiny(number: usize) -> Zone {
    let apex = apex(number);
    let text = format!(
        "@ 3600 SOA ns1 hostmaster 1 3600 600 86400 300\n@ 3600 NS ns1\n@ 3600 NS ns2.provider.net.\n\
         @ 3600 MX 10 mail\n@ 3600 A 192.0.2.{}\nmail 3600 A 192.0.2.7\nns1 3600 A 192.0.2.1\n\
         www 3600 AAAA 2001:db8::{number:x}\n",
        number % 250
    );
    let mut reader = Reader::new(text.as_bytes(), apex.as_name());
    let mut builder = ZoneBuilder::new(apex.as_name(), ZoneLimits::default(), Checks::Strict);
    let soa = reader.next_record().unwrap().unwrap();
    builder.begin(&soa).unwrap();
    while let Some(record) = reader.next_record().unwrap() {
        builder.add(&record).unwrap();
    }
    builder.finish().unwrap().0
}

#[test]
fn a_tiny_zone_takes_a_kilobyte() {
    let zones = std::env::var("ZONEKIT_STORE_ZONES").map_or(4_000, |number| {
        number.parse().expect("ZONEKIT_STORE_ZONES: a number")
    });
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("zones");
    let mut options = Options::default();
    options.cache_octets = 64 << 10; // shared by all zones, and no part of what each costs
    let before = HELD.load(Ordering::Relaxed);
    let check = |case: &str| {
        let each = (HELD.load(Ordering::Relaxed) - before) / zones;
        println!("{case}: {each} octets a zone");
        assert!(each < 1_000, "{case}: {each} octets a zone");
    };

    let store = Store::open(&path, options).unwrap();
    let timers = Timers {
        next_check: 1,
        expires_at: 2,
        failures: 0,
    };
    for first in (0..zones).step_by(500) {
        let some = || first..zones.min(first + 500);
        let mut batch = Batch::new();
        for number in some() {
            batch.create_zone(apex(number).as_name(), timers);
        }
        store.commit(batch).unwrap();
        let mut batch = Batch::new();
        for number in some() {
            let expected = store.zone(apex(number).as_name()).unwrap().generation;
            batch.publish(Publication {
                zone: apex(number),
                expected,
                content: Content::Replace(tiny(number)),
                timers: Some(timers),
            });
        }
        store.commit(batch).unwrap();
    }
    check("published");
    drop(store);

    let store = Store::open(&path, options).unwrap();
    assert!(store.damage().is_empty());
    check("loaded");
    let held = store.zone(apex(zones - 1).as_name()).unwrap();
    assert_eq!(records(held.servable().unwrap()), records(&tiny(zones - 1)));
    let octets = std::fs::metadata(&path).unwrap().len() as usize / zones;
    println!("in the file: {octets} octets a zone");
    assert!(octets < 4_000, "in the file: {octets} octets a zone");
}
