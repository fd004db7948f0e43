//! What follows from the table of types besides text: names, canonical form, order, equality, compression.

use std::cmp::Ordering;

use proptest::prelude::*;
use zonekit_wire::rdata::{self, Kind, Piece};
use zonekit_wire::{Message, Name, ReadError, Record, Rtype, Unpacker, text};

/// RFC 4034 §6.2 as RFC 6840 §5.1 corrects it: without HINFO, which has no names, and NSEC.
const LOWER_CASE: &str =
    "NS MD MF CNAME SOA MB MG MR PTR MINFO MX RP AFSDB RT SIG PX NXT NAPTR KX SRV DNAME A6 RRSIG";

/// RFC 1035's own, and those that RFC 3597 §4 wants understood.
const READ_PACKED: &str =
    "NS MD MF CNAME SOA MB MG MR PTR MINFO MX RP AFSDB RT SIG PX NXT NAPTR SRV";

/// RFC 1035's own.
const WRITE_PACKED: &str = "NS MD MF CNAME SOA MB MG MR PTR MINFO MX";

fn types(list: &str) -> Vec<Rtype> {
    list.split_whitespace()
        .map(|rtype| rtype.parse().unwrap())
        .collect()
}

/// Type and RDATA of every row of the corpus.
fn corpus() -> Vec<(Rtype, Vec<u8>)> {
    let rows = include_str!("data/rdata.tsv")
        .lines()
        .filter(|line| !line.starts_with('#'));
    rows.map(|row| {
        let (rtype, rest) = row.split_once('\t').unwrap();
        let rtype = rtype.parse().unwrap();
        let mut rdata = Vec::new();
        text::read_rdata(
            rtype,
            rest.split('\t').next().unwrap(),
            Name::ROOT,
            &mut rdata,
        )
        .unwrap();
        (rtype, rdata)
    })
    .collect()
}

/// The RDATA with the letters of its names in upper case.
fn shouted(rtype: Rtype, rdata: &[u8]) -> Vec<u8> {
    let mut out = rdata.to_vec();
    for name in rdata::names(rtype, rdata) {
        let start = name.as_octets().as_ptr().addr() - rdata.as_ptr().addr();
        out[start..start + name.as_octets().len()].make_ascii_uppercase();
    }
    out
}

#[test]
fn the_rules_of_names_are_those_of_the_rfcs() {
    let (lower, read, write) = (types(LOWER_CASE), types(READ_PACKED), types(WRITE_PACKED));
    for rtype in (0..=u16::MAX).map(Rtype) {
        for field in rdata::fields(rtype) {
            if let Kind::Name(rules) = field.kind {
                assert_eq!(rules.lower_case, lower.contains(&rtype), "{rtype}");
                assert_eq!(rules.read_packed, read.contains(&rtype), "{rtype}");
                assert_eq!(rules.write_packed, write.contains(&rtype), "{rtype}");
            }
        }
    }
}

#[test]
fn canonical_form_puts_the_names_of_the_listed_types_in_lower_case_and_nothing_else() {
    let lower = types(LOWER_CASE);
    for (rtype, rdata) in corpus() {
        let shouted = shouted(rtype, &rdata);
        let (mut plain, mut canonical) = (Vec::new(), Vec::new());
        rdata::canonical(rtype, &rdata, &mut plain);
        rdata::canonical(rtype, &shouted, &mut canonical);
        if lower.contains(&rtype) {
            assert_eq!(canonical, plain, "{rtype}");
            assert_eq!(
                rdata::cmp(rtype, &rdata, &shouted),
                Ordering::Equal,
                "{rtype}"
            );
        } else {
            assert_eq!(canonical, shouted, "{rtype}");
        }
        assert!(
            rdata::eq(rtype, &rdata, &shouted),
            "{rtype}: equal but for the case of names"
        );
    }
}

