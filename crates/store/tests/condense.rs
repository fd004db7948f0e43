//! Several differences as one.

mod support;

use support::*;
use zonekit_store::{Diff, Zone};
use zonekit_wire::{Record, master::Reader};

/// What leads through these versions, of which each has these hosts: step by step, and in one.
fn check(versions: &[&[u8]], removed: usize, added: usize) {
    let apex = name("example.org");
    let versions: Vec<Zone> = (1..)
        .zip(versions)
        .map(|(serial, hosts)| zone(&apex, serial, hosts))
        .collect();
    let steps: Vec<Diff> = { versions.windows(2) }
        .map(|pair| Diff::between(&pair[0], &pair[1]))
        .collect();
    let (first, last) = (&versions[0], &versions[versions.len() - 1]);
    let condensed = Diff::condensed(&steps).unwrap();
    let counted = (condensed.removed().count(), condensed.added().count());
    assert_eq!(counted, (removed, added));
    assert_eq!(condensed.steps().count(), 1);
    assert_eq!(records(&condensed.apply(first).unwrap()), records(last));
    assert_eq!(Diff::decode(condensed.encode()).unwrap(), condensed);
    assert!(condensed.encode().len() <= steps.iter().map(|step| step.encode().len()).sum());
    // However they are put together before.
    let chained = { steps.iter().cloned() }
        .reduce(|all, next| all.then(&next).unwrap())
        .unwrap();
    assert_eq!(Diff::condensed(&[chained]).unwrap(), condensed);
    let twice: Vec<Diff> = { steps.chunks(2) }
        .map(|pair| Diff::condensed(pair).unwrap())
        .collect();
    let twice = Diff::condensed(&twice).unwrap();
    assert_eq!(records(&twice.apply(first).unwrap()), records(last));
}

#[test]
fn what_comes_and_goes_on_the_way_is_left_out() {
    check(&[&[1, 2], &[1, 2, 3]], 0, 1);
    check(&[&[1, 2], &[1, 2, 3], &[2, 3, 4]], 1, 2);
    check(&[&[1, 2], &[1, 2, 3], &[1, 2]], 0, 0);
    check(&[&[1, 2], &[1], &[1, 2], &[1], &[1, 2, 5]], 0, 1);
    check(&[&[1], &[2], &[3], &[4], &[5]], 1, 1);
    check(&[&[1], &[2], &[1], &[2]], 1, 1);
}

/// A TTL belongs to a whole RRset: whoever changes it sends all its records, and that is what remains.
#[test]
fn ttls_that_an_rrset_has_in_common_come_through() {
    let versions = [
        &["60 A 192.0.2.1", "60 A 192.0.2.2", "300 TXT kept"][..],
        &["300 A 192.0.2.1", "300 A 192.0.2.2", "300 TXT kept"],
        &["300 A 192.0.2.2", "300 A 192.0.2.3", "5 TXT kept"],
        &["60 A 192.0.2.2", "60 A 192.0.2.4", "300 TXT kept"],
    ];
    let versions: Vec<Zone> = (1..)
        .zip(versions)
        .map(|(serial, records)| host_with(serial, records))
        .collect();
    let steps: Vec<Diff> = { versions.windows(2) }
        .map(|pair| Diff::between(&pair[0], &pair[1]))
        .collect();
    let condensed = Diff::condensed(&steps).unwrap();
    assert_eq!(
        records(&condensed.apply(&versions[0]).unwrap()),
        records(&versions[3])
    );
    // The TXT went to another TTL and back, and 192.0.2.2 has the one that it had.
    let texts = |records: &mut dyn Iterator<Item = Record<'_>>| -> Vec<String> {
        records.map(|record| record.to_string()).collect()
    };
    let removed = texts(&mut condensed.removed());
    assert_eq!(removed, ["www.example.org. 60 IN A 192.0.2.1"]);
    let added = texts(&mut condensed.added());
    assert_eq!(added, ["www.example.org. 60 IN A 192.0.2.4"]);
}

/// A zone whose one host has these records, each a TTL, a type and data.
fn host_with(serial: u32, records: &[&str]) -> Zone {
    let apex = name("example.org");
    let mut builder = begun(&apex, serial);
    let text = records.iter().map(|record| format!("www {record}\n"));
    let text: String = text.collect();
    let mut reader = Reader::new(text.as_bytes(), apex.as_name());
    while let Some(record) = reader.next_record().unwrap() {
        builder.add(&record).unwrap();
    }
    builder.finish().unwrap().0
}

#[test]
fn what_does_not_follow_is_not_condensed() {
    let apex = name("example.org");
    let [a, b, c] = [1, 2, 3].map(|serial| zone(&apex, serial, &[serial as u8]));
    let (one, two) = (Diff::between(&a, &b), Diff::between(&b, &c));
    assert_eq!(Diff::condensed(&[]), None);
    assert_eq!(Diff::condensed(&[two.clone(), one.clone()]), None);
    let alone = Diff::condensed(std::slice::from_ref(&one));
    assert_eq!(alone, Some(one));
    assert!(Diff::condensed(&[two]).is_some());
}
