//! Catalog zones (RFC 9432) between us and others: who takes its zones from us learns of them from our catalog, and of whom
//! we take ours, from his. `ZONEKIT_CATALOG_ZONES=1000` makes it that many zones.

mod peers;
mod support;

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use peers::{Kind, Secondary};
use support::{Node, Program, QUICK, Settings, eventually, free_port, master_file, serial_of};
use tempfile::TempDir;

const CATALOG: &str = "catalog.example";

fn count() -> usize {
    let asked = std::env::var("ZONEKIT_CATALOG_ZONES").ok();
    asked.map_or(12, |count| count.parse().expect("a number"))
}

fn member(number: usize) -> String {
    format!("member{number}.example")
}

/// Starts a primary of so many members, all at serial 7.
fn primary(directory: &Path, members: usize) -> (Program, SocketAddr) {
    let mut arguments: Vec<String> = { "--listen 127.0.0.1:0 --allow 127.0.0.0/8".split(' ') }
        .map(str::to_owned)
        .collect();
    for number in 0..members {
        let zone = member(number);
        let file = directory.join(&zone);
        fs::write(&file, master_file(&zone, 7, 3)).unwrap();
        arguments.extend(["--zone".to_owned(), format!("{zone}={}", file.display())]);
    }
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let mut primary = Program::ours("primary", &arguments);
    let address = primary.address("dns");
    (primary, address)
}

/// Waits until just these of the members are served there.
#[track_caller]
fn serves(who: &str, server: SocketAddr, members: impl Iterator<Item = usize>, gone: &[usize]) {
    for number in members {
        let zone = member(number);
        eventually(&format!("{who} serves {zone}"), || {
            (serial_of(server, &zone) == Some(7)).then_some(())
        });
    }
    for &number in gone {
        let zone = member(number);
        eventually(&format!("{who} serves {zone} no more"), || {
            serial_of(server, &zone).is_none().then_some(())
        });
    }
}

fn loopback() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, free_port()).into()
}

fn knot_consumer(directory: &Path, address: SocketAddr, from: SocketAddr) -> String {
    let (directory, port) = (directory.display(), address.port());
    let (at, from) = (from.ip(), from.port());
    format!(
        "server:\n  rundir: {directory}\n  listen: 127.0.0.1@{port}\n  udp-workers: 1\n  tcp-workers: 1\n  background-workers: 2\n\
         log:\n  - target: stderr\n    any: info\ndatabase:\n  storage: {directory}\n\
         remote:\n  - id: ours\n    address: {at}@{from}\n\
         acl:\n  - id: told\n    address: 127.0.0.0/8\n    action: [notify, transfer]\n\
         template:\n  - id: member\n    storage: {directory}\n    master: ours\n    acl: told\n\
         zone:\n  - domain: {CATALOG}\n    storage: {directory}\n    master: ours\n    acl: told\n    \
         catalog-role: interpret\n    catalog-template: member\n"
    )
}

fn bind_consumer(directory: &Path, address: SocketAddr, from: SocketAddr) -> String {
    let (directory, port) = (directory.display(), address.port());
    let (at, from) = (from.ip(), from.port());
    format!(
        r#"options {{
  directory "{directory}"; pid-file none; session-keyfile none; lock-file none;
  listen-on port {port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }};
  recursion no; allow-query {{ any; }}; allow-transfer {{ 127.0.0.1; }}; notify no;
  dnssec-validation no; empty-zones-enable no;
  catalog-zones {{ zone "{CATALOG}" default-primaries {{ {at} port {from}; }} min-update-interval 1; }};
}};
controls {{ }};
logging {{ channel here {{ stderr; severity info; }}; category default {{ here; }}; }};
zone "{CATALOG}" {{ type secondary; file "catalog"; primaries {{ {at} port {from}; }}; }};
"#
    )
}

/// A Knot that makes a catalog of some members itself.
fn knot_producer(directory: &Path, address: SocketAddr, members: &[usize]) -> String {
    let (directory, port) = (directory.display(), address.port());
    let mut text = format!(
        "server:\n  rundir: {directory}\n  listen: 127.0.0.1@{port}\n  udp-workers: 1\n  tcp-workers: 1\n  background-workers: 2\n\
         log:\n  - target: stderr\n    any: info\ndatabase:\n  storage: {directory}\n\
         acl:\n  - id: all\n    address: 127.0.0.0/8\n    action: transfer\n\
         zone:\n  - domain: {CATALOG}\n    storage: {directory}\n    acl: all\n    catalog-role: generate\n"
    );
    for &number in members {
        let zone = member(number);
        fs::write(
            Path::new(&format!("{directory}")).join(&zone),
            master_file(&zone, 7, 3),
        )
        .unwrap();
        text += &format!(
            "  - domain: {zone}\n    storage: {directory}\n    file: {zone}\n    acl: all\n    catalog-role: member\n    \
             catalog-zone: {CATALOG}\n"
        );
    }
    text
}

