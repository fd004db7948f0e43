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
    primary_of(directory, members, 7, &[])
}

/// Starts a primary of so many members, all at this serial, and of zones whose files are there.
fn primary_of(
    directory: &Path,
    members: usize,
    serial: u32,
    others: &[&str],
) -> (Program, SocketAddr) {
    let mut arguments: Vec<String> = { "--listen 127.0.0.1:0 --allow 127.0.0.0/8".split(' ') }
        .map(str::to_owned)
        .collect();
    for number in 0..members {
        let zone = member(number);
        let file = directory.join(&zone);
        fs::write(&file, master_file(&zone, serial, 3)).unwrap();
        arguments.extend(["--zone".to_owned(), format!("{zone}={}", file.display())]);
    }
    for zone in others {
        let file = directory.join(zone);
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

/// Writes a version of a catalog: its members by their numbers, each with further properties.
fn write_catalog(directory: &Path, catalog: &str, serial: u32, members: &[(usize, &str)]) {
    let mut text = format!(
        "$ORIGIN {catalog}.\n@ 0 SOA invalid. invalid. {serial} 3600 600 2147483646 0\n@ 0 NS invalid.\n\
         version 0 TXT \"2\"\n"
    );
    for (number, properties) in members {
        let zone = member(*number);
        text += &format!("m{number}.zones 0 PTR {zone}.\n");
        for property in properties.lines() {
            let (kind, rest) = property.split_once(' ').unwrap();
            text += &format!("{kind}.m{number}.zones 0 {rest}\n");
        }
    }
    fs::write(directory.join(catalog), text).unwrap();
}

/// Groups, change of ownership, and a version that takes away too much.
#[test]
fn what_a_catalog_says_of_its_members_is_done_and_too_much_is_not() {
    const OTHER: &str = "other.example";
    const GROUP: &str = "group TXT \"elsewhere\"";
    const GIVEN: &str = "coo PTR other.example.";
    let [directory, elsewhere] = [(); 2].map(|()| TempDir::new().unwrap());
    let at = directory.path();
    let all: Vec<(usize, &str)> = (3..15).map(|number| (number, "")).collect();
    let members = |first: &[(usize, &'static str)]| [first, &all].concat();
    write_catalog(at, CATALOG, 1, &members(&[(0, ""), (1, GROUP), (2, GIVEN)]));
    write_catalog(at, OTHER, 1, &[]);
    let (here, from) = primary_of(at, 16, 7, &[CATALOG, OTHER]);
    let (_there, other) = primary_of(elsewhere.path(), 3, 8, &[]);
    let following = format!(
        "{}[[catalog.group]]\nname = \"elsewhere\"\nprimaries = [{{ address = \"{other}\" }}]\n\
         [[zone]]\nname = \"{OTHER}\"\nprimaries = [{{ address = \"{from}\" }}]\n[[catalog]]\nzone = \"{OTHER}\"\n\
         contract = \"tests\"\nprimaries = [{{ address = \"{other}\" }}]\n",
        following(from)
    );
    let ours = at.join("ours");
    fs::create_dir(&ours).unwrap();
    let node = Node::start(&ours, &Settings::with(&following));
    let comes_to = |number: usize, serial: Option<u32>| {
        let zone = member(number);
        eventually(&format!("{zone} at {serial:?}"), || {
            (serial_of(node.dns, &zone) == serial).then_some(())
        });
    };
    // Where a member is taken from is its group's to say.
    for (number, serial) in [(0, 7), (1, 8), (2, 7), (14, 7)] {
        comes_to(number, Some(serial));
    }
    let given_id = node.id_of(&member(2));
    // One joins the group; the other catalog takes what it is given, with all that is known of it, from where its members are.
    write_catalog(
        at,
        CATALOG,
        2,
        &members(&[(0, GROUP), (1, GROUP), (2, GIVEN)]),
    );
    write_catalog(at, OTHER, 2, &[(2, "")]);
    here.signal("HUP");
    comes_to(0, Some(8));
    comes_to(2, Some(8));
    assert_eq!(node.id_of(&member(2)), given_id);
    // Who has given it away takes nothing with it; who has it does.
    write_catalog(
        at,
        CATALOG,
        3,
        &members(&[(0, GROUP), (1, GROUP), (15, "")]),
    );
    here.signal("HUP");
    comes_to(15, Some(7));
    assert_eq!(serial_of(node.dns, &member(2)), Some(8));
    write_catalog(at, OTHER, 3, &[]);
    here.signal("HUP");
    comes_to(2, None);

    // All at once do not go before somebody says so.
    let config = ours.join("secondary.toml");
    let asked = |more: &[&str]| {
        let arguments = [&["catalogs", "--config", config.to_str().unwrap()], more].concat();
        let (status, said) = Program::ours("secondary", &arguments).wait();
        assert!(status.success(), "{said}");
        said
    };
    let said = asked(&[]);
    assert!(said.contains(&format!("{CATALOG}: 15 members")), "{said}");
    write_catalog(at, CATALOG, 4, &[]);
    here.signal("HUP");
    eventually("the empty catalog is held back", || {
        let words = "held back: serial 4 takes away 15 of 15 members";
        asked(&[]).contains(words).then_some(())
    });
    for number in [0, 1, 14, 15] {
        assert!(serial_of(node.dns, &member(number)).is_some(), "{number}");
    }
    let said = asked(&["--follow", CATALOG]);
    assert!(said.contains("and is followed"), "{said}");
    for number in [0, 1, 14, 15] {
        comes_to(number, None);
    }
}
