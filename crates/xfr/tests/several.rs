//! Several primaries: which of them a newer version is taken from, in a visit and over several.

mod common;

use std::time::Duration;

use common::{Act, Door, Host, World, primaries};
use common::{Copy, HELD, message, rrs, soa_buf, zone};
use zonekit_wire::{Rtype, Serial};
use zonekit_xfr::{Exchange, Memory, Outcome, Preference, Report, TransferKind, Visit};

const NOW: u64 = 1_700_000_000;

/// One visit at `unix`, with serial 1 held.
fn visit(hosts: &[Host], preference: Preference, memory: &[Memory], unix: u64) -> Report {
    let mut world = World::new(hosts);
    let visit = Visit {
        held: Some(soa_buf(1)),
        held_records: 5,
        preference,
        memory: memory.to_vec(),
        ..Visit::new(zone(), primaries(hosts.len()))
    };
    let mut exchange = Exchange::new(visit, world.now, unix, 1);
    world.run(&mut exchange, &mut Copy::of(1, &HELD))
}

fn taken(kind: TransferKind, serial: u32, primary: usize) -> Outcome {
    Outcome::Transferred {
        kind,
        serial: Serial(serial),
        primary,
    }
}

/// Has differences from serial 1 to this one.
fn with_ixfr(serial: u32) -> Host {
    let to = format!("@ SOA {serial}");
    let step = [&to, "@ SOA 1", "old TXT old", &to, "new TXT new", &to];
    Host::new(serial).ixfr(rrs(&step))
}

/// Answers, but breaks off every transfer.
fn broken(serial: u32) -> Host {
    Host::new(serial)
        .tcp(Rtype::AXFR, |_| vec![Act::Close])
        .tcp(Rtype::IXFR, |_| vec![Act::Close])
}

/// Says its SOA, but late.
fn slow(serial: u32) -> Host {
    Host::new(serial).udp(Rtype::SOA, move |request| {
        let soa = common::soa(serial);
        vec![
            Act::Wait(Duration::from_millis(900)),
            Act::Say(message(request, &[soa])),
        ]
    })
}

use TransferKind::{Axfr, Ixfr};

#[test]
fn in_order_the_first_that_can_be_used_decides() {
    let check = |hosts: &[Host], outcome: Outcome| {
        let report = visit(hosts, Preference::InOrder, &[], NOW);
        assert_eq!(report.outcome, outcome);
        // Everybody is asked all the same.
        let answered = |(host, primary): (&Host, &zonekit_xfr::PrimaryReport)| {
            host.door != Door::Open || primary.serial().is_some()
        };
        assert!(hosts.iter().zip(&report.primaries).all(answered));
    };
    check(&[with_ixfr(2), with_ixfr(3)], taken(Ixfr, 2, 0));
    check(&[Host::new(1), Host::new(9)], Outcome::UpToDate);
    check(&[slow(2), Host::new(9)], taken(Axfr, 2, 0));
    check(&[broken(2), Host::new(3)], taken(Axfr, 3, 1));
    check(&[Host::new(0), Host::new(3)], taken(Axfr, 3, 1));
    let refuses = Host::new(2).door(Door::Refuses);
    check(&[refuses, Host::new(3)], taken(Axfr, 3, 1));
    // Nobody delivers, but one has what is held.
    let offered = Serial(2);
    check(&[broken(2), Host::new(1)], Outcome::Confirmed { offered });
    check(&[Host::new(0), Host::new(0)], Outcome::NotTaken);
}

/// What a visit leaves behind where the first of two gave the version held.
fn memory() -> Vec<Memory> {
    let gave = Memory {
        gave: true,
        ..Memory::default()
    };
    vec![gave, Memory::default()]
}

const HOUR: Preference = Preference::Same(Duration::from_secs(3600));

