//! What EDNS options, and class CHAOS, are told; and how often.

mod common;

use std::{sync::Arc, time::Duration};

use common::{NOW, Table, name, peer, render, zone};
use zonekit_serve::{Acl, AclEntry, Action, Config, CookieSecret, Peer, RateLimit, Transport};
use zonekit_tsig::{Key, KeyRing, sign_request};
use zonekit_wire::{
    Class, Compressor, EdnsOption, Header, Message, MessageWriter, Name, OptRepr, Rtype,
};

const EXPIRE: u16 = EdnsOption::EXPIRE;
const KEEPALIVE: u16 = EdnsOption::KEEPALIVE;
const ZONEVERSION: u16 = EdnsOption::ZONEVERSION;

fn table() -> Table {
    let parent = "@ 60 IN SOA ns h 7 1 1 86400 60\n@ 60 IN NS ns\nns 60 IN A 192.0.2.1\n\
                  sub 60 IN NS ns\n*.wild 60 IN A 192.0.2.2\nalias 60 IN CNAME www.other.\n";
    let other = "@ 60 IN SOA ns h 4294967295 1 1 300 60\n@ 60 IN NS ns.example.\n";
    Table::of(&[zone("example.", parent), zone("other.", other)])
}

/// A request with one option, if any.
fn request(qname: &str, rtype: Rtype, class: Class, option: Option<(u16, &[u8])>) -> Vec<u8> {
    let (mut octets, mut compressor) = (Vec::new(), Compressor::new());
    let mut writer = MessageWriter::new(&mut octets, 65_535, &mut compressor);
    writer.set_header(Header::default());
    writer
        .question(name(qname).as_name(), rtype, class)
        .unwrap();
    if let Some((code, data)) = option {
        let options = [EdnsOption { code, data }];
        writer
            .opt(&OptRepr {
                options: &options,
                ..OptRepr::default()
            })
            .unwrap();
    }
    writer.finish();
    octets
}

/// The data of the option of this code in the answer to a question that brings it.
#[track_caller]
fn told(
    qname: &str,
    rtype: Rtype,
    code: u16,
    data: &[u8],
    transport: Transport,
) -> Option<Vec<u8>> {
    let request = request(qname, rtype, Class::IN, Some((code, data)));
    let responder = table().responder(Config {
        allow_transfer: [AclEntry::Network("127.0.0.0/8".parse().unwrap())]
            .into_iter()
            .collect(),
        ..Config::default()
    });
    let mut worker = responder
        .worker()
        .keeping_alive(Duration::from_millis(12_340));
    let mut out = Vec::new();
    match worker.respond(&request, peer(transport), NOW, &mut out) {
        Action::Reply => {}
        Action::Transfer(mut transfer) => assert!(transfer.next_message(NOW, &mut out).unwrap()),
        other => panic!("{other:?}"),
    }
    let opt = Message::new(&out).unwrap().opt().unwrap().expect("OPT");
    opt.option(code).map(<[u8]>::to_vec)
}

#[test]
fn soa_and_transfers_tell_when_the_zone_expires_and_other_questions_do_not() {
    for (qname, rtype, transport, expected) in [
        ("example.", Rtype::SOA, Transport::Udp, Some(86_400u32)),
        ("other.", Rtype::SOA, Transport::Tcp, Some(300)),
        ("example.", Rtype::AXFR, Transport::Tcp, Some(86_400)),
        ("example.", Rtype::NS, Transport::Udp, None),
        ("ns.example.", Rtype::SOA, Transport::Udp, None),
        ("sub.example.", Rtype::SOA, Transport::Udp, None),
        ("elsewhere.", Rtype::SOA, Transport::Udp, None),
    ] {
        let expected = expected.map(|seconds| seconds.to_be_bytes().to_vec());
        assert_eq!(
            told(qname, rtype, EXPIRE, b"", transport),
            expected,
            "{qname} {rtype}"
        );
    }
}

#[test]
fn every_answer_of_a_zone_tells_the_zones_version() {
    let example = Some(vec![1, 0, 0, 0, 0, 7]);
    for (qname, rtype, expected) in [
        ("example.", Rtype::SOA, example.clone()),
        ("ns.example.", Rtype::AAAA, example.clone()),
        ("missing.example.", Rtype::A, example.clone()),
        ("below.sub.example.", Rtype::A, example.clone()),
        ("alias.example.", Rtype::A, example), // the other zone has the last word, but was not asked
        ("www.other.", Rtype::A, Some(vec![1, 0, 255, 255, 255, 255])),
        ("elsewhere.", Rtype::A, None),
    ] {
        assert_eq!(
            told(qname, rtype, ZONEVERSION, b"", Transport::Udp),
            expected,
            "{qname} {rtype}"
        );
    }
}

