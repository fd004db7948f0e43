//! What a configuration says of zones and of primaries.

use std::collections::HashSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use foldhash::fast::RandomState;
use serde::Deserialize;
use zonekit_model::{
    Contract, KeyDraft, KeyName, Primaries, Primary, SecondaryZone, SharedPrimaries, ZoneName,
    ZonemdPolicy,
};
use zonekit_serve::Acl;
use zonekit_store::Checks as StoreChecks;
use zonekit_xfr::{Preference, Tls, Transport};

use super::check::{
    Fault, address, allowed, contract, each, known_key, known_keys, name, no_tls, source, within,
};
use super::tls::{TlsProfile, known_profile};
use super::{Config, Dns, Problem, file};

/// Where primaries speak TLS if nothing else is said (RFC 9103 §7.2).
const TLS_PORT: u16 = 853;

/// `[[primary]]`: what goes for a primary wherever it is given without, be it by a zone or over the API.
#[derive(Clone, Debug)]
pub struct PrimaryRule {
    /// `address`: the primary's address.
    pub address: IpAddr,
    /// Its port, if `address` has one: the rule is for that port only.
    pub port: Option<u16>,
    /// `key`: signs requests to it, and its NOTIFYs may be signed with it.
    pub key: Option<KeyName>,
    /// `source`: which of `transfer_addresses` it is spoken with from.
    pub source: Option<IpAddr>,
    /// `ixfr_over_udp`: whether it is asked for differences in datagrams first. Default: no.
    pub ixfr_over_udp: Option<bool>,
    /// `tls`: the `[[tls]]` by which it is spoken with; port 853 then, if the zone gives none but `primary_port`.
    pub tls: Option<Tls>,
}

impl PrimaryRule {
    /// Whether the rule is for the primary at `address`.
    pub fn is_for(&self, address: SocketAddr) -> bool {
        self.address == address.ip() && self.port.is_none_or(|port| port == address.port())
    }
}

/// `[[zone]]`: a zone that the configuration declares.
#[derive(Clone, Debug)]
pub struct ZoneEntry {
    /// `name`: the apex.
    pub name: ZoneName,
    /// `contract`: whose API shows the zone, if anyone's; a zone with none is counted against no quota.
    pub contract: Option<Contract>,
    /// `primaries`: in the order of preference. One without a key gets that of the `[[primary]]` rules. `next_key` beside the
    /// `key` of one is tried where that is refused, so that keys can be rolled over.
    pub primaries: Primaries,
    /// What few zones say: those that say none of it share one.
    pub particulars: Arc<Particulars>,
}

/// What a `[[zone]]` may say beside its name, its contract and its primaries.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Particulars {
    /// `source` of each of them, in their order; empty where none has one.
    pub sources: Vec<Option<IpAddr>>,
    /// `tls` of each of them, in their order, empty where none has one: the `[[tls]]` by which it is spoken with; port 853 then,
    /// if it has none.
    pub tls: Vec<Option<Tls>>,
    /// `source`: which of `transfer_addresses` its primaries of that family are spoken with from, where they do not say.
    pub source: Option<IpAddr>,
    /// `primaries_order` and `pin_tolerance`: which of several primaries a newer version is taken from. Default: the newest.
    pub preference: Preference,
    /// `allow_notify`: who may send NOTIFY for it, beside its primaries and those that may for all zones. Default: nobody.
    pub allow_notify: Acl,
    /// `checks`: what becomes of a zone whose content is wrong.
    pub checks: Checks,
    /// `zonemd`: whether its digest has to be right, or there at all: `off`, `if-present` or `required`. Default: off.
    pub zonemd: ZonemdPolicy,
    /// `verify`: a command that has the last word on each version. Default: none.
    pub verify: Option<Verify>,
}

/// `verify`: a command that gets each new version of a zone as a master file on its standard input, and takes it by ending
/// with status 0.
///
/// ```
/// # use zonekit_secondary::Config;
/// let text = r#"
///     data_dir = "var"
///     [dns]
///     listen = ["127.0.0.1:0"]
///     [[zone]]
///     name = "example.org"
///     primaries = [{ address = "192.0.2.1" }]
///     verify = { command = ["/usr/bin/validns", "-"], timeout = 60 }
/// "#;
/// let config = Config::parse(text, "secondary.toml".as_ref())?;
/// let verify = config.zones[0].particulars.verify.as_ref();
/// assert_eq!(verify.unwrap().timeout.as_secs(), 60);
/// # Ok::<(), zonekit_secondary::ConfigError>(())
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Verify {
    /// `command`: the program, looked up in `PATH` if it has no slash, and its arguments; no shell reads them. At least one.
    pub command: Vec<String>,
    /// `timeout`: how long it may take, 1 to 86,400 seconds. Default: 60.
    pub timeout: Duration,
}

