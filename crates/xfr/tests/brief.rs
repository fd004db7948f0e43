//! IXFR in datagrams, under a made-up clock and without sockets.

mod common;

use common::{
    Act, Copy, HELD, Host, Reply, World, failure, message, primaries, rrs, soa, soa_buf, zone,
};
use zonekit_tsig::{Key, KeyRing, check_request};
use zonekit_wire::{Rcode, RecordBuf, Rtype};
use zonekit_xfr::{Exchange, Limits, Outcome, Primary, Report, TransferKind, Visit};

const NOW: u64 = 1_700_000_000;

/// From serial 1 to 2.
fn step() -> Vec<RecordBuf> {
    rrs(&[
        "@ SOA 2",
        "@ SOA 1",
        "old TXT old",
        "@ SOA 2",
        "new TXT new",
        "@ SOA 2",
    ])
}

/// Serial 2, and this answer to IXFR in datagrams; over TCP the difference.
fn host(script: impl Fn(&[u8]) -> Vec<Act> + Send + Sync + 'static) -> Host {
    Host::new(2).ixfr(step()).udp(Rtype::IXFR, script)
}

fn run(host: &Host, change: impl FnOnce(&mut Primary)) -> (Report, Copy) {
    let mut to = primaries(1);
    to[0].ixfr_over_udp = true;
    change(&mut to[0]);
    let visit = Visit {
        held: Some(soa_buf(1)),
        held_records: 5,
        ..Visit::new(zone(), to)
    };
    let mut world = World::new(std::slice::from_ref(host));
    let mut copy = Copy::of(1, &HELD);
    let mut exchange = Exchange::new(visit, world.now, NOW, 1);
    (world.run(&mut exchange, &mut copy), copy)
}

/// Whatever comes in datagrams: the difference is there in the end, nothing is held against the primary, and this was asked.
fn check(host: &Host, story: &str) {
    let (report, copy) = run(host, |_| ());
    assert!(matches!(
        report.outcome,
        Outcome::Transferred {
            kind: TransferKind::Ixfr,
            ..
        }
    ));
    let records = [
        "@ NS ns1",
        "ns1 A 192.0.2.1",
        "www A 192.0.2.80",
        "new TXT new",
    ];
    assert!(copy.is(2, &records) && copy.commits == 1);
    assert_eq!(report.primaries[0].transfers.len(), 1);
    assert!(report.error().is_none() && report.memory[0].may_ixfr_at(NOW));
    assert_eq!(host.story(), story);
}

trait MayIxfr {
    fn may_ixfr_at(&self, now: u64) -> bool;
}

impl MayIxfr for zonekit_xfr::Memory {
    fn may_ixfr_at(&self, now: u64) -> bool {
        self.no_ixfr_until.is_none_or(|until| until <= now)
    }
}

#[test]
fn a_difference_that_fits_a_datagram_needs_no_connection() {
    check(
        &host(|request| vec![Act::Say(message(request, &step()))]),
        "SOA/udp IXFR/udp",
    );
}

#[test]
fn datagrams_are_for_those_alone_that_are_asked_so() {
    let host = host(|request| vec![Act::Say(message(request, &step()))]);
    let (report, _) = run(&host, |primary| primary.ixfr_over_udp = false);
    assert!(matches!(report.outcome, Outcome::Transferred { .. }));
    assert_eq!(host.story(), "SOA/udp IXFR/tcp");
}

#[test]
fn what_does_not_fit_is_asked_over_tcp() {
    let lone = |request: &[u8]| vec![Act::Say(message(request, &[soa(2)]))];
    check(&host(lone), "SOA/udp IXFR/udp IXFR/tcp");
    let cut = |request: &[u8]| {
        let reply = Reply::to(request).with(&step()[..3]);
        vec![Act::Say(reply.header(|header| header.tc = true).octets())]
    };
    check(&host(cut), "SOA/udp IXFR/udp IXFR/tcp");
}

