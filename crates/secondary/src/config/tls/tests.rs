//! What may be said of TLS, and what is told of the rest.

use std::fs;
use std::path::Path;

use tempfile::TempDir;
use zonekit_script::Authority;
use zonekit_xfr::Transport;

use crate::{Config, ConfigError};

const NAME: &str = "ns1.example.net";

/// A directory with certificates, and configurations in it.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(TempDir::new().unwrap());
        let authority = Authority::ed25519();
        let leaf = authority.certify(NAME);
        for (file, text) in [
            ("ca.pem", &authority.pem),
            ("our.pem", &leaf.certificate),
            ("our.key", &leaf.key),
            ("other.key", &authority.certify(NAME).key),
            ("none.pem", &String::new()),
        ] {
            fs::write(place.0.path().join(file), text).unwrap();
        }
        place
    }

    fn parse(&self, text: &str) -> Result<Config, ConfigError> {
        Config::parse(text, &self.0.path().join("secondary.toml"))
    }

    /// The configuration with these tables behind it.
    fn with(&self, tables: &str) -> Result<Config, ConfigError> {
        self.parse(&format!(
            "data_dir = \"var\"\n[dns]\nlisten = [\"127.0.0.1:5300\"]\n{tables}"
        ))
    }

    /// These tables are refused, by these words behind the file's name.
    #[track_caller]
    fn refuses(&self, tables: &str, expected: &str) {
        let error = self.with(tables).expect_err(tables).to_string();
        let file = Path::new("secondary.toml").display().to_string();
        let (_, said) = error.split_once(&format!("{file}:")).unwrap();
        assert!(said.starts_with(expected), "{said}");
    }
}

#[test]
fn every_way_of_believing_a_primary_is_one() {
    let place = Place::new();
    for entries in [
        "ca_file = \"ca.pem\"\nserver_name = \"ns1.example.net\"",
        "pins = [\"E9CZ9INDbd+2eRQozYqqbQ2yXLVKB9+xcprMF+44U1g=\"]",
        "pins = [\"E9CZ9INDbd+2eRQozYqqbQ2yXLVKB9+xcprMF+44U1g=\"]\nserver_name = \"ns1.example.net\"",
        "opportunistic = true",
        "opportunistic = true\nclear_text_port = 53",
        "opportunistic = true\ncertificate = \"our.pem\"\nkey = \"our.key\"\nwithout_alpn = true",
    ] {
        let config = place.with(&format!("[[tls]]\nname = \"a\"\n{entries}\n"));
        assert_eq!(config.expect(entries).tls[0].name, "a");
    }
}

#[test]
fn what_cannot_be_is_told_with_its_line() {
    let place = Place::new();
    let profile = |entries: &str| format!("[[tls]]\nname = \"a\"\n{entries}\n");
    for (entries, expected) in [
        ("", "4: tls[0]: give one of ca_file"),
        ("opportunistic = true\npins = []", "4: tls[0]: give one of"),
        ("pins = []", "6: tls[0].pins: no key is pinned"),
        ("pins = [\"abc\"]", "6: tls[0].pins[0]: not the SHA-256"),
        ("ca_file = \"ca.pem\"", "4: tls[0].server_name: is needed"),
        (
            "ca_file = \"ca.pem\"\nserver_name = \"a b\"",
            "7: tls[0].server_name: \"a b\" is neither",
        ),
        (
            "ca_file = \"none.pem\"\nserver_name = \"a\"",
            "6: tls[0].ca_file: no certificate in PEM",
        ),
        (
            "ca_file = \"missing.pem\"\nserver_name = \"a\"",
            "6: tls[0].ca_file: cannot be read",
        ),
        (
            "opportunistic = true\ncertificate = \"our.pem\"",
            "4: tls[0].key: certificate and key go together",
        ),
        (
            "opportunistic = true\ncertificate = \"our.pem\"\nkey = \"none.pem\"",
            "8: tls[0].key: no private key",
        ),
        (
            "opportunistic = true\ncertificate = \"our.pem\"\nkey = \"other.key\"",
            "7: tls[0].certificate: certificate or key are not usable: ",
        ),
        (
            "ca_file = \"ca.pem\"\nserver_name = \"a\"\nclear_text_port = 53",
            "8: tls[0].clear_text_port: is for opportunistic",
        ),
    ] {
        place.refuses(&profile(entries), expected);
    }
    let twice = profile("opportunistic = true").repeat(2);
    place.refuses(&twice, "8: tls[1].name: \"a\" is there twice");
    let unknown = "[[primary]]\naddress = \"192.0.2.1\"\ntls = \"b\"\n";
    place.refuses(
        unknown,
        "6: primary[0].tls: there is no [[tls]] with the name",
    );
    place.refuses(
        "allow_notify = [\"tls\"]\n",
        "4: dns.allow_notify[0]: NOTIFY",
    );
    let ours = "certificate = \"our.pem\"\nkey = \"our.key\"\n";
    let dns = |more: &str| format!("[dns.tls]\n{ours}{more}\n");
    place.refuses(&dns("listen = []"), "7: dns.tls.listen: must not be empty");
    let clients = "listen = [\"127.0.0.1\"]\nclient_ca_file = \"none.pem\"";
    place.refuses(&dns(clients), "8: dns.tls.client_ca_file: no certificate");
    let http = "[http]\nlisten = \"127.0.0.1:0\"\n[http.tls]\nkey = \"none.pem\"\n";
    let http = format!("{http}certificate = \"our.pem\"\n");
    place.refuses(&http, "7: http.tls.key: no private key");
    place.refuses(
        "[http]\nlisten = \"192.0.2.1:80\"\n",
        "5: http.listen: plain HTTP",
    );
}

