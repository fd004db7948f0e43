//! One fleet as each of the three servers has it configured: what comes out is the same, and is a configuration of ours.

use std::fs;

use zonekit_secondary::Config;

use super::*;

const EXPECTED: &str = r#"[[key]]
name = "transfer.example."
algorithm = "hmac-sha256"
secret = "dGhlIHNlY3JldCBvZiB0aGlzIGV4YW1wbGU="

[[zone]]
name = "example.org"
primaries = [{ address = "192.0.2.1", key = "transfer.example." }, { address = "[2001:db8::1]:5300" }]

[[zone]]
name = "example.net"
primaries = [{ address = "192.0.2.1", key = "transfer.example." }]

"#;

/// Writes the files (the first is the one that is read) and compares what is found, and what is told to be left out.
fn check(files: &[(&str, &str)], expected: &str, left: &[&str]) {
    let directory = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = directory.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let found = read(&directory.path().join(files[0].0), None).unwrap();
    assert_eq!(found.to_string(), expected);
    let told: Vec<String> = { found.left.iter() }
        .map(|left| left.to_string())
        .map(|left| left.replace(&format!("{}/", directory.path().display()), ""))
        .collect();
    assert_eq!(told, left);
    let ours = format!("data_dir = \"var\"\n[dns]\nlisten = [\"127.0.0.1:0\"]\n{found}");
    Config::parse(&ours, "ours.toml".as_ref()).unwrap_or_else(|error| panic!("{error}\n{ours}"));
}

#[test]
fn nsd_with_patterns_and_included_files() {
    check(
        &[
            (
                "nsd.conf",
                r#"
server:
    ip-address: 192.0.2.53@53   # elsewhere
key:
    name: "transfer.example."
    algorithm: hmac-sha256
    secret: "dGhlIHNlY3JldCBvZiB0aGlzIGV4YW1wbGU="
pattern:
    name: "signed"
    request-xfr: AXFR 192.0.2.1 transfer.example.
    allow-notify: 192.0.2.1 transfer.example.
zone:
    name: primary.example
    zonefile: primary.example.zone
include: "zones.d/*.conf"
"#,
            ),
            (
                "zones.d/a.conf",
                "zone:\n name: example.org\n include-pattern: \"signed\"\n request-xfr: 2001:db8::1@5300 NOKEY\n",
            ),
            (
                "zones.d/b.conf",
                "zone:\n\tname:\"example.net\"\n\tinclude-pattern: signed\n\tnotify: 192.0.2.9 NOKEY\n",
            ),
            ("zones.d/c.txt", "zone:\n name: not.included\n"),
        ],
        EXPECTED,
        &["zones.d/b.conf:4: zone example.net: notify: 192.0.2.9 NOKEY is not taken over"],
    );
}

#[test]
fn knot_with_templates_groups_and_lists() {
    check(
        &[
            (
                "knot.conf",
                r#"
server:
    listen: [ 192.0.2.53@53, "::1@53" ]
include: "keys.conf"
remote:
  - id: signed
    address: 192.0.2.1   # the old one
    key: transfer.example.
  - id: plain
    address: [ 2001:db8::1@5300 ]
remotes:
  - id: both
    remote: [ signed, plain ]
template:
  - id: default
    master: signed
zone:
  - domain: example.org
    master:
      - both
  - domain: example.net
    acl: edges
  - domain: lost.example
    master: gone
"#,
            ),
            (
                "keys.conf",
                "key:\n- id: transfer.example.\n  algorithm: hmac-sha256\n  secret: dGhlIHNlY3JldCBvZiB0aGlzIGV4YW1wbGU=\n",
            ),
        ],
        EXPECTED,
        &[
            "knot.conf:21: zone example.net: acl edges is not taken over",
            "knot.conf:23: zone lost.example: remote gone is not there",
            "knot.conf:23: zone lost.example is left out: it has no primary that could be read",
        ],
    );
}

#[test]
fn bind_with_lists_views_and_comments() {
    check(
        &[
            (
                "named.conf",
                r#"
options { directory "/var/cache/bind"; }; // nothing of it
include "keys";
primaries signed { 192.0.2.1 key "transfer.example."; };
masters both port 53 { signed; 2001:db8::1 port 5300; }; # as it was called
zone "example.org" IN {
    type secondary;
    file "example.org.db";
    primaries { both; };
};
zone "." { type hint; file "root.hints"; };
view "outside" {
    zone "example.net" { type slave; masters { signed; }; allow-transfer { any; }; };
    zone "EXAMPLE.org." { type slave; masters { 192.0.2.2; }; };
};
"#,
            ),
            (
                "keys",
                "/* made */ key \"transfer.example.\" { algorithm hmac-sha256;\nsecret \"dGhlIHNlY3JldCBvZiB0aGlzIGV4YW1wbGU=\"; };",
            ),
        ],
        EXPECTED,
        &[
            "named.conf:12: view outside: its zones are taken as zones for everybody",
            "named.conf:13: zone example.net: allow-transfer is not taken over",
            "named.conf:14: zone EXAMPLE.org. is left out here: it is there already",
        ],
    );
}

#[test]
fn what_cannot_be_read_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = directory.path().join(name);
        fs::write(&path, text).unwrap();
        read(&path, None).unwrap_err().to_string()
    };
    let open = file("named.conf", "options {\n  directory \"x\";\n");
    assert!(
        open.ends_with("named.conf:1: the statement that begins here is not closed"),
        "{open}"
    );
    let endless = file("nsd.conf", "include: nsd.conf\n");
    assert!(
        endless.ends_with("files include one another without end"),
        "{endless}"
    );
    let whose = file("some.conf", "");
    assert!(whose.contains("Say --format"), "{whose}");
}
