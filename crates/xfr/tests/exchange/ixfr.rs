//! IXFR, and the AXFR that follows where it fails.

use zonekit_wire::{Rcode, Rtype};
use zonekit_xfr::{Limits, Memory};

use super::*;
use crate::common::{Act, Reply, axfr, failure, message, soa};

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
fn an_up_to_date_answer_to_ixfr_is_believed() {
    let host = Host::new(9).ixfr(vec![soa(1)]);
    let (report, copy, _) = again(&[host]);
    assert_eq!((report.outcome, copy.commits), (Outcome::UpToDate, 0));
}
