//! What must be true whatever octets a primary sends. The tests of `zonekit-xfr` include this file too.

use std::convert::Infallible;

use zonekit_wire::{
    Class, FrameBuffer, Message, NameBuf, RecordBuf, Rtype, Section, Serial, Soa, SoaBuf, Unpacker,
};
use zonekit_xfr::{Apply, Change, Incoming, Limits, Query, Transfer};

/// Reading any octets as the answer to AXFR never panics, and commits nothing but what lies between two equal SOAs.
pub fn axfr_stream(octets: &[u8]) {
    let zone: NameBuf = "example.org".parse().expect("a name");
    let mut query = Query::axfr(0, &zone, None, 0);
    let transfer = Transfer::axfr(zone.as_name());
    let mut kept = Kept::default();
    let Some(sent) = run(octets, &mut query, transfer, &mut kept) else {
        assert!(!kept.is_committed);
        return;
    };
    let [opening, middle @ .., closing] = &sent[..] else {
        panic!("a zone of fewer than two records")
    };
    assert!(kept.is_committed);
    assert_eq!(soa(opening), soa(closing));
    assert!(sent.iter().all(|record| record.class == Class::IN));
    assert!(middle.iter().all(|record| record.rtype != Rtype::SOA));
    let in_zone = middle
        .iter()
        .filter(|record| record.owner.as_name().is_at_or_below(zone.as_name()));
    assert!(kept.records.iter().eq(in_zone));
}

/// Reading any octets as the answer to IXFR never panics, and commits nothing but an unbroken way from what is held to
/// what was announced, or a whole zone.
pub fn ixfr_stream(octets: &[u8]) {
    let zone: NameBuf = "example.org".parse().expect("a name");
    let held = held();
    let mut query = Query::ixfr(0, &zone, &held, None, 0);
    let transfer = Transfer::ixfr(zone.as_name(), held.clone());
    let mut kept = Kept {
        version: Some(held.clone()),
        ..Kept::default()
    };
    let Some(sent) = run(octets, &mut query, transfer, &mut kept) else {
        assert!(!kept.is_committed);
        return;
    };
    let opening = sent.first().and_then(soa).expect("an SOA opens the answer");
    if !kept.is_committed {
        assert!(!opening.serial.is_newer_than(held.serial));
        return;
    }
    assert!(opening.serial.is_newer_than(held.serial));
    assert_eq!(sent.last().and_then(soa), Some(opening.clone()));
    assert_eq!(kept.version, Some(opening));
}

/// The version from which differences are asked for: serial 1.
pub(crate) fn held() -> SoaBuf {
    SoaBuf {
        mname: "ns1.example.org".parse().expect("a name"),
        rname: "hostmaster.example.org".parse().expect("a name"),
        serial: Serial(1),
        refresh: 3600,
        retry: 600,
        expire: 86_400,
        minimum: 300,
    }
}

/// All records sent, if the stream was whole.
fn run(
    octets: &[u8],
    query: &mut Query,
    transfer: Transfer,
    kept: &mut Kept,
) -> Option<Vec<RecordBuf>> {
    let mut incoming = Incoming::new(query, transfer, &Limits::default(), 0);
    let mut frames = FrameBuffer::new();
    let mut sent = Vec::new();
    let mut rest = octets;
    while !rest.is_empty() {
        let space = frames.space();
        let count = space.len().min(rest.len());
        let (piece, behind) = rest.split_at(count);
        space.get_mut(..count)?.copy_from_slice(piece);
        frames.advance(count);
        rest = behind;
        while let Some(message) = frames.next_frame().ok()? {
            incoming.message(message, 0, kept).ok()?;
            assert!(!kept.is_committed, "a commit comes from the end alone");
            sent.extend(answers(message));
        }
    }
    incoming.finish(kept).ok()?;
    Some(sent)
}

fn answers(message: &[u8]) -> Vec<RecordBuf> {
    let mut unpacker = Unpacker::new();
    let records = Message::new(message)
        .and_then(Message::records)
        .expect("taken before");
    let answers = records
        .map(|item| item.expect("taken before"))
        .filter(|(section, _)| *section == Section::Answer);
    answers
        .map(|(_, packed)| unpacker.unpack(packed).expect("taken before").to_buf())
        .collect()
}

fn soa(record: &RecordBuf) -> Option<SoaBuf> {
    let is_soa = record.rtype == Rtype::SOA;
    is_soa.then(|| Soa::read(&record.rdata).expect("unpacked before").to_buf())
}

/// What the changes say, followed as simply as can be.
#[derive(Default)]
struct Kept {
    version: Option<SoaBuf>,
    records: Vec<RecordBuf>,
    is_adding: bool,
    is_committed: bool,
}

impl Apply for Kept {
    type Error = Infallible;

    fn apply(&mut self, change: Change<'_>) -> Result<(), Infallible> {
        assert!(!self.is_committed);
        match change {
            Change::Replace(record) => {
                self.version = soa(&record.to_buf());
                self.is_adding = true;
            }
            Change::Step(record) => {
                assert_eq!(
                    self.version,
                    soa(&record.to_buf()),
                    "a step starts where we are"
                );
                self.is_adding = false;
            }
            Change::Remove(_) => assert!(!self.is_adding),
            Change::Reach(record) => {
                let reached = soa(&record.to_buf()).expect("an SOA");
                let before = self
                    .version
                    .replace(reached.clone())
                    .expect("a step came before");
                assert!(reached.serial.is_newer_than(before.serial));
                self.is_adding = true;
            }
            Change::Add(record) => {
                assert!(self.is_adding);
                self.records.push(record.to_buf());
            }
            Change::Commit => self.is_committed = true,
            _ => {}
        }
        Ok(())
    }

    fn abandon(&mut self) {}
}
