//! What a primary says of its expiry (RFC 7314).

use zonekit_wire::{EdnsOption, Message, Rtype};

use super::*;
use crate::common::{Act, axfr, message, soa};

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
fn however_long_an_answer_was_under_way_what_it_says_counts_from_the_question() {
    for (host, until_asked) in [
        (expiring(1, 500, 0), Duration::ZERO),
        // Half a second twice over UDP; then there and back for the connection, and for the question.
        (expiring(1, 500, 0).without_udp(), SECOND),
    ] {
        let host = slice::from_ref(&host);
        let mut world = World::new(host);
        world.delay = Duration::from_millis(200);
        let mut exchange = Exchange::new(held(host), world.now, NOW, 1);
        let report = world.run(&mut exchange, &mut Copy::of(1, &HELD));
        let expires = report.expires(zonekit_wire::Serial(1)).unwrap();
        assert_eq!(expires - world.start, until_asked + 500 * SECOND);
        assert!(world.elapsed() > until_asked, "it came later");
    }
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
