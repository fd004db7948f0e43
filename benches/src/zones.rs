//! Zones that are the same at every run, as the messages of an AXFR or as a master file.

use std::io::{self, Write};

use zonekit_wire::{
    Class, Compressor, Header, MessageWriter, Name, NameBuf, Record, RecordBuf, Rtype, Section,
    Serial, SoaBuf, master,
};

/// What servers fill the messages of a transfer to.
const MESSAGE: usize = 16 * 1024;

/// A zone as a primary sends it: messages of about 16 KiB, names compressed.
#[derive(Clone, Debug)]
pub struct Corpus {
    /// What kind of zone it is like.
    pub name: &'static str,
    /// The messages of its AXFR.
    pub messages: Vec<Vec<u8>>,
    /// How many records they hold, the closing SOA included.
    pub records: usize,
}

impl Corpus {
    /// The octets of all messages.
    pub fn octets(&self) -> usize {
        self.messages.iter().map(Vec::len).sum()
    }
}

/// The corpora, each of about `records` records: `tld` is delegations with a little glue, `hosts` what a company has,
/// `signed` a delegation zone with NSEC3.
pub fn corpora(records: usize) -> Vec<Corpus> {
    { KINDS.iter() }
        .map(|(name, node)| corpus(name, *node, records))
        .collect()
}

/// Which names of a zone are others than in its first version.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Altered {
    /// None.
    Nothing,
    /// One in a hundred has a record changed.
    EveryHundredth,
    /// Three have, far from each other in the file.
    Three,
}

/// Writes zone `example` as a master file, of one kind of [`corpora`] and about `records` records. Holds one name at a time.
///
/// # Errors
///
/// Those of `out`; and `InvalidInput` when there is no such kind.
pub fn write_master(
    out: impl Write,
    kind: &str,
    records: usize,
    serial: u32,
    altered: Altered,
) -> io::Result<()> {
    let Some((_, node)) = KINDS.iter().find(|(name, _)| *name == kind) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    let mut writer = master::Writer::new(out);
    writer.write(&soa(serial).as_record())?;
    let server = name("a.nic.example");
    writer.write(&record(&name("example"), Rtype::NS, server.as_name().as_octets()).as_record())?;
    let (mut random, mut written, mut zone) = (Random(0x5eed), 2, Vec::new());
    for n in 0.. {
        if written >= records {
            break;
        }
        zone.clear();
        node(n, &mut random, &mut zone);
        let is_altered = match altered {
            Altered::Nothing => false,
            Altered::EveryHundredth => n % 100 == 50,
            Altered::Three => [10, 1_000, 10_000].contains(&n),
        };
        if is_altered && let Some(first) = zone.first_mut() {
            // Of whatever type it is: one octet that may be any.
            first.rtype = Rtype(65_280);
            first.rdata = vec![0, 1, 2, 3];
        }
        for record in &zone {
            writer.write(&record.as_record())?;
        }
        written += zone.len();
    }
    writer.finish()?.flush()
}

/// The kinds of zones.
const KINDS: [(&str, Node); 3] = [("tld", tld), ("hosts", hosts), ("signed", signed)];

/// Appends the records of the `n`th name of a zone.
type Node = fn(n: usize, random: &mut Random, zone: &mut Vec<RecordBuf>);

fn corpus(name: &'static str, node: Node, records: usize) -> Corpus {
    let mut random = Random(0x5eed);
    let mut zone = vec![soa(1)];
    for n in 0.. {
        if zone.len() >= records {
            break;
        }
        node(n, &mut random, &mut zone);
    }
    zone.push(soa(1));
    Corpus {
        name,
        messages: messages(&zone),
        records: zone.len(),
    }
}

fn messages(zone: &[RecordBuf]) -> Vec<Vec<u8>> {
    let mut compressor = Compressor::new();
    let mut messages = Vec::new();
    let mut rest = zone.iter().peekable();
    while rest.peek().is_some() {
        let mut octets = Vec::new();
        let mut writer = MessageWriter::new(&mut octets, MESSAGE, &mut compressor);
        writer.set_header(Header {
            id: 4711,
            qr: true,
            aa: true,
            ..Header::default()
        });
        if messages.is_empty() {
            writer
                .question(name("example").as_name(), Rtype::AXFR, Class::IN)
                .expect("the first to be written");
        }
        while rest
            .next_if(|record| writer.record(Section::Answer, &record.as_record()).is_ok())
            .is_some()
        {}
        writer.finish();
        messages.push(octets);
    }
    messages
}

fn tld(n: usize, random: &mut Random, zone: &mut Vec<RecordBuf>) {
    let owner = name(&format!("{}{n}.example", random.word()));
    let provider = random.below(200);
    for host in 1..=2 + random.below(3) {
        let target = name(&format!("ns{host}.provider{provider}.net"));
        zone.push(record(&owner, Rtype::NS, target.as_name().as_octets()));
    }
    if random.below(10) == 0 {
        zone.push(record(&owner, Rtype::DS, &ds(random)));
    }
    if random.below(20) == 0 {
        let mut host = owner;
        host.prepend_label(b"ns1").expect("short names");
        zone.push(record(&host, Rtype::A, &random.octets(4)));
        zone.push(record(&host, Rtype::AAAA, &random.octets(16)));
    }
}

