//! Changes to versions, and differences between them, held against a plain map.

mod common;

use common::{
    Model, build, exactly, insert, key, large, model, name, of_model, of_zone, record, records, soa,
};
use proptest::prelude::*;
use zonekit_store::{
    ChangedPages, Checks, DecodeError, Diff, EditError, Zone, ZoneLimits, ZonePatch,
};
use zonekit_wire::{NameBuf, RecordBuf, Rtype};

/// Carries out one step.
fn patch(
    zone: &Zone,
    from: &RecordBuf,
    removed: &[RecordBuf],
    to: &RecordBuf,
    added: &[RecordBuf],
) -> Result<(Zone, Diff), EditError> {
    let mut patch = ZonePatch::new(zone, ZoneLimits::default(), Checks::Lenient);
    patch.step(&from.as_record())?;
    removed
        .iter()
        .try_for_each(|record| patch.remove(&record.as_record()))?;
    patch.reach(&to.as_record())?;
    added
        .iter()
        .try_for_each(|record| patch.add(&record.as_record()))?;
    patch.finish().map(|(zone, diff, _)| (zone, diff))
}

fn has(model: &Model, record: &RecordBuf) -> bool {
    model
        .get(&record.owner)
        .is_some_and(|node| node.contains_key(&key(record)))
}

