//! hickory-proto and domain as oracles of text: what they take for RDATA or a name is what we take it for, and what they
//! print we read. Where we differ, a test says who is right, and by which RFC.
//!
//! hickory-proto's `Display` is not presentation format, and is asked for nothing here.

mod oracles;

use oracles::{ALL, Library, Plain, Row, rows};
use proptest::prelude::*;
use zonekit_wire::{Class, Compressor, MessageWriter, NameBuf, Record, Section};

/// Text of RDATA, by its beginning, that hickory-proto takes for other octets; each has its test below.
const LOWERED: [&str; 3] = [
    "NS NS1.",
    "NS abcdefghijklmnopqrstuvwxyzabcdefghijk",
    "NAPTR 100 50 \"a\" \"z3950",
];
const DECIMAL_ESCAPES: [&str; 9] = [
    "HINFO \"PC-",
    "TXT \"a\" \"b\" \"c d\"",
    "TXT \"(;)\"",
    "TXT \"\\195",
    "CAA 0 issue \"a;b\\\"c",
    "CAA 1 contactemail",
    "SVCB 1 foo.example. key667=\"hello\\210qoo\"",
    "SVCB 1 . alpn=\"\\001\\255,b\"",
    "SVCB 2 . key9 key65534",
];
const LISTS_READ: [&str; 1] = ["SVCB 16 foo.example.org. alpn="];
const ESCAPED_COMMENT: [&str; 1] = ["MX 1 a\\;b\\(c\\)d.example."];

/// What domain prints of these rows we refuse, or read as other octets; each has its test below.
const BARE_NAMES: [&str; 3] = ["CNAME a\\032b", "MX 1 \\\"quoted", "MX 1 a\\;b"];
const NO_GATEWAY: [&str; 2] = ["IPSECKEY 10 0 2 .", "IPSECKEY 0 0 0 ."];
const LISTS_PRINTED: [&str; 3] = [
    "SVCB 16 foo.example.org. alpn=",
    "SVCB 1 . alpn=\"\\\\,,a\"",
    "SVCB 1 . alpn=\"\\001",
];
const NO_DEFAULT_ALPN: [&str; 2] = [
    "SVCB 1 . mandatory=alpn,port alpn=\"h2,h3\" no-default-alpn",
    "HTTPS 32768 https.example. alpn=\"h3\" no-default-alpn",
];
const LATER_KEYS: [&str; 4] = [
    "SVCB 1 . key10=",
    "SVCB 1 . mandatory=key9",
    "SVCB 2 . key9 key65534",
    "SVCB 1 . key9=",
];

fn title(row: &Row) -> String {
    format!("{} {}", row.rtype, row.printed)
}

fn is_among(row: &Row, beginnings: &[&str]) -> bool {
    beginnings
        .iter()
        .any(|beginning| title(row).starts_with(beginning))
}

fn line(row: &Row, text: &str) -> String {
    format!("a.example. 3600 IN {} {text}\n", row.rtype)
}

fn message(row: &Row) -> Vec<u8> {
    let owner: NameBuf = "a.example".parse().unwrap();
    let record = Record {
        owner: owner.as_name(),
        rtype: row.rtype,
        class: Class::IN,
        ttl: 3600,
        rdata: &row.rdata,
    };
    let (mut octets, mut compressor) = (Vec::new(), Compressor::new());
    let mut writer = MessageWriter::new(&mut octets, 65_535, &mut compressor);
    writer.record(Section::Answer, &record).unwrap();
    writer.finish();
    octets
}

fn parsed(library: Library, row: &Row, text: &str) -> Option<Vec<u8>> {
    let record: Plain = library.parse(&line(row, text))?;
    assert_eq!((record.rtype, record.ttl), (row.rtype.0, 3600));
    Some(record.rdata)
}

