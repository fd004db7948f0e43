//! Visits, under a made-up clock and without sockets.

#[path = "../common/mod.rs"]
mod common;

use std::slice;
use std::time::Duration;

use common::{
    Act, Copy, Door, HELD, Host, Reply, World, axfr, failure, message, one_by_one, primaries, rr,
    rrs, soa, soa_buf, zone,
};
use zonekit_tsig::{Key, KeyRing, check_request};
use zonekit_wire::{
    Class, Compressor, EdnsOption, Message, MessageWriter, OptRepr, Rcode, RecordBuf, Rtype,
};
use zonekit_xfr::{
    AnswerError, ErrorKind, Exchange, Limits, Memory, Outcome, Rate, Report, TransferKind, Visit,
    VisitError,
};

const NOW: u64 = 1_700_000_000;
const SECOND: Duration = Duration::from_secs(1);

/// Visits these hosts, nothing held.
fn first(hosts: &[Host]) -> (Report, Copy, World) {
    run(
        hosts,
        Visit::new(zone(), primaries(hosts.len())),
        Copy::default(),
    )
}

/// Visits these hosts, serial 1 held with the records of [`HELD`].
fn again(hosts: &[Host]) -> (Report, Copy, World) {
    run(hosts, held(hosts), Copy::of(1, &HELD))
}

fn held(hosts: &[Host]) -> Visit {
    Visit {
        held: Some(soa_buf(1)),
        held_records: 5,
        ..Visit::new(zone(), primaries(hosts.len()))
    }
}

fn run(hosts: &[Host], visit: Visit, mut copy: Copy) -> (Report, Copy, World) {
    let mut world = World::new(hosts);
    let mut exchange = Exchange::new(visit, world.now, NOW, 1);
    let report = world.run(&mut exchange, &mut copy);
    (report, copy, world)
}

/// From serial 1 to this one.
fn step_to(serial: u32) -> Vec<RecordBuf> {
    let to = format!("@ SOA {serial}");
    rrs(&[&to, "@ SOA 1", "old TXT old", &to, "new TXT new", &to])
}

fn taken(kind: TransferKind, serial: u32, primary: usize) -> Outcome {
    let serial = zonekit_wire::Serial(serial);
    Outcome::Transferred {
        kind,
        serial,
        primary,
    }
}

fn kind(report: &Report, primary: usize) -> Option<ErrorKind> {
    report.primaries[primary]
        .error
        .as_ref()
        .map(VisitError::kind)
}

use TransferKind::{Axfr, Ixfr};

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
fn a_newer_version_comes_by_ixfr() {
    let host = Host::new(2).ixfr(step_to(2));
    let (report, copy, _) = again(slice::from_ref(&host));
    assert_eq!(report.outcome, taken(Ixfr, 2, 0));
    assert!(copy.has("new TXT new") && !copy.has("old TXT old"));
    assert_eq!(host.story(), "SOA/udp IXFR/tcp");
}

#[test]
fn a_whole_zone_in_answer_to_ixfr_is_reported_as_axfr() {
    let (report, copy, _) = again(&[Host::new(2).ixfr(axfr(2))]);
    assert_eq!((report.outcome, copy.commits), (taken(Axfr, 2, 0), 1));
    assert_eq!(report.transfer().unwrap().asked, Ixfr);
}

