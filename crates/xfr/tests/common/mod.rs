//! What the tests share: records out of a line of text, answers octet by octet, and a copy of a zone that takes changes.

#![allow(
    dead_code,
    unreachable_pub,
    reason = "every test file uses a part of this"
)]

#[path = "../../../../fuzz/claims/src/streams.rs"]
pub mod claims;
pub mod primary;

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use zonekit_wire::{
    Class, Compressor, Header, Message, MessageWriter, NameBuf, Record, RecordBuf, Rtype, Section,
    Serial, Soa, SoaBuf,
};
use zonekit_xfr::{Apply, Change};

/// The zone that everything is about.
pub const ZONE: &str = "example.org";

pub fn zone() -> NameBuf {
    ZONE.parse().unwrap()
}

/// A record from `owner type rdata`: owners without a final dot are below the zone, `@` is its apex.
pub fn rr(text: &str) -> RecordBuf {
    let mut words = text.split_whitespace();
    let owner = name(words.next().unwrap());
    let rtype = words.next().unwrap();
    let rest: Vec<&str> = words.collect();
    let (rtype, rdata) = match rtype {
        "A" => (
            Rtype::A,
            rest[0].parse::<Ipv4Addr>().unwrap().octets().to_vec(),
        ),
        "NS" => (Rtype::NS, name(rest[0]).as_name().as_octets().to_vec()),
        "CNAME" => (Rtype::CNAME, name(rest[0]).as_name().as_octets().to_vec()),
        "TXT" => (
            Rtype::TXT,
            [&[rest[0].len() as u8], rest[0].as_bytes()].concat(),
        ),
        "MX" => {
            let preference: u16 = rest[0].parse().unwrap();
            let octets = [
                &preference.to_be_bytes(),
                name(rest[1]).as_name().as_octets(),
            ]
            .concat();
            (Rtype::MX, octets)
        }
        "SOA" => (Rtype::SOA, soa_rdata(rest[0].parse().unwrap())),
        other => {
            let number = other.strip_prefix("TYPE").unwrap().parse().unwrap();
            (Rtype(number), hex(rest.first().unwrap_or(&"")))
        }
    };
    RecordBuf {
        owner,
        rtype,
        class: Class::IN,
        ttl: 3600,
        rdata,
    }
}

pub fn rrs(texts: &[&str]) -> Vec<RecordBuf> {
    texts.iter().map(|text| rr(text)).collect()
}

fn name(text: &str) -> NameBuf {
    match text.strip_suffix('.') {
        Some(_) => text.parse().unwrap(),
        None if text == "@" => zone(),
        None => format!("{text}.{ZONE}").parse().unwrap(),
    }
}

pub fn hex(digits: &str) -> Vec<u8> {
    let digit = |place: usize| u8::from_str_radix(&digits[place..place + 2], 16).unwrap();
    (0..digits.len()).step_by(2).map(digit).collect()
}

fn soa_rdata(serial: u32) -> Vec<u8> {
    let mut rdata = Vec::new();
    soa_buf(serial).as_soa().write(&mut rdata);
    rdata
}

pub fn soa_buf(serial: u32) -> SoaBuf {
    SoaBuf {
        mname: name("ns1"),
        rname: name("hostmaster"),
        serial: Serial(serial),
        refresh: 3600,
        retry: 600,
        expire: 86_400,
        minimum: 300,
    }
}

pub fn soa(serial: u32) -> RecordBuf {
    rr(&format!("@ SOA {serial}"))
}

/// What is held before differences come, at serial 1.
pub const HELD: [&str; 4] = [
    "@ NS ns1",
    "ns1 A 192.0.2.1",
    "www A 192.0.2.80",
    "old TXT old",
];

/// A small whole zone as AXFR sends it.
pub fn axfr(serial: u32) -> Vec<RecordBuf> {
    let middle = ["@ NS ns1", "ns1 A 192.0.2.1", "www A 192.0.2.80"];
    let middle = middle.iter().map(|text| rr(text));
    [soa(serial)]
        .into_iter()
        .chain(middle)
        .chain([soa(serial)])
        .collect()
}

/// An answer that is put together by hand.
#[derive(Clone)]
pub struct Reply {
    pub header: Header,
    pub question: Option<(NameBuf, Rtype)>,
    pub records: Vec<(Section, RecordBuf)>,
    /// Octets behind everything, already counted where they should be.
    pub tail: Vec<u8>,
}

impl Reply {
    /// An answer without records to this request.
    pub fn to(request: &[u8]) -> Self {
        let message = Message::new(request).unwrap();
        let question = message.question().unwrap().unwrap();
        Self {
            header: Header {
                aa: true,
                ..message.header().reply()
            },
            question: Some((question.name.to_buf(), question.rtype)),
            records: Vec::new(),
            tail: Vec::new(),
        }
    }

    pub fn with(mut self, records: &[RecordBuf]) -> Self {
        let records = records
            .iter()
            .map(|record| (Section::Answer, record.clone()));
        self.records.extend(records);
        self
    }

    pub fn header(mut self, change: impl FnOnce(&mut Header)) -> Self {
        change(&mut self.header);
        self
    }

