//! Catalog zones ([RFC 9432]), both ways: the zones that a primary's catalog names come and go here, and the zones that
//! there are here are told to others by a catalog of ours.
//!
//! Neither is waited for by anybody: a change is noted, and looked at a moment later, together with what else has changed.
//!
//! [RFC 9432]: https://www.rfc-editor.org/rfc/rfc9432

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tracing::{error, info, warn};
use zonekit_http::ServiceError;
use zonekit_model::{
    Catalog, CatalogError, CatalogMember, CatalogReader, Command, FollowedZone, Uuid, ZoneName,
};
use zonekit_store::{
    Checks, Content, EditError, Generation, Publication, StoreError, Zone, ZoneBuilder, ZoneLimits,
};
use zonekit_wire::{Class, NameBuf, Record, Rtype, Serial, SoaBuf};

use crate::config::CatalogEntry;
use crate::node::{Node, in_words};
use crate::{Config, clock};

/// What changes within this time is told as one version of a catalog.
const GATHERING: Duration = Duration::from_millis(200);
/// How long after it could not be kept what a catalog says that is tried again, if nothing changes before.
const AGAIN: Duration = Duration::from_secs(30);
/// Consumers check as often as this if they hear nothing, in seconds; they keep what they have for as long as there is.
const REFRESH: u32 = 3_600;
const RETRY: u32 = 600;
const EXPIRE: u32 = 2_147_483_646;

/// Follows the catalogs that the configuration names and tells of our zones in its own, whenever something has changed.
pub(crate) async fn run(node: Arc<Node>, mut stopped: watch::Receiver<bool>) {
    let mut followed = Followed::default();
    loop {
        let is_done = followed.follow(&node).await;
        if let Some(catalog) = node.config().dns.catalog.clone() {
            let publishing = Arc::clone(&node);
            let published = spawn_blocking(move || publish(&publishing, &catalog)).await;
            if let Ok(Err(error)) = published {
                error!(
                    error = in_words(&error),
                    "the catalog of our zones stays as it was"
                );
            }
        }
        tokio::select! {
            () = node.catalogs_changed.notified() => {}
            () = tokio::time::sleep(AGAIN), if !is_done => {}
            _ = stopped.wait_for(|&stop| stop) => return,
        }
        tokio::time::sleep(GATHERING).await;
    }
}

/// What of which catalog has been followed already.
#[derive(Default)]
struct Followed {
    seen: HashMap<ZoneName, Seen>,
}

/// A version of a catalog that has been followed.
struct Seen {
    generation: Generation,
    entry: CatalogEntry,
    /// Members that were left alone since zones of their names are somebody else's.
    left_alone: Vec<CatalogMember>,
}

impl Followed {
    /// Follows what has changed; whether all of it could be kept.
    async fn follow(&mut self, node: &Arc<Node>) -> bool {
        let config = node.config();
        let mut is_done = true;
        // One that is not followed any more takes its members with it.
        let left: Vec<ZoneName> = {
            let registry = node.book.registry();
            let followed = registry.followed().into_iter();
            { followed.filter(|catalog| config.catalog(catalog).is_none()) }
                .cloned()
                .collect()
        };
        for catalog in left {
            info!(%catalog, "not followed any more: its members go");
            is_done &= enter(node, &catalog, Vec::new()).await;
            self.seen.remove(&catalog);
        }
        for entry in &config.catalogs {
            let Some((generation, zone)) = { node.held(&entry.zone) }
                .and_then(|held| Some((held.generation, held.zone.clone()?)))
            else {
                continue;
            };
            if self.has_seen(node, entry, generation) {
                continue;
            }
            let name = entry.zone.clone();
            let Ok(read) = spawn_blocking(move || read(&name, &zone)).await else {
                continue;
            };
            let left_alone = match read {
                Ok(catalog) if catalog.members.len() > entry.max_zones => {
                    let (members, max_zones) = (catalog.members.len(), entry.max_zones);
                    error!(catalog = %entry.zone, members, max_zones, "not followed: it has too many members");
                    Vec::new()
                }
                Ok(catalog) => match follow(node, entry, catalog).await {
                    Some((left_alone, givers)) => {
                        // They may want a zone back once it is free, or given to them.
                        self.seen.retain(|catalog, _| !givers.contains(catalog));
                        left_alone
                    }
                    None => {
                        is_done = false;
                        self.seen.remove(&entry.zone);
                        continue;
                    }
                },
                Err(error) => {
                    error!(catalog = %entry.zone, %error, "not followed: its members stay as they are");
                    Vec::new()
                }
            };
            let seen = Seen {
                generation,
                entry: entry.clone(),
                left_alone,
            };
            self.seen.insert(entry.zone.clone(), seen);
        }
        is_done
    }

