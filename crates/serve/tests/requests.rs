//! What is made of requests by their form: header, EDNS, size, TSIG.

mod common;

use std::sync::Arc;

use common::{Ask, NOW, Table, ask, check, name, peer, render, zone};
use zonekit_serve::{Action, Config, CookieSecret, Holding, Transport};
use zonekit_tsig::{Algorithm, Key, KeyRing, Signed, sign_request};
use zonekit_wire::{
    Compressor, EdnsOption, Header, Message, MessageWriter, Opcode, OptRepr, Rcode,
};

fn table() -> Table {
    let mut text =
        String::from("@ 60 IN SOA ns h 7 1 1 1 60\n@ 60 IN NS ns\nns 60 IN A 192.0.2.1\n");
    for number in 0..100 {
        text.push_str(&format!("many 60 IN A 192.0.2.{number}\n"));
    }
    text.push_str(&format!(
        "large 60 IN TXT {}\n",
        ["\"0123456789abcdef0123456789abcdef0123456789abcdef\""; 30].join(" ")
    ));
    for number in 0..20 {
        text.push_str(&format!(
            "sub 60 IN NS ns{number:02}.sub\nns{number:02}.sub 60 IN A 192.0.2.{number}\n"
        ));
        text.push_str(&format!("beside 60 IN NS ns{number:02}.sub\n"));
    }
    Table::of(&[zone("example.", &text)])
}

fn answer(octets: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let mut worker = table().responder(Config::default()).worker();
    match worker.respond(octets, peer(Transport::Udp), NOW, &mut out) {
        Action::Reply => Some(out),
        Action::Drop => None,
        other => panic!("{other:?}"),
    }
}

/// A plain request with the octets of its header changed.
fn with_header(change: impl FnOnce(&mut Header)) -> Vec<u8> {
    let mut octets = Ask::new("ns.example. A").octets;
    let mut header = Message::new(&octets).unwrap().header();
    change(&mut header);
    octets[..12].copy_from_slice(&header.to_octets());
    octets
}

#[test]
fn id_rd_and_cd_come_back_and_nothing_else() {
    let request = with_header(|header| {
        (
            header.rd, header.cd, header.ad, header.ra, header.tc, header.aa,
        ) = (true, true, true, true, true, true);
    });
    let octets = answer(&request).unwrap();
    let header = Message::new(&octets).unwrap().header();
    let expected = Header {
        id: 4711,
        qr: true,
        aa: true,
        rd: true,
        cd: true,
        questions: 1,
        answers: 1,
        ..Header::default()
    };
    assert_eq!(header, expected);
    assert_eq!(
        octets[12..12 + 16],
        request[12..12 + 16],
        "the question, as it was asked"
    );
}

#[test]
fn answers_and_rubbish_are_dropped() {
    assert!(answer(&with_header(|header| header.qr = true)).is_none());
    for len in 0..12 {
        assert!(answer(&vec![0; len]).is_none(), "{len} octets");
    }
}

#[test]
fn operations_that_we_do_not_have_are_notimp() {
    for opcode in [1, 2, 3, 5, 6, 15] {
        let octets = answer(&with_header(|header| header.opcode = Opcode(opcode))).unwrap();
        let header = Message::new(&octets).unwrap().header();
        assert_eq!(
            (header.rcode, header.opcode),
            (Rcode::NOTIMP, Opcode(opcode))
        );
    }
}

#[test]
fn anything_but_one_question_is_formerr() {
    let no_question = &with_header(|header| header.questions = 0)[..12];
    assert_eq!(render(&answer(no_question).unwrap()), "FORMERR");
    assert_eq!(
        render(&answer(&with_header(|header| header.questions = 2)).unwrap()),
        "FORMERR"
    );
}

#[test]
fn a_message_that_is_not_what_its_header_says_is_formerr() {
    let whole = with_header(|_| {});
    for len in 12..whole.len() {
        assert_eq!(
            render(&answer(&whole[..len]).unwrap()),
            "FORMERR",
            "{len} octets"
        );
    }
    assert_eq!(
        render(&answer(&[&whole[..], &[0]].concat()).unwrap()),
        "FORMERR"
    );
    assert_eq!(
        render(&answer(&with_header(|header| header.additionals = 1)).unwrap()),
        "FORMERR"
    );
}

#[test]
fn other_classes_are_refused() {
    let config = Config {
        allow_transfer: ["127.0.0.0/8".parse().unwrap()].into_iter().collect(),
        ..Config::default()
    };
    for class in [3, 4, 254, 255] {
        for question in ["ns.example. A", "example. SOA", "example. AXFR +tcp"] {
            let Ask { mut octets, peer } = Ask::new(question);
            *octets.last_mut().unwrap() = class; // CH, HS, NONE, ANY
            let mut out = Vec::new();
            let mut worker = table().responder(config.clone()).worker();
            worker.respond(&octets, peer, NOW, &mut out);
            assert_eq!(render(&out), "REFUSED", "{question}, class {class}");
        }
    }
}

