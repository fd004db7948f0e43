use std::net::IpAddr;

use proptest::prelude::*;

use super::*;
use crate::{
    Command, DeclaredZone, Expected, KeyDraft, Labels, Order, OrderBy, Primaries, PrimariesError,
    Primary, Refusal, Secret, Timestamp, WantedPrimaries, WantedPrimary, ZoneDraft, ZoneEdit,
    ZoneQuery,
};

fn contract(name: &str) -> Contract {
    name.parse().unwrap()
}

fn draft(name: &str, last_octets: &[u8]) -> ZoneDraft {
    let addresses = last_octets
        .iter()
        .map(|&octet| IpAddr::from([192, 0, 2, octet]));
    ZoneDraft::at_addresses(name.parse().unwrap(), addresses)
}

fn id(n: u128) -> Uuid {
    Uuid::from_u128(n)
}

fn run(registry: &mut Registry, command: Command, at: u64) -> Result<(), Refusal> {
    let changes = registry.judge(command, Timestamp(at))?;
    registry.apply(changes);
    Ok(())
}

fn key_draft(name: &str) -> KeyDraft {
    KeyDraft {
        name: name.parse().unwrap(),
        algorithm: "hmac-sha256".parse().unwrap(),
        secret: Secret::new(*b"secret").unwrap(),
        labels: Labels::default(),
    }
}

fn names(registry: &Registry, contract: &Contract, filter: &ZoneFilter) -> Vec<String> {
    let page = registry.list(contract, filter, PageRequest::ALL, |_| ZoneState::Available);
    page.items
        .iter()
        .map(|zone| zone.name.to_string())
        .collect()
}

#[test]
fn a_name_taken_by_another_contract_is_refused_without_telling_by_whom() {
    let mut registry = Registry::default();
    run(
        &mut registry,
        Command::create(&contract("one"), id(1), draft("example.org", &[1])),
        1,
    )
    .unwrap();
    let refusal = run(
        &mut registry,
        Command::create(&contract("two"), id(2), draft("EXAMPLE.org.", &[1])),
        2,
    );
    assert_eq!(
        refusal,
        Err(Refusal::NameTaken("example.org".parse().unwrap()))
    );
    assert_eq!(
        refusal.unwrap_err().to_string(),
        "the zone name example.org is already in use"
    );
}

#[test]
fn zones_that_change_neither_come_nor_go() {
    let mut registry = Registry::default();
    let one = contract("one");
    let create = Command::create(&one, id(1), draft("a.example", &[1]));
    run(&mut registry, create, 1).unwrap();
    let after_one = registry.comings();
    let change = Command::ensure(&one, id(1), draft("a.example", &[2]));
    run(&mut registry, change, 2).unwrap();
    assert_eq!(registry.comings(), after_one);
    run(&mut registry, Command::remove(&one, id(1)), 3).unwrap();
    assert!(registry.comings() > after_one);
}

#[test]
fn another_contracts_id_behaves_like_an_unused_one() {
    let mut registry = Registry::default();
    let (one, two) = (contract("one"), contract("two"));
    run(
        &mut registry,
        Command::create(&one, id(1), draft("a.example", &[1])),
        1,
    )
    .unwrap();

    assert_eq!(
        run(&mut registry, Command::remove(&two, id(1)), 2),
        Err(Refusal::UnknownZone)
    );
    run(
        &mut registry,
        Command::ensure(&two, id(1), draft("b.example", &[1])),
        2,
    )
    .unwrap();

    assert_eq!(
        registry.zone(&one, id(1)).unwrap().name.as_str(),
        "a.example"
    );
    assert_eq!(
        registry.zone(&two, id(1)).unwrap().name.as_str(),
        "b.example"
    );
    run(&mut registry, Command::remove(&one, id(1)), 3).unwrap();
    assert!(registry.zone(&two, id(1)).is_some());
}

