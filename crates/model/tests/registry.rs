//! What the registry decides of the commands of the OCI face, through the public API.

use std::net::IpAddr;

use zonekit_model::{
    Command, Compartment, Contract, Cursor, Expected, KeyDraft, KeyQuery, Labels, LabelsEdit,
    Order, OrderBy, Refusal, Registry, RetryToken, SecondaryZone, Secret, Timestamp, Uuid,
    WantedPrimaries, WantedPrimary, Within, ZoneDraft, ZoneEdit, ZoneQuery, ZoneState,
};

fn contract(name: &str) -> Contract {
    name.parse().unwrap()
}

fn id(n: u128) -> Uuid {
    Uuid::from_u128(n)
}

fn draft(name: &str, key: Option<Uuid>, compartment: Option<&str>) -> ZoneDraft {
    let address = IpAddr::from([192, 0, 2, 1]);
    let port = Some(5300);
    ZoneDraft {
        primaries: WantedPrimaries::ByKeyId(vec![WantedPrimary { address, port, key }]),
        labels: compartment.map(|text| Labels {
            compartment: text.parse().ok(),
            ..Labels::default()
        }),
        ..ZoneDraft::at_addresses(name.parse().unwrap(), [address])
    }
}

fn create(owner: &str, n: u128, draft: ZoneDraft, retry: Option<RetryToken>) -> Command {
    Command::CreateZone {
        contract: contract(owner),
        id: id(n),
        draft,
        retry,
    }
}

fn create_key(owner: &str, n: u128, name: &str) -> Command {
    Command::CreateKey {
        contract: contract(owner),
        id: id(n),
        draft: KeyDraft {
            name: name.parse().unwrap(),
            algorithm: "hmac-sha256".parse().unwrap(),
            secret: Secret::new(*b"secret").unwrap(),
            labels: Labels::default(),
        },
    }
}

/// Carries a command out at a moment; gives the zone that it was about.
fn run(registry: &mut Registry, command: Command, at: u64) -> Result<Option<Uuid>, Refusal> {
    let changes = registry.judge(command, Timestamp(at))?;
    let zone = changes.zone().map(|zone| zone.id);
    registry.apply(changes);
    Ok(zone)
}

fn within(compartment: &str, is_root: bool) -> Option<Within> {
    Some(Within {
        compartment: compartment.parse().unwrap(),
        is_root,
    })
}

fn query(by: OrderBy, descending: bool, limit: usize) -> ZoneQuery {
    ZoneQuery {
        within: None,
        name: None,
        name_contains: None,
        created_from: None,
        created_before: None,
        state: None,
        key: None,
        order: Order { by, descending },
        after: None,
        limit,
    }
}

fn names(registry: &Registry, query: &ZoneQuery) -> (Vec<String>, u64, Option<Cursor>) {
    let state_of = |_: &SecondaryZone| ZoneState::Available;
    let selection = registry.select(&contract("one"), query, state_of);
    let names = selection.items.iter().map(|zone| zone.name.to_string());
    (names.collect(), selection.total, selection.next)
}

#[test]
fn a_token_makes_one_zone_for_a_day_whatever_comes_between() {
    let mut registry = Registry::default();
    let token = |request: &[u8]| RetryToken::new("token", request);
    let new = |n| create("one", n, draft("example.org", None, None), token(b"a"));
    assert_eq!(run(&mut registry, new(1), 10), Ok(Some(id(1))));
    assert_eq!(run(&mut registry, new(2), 20), Ok(Some(id(1))));
    assert_eq!(registry.zone_count(), 1);

    let other = create("one", 3, draft("example.net", None, None), token(b"b"));
    assert_eq!(run(&mut registry, other, 30), Err(Refusal::TokenReused));
    // The token of one contract is nothing to another.
    let foreign = create("two", 3, draft("example.net", None, None), token(b"b"));
    assert_eq!(run(&mut registry, foreign, 30), Ok(Some(id(3))));

    // What is stored knows the token, too.
    let zones = registry.zones().map(|zone| SecondaryZone::clone(zone));
    let json = serde_json::to_string(&zones.collect::<Vec<_>>()).unwrap();
    let zones: Vec<SecondaryZone> = serde_json::from_str(&json).unwrap();
    let mut restored = Registry::restore(Default::default(), zones, []).unwrap();
    assert_eq!(run(&mut restored, new(2), 40), Ok(Some(id(1))));

    let taken = Err(Refusal::NameTaken("example.org".parse().unwrap()));
    assert_eq!(run(&mut registry, new(2), 11 + RetryToken::LIFE), taken);
    run(&mut registry, Command::remove(&contract("one"), id(1)), 50).unwrap();
    assert_eq!(run(&mut registry, new(2), 60), Ok(Some(id(2))));
}

