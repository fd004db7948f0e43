//! Several primaries: which is taken from, which is next, and those that are down.

use zonekit_wire::Rtype;
use zonekit_xfr::Limits;

use super::*;
use crate::common::{Act, Door, axfr, message};

#[test]
fn every_primary_is_asked_and_the_highest_serial_wins() {
    let hosts = [Host::new(5), Host::new(9), Host::new(7), Host::new(9)];
    let (report, copy, _) = first(&hosts);
    assert_eq!((report.outcome, copy.serial), (taken(Axfr, 9, 1), Some(9)));
    let serials: Vec<u32> = report
        .primaries
        .iter()
        .map(|primary| primary.serial().unwrap().0)
        .collect();
    assert_eq!(serials, [5, 9, 7, 9]);
    assert_eq!(report.newest_offered().unwrap().0, 9);
}

#[test]
fn among_equal_serials_the_notifier_wins() {
    let hosts = [Host::new(5), Host::new(9), Host::new(9)];
    let visit = Visit {
        preferred: Some(2),
        ..held(&hosts)
    };
    let (report, _, _) = run(&hosts, visit, Copy::of(1, &HELD));
    assert_eq!(report.outcome, taken(Axfr, 9, 2));
    let visit = Visit {
        preferred: Some(0),
        ..held(&hosts)
    };
    let (report, _, _) = run(&hosts, visit, Copy::of(1, &HELD));
    assert_eq!(report.outcome, taken(Axfr, 9, 1));
}

#[test]
fn the_next_primary_is_tried_when_one_fails() {
    let broken = || {
        Host::new(9).tcp(Rtype::AXFR, |request| {
            vec![Act::Say(message(request, &axfr(9)[..3])), Act::Close]
        })
    };
    let hosts = [broken(), Host::new(9).door(Door::Open), Host::new(8)];
    let (report, copy, _) = first(&hosts);
    assert_eq!((report.outcome, copy.abandoned), (taken(Axfr, 9, 1), 1));
    assert_eq!(kind(&report, 0), Some(ErrorKind::Broken));
    assert_eq!(hosts[2].story(), "SOA/udp");
    let words = report.primaries[0].error.as_ref().unwrap().in_words();
    assert_eq!(words, "stream broke off after 3 records: connection closed");

    let hosts = [broken(), broken(), Host::new(8)];
    let (report, _, _) = first(&hosts);
    assert_eq!(report.outcome, taken(Axfr, 8, 2));
}

#[test]
fn a_primary_that_is_down_delays_the_others_by_no_more_than_the_grace() {
    let hosts = [Host::silent().door(Door::Silent), Host::new(7)];
    let (report, copy, world) = first(&hosts);
    assert_eq!((report.outcome, copy.commits), (taken(Axfr, 7, 1), 1));
    assert_eq!(kind(&report, 0), Some(ErrorKind::Timeout));
    assert!(world.elapsed() < SECOND * 2, "{:?}", world.elapsed());
}

#[test]
fn a_primary_that_is_down_does_not_hold_up_what_is_current() {
    let hosts = [Host::silent().door(Door::Silent), Host::new(1)];
    let (report, _, world) = again(&hosts);
    assert_eq!(
        (report.outcome, kind(&report, 0)),
        (Outcome::UpToDate, Some(ErrorKind::Timeout))
    );
    assert!(world.elapsed() < SECOND * 3, "{:?}", world.elapsed());
    // One that answers over TCP alone has time enough to do so.
    let hosts = [Host::new(2).without_udp(), Host::new(1)];
    let (report, _, _) = again(&hosts);
    assert_eq!(report.outcome, taken(Axfr, 2, 0));
}

/// Where another visit is waited for, what was taken is enough: one who is silent does not hold that up.
#[test]
fn a_visit_in_a_hurry_ends_when_it_has_committed() {
    let hosts = [Host::new(2).ixfr(step_to(2)), Host::silent()];
    let limits = Limits {
        probe_wait: SECOND * 60,
        ..Limits::default()
    };
    let elapsed = |is_urgent: bool| {
        let visit = Visit {
            limits: limits.clone(),
            ..held(&hosts)
        };
        let mut world = World::new(&hosts);
        let mut copy = Copy::of(1, &HELD);
        let mut exchange = Exchange::new(visit, world.now, NOW, 1);
        if is_urgent {
            exchange.hurry(world.now);
        }
        let report = world.run(&mut exchange, &mut copy);
        assert_eq!((report.outcome, copy.commits), (taken(Ixfr, 2, 0), 1));
        assert_eq!(kind(&report, 1), Some(ErrorKind::Timeout));
        world.elapsed()
    };
    let grace = limits.probe_grace;
    assert!(elapsed(false) >= grace * 2);
    assert!(elapsed(true) < grace + grace / 2);
}

#[test]
fn primaries_that_are_all_down_are_given_up_in_time() {
    let hosts = [
        Host::silent(),
        Host::silent().door(Door::Silent),
        Host::new(7).door(Door::Refuses),
    ];
    let (report, _, world) = first(&hosts);
    assert_eq!(report.outcome, Outcome::Failed);
    assert!(
        world.elapsed() <= SECOND * 12 + SECOND,
        "{:?}",
        world.elapsed()
    );
}
