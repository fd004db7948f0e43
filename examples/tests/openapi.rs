//! The OpenAPI document of `/v1` against the running program, by an independent tool: no answer that it does not describe,
//! and none that tells of a fault inside.
//!
//! `ZONEKIT_OPENAPI_SECONDS=600 cargo test -p zonekit-examples --test openapi` looks for longer than the usual 15 seconds.

mod support;

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;
use support::{Node, Settings, TOKEN};
use tempfile::TempDir;

/// Schemathesis, from where `.ci/run` installs it. Without it the test says so and skips; under `ZONEKIT_REQUIRE_PEERS` it
/// fails.
fn schemathesis() -> Option<PathBuf> {
    let clients = env::var_os("ZONEKIT_CLIENTS").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/clients"),
        PathBuf::from,
    );
    let program = clients.join("schemathesis/bin/schemathesis");
    if program.exists() {
        return Some(program);
    }
    assert!(
        env::var_os("ZONEKIT_REQUIRE_PEERS").is_none(),
        "{} is not there, and ZONEKIT_REQUIRE_PEERS is set",
        program.display()
    );
    eprintln!("SKIPPED: {} is not there", program.display());
    None
}

#[test]
fn every_answer_is_one_that_the_document_describes() {
    let Some(program) = schemathesis() else {
        return;
    };
    let directory = TempDir::new().unwrap();
    let node = Node::start(directory.path(), &Settings::default());
    let body = json!({"name": "example.org", "primaries": [{"address": "127.0.0.1", "port": 1}]});
    assert_eq!(node.api.post("/v1/zones", &body).0, 201);

    let long = env::var("ZONEKIT_OPENAPI_SECONDS").ok();
    let mut command = Command::new(program);
    command
        .current_dir(directory.path()) // it leaves files
        .arg("run")
        .arg(format!("http://{}/v1/openapi.json", node.http))
        .args(["--header", &format!("Authorization: Bearer {TOKEN}")])
        .args(["--checks", "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,response_schema_conformance"])
        .args(["--exclude-path", "/v1/events"]) // which ends only with the program
        .args(["--max-time", long.as_deref().unwrap_or("15")])
        .args(["--request-timeout", "20", "--no-color"]);
    if long.is_none() {
        command.args(["--seed", "1"]); // what else there is, a longer look finds
    }
    let output = command.output().unwrap(); // however long it was asked to look
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");
    assert_eq!(node.api.text("/healthz").0, 200);
}
