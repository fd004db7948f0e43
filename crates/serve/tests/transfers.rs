//! Transfers out, and NOTIFY in.

mod common;

use std::sync::Arc;

use common::{Ask, NOW, Table, name, peer, render, root, zone};
use zonekit_serve::{
    Acl, Action, Config, Holding, OutgoingTransfer, RateLimit, Responder, TransferError, Transport,
    Zones,
};
use zonekit_store::{Checks, Diff, Zone, ZoneLimits, ZonePatch};
use zonekit_tsig::{Algorithm, ClientStream, Key, KeyRing, Signed, sign_request};
use zonekit_wire::{
    Class, Compressor, Header, Message, MessageWriter, Name, Opcode, Record, Rtype, Section,
    Serial, Soa, Unpacker,
};

const EXAMPLE: &str =
    "@ 60 IN SOA ns h 7 1 1 1 60\n@ 60 IN NS ns\nns 60 IN A 192.0.2.1\nWWW 60 IN CNAME ns\n";

fn open_to_all() -> Config {
    Config {
        allow_transfer: ["0.0.0.0/0".parse().unwrap()].into_iter().collect(),
        ..Config::default()
    }
}

fn respond(responder: &Responder, octets: &[u8], transport: Transport) -> (Action, Vec<u8>) {
    let mut out = Vec::new();
    let action = responder
        .worker()
        .respond(octets, peer(transport), NOW, &mut out);
    (action, out)
}

fn begin(table: &Table, config: Config, question: &str) -> OutgoingTransfer {
    match respond(
        &table.responder(config),
        &Ask::new(question).octets,
        Transport::Tcp,
    ) {
        (Action::Transfer(transfer), out) => {
            assert!(out.is_empty());
            *transfer
        }
        (other, out) => panic!("{other:?} {}", render(&out)),
    }
}

fn messages(mut transfer: OutgoingTransfer) -> Vec<Vec<u8>> {
    let (mut messages, mut out) = (Vec::new(), Vec::new());
    while transfer.next_message(NOW, &mut out).unwrap() {
        messages.push(out.clone());
    }
    assert_eq!(transfer.next_message(NOW, &mut out), Ok(false));
    messages
}

fn records(messages: &[Vec<u8>]) -> Vec<String> {
    let mut unpacker = Unpacker::new();
    let mut lines = Vec::new();
    for octets in messages {
        for record in Message::new(octets).unwrap().records().unwrap() {
            let (section, record) = record.unwrap();
            if section == Section::Answer {
                lines.push(
                    unpacker
                        .unpack(record)
                        .unwrap()
                        .to_string()
                        .replace('\t', " "),
                );
            }
        }
    }
    lines
}

fn everything(zone: &Zone) -> Vec<String> {
    let mut lines = Vec::new();
    let mut records = zone.iter();
    while let Some(record) = records.next() {
        lines.push(record.to_string().replace('\t', " "));
    }
    lines.extend(lines.first().cloned());
    lines
}

#[test]
fn axfr_is_the_whole_zone_between_two_copies_of_its_soa() {
    let messages = messages(begin(
        &Table::of(&[zone("example.", EXAMPLE)]),
        open_to_all(),
        "example. AXFR",
    ));
    assert_eq!(
        records(&messages),
        [
            "example. 60 IN SOA ns.example. h.example. 7 1 1 1 60",
            "example. 60 IN NS ns.example.",
            "ns.example. 60 IN A 192.0.2.1",
            "WWW.example. 60 IN CNAME ns.example.",
            "example. 60 IN SOA ns.example. h.example. 7 1 1 1 60",
        ]
    );
    let header = Message::new(&messages[0]).unwrap().header();
    assert_eq!(
        (header.id, header.qr, header.aa, header.questions),
        (4711, true, true, 1)
    );
}

#[test]
fn axfr_of_the_root_zone_fills_its_messages_and_loses_nothing() {
    let root = root();
    for size in [512, 16_384, 65_535] {
        let config = Config {
            transfer_message_size: size,
            ..open_to_all()
        };
        let messages = messages(begin(
            &Table::of(std::slice::from_ref(&root)),
            config,
            ". AXFR",
        ));
        assert!(records(&messages) == everything(&root), "size {size}");
        let largest = messages.iter().map(Vec::len).max().unwrap();
        assert!(
            largest <= usize::from(size).max(1000),
            "size {size}: {largest}"
        );
        if size > 10_000 {
            let (last, full) = messages.split_last().unwrap();
            assert!(
                !last.is_empty()
                    && full
                        .iter()
                        .all(|message| message.len() + 700 > usize::from(size)),
                "size {size}"
            );
        }
    }
}

