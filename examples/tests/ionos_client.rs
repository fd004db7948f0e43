//! The IONOS face through the vendor's own Python SDK, and through curl as its guide prints it.

mod support;

use std::fs;
use std::net::SocketAddr;
use std::process::Command;

use serde_json::Value;
use support::{
    Clients, Node, Program, Settings, TOKEN, eventually, master_file, peer_program, rcode_of,
    serial_of, succeeded, until_serial,
};
use tempfile::TempDir;
use zonekit_wire::Rcode;

/// Our `primary` with one zone, and our `secondary` that asks it wherever a primary has no port.
struct Stage {
    _directory: TempDir,
    node: Node,
    _program: Program,
}

impl Stage {
    fn start(zone: &str) -> Self {
        let directory = TempDir::new().unwrap();
        let file = directory.path().join("zone");
        fs::write(&file, master_file(zone, 7, 300)).unwrap();
        let entry = format!("{zone}={}", file.display());
        let mut program = Program::ours("primary", &["--listen", "127.0.0.1:0", "--zone", &entry]);
        let primary: SocketAddr = program.address("dns");
        let settings = Settings {
            primary_port: primary.port(),
            dns: "nameservers = [\"ns1.example.net\"]\n",
            ..Settings::default()
        };
        Self {
            node: Node::start(directory.path(), &settings),
            _directory: directory,
            _program: program,
        }
    }

    fn base(&self) -> String {
        format!("http://{}", self.node.http)
    }
}

#[test]
fn the_python_sdk_goes_the_whole_way() {
    let Some(clients) = Clients::installed() else {
        return;
    };
    let stage = Stage::start("ionos.example");
    let step = |step: &str| clients.python("ionos_sdk.py", &[step, &stage.base(), TOKEN]);
    step("make");
    assert_eq!(serial_of(stage.node.dns, "ionos.example"), Some(7));
    step("remove");
    assert_eq!(rcode_of(stage.node.dns, "ionos.example"), Rcode::REFUSED);
}

#[test]
fn curl_goes_the_whole_way() {
    let Some(curl) = peer_program("curl") else {
        return;
    };
    let stage = Stage::start("curl.example");
    let run = |method: &str, path: &str, body: Option<&str>| -> Value {
        let mut command = Command::new(&curl);
        command.args([
            "--silent",
            "--show-error",
            "--fail",
            "--location",
            "--request",
            method,
        ]);
        command.arg(format!("{}{path}", stage.base()));
        command.args(["--header", &format!("Authorization: Bearer {TOKEN}")]);
        command.args(["--header", "Content-Type: application/json"]);
        command.args(body.map(|body| ["--data", body]).into_iter().flatten());
        serde_json::from_str(&succeeded(&mut command)).unwrap()
    };
    let body = r#"{"properties": {"zoneName": "curl.example", "description": "a zone", "primaryIps": ["127.0.0.1"]}}"#;
    let made = run("POST", "/secondaryzones", Some(body));
    let id = made["id"].as_str().unwrap();
    until_serial(stage.node.dns, "curl.example", 7);
    let path = format!("/secondaryzones/{id}");
    eventually("AVAILABLE", || {
        (run("GET", &path, None)["metadata"]["state"] == "AVAILABLE").then_some(())
    });
    let records = run("GET", &format!("{path}/records"), None);
    assert_eq!(records["items"][0]["properties"]["type"], "SOA");
    run("PUT", &format!("{path}/axfr"), None);
    assert_eq!(
        run("GET", &format!("{path}/axfr"), None)["type"],
        "collection"
    );
    let listed = run(
        "GET",
        "/secondaryzones?filter.state=AVAILABLE&limit=10&offset=0",
        None,
    );
    assert_eq!(listed["items"][0]["id"], id);
    assert_eq!(
        run("PUT", &path, Some(body))["properties"]["description"],
        "a zone"
    );
    run("DELETE", &path, None);
    assert_eq!(rcode_of(stage.node.dns, "curl.example"), Rcode::REFUSED);
}
