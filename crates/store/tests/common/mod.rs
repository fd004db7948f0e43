//! A zone as a plain map, to hold the real one against; and small names and records that collide often.
#![allow(dead_code)] // each test file uses a part

use std::collections::BTreeMap;

use proptest::prelude::*;
use zonekit_store::{Checks, EditError, Notes, Zone, ZoneBuilder, ZoneLimits};
use zonekit_wire::{Class, Name, NameBuf, Record, RecordBuf, Rtype, rdata};

/// Owner, and RRs by (type, RDATA without the case of names).
pub(crate) type Model = BTreeMap<NameBuf, BTreeMap<(u16, Vec<u8>), (u32, Vec<u8>)>>;

pub(crate) fn name(text: &str) -> NameBuf {
    text.parse().unwrap()
}

pub(crate) fn record(owner: &NameBuf, rtype: Rtype, ttl: u32, rdata: &[u8]) -> RecordBuf {
    RecordBuf {
        owner: owner.clone(),
        rtype,
        class: Class::IN,
        ttl,
        rdata: rdata.to_vec(),
    }
}

pub(crate) fn soa(apex: &NameBuf, serial: u32) -> RecordBuf {
    let rdata = [
        &b"\x02ns\x00\x04host\x00"[..],
        &serial.to_be_bytes(),
        &[0, 0, 0, 9].repeat(4),
    ]
    .concat();
    record(apex, Rtype::SOA, 3600, &rdata)
}

pub(crate) fn build(
    apex: &NameBuf,
    soa: &RecordBuf,
    records: &[RecordBuf],
) -> Result<(Zone, Notes), EditError> {
    let mut builder = ZoneBuilder::new(apex.as_name(), ZoneLimits::default(), Checks::Lenient);
    builder.begin(&soa.as_record())?;
    for record in records {
        builder.add(&record.as_record())?;
    }
    builder.finish()
}

/// What the rules make of these records, by the plainest means.
pub(crate) fn model(apex: &NameBuf, records: &[RecordBuf]) -> Model {
    let mut model = Model::new();
    for record in records
        .iter()
        .filter(|record| record.owner.as_name().is_at_or_below(apex.as_name()))
    {
        insert(&mut model, record);
    }
    model
}

pub(crate) fn insert(model: &mut Model, record: &RecordBuf) {
    let node = model.entry(record.owner.clone()).or_default();
    let held = node
        .entry(key(record))
        .or_insert_with(|| (record.ttl, record.rdata.clone()));
    held.0 = held.0.min(record.ttl);
    let set = group(record.rtype.0, &record.rdata);
    let lowest = node
        .iter()
        .filter(|((t, r), _)| group(*t, r) == set)
        .map(|(_, (ttl, _))| *ttl)
        .min()
        .unwrap();
    for ((rtype, rdata), (ttl, _)) in node.iter_mut() {
        if group(*rtype, rdata) == set {
            *ttl = lowest;
        }
    }
}

pub(crate) fn key(record: &RecordBuf) -> (u16, Vec<u8>) {
    let mut canonical = Vec::new();
    rdata::canonical(record.rtype, &record.rdata, &mut canonical);
    if rdata::keeps_case(record.rtype) {
        canonical.make_ascii_lowercase(); // the records below have no other letters
    }
    (record.rtype.0, canonical)
}

/// The set that a record belongs to: its type, and what it covers.
fn group(rtype: u16, rdata: &[u8]) -> (u16, Option<[u8; 2]>) {
    (
        rtype,
        (rtype == Rtype::RRSIG.0).then(|| [rdata[0], rdata[1]]),
    )
}

/// All records as text, sorted: what two zones have to have in common.
pub(crate) fn of_zone(zone: &Zone) -> Vec<String> {
    let mut all = Vec::new();
    let mut records = zone.iter();
    while let Some(record) = records.next() {
        all.push(line(record.owner, record));
    }
    all.sort();
    all
}

pub(crate) fn of_model(model: &Model, soa: &RecordBuf) -> Vec<String> {
    let mut all = vec![line(soa.owner.as_name(), soa.as_record())];
    for (owner, node) in model {
        for ((rtype, _), (ttl, rdata)) in node {
            let owner = owner.as_name();
            all.push(line(
                owner,
                Record {
                    owner,
                    rtype: Rtype(*rtype),
                    class: Class::IN,
                    ttl: *ttl,
                    rdata,
                },
            ));
        }
    }
    all.sort();
    all
}