#[test]
fn a_record_larger_than_the_message_size_gets_a_message_of_its_own_size() {
    let long = "\"0123456789abcdef0123456789abcdef0123456789abcdef\" ".repeat(400);
    let zone = zone("example.", &format!("{EXAMPLE}txt 60 IN TXT {long}\n"));
    let messages = messages(begin(
        &Table::of(std::slice::from_ref(&zone)),
        open_to_all(),
        "example. AXFR",
    ));
    assert_eq!(records(&messages), everything(&zone));
    assert_eq!(
        messages
            .iter()
            .filter(|message| message.len() > 16_384)
            .count(),
        1
    );
}

#[test]
fn a_record_that_fits_no_message_ends_the_transfer_with_an_error() {
    let zone = zone(
        "example.",
        &format!(
            "{EXAMPLE}big 60 IN TYPE65400 \\# 65530 {}\n",
            "00".repeat(65_530)
        ),
    );
    let mut transfer = begin(&Table::of(&[zone]), open_to_all(), "example. AXFR");
    let mut out = Vec::new();
    assert_eq!(transfer.next_message(NOW, &mut out), Ok(true));
    assert_eq!(
        transfer.next_message(NOW, &mut out),
        Err(TransferError::RecordTooLarge)
    );
    assert!(out.is_empty());
    assert_eq!(transfer.next_message(NOW, &mut out), Ok(false));
}

#[test]
fn a_transfer_goes_on_with_the_version_that_it_began_with() {
    let transfer = begin(
        &Table::of(&[zone("example.", EXAMPLE)]),
        open_to_all(),
        "example. AXFR",
    );
    assert_eq!(
        records(&messages(transfer)).len(),
        5,
        "the table is gone, the version is not"
    );
}

#[test]
fn who_may_have_a_transfer_is_listed_by_network_or_key() {
    let table = Table::of(&[zone("example.", EXAMPLE)]);
    let refused = |config: Config, octets: &[u8]| {
        let (action, out) = respond(&table.responder(config), octets, Transport::Tcp);
        match action {
            Action::Reply => Some(render(&out)),
            Action::Transfer(_) => None,
            other => panic!("{other:?}"),
        }
    };
    let plain = Ask::new("example. AXFR").octets;
    let acl = |entry: &str| [entry.parse().unwrap()].into_iter().collect();
    assert_eq!(
        refused(Config::default(), &plain).as_deref(),
        Some("REFUSED")
    );
    assert_eq!(
        refused(
            Config {
                allow_transfer: acl("192.0.2.0/24"),
                ..Config::default()
            },
            &plain
        )
        .as_deref(),
        Some("REFUSED")
    );
    assert_eq!(
        refused(
            Config {
                allow_transfer: acl("127.0.0.1"),
                ..Config::default()
            },
            &plain
        ),
        None
    );

    let key = Key::new(
        name("key.example").as_name(),
        Algorithm::HmacSha256,
        b"secret of sixteen",
    )
    .unwrap();
    let by_key = Config {
        allow_transfer: acl("key:key.example"),
        keys: KeyRing::from_iter([key.clone()]),
        ..Config::default()
    };
    assert_eq!(refused(by_key.clone(), &plain).as_deref(), Some("REFUSED"));
    let mut signed = plain;
    sign_request(&key, &mut signed, NOW);
    assert_eq!(refused(by_key, &signed), None);
}

#[test]
fn what_cannot_be_transferred_is_told_apart() {
    let mut table = Table::of(&[zone("example.", EXAMPLE)]);
    table.0.push((name("new."), Holding::NotLoaded));
    table.0.push((name("old."), Holding::Expired));
    for (question, transport, expected) in [
        ("www.example. AXFR", Transport::Tcp, "NOTAUTH"),
        (
            "elsewhere. AXFR +edns",
            Transport::Tcp,
            "NOTAUTH edns option15=[0, 20]",
        ),
        ("new. AXFR", Transport::Tcp, "SERVFAIL"),
        ("old. AXFR", Transport::Tcp, "SERVFAIL"),
        ("example. AXFR", Transport::Udp, "FORMERR"),
        ("example. IXFR", Transport::Tcp, "FORMERR"), // without the SOA that the client holds
    ] {
        let (action, out) = respond(
            &table.responder(open_to_all()),
            &Ask::new(question).octets,
            transport,
        );
        assert!(matches!(action, Action::Reply));
        assert_eq!(render(&out), expected, "{question}");
    }
}

