//! From the file as it is written to a configuration that is valid: every entry is read, every reference found.

use std::collections::HashSet;
use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use zeroize::Zeroizing;
use zonekit_http::{OciKey, OciKeyError};
use zonekit_model::{Contract, KeyDraft, KeyName, Labels, Secret, ZoneName};
use zonekit_serve::{AclEntry, CookieSecret};
use zonekit_tsig::{Algorithm, Key};

use super::catalogs::check_catalogs;
use super::tls::{check_profiles, known_profile};
use super::zones::check_zones;
use super::{
    Clients, Config, Dns, Http, Limits, PrimaryRule, Problem, Timers, Token, Told, Webhook, file,
    tls,
};

/// A key's path and what is wrong there.
pub(super) type Fault = (String, Problem);

pub(super) fn check(file: file::File, directory: &Path) -> Result<Config, Fault> {
    if file.data_dir.as_os_str().is_empty() {
        return Err(("data_dir".to_owned(), Problem::Empty));
    }
    let dns = check_dns(file.dns, directory)?;
    let http = { file.http }
        .map(|http| check_http(http, directory))
        .transpose()?;
    check_timers(&file.timers)?;
    check_limits(&file.limits)?;
    let keys = check_keys(file.key, directory)?;
    let tls = check_profiles(file.tls, directory)?;
    let primaries = each("primary", file.primary, |path, rule| {
        let (address, port) = address(&rule.address, &format!("{path}.address"))?;
        let key = { rule.key }
            .map(|key| known_key(&keys, &key, &format!("{path}.key")))
            .transpose()?;
        let source = source(&dns, rule.source, Some(address), path)?;
        let tls = known_profile(&tls, rule.tls, path)?;
        let is_said = key.is_some() || source.is_some() || tls.is_some();
        if !is_said && rule.ixfr_over_udp.is_none() {
            return Err((path.to_owned(), Problem::NothingSaid));
        }
        Ok(PrimaryRule {
            address,
            port,
            key,
            source,
            ixfr_over_udp: rule.ixfr_over_udp,
            tls,
        })
    })?;
    let zones = check_zones(file.zone, &keys, &tls, &dns)?;
    if let Some(catalog) =
        { dns.catalog.as_ref() }.filter(|catalog| zones.iter().any(|zone| zone.name == **catalog))
    {
        return Err((
            "dns.catalog".to_owned(),
            Problem::Twice(catalog.to_string()),
        ));
    }
    let catalogs = check_catalogs(file.catalog, &zones, &keys)?;
    for (list, entries) in [
        ("dns.allow_transfer", &dns.allow_transfer),
        ("dns.allow_notify", &dns.allow_notify),
    ] {
        known_keys(&keys, entries, list)?;
    }
    no_tls(&dns.allow_notify, "dns.allow_notify")?;
    for (index, told) in dns.notify.iter().enumerate() {
        if let Some(key) = &told.key {
            known_key(&keys, &key.to_string(), &format!("dns.notify[{index}].key"))?;
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
        tls,
        primaries,
        places: { zones.iter().enumerate() }
            .map(|(place, zone)| (zone.name.clone(), place))
            .collect(),
        zones,
        catalogs,
    })
}

fn check_dns(dns: file::Dns, directory: &Path) -> Result<Dns, Fault> {
    if dns.listen.is_empty() {
        return Err(("dns.listen".to_owned(), Problem::Empty));
    }
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let workers = dns.workers.unwrap_or(cores);
    within("dns.workers", workers as u64, 1, 1_024)?;
    let primary_port = dns.primary_port.unwrap_or(53);
    within("dns.primary_port", primary_port.into(), 1, 65_535)?;
    if dns.resolvers.len() > 8 {
        return Err(("dns.resolvers".to_owned(), Problem::TooMany(8)));
    }
    let cookie_secret = check_cookie_secret(dns.cookie_secret, dns.cookie_secret_file, directory)?;
    let plain = |path: &str, text: String| match text.parse() {
        Ok(address) => Ok(address),
        Err(_) => Err((path.to_owned(), Problem::NotAnAddress(text))),
    };
    Ok(Dns {
        listen: each("dns.listen", dns.listen, |path, text| match text.parse() {
            Ok(address) => Ok(address),
            Err(_) => Err((path.to_owned(), Problem::NotASocketAddress(text))),
        })?,
        allow_transfer: each("dns.allow_transfer", dns.allow_transfer, allowed)?,
        allow_notify: each("dns.allow_notify", dns.allow_notify, allowed)?,
        notify: each("dns.notify", dns.notify, told)?,
        notify_rate: dns.notify_rate.unwrap_or(100),
        workers,
        nameservers: each("dns.nameservers", dns.nameservers, |path, text| {
            Ok(name::<ZoneName>(&text, path)?.to_string())
        })?,
        resolvers: each("dns.resolvers", dns.resolvers, |path, text| {
            let (address, port) = address(&text, path)?;
            Ok(SocketAddr::new(address, port.unwrap_or(53)))
        })?,
        transfer_addresses: each("dns.transfer_addresses", dns.transfer_addresses, plain)?,
        notify_addresses: each("dns.notify_addresses", dns.notify_addresses, plain)?,
        primary_port,
        identity: text("dns.identity", dns.identity)?,
        version: text("dns.version", dns.version)?,
        catalog: { dns.catalog }
            .map(|catalog| name(&catalog, "dns.catalog"))
            .transpose()?,
        condensed_ixfr: dns.condensed_ixfr,
        cookie_secret,
        clients: Clients::check(dns.clients)?,
        tls: { dns.tls }
            .map(|tls| tls::check_dns(tls, directory))
            .transpose()?,
    })
}

