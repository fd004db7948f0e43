//! When a zone expires at a secondary behind a secondary, and what real primaries say of it (RFC 7314).

mod peers;
mod support;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::thread::sleep;
use std::time::{Duration, Instant};

use peers::{Hosted, Kind, Primary, Setup};
use support::{Node, Program, Settings, declared, eventually, free_port, master_file, serial_of};
use tempfile::TempDir;
use zonekit_xfr::{Apply, Change, Client, Outcome, Visit, visit};

const ZONE: &str = "example.org";
/// The SOA's in [`master_file`].
const EXPIRE: Duration = Duration::from_secs(604_800);

/// Takes nothing: the visits of these tests hold what there is.
struct Nothing;

impl Apply for Nothing {
    type Error = Infallible;

    fn apply(&mut self, _: Change<'_>) -> Result<(), Infallible> {
        Ok(())
    }

    fn abandon(&mut self) {}
}

/// When the zone expires at a server, by its word.
fn expires_at(server: SocketAddr) -> Option<Instant> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let report = runtime.block_on(async {
        let soa = Client::new(server).soa(ZONE).await.unwrap();
        let primary = zonekit_xfr::Primary::new(server);
        let check = Visit {
            held: Some(soa),
            ..Visit::new(ZONE.parse().unwrap(), vec![primary])
        };
        visit(check, &mut Nothing).await
    });
    assert_eq!(report.outcome, Outcome::UpToDate);
    report.expires(report.primaries[0].serial().unwrap())
}

/// A secondary whose primary this is, with timers by which it does not ask again within the test.
fn secondary(directory: &TempDir, primary: SocketAddr) -> Node {
    let zone = declared(ZONE, primary, None);
    let settings = Settings {
        timers: "",
        more: &zone,
        ..Settings::default()
    };
    let node = Node::start(directory.path(), &settings);
    eventually("the zone", || serial_of(node.dns, ZONE));
    node
}

#[test]
fn a_zone_behind_a_secondary_that_has_lost_its_primary_expires_when_it_does_there() {
    let directories = [(); 3].map(|()| TempDir::new().unwrap());
    let file = directories[0].path().join("zone");
    std::fs::write(&file, master_file(ZONE, 1, 9)).unwrap();
    let entry = format!("{ZONE}={}", file.display());
    let mut primary = Program::ours("primary", &["--listen", "127.0.0.1:0", "--zone", &entry]);
    let address = primary.address("dns");
    let first = secondary(&directories[1], address);
    primary.kill();

    // Two seconds less are left by now; a copy that went by the SOA would have them again.
    sleep(Duration::from_secs(2));
    let fresh = Instant::now() + EXPIRE;
    assert!(expires_at(first.dns).unwrap() < fresh);
    let second = secondary(&directories[2], first.dns);
    assert!(expires_at(second.dns).unwrap() < fresh);

    // After a restart it is the same.
    let Node { program, .. } = second;
    program.signal("TERM");
    program.wait();
    let second = secondary(&directories[2], first.dns);
    assert!(expires_at(second.dns).unwrap() < fresh);
}

/// BIND and Knot know EXPIRE, NSD and PowerDNS do not; all are asked for it, and all are taken from.
#[test]
fn real_primaries_say_how_long_their_zone_is_good() {
    for kind in Kind::ALL.into_iter().filter(|kind| kind.is_installed()) {
        let setup = Setup {
            kind,
            zones: &[Hosted {
                zone: "example.org.",
                text: &master_file(ZONE, 1, 9),
                key: None,
            }],
            notify: None,
            port: free_port(),
        };
        let primary = Primary::start(setup).unwrap();
        let before = Instant::now();
        let expires = expires_at(primary.address());
        let says = expires.map(|at| at >= before + EXPIRE && at <= Instant::now() + EXPIRE);
        let knows = matches!(kind, Kind::Bind | Kind::Knot);
        assert_eq!(says, knows.then_some(true), "{kind}");
        let directory = TempDir::new().unwrap();
        let node = secondary(&directory, primary.address());
        assert_eq!(serial_of(node.dns, ZONE), Some(1), "{kind}");
    }
}
