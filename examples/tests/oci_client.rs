//! The OCI face through the vendor's own clients: the command line, the Python SDK, the TypeScript SDK.

mod support;

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;
use support::{Clients, Node, Program, Settings, master_file, rcode_of, serial_of};
use tempfile::TempDir;
use zonekit_wire::Rcode;

const TENANCY: &str = "ocid1.tenancy.oc1..aaaatest";
const SECRET: &str = "c2VjcmV0LWtleS1vZi0zMi1vY3RldHMtZm9yLWJlbmNoISE=";

/// Our `primary` with one zone and one key, our `secondary` beside it, and the configuration of OCI's clients.
struct Stage {
    directory: TempDir,
    primary: SocketAddr,
    config: PathBuf,
    settings: String,
    node: Node,
    _program: Program,
}

impl Stage {
    fn start(clients: &Clients, zone: &str, key: &str) -> Self {
        let directory = TempDir::new().unwrap();
        let file = directory.path().join("zone");
        fs::write(&file, master_file(zone, 7, 300)).unwrap();
        let entry = format!("{zone}={}", file.display());
        let key = format!("{key}:{SECRET}");
        let arguments = ["--listen", "127.0.0.1:0", "--zone", &entry, "--key", &key];
        let mut program = Program::ours("primary", &arguments);
        let primary = program.address("dns");

        let ids = clients.python("oci_keys.py", &[directory.path().to_str().unwrap()]);
        let ids: Vec<&str> = ids.lines().collect();
        let entry = |id: &str, file: &str, contract: &str| {
            format!(
                "[[http.oci_key]]\nkey_id = \"{id}\"\npem_file = \"{file}\"\ncontract = \"{contract}\"\n"
            )
        };
        let settings = entry(ids[0], "ours_public.pem", "tests")
            + &entry(ids[1], "other_public.pem", "others");
        let node = start(&directory, &settings);
        Self {
            config: directory.path().join("config"),
            directory,
            primary,
            settings,
            node,
            _program: program,
        }
    }

    /// Kills the secondary and starts it anew on what it had made durable.
    fn restart(self) -> Self {
        self.node.program.kill();
        Self {
            node: start(&self.directory, &self.settings),
            ..self
        }
    }

    fn base(&self) -> String {
        format!("http://{}", self.node.http)
    }

    /// What the programs beside the tests are told.
    fn told(&self) -> [String; 4] {
        let config = self.config.to_str().unwrap().to_owned();
        [
            self.base(),
            config,
            self.primary.port().to_string(),
            SECRET.to_owned(),
        ]
    }
}

fn start(directory: &TempDir, settings: &str) -> Node {
    let settings = Settings {
        dns: "transfer_addresses = [\"127.0.0.1\"]\nnameservers = [\"ns1.example.net\"]\n",
        more: settings,
        ..Settings::default()
    };
    Node::start(directory.path(), &settings)
}

/// Runs OCI's command line; gives what it printed, as JSON if it printed any.
#[track_caller]
fn oci(clients: &Clients, stage: &Stage, arguments: &[&str]) -> Value {
    let mut command: Command = clients.oci(&stage.config, &stage.base());
    let output = command.args(arguments).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "oci {arguments:?}: {said}");
    match output.stdout.is_empty() {
        true => Value::Null,
        false => serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|_| Value::String(String::from_utf8(output.stdout).unwrap())),
    }
}

#[test]
fn the_python_sdk_goes_the_whole_way_and_what_it_made_survives_a_kill() {
    let Some(clients) = Clients::installed() else {
        return;
    };
    let stage = Stage::start(&clients, "sdk.example", "transfer.example.");
    let step = |stage: &Stage, step: &str| {
        let told = stage.told();
        let mut arguments = vec![step];
        arguments.extend(told.iter().map(String::as_str));
        clients.python("oci_sdk.py", &arguments);
    };
    step(&stage, "make");
    assert_eq!(serial_of(stage.node.dns, "sdk.example"), Some(7));
    // The other face shows the same zone.
    let id = stage.node.id_of("sdk.example");
    let (_, zone) = stage.node.api.get(&format!("/secondaryzones/{id}"));
    assert_eq!(zone["metadata"]["state"], "AVAILABLE");
    assert_eq!(stage.node.primary(&id)["port"], stage.primary.port());

    let stage = stage.restart();
    assert_eq!(serial_of(stage.node.dns, "sdk.example"), Some(7));
    assert_eq!(stage.node.id_of("sdk.example"), id);
    step(&stage, "remove");
    assert_eq!(rcode_of(stage.node.dns, "sdk.example"), Rcode::REFUSED);
    let said = stage.node.program.said();
    assert!(!said.contains(SECRET), "{said}");
}