fn hosts(n: usize, random: &mut Random, zone: &mut Vec<RecordBuf>) {
    let owner = name(&format!("{}-{n}.{}.example", random.word(), random.word()));
    match random.below(8) {
        0 => zone.push(record(
            &owner,
            Rtype::CNAME,
            name("www.example").as_name().as_octets(),
        )),
        1 => {
            for preference in [10, 20] {
                let mut rdata = vec![0, preference];
                rdata.extend(
                    name(&format!("mail{preference}.example"))
                        .as_name()
                        .as_octets(),
                );
                zone.push(record(&owner, Rtype::MX, &rdata));
            }
        }
        2 => {
            let text = random.octets(40);
            zone.push(record(&owner, Rtype::TXT, &[&[40], &text[..]].concat()));
        }
        _ => {
            zone.push(record(&owner, Rtype::A, &random.octets(4)));
            zone.push(record(&owner, Rtype::AAAA, &random.octets(16)));
        }
    }
}

fn signed(n: usize, random: &mut Random, zone: &mut Vec<RecordBuf>) {
    let owner = name(&format!("{}{n}.example", random.word()));
    for host in 1..=2 {
        let target = name(&format!("ns{host}.provider{}.net", random.below(200)));
        zone.push(record(&owner, Rtype::NS, target.as_name().as_octets()));
    }
    zone.push(record(&owner, Rtype::DS, &ds(random)));
    zone.push(record(&owner, Rtype::RRSIG, &rrsig(Rtype::DS, random)));

    let hash = name(&format!("{}.example", random.base32()));
    let mut nsec3 = vec![1, 1, 0, 0, 0, 20];
    nsec3.extend(random.octets(20));
    nsec3.extend([0, 6, 0x20, 0, 0, 0, 0, 0x12]); // NS DS RRSIG
    zone.push(record(&hash, Rtype::NSEC3, &nsec3));
    zone.push(record(&hash, Rtype::RRSIG, &rrsig(Rtype::NSEC3, random)));
}

fn ds(random: &mut Random) -> Vec<u8> {
    let mut rdata = vec![0x12, 0x34, 13, 2]; // SHA-256
    rdata.extend(random.octets(32));
    rdata
}

fn rrsig(covered: Rtype, random: &mut Random) -> Vec<u8> {
    let mut rdata = covered.0.to_be_bytes().to_vec();
    rdata.extend([13, 2]);
    rdata.extend(random.octets(14));
    rdata.extend(name("example").as_name().as_octets());
    rdata.extend(random.octets(64));
    rdata
}

fn soa(serial: u32) -> RecordBuf {
    let soa = SoaBuf {
        mname: name("a.nic.example"),
        rname: name("hostmaster.nic.example"),
        serial: Serial(serial),
        refresh: 1800,
        retry: 900,
        expire: 604_800,
        minimum: 86_400,
    };
    let mut rdata = Vec::new();
    soa.as_soa().write(&mut rdata);
    record(&name("example"), Rtype::SOA, &rdata)
}

fn record(owner: &NameBuf, rtype: Rtype, rdata: &[u8]) -> RecordBuf {
    Record {
        owner: owner.as_name(),
        rtype,
        class: Class::IN,
        ttl: 3600,
        rdata,
    }
    .to_buf()
}

fn name(text: &str) -> NameBuf {
    debug_assert_ne!(text.as_bytes(), Name::ROOT.as_octets());
    text.parse().expect("names made here are names")
}

/// Numbers that look random and never change (SplitMix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    fn octets(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.next() as u8).collect()
    }

    fn word(&mut self) -> String {
        let length = 4 + self.below(9);
        (0..length)
            .map(|_| char::from(b'a' + self.below(26) as u8))
            .collect()
    }

    fn base32(&mut self) -> String {
        (0..32)
            .map(|_| char::from(b"0123456789abcdefghijklmnopqrstuv"[self.below(32) as usize]))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use zonekit_wire::{Message, Unpacker};

    #[test]
    fn corpora_are_valid_and_count_their_records() {
        for corpus in corpora(5_000) {
            let mut unpacker = Unpacker::new();
            let mut records = 0;
            for octets in &corpus.messages {
                assert!(octets.len() <= MESSAGE);
                for item in Message::new(octets).unwrap().records().unwrap() {
                    unpacker.unpack(item.unwrap().1).unwrap();
                    records += 1;
                }
            }
            assert_eq!(records, corpus.records, "{}", corpus.name);
            assert_eq!(
                corpus.octets(),
                corpora(5_000)
                    .iter()
                    .find(|c| c.name == corpus.name)
                    .unwrap()
                    .octets()
            );
        }
    }
}