fn take(model: &mut Model, record: &RecordBuf) {
    let node = model.get_mut(&record.owner).unwrap();
    node.remove(&key(record)).unwrap();
    if node.is_empty() {
        model.remove(&record.owner);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// A difference is exact: applied to the old version it gives the new one, to the letter.
    #[test]
    fn old_plus_difference_is_new(
        old in prop::collection::vec(records(name("example.org")), 0..200),
        new in prop::collection::vec(records(name("example.org")), 0..200),
        common in prop::collection::vec(records(name("example.org")), 0..200),
    ) {
        let apex = name("example.org");
        let (old, _) = build(&apex, &soa(&apex, 1), &[&common[..], &old].concat()).unwrap();
        let (new, _) = build(&apex, &soa(&apex, 2), &[&common[..], &new].concat()).unwrap();
        let diff = Diff::between(&old, &new);
        let decoded = Diff::decode(diff.encode()).unwrap();
        let in_order: Vec<_> = diff.records().collect();
        let mut in_pieces = Vec::new();
        let mut place = diff.records().place();
        while let Some(record) = diff.records_at(&place).next() {
            in_pieces.push(record.to_buf());
            let mut records = diff.records_at(&place);
            records.next();
            place = records.place();
        }
        prop_assert!(in_order.iter().copied().eq(in_pieces.iter().map(RecordBuf::as_record)));
        prop_assert_eq!(&decoded, &diff);
        prop_assert_eq!(exactly(&decoded.apply(&old).unwrap()), exactly(&new));
        let (removed, added) = (diff.removed().count() as u64, diff.added().count() as u64);
        prop_assert_eq!(old.record_count() + added, new.record_count() + removed);
        let there_and_back = diff.then(&Diff::between(&new, &old)).unwrap();
        prop_assert_eq!(exactly(&there_and_back.apply(&old).unwrap()), exactly(&old));
        prop_assert_eq!(Diff::between(&old, &old).removed().count(), 0);
    }

    /// Versions follow a plain map through many steps, and none changes once it is made.
    #[test]
    fn versions_follow_a_plain_map(
        first in prop::collection::vec(records(name("example.org")), 0..200),
        steps in prop::collection::vec(
            (prop::collection::vec(any::<prop::sample::Index>(), 0..40), prop::collection::vec(records(name("example.org")), 0..40)),
            1..6,
        ),
    ) {
        let apex = name("example.org");
        let mut model = model(&apex, &first);
        let (mut zone, _) = build(&apex, &soa(&apex, 1), &first).unwrap();
        let mut versions = vec![(zone.clone(), of_zone(&zone))];
        let mut whole: Option<Diff> = None;
        for ((removals, additions), serial) in steps.iter().zip(1..) {
            let (from, to) = (soa(&apex, serial), soa(&apex, serial + 1));
            let (mut removed, mut added) = (Vec::new(), Vec::new());
            let mut held: Vec<RecordBuf> = model.iter().flat_map(|(owner, node)| {
                node.iter().map(|((rtype, canonical), _)| record(owner, Rtype(*rtype), 1, canonical))
            }).collect();
            for index in removals {
                if held.is_empty() {
                    break;
                }
                let record = held.swap_remove(index.index(held.len()));
                take(&mut model, &record);
                removed.push(record);
            }
            for record in additions.iter().filter(|record| record.owner.as_name().is_at_or_below(apex.as_name())) {
                if has(&model, record) {
                    let twice = patch(&zone, &from, &removed, &to, &[&added[..], std::slice::from_ref(record)].concat());
                    let is_told = matches!(twice, Err(EditError::AlreadyThere { .. }));
                    prop_assert!(is_told);
                    continue;
                }
                insert(&mut model, record);
                added.push(record.clone());
            }
            let (next, diff) = patch(&zone, &from, &removed, &to, &added).unwrap();
            prop_assert_eq!(of_zone(&next), of_model(&model, &to));
            prop_assert_eq!(next.serial().0, serial + 1);
            prop_assert_eq!(exactly(&diff.apply(&zone).unwrap()), exactly(&next));
            prop_assert_eq!(diff.removed().count() + diff.added().count(), removed.len() + added.len());
            prop_assert_eq!(zone.record_count() + added.len() as u64, next.record_count() + removed.len() as u64);
            if let Some(gone) = removed.iter().find(|record| !has(&model, record)) {
                let error = patch(&next, &to, std::slice::from_ref(gone), &soa(&apex, 99), &[]);
                let is_told = matches!(error, Err(EditError::NotThere { .. }));
                prop_assert!(is_told);
            }
            let again = Zone::from_pages(next.apex(), next.pages().cloned()).unwrap();
            prop_assert_eq!(exactly(&again), exactly(&next));
            whole = Some(whole.map_or(diff.clone(), |whole| whole.then(&diff).unwrap()));
            zone = next;
            versions.push((zone.clone(), of_zone(&zone)));
        }
        let whole = whole.unwrap();
        prop_assert_eq!(whole.steps().count(), steps.len());
        prop_assert_eq!(of_zone(&whole.apply(&versions[0].0).unwrap()), of_zone(&zone));
        for (version, contents) in &versions {
            prop_assert_eq!(&of_zone(version), contents);
        }
    }

    /// Damaged differences are refused, or read as something; never more.
    #[test]
    fn no_octet_in_a_difference_can_do_harm(at in any::<prop::sample::Index>(), octet in any::<u8>()) {
        let apex = name("example.org");
        let (old, _) = build(&apex, &soa(&apex, 1), &large(&apex, 10)).unwrap();
        let (new, _) = build(&apex, &soa(&apex, 2), &large(&apex, 15)).unwrap();
        let mut octets = Diff::between(&old, &new).encode().to_vec();
        let at = at.index(octets.len());
        octets[at] = octet;
        if let Ok(diff) = Diff::decode(octets) {
            let _ = diff.apply(&old);
            for step in diff.steps() {
                let _ = (step.removed().count(), step.added().count());
            }
        }
    }
}

#[test]
fn a_small_change_to_a_large_zone_touches_few_pages() {
    let apex = name("test");
    let records = large(&apex, 60_000);
    let (zone, _) = build(&apex, &soa(&apex, 1), &records).unwrap();
    let pages = zone.pages().count();
    let new = record(&name("d12345x.test"), Rtype::A, 1, &[1; 4]);
    let (next, diff) = patch(
        &zone,
        &soa(&apex, 1),
        &records[7..9],
        &soa(&apex, 2),
        &[new],
    )
    .unwrap();
    let ChangedPages { gone, fresh } = zone.changed_pages(&next);
    assert!(
        pages > 200 && gone.len() <= 4 && fresh.len() <= 5,
        "{pages}, {}, {}",
        gone.len(),
        fresh.len()
    );
    assert_eq!(next.record_count(), zone.record_count() - 1);
    assert_eq!(
        exactly(&Diff::between(&zone, &next).apply(&zone).unwrap()),
        exactly(&next)
    );
    assert_eq!(
        diff.encode().len(),
        Diff::between(&zone, &next).encode().len()
    );
}

#[test]
fn a_zone_that_shrinks_to_nothing_and_grows_again_stays_in_shape() {
    let apex = name("test");
    let records = large(&apex, 30_000);
    let (full, _) = build(&apex, &soa(&apex, 1), &records).unwrap();
    let mut zone = full.clone();
    let mut serial = 1;
    let mut left = records.len() as u64 + 1;
    for part in records[1..].chunks(3_000) {
        (zone, _) = patch(
            &zone,
            &soa(&apex, serial),
            part,
            &soa(&apex, serial + 1),
            &[],
        )
        .unwrap();
        serial += 1;
        left -= part.len() as u64;
        assert_eq!(zone.record_count(), left);
        assert_eq!(exactly(&zone).len() as u64, left);
        // What pages say that they hold is counted on; here it is counted again, flags and all.
        Zone::from_pages(zone.apex(), zone.pages().cloned()).unwrap();
        // Pages that became small were joined: the zone takes what it needs.
        assert!(
            zone.held_octets() < 96 * left as usize + 4096,
            "{} for {left}",
            zone.held_octets()
        );
    }
    assert_eq!(zone.pages().count(), 1);
    for part in records[1..].chunks(777) {
        (zone, _) = patch(
            &zone,
            &soa(&apex, serial),
            &[],
            &soa(&apex, serial + 1),
            part,
        )
        .unwrap();
        serial += 1;
        Zone::from_pages(zone.apex(), zone.pages().cloned()).unwrap();
    }
    assert_eq!(exactly(&zone)[1..], exactly(&full)[1..]);
    assert!(zone.held_octets() < 2 * full.held_octets());
}

#[test]
fn a_step_must_start_where_the_zone_is() {
    let apex = name("example");
    let ns = record(&apex, Rtype::NS, 1, b"\x02ns\x00");
    let (zone, _) = build(&apex, &soa(&apex, 7), std::slice::from_ref(&ns)).unwrap();
    let start = || ZonePatch::new(&zone, ZoneLimits::default(), Checks::Strict);
    let (six, seven, eight) = (soa(&apex, 6), soa(&apex, 7), soa(&apex, 8));
    let error = start().step(&six.as_record()).unwrap_err();
    assert!(matches!(error, EditError::OtherVersion { held, step } if (held.0, step.0) == (7, 6)));
    let mut other = seven.clone();
    *other.rdata.last_mut().unwrap() ^= 1; // same serial, other minimum
    assert!(matches!(
        start().step(&other.as_record()),
        Err(EditError::OtherVersion { .. })
    ));
    let mut upper = seven.clone();
    upper.rdata.make_ascii_uppercase(); // names are compared without case
    assert_eq!(start().step(&upper.as_record()), Ok(()));

    assert_eq!(start().remove(&ns.as_record()), Err(EditError::SoaDue));
    let mut patch = start();
    patch.step(&seven.as_record()).unwrap();
    assert_eq!(patch.add(&ns.as_record()), Err(EditError::SoaDue));
    assert_eq!(patch.remove(&seven.as_record()), Err(EditError::SecondSoa));
    assert_eq!(patch.step(&seven.as_record()), Err(EditError::SoaDue));
    let not_there = record(&apex, Rtype::NS, 1, b"\x03ns2\x00");
    patch.remove(&ns.as_record()).unwrap();
    let outside = record(&name("elsewhere"), Rtype::A, 1, &[0; 4]);
    patch.remove(&outside.as_record()).unwrap();
    patch.reach(&eight.as_record()).unwrap();
    assert_eq!(patch.finish().map(|_| ()).unwrap_err(), EditError::OnlySoa);

    // The last NS may go when another comes, in a later step even; an unfinished step makes no version.
    let mut patch = start();
    patch.step(&seven.as_record()).unwrap();
    patch.remove(&ns.as_record()).unwrap();
    patch.remove(&outside.as_record()).unwrap();
    patch.reach(&eight.as_record()).unwrap();
    patch.step(&eight.as_record()).unwrap();
    patch.reach(&soa(&apex, 9).as_record()).unwrap();
    patch.add(&not_there.as_record()).unwrap();
    let (next, diff, notes) = patch.finish().unwrap();
    assert_eq!(
        (next.serial().0, notes.out_of_zone, diff.steps().count()),
        (9, 1, 2)
    );
    assert_eq!((diff.from().serial.0, diff.to().serial.0), (7, 9));
    assert_eq!(
        diff.steps()
            .map(|step| step.removed().count())
            .collect::<Vec<_>>(),
        [1, 0]
    );
    assert_eq!(
        diff.steps()
            .map(|step| step.added().count())
            .collect::<Vec<_>>(),
        [0, 1]
    );
}

#[test]
fn records_are_matched_without_case_and_ttl() {
    let apex = name("example");
    let srv = |target: &[u8], ttl| {
        record(
            &apex,
            Rtype::SRV,
            ttl,
            &[&[0, 1, 0, 2, 0, 65][..], target].concat(),
        )
    };
    let ns = record(&apex, Rtype::NS, 1, b"\x02ns\x00");
    let nsec = |next: &[u8]| record(&apex, Rtype::NSEC, 1, &[next, b"\x00\x01\x41"].concat());
    let held = [ns.clone(), srv(b"\x01a\x00", 3600), nsec(b"\x01b\x00")];
    let (zone, _) = build(&apex, &soa(&apex, 1), &held).unwrap();
    let removed = [srv(b"\x01A\x00", 5), nsec(b"\x01B\x00")];
    let (next, _) = patch(&zone, &soa(&apex, 1), &removed, &soa(&apex, 2), &[]).unwrap();
    assert_eq!(next.record_count(), 2);
    let added = [record(&apex, Rtype::NS, 9, b"\x02NS\x00")];
    let error = patch(&zone, &soa(&apex, 1), &[], &soa(&apex, 2), &added)
        .map(|_| ())
        .unwrap_err();
    assert_eq!(
        error,
        EditError::AlreadyThere {
            owner: apex.clone(),
            rtype: Rtype::NS
        }
    );
    let other = [record(
        &apex,
        Rtype::SRV,
        5,
        b"\x00\x01\x00\x02\x00\x61\x01a\x00",
    )]; // port 97 is not port 65
    let (next, _) = patch(&zone, &soa(&apex, 1), &[], &soa(&apex, 2), &other).unwrap();
    let set = next.rrset(apex.as_name(), Rtype::SRV).unwrap();
    assert_eq!((set.len(), set.ttl()), (2, 5));
}

#[test]
fn octets_that_are_no_difference_are_refused() {
    let apex: NameBuf = name("example");
    let (old, _) = build(&apex, &soa(&apex, 1), &large(&apex, 3)).unwrap();
    let (new, _) = build(&apex, &soa(&apex, 2), &large(&apex, 5)).unwrap();
    let diff = Diff::between(&old, &new);
    let octets = diff.encode();
    assert_eq!(Diff::decode(&[][..]), Err(DecodeError::Truncated { at: 0 }));
    assert_eq!(
        Diff::decode([&[9], &octets[1..]].concat()),
        Err(DecodeError::Version(9))
    );
    assert_eq!(
        Diff::decode(&octets[..1]),
        Err(DecodeError::Truncated { at: 1 })
    );
    assert!(Diff::decode(&octets[..octets.len() - 1]).is_err());
    assert!(matches!(
        Diff::decode([octets, &[3]].concat()),
        Err(DecodeError::Truncated { .. })
    ));
    let twice = [octets, &octets[1..]].concat();
    assert_eq!(Diff::decode(twice).unwrap().steps().count(), 2);
}

#[test]
fn records_that_differ_in_the_case_of_names_are_one_in_every_type() {
    let apex = name("example");
    let (owner, ns) = (
        name("s.example"),
        record(&apex, Rtype::NS, 1, b"\x02ns\x00"),
    );
    let svcb = |target: &[u8]| record(&owner, Rtype::SVCB, 1, &[b"\0\x01", target].concat());
    let (old, _) = build(&apex, &soa(&apex, 1), std::slice::from_ref(&ns)).unwrap();
    // In canonical order the B stands between the two.
    let (a, b, twin) = (svcb(b"\x01A\0"), svcb(b"\x01B\0"), svcb(b"\x01a\0"));
    let records = [ns, a.clone(), b.clone(), twin.clone()];
    let (new, notes) = build(&apex, &soa(&apex, 2), &records).unwrap();
    assert_eq!((new.record_count(), notes.duplicates), (4, 1));
    let diff = Diff::between(&old, &new);
    assert_eq!(exactly(&diff.apply(&old).unwrap()), exactly(&new));

    // A change of case alone can be applied, and the set stays in canonical order.
    let records = [&records[..1], &[twin.clone(), b]].concat();
    let (respelled, _) = build(&apex, &soa(&apex, 3), &records).unwrap();
    let diff = Diff::between(&new, &respelled);
    assert_eq!((diff.removed().count(), diff.added().count()), (1, 1));
    assert_eq!(exactly(&diff.apply(&new).unwrap()), exactly(&respelled));
    let set = respelled.rrset(owner.as_name(), Rtype::SVCB).unwrap();
    assert!(set.rdatas().is_sorted());
    let error = patch(&new, &soa(&apex, 2), &[], &soa(&apex, 3), &[twin]);
    assert!(matches!(error, Err(EditError::AlreadyThere { .. })));
}

#[test]
fn many_changes_to_one_name_cost_no_more_than_to_many() {
    // Each change looking through the records of its name: more than a minute for these.
    let apex = name("example");
    let ns = record(&apex, Rtype::NS, 1, b"\x02ns\x00");
    let (zone, _) = build(&apex, &soa(&apex, 1), std::slice::from_ref(&ns)).unwrap();
    let (count, owner) = (30_000_u32, name("s.example"));
    let srv = |number: u32| {
        let rdata = [&number.to_be_bytes()[..], b"\0\x05\x01a\0"].concat();
        record(&owner, Rtype::SRV, 1, &rdata)
    };
    let run = |limits: ZoneLimits| {
        let mut patch = ZonePatch::new(&zone, limits, Checks::Strict);
        patch.step(&soa(&apex, 1).as_record())?;
        patch.reach(&soa(&apex, 2).as_record())?;
        for number in (0..count).rev() {
            patch.add(&srv(number).as_record())?;
        }
        patch.step(&soa(&apex, 2).as_record())?;
        for number in 1..count {
            patch.remove(&srv(number).as_record())?;
        }
        patch.reach(&soa(&apex, 3).as_record())?;
        for number in (2..count).rev() {
            patch.add(&srv(number).as_record())?;
        }
        patch.finish().map(|(zone, ..)| zone)
    };
    let next = run(ZoneLimits::NONE).unwrap();
    let set = next.rrset(owner.as_name(), Rtype::SRV).unwrap();
    assert_eq!(set.len(), count as usize - 1);
    let limits = ZoneLimits::default();
    let limit = limits.records_per_rrset;
    assert_eq!(
        run(limits).map(|_| ()).unwrap_err(),
        EditError::TooManyRecordsInRrset {
            owner: owner.clone(),
            rtype: Rtype::SRV,
            limit
        }
    );
}

#[test]
fn the_first_change_that_cannot_be_made_is_told() {
    let apex = name("example");
    let ns = record(&apex, Rtype::NS, 1, b"\x02ns\x00");
    let text = |octet: u8| record(&apex, Rtype::TXT, 1, &[1, octet]);
    let mx = record(&apex, Rtype::MX, 1, b"\0\x01\0");
    let held = [ns, text(1), text(2)];
    let (zone, _) = build(&apex, &soa(&apex, 1), &held).unwrap();
    let run = |removed: &[RecordBuf], added: &[RecordBuf]| {
        patch(&zone, &soa(&apex, 1), removed, &soa(&apex, 2), added)
            .map(|(zone, _)| zone.record_count())
    };
    let (owner, rtype) = (apex.clone(), Rtype::TXT);
    let twice = [text(1), text(1), mx.clone()];
    assert_eq!(run(&twice, &[]), Err(EditError::NotThere { owner, rtype }));
    let (owner, rtype) = (apex.clone(), Rtype::MX);
    let added = [text(3), mx.clone(), mx, text(2)];
    assert_eq!(
        run(&[], &added),
        Err(EditError::AlreadyThere { owner, rtype })
    );
    assert_eq!(run(&[text(1)], &[text(1), text(4)]), Ok(5));
}