pub(crate) fn line(owner: Name<'_>, record: Record<'_>) -> String {
    format!(
        "{} {} {} {:?}",
        owner.to_string().to_lowercase(),
        record.ttl,
        record.rtype,
        record.rdata
    )
}

/// RDATA in few letters: the long ones are one octet again and again.
fn brief(rdata: &[u8]) -> String {
    format!("{:?} {}", &rdata[..rdata.len().min(60)], rdata.len())
}

/// Labels that are few, so that names meet: prefixes of each other, escapes, a wildcard, both cases.
fn label() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        8 => "[abc]{1,2}".prop_map(String::into_bytes),
        2 => Just(b"*".to_vec()),
        1 => Just(b"\x00".to_vec()),
        1 => Just(b"\x01\x02".to_vec()),
        1 => Just(b"Ab".to_vec()),
        1 => "[a-z0-9]{20,40}".prop_map(String::into_bytes),
    ]
}

/// A name at or below `apex`.
pub(crate) fn names(apex: NameBuf) -> impl Strategy<Value = NameBuf> {
    prop::collection::vec(label(), 0..4).prop_map(move |labels| {
        let mut name = apex.clone();
        for label in &labels {
            name.prepend_label(label).unwrap();
        }
        name
    })
}

/// A record at or below `apex` other than its SOA.
pub(crate) fn records(apex: NameBuf) -> impl Strategy<Value = RecordBuf> {
    let data = prop_oneof![
        4 => any::<[u8; 1]>().prop_map(|[a]| (Rtype::A, vec![192, 0, 2, a % 4])),
        2 => prop_oneof![Just(&b"\x02ns\x00"[..]), Just(&b"\x02NS\x00"[..]), Just(&b"\x01b\x00"[..])]
            .prop_map(|rdata| (Rtype::NS, rdata.to_vec())),
        2 => prop::sample::select(vec![&b"\x01a\0"[..], b"\x01A\0", b"\x01b\0", b"\x01B\0", b"\x02aB\0", b"\x02Ab\0"])
            .prop_map(|target| (Rtype::SVCB, [&[0, 1], target].concat())),
        1 => prop::sample::select(vec![&b"\x01a\0"[..], b"\x01A\0", b"\x01b\0"])
            .prop_map(|next| (Rtype::NSEC, [next, b"\0\x01\x40"].concat())),
        1 => Just((Rtype::DNAME, b"\x01d\x00".to_vec())),
        2 => (any::<u8>(), 0..300_usize).prop_map(|(octet, size)| (Rtype(65280), vec![octet; size])),
        1 => any::<u8>().prop_map(|octet| (Rtype(65281), vec![octet; 5000])),
        2 => (0..3_u8, any::<u8>()).prop_map(|(covers, end)| {
            let covered = [[0, 1], [0, 2], [255, 0]][usize::from(covers)];
            (Rtype::RRSIG, [&covered[..], &[13, 1, 0, 0, 0, 9], &[0; 10], &[0], &[end % 3]].concat())
        }),
    ];
    let ttl = prop_oneof![Just(3600), Just(77), Just(86400)];
    (names(apex), data, ttl)
        .prop_map(|(owner, (rtype, rdata), ttl)| record(&owner, rtype, ttl, &rdata))
}

/// All records in order, to the letter.
pub(crate) fn exactly(zone: &Zone) -> Vec<String> {
    let mut all = Vec::new();
    let mut records = zone.iter();
    while let Some(record) = records.next() {
        let owner = record.owner.as_octets();
        all.push(format!(
            "{owner:?} {} {} {:?}",
            record.ttl, record.rtype, record.rdata
        ));
    }
    all
}

/// A zone with delegations and glue that fills many pages.
pub(crate) fn large(apex: &NameBuf, names: u32) -> Vec<RecordBuf> {
    let mut records = vec![record(apex, Rtype::NS, 3600, b"\x02ns\x00")];
    for number in 0..names {
        let mut owner = apex.clone();
        owner
            .prepend_label(format!("d{:05}", number * 7919 % 100_000).as_bytes())
            .unwrap();
        records.push(record(
            &owner,
            Rtype::NS,
            3600,
            format!("\x05ns{:03}\x00", number % 200).as_bytes(),
        ));
        if number % 10 == 0 {
            owner.prepend_label(b"ns1").unwrap();
            records.push(record(&owner, Rtype::A, 3600, &number.to_be_bytes()));
        }
    }
    records
}