#[test]
fn mandatory_keys_of_a_service_binding_are_looked_for_however_many_there_are() {
    let service = |mandatory: &[u16], there: &[u16]| {
        let mut rdata = vec![0, 1, 0, 0, 0]; // priority, target, key `mandatory`
        rdata.extend_from_slice(&u16::try_from(2 * mandatory.len()).unwrap().to_be_bytes());
        rdata.extend(mandatory.iter().flat_map(|key| key.to_be_bytes()));
        rdata.extend(
            there
                .iter()
                .flat_map(|key| [key.to_be_bytes(), [0, 0]].concat()),
        );
        rdata::validate(Rtype::SVCB, &rdata).is_ok()
    };
    let most: Vec<u16> = (1000..11_900).collect(); // 65,407 octets
    assert!(service(&most, &most));
    assert!(!service(&most, &most[..10_899]), "the last is not there");
    assert!(!service(&most, &most[1..]), "the first is not there");
    assert!(service(&most[4000..4001], &most));
    assert!(!service(&[1500, 1502], &[1500, 1501, 1503]));
}

#[test]
fn order_is_that_of_canonical_forms() {
    let corpus = corpus();
    for (rtype, a) in &corpus {
        let a = shouted(*rtype, a);
        for (other, b) in &corpus {
            if rtype != other {
                continue;
            }
            let (mut first, mut second) = (Vec::new(), Vec::new());
            rdata::canonical(*rtype, &a, &mut first);
            rdata::canonical(*rtype, b, &mut second);
            assert_eq!(rdata::cmp(*rtype, &a, b), first.cmp(&second), "{rtype}");
        }
    }
}

#[test]
fn case_outside_names_makes_a_difference() {
    let differ = [
        (Rtype::TXT, &b"\x01a"[..], &b"\x01A"[..]),
        (Rtype::CAA, b"\x00\x05issuea", b"\x00\x05issueA"),
        (Rtype::MX, b"\x00a\x01b\x00", b"\x00A\x01b\x00"),
        (
            Rtype::NAPTR,
            b"\0\0\0\0\x01a\0\0\x01b\0",
            b"\0\0\0\0\x01A\0\0\x01b\0",
        ),
        (Rtype(65_280), b"a", b"A"),
    ];
    for (rtype, a, b) in differ {
        assert!(!rdata::eq(rtype, a, b), "{rtype}");
        assert_ne!(rdata::cmp(rtype, a, b), Ordering::Equal, "{rtype}");
    }
}

/// A message with one record of the root, behind the name `ab.` at offset 12.
fn message(rtype: Rtype, rdata: &[u8], rdlength: usize) -> Vec<u8> {
    let mut octets = b"\0\0\x84\0\0\x01\0\x01\0\0\0\0\x02ab\0\0\x01\0\x01\0".to_vec();
    octets.extend(rtype.0.to_be_bytes());
    octets.extend(b"\0\x01\0\0\0\0");
    octets.extend((rdlength as u16).to_be_bytes());
    octets.extend(rdata);
    octets
}

/// The record of [`message`], unpacked.
fn unpack(octets: &[u8]) -> Result<Vec<u8>, ReadError> {
    let (_, record) = Message::new(octets)?
        .records()?
        .next()
        .expect("one record")?;
    let mut unpacker = Unpacker::new();
    Ok(unpacker.unpack(record)?.rdata.to_vec())
}

/// The fields of the corpus's first row of each type with names, each name a pointer to `ab.`, and what it stands for.
fn packed(rtype: Rtype, rdata: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let (mut packed, mut flat) = (Vec::new(), Vec::new());
    let mut at = 0;
    for name in rdata::names(rtype, rdata) {
        let start = name.as_octets().as_ptr().addr() - rdata.as_ptr().addr();
        for out in [&mut packed, &mut flat] {
            out.extend(&rdata[at..start]);
        }
        packed.extend([0xc0, 12]);
        flat.extend(b"\x02ab\0");
        at = start + name.as_octets().len();
    }
    for out in [&mut packed, &mut flat] {
        out.extend(&rdata[at..]);
    }
    (packed, flat)
}

