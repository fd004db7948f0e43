//! What the tests of the file share: disks that fail, small zones, and ways to publish them.

#![allow(dead_code, unreachable_pub)] // each test file uses a part of this

mod faulty;

use std::collections::BTreeSet;

use zonekit_store::{
    Checks, Content, Diff, Generation, JournalLimits, Options, Publication, Store, Zone,
    ZoneBuilder, ZoneLimits,
};
use zonekit_wire::{Class, NameBuf, Record, RecordBuf, Rtype};

pub(crate) use faulty::FaultyDisk;

pub fn open(disk: &FaultyDisk) -> Store {
    Store::open_on(disk.clone(), Options::default()).unwrap()
}

/// Little cache and a short journal, so that more of the machinery turns.
pub fn open_small(disk: &FaultyDisk) -> Store {
    Store::open_on(disk.clone(), small_options()).unwrap()
}

/// The same, and every version is written in pieces before it counts.
pub fn open_in_pieces(disk: &FaultyDisk) -> Store {
    let mut options = small_options();
    options.piece_octets = 1;
    Store::open_on(disk.clone(), options).unwrap()
}

/// The same, and a piece is several pages, each in a transaction of its own.
pub fn open_in_portions(disk: &FaultyDisk) -> Store {
    let mut options = small_options();
    options.piece_octets = 6_000;
    options.cache_octets = 32 << 10;
    Store::open_on(disk.clone(), options).unwrap()
}

fn small_options() -> Options {
    let mut options = Options::default();
    options.cache_octets = 64 << 10;
    options.journal = JournalLimits {
        octets: 2_000,
        steps: 4,
        age: 0,
    };
    options
}

pub fn name(text: &str) -> NameBuf {
    text.parse().unwrap()
}

pub fn apex(number: u8) -> NameBuf {
    name(&format!("zone{number}.example"))
}

pub fn replacement(apex: &NameBuf, expected: Generation, zone: Zone) -> Publication {
    Publication {
        zone: apex.clone(),
        expected,
        content: Content::Replace(zone),
        timers: None,
    }
}

pub fn publish_records(store: &Store, apex: &NameBuf, serial: u32, octets: &[u8]) -> Generation {
    let expected = store.zone(apex.as_name()).unwrap().generation;
    store
        .publish(replacement(apex, expected, zone(apex, serial, octets)))
        .unwrap()
}

pub fn patch_records(store: &Store, apex: &NameBuf, serial: u32, octets: &[u8]) -> Generation {
    patch_to(store, apex, zone(apex, serial, octets))
}

pub fn patch_to(store: &Store, apex: &NameBuf, new: Zone) -> Generation {
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
pub fn zone(apex: &NameBuf, serial: u32, octets: &[u8]) -> Zone {
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
pub fn large_zone(apex: &NameBuf, serial: u32, count: u32) -> Zone {
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

/// The SOA record of all zones here.
pub fn soa_record(apex: &NameBuf, serial: u32) -> RecordBuf {
    let mut rdata = vec![0, 0];
    for number in [serial, 3600, 600, 86_400, 300] {
        rdata.extend_from_slice(&number.to_be_bytes());
    }
    RecordBuf {
        owner: apex.clone(),
        rtype: Rtype::SOA,
        class: Class::IN,
        ttl: 3600,
        rdata,
    }
}

pub fn begun(apex: &NameBuf, serial: u32) -> ZoneBuilder {
    let record = |rtype, rdata| Record {
        owner: apex.as_name(),
        rtype,
        class: Class::IN,
        ttl: 3600,
        rdata,
    };
    let mut builder = ZoneBuilder::new(apex.as_name(), ZoneLimits::default(), Checks::Strict);
    builder
        .begin(&soa_record(apex, serial).as_record())
        .unwrap();
    builder.add(&record(Rtype::NS, b"\x02ns\0")).unwrap();
    builder
}

pub fn records(zone: &Zone) -> BTreeSet<String> {
    let mut records = zone.iter();
    let mut found = BTreeSet::new();
    while let Some(record) = records.next() {
        found.insert(record.to_string());
    }
    found
}
