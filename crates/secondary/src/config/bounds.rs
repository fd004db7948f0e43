//! Numbers of the configuration that bound what others may ask of us: `[timers]` and `[limits]`.

use std::time::Duration;

use serde::Deserialize;
use zonekit_store::{JournalLimits, Options, ZoneLimits};
use zonekit_xfr::{Rate, Slots};

/// `[timers]`: bounds, in seconds, that the values of a zone's SOA are clamped to; and when its expiry is near.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(default, deny_unknown_fields)]
pub struct Timers {
    /// Shortest time between two checks of a zone. Default: 300.
    pub min_refresh: u32,
    /// Longest time between two checks of a zone. Default: 2,419,200 (four weeks).
    pub max_refresh: u32,
    /// Shortest time until the next check after a failed one. Default: 60.
    pub min_retry: u32,
    /// Longest time until the next check after a failed one. Default: 1,209,600 (two weeks).
    pub max_retry: u32,
    /// Shortest time that a zone is served without contact to a primary. Default: 300.
    pub min_expire: u32,
    /// Longest time that a zone is served without contact to a primary. Default: 31,449,600 (52 weeks).
    pub max_expire: u32,
    /// How long before a version expires that is told (the event `expiring`); a quarter of what its SOA allows at most.
    /// Default: 86,400 (a day).
    pub expiring: u32,
}

impl Default for Timers {
    fn default() -> Self {
        let schedule = zonekit_xfr::Timers::default();
        Self {
            min_refresh: schedule.min_refresh,
            max_refresh: schedule.max_refresh,
            min_retry: schedule.min_retry,
            max_retry: schedule.max_retry,
            min_expire: schedule.min_expire,
            max_expire: schedule.max_expire,
            expiring: 86_400,
        }
    }
}

/// `[limits]`: what a primary may cost us, and what is kept for others. 0 means no limit where nothing else is said; times are
/// 4,294,967,295 seconds at most.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Zones of all contracts together, those of the configuration and of catalogs included; more are served if they are there
    /// already, and none joins them. Default: 2,000,000.
    pub max_zones: u64,
    /// Octets of one zone, in wire form as received. Default: 16 GiB.
    pub max_zone_octets: u64,
    /// Records of one zone. Default: 200,000,000.
    pub max_zone_records: u64,
    /// Records of one owner and type. Default: 4,000.
    pub max_records_per_rrset: u32,
    /// Types at one owner. Default: 200.
    pub max_types_per_name: u32,
    /// Records removed and added by one IXFR. Default (0): as many as the zone has records.
    pub max_ixfr_changes: u64,
    /// Octets of history that each zone keeps for IXFR to others; never more than the zone itself. Default: 16 MiB.
    pub max_journal_octets: u64,
    /// Versions in that history. Default: 1,000.
    pub max_journal_steps: u32,
    /// Seconds that a version stays in it. Default: 2,419,200 (four weeks).
    pub max_journal_age: u64,
    /// Seconds that an IXFR answer of one newer SOA may wait for more; 0: as many as `idle_timeout`. Default: 5.
    pub lone_soa_wait: u64,
    /// Seconds without an octet that end a transfer, or a question for the SOA over TCP; with 0, that ends after a day all the
    /// same. Default: 10.
    pub idle_timeout: u64,
    /// Seconds that one transfer may take in all. Default: 7,200.
    pub max_transfer_time: u64,
    /// Octets that must arrive in every five minutes of a transfer. Default: 10,240.
    pub min_transfer_rate: u64,
    /// Messages without a record, one after the other, in a transfer. Default: 100.
    pub max_empty_messages: u32,
    /// Transfers at a time from one primary; at least 1: there is always a limit. Default: 20.
    pub transfers_per_primary: usize,
    /// Transfers at a time in all; at least 1: there is always a limit. One more begins with a primary, or for a contract, as
    /// long as it has fewer than it leaves to others. Default: 200.
    pub transfers: usize,
    /// Seconds that a TCP connection may take to come about; with 0, one for a question for the SOA has a day all the same.
    /// Default: 5.
    pub connect_timeout: u64,
}

impl Default for Limits {
    fn default() -> Self {
        let transfer = zonekit_xfr::Limits::default();
        let zone = ZoneLimits::default();
        let slots = Slots::default();
        let journal = JournalLimits::default();
        Self {
            max_zones: Options::default().zones,
            max_zone_octets: zone.octets,
            max_zone_records: zone.records,
            max_records_per_rrset: zone.records_per_rrset,
            max_types_per_name: zone.types_per_name,
            max_ixfr_changes: transfer.max_ixfr_changes.unwrap_or(0),
            max_journal_octets: journal.octets,
            max_journal_steps: journal.steps,
            max_journal_age: journal.age,
            lone_soa_wait: transfer.lone_soa_wait.as_secs(),
            idle_timeout: transfer.idle_timeout.as_secs(),
            max_transfer_time: transfer.max_transfer_time.as_secs(),
            min_transfer_rate: transfer.min_transfer_rate.octets,
            max_empty_messages: transfer.max_empty_messages,
            transfers_per_primary: slots.per_primary,
            transfers: slots.all,
            connect_timeout: transfer.connect_timeout.as_secs(),
        }
    }
}

impl Timers {
    /// The bounds that the schedule keeps to.
    pub fn for_schedule(&self) -> zonekit_xfr::Timers {
        zonekit_xfr::Timers {
            min_refresh: self.min_refresh,
            max_refresh: self.max_refresh,
            min_retry: self.min_retry,
            max_retry: self.max_retry,
            min_expire: self.min_expire,
            max_expire: self.max_expire,
        }
    }
}

impl Limits {
    /// The limits that a transfer is held to.
    pub fn for_transfers(&self) -> zonekit_xfr::Limits {
        zonekit_xfr::Limits {
            max_zone_octets: self.max_zone_octets,
            max_zone_records: self.max_zone_records,
            max_ixfr_changes: Some(self.max_ixfr_changes).filter(|&changes| changes > 0),
            max_empty_messages: self.max_empty_messages,
            connect_timeout: Duration::from_secs(self.connect_timeout),
            idle_timeout: Duration::from_secs(self.idle_timeout),
            max_transfer_time: Duration::from_secs(self.max_transfer_time),
            min_transfer_rate: Rate {
                octets: self.min_transfer_rate,
                ..Rate::default()
            },
            lone_soa_wait: Duration::from_secs(self.lone_soa_wait),
            ..zonekit_xfr::Limits::default()
        }
    }

    /// The limits that the history of a zone is kept in.
    pub fn for_journals(&self) -> JournalLimits {
        JournalLimits {
            octets: self.max_journal_octets,
            steps: self.max_journal_steps,
            age: self.max_journal_age,
        }
    }

    /// The limits that the content of a zone is held to.
    pub fn for_zones(&self) -> ZoneLimits {
        ZoneLimits {
            octets: self.max_zone_octets,
            records: self.max_zone_records,
            records_per_rrset: self.max_records_per_rrset,
            types_per_name: self.max_types_per_name,
        }
    }
}
