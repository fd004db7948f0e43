//! One zone from hand to hand: BIND, our secondary, Knot, our secondary again; on every hop NOTIFY and transfers are signed.

mod peers;
mod support;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use peers::{Hosted, Kind, Primary, SHA256, Secondary, Setup};
use support::{
    Node, PATIENT, Settings, eventually, free_port, serial_of, transferred, until_serial,
};
use tempfile::TempDir;

const ZONE: &str = "chain.test.";

/// Each version has a quarter of its hosts anew. What its SOA says has nobody ask of his own accord while this runs.
fn version(serial: u32) -> String {
    let mut text = format!(
        "$ORIGIN {ZONE}\n$TTL 300\n@ SOA ns1 hostmaster {serial} 3600 3600 604800 60\n@ NS ns1\nns1 A 192.0.2.1\n\
         *.Wild TXT \"version {serial}\"\nold DNAME new\nsub NS ns.sub\nns.sub AAAA 2001:db8::{serial:x}\n"
    );
    for host in 0..400 {
        let since = serial - serial.wrapping_sub(host) % 4;
        text += &format!(
            "host{host}-{since} A 192.0.2.{}\nhost{host}-{since} TXT \"{host}\"\n",
            host % 250
        );
    }
    text
}

/// What everybody has to have of a version, as `axfr` shows it.
fn expected(serial: u32, held: &[String]) {
    let of_this_version = |line: &&String| line.contains(&format!("\"version {serial}\""));
    assert_eq!(held.iter().filter(of_this_version).count(), 1, "{serial}");
    assert_eq!(held.len(), 7 + 800, "{serial}");
}

/// Knot takes the zone from `near` and tells `far` of it; nobody gets or tells anything without the key.
fn knot(directory: &Path, here: SocketAddr, near: SocketAddr, far: SocketAddr) -> String {
    let directory = directory.display();
    let [here, near, far] =
        [here, near, far].map(|address| format!("{}@{}", address.ip(), address.port()));
    let (key, algorithm, secret) = (SHA256.name, SHA256.algorithm, SHA256.secret);
    format!(
        "server:\n  rundir: {directory}\n  listen: {here}\n  udp-workers: 1\n  tcp-workers: 1\n  background-workers: 1\n\
         log:\n  - target: stderr\n    any: info\ndatabase:\n  storage: {directory}\n\
         key:\n  - id: {key}\n    algorithm: {algorithm}\n    secret: {secret}\n\
         remote:\n  - id: near\n    address: {near}\n    key: {key}\n  - id: far\n    address: {far}\n    key: {key}\n\
         acl:\n  - id: both\n    address: 127.0.0.0/8\n    key: {key}\n    action: [notify, transfer]\n\
         zone:\n  - domain: {ZONE}\n    storage: {directory}\n    master: near\n    notify: far\n    acl: both\n"
    )
}

#[test]
fn every_version_arrives_at_the_end_of_a_chain_of_bind_us_knot_and_us() {
    if ![Kind::Bind, Kind::Knot]
        .iter()
        .all(|kind| kind.is_installed())
    {
        return;
    }
    let [near_place, far_place] = [(); 2].map(|()| TempDir::new().unwrap());
    let [near_at, knot_at, far_at] =
        [(); 3].map(|()| SocketAddr::from((Ipv4Addr::LOCALHOST, free_port())));
    let bind = Primary::start(Setup {
        kind: Kind::Bind,
        zones: &[Hosted {
            zone: ZONE,
            text: &version(1000),
            key: Some(SHA256),
        }],
        notify: Some(near_at),
        port: free_port(),
    })
    .unwrap();
    let key = format!(
        "[[key]]\nname = \"{}\"\nalgorithm = \"{}\"\nsecret = \"{}\"\n",
        SHA256.name, SHA256.algorithm, SHA256.secret
    );
    // Both of real timers, so that only a NOTIFY makes them ask.
    let node = |place: &TempDir, at: SocketAddr, primary, notify: &str| {
        let declared = support::declared(ZONE, primary, Some(SHA256.name));
        let settings = Settings {
            listen: &at.to_string(),
            dns: notify,
            timers: "",
            more: &format!("{PATIENT}{key}{declared}"),
            ..Settings::default()
        };
        let node = Node::start(place.path(), &settings);
        eventually("the zone at a node of ours", || serial_of(node.dns, ZONE));
        node
    };
    let told = format!(
        "notify = [{{ address = \"{knot_at}\", key = \"{}\" }}]\n",
        SHA256.name
    );
    let near = node(&near_place, near_at, bind.address(), &told);
    let knot = Secondary::configured(Kind::Knot, knot_at, |directory| {
        knot(directory, knot_at, near.dns, far_at)
    })
    .unwrap();
    eventually("the zone at Knot", || serial_of(knot.address, ZONE));
    let far = node(&far_place, far_at, knot.address, "");
    let key = format!("{}:{}:{}", SHA256.algorithm, SHA256.name, SHA256.secret);
    let id = near.id_of(ZONE);

    for serial in [1000, 1001, 1002, 1003] {
        if serial > 1000 {
            bind.replace(&version(serial)).unwrap();
        }
        until_serial(far.dns, ZONE, serial);
        let held = transferred(near.dns, ZONE, Some(&key));
        expected(serial, &held);
        assert!(
            held == transferred(knot.address, ZONE, Some(&key)),
            "Knot, {serial}"
        );
        assert!(
            held == transferred(far.dns, ZONE, None),
            "the last node, {serial}"
        );
        let kind = if serial == 1000 { "AXFR" } else { "IXFR" };
        for (node, id) in [(&near, id.clone()), (&far, far.id_of(ZONE))] {
            eventually(&format!("{kind} in the status, {serial}"), || {
                (node.primary(&id)["kind"] == kind).then_some(())
            });
        }
    }
}
