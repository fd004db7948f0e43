//! The real name servers behind us: NSD, Knot, BIND and PowerDNS take a zone from a node of ours, by AXFR and then by IXFR, all
//! signed, when its NOTIFY, signed too, tells them to.
//!
//! `ZONEKIT_DOWNSTREAM=seconds` goes on with changes for so long.

mod peers;
mod support;

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use peers::{Key, Kind, SHA256, Secondary, Taken};
use support::{Node, Program, Settings, eventually, free_port, handed_on, serial_of, transferred};
use tempfile::TempDir;

const ZONE: &str = "down.test.";
const KINDS: [Kind; 4] = [Kind::Nsd, Kind::Knot, Kind::Bind, Kind::PowerDns];

/// Each version has a few hosts anew, and one that comes and goes. What its SOA says has nobody ask of his own accord.
fn version(serial: u32) -> String {
    let mut text = format!(
        "$ORIGIN {ZONE}\n$TTL 300\n@ SOA ns1 hostmaster {serial} 3600 3600 604800 60\n@ NS ns1\nns1 A 192.0.2.1\n\
         here TXT \"{serial}\"\n"
    );
    if serial.is_multiple_of(2) {
        text += "sometimes A 192.0.2.2\nsometimes TXT \"now\"\n";
    }
    for host in 0..300 {
        let since = (serial + host) / 50; // every fiftieth is another in the next version
        text += &format!("host{host} A 198.51.100.{}\n", since % 250);
    }
    text
}

/// All of them, told by a node whose IXFR is of this form, have every version at last; each burst is of several that come
/// faster than anybody asks.
fn all_follow(condensed: bool) {
    let kinds: Vec<Kind> = { KINDS.into_iter() }
        .filter(|&kind| kind.is_installed() && (kind != Kind::PowerDns || Secondary::has_backend()))
        .collect();
    let at: Vec<SocketAddr> = { kinds.iter() }
        .map(|_| (Ipv4Addr::LOCALHOST, free_port()).into())
        .collect();
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("zone");
    fs::write(&file, version(1)).unwrap();
    let entry = format!("{ZONE}={}", file.display());
    let mut primary = Program::ours("primary", &["--listen", "127.0.0.1:0", "--zone", &entry]);
    let primary_address = primary.address("dns");
    let Key {
        name,
        algorithm,
        secret,
    } = SHA256;
    let told: Vec<String> = { at.iter() }
        .map(|address| format!("{{ address = \"{address}\", key = \"{name}\" }}"))
        .collect();
    let node = Node::start(
        directory.path(),
        &Settings {
            dns: &format!(
                "condensed_ixfr = {condensed}\nnotify = [{}]\n",
                told.join(", ")
            ),
            more: &format!(
                "[[key]]\nname = \"{name}\"\nalgorithm = \"{algorithm}\"\nsecret = \"{secret}\"\n{}",
                support::declared(ZONE, primary_address, None)
            ),
            ..Settings::default()
        },
    );
    eventually("the node's zone", || serial_of(node.dns, ZONE));
    let taken = [Taken {
        zone: ZONE.to_owned(),
        key: [name, algorithm, secret].map(str::to_owned),
    }];
    let servers: Vec<(Kind, Secondary)> = { kinds.iter().zip(&at) }
        .map(|(&kind, &at)| {
            (
                kind,
                Secondary::start_at(kind, at, node.dns, &taken).unwrap(),
            )
        })
        .collect();
    all_have(&node, &servers, 1);

    let seconds = std::env::var("ZONEKIT_DOWNSTREAM").map_or(0, |text| text.parse().unwrap());
    let until = Instant::now() + Duration::from_secs(seconds);
    let mut serial = 1;
    // Whoever was too late for a difference takes the zone whole, and the next one as a difference again.
    let wanted = 2 * servers.len() as u64;
    let is_followed = || node.counter("zonekit_ixfr_out") >= wanted;
    while serial < 9 || Instant::now() < until || (serial < 80 && !is_followed()) {
        for _ in 0..4 {
            serial += 1;
            change(&mut primary, &node, &file, serial);
        }
        all_have(&node, &servers, serial);
    }
    let (whole, steps) = (
        node.counter("zonekit_axfr_out"),
        node.counter("zonekit_ixfr_out"),
    );
    eprintln!(
        "{serial} versions: {whole} AXFR, {steps} IXFR to {} servers",
        servers.len()
    );
    assert!(steps >= wanted, "{steps} IXFR, {whole} AXFR");
}

/// Has the node take the next version at once.
fn change(primary: &mut Program, node: &Node, file: &std::path::Path, serial: u32) {
    let fresh = file.with_extension("new");
    fs::write(&fresh, version(serial)).unwrap();
    fs::rename(fresh, file).unwrap();
    primary.signal("HUP");
    eventually(&format!("serial {serial} here"), || {
        let at = format!("@{}", node.dns);
        let _ = Program::ours("notify", &[&at, ZONE]).wait();
        (serial_of(node.dns, ZONE) == Some(serial)).then_some(())
    });
}

#[track_caller]
fn all_have(node: &Node, servers: &[(Kind, Secondary)], serial: u32) {
    for (kind, server) in servers {
        eventually(&format!("{kind} has serial {serial}"), || {
            (serial_of(server.address, ZONE) == Some(serial)).then_some(())
        });
    }
    let key = format!("{}:{}:{}", SHA256.algorithm, SHA256.name, SHA256.secret);
    let ours = transferred(node.dns, ZONE, Some(&key));
    assert!(tells(&ours, serial));
    for (kind, server) in servers {
        // NSD exchanges its processes when a zone has come: one that goes hangs up, or has the version before.
        let theirs = eventually(&format!("{kind} hands serial {serial} on"), || {
            Some(handed_on(server.address, ZONE)).filter(|lines| tells(lines, serial))
        });
        assert!(ours == theirs, "{kind}, {serial}");
    }
}

/// Whether this is the version with that serial.
fn tells(lines: &[String], serial: u32) -> bool {
    let text = format!("TXT \"{serial}\"");
    lines.iter().any(|line| line.contains(&text))
}

#[test]
fn nsd_knot_bind_and_powerdns_follow_every_change_step_by_step() {
    all_follow(false);
}

#[test]
fn nsd_knot_bind_and_powerdns_follow_condensed_changes() {
    all_follow(true);
}
