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
    Checks, Content, EditError, Publication, StoreError, Zone, ZoneBuilder, ZoneLimits,
};
use zonekit_wire::{Class, NameBuf, Record, Rtype, Serial, SoaBuf};

use crate::config::CatalogEntry;
use crate::node::{Node, in_words};
use crate::{Config, clock};

/// What changes within this time is told as one version of a catalog.
const GATHERING: Duration = Duration::from_millis(200);
/// Consumers check as often as this if they hear nothing, in seconds; they keep what they have for as long as there is.
const REFRESH: u32 = 3_600;
const RETRY: u32 = 600;
const EXPIRE: u32 = 2_147_483_646;

/// Follows the catalogs that the configuration names and tells of our zones in its own, whenever something has changed.
pub(crate) async fn run(node: Arc<Node>, mut stopped: watch::Receiver<bool>) {
    let mut followed = Followed::default();
    loop {
        followed.follow(&node).await;
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
            _ = stopped.wait_for(|&stop| stop) => return,
        }
        tokio::time::sleep(GATHERING).await;
    }
}

/// What of which catalog has been followed already.
#[derive(Default)]
struct Followed {
    seen: HashMap<ZoneName, (Serial, CatalogEntry)>,
}

impl Followed {
    async fn follow(&mut self, node: &Arc<Node>) {
        let config = node.config();
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
            enter(node, &catalog, Vec::new()).await;
            self.seen.remove(&catalog);
        }
        for entry in &config.catalogs {
            let Some(zone) = node.version(&entry.zone) else {
                continue;
            };
            let now = (zone.serial(), entry.clone());
            if self.seen.get(&entry.zone) == Some(&now) {
                continue;
            }
            let name = entry.zone.clone();
            let Ok(read) = spawn_blocking(move || read(&name, &zone)).await else {
                continue;
            };
            let gives_away = match read {
                Ok(catalog) if catalog.members.len() > entry.max_zones => {
                    let (members, max_zones) = (catalog.members.len(), entry.max_zones);
                    error!(catalog = %entry.zone, members, max_zones, "not followed: it has too many members");
                    false
                }
                Ok(catalog) => {
                    let gives_away = { catalog.members.iter() }
                        .any(|member| member.change_of_ownership.is_some());
                    follow(node, entry, catalog).await;
                    gives_away
                }
                Err(error) => {
                    error!(catalog = %entry.zone, %error, "not followed: its members stay as they are");
                    false
                }
            };
            self.seen.insert(entry.zone.clone(), now);
            if gives_away {
                // Whoever may take a member over looks again, whether its catalog has changed or not.
                self.seen.retain(|catalog, _| *catalog == entry.zone);
                node.catalogs_changed.notify_one();
            }
        }
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

async fn follow(node: &Arc<Node>, entry: &CatalogEntry, catalog: Catalog) {
    let zones: Vec<FollowedZone> = { catalog.members.into_iter() }
        .map(|member| FollowedZone {
            contract: entry.contract.clone(),
            id: Uuid::now_v7(),
            primaries: entry.primaries_of(&member).clone(),
            member,
        })
        .collect();
    let clashes: Vec<ZoneName> = {
        let registry = node.book.registry();
        registry.clashes(&entry.zone, &zones).cloned().collect()
    };
    if let Some(first) = clashes.first() {
        let zones = clashes.len();
        warn!(catalog = %entry.zone, zones, %first, "members left alone: zones of these names are somebody else's");
    }
    enter(node, &entry.zone, zones).await;
}

async fn enter(node: &Arc<Node>, catalog: &ZoneName, zones: Vec<FollowedZone>) {
    let members = zones.len();
    let command = Command::Follow {
        catalog: catalog.clone(),
        zones,
    };
    match node.change(command).await {
        Ok(_) => info!(%catalog, members, "followed"),
        Err(ServiceError::Unavailable) => {}
        Err(error) => error!(%catalog, %error, "not followed"),
    }
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
