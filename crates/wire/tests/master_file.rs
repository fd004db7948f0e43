//! Master files in and out.

use std::fs;
use std::io::BufReader;

use proptest::prelude::*;
use zonekit_wire::master::{MAX_ENTRY, MasterError, MasterErrorKind, Reader, Writer};
use zonekit_wire::text::{TextErrorKind, write_record};
use zonekit_wire::{Class, Name, NameBuf, Record, RecordBuf, Rtype};

const ROOT_ZONE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/data/root.zone");

fn read(text: &str) -> Result<Vec<RecordBuf>, MasterError> {
    let mut reader = Reader::new(text.as_bytes(), Name::ROOT);
    let mut records = Vec::new();
    while let Some(record) = reader.next_record()? {
        records.push(record.to_buf());
    }
    Ok(records)
}

fn lines(text: &str) -> Vec<String> {
    read(text)
        .unwrap()
        .iter()
        .map(RecordBuf::to_string)
        .collect()
}

fn refusal(text: &str) -> MasterError {
    read(text).expect_err(text)
}

#[test]
fn the_root_zone_reads_as_it_is_written() {
    let text = fs::read_to_string(ROOT_ZONE).unwrap();
    let mut reader = Reader::open(ROOT_ZONE, Name::ROOT).unwrap();
    let mut records = 0;
    let mut printed = Vec::new();
    for line in text.lines() {
        let record = reader
            .next_record()
            .unwrap()
            .expect("as many records as lines");
        records += 1;
        printed.clear();
        write_record(&record, &mut printed);
        let words: Vec<_> = line.split_whitespace().collect();
        let mut words = words.join(" ");
        if record.rtype == Rtype::AAAA {
            let (front, address) = words.rsplit_once(' ').unwrap();
            let address: std::net::Ipv6Addr = address.parse().unwrap(); // the file does not shorten them
            words = format!("{front} {address}");
        }
        assert_eq!(String::from_utf8_lossy(&printed), words);
    }
    assert!(reader.next_record().unwrap().is_none());
    assert_eq!(records, 21_591);
}

#[test]
fn the_root_zone_survives_the_writer() {
    let mut reader = Reader::open(ROOT_ZONE, Name::ROOT).unwrap();
    let mut writer = Writer::new(Vec::new());
    while let Some(record) = reader.next_record().unwrap() {
        writer.write(&record).unwrap();
    }
    let written = writer.finish().unwrap();
    let mut first = Reader::open(ROOT_ZONE, Name::ROOT).unwrap();
    let mut second = Reader::new(&written[..], Name::ROOT);
    while let Some(record) = first.next_record().unwrap() {
        assert_eq!(Some(record), second.next_record().unwrap());
    }
    assert!(second.next_record().unwrap().is_none());
}

#[test]
fn everything_of_rfc_1035_is_understood() {
    let text = r#"
; a comment, and an empty line

$ORIGIN Example.Org.
$TTL 1h30m
@ IN SOA ns hostmaster.mail ( 2026112201 ; serial (with parentheses)
        2h 15m
        1w   1d ) ; the end
    NS ns
    3600 IN NS  ns.other.
    IN 60 MX 10 mail
mail 1H A 192.0.2.1
$ORIGIN sub
@ TXT ( "a ; b ( c" d\;e
        "f\"g" )
a\.b A 192.0.2.2
* CNAME @
\042 type1 CLASS1 \# 4 ( C0 000203 )
"#;
    // The last line has its words in the wrong order, and says so.
    let error = refusal(text);
    assert!(
        matches!(
            error.kind,
            MasterErrorKind::Text(TextErrorKind::Value { field: "address" })
        ),
        "{error}"
    );
    assert_eq!(
        (error.line, error.column, error.token.as_str()),
        (18, 12, "CLASS1")
    );
    let text = text.replace("type1 CLASS1", "CLASS1 type1");
    assert_eq!(
        lines(&text),
        [
            "Example.Org. 5400 IN SOA ns.Example.Org. hostmaster.mail.Example.Org. 2026112201 7200 900 604800 86400",
            "Example.Org. 5400 IN NS ns.Example.Org.",
            "Example.Org. 3600 IN NS ns.other.",
            "Example.Org. 60 IN MX 10 mail.Example.Org.",
            "mail.Example.Org. 3600 IN A 192.0.2.1",
            r#"sub.Example.Org. 5400 IN TXT "a ; b ( c" "d;e" "f\"g""#,
            r"a\.b.sub.Example.Org. 5400 IN A 192.0.2.2",
            "*.sub.Example.Org. 5400 IN CNAME sub.Example.Org.",
            "*.sub.Example.Org. 5400 IN A 192.0.2.3",
        ]
    );
}

