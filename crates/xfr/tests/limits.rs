//! What passes a limit ends the transfer, and is told with the limit's name and setting.

mod common;

use std::time::Duration;

use common::{Act, Door, Host, World, primaries};
use common::{Copy, HELD, Reply, axfr, message, rr, rrs, soa, soa_buf, zone};
use zonekit_wire::{RecordBuf, Rtype};
use zonekit_xfr::{ErrorKind, Exchange, Limits, Report, Visit};

const SECOND: Duration = Duration::from_secs(1);

/// Visits `host` with these limits, serial 1 held with the records of [`HELD`].
fn visit(host: Host, limits: Limits) -> Report {
    let mut world = World::new(&[host]);
    let visit = Visit {
        held: Some(soa_buf(1)),
        held_records: 5,
        limits,
        ..Visit::new(zone(), primaries(1))
    };
    let mut exchange = Exchange::new(visit, world.now, 1_700_000_000, 1);
    world.run(&mut exchange, &mut Copy::of(1, &HELD))
}

/// The first transfer that is tried fails so.
fn check(host: Host, limits: Limits, kind: ErrorKind, words: &str) {
    let report = visit(host, limits);
    let error = report.primaries[0].transfers[0].error.as_ref();
    let error = error.expect("a limit was passed");
    assert_eq!((error.kind(), error.in_words().as_str()), (kind, words));
}

/// Has serial 9, and says `first` and then these messages when it is asked for differences or the zone, each after a wait.
fn saying(
    first: fn() -> Vec<RecordBuf>,
    count: usize,
    wait: Duration,
    records: fn(usize) -> Vec<RecordBuf>,
) -> Host {
    let script = move |request: &[u8]| {
        let mut acts = vec![Act::Say(message(request, &first()))];
        for number in 0..count {
            let next = Reply::to(request).with(&records(number)).octets();
            acts.extend([Act::Wait(wait), Act::Say(next)]);
        }
        acts
    };
    Host::new(9)
        .tcp(Rtype::IXFR, script)
        .tcp(Rtype::AXFR, script)
}

fn opening() -> Vec<RecordBuf> {
    axfr(9)[..2].to_vec()
}

fn host_record(number: usize) -> Vec<RecordBuf> {
    vec![rr(&format!("n{number} A 192.0.2.1"))]
}

fn defaults() -> Limits {
    Limits::default()
}

#[test]
fn octets() {
    let host = saying(opening, 100, SECOND / 100, host_record);
    let limits = Limits {
        max_zone_octets: 1000,
        ..defaults()
    };
    check(
        host,
        limits,
        ErrorKind::Limit,
        "more than 1000 octets (max_zone_octets)",
    );
}

#[test]
fn records() {
    let host = saying(opening, 100, SECOND / 100, host_record);
    let limits = Limits {
        max_zone_records: 50,
        ..defaults()
    };
    check(
        host,
        limits,
        ErrorKind::Limit,
        "message 50, record 51: more than 50 records (max_zone_records)",
    );
}

#[test]
fn differences_as_many_as_the_zone_has_records() {
    let step = || rrs(&["@ SOA 9", "@ SOA 1", "old TXT old", "@ SOA 9"]);
    let host = saying(step, 100, SECOND / 100, host_record);
    check(
        host,
        defaults(),
        ErrorKind::Limit,
        "message 6, record 9: more than 5 differences (max_ixfr_changes)",
    );
}

#[test]
fn differences_as_configured() {
    let step = || rrs(&["@ SOA 9", "@ SOA 1", "old TXT old", "@ SOA 9"]);
    let host = saying(step, 100, SECOND / 100, host_record);
    let limits = Limits {
        max_ixfr_changes: Some(70),
        ..defaults()
    };
    check(
        host,
        limits,
        ErrorKind::Limit,
        "message 71, record 74: more than 70 differences (max_ixfr_changes)",
    );
}

#[test]
fn empty_messages() {
    let host = saying(opening, 200, SECOND / 100, |_| Vec::new());
    check(
        host,
        defaults(),
        ErrorKind::Limit,
        "message 102: more than 100 messages without answers in a row (max_empty_messages)",
    );
}

#[test]
fn no_wait_is_too_long_to_be_reckoned_with() {
    let ever = Duration::MAX;
    let limits = Limits {
        connect_timeout: ever,
        idle_timeout: ever,
        max_transfer_time: ever,
        min_transfer_rate: zonekit_xfr::Rate {
            octets: u64::MAX,
            period: ever,
        },
        lone_soa_wait: ever,
        query_timeout: ever,
        probe_grace: ever,
        probe_wait: ever,
        ..Limits::default()
    };
    for host in [Host::new(9), Host::new(9).without_udp()] {
        let report = visit(host, limits.clone());
        assert!(report.transfer().is_some(), "{report:?}");
    }
}

#[test]
fn time_to_connect() {
    let mut world = World::new(&[Host::new(9)]);
    world.tcp_door = Some(Door::Silent);
    let visit = Visit::new(zone(), primaries(1));
    let mut exchange = Exchange::new(visit, world.now, 1_700_000_000, 1);
    let report = world.run(&mut exchange, &mut Copy::default());
    let error = report.error().expect("no connection");
    assert_eq!(
        (error.kind(), error.in_words().as_str()),
        (
            ErrorKind::Timeout,
            "no connection after 5 s (connect_timeout)"
        )
    );
    assert!(world.elapsed() < SECOND * 6, "{:?}", world.elapsed());
}

#[test]
fn silence() {
    let host = saying(opening, 0, SECOND, host_record);
    check(
        host,
        defaults(),
        ErrorKind::Timeout,
        "primary silent for 10 s after 2 records (idle_timeout)",
    );
}

#[test]
fn time_in_all() {
    // Fast enough, and never silent.
    let host = saying(opening, 1000, SECOND * 9, |number| {
        vec![rr(&format!("n{number} TYPE65280 {}", "ab".repeat(1000)))]
    });
    let limits = Limits {
        max_transfer_time: SECOND * 3600,
        ..defaults()
    };
    check(
        host,
        limits,
        ErrorKind::Limit,
        "not finished after 3600 s (max_transfer_time)",
    );
}

#[test]
fn rate() {
    let host = saying(opening, 1000, SECOND * 9, host_record);
    check(
        host,
        defaults(),
        ErrorKind::Limit,
        "1769 octets in 300 s where 10240 are asked (min_transfer_rate)",
    );
}

#[test]
fn a_lone_soa() {
    let host = saying(|| vec![soa(9)], 0, SECOND, host_record);
    check(
        host,
        defaults(),
        ErrorKind::Broken,
        "answered IXFR by its SOA alone and nothing more for 5 s (lone_soa_wait)",
    );
}
