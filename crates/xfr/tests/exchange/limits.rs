//! What ends a transfer that is silent, slow, endless or too large.

use zonekit_wire::Rtype;
use zonekit_xfr::{Limits, Rate};

use super::*;
use crate::common::{Act, Reply, axfr, message, rr, soa};

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
