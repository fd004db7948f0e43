//! A zone's primaries as they are asked: with the port and the key that the configuration has for them.

use std::collections::HashMap;
use std::net::SocketAddr;

use zonekit_model::{KeyName, Primary, SecondaryZone};
use zonekit_tsig::Key;

use crate::Config;

/// Where a primary listens.
pub(crate) fn address(config: &Config, primary: &Primary) -> SocketAddr {
    SocketAddr::new(
        primary.address,
        primary.port.unwrap_or(config.dns.primary_port),
    )
}

/// The name of the key that goes with a primary: its own, or that of a `[[primary]]` rule.
pub(crate) fn key_name<'a>(config: &'a Config, primary: &'a Primary) -> Option<&'a KeyName> {
    let own = primary.key.as_ref();
    own.or_else(|| config.key_for(address(config, primary)))
}

/// The primaries of a zone as a visit needs them; or the name of the key that is missing, if one is.
pub(crate) fn resolve(
    config: &Config,
    keys: &HashMap<KeyName, Key>,
    zone: &SecondaryZone,
) -> Result<Vec<zonekit_xfr::Primary>, KeyName> {
    let resolve = |(place, primary): (usize, &Primary)| {
        let address = address(config, primary);
        let key = match key_name(config, primary) {
            None => None,
            Some(name) => Some(keys.get(name).ok_or_else(|| name.clone())?.clone()),
        };
        Ok(zonekit_xfr::Primary {
            key,
            source: config.source_of(zone, place, address),
            ..zonekit_xfr::Primary::new(address)
        })
    };
    zone.primaries.iter().enumerate().map(resolve).collect()
}

/// Whether two ways to a zone's primaries are the same.
pub(crate) fn same(
    was: &Result<Vec<zonekit_xfr::Primary>, KeyName>,
    is: &Result<Vec<zonekit_xfr::Primary>, KeyName>,
) -> bool {
    match (was, is) {
        (Ok(was), Ok(is)) => {
            let pairs = was.iter().zip(is);
            let alike = |(was, is): (&zonekit_xfr::Primary, &zonekit_xfr::Primary)| {
                (was.address, &was.key, was.source) == (is.address, &is.key, is.source)
            };
            was.len() == is.len() && { pairs }.all(alike)
        }
        (Err(was), Err(is)) => was == is,
        _ => false,
    }
}
