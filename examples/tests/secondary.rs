//! The program `secondary` from outside: our own `primary` beside it, the HTTP API, DNS, signals.

mod support;

use std::fs;
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use serde_json::json;
use support::{
    Node, PATIENT, Program, QUIET, Settings, ask, declared, eventually, master_file, rcode_of,
    serial_of, until_serial,
};
use tempfile::TempDir;
use zonekit_wire::{Rcode, Rtype};

const KEY: &str = "transfer.example.";
const SECRET: &str = "c2VjcmV0LWtleS1vZi0zMi1vY3RldHMtZm9yLWJlbmNoISE=";
const OTHER_SECRET: &str = "b3RoZXItc2VjcmV0LW9mLTMyLW9jdGV0cy1mb3ItdGVzdHM=";

/// A zone's master file and our `primary` that serves it.
struct Source {
    program: Program,
    address: SocketAddr,
    file: PathBuf,
}

impl Source {
    /// Serves `text` as `zone` to whoever signs with the tests' key; tells `notify` of changes.
    fn start(directory: &Path, zone: &str, text: &str, notify: Option<SocketAddr>) -> Self {
        let notify = notify.map(|address| address.to_string());
        let more = match &notify {
            Some(notify) => vec!["--notify", notify.as_str()],
            None => Vec::new(),
        };
        Self::start_with(directory, zone, text, &more)
    }

    /// Serves `text` as `zone` to everybody on loopback, signed or not.
    fn start_open(directory: &Path, zone: &str, text: &str) -> Self {
        Self::start_with(directory, zone, text, &["--allow", "127.0.0.0/8"])
    }

    fn start_with(directory: &Path, zone: &str, text: &str, more: &[&str]) -> Self {
        let file = directory.join(format!("{zone}.zone"));
        fs::write(&file, text).unwrap();
        let entry = format!("{zone}={}", file.display());
        let key = format!("{KEY}:{SECRET}");
        let mut arguments = vec!["--listen", "127.0.0.1:0", "--zone", &entry, "--key", &key];
        arguments.extend(more);
        let mut program = Program::ours("primary", &arguments);
        let address = program.address("dns");
        Self {
            program,
            address,
            file,
        }
    }

    /// Puts a new version in place and has it read.
    fn change(&self, text: &str) {
        let fresh = self.file.with_extension("new");
        fs::write(&fresh, text).unwrap();
        fs::rename(fresh, &self.file).unwrap();
        self.program.signal("HUP");
    }
}

fn keyed(address: SocketAddr, secret: &str) -> String {
    format!(
        "[[key]]\nname = \"{KEY}\"\nsecret = \"{secret}\"\n[[primary]]\naddress = \"{address}\"\nkey = \"{KEY}\"\n"
    )
}

/// Everything a server hands out of a zone to whoever signs with the tests' key.
#[track_caller]
fn transferred(server: SocketAddr, zone: &str) -> Vec<String> {
    support::transferred(server, zone, Some(&format!("{KEY}:{SECRET}")))
}

#[test]
fn a_zone_created_over_the_api_is_transferred_shown_served_and_handed_on() {
    let directory = TempDir::new().unwrap();
    let text = master_file("example.org", 7, 300);
    let source = Source::start(directory.path(), "example.org", &text, None);
    let settings = Settings {
        primary_port: source.address.port(),
        more: &keyed(source.address, SECRET),
        ..Settings::default()
    };
    let node = Node::start(directory.path(), &settings);

    let id = node.api.create("example.org", &["127.0.0.1"]);
    until_serial(node.dns, "example.org", 7);

    eventually("AVAILABLE and OK", || {
        let (_, zone) = node.api.get(&format!("/secondaryzones/{id}"));
        (zone["metadata"]["state"] == "AVAILABLE" && node.primary(&id)["status"] == "OK")
            .then_some(())
    });
    let (status, records) = node
        .api
        .get(&format!("/secondaryzones/{id}/records?limit=1000"));
    assert_eq!(status, 200);
    let records = records["items"].as_array().unwrap();
    assert_eq!(records[0]["properties"]["type"], "SOA");
    let ours = transferred(node.dns, "example.org");
    assert_eq!(records.len(), ours.len());
    assert_eq!(ours, transferred(source.address, "example.org"));
    assert_eq!(ours.len(), 309);

    let answer = ask(node.dns, "www.example.org", Rtype::A).unwrap();
    assert_eq!(
        (answer.rcode, answer.aa, answer.answers.len()),
        (Rcode::NOERROR, true, 2)
    );
    // The owner's case is the zone's, not ours.
    assert!(
        ours.iter()
            .any(|line| line.starts_with("www.example.org. "))
    );
    assert_eq!(
        answer.answers[0].owner.to_string().to_ascii_lowercase(),
        "www.example.org."
    );
    assert_eq!(
        ask(node.dns, "example.net", Rtype::A).unwrap().rcode,
        Rcode::REFUSED
    );

    let (status, _) = node.api.delete(&format!("/secondaryzones/{id}"));
    assert_eq!(status, 200);
    eventually("REFUSED after the zone is deleted", || {
        (rcode_of(node.dns, "example.org") == Rcode::REFUSED).then_some(())
    });
    assert_eq!(node.api.get(&format!("/secondaryzones/{id}")).0, 404);
}