#[test]
fn what_is_no_whole_difference_is_asked_over_tcp() {
    for count in 1..step().len() {
        let part = move |request: &[u8]| vec![Act::Say(message(request, &step()[..count]))];
        check(&host(part), "SOA/udp IXFR/udp IXFR/tcp");
    }
    for rcode in [
        Rcode::FORMERR,
        Rcode::NOTIMP,
        Rcode::REFUSED,
        Rcode::SERVFAIL,
    ] {
        let says_no = move |request: &[u8]| vec![Act::Say(failure(request, rcode))];
        check(&host(says_no), "SOA/udp IXFR/udp IXFR/tcp");
    }
}

#[test]
fn a_datagram_that_is_lost_is_asked_for_again_and_then_over_tcp() {
    check(&host(|_| vec![]), "SOA/udp IXFR/udp IXFR/udp IXFR/tcp");
}

#[test]
fn datagrams_of_others_are_ignored() {
    let forged = |request: &[u8]| {
        let wrong = rrs(&[
            "@ SOA 9",
            "@ SOA 1",
            "old TXT old",
            "@ SOA 9",
            "bad TXT bad",
            "@ SOA 9",
        ]);
        let mut id = message(request, &wrong);
        id[0] ^= 1;
        let mut question = message(request, &wrong);
        question[13] ^= 1;
        let mut query = message(request, &wrong);
        query[2] &= 0x7f;
        let right = message(request, &step());
        [id, question, query, right].map(Act::Say).to_vec()
    };
    check(&host(forged), "SOA/udp IXFR/udp");
}

#[test]
fn with_a_key_what_is_not_signed_is_ignored() {
    let key: Key = "transfer.example.:c2VjcmV0".parse().unwrap();
    let signed = key.clone();
    let sign = move |request: &[u8], mut answer: Vec<u8>| {
        let mut ring = KeyRing::new();
        ring.insert(signed.clone());
        let mut stream = check_request(&ring, request, NOW).unwrap().expect("signed");
        stream.sign(&mut answer, NOW);
        answer
    };
    let (udp, soas, tcp) = (sign.clone(), sign.clone(), sign);
    let host = Host::new(2)
        .udp(Rtype::SOA, move |request| {
            vec![Act::Say(soas(request, message(request, &[soa(2)])))]
        })
        .tcp(Rtype::IXFR, move |request| {
            vec![Act::Say(tcp(request, message(request, &step())))]
        })
        .udp(Rtype::IXFR, move |request| {
            let forged = rrs(&[
                "@ SOA 9",
                "@ SOA 1",
                "old TXT old",
                "@ SOA 9",
                "bad TXT bad",
                "@ SOA 9",
            ]);
            let forged = message(request, &forged);
            vec![
                Act::Say(forged),
                Act::Say(udp(request, message(request, &step()))),
            ]
        });
    let (report, copy) = run(&host, |primary| primary.key = Some(key));
    assert_eq!((copy.serial, copy.abandoned), (Some(2), 0), "{report:?}");
    assert_eq!(host.story(), "SOA/udp IXFR/udp");
}

#[test]
fn one_that_has_nothing_newer_after_all_is_not_asked_further() {
    let host = host(|request| vec![Act::Say(message(request, &[soa(1)]))]);
    let (report, copy) = run(&host, |_| ());
    assert_eq!((report.outcome, copy.commits), (Outcome::UpToDate, 0));
    assert_eq!(host.story(), "SOA/udp IXFR/udp");
}

#[test]
fn limits_hold_in_datagrams_too() {
    let host = host(|request| vec![Act::Say(message(request, &step()))]);
    let mut to = primaries(1);
    to[0].ixfr_over_udp = true;
    let visit = Visit {
        held: Some(soa_buf(1)),
        limits: Limits {
            max_ixfr_changes: Some(1),
            ..Limits::default()
        },
        ..Visit::new(zone(), to)
    };
    let mut world = World::new(std::slice::from_ref(&host));
    let mut copy = Copy::of(1, &HELD);
    let report = world.run(&mut Exchange::new(visit, world.now, NOW, 1), &mut copy);
    // Neither in datagrams nor over TCP: the whole zone is taken.
    assert!(matches!(
        report.outcome,
        Outcome::Transferred {
            kind: TransferKind::Axfr,
            ..
        }
    ));
    assert_eq!(host.story(), "SOA/udp IXFR/udp IXFR/tcp AXFR/tcp");
}
