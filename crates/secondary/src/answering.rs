//! What the name server side is given: zones with their time left, and a configuration.

use std::ops::Range;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use zonekit_model::ZoneName;
use zonekit_serve::{CookieSecret, Holding, Options, Zones};
use zonekit_store::{Diff, Store, Zone};
use zonekit_wire::{Name, Serial};
use zonekit_xfr::Schedule;

use crate::{Config, config::Dns};

/// The schedule of all zones, as its users share it.
pub(crate) type SharedSchedule = Arc<Mutex<Schedule<ZoneName>>>;

/// The store's zones, each good for as long as the schedule says.
pub(crate) struct Table {
    pub(crate) store: Arc<Store>,
    pub(crate) schedule: SharedSchedule,
}

impl Zones for Table {
    fn enclosing(&self, name: Name<'_>) -> Option<Holding> {
        Zones::enclosing(&*self.store, name)
    }

    fn zone(&self, apex: Name<'_>) -> Option<Holding> {
        Zones::zone(&*self.store, apex)
    }

    fn expires_in(&self, zone: &Zone, _: u64) -> u32 {
        let schedule = { self.schedule.lock() }.unwrap_or_else(|poisoned| poisoned.into_inner());
        let Some(timing) = schedule.timing(&ZoneName::from(zone.apex())) else {
            return zone.soa().expire; // made here, and as good as at its primary
        };
        let expires = { timing.expires }
            .map(|expires| expires.saturating_duration_since(Instant::now()).as_secs());
        // None: the very moment in which it expires or is first held.
        expires.map_or(0, |seconds| u32::try_from(seconds).unwrap_or(u32::MAX))
    }

    fn differences(&self, apex: Name<'_>, from: Serial) -> Option<Vec<Diff>> {
        self.store.differences(apex, from)
    }

    fn steps(&self, apex: Name<'_>, from: Serial) -> Option<Range<u64>> {
        self.store.steps(apex, from)
    }

    fn read_steps(&self, apex: Name<'_>, numbers: Range<u64>, octets: usize) -> Option<Vec<Diff>> {
        self.store.read_steps(apex, numbers, octets)
    }

    fn differences_octets(&self, apex: Name<'_>, from: Serial) -> Option<u64> {
        self.store.differences_octets(apex, from)
    }
}

/// What the configuration says about answers; keys and the judge of NOTIFY are the node's to add.
pub(crate) fn config(config: &Config, cookie_secret: CookieSecret) -> zonekit_serve::Config {
    let Dns {
        allow_transfer,
        identity,
        version,
        clients,
        condensed_ixfr,
        catalog,
        ..
    } = &config.dns;
    let octets = |text: &String| text.as_bytes().to_vec();
    let catalogs = config.catalogs.iter().map(|entry| &entry.zone);
    zonekit_serve::Config {
        allow_transfer: allow_transfer.iter().cloned().collect(),
        private_zones: { catalogs.chain(catalog) }
            .map(|catalog| catalog.to_name())
            .collect(),
        nsid: identity.as_ref().map(octets),
        identity: identity.as_ref().map(octets),
        version: version.as_ref().map(octets),
        condensed_ixfr: *condensed_ixfr,
        rate_limit: clients.rate_limit.clone(),
        cookie_secret: config.dns.cookie_secret.unwrap_or(cookie_secret),
        ..zonekit_serve::Config::default()
    }
}

/// What the configuration says about sockets.
pub(crate) fn options(dns: &Dns) -> Options {
    let defaults = Options::default();
    Options {
        workers: dns.workers.try_into().unwrap_or(defaults.workers), // 1 or more
        max_connections: dns.clients.max_connections,
        max_connections_per_client: dns.clients.max_connections_per_client,
        max_transfers: dns.clients.max_transfers,
        max_transfers_per_client: dns.clients.max_transfers_per_client,
        min_transfer_rate: dns.clients.min_transfer_rate,
        idle_timeout: dns.clients.idle_timeout,
        write_timeout: dns.clients.write_timeout,
    }
}
