//! hickory-proto as oracle: a message that both read says the same to both.

use hickory_proto::op::Message as Theirs;
use hickory_proto::rr;
use hickory_proto::serialize::binary::{BinEncodable, BinEncoder, NameEncoding};
use zonekit_wire::{Class, Header, Message, RecordBuf, Rtype, Section, Unpacker};

/// Of any octets that both read as a message, both have read the same: header, question and records; and what
/// hickory-proto writes of them, we read.
pub fn differential_hickory(octets: &[u8]) {
    let (Some(ours), Ok(theirs)) = (Ours::read(octets), Theirs::from_vec(octets)) else {
        return;
    };
    check_header(&ours, &theirs);
    let question = theirs.queries.first().map(|query| {
        let rtype = query.query_type().into();
        (
            flat(query.name()),
            Rtype(rtype),
            Class(query.query_class().into()),
        )
    });
    assert_eq!(ours.question, question);

    for (section, theirs) in [
        (Section::Answer, &theirs.answers),
        (Section::Authority, &theirs.authorities),
        (Section::Additional, &theirs.additionals),
    ] {
        // OPT is not among the records there.
        let ours = ours
            .records
            .iter()
            .filter(|(at, record)| *at == section && record.rtype != Rtype::OPT);
        let ours: Vec<&RecordBuf> = ours.map(|(_, record)| record).collect();
        assert_eq!(ours.len(), theirs.len(), "{section:?}");
        for (ours, theirs) in ours.into_iter().zip(theirs) {
            check_record(ours, theirs);
        }
    }
}

fn check_header(ours: &Ours, theirs: &Theirs) {
    let Header {
        id,
        qr,
        opcode,
        aa,
        tc,
        rd,
        ra,
        ad,
        cd,
        ..
    } = ours.header;
    assert_eq!(
        (id, qr, opcode.0),
        (
            theirs.id,
            theirs.message_type == hickory_proto::op::MessageType::Response,
            theirs.op_code.into()
        )
    );
    assert_eq!(
        (aa, tc, rd, ra, ad, cd),
        (
            theirs.authoritative,
            theirs.truncation,
            theirs.recursion_desired,
            theirs.recursion_available,
            theirs.authentic_data,
            theirs.checking_disabled
        )
    );
}

fn check_record(ours: &RecordBuf, theirs: &rr::Record) {
    let class: u16 = theirs.dns_class.into();
    assert_eq!(flat(&theirs.name), ours.owner.as_name().as_octets());
    assert_eq!(Rtype(theirs.record_type().into()), ours.rtype);
    assert_eq!(Class(class), ours.class, "{ours}");
    if theirs.ttl >> 31 == 0 {
        assert_eq!(theirs.ttl, ours.ttl, "{ours}");
    } else {
        assert_eq!(ours.ttl, 0, "{ours}"); // RFC 2181 §8 is not known there
    }
    if !LEFT_PACKED.contains(&ours.rtype) {
        assert_eq!(flat(&theirs.data), ours.rdata, "{ours}");
    }
}

/// Types whose names may be compressed (RFC 3597 §4), and that are opaque there, pointers and all.
const LEFT_PACKED: [Rtype; 12] = [
    Rtype::MD,
    Rtype::MF,
    Rtype::MB,
    Rtype::MG,
    Rtype::MR,
    Rtype::MINFO,
    Rtype::RP,
    Rtype::AFSDB,
    Rtype::RT,
    Rtype::SIG,
    Rtype::PX,
    Rtype::NXT,
];

/// What we read.
struct Ours {
    header: Header,
    question: Option<(Vec<u8>, Rtype, Class)>,
    records: Vec<(Section, RecordBuf)>,
}

impl Ours {
    fn read(octets: &[u8]) -> Option<Self> {
        let message = Message::new(octets).ok()?;
        let question = message.question().ok()?;
        let question = question.map(|question| {
            let name = question.name.to_buf();
            (
                name.as_name().as_octets().to_vec(),
                question.rtype,
                question.class,
            )
        });
        let mut unpacker = Unpacker::new();
        let mut records = Vec::new();
        for item in message.records().ok()? {
            let (section, packed) = item.ok()?;
            records.push((section, unpacker.unpack(packed).ok()?.to_buf()));
        }
        Some(Self {
            header: message.header(),
            question,
            records,
        })
    }
}

/// What hickory-proto holds, in octets, names uncompressed.
fn flat(value: &impl BinEncodable) -> Vec<u8> {
    let mut octets = Vec::new();
    let mut encoder = BinEncoder::new(&mut octets);
    encoder.set_name_encoding(NameEncoding::Uncompressed);
    value.emit(&mut encoder).expect("what was read");
    octets
}