#[test]
fn a_missing_ttl_is_that_of_the_directive_the_line_before_or_the_soa() {
    let soa = "a. SOA b. c. 1 2 3 4 300\na. NS b.\n";
    assert_eq!(
        lines(soa),
        ["a. 300 IN SOA b. c. 1 2 3 4 300", "a. 300 IN NS b."]
    );
    assert_eq!(
        lines("a. 7 A 192.0.2.1\na. NS b."),
        ["a. 7 IN A 192.0.2.1", "a. 7 IN NS b."]
    );
    let directive = "$TTL 9\na. 7 A 192.0.2.1\na. NS b.";
    assert_eq!(lines(directive), ["a. 7 IN A 192.0.2.1", "a. 9 IN NS b."]);
    assert!(matches!(refusal("a. NS b.").kind, MasterErrorKind::NoTtl));
    assert!(matches!(
        refusal("a. 2147483648 NS b.").kind,
        MasterErrorKind::Ttl
    ));
    assert!(matches!(refusal("a. 1x NS b.").kind, MasterErrorKind::Ttl));
}

#[test]
fn line_ends_of_any_kind_and_a_missing_last_one_are_fine() {
    let expected = ["a. 1 IN A 192.0.2.1", "b. 1 IN A 192.0.2.2"];
    assert_eq!(lines("a. 1 A 192.0.2.1\r\nb. 1 A 192.0.2.2\r\n"), expected);
    assert_eq!(lines("a. 1 A 192.0.2.1\nb. 1 A 192.0.2.2"), expected);
    assert_eq!(
        lines("a. 1 A ( 192.0.2.1\r\n)\r\nb. 1 A 192.0.2.2;"),
        expected
    );
}

#[test]
fn errors_say_line_column_and_token() {
    let check = |text: &str, line, column, token: &str| {
        let error = refusal(text);
        assert_eq!(
            (error.line, error.column, error.token.as_str()),
            (line, column, token),
            "{text:?}: {error}"
        );
        error.kind
    };
    let kind = check("a. 1 A 192.0.2.1\na. 1 A 192.0.2.x\n", 2, 8, "192.0.2.x");
    assert!(matches!(
        kind,
        MasterErrorKind::Text(TextErrorKind::Value { field: "address" })
    ));
    let kind = check("a. 1 SOA b. c. (\n 1 2\n 3 4 ) ; no minimum\n", 3, 20, "");
    assert!(matches!(
        kind,
        MasterErrorKind::Text(TextErrorKind::Missing { field: "minimum" })
    ));
    let kind = check("a. 1 A (\n\n192.0.2.1", 3, 10, "");
    assert!(matches!(
        kind,
        MasterErrorKind::Text(TextErrorKind::Parentheses)
    ));
    let kind = check("a. 1 A 192.0.2.1 )", 1, 18, ")");
    assert!(matches!(
        kind,
        MasterErrorKind::Text(TextErrorKind::Parentheses)
    ));
    let kind = check(" 1 A 192.0.2.1", 1, 2, "1");
    assert!(matches!(kind, MasterErrorKind::NoOwner));
    let kind = check("a..b. 1 A 192.0.2.1", 1, 1, "a..b.");
    assert!(matches!(kind, MasterErrorKind::Name(_)));
    let kind = check("a. 1 IN FOO 1", 1, 9, "FOO");
    assert!(matches!(kind, MasterErrorKind::Type));
    let kind = check("a. 1 IN AXFR", 1, 9, "AXFR");
    assert!(matches!(kind, MasterErrorKind::Type));
    let kind = check("a. 1 TXT \"b", 1, 10, "\"b");
    assert!(matches!(kind, MasterErrorKind::Text(TextErrorKind::Quote)));
    let kind = check("\n$FOO a\n", 2, 1, "$FOO");
    assert!(matches!(kind, MasterErrorKind::Directive));
    let kind = check("$INCLUDE a\n", 1, 10, "a");
    assert!(matches!(kind, MasterErrorKind::NoDirectory));
    let error = refusal("a. 1 A 192.0.2.x\n");
    assert_eq!(
        error.to_string(),
        "line 1, column 8, at \"192.0.2.x\": not a valid address"
    );
}

