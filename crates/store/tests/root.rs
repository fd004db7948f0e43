//! The real root zone, in and out.

mod common;

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use common::{exactly, name};
use zonekit_store::{Checks, Diff, Place, Zone, ZoneBuilder, ZoneLimits, ZonePatch};
use zonekit_wire::{Name, RecordBuf, Rtype, master::Reader};

/// The records of the master file, as they stand in it.
fn records() -> Vec<RecordBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/data/root.zone");
    let mut reader = Reader::open(path, Name::ROOT).unwrap();
    let mut records = Vec::new();
    while let Some(record) = reader.next_record().unwrap() {
        records.push(record.to_buf());
    }
    records
}

fn build(records: &[RecordBuf]) -> Zone {
    let mut builder = ZoneBuilder::new(Name::ROOT, ZoneLimits::default(), Checks::Strict);
    let soa = records
        .iter()
        .find(|record| record.rtype == Rtype::SOA)
        .unwrap();
    builder.begin(&soa.as_record()).unwrap();
    for record in records.iter().filter(|record| record.rtype != Rtype::SOA) {
        builder.add(&record.as_record()).unwrap();
    }
    let (zone, notes) = builder.finish().unwrap();
    assert_eq!(notes, Default::default());
    zone
}

#[test]
fn the_root_zone_comes_out_as_it_went_in() {
    let records = records();
    let zone = build(&records);
    assert_eq!(
        (zone.record_count(), zone.serial().0),
        (21_591, 2_020_101_902)
    );
    let mut expected: Vec<String> = records
        .iter()
        .map(|record| record.as_record().to_string())
        .collect();
    let mut held = Vec::new();
    let mut walk = zone.iter();
    while let Some(record) = walk.next() {
        held.push(record.to_string());
    }
    assert!(
        held[0].contains(" SOA ") || held[0].contains("\tSOA\t"),
        "{}",
        held[0]
    );
    expected.sort();
    held.sort();
    assert_eq!(held, expected);
    let octets: usize = records
        .iter()
        .map(|record| record.owner.as_name().as_octets().len() + 10 + record.rdata.len())
        .sum();
    assert_eq!(zone.octets(), octets as u64);
}

#[test]
fn questions_to_the_root_zone_end_where_they_should() {
    let zone = build(&records());
    let check = |text: &str, cut: Option<&str>, is_node: bool, covered_from: &str| {
        let name = name(text);
        let finding = zone.find(name.as_name());
        assert_eq!(
            finding.cut.map(|node| node.owner().to_string()).as_deref(),
            cut,
            "{text}"
        );
        assert_eq!(matches!(finding.place, Place::Node(_)), is_node, "{text}");
        let covering = zone.nsec_covering(name.as_name()).unwrap();
        assert_eq!(covering.owner().to_string(), covered_from, "{text}");
        assert!(covering.rrset(Rtype::NSEC).unwrap().signatures().is_some());
    };
    check(".", None, true, ".");
    check("org", Some("org."), true, "org.");
    check("www.example.org", Some("org."), false, "org.");
    check("nonexistent", None, false, "nokia.");
    check("a.gtld-servers.net", Some("net."), true, "net.");
}

#[test]
fn readers_keep_their_version_while_edits_go_on() {
    let records = records();
    let first = build(&records);
    let soa = first.soa();
    let contents = exactly(&first);
    let is_done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            let (zone, contents) = (first.clone(), &contents);
            let is_done = &is_done;
            scope.spawn(move || {
                while !is_done.load(Ordering::Relaxed) {
                    assert_eq!(&exactly(&zone), contents);
                }
            });
        }
        let mut zone = first.clone();
        for serial in 1..50 {
            let mut soas = [soa.clone(), soa.clone()];
            soas[0].serial = zone.serial();
            soas[1].serial = zone.serial().add(serial);
            let [from, to] = soas.map(|soa| {
                let mut rdata = Vec::new();
                soa.as_soa().write(&mut rdata);
                common::record(&name("."), Rtype::SOA, 86400, &rdata)
            });
            let mut patch = ZonePatch::new(&zone, ZoneLimits::default(), Checks::Strict);
            patch.step(&from.as_record()).unwrap();
            let text = common::record(&name(&format!("marker{serial}")), Rtype::TXT, 1, b"\x01x");
            patch.reach(&to.as_record()).unwrap();
            patch.add(&text.as_record()).unwrap();
            zone = patch.finish().unwrap().0;
        }
        is_done.store(true, Ordering::Relaxed);
        let diff = Diff::between(&first, &zone);
        assert_eq!((diff.removed().count(), diff.added().count()), (0, 49));
        assert_eq!(
            exactly(&Diff::between(&zone, &first).apply(&zone).unwrap()),
            contents
        );
    });
}