#[test]
fn a_notify_brings_the_new_version() {
    let directory = TempDir::new().unwrap();
    let port = support::free_port();
    let node = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let source = Source::start(
        directory.path(),
        "example.org",
        &master_file("example.org", 1, 9),
        Some(node),
    );
    let zone = declared("example.org", source.address, Some(KEY));
    let settings = Settings {
        listen: &node.to_string(),
        timers: QUIET,
        more: &format!("{PATIENT}{}{zone}", keyed(source.address, SECRET)),
        ..Settings::default()
    };
    let node = Node::start(directory.path(), &settings);
    until_serial(node.dns, "example.org", 1);
    for serial in 2..5 {
        source.change(&master_file("example.org", serial, 9 + serial as usize));
        until_serial(node.dns, "example.org", serial);
        assert_eq!(
            transferred(node.dns, "example.org"),
            transferred(source.address, "example.org")
        );
    }
}

#[test]
fn a_secondary_behind_a_secondary_is_told_of_each_version_once_the_first_has_it() {
    let (first, second) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let addresses = [(); 2].map(|()| SocketAddr::from((Ipv4Addr::LOCALHOST, support::free_port())));
    let source = Source::start(
        first.path(),
        "example.org",
        &master_file("example.org", 1, 9),
        Some(addresses[0]),
    );
    let first_node = Node::start(
        first.path(),
        &Settings {
            listen: &addresses[0].to_string(),
            notify: Some(addresses[1]),
            timers: QUIET,
            more: &format!(
                "{PATIENT}{}{}",
                keyed(source.address, SECRET),
                declared("example.org", source.address, Some(KEY))
            ),
            ..Settings::default()
        },
    );
    let second_node = Node::start(
        second.path(),
        &Settings {
            listen: &addresses[1].to_string(),
            timers: QUIET,
            more: &format!("{PATIENT}{}", declared("example.org", addresses[0], None)),
            ..Settings::default()
        },
    );
    for serial in 1..4 {
        until_serial(second_node.dns, "example.org", serial);
        assert_eq!(
            support::transferred(second_node.dns, "example.org", None),
            support::transferred(first_node.dns, "example.org", None)
        );
        source.change(&master_file("example.org", serial + 1, 9 + serial as usize));
    }
}

#[test]
fn the_notify_program_is_believed_from_a_primary_only() {
    let directory = TempDir::new().unwrap();
    let source = Source::start(
        directory.path(),
        "example.org",
        &master_file("example.org", 1, 1),
        None,
    );
    let zone = declared("example.org", source.address, Some(KEY));
    // 127.0.0.9 is nobody's primary: `notify` comes from 127.0.0.1, which is one of example.org only.
    let other = declared("example.net", "127.0.0.9:1".parse().unwrap(), None);
    let more = format!("{}{zone}{other}", keyed(source.address, SECRET));
    let node = Node::start(directory.path(), &Settings::with(&more));
    until_serial(node.dns, "example.org", 1);
    let server = format!("@{}", node.dns);
    for (zone, key, expected) in [
        ("example.org", None, "NOERROR"),
        ("example.org", Some(format!("{KEY}:{SECRET}")), "NOERROR"),
        ("example.net", None, "REFUSED"),
        ("example.com", None, "NOTAUTH"),
    ] {
        let mut arguments = vec![server.as_str(), zone];
        if let Some(key) = &key {
            arguments.extend(["--key", key]);
        }
        let (status, said) = Program::ours("notify", &arguments).wait();
        assert!(said.contains(expected), "{zone}: {status}: {said}");
        assert_eq!(status.success(), expected == "NOERROR", "{zone}: {said}");
    }
}