#[test]
fn ensuring_makes_then_changes_but_never_renames() {
    let mut registry = Registry::default();
    let one = contract("one");
    run(
        &mut registry,
        Command::ensure(&one, id(1), draft("a.example", &[1])),
        10,
    )
    .unwrap();
    run(
        &mut registry,
        Command::ensure(&one, id(1), draft("A.example.", &[2, 1])),
        20,
    )
    .unwrap();
    let zone = registry.zone(&one, id(1)).unwrap();
    assert_eq!(
        (zone.created, zone.modified),
        (Timestamp(10), Timestamp(20))
    );
    assert_eq!(zone.primaries.as_slice().len(), 2);

    let renamed = run(
        &mut registry,
        Command::ensure(&one, id(1), draft("b.example", &[1])),
        30,
    );
    assert!(matches!(renamed, Err(Refusal::NameFixed { .. })));
}

#[test]
fn an_address_that_stays_keeps_its_port_and_key() {
    let mut registry = Registry::default();
    let one = contract("one");
    let create_key = Command::CreateKey {
        contract: one.clone(),
        id: id(9),
        draft: key_draft("k.example"),
    };
    run(&mut registry, create_key, 1).unwrap();
    let keyed = |port| Primary {
        address: IpAddr::from([192, 0, 2, 1]),
        port: Some(port),
        key: Some("k.example".parse().unwrap()),
        next_key: None,
    };
    let primaries = Primaries::new([keyed(5300), keyed(5301)]).unwrap();
    let whole = ZoneDraft::from_primaries("a.example".parse().unwrap(), primaries.clone());
    run(&mut registry, Command::create(&one, id(1), whole), 2).unwrap();

    run(
        &mut registry,
        Command::ensure(&one, id(1), draft("a.example", &[1, 1])),
        3,
    )
    .unwrap();
    assert_eq!(registry.zone(&one, id(1)).unwrap().primaries, primaries);

    run(
        &mut registry,
        Command::ensure(&one, id(1), draft("a.example", &[2, 1])),
        4,
    )
    .unwrap();
    let held = registry
        .zone(&one, id(1))
        .unwrap()
        .primaries
        .as_slice()
        .to_vec();
    assert_eq!(held, [IpAddr::from([192, 0, 2, 2]).into(), keyed(5300)]);
}

#[test]
fn primaries_listed_twice_are_refused() {
    let registry = Registry::default();
    let refusal = registry.judge(
        Command::create(&contract("one"), id(1), draft("a.example", &[1, 1])),
        Timestamp(1),
    );
    assert_eq!(
        refusal,
        Err(Refusal::Primaries(PrimariesError::Twice(IpAddr::from([
            192, 0, 2, 1
        ]))))
    );
}

#[test]
fn a_change_expected_of_an_older_generation_is_refused() {
    let mut registry = Registry::default();
    let one = contract("one");
    run(
        &mut registry,
        Command::create(&one, id(1), draft("a.example", &[1])),
        10,
    )
    .unwrap();
    let first = registry.zone(&one, id(1)).unwrap().generation;
    let ensure = |generation| Command::EnsureZone {
        contract: one.clone(),
        id: id(1),
        draft: draft("a.example", &[1]),
        expected: Expected::at(generation),
    };
    run(&mut registry, ensure(first), 10).unwrap();
    let second = registry.zone(&one, id(1)).unwrap().generation;
    assert!(second > first, "grows even when the clock stands still");
    assert_eq!(run(&mut registry, ensure(first), 10), Err(Refusal::Changed));
}

