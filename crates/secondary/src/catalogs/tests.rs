use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use zonekit_model::{CatalogMember, Command, Contract, Standing, Uuid, ZoneDraft, ZoneName};
use zonekit_store::{Content, Publication};
use zonekit_wire::Serial;

use super::follow::Followed;
use super::ours::{self, Ours};
use super::{AGAIN, round};
use crate::node::Node;
use crate::{Config, clock};

const CATALOGS: [&str; 2] = ["first.example", "second.example"];

/// A node that follows both catalogs, with no more zones than that.
fn node(directory: &TempDir, max_zones: u64) -> Arc<Node> {
    Node::open(config(directory, max_zones, "")).unwrap()
}

/// What it follows both by, and more entries of `[dns]`, or tables.
fn config(directory: &TempDir, max_zones: u64, more: &str) -> Config {
    let text = CATALOGS.iter().fold(
        format!(
            "data_dir = \"var\"\n[dns]\nlisten = [\"127.0.0.1:0\"]\n{more}[limits]\nmax_zones = {max_zones}\n"
        ),
        |text, name| {
            format!(
                "{text}[[zone]]\nname = \"{name}\"\nprimaries = [{{ address = \"127.0.0.1\" }}]\n\
                 [[catalog]]\nzone = \"{name}\"\n"
            )
        },
    );
    Config::parse(&text, &directory.path().join("secondary.toml")).unwrap()
}

/// Publishes a version of a catalog with members that are written `label=zone` or `label=zone>successor`.
fn publish(node: &Node, catalog: &str, members: &str) {
    let catalog: ZoneName = catalog.parse().unwrap();
    let member = |text: &str| {
        let (label, rest) = text.split_once('=').unwrap();
        let (zone, to) = rest.split_once('>').unwrap_or((rest, ""));
        CatalogMember {
            change_of_ownership: (!to.is_empty()).then(|| to.parse().unwrap()),
            ..CatalogMember::new(label.parse().unwrap(), zone.parse().unwrap())
        }
    };
    let members: Vec<CatalogMember> = members.split_whitespace().map(member).collect();
    let now = Serial(clock::now().as_seconds() as u32);
    let publication = Publication {
        zone: catalog.to_name(),
        expected: node.held(&catalog).unwrap().generation,
        content: Content::Next(ours::version(&catalog, &members, None, now).unwrap()),
        timers: None,
    };
    node.store().publish(publication).unwrap();
}

/// Follows until nothing has changed any more.
async fn settle(node: &Arc<Node>, followed: &mut Followed) -> bool {
    for _ in 0..6 {
        let is_done = followed.follow(node).await;
        if !is_woken(node).await {
            return is_done;
        }
    }
    panic!("followed for ever");
}

/// Whether something has changed since this was last asked.
async fn is_woken(node: &Node) -> bool {
    tokio::select! {
        biased;
        () = node.catalogs_changed.notified() => true,
        () = std::future::ready(()) => false,
    }
}

/// The members that there are, each with its catalog.
fn members(node: &Node) -> Vec<String> {
    let registry = node.book.registry();
    let member = |zone: &Arc<zonekit_model::SecondaryZone>| {
        let catalog = &zone.member.as_deref()?.catalog;
        Some(format!("{} {catalog}", zone.name))
    };
    let mut members: Vec<String> = registry.zones().filter_map(member).collect();
    members.sort();
    members
}

#[tokio::test]
async fn catalogs_that_give_each_other_zones_come_to_rest() {
    let directory = tempfile::tempdir().unwrap();
    let (node, mut followed) = (node(&directory, 0), Followed::default());
    publish(
        &node,
        CATALOGS[0],
        "a=one.example>second.example b=both.example>second.example",
    );
    publish(
        &node,
        CATALOGS[1],
        "c=two.example>first.example b=both.example>first.example",
    );
    assert!(settle(&node, &mut followed).await);
    let all = [
        "both.example first.example",
        "one.example first.example",
        "two.example second.example",
    ];
    assert_eq!(members(&node), all);

    // Who gives gets it back from who gives it back.
    publish(&node, CATALOGS[1], "a=one.example");
    settle(&node, &mut followed).await;
    assert_eq!(
        members(&node),
        ["both.example first.example", "one.example second.example"]
    );
    publish(&node, CATALOGS[1], "");
    settle(&node, &mut followed).await;
    assert_eq!(
        members(&node),
        ["both.example first.example", "one.example first.example"]
    );
}

