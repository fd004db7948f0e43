//! What a visit is for: a whole zone where none is held, nothing where it is current, and errors in kinds.

use zonekit_wire::{Rcode, Rtype};

use super::*;
use crate::common::{Act, Door, axfr, failure, message, one_by_one, rr, soa};

#[test]
fn a_first_visit_takes_the_whole_zone() {
    let host = Host::new(7);
    let (report, copy, _) = first(slice::from_ref(&host));
    assert_eq!(report.outcome, taken(Axfr, 7, 0));
    assert!(copy.is(7, &["@ NS ns1", "ns1 A 192.0.2.1", "www A 192.0.2.80"]));
    assert_eq!(host.story(), "SOA/udp AXFR/tcp");
    let statistics = report.transfer().unwrap().statistics;
    assert_eq!(
        (statistics.messages, statistics.records, statistics.skipped),
        (1, 4, 0)
    );
    assert!(statistics.octets > 100 && statistics.duration > Duration::ZERO);
}

#[test]
fn what_is_held_is_up_to_date_when_the_serial_is_the_same() {
    let host = Host::new(1);
    let (report, copy, _) = again(slice::from_ref(&host));
    assert_eq!((report.outcome, copy.commits), (Outcome::UpToDate, 0));
    assert_eq!(host.story(), "SOA/udp");
}

#[test]
fn the_same_record_twice_is_no_reason_to_reject_a_whole_zone() {
    let host = Host::new(7).tcp(Rtype::AXFR, |request| {
        let mut records = axfr(7);
        records.insert(2, records[1].clone());
        one_by_one(request, &records)
            .into_iter()
            .map(Act::Say)
            .collect()
    });
    let (report, copy, _) = first(&[host]);
    assert_eq!((report.outcome, copy.records.len()), (taken(Axfr, 7, 0), 3));
}

#[test]
fn errors_are_told_in_kinds_that_an_operator_can_act_on() {
    let refuses = |rcode| {
        let refuses = move |request: &[u8]| vec![Act::Say(failure(request, rcode))];
        { Host::new(7).udp(Rtype::SOA, refuses) }.tcp(Rtype::SOA, refuses)
    };
    let cases = [
        (refuses(Rcode::REFUSED), ErrorKind::Refused),
        (refuses(Rcode::NOTAUTH), ErrorKind::NotAuthoritative),
        (refuses(Rcode::SERVFAIL), ErrorKind::Rcode),
        (Host::silent(), ErrorKind::Timeout),
        (Host::silent().door(Door::Silent), ErrorKind::Timeout),
        (
            Host::new(7).door(Door::Refuses),
            ErrorKind::ConnectionRefused,
        ),
        (
            Host::new(7).udp(Rtype::SOA, |request| {
                vec![Act::Say(message(request, &[rr("@ NS ns1")]))]
            }),
            ErrorKind::NotAuthoritative,
        ),
        (
            Host::new(7).udp(Rtype::SOA, |request| {
                vec![Act::Say(message(request, &[soa(7)])[..40].to_vec())]
            }),
            ErrorKind::Malformed,
        ),
    ];
    for (host, expected) in cases {
        let (report, _, _) = first(&[host]);
        assert_eq!(
            (report.outcome, kind(&report, 0)),
            (Outcome::Failed, Some(expected))
        );
        assert!(!report.error().unwrap().in_words().is_empty());
    }
}

#[test]
fn a_visit_without_primaries_fails() {
    let (report, _, _) = first(&[]);
    assert_eq!(report.outcome, Outcome::Failed);
}

#[test]
fn asking_takes_nothing() {
    let hosts = [Host::new(7), Host::new(3)];
    let mut world = World::new(&hosts);
    let mut exchange = Exchange::ask(Visit::new(zone(), primaries(2)), world.now, NOW, 1);
    let report = world.run(&mut exchange, &mut Copy::default());
    let serials: Vec<u32> = report
        .primaries
        .iter()
        .map(|primary| primary.serial().unwrap().0)
        .collect();
    assert_eq!((serials, hosts[0].story()), (vec![7, 3], "SOA/udp".into()));
}
