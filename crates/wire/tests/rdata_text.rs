//! Every RR type in three forms: text as people write it, text as BIND prints it, octets.

use zonekit_wire::{Name, RdataError, Rtype, rdata, text};

struct Row {
    line: usize,
    rtype: Rtype,
    written: &'static str,
    printed: &'static str,
    rdata: Vec<u8>,
}

fn corpus() -> Vec<Row> {
    let lines = include_str!("data/rdata.tsv").lines().enumerate();
    lines
        .filter(|(_, line)| !line.starts_with('#'))
        .map(|(number, line)| {
            let columns: Vec<_> = line.split('\t').collect();
            let [rtype, written, printed, hex] = columns[..] else {
                panic!("line {}", number + 1)
            };
            Row {
                line: number + 1,
                rtype: rtype.parse().unwrap(),
                written,
                printed: if printed == "=" { written } else { printed },
                rdata: unhex(hex),
            }
        })
        .collect()
}

fn unhex(hex: &str) -> Vec<u8> {
    let digits = hex.trim_matches('-').as_bytes().chunks(2);
    digits
        .map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

fn read(rtype: Rtype, written: &str) -> Result<Vec<u8>, text::TextError> {
    let mut rdata = Vec::new();
    text::read_rdata(rtype, written, Name::ROOT, &mut rdata)?;
    Ok(rdata)
}

#[test]
fn every_known_type_is_in_the_corpus() {
    let corpus = corpus();
    for number in (1..=u16::MAX)
        .map(Rtype)
        .filter(|&rtype| rdata::is_known(rtype))
    {
        assert!(corpus.iter().any(|row| row.rtype == number), "{number}");
        assert!(number.mnemonic().is_some(), "{number}");
    }
}

#[test]
fn text_gives_the_octets_that_bind_gives() {
    for Row {
        line,
        rtype,
        written,
        rdata,
        ..
    } in corpus()
    {
        assert_eq!(
            read(rtype, written).as_ref(),
            Ok(&rdata),
            "line {line}: {rtype} {written}"
        );
    }
}

#[test]
fn octets_print_as_bind_prints_them_and_read_back() {
    for Row {
        line,
        rtype,
        printed,
        rdata,
        ..
    } in corpus()
    {
        rdata::validate(rtype, &rdata)
            .unwrap_or_else(|error| panic!("line {line}: {rtype}: {error}"));
        let text = rdata::display(rtype, &rdata).to_string();
        assert_eq!(text, printed, "line {line}: {rtype}");
        assert_eq!(
            read(rtype, &text).as_ref(),
            Ok(&rdata),
            "line {line}: {rtype} {text}"
        );
    }
}

#[test]
fn every_type_reads_the_form_for_unknown_types() {
    for Row {
        line, rtype, rdata, ..
    } in corpus()
    {
        let mut unknown = Vec::new();
        text::write_unknown_rdata(&rdata, &mut unknown);
        let unknown = String::from_utf8(unknown).unwrap();
        assert_eq!(
            read(rtype, &unknown).as_ref(),
            Ok(&rdata),
            "line {line}: {rtype} {unknown}"
        );
    }
}

/// What is one octet short ends inside a field, or is itself right, but never panics; what is right prints and reads
/// back.
#[test]
fn every_cut_is_refused_or_reads_back() {
    for Row {
        line, rtype, rdata, ..
    } in corpus()
    {
        for end in 0..rdata.len() {
            let cut = &rdata[..end];
            let text = rdata::display(rtype, cut).to_string();
            match rdata::validate(rtype, cut) {
                Ok(()) => assert_eq!(
                    read(rtype, &text).as_deref(),
                    Ok(cut),
                    "line {line}: {rtype} {text}"
                ),
                Err(_) => assert!(text.starts_with("\\# "), "line {line}: {rtype} {text}"),
            }
        }
    }
}

/// Types whose last field does not take all that is left.
#[test]
fn one_octet_short_or_long_is_refused() {
    let open = "NULL TXT SPF NINFO AVC RESINFO WALLET OPENPGPKEY DHCID KEY RKEY DNSKEY CDNSKEY CERT SINK EID NIMLOC \
        NSAP ATMA SIG RRSIG TLSA SMIMEA IPSECKEY URI CAA DOA HIP HHIT BRID WKS ISDN LOC AMTRELAY APL \
        SSHFP DS CDS TA DLV ZONEMD SVCB HTTPS CSYNC NSEC3 NXT TYPE731 TYPE65280 UINFO UID GID UNSPEC";
    let open: Vec<Rtype> = open
        .split_whitespace()
        .map(|rtype| rtype.parse().unwrap())
        .collect();
    for Row {
        line, rtype, rdata, ..
    } in corpus()
    {
        if open.contains(&rtype) {
            continue;
        }
        let short = rdata::validate(rtype, &rdata[..rdata.len() - 1]);
        assert!(short.is_err(), "line {line}: {rtype}");
        let long = rdata::validate(rtype, &[&rdata[..], b"\0"].concat());
        assert!(long.is_err(), "line {line}: {rtype}");
    }
}

#[test]
fn what_bind_refuses_is_refused() {
    let octets: &[(&str, &str)] = &[
        ("A", "0a0000"),
        ("A", "0a00000100"),
        ("AAAA", "00"),
        ("NS", "0161"),
        ("NS", "01610000"),
        ("NS", "c000"),
        ("NS", "4161"),
        ("SOA", "0000000000010000000100000001000000010000"),
        ("MX", "0001"),
        ("TXT", "-"),
        ("TXT", "0261"),
        ("HINFO", "0161"),
        ("X25", "023132"),
        ("DS", "0001080201"),
        ("DS", "00010801000102030405060708090a0b0c0d0e0f1011121314"),
        ("DS", "00010809"),
        ("SSHFP", "0101AA"),
        ("ZONEMD", "000000010101AA"),
        ("ZONEMD", "00000001010900112233445566778899AA"),
        ("DNSKEY", "01000308"),
        ("RRSIG", "0001080200000e1000000001000000020001016100"),
        ("NSEC", "016100"),
        ("NSEC", "0161000000"),
        ("NSEC", "0161000002c000"),
        ("NSEC", "01610000024000"),
        ("NSEC", "016100010140000140"),
        ("NSEC3", "010000000000"),
        ("TLSA", "030101"),
        ("CAA", "0000"),
        ("CAA", "0001"),
        ("CAA", "0001c3"),
        ("SVCB", "0001000003000100"),
        ("SVCB", "000100000300020001000300020001"),
        ("SVCB", "0001000004000100020001"),
        ("SVCB", "0001000001000100"),
        ("SVCB", "0001000001000102"),
        ("SVCB", "00010000000002000100"),
        ("SVCB", "00010000020000"),
        ("SVCB", "00010000040000"),
        ("SVCB", "000100000700022f61"),
        ("LOC", "000000008b0d2c8c7ff8fca5009896"),
        ("LOC", "00a000008b0d2c8c7ff8fca500989680"),
        ("LOC", "00120000ffffffff7ff8fca500989680"),
        ("APL", "000121040a000001"),
        ("APL", "000118030a0000"),
        ("APL", "000118050a00000101"),
        ("IPSECKEY", "0104000101"),
        ("IPSECKEY", "010100c00002"),
        ("AMTRELAY", "0101c00002"),
        ("HIP", "000200010000"),
        ("EUI48", "0000000000"),
        ("NID", "000100000000000000"),
        ("A6", "81"),
        ("DSYNC", "003b010035"),
    ];
    for (rtype, hex) in octets {
        let rtype: Rtype = rtype.parse().unwrap();
        assert!(
            rdata::validate(rtype, &unhex(hex)).is_err(),
            "{rtype} {hex}"
        );
    }
}

#[test]
fn text_that_bind_refuses_is_refused() {
    let rows = [
        "A 192.0.2.256",
        "A 192.0.2",
        "A 192.0.2.1 x",
        "A 192.0.02.1",
        "A",
        "A \\# 3 0a0000",
        "A \\# 4 0a0000",
        "A \\# 4 0a00000",
        "AAAA 1::2::3",
        "AAAA 12345::",
        "NS a..b.",
        "NS .a.",
        "NS \\256.",
        "NS \\25",
        "MX 65536 a.",
        "MX -1 a.",
        "MX a.",
        "SOA a. b. 1 2 3 4",
        "SOA a. b. 4294967296 2 3 4 5",
        "TXT \"a",
        "TXT",
        "TXT (a",
        "TXT a)",
        "DS 1 8 2 AABB",
        "DS 1 8 9 AAB",
        "DS 1 8 9 AAXX",
        "DNSKEY 256 3 8",
        "DNSKEY 256 3 8 AwE",
        "DNSKEY 256 3 8 AwEA=",
        "DNSKEY 256 3 8 AwF=",
        "DNSKEY 256 3 8 AwEAAQ==AAAA",
        "RRSIG A 8 2 3600 20201301190000 20201019180000 26116 a. AAAA",
        "RRSIG FOO 8 2 3600 20201101190000 20201019180000 26116 a. AAAA",
        "NSEC a.",
        "NSEC a. A FOO",
        "NSEC3 1 0 0 - 2t7b4g4vsa5smi47k61mv5bv1a22bojw",
        "NSEC3PARAM 1 0 0 abc",
        "X25 12",
        "CAA 0 a-b x",
        "CAA 256 issue x",
        "SVCB 1 . alpn=",
        "SVCB 1 . mandatory=port",
        "SVCB 1 . mandatory=mandatory",
        "SVCB 1 . port=65536",
        "SVCB 1 . port=1 port=2",
        "SVCB 1 . no-default-alpn",
        "SVCB 1 . key01=a",
        "SVCB 1 . foo=a",
        "LOC 91 N 0 E 0",
        "LOC 51 60 N 0 E 0",
        "LOC 51 N 0 E",
        "APL 1:1.2.3.4/33",
        "APL 3:1.2.3.4/3",
        "EUI48 00-00-5e-00-53",
        "EUI48 00:00:5e:00:53:2a",
        "NID 1 0:0:0",
        "HIP 2 - AwEA",
        "IPSECKEY 10 4 0 . AAAA",
        "NULL 00",
        "TYPE731 00",
        "TYPE731 \\# 65536 00",
    ];
    for row in rows {
        let (rtype, written) = row.split_once(' ').unwrap_or((row, ""));
        assert!(read(rtype.parse().unwrap(), written).is_err(), "{row}");
    }
}

#[test]
fn the_longest_rdata_there_can_be_goes_round_and_one_octet_more_is_refused() {
    let longest = rdata::MAX_RDATA;
    let strings = |octets: usize| -> Vec<u8> {
        let whole = [&[255][..], &[7; 255]].concat().repeat(octets / 256);
        let rest = octets % 256; // a length and as many octets, or nothing
        [whole, vec![rest.saturating_sub(1) as u8; rest]].concat()
    };
    for (rtype, rdata) in [
        (Rtype::TXT, strings(longest)),
        (Rtype::OPENPGPKEY, vec![1; longest]),
        (Rtype(731), vec![2; longest]),
        (Rtype::URI, vec![200; longest]),
    ] {
        rdata::validate(rtype, &rdata).unwrap();
        let text = rdata::display(rtype, &rdata).to_string();
        assert!(read(rtype, &text).unwrap() == rdata, "{rtype}");
        let longer = match rtype {
            Rtype::TXT => strings(longest + 1),
            _ => [&rdata[..], &[3]].concat(),
        };
        assert!(rdata::validate(rtype, &longer).is_err(), "{rtype}");
    }
}

#[test]
fn the_longest_name_goes_round_and_one_octet_more_is_refused() {
    let label = "\\007".repeat(63);
    let longest = format!("{label}.{label}.{label}.{}.", "\\.".repeat(61));
    let rdata = read(Rtype::NS, &longest).unwrap();
    assert_eq!(rdata.len(), 255);
    assert_eq!(rdata::display(Rtype::NS, &rdata).to_string(), longest);
    for longer in [
        format!("a.{longest}"),
        longest.replacen("\\.", "\\.\\.", 1),
        format!("{label}a."),
    ] {
        assert!(read(Rtype::NS, &longer).is_err());
    }
}

#[test]
fn errors_name_the_field_the_place_and_the_token() {
    let error = read(Rtype::SOA, "a. b. 1 2h x 4 5").unwrap_err();
    assert_eq!(error.kind, text::TextErrorKind::Value { field: "retry" });
    assert_eq!((error.token.as_str(), error.offset), ("x", 11));
    let error = read(Rtype::MX, "10").unwrap_err();
    assert_eq!(
        error.kind,
        text::TextErrorKind::Missing { field: "exchange" }
    );
    let error = rdata::validate(Rtype::NSEC, b"\x01a\x00\x00\x00").unwrap_err();
    assert_eq!(
        error,
        RdataError::Value {
            field: "types",
            offset: 4
        }
    );
}