#[test]
fn http_for_others_is_over_tls_or_wanted_without() {
    let place = Place::new();
    let http = |more: &str| place.with(&format!("[http]\nlisten = \"192.0.2.1:80\"\n{more}"));
    let tls = http("[http.tls]\ncertificate = \"our.pem\"\nkey = \"our.key\"\n").unwrap();
    assert!(tls.http.unwrap().tls.is_some());
    let plain = http("plain_http = true\n").unwrap();
    assert!(plain.http.unwrap().tls.is_none());
}

#[test]
fn dns_over_tls_has_its_port() {
    let tables = "[dns.tls]\nlisten = [\"192.0.2.1\", \"[2001:db8::1]:8853\"]\ncertificate = \"our.pem\"\nkey = \"our.key\"\n";
    let config = Place::new().with(tables).unwrap();
    let expected = ["192.0.2.1:853", "[2001:db8::1]:8853"].map(|text| text.parse().unwrap());
    assert_eq!(config.dns.tls.unwrap().listen, expected);
}

#[test]
fn a_primary_is_spoken_with_as_its_entry_or_a_rule_says_at_the_port_for_it() {
    let place = Place::new();
    let check = |primary: &str, rule: &str, expected: (&str, bool)| {
        let rule = match rule {
            "" => String::new(),
            rule => format!("[[primary]]\n{rule}, tls = \"a\"\n").replace(", ", "\n"),
        };
        let tables = format!(
            "[[tls]]\nname = \"a\"\nopportunistic = true\n{rule}\
             [[zone]]\nname = \"example.org\"\nprimaries = [{{ {primary} }}]\n"
        );
        let config = place.with(&tables).unwrap();
        let zone = super::super::tests::declared_zone(&config);
        let primary = zone.primaries.iter().next().unwrap();
        let (address, transport) = config.way_to(&zone, 0, primary);
        let found = (address.to_string(), matches!(transport, Transport::Tls(_)));
        assert_eq!(found, (expected.0.to_owned(), expected.1), "{tables}");
    };
    let bare = "address = \"192.0.2.1\"";
    let with_port = "address = \"192.0.2.1:5353\"";
    check(bare, "", ("192.0.2.1:53", false));
    check(
        "address = \"192.0.2.1\", tls = \"a\"",
        "",
        ("192.0.2.1:853", true),
    );
    check(
        "address = \"192.0.2.1:53\", tls = \"a\"",
        "",
        ("192.0.2.1:53", true),
    );
    check(bare, bare, ("192.0.2.1:853", true));
    check("address = \"192.0.2.1:53\"", bare, ("192.0.2.1:853", true));
    check(with_port, bare, ("192.0.2.1:5353", true));
    check(with_port, with_port, ("192.0.2.1:5353", true));
    check(bare, with_port, ("192.0.2.1:53", false));
    check("address = \"192.0.2.2\"", bare, ("192.0.2.2:53", false));
}

#[test]
fn private_keys_are_not_in_debug_output() {
    let place = Place::new();
    let tables = "[[tls]]\nname = \"a\"\nopportunistic = true\ncertificate = \"our.pem\"\nkey = \"our.key\"\n";
    let debug = format!("{:?}", place.with(tables).unwrap());
    assert!(debug.contains("has_certificate: true"), "{debug}");
    assert!(!debug.to_lowercase().contains("key: "), "{debug}");
}