#[test]
fn the_soa_of_another_zone_says_nothing_of_what_the_client_holds() {
    let table = Table::of(&[zone("example.", EXAMPLE)]);
    let mut request = ixfr("example.", 1);
    assert_eq!(request[25..27], [0xC0, 12], "a pointer to the question");
    request[26] = 20; // to its end: the root
    let (_, out) = respond(&table.responder(open_to_all()), &request, Transport::Tcp);
    assert_eq!(render(&out), "FORMERR");
}

#[test]
fn every_message_of_a_signed_transfer_is_signed() {
    let key = Key::new(
        name("key.example").as_name(),
        Algorithm::HmacSha512,
        b"secret of sixteen",
    )
    .unwrap();
    let config = Config {
        keys: KeyRing::from_iter([key.clone()]),
        transfer_message_size: 600,
        ..open_to_all()
    };
    let mut text = String::from(EXAMPLE);
    (0..100).for_each(|number| text.push_str(&format!("host{number} 60 IN A 192.0.2.1\n")));
    let zone = zone("example.", &text);
    let mut request = Ask::new("example. AXFR").octets;
    let mut stream: ClientStream = sign_request(&key, &mut request, NOW);
    let (Action::Transfer(transfer), _) = respond(
        &Table::of(std::slice::from_ref(&zone)).responder(config),
        &request,
        Transport::Tcp,
    ) else {
        panic!("no transfer")
    };
    let messages = messages(*transfer);
    assert!(messages.len() > 3 && messages.iter().all(|message| message.len() <= 600));
    for message in &messages {
        assert_eq!(stream.check(message, NOW), Ok(Signed::Yes));
    }
    stream.finish().unwrap();
    assert_eq!(records(&messages), everything(&zone));
}

fn ixfr(apex: &str, serial: u32) -> Vec<u8> {
    let apex = name(apex);
    message(
        Opcode::QUERY,
        apex.as_name(),
        Rtype::IXFR,
        Some((Section::Authority, Serial(serial))),
    )
}

fn notify(apex: &str, serial: Option<u32>) -> Vec<u8> {
    let apex = name(apex);
    let hint = serial.map(|serial| (Section::Answer, Serial(serial)));
    message(Opcode::NOTIFY, apex.as_name(), Rtype::SOA, hint)
}

fn message(
    opcode: Opcode,
    apex: Name<'_>,
    rtype: Rtype,
    soa: Option<(Section, Serial)>,
) -> Vec<u8> {
    let (mut octets, mut compressor) = (Vec::new(), Compressor::new());
    let mut writer = MessageWriter::new(&mut octets, 65_535, &mut compressor);
    writer.set_header(Header {
        id: 4711,
        opcode,
        ..Header::default()
    });
    writer.question(apex, rtype, Class::IN).unwrap();
    if let Some((section, serial)) = soa {
        let (mname, rname) = (apex, apex);
        let mut rdata = Vec::new();
        Soa {
            mname,
            rname,
            serial,
            refresh: 1,
            retry: 1,
            expire: 1,
            minimum: 1,
        }
        .write(&mut rdata);
        writer
            .record(
                section,
                &Record {
                    owner: apex,
                    rtype: Rtype::SOA,
                    class: Class::IN,
                    ttl: 0,
                    rdata: &rdata,
                },
            )
            .unwrap();
    }
    writer.finish();
    octets
}

#[test]
fn ixfr_by_a_client_that_is_up_to_date_is_the_soa_alone() {
    let responder = Table::of(&[zone("example.", EXAMPLE)]).responder(open_to_all());
    for serial in [7, 8] {
        for transport in [Transport::Tcp, Transport::Udp] {
            let (action, out) = respond(&responder, &ixfr("example.", serial), transport);
            assert!(matches!(action, Action::Reply));
            assert_eq!(
                render(&out),
                "NOERROR aa\nexample. 60 IN SOA ns.example. h.example. 7 1 1 1 60"
            );
        }
    }
}