/// Every way in which IXFR can fail is followed by AXFR on a fresh connection, and remembered.
#[test]
fn any_failure_of_ixfr_is_followed_by_axfr() {
    let says = |records: &[&str]| {
        let records = rrs(records);
        Host::new(2).ixfr(records)
    };
    let does = |acts: fn(&[u8]) -> Vec<Act>| Host::new(2).tcp(Rtype::IXFR, acts);
    let hosts = [
        does(|request| vec![Act::Say(failure(request, Rcode::NOTIMP))]),
        does(|request| vec![Act::Say(failure(request, Rcode::FORMERR))]),
        does(|request| vec![Act::Say(failure(request, Rcode::SERVFAIL))]),
        does(|request| vec![Act::Say(failure(request, Rcode::REFUSED))]),
        does(|request| vec![Act::Say(failure(request, Rcode(11)))]),
        does(|request| vec![Act::Say(Reply::to(request).octets())]),
        does(|_| vec![Act::Close]),
        does(|_| vec![Act::Reset]),
        does(|_| vec![]),
        does(|_| vec![Act::Say(b"garbage".to_vec())]),
        does(|_| vec![Act::Say(vec![0; 12])]),
        does(|request| vec![Act::Say(message(request, &step_to(2)[..3])), Act::Close]),
        does(|request| vec![Act::Say(message(request, &step_to(2)[..3])), Act::Reset]),
        does(|request| vec![Act::Say(message(request, &step_to(2)[..3]))]),
        does(|request| {
            vec![Act::Say(
                Reply::to(request)
                    .with(&step_to(2))
                    .header(|header| header.id ^= 1)
                    .octets(),
            )]
        }),
        // One SOA, newer, and nothing else.
        says(&["@ SOA 2"]),
        // Another start, another end, a gap.
        says(&["@ SOA 2", "@ SOA 0", "@ SOA 2", "@ SOA 2"]),
        says(&["@ SOA 2", "@ SOA 1", "@ SOA 2", "@ SOA 1"]),
        says(&["@ SOA 3", "@ SOA 1", "@ SOA 2", "@ SOA 3"]),
        // Removes what is not there, adds what is there.
        says(&[
            "@ SOA 2",
            "@ SOA 1",
            "nobody A 192.0.2.1",
            "@ SOA 2",
            "@ SOA 2",
        ]),
        says(&[
            "@ SOA 2",
            "@ SOA 1",
            "@ SOA 2",
            "www A 192.0.2.80",
            "@ SOA 2",
        ]),
        // Data after the end; an SOA elsewhere.
        says(&["@ SOA 2", "@ SOA 1", "@ SOA 2", "@ SOA 2", "new TXT new"]),
        says(&["@ SOA 2", "@ SOA 1", "@ SOA 2", "www SOA 2", "@ SOA 2"]),
        // More differences than the zone has records.
        says(&[
            "@ SOA 2",
            "@ SOA 1",
            "@ SOA 2",
            "a A 192.0.2.1",
            "b A 192.0.2.1",
            "c A 192.0.2.1",
            "d A 192.0.2.1",
            "e A 192.0.2.1",
            "f A 192.0.2.1",
            "@ SOA 2",
        ]),
    ];
    for (number, host) in hosts.into_iter().enumerate() {
        let (report, copy, _) = again(slice::from_ref(&host));
        assert_eq!(report.outcome, taken(Axfr, 2, 0), "{number}");
        assert_eq!((copy.commits, copy.abandoned), (1, 1), "{number}");
        assert!(
            copy.is(2, &["@ NS ns1", "ns1 A 192.0.2.1", "www A 192.0.2.80"]),
            "{number}"
        );
        assert_eq!(host.story(), "SOA/udp IXFR/tcp AXFR/tcp", "{number}");
        let [failed, fine] = &report.primaries[0].transfers[..] else {
            panic!("{number}")
        };
        assert!(failed.asked == Ixfr && failed.error.is_some(), "{number}");
        assert!(fine.asked == Axfr && fine.error.is_none(), "{number}");
        assert!(report.primaries[0].error.is_none(), "{number}");
        assert_eq!(
            report.memory[0].no_ixfr_until,
            Some(NOW + 600 + report.duration_until_failure()),
            "{number}"
        );
    }
}

/// When the first transfer failed, in whole seconds from the start.
trait UntilFailure {
    fn duration_until_failure(&self) -> u64;
}