/// Zones that are kept from who may not have them whole, and others above.
#[test]
fn what_is_in_a_private_zone_is_told_to_those_only_who_may_have_it_whole() {
    let allowed = |network: &str| Config {
        allow_transfer: [network.parse().unwrap()].into_iter().collect(),
        private_zones: vec!["Example.".parse().unwrap()],
        ..Config::default()
    };
    for question in [
        "ns.example. A",
        "example. SOA",
        "example. DS",
        "nothing.example. A",
    ] {
        let Ask { octets, peer } = Ask::new(question);
        let answer = |config: Config| {
            let mut out = Vec::new();
            let mut worker = table().responder(config).worker();
            worker.respond(&octets, peer, NOW, &mut out);
            render(&out)
        };
        assert_eq!(answer(allowed("198.51.100.0/24")), "REFUSED", "{question}");
        let public = Config::default();
        assert_eq!(
            answer(allowed("0.0.0.0/0")),
            answer(public.clone()),
            "{question}"
        );
        assert_ne!(answer(public), "REFUSED", "{question}");
    }
}

#[test]
fn questions_that_are_no_types_are_notimp() {
    check(&table(), "ns.example. TYPE253", "NOTIMP"); // MAILB
    check(&table(), "ns.example. TYPE249", "NOTIMP"); // TKEY
    check(&table(), "ns.example. TYPE41", "FORMERR"); // OPT
    check(&table(), "ns.example. TYPE128", "FORMERR"); // NXNAME
}

#[test]
fn edns_is_answered_with_edns_and_do_comes_back() {
    check(
        &table(),
        "ns.example. A +edns",
        "NOERROR aa edns\nns.example. 60 IN A 192.0.2.1",
    );
    check(
        &table(),
        "ns.example. A +do",
        "NOERROR aa edns do\nns.example. 60 IN A 192.0.2.1",
    );
}

#[test]
fn a_later_version_of_edns_is_badvers() {
    let mut request = Ask::new("ns.example. A +edns").octets;
    let version = request.len() - 5;
    request[version] = 1;
    let octets = answer(&request).unwrap();
    assert_eq!(render(&octets), "BADVERS edns");
    assert_eq!(
        Message::new(&octets)
            .unwrap()
            .opt()
            .unwrap()
            .unwrap()
            .version(),
        0
    );
}

/// Asks with one option in OPT; the answer's code with its options.
fn with_option(code: u16, data: &[u8], config: Config) -> String {
    let mut request = Ask::new("ns.example. A +edns").octets;
    let length = request.len();
    let option = [
        &code.to_be_bytes()[..],
        &(data.len() as u16).to_be_bytes(),
        data,
    ]
    .concat();
    request[length - 2..].copy_from_slice(&(option.len() as u16).to_be_bytes());
    request.extend(option);
    let mut out = Vec::new();
    let mut worker = table().responder(config).worker();
    worker.respond(&request, peer(Transport::Udp), 0x5cf79f11, &mut out);
    render(&out).lines().next().unwrap().to_owned()
}

#[test]
fn a_cookie_is_answered_with_a_cookie_for_the_client() {
    let secret = CookieSecret::new(0xe5e973e5a6b2a43f48e7dc849e37bfcf_u128.to_be_bytes());
    let config = Config {
        cookie_secret: secret,
        ..Config::default()
    };
    let first = with_option(10, b"ABCDEFGH", config.clone());
    let start =
        "NOERROR aa edns option10=[65, 66, 67, 68, 69, 70, 71, 72, 1, 0, 0, 0, 92, 247, 159, 17, ";
    assert!(first.starts_with(start), "{first}");
    assert_eq!(
        with_option(10, b"ABCDEFGH and the server's part", config.clone()),
        first
    );
    let other = Config {
        cookie_secret: CookieSecret::random(),
        ..config.clone()
    };
    assert_ne!(with_option(10, b"ABCDEFGH", other), first);
    assert_eq!(with_option(10, b"ABCDEFGH?", config), "FORMERR edns");
}

