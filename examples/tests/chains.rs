//! One zone from hand to hand: BIND, our secondary, Knot, our secondary again.

mod peers;
mod support;

use peers::{Hosted, Kind, Primary, SHA256, Secondary, Setup, Taken};
use support::{Node, QUICK, Settings, eventually, free_port, serial_of, transferred};
use tempfile::TempDir;

const ZONE: &str = "chain.test.";

/// Each version has a quarter of its hosts anew; the SOA has Knot ask every other second, which no NOTIFY tells it to.
fn version(serial: u32) -> String {
    let mut text = format!(
        "$ORIGIN {ZONE}\n$TTL 300\n@ SOA ns1 hostmaster {serial} 2 2 604800 60\n@ NS ns1\nns1 A 192.0.2.1\n\
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

#[test]
fn every_version_arrives_at_the_end_of_a_chain_of_bind_us_knot_and_us() {
    if ![Kind::Bind, Kind::Knot]
        .iter()
        .all(|kind| kind.is_installed())
    {
        return;
    }
    let [near_place, far_place] = [(); 2].map(|()| TempDir::new().unwrap());
    let near_port = format!("127.0.0.1:{}", free_port());
    let bind = Primary::start(Setup {
        kind: Kind::Bind,
        zones: &[Hosted {
            zone: ZONE,
            text: &version(1000),
            key: Some(SHA256),
        }],
        notify: Some(near_port.parse().unwrap()),
        port: free_port(),
    })
    .unwrap();
    let key = format!(
        "[[key]]\nname = \"{}\"\nalgorithm = \"{}\"\nsecret = \"{}\"\n",
        SHA256.name, SHA256.algorithm, SHA256.secret
    );
    let declared = support::declared(ZONE, bind.address(), Some(SHA256.name));
    // Of real timers, so that only a NOTIFY makes it ask.
    let near = Node::start(
        near_place.path(),
        &Settings {
            listen: &near_port,
            timers: "",
            more: &(key + &declared),
            ..Settings::default()
        },
    );
    eventually("the first node's zone", || serial_of(near.dns, ZONE));
    let taken = Taken {
        zone: ZONE.to_owned(),
        key: [SHA256.name, SHA256.algorithm, SHA256.secret].map(str::to_owned),
    };
    let knot = Secondary::start(Kind::Knot, near.dns, &[taken]).unwrap();
    let declared = support::declared(ZONE, knot.address, None);
    let far = Node::start(
        far_place.path(),
        &Settings {
            timers: QUICK,
            more: &declared,
            ..Settings::default()
        },
    );
    let id = near.id_of(ZONE);

    for serial in [1000, 1001, 1002, 1003] {
        if serial > 1000 {
            bind.replace(&version(serial)).unwrap();
        }
        eventually(&format!("serial {serial} at the end"), || {
            (serial_of(far.dns, ZONE) == Some(serial)).then_some(())
        });
        let held = transferred(near.dns, ZONE, None);
        expected(serial, &held);
        assert!(
            held == transferred(knot.address, ZONE, None),
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