    /// Whether nothing has changed about a catalog: neither the version nor what it may have of it.
    fn has_seen(&self, node: &Node, entry: &CatalogEntry, generation: Generation) -> bool {
        let seen = self.seen.get(&entry.zone);
        seen.is_some_and(|seen| {
            let left_alone = &seen.left_alone;
            seen.generation == generation
                && seen.entry == *entry
                && (left_alone.is_empty() || {
                    let registry = node.book.registry();
                    registry.clashes(&entry.zone, left_alone).count() == left_alone.len()
                })
        })
    }
}

fn read(name: &ZoneName, zone: &Zone) -> Result<Catalog, CatalogError> {
    let mut reader = CatalogReader::new(name);
    let mut records = zone.iter();
    while let Some(record) = records.next() {
        reader.take(&record);
    }
    reader.finish()
}

/// Follows a catalog; gives the members that are left alone, and the catalogs that others were taken over from. None if that
/// could not be kept.
async fn follow(
    node: &Arc<Node>,
    entry: &CatalogEntry,
    catalog: Catalog,
) -> Option<(Vec<CatalogMember>, HashSet<ZoneName>)> {
    let (left_alone, givers) = {
        let registry = node.book.registry();
        let clashes = registry.clashes(&entry.zone, &catalog.members);
        let left_alone: Vec<CatalogMember> = clashes.cloned().collect();
        let names: HashSet<&ZoneName> = left_alone.iter().map(|member| &member.zone).collect();
        let taken = catalog.members.iter().map(|member| &member.zone);
        let owners = taken
            .filter(|name| !names.contains(name))
            .filter_map(|name| {
                let owned = registry.zone_named(name)?.member.as_deref()?;
                (owned.catalog != entry.zone).then(|| owned.catalog.clone())
            });
        let givers: HashSet<ZoneName> = owners.collect();
        drop(names);
        (left_alone, givers)
    };
    if let Some(first) = left_alone.first() {
        let (zones, first) = (left_alone.len(), &first.zone);
        warn!(catalog = %entry.zone, zones, %first, "members left alone: zones of these names are somebody else's");
    }
    let zones: Vec<FollowedZone> = { catalog.members.into_iter() }
        .map(|member| FollowedZone {
            contract: entry.contract.clone(),
            id: Uuid::now_v7(),
            primaries: entry.primaries_of(&member).clone(),
            member,
        })
        .collect();
    let is_kept = enter(node, &entry.zone, zones).await;
    is_kept.then_some((left_alone, givers))
}

/// Has these be the members of a catalog; whether that could be kept.
async fn enter(node: &Arc<Node>, catalog: &ZoneName, zones: Vec<FollowedZone>) -> bool {
    let members = zones.len();
    let command = Command::Follow {
        catalog: catalog.clone(),
        zones,
    };
    match node.change(command).await {
        Ok(_) => info!(%catalog, members, "followed"),
        Err(ServiceError::Unavailable) => {}
        Err(error) => {
            error!(%catalog, %error, "not followed");
            return false;
        }
    }
    true
}