#[test]
fn the_typescript_sdk_goes_the_whole_way() {
    let Some(clients) = Clients::installed() else {
        return;
    };
    let stage = Stage::start(&clients, "node.example", "node-transfer.example.");
    let told = stage.told();
    clients.node("oci_dns.js", &told.each_ref().map(String::as_str));
}

#[test]
fn the_command_line_goes_the_whole_way_and_its_waits_end() {
    let Some(clients) = Clients::installed() else {
        return;
    };
    let stage = Stage::start(&clients, "cli.example", "cli-transfer.example.");
    let run = |arguments: &[&str]| oci(&clients, &stage, arguments);
    let zone = ["--zone-name-or-id", "cli.example"];
    let with_zone = |command: &[&str], more: &[&str]| run(&[command, &zone, more].concat());
    let compartment = ["--compartment-id", TENANCY];

    let servers = run(&[&["zone-transfer-server", "list"], &compartment[..]].concat());
    assert_eq!(servers["data"][0]["address"], "127.0.0.1");
    assert_eq!(servers["data"][0]["is-transfer-destination"], true);
    let create = [
        "tsig-key",
        "create",
        "--algorithm",
        "hmac-sha256",
        "--secret",
        SECRET,
    ];
    let name = [
        "--name",
        "cli-transfer.example",
        "--wait-for-state",
        "ACTIVE",
    ];
    let key = run(&[&create[..], &compartment, &name].concat());
    let key = key["data"]["id"].as_str().unwrap();

    // The port in quotes, as the vendor's guide prints it.
    let port = stage.primary.port();
    let masters = format!(r#"[{{"address":"127.0.0.1","port":"{port}","tsigKeyId":"{key}"}}]"#);
    let create = [
        "zone",
        "create",
        "--name",
        "cli.example",
        "--zone-type",
        "SECONDARY",
    ];
    let more = ["--scope", "GLOBAL", "--external-masters", &masters];
    let wait = ["--wait-for-state", "ACTIVE", "--wait-interval-seconds", "1"];
    let made = run(&[&create[..], &compartment, &more, &wait].concat());
    assert_eq!(made["data"]["lifecycle-state"], "ACTIVE");
    assert_eq!(made["data"]["serial"], 7);
    assert_eq!(serial_of(stage.node.dns, "cli.example"), Some(7));

    let records = with_zone(&["record", "zone", "get"], &["--all", "--page-size", "150"]);
    assert_eq!(records["data"]["items"].as_array().unwrap().len(), 309);
    let file = stage.directory.path().join("content");
    with_zone(
        &["zone", "get-zone-content"],
        &["--file", file.to_str().unwrap()],
    );
    assert_eq!(fs::read_to_string(&file).unwrap().lines().count(), 309);

    let tags = ["--freeform-tags", r#"{"a":"b"}"#, "--force"];
    let changed = with_zone(&["zone", "update"], &[&tags[..], &wait].concat());
    assert_eq!(changed["data"]["freeform-tags"]["a"], "b");
    assert_eq!(changed["data"]["external-masters"][0]["port"], port);
    let wait = [
        "--force",
        "--wait-for-state",
        "SUCCEEDED",
        "--wait-interval-seconds",
        "1",
    ];
    let gone = with_zone(&["zone", "delete"], &wait);
    assert_eq!(gone["data"]["status"], "SUCCEEDED");
    assert_eq!(rcode_of(stage.node.dns, "cli.example"), Rcode::REFUSED);
    run(&[&["tsig-key", "delete", "--tsig-key-id", key], &wait[..]].concat());
}
