//! hickory-proto as oracle: what we write it reads, what it writes we read, and where both read they agree.

use hickory_proto::op::{Message as Theirs, MessageType, OpCode};
use hickory_proto::serialize::binary::{BinEncodable, BinEncoder, NameEncoding};
use proptest::prelude::*;
use zonekit_wire::{
    Compressor, Header, Message, MessageWriter, Name, Record, RecordBuf, Section, Unpacker, master,
};

const ROOT_ZONE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/data/root.zone");

/// Records of the real root zone; the file has each once.
fn root_zone() -> Vec<RecordBuf> {
    let mut reader = master::Reader::open(ROOT_ZONE, Name::ROOT).unwrap();
    let mut records = Vec::new();
    while let Some(record) = reader.next_record().unwrap() {
        records.push(record.to_buf());
    }
    assert_eq!(records.len(), 21_591);
    records
}

fn theirs_flat(value: &impl BinEncodable) -> Vec<u8> {
    let mut octets = Vec::new();
    let mut encoder = BinEncoder::new(&mut octets);
    encoder.set_name_encoding(NameEncoding::Uncompressed);
    value.emit(&mut encoder).unwrap();
    octets
}

/// A record as octets and numbers, names with their case.
type Plain = (Vec<u8>, u16, u16, u32, Vec<u8>);

fn plain(record: &Record<'_>) -> Plain {
    let Record {
        owner,
        rtype,
        class,
        ttl,
        rdata,
    } = record;
    (
        owner.as_octets().to_vec(),
        rtype.0,
        class.0,
        *ttl,
        rdata.to_vec(),
    )
}

fn theirs_plain(record: &hickory_proto::rr::Record) -> Plain {
    let rtype = record.record_type().into();
    (
        theirs_flat(&record.name),
        rtype,
        record.dns_class.into(),
        record.ttl,
        theirs_flat(&record.data),
    )
}

fn ours_plain(octets: &[u8]) -> Option<Vec<Plain>> {
    let mut unpacker = Unpacker::new();
    let records = Message::new(octets).ok()?.records().ok()?;
    records
        .map(|item| item.and_then(|(_, packed)| unpacker.unpack(packed).map(|r| plain(&r))))
        .collect::<Result<_, _>>()
        .ok()
}

#[test]
fn messages_of_the_root_zone_that_we_write_are_what_hickory_reads() {
    let zone = root_zone();
    let (mut octets, mut compressor) = (Vec::new(), Compressor::new());
    let mut rest = zone.as_slice();
    while !rest.is_empty() {
        let mut writer = MessageWriter::new(&mut octets, 16_384, &mut compressor);
        writer.set_header(Header {
            qr: true,
            aa: true,
            ..Header::default()
        });
        let fits = rest
            .iter()
            .take_while(|record| writer.record(Section::Answer, &record.as_record()).is_ok())
            .count();
        writer.finish();
        let (sent, left) = rest.split_at(fits);
        let read = Theirs::from_vec(&octets).unwrap();
        assert!(read.authoritative && read.answers.len() == fits);
        for (sent, read) in sent.iter().zip(&read.answers) {
            assert_eq!(plain(&sent.as_record()), theirs_plain(read), "{sent}");
        }
        rest = left;
    }
}

#[test]
fn messages_of_the_root_zone_that_hickory_writes_are_what_we_read() {
    let mut compressor = Compressor::new();
    for part in root_zone().chunks(200) {
        let mut octets = Vec::new();
        let mut writer = MessageWriter::new(&mut octets, 65_535, &mut compressor);
        part.iter()
            .for_each(|record| writer.record(Section::Answer, &record.as_record()).unwrap());
        writer.finish();
        let mut theirs = Theirs::new(7, MessageType::Response, OpCode::Query);
        theirs.add_answers(Theirs::from_vec(&octets).unwrap().answers);

        let read = ours_plain(&theirs.to_vec().unwrap()).unwrap();
        let sent: Vec<_> = part
            .iter()
            .map(|record| plain(&record.as_record()))
            .collect();
        assert_eq!(read, sent);
    }
}

