//! Limits on what a zone may hold, while it is built and while it is patched: at the limit, and one above.

mod common;

use common::{build, name, record, soa};
use zonekit_store::{
    Batch, Checks, EditError, Options, Store, StoreError, Timers, Zone, ZoneBuilder, ZoneLimits,
    ZonePatch,
};
use zonekit_wire::{NameBuf, RecordBuf, Rtype};

/// All records but the SOA, of which there are always the same octets.
fn built(apex: &NameBuf, records: &[RecordBuf], limits: ZoneLimits) -> Result<Zone, EditError> {
    let mut builder = ZoneBuilder::new(apex.as_name(), limits, Checks::Strict);
    builder.begin(&soa(apex, 2).as_record())?;
    for record in records {
        builder.add(&record.as_record())?;
    }
    builder.finish().map(|(zone, _)| zone)
}

/// The same version by adding the last `added` records to a version of the others.
fn patched(
    apex: &NameBuf,
    records: &[RecordBuf],
    added: usize,
    limits: ZoneLimits,
) -> Result<Zone, EditError> {
    let (held, added) = records.split_at(records.len() - added);
    let (zone, _) = build(apex, &soa(apex, 1), held).unwrap();
    let mut patch = ZonePatch::new(&zone, limits, Checks::Strict);
    patch.step(&soa(apex, 1).as_record())?;
    patch.reach(&soa(apex, 2).as_record())?;
    for record in added {
        patch.add(&record.as_record())?;
    }
    patch.finish().map(|(zone, ..)| zone)
}

/// Holds a zone against a limit that it just keeps, and against one that it passes by one.
fn check(records: &[RecordBuf], at: ZoneLimits, below: ZoneLimits, error: EditError) {
    let apex = name("example");
    for order in [false, true] {
        let mut records = records.to_vec();
        if order {
            records[1..].reverse(); // what does not come in order is sorted in at the end
        }
        let kept = built(&apex, &records, at).unwrap();
        assert_eq!(kept.record_count(), records.len() as u64 + 1);
        assert_eq!(built(&apex, &records, below).unwrap_err(), error);
    }
    for added in 1..records.len() {
        patched(&apex, records, added, at).unwrap();
        assert_eq!(patched(&apex, records, added, below).unwrap_err(), error);
    }
    built(&apex, records, ZoneLimits::NONE).unwrap();
}

fn zone() -> Vec<RecordBuf> {
    let (apex, host) = (name("example"), name("host.example"));
    let mut records = vec![record(&apex, Rtype::NS, 60, b"\x02ns\0")];
    for octet in 1..=5 {
        records.push(record(&host, Rtype::A, 60, &[192, 0, 2, octet]));
    }
    for rtype in [Rtype::MX, Rtype::TXT, Rtype::AAAA] {
        records.push(record(&host, rtype, 60, &[0; 16]));
    }
    records
}

#[test]
fn records_are_limited() {
    let limits = |records| ZoneLimits {
        records,
        ..ZoneLimits::NONE
    };
    let error = EditError::TooManyRecords { limit: 9 };
    check(&zone(), limits(10), limits(9), error);
}

#[test]
fn octets_are_limited() {
    let apex = name("example");
    let whole = built(&apex, &zone(), ZoneLimits::NONE).unwrap().octets();
    let all = [zone(), vec![soa(&apex, 2)]].concat();
    let wire: usize = { all.iter() }
        .map(|record| record.owner.as_name().as_octets().len() + 10 + record.rdata.len())
        .sum();
    assert_eq!(whole, wire as u64);
    let limits = |octets| ZoneLimits {
        octets,
        ..ZoneLimits::NONE
    };
    let limit = whole - 1;
    let error = EditError::TooManyOctets { limit };
    check(&zone(), limits(whole), limits(limit), error);
}