#[test]
fn after_an_error_the_reader_goes_on_with_the_next_entry() {
    let text = "a. 1 A 192.0.2.x\nb. 1 A 192.0.2.2\n";
    let mut reader = Reader::new(text.as_bytes(), Name::ROOT);
    assert!(reader.next_record().is_err());
    assert_eq!(
        reader.next_record().unwrap().unwrap().to_string(),
        "b. 1 IN A 192.0.2.2"
    );
    assert!(reader.next_record().unwrap().is_none());
    assert!(reader.next_record().unwrap().is_none());
}

#[test]
fn an_endless_line_is_refused_without_being_kept() {
    let text = format!("a. 1 TXT {}\nb. 1 A 192.0.2.2\n", "x".repeat(3 << 20));
    let mut reader = Reader::new(BufReader::new(text.as_bytes()), Name::ROOT);
    let error = reader.next_record().unwrap_err();
    assert!(
        matches!(error.kind, MasterErrorKind::EntryTooLong),
        "{error}"
    );
    assert_eq!(error.line, 1);
    assert_eq!(
        reader.next_record().unwrap().unwrap().to_string(),
        "b. 1 IN A 192.0.2.2"
    );
}

#[test]
fn includes_are_relative_to_the_file_and_leave_owner_and_origin_alone() {
    let directory = std::env::temp_dir().join(format!("zonekit-include-{}", std::process::id()));
    fs::create_dir_all(directory.join("sub")).unwrap();
    let write = |name: &str, text: &str| fs::write(directory.join(name), text).unwrap();
    write(
        "zone",
        "$TTL 5\nx A 192.0.2.1\n$INCLUDE sub/one sub\n TXT after\n$INCLUDE \"sub/two\"\ny A 192.0.2.4\n",
    );
    write("sub/one", "www A 192.0.2.2\n$ORIGIN other.\n$INCLUDE two\n");
    write("sub/two", "two A 192.0.2.3\n");
    let origin: NameBuf = "example".parse().unwrap();
    let mut reader = Reader::open(directory.join("zone"), origin.as_name()).unwrap();
    let mut found = Vec::new();
    while let Some(record) = reader.next_record().unwrap() {
        found.push(record.to_string());
    }
    let expected = [
        "x.example. 5 IN A 192.0.2.1",
        "www.sub.example. 5 IN A 192.0.2.2",
        "two.other. 5 IN A 192.0.2.3",
        "x.example. 5 IN TXT \"after\"",
        "two.example. 5 IN A 192.0.2.3",
        "y.example. 5 IN A 192.0.2.4",
    ];
    assert_eq!(found, expected);

    write("loop", "$INCLUDE loop\n");
    let error = Reader::open(directory.join("loop"), Name::ROOT)
        .unwrap()
        .next_record()
        .unwrap_err();
    assert!(
        matches!(error.kind, MasterErrorKind::IncludeDepth),
        "{error}"
    );
    write("missing", "\n$INCLUDE nowhere\n");
    let error = Reader::open(directory.join("missing"), Name::ROOT)
        .unwrap()
        .next_record()
        .unwrap_err();
    assert!(matches!(error.kind, MasterErrorKind::Io(_)), "{error}");
    assert_eq!(
        error.file.as_deref(),
        Some(directory.join("missing").as_path())
    );
    assert_eq!((error.line, error.token.as_str()), (2, "nowhere"));
    fs::remove_dir_all(directory).unwrap();
}