#[test]
fn whoever_the_configuration_allows_may_notify_for_any_zone() {
    let directory = TempDir::new().unwrap();
    // 127.0.0.9 is nobody's primary, and the zone has no key: `notify` comes from 127.0.0.1.
    let [nobody, other] = ["127.0.0.9:1", "127.0.0.8:1"].map(|address| address.parse().unwrap());
    let more = keyed(other, SECRET) + &declared("example.net", nobody, None);
    let settings = |dns| Settings {
        dns,
        ..Settings::with(&more)
    };
    let node = Node::start(
        directory.path(),
        &settings("allow_notify = [\"key:transfer.example.\"]\n"),
    );
    let at = format!("@{}", node.dns);
    let says = |key: Option<&str>| {
        let mut arguments = vec![at.as_str(), "example.net"];
        arguments.extend(key.into_iter().flat_map(|key| ["--key", key]));
        let (_, said) = Program::ours("notify", &arguments).wait();
        let words = ["NOERROR", "REFUSED", "NOTAUTH"];
        words.into_iter().find(|word| said.contains(word))
    };
    let key = format!("{KEY}:{SECRET}");
    assert_eq!(says(Some(&key)), Some("NOERROR"));
    for _ in 0..3 {
        assert_eq!(says(None), Some("REFUSED"));
    }
    // Counted, and not a line in the log about any of them.
    let (_, metrics) = node.api.text("/metrics");
    assert!(
        metrics.contains("zonekit_notifies_refused_total 3"),
        "{metrics}"
    );
    let log = node.program.said();
    assert!(!log.contains("NOTIFY") && !log.contains("REFUSED"), "{log}");

    settings("allow_notify = [\"127.0.0.1\"]\n").write(directory.path());
    node.program.signal("HUP");
    eventually("the other list", || {
        (says(None) == Some("NOERROR")).then_some(())
    });
}

#[test]
fn a_wrong_key_is_told_as_badsig_or_badkey_and_nothing_is_taken_unsigned() {
    for (more, word) in [(OTHER_SECRET, "BADSIG"), ("other name", "BADKEY")] {
        let directory = TempDir::new().unwrap();
        let text = master_file("example.org", 7, 3);
        // Without a key this primary would give the zone, too: what is taken unsigned would show.
        let source = Source::start_open(directory.path(), "example.org", &text);
        let keys = match more {
            "other name" => keyed(source.address, SECRET).replace(KEY, "unknown.example."),
            secret => keyed(source.address, secret),
        };
        let node = Node::start(
            directory.path(),
            &Settings {
                primary_port: source.address.port(),
                ..Settings::with(&keys)
            },
        );
        let id = node.api.create("example.org", &["127.0.0.1"]);
        node.wait_for_error(&id, word);
        // Told to try again, it fails again in the same way.
        assert_eq!(
            node.api
                .put(&format!("/secondaryzones/{id}/axfr"), &json!({}))
                .0,
            200
        );
        node.wait_for_error(&id, word);
        assert_eq!(rcode_of(node.dns, "example.org"), Rcode::SERVFAIL);
        let (_, zone) = node.api.get(&format!("/secondaryzones/{id}"));
        assert_ne!(zone["metadata"]["state"], "AVAILABLE");
    }
}

#[test]
fn after_sigkill_the_announced_version_is_served_without_a_transfer() {
    let directory = TempDir::new().unwrap();
    let text = master_file("example.org", 7, 2_000);
    let source = Source::start(directory.path(), "example.org", &text, None);
    let zone = declared("example.org", source.address, Some(KEY));
    let more = format!("{}{zone}", keyed(source.address, SECRET));
    let node = Node::start(directory.path(), &Settings::with(&more));
    until_serial(node.dns, "example.org", 7);
    let before = transferred(node.dns, "example.org");
    node.program.kill();

    // The primary is gone: whatever is served now comes from the disk.
    source.program.kill();
    let node = Node::start(directory.path(), &Settings::with(&more));
    assert_eq!(
        eventually("an SOA", || serial_of(node.dns, "example.org")),
        7
    );
    assert_eq!(transferred(node.dns, "example.org"), before);
    let (status, health) = node.api.text("/healthz");
    assert_eq!(status, 200, "{health}");
}

