//! EDNS: primaries that do not take it.

use zonekit_wire::{Class, Compressor, Message, MessageWriter, OptRepr, Rcode, Rtype};
use zonekit_xfr::Memory;

use super::*;
use crate::common::{Act, Reply, axfr, failure, message, soa};

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