#[test]
fn ixfr_without_a_known_difference_is_the_whole_zone_and_over_udp_the_soa() {
    let responder = Table::of(&[zone("example.", EXAMPLE)]).responder(open_to_all());
    let (Action::Transfer(transfer), _) = respond(&responder, &ixfr("example.", 3), Transport::Tcp)
    else {
        panic!("no transfer")
    };
    let messages = messages(*transfer);
    assert_eq!(records(&messages).len(), 5);
    assert_eq!(
        Message::new(&messages[0])
            .unwrap()
            .question()
            .unwrap()
            .unwrap()
            .rtype,
        Rtype::IXFR
    );
    let (_, out) = respond(&responder, &ixfr("example.", 3), Transport::Udp);
    assert_eq!(
        render(&out),
        "NOERROR aa\nexample. 60 IN SOA ns.example. h.example. 7 1 1 1 60"
    );
}

/// A zone with a history.
struct History(Vec<Zone>);

impl Zones for History {
    fn enclosing(&self, name: Name<'_>) -> Option<Holding> {
        self.0
            .last()
            .filter(|zone| name.is_at_or_below(zone.apex()))
            .cloned()
            .map(Holding::Served)
    }

    fn zone(&self, apex: Name<'_>) -> Option<Holding> {
        self.0
            .last()
            .filter(|zone| apex == zone.apex())
            .cloned()
            .map(Holding::Served)
    }

    fn differences(&self, _: Name<'_>, from: Serial) -> Option<Vec<Diff>> {
        let from = self.0.iter().position(|zone| zone.serial() == from)?;
        Some(
            self.0[from..]
                .windows(2)
                .map(|pair| Diff::between(&pair[0], &pair[1]))
                .collect(),
        )
    }
}

/// A thousand hosts, of which one is new and one is gone in every version.
fn version(serial: usize) -> Zone {
    let mut text = EXAMPLE.replace(" 7 ", &format!(" {serial} "));
    (serial..serial + 1000)
        .for_each(|number| text.push_str(&format!("host{number} 60 IN TXT \"host {number}\"\n")));
    zone("example.", &text)
}

/// What a client that holds `old` has after it got these messages.
fn carried_out(old: &Zone, messages: &[Vec<u8>]) -> Zone {
    let mut unpacker = Unpacker::new();
    let mut records = Vec::new();
    for octets in messages {
        for record in Message::new(octets).unwrap().records().unwrap() {
            records.push(unpacker.unpack(record.unwrap().1).unwrap().to_buf());
        }
    }
    let newest = records.remove(0);
    assert_eq!(
        records.pop().unwrap(),
        newest,
        "the SOA of the version announced, at both ends"
    );
    let mut patch = ZonePatch::new(old, ZoneLimits::default(), Checks::Strict);
    let mut adding = true;
    for record in &records {
        let record = record.as_record();
        match (record.rtype == Rtype::SOA, adding) {
            (true, true) => patch.step(&record).unwrap(),
            (true, false) => patch.reach(&record).unwrap(),
            (false, true) => patch.add(&record).unwrap(),
            (false, false) => patch.remove(&record).unwrap(),
        }
        adding ^= record.rtype == Rtype::SOA;
    }
    patch.finish().unwrap().0
}

#[test]
fn ixfr_leads_from_the_clients_version_to_ours_in_messages_of_any_size() {
    let versions: Vec<Zone> = (1..=20).map(version).collect();
    for size in [512, 1000, 16_384] {
        let config = Config {
            transfer_message_size: size,
            ..open_to_all()
        };
        let responder = Responder::new(Arc::new(History(versions.clone())), config);
        for held in [1, 2, 19] {
            let (Action::Transfer(transfer), _) =
                respond(&responder, &ixfr("example.", held), Transport::Tcp)
            else {
                panic!("no transfer")
            };
            let messages = messages(*transfer);
            let old = versions
                .iter()
                .find(|zone| zone.serial() == Serial(held))
                .unwrap();
            assert_eq!(
                everything(&carried_out(old, &messages)),
                everything(&versions[19])
            );
            assert_eq!(
                records(&messages).len(),
                2 + (20 - held as usize) * 4,
                "two SOAs and two hosts a step"
            );
        }
        assert_eq!(
            (
                responder.counters().ixfr_begun.value(),
                responder.counters().axfr_begun.value()
            ),
            (3, 0)
        );
    }
}