#[test]
fn a_primary_that_is_down_slow_or_sends_rubbish_is_told_and_the_zone_stays() {
    let directory = TempDir::new().unwrap();
    let text = master_file("example.org", 7, 3);
    let source = Source::start(directory.path(), "example.org", &text, None);
    let address = source.address;
    let keys = keyed(address, SECRET);
    let settings = Settings {
        primary_port: address.port(),
        ..Settings::with(&keys)
    };
    let node = Node::start(directory.path(), &settings);
    let id = node.api.create("example.org", &["127.0.0.1"]);
    until_serial(node.dns, "example.org", 7);
    source.program.kill();

    // Down: nobody listens there any more.
    let error = node.wait_for_error(&id, "refused");
    assert!(error.contains("connect"), "{error}");
    assert_eq!(serial_of(node.dns, "example.org"), Some(7));

    // Rubbish: something listens, and answers with what is no DNS message.
    let rubbish = Rubbish::start(address);
    let error = node.wait_for_error(&id, "message ID");
    assert!(rubbish.served() > 0, "{error}");
    assert_eq!(serial_of(node.dns, "example.org"), Some(7));
    let (_, zone) = node.api.get(&format!("/secondaryzones/{id}"));
    assert_eq!(zone["metadata"]["state"], "AVAILABLE");
    let (status, metrics) = node.api.text("/metrics");
    assert_eq!(status, 200);
    assert!(metrics.contains("zonekit_"), "{metrics}");
}

#[test]
fn a_silent_primary_is_told_as_a_time_out_and_holds_up_nobody() {
    let directory = TempDir::new().unwrap();
    let text = master_file("example.org", 7, 3);
    let source = Source::start(directory.path(), "example.org", &text, None);
    let silent = Silent::start(SocketAddr::from(([127, 0, 0, 2], source.address.port())));
    let more = format!(
        "[limits]\nidle_timeout = 1\n{}",
        keyed(source.address, SECRET)
    );
    let node = Node::start(
        directory.path(),
        &Settings {
            primary_port: source.address.port(),
            ..Settings::with(&more)
        },
    );

    // Beside one that answers: the zone is there long before the silent one is given up.
    let both = node.api.create("example.org", &["127.0.0.2", "127.0.0.1"]);
    until_serial(node.dns, "example.org", 7);
    assert_ne!(node.primary(&both)["status"], "OK");

    // Alone: what is told is that it does not answer.
    let alone = node.api.create("example.net", &["127.0.0.2"]);
    node.wait_for_error(&alone, "timeout");
    node.wait_for_error(&both, "timeout");
    eventually("OK of the one that answers", || {
        (node.api.transfer_status(&both)[1]["status"] == "OK").then_some(())
    });

    // Other primaries in the middle of a visit, and an end to the zone in the middle of one.
    eventually("a visit under way", || silent.was_asked().then_some(()));
    let body = json!({"properties": {"zoneName": "example.net", "primaryIps": ["127.0.0.1"]}});
    assert_eq!(
        node.api.put(&format!("/secondaryzones/{alone}"), &body).0,
        202
    );
    // That primary has no such zone: it says so at once, where the silent one would have said nothing.
    node.wait_for_error(&alone, "NOTAUTH");
    assert_eq!(node.api.delete(&format!("/secondaryzones/{both}")).0, 200);
    eventually("REFUSED", || {
        (rcode_of(node.dns, "example.org") == Rcode::REFUSED).then_some(())
    });
    node.api.create("example.org", &["127.0.0.1"]);
    until_serial(node.dns, "example.org", 7);
}

#[test]
fn a_zone_beyond_the_quota_is_refused_and_the_reason_is_told() {
    let directory = TempDir::new().unwrap();
    let text = master_file("example.org", 7, 300);
    let source = Source::start(directory.path(), "example.org", &text, None);
    let more = format!(
        "[quota]\nsecondary_zones = 1\nrecords = 100\n{}",
        keyed(source.address, SECRET)
    );
    let node = Node::start(
        directory.path(),
        &Settings {
            primary_port: source.address.port(),
            ..Settings::with(&more)
        },
    );
    let id = node.api.create("example.org", &["127.0.0.1"]);
    node.wait_for_error(&id, "quota allows 100");
    assert_eq!(rcode_of(node.dns, "example.org"), Rcode::SERVFAIL);
    let body = json!({"properties": {"zoneName": "example.net", "primaryIps": ["127.0.0.1"]}});
    let (status, answer) = node.api.post("/secondaryzones", &body);
    assert_ne!(status, 202, "{answer}");
}

