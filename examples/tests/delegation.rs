//! Whether zones are delegated to us, as servers tell that are not ours: NSD for the parent zone, unbound as a resolver.

mod peers;
mod support;
#[allow(unreachable_pub)]
#[path = "asking/validator.rs"]
mod validator;

use std::fs;

use peers::{Hosted, Kind, Primary, Setup};
use serde_json::{Value, json};
use support::{Node, Program, Settings, eventually, free_port, master_file};
use tempfile::TempDir;
use validator::Validator;

/// The zone above, which delegates example.org to these.
fn parent(serial: u32, servers: &str) -> String {
    let mut text = format!(
        "$TTL 60\norg. SOA a.org. b.org. {serial} 3600 900 604800 60\norg. NS a.org.\na.org. A 192.0.2.1\n"
    );
    for server in servers.split(' ') {
        text.push_str(&format!("example.org. NS {server}.\n"));
    }
    text + "ns1.example.org. A 192.0.2.2\n"
}

#[test]
fn a_delegation_is_checked_with_nsd_as_the_parent_and_unbound_as_a_resolver() {
    if !Kind::Nsd.is_installed() || support::peer_program("unbound").is_none() {
        return;
    }
    let directory = TempDir::new().unwrap();
    let above = Primary::start(Setup {
        kind: Kind::Nsd,
        zones: &[Hosted {
            zone: "org.",
            text: &parent(1, "ns1.example.org ns2.example.net"),
            key: None,
        }],
        notify: None,
        port: free_port(),
    })
    .unwrap();
    let file = directory.path().join("example.org.zone");
    fs::write(&file, master_file("example.org", 7, 1)).unwrap();
    let zone = format!("example.org={}", file.display());
    let mut primary = Program::ours("primary", &["--listen", "127.0.0.1:0", "--zone", &zone]);
    let origin = primary.address("dns");
    let resolver = Validator::start("example.org", origin, "", None).unwrap();
    let dns = format!(
        "nameservers = [\"NS1.example.org\", \"ns2.example.net.\"]\nresolvers = [\"{}\", \"{}\"]\n",
        above.address(),
        resolver.address
    );
    let settings = Settings {
        dns: &dns,
        ..Settings::default()
    };
    let node = Node::start(directory.path(), &settings);
    let body = json!({
        "name": "example.org",
        "primaries": [{"address": origin.ip(), "port": origin.port()}],
    });
    let (status, zone) = node.api.post("/v1/zones", &body);
    assert_eq!(status, 201, "{zone}");
    eventually("the zone", || {
        let (_, zone) = node.api.get("/v1/zones/example.org");
        (zone["serial"] == 7).then_some(())
    });

    let check = || {
        node.api
            .post("/v1/zones/Example.ORG/delegation", &Value::Null)
    };
    let said = |found: &Value| [0, 1].map(|server| found["answers"][server]["said"].clone());
    let found = eventually("both to answer in time", || {
        let (status, found) = check();
        let is_whole = said(&found) == ["referral", "answer"];
        (status == 200 && is_whole && found["verdict"] == "complete").then_some(found)
    });
    let both = json!(["ns1.example.org", "ns2.example.net"]);
    assert_eq!(found["wanted"], both);
    let set = |said: &str, from: &Value| {
        assert_eq!(from["said"], said, "{found}");
        assert_eq!(
            (&from["nameservers"], &from["missing"]),
            (&both, &json!([]))
        );
    };
    set("referral", &found["answers"][0]);
    set("answer", &found["answers"][1]);
    assert_eq!(found["apex"]["nameservers"], both);

    let config = directory.path().join("secondary.toml");
    let command = || {
        let arguments = [
            "delegation",
            "--config",
            config.to_str().unwrap(),
            "example.org",
        ];
        let (status, said) = Program::ours("secondary", &arguments).wait();
        (status.success(), said)
    };
    let said_well = eventually("both to answer the command in time", || {
        let (is_good, said) = command();
        (is_good && said.contains("referral") && said.contains("answer")).then_some(said)
    });
    assert!(
        said_well.contains("referral  ns1.example.org ns2.example.net"),
        "{said_well}"
    );

    above
        .replace_zone("org.", &parent(2, "ns2.example.net ns.elsewhere.example"))
        .unwrap();
    let found = eventually("the parent's new delegation", || {
        let (_, found) = check(); // now and then one too many
        let is_whole = said(&found) == ["referral", "answer"];
        (is_whole && found["verdict"] == "incomplete").then_some(found)
    });
    assert_eq!(
        found["answers"][0]["missing"],
        json!(["ns1.example.org"]),
        "{found}"
    );
    assert_eq!(found["answers"][1]["missing"], json!([]), "{found}");
    let said = eventually("the parent to answer the command in time", || {
        let (is_good, said) = command();
        let is_told = said.contains("ns.elsewhere.example");
        assert!(!(is_good && is_told), "{said}");
        is_told.then_some(said)
    });
    assert!(
        said.contains("not all name ns1.example.org ns2.example.net"),
        "{said}"
    );

    let (status, nothing) = node
        .api
        .post("/v1/zones/example.com/delegation", &Value::Null);
    assert_eq!(status, 404, "{nothing}");
}