impl UntilFailure for Report {
    fn duration_until_failure(&self) -> u64 {
        let failed = self.primaries[0].transfers[0].statistics.duration;
        (failed + Duration::from_millis(20)).as_secs()
    }
}

#[test]
fn a_result_that_breaks_the_zone_checks_is_followed_by_axfr() {
    let host = Host::new(2).ixfr(rrs(&[
        "@ SOA 2", "@ SOA 1", "@ NS ns1", "@ SOA 2", "@ SOA 2",
    ]));
    let strict = Copy {
        is_strict: true,
        ..Copy::of(1, &HELD)
    };
    let (report, copy, _) = run(slice::from_ref(&host), held(slice::from_ref(&host)), strict);
    assert_eq!((report.outcome, copy.abandoned), (taken(Axfr, 2, 0), 1));
    let error = report.primaries[0].transfers[0].error.as_ref().unwrap();
    assert_eq!(
        (error.kind(), error.in_words()),
        (ErrorKind::Rejected, "rejected: no NS at the apex".into())
    );
}

#[test]
fn a_lone_soa_is_waited_upon_for_five_seconds_and_may_be_the_beginning_of_a_whole_zone() {
    let slow = |wait: Duration| {
        Host::new(2).tcp(Rtype::IXFR, move |request| {
            let rest = Reply::to(request).with(&axfr(2)[1..]).octets();
            vec![
                Act::Say(message(request, &[soa(2)])),
                Act::Wait(wait),
                Act::Say(rest),
            ]
        })
    };
    let (report, _, _) = again(&[slow(SECOND * 4)]);
    assert_eq!(report.transfer().unwrap().asked, Ixfr);
    let (report, _, world) = again(&[slow(SECOND * 6)]);
    assert_eq!(report.transfer().unwrap().asked, Axfr);
    assert!(matches!(
        report.primaries[0].transfers[0].error,
        Some(VisitError::LoneSoa(_))
    ));
    assert!(world.elapsed() < SECOND * 6);
}

#[test]
fn ixfr_that_failed_is_tried_again_after_a_while_and_then_forgotten() {
    let host = Host::new(2).ixfr(step_to(2));
    let mut visit = held(slice::from_ref(&host));
    visit.memory = vec![Memory {
        no_ixfr_until: Some(NOW + 60),
        ixfr_failures: 3,
        ..Memory::default()
    }];
    let (report, _, _) = run(slice::from_ref(&host), visit.clone(), Copy::of(1, &HELD));
    assert_eq!(report.outcome, taken(Axfr, 2, 0));
    let gave = Memory {
        gave: true,
        ..visit.memory[0]
    };
    assert_eq!(report.memory[0], gave);
    visit.memory[0].no_ixfr_until = Some(NOW);
    let (report, _, _) = run(slice::from_ref(&host), visit, Copy::of(1, &HELD));
    assert_eq!(report.outcome, taken(Ixfr, 2, 0));
    let gave = Memory {
        gave: true,
        ..Memory::default()
    };
    assert_eq!(report.memory[0], gave);
}

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
fn an_ixfr_elsewhere_starts_from_what_is_held() {
    let broken = Host::new(2)
        .ixfr(rrs(&[
            "@ SOA 2",
            "@ SOA 1",
            "old TXT old",
            "@ SOA 2",
            "bad TXT bad",
        ]))
        .tcp(Rtype::AXFR, |_| vec![Act::Reset]);
    let hosts = [broken, Host::new(2).ixfr(step_to(2))];
    let limits = Limits {
        idle_timeout: SECOND,
        ..Limits::default()
    };
    let (report, copy, _) = run(
        &hosts,
        Visit {
            limits,
            ..held(&hosts)
        },
        Copy::of(1, &HELD),
    );
    assert_eq!((report.outcome, copy.abandoned), (taken(Ixfr, 2, 1), 2));
    assert!(copy.is(
        2,
        &[
            "@ NS ns1",
            "ns1 A 192.0.2.1",
            "www A 192.0.2.80",
            "new TXT new"
        ]
    ));
}

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

