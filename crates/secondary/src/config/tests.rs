use zonekit_model::{Primary, ZonemdPolicy};
use zonekit_store::Checks as StoreChecks;
use zonekit_xfr::Preference;

use super::*;

const WHOLE: &str = r#"
data_dir = "var"
[dns]
listen = ["127.0.0.1:5300", "[::1]:5300"]
allow_transfer = ["127.0.0.0/8", "::1", "key:transfer.example."]
notify = ["127.0.0.1:5301", "127.0.0.2", { address = "127.0.0.3", key = "transfer.example." }]
workers = 2
nameservers = ["ns1.example.net", "ns2.example.net."]
transfer_addresses = ["127.0.0.1"]
notify_addresses = ["127.0.0.1"]
primary_port = 5353
identity = "ns1"
version = "none of your business"
[dns.clients]
rate_limit = 50
rate_limit_exempt = ["192.0.2.0/24"]
max_connections = 2000
max_connections_per_client = 20
max_transfers = 3
min_transfer_rate = 4
idle_timeout = 5
write_timeout = 6
[http]
listen = "127.0.0.1:8053"
[[http.token]]
contract = "demo"
sha256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
[timers]
min_refresh = 1
[limits]
max_zone_records = 1000
[quota]
secondary_zones = 3
[[key]]
name = "transfer.example."
algorithm = "hmac-sha256"
secret = "c2VjcmV0LWtleS1vZi0zMi1vY3RldHMtZm9yLWJlbmNoISE="
[[primary]]
address = "192.0.2.7"
key = "TRANSFER.example"
[[zone]]
name = "example.org"
contract = "demo"
checks = "lenient"
zonemd = "if-present"
primaries = [{ address = "192.0.2.1:53", key = "transfer.example." }, { address = "2001:db8::1" }]
"#;

fn parse(text: &str) -> Result<Config, ConfigError> {
    Config::parse(text, Path::new("/etc/zonekit/secondary.toml"))
}

/// A public key of 2,048 bits, whose private half nobody has.
const RSA: &str = "-----BEGIN PUBLIC KEY-----\n\
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAuagKND5U2KaszbTnVeIU\n\
iWaTxPriUwHvyvM52plbFP/Nis8TLhW8fj1iMDv+/4AcAfQNedQaJ8ckIfll4eX6\n\
tj12rlBesu6EcWhQbIp0Qk7/meORk1Xx4xFqVA4JU98OcLIjdoSnA9nQDtIFjCMh\n\
OwODLnNiE6vR37EpdwRAp97I3/Sn2YaHGJjwMCgOsP3oG+IEXrOPSNGxuBgJGuF6\n\
cAs0KqNvjkNHqD1yUqAP5wfggeWHCyVEEEiPRWzaVX9x1ABFqzKh5abN/75nuNJj\n\
Y4ZQINYpUR7Jhcvp17oOZ8dRLdEPaRIIojgm3dCakZ9XkuJXZs2B97OaZzq80UCO\n\
sQIDAQAB\n\
-----END PUBLIC KEY-----\n\
";
/// The same of 1,024 bits: too short.
const RSA_1024: &str = "-----BEGIN PUBLIC KEY-----\n\
MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQCi0bUOiDSgHcQSlofTMcf9Vry6\n\
08Xp5Fv+lupLCV4VT83FG93zzuhOgXlCrBWCiLxGFIuQp/59WEKgqZpkeWX2h3GJ\n\
V5YQEcOMAtHl9WjipanbQaVtVNJiT9QwlST6Uq5Ji9iqqMbNw8SNHNwuqyW3Etb9\n\
9UxA0HakSLJZjoq/CwIDAQAB\n\
-----END PUBLIC KEY-----\n\
";

