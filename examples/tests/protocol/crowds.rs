//! Many zones at one primary, and one that is bad among them.

use zonekit_script::Act;
use zonekit_wire::Rcode;

use super::*;
use crate::support::{PATIENT, declared, eventually, rcode_of};

/// So many zones of this primary.
fn zones(prefix: &str, count: usize, primary: SocketAddr) -> (Vec<String>, String) {
    let names: Vec<String> = (0..count)
        .map(|number| format!("{prefix}{number}.test"))
        .collect();
    let tables = names
        .iter()
        .map(|name| declared(name, primary, None))
        .collect();
    (names, tables)
}

fn start(tables: &str, timers: &str) -> Inside {
    Inside::start(&Settings {
        more: &format!("{PATIENT}{tables}"),
        timers,
        ..Settings::default()
    })
}

#[track_caller]
fn all_arrive(node: &Inside, zones: &[String], serial: u32) {
    for zone in zones {
        eventually(&format!("serial {serial} of {zone}"), || {
            (node.serial(zone) == Some(serial)).then_some(())
        });
    }
}

#[test]
fn of_ten_zones_one_is_bad_and_nine_are_current() {
    let serial = Arc::new(AtomicU32::new(1));
    let bad = |request: &[u8]| {
        let ask = Ask::new(request);
        let is_bad = ask.zone.to_string().starts_with("zone4.");
        match is_bad {
            true => vec![Act::Say(b"rubbish, not a message at all".to_vec())],
            false => vec![Act::Say(ask.message(&ask.zone(1)))],
        }
    };
    let host = well(&serial).tcp(Rtype::AXFR, bad);
    let (mut names, tables) = zones("zone", 10, host.listen());
    let node = start(&tables, "");
    let bad = names.remove(4);
    all_arrive(&node, &names, 1);
    assert_eq!(rcode_of(node.dns, &bad), Rcode::SERVFAIL);
}

#[test]
fn three_hundred_zones_arrive_from_a_primary_that_serves_three_at_a_time() {
    let serial = Arc::new(AtomicU32::new(1));
    let host = well(&serial).at_most(3);
    let (names, tables) = zones("zone", 300, host.listen());
    let node = start(&tables, crate::support::QUICK);
    all_arrive(&node, &names, 1);
}

#[test]
fn a_primary_that_never_answers_holds_its_own_slots_and_no_more() {
    let serial = Arc::new(AtomicU32::new(1));
    let silent = well(&serial).tcp(Rtype::AXFR, |_| Vec::new());
    let (stuck, mut tables) = zones("stuck", 300, silent.listen());
    let (names, more) = zones("zone", 100, well(&serial).listen());
    tables += &more;
    let node = start(&tables, "");
    all_arrive(&node, &names, 1);
    // The default of transfers_per_primary.
    eventually("a transfer in each of its slots", || {
        (silent.story().matches("AXFR/tcp").count() >= 20).then_some(())
    });
    let is_stuck = |zone: &String| rcode_of(node.dns, zone) == Rcode::SERVFAIL;
    assert!(stuck.iter().all(is_stuck));
    eventually("no more connections than slots", || {
        (silent.open() <= 20).then_some(())
    });
}

#[test]
fn a_lower_serial_is_not_taken_and_is_told() {
    let serial = Arc::new(AtomicU32::new(5));
    let host = well(&serial);
    let node = start(
        &declared("zone.test", host.listen(), None),
        crate::support::QUICK,
    );
    all_arrive(&node, &["zone.test".to_owned()], 5);
    serial.store(3, Ordering::SeqCst);
    let (_, zones) = node.api.get("/secondaryzones?limit=10");
    let id = zones["items"][0]["id"].as_str().unwrap().to_owned();
    eventually("the reason in the status", || {
        let error = node.api.transfer_status(&id).swap_remove(0)["errorMessage"]
            .as_str()?
            .to_owned();
        error.contains("serial 3").then_some(())
    });
    assert_eq!(node.serial("zone.test"), Some(5));
    let story = host.story();
    assert_eq!(story.matches("XFR").count(), 1, "{story}");
}

#[test]
fn an_equal_serial_is_not_transferred_again() {
    let serial = Arc::new(AtomicU32::new(5));
    let host = well(&serial);
    let node = start(
        &declared("zone.test", host.listen(), None),
        crate::support::QUICK,
    );
    all_arrive(&node, &["zone.test".to_owned()], 5);
    let checks = || host.story().matches("SOA/udp").count();
    let before = checks();
    eventually("some checks", || (checks() > before + 2).then_some(()));
    let story = host.story();
    assert_eq!(story.matches("XFR").count(), 1, "{story}");
    assert_eq!(node.serial("zone.test"), Some(5));
}
