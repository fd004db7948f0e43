//! Versions built from records in any order, held against a plain map.

mod common;

use common::{build, model, name, names, of_model, of_zone, record, records, soa};
use proptest::prelude::*;
use zonekit_store::{Checks, Corrupt, EditError, Place, Zone, ZoneBuilder, ZoneLimits, ZonePatch};
use zonekit_wire::{NameBuf, RecordBuf, Rtype};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// All records come out that went in, once, under the rules for TTLs.
    #[test]
    fn a_version_holds_what_it_was_built_from(
        records in prop::collection::vec(records(name("Example.org")), 0..300),
        sorted in any::<bool>(),
    ) {
        let (apex, mut records) = (name("Example.org"), records);
        if sorted {
            records.sort_by(|a, b| a.owner.cmp(&b.owner));
        }
        let soa = soa(&apex, 7);
        let (zone, _) = build(&apex, &soa, &records).unwrap();
        let expected = of_model(&model(&apex, &records), &soa);
        prop_assert_eq!(of_zone(&zone), &expected[..]);
        prop_assert_eq!(zone.record_count(), expected.len() as u64);
        prop_assert_eq!(zone.serial().0, 7);

        // The octets add up, the pages make the same version again, and each number finds its record.
        let mut octets = 0;
        let mut last: Option<NameBuf> = None;
        let mut walk = zone.iter();
        while let Some(record) = walk.next() {
            octets += (record.owner.as_octets().len() + 10 + record.rdata.len()) as u64;
            prop_assert!(last.as_ref().is_none_or(|last| *last <= record.owner.to_buf()));
            last = Some(record.owner.to_buf());
        }
        prop_assert_eq!(zone.octets(), octets);
        let again = Zone::from_pages(zone.apex(), zone.pages().cloned()).unwrap();
        prop_assert_eq!(of_zone(&again), &expected[..]);
        let mut walk = zone.iter();
        for number in 0..expected.len() as u64 {
            let there = zone.iter_at(number).next().map(|record| record.to_string());
            prop_assert_eq!(walk.next().map(|record| record.to_string()), there);
        }
        prop_assert!(zone.iter_at(expected.len() as u64).next().is_none());
    }

    /// Lookups say what going through all names says.
    #[test]
    fn a_lookup_tells_what_a_scan_would(
        records in prop::collection::vec(records(name("example.org")), 0..200),
        sought in prop::collection::vec(names(name("example.org")), 20),
    ) {
        let apex = name("example.org");
        let (zone, _) = build(&apex, &soa(&apex, 7), &records).unwrap();
        let mut model = model(&apex, &records);
        model.entry(apex.clone()).or_default();
        for sought in sought.iter().chain(records.iter().map(|record| &record.owner)) {
            let name = sought.as_name();
            let has = |labels: usize, rtype: Rtype| {
                let node = model.get(&name.ancestor(labels).to_buf());
                node.is_some_and(|node| node.keys().any(|(held, _)| *held == rtype.0))
            };
            let exists = |labels: usize| {
                let ancestor = name.ancestor(labels);
                model.keys().any(|owner| owner.as_name().is_at_or_below(ancestor))
            };
            let finding = zone.find(name);
            let count = name.label_count();
            let encloser = (2..=count).rev().find(|labels| exists(*labels)).unwrap();
            let mut wildcard = name.ancestor(encloser).to_buf();
            wildcard.prepend_label(b"*").unwrap();
            let has_below = |name: &NameBuf| {
                model.keys().any(|owner| owner.as_name().is_at_or_below(name.as_name()))
            };
            match finding.place {
                Place::Node(node) => {
                    prop_assert!(model.contains_key(sought));
                    prop_assert_eq!(&node.owner(), sought);
                }
                Place::EmptyNonTerminal => prop_assert!(encloser == count && !model.contains_key(sought)),
                Place::Wildcard { source, closest_encloser_labels } => {
                    prop_assert_eq!(closest_encloser_labels, encloser);
                    prop_assert!(encloser < count && source.owner() == wildcard);
                }
                Place::EmptyWildcard { closest_encloser_labels } => {
                    prop_assert_eq!(closest_encloser_labels, encloser, "{}", name);
                    prop_assert!(encloser < count && !model.contains_key(&wildcard));
                    prop_assert!(has_below(&wildcard), "{}", name);
                }
                Place::Missing { closest_encloser_labels } => {
                    prop_assert_eq!(closest_encloser_labels, encloser, "{}", name);
                    prop_assert!(encloser < count && !has_below(&wildcard), "{}", name);
                }
            }
            let cut = (3..=count).find(|labels| has(*labels, Rtype::NS));
            let dname = (2..count).find(|labels| has(*labels, Rtype::DNAME));
            let (cut, dname) = match (cut, dname) {
                (Some(cut), Some(dname)) if cut <= dname => (Some(cut), None),
                (_, Some(dname)) => (None, Some(dname)),
                (cut, None) => (cut, None),
            };
            prop_assert_eq!(finding.labels, cut.or(dname).unwrap_or(0));
            prop_assert_eq!(finding.cut.map(|node| node.owner().as_name().label_count()), cut);
            prop_assert_eq!(finding.dname.map(|node| node.owner().as_name().label_count()), dname);
            let before = model.range(..=sought.clone()).next_back().map(|(owner, _)| owner.clone());
            prop_assert_eq!(zone.predecessor(name).map(|node| node.owner()), before);
            let nsec = model.range(..=sought.clone()).rev().find(|(_, node)| {
                node.keys().any(|(held, _)| *held == Rtype::NSEC.0)
            });
            let nsec = nsec.map(|(owner, _)| owner.clone());
            prop_assert_eq!(zone.nsec_covering(name).map(|node| node.owner()), nsec);
            let from = model.range(sought.clone()..).next().map(|(owner, _)| owner.clone());
            prop_assert_eq!(zone.iter_from(name).next().map(|record| record.owner.to_buf()), from);
        }
    }

    /// Damaged pages are refused, or read as something; never more.
    #[test]
    fn no_octet_in_a_page_can_do_harm(
        records in prop::collection::vec(records(name("example.org")), 1..60),
        page in any::<prop::sample::Index>(),
        at in any::<prop::sample::Index>(),
        octet in any::<u8>(),
    ) {
        let apex = name("example.org");
        let (zone, _) = build(&apex, &soa(&apex, 7), &records).unwrap();
        let mut pages: Vec<Vec<u8>> = zone.pages().map(|page| page.to_vec()).collect();
        let page = page.index(pages.len());
        let at = at.index(pages[page].len());
        pages[page][at] = octet;
        if let Ok(zone) = Zone::from_pages(apex.as_name(), pages.into_iter().map(Into::into)) {
            of_zone(&zone);
            for record in &records {
                zone.find(record.owner.as_name());
            }
        }
    }
}

