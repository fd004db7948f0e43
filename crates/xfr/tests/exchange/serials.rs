//! Serials that are lower, higher, or around the end of their numbers.

use zonekit_wire::{Rcode, Rtype};

use super::*;
use crate::common::{Act, axfr, failure, message};

#[test]
fn a_lower_serial_is_not_taken_and_is_reported() {
    let host = Host::new(0);
    let (report, copy, _) = again(slice::from_ref(&host));
    assert_eq!((report.outcome, copy.commits), (Outcome::NotTaken, 0));
    assert_eq!(kind(&report, 0), Some(ErrorKind::Behind));
    assert_eq!(host.story(), "SOA/udp");
}

#[test]
fn a_lower_serial_is_taken_where_ours_has_expired() {
    let hosts = [Host::new(0)];
    let (report, copy, _) = run(
        &hosts,
        Visit {
            accept_lower: true,
            ..held(&hosts)
        },
        Copy::of(1, &HELD),
    );
    assert_eq!((report.outcome, copy.serial), (taken(Axfr, 0, 0), Some(0)));
    // Not if somebody still has ours, and not if somebody has a newer one.
    let hosts = [Host::new(0), Host::new(1)];
    let (report, _, _) = run(
        &hosts,
        Visit {
            accept_lower: true,
            ..held(&hosts)
        },
        Copy::of(1, &HELD),
    );
    assert_eq!(report.outcome, Outcome::UpToDate);
    let hosts = [Host::new(0), Host::new(2)];
    let (report, _, _) = run(
        &hosts,
        Visit {
            accept_lower: true,
            ..held(&hosts)
        },
        Copy::of(1, &HELD),
    );
    assert_eq!(report.outcome, taken(Axfr, 2, 1));
}

#[test]
fn who_offers_what_it_cannot_deliver_takes_nothing_from_who_has_ours() {
    let refuses = |request: &[u8]| vec![Act::Say(failure(request, Rcode::REFUSED))];
    let liar = Host::new(2)
        .tcp(Rtype::IXFR, refuses)
        .tcp(Rtype::AXFR, refuses);
    for (hosts, liar_at) in [
        ([Host::new(1), liar.clone()], 1),
        ([liar.clone(), Host::new(1)], 0),
    ] {
        // The same where ours has expired: it is confirmed again by that.
        for accept_lower in [false, true] {
            let visit = Visit {
                accept_lower,
                ..held(&hosts)
            };
            let (report, copy, _) = run(&hosts, visit, Copy::of(1, &HELD));
            let offered = zonekit_wire::Serial(2);
            assert_eq!(
                (report.outcome, copy.commits),
                (Outcome::Confirmed { offered }, 0)
            );
            assert_eq!(kind(&report, liar_at), Some(ErrorKind::Refused));
            assert_eq!(kind(&report, 1 - liar_at), None);
        }
    }
    // Nobody vouches for ours.
    let (report, _, _) = again(&[Host::new(0), liar]);
    assert_eq!(report.outcome, Outcome::Failed);
}

#[test]
fn an_operator_gets_the_whole_zone_whatever_its_serial() {
    for serial in [0, 1, 2] {
        let hosts = [Host::new(serial)];
        let (report, copy, _) = run(
            &hosts,
            Visit {
                force: true,
                ..held(&hosts)
            },
            Copy::of(1, &HELD),
        );
        assert_eq!((report.outcome, copy.commits), (taken(Axfr, serial, 0), 1));
        assert_eq!(hosts[0].story(), "SOA/udp AXFR/tcp");
    }
}

#[test]
fn serials_are_compared_around_the_end_of_their_numbers() {
    let old = u32::MAX - 1;
    let hosts = [Host::new(3)];
    let visit = Visit {
        held: Some(soa_buf(old)),
        ..held(&hosts)
    };
    let (report, _, _) = run(&hosts, visit, Copy::of(old, &HELD));
    assert_eq!(report.outcome, taken(Axfr, 3, 0));
}

#[test]
fn a_primary_that_offers_more_than_it_has_is_behind() {
    let host = Host::new(9).tcp(Rtype::AXFR, |request| {
        vec![Act::Say(message(request, &axfr(0)))]
    });
    let (report, copy, _) = again(&[host]);
    assert_eq!((report.outcome, copy.commits), (Outcome::Failed, 0));
    assert_eq!(kind(&report, 0), Some(ErrorKind::Behind));
}
