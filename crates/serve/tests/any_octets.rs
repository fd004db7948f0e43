//! Whatever is sent, nothing panics, and what is answered is a well-formed message no larger than allowed.

mod common;

use std::sync::{Arc, LazyLock};

use common::{Ask, NOW, Table, name, peer, root, zone};
use proptest::prelude::*;
use zonekit_serve::{Acl, Action, Config, Peer, RateLimit, Responder, Transport};
use zonekit_tsig::{Algorithm, Key, KeyRing};
use zonekit_wire::{Message, Name, Unpacker};

/// Signed and unsigned zones.
fn table() -> Table {
    let nsec = include_str!("data/signed.example.nsec.zone");
    let nsec3 = include_str!("data/signed.example.nsec3.zone")
        .replace("signed.example.", "hashed.example.");
    Table::of(&[
        root(),
        zone("signed.example.", nsec),
        zone("hashed.example.", &nsec3),
    ])
}

static TABLE: LazyLock<Table> = LazyLock::new(table);

/// Everything is allowed, so that nothing is refused before it is looked at.
static RESPONDER: LazyLock<Responder> = LazyLock::new(|| {
    let key = Key::new(
        name("key.example").as_name(),
        Algorithm::HmacSha256,
        b"secret of sixteen",
    )
    .unwrap();
    TABLE.responder(Config {
        keys: KeyRing::from_iter([key]),
        allow_transfer: ["0.0.0.0/0".parse().unwrap()].into_iter().collect(),
        notify_sources: Arc::new(|_: Name<'_>, _: std::net::IpAddr, _: Option<&Key>| true),
        ..Config::default()
    })
});

fn check(request: &[u8], transport: Transport) {
    let (mut out, mut worker) = (vec![1; 100], RESPONDER.worker());
    match worker.respond(request, peer(transport), NOW, &mut out) {
        Action::Drop => assert!(
            request.len() < 12 || request[2] & 0x80 != 0,
            "only what is no request"
        ),
        Action::Reply | Action::Notify(_) => check_answer(request, &out, transport),
        Action::Transfer(mut transfer) => {
            assert_eq!(transport, Transport::Tcp);
            for _ in 0..3 {
                if !transfer.next_message(NOW, &mut out).unwrap() {
                    return;
                }
                check_answer(request, &out, transport);
            }
        }
    }
}

fn check_answer(request: &[u8], out: &[u8], transport: Transport) {
    let (asked, answer) = (Message::new(request).unwrap(), Message::new(out).unwrap());
    assert!(answer.header().qr);
    assert_eq!(
        (answer.header().id, answer.header().opcode),
        (asked.header().id, asked.header().opcode)
    );
    let mut unpacker = Unpacker::new();
    for record in answer.records().unwrap() {
        unpacker.unpack(record.unwrap().1).unwrap();
    }
    if transport == Transport::Udp {
        let opt = asked.opt().ok().flatten();
        let allowed = opt.map_or(512, |opt| usize::from(opt.udp_size().clamp(512, 1232)));
        // A question and a TSIG come back in any case, and are no longer than they were.
        assert!(
            out.len() <= allowed.max(request.len() + 100),
            "{} octets for {}",
            out.len(),
            request.len()
        );
    }
}

fn transports() -> impl Strategy<Value = Transport> {
    prop_oneof![Just(Transport::Udp), Just(Transport::Tcp)]
}

fn questions() -> impl Strategy<Value = String> {
    let label = prop_oneof![
        2 => "[a-z0-9]{1,10}",
        3 => prop::sample::select(vec!["mail", "www", "x", "wild", "ent", "a", "old", "secure", "insecure", "*", "alias", "com"])
            .prop_map(str::to_owned),
    ];
    let suffix = prop::sample::select(vec![
        "signed.example.",
        "hashed.example.",
        "",
        "com.",
        "org.",
    ]);
    let rtype = prop_oneof![
        prop::sample::select(vec![
            "A", "NS", "DS", "ANY", "TXT", "CNAME", "SOA", "NSEC", "NSEC3", "RRSIG", "DNSKEY",
            "AXFR", "IXFR"
        ])
        .prop_map(str::to_owned),
        any::<u16>().prop_map(|number| format!("TYPE{number}")),
    ];
    let flags = prop::sample::select(vec![
        "",
        "+edns",
        "+do",
        "+do +size=512",
        "+do +size=65535",
        "+size=0",
    ]);
    (prop::collection::vec(label, 0..4), suffix, rtype, flags).prop_map(
        |(labels, suffix, rtype, flags)| {
            let name: String = labels
                .iter()
                .map(|label| format!("{label}."))
                .collect::<String>()
                + suffix;
            format!(
                "{} {rtype} {flags}",
                if name.is_empty() { "." } else { &name }
            )
        },
    )
}

/// Octets that a network may gain in a second, in the test of just that.
const GAIN: usize = 3000;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Whoever forges a source has no more sent there than the limit allows, whatever it asks for, without a cookie.
    #[test]
    fn any_questions_from_one_network_gain_no_more_than_the_limit(
        questions in prop::collection::vec((questions(), any::<u8>()), 1..60),
    ) {
        let responder = TABLE.responder(Config {
            rate_limit: RateLimit {
                octets_per_second: GAIN as u32,
                exempt: Acl::default(),
                ..RateLimit::default()
            },
            ..Config::default()
        });
        let (mut worker, mut out, mut gained) = (responder.worker(), Vec::new(), 0);
        for (question, host) in questions {
            let request = Ask::new(&question).octets;
            let peer = Peer {
                address: ([192, 0, 2, host], 53).into(),
                transport: Transport::Udp,
            };
            match worker.respond(&request, peer, NOW, &mut out) {
                Action::Drop => assert!(out.is_empty()),
                Action::Reply => gained += out.len().saturating_sub(match Message::new(&out).unwrap().header() {
                    header if header.tc && header.answers + header.authorities == 0 => {
                        assert!(out.len() <= request.len() + 40, "cut down");
                        out.len()
                    }
                    _ => request.len(),
                }),
                other => panic!("{other:?}"),
            }
        }
        assert!(gained <= GAIN, "{gained} octets");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_octets(request in prop::collection::vec(any::<u8>(), 0..300), transport in transports()) {
        check(&request, transport);
    }

    #[test]
    fn any_question(question in questions(), transport in transports()) {
        check(&Ask::new(&question).octets, transport);
    }

    #[test]
    fn any_question_damaged(
        question in questions(),
        transport in transports(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut request = Ask::new(&question).octets;
        for (place, octet) in damage {
            let place = place.index(request.len());
            request[place] = octet;
        }
        check(&request, transport);
        request.truncate(cut.index(request.len()));
        check(&request, transport);
    }
}