/// A zone with delegations, glue and signatures that fills many pages.
fn large() -> (NameBuf, RecordBuf, Vec<RecordBuf>) {
    let apex = name("test");
    let mut records = vec![record(&apex, Rtype::NS, 3600, b"\x02ns\x00")];
    for number in 0..20_000_u32 {
        let owner = name(&format!("d{:05}.test", number * 7919 % 100_000));
        records.push(record(
            &owner,
            Rtype::NS,
            3600,
            format!("\x05ns{:03}\x00", number % 200).as_bytes(),
        ));
        if number % 10 == 0 {
            let mut glue = owner.clone();
            glue.prepend_label(b"ns1").unwrap();
            records.push(record(&glue, Rtype::A, 3600, &number.to_be_bytes()));
        }
    }
    (apex.clone(), soa(&apex, 1), records)
}

#[test]
fn order_of_arrival_makes_no_difference() {
    let (apex, soa, mut records) = large();
    let (unsorted, _) = build(&apex, &soa, &records).unwrap();
    records.sort_by(|a, b| a.owner.cmp(&b.owner));
    let (sorted, _) = build(&apex, &soa, &records).unwrap();
    assert_eq!(of_zone(&sorted), of_zone(&unsorted));
    // Glue in front of what is behind it, as when a server sends one tree after the other.
    records.sort_by_key(|record| record.rtype.0 == 2);
    let (glue_first, _) = build(&apex, &soa, &records).unwrap();
    assert_eq!(of_zone(&sorted), of_zone(&glue_first));
    assert!(
        sorted.held_octets() < 48 * records.len(),
        "{}",
        sorted.held_octets()
    );
}