#[test]
fn every_entry_arrives() {
    let config = parse(WHOLE).unwrap();
    assert_eq!(config.data_dir, Path::new("/etc/zonekit/var"));
    assert_eq!(config.dns.listen[1], "[::1]:5300".parse().unwrap());
    assert_eq!(
        config.dns.allow_transfer[1],
        AclEntry::Network("::1/128".parse().unwrap())
    );
    assert_eq!(config.dns.notify[1].address.port(), 53);
    let told = &config.dns.notify[2];
    assert_eq!((told.address.port(), told.key.is_some()), (53, true));
    assert!(config.dns.notify[1].key.is_none());
    assert_eq!(
        config.dns.nameservers,
        ["ns1.example.net", "ns2.example.net"]
    );
    let clients = &config.dns.clients;
    assert_eq!(config.dns.identity.as_deref(), Some("ns1"));
    assert_eq!(config.dns.version.as_deref(), Some("none of your business"));
    assert_eq!(clients.rate_limit.per_second, 50);
    let is_exempt = |client: &str| {
        clients
            .rate_limit
            .exempt
            .admits(client.parse().unwrap(), None)
    };
    assert_eq!(
        (is_exempt("192.0.2.9"), is_exempt("127.0.0.1")),
        (true, false)
    );
    assert_eq!(
        (clients.max_connections, clients.max_connections_per_client),
        (2000, 20)
    );
    assert_eq!((clients.max_transfers, clients.min_transfer_rate), (3, 4));
    assert_eq!(clients.max_transfers_per_client, 50, "the default");
    let fewer = WHOLE.replace("max_transfers = 3", "max_transfers_per_client = 2");
    let fewer = parse(&fewer).unwrap().dns.clients;
    assert_eq!(fewer.max_transfers_per_client, 2);
    assert_eq!(
        clients.rate_limit.octets_per_second, 10_000_000,
        "the default"
    );
    let less = WHOLE.replace("max_transfers = 3", "rate_limit_octets = 5");
    let less = parse(&less).unwrap().dns.clients;
    assert_eq!(less.rate_limit.octets_per_second, 5);
    assert_eq!(
        [clients.idle_timeout, clients.write_timeout],
        [5, 6].map(std::time::Duration::from_secs)
    );
    assert_eq!(
        config.http.as_ref().unwrap().tokens[0].sha256[..2],
        [0xe3, 0xb0]
    );
    assert_eq!(
        (config.timers.min_refresh, config.timers.min_retry),
        (1, 60)
    );
    assert_eq!(
        (config.limits.max_zone_records, config.limits.transfers),
        (1000, 200)
    );
    assert_eq!(
        (config.quota.secondary_zones, config.quota.records),
        (3, 100_000_000)
    );
    let zone = &config.zones[0];
    let primaries = zone.primaries.as_slice();
    assert_eq!(
        primaries[1],
        Primary::from("2001:db8::1".parse::<IpAddr>().unwrap())
    );
    assert_eq!(
        (primaries[0].port, primaries[0].key.is_some()),
        (Some(53), true)
    );
    assert_eq!(config.checks_for(&zone.name), StoreChecks::Lenient);
    assert_eq!(zone.particulars.zonemd, ZonemdPolicy::IfPresent);
    assert!(config.key_for("192.0.2.7:99".parse().unwrap()).is_some());
    assert!(config.key_for("192.0.2.8:99".parse().unwrap()).is_none());
}