#[test]
fn tokens_have_a_length() {
    assert!(RetryToken::new("", b"").is_none());
    assert!(RetryToken::new(&"t".repeat(RetryToken::MAX + 1), b"").is_none());
}

#[test]
fn a_key_is_named_by_an_id_that_means_nothing_to_others() {
    let mut registry = Registry::default();
    run(&mut registry, create_key("one", 7, "k.example"), 1).unwrap();
    let unknown = Err(Refusal::UnknownKeyId(IpAddr::from([192, 0, 2, 1])));
    let with_key = |key| draft("example.org", Some(id(key)), None);
    assert_eq!(
        run(&mut registry, create("two", 1, with_key(7), None), 2),
        unknown
    );
    assert_eq!(
        run(&mut registry, create("one", 1, with_key(8), None), 2),
        unknown
    );
    run(&mut registry, create("one", 1, with_key(7), None), 2).unwrap();
    let zone = registry.zone(&contract("one"), id(1)).unwrap();
    assert_eq!(registry.key_ids(zone), [Some(id(7))]);
    assert!(registry.key_of(&contract("two"), id(7)).is_none());

    let query = |name: &str| KeyQuery {
        within: None,
        id: None,
        name: Some(name.into()),
        order: Order::default(),
        after: None,
        limit: 9,
    };
    assert_eq!(
        registry
            .select_keys(&contract("one"), &query("k.example"))
            .total,
        1
    );
    assert_eq!(
        registry
            .select_keys(&contract("two"), &query("k.example"))
            .total,
        0
    );
    // Its ids are as free for others as if it were not there.
    run(&mut registry, create_key("two", 7, "other.example"), 3).unwrap();
    assert_eq!(registry.keys().count(), 2);
}

#[test]
fn an_edit_replaces_what_it_gives_and_nothing_else() {
    let mut registry = Registry::default();
    run(
        &mut registry,
        create(
            "one",
            1,
            draft("example.org", None, Some("ocid1.a.b..c")),
            None,
        ),
        10,
    )
    .unwrap();
    let before = registry.zone(&contract("one"), id(1)).unwrap().clone();
    let edit = |labels, expected| Command::ChangeZone {
        contract: contract("one"),
        id: id(1),
        edit: ZoneEdit {
            labels,
            ..ZoneEdit::default()
        },
        expected,
    };
    let tags = LabelsEdit {
        freeform: Some([("a".to_owned(), "b".to_owned())].into()),
        ..LabelsEdit::default()
    };
    let seen = Expected::at(before.generation);
    run(&mut registry, edit(tags.clone(), seen.clone()), 20).unwrap();
    let after = registry.zone(&contract("one"), id(1)).unwrap().clone();
    assert_eq!(
        (&after.primaries, &after.labels.compartment, after.modified),
        (&before.primaries, &before.labels.compartment, Timestamp(20))
    );
    assert_eq!(after.labels.freeform["a"], "b");
    assert_eq!(
        run(&mut registry, edit(tags.clone(), seen), 30),
        Err(Refusal::Changed)
    );
    // The other face leaves what it does not know.
    let plain = ZoneDraft::at_addresses(
        "example.org".parse().unwrap(),
        [IpAddr::from([192, 0, 2, 1])],
    );
    run(
        &mut registry,
        Command::ensure(&contract("one"), id(1), plain),
        40,
    )
    .unwrap();
    let ensured = registry.zone(&contract("one"), id(1)).unwrap().clone();
    assert_eq!(
        (&ensured.labels, &ensured.primaries),
        (&after.labels, &after.primaries)
    );
    let since = |seconds| Expected {
        generations: None,
        unmodified_since: Some(Timestamp::from_seconds(seconds)),
    };
    run(&mut registry, edit(tags.clone(), since(0)), 50).unwrap();
    run(
        &mut registry,
        edit(tags.clone(), Expected::default()),
        5_000,
    )
    .unwrap();
    assert_eq!(
        run(&mut registry, edit(tags, since(4)), 6_000),
        Err(Refusal::Changed)
    );
}