#[test]
fn text_that_the_others_take_for_rdata_they_take_for_ours() {
    let known = [
        &LOWERED[..],
        &DECIMAL_ESCAPES,
        &LISTS_READ,
        &ESCAPED_COMMENT,
    ]
    .concat();
    let mut taken = [0, 0];
    for row in rows() {
        let title = title(&row);
        let ours = parsed(Library::Zonekit, &row, &row.printed);
        assert_eq!(ours.as_ref(), Some(&row.rdata), "{title}");
        if let Some(theirs) = parsed(Library::Domain, &row, &row.printed) {
            assert_eq!(theirs, row.rdata, "{title}");
            taken[0] += 1;
        }
        if let Some(theirs) = parsed(Library::Hickory, &row, &row.printed) {
            assert_eq!(theirs != row.rdata, is_among(&row, &known), "{title}");
            taken[1] += 1;
        }
    }
    // The rest is of types that they have no text of.
    assert!(taken[0] > 80 && taken[1] > 30, "{taken:?}");
}

#[test]
fn text_that_domain_prints_of_rdata_we_take_for_it() {
    let known = [
        &BARE_NAMES[..],
        &NO_GATEWAY,
        &LISTS_PRINTED,
        &NO_DEFAULT_ALPN,
        &LATER_KEYS,
    ]
    .concat();
    for row in rows() {
        let theirs = Library::Domain.print(&message(&row)).unwrap();
        let ours = parsed(Library::Zonekit, &row, &theirs);
        if !is_among(&row, &known) {
            assert_eq!(ours, Some(row.rdata.clone()), "{}: {theirs}", title(&row));
        }
    }
}

fn labels() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let octet =
        prop_oneof![3 => any::<u8>(), 2 => prop::sample::select(b"abzAZ09-_*.\\@\"();$ ".to_vec())];
    let label = prop::collection::vec(octet, 1..=63);
    prop::collection::vec(label, 0..4)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn names_that_we_print_the_others_take_for_them_or_refuse(labels in labels()) {
        let mut name = NameBuf::new();
        for label in &labels {
            if name.prepend_label(label).is_err() {
                break;
            }
        }
        let octets = name.as_name().as_octets().to_vec();
        let text = name.to_string();
        prop_assert_eq!(Library::Zonekit.parse_name(&text), Some(octets.clone()));
        prop_assert_eq!(Library::Domain.parse_name(&text), Some(octets.clone()), "{}", &text);
        // hickory-proto wants letters, digits, hyphens and underscores, and has numbers of its own.
        let theirs = Library::Hickory.parse_name(&text);
        prop_assert!(theirs.is_none() || theirs == Some(octets) || has_number(&text), "{}", text);
    }

    #[test]
    fn text_that_two_take_for_a_name_is_one_name_to_both(text in "[a-zA-Z0-9.\\\\@*_-]{1,20}\\.") {
        let [ours, hickory, domain] = ALL.map(|library| library.parse_name(&text));
        if let Some(ours) = ours {
            let hickory = hickory.filter(|_| !has_number(&text)); // `numbers_of_octets_in_names_are_decimal`
            for theirs in [hickory, domain].into_iter().flatten() {
                prop_assert_eq!(&theirs, &ours);
            }
        }
    }
}

/// Takes the rows that begin so: hickory-proto reads the text of each as other octets than those that BIND has judged.
fn check_hickory_reads_otherwise(beginnings: &[&str]) {
    for beginning in beginnings {
        let mut found = rows();
        found.retain(|row| is_among(row, &[beginning]));
        assert!(!found.is_empty(), "{beginning}");
        for row in found {
            let ours = parsed(Library::Zonekit, &row, &row.printed);
            assert_eq!(ours.as_ref(), Some(&row.rdata), "{beginning}");
            let theirs = parsed(Library::Hickory, &row, &row.printed);
            assert_ne!(theirs, ours, "{beginning}");
        }
    }
}

/// Takes the rows that begin so: of each, domain prints something that holds `piece`, which we do not.
fn check_domain_prints(beginnings: &[&str], piece: &str) {
    for beginning in beginnings {
        let mut found = rows();
        found.retain(|row| is_among(row, &[beginning]));
        assert!(!found.is_empty(), "{beginning}");
        for row in found {
            let [ours, theirs] =
                [Library::Zonekit, Library::Domain].map(|of| of.print(&message(&row)));
            assert_eq!(ours.as_ref(), Some(&row.printed));
            assert!(!row.printed.contains(piece), "{}", row.printed);
            assert!(
                theirs.as_ref().is_some_and(|text| text.contains(piece)),
                "{theirs:?}"
            );
        }
    }
}

