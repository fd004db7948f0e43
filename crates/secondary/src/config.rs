//! The configuration file: what it may say, its defaults, and how a mistake in it is told.
//!
//! A [`Config`] in hand is valid: every address, name, key and reference in it has been read and found. Whatever is
//! unknown, wrong or not supported is an error that names the file, the line and the key:
//!
//! ```
//! # use zonekit_secondary::Config;
//! let error = Config::parse("data_dir = \"var\"\n[dns]\nlisten = [\"127.0.0.1:x\"]\n", "secondary.toml".as_ref());
//! assert_eq!(
//!     error.unwrap_err().to_string(),
//!     "secondary.toml:3: dns.listen[0]: \"127.0.0.1:x\" is not an address with a port",
//! );
//! ```
//!
//! Relative paths in the file are taken from the directory that the file is in. All times are whole seconds and all
//! sizes whole octets.

mod file;
mod place;

use std::collections::HashSet;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;
use std::{fmt, fs, io};

use serde::Deserialize;
use zonekit_model::{
    Contract, KeyDraft, KeyName, Primaries, PrimariesError, Primary, QuotaLimits, Secret, ZoneName,
};
use zonekit_serve::AclEntry;
use zonekit_store::{Checks as StoreChecks, ZoneLimits};
use zonekit_tsig::{Algorithm, Key};
use zonekit_xfr::Rate;

/// Everything that a node is told from outside.
#[derive(Clone, Debug)]
pub struct Config {
    /// `data_dir`: the directory of the one file that everything durable is in; created if absent.
    pub data_dir: PathBuf,
    /// `[dns]`: what the name server side does.
    pub dns: Dns,
    /// `[http]`: what the management side does; without it there is none.
    pub http: Option<Http>,
    /// `[timers]`: bounds on what a zone's SOA may ask for.
    pub timers: Timers,
    /// `[limits]`: what a primary may cost us.
    pub limits: Limits,
    /// `[quota]`: what a contract may use.
    pub quota: QuotaLimits,
    /// `[[key]]`: TSIG keys, each with a name of its own.
    pub keys: Vec<KeyDraft>,
    /// `[[primary]]`: keys for primaries that are given without one.
    pub primaries: Vec<PrimaryRule>,
    /// `[[zone]]`: zones declared here rather than over the API.
    pub zones: Vec<ZoneEntry>,
}

/// `[dns]`: the name server side.
#[derive(Clone, Debug)]
pub struct Dns {
    /// `listen`: addresses for UDP and TCP; port 0 lets the system pick one for both. At least one.
    pub listen: Vec<SocketAddr>,
    /// `allow_transfer`: who may have our zones by AXFR and IXFR. Default: nobody.
    pub allow_transfer: Vec<AclEntry>,
    /// `notify`: whom to tell of new versions; port 53 if none is given. Default: nobody.
    pub notify: Vec<SocketAddr>,
    /// `workers`: threads that answer, 1 to 1,024. Default: one per core.
    pub workers: usize,
    /// `nameservers`: host names, without final dot, that the API reports as assigned. Default: none.
    pub nameservers: Vec<String>,
    /// `transfer_addresses`: what outgoing sockets bind to, the first of the primary's family. Default: the system chooses.
    pub transfer_addresses: Vec<IpAddr>,
    /// `notify_addresses`: where primaries are told to send NOTIFY. Default: none is told.
    pub notify_addresses: Vec<IpAddr>,
    /// `primary_port`: the port of a primary that is given without one. Default: 53.
    pub primary_port: u16,
}

/// `[http]`: the management side.
#[derive(Clone, Debug)]
pub struct Http {
    /// `listen`: the address of the plain HTTP listener. Only loopback is accepted as long as there is no TLS.
    pub listen: SocketAddr,
    /// `[[http.token]]`: who may use the API. Without any, only health and metrics are served.
    pub tokens: Vec<Token>,
}

/// `[[http.token]]`: a bearer token and the contract that it speaks for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Token {
    /// `contract`: whose zones the bearer sees and changes.
    pub contract: Contract,
    /// `sha256`: the SHA-256 of the token; the file has it in hexadecimal.
    pub sha256: [u8; 32],
}

/// `[timers]`: bounds, in seconds, that the values of a zone's SOA are clamped to.
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
}

impl Default for Timers {
    fn default() -> Self {
        Self {
            min_refresh: 300,
            max_refresh: 2_419_200,
            min_retry: 60,
            max_retry: 1_209_600,
            min_expire: 300,
            max_expire: 31_449_600,
        }
    }
}