    pub fn without_question(mut self) -> Self {
        self.question = None;
        self
    }

    pub fn octets(&self) -> Vec<u8> {
        let mut octets = Vec::new();
        let mut compressor = Compressor::new();
        let mut writer = MessageWriter::new(&mut octets, 65_535, &mut compressor);
        writer.set_header(self.header);
        if let Some((name, rtype)) = &self.question {
            writer.question(name.as_name(), *rtype, Class::IN).unwrap();
        }
        for (section, record) in &self.records {
            writer.record(*section, &record.as_record()).unwrap();
        }
        writer.finish();
        octets.extend(&self.tail);
        octets
    }

    /// The octets of a message with one more answer, whose octets are given, name and all.
    pub fn octets_with(&self, record: &[u8]) -> Vec<u8> {
        let mut octets = self.octets();
        octets.extend(record);
        let count = u16::from_be_bytes([octets[6], octets[7]]) + 1;
        octets[6..8].copy_from_slice(&count.to_be_bytes());
        octets
    }
}

/// One message with all of these records.
pub fn message(request: &[u8], records: &[RecordBuf]) -> Vec<u8> {
    Reply::to(request).with(records).octets()
}

/// One message for each of these records, the question in the first only.
pub fn one_by_one(request: &[u8], records: &[RecordBuf]) -> Vec<Vec<u8>> {
    let reply = |(place, record): (usize, &RecordBuf)| {
        let reply = Reply::to(request).with(std::slice::from_ref(record));
        if place == 0 {
            reply.octets()
        } else {
            reply.without_question().octets()
        }
    };
    records.iter().enumerate().map(reply).collect()
}

/// A copy of a zone: takes changes as strictly as a store does, shows what was committed.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Copy {
    pub serial: Option<u32>,
    pub records: BTreeSet<String>,
    pub pending: Option<(Option<u32>, BTreeSet<String>)>,
    pub replaces: bool,
    pub commits: usize,
    pub abandoned: usize,
    pub up_to_date: usize,
    /// Refuses to commit zones without an NS at the apex.
    pub is_strict: bool,
    /// TTLs of what was added.
    pub ttls: BTreeMap<String, u32>,
}

impl Copy {
    pub fn of(serial: u32, records: &[&str]) -> Self {
        Self {
            serial: Some(serial),
            records: records
                .iter()
                .map(|text| key(&rr(text).as_record()))
                .collect(),
            ..Self::default()
        }
    }

    pub fn has(&self, text: &str) -> bool {
        self.records.contains(&key(&rr(text).as_record()))
    }

    /// Only the SOA and these records.
    pub fn is(&self, serial: u32, texts: &[&str]) -> bool {
        self.serial == Some(serial)
            && self.records
                == texts
                    .iter()
                    .map(|text| key(&rr(text).as_record()))
                    .collect::<BTreeSet<_>>()
    }
}

/// How a record is known in a [`Copy`]: never by its TTL, names without case.
fn key(record: &Record<'_>) -> String {
    let owner = record.owner.to_string().to_ascii_lowercase();
    format!("{owner} {} {:02x?}", record.rtype, record.rdata)
}

#[derive(Debug, Eq, PartialEq, thiserror::Error)]
pub enum CopyError {
    #[error("removes a record that is not there")]
    Missing,
    #[error("adds a record that is there")]
    Present,
    #[error("differences do not start from this version")]
    Base,
    #[error("no NS at the apex")]
    NoNs,
}

impl Apply for Copy {
    type Error = CopyError;

    fn apply(&mut self, change: Change<'_>) -> Result<(), CopyError> {
        let serial = |record: Record<'_>| Some(Soa::read(record.rdata).unwrap().serial.0);
        match change {
            Change::Replace(soa) => {
                self.replaces = true;
                self.pending = Some((serial(soa), BTreeSet::new()));
            }
            Change::Step(soa) => {
                let base = || (self.serial, self.records.clone());
                let pending = self.pending.get_or_insert_with(base);
                if pending.0 != serial(soa) {
                    return Err(CopyError::Base);
                }
            }
            Change::Reach(soa) => self.pending.as_mut().unwrap().0 = serial(soa),
            Change::Remove(record) => {
                let (_, pending) = self.pending.as_mut().unwrap();
                if !pending.remove(&key(&record)) {
                    return Err(CopyError::Missing);
                }
            }
            Change::Add(record) => {
                let (_, pending) = self.pending.as_mut().unwrap();
                self.ttls.insert(key(&record), record.ttl);
                if !pending.insert(key(&record)) && !self.replaces {
                    return Err(CopyError::Present);
                }
            }
            Change::Commit => {
                let (serial, records) = self.pending.take().unwrap();
                let apex = format!("{ZONE}. NS ");
                if self.is_strict && !records.iter().any(|record| record.starts_with(&apex)) {
                    return Err(CopyError::NoNs);
                }
                (self.serial, self.records) = (serial, records);
                self.commits += 1;
                self.replaces = false;
            }
            Change::UpToDate => self.up_to_date += 1,
            _ => unreachable!(),
        }
        Ok(())
    }

    fn abandon(&mut self) {
        self.pending = None;
        self.replaces = false;
        self.abandoned += 1;
    }
}