#[tokio::test]
async fn a_version_of_the_same_serial_is_followed_and_a_name_once_it_is_free() {
    let directory = tempfile::tempdir().unwrap();
    let (node, mut followed) = (node(&directory, 0), Followed::default());
    let (contract, id): (Contract, _) = ("demo".parse().unwrap(), Uuid::from_u128(1));
    let draft = ZoneDraft::at_addresses(
        "one.example".parse().unwrap(),
        ["192.0.2.1".parse().unwrap()],
    );
    node.change(Command::create(&contract, id, draft))
        .await
        .unwrap();
    publish(&node, CATALOGS[0], "a=one.example");
    settle(&node, &mut followed).await;
    assert!(members(&node).is_empty());
    // Made within the same second, for the most part: then it has the same serial.
    publish(&node, CATALOGS[0], "a=one.example b=two.example");
    settle(&node, &mut followed).await;
    assert_eq!(members(&node), ["two.example first.example"]);

    node.change(Command::remove(&contract, id)).await.unwrap();
    settle(&node, &mut followed).await;
    let both = ["one.example first.example", "two.example first.example"];
    assert_eq!(members(&node), both);
}

#[tokio::test]
async fn what_could_not_be_kept_is_followed_again() {
    let directory = tempfile::tempdir().unwrap();
    let (node, mut followed) = (node(&directory, 3), Followed::default());
    publish(&node, CATALOGS[1], "c=three.example");
    assert!(settle(&node, &mut followed).await);
    publish(&node, CATALOGS[0], "a=one.example");
    assert!(!settle(&node, &mut followed).await);
    assert_eq!(members(&node), ["three.example second.example"]);
    publish(&node, CATALOGS[1], "");
    assert!(settle(&node, &mut followed).await);
    assert_eq!(members(&node), ["one.example first.example"]);
}

/// With as many zones as there may be: what cannot be had whole leaves all as it was, on disk as in memory.
#[tokio::test]
async fn a_member_under_another_label_stays_served_when_the_version_cannot_be_kept() {
    let directory = tempfile::tempdir().unwrap();
    let (node, mut followed) = (node(&directory, 4), Followed::default());
    publish(&node, CATALOGS[0], "a=one.example b=two.example");
    assert!(settle(&node, &mut followed).await);
    let [one, two] = ["one.example", "two.example"].map(|name| name.parse::<ZoneName>().unwrap());
    let is_as_before = || {
        let registry = node.book.registry();
        let settings = node.store().settings("zone/").unwrap();
        let id = |zone| registry.zone_named(zone).unwrap().zone_id();
        [&one, &two].into_iter().all(|zone| {
            node.held(zone).is_some()
                && settings
                    .iter()
                    .any(|(name, _)| *name == format!("zone/{}", id(zone)))
        }) && node.store().zone_count() == 4
    };
    assert!(is_as_before());
    publish(
        &node,
        CATALOGS[0],
        "x=one.example b=two.example c=three.example",
    );
    for _ in 0..2 {
        assert!(!settle(&node, &mut followed).await);
        assert!(is_as_before());
    }
    // In the place of one there may be another, though there is no room for one more.
    let id = |zone| node.book.registry().zone_named(zone).unwrap().id;
    let (first, generation) = (id(&one), node.held(&one).unwrap().generation);
    publish(&node, CATALOGS[0], "x=one.example b=two.example");
    assert!(settle(&node, &mut followed).await);
    assert!(is_as_before());
    assert_ne!(id(&one), first);
    assert!(node.held(&one).unwrap().generation > generation);
}