/// `[limits]`: what a primary may cost us. 0 means no limit, except where a count of zero would mean standing still.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
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
    /// Seconds that an IXFR answer of one newer SOA may wait for more. Default: 5.
    pub lone_soa_wait: u64,
    /// Seconds without an octet that end a transfer. Default: 10.
    pub idle_timeout: u64,
    /// Seconds that one transfer may take in all. Default: 7,200.
    pub max_transfer_time: u64,
    /// Octets that must arrive in every five minutes of a transfer. Default: 10,240.
    pub min_transfer_rate: u64,
    /// Messages without a record, one after the other, in a transfer. Default: 100.
    pub max_empty_messages: u32,
    /// Transfers at a time from one primary, at least 1. Default: 20.
    pub transfers_per_primary: usize,
    /// Transfers at a time in all, at least 1. Default: 200.
    pub transfers: usize,
    /// Seconds that a TCP connection may take to come about. Default: 5.
    pub connect_timeout: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_zone_octets: 16 << 30,
            max_zone_records: 200_000_000,
            max_records_per_rrset: 4_000,
            max_types_per_name: 200,
            max_ixfr_changes: 0,
            lone_soa_wait: 5,
            idle_timeout: 10,
            max_transfer_time: 7_200,
            min_transfer_rate: 10_240,
            max_empty_messages: 100,
            transfers_per_primary: 20,
            transfers: 200,
            connect_timeout: 5,
        }
    }
}

/// `[[primary]]`: the key for a primary wherever it is given without one, be it by a zone or over the API.
#[derive(Clone, Debug)]
pub struct PrimaryRule {
    /// `address`: the primary's address.
    pub address: IpAddr,
    /// Its port, if `address` has one: the rule is for that port only.
    pub port: Option<u16>,
    /// `key`: signs requests to it, and its NOTIFYs may be signed with it.
    pub key: KeyName,
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
    /// `primaries`: in the order of preference. One without a key gets that of the `[[primary]]` rules.
    pub primaries: Primaries,
    /// `checks`: what becomes of a zone whose content is wrong.
    pub checks: Checks,
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
    /// Reads and checks the file at `path`.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = fs::read_to_string(path).map_err(|error| ConfigError {
            file: path.to_owned(),
            line: 0,
            key: String::new(),
            problem: Problem::Unreadable(error.kind()),
        })?;
        Self::parse(&text, path)
    }

    /// Reads and checks `text`; `origin` is the file's name for errors, and its directory is where relative paths begin.
    pub fn parse(text: &str, origin: &Path) -> Result<Self, ConfigError> {
        let file: file::File = toml::from_str(text).map_err(|error| {
            let offset = error.span().map_or(0, |range| range.start);
            ConfigError {
                file: origin.to_owned(),
                line: place::line_at(text, offset),
                key: place::key_at(text, offset),
                problem: Problem::Toml(error.message().to_owned()),
            }
        })?;
        let directory = origin.parent().unwrap_or(Path::new(""));
        check(file, directory).map_err(|(key, problem)| ConfigError {
            file: origin.to_owned(),
            line: place::line_of(text, &key),
            key,
            problem,
        })
    }

    /// The key for a primary that is given without one: that of the first `[[primary]]` rule for it.
    pub fn key_for(&self, address: SocketAddr) -> Option<&KeyName> {
        let rule = self.primaries.iter().find(|rule| rule.is_for(address))?;
        Some(&rule.key)
    }

    /// The local address for connections to `primary`, if `transfer_addresses` has one of its family.
    pub fn source_for(&self, primary: IpAddr) -> Option<IpAddr> {
        let addresses = self.dns.transfer_addresses.iter().copied();
        { addresses }.find(|address| address.is_ipv4() == primary.is_ipv4())
    }

    /// What becomes of a zone's content that is wrong: only declared zones can say.
    pub fn checks_for(&self, zone: &ZoneName) -> StoreChecks {
        let entry = self.zones.iter().find(|entry| entry.name == *zone);
        match entry.map(|entry| entry.checks) {
            Some(Checks::Lenient) => StoreChecks::Lenient,
            Some(Checks::Strict) | None => StoreChecks::Strict,
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
                period: Duration::from_secs(300),
            },
            lone_soa_wait: Duration::from_secs(self.lone_soa_wait),
            ..zonekit_xfr::Limits::default()
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

/// What is wrong with a configuration, and where.
#[derive(Debug)]
pub struct ConfigError {
    /// The file as it was named to us.
    pub file: PathBuf,
    /// The line, counted from 1; 0 where the file as a whole is meant.
    pub line: usize,
    /// The path of the key, such as `zone[1].primaries[0].address`; empty where the file as a whole is meant.
    pub key: String,
    /// What is wrong with it.
    pub problem: Problem,
}

impl std::error::Error for ConfigError {}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.file.display())?;
        if self.line > 0 {
            write!(f, "{}:", self.line)?;
        }
        if !self.key.is_empty() {
            write!(f, " {}:", self.key)?;
        }
        write!(f, " {}", self.problem)
    }
}

