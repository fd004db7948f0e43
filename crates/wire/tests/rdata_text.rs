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
    text::read_rdata(
        rtype,
        written,
        Name::from_octets(b"\x07example\0").unwrap(),
        &mut rdata,
    )?;
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
        SSHFP DS CDS TA DLV ZONEMD SVCB HTTPS CSYNC NSEC3 NXT UINFO UID GID UNSPEC";
    let open: Vec<Rtype> = open
        .split_whitespace()
        .map(|rtype| rtype.parse().unwrap())
        .collect();
    for Row {
        line, rtype, rdata, ..
    } in corpus()
    {
        if open.contains(&rtype) || !rdata::is_known(rtype) {
            continue;
        }
        let short = rdata::validate(rtype, &rdata[..rdata.len() - 1]);
        assert!(short.is_err(), "line {line}: {rtype}");
        let long = rdata::validate(rtype, &[&rdata[..], b"\0"].concat());
        assert!(long.is_err(), "line {line}: {rtype}");
    }
}

/// The columns of a corpus of what is refused, without its comments.
fn refused(corpus: &'static str) -> impl Iterator<Item = (Rtype, &'static str, &'static str)> {
    let lines = corpus.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| {
        let columns: Vec<_> = line.split('\t').collect();
        let [rtype, given, error, _takers, _rfc] = columns[..] else {
            panic!("{line}")
        };
        (rtype.parse().unwrap(), given, error)
    })
}

#[test]
fn refused_octets_are_refused_by_field_and_offset() {
    for (rtype, hex, expected) in refused(include_str!("data/refused_wire.tsv")) {
        let octets = unhex(hex);
        let error = rdata::validate(rtype, &octets).expect_err(hex);
        assert_eq!(error.to_string(), expected, "{rtype} {hex}");
        assert!(error.offset() <= octets.len(), "{rtype} {hex}");
        let text = rdata::display(rtype, &octets).to_string();
        assert!(text.starts_with("\\# "), "{rtype} {hex}");
        assert!(read(rtype, &text).is_err(), "{rtype} {hex}");
    }
}

#[test]
fn refused_text_is_refused_by_token_and_field() {
    for (rtype, given, expected) in refused(include_str!("data/refused_text.tsv")) {
        let error = read(rtype, given).expect_err(given);
        assert_eq!(error.to_string(), expected, "{rtype} {given}");
        let token = &given[error.offset..error.offset + error.token.len()];
        assert_eq!(token, error.token, "{rtype} {given}");
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