#[test]
fn silence_inside_a_transfer_ends_it() {
    let host = Host::new(7).tcp(Rtype::AXFR, |request| {
        vec![Act::Say(message(request, &axfr(7)[..2]))]
    });
    let (report, copy, world) = first(&[host]);
    assert_eq!(
        (report.outcome, copy.commits, copy.abandoned),
        (Outcome::Failed, 0, 1)
    );
    assert_eq!(kind(&report, 0), Some(ErrorKind::Timeout));
    assert!(world.elapsed() < SECOND * 11);
}

/// A primary that says something every few seconds, for ever.
fn endless(record: fn(usize) -> RecordBuf, wait: Duration) -> Host {
    Host::new(7).tcp(Rtype::AXFR, move |request| {
        let mut acts = vec![Act::Say(message(request, &axfr(7)[..1]))];
        for number in 0..1000 {
            let message = message(request, &[record(number)]);
            acts.extend([Act::Wait(wait), Act::Say(message)]);
        }
        acts
    })
}

#[test]
fn a_transfer_that_is_too_slow_is_ended() {
    let (report, _, world) = first(&[endless(
        |number| rr(&format!("n{number} A 192.0.2.1")),
        SECOND * 9,
    )]);
    assert_eq!(kind(&report, 0), Some(ErrorKind::Limit));
    let words = report.error().unwrap().in_words();
    assert!(
        words.ends_with("octets in 300 s where 10240 are asked (min_transfer_rate)"),
        "{words}"
    );
    assert!(world.elapsed() < SECOND * 311, "{:?}", world.elapsed());
}

#[test]
fn a_transfer_that_never_ends_is_ended() {
    let long = |number: usize| {
        let digits = format!("{number:06}");
        rr(&format!("n{number} TYPE65280 {}", digits.repeat(200)))
    };
    let (report, _, world) = first(&[endless(long, SECOND * 9)]);
    assert_eq!(kind(&report, 0), Some(ErrorKind::Limit));
    assert!(
        report
            .error()
            .unwrap()
            .in_words()
            .ends_with("(max_transfer_time)")
    );
    assert!(world.elapsed() <= SECOND * 7201, "{:?}", world.elapsed());
}

#[test]
fn too_many_records_or_octets_end_a_transfer() {
    for limits in [
        Limits {
            max_zone_records: 100,
            ..Limits::default()
        },
        Limits {
            max_zone_octets: 10_000,
            ..Limits::default()
        },
    ] {
        let hosts = [endless(
            |number| rr(&format!("n{number} A 192.0.2.1")),
            Duration::from_millis(1),
        )];
        let visit = Visit {
            limits,
            ..Visit::new(zone(), primaries(1))
        };
        let (report, _, _) = run(&hosts, visit, Copy::default());
        assert_eq!(kind(&report, 0), Some(ErrorKind::Limit));
    }
}