#[test]
fn quota_counts_zones_and_records_of_one_contract() {
    let mut registry = Registry::new(QuotaLimits {
        secondary_zones: 2,
        records: 100,
        tsig_keys: 1,
    });
    let one = contract("one");
    for n in 1..=2 {
        run(
            &mut registry,
            Command::create(&one, id(n), draft(&format!("{n}.example"), &[1])),
            1,
        )
        .unwrap();
    }
    let third = run(
        &mut registry,
        Command::create(&one, id(3), draft("3.example", &[1])),
        1,
    );
    assert_eq!(third, Err(Refusal::TooManyZones { limit: 2 }));

    let mut key = |contract: &Contract, n| {
        let create = Command::CreateKey {
            contract: contract.clone(),
            id: id(n),
            draft: key_draft(&format!("k{n}.example")),
        };
        run(&mut registry, create, 3)
    };
    assert_eq!(key(&one, 1), Ok(()));
    assert_eq!(key(&one, 2), Err(Refusal::TooManyKeys { limit: 1 }));
    assert_eq!(key(&contract("two"), 2), Ok(()));
    assert_eq!(registry.quota(&one).usage.tsig_keys, 1);
    run(
        &mut registry,
        Command::create(&contract("two"), id(3), draft("3.example", &[1])),
        1,
    )
    .unwrap();

    registry.note_records(&ZoneId::new(&one, id(1)), 60);
    let second = ZoneId::new(&one, id(2));
    assert_eq!(registry.judge_records(&second, 40), Ok(()));
    assert_eq!(
        registry.judge_records(&second, 41),
        Err(Refusal::TooManyRecords {
            limit: 100,
            wanted: 101
        })
    );
    assert_eq!(
        registry.judge_records(&ZoneId::new(&one, id(1)), 100),
        Ok(())
    );
    assert_eq!(
        registry.quota(&one).usage,
        QuotaUsage {
            secondary_zones: 2,
            records: 60,
            tsig_keys: 1,
        }
    );
    // What one is about to hold, the other cannot have; what one holds, it cannot have before it is gone.
    let first = ZoneId::new(&one, id(1));
    assert_eq!(registry.reserve_records(&second, 40), Ok(()));
    let refused = |wanted| Err(Refusal::TooManyRecords { limit: 100, wanted });
    assert_eq!(registry.reserve_records(&first, 61), refused(101));
    registry.note_records(&second, 0);
    assert_eq!(registry.reserve_records(&first, 10), Ok(()));
    assert_eq!(registry.reserve_records(&second, 41), refused(101));
    assert_eq!(registry.quota(&one).usage.records, 60);
    run(&mut registry, Command::remove(&one, id(1)), 2).unwrap();
    assert_eq!(
        registry.quota(&one).usage,
        QuotaUsage {
            secondary_zones: 1,
            records: 0,
            tsig_keys: 1,
        }
    );
}

#[test]
fn the_exact_name_comes_first_in_a_filtered_list() {
    let mut registry = Registry::default();
    let one = contract("one");
    for (n, name) in ["www.example.org", "a.test", "example.org", "b.example.org"]
        .iter()
        .enumerate()
    {
        run(
            &mut registry,
            Command::create(&one, id(n as u128), draft(name, &[1])),
            n as u64,
        )
        .unwrap();
    }
    let filter = |name: &str| ZoneFilter {
        name: Some(name.into()),
        state: None,
    };
    assert_eq!(
        names(&registry, &one, &filter("example.ORG.")),
        ["example.org", "www.example.org", "b.example.org"]
    );
    assert_eq!(names(&registry, &one, &filter("test")), ["a.test"]);
    assert_eq!(names(&registry, &one, &filter("")).len(), 4);
    assert_eq!(
        names(&registry, &contract("two"), &filter("")),
        Vec::<String>::new()
    );
    let page = registry.list(
        &one,
        &filter("org"),
        PageRequest {
            offset: 1,
            limit: 1,
        },
        |_| ZoneState::Available,
    );
    assert_eq!(
        (page.items[0].name.as_str(), page.total),
        ("example.org", 3)
    );
    let failed = ZoneFilter {
        name: None,
        state: Some(ZoneState::Failed),
    };
    assert!(names(&registry, &one, &failed).is_empty());
}

