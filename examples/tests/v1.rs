//! Our own face of the program `secondary`, against our own `primary`.

mod support;

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use support::{Node, Program, Settings, eventually, master_file, serial_of};
use tempfile::TempDir;

/// A file with a zone, and our `primary` that serves it to everybody on loopback.
struct Source {
    program: Program,
    address: SocketAddr,
    file: PathBuf,
}

impl Source {
    fn start(directory: &Path, listen: &str, serial: u32, more: &[&str]) -> Self {
        let file = directory.join(format!("{listen}.zone"));
        fs::write(&file, master_file("example.org", serial, 3)).unwrap();
        let entry = format!("example.org={}", file.display());
        let mut arguments = vec!["--listen", listen, "--zone", &entry];
        arguments.extend(more);
        let mut program = Program::ours("primary", &arguments);
        let address = program.address("dns");
        Self {
            program,
            address,
            file,
        }
    }

    fn change(&self, text: &str) {
        let fresh = self.file.with_extension("new");
        fs::write(&fresh, text).unwrap();
        fs::rename(fresh, &self.file).unwrap();
        self.program.signal("HUP");
    }

    fn as_primary(&self) -> Value {
        json!({"address": self.address.ip(), "port": self.address.port()})
    }
}

const OPEN: [&str; 2] = ["--allow", "127.0.0.0/8"];
/// Nothing happens but what is asked for.
const QUIET: &str = "[timers]\nmin_refresh = 3600\nmin_retry = 3600\n";

fn quiet(directory: &Path) -> Node {
    let settings = Settings {
        timers: QUIET,
        ..Settings::default()
    };
    Node::start(directory, &settings)
}

#[track_caller]
fn wait_for_serial(node: &Node, serial: u32) {
    eventually(&format!("serial {serial}"), || {
        (serial_of(node.dns, "example.org") == Some(serial)).then_some(())
    });
}

#[test]
fn a_transfer_is_ordered_from_one_primary_and_what_changed_is_told() {
    let directory = TempDir::new().unwrap();
    let one = Source::start(directory.path(), "127.0.0.1:0", 1, &OPEN);
    let other = Source::start(directory.path(), "127.0.0.2:0", 1, &OPEN);
    let node = quiet(directory.path());
    let body = json!({"name": "example.org", "primaries": [one.as_primary(), other.as_primary()]});
    let (status, zone) = node.api.post("/v1/zones", &body);
    assert_eq!(status, 201, "{zone}");
    wait_for_serial(&node, 1);

    one.change(&master_file("example.org", 2, 4));
    let path = "/v1/zones/example.org";
    let order = |body: &Value| {
        let (status, zone) = node.api.post(&format!("{path}/transfer"), body);
        assert_eq!(status, 202, "{zone}");
    };
    let visits = || {
        let (_, history) = node.api.get(&format!("{path}/history"));
        history["items"].as_array().unwrap().clone()
    };
    order(&json!({"primary": one.address.to_string()}));
    wait_for_serial(&node, 2);
    let (_, versions) = node.api.get(&format!("{path}/versions"));
    assert_eq!(versions["serials"], json!([1, 2]));
    let (status, text) = node
        .api
        .text_with_token(&format!("{path}/difference?from=1"));
    assert_eq!(status, 200, "{text}");
    let added: Vec<_> = text.lines().filter(|line| line.starts_with('+')).collect();
    assert_eq!(added.len(), 3, "{text}"); // SOA, TXT, one host more
    assert!(
        text.contains("+host3.example.org.\t300\tIN\tA\t198.51.0.4\n"),
        "{text}"
    );
    let (status, text) = node.api.text_with_token(&format!("{path}/export"));
    assert_eq!((status, text.lines().count()), (200, 13), "{text}");

    // The other has nothing newer, and is asked for everything all the same.
    let before = visits().len();
    order(&json!({"primary": other.address.to_string(), "full": true}));
    let visit = eventually("one visit more", || {
        let visits = visits();
        (visits.len() > before).then(|| visits[0].clone())
    });
    assert_eq!(visit["primary"], other.address.to_string(), "{visit}");
    assert_eq!(visit["transfer"]["kind"], "axfr", "{visit}");
    assert_eq!(visit["to"], 1, "{visit}");
    let (_, zone) = node.api.get(path);
    let outcomes = |zone: &Value| [0, 1].map(|n| zone["primaries"][n]["outcome"].clone());
    assert_eq!(outcomes(&zone), ["ok", "ok"], "{zone}");
    assert_eq!(zone["behind"], true, "{zone}");
    let (_, zones) = node.api.get("/v1/zones?trouble=behind");
    assert_eq!(zones["items"][0]["name"], "example.org");
}

#[test]
fn a_key_is_rolled_over_with_both_known() {
    let directory = TempDir::new().unwrap();
    let node = quiet(directory.path());
    let (status, new) = node.api.post("/v1/keys", &json!({"name": "new.example"}));
    assert_eq!(status, 201, "{new}");
    let secret = "b3RoZXItc2VjcmV0LW9mLTMyLW9jdGV0cy1mb3ItdGVzdHM=";
    let (status, old) = node.api.post(
        "/v1/keys",
        &json!({"name": "old.example", "secret": secret}),
    );
    assert_eq!((status, &old["secret"]), (201, &Value::Null), "{old}");

    let key = format!("new.example:{}", new["secret"].as_str().unwrap());
    let source = Source::start(directory.path(), "127.0.0.1:0", 1, &["--key", &key]);
    let mut primary = source.as_primary();
    primary["key"] = "old.example".into();
    primary["nextKey"] = "new.example".into();
    let body = json!({"name": "example.org", "primaries": [primary]});
    let (status, zone) = node.api.post("/v1/zones", &body);
    assert_eq!(status, 201, "{zone}");
    wait_for_serial(&node, 1);
    let history = eventually("two visits", || {
        let (_, history) = node.api.get("/v1/zones/example.org/history");
        (history["items"].as_array()?.len() == 2).then_some(history)
    });
    assert_eq!(history["items"][1]["error"]["kind"], "BADKEY", "{history}");
    assert_eq!(history["items"][0]["outcome"], "transferred", "{history}");
    assert_eq!(node.api.delete("/v1/keys/new.example").0, 409);
    assert!(!node.program.said().contains(secret));
}

#[test]
fn notify_is_believed_of_whoever_the_zone_names_beside_its_primaries() {
    let directory = TempDir::new().unwrap();
    let source = Source::start(directory.path(), "127.0.0.2:0", 1, &OPEN);
    let node = quiet(directory.path());
    let body = json!({"name": "example.org", "primaries": [source.as_primary()]});
    assert_eq!(node.api.post("/v1/zones", &body).0, 201);
    wait_for_serial(&node, 1);
    source.change(&master_file("example.org", 2, 4));
    let notify = || {
        let at = format!("@{}", node.dns);
        let (status, _) = Program::ours("notify", &[&at, "example.org"]).wait();
        status.success()
    };
    assert!(!notify());
    let body = json!({"notifySources": ["127.0.0.1/32"]});
    let (status, zone) = node.api.patch("/v1/zones/example.org", &body);
    assert_eq!(
        (status, &zone["notifySources"]),
        (200, &json!(["127.0.0.1"]))
    );
    assert!(notify());
    wait_for_serial(&node, 2);
}