#[test]
fn a_query_without_a_question_gets_a_cookie_and_nothing_else() {
    let client = [1, 2, 3, 4, 5, 6, 7, 8];
    let config = || Config {
        cookie_secret: CookieSecret::new([9; 16]),
        ..Config::default()
    };
    let ask = |cookie: Option<&[u8]>| {
        let (mut octets, mut compressor) = (Vec::new(), Compressor::new());
        let mut writer = MessageWriter::new(&mut octets, 512, &mut compressor);
        let option = cookie.map(|data| EdnsOption {
            code: EdnsOption::COOKIE,
            data,
        });
        let opt = OptRepr {
            options: option.as_slice(),
            ..OptRepr::default()
        };
        writer.opt(&opt).unwrap();
        writer.finish();
        let mut out = Vec::new();
        let mut worker = table().responder(config()).worker();
        worker.respond(&octets, peer(Transport::Udp), NOW, &mut out);
        let message = Message::new(&out).unwrap();
        let opt = message.opt().unwrap().expect("OPT");
        let cookie = opt.option(EdnsOption::COOKIE).map(<[u8]>::to_vec);
        assert_eq!(
            (message.header().questions, message.header().answers),
            (0, 0)
        );
        (opt.rcode(message.header().rcode), cookie)
    };
    let (rcode, cookie) = ask(Some(&client));
    let cookie = cookie.expect("a cookie");
    assert_eq!((rcode, cookie.len()), (Rcode::NOERROR, 24));
    assert_eq!(cookie[..8], client);
    assert_eq!(ask(Some(&cookie)), (Rcode::NOERROR, Some(cookie.clone())));
    let mut forged = cookie.clone();
    forged[23] ^= 1;
    for wrong in [&forged[..], &cookie[..16], &[&cookie[..], &[0]].concat()] {
        assert_eq!(ask(Some(wrong)), (Rcode::BADCOOKIE, Some(cookie.clone())));
    }
    assert_eq!(ask(None), (Rcode::FORMERR, None));
}

#[test]
fn the_servers_name_is_said_where_it_is_asked_for_and_there_is_one() {
    let named = Config {
        nsid: Some(b"ns1".to_vec()),
        ..Config::default()
    };
    assert_eq!(
        with_option(3, b"", named.clone()),
        "NOERROR aa edns option3=[110, 115, 49]"
    );
    assert_eq!(with_option(3, b"", Config::default()), "NOERROR aa edns");
    assert_eq!(with_option(12, b"padding", named), "NOERROR aa edns");
}

#[test]
fn two_opt_records_are_formerr() {
    let mut request = Ask::new("ns.example. A +edns").octets;
    let opt = request[request.len() - 11..].to_vec();
    request.extend(opt);
    request[11] = 2;
    assert_eq!(render(&answer(&request).unwrap()), "FORMERR");
}

#[test]
fn what_does_not_fit_is_left_out_whole_and_tc_set() {
    check(&table(), "many.example. A", "NOERROR aa tc");
    check(&table(), "many.example. A +edns", "NOERROR aa tc edns");
    check(
        &table(),
        "large.example. TXT +size=4096",
        "NOERROR aa tc edns",
    ); // more than our own limit of 1232
    assert!(
        ask(&table(), "many.example. A +tcp")
            .starts_with("NOERROR aa\nmany.example. 60 IN A 192.0.2.0\n")
    );
}

#[test]
fn a_size_below_512_means_512() {
    assert_eq!(
        ask(&table(), "ns.example. A +size=0"),
        "NOERROR aa edns\nns.example. 60 IN A 192.0.2.1"
    );
    let mut octets = Vec::new();
    for size in [0, 100, 512] {
        let request = Ask::new(&format!("sub.example. A +size={size}"));
        let mut worker = table().responder(Config::default()).worker();
        worker.respond(&request.octets, request.peer, NOW, &mut octets);
        assert!(
            octets.len() <= 512 && octets.len() > 300,
            "{} octets",
            octets.len()
        );
    }
}

#[test]
fn a_larger_limit_over_udp_is_to_be_configured() {
    let config = Config {
        max_udp_size: 60_000,
        ..Config::default()
    };
    let mut worker = table().responder(config).worker();
    let mut out = Vec::new();
    let request = Ask::new("large.example. TXT +size=65535");
    worker.respond(&request.octets, request.peer, NOW, &mut out);
    assert!(render(&out).starts_with("NOERROR aa edns\nlarge.example."));
    let request = Ask::new("many.example. A +size=1300");
    worker.respond(&request.octets, request.peer, NOW, &mut out);
    assert_eq!(render(&out), "NOERROR aa tc edns");
    assert_eq!(
        Message::new(&out)
            .unwrap()
            .opt()
            .unwrap()
            .unwrap()
            .udp_size(),
        4096
    );
}

#[test]
fn glue_below_the_cut_must_fit_and_other_glue_need_not() {
    let below = ask(&table(), "sub.example. A +size=512");
    assert!(below.starts_with("NOERROR tc edns\n; authority"), "{below}");
    let beside = ask(&table(), "beside.example. A +size=512");
    assert!(beside.starts_with("NOERROR edns\n; authority"), "{beside}");
    assert!(
        beside.contains("; additional\nns00.sub.example. 60 IN A"),
        "{beside}"
    );
}