#[test]
fn a_version_told_by_the_client_is_formerr() {
    let request = request(
        "example.",
        Rtype::SOA,
        Class::IN,
        Some((ZONEVERSION, b"\x01\x00\0\0\0\x07")),
    );
    let mut out = Vec::new();
    let mut worker = table().responder(Config::default()).worker();
    worker.respond(&request, peer(Transport::Udp), NOW, &mut out);
    assert_eq!(render(&out), "FORMERR edns");
}

#[test]
fn how_long_a_connection_may_be_idle_is_told_over_tcp_alone() {
    let told = |transport| told("example.", Rtype::SOA, KEEPALIVE, b"", transport);
    assert_eq!(told(Transport::Tcp), Some(vec![0, 123]));
    assert_eq!(told(Transport::Udp), None);
}

#[test]
fn the_length_of_an_answer_over_tls_tells_little_where_the_client_pads() {
    const PADDING: u16 = EdnsOption::PADDING;
    let key: Key = "transfer.example.:c2VjcmV0".parse().unwrap();
    for (qname, rtype, transport, option, is_signed) in [
        ("ns.example.", Rtype::A, Transport::Tls, PADDING, false),
        ("missing.example.", Rtype::A, Transport::Tls, PADDING, true),
        ("elsewhere.", Rtype::A, Transport::Tls, PADDING, false),
        ("example.", Rtype::AXFR, Transport::Tls, PADDING, true),
        ("example.", Rtype::AXFR, Transport::Tls, ZONEVERSION, false),
        ("ns.example.", Rtype::A, Transport::Tls, ZONEVERSION, false),
        ("ns.example.", Rtype::A, Transport::Tcp, PADDING, false),
        ("ns.example.", Rtype::A, Transport::Udp, PADDING, false),
    ] {
        let mut request = request(qname, rtype, Class::IN, Some((option, b"")));
        if is_signed {
            sign_request(&key, &mut request, NOW);
        }
        let responder = table().responder(Config {
            keys: [key.clone()].into_iter().collect(),
            allow_transfer: ["127.0.0.0/8".parse().unwrap()].into_iter().collect(),
            ..Config::default()
        });
        let mut out = Vec::new();
        match responder
            .worker()
            .respond(&request, peer(transport), NOW, &mut out)
        {
            Action::Reply => {}
            Action::Transfer(mut transfer) => {
                assert!(transfer.next_message(NOW, &mut out).unwrap())
            }
            other => panic!("{other:?}"),
        }
        let opt = Message::new(&out).unwrap().opt().unwrap().expect("OPT");
        let pads = (transport, option) == (Transport::Tls, PADDING);
        assert_eq!(opt.option(PADDING).is_some(), pads, "{qname} {transport:?}");
        let unused = if is_signed { 6 } else { 0 }; // for what only a refusal of the signature has
        assert_eq!(
            (out.len() + unused).is_multiple_of(468),
            pads,
            "{qname} {transport:?}"
        );
    }
}

#[test]
fn no_message_is_padded_beyond_its_limit() {
    let request = request(
        "example.",
        Rtype::AXFR,
        Class::IN,
        Some((EdnsOption::PADDING, b"")),
    );
    let many: String = (0..40)
        .map(|n| format!("host{n} 60 IN A 192.0.2.{n}\n"))
        .collect();
    let text = format!("@ 60 IN SOA ns h 7 1 1 86400 60\n@ 60 IN NS ns\n{many}");
    let responder = Table::of(&[zone("example.", &text)]).responder(Config {
        allow_transfer: ["127.0.0.0/8".parse().unwrap()].into_iter().collect(),
        transfer_message_size: 512,
        ..Config::default()
    });
    let mut out = Vec::new();
    let Action::Transfer(mut transfer) =
        responder
            .worker()
            .respond(&request, peer(Transport::Tls), NOW, &mut out)
    else {
        panic!("no transfer");
    };
    let mut messages = 0;
    while transfer.next_message(NOW, &mut out).unwrap() {
        assert!(out.len() <= 512, "{} octets", out.len());
        messages += 1;
    }
    assert!(messages > 1);
}

