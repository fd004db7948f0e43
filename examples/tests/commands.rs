//! The operator's commands of `secondary`, against a service that runs.

mod support;

use std::path::Path;

use serde_json::Value;
use support::{Node, Program, Settings, TOKEN, eventually};
use tempfile::TempDir;
use zonekit_script::Authority;

/// Runs a command; gives whether it went well, and what it said.
fn run(arguments: &[&str]) -> (bool, String) {
    let (status, said) = Program::ours("secondary", arguments).wait();
    (status.success(), said)
}

#[track_caller]
fn good(arguments: &[&str]) -> String {
    let (is_good, said) = run(arguments);
    assert!(is_good, "{arguments:?}: {said}");
    said
}

#[test]
fn zones_and_keys_are_made_shown_and_removed() {
    let directory = TempDir::new().unwrap();
    let node = Node::start(directory.path(), &Settings::default());
    let config = directory.path().join("secondary.toml");
    let token_file = directory.path().join("token");
    std::fs::write(&token_file, format!("{TOKEN}\n")).unwrap();
    let url = format!("http://{}", node.http);
    let port = 1; // nobody listens there
    for service in [
        vec!["--config", config.to_str().unwrap()],
        vec!["--url", &url, "--token-file", token_file.to_str().unwrap()],
    ] {
        walk(&service, port);
    }
    let (is_good, said) = run(&[
        "status",
        "--config",
        config.to_str().unwrap(),
        "--contract",
        "nobody",
    ]);
    assert!(is_good, "{said}"); // who has no zones sees none
    assert_eq!(said.lines().count(), 1, "{said}");
    assert_socket_is_needed(directory.path());
}

#[test]
fn a_service_behind_tls_is_known_by_its_authority() {
    let directory = TempDir::new().unwrap();
    let authority = Authority::p256();
    let leaf = authority.certify("127.0.0.1");
    let path = |file: &str| directory.path().join(file).display().to_string();
    for (file, text) in [
        ("ca.pem", authority.pem.as_str()),
        ("other.pem", &Authority::p256().pem),
        ("none.pem", "nothing"),
        ("api.pem", &leaf.certificate),
        ("api.key", &leaf.key),
        ("token", TOKEN),
    ] {
        std::fs::write(path(file), text).unwrap();
    }
    let settings = Settings {
        timers: "[http.tls]\ncertificate = \"api.pem\"\nkey = \"api.key\"\n", // behind the tokens of [http]
        ..Settings::default()
    };
    let node = Node::start(directory.path(), &settings);
    let url = format!("https://{}", node.http);
    let token = path("token");
    let status = |ca: &str| {
        let ca = path(ca);
        run(&[
            "status",
            "--url",
            &url,
            "--token-file",
            &token,
            "--ca-file",
            &ca,
        ])
    };
    let (is_good, said) = status("ca.pem");
    assert!(is_good && said.starts_with("ZONE"), "{said}");
    let (is_good, said) = status("other.pem");
    assert!(!is_good && said.contains("UnknownIssuer"), "{said}");
    let (is_good, said) = status("none.pem");
    assert!(
        !is_good && said.contains("none.pem: no certificate"),
        "{said}"
    );
}

/// Everything that an operator does with a service that is found so.
fn walk(service: &[&str], port: u16) {
    let with = |words: &[&str]| {
        let (command, rest) = words.split_first().unwrap();
        good(&[&[*command], service, rest].concat())
    };
    let key = with(&["keys", "add", "k.example", "--algorithm", "hmac-sha512"]);
    assert!(key.starts_with("hmac-sha512:k.example:"), "{key}");
    let secret = key.trim().rsplit(':').next().unwrap();
    assert!(with(&["keys", "list"]).contains("k.example"));
    assert!(!with(&["keys", "list"]).contains(secret));

    let primary = format!("127.0.0.1:{port},k.example");
    with(&["zones", "add", "example.org", "--primary", &primary]);
    let zones: Value = serde_json::from_str(&with(&["zones", "--json", "list"])).unwrap();
    assert_eq!(zones[0]["primaries"][0]["port"], port, "{zones}");
    let line = eventually("trouble in the status", || {
        let said = with(&["status"]);
        let line = said.lines().nth(1)?.to_owned();
        line.contains("connection refused").then_some(line)
    });
    assert!(line.starts_with("example.org  never_loaded  -"), "{line}");
    assert!(with(&["status", "--trouble", "failing"]).contains("example.org"));
    assert!(!with(&["status", "--trouble", "expired"]).contains("example.org"));
    let one = with(&["status", "Example.ORG."]);
    assert!(
        one.contains("connection refused: ") && one.contains("k.example"),
        "{one}"
    );
    let primary = format!("127.0.0.1:{port}");
    assert!(with(&["transfer", "example.org", "--full", "--from", &primary]).contains("ordered"));
    let refused = [
        &["transfer"],
        service,
        &["example.org", "--from", "192.0.2.1"],
    ]
    .concat();
    let (is_good, said) = run(&refused);
    assert!(
        !is_good && said.contains("primary: the address of a primary"),
        "{said}"
    );
    let (is_good, said) = run(&[&["keys"], service, &["remove", "k.example"]].concat());
    assert!(!is_good && said.contains("used by 1 zones"), "{said}");
    with(&["zones", "remove", "example.org"]);
    with(&["keys", "remove", "k.example"]);
}

fn assert_socket_is_needed(directory: &Path) {
    let other = directory.join("other.toml");
    let text = "data_dir = \"nothing\"\n[dns]\nlisten = [\"127.0.0.1:0\"]\n";
    std::fs::write(&other, text).unwrap();
    let (is_good, said) = run(&[
        "status",
        "--config",
        other.to_str().unwrap(),
        "--contract",
        "tests",
    ]);
    assert!(
        !is_good && said.contains("nothing runs on the data in"),
        "{said}"
    );
}