/// Who is told of new versions, and with what.
fn told(path: &str, told: file::Told) -> Result<Told, Fault> {
    let (text, key) = match told {
        file::Told::Plain(address) => (address, None),
        file::Told::Signed(told) => (told.address, Some(told.key)),
    };
    let (address, port) = address(&text, path)?;
    Ok(Told {
        address: SocketAddr::new(address, port.unwrap_or(53)),
        key: { key }
            .map(|key| name(&key, &format!("{path}.key")))
            .transpose()?,
    })
}

/// A text that is said in DNS as one character string.
fn text(path: &str, text: Option<String>) -> Result<Option<String>, Fault> {
    match &text {
        Some(text) if !(1..=255).contains(&text.len()) => {
            Err((path.to_owned(), Problem::NotAString))
        }
        _ => Ok(text),
    }
}

fn check_http(http: file::Http, directory: &Path) -> Result<Http, Fault> {
    let tls = { http.tls }
        .map(|tls| tls::check_http(tls, directory))
        .transpose()?;
    let at = || "http.listen".to_owned();
    let Ok(listen) = http.listen.parse::<SocketAddr>() else {
        return Err((at(), Problem::NotASocketAddress(http.listen)));
    };
    if tls.is_none() && !http.plain_http && !listen.ip().is_loopback() {
        return Err((at(), Problem::NotLoopback));
    }
    let tokens = each("http.token", http.token, |path, token| {
        let contract = contract(token.contract, &format!("{path}.contract"))?;
        match sha256_from_hex(&token.sha256) {
            Some(sha256) => Ok(Token { contract, sha256 }),
            None => Err((format!("{path}.sha256"), Problem::NotSha256)),
        }
    })?;
    let metrics_token = { http.metrics_token_sha256.as_deref() }
        .map(|digest| {
            let problem = || ("http.metrics_token_sha256".to_owned(), Problem::NotSha256);
            sha256_from_hex(digest).ok_or_else(problem)
        })
        .transpose()?;
    let oci_keys = each("http.oci_key", http.oci_key, |path, key| {
        let contract = contract(key.contract, &format!("{path}.contract"))?;
        let pem = fs::read_to_string(directory.join(key.pem_file)).map_err(|error| {
            let problem = Problem::Unreadable(error.kind());
            (format!("{path}.pem_file"), problem)
        })?;
        OciKey::new(&key.key_id, contract, &pem).map_err(|error| {
            let entry = match error {
                OciKeyError::KeyId => "key_id",
                _ => "pem_file",
            };
            (format!("{path}.{entry}"), error.into())
        })
    })?;
    let webhooks = each("http.webhook", http.webhook, |path, hook| {
        Webhook::check(path, hook, directory)
    })?;
    Ok(Http {
        listen,
        tls,
        metrics_token,
        tokens,
        oci_keys,
        webhooks,
    })
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
    for (key, seconds) in [
        ("max_journal_age", limits.max_journal_age),
        ("lone_soa_wait", limits.lone_soa_wait),
        ("idle_timeout", limits.idle_timeout),
        ("max_transfer_time", limits.max_transfer_time),
        ("connect_timeout", limits.connect_timeout),
    ] {
        within(&format!("limits.{key}"), seconds, 0, u32::MAX.into())?;
    }
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

/// What cookies are made with, if that is agreed on.
fn check_cookie_secret(
    given: Option<String>,
    file: Option<PathBuf>,
    directory: &Path,
) -> Result<Option<CookieSecret>, Fault> {
    let (at, text) = match (given, file) {
        (None, None) => return Ok(None),
        (Some(text), None) => ("dns.cookie_secret", text),
        (None, Some(file)) => {
            let at = "dns.cookie_secret_file";
            let text = fs::read_to_string(directory.join(file))
                .map_err(|error| (at.to_owned(), Problem::Unreadable(error.kind())))?;
            (at, text)
        }
        (Some(_), Some(_)) => {
            return Err(("dns.cookie_secret".to_owned(), Problem::CookieSecretOnce));
        }
    };
    let text = Zeroizing::new(text);
    let digits = text.trim();
    let is_whole = digits.len() == 32 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    match u128::from_str_radix(digits, 16) {
        Ok(secret) if is_whole => Ok(Some(CookieSecret::new(secret.to_be_bytes()))),
        _ => Err((at.to_owned(), Problem::NotACookieSecret)),
    }
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
            labels: Labels::default(),
        })
    })
}

