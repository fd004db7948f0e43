//! The catalog of our zones, for those who take them from us.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::spawn_blocking;
use tracing::{error, info};
use zonekit_model::{CatalogMember, ZoneName};
use zonekit_store::{
    Checks, Content, EditError, Generation, Publication, StoreError, Zone, ZoneBuilder, ZoneLimits,
};
use zonekit_wire::{Class, NameBuf, Record, Rtype, Serial, SoaBuf};

use super::{AGAIN, read};
use crate::clock;
use crate::node::{Node, in_words};

/// Consumers check as often as this if they hear nothing, in seconds; they keep what they have for as long as there is.
const REFRESH: u32 = 3_600;
const RETRY: u32 = 600;
const EXPIRE: u32 = 2_147_483_646;

/// How far the serial may be ahead of the clock, in seconds, for versions to wait until it is not: beyond that the clock was
/// set back, and waiting for it would be in vain.
const AHEAD: u32 = 60;

/// What has been told of our zones.
#[derive(Default)]
pub(super) struct Ours {
    told: Option<Told>,
}

/// By which it can be seen that nothing has come or gone since.
#[derive(Clone, Eq, PartialEq)]
struct Told {
    catalog: ZoneName,
    generation: Generation,
    comings: u64,
    /// Those that are followed: they are for us alone.
    followed: Vec<ZoneName>,
}

/// What came of it.
enum Published {
    /// It names the zones that there are.
    Whole(Option<Told>),
    /// It can do so after this time.
    Early(Duration),
}

impl Ours {
    /// Has our catalog, if there is to be one, name the zones that there are; if that is not all, when to go on.
    pub(super) async fn tell(&mut self, node: &Arc<Node>) -> Option<Duration> {
        let catalog = node.config().dns.catalog.clone()?;
        let (publishing, before) = (Arc::clone(node), self.told.take());
        let publish = move || publish(&publishing, &catalog, before);
        match spawn_blocking(publish).await {
            Ok(Ok(Published::Whole(told))) => {
                self.told = told;
                None
            }
            Ok(Ok(Published::Early(wait))) => Some(wait),
            Ok(Err(error)) => {
                let error = in_words(&error);
                error!(error, "the catalog of our zones stays as it was");
                Some(AGAIN)
            }
            Err(_) => Some(AGAIN), // it panicked
        }
    }
}

/// Why our own catalog is not brought up to date.
#[derive(Debug, thiserror::Error)]
enum PublishError {
    #[error("keeping it")]
    Store(#[from] StoreError),
    #[error("making it")]
    Edit(#[from] EditError),
}

/// Makes the catalog name the zones that there are: durable, then visible, then told onward, as any other zone. Waits for
/// the disk.
fn publish(
    node: &Node,
    catalog: &ZoneName,
    before: Option<Told>,
) -> Result<Published, PublishError> {
    let config = node.config();
    let apex = catalog.to_name();
    if node.held(catalog).is_none() {
        node.store().create_zone(apex.as_name())?;
    }
    let Some(held) = node.held(catalog) else {
        return Ok(Published::Whole(None)); // taken away a moment ago, by another configuration
    };
    let told = Told {
        catalog: catalog.clone(),
        generation: held.generation,
        comings: node.book.registry().comings(),
        followed: { config.catalogs.iter() }
            .map(|entry| entry.zone.clone())
            .collect(),
    };
    if before.as_ref() == Some(&told) {
        return Ok(Published::Whole(before));
    }
    let members = members(node, &told.followed);
    if let Some(version) = &held.zone
        && read(catalog, version).is_ok_and(|told| told.members == members)
    {
        return Ok(Published::Whole(Some(told)));
    }
    let now = Serial(clock::now().as_seconds() as u32); // wraps as serials do
    if let Some(wait) = held.zone.as_ref().and_then(|version| early(version, now)) {
        return Ok(Published::Early(wait));
    }
    let zone = version(catalog, &members, held.zone.as_ref(), now)?;
    let soa = zone.soa();
    let generation = node.store().publish(Publication {
        zone: apex,
        expected: held.generation,
        content: Content::Next(zone),
        timers: None,
    })?;
    info!(%catalog, serial = soa.serial.0, members = members.len(), "told of");
    node.announce(catalog, &soa);
    Ok(Published::Whole(Some(Told { generation, ..told })))
}

/// How long the next version has to wait. Serials are the time: should what is on disk be lost, those of the catalog that is
/// made then have to be above these, or nobody would take it.
fn early(before: &Zone, now: Serial) -> Option<Duration> {
    let ahead = before.serial().0.wrapping_sub(now.0);
    (ahead <= AHEAD).then(|| Duration::from_secs(u64::from(ahead) + 1))
}

/// Our zones in the order of their labels, but for the catalogs that are followed.
fn members(node: &Node, followed: &[ZoneName]) -> Vec<CatalogMember> {
    let catalogs: HashSet<&ZoneName> = followed.iter().collect();
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
pub(super) fn version(
    catalog: &ZoneName,
    members: &[CatalogMember],
    before: Option<&Zone>,
    now: Serial,
) -> Result<Zone, EditError> {
    let apex = catalog.to_name();
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