#[test]
fn a_limit_of_0_is_no_limit() {
    let zero = Duration::ZERO;
    let limits = Limits {
        max_zone_octets: 0,
        max_zone_records: 0,
        max_ixfr_changes: Some(0),
        max_empty_messages: 0,
        connect_timeout: zero,
        idle_timeout: zero,
        max_transfer_time: zero,
        min_transfer_rate: Rate {
            octets: 0,
            period: zero,
        },
        lone_soa_wait: zero,
        query_timeout: zero,
        query_tries: 0,
        probe_grace: zero,
        probe_wait: zero,
    };
    let host = Host::new(2).ixfr(step_to(2)).tcp(Rtype::SOA, |request| {
        vec![
            Act::Wait(SECOND * 3600),
            Act::Say(message(request, &[soa(2)])),
        ]
    });
    let host = host.udp(Rtype::SOA, |request| {
        vec![Act::Say(
            Reply::to(request)
                .header(|header| header.tc = true)
                .octets(),
        )]
    });
    let visit = Visit {
        limits,
        ..held(slice::from_ref(&host))
    };
    let (report, _, world) = run(slice::from_ref(&host), visit, Copy::of(1, &HELD));
    assert_eq!(report.outcome, taken(Ixfr, 2, 0));
    assert!(world.elapsed() > SECOND * 3600);
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

#[test]
fn an_up_to_date_answer_to_ixfr_is_believed() {
    let host = Host::new(9).ixfr(vec![soa(1)]);
    let (report, copy, _) = again(&[host]);
    assert_eq!((report.outcome, copy.commits), (Outcome::UpToDate, 0));
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
fn nothing_is_ever_asked_without_the_key() {
    let key: Key = "hmac-sha256:transfer.example.:c2VjcmV0".parse().unwrap();
    // Answers as if there were no TSIG in the world.
    let host = Host::new(7);
    for door in [Door::Open, Door::Refuses, Door::Silent] {
        let hosts = [host.clone().door(door)];
        let mut visit = held(&hosts);
        visit.primaries[0].key = Some(key.clone());
        let (report, copy, _) = run(&hosts, visit, Copy::of(1, &HELD));
        assert_eq!((report.outcome, copy.commits), (Outcome::Failed, 0));
    }
    let asked = host.asked.lock().unwrap();
    assert!(!asked.is_empty() && asked.iter().all(|asked| asked.is_signed));
}

#[test]
fn an_unsigned_answer_to_a_signed_question_is_an_error() {
    let hosts = [Host::new(7)];
    let mut visit = held(&hosts);
    visit.primaries[0].key = Some("hmac-sha256:transfer.example.:c2VjcmV0".parse().unwrap());
    let (report, _, _) = run(&hosts, visit, Copy::of(1, &HELD));
    assert_eq!(kind(&report, 0), Some(ErrorKind::Unsigned));
    assert!(matches!(
        report.primaries[0].error,
        Some(VisitError::Answer {
            error: AnswerError::Tsig(_),
            ..
        })
    ));
}

fn key() -> Key {
    "hmac-sha256:transfer.example.:c2VjcmV0".parse().unwrap()
}

/// What a primary answers to a question.
type Answers = fn(&[u8]) -> Vec<u8>;

/// What a primary with the key answers.
fn signed(request: &[u8], mut reply: Vec<u8>) -> Vec<u8> {
    let keys: KeyRing = [key()].into_iter().collect();
    let mut stream = check_request(&keys, request, NOW).unwrap().unwrap();
    stream.sign(&mut reply, NOW);
    reply
}

/// One who only guesses cannot end the question to a primary that signs: what it says is waited past.
#[test]
fn forged_datagrams_do_not_end_a_signed_question() {
    let forgeries: [Answers; 5] = [
        |request| message(request, &[soa(9)]),
        |request| failure(request, Rcode::REFUSED),
        |request| failure(request, Rcode::NOTAUTH),
        |request| failure(request, Rcode::SERVFAIL),
        |request| {
            let mut reply = signed(request, message(request, &[soa(9)]));
            let mac = reply.len() - 10;
            reply[mac] ^= 1;
            reply
        },
    ];
    for (number, forged) in forgeries.into_iter().enumerate() {
        let host = Host::new(9).udp(Rtype::SOA, move |request| {
            vec![
                Act::Say(forged(request)),
                Act::Wait(SECOND / 10),
                Act::Say(signed(request, message(request, &[soa(1)]))),
            ]
        });
        let hosts = [host];
        let mut visit = held(&hosts);
        visit.primaries[0].key = Some(key());
        let (report, _, _) = run(&hosts, visit, Copy::of(1, &HELD));
        assert_eq!(
            (report.outcome, kind(&report, 0)),
            (Outcome::UpToDate, None),
            "{number}"
        );
        assert_eq!(hosts[0].story(), "SOA/udp", "{number}");
    }
}

#[test]
fn what_an_unproven_datagram_said_is_told_when_tcp_does_not_tell() {
    let denies = |request: &[u8]| vec![Act::Say(failure(request, Rcode::NOTAUTH))];
    let host = Host::silent().udp(Rtype::SOA, denies);
    for (door, tells) in [
        (Door::Open, true),
        (Door::Open, false),
        (Door::Refuses, false),
        (Door::Silent, false),
    ] {
        let host = match tells {
            true => host.clone().tcp(Rtype::SOA, denies),
            false => host.clone(),
        };
        let hosts = [host];
        let mut visit = held(&hosts);
        visit.primaries[0].key = Some(key());
        let mut world = World::new(&hosts);
        world.tcp_door = Some(door);
        let mut exchange = Exchange::new(visit, world.now, NOW, 1);
        let report = world.run(&mut exchange, &mut Copy::of(1, &HELD));
        assert_eq!(
            kind(&report, 0),
            Some(ErrorKind::BadKey),
            "{door:?} {tells}"
        );
        assert!(!tells || world.elapsed() < SECOND);
    }
}

/// A signature that is there and true ends the question, whatever it signs.
#[test]
fn a_signed_failure_is_believed_at_once() {
    let host = Host::silent().udp(Rtype::SOA, |request| {
        vec![Act::Say(signed(request, failure(request, Rcode::NOTAUTH)))]
    });
    let hosts = [host];
    let mut visit = held(&hosts);
    visit.primaries[0].key = Some(key());
    let (report, _, world) = run(&hosts, visit, Copy::of(1, &HELD));
    assert_eq!(kind(&report, 0), Some(ErrorKind::NotAuthoritative));
    assert_eq!(hosts[0].story(), "SOA/udp");
    assert!(world.elapsed() < SECOND / 10);
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

/// Answers with these records, and with EXPIRE where it is asked for.
fn with_expire(request: &[u8], records: &[RecordBuf], expire: &[u8]) -> Vec<u8> {
    let mut octets = message(request, records);
    let asked = Message::new(request).unwrap().opt().unwrap();
    if asked.is_some_and(|opt| opt.option(EdnsOption::EXPIRE) == Some(&[])) {
        octets.extend([0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 4 + expire.len() as u8]);
        octets.extend([0, 9, 0, expire.len() as u8]);
        octets.extend(expire);
        octets[11] += 1;
    }
    octets
}

/// Has the small zone with this serial, good for `soa` seconds by its SOA answers and for `axfr` by its transfers.
fn expiring(serial: u32, on_soa: u32, on_axfr: u32) -> Host {
    let soa_answer = move |request: &[u8]| {
        let expire = on_soa.to_be_bytes();
        vec![Act::Say(with_expire(request, &[soa(serial)], &expire))]
    };
    Host::new(serial)
        .udp(Rtype::SOA, soa_answer)
        .tcp(Rtype::SOA, soa_answer)
        .tcp(Rtype::AXFR, move |request| {
            let expire = on_axfr.to_be_bytes();
            vec![Act::Say(with_expire(request, &axfr(serial), &expire))]
        })
}

/// In how many seconds from the visit's end the version with this serial expires, by the word of its primaries.
fn expires_in(report: &Report, world: &World, serial: u32) -> Option<u64> {
    let expires = report.expires(zonekit_wire::Serial(serial))?;
    Some((expires - world.start).as_secs_f64().round() as u64)
}

#[test]
fn every_question_of_a_visit_asks_for_expire() {
    let hosts = [Host::new(7).without_udp(), Host::new(2).ixfr(step_to(2))];
    for host in &hosts {
        again(slice::from_ref(host));
    }
    assert_eq!(
        [hosts[0].story(), hosts[1].story()],
        [
            "SOA/udp SOA/udp SOA/tcp IXFR/tcp AXFR/tcp",
            "SOA/udp IXFR/tcp"
        ]
    );
    for asked in hosts
        .iter()
        .flat_map(|host| host.asked.lock().unwrap().clone())
    {
        let opt = Message::new(&asked.octets).unwrap().opt().unwrap().unwrap();
        assert_eq!(opt.udp_size(), 1232);
        assert_eq!(opt.option(EdnsOption::EXPIRE), Some(&[][..]));
    }
}

#[test]
fn what_a_primary_says_of_its_expiry_is_told() {
    // With the SOA; with the transfer, which goes before that; over TCP.
    let (report, _, world) = again(&[expiring(1, 500, 400)]);
    assert_eq!(report.outcome, Outcome::UpToDate);
    assert_eq!(expires_in(&report, &world, 1), Some(500));
    let (report, _, world) = first(&[expiring(7, 500, 400)]);
    assert_eq!(report.outcome, taken(Axfr, 7, 0));
    assert_eq!(expires_in(&report, &world, 7), Some(400));
    let (report, _, world) = again(&[expiring(1, 500, 400).without_udp()]);
    assert_eq!(expires_in(&report, &world, 1), Some(501)); // a second went by before TCP

    // Of another length, or not at all, it says nothing.
    let host = Host::new(1).udp(Rtype::SOA, |request| {
        vec![Act::Say(with_expire(request, &[soa(1)], &[1, 2, 3]))]
    });
    let (report, ..) = again(&[host]);
    assert_eq!(
        (report.outcome, report.expires(zonekit_wire::Serial(1))),
        (Outcome::UpToDate, None)
    );
    let (report, ..) = again(&[Host::new(1)]);
    assert_eq!(report.expires(zonekit_wire::Serial(1)), None);
}

#[test]
fn of_primaries_with_the_same_version_the_one_that_is_good_for_longest_counts() {
    let told = |hosts: &[Host]| {
        let (report, _, world) = again(hosts);
        expires_in(&report, &world, 1)
    };
    assert_eq!(told(&[expiring(1, 500, 0), expiring(1, 900, 0)]), Some(900));
    assert_eq!(told(&[expiring(1, 900, 0), expiring(1, 500, 0)]), Some(900));
    // One that does not say may be the origin of the zone.
    assert_eq!(told(&[expiring(1, 500, 0), Host::new(1)]), None);
    assert_eq!(told(&[Host::new(1), expiring(1, 500, 0)]), None);
    // Whoever has another version says nothing of ours.
    assert_eq!(told(&[expiring(1, 500, 0), Host::new(0)]), Some(500));
    assert_eq!(told(&[Host::silent(), expiring(1, 500, 0)]), Some(500));
}

type Acts = fn(&[u8]) -> Vec<Act>;

#[test]
fn a_primary_that_does_not_take_edns_over_tcp_is_asked_without() {
    let plainly = |rtype: Rtype, to_edns: Acts| {
        let has_edns = |request: &[u8]| Message::new(request).unwrap().opt().unwrap().is_some();
        let records = if rtype == Rtype::SOA {
            vec![soa(7)]
        } else {
            axfr(7)
        };
        Host::new(7).tcp(rtype, move |request| match has_edns(request) {
            true => to_edns(request),
            false => vec![Act::Say(message(request, &records))],
        })
    };
    let refusals: [Acts; 2] = [
        |request| vec![Act::Say(failure(request, Rcode::FORMERR))],
        |request| vec![Act::Say(failure(request, Rcode::NOTIMP))],
    ];
    let drops: [Acts; 3] = [|_| vec![], |_| vec![Act::Close], |_| vec![Act::Reset]];
    let check = |host: Host, story: &str| {
        let (report, _, world) = first(slice::from_ref(&host));
        assert_eq!(report.outcome, taken(Axfr, 7, 0));
        assert_eq!(host.story(), story);
        assert_eq!(
            host.asked
                .lock()
                .unwrap()
                .last()
                .map(|asked| asked.has_edns),
            Some(false)
        );
        let until = report.memory[0].no_edns_until.unwrap();
        assert!((NOW + 3600..NOW + 3610).contains(&until));
        assert!(world.elapsed() < SECOND * 7);
    };
    for refuses in refusals.into_iter().chain(drops) {
        let host = plainly(Rtype::SOA, refuses).without_udp();
        check(host, "SOA/udp SOA/udp SOA/tcp SOA/tcp AXFR/tcp");
    }
    for refuses in refusals {
        check(plainly(Rtype::AXFR, refuses), "SOA/udp AXFR/tcp AXFR/tcp");
    }
}

#[test]
fn a_primary_that_refuses_edns_is_asked_without_and_that_is_remembered() {
    let bad_version = |request: &[u8]| {
        let (mut octets, mut compressor) = (Vec::new(), Compressor::new());
        let mut writer = MessageWriter::new(&mut octets, 512, &mut compressor);
        writer.set_header(Message::new(request).unwrap().header().reply());
        let question = (zone(), Rtype::SOA);
        writer
            .question(question.0.as_name(), question.1, Class::IN)
            .unwrap();
        let opt = OptRepr {
            udp_size: 512,
            version: 0,
            rcode: Rcode::BADVERS,
            do_bit: false,
            options: &[],
        };
        writer.opt(&opt).unwrap();
        writer.finish();
        octets
    };
    let refusals: [Answers; 4] = [
        |request| failure(request, Rcode::FORMERR),
        |request| {
            Reply::to(request)
                .without_question()
                .header(|header| header.rcode = Rcode::FORMERR)
                .octets()
        },
        |request| failure(request, Rcode::NOTIMP),
        bad_version,
    ];
    for (number, refuse) in refusals.into_iter().enumerate() {
        let host = Host::new(1).udp(Rtype::SOA, move |request| {
            let has_edns = Message::new(request).unwrap().opt().unwrap().is_some();
            vec![Act::Say(match has_edns {
                true => refuse(request),
                false => message(request, &[soa(1)]),
            })]
        });
        let (report, _, world) = again(slice::from_ref(&host));
        assert_eq!(report.outcome, Outcome::UpToDate, "{number}");
        assert_eq!(host.story(), "SOA/udp SOA/udp", "{number}");
        assert!(world.elapsed() < SECOND / 10);
        assert_eq!(report.memory[0].no_edns_until, Some(NOW + 3600), "{number}");

        // The next visit does not offer it, the one after an hour does.
        let hosts = [host.clone()];
        let visit = Visit {
            memory: report.memory.clone(),
            ..held(&hosts)
        };
        let (report, ..) = run(&hosts, visit, Copy::of(1, &HELD));
        assert_eq!(report.outcome, Outcome::UpToDate);
        assert_eq!(host.story(), "SOA/udp SOA/udp SOA/udp", "{number}");
        let mut world = World::new(&hosts);
        let visit = Visit {
            memory: report.memory.clone(),
            ..held(&hosts)
        };
        let mut exchange = Exchange::new(visit, world.now, NOW + 3600, 1);
        world.run(&mut exchange, &mut Copy::default());
        let asked = host.asked.lock().unwrap();
        let edns: Vec<bool> = asked.iter().map(|asked| asked.has_edns).collect();
        assert_eq!(edns, [true, false, false, true, false], "{number}");
    }
    // A zone that is refused in every way is refused, and nothing is remembered.
    let host = Host::silent().udp(Rtype::SOA, |request| {
        vec![Act::Say(failure(request, Rcode::FORMERR))]
    });
    let (report, ..) = again(slice::from_ref(&host));
    assert_eq!(kind(&report, 0), Some(ErrorKind::Rcode));
    assert_eq!(report.memory[0], Memory::default());
    assert_eq!(host.story(), "SOA/udp SOA/udp");
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