#[test]
fn records_of_a_set_are_limited() {
    let limits = |records_per_rrset| ZoneLimits {
        records_per_rrset,
        ..ZoneLimits::NONE
    };
    let (owner, limit) = (name("host.example"), 4);
    let error = |rtype| EditError::TooManyRecordsInRrset {
        owner: owner.clone(),
        rtype,
        limit,
    };
    // The set that grows comes last, so that each patch adds to it.
    let mut records = zone();
    records[1..].sort_by_key(|record| record.rtype == Rtype::A);
    for added in 1..5 {
        let apex = name("example");
        patched(&apex, &records, added, limits(5)).unwrap();
        let refused = patched(&apex, &records, added, limits(4));
        assert_eq!(refused.unwrap_err(), error(Rtype::A));
    }
    built(&name("example"), &records, limits(5)).unwrap();
    let refused = built(&name("example"), &records, limits(4));
    assert_eq!(refused.unwrap_err(), error(Rtype::A));

    // Signatures count for the type that they cover.
    let signature = |tag: u8| {
        let rdata = [&[0, 16, 13, 2][..], &[0; 12], &[0, tag, 0], &[7; 8]].concat();
        record(&owner, Rtype::RRSIG, 60, &rdata)
    };
    let mut records = vec![zone()[0].clone()];
    records.extend((1..=5).map(signature));
    built(&name("example"), &records, limits(5)).unwrap();
    let refused = built(&name("example"), &records, limits(4));
    assert_eq!(refused.unwrap_err(), error(Rtype::TXT));
    let refused = patched(&name("example"), &records, 1, limits(4));
    assert_eq!(refused.unwrap_err(), error(Rtype::TXT));
}

#[test]
fn types_at_a_name_are_limited() {
    let limits = |types_per_name| ZoneLimits {
        types_per_name,
        ..ZoneLimits::NONE
    };
    let error = EditError::TooManyTypes {
        owner: name("host.example"),
        limit: 3,
    };
    // Each patch adds a type.
    let mut records = zone();
    records.truncate(2);
    records.extend(zone().split_off(6));
    check(&records, limits(4), limits(3), error);
}

#[test]
fn what_is_removed_in_the_same_patch_does_not_count() {
    let apex = name("example");
    let limits = ZoneLimits {
        records: 10,
        records_per_rrset: 5,
        types_per_name: 4,
        ..ZoneLimits::NONE
    };
    let records = zone();
    let (held, _) = build(&apex, &soa(&apex, 1), &records).unwrap();
    let host = name("host.example");
    let (gone, new) = (&records[1], record(&host, Rtype::A, 60, &[192, 0, 2, 77]));
    let mut patch = ZonePatch::new(&held, limits, Checks::Strict);
    patch.step(&soa(&apex, 1).as_record()).unwrap();
    patch.remove(&gone.as_record()).unwrap();
    patch.reach(&soa(&apex, 2).as_record()).unwrap();
    patch.add(&new.as_record()).unwrap();
    assert_eq!(patch.finish().unwrap().0.record_count(), 10);
}

