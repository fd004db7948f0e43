//! Any octets can be asked of a name server, and what comes back is an answer to them that is no larger than it may be.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::{Arc, LazyLock};

use zonekit_serve::{
    Action, Config, CookieSecret, Holding, Peer, RateLimit, Responder, Transport, Worker, Zones,
};
use zonekit_store::{Checks, Diff, Zone, ZoneBuilder, ZoneLimits};
use zonekit_tsig::{Key, KeyRing, check_request, sign_request};
use zonekit_wire::{
    Message, Name, NameBuf, Opcode, RecordBuf, Rtype, Section, Serial, Unpacker, master,
};

const NOW: u64 = 1_800_000_000;

/// The first octet says how the request comes (1: over TCP, 2: signed with a key that is known), the rest is the request:
/// answering never panics, depends on nothing that was asked before, and gives a well-formed message, over UDP within
/// what the client allows and without a record twice. Asked again and again within a second over UDP, a server that says the
/// same twice a second says it twice; then it answers with nothing, or with hardly more than it was asked, unless a signature
/// proves who asks.
pub fn query(octets: &[u8]) {
    let Some((flags, request)) = octets.split_first() else {
        return;
    };
    let transport = match flags & 1 {
        0 => Transport::Udp,
        _ => Transport::Tcp,
    };
    let mut request = request.to_vec();
    if flags & 2 != 0 && is_whole(&request) {
        sign_request(&KEY, &mut request, NOW);
    }

    let mut used = RESPONDER.worker();
    for before in BEFORE.iter() {
        let _ = used.respond(before, peer(Transport::Tcp), NOW, &mut Vec::new());
    }
    let answers = ask(&mut RESPONDER.worker(), &request, transport);
    assert_eq!(ask(&mut used, &request, transport), answers);
    for answer in &answers {
        check(&request, answer, transport);
    }
    if transport == Transport::Udp {
        check_limit(&request);
    }
}

/// The most that goes with an answer beyond what the request had, for a client that may not be where it says: OPT with what
/// was asked for by it, and names that the request had compressed.
const MOST_GAIN: usize = 128;

/// The same for the TSIG of an answer that says what was wrong with that of its request: two names, a time, an error.
const MOST_GAIN_OF_TSIG: usize = 2 * 255 + 32;

/// What is over the limit is left out, or cut down to nothing but what the request had.
fn check_limit(request: &[u8]) {
    if check_request(&KEYS, request, NOW).is_ok_and(|signer| signer.is_some()) {
        return;
    }
    let mut worker = LIMITED.worker();
    let mut out = Vec::new();
    let mut in_full = 0;
    // A NOTIFY is answered with no record, so that it needs no limit.
    let is_limited =
        Message::new(request).is_ok_and(|message| message.header().opcode != Opcode::NOTIFY);
    for _ in 0..8 {
        match worker.respond(request, peer(Transport::Udp), NOW, &mut out) {
            Action::Drop => continue,
            Action::Reply | Action::Notify(_) => {}
            Action::Transfer(_) => panic!("over UDP"),
        }
        let answer = Message::new(&out).expect("a header");
        let mut extras = 0;
        let records = answer.records().expect("a question").filter(|item| {
            let rtype = item.as_ref().expect("a record").1.rtype();
            extras += usize::from(rtype == Rtype::TSIG);
            !matches!(rtype, Rtype::OPT | Rtype::TSIG)
        });
        let is_bare = records.count() == 0;
        let most = request.len() + MOST_GAIN + extras * MOST_GAIN_OF_TSIG;
        if is_bare {
            assert!(out.len() <= most, "{} for {}", out.len(), request.len());
        }
        if is_limited && !(is_bare && answer.header().tc) {
            in_full += 1;
        }
        assert!(is_limited || is_bare);
    }
    assert!(in_full <= PER_SECOND, "{in_full} answers in full");
}

/// What is sent back: nothing to what is no request, one message, or the first of a transfer.
fn ask(worker: &mut Worker, request: &[u8], transport: Transport) -> Vec<Vec<u8>> {
    let mut out = b"what was there before".to_vec();
    let mut answers = Vec::new();
    match worker.respond(request, peer(transport), NOW, &mut out) {
        Action::Drop => assert!(
            Message::new(request).map_or(true, |message| message.header().qr),
            "only what is no request"
        ),
        Action::Reply | Action::Notify(_) => answers.push(out),
        Action::Transfer(mut transfer) => {
            assert_eq!(transport, Transport::Tcp);
            while answers.len() < 4 && transfer.next_message(NOW, &mut out).expect("room for all") {
                answers.push(out.clone());
            }
            assert!(!answers.is_empty());
        }
    }
    answers
}

