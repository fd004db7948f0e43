//! A version that is built beside another one shares the pages that are the same in both.

use std::sync::Arc;

use zonekit_store::{Checks, Zone, ZoneBuilder, ZoneLimits};
use zonekit_wire::{Class, Name, NameBuf, Record, Rtype};

const SOA: [u8; 22] = [0; 22];
const NAMES: u32 = 5_000;

/// A zone of hosts in canonical order; `address` gives the last octet of each, or leaves it out.
fn zone(before: Option<&Zone>, address: impl Fn(u32) -> Option<u8>) -> Zone {
    let apex: NameBuf = "Example".parse().unwrap();
    let mut builder = ZoneBuilder::new(apex.as_name(), ZoneLimits::default(), Checks::Lenient);
    if let Some(before) = before {
        builder = builder.sharing(before);
    }
    builder
        .begin(&record(apex.as_name(), Rtype::SOA, &SOA))
        .unwrap();
    let mut key = Vec::new();
    for (number, last) in (0..NAMES).filter_map(|number| Some((number, address(number)?))) {
        let owner: NameBuf = format!("host{number:06}.Example").parse().unwrap();
        key.clear();
        owner.as_name().write_sort_key(&mut key);
        let address = [192, 0, 2, last];
        let a = record(owner.as_name(), Rtype::A, &address);
        let text = record(owner.as_name(), Rtype::TXT, b"\x04text");
        match number % 3 {
            0 => builder.add(&a).and_then(|()| builder.add(&text)),
            1 => builder
                .add_keyed(&a, &key)
                .and_then(|()| builder.add_keyed(&text, &key)),
            _ => builder
                .add_keyed(&a, &key)
                .and_then(|()| builder.add_beside(&text)),
        }
        .unwrap();
    }
    builder.finish().unwrap().0
}

fn record<'r>(owner: Name<'r>, rtype: Rtype, rdata: &'r [u8]) -> Record<'r> {
    let (class, ttl) = (Class::IN, 60);
    Record {
        owner,
        rtype,
        class,
        ttl,
        rdata,
    }
}

/// Builds a version beside one that `old` gives, and says how many of its pages are its own.
fn check(old: impl Fn(u32) -> Option<u8>, new: impl Fn(u32) -> Option<u8>, most: usize) {
    let before = zone(None, old);
    let alone = zone(None, &new);
    let beside = zone(Some(&before), &new);
    let (mut expected, mut records) = (alone.iter(), beside.iter());
    while let Some(record) = records.next() {
        assert_eq!(expected.next(), Some(record));
    }
    assert_eq!(expected.next(), None);
    assert_eq!(alone.record_count(), beside.record_count());
    assert_eq!(alone.octets(), beside.octets());
    let fresh = before.changed_pages(&beside).fresh.len();
    assert!(fresh <= most, "{fresh} pages of {}", beside.pages().count());
    let pages: Vec<Arc<[u8]>> = beside.pages().cloned().collect();
    Zone::from_pages(beside.apex(), pages).unwrap();
}

#[test]
fn the_same_records_are_the_same_pages() {
    check(|_| Some(1), |_| Some(1), 0);
}

#[test]
fn a_change_costs_the_page_that_it_is_in() {
    check(|_| Some(1), |number| Some(1 + u8::from(number == 2_500)), 1);
}

#[test]
fn names_that_come_or_go_do_not_move_the_pages_behind_them() {
    let without = |number| (!(1_000..1_010).contains(&number)).then_some(1);
    check(|_| Some(1), without, 2);
    check(without, |_| Some(1), 2);
    let halved = |number: u32| (number < 2_000 || number.is_multiple_of(2)).then_some(1);
    check(
        halved,
        |number| halved(number).map(|last| last + u8::from(number > 4_990)),
        1,
    );
}

#[test]
fn much_that_is_new_gets_pages_of_its_own() {
    let few = |number: u32| number.is_multiple_of(500).then_some(1);
    check(few, |_| Some(1), usize::MAX);
    check(|_| Some(1), few, usize::MAX);
}