#[test]
fn ixfr_over_udp_is_the_difference_if_it_fits_and_the_soa_if_not() {
    let versions: Vec<Zone> = (1..=20).map(version).collect();
    let responder = Responder::new(Arc::new(History(versions.clone())), open_to_all());
    let (Action::Reply, out) = respond(&responder, &ixfr("example.", 19), Transport::Udp) else {
        panic!("no answer")
    };
    assert_eq!(
        everything(&carried_out(&versions[18], &[out])),
        everything(&versions[19])
    );
    let (Action::Reply, out) = respond(&responder, &ixfr("example.", 1), Transport::Udp) else {
        panic!("no answer")
    };
    assert_eq!(
        render(&out),
        "NOERROR aa\nexample. 60 IN SOA ns.example. h.example. 20 1 1 1 60"
    );
}

/// The hosts of one version under the serials of those after it, in turns with those of the version after.
fn to_and_fro(count: usize) -> Vec<Zone> {
    let text = |serial: usize| {
        let hosts = serial % 2 * 10;
        let hosts = (hosts..hosts + 10).map(|host| format!("host{host} 60 IN TXT \"{host}\"\n"));
        let mut text = EXAMPLE.replace(" 7 ", &format!(" {serial} "));
        text.extend(hosts);
        (0..300).for_each(|host| text.push_str(&format!("same{host} 60 IN A 192.0.2.1\n")));
        zone("example.", &text)
    };
    (1..=count).map(text).collect()
}

#[test]
fn a_condensed_ixfr_leads_to_the_same_version_past_those_between() {
    let check = |versions: &[Zone], held: u32, stepwise: usize, condensed: usize| {
        for (condensed_ixfr, expected) in [(false, stepwise), (true, condensed)] {
            let config = Config {
                condensed_ixfr,
                transfer_message_size: 512,
                ..open_to_all()
            };
            let responder = Responder::new(Arc::new(History(versions.to_vec())), config);
            let (Action::Transfer(transfer), _) =
                respond(&responder, &ixfr("example.", held), Transport::Tcp)
            else {
                panic!("no transfer")
            };
            let messages = messages(*transfer);
            let old = &versions[held as usize - 1];
            let new = versions.last().unwrap();
            assert_eq!(everything(&carried_out(old, &messages)), everything(new));
            assert_eq!(records(&messages).len(), expected, "{condensed_ixfr}");
        }
    };
    let versions: Vec<Zone> = (1..=20).map(version).collect();
    check(&versions, 19, 2 + 4, 2 + 4);
    check(&versions, 1, 2 + 19 * 4, 2 + 2 + 19 * 2);
    let versions = to_and_fro(5);
    check(&versions, 4, 2 + 22, 2 + 22);
    check(&versions, 2, 2 + 3 * 22, 2 + 22);
    check(&versions, 1, 2 + 4 * 22, 2 + 2);
}

#[test]
fn a_difference_that_fits_when_condensed_is_told_over_udp() {
    let versions = to_and_fro(3);
    for (condensed_ixfr, fits) in [(false, false), (true, true)] {
        let config = Config {
            condensed_ixfr,
            ..open_to_all()
        };
        let responder = Responder::new(Arc::new(History(versions.clone())), config);
        let (Action::Reply, out) = respond(&responder, &ixfr("example.", 1), Transport::Udp) else {
            panic!("no answer")
        };
        let told = records(std::slice::from_ref(&out)).len();
        assert_eq!(told, if fits { 2 + 2 } else { 1 });
        if fits {
            assert_eq!(
                everything(&carried_out(&versions[0], &[out])),
                everything(&versions[2])
            );
        }
    }
}