fn chaos(qname: &str, rtype: Rtype, config: Config) -> String {
    let request = request(qname, rtype, Class::CH, None);
    let mut out = Vec::new();
    let mut worker = table().responder(config).worker();
    match worker.respond(&request, peer(Transport::Udp), NOW, &mut out) {
        Action::Reply => render(&out),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_server_says_of_itself_what_it_is_told_to_say() {
    let config = Config {
        identity: Some(b"ns1 \"a\"".to_vec()),
        version: Some(vec![b'x'; 300]),
        ..Config::default()
    };
    let version = format!("NOERROR aa\nversion.bind. 0 CH TXT \"{}\"", "x".repeat(255));
    for (qname, rtype, expected) in [
        (
            "id.server.",
            Rtype::TXT,
            r#"NOERROR aa"#.to_owned() + "\nid.server. 0 CH TXT \"ns1 \\\"a\\\"\"",
        ),
        (
            "HOSTNAME.bind.",
            Rtype::TXT,
            "NOERROR aa\nHOSTNAME.bind. 0 CH TXT \"ns1 \\\"a\\\"\"".to_owned(),
        ),
        ("version.bind.", Rtype::ANY, version),
        ("version.server.", Rtype::A, "NOERROR aa".to_owned()),
        ("authors.bind.", Rtype::TXT, "REFUSED".to_owned()),
        ("example.", Rtype::SOA, "REFUSED".to_owned()),
    ] {
        assert_eq!(chaos(qname, rtype, config.clone()), expected, "{qname}");
    }
    assert_eq!(
        chaos("version.bind.", Rtype::TXT, Config::default()),
        "REFUSED"
    );
}

/// Asks so many times within a second; says how many answers were whole, cut down to TC, and not sent.
fn flood(requests: &[Vec<u8>], peer: Peer, config: Config) -> [usize; 3] {
    let responder = table().responder(config);
    let (mut worker, mut out, mut counts) = (responder.worker(), Vec::new(), [0; 3]);
    for request in requests {
        let place = match worker.respond(request, peer, NOW, &mut out) {
            Action::Reply => {
                let message = Message::new(&out).unwrap();
                let header = message.header();
                assert!(!header.tc || header.answers + header.authorities == 0);
                assert!(!header.tc || out.len() <= request.len() + 40);
                usize::from(header.tc)
            }
            Action::Drop => 2,
            other => panic!("{other:?}"),
        };
        counts[place] += 1;
    }
    let limited = counts[1] + counts[2];
    assert_eq!(responder.counters().rate_limited.value(), limited as u64);
    counts
}

fn limited(per_second: u32) -> Config {
    let rate_limit = RateLimit {
        per_second,
        octets_per_second: 0,
        exempt: Acl::default(),
    };
    Config {
        rate_limit,
        cookie_secret: CookieSecret::new([1; 16]),
        ..Config::default()
    }
}

#[test]
fn the_same_answer_is_limited_whatever_was_asked_for_below_the_name_that_speaks() {
    for (what, name) in [
        (
            "one name",
            (|_| "ns.example.".to_owned()) as fn(usize) -> String,
        ),
        ("names that do not exist", |number| {
            format!("n{number}.example.")
        }),
        ("names below a cut", |number| {
            format!("n{number}.sub.example.")
        }),
        ("names of a wildcard", |number| {
            format!("n{number}.wild.example.")
        }),
        ("names that are not ours", |number| {
            format!("n{number}.elsewhere.")
        }),
    ] {
        let requests: Vec<_> = (0..100)
            .map(|number| request(&name(number), Rtype::A, Class::IN, None))
            .collect();
        let [whole, cut, nothing] = flood(&requests, peer(Transport::Udp), limited(10));
        assert_eq!(whole, 10, "{what}");
        assert!(
            (44..=46).contains(&cut) && (44..=46).contains(&nothing),
            "{what}: {cut} {nothing}"
        );
        let [whole, ..] = flood(&requests, peer(Transport::Tcp), limited(10));
        assert_eq!(whole, 100, "{what}: nobody forges a connection");
    }
}

#[test]
fn names_that_exist_are_limited_each_for_itself() {
    let names = ["example.", "ns.example.", "alias.example.", "other."];
    let requests: Vec<_> = (0..40)
        .map(|number| request(names[number % 4], Rtype::TXT, Class::IN, None))
        .collect();
    assert_eq!(
        flood(&requests, peer(Transport::Udp), limited(10)),
        [40, 0, 0]
    );
}

#[test]
fn whoever_shows_a_valid_cookie_is_not_limited_and_whoever_signs_is() {
    let client = b"ABCDEFGH";
    let mut out = Vec::new();
    let first = request(
        "ns.example.",
        Rtype::A,
        Class::IN,
        Some((EdnsOption::COOKIE, client)),
    );
    let responder = table().responder(limited(10));
    responder
        .worker()
        .respond(&first, peer(Transport::Udp), NOW, &mut out);
    let opt = Message::new(&out).unwrap().opt().unwrap().unwrap();
    let cookie = opt.option(EdnsOption::COOKIE).unwrap();
    let ask = |cookie: &[u8]| {
        let request = request(
            "ns.example.",
            Rtype::A,
            Class::IN,
            Some((EdnsOption::COOKIE, cookie)),
        );
        vec![request; 100]
    };
    assert_eq!(
        flood(&ask(cookie), peer(Transport::Udp), limited(10)),
        [100, 0, 0]
    );
    let elsewhere = Peer {
        address: "127.0.0.2:53".parse().unwrap(),
        ..peer(Transport::Udp)
    };
    assert_eq!(
        flood(&ask(cookie), elsewhere, limited(10))[0],
        10,
        "it was made for another"
    );
    assert_eq!(
        flood(&ask(client), peer(Transport::Udp), limited(10))[0],
        10
    );

    let key: Key = "key.example.:c2VjcmV0".parse().unwrap();
    let mut signed = request("ns.example.", Rtype::A, Class::IN, None);
    sign_request(&key, &mut signed, NOW);
    let config = Config {
        keys: [key].into_iter().collect::<KeyRing>(),
        ..limited(10)
    };
    assert_eq!(
        flood(&vec![signed; 100], peer(Transport::Udp), config)[0],
        10,
        "signed by one, it may be sent by another"
    );
}

#[test]
fn a_signed_answer_that_is_cut_down_has_a_signature_that_fits() {
    let key: Key = "key.example.:c2VjcmV0".parse().unwrap();
    let mut signed = request("ns.example.", Rtype::A, Class::IN, None);
    let client = sign_request(&key, &mut signed, NOW);
    let responder = table().responder(Config {
        keys: [key].into_iter().collect::<KeyRing>(),
        ..limited(1)
    });
    let (mut worker, mut out) = (responder.worker(), Vec::new());
    let mut seen = [0; 2];
    for _ in 0..10 {
        match worker.respond(&signed, peer(Transport::Udp), NOW, &mut out) {
            Action::Drop => continue,
            action => assert!(matches!(action, Action::Reply)),
        }
        let header = Message::new(&out).unwrap().header();
        seen[usize::from(header.tc)] += 1;
        let checked = client.clone().check(&out, NOW);
        assert!(checked.is_ok(), "tc {}: {checked:?}", header.tc);
    }
    assert!(seen[0] > 0 && seen[1] > 0, "whole and cut: {seen:?}");
}

#[test]
fn whoever_may_not_notify_is_told_so_as_often_as_anything_and_whoever_may_is_always_answered() {
    let notify = |zone: &str| {
        let mut octets = request(zone, Rtype::SOA, Class::IN, None);
        octets[2] |= 4 << 3; // the opcode
        vec![octets; 100]
    };
    let config = |may: bool| Config {
        notify_sources: Arc::new(move |_: Name<'_>, _: std::net::IpAddr, _: Option<&Key>| may),
        ..limited(10)
    };
    for (zone, may) in [
        ("example.", false),
        ("elsewhere.", true),
        ("elsewhere.", false),
    ] {
        let [whole, cut, nothing] = flood(&notify(zone), peer(Transport::Udp), config(may));
        assert_eq!((whole, cut + nothing), (10, 90), "{zone} {may}");
    }
    let responder = table().responder(config(true));
    let (mut worker, mut out) = (responder.worker(), Vec::new());
    for request in notify("example.") {
        let action = worker.respond(&request, peer(Transport::Udp), NOW, &mut out);
        assert!(matches!(action, Action::Notify(_)) && !out.is_empty());
    }
}

#[test]
fn a_network_gains_no_more_octets_than_the_limit_by_all_the_names_there_are() {
    let config = |octets_per_second| Config {
        rate_limit: RateLimit {
            octets_per_second,
            ..limited(0).rate_limit
        },
        ..limited(0)
    };
    let names = [
        "example.",
        "ns.example.",
        "x.wild.example.",
        "other.",
        "sub.example.",
    ];
    let requests: Vec<_> = { names.into_iter().cycle() }
        .take(200)
        .map(|name| request(name, Rtype::ANY, Class::IN, Some((EdnsOption::NSID, &[]))))
        .collect();
    let [whole, cut, nothing] = flood(&requests, peer(Transport::Udp), config(2000));
    assert!((10..100).contains(&whole), "{whole}");
    assert!(
        cut.abs_diff(nothing) <= 1 && cut + nothing > 100,
        "{cut} {nothing}"
    );
    for (peer, octets) in [(Transport::Tcp, 2000), (Transport::Udp, 0)] {
        assert_eq!(
            flood(&requests, common::peer(peer), config(octets)),
            [200, 0, 0]
        );
    }
}
