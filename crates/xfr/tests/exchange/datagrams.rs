//! SOA questions over UDP, and over TCP where that does not do.

use zonekit_wire::{Rcode, Rtype};

use super::*;
use crate::common::{Act, Reply, failure, message, soa};

#[test]
fn a_datagram_that_is_lost_is_sent_again() {
    let host = Host::new(1);
    let mut world = World::new(slice::from_ref(&host));
    world.drops = 1;
    let mut exchange = Exchange::new(held(slice::from_ref(&host)), world.now, NOW, 1);
    let report = world.run(&mut exchange, &mut Copy::default());
    assert_eq!(
        (report.outcome, host.story().as_str()),
        (Outcome::UpToDate, "SOA/udp SOA/udp")
    );
}

#[test]
fn tcp_is_tried_where_datagrams_are_not_answered_or_not_delivered() {
    let host = Host::new(7).without_udp();
    let (report, _, world) = first(slice::from_ref(&host));
    assert_eq!(
        (report.outcome, host.story().as_str()),
        (taken(Axfr, 7, 0), "SOA/udp SOA/udp SOA/tcp AXFR/tcp")
    );
    assert!(world.elapsed() < SECOND * 3);
}

#[test]
fn tcp_is_tried_where_the_answer_is_cut_off() {
    let host = Host::new(7).udp(Rtype::SOA, |request| {
        vec![Act::Say(
            Reply::to(request)
                .header(|header| header.tc = true)
                .octets(),
        )]
    });
    let (report, _, world) = first(slice::from_ref(&host));
    assert_eq!(
        (report.outcome, host.story().as_str()),
        (taken(Axfr, 7, 0), "SOA/udp SOA/tcp AXFR/tcp")
    );
    assert!(world.elapsed() < SECOND);
}

#[test]
fn datagrams_that_are_not_the_answer_are_ignored() {
    let host = Host::new(1).udp(Rtype::SOA, |request| {
        let mut other = Reply::to(request).with(&[soa(9)]);
        other.question = Some(("example.net".parse().unwrap(), Rtype::SOA));
        vec![
            Act::Say(
                Reply::to(request)
                    .with(&[soa(9)])
                    .header(|header| header.id ^= 1)
                    .octets(),
            ),
            Act::Say(request.to_vec()),
            Act::Say(other.octets()),
            Act::Say(b"x".to_vec()),
            Act::Say(message(request, &[soa(1)])),
        ]
    });
    let (report, _, _) = again(&[host]);
    assert_eq!(
        (report.outcome, kind(&report, 0)),
        (Outcome::UpToDate, None)
    );
}

/// Knot has its catalogs asked for over TCP only.
#[test]
fn who_refuses_over_udp_is_asked_over_tcp() {
    let host = Host::new(7).udp(Rtype::SOA, |request| {
        vec![Act::Say(failure(request, Rcode::REFUSED))]
    });
    let hosts = [host];
    let (report, copy, _) = first(&hosts);
    assert_eq!((report.outcome, copy.commits), (taken(Axfr, 7, 0), 1));
}