#[test]
fn declared_zones_come_change_and_go_with_the_configuration() {
    let mut registry = Registry::default();
    let one = contract("one");
    let declare = |zones: &[(&str, Option<&Contract>, u8)]| Command::Declare {
        zones: zones
            .iter()
            .enumerate()
            .map(|(n, (name, contract, octet))| DeclaredZone {
                contract: contract.cloned(),
                id: id(100 + n as u128),
                draft: draft(name, &[*octet]),
            })
            .collect(),
        keys: vec![],
    };
    run(
        &mut registry,
        declare(&[("a.example", None, 1), ("b.example", Some(&one), 1)]),
        1,
    )
    .unwrap();
    assert_eq!(registry.zone_count(), 2);
    assert_eq!(registry.quota(&one).usage.secondary_zones, 1);
    assert_eq!(
        run(&mut registry, Command::remove(&one, id(101)), 2),
        Err(Refusal::Declared)
    );

    // The same again changes nothing; an id given first is kept.
    let same = declare(&[("b.example", Some(&one), 1), ("a.example", None, 1)]);
    assert!(registry.judge(same, Timestamp(3)).unwrap().is_empty());
    run(&mut registry, declare(&[("b.example", Some(&one), 2)]), 4).unwrap();
    assert_eq!(registry.zone_count(), 1);
    assert_eq!(registry.zone(&one, id(101)).unwrap().created, Timestamp(1));

    // A zone of the API's is not taken from its contract.
    run(
        &mut registry,
        Command::create(&one, id(7), draft("c.example", &[1])),
        5,
    )
    .unwrap();
    let taken = run(&mut registry, declare(&[("c.example", None, 1)]), 6);
    assert_eq!(taken, Err(Refusal::NameTaken("c.example".parse().unwrap())));
}

#[test]
fn a_key_in_use_or_of_another_contract_cannot_be_removed() {
    let mut registry = Registry::default();
    let (one, two) = (contract("one"), contract("two"));
    let create = |contract: &Contract, name: &str| Command::CreateKey {
        contract: contract.clone(),
        id: id(5),
        draft: key_draft(name),
    };
    let remove = |contract: &Contract| Command::RemoveKey {
        contract: contract.clone(),
        id: id(5),
        expected: Expected::default(),
    };
    run(&mut registry, create(&one, "k.example"), 1).unwrap();
    assert_eq!(
        run(&mut registry, create(&two, "K.example."), 1),
        Err(Refusal::KeyNameTaken("k.example".parse().unwrap()))
    );
    let keyed = Primary {
        key: Some("k.example".parse().unwrap()),
        ..IpAddr::from([192, 0, 2, 1]).into()
    };
    let with_key = |name: &str| {
        ZoneDraft::from_primaries(
            name.parse().unwrap(),
            Primaries::new([keyed.clone()]).unwrap(),
        )
    };
    let foreign = run(
        &mut registry,
        Command::create(&two, id(1), with_key("a.example")),
        2,
    );
    assert_eq!(
        foreign,
        Err(Refusal::UnknownKeyName("k.example".parse().unwrap()))
    );
    run(
        &mut registry,
        Command::create(&one, id(1), with_key("a.example")),
        2,
    )
    .unwrap();

    assert!(matches!(
        run(&mut registry, remove(&one), 3),
        Err(Refusal::KeyInUse { zones: 1, .. })
    ));
    assert_eq!(
        run(&mut registry, remove(&two), 3),
        Err(Refusal::UnknownKey)
    );
    run(
        &mut registry,
        Command::ensure(&one, id(1), draft("a.example", &[2])),
        4,
    )
    .unwrap();
    run(&mut registry, remove(&one), 5).unwrap();
    assert!(registry.key(&"k.example".parse().unwrap()).is_none());
}

#[test]
fn a_hundred_thousand_zones_are_no_burden() {
    let mut registry = Registry::default();
    let one = contract("one");
    for n in 0..100_000_u32 {
        let zone = draft(&format!("z{n}.example"), &[1]);
        run(
            &mut registry,
            Command::create(&one, id(n.into()), zone),
            n.into(),
        )
        .unwrap();
    }
    let last = PageRequest {
        offset: 99_999,
        limit: 100,
    };
    let page = registry.list(&one, &ZoneFilter::default(), last, |_| ZoneState::Available);
    assert_eq!((page.items.len(), page.total), (1, 100_000));
    let refused = run(
        &mut registry,
        Command::create(&one, Uuid::nil(), draft("more.example", &[1])),
        1,
    );
    assert_eq!(refused, Err(Refusal::IdTaken));
}