#[test]
fn a_mistake_is_told_with_its_line_and_key() {
    let replaced = |from: &str, to: &str| {
        assert!(WHOLE.contains(from), "{from}");
        let error = parse(&WHOLE.replacen(from, to, 1)).unwrap_err().to_string();
        error.replace("/etc/zonekit/secondary.toml:", "")
    };
    for (from, to, says) in [
        (
            "workers = 2",
            "wrokers = 2",
            "7: dns.wrokers: unknown field `wrokers`",
        ),
        (
            "workers = 2",
            "workers = \"2\"",
            "7: dns.workers: invalid type: string \"2\"",
        ),
        (
            "max_zone_records = 1000",
            "connect_timeout = 9223372036854775807",
            "31: limits.connect_timeout: must be 0 to 4294967295",
        ),
        (
            "workers = 2",
            "workers = 0",
            "7: dns.workers: must be 1 to 1024",
        ),
        (
            "\"::1\"",
            "\"::g\"",
            "5: dns.allow_transfer[1]: \"::g\" is neither",
        ),
        (
            "key:transfer",
            "key:tansfer",
            "5: dns.allow_transfer[2]: there is no [[key]]",
        ),
        (
            "127.0.0.1:8053",
            "0.0.0.0:8053",
            "24: http.listen: plain HTTP",
        ),
        (
            "listen = \"127.0.0.1:8053\"",
            "listen = \"127.0.0.1:8053\"\nmetrics_token_sha256 = \"ab\"",
            "25: http.metrics_token_sha256: is not a SHA-256",
        ),
        (
            "7852b855",
            "7852b85",
            "27: http.token[0].sha256: is not a SHA-256",
        ),
        (
            "min_refresh = 1",
            "min_refresh = 9999999",
            "29: timers.min_refresh: is above max_refresh",
        ),
        (
            "hmac-sha256",
            "hmac-md6",
            "36: key[0].algorithm: \"hmac-md6\" is not",
        ),
        (
            "secret = \"c2",
            "secret = \"*",
            "37: key[0].secret: the secret is not usable",
        ),
        (
            "TRANSFER.example",
            "other",
            "40: primary[0].key: there is no [[key]]",
        ),
        (
            "example.org",
            "exa..mple.org",
            "42: zone[0].name: \"exa..mple.org\" is not a domain name",
        ),
        (
            "lenient",
            "some",
            "44: zone[0].checks: unknown variant `some`",
        ),
        (
            "if-present",
            "maybe",
            "45: zone[0].zonemd: unknown variant `maybe`",
        ),
        (
            "192.0.2.1:53",
            "192.0.2.1:port",
            "46: zone[0].primaries[0].address: \"192.0.2.1:port\" is not",
        ),
        (
            "[[primary]]",
            "[http.tls]\ncertificate = \"x\"\nkey = \"y\"\n[[primary]]",
            "39: http.tls.certificate: cannot be read: entity not found",
        ),
        (
            "[[primary]]",
            "[[http.oci_key]]\nkey_id = \"x\"\npem_file = \"none.pem\"\ncontract = \"demo\"\n[[primary]]",
            "40: http.oci_key[0].pem_file: cannot be read: entity not found",
        ),
        (
            "[[primary]]",
            "[[http.oci_key]]\nkey_id = \"x\"\n[[primary]]",
            "38: ",
        ),
        (
            "identity = \"ns1\"",
            "identity = \"\"",
            "12: dns.identity: must be 1 to 255 octets long",
        ),
        (
            "rate_limit = 50",
            "rate_limit = 262144",
            "15: dns.clients.rate_limit: must be 0 to 262143",
        ),
        (
            "192.0.2.0/24",
            "key:transfer.example.",
            "16: dns.clients.rate_limit_exempt[0]: \"key:transfer.example.\" is neither",
        ),
        (
            "max_connections = 2000",
            "max_connections = 0",
            "17: dns.clients.max_connections: must be 1 to",
        ),
        (
            "key = \"transfer.example.\" }]\nworkers",
            "key = \"other.\" }]\nworkers",
            "6: dns.notify[2].key: there is no [[key]]",
        ),
        (
            "write_timeout = 6",
            "write_timeout = 0",
            "22: dns.clients.write_timeout: must be 1 to 3600",
        ),
        ("[dns]", "[dns", "3: [dns: "),
    ] {
        let error = replaced(from, to);
        assert!(error.starts_with(says), "{to}: {error}");
    }
}

#[test]
fn a_public_key_that_cannot_be_used_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let check = |key_id: &str, pem: &str| {
        fs::write(directory.path().join("key.pem"), pem).unwrap();
        let entry = format!(
            "[[http.oci_key]]\nkey_id = \"{key_id}\"\npem_file = \"key.pem\"\ncontract = \"demo\"\n[[primary]]"
        );
        let text = WHOLE.replacen("[[primary]]", &entry, 1);
        Config::parse(&text, &directory.path().join("secondary.toml"))
            .map(|config| config.http.unwrap().oci_keys.len())
            .map_err(|error| (error.line, error.key))
    };
    let good = "ocid1.tenancy.oc1..a/ocid1.user.oc1..b/aa:bb";
    let bad_key = |entry: &str, line| Err((line, format!("http.oci_key[0].{entry}")));
    let not_a_key = "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n";
    assert_eq!(check(good, RSA), Ok(1));
    assert_eq!(check("tenancy/user/aa:bb", RSA), bad_key("key_id", 39));
    assert_eq!(
        check("ocid1.tenancy.oc1..a/aa:bb", RSA),
        bad_key("key_id", 39)
    );
    assert_eq!(check(good, "no PEM"), bad_key("pem_file", 40));
    assert_eq!(check(good, not_a_key), bad_key("pem_file", 40));
    assert_eq!(check(good, RSA_1024), bad_key("pem_file", 40));
}