#[test]
fn spelling_is_kept() {
    let apex = name("Example.ORG");
    let owners = [
        "WWW.Example.ORG",
        "MiXed.Example.ORG",
        "www2.example.org",
        "lower.Example.ORG",
    ];
    let records: Vec<_> = owners
        .iter()
        .map(|owner| record(&name(owner), Rtype::A, 1, &[0; 4]))
        .collect();
    let (zone, _) = build(&apex, &soa(&apex, 1), &records).unwrap();
    for owner in owners {
        let held = zone
            .node(name(&owner.to_lowercase()).as_name())
            .unwrap()
            .owner();
        assert_eq!(held.to_string(), format!("{owner}."));
    }
}

#[test]
fn names_without_nsec_are_passed_by_the_page() {
    // Going back name by name, the lookups below would take minutes.
    let apex = name("test");
    let next = b"\x04test\0\0\x01\x40";
    let mut records = vec![
        record(&apex, Rtype::NS, 1, b"\x02ns\0"),
        record(&apex, Rtype::NSEC, 1, next),
    ];
    for number in 0..60_000_u32 {
        let owner = name(&format!("n{number:05}.test"));
        records.push(record(&owner, Rtype::A, 1, &number.to_be_bytes()));
        if number == 20_003 {
            records.push(record(&owner, Rtype::NSEC, 1, next));
        }
    }
    let (zone, _) = build(&apex, &soa(&apex, 1), &records).unwrap();
    for number in (0..60_000).step_by(17) {
        let covering = zone.nsec_covering(name(&format!("n{number:05}.test")).as_name());
        let expected = if number < 20_003 {
            "test."
        } else {
            "n20003.test."
        };
        assert_eq!(covering.unwrap().owner().to_string(), expected);
    }
    assert!(zone.nsec_covering(name("example").as_name()).is_none());
}

#[test]
fn nsec3_is_found_by_hash_and_is_no_name() {
    let apex = name("example");
    let nsec3 = |digit: &str, next: u8| {
        let owner = name(&format!("{}.example", digit.repeat(32)));
        record(
            &owner,
            Rtype::NSEC3,
            1,
            &[&[1, 0, 0, 0, 0, 20][..], &[next; 20], &[0, 1, 0x22]].concat(),
        )
    };
    let records = [
        record(&apex, Rtype::NSEC3PARAM, 0, &[1, 0, 0, 0, 0]),
        record(&name("k.example"), Rtype::A, 1, &[0; 4]),
        nsec3("0", 0x42),
        nsec3("8", 0xFF),
        nsec3("V", 0),
        record(
            &name(&format!("{}.example", "9".repeat(32))),
            Rtype::NSEC3,
            1,
            b"\x01\x00\x00\x07\x00\x14",
        ),
    ];
    let (zone, _) = build(&apex, &soa(&apex, 1), &records).unwrap();
    let parameters = zone.nsec3_parameters().unwrap();
    let check = |hash: u8, owner: &str, is_match: bool| {
        let found = zone.nsec3_covering(&parameters, &[hash; 20]).unwrap();
        assert_eq!(
            found.owner().to_string(),
            format!("{}.example.", owner.repeat(32)),
            "{hash:#04x}"
        );
        assert_eq!(found.is_match(), is_match);
        assert_eq!(found.rrset().unwrap().len(), 1);
    };
    check(0, "0", true);
    check(0x17, "0", false);
    check(0x4A, "8", false); // the 9 between belongs to another chain
    check(0xFF, "V", true);
    check(0xFE, "8", false);
    let hashed = name(&format!("{}.example", "0".repeat(32)));
    assert!(matches!(
        zone.find(hashed.as_name()).place,
        Place::Missing {
            closest_encloser_labels: 1
        }
    ));
    assert_eq!(zone.record_count(), 7);
}