/// A member that the configuration has as a zone of its own for a while.
#[tokio::test]
async fn a_member_that_was_somebody_elses_for_a_while_comes_back() {
    let directory = tempfile::tempdir().unwrap();
    let (node, mut followed) = (node(&directory, 0), Followed::default());
    publish(&node, CATALOGS[0], "a=one.example b=two.example");
    settle(&node, &mut followed).await;
    let all = ["one.example first.example", "two.example first.example"];
    assert_eq!(members(&node), all);

    let taken = "[[zone]]\nname = \"one.example\"\nprimaries = [{ address = \"127.0.0.1\" }]\n";
    node.reload(config(&directory, 0, taken)).await.unwrap();
    settle(&node, &mut followed).await;
    assert_eq!(members(&node), all[1..]);
    node.reload(config(&directory, 0, "")).await.unwrap();
    settle(&node, &mut followed).await;
    assert_eq!(members(&node), all);
    let one: ZoneName = "one.example".parse().unwrap();
    assert!(node.held(&one).is_some());
}

/// Of two catalogs that change together, the one that has a zone decides whose it is, whichever is named first.
#[tokio::test]
async fn a_zone_that_is_given_away_no_more_is_not_taken_by_a_version_of_the_same_time() {
    let directory = tempfile::tempdir().unwrap();
    let (node, mut followed) = (node(&directory, 0), Followed::default());
    publish(
        &node,
        CATALOGS[1],
        "a=one.example>first.example b=two.example>first.example",
    );
    settle(&node, &mut followed).await;
    publish(&node, CATALOGS[0], "a=one.example b=two.example");
    publish(&node, CATALOGS[1], "a=one.example");
    settle(&node, &mut followed).await;
    // The other one was given away when it was last heard of, and goes over with what is known of it.
    let all = ["one.example second.example", "two.example first.example"];
    assert_eq!(members(&node), all);
}

#[tokio::test]
async fn a_catalog_that_has_expired_is_followed_once_it_is_confirmed() {
    let directory = tempfile::tempdir().unwrap();
    let (node, mut followed) = (node(&directory, 0), Followed::default());
    let catalog: ZoneName = CATALOGS[0].parse().unwrap();
    publish(&node, CATALOGS[0], "a=one.example");
    node.note_standing(&catalog, Standing::Expired, 0);
    assert!(settle(&node, &mut followed).await);
    assert!(members(&node).is_empty());
    // The same version, which a primary has confirmed.
    node.note_standing(&catalog, Standing::Current, 0);
    assert!(is_woken(&node).await);
    settle(&node, &mut followed).await;
    assert_eq!(members(&node), ["one.example first.example"]);
    // What was followed stays when it expires.
    node.note_standing(&catalog, Standing::Expired, 0);
    settle(&node, &mut followed).await;
    assert_eq!(members(&node), ["one.example first.example"]);
}

#[tokio::test]
async fn our_catalog_is_tried_again_when_it_cannot_be_kept() {
    let directory = tempfile::tempdir().unwrap();
    let ours = "catalog = \"ours.example\"\n";
    // As many zones as there may be: no room for our catalog.
    let node = Node::open(config(&directory, 2, ours)).unwrap();
    let (mut followed, mut ours_told) = (Followed::default(), Ours::default());
    let again = round(&node, &mut followed, &mut ours_told).await;
    assert_eq!(again, Some(AGAIN));
    let directory = tempfile::tempdir().unwrap();
    let node = Node::open(config(&directory, 3, ours)).unwrap();
    assert_eq!(round(&node, &mut followed, &mut ours_told).await, None);
}