#[test]
fn a_missing_file_is_told() {
    let error = Config::load(Path::new("/nowhere/secondary.toml")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "/nowhere/secondary.toml: cannot be read: entity not found"
    );
}

#[test]
fn the_secret_of_cookies_is_read_and_checked_and_in_no_debug_output() {
    let with = |entry: &str| parse(&WHOLE.replace("identity = \"ns1\"", entry));
    assert!(parse(WHOLE).unwrap().dns.cookie_secret.is_none());
    let config = with("cookie_secret = \"E5E973e5a6b2a43f48e7dc849e37bfcf\"").unwrap();
    let expected = 0xe5e973e5a6b2a43f48e7dc849e37bfcf_u128.to_be_bytes();
    assert!(config.dns.cookie_secret == Some(zonekit_serve::CookieSecret::new(expected)));
    let debug = format!("{config:?}").to_lowercase();
    assert!(
        !debug.contains("e5e973") && !debug.contains("229, 233"),
        "{debug}"
    );
    let other = zonekit_serve::CookieSecret::new([7; 16]);
    let answers = crate::answering::config(&config, other);
    assert!(answers.cookie_secret == zonekit_serve::CookieSecret::new(expected));
    assert!(crate::answering::config(&parse(WHOLE).unwrap(), other).cookie_secret == other);

    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "e5e973e5a6b2a43f48e7dc849e37bfcf\n").unwrap();
    let config = with(&format!("cookie_secret_file = {:?}", file.path())).unwrap();
    assert!(config.dns.cookie_secret == Some(zonekit_serve::CookieSecret::new(expected)));

    for wrong in [
        "",
        "e5e9",
        "+5e973e5a6b2a43f48e7dc849e37bfcf",
        "g5e973e5a6b2a43f48e7dc849e37bfcf",
    ] {
        let error = with(&format!("cookie_secret = {wrong:?}"))
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("12: dns.cookie_secret: is not a secret of cookies"),
            "{error}"
        );
        assert!(wrong.is_empty() || !error.contains(wrong), "{error}");
    }
    let both = "cookie_secret = \"e5e973e5a6b2a43f48e7dc849e37bfcf\"\ncookie_secret_file = \"x\"";
    let error = with(both).unwrap_err().to_string();
    assert!(error.contains("give one of cookie_secret and"), "{error}");
}

#[test]
fn secrets_are_not_in_debug_output() {
    let debug = format!("{:?}", parse(WHOLE).unwrap());
    assert!(
        !debug.contains("c2VjcmV0") && !debug.contains("secret-key"),
        "{debug}"
    );
}