#[test]
fn pages_go_on_behind_the_last_item_in_every_order() {
    let mut registry = Registry::default();
    let all = ["c.example", "a.example", "b.test", "e.example", "d.example"];
    for (n, name) in all.iter().enumerate() {
        let compartment = ["ocid1.a.b..c", "ocid1.a.b..d"][n % 2];
        let command = create(
            "one",
            n as u128 + 1,
            draft(name, None, Some(compartment)),
            None,
        );
        run(&mut registry, command, n as u64).unwrap();
    }
    for by in [OrderBy::Created, OrderBy::Name] {
        for descending in [false, true] {
            let (whole, total, next) = names(&registry, &query(by, descending, 9));
            assert_eq!((whole.len(), total, next), (5, 5, None));
            for limit in 1..=5 {
                let (mut seen, mut asked) = (Vec::new(), query(by, descending, limit));
                loop {
                    let (part, total, next) = names(&registry, &asked);
                    assert_eq!(total, 5);
                    seen.extend(part);
                    let Some(next) = next else { break };
                    asked.after = Some(next);
                }
                assert_eq!(seen, whole, "{by:?} {descending} {limit}");
            }
        }
    }
    // A page goes on although the item that it follows is gone.
    let (_, _, next) = names(&registry, &query(OrderBy::Created, false, 2));
    run(&mut registry, Command::remove(&contract("one"), id(2)), 9).unwrap();
    let asked = ZoneQuery {
        after: next,
        ..query(OrderBy::Created, false, 2)
    };
    assert_eq!(names(&registry, &asked).0, ["b.test", "e.example"]);
}

#[test]
fn compartments_are_counted_as_zones_come_move_and_go() {
    let mut registry = Registry::default();
    let (here, there) = ("ocid1.a.b..here", "ocid1.a.b..there");
    let total = |registry: &Registry, compartment: &str, is_root| {
        let asked = ZoneQuery {
            within: within(compartment, is_root),
            ..query(OrderBy::Created, false, 1)
        };
        names(registry, &asked).1
    };
    for n in 1..=3 {
        let name = format!("{n}.example");
        run(
            &mut registry,
            create("one", n, draft(&name, None, Some(here)), None),
            1,
        )
        .unwrap();
    }
    assert_eq!(
        (
            total(&registry, here, false),
            total(&registry, there, false)
        ),
        (3, 0)
    );
    let labels = LabelsEdit {
        compartment: there.parse::<Compartment>().ok(),
        ..LabelsEdit::default()
    };
    let moving = Command::ChangeZone {
        contract: contract("one"),
        id: id(2),
        edit: ZoneEdit {
            labels,
            ..ZoneEdit::default()
        },
        expected: Expected::default(),
    };
    run(&mut registry, moving, 2).unwrap();
    assert_eq!(
        (
            total(&registry, here, false),
            total(&registry, there, false)
        ),
        (2, 1)
    );
    run(&mut registry, Command::remove(&contract("one"), id(1)), 3).unwrap();
    let plain =
        ZoneDraft::at_addresses("4.example".parse().unwrap(), [IpAddr::from([192, 0, 2, 1])]);
    run(
        &mut registry,
        Command::create(&contract("one"), id(4), plain),
        4,
    )
    .unwrap();
    assert_eq!(
        (total(&registry, here, false), total(&registry, here, true)),
        (1, 2)
    );
}