/// Should it be lost with the disk, the catalog that is made then has to be newer than this one.
#[tokio::test]
async fn the_serial_of_our_catalog_is_never_ahead_of_the_clock() {
    let directory = tempfile::tempdir().unwrap();
    let node = Node::open(config(&directory, 0, "catalog = \"ours.example\"\n")).unwrap();
    let (catalog, contract): (ZoneName, Contract) =
        ("ours.example".parse().unwrap(), "demo".parse().unwrap());
    let mut ours = Ours::default();
    for number in 1..4 {
        let name = format!("{number}.example").parse().unwrap();
        let draft = ZoneDraft::at_addresses(name, ["192.0.2.1".parse().unwrap()]);
        let create = Command::create(&contract, Uuid::from_u128(number), draft);
        node.change(create).await.unwrap();
        while let Some(wait) = ours.tell(&node).await {
            assert!(wait <= Duration::from_secs(2), "{wait:?}");
            tokio::time::sleep(wait).await;
        }
        let version = node.version(&catalog).unwrap();
        assert!(u64::from(version.serial().0) <= clock::now().as_seconds());
        assert_eq!(
            version.record_count(),
            3 + number as u64,
            "SOA, NS, TXT, members"
        );
    }
}

#[test]
fn catalogs_are_kept_from_those_who_may_not_have_them() {
    let directory = tempfile::tempdir().unwrap();
    let config = config(&directory, 0, "catalog = \"ours.example\"\n");
    let answers = crate::answering::config(&config, zonekit_serve::CookieSecret::random());
    let mut private: Vec<String> = { answers.private_zones.iter() }
        .map(|name| ZoneName::from(name.as_name()).to_string())
        .collect();
    private.sort();
    assert_eq!(private, [CATALOGS[0], "ours.example", CATALOGS[1]]);
}

/// A catalog that loses too much at once keeps all until somebody orders it, or it has them again.
#[tokio::test]
async fn a_version_that_takes_away_too_many_members_is_held_back() {
    let directory = tempfile::tempdir().unwrap();
    let (node, mut followed) = (node(&directory, 0), Followed::default());
    let catalog: ZoneName = CATALOGS[0].parse().unwrap();
    let members_in = |range: std::ops::Range<u32>, label: &str| -> String {
        { range.map(|number| format!("{label}{number}={number}.example ")) }.collect()
    };
    let count = || members(&node).len();
    publish(&node, CATALOGS[0], &members_in(0..40, "a"));
    settle(&node, &mut followed).await;
    // As many as may always go, and a quarter of more.
    publish(&node, CATALOGS[0], &members_in(10..40, "a"));
    settle(&node, &mut followed).await;
    assert_eq!(count(), 30);
    assert_eq!(node.held_back.count(), 0);

    // Others of the same names count as well: nothing is left of the first.
    for held in [
        String::new(),
        members_in(21..41, "a"),
        members_in(10..40, "b"),
    ] {
        publish(&node, CATALOGS[0], &held);
        assert!(
            settle(&node, &mut followed).await,
            "there is nothing to try again"
        );
        assert_eq!(count(), 30);
        assert_eq!(node.held_back.count(), 1);
    }
    // What is in order is followed, and nothing is held back any more that could be ordered.
    publish(&node, CATALOGS[0], &members_in(15..45, "a"));
    settle(&node, &mut followed).await;
    assert_eq!(node.held_back.count(), 0);
    assert!(node.held_back.order(&catalog).is_none());
    assert_eq!(count(), 30);

    // What is ordered is the version that is held back, not the next one.
    publish(&node, CATALOGS[0], "");
    settle(&node, &mut followed).await;
    let version = node.held_back.order(&catalog).unwrap();
    assert_eq!((version.removed, version.members), (30, 30));
    publish(&node, CATALOGS[0], &members_in(15..16, "a"));
    settle(&node, &mut followed).await;
    assert_eq!((count(), node.held_back.count()), (30, 1));
    node.held_back.order(&catalog).unwrap();
    settle(&node, &mut followed).await;
    assert_eq!((count(), node.held_back.count()), (1, 0));
}