#[test]
fn sighup_takes_a_new_zone_in_and_an_old_one_out() {
    let directory = TempDir::new().unwrap();
    let source = Source::start(
        directory.path(),
        "example.org",
        &master_file("example.org", 7, 3),
        None,
    );
    let port = support::free_port();
    let listen = format!("127.0.0.1:{port}");
    let keys = keyed(source.address, SECRET);
    let one = declared("example.org", source.address, None);
    let more = format!("{keys}{one}");
    let settings = Settings {
        listen: &listen,
        ..Settings::with(&more)
    };
    let node = Node::start(directory.path(), &settings);
    until_serial(node.dns, "example.org", 7);
    let id = node.id_of("example.org");
    assert_eq!(node.api.delete(&format!("/secondaryzones/{id}")).0, 409);

    let other = declared("example.net", source.address, None);
    let more = format!("{keys}{other}");
    Settings {
        timers: "",
        more: &more,
        ..settings
    }
    .write(directory.path());
    node.program.signal("HUP");
    eventually("example.org is gone", || {
        (rcode_of(node.dns, "example.org") == Rcode::REFUSED).then_some(())
    });
    eventually("example.net is asked for", || {
        (rcode_of(node.dns, "example.net") == Rcode::SERVFAIL).then_some(())
    });

    // A broken file changes nothing.
    fs::write(directory.path().join("secondary.toml"), "data_dir = 3\n").unwrap();
    node.program.signal("HUP");
    let mut node = node;
    node.program.wait_for("the error", |line| {
        line.contains("secondary.toml:1: data_dir:").then_some(())
    });
    assert_eq!(rcode_of(node.dns, "example.net"), Rcode::SERVFAIL);

    node.program.signal("TERM");
    let (status, said) = node.program.wait();
    assert!(status.success(), "{said}");
}

#[test]
fn a_mistake_in_the_configuration_is_told_by_file_line_and_key() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("secondary.toml");
    fs::write(
        &path,
        "data_dir = \"var\"\n[dns]\nlisten = [\"127.0.0.1:0\"]\nwrokers = 1\n",
    )
    .unwrap();
    let (status, said) = Program::ours("secondary", &["--config", path.to_str().unwrap()]).wait();
    assert_eq!(status.code(), Some(1));
    assert!(
        said.contains("secondary.toml:4: dns.wrokers: unknown field"),
        "{said}"
    );
}

/// Listens, and says nothing to anybody.
struct Silent {
    listener: TcpListener,
    socket: UdpSocket,
}

impl Silent {
    fn start(address: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        let socket = UdpSocket::bind(address).unwrap();
        socket.set_nonblocking(true).unwrap();
        Self { listener, socket }
    }

    /// Whether somebody has asked since this was called last.
    fn was_asked(&self) -> bool {
        let _ = &self.listener;
        let mut asked = false;
        while self.socket.recv_from(&mut [0; 512]).is_ok() {
            asked = true;
        }
        asked
    }
}

/// Listens where a primary was, and answers everything with octets that are no DNS message.
struct Rubbish {
    served: Arc<AtomicU64>,
}

impl Rubbish {
    fn start(address: SocketAddr) -> Self {
        let served = Arc::new(AtomicU64::new(0));
        let listener = eventually("the port", || TcpListener::bind(address).ok());
        let socket = eventually("the port", || UdpSocket::bind(address).ok());
        let count = Arc::clone(&served);
        thread::spawn(move || {
            let mut request = [0; 4_096];
            while let Ok((length, from)) = socket.recv_from(&mut request) {
                // The header of an answer to this question, and then nothing that could be read.
                let mut answer = request[..length.min(12)].to_vec();
                answer[2] |= 0x80;
                answer.extend([0xff; 40]);
                let _ = socket.send_to(&answer, from);
                count.fetch_add(1, Ordering::Relaxed);
            }
        });
        let count = Arc::clone(&served);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { continue };
                let _ = stream.write_all(&[0, 20]);
                let _ = stream.write_all(&[0xff; 20]);
                count.fetch_add(1, Ordering::Relaxed);
            }
        });
        Self { served }
    }

    fn served(&self) -> u64 {
        self.served.load(Ordering::Relaxed)
    }
}
