//! What a visit holds a zone to: fixed when it begins, so that it can be told later whether that is still what is wanted.

use zonekit_model::{SecondaryZone, ZonemdPolicy};
use zonekit_store::{Checks, ZoneLimits};
use zonekit_xfr::{Limits, Preference};

use crate::Config;
use crate::config::Verify;

/// The rules of one visit, beside whom it asks.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Rules {
    pub(super) limits: Limits,
    pub(super) zone_limits: ZoneLimits,
    pub(super) checks: Checks,
    pub(super) zonemd: ZonemdPolicy,
    pub(super) verify: Option<Verify>,
    pub(super) preference: Preference,
}

impl Rules {
    /// Those that a visit which begins now is under.
    pub(crate) fn of(config: &Config, zone: &SecondaryZone) -> Self {
        let particulars = { config.declared(&zone.name) }.map(|entry| &entry.particulars);
        Self {
            limits: config.limits.for_transfers(),
            zone_limits: config.limits.for_zones(),
            checks: config.checks_for(&zone.name),
            zonemd: zone.zonemd,
            verify: particulars.and_then(|particulars| particulars.verify.clone()),
            preference: particulars
                .map_or_else(Preference::default, |particulars| particulars.preference),
        }
    }
}
