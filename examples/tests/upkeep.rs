//! `secondary check`, `backup` and `restore`, beside a service that runs and without one.

mod support;

use std::fs;
use std::path::Path;

use support::{Node, Program, Settings, declared, master_file, serial_of, until_serial};
use tempfile::TempDir;

/// Runs a command of `secondary`; whether it succeeds, and what it says.
fn secondary(arguments: &[&str]) -> (bool, String) {
    let (status, said) = Program::ours("secondary", arguments).wait();
    (status.success(), said)
}

/// Starts a primary of `example.org` and a secondary that has its serial 7.
fn started(directory: &Path) -> (Node, String) {
    let file = directory.join("example.org.zone");
    fs::write(&file, master_file("example.org", 7, 300)).unwrap();
    let entry = format!("example.org={}", file.display());
    let arguments = [
        "--listen",
        "127.0.0.1:0",
        "--allow",
        "127.0.0.0/8",
        "--zone",
        &entry,
    ];
    let mut primary = Program::ours("primary", &arguments);
    let zone = declared("example.org", primary.address("dns"), None);
    let node = Node::start(directory, &Settings::with(&zone));
    until_serial(node.dns, "example.org", 7);
    (node, zone)
}

fn end(node: Node) {
    node.program.signal("TERM");
    let (status, said) = node.program.wait();
    assert!(status.success(), "{said}");
}

#[test]
fn a_backup_of_a_service_that_runs_is_proven_and_brought_back() {
    let directory = TempDir::new().unwrap();
    let at = |file: &str| directory.path().join(file).to_str().unwrap().to_owned();
    let (node, zone) = started(directory.path());
    let (config, file) = (at("secondary.toml"), at("monday.backup"));
    let backup = ["backup", "--config", &config, &file];
    let check = ["check", "--config", &config];
    let restore = ["restore", "--config", &config, &file];
    let replace = ["restore", "--replace", "--config", &config, &file];

    let (succeeds, said) = secondary(&backup);
    assert!(succeeds && said.contains("octets in"), "{said}");
    let (succeeds, said) = secondary(&["check", "--file", &file]);
    assert!(succeeds, "{said}");
    assert!(
        said.contains("example.org. serial 7, 309 records"),
        "{said}"
    );
    assert!(said.contains("everything is as it was written"), "{said}");

    for (arguments, says) in [
        (&backup[..], "the file exists"),
        (&check[..], "the file is in use"),
        (&replace[..], "the store is in use"),
        (&restore[..], "there is a store already"),
    ] {
        let (succeeds, said) = secondary(arguments);
        assert!(!succeeds && said.contains(says), "{arguments:?}: {said}");
    }
    // The service has not noticed anything.
    assert_eq!(serial_of(node.dns, "example.org"), Some(7));

    end(node);
    let (succeeds, said) = secondary(&check);
    assert!(succeeds, "{said}");
    let (succeeds, said) = secondary(&restore);
    assert!(!succeeds && said.contains("--replace"), "{said}");
    fs::remove_dir_all(directory.path().join("var")).unwrap();
    let (succeeds, said) = secondary(&restore);
    assert!(succeeds, "{said}");
    let (succeeds, said) = secondary(&replace);
    assert!(succeeds, "{said}");

    // The primary is gone by now: what is served comes from the backup.
    let node = Node::start(directory.path(), &Settings::with(&zone));
    assert_eq!(serial_of(node.dns, "example.org"), Some(7));
}

#[test]
fn without_a_service_a_backup_is_made_and_damage_found() {
    let directory = TempDir::new().unwrap();
    let at = |file: &str| directory.path().join(file).to_str().unwrap().to_owned();
    let config = Settings::default().write(directory.path());
    let config = config.to_str().unwrap().to_owned();
    let (succeeds, said) = secondary(&["backup", "--config", &config, &at("backup")]);
    assert!(!succeeds && said.contains("nothing to back up"), "{said}");

    let (node, _) = started(directory.path());
    end(node);
    let (succeeds, said) = secondary(&["backup", "--config", &config, &at("backup")]);
    assert!(succeeds, "{said}");

    let mut octets = fs::read(at("backup")).unwrap();
    let text = b"hostmaster"; // in the SOA
    let places: Vec<usize> = { octets.windows(text.len()).enumerate() }
        .filter(|(_, window)| window == text)
        .map(|(at, _)| at)
        .collect();
    assert!(!places.is_empty());
    for place in places {
        octets[place] = b'H';
    }
    fs::write(at("damaged"), octets).unwrap();
    let (succeeds, said) = secondary(&["check", "--file", &at("damaged")]);
    assert!(!succeeds, "{said}");
    assert!(said.contains("example.org. DAMAGED: "), "{said}");
    assert!(said.contains("does not match its checksum"), "{said}");
    let restore = ["restore", "--replace", "--config", &config, &at("damaged")];
    let (succeeds, said) = secondary(&restore);
    assert!(
        !succeeds && said.contains("nothing has been changed"),
        "{said}"
    );
    let (succeeds, said) = secondary(&["check", "--config", &config]);
    assert!(succeeds, "{said}");
}