/// A patch is stopped by the record that passes a limit, long before it could be carried out.
#[test]
fn limits_of_a_patch_are_watched_as_records_come() {
    let (apex, host) = (name("example"), name("host.example"));
    let (held, _) = build(&apex, &soa(&apex, 1), &zone()[..1]).unwrap();
    let size =
        |record: &RecordBuf| record.owner.as_name().as_octets().len() + 10 + record.rdata.len();
    let none = ZoneLimits::NONE;
    let stopped_at = |limits, number_to_record: &dyn Fn(u16) -> RecordBuf| {
        let mut patch = ZonePatch::new(&held, limits, Checks::Strict);
        patch.step(&soa(&apex, 1).as_record()).unwrap();
        patch.reach(&soa(&apex, 2).as_record()).unwrap();
        (1..1_000).find_map(|number| {
            let result = patch.add(&number_to_record(number).as_record());
            result.err().map(|error| (number, error))
        })
    };
    let address = |number: u16| {
        let [high, low] = number.to_be_bytes();
        record(&host, Rtype::A, 60, &[10, 0, high, low])
    };
    let typed = |number: u16| record(&host, Rtype(0xFA00 + number / 2), 60, &number.to_be_bytes());
    let limits = ZoneLimits {
        records: 50,
        ..none
    };
    let error = EditError::TooManyRecords { limit: 50 };
    assert_eq!(stopped_at(limits, &address), Some((49, error)));

    let octets = held.octets() + 7 * size(&address(1)) as u64;
    let limits = ZoneLimits { octets, ..none };
    let error = EditError::TooManyOctets { limit: octets };
    assert_eq!(stopped_at(limits, &address), Some((8, error)));

    let (owner, limit) = (host.clone(), 20);
    let limits = ZoneLimits {
        records_per_rrset: limit,
        ..none
    };
    let rtype = Rtype::A;
    let error = EditError::TooManyRecordsInRrset {
        owner: owner.clone(),
        rtype,
        limit,
    };
    assert_eq!(stopped_at(limits, &address), Some((21, error)));
    assert_eq!(stopped_at(limits, &typed), None, "two of each type");

    let limits = ZoneLimits {
        types_per_name: limit,
        ..none
    };
    let error = EditError::TooManyTypes { owner, limit };
    assert_eq!(stopped_at(limits, &typed), Some((40, error)));
    assert_eq!(stopped_at(limits, &address), None);
}

/// Steps that remove and add the same record again and again come to nothing, and take memory all the same.
#[test]
fn the_changes_of_a_patch_are_limited_whatever_they_come_to() {
    let apex = name("example");
    let (held, _) = build(&apex, &soa(&apex, 1), &zone()).unwrap();
    let limit = held.octets();
    let limits = ZoneLimits {
        octets: limit,
        ..ZoneLimits::NONE
    };
    let mut patch = ZonePatch::new(&held, limits, Checks::Strict);
    let flipped = &zone()[8];
    let stopped = (1..1_000_u32).find_map(|serial| {
        patch.step(&soa(&apex, serial).as_record()).unwrap();
        let removed = patch.remove(&flipped.as_record());
        let reached = patch.reach(&soa(&apex, serial + 1).as_record());
        let added = reached.and_then(|()| patch.add(&flipped.as_record()));
        removed.and(added).err().map(|error| (serial, error))
    });
    let (serial, error) = stopped.unwrap();
    assert_eq!(error, EditError::TooManyOctets { limit });
    assert!((2..20).contains(&serial), "{serial}");
}

#[test]
fn zones_are_limited() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("zones");
    let open = |zones| {
        let mut options = Options::default();
        options.zones = zones;
        Store::open(&path, options).unwrap()
    };
    let is_full = |result: Result<(), StoreError>, expected| matches!(result, Err(StoreError::TooManyZones { limit }) if limit == expected);
    let apex = |number: usize| name(&format!("z{number}.example"));
    let create = |store: &Store, number| store.create_zone(apex(number).as_name()).map(drop);
    let store = open(3);
    for number in 0..3 {
        create(&store, number).unwrap();
    }
    assert!(is_full(create(&store, 3), 3));
    // One that goes makes room, also in the same batch.
    store.remove_zone(apex(0).as_name()).unwrap();
    create(&store, 3).unwrap();
    let mut batch = Batch::new();
    batch.create_zone(apex(4).as_name(), Timers::default());
    batch.remove_zone(apex(3).as_name());
    store.commit(batch).unwrap();
    let mut batch = Batch::new();
    batch.create_zone(apex(5).as_name(), Timers::default());
    batch.remove_zone(apex(4).as_name());
    batch.create_zone(apex(6).as_name(), Timers::default());
    assert!(is_full(store.commit(batch), 3));
    assert_eq!(store.zone_count(), 3);
    drop(store);

    // All that there are are served under any limit.
    let store = open(2);
    assert_eq!(store.zone_count(), 3);
    assert!(is_full(create(&store, 7), 2));
    drop(store);
    create(&open(0), 7).unwrap();
}