/// One of few contracts, ids and names, so that commands meet.
fn commands() -> impl Strategy<Value = Command> {
    let contracts = prop_oneof![Just(contract("one")), Just(contract("two"))];
    let some_draft = (0..4_u8, proptest::collection::vec(0..3_u8, 0..3))
        .prop_map(|(name, octets)| draft(&format!("z{name}.example"), &octets));
    (0..4_u8, contracts, 0..4_u128, some_draft).prop_map(
        |(which, contract, n, draft)| match which {
            0 => Command::create(&contract, id(n), draft),
            1 | 2 => Command::ensure(&contract, id(n), draft),
            _ => Command::remove(&contract, id(n)),
        },
    )
}

/// Everything that can be seen of a registry.
fn seen(registry: &Registry) -> Vec<SecondaryZone> {
    let mut zones: Vec<_> = registry
        .zones()
        .map(|zone| SecondaryZone::clone(zone))
        .collect();
    zones.sort_by_key(SecondaryZone::zone_id);
    zones
}

proptest! {
    /// Whatever is asked, the tables agree with each other, what is stored restores to the same, and what was applied
    /// can be undone.
    #[test]
    fn tables_agree_restore_and_undo(commands in proptest::collection::vec(commands(), 0..40)) {
        let mut registry = Registry::default();
        for (at, command) in commands.into_iter().enumerate() {
            let Ok(changes) = registry.judge(command, Timestamp(at as u64)) else { continue };
            let before = seen(&registry);
            let undo = registry.apply(changes.clone());
            let after = seen(&registry);
            registry.apply(undo);
            prop_assert_eq!(seen(&registry), before);
            registry.apply(changes);
            prop_assert_eq!(&seen(&registry), &after);

            let listed: usize = ["one", "two"].iter().map(|name| names(&registry, &contract(name), &ZoneFilter::default()).len()).sum();
            prop_assert_eq!(listed, after.len());
            for zone in &after {
                let contract = zone.contract.as_ref().unwrap();
                prop_assert_eq!(registry.zone(contract, zone.id).map(|zone| &**zone), Some(zone));
                prop_assert_eq!(registry.zone_named(&zone.name).map(|zone| &**zone), Some(zone));
            }
            let json = serde_json::to_string(&after).unwrap();
            let restored = Registry::restore(QuotaLimits::default(), serde_json::from_str::<Vec<SecondaryZone>>(&json).unwrap(), []);
            prop_assert_eq!(seen(&restored.unwrap()), after);
        }
    }
}

/// What a page of the contract's zones is by looking at each of them.
fn looked_up(zones: &[SecondaryZone], query: &ZoneQuery) -> (Vec<String>, u64) {
    let part = query.name_contains.as_deref().unwrap_or_default();
    let has_key = |zone: &SecondaryZone, key: Uuid| {
        let name = format!("key{}.example", key.as_u128());
        let mut names = zone.primaries.iter().flat_map(Primary::keys);
        names.any(|key| key.as_str() == name)
    };
    let mut meant: Vec<_> = zones
        .iter()
        .filter(|zone| zone.name.as_str().contains(part))
        .filter(|zone| query.created_from.is_none_or(|from| zone.created >= from))
        .filter(|zone| { query.created_before }.is_none_or(|before| zone.created < before))
        .filter(|zone| query.key.is_none_or(|key| has_key(zone, key)))
        .collect();
    meant.sort_by_key(|zone| query.order.place(zone));
    if query.order.descending {
        meant.reverse();
    }
    let total = meant.len() as u64;
    let is_behind = |zone: &&&SecondaryZone| match (&query.after, query.order.descending) {
        (None, _) => true,
        (Some(after), false) => query.order.place(zone) > *after,
        (Some(after), true) => query.order.place(zone) < *after,
    };
    let page = meant.iter().filter(is_behind).take(query.limit);
    (page.map(|zone| zone.name.to_string()).collect(), total)
}

