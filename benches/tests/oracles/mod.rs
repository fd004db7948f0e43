//! hickory-proto, domain and ourselves, asked the same: what a message holds, what RDATA is as text, what a text is as RDATA.
#![allow(dead_code, unreachable_pub, reason = "each test uses its part")]

use std::fmt::{self, Write};

use domain::base::iana::Class as DomainClass;
use domain::base::rdata::{ComposeRecordData, RecordData};
use domain::base::{Message as DomainMessage, ParsedName, Record as DomainRecord, ToName};
use domain::rdata::AllRecordData;
use domain::zonefile::inplace::{Entry, Zonefile};
use hickory_proto::op::Message as HickoryMessage;
use hickory_proto::rr::{Name as HickoryName, Record as HickoryRecord};
use hickory_proto::serialize::binary::{BinEncodable, BinEncoder, NameEncoding};
use hickory_proto::serialize::txt::Parser as HickoryParser;
use zonekit_wire::{Class, Message, Name, NameBuf, Record, Rtype, Unpacker, master, text};

/// A record that any of the three has read, names flat, each octet as it was; equality heeds the case of the owner.
#[derive(Clone, Eq, PartialEq)]
pub struct Plain {
    pub owner: Vec<u8>,
    pub rtype: u16,
    pub class: u16,
    pub ttl: u32,
    pub rdata: Vec<u8>,
}

impl From<Record<'_>> for Plain {
    fn from(record: Record<'_>) -> Self {
        Self {
            owner: record.owner.as_octets().to_vec(),
            rtype: record.rtype.0,
            class: record.class.0,
            ttl: record.ttl,
            rdata: record.rdata.to_vec(),
        }
    }
}

impl fmt::Debug for Plain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let owner = Name::from_octets(&self.owner).map_or(Name::ROOT, |owner| owner);
        let record = Record {
            owner,
            rtype: Rtype(self.rtype),
            class: Class(self.class),
            ttl: self.ttl,
            rdata: &self.rdata,
        };
        record.fmt(f)
    }
}

/// Who is asked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Library {
    Zonekit,
    Hickory,
    Domain,
}

pub const ALL: [Library; 3] = [Library::Zonekit, Library::Hickory, Library::Domain];

impl Library {
    /// All records of a message but OPT, RDATA looked at by type; none where it is refused.
    pub fn read(self, octets: &[u8]) -> Option<Vec<Plain>> {
        let records = match self {
            Self::Zonekit => zonekit_records(octets),
            Self::Hickory => hickory_records(octets),
            Self::Domain => domain_records(octets),
        };
        records.map(|mut records| {
            records.retain(|record| record.rtype != Rtype::OPT.0);
            records
        })
    }

    /// The RDATA of a record that lies in a message by itself, as text.
    pub fn print(self, message: &[u8]) -> Option<String> {
        let mut line = String::new();
        match self {
            Self::Zonekit => {
                let record = zonekit_records(message)?.pop()?;
                let mut out = Vec::new();
                text::write_rdata(Rtype(record.rtype), &record.rdata, &mut out);
                line = String::from_utf8(out).ok()?;
            }
            Self::Hickory => {
                let record = HickoryMessage::from_vec(message).ok()?.answers.pop()?;
                write!(line, "{}", record.data).ok()?;
            }
            Self::Domain => {
                use domain::base::zonefile_fmt::{DisplayKind, ZonefileFmt};
                let message = DomainMessage::from_octets(message).ok()?;
                let record = message.answer().ok()?.next()?.ok()?;
                let record = record
                    .to_any_record::<AllRecordData<_, ParsedName<_>>>()
                    .ok()?;
                write!(
                    line,
                    "{}",
                    record.data().display_zonefile(DisplayKind::Simple)
                )
                .ok()?;
            }
        }
        Some(line)
    }

    /// The one record of a master file's line; none where it is refused.
    pub fn parse(self, line: &str) -> Option<Plain> {
        match self {
            Self::Zonekit => {
                let mut reader = master::Reader::new(line.as_bytes(), Name::ROOT);
                Some(reader.next_record().ok()??.into())
            }
            Self::Hickory => {
                let parser = HickoryParser::new(line, None, Some(HickoryName::root()));
                let (_, sets) = parser.parse().ok()?;
                let (_, set) = sets.into_iter().next()?;
                hickory_plain(set.records_without_rrsigs().next()?)
            }
            Self::Domain => {
                let mut file = Zonefile::load(&mut line.as_bytes()).ok()?;
                file.set_origin(domain::base::Name::root());
                file.set_default_class(DomainClass::IN);
                match file.next_entry().ok()?? {
                    Entry::Record(record) => {
                        let mut rdata = Vec::new();
                        record.data().compose_rdata(&mut rdata).ok()?;
                        Some(Plain {
                            owner: record.owner().to_vec().as_slice().to_vec(),
                            rtype: record.data().rtype().to_int(),
                            class: record.class().to_int(),
                            ttl: record.ttl().as_secs(),
                            rdata,
                        })
                    }
                    Entry::Include { .. } => None,
                }
            }
        }
    }