/// RFC 1035 §2.3.3 and RFC 4343 §4.1: case is kept where it is not compared. We and domain do; hickory-proto puts names
/// that it reads into lower case.
#[test]
fn names_keep_their_case() {
    check_hickory_reads_otherwise(&LOWERED);
}

/// RFC 1035 §5.1: `\DDD` is the octet of that number in decimal, in whatever stands in a character-string. We and domain
/// have it so; hickory-proto makes characters of it, and of those UTF-8, or leaves the backslash.
#[test]
fn decimal_escapes_are_octets() {
    check_hickory_reads_otherwise(&DECIMAL_ESCAPES);
}

/// The same holds of names: `\141` is the octet 141. hickory-proto has it octal.
#[test]
fn numbers_of_octets_in_names_are_decimal() {
    let read = ALL.map(|library| library.parse_name("\\141.").unwrap());
    assert_eq!(read, [vec![1, 141, 0], vec![1, 0o141, 0], vec![1, 141, 0]]);
}

/// Whether a text has an octet by its number.
fn has_number(text: &str) -> bool {
    let mut pairs = text.as_bytes().windows(2);
    pairs.any(|pair| pair[0] == b'\\' && pair[1].is_ascii_digit())
}

/// RFC 9460 §A.1: a comma behind two backslashes belongs to the item of a list. We read it so; hickory-proto ends the item.
#[test]
fn escaped_commas_do_not_end_an_item_of_svcb() {
    check_hickory_reads_otherwise(&LISTS_READ);
}

/// RFC 1035 §5.1: behind a backslash a semicolon begins no comment. It does in hickory-proto.
#[test]
fn escaped_semicolon_begins_no_comment() {
    check_hickory_reads_otherwise(&ESCAPED_COMMENT);
}

/// RFC 1035 §5.1: what has a meaning in a master file is escaped in a name. We do that; domain leaves quotes, semicolons
/// and parentheses bare.
#[test]
fn names_print_with_what_is_special_escaped() {
    check_domain_prints(&BARE_NAMES[..1], "\";");
    check_domain_prints(&BARE_NAMES[1..2], " \"q");
    check_domain_prints(&BARE_NAMES[2..], "a;b(");
}

/// RFC 4025 §3.1: no gateway is written as a dot. We write it; domain leaves it out, so that the key stands in its place.
#[test]
fn ipseckey_without_gateway_prints_a_dot() {
    check_domain_prints(&NO_GATEWAY[..1], "0 2 A");
    check_domain_prints(&NO_GATEWAY[1..], "0 0 A");
}

/// RFC 9460 §A.1: commas and backslashes in an item of a list are escaped, and octets that do not print are too. We do
/// that; domain prints them bare, and octets that are no letters as characters.
#[test]
fn protocol_names_print_escaped() {
    check_domain_prints(&LISTS_PRINTED[..1], "=f\\oo,bar");
    check_domain_prints(&LISTS_PRINTED[1..2], "=,,a");
    check_domain_prints(&LISTS_PRINTED[2..], "\u{1}ÿ");
}

/// RFC 9460 §14.3.2: the key is registered as `no-default-alpn`. So we print it; domain drops the hyphens.
#[test]
fn no_default_alpn_has_hyphens() {
    check_domain_prints(&NO_DEFAULT_ALPN, "nodefaultalpn");
}

/// RFC 9460 §2.1: any key may be written as its number, and is understood everywhere. We write those so that RFC 9460 does
/// not name, as BIND 9.18 does; domain by the names that they were given later.
#[test]
fn keys_of_svcb_registered_later_print_by_number() {
    check_domain_prints(&LATER_KEYS[..1], "docpath");
    check_domain_prints(&LATER_KEYS[1..], "tls-supported-groups");
}