#[test]
fn lists_by_age_and_by_key_are_those_of_looking_at_every_zone() {
    let one = contract("one");
    let mut registry = Registry::default();
    for number in 1..4 {
        let create = Command::CreateKey {
            contract: one.clone(),
            id: id(number),
            draft: key_draft(&format!("key{number}.example")),
        };
        run(&mut registry, create, 0).unwrap();
    }
    let primaries = |key: Option<u128>| {
        let wanted = WantedPrimary {
            address: [192, 0, 2, 1].into(),
            port: None,
            key: key.map(id),
        };
        WantedPrimaries::ByKeyId(vec![wanted])
    };
    for number in 0..300_u128 {
        let name = format!("z{}.example", number * 79 % 300);
        let draft = ZoneDraft {
            primaries: primaries(Some(number % 5).filter(|key| (1..3).contains(key))),
            ..draft(&name, &[1])
        };
        let create = Command::create(&one, id(100 + number), draft);
        run(&mut registry, create, number as u64 / 4).unwrap();
    }
    for number in (0..300).step_by(7) {
        run(&mut registry, Command::remove(&one, id(100 + number)), 500).unwrap();
        let edit = ZoneEdit {
            primaries: Some(primaries(Some(1))),
            ..ZoneEdit::default()
        };
        let change = Command::ChangeZone {
            contract: one.clone(),
            id: id(101 + number),
            edit,
            expected: Expected::default(),
        };
        let _ = run(&mut registry, change, 501); // unless it is gone
    }
    let zones = seen(&registry);
    let moments = [None, Some(0), Some(10), Some(50), Some(500)].map(|at| at.map(Timestamp));
    for by in [OrderBy::Created, OrderBy::Name] {
        for descending in [false, true] {
            for created_from in moments {
                for created_before in moments {
                    for key in [None, Some(1), Some(3), Some(4)] {
                        let mut query = ZoneQuery {
                            created_from,
                            created_before,
                            key: key.map(id),
                            ..ZoneQuery::all(Order { by, descending }, None, 61)
                        };
                        loop {
                            let found = registry.select(&one, &query, |_| ZoneState::Available);
                            let names = found.items.iter().map(|zone| zone.name.to_string());
                            let expected = looked_up(&zones, &query);
                            assert_eq!((names.collect(), found.total), expected, "{query:?}");
                            match found.next {
                                Some(next) => query.after = Some(next),
                                None => break,
                            }
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn lists_by_name_and_by_part_of_it_are_those_of_looking_at_every_zone() {
    let one = contract("one");
    let mut registry = Registry::default();
    // More than a page of the index holds, in an order of their own, and some of them gone again.
    for number in 0..3_000_u128 {
        let name = format!("z{}.example", number * 7_919 % 3_000);
        run(
            &mut registry,
            Command::create(&one, id(number), draft(&name, &[1])),
            number as u64 / 7,
        )
        .unwrap();
    }
    for number in (0..3_000).step_by(3) {
        run(&mut registry, Command::remove(&one, id(number)), 5_000).unwrap();
    }
    let zones = seen(&registry);
    assert_eq!(zones.len(), 2_000);
    for by in [OrderBy::Created, OrderBy::Name] {
        for descending in [false, true] {
            for part in [
                None,
                Some("z12"),
                Some("9.e"),
                Some(".example"),
                Some("none"),
                Some("e\nz"),
            ] {
                let mut query = ZoneQuery::all(Order { by, descending }, None, 333);
                query.name_contains = part.map(Into::into);
                loop {
                    let found = registry.select(&one, &query, |_| ZoneState::Available);
                    let names = found.items.iter().map(|zone| zone.name.to_string());
                    assert_eq!(
                        (names.collect(), found.total),
                        looked_up(&zones, &query),
                        "{query:?}"
                    );
                    match found.next {
                        Some(next) => query.after = Some(next),
                        None => break,
                    }
                }
            }
        }
    }
    for (part, exact) in [
        ("z12", ""),
        ("9.e", ""),
        (".example", ""),
        ("z1000.example", "z1000.example"),
        ("Z2", ""),
        ("none", ""),
    ] {
        let filter = ZoneFilter {
            name: Some(part.into()),
            state: None,
        };
        let mut named: Vec<_> = { zones.iter() }
            .filter(|zone| zone.name.as_str().contains(&part.to_lowercase()))
            .collect();
        named.sort_by_key(|zone| (zone.name.as_str() != exact, zone.created, zone.id));
        for offset in [0, 1, 2, 5, 100, 700, 1_900, 2_000, u64::MAX] {
            for limit in [0, 1, 7, 500] {
                let page = registry.list(&one, &filter, PageRequest { offset, limit }, |_| {
                    ZoneState::Available
                });
                let names = page.items.iter().map(|zone| zone.name.as_str());
                let from = usize::try_from(offset).unwrap();
                let expected = { named.iter() }.skip(from).take(limit as usize);
                let expected: Vec<_> = expected.map(|zone| zone.name.as_str()).collect();
                assert_eq!(
                    names.collect::<Vec<_>>(),
                    expected,
                    "{part} {offset} {limit}"
                );
                assert_eq!(page.total, named.len() as u64);
            }
        }
    }
    let found = |part: &str, most| {
        registry
            .containing(&one, part, most)
            .map(|zones| zones.len())
    };
    assert_eq!(
        found("Z12", 2_000),
        Some(
            zones
                .iter()
                .filter(|zone| zone.name.as_str().contains("z12"))
                .count()
        )
    );
    assert_eq!(
        (found("example", 1_999), found("example", 2_000)),
        (None, Some(2_000))
    );
    let exactly = |name: &str| {
        let query = ZoneQuery {
            name: Some(name.into()),
            ..ZoneQuery::all(Order::default(), None, 9)
        };
        registry
            .select(&one, &query, |_| ZoneState::Available)
            .total
    };
    assert_eq!(
        (
            exactly(zones[0].name.as_str()),
            exactly("none.example"),
            exactly("")
        ),
        (1, 0, 0)
    );
}

proptest! {
    /// A group is decided as its commands would be one after the other, up to the first that meets another again.
    #[test]
    fn a_group_is_judged_like_its_commands_one_by_one(
        before in proptest::collection::vec(commands(), 0..10),
        group in proptest::collection::vec(commands(), 1..20),
    ) {
        let limits = QuotaLimits { secondary_zones: 4, records: 100, ..QuotaLimits::default() };
        let mut registry = Registry::new(limits);
        for (number, command) in before.into_iter().enumerate() {
            let _ = run(&mut registry, command, number as u64);
        }
        let held: Vec<_> = registry.zones().map(|zone| zone.zone_id()).collect();
        for zone in held {
            registry.note_records(&zone, 10);
        }
        let quota = |registry: &Registry| ["one", "two"].map(|name| registry.quota(&contract(name)));
        let (zones, before) = (seen(&registry), quota(&registry));
        let mut alone = registry.clone();
        let verdicts = registry.judge_group(&group, Timestamp(99));
        prop_assert!((1..=group.len()).contains(&verdicts.len()));
        prop_assert_eq!((seen(&registry), quota(&registry)), (zones, before));
        for (command, verdict) in group.into_iter().zip(verdicts) {
            let changes = alone.judge(command, Timestamp(99));
            prop_assert_eq!(&changes, &verdict);
            if let Ok(changes) = changes {
                alone.apply(changes.clone());
                registry.apply(changes);
            }
        }
        prop_assert_eq!((seen(&registry), quota(&registry)), (seen(&alone), quota(&alone)));
    }
}