fn check(request: &[u8], answer: &[u8], transport: Transport) {
    let request = Message::new(request).expect("what is answered has a header");
    let answer = Message::new(answer).expect("a header");
    let (asked, says) = (request.header(), answer.header());
    assert!(says.qr);
    assert_eq!((says.id, says.opcode), (asked.id, asked.opcode));
    if matches!(asked.opcode, Opcode::QUERY | Opcode::NOTIFY) {
        assert_eq!(question(answer), question(request));
    }

    let mut unpacker = Unpacker::new();
    let mut seen = BTreeSet::new();
    let mut extra = 0;
    for item in answer.records().expect("a question") {
        let (section, packed) = item.expect("a record");
        let record = unpacker.unpack(packed).expect("RDATA of its type");
        if matches!(record.rtype, Rtype::OPT | Rtype::TSIG) {
            assert_eq!(section, Section::Additional);
            extra += 1;
        } else if !is_transfer(request) {
            let what = (section, record.to_string());
            assert!(seen.insert(what), "twice: {section:?} {record}");
        }
    }
    let opt = answer.opt().expect("one at most");
    assert!(opt.is_none() || request.records().is_ok_and(has_opt));

    if transport == Transport::Udp {
        let allowed = request.opt().ok().flatten();
        let allowed = allowed.map_or(512, |opt| usize::from(opt.udp_size().clamp(512, 1232)));
        let length = answer.octets().len();
        if length > allowed {
            // Beyond that goes only what has to go with every answer and what the request had itself: its question and
            // its TSIG, whose names may have been compressed there, and our OPT.
            assert_eq!(seen.len(), 0, "{length} octets, {extra} of OPT and TSIG");
            assert!(length <= request.octets().len() + 255 + 128, "{length}");
        }
    }
}

/// The question as it was asked, to the octet; none where it cannot be read.
fn question(message: Message<'_>) -> Option<(Vec<u8>, u16, u16)> {
    let question = message.question().ok().flatten()?;
    let name = question.name.to_buf();
    Some((
        name.as_name().as_octets().to_vec(),
        question.rtype.0,
        question.class.0,
    ))
}

fn is_transfer(message: Message<'_>) -> bool {
    let transfers = [Rtype::AXFR, Rtype::IXFR].map(|rtype| rtype.0);
    question(message).is_some_and(|(_, rtype, _)| transfers.contains(&rtype))
}

fn has_opt(mut records: zonekit_wire::Records<'_>) -> bool {
    records.any(|item| item.is_ok_and(|(_, record)| record.rtype() == Rtype::OPT))
}

fn is_whole(request: &[u8]) -> bool {
    let records = Message::new(request).and_then(Message::records);
    request.len() < 60_000
        && records.is_ok_and(|mut records| {
            records.all(|item| item.is_ok_and(|(_, record)| record.rtype() != Rtype::TSIG))
        })
}

fn peer(transport: Transport) -> Peer {
    Peer {
        address: ([192, 0, 2, 53], 53_000).into(),
        transport,
    }
}

static KEY: LazyLock<Key> = LazyLock::new(|| {
    "hmac-sha256:transfer.example.:c2VjcmV0"
        .parse()
        .expect("a key")
});

/// Requests after which a worker's memory is not as it was: a transfer, a long answer, a name of many labels.
static BEFORE: LazyLock<[Vec<u8>; 2]> = LazyLock::new(|| {
    let question = |name: &[u8], rtype: u8| {
        let header = [7, 7, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1];
        let opt = [0, 0, 41, 16, 0, 0, 0, 0x80, 0, 0, 0];
        [&header[..], name, &[0, rtype, 0, 1], &opt].concat()
    };
    [
        question(b"\x03big\x03odd\x07example\0", 255),
        question(b"\x01A\x01b\x01C\x01d\x01e\x01f\x06hashed\x07example\0", 28),
    ]
});

static KEYS: LazyLock<KeyRing> = LazyLock::new(|| KeyRing::from_iter([KEY.clone()]));

/// How often the responder with a limit says the same within a second.
const PER_SECOND: u32 = 2;

/// What is answered by this one depends on nothing that was asked before.
static RESPONDER: LazyLock<Responder> = LazyLock::new(|| responder(0, [7; 16]));

