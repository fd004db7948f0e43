//! Visits with a TSIG key.

use zonekit_tsig::{Key, KeyRing, check_request};
use zonekit_wire::{Rcode, Rtype};
use zonekit_xfr::AnswerError;

use super::*;
use crate::common::{Act, Door, failure, message, soa};

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
