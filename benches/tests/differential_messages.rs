//! hickory-proto and domain as oracles of messages: what we write they read, what they write we read, and what all read
//! says the same to all. Where we differ, a test says who is right, and by which RFC.

mod oracles;

use std::fs;

use domain::base::message_builder::TreeCompressor;
use domain::base::{Message as DomainMessage, MessageBuilder, ParsedName};
use domain::rdata::AllRecordData;
use hickory_proto::op::Message as HickoryMessage;
use oracles::{ALL, Library, Plain, Row, rows};
use proptest::prelude::*;
use zonekit_wire::{
    Class, Compressor, MessageWriter, Name, NameBuf, RecordBuf, Rtype, Section, master,
};

/// RDATA, as its row of the corpus prints it, that hickory-proto does not read as it is; each has its test below.
const NAMES_LEFT_PACKED: [&str; 6] = [
    "MD a.example.",
    "MF a.example.",
    "MB a.example.",
    "MG a.example.",
    "MR a.example.",
    "MINFO a.example. b.example.",
];
const EMPTY: [&str; 3] = ["NULL \\# 0", "APL ", "TYPE65280 \\# 0"];
const SIGNATURES: [&str; 2] = [
    "SIG A 8 2 3600 20201101190000 20201019180000 26116 example. AAECAwQFBgc=",
    "SIG NXT 1 3 0 19700101000000 20380119031408 0 . /w==",
];
const PROTOCOLS: [&str; 1] = ["SVCB 1 . alpn=\"\\001\\255,b\""];

fn title(row: &Row) -> String {
    format!("{} {}", row.rtype, row.printed)
}

fn is_long_tag(row: &Row) -> bool {
    row.rtype == Rtype::CAA && row.rdata[1] > 15
}

/// Whether hickory-proto differs over this row, by one of the tests below.
fn is_known(row: &Row) -> bool {
    let known = [&NAMES_LEFT_PACKED[..], &EMPTY, &SIGNATURES, &PROTOCOLS].concat();
    known.contains(&title(row).as_str()) || is_long_tag(row)
}

fn record(owner: &str, row: &Row) -> RecordBuf {
    RecordBuf {
        owner: owner.parse().unwrap(),
        rtype: row.rtype,
        class: Class::IN,
        ttl: 3600,
        rdata: row.rdata.clone(),
    }
}

fn message(records: &[(Section, RecordBuf)]) -> Vec<u8> {
    let (mut octets, mut compressor) = (Vec::new(), Compressor::new());
    let mut writer = MessageWriter::new(&mut octets, 65_535, &mut compressor);
    let name: NameBuf = "www.Example.org".parse().unwrap();
    writer
        .question(name.as_name(), Rtype::ANY, Class::IN)
        .unwrap();
    for (section, record) in records {
        writer.record(*section, &record.as_record()).unwrap();
    }
    writer.finish();
    octets
}

fn plain(records: &[(Section, RecordBuf)]) -> Vec<Plain> {
    let records = records.iter();
    records
        .map(|(_, record)| record.as_record().into())
        .collect()
}

/// The same message as the others write it, if they read it.
fn rewritten(by: Library, octets: &[u8]) -> Option<Vec<u8>> {
    match by {
        Library::Zonekit => None,
        Library::Hickory => HickoryMessage::from_vec(octets).ok()?.to_vec().ok(),
        Library::Domain => {
            let message = DomainMessage::from_octets(octets).ok()?;
            let mut question = MessageBuilder::from_target(TreeCompressor::new(Vec::new()))
                .ok()?
                .question();
            for asked in message.question() {
                question.push(asked.ok()?).ok()?;
            }
            let mut answer = question.answer();
            for record in message.answer().ok()? {
                let record = record.ok()?;
                let record = record.to_any_record::<AllRecordData<_, ParsedName<_>>>();
                answer.push(record.ok()?).ok()?;
            }
            Some(answer.finish().into_target())
        }
    }
}

#[test]
fn every_type_is_read_by_the_others_as_we_wrote_it() {
    for row in rows() {
        let records = [(Section::Answer, record("a.example", &row))];
        let octets = message(&records);
        let expected = Some(plain(&records));
        assert_eq!(Library::Zonekit.read(&octets), expected, "{}", title(&row));
        assert_eq!(Library::Domain.read(&octets), expected, "{}", title(&row));
        let hickory = Library::Hickory.read(&octets);
        assert_eq!(hickory == expected, !is_known(&row), "{}", title(&row));
    }
}

#[test]
fn messages_of_other_servers_are_read_alike_by_all() {
    let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/../fuzz/corpus/message");
    let mut read = 0;
    for file in fs::read_dir(corpus)
        .unwrap()
        .map(|entry| entry.unwrap().path())
    {
        let octets = fs::read(&file).unwrap();
        let [ours, hickory, domain] = ALL.map(|library| library.read(&octets));
        let is_real = ["bind", "knot", "named", "root-zone"]
            .iter()
            .any(|server| file.to_str().unwrap().contains(&format!("seed-{server}")));
        if is_real {
            assert!(ours.is_some(), "{}", file.display());
            assert_eq!(hickory, ours, "{}", file.display());
            assert_eq!(domain, ours, "{}", file.display());
            read += 1;
        }
    }
    assert!(read >= 20, "{read}");
}

#[test]
fn messages_of_the_root_zone_are_read_by_the_others_as_we_wrote_them() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/data/root.zone");
    let mut reader = master::Reader::open(file, Name::ROOT).unwrap();
    let mut records = Vec::new();
    while let Some(record) = reader.next_record().unwrap() {
        records.push((Section::Answer, record.to_buf()));
    }
    assert_eq!(records.len(), 21_591);
    for records in records.chunks(300) {
        let octets = message(records);
        for library in ALL {
            assert_eq!(library.read(&octets), Some(plain(records)), "{library:?}");
        }
    }
}