/// Reads each element of a list, with the path of the element for what goes wrong in it.
pub(super) fn each<T, U>(
    path: &str,
    list: Vec<T>,
    mut read: impl FnMut(&str, T) -> Result<U, Fault>,
) -> Result<Vec<U>, Fault> {
    let elements = list.into_iter().enumerate();
    let read = elements.map(|(index, element)| read(&format!("{path}[{index}]"), element));
    let mut list = read.collect::<Result<Vec<_>, _>>()?;
    list.shrink_to_fit(); // it lies where the larger elements of the file did
    Ok(list)
}

pub(super) fn within(path: &str, value: u64, least: u64, most: u64) -> Result<(), Fault> {
    match (least..=most).contains(&value) {
        true => Ok(()),
        false => Err((path.to_owned(), Problem::OutOfRange { least, most })),
    }
}

/// An address with or without a port; with one, an IPv6 address stands in brackets.
pub(super) fn address(text: &str, path: &str) -> Result<(IpAddr, Option<u16>), Fault> {
    if let Ok(address) = text.parse::<SocketAddr>() {
        return Ok((address.ip(), Some(address.port())));
    }
    match text.parse() {
        Ok(address) => Ok((address, None)),
        Err(_) => Err((path.to_owned(), Problem::NotAnAddress(text.to_owned()))),
    }
}

pub(super) fn name<N: FromStr>(text: &str, path: &str) -> Result<N, Fault> {
    text.parse()
        .map_err(|_| (path.to_owned(), Problem::NotAName(text.to_owned())))
}

pub(super) fn contract(text: String, path: &str) -> Result<Contract, Fault> {
    text.parse()
        .map_err(|_| (path.to_owned(), Problem::NotAContract(text)))
}

pub(super) fn known_key(keys: &[KeyDraft], text: &str, path: &str) -> Result<KeyName, Fault> {
    // Mostly it is written as it is kept, and each of many zones names it.
    if let Some(key) = keys.iter().find(|key| key.name.as_str() == text) {
        return Ok(key.name.clone());
    }
    let name: KeyName = name(text, path)?;
    match keys.iter().any(|key| key.name == name) {
        true => Ok(name),
        false => Err((path.to_owned(), Problem::UnknownKey(text.to_owned()))),
    }
}

/// All keys in an access list are there.
pub(super) fn known_keys(keys: &[KeyDraft], entries: &[AclEntry], list: &str) -> Result<(), Fault> {
    for (index, allowed) in entries.iter().enumerate() {
        if let Some(name) = allowed.key() {
            known_key(keys, &name.to_string(), &format!("{list}[{index}]"))?;
        }
    }
    Ok(())
}

/// No entry of an access list asks for TLS.
pub(super) fn no_tls(entries: &[AclEntry], list: &str) -> Result<(), Fault> {
    let place = { entries.iter() }.position(|entry| matches!(entry, AclEntry::Tls(_)));
    match place {
        Some(index) => Err((format!("{list}[{index}]"), Problem::NotifyOverTls)),
        None => Ok(()),
    }
}

/// An entry of an access list.
pub(super) fn allowed(path: &str, text: String) -> Result<AclEntry, Fault> {
    { text.parse() }.map_err(|_| (path.to_owned(), Problem::NotAllowed(text)))
}

/// `source` of what stands at `path`: one of `transfer_addresses`, of the primary's family.
pub(super) fn source(
    dns: &Dns,
    text: Option<String>,
    primary: Option<IpAddr>,
    path: &str,
) -> Result<Option<IpAddr>, Fault> {
    let Some(text) = text else {
        return Ok(None);
    };
    let at = || format!("{path}.source");
    let Ok(source) = text.parse::<IpAddr>() else {
        return Err((at(), Problem::NotAnAddress(text)));
    };
    if !dns.transfer_addresses.contains(&source) {
        return Err((at(), Problem::NotATransferAddress(source)));
    }
    if primary.is_some_and(|primary| primary.is_ipv4() != source.is_ipv4()) {
        return Err((at(), Problem::OtherFamily(source)));
    }
    Ok(Some(source))
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