#[test]
fn ixfr_over_udp_is_told_as_often_as_the_limit_allows() {
    let versions: Vec<Zone> = (1..=20).map(version).collect();
    // The difference, the SOA instead of one that does not fit, the SOA that is held.
    for (held, told) in [(19, 6), (1, 1), (20, 1)] {
        let config = Config {
            rate_limit: RateLimit {
                per_second: 2,
                octets_per_second: 0,
                exempt: Acl::default(),
            },
            ..open_to_all()
        };
        let responder = Responder::new(Arc::new(History(versions.clone())), config);
        let answers: Vec<_> = (0..6)
            .map(|_| respond(&responder, &ixfr("example.", held), Transport::Udp))
            .filter(|(action, _)| matches!(action, Action::Reply))
            .map(|(_, out)| out)
            .collect();
        let (whole, cut) = answers.split_at(2);
        for answer in whole {
            assert_eq!(records(std::slice::from_ref(answer)).len(), told, "{held}");
        }
        assert_eq!(cut.len(), 2, "every second one");
        for answer in cut {
            assert!(Message::new(answer).unwrap().header().tc);
            assert_eq!(records(std::slice::from_ref(answer)).len(), 0);
        }
        assert_eq!(responder.counters().rate_limited.value(), 4);
    }
}

#[test]
fn a_difference_larger_than_the_zone_is_the_zone() {
    let old = version(1);
    let new = zone("example.", EXAMPLE);
    let responder = Responder::new(Arc::new(History(vec![old, new.clone()])), open_to_all());
    let (Action::Transfer(transfer), _) = respond(&responder, &ixfr("example.", 1), Transport::Tcp)
    else {
        panic!("no transfer")
    };
    assert_eq!(records(&messages(*transfer)), everything(&new));
}

#[test]
fn a_notify_from_who_may_is_answered_and_handed_on() {
    let key = Key::new(
        name("key.example").as_name(),
        Algorithm::HmacSha256,
        b"secret of sixteen",
    )
    .unwrap();
    let config = |address: &'static str| Config {
        keys: KeyRing::from_iter([key.clone()]),
        notify_sources: Arc::new(
            move |zone: Name<'_>, source: std::net::IpAddr, key: Option<&Key>| {
                assert_eq!(zone, name("example.").as_name());
                source.to_string() == address || key.is_some()
            },
        ),
        ..Config::default()
    };
    let table = Table::of(&[zone("example.", EXAMPLE)]);
    for (serial, hint) in [(None, None), (Some(9), Some(Serial(9)))] {
        let responder = table.responder(config("127.0.0.1"));
        let (Action::Notify(notification), out) =
            respond(&responder, &notify("Example.", serial), Transport::Udp)
        else {
            panic!("not accepted")
        };
        assert_eq!(render(&out), "NOERROR aa");
        assert_eq!(Message::new(&out).unwrap().header().opcode, Opcode::NOTIFY);
        assert_eq!(
            (notification.zone.to_string().as_str(), notification.serial),
            ("Example.", hint)
        );
        assert_eq!(notification.source, peer(Transport::Udp));
        assert_eq!(responder.counters().notifies_accepted.value(), 1);
    }
    let elsewhere = table.responder(config("192.0.2.1"));
    let mut request = notify("example.", Some(9));
    let (_, out) = respond(&elsewhere, &request, Transport::Udp);
    assert_eq!(render(&out), "REFUSED");
    let mut stream = sign_request(&key, &mut request, NOW);
    let (Action::Notify(notification), out) = respond(&elsewhere, &request, Transport::Udp) else {
        panic!("not accepted")
    };
    assert_eq!(notification.key.unwrap().name(), key.name());
    assert_eq!(stream.check(&out, NOW), Ok(Signed::Yes));
}

#[test]
fn a_notify_that_makes_no_sense_is_told_so() {
    let everybody = |_: Name<'_>, _: std::net::IpAddr, _: Option<&Key>| true;
    let config = Config {
        notify_sources: Arc::new(everybody),
        ..Config::default()
    };
    let responder = Table::of(&[zone("example.", EXAMPLE)]).responder(config);
    let check = |octets: &[u8], expected: &str| {
        let (action, out) = respond(&responder, octets, Transport::Udp);
        assert!(matches!(action, Action::Reply), "{expected}");
        assert_eq!(render(&out), expected);
    };
    check(&notify("elsewhere.", None), "NOTAUTH");
    check(&notify("www.example.", None), "NOTAUTH");
    check(
        &message(Opcode::NOTIFY, name("example.").as_name(), Rtype::A, None),
        "FORMERR",
    );
    let mut chaos = notify("example.", None);
    *chaos.last_mut().unwrap() = 3;
    check(&chaos, "FORMERR");
    let mut broken = notify("example.", Some(9));
    let length = broken.len();
    broken.truncate(length - 4);
    check(&broken, "FORMERR");
}