#[test]
fn zones_that_cannot_be_answered_for_are_servfail_and_say_why() {
    let table = Table(vec![
        (name("new."), Holding::NotLoaded),
        (name("old."), Holding::Expired),
    ]);
    check(&table, "www.new. A", "SERVFAIL");
    check(&table, "www.new. A +edns", "SERVFAIL edns option15=[0, 14]");
    check(&table, "old. SOA +edns", "SERVFAIL edns option15=[0, 24]");
}

fn key(secret: &[u8]) -> Key {
    Key::new(name("key.example").as_name(), Algorithm::HmacSha256, secret).unwrap()
}

fn signed_exchange(key: &Key, config: Config, now: u64) -> (Vec<u8>, zonekit_tsig::ClientStream) {
    let mut request = Ask::new("ns.example. A");
    let stream = sign_request(key, &mut request.octets, now);
    let mut out = Vec::new();
    let mut worker = table().responder(config).worker();
    let action = worker.respond(&request.octets, request.peer, NOW, &mut out);
    assert!(matches!(action, Action::Reply));
    (out, stream)
}

fn config_with(key: &Key) -> Config {
    Config {
        keys: KeyRing::from_iter([key.clone()]),
        ..Config::default()
    }
}

#[test]
fn a_signed_request_gets_a_signed_answer() {
    let key = key(b"secret of sixteen");
    let (out, mut stream) = signed_exchange(&key, config_with(&key), NOW);
    assert_eq!(render(&out), "NOERROR aa\nns.example. 60 IN A 192.0.2.1");
    assert_eq!(stream.check(&out, NOW), Ok(Signed::Yes));
}

#[test]
fn an_answer_that_does_not_fit_is_cut_with_room_for_its_signature() {
    let key = key(b"secret of sixteen");
    for question in ["many.example. A", "large.example. TXT +size=512"] {
        let Ask { mut octets, peer } = Ask::new(question);
        let mut stream = sign_request(&key, &mut octets, NOW);
        let mut out = Vec::new();
        let mut worker = table().responder(config_with(&key)).worker();
        worker.respond(&octets, peer, NOW, &mut out);
        assert!(render(&out).starts_with("NOERROR aa tc"), "{question}");
        assert!(out.len() <= 512, "{question}: {} octets", out.len());
        assert_eq!(stream.check(&out, NOW), Ok(Signed::Yes), "{question}");
    }
}

#[test]
fn operations_that_we_do_not_have_are_refused_with_edns_and_signature_as_they_came() {
    let key = key(b"secret of sixteen");
    for opcode in [Opcode::UPDATE, Opcode(9)] {
        let mut request = Ask::new("ns.example. A +do").octets;
        let mut header = Message::new(&request).unwrap().header();
        header.opcode = opcode;
        request[..12].copy_from_slice(&header.to_octets());
        assert_eq!(render(&answer(&request).unwrap()), "NOTIMP edns do");
        let mut stream = sign_request(&key, &mut request, NOW);
        let mut out = Vec::new();
        let mut worker = table().responder(config_with(&key)).worker();
        worker.respond(&request, peer(Transport::Udp), NOW, &mut out);
        assert_eq!(render(&out), "NOTIMP edns do");
        assert_eq!(stream.check(&out, NOW), Ok(Signed::Yes));
    }
}

#[test]
fn signatures_that_do_not_pass_are_told_apart() {
    let (key, other) = (key(b"secret of sixteen"), key(b"another of twenty"));
    for (signer, config, now, kind) in [
        (&key, Config::default(), NOW, "BADKEY"),
        (&other, config_with(&key), NOW, "BADSIG"),
        (&key, config_with(&key), NOW - 1000, "BADTIME"),
    ] {
        let (out, mut stream) = signed_exchange(signer, config, now);
        assert_eq!(render(&out), "NOTAUTH", "{kind}");
        assert!(
            stream
                .check(&out, now)
                .unwrap_err()
                .to_string()
                .contains(kind),
            "{kind}"
        );
    }
}

#[test]
fn requests_and_answers_are_counted() {
    let responder = table().responder(Config::default());
    let (mut worker, mut out) = (responder.worker(), Vec::new());
    for question in [
        "ns.example. A",
        "ns.example. A +tcp",
        "no.example. A",
        "many.example. A",
    ] {
        let request = Ask::new(question);
        worker.respond(&request.octets, request.peer, NOW, &mut out);
    }
    worker.respond(b"", peer(Transport::Udp), NOW, &mut out);
    let counters = Arc::clone(responder.counters());
    assert_eq!(
        (counters.udp_requests.value(), counters.tcp_requests.value()),
        (4, 1)
    );
    assert_eq!(
        (counters.dropped.value(), counters.truncated.value()),
        (1, 1)
    );
    assert_eq!(
        counters.answers_by_rcode().collect::<Vec<_>>(),
        [(Rcode::NOERROR, 3), (Rcode::NXDOMAIN, 1)]
    );
}