#[test]
fn who_may_notify_beside_the_primaries_is_read_and_checked() {
    let with = |entries: &str| {
        let text = WHOLE.replace(
            "workers = 2",
            &format!("workers = 2\nallow_notify = [{entries}]"),
        );
        parse(&text)
    };
    assert!(parse(WHOLE).unwrap().dns.allow_notify.is_empty());
    let config = with("\"192.0.2.0/24\", \"key:transfer.example.\"").unwrap();
    assert_eq!(
        config.dns.allow_notify,
        ["192.0.2.0/24", "key:transfer.example."].map(|entry| entry.parse().unwrap())
    );
    for (entry, expected) in [
        (
            "192.0.2.0/33",
            "8: dns.allow_notify[0]: \"192.0.2.0/33\" is neither",
        ),
        (
            "key:tansfer.example.",
            "8: dns.allow_notify[0]: there is no [[key]]",
        ),
    ] {
        let error = with(&format!("\"{entry}\"")).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn every_limit_has_its_default_and_reaches_transfers_and_zones() {
    let minute = std::time::Duration::from_secs(60);
    let limits = parse(&WHOLE.replace("max_zone_records = 1000", ""))
        .unwrap()
        .limits;
    assert_eq!(limits.for_transfers(), zonekit_xfr::Limits::default());
    assert_eq!(limits.for_zones(), zonekit_store::ZoneLimits::default());
    assert_eq!(
        limits.for_journals(),
        zonekit_store::JournalLimits::default()
    );

    let text = WHOLE.replace(
        "max_zone_records = 1000",
        "max_zone_octets = 1\nmax_zone_records = 2\nmax_records_per_rrset = 3\nmax_types_per_name = 4\n\
         max_ixfr_changes = 5\nconnect_timeout = 60\nidle_timeout = 120\nmax_transfer_time = 180\n\
         min_transfer_rate = 6\nmax_empty_messages = 7\nlone_soa_wait = 240",
    );
    let limits = parse(&text).unwrap().limits;
    let transfers = zonekit_xfr::Limits {
        max_zone_octets: 1,
        max_zone_records: 2,
        max_ixfr_changes: Some(5),
        max_empty_messages: 7,
        connect_timeout: minute,
        idle_timeout: minute * 2,
        max_transfer_time: minute * 3,
        min_transfer_rate: zonekit_xfr::Rate {
            octets: 6,
            period: minute * 5,
        },
        lone_soa_wait: minute * 4,
        ..zonekit_xfr::Limits::default()
    };
    let zones = zonekit_store::ZoneLimits {
        octets: 1,
        records: 2,
        records_per_rrset: 3,
        types_per_name: 4,
    };
    assert_eq!(
        (limits.for_transfers(), limits.for_zones()),
        (transfers, zones)
    );
}

/// The first zone of a configuration, as it is kept.
pub(crate) fn declared_zone(config: &Config) -> std::sync::Arc<zonekit_model::SecondaryZone> {
    let command = crate::book::declaration(config);
    let mut registry = zonekit_model::Registry::new(config.quota);
    let changes = registry
        .judge(command, zonekit_model::Timestamp(0))
        .unwrap();
    let _ = registry.apply(changes);
    std::sync::Arc::clone(registry.zones().next().unwrap())
}

/// The whole configuration with more than one source address, and these entries in its zone, its first primary and its
/// `[[primary]]`.
fn with_zone(zone: &str, primary: &str, rule: &str) -> Result<Config, ConfigError> {
    let text = WHOLE
        .replace(
            "transfer_addresses = [\"127.0.0.1\"]",
            "transfer_addresses = [\"127.0.0.1\", \"127.0.0.2\", \"127.0.0.3\", \"127.0.0.4\", \"::1\"]",
        )
        .replace("zonemd = \"if-present\"", &format!("zonemd = \"if-present\"\n{zone}"))
        .replace("192.0.2.1:53\",", &format!("192.0.2.1:53\", {primary}"))
        .replace("key = \"TRANSFER.example\"", rule);
    parse(&text)
}

#[test]
fn the_source_of_a_primary_goes_before_that_of_its_zone_and_that_before_the_rest() {
    let check = |zone: &str, primary: &str, rule: &str, expected: [&str; 2]| {
        let rule = format!("{rule}\n[[primary]]\naddress = \"192.0.2.1\"\n{rule}");
        let config = with_zone(zone, primary, &rule).unwrap();
        let zone = declared_zone(&config);
        let sources: Vec<String> = { zone.primaries.iter().enumerate() }
            .map(|(place, primary)| {
                let (address, _) = config.way_to(&zone, place, primary);
                config.source_of(&zone, place, address).unwrap().to_string()
            })
            .collect();
        assert_eq!(sources, expected);
    };
    let key = "key = \"transfer.example.\"";
    let (of_zone, of_primary) = ("source = \"127.0.0.2\"", "source = \"127.0.0.3\",");
    let of_rule = "source = \"127.0.0.4\"";
    check("", "", key, ["127.0.0.1", "::1"]);
    check("", "", of_rule, ["127.0.0.4", "::1"]);
    check(of_zone, "", of_rule, ["127.0.0.2", "::1"]);
    check(of_zone, of_primary, of_rule, ["127.0.0.3", "::1"]);
}

#[test]
fn a_primary_may_have_another_key_that_is_tried_next() {
    let check = |next: &str, expected: Result<&str, &str>| {
        let key = |name: &str| format!("[[key]]\nname = \"{name}\"\nsecret = \"c2VjcmV0\"\n");
        let text = format!(
            "data_dir = \"var\"\n[dns]\nlisten = [\"127.0.0.1:0\"]\n{}{}[[zone]]\nname = \"example.org\"\n\
             primaries = [{{ address = \"192.0.2.1\", key = \"old\", next_key = \"{next}\" }}]\n",
            key("old"),
            key("new")
        );
        let next_key = parse(&text).map(|config| {
            let primary = config.zones[0].primaries.iter().next().unwrap();
            primary.next_key.as_ref().unwrap().to_string()
        });
        match (next_key, expected) {
            (Ok(found), Ok(expected)) => assert_eq!(found, expected),
            (Err(error), Err(place)) => assert!(error.to_string().contains(place), "{error}"),
            (found, _) => panic!("{next}: {found:?}"),
        }
    };
    check("NEW.", Ok("new"));
    check("other", Err("zone[0].primaries[0].next_key: "));
    check("old", Err("zone[0].primaries: "));
}

#[test]
fn what_a_zone_says_of_its_primaries_and_versions_is_read_and_checked() {
    let key = "key = \"TRANSFER.example\"";
    let zone = |entries: &str| {
        { with_zone(entries, "", key).unwrap() }
            .zones
            .remove(0)
            .particulars
    };
    assert_eq!(
        (zone("").preference, &zone("").verify),
        (Preference::Newest, &None)
    );
    assert_eq!(
        zone("primaries_order = \"strict\"").preference,
        Preference::InOrder
    );
    let minute = std::time::Duration::from_secs(60);
    assert_eq!(
        zone("pin_tolerance = 60").preference,
        Preference::Same(minute)
    );
    let verify = zone("verify = { command = [\"a b\", \"-c\"] }")
        .verify
        .clone()
        .unwrap();
    assert_eq!((verify.command.len(), verify.timeout), (2, minute));
    let allowed = zone("allow_notify = [\"192.0.2.0/24\"]")
        .allow_notify
        .clone();
    assert!(allowed.admits("192.0.2.1".parse().unwrap(), None));

    let check = |zone: &str, primary: &str, rule: &str, says: &str| {
        let error = with_zone(zone, primary, rule).unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
    };
    check(
        "primaries_order = \"some\"",
        "",
        key,
        "zone[0].primaries_order: unknown variant",
    );
    check(
        "primaries_order = \"strict\"\npin_tolerance = 1",
        "",
        key,
        ":47: zone[0].pin_tolerance: does not go with primaries_order = \"strict\"",
    );
    check(
        "pin_tolerance = 0",
        "",
        key,
        "zone[0].pin_tolerance: must be 1 to",
    );
    check(
        "verify = { command = [] }",
        "",
        key,
        "zone[0].verify.command: must not be empty",
    );
    check(
        "verify = { command = [\"x\"], timeout = 0 }",
        "",
        key,
        "zone[0].verify.timeout: must be 1 to 86400",
    );
    check("verify = \"x\"", "", key, "zone[0].verify: invalid type");
    check(
        "source = \"192.0.2.9\"",
        "",
        key,
        "zone[0].source: 192.0.2.9 is not one of",
    );
    check(
        "",
        "source = \"::1\",",
        key,
        "zone[0].primaries[0].source: a socket at ::1 cannot",
    );
    check(
        "",
        "source = \"x\",",
        key,
        "zone[0].primaries[0].source: \"x\" is not an address",
    );
    check(
        "allow_notify = [\"key:x\"]",
        "",
        key,
        "zone[0].allow_notify[0]: there is no [[key]]",
    );
    check("", "", "", "primary[0]: give a key or a source, or both");
}

#[test]
fn the_first_rule_for_a_primary_that_tells_says_whether_ixfr_is_asked_over_udp() {
    let rule = "address = \"192.0.2.7\"\nixfr_over_udp = true\n[[primary]]\nixfr_over_udp = false";
    for (rule, expected) in [("", false), (rule, true)] {
        let text = WHOLE.replacen("[[primary]]", &format!("[[primary]]\n{rule}"), 1);
        let config = Config::parse(&text, Path::new("secondary.toml")).unwrap();
        let address = config.primaries[0].address;
        assert_eq!(config.has_ixfr_over_udp((address, 53).into()), expected);
        assert!(!config.has_ixfr_over_udp("203.0.113.9:53".parse().unwrap()));
    }
}
