//! The catalog of our zones, for those who take them from us.

use std::collections::HashSet;
use std::sync::Arc;

use tokio::task::spawn_blocking;
use tracing::{error, info};
use zonekit_model::{CatalogMember, ZoneName};
use zonekit_store::{
    Checks, Content, EditError, Publication, StoreError, Zone, ZoneBuilder, ZoneLimits,
};
use zonekit_wire::{Class, NameBuf, Record, Rtype, Serial, SoaBuf};

use super::read;
use crate::node::{Node, in_words};
use crate::{Config, clock};

/// Consumers check as often as this if they hear nothing, in seconds; they keep what they have for as long as there is.
const REFRESH: u32 = 3_600;
const RETRY: u32 = 600;
const EXPIRE: u32 = 2_147_483_646;

/// Has our catalog, if there is to be one, name the zones that there are; whether it does.
pub(super) async fn tell(node: &Arc<Node>) -> bool {
    let Some(catalog) = node.config().dns.catalog.clone() else {
        return true;
    };
    let publishing = Arc::clone(node);
    let published = spawn_blocking(move || publish(&publishing, &catalog)).await;
    if let Ok(Err(error)) = &published {
        error!(
            error = in_words(error),
            "the catalog of our zones stays as it was"
        );
    }
    matches!(published, Ok(Ok(())))
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
pub(super) fn version(
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