/// What can be wrong with one entry.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// The file could not be read.
    #[error("cannot be read: {0}")]
    Unreadable(io::ErrorKind),
    /// The text is not TOML, or an entry is unknown, missing or of another type; the TOML reader's own sentence.
    #[error("{0}")]
    Toml(String),
    /// An address with a port was expected.
    #[error("{0:?} is not an address with a port")]
    NotASocketAddress(String),
    /// An address was expected, with or without a port.
    #[error("{0:?} is not an address")]
    NotAnAddress(String),
    /// A network, an address or `key:NAME` was expected.
    #[error("{0:?} is neither a network nor key:NAME")]
    NotAllowed(String),
    /// A domain name was expected.
    #[error("{0:?} is not a domain name")]
    NotAName(String),
    /// The name of a contract was expected.
    #[error("{0:?} is not a contract: 1 to 64 letters, digits, '.', '_' and '-'")]
    NotAContract(String),
    /// The primaries together are not a list that a zone can have.
    #[error(transparent)]
    Primaries(#[from] PrimariesError),
    /// No TSIG algorithm has this name.
    #[error("{0:?} is not a TSIG algorithm; hmac-sha256 is a good one")]
    NotAnAlgorithm(String),
    /// Neither or both of `secret` and `secret_file` are there.
    #[error("give one of secret and secret_file")]
    SecretOnce,
    /// The secret is not base64, or of a length that the algorithm has no use for.
    #[error("the secret is not usable: base64 of 1 to 4,096 octets is expected")]
    Secret,
    /// No `[[key]]` has this name.
    #[error("there is no [[key]] with the name {0:?}")]
    UnknownKey(String),
    /// Another entry has this name already.
    #[error("{0:?} is there twice")]
    Twice(String),
    /// An empty list or text where something is needed.
    #[error("must not be empty")]
    Empty,
    /// A number outside its range.
    #[error("must be {least} to {most}")]
    OutOfRange {
        /// The least that is accepted.
        least: u64,
        /// The most that is accepted.
        most: u64,
    },
    /// A lower bound above its upper bound.
    #[error("is above {0}")]
    Above(&'static str),
    /// 64 hexadecimal digits were expected.
    #[error("is not a SHA-256 in hexadecimal (64 digits)")]
    NotSha256,
    /// Plain HTTP for other machines, where tokens would pass in the clear.
    #[error("plain HTTP is for loopback addresses only")]
    NotLoopback,
    /// The entry is known and planned, but nothing answers to it yet.
    #[error("is not supported yet")]
    NotSupportedYet,
}

/// A key's path and what is wrong there.
type Fault = (String, Problem);

fn check(file: file::File, directory: &Path) -> Result<Config, Fault> {
    if file.data_dir.as_os_str().is_empty() {
        return Err(("data_dir".to_owned(), Problem::Empty));
    }
    let dns = check_dns(file.dns)?;
    let http = file.http.map(check_http).transpose()?;
    check_timers(&file.timers)?;
    check_limits(&file.limits)?;
    let keys = check_keys(file.key, directory)?;
    let primaries = each("primary", file.primary, |path, rule| {
        let (address, port) = address(&rule.address, &format!("{path}.address"))?;
        let key = known_key(&keys, &rule.key, &format!("{path}.key"))?;
        Ok(PrimaryRule { address, port, key })
    })?;
    let zones = check_zones(file.zone, &keys)?;
    for (index, allowed) in dns.allow_transfer.iter().enumerate() {
        if let AclEntry::Key(name) = allowed {
            let path = format!("dns.allow_transfer[{index}]");
            known_key(&keys, &name.to_string(), &path)?;
        }
    }
    Ok(Config {
        data_dir: directory.join(file.data_dir),
        dns,
        http,
        timers: file.timers,
        limits: file.limits,
        quota: file.quota,
        keys,
        primaries,
        zones,
    })
}

fn check_dns(dns: file::Dns) -> Result<Dns, Fault> {
    if dns.listen.is_empty() {
        return Err(("dns.listen".to_owned(), Problem::Empty));
    }
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let workers = dns.workers.unwrap_or(cores);
    within("dns.workers", workers as u64, 1, 1_024)?;
    let primary_port = dns.primary_port.unwrap_or(53);
    within("dns.primary_port", primary_port.into(), 1, 65_535)?;
    let plain = |path: &str, text: String| match text.parse() {
        Ok(address) => Ok(address),
        Err(_) => Err((path.to_owned(), Problem::NotAnAddress(text))),
    };
    Ok(Dns {
        listen: each("dns.listen", dns.listen, |path, text| match text.parse() {
            Ok(address) => Ok(address),
            Err(_) => Err((path.to_owned(), Problem::NotASocketAddress(text))),
        })?,
        allow_transfer: each("dns.allow_transfer", dns.allow_transfer, |path, text| {
            { text.parse() }.map_err(|_| (path.to_owned(), Problem::NotAllowed(text)))
        })?,
        notify: each("dns.notify", dns.notify, |path, text| {
            let (address, port) = address(&text, path)?;
            Ok(SocketAddr::new(address, port.unwrap_or(53)))
        })?,
        workers,
        nameservers: each("dns.nameservers", dns.nameservers, |path, text| {
            Ok(name::<ZoneName>(&text, path)?.to_string())
        })?,
        transfer_addresses: each("dns.transfer_addresses", dns.transfer_addresses, plain)?,
        notify_addresses: each("dns.notify_addresses", dns.notify_addresses, plain)?,
        primary_port,
    })
}

fn check_http(http: file::Http) -> Result<Http, Fault> {
    if http.tls.is_some() {
        return Err(("http.tls".to_owned(), Problem::NotSupportedYet));
    }
    if !http.oci_key.is_empty() {
        return Err(("http.oci_key[0]".to_owned(), Problem::NotSupportedYet));
    }
    let at = || "http.listen".to_owned();
    let Ok(listen) = http.listen.parse::<SocketAddr>() else {
        return Err((at(), Problem::NotASocketAddress(http.listen)));
    };
    if !listen.ip().is_loopback() {
        return Err((at(), Problem::NotLoopback));
    }
    let tokens = each("http.token", http.token, |path, token| {
        let contract = contract(token.contract, &format!("{path}.contract"))?;
        match sha256_from_hex(&token.sha256) {
            Some(sha256) => Ok(Token { contract, sha256 }),
            None => Err((format!("{path}.sha256"), Problem::NotSha256)),
        }
    })?;
    Ok(Http { listen, tokens })
}

fn check_timers(timers: &Timers) -> Result<(), Fault> {
    for (key, least, most, most_key) in [
        (
            "min_refresh",
            timers.min_refresh,
            timers.max_refresh,
            "max_refresh",
        ),
        ("min_retry", timers.min_retry, timers.max_retry, "max_retry"),
        (
            "min_expire",
            timers.min_expire,
            timers.max_expire,
            "max_expire",
        ),
    ] {
        if least > most {
            return Err((format!("timers.{key}"), Problem::Above(most_key)));
        }
    }
    // A check every zero seconds would be a busy loop.
    within(
        "timers.min_refresh",
        timers.min_refresh.into(),
        1,
        u32::MAX.into(),
    )?;
    within(
        "timers.min_retry",
        timers.min_retry.into(),
        1,
        u32::MAX.into(),
    )
}

fn check_limits(limits: &Limits) -> Result<(), Fault> {
    // Semaphores hold no more than this.
    let most = (usize::MAX >> 3) as u64;
    within("limits.transfers", limits.transfers as u64, 1, most)?;
    within(
        "limits.transfers_per_primary",
        limits.transfers_per_primary as u64,
        1,
        most,
    )
}

fn check_keys(keys: Vec<file::Key>, directory: &Path) -> Result<Vec<KeyDraft>, Fault> {
    let mut names = HashSet::new();
    each("key", keys, |path, key| {
        let name: KeyName = name(&key.name, &format!("{path}.name"))?;
        if !names.insert(name.clone()) {
            return Err((format!("{path}.name"), Problem::Twice(key.name)));
        }
        let algorithm = match key.algorithm {
            None => Algorithm::HmacSha256,
            Some(text) => match text.parse() {
                Ok(algorithm) => algorithm,
                Err(_) => return Err((format!("{path}.algorithm"), Problem::NotAnAlgorithm(text))),
            },
        };
        let (at, secret) = match (key.secret, key.secret_file) {
            (Some(secret), None) => ("secret", secret),
            (None, Some(file)) => match fs::read_to_string(directory.join(file)) {
                Ok(secret) => ("secret_file", secret),
                Err(error) => {
                    let problem = Problem::Unreadable(error.kind());
                    return Err((format!("{path}.secret_file"), problem));
                }
            },
            _ => return Err((format!("{path}.secret"), Problem::SecretOnce)),
        };
        let unusable = || (format!("{path}.{at}"), Problem::Secret);
        let secret = Secret::from_base64(secret.trim()).map_err(|_| unusable())?;
        // What makes a key of it later asks no more than this.
        Key::new(name.to_name().as_name(), algorithm, secret.octets()).map_err(|_| unusable())?;
        Ok(KeyDraft {
            name,
            algorithm,
            secret,
        })
    })
}

fn check_zones(zones: Vec<file::Zone>, keys: &[KeyDraft]) -> Result<Vec<ZoneEntry>, Fault> {
    let mut names = HashSet::new();
    each("zone", zones, |path, zone| {
        let name: ZoneName = name(&zone.name, &format!("{path}.name"))?;
        if !names.insert(name.clone()) {
            return Err((format!("{path}.name"), Problem::Twice(zone.name)));
        }
        let contract = { zone.contract }
            .map(|text| contract(text, &format!("{path}.contract")))
            .transpose()?;
        let list = format!("{path}.primaries");
        let primaries = each(&list, zone.primaries, |path, primary| {
            let (address, port) = address(&primary.address, &format!("{path}.address"))?;
            let key = { primary.key }
                .map(|key| known_key(keys, &key, &format!("{path}.key")))
                .transpose()?;
            Ok(Primary { address, port, key })
        })?;
        Ok(ZoneEntry {
            name,
            contract,
            primaries: Primaries::new(primaries).map_err(|error| (list, error.into()))?,
            checks: zone.checks,
        })
    })
}

/// Reads each element of a list, with the path of the element for what goes wrong in it.
fn each<T, U>(
    path: &str,
    list: Vec<T>,
    mut read: impl FnMut(&str, T) -> Result<U, Fault>,
) -> Result<Vec<U>, Fault> {
    let elements = list.into_iter().enumerate();
    elements
        .map(|(index, element)| read(&format!("{path}[{index}]"), element))
        .collect()
}

fn within(path: &str, value: u64, least: u64, most: u64) -> Result<(), Fault> {
    match (least..=most).contains(&value) {
        true => Ok(()),
        false => Err((path.to_owned(), Problem::OutOfRange { least, most })),
    }
}

/// An address with or without a port; with one, an IPv6 address stands in brackets.
fn address(text: &str, path: &str) -> Result<(IpAddr, Option<u16>), Fault> {
    if let Ok(address) = text.parse::<SocketAddr>() {
        return Ok((address.ip(), Some(address.port())));
    }
    match text.parse() {
        Ok(address) => Ok((address, None)),
        Err(_) => Err((path.to_owned(), Problem::NotAnAddress(text.to_owned()))),
    }
}

fn name<N: FromStr>(text: &str, path: &str) -> Result<N, Fault> {
    text.parse()
        .map_err(|_| (path.to_owned(), Problem::NotAName(text.to_owned())))
}

fn contract(text: String, path: &str) -> Result<Contract, Fault> {
    text.parse()
        .map_err(|_| (path.to_owned(), Problem::NotAContract(text)))
}

fn known_key(keys: &[KeyDraft], text: &str, path: &str) -> Result<KeyName, Fault> {
    let name: KeyName = name(text, path)?;
    match keys.iter().any(|key| key.name == name) {
        true => Ok(name),
        false => Err((path.to_owned(), Problem::UnknownKey(text.to_owned()))),
    }
}

fn sha256_from_hex(text: &str) -> Option<[u8; 32]> {
    let digits: Vec<u8> = { text.chars() }
        .map(|digit| digit.to_digit(16).map(|value| value as u8))
        .collect::<Option<_>>()?;
    let pairs: &[u8; 64] = digits.as_slice().try_into().ok()?;
    let mut sha256 = [0; 32];
    for (octet, pair) in sha256.iter_mut().zip(pairs.chunks_exact(2)) {
        *octet = pair.iter().fold(0, |octet, digit| octet << 4 | digit);
    }
    Some(sha256)
}

#[cfg(test)]
mod tests;