#[test]
fn compressed_names_are_expanded_where_they_may_be_and_refused_elsewhere() {
    let may = types(READ_PACKED);
    for (rtype, rdata) in corpus() {
        if rdata::names(rtype, &rdata).next().is_none() {
            continue;
        }
        let (packed, flat) = packed(rtype, &rdata);
        let result = unpack(&message(rtype, &packed, packed.len()));
        if may.contains(&rtype) {
            assert_eq!(result.as_ref(), Ok(&flat), "{rtype}");
        } else {
            assert!(result.is_err(), "{rtype}: {result:?}");
        }
        assert_eq!(
            unpack(&message(rtype, &rdata, rdata.len())).as_ref(),
            Ok(&rdata),
            "{rtype}"
        );
    }
}

#[test]
fn rdlength_is_heeded_to_the_octet() {
    let open = [Rtype::SIG, Rtype::NXT]; // may end anywhere behind their name
    for (rtype, rdata) in corpus() {
        // The octets behind RDLENGTH are there, as those of the next record would be.
        for rdlength in 0..rdata.len() {
            let result = unpack(&message(rtype, &rdata, rdlength));
            let valid = rdata::validate(rtype, &rdata[..rdlength]).is_ok();
            assert_eq!(result.is_ok(), valid, "{rtype} {rdlength}");
        }
        let (packed, _) = packed(rtype, &rdata);
        if types(READ_PACKED).contains(&rtype) && !open.contains(&rtype) {
            for rdlength in 0..packed.len() {
                let result = unpack(&message(rtype, &packed, rdlength));
                assert!(result.is_err(), "{rtype} {rdlength}");
            }
            let long = [&packed[..], b"\0"].concat();
            assert!(
                unpack(&message(rtype, &long, long.len())).is_err(),
                "{rtype}"
            );
        }
    }
}

fn any_rdata() -> impl Strategy<Value = (Rtype, Vec<u8>)> {
    let rtype = prop_oneof![0u16..=270, Just(32_768), any::<u16>()].prop_map(Rtype);
    let random = (rtype, prop::collection::vec(any::<u8>(), 0..64));
    let corpus = corpus();
    let changed = (0..corpus.len(), any::<prop::sample::Index>(), any::<u8>()).prop_map(
        move |(row, at, octet)| {
            let (rtype, mut rdata) = corpus[row].clone();
            if !rdata.is_empty() {
                let at = at.index(rdata.len());
                rdata[at] = octet;
            }
            (rtype, rdata)
        },
    );
    prop_oneof![1 => random, 3 => changed]
}

proptest! {
    /// Whatever the octets, the pieces are all of them, in order.
    #[test]
    fn pieces_are_the_whole((rtype, rdata) in any_rdata()) {
        let pieces = rdata::pieces(rtype, &rdata).map(|piece| match piece {
            Piece::Octets(octets) => octets,
            Piece::Name(name) => name.as_octets(),
        });
        prop_assert_eq!(pieces.collect::<Vec<_>>().concat(), rdata);
    }

    /// Octets that fit their type print in its form and read back; others print as unknown. Nothing panics.
    #[test]
    fn what_is_valid_reads_back((rtype, rdata) in any_rdata()) {
        let printed = rdata::display(rtype, &rdata).to_string();
        prop_assert!(printed.is_ascii());
        let mut read = Vec::new();
        let result = text::read_rdata(rtype, &printed, Name::ROOT, &mut read);
        if rdata::validate(rtype, &rdata).is_ok() {
            prop_assert_eq!(result, Ok(()), "{} {}", rtype, printed);
            prop_assert_eq!(&read, &rdata, "{} {}", rtype, printed);
        } else {
            prop_assert!(printed.starts_with("\\# "), "{}", printed);
            prop_assert!(result.is_err());
        }
        let _ = rdata::eq(rtype, &rdata, &shouted(rtype, &rdata));
        let _ = Record { owner: Name::ROOT, rtype, class: zonekit_wire::Class::IN, ttl: 0, rdata: &rdata }.to_string();
    }

    /// Order is total and agrees with canonical form, whatever the octets.
    #[test]
    fn order_agrees_with_canonical_form((rtype, a) in any_rdata(), (_, b) in any_rdata()) {
        let (mut first, mut second) = (Vec::new(), Vec::new());
        rdata::canonical(rtype, &a, &mut first);
        rdata::canonical(rtype, &b, &mut second);
        prop_assert_eq!(rdata::cmp(rtype, &a, &b), first.cmp(&second));
    }
}