/// What makes one of ours follow the catalog at `from`.
fn following(from: SocketAddr) -> String {
    format!(
        "[[zone]]\nname = \"{CATALOG}\"\nprimaries = [{{ address = \"{from}\" }}]\n[[catalog]]\nzone = \"{CATALOG}\"\n\
         contract = \"tests\"\n"
    )
}

#[test]
fn whoever_follows_our_catalog_has_the_zones_that_we_have() {
    let directory = TempDir::new().unwrap();
    let members = count();
    let (_primary, from) = primary(directory.path(), members + 1);
    let peers: Vec<(Kind, SocketAddr)> = { [Kind::Knot, Kind::Bind].into_iter() }
        .filter(|kind| kind.is_installed())
        .map(|kind| (kind, loopback()))
        .collect();
    let told: Vec<String> = { peers.iter() }
        .map(|(_, address)| format!("\"{address}\""))
        .collect();
    let dns = format!("catalog = \"{CATALOG}\"\nnotify = [{}]\n", told.join(", "));
    let ours = directory.path().join("ours");
    fs::create_dir(&ours).unwrap();
    let node = Node::start(
        &ours,
        &Settings {
            dns: &dns,
            primary_port: from.port(),
            ..Settings::default()
        },
    );
    let mut servers = Vec::new();
    for &(kind, address) in &peers {
        let server = Secondary::configured(kind, address, |directory| match kind {
            Kind::Knot => knot_consumer(directory, address, node.dns),
            _ => bind_consumer(directory, address, node.dns),
        });
        servers.push((kind.to_string(), server.unwrap(), address));
    }
    let another = directory.path().join("another");
    fs::create_dir(&another).unwrap();
    let follower = Node::start(&another, &Settings::with(&following(node.dns)));

    let ids: Vec<String> = (0..members)
        .map(|number| node.api.create(&member(number), &["127.0.0.1"]))
        .collect();
    let everywhere = || {
        let peers = servers
            .iter()
            .map(|(name, _, address)| (name.as_str(), *address));
        [("we", node.dns), ("Zonekit", follower.dns)]
            .into_iter()
            .chain(peers)
    };
    for (who, server) in everywhere() {
        serves(who, server, 0..members, &[]);
    }
    // One goes, one comes.
    let (status, _) = node.api.delete(&format!("/secondaryzones/{}", ids[3]));
    assert_eq!(status, 200);
    node.api.create(&member(members), &["127.0.0.1"]);
    for (who, server) in everywhere() {
        serves(who, server, members..=members, &[3]);
    }
    // The API shows the members of the follower, and leaves them to their catalog.
    let id = follower.id_of(&member(members));
    assert_eq!(follower.api.delete(&format!("/secondaryzones/{id}")).0, 409);
    // Started anew, it has them still.
    follower.program.signal("TERM");
    assert!(follower.program.wait().0.success());
    let follower = Node::start(&another, &Settings::with(&following(node.dns)));
    serves("Zonekit, started anew", follower.dns, 4..members, &[3]);
    // Who follows no more has none of them any more.
    Settings::default().write(&another);
    follower.program.signal("HUP");
    serves(
        "Zonekit, no longer following",
        follower.dns,
        0..0,
        &[4, members],
    );
}

#[test]
fn the_zones_of_a_catalog_that_knot_makes_come_and_go() {
    if !Kind::Knot.is_installed() {
        return;
    }
    let directory = TempDir::new().unwrap();
    let members: Vec<usize> = (0..count()).collect();
    let address = loopback();
    let knot = Secondary::configured(Kind::Knot, address, |directory| {
        knot_producer(directory, address, &members)
    })
    .unwrap();
    let node = Node::start(
        directory.path(),
        &Settings {
            timers: QUICK,
            more: &following(address),
            ..Settings::default()
        },
    );
    serves("Zonekit", node.dns, members.iter().copied(), &[]);
    let other: Vec<usize> = (1..=members.len()).collect();
    knot.reconfigure(|directory| knot_producer(directory, address, &other))
        .unwrap();
    serves("Zonekit", node.dns, other.into_iter(), &[0]);
}