#[test]
fn nsec3_chains_that_cannot_be_used_are_passed_over() {
    let apex = name("example");
    let chosen = |chains: &[&[u8]]| {
        let records: Vec<_> = chains
            .iter()
            .map(|rdata| record(&apex, Rtype::NSEC3PARAM, 0, rdata))
            .collect();
        let (zone, _) = build(&apex, &soa(&apex, 1), &records).unwrap();
        let from_pages = Zone::from_pages(apex.as_name(), zone.pages().cloned()).unwrap();
        assert_eq!(from_pages.nsec3_parameters(), zone.nsec3_parameters());
        zone.nsec3_parameters()
            .map(|chain| (chain.algorithm, chain.iterations, chain.salt.to_vec()))
    };
    let plain = Some((1, 0, Vec::new()));
    assert_eq!(chosen(&[]), None);
    assert_eq!(chosen(&[&[0, 0, 0, 0, 0], &[2, 0, 0, 0, 0]]), None); // no known algorithm
    assert_eq!(chosen(&[&[1, 1, 0, 0, 0]]), None); // a flag is set
    assert_eq!(chosen(&[&[1, 0, 0]]), None); // malformed
    assert_eq!(chosen(&[&[0, 0, 0, 0, 0], &[1, 0, 0, 0, 0]]), plain);
    let several: [&[u8]; 3] = [&[1, 0, 0, 9, 1, 7], &[1, 0, 0, 0, 0], &[1, 1, 0, 0, 0]];
    assert_eq!(chosen(&several), plain);
    assert_eq!(chosen(&[&[1, 0, 0, 9, 1, 7]]), Some((1, 9, vec![7])));
}

#[test]
fn a_set_that_comes_in_pieces_is_noted_once() {
    let apex = name("example");
    let text = |owner: &str, number: u8, ttl| record(&name(owner), Rtype::TXT, ttl, &[1, number]);
    let lowered = |records: &[RecordBuf]| {
        let (zone, notes) = build(&apex, &soa(&apex, 1), records).unwrap();
        assert_eq!(zone.record_count(), records.len() as u64 + 1);
        notes.ttls_lowered
    };
    let (a, b) = ("a.example", "b.example");
    let pieces = [
        [text(a, 1, 9), text(a, 2, 8)],
        [text(b, 1, 5), text(b, 2, 5)],
        [text(a, 3, 7), text(a, 4, 6)],
    ];
    assert_eq!(lowered(&pieces[..2].concat()), 1);
    assert_eq!(lowered(&pieces.concat()), 1);
    // Of the same name, the signatures and another type are sets of their own.
    let rrsig = |ttl, end| {
        let rdata = [&[0, 16, 13, 1, 0, 0, 0, 9][..], &[0; 10], &[0, end]].concat();
        record(&name(a), Rtype::RRSIG, ttl, &rdata)
    };
    let others = vec![rrsig(1, 1), text(b, 3, 4), rrsig(2, 2)];
    assert_eq!(lowered(&[pieces.concat(), others].concat()), 3);

    // The same of changes: sets are counted, not records.
    let held = [text(a, 1, 9), record(&apex, Rtype::NS, 1, b"\x02ns\0")];
    let (zone, _) = build(&apex, &soa(&apex, 1), &held).unwrap();
    let mut patch = ZonePatch::new(&zone, ZoneLimits::default(), Checks::Strict);
    patch.step(&soa(&apex, 1).as_record()).unwrap();
    patch.reach(&soa(&apex, 2).as_record()).unwrap();
    for (number, ttl) in [(2, 10), (3, 8), (4, 7), (5, 11)] {
        patch.add(&text(a, number, ttl).as_record()).unwrap();
    }
    let (next, _, notes) = patch.finish().unwrap();
    assert_eq!(notes.ttls_lowered, 1);
    assert_eq!(next.rrset(name(a).as_name(), Rtype::TXT).unwrap().ttl(), 7);
}