/// Whether a zone with a CNAME beside other data, or without NS at its apex, is taken.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
pub enum Checks {
    /// It is refused, and the version before stays. The default.
    #[default]
    Strict,
    /// It is taken, and the oddities are reported.
    Lenient,
}

impl Config {
    /// The `[[zone]]` of this name.
    pub fn declared(&self, zone: &ZoneName) -> Option<&ZoneEntry> {
        self.zones.get(*self.places.get(zone)?)
    }

    /// The key for a primary that is given without one: that of the first `[[primary]]` rule for it that has one.
    pub fn key_for(&self, address: SocketAddr) -> Option<&KeyName> {
        let mut rules = self.primaries.iter().filter(|rule| rule.is_for(address));
        rules.find_map(|rule| rule.key.as_ref())
    }

    /// Whether a primary is asked for differences in datagrams: as the first `[[primary]]` rule for it that tells says.
    pub fn has_ixfr_over_udp(&self, address: SocketAddr) -> bool {
        let mut rules = self.primaries.iter().filter(|rule| rule.is_for(address));
        rules.find_map(|rule| rule.ixfr_over_udp).unwrap_or(false)
    }

    /// The local address for what is sent to others than primaries, if `transfer_addresses` has one of its family.
    pub fn source_for(&self, address: IpAddr) -> Option<IpAddr> {
        let addresses = self.dns.transfer_addresses.iter().copied();
        { addresses }.find(|source| source.is_ipv4() == address.is_ipv4())
    }

    /// The local address for what is said to the primary at this place of a zone's list: its own `source`, or that of its
    /// zone, of a `[[primary]]` rule, or the first of `transfer_addresses`.
    pub fn source_of(
        &self,
        zone: &SecondaryZone,
        place: usize,
        primary: SocketAddr,
    ) -> Option<IpAddr> {
        let entry = self.declared(&zone.name);
        let own = entry.and_then(|entry| *entry.particulars.sources.get(place)?);
        let of_zone = || entry?.particulars.source;
        let of_rule = || {
            let mut rules = self.primaries.iter().filter(|rule| rule.is_for(primary));
            rules.find_map(|rule| rule.source)
        };
        let is_usable = |source: &IpAddr| source.is_ipv4() == primary.is_ipv4();
        own.or_else(|| of_zone().filter(is_usable))
            .or_else(of_rule)
            .or_else(|| self.source_for(primary.ip()))
    }

    /// Where the primary at this place of a zone's list listens, and how it is spoken with: over TLS if its own entry or that
    /// of a `[[primary]]` rule says so.
    pub fn way_to(
        &self,
        zone: &SecondaryZone,
        place: usize,
        primary: &Primary,
    ) -> (SocketAddr, Transport) {
        let clear = self.dns.primary_port;
        let at = |port| SocketAddr::new(primary.address, port);
        let own = self
            .declared(&zone.name)
            .and_then(|entry| entry.particulars.tls.get(place)?.as_ref());
        if let Some(tls) = own {
            let port = primary.port.unwrap_or(TLS_PORT);
            return (at(port), Transport::Tls(tls.clone()));
        }
        let port = primary.port.unwrap_or(clear);
        let mut rules = self.primaries.iter().filter(|rule| rule.is_for(at(port)));
        match rules.find_map(|rule| Some((rule.port, rule.tls.as_ref()?))) {
            None => (at(port), Transport::Plain),
            // The API always gives a port, and that of clear text where nobody thought of TLS.
            Some((None, tls)) if port == clear => (at(TLS_PORT), Transport::Tls(tls.clone())),
            Some((_, tls)) => (at(port), Transport::Tls(tls.clone())),
        }
    }

    /// What becomes of a zone's content that is wrong: only declared zones can say.
    pub fn checks_for(&self, zone: &ZoneName) -> StoreChecks {
        match self.declared(zone).map(|entry| entry.particulars.checks) {
            Some(Checks::Lenient) => StoreChecks::Lenient,
            _ => StoreChecks::Strict,
        }
    }
}

