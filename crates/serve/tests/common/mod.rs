//! Zones out of text, questions out of text, answers into text.
#![allow(dead_code, unreachable_pub, reason = "each test uses its part")]

#[cfg(feature = "tokio")]
pub mod running;

use std::sync::Arc;

use zonekit_serve::{Action, Config, Holding, Peer, Responder, Transport, Zones};
use zonekit_store::{Checks, Zone, ZoneBuilder, ZoneLimits};
use zonekit_wire::{
    Class, Compressor, Header, Message, MessageWriter, Name, NameBuf, OptRepr, Record, Rtype,
    Section, Serial, Soa, Unpacker, master,
};

/// A moment of which the tests' keys know nothing special, in seconds since 1970.
pub const NOW: u64 = 1_800_000_000;

/// A table of zones in the order given.
#[derive(Clone, Default)]
pub struct Table(pub Vec<(NameBuf, Holding)>);

impl Table {
    pub fn of(zones: &[Zone]) -> Self {
        Self(
            zones
                .iter()
                .map(|zone| (zone.apex().to_buf(), Holding::Served(zone.clone())))
                .collect(),
        )
    }

    pub fn responder(&self, config: Config) -> Responder {
        Responder::new(Arc::new(self.clone()), config)
    }
}

impl Zones for Table {
    fn enclosing(&self, name: Name<'_>) -> Option<Holding> {
        let above = self
            .0
            .iter()
            .filter(|(apex, _)| name.is_at_or_below(apex.as_name()));
        above
            .max_by_key(|(apex, _)| apex.as_name().label_count())
            .map(|(_, holding)| holding.clone())
    }

    fn zone(&self, apex: Name<'_>) -> Option<Holding> {
        self.0
            .iter()
            .find(|(name, _)| name.as_name() == apex)
            .map(|(_, holding)| holding.clone())
    }
}

/// The zone of a master file whose names are relative to the apex.
pub fn zone(apex: &str, text: &str) -> Zone {
    let apex = name(apex);
    let mut builder = ZoneBuilder::new(apex.as_name(), ZoneLimits::default(), Checks::Strict);
    let mut reader = master::Reader::new(text.as_bytes(), apex.as_name());
    builder
        .begin(&reader.next_record().unwrap().expect("an SOA"))
        .unwrap();
    while let Some(record) = reader.next_record().unwrap() {
        builder.add(&record).unwrap();
    }
    builder.finish().unwrap().0
}

/// The root zone, as it was on 19 October 2020.
pub fn root() -> Zone {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/data/root.zone");
    zone(".", &std::fs::read_to_string(path).unwrap())
}

pub fn name(text: &str) -> NameBuf {
    text.parse().unwrap()
}

/// A request out of text: name, type (`IXFR=N` for serial N held), then what is unusual about it: `+do`, `+edns`,
/// `+tcp`, `+size=N`.
pub struct Ask {
    pub octets: Vec<u8>,
    pub peer: Peer,
}

impl Ask {
    pub fn new(text: &str) -> Self {
        let mut words = text.split_whitespace();
        let qname = name(words.next().expect("a name"));
        let rtype = words.next().expect("a type");
        let (rtype, held) = rtype
            .split_once('=')
            .map_or((rtype, None), |(rtype, serial)| (rtype, Some(serial)));
        let rtype: Rtype = rtype.parse().unwrap();
        let mut transport = Transport::Udp;
        let mut opt = None;
        for word in words {
            match word {
                "+tcp" => transport = Transport::Tcp,
                "+edns" => opt = Some(OptRepr::default()),
                "+do" => {
                    opt = Some(OptRepr {
                        do_bit: true,
                        ..opt.unwrap_or_default()
                    })
                }
                _ => {
                    let udp_size = word
                        .strip_prefix("+size=")
                        .expect("a known flag")
                        .parse()
                        .unwrap();
                    opt = Some(OptRepr {
                        udp_size,
                        ..opt.unwrap_or_default()
                    });
                }
            }
        }
        let (mut octets, mut compressor) = (Vec::new(), Compressor::new());
        let mut writer = MessageWriter::new(&mut octets, 65_535, &mut compressor);
        writer.set_header(Header {
            id: 4711,
            rd: true,
            ..Header::default()
        });
        writer.question(qname.as_name(), rtype, Class::IN).unwrap();
        if let Some(serial) = held {
            let (name, mut rdata) = (qname.as_name(), Vec::new());
            let serial = Serial(serial.parse().unwrap());
            Soa {
                mname: name,
                rname: name,
                serial,
                refresh: 1,
                retry: 1,
                expire: 1,
                minimum: 1,
            }
            .write(&mut rdata);
            let soa = Record {
                owner: name,
                rtype: Rtype::SOA,
                class: Class::IN,
                ttl: 0,
                rdata: &rdata,
            };
            writer.record(Section::Authority, &soa).unwrap();
        }
        if let Some(opt) = opt {
            writer.opt(&opt).unwrap();
        }
        writer.finish();
        Self {
            octets,
            peer: peer(transport),
        }
    }
}

pub fn peer(transport: Transport) -> Peer {
    Peer {
        address: "127.0.0.1:5353".parse().unwrap(),
        transport,
    }
}

/// Asks and renders the answer.
pub fn ask(table: &Table, text: &str) -> String {
    let request = Ask::new(text);
    let mut out = Vec::new();
    let mut worker = table.responder(Config::default()).worker();
    match worker.respond(&request.octets, request.peer, NOW, &mut out) {
        Action::Reply => render(&out),
        other => panic!("{other:?}"),
    }
}

/// Compares an answer with what it should be: first a line with rcode and flags, then records, with `; authority` and
/// `; additional` between the sections. Lines are compared without their indentation.
#[track_caller]
pub fn check(table: &Table, question: &str, expected: &str) {
    let expected: Vec<&str> = expected
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    assert_eq!(
        ask(table, question).trim(),
        expected.join("\n"),
        "{question}"
    );
}

/// An answer as text, as [`check`] wants it.
pub fn render(octets: &[u8]) -> String {
    let message = Message::new(octets).unwrap();
    let Header { aa, tc, rcode, .. } = message.header();
    assert!(message.header().qr);
    let opt = message.opt().unwrap();
    let rcode = opt.map_or(rcode, |opt| opt.rcode(rcode));
    let mut text = rcode.to_string();
    for (set, flag) in [
        (aa, " aa"),
        (tc, " tc"),
        (opt.is_some(), " edns"),
        (opt.is_some_and(|o| o.do_bit()), " do"),
    ] {
        text.push_str(if set { flag } else { "" });
    }
    for option in opt.iter().flat_map(|opt| opt.options()) {
        text.push_str(&format!(" option{}={:?}", option.code, option.data));
    }
    let (mut unpacker, mut section_before) = (Unpacker::new(), Section::Answer);
    for record in message.records().unwrap() {
        let (section, record) = record.unwrap();
        if matches!(record.rtype(), Rtype::OPT | Rtype::TSIG) {
            continue;
        }
        if section != section_before {
            text.push_str(if section == Section::Authority {
                "\n; authority"
            } else {
                "\n; additional"
            });
            section_before = section;
        }
        let line = unpacker.unpack(record).unwrap().to_string();
        text.push('\n');
        text.push_str(&line.split_whitespace().collect::<Vec<_>>().join(" "));
    }
    text
}