/// The cookies of this one are in no request: they are made with another secret than those of the corpus.
static LIMITED: LazyLock<Responder> = LazyLock::new(|| responder(PER_SECOND, [8; 16]));

/// Zones signed and unsigned, held and not; everything allowed, so that nothing is refused before it is looked at.
fn responder(per_second: u32, secret: [u8; 16]) -> Responder {
    let odd = include_str!("zones/odd.zone");
    let nsec = include_str!("../../../crates/serve/tests/data/signed.example.nsec.zone");
    let nsec3 = include_str!("../../../crates/serve/tests/data/signed.example.nsec3.zone");
    let (apex, odd) = zone("Odd.example", odd);
    let earlier = earlier(&odd);
    let table = Table {
        difference: Diff::between(&earlier, &odd),
        zones: vec![
            (apex, Holding::Served(odd)),
            served(zone("signed.example", nsec)),
            served(zone(
                "hashed.example",
                &nsec3.replace("signed.example.", "hashed.example."),
            )),
            (name("waiting.example"), Holding::NotLoaded),
            (name("expired.example"), Holding::Expired),
        ],
    };
    let config = Config {
        keys: KEYS.clone(),
        allow_transfer: ["0.0.0.0/0".parse().expect("a network")]
            .into_iter()
            .collect(),
        notify_sources: Arc::new(|_: Name<'_>, _: IpAddr, _: Option<&Key>| true),
        nsid: Some(b"fuzz".to_vec()),
        identity: Some(b"fuzz".to_vec()),
        version: Some(vec![b'v'; 255]),
        rate_limit: RateLimit {
            per_second,
            ..RateLimit::default()
        },
        cookie_secret: CookieSecret::new(secret),
        ..Config::default()
    };
    Responder::new(Arc::new(table), config)
}

struct Table {
    zones: Vec<(NameBuf, Holding)>,
    /// What leads to the first zone from the serial before.
    difference: Diff,
}

impl Zones for Table {
    fn enclosing(&self, name: Name<'_>) -> Option<Holding> {
        let above = |(apex, _): &&(NameBuf, Holding)| name.is_at_or_below(apex.as_name());
        self.zones
            .iter()
            .find(above)
            .map(|(_, holding)| holding.clone())
    }

    fn zone(&self, apex: Name<'_>) -> Option<Holding> {
        let this = |(name, _): &&(NameBuf, Holding)| name.as_name() == apex;
        self.zones
            .iter()
            .find(this)
            .map(|(_, holding)| holding.clone())
    }

    fn differences(&self, apex: Name<'_>, from: Serial) -> Option<Vec<Diff>> {
        let (name, _) = self.zones.first()?;
        let is_known = name.as_name() == apex && from == self.difference.from().serial;
        is_known.then(|| vec![self.difference.clone()])
    }
}

fn served((apex, zone): (NameBuf, Zone)) -> (NameBuf, Holding) {
    (apex, Holding::Served(zone))
}

fn zone(apex: &str, text: &str) -> (NameBuf, Zone) {
    let apex = name(apex);
    let mut reader = master::Reader::new(text.as_bytes(), apex.as_name());
    let mut records = Vec::new();
    while let Some(record) = reader.next_record().expect("a master file") {
        records.push(record.to_buf());
    }
    let zone = build(&apex, &records);
    (apex, zone)
}

/// The same zone, one serial ago: fewer records, and others.
fn earlier(zone: &Zone) -> Zone {
    let mut records = Vec::new();
    let mut all = zone.iter();
    while let Some(record) = all.next() {
        let mut record = record.to_buf();
        match record.rtype {
            Rtype::SOA => {
                let serial = record.rdata.len() - 17;
                record.rdata[serial] -= 1;
            }
            Rtype::MX => continue,
            Rtype::TXT => record.rdata[1] ^= 0x10,
            _ => {}
        }
        records.push(record);
    }
    build(&zone.apex().to_buf(), &records)
}

fn build(apex: &NameBuf, records: &[RecordBuf]) -> Zone {
    let mut builder = ZoneBuilder::new(apex.as_name(), ZoneLimits::default(), Checks::Strict);
    let (soa, rest) = records.split_first().expect("an SOA");
    builder.begin(&soa.as_record()).expect("an SOA");
    for record in rest {
        builder.add(&record.as_record()).expect("a record");
    }
    builder.finish().expect("a zone").0
}

fn name(text: &str) -> NameBuf {
    text.parse().expect("a name")
}