#[test]
fn what_makes_no_sense_is_refused_or_reported() {
    let apex = name("example");
    let ns = record(&apex, Rtype::NS, 1, b"\x02ns\x00");
    let cname = |target: &[u8]| record(&name("c.example"), Rtype::CNAME, 1, target);
    let strict = |records: &[RecordBuf], limits: ZoneLimits| {
        let mut builder = ZoneBuilder::new(apex.as_name(), limits, Checks::Strict);
        builder.begin(&soa(&apex, 1).as_record())?;
        records
            .iter()
            .try_for_each(|record| builder.add(&record.as_record()))?;
        builder.finish().map(|(zone, _)| zone.record_count())
    };
    let none = ZoneLimits::NONE;
    let owner = name("c.example");
    assert_eq!(strict(&[], none), Err(EditError::OnlySoa));
    assert_eq!(strict(&[cname(b"\x00")], none), Err(EditError::NoApexNs));
    let two = [ns.clone(), cname(b"\x00"), cname(b"\x01a\x00")];
    assert_eq!(
        strict(&two, none),
        Err(EditError::SeveralCnames {
            owner: owner.clone()
        })
    );
    let beside = [
        ns.clone(),
        cname(b"\x00"),
        record(&owner, Rtype::A, 1, &[0; 4]),
    ];
    assert_eq!(
        strict(&beside, none),
        Err(EditError::CnameBesideData {
            owner: owner.clone()
        })
    );
    let below = [ns.clone(), soa(&owner, 1)];
    assert_eq!(
        strict(&below, none),
        Err(EditError::SoaBelowApex {
            owner: owner.clone()
        })
    );
    assert_eq!(
        strict(&[ns.clone(), soa(&apex, 2)], none),
        Err(EditError::SecondSoa)
    );
    assert_eq!(
        strict(&[ns.clone(), cname(b"\x00"), cname(b"\x00")], none),
        Ok(3)
    );

    let text = |number: u8| record(&owner, Rtype::TXT, 1, &[1, number]);
    let texts = [ns.clone(), text(1), text(2), text(3)];
    let limit = 2;
    let per_rrset = ZoneLimits {
        records_per_rrset: limit,
        ..none
    };
    let error = EditError::TooManyRecordsInRrset {
        owner: owner.clone(),
        rtype: Rtype::TXT,
        limit,
    };
    assert_eq!(strict(&texts, per_rrset), Err(error));
    let types = [ns.clone(), text(1), record(&owner, Rtype::A, 1, &[0; 4])];
    let per_name = ZoneLimits {
        types_per_name: 1,
        ..none
    };
    assert_eq!(
        strict(&types, per_name),
        Err(EditError::TooManyTypes {
            owner: apex.clone(),
            limit: 1
        })
    );
    let in_all = ZoneLimits { records: 3, ..none };
    assert_eq!(
        strict(&texts, in_all),
        Err(EditError::TooManyRecords { limit: 3 })
    );
    let octets = ZoneLimits { octets: 80, ..none };
    assert_eq!(
        strict(&texts, octets),
        Err(EditError::TooManyOctets { limit: 80 })
    );

    let outside = record(&name("elsewhere"), Rtype::A, 1, &[0; 4]);
    let lower = record(&owner, Rtype::TXT, 0, &[1, 9]);
    let records = [
        two.to_vec(),
        texts[1..].to_vec(),
        below[1..].to_vec(),
        vec![outside, text(1), lower],
    ]
    .concat();
    let (_, notes) = build(&apex, &soa(&apex, 1), &records).unwrap();
    assert_eq!(
        (notes.out_of_zone, notes.duplicates, notes.ttls_lowered),
        (1, 1, 1)
    );
    assert_eq!(
        (
            notes.several_cnames,
            notes.cnames_beside_data,
            notes.soas_below_apex
        ),
        (1, 1, 1)
    );
}

#[test]
fn pages_that_are_not_a_version_are_refused() {
    let (apex, soa, records) = large();
    let (zone, _) = build(&apex, &soa, &records).unwrap();
    let pages: Vec<_> = zone.pages().cloned().collect();
    let read = |pages: &[std::sync::Arc<[u8]>]| {
        Zone::from_pages(apex.as_name(), pages.iter().cloned()).map(|_| ())
    };
    assert_eq!(read(&pages), Ok(()));
    assert_eq!(read(&pages[1..]), Err(Corrupt::NoSoa));
    assert_eq!(
        read(&[&pages[..1], &pages[..1]].concat()),
        Err(Corrupt::Order { page: 1 })
    );
    assert_eq!(
        read(&[pages[0][..100].into()]),
        Err(Corrupt::Page { page: 0 })
    );
}