/// Why our own catalog is not brought up to date.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PublishError {
    #[error("keeping it")]
    Store(#[from] StoreError),
    #[error("making it")]
    Edit(#[from] EditError),
}

/// Makes the catalog name the zones that there are: durable, then visible, then told onward, as any other zone. Waits for
/// the disk.
fn publish(node: &Node, catalog: &ZoneName) -> Result<(), PublishError> {
    let config = node.config();
    let members = members(node, &config);
    let apex = catalog.to_name();
    if node.held(catalog).is_none() {
        node.store().create_zone(apex.as_name())?;
    }
    let Some(held) = node.held(catalog) else {
        return Ok(()); // taken away a moment ago, by another configuration
    };
    if let Some(version) = &held.zone
        && read(catalog, version).is_ok_and(|told| told.members == members)
    {
        return Ok(());
    }
    let zone = version(catalog, &members, held.zone.as_ref())?;
    let soa = zone.soa();
    node.store().publish(Publication {
        zone: apex,
        expected: held.generation,
        content: Content::Next(zone),
        timers: None,
    })?;
    info!(%catalog, serial = soa.serial.0, members = members.len(), "told of");
    node.announce(catalog, &soa);
    Ok(())
}

/// Our zones in the order of their labels; catalogs are for us alone.
fn members(node: &Node, config: &Config) -> Vec<CatalogMember> {
    let catalogs: HashSet<&ZoneName> = config.catalogs.iter().map(|entry| &entry.zone).collect();
    let registry = node.book.registry();
    let mut members: Vec<CatalogMember> = { registry.zones() }
        .filter(|zone| !catalogs.contains(&zone.name))
        .filter_map(|zone| {
            // A zone that goes and comes again is another one, and has another id.
            let label = zone.id.simple().to_string().parse().ok()?;
            Some(CatalogMember::new(label, zone.name.clone()))
        })
        .collect();
    members.sort_unstable_by(|one, other| one.label.cmp(&other.label));
    members
}

/// The next version of the catalog.
fn version(
    catalog: &ZoneName,
    members: &[CatalogMember],
    before: Option<&Zone>,
) -> Result<Zone, EditError> {
    let apex = catalog.to_name();
    let now = Serial(clock::now().as_seconds() as u32); // wraps as serials do
    let serial = match before.map(Zone::serial) {
        Some(before) if !now.is_newer_than(before) => before.add(1),
        _ => now,
    };
    let invalid: NameBuf = "invalid.".parse().unwrap_or_default();
    let soa = SoaBuf {
        mname: invalid.clone(),
        rname: invalid,
        serial,
        refresh: REFRESH,
        retry: RETRY,
        expire: EXPIRE,
        minimum: 0,
    };
    let mut rdata = Vec::new();
    soa.as_soa().write(&mut rdata);
    let limits = ZoneLimits::default();
    let mut builder = ZoneBuilder::new(apex.as_name(), limits, Checks::Strict);
    if let Some(before) = before {
        builder = builder.sharing(before);
    }
    builder.begin(&Record {
        owner: apex.as_name(),
        rtype: Rtype::SOA,
        class: Class::IN,
        ttl: 0,
        rdata: &rdata,
    })?;
    for record in CatalogMember::header(catalog) {
        builder.add(&record.as_record())?;
    }
    for record in members.iter().flat_map(|member| member.records(catalog)) {
        builder.add(&record.as_record())?;
    }
    Ok(builder.finish()?.0)
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;
    use zonekit_model::{Contract, ZoneDraft};

    use super::*;

    const CATALOGS: [&str; 2] = ["first.example", "second.example"];

    /// A node that follows both catalogs, with no more zones than that.
    fn node(directory: &TempDir, max_zones: u64) -> Arc<Node> {
        let text = CATALOGS.iter().fold(
            format!(
                "data_dir = \"var\"\n[dns]\nlisten = [\"127.0.0.1:0\"]\n[limits]\nmax_zones = {max_zones}\n"
            ),
            |text, name| {
                format!(
                    "{text}[[zone]]\nname = \"{name}\"\nprimaries = [{{ address = \"127.0.0.1\" }}]\n\
                     [[catalog]]\nzone = \"{name}\"\n"
                )
            },
        );
        let config = Config::parse(&text, &directory.path().join("secondary.toml")).unwrap();
        Node::open(config).unwrap()
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
        let publication = Publication {
            zone: catalog.to_name(),
            expected: node.held(&catalog).unwrap().generation,
            content: Content::Next(version(&catalog, &members, None).unwrap()),
            timers: None,
        };
        node.store().publish(publication).unwrap();
    }

    /// Follows until nothing has changed any more.
    async fn settle(node: &Arc<Node>, followed: &mut Followed) -> bool {
        for _ in 0..6 {
            let is_done = followed.follow(node).await;
            let is_changed = tokio::select! {
                biased;
                () = node.catalogs_changed.notified() => true,
                () = std::future::ready(()) => false,
            };
            if !is_changed {
                return is_done;
            }
        }
        panic!("followed for ever");
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
        let [one, two] =
            ["one.example", "two.example"].map(|name| name.parse::<ZoneName>().unwrap());
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
}