    /// The octets of a name out of its text.
    pub fn parse_name(self, text: &str) -> Option<Vec<u8>> {
        match self {
            Self::Zonekit => {
                let name: NameBuf = text.parse().ok()?;
                Some(name.as_name().as_octets().to_vec())
            }
            Self::Hickory => {
                let mut name = HickoryName::from_ascii(text).ok()?;
                name.set_fqdn(true);
                flat(&name)
            }
            Self::Domain => {
                let name: domain::base::Name<Vec<u8>> = text.parse().ok()?;
                Some(name.as_slice().to_vec())
            }
        }
    }
}

fn zonekit_records(octets: &[u8]) -> Option<Vec<Plain>> {
    let mut unpacker = Unpacker::new();
    let records = Message::new(octets).ok()?.records().ok()?;
    records
        .map(|item| item.and_then(|(_, packed)| unpacker.unpack(packed).map(Plain::from)))
        .collect::<Result<_, _>>()
        .ok()
}

fn hickory_records(octets: &[u8]) -> Option<Vec<Plain>> {
    let message = HickoryMessage::from_vec(octets).ok()?;
    let all = message
        .answers
        .iter()
        .chain(&message.authorities)
        .chain(&message.additionals);
    all.map(hickory_plain).collect()
}

fn hickory_plain(record: &HickoryRecord) -> Option<Plain> {
    Some(Plain {
        owner: flat(&record.name)?,
        rtype: record.record_type().into(),
        class: record.dns_class.into(),
        ttl: record.ttl,
        rdata: flat(&record.data)?,
    })
}

/// Octets with names uncompressed; none where it cannot write what it has read.
fn flat(value: &impl BinEncodable) -> Option<Vec<u8>> {
    let mut octets = Vec::new();
    let mut encoder = BinEncoder::new(&mut octets);
    encoder.set_name_encoding(NameEncoding::Uncompressed);
    value.emit(&mut encoder).ok()?;
    Some(octets)
}

fn domain_records(octets: &[u8]) -> Option<Vec<Plain>> {
    let message = DomainMessage::from_octets(octets).ok()?;
    let mut records = Vec::new();
    let mut section = message.answer().ok()?;
    loop {
        for record in &mut section {
            let record = record.ok()?;
            let record = record
                .to_any_record::<AllRecordData<_, ParsedName<_>>>()
                .ok()?;
            records.push(domain_plain(&record)?);
        }
        match section.next_section().ok()? {
            Some(next) => section = next,
            None => return Some(records),
        }
    }
}

fn domain_plain(record: &DomainRecord<ParsedName<&[u8]>, impl ComposeRecordData>) -> Option<Plain> {
    let mut rdata = Vec::new();
    record.data().compose_rdata(&mut rdata).ok()?;
    Some(Plain {
        owner: record.owner().to_vec().as_slice().to_vec(),
        rtype: record.data().rtype().to_int(),
        class: record.class().to_int(),
        ttl: record.ttl().as_secs(),
        rdata,
    })
}

/// A line of `crates/wire/tests/data/rdata.tsv`: a type, texts of its RDATA as written and as BIND prints it, the octets.
#[derive(Clone, Debug)]
pub struct Row {
    pub rtype: Rtype,
    pub written: String,
    pub printed: String,
    pub rdata: Vec<u8>,
}

/// The corpus of every type, which BIND has judged.
pub fn rows() -> Vec<Row> {
    let lines = include_str!("../../../crates/wire/tests/data/rdata.tsv").lines();
    lines
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let columns: Vec<_> = line.split('\t').collect();
            let [rtype, written, printed, hex] = columns[..] else {
                panic!("{line}")
            };
            let digits = hex.trim_matches('-').as_bytes().chunks(2);
            let octet = |pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap();
            Row {
                rtype: rtype.parse().unwrap(),
                written: written.to_owned(),
                printed: if printed == "=" { written } else { printed }.to_owned(),
                rdata: digits.map(octet).collect(),
            }
        })
        .collect()
}