#[test]
fn whoever_gave_the_version_held_is_stayed_with_among_equals_and_until_it_fails() {
    let check = |hosts: &[Host], outcome: Outcome| {
        let mut memory = memory();
        memory.swap(0, 1);
        assert_eq!(visit(hosts, HOUR, &memory, NOW).outcome, outcome);
    };
    check(&[Host::new(2), Host::new(2)], taken(Axfr, 2, 1));
    // The other is newer still: it may give differences, and no whole zone.
    check(&[with_ixfr(3), Host::new(2)], taken(Ixfr, 3, 0));
    check(&[Host::new(3), Host::new(2)], taken(Axfr, 2, 1));
    check(&[Host::new(3), slow(2)], taken(Axfr, 2, 1));
    // It cannot be used: failover within the visit.
    check(&[Host::new(2), broken(2)], taken(Axfr, 2, 0));
    check(
        &[Host::new(2), Host::new(2).door(Door::Refuses)],
        taken(Axfr, 2, 0),
    );
}

#[test]
fn another_that_is_ahead_for_long_gives_the_whole_zone() {
    let hosts = [Host::new(1), Host::new(2)];
    let offered = Serial(2);
    let first = visit(&hosts, HOUR, &memory(), NOW);
    assert_eq!(first.outcome, Outcome::Confirmed { offered });
    assert_eq!(first.memory[1].ahead_since, Some(NOW));
    assert!(first.memory[0].gave);
    let second = visit(&hosts, HOUR, &first.memory, NOW + 3599);
    assert_eq!(second.outcome, Outcome::Confirmed { offered });
    let third = visit(&hosts, HOUR, &second.memory, NOW + 3600);
    assert_eq!(third.outcome, taken(Axfr, 2, 1));
    let gave: Vec<bool> = third.memory.iter().map(|memory| memory.gave).collect();
    assert_eq!(gave, [false, true]);

    // Who has caught up meanwhile is not behind any more.
    let caught_up = visit(
        &[with_ixfr(2), Host::new(2)],
        HOUR,
        &second.memory,
        NOW + 3600,
    );
    assert_eq!(caught_up.outcome, taken(Ixfr, 2, 0));
    assert_eq!(caught_up.memory[1].ahead_since, None);
}

#[test]
fn who_gives_what_is_refused_is_followed_by_the_next_in_the_same_visit() {
    let check = |refusals: usize, outcome: Outcome, stories: [&str; 2], serial: u32| {
        let hosts = [with_ixfr(3), Host::new(2)];
        let mut memory = memory();
        memory.swap(0, 1);
        let mut world = World::new(&hosts);
        world.refusals = refusals;
        let visit = Visit {
            held: Some(soa_buf(1)),
            held_records: 5,
            memory,
            ..Visit::new(zone(), primaries(hosts.len()))
        };
        let mut copy = Copy::of(1, &HELD);
        let mut exchange = Exchange::new(visit, world.now, NOW, 1);
        let report = world.run(&mut exchange, &mut copy);
        assert_eq!(report.outcome, outcome);
        assert_eq!([hosts[0].story(), hosts[1].story()], stories);
        assert_eq!(copy.serial, Some(serial));
        let gave: Vec<bool> = report.memory.iter().map(|memory| memory.gave).collect();
        let gives = match outcome {
            Outcome::Transferred { primary, .. } => primary,
            _ => 1,
        };
        assert_eq!(gave, [gives == 0, gives == 1]);
        let is_told = report.primaries[0].error.is_some();
        assert_eq!(is_told, refusals > 1);
        report
    };
    let all = "SOA/udp IXFR/tcp AXFR/tcp";
    check(0, taken(Ixfr, 3, 0), ["SOA/udp IXFR/tcp", "SOA/udp"], 3);
    check(1, taken(Axfr, 3, 0), [all, "SOA/udp"], 3);
    let report = check(2, taken(Axfr, 2, 1), [all, all], 2); // it has no differences
    let error = report.primaries[0].error.as_ref().unwrap();
    assert_eq!(error.in_words(), "rejected: not good");
    assert_eq!(report.memory[0].ixfr_failures, 1);
    check(3, Outcome::Failed, [all, all], 1);
}