/// Every way to be wrong, with all that is said of it.
#[test]
fn each_error_says_line_column_token_and_what_is_wrong() {
    let check = |text: &str, expected: &str| assert_eq!(refusal(text).to_string(), expected);
    check(
        "a..b. 1 A 1.2.3.4",
        r#"line 1, column 1, at "a..b.": name has an empty label"#,
    );
    check(
        "$ORIGIN \\256.",
        r#"line 1, column 9, at "\\256.": bad escape in name"#,
    );
    check(
        " 1 A 1.2.3.4",
        r#"line 1, column 2, at "1": no owner on this line or before"#,
    );
    check(
        "a. A 1.2.3.4",
        "line 1, column 13: no TTL on this line or before, and no $TTL",
    );
    check("$TTL 1y", r#"line 1, column 6, at "1y": not a valid TTL"#);
    check(
        "a. 2147483648 A 1.2.3.4",
        r#"line 1, column 4, at "2147483648": not a valid TTL"#,
    );
    check("a. 1 IN FOO", r#"line 1, column 9, at "FOO": not a type"#);
    check(
        "\n$FOO a",
        r#"line 2, column 1, at "$FOO": unknown directive"#,
    );
    check(
        "$INCLUDE a",
        r#"line 1, column 10, at "a": $INCLUDE in text that was not opened as a file"#,
    );
    check(
        "$GENERATE 2-1 a A 1.2.3.$",
        r#"line 1, column 11, at "2-1": not a valid range"#,
    );
    check(
        "$GENERATE 0-1048576 a 1 A 1.2.3.4",
        r#"line 1, column 11, at "0-1048576": $GENERATE of too many records"#,
    );
    check(
        "$GENERATE 1-2 a${0,3,q}. 1 A 1.2.3.4",
        r#"line 1, column 15, at "a${0,3,q}.": bad modifier behind $"#,
    );
    check(
        "\n$GENERATE 1-2 a$. 1 A 1.2.3.$.5",
        r#"line 2, column 23, at "1.2.3.$.5": not a valid address"#,
    );
    check("a. 1 MX 1", "line 1, column 10: exchange is missing");
    check(
        "a. 1 MX x a.",
        r#"line 1, column 9, at "x": not a valid preference"#,
    );
    check(
        "a. 1 NS .b",
        r#"line 1, column 9, at ".b": name: name has an empty label"#,
    );
    let long = "x".repeat(256);
    check(
        &format!("a. 1 TXT {long}"),
        &format!(r#"line 1, column 10, at "{long}": text is longer than 255 octets"#),
    );
    check(
        "a. 1 A 1.2.3.4 x",
        r#"line 1, column 16, at "x": nothing was expected here"#,
    );
    check("a. 1 TXT a\\", r#"line 1, column 10, at "a\\": bad escape"#);
    check(
        "a. 1 TXT \"a",
        r#"line 1, column 10, at "\"a": quoted string does not end"#,
    );
    check(
        "a. 1 A \"1.2.3.4\"",
        r#"line 1, column 8, at "\"1.2.3.4\"": must not be quoted"#,
    );
    check(
        "a. 1 URI 1 1 a",
        r#"line 1, column 14, at "a": must be quoted"#,
    );
    check(
        "a. 1 A 1.2.3.4 )",
        r#"line 1, column 16, at ")": parentheses do not match"#,
    );
    check(
        "a. 1 A (\n1.2.3.4",
        "line 2, column 8: parentheses do not match",
    );
    check(
        "a. 1 TYPE731 00",
        r#"line 1, column 14, at "00": data of this type is written as \# length hexadecimal"#,
    );
    check(
        "a. 1 TYPE731 \\# 1 0000",
        r#"line 1, column 17, at "1": length is 1, but there are 2 octets"#,
    );
    check(
        "a. 1 DS 1 8 2 (\n AA\n BB )",
        r#"line 2, column 2, at "AA": RDATA ends inside the digest, which begins at octet 4"#,
    );
    check(
        &format!("a. 1 TXT {}", "x ".repeat(MAX_ENTRY / 2)),
        "line 1, column 1: entry is too long",
    );
    check(
        &format!("a. 1 OPENPGPKEY {}", "AAAA".repeat(21_846)),
        &format!(
            r#"line 1, column 17, at "{}": the last field ends at octet 65535 of the RDATA, but 3 more follow"#,
            "AAAA".repeat(21_846)
        ),
    );
    let error = Reader::open("no/such/file", Name::ROOT).err().unwrap();
    assert_eq!(error.to_string(), "no/such/file: cannot be read");
}

/// What named-compilezone 9.18 makes of the same lines.
#[test]
fn generate_is_understood_as_bind_does() {
    let text = r#"$ORIGIN example.
$TTL 5
$GENERATE 1-9/4 w${0,3,d} CNAME h$
$GENERATE 254-255 x${0,4,x} IN CNAME X${1,0,X}.o${0,5,o}
$GENERATE 10-11 ${0,3,n}.${-10,1,N} PTR n${0,3,n}
$GENERATE 171-172 ${0,0,N}.q 60 IN PTR a.b.
$GENERATE 1-2 m$ MX "10 mail$"
$GENERATE 1-1 t$$\$$ TXT "\"a $\" \$ $$"
@ A 192.0.2.1
"#;
    let expected = [
        "w001.example. 5 IN CNAME h1.example.",
        "w005.example. 5 IN CNAME h5.example.",
        "w009.example. 5 IN CNAME h9.example.",
        "x00fe.example. 5 IN CNAME XFF.o00376.example.",
        "x00ff.example. 5 IN CNAME X100.o00377.example.",
        "a.0.0.example. 5 IN PTR na.0.example.",
        "b.0.1.example. 5 IN PTR nb.0.example.",
        "B.A.q.example. 60 IN PTR a.b.",
        "C.A.q.example. 60 IN PTR a.b.",
        "m1.example. 5 IN MX 10 mail1.example.",
        "m2.example. 5 IN MX 10 mail2.example.",
        r#"t\$\$1.example. 5 IN TXT "a 1" "$" "$""#,
        "example. 5 IN A 192.0.2.1",
    ];
    assert_eq!(lines(text), expected);
}

fn names() -> impl Strategy<Value = NameBuf> {
    let label = prop_oneof![
        "[a-z0-9-]{1,12}".prop_map(String::into_bytes),
        prop::collection::vec(any::<u8>(), 1..=63),
    ];
    prop::collection::vec(label, 0..6).prop_map(|labels| {
        let mut name = NameBuf::new();
        for label in labels {
            let _ = name.prepend_label(&label); // what makes it too long is left out
        }
        name
    })
}

fn records() -> impl Strategy<Value = RecordBuf> {
    let rtype = prop_oneof![0u16..=300, any::<u16>()].prop_map(Rtype);
    let rtype = rtype.prop_filter("no zone holds it", |rtype| !rtype.is_meta());
    let rdata = prop::collection::vec(any::<u8>(), 0..40);
    let shaped =
        (names(), names(), prop::collection::vec(any::<u8>(), 20)).prop_map(|(a, b, numbers)| {
            (
                Rtype::SOA,
                [a.as_name().as_octets(), b.as_name().as_octets(), &numbers].concat(),
            )
        });
    let data = prop_oneof![3 => (rtype, rdata), 1 => shaped];
    let class = prop_oneof![Just(Class::IN), Just(Class::CH), (256u16..).prop_map(Class)];
    (names(), class, 0u32..1 << 31, data).prop_map(|(owner, class, ttl, (rtype, rdata))| {
        RecordBuf {
            owner,
            rtype,
            class,
            ttl,
            rdata,
        }
    })
}

proptest! {
    /// Whatever a record holds, its line reads back to the same octets; only RDATA that does not fit its type, which
    /// prints in the form for unknown types, is refused.
    #[test]
    fn a_written_record_reads_back(record in records()) {
        let mut writer = Writer::new(Vec::new());
        writer.write(&record.as_record()).unwrap();
        let text = writer.finish().unwrap();
        let mut reader = Reader::new(&text[..], Name::ROOT);
        match zonekit_wire::rdata::validate(record.rtype, &record.rdata) {
            Ok(()) => {
                let read = reader.next_record().unwrap().unwrap();
                prop_assert_eq!(read, record.as_record());
                prop_assert_eq!(read.owner.as_octets(), record.owner.as_name().as_octets());
            }
            Err(_) => prop_assert!(reader.next_record().is_err()),
        }
    }

    /// No text panics the reader, and every error is inside the text.
    #[test]
    fn any_text_reads_or_is_refused(text in "([a-z@*.]{1,3}|[ \t\r\n();\"\\\\#0-9]|IN|A|TXT|SOA|NSEC|LOC|SVCB|APL|alpn=|\\$TTL |\\$ORIGIN |1|\\PC){0,60}") {
        let mut reader = Reader::new(text.as_bytes(), Name::ROOT);
        let lines = text.split('\n').count() as u64;
        for _ in 0..=lines {
            match reader.next_record() {
                Ok(Some(record)) => {
                    let _ = Record { ..record }.to_string();
                }
                Ok(None) => return Ok(()),
                Err(error) => prop_assert!(error.line >= 1 && error.line <= lines + 1, "{}", error),
            }
        }
        prop_assert!(reader.next_record().is_ok_and(|record| record.is_none()));
    }
}