fn records() -> impl Strategy<Value = Vec<(Section, RecordBuf)>> {
    let rows: Vec<Row> = rows().into_iter().filter(|row| !is_known(row)).collect();
    let owner = prop::sample::select(vec![
        ".",
        "org",
        "Example.org",
        "www.example.org",
        "a.b.example.org",
        "*.example.org",
        "\\000.x",
    ]);
    let pick = (0..rows.len(), owner, 0..1_u32 << 31);
    prop::collection::vec(pick, 1..12).prop_map(move |picks| {
        let pick = |(row, owner, ttl)| RecordBuf {
            ttl,
            ..record(owner, &rows[row])
        };
        picks
            .into_iter()
            .map(|picked| (Section::Answer, pick(picked)))
            .collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn messages_of_many_types_are_read_by_the_others_as_we_wrote_them(records in records()) {
        let octets = message(&records);
        for library in ALL {
            prop_assert_eq!(library.read(&octets), Some(plain(&records)), "{:?}", library);
        }
    }

    #[test]
    fn messages_of_many_types_that_the_others_write_we_read(records in records()) {
        let octets = message(&records);
        for library in [Library::Hickory, Library::Domain] {
            let theirs = rewritten(library, &octets).unwrap();
            prop_assert_eq!(Library::Zonekit.read(&theirs), Some(plain(&records)), "{:?}", library);
        }
    }

    /// Each may refuse what another takes, for reasons of its own; but no two read different things.
    #[test]
    fn damaged_messages_are_read_alike_or_refused(
        records in records(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut octets = message(&records);
        for (at, octet) in damage {
            let at = at.index(octets.len());
            octets[at] = octet;
        }
        let [ours, hickory, domain] = ALL.map(|library| library.read(&octets));
        let Some(ours) = ours else {
            return Ok(());
        };
        for theirs in [hickory, domain].into_iter().flatten() {
            check_alike(&ours, &theirs)?;
        }
    }
}

/// What two have read of the same octets.
fn check_alike(ours: &[Plain], theirs: &[Plain]) -> Result<(), TestCaseError> {
    prop_assert_eq!(ours.len(), theirs.len());
    for (ours, theirs) in ours.iter().zip(theirs) {
        let mut theirs = theirs.clone();
        if theirs.ttl >> 31 == 1 {
            theirs.ttl = 0; // `ttl_with_its_highest_bit_set_is_zero`
        }
        prop_assert_eq!(ours, &theirs);
    }
    Ok(())
}

/// Takes rows of the corpus that only hickory-proto reads otherwise, or not at all.
fn check_hickory_differs(titles: &[&str]) {
    let rows: Vec<Row> = rows()
        .into_iter()
        .filter(|row| titles.contains(&title(row).as_str()))
        .collect();
    assert!(rows.len() >= titles.len());
    for row in rows {
        check_hickory_differs_over(&row);
    }
}

fn check_hickory_differs_over(row: &Row) {
    let records = [(Section::Answer, record("a.example", row))];
    let octets = message(&records);
    let right = Some(plain(&records));
    assert_eq!(Library::Zonekit.read(&octets), right, "{}", title(row));
    assert_eq!(Library::Domain.read(&octets), right, "{}", title(row));
    assert_ne!(Library::Hickory.read(&octets), right, "{}", title(row));
}

/// RFC 3597 §4: names in the types of RFC 1035 may be compressed, so whoever reads them has to expand them. We and domain
/// do; hickory-proto knows only some of these types, and keeps pointers that mean nothing outside the message.
#[test]
fn names_in_all_types_of_rfc_1035_are_expanded() {
    check_hickory_differs(&NAMES_LEFT_PACKED);
}

/// RFC 1035 §3.3.10, RFC 3123 §4 and RFC 3597 §5 let RDATA be empty. We and domain take it; hickory-proto refuses the
/// whole message unless it is an UPDATE, where empty RDATA is a pattern (RFC 2136 §2.4).
#[test]
fn empty_rdata_is_rdata() {
    check_hickory_differs(&EMPTY);
}

/// RFC 2931 §1 leaves SIG records that cover RRsets what RFC 2535 §4.1 made them. We and domain carry them; hickory-proto
/// takes every SIG for the signature of the message, and refuses the message that has it in its answer.
#[test]
fn sig_records_are_records() {
    check_hickory_differs(&SIGNATURES);
}

/// RFC 9460 §7.1.1: protocol names are octets, as RFC 7301 §3.1 has them. We and domain keep them; hickory-proto wants
/// UTF-8.
#[test]
fn protocol_names_of_svcb_are_any_octets() {
    check_hickory_differs(&PROTOCOLS);
}

/// RFC 8659 §4.1: a tag has one octet at least, and its length one octet. We and domain take any; hickory-proto keeps
/// to the 15 of RFC 6844 §5.1.
#[test]
fn caa_tags_may_be_long() {
    let rows: Vec<Row> = rows().into_iter().filter(is_long_tag).collect();
    assert!(!rows.is_empty());
    rows.iter().for_each(check_hickory_differs_over);
}

/// RFC 2181 §8: such a TTL is to be read as zero. We do; the others hand it on.
#[test]
fn ttl_with_its_highest_bit_set_is_zero() {
    let row = rows().swap_remove(0);
    let records = [(
        Section::Answer,
        RecordBuf {
            ttl: 1 << 31,
            ..record("a.example", &row)
        },
    )];
    let octets = message(&records);
    let ttl = |library: Library| library.read(&octets).unwrap()[0].ttl;
    assert_eq!(ALL.map(ttl), [0, 1 << 31, 1 << 31]);
}