pub(super) fn check_zones(
    zones: Vec<file::Zone>,
    keys: &[KeyDraft],
    profiles: &[TlsProfile],
    dns: &Dns,
) -> Result<Vec<ZoneEntry>, Fault> {
    let (mut names, mut shared) = (
        HashSet::<_, RandomState>::default(),
        SharedPrimaries::default(),
    );
    let nothing = Arc::new(Particulars::default());
    each("zone", zones, |path, zone| {
        let name: ZoneName = name(&zone.name, &format!("{path}.name"))?;
        if !names.insert(name.clone()) {
            return Err((format!("{path}.name"), Problem::Twice(zone.name)));
        }
        let contract = { zone.contract }
            .map(|text| contract(text, &format!("{path}.contract")))
            .transpose()?;
        let preference = preference(zone.primaries_order, zone.pin_tolerance, path)?;
        let list = format!("{path}.allow_notify");
        let allow_notify = each(&list, zone.allow_notify, allowed)?;
        known_keys(keys, &allow_notify, &list)?;
        no_tls(&allow_notify, &list)?;
        let list = format!("{path}.primaries");
        let primaries = each(&list, zone.primaries, |path, primary| {
            let (address, port) = address(&primary.address, &format!("{path}.address"))?;
            let known = |key: Option<String>, entry: &str| {
                key.map(|key| known_key(keys, &key, &format!("{path}.{entry}")))
                    .transpose()
            };
            let key = known(primary.key, "key")?;
            let next_key = known(primary.next_key, "next_key")?;
            let source = source(dns, primary.source, Some(address), path)?;
            let tls = known_profile(profiles, primary.tls, path)?;
            let primary = Primary {
                port,
                key,
                next_key,
                ..Primary::from(address)
            };
            Ok((primary, (source, tls)))
        })?;
        let (primaries, ways): (Vec<_>, Vec<_>) = primaries.into_iter().unzip();
        let (sources, tls) = ways.into_iter().unzip();
        let primaries = Primaries::new(primaries).map_err(|error| (list, error.into()))?;
        let particulars = Particulars {
            sources: said(sources),
            tls: said(tls),
            source: source(dns, zone.source, None, path)?,
            preference,
            allow_notify: allow_notify.into_iter().collect(),
            checks: zone.checks,
            zonemd: zone.zonemd,
            verify: { zone.verify }
                .map(|verify| check_verify(verify, &format!("{path}.verify")))
                .transpose()?,
        };
        Ok(ZoneEntry {
            name,
            contract,
            primaries: shared.share(primaries),
            particulars: match particulars == *nothing {
                true => Arc::clone(&nothing),
                false => Arc::new(particulars),
            },
        })
    })
}

/// What the primaries of a zone say, each for itself: nothing at all of almost all zones.
fn said<T>(each: Vec<Option<T>>) -> Vec<Option<T>> {
    match each.iter().all(Option::is_none) {
        true => Vec::new(),
        false => each,
    }
}

fn preference(
    order: file::Order,
    pin_tolerance: Option<u64>,
    path: &str,
) -> Result<Preference, Fault> {
    match (order, pin_tolerance) {
        (file::Order::Newest, None) => Ok(Preference::Newest),
        (file::Order::Newest, Some(seconds)) => {
            let path = format!("{path}.pin_tolerance");
            within(&path, seconds, 1, u32::MAX.into())?;
            Ok(Preference::Same(Duration::from_secs(seconds)))
        }
        (file::Order::Strict, None) => Ok(Preference::InOrder),
        (file::Order::Strict, Some(_)) => {
            Err((format!("{path}.pin_tolerance"), Problem::NotWithStrictOrder))
        }
    }
}

fn check_verify(verify: file::Verify, path: &str) -> Result<Verify, Fault> {
    let path_of = |entry: &str| format!("{path}.{entry}");
    if { verify.command.first() }.is_none_or(String::is_empty) {
        return Err((path_of("command"), Problem::Empty));
    }
    let timeout = verify.timeout.unwrap_or(60);
    within(&path_of("timeout"), timeout, 1, 86_400)?;
    Ok(Verify {
        command: verify.command,
        timeout: Duration::from_secs(timeout),
    })
}