proptest! {
    /// Both may refuse what the other takes, for reasons of their own; but they never read different things.
    #[test]
    fn damaged_message_is_read_alike_or_refused(
        pick in prop::collection::vec(0_usize..24, 1..8),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..5),
    ) {
        let records = samples();
        let (mut octets, mut compressor) = (Vec::new(), Compressor::new());
        let mut writer = MessageWriter::new(&mut octets, 65_535, &mut compressor);
        for at in pick {
            writer.record(Section::Answer, &records[at % records.len()].as_record()).unwrap();
        }
        writer.finish();
        for (at, octet) in damage {
            let at = at.index(octets.len());
            octets[at] = octet;
        }
        let (Some(ours), Ok(theirs)) = (ours_plain(&octets), Theirs::from_vec(&octets)) else {
            return Ok(());
        };
        let all = theirs.answers.iter().chain(&theirs.authorities).chain(&theirs.additionals);
        let theirs_read: Vec<_> = all.map(theirs_plain).collect();
        // It takes OPT and TSIG out of the records, and keeps what we call an update as another type of RDATA.
        let odd = |(_, rtype, class, ..): &&Plain| matches!(rtype, 41 | 250) || *class != 1;
        if ours.iter().any(|record| odd(&record)) || theirs_read.len() != ours.len() {
            return Ok(());
        }
        for (ours, mut theirs) in ours.into_iter().zip(theirs_read) {
            if !records.iter().any(|sample| sample.rtype.0 == ours.1) {
                continue; // names in old types are opaque there, pointers included
            }
            if theirs.3 >> 31 == 1 {
                theirs.3 = 0; // RFC 2181 §8 is not known there
            }
            prop_assert_eq!(ours, theirs);
        }
    }
}

/// One of each kind that hickory-proto reads too.
fn samples() -> Vec<RecordBuf> {
    let text = "\
$ORIGIN example.org.
$TTL 3600
@     SOA   ns HostMaster 1 2 3 4 5
@     NS    ns
@     NS    ns.example.net.
ns    A     192.0.2.1
ns    AAAA  2001:db8::1
@     MX    10 mail.ns
Www   CNAME @
_sip._tcp SRV 1 2 5060 sip
t     TXT   \"one\" \"two\"
1     PTR   host.Example.org.
t     TYPE65280 \\# 3 010203
";
    let mut reader = master::Reader::new(text.as_bytes(), Name::ROOT);
    let mut records = Vec::new();
    while let Some(record) = reader.next_record().unwrap() {
        records.push(record.to_buf());
    }
    records
}

#[cfg(feature = "hickory")]
mod conversions {
    use super::*;
    use hickory_proto::rr;
    use zonekit_wire::hickory::HickoryError;
    use zonekit_wire::{Class, NameBuf, Rtype};

    #[test]
    fn records_of_the_root_zone_come_back_as_they_went() {
        for record in root_zone().iter().chain(&samples()) {
            let theirs =
                rr::Record::try_from(record).unwrap_or_else(|error| panic!("{record}: {error}"));
            assert_eq!(theirs_plain(&theirs), plain(&record.as_record()));
            let back = RecordBuf::try_from(&theirs).unwrap();
            assert_eq!(plain(&back.as_record()), plain(&record.as_record()));
        }
    }

    #[test]
    fn every_number_of_type_and_class_is_the_same_there() {
        for number in 0..=u16::MAX {
            assert_eq!(
                Rtype::from(rr::RecordType::from(Rtype(number))),
                Rtype(number)
            );
        }
        assert_eq!(rr::RecordType::from(Rtype::SOA), rr::RecordType::SOA);
        assert_eq!(Class::from(rr::DNSClass::IN), Class::IN);
        assert_eq!(rr::DNSClass::from(Class::CH), rr::DNSClass::CH);
    }

    #[test]
    fn names_come_back_with_their_case_and_odd_octets() {
        for text in [".", "Example.ORG.", "a\\.b.c.", "\\000\\255.x.", "*.x."] {
            let name: NameBuf = text.parse().unwrap();
            let theirs = rr::Name::try_from(&name).unwrap();
            assert!(theirs.is_fqdn());
            assert_eq!(theirs_flat(&theirs), name.as_name().as_octets());
            let back = NameBuf::try_from(&theirs).unwrap();
            assert_eq!(back.as_name().as_octets(), name.as_name().as_octets());
        }
    }

    #[test]
    fn relative_name_is_refused() {
        let relative = rr::Name::from_ascii("www").unwrap();
        assert!(matches!(
            NameBuf::try_from(&relative),
            Err(HickoryError::RelativeName)
        ));
    }

    #[test]
    fn rdata_that_does_not_fit_is_refused_there_and_empty_rdata_comes_back_empty() {
        let record = |rdata| Record {
            owner: Name::ROOT,
            rtype: Rtype::A,
            class: Class::IN,
            ttl: 1,
            rdata,
        };
        assert!(matches!(
            rr::Record::try_from(record(&[1, 2, 3])),
            Err(HickoryError::Refused(_))
        ));
        let empty = rr::Record::try_from(record(&[])).unwrap();
        assert_eq!(
            plain(&RecordBuf::try_from(&empty).unwrap().as_record()),
            plain(&record(&[]))
        );
    }
}
