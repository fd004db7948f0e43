//! NSD, Knot, BIND and PowerDNS as primaries of the real root zone, and our secondary behind each of them.

mod peers;
mod support;

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Instant;

use peers::{Hosted, Key, Kind, Primary, SHA256, SHA512, Setup};
use support::{Node, Settings, canonical_lines, eventually, free_port, root_zone, until_serial};
use tempfile::TempDir;
use zonekit_wire::{Name, Rtype, master};

const SERIAL: u32 = 2_020_101_902;
const RECORDS: usize = 21_591;

/// A running primary of the root zone and a secondary behind it. The secondary has the timers of a real one, so that
/// within the time of a test only a NOTIFY makes it look again.
struct Pair {
    primary: Primary,
    node: Node,
    id: String,
    _directory: TempDir,
}

impl Pair {
    /// `key` is what the primary asks for, `ours` what the secondary signs with.
    fn start(kind: Kind, text: &str, key: Option<Key>, ours: Option<Key>) -> Self {
        let directory = TempDir::new().unwrap();
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
        let setup = Setup {
            kind,
            zones: &[Hosted {
                zone: ".",
                text,
                key,
            }],
            notify: Some(listen),
            port: free_port(),
        };
        let primary = Primary::start(setup).unwrap();
        let entry = ours.map_or(String::new(), |Key { name, algorithm, secret }| {
            format!("[[key]]\nname = \"{name}\"\nalgorithm = \"{algorithm}\"\nsecret = \"{secret}\"\n")
        });
        let zone = support::declared(".", primary.address(), ours.map(|key| key.name));
        let settings = Settings {
            listen: &listen.to_string(),
            timers: "",
            more: &(entry + &zone),
            ..Settings::default()
        };
        let node = Node::start(directory.path(), &settings);
        let id = node.id_of(".");
        Self {
            primary,
            node,
            id,
            _directory: directory,
        }
    }

    #[track_caller]
    fn wait_for(&self, serial: u32) {
        until_serial(self.node.dns, ".", serial);
    }

    /// Everything that the secondary hands out, as canonical text.
    fn held(&self) -> Vec<String> {
        support::transferred(self.node.dns, ".", None)
    }
}

/// The master file's records as canonical text, the judge of what is held.
fn records(text: &str) -> Vec<String> {
    let mut reader = master::Reader::new(text.as_bytes(), Name::ROOT);
    let mut lines = String::new();
    while let Some(record) = reader.next_record().unwrap() {
        lines += &record.to_string();
        lines.push('\n');
    }
    canonical_lines(&lines)
}

/// The next version: another serial, and of what is not signed a name server changed, another gone, glue come.
///
/// The chain of NSECs is as before: PowerDNS makes it anew from the names.
fn next_version(text: &str) -> String {
    let changed: String = { text.lines() }
        .filter(|line| !line.starts_with("aaa.\t") || !line.contains("ns5.dns.nic.aaa."))
        .map(|line| {
            let line = line.replace(&SERIAL.to_string(), &(SERIAL + 1).to_string());
            line.replace("\tns6.dns.nic.aaa.", "\tns7.dns.nic.aaa.") + "\n"
        })
        .collect();
    changed
        + "ns7.dns.nic.aaa.\t172800\tIN\tA\t192.0.2.1\nns7.dns.nic.aaa.\t172800\tIN\tAAAA\t2001:db8::1\n"
}

fn installed() -> impl Iterator<Item = Kind> {
    Kind::ALL.into_iter().filter(|kind| kind.is_installed())
}

#[test]
fn the_root_zone_arrives_whole_and_a_notify_brings_the_next_version() {
    let text = std::fs::read_to_string(root_zone()).unwrap();
    let next = next_version(&text);
    let (expected, expected_next) = (records(&text), records(&next));
    assert_eq!(expected.len(), RECORDS);
    assert_eq!(expected_next.len(), RECORDS + 1);
    for kind in installed() {
        for key in [None, Some(SHA256), Some(SHA512)] {
            let pair = Pair::start(kind, &text, key, key);
            pair.wait_for(SERIAL);
            assert!(
                pair.held() == expected,
                "{kind}: what is held differs from the master file"
            );
            eventually(&format!("{kind}: AXFR in the status"), || {
                (pair.node.primary(&pair.id)["kind"] == "AXFR").then_some(())
            });

            pair.primary.replace(&next).unwrap();
            let told = Instant::now();
            pair.wait_for(SERIAL + 1);
            eprintln!(
                "{kind}, {}: the next version was served {} ms after the primary had it",
                key.map_or("no key", |key| key.algorithm),
                told.elapsed().as_millis()
            );
            assert!(
                pair.held() == expected_next,
                "{kind}: the next version differs"
            );
            // These two keep the differences between the master files that they load.
            let incremental = matches!(kind, Kind::Knot | Kind::Bind);
            let expected_kind = if incremental { "IXFR" } else { "AXFR" };
            eventually(&format!("{kind}: {expected_kind} in the status"), || {
                (pair.node.primary(&pair.id)["kind"] == expected_kind).then_some(())
            });
        }
    }
}

#[test]
fn a_key_that_the_primary_does_not_know_is_told_and_nothing_is_asked_without_it() {
    let text = std::fs::read_to_string(root_zone()).unwrap();
    for kind in installed() {
        // Everybody on loopback may transfer from this one: unsigned, it would work.
        let pair = Pair::start(kind, &text, None, Some(SHA256));
        let error = pair.node.wait_for_error(&pair.id, "BADKEY");
        eprintln!("{kind}: {error}");
        let answer = support::ask(pair.node.dns, ".", Rtype::SOA).unwrap();
        assert!(
            answer.answers.is_empty(),
            "{kind}: served without a signed transfer"
        );
    }
}

#[test]
fn a_wrong_secret_is_told_and_nothing_is_taken() {
    let text = std::fs::read_to_string(root_zone()).unwrap();
    let wrong = Key {
        secret: SHA512.secret,
        ..SHA256
    };
    for kind in installed() {
        let pair = Pair::start(kind, &text, Some(SHA256), Some(wrong));
        let error = pair.node.wait_for_error(&pair.id, "BADSIG");
        eprintln!("{kind}: {error}");
        let answer = support::ask(pair.node.dns, ".", Rtype::SOA).unwrap();
        assert!(
            answer.answers.is_empty(),
            "{kind}: served without a signed transfer"
        );
    }
}
