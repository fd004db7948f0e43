//! RDATA has three forms, and they agree: octets, the text of its type, and the text of unknown types (RFC 3597).

use zonekit_wire::{
    Class, Compressor, Message, MessageWriter, Name, Record, Rtype, Section, Unpacker, rdata, text,
};

/// Two octets are a type, and the rest is read as its RDATA and as its text: what passes comes back the same from each
/// of its forms and out of a message, and what does not pass has the form for unknown types alone.
pub fn rdata(octets: &[u8]) {
    let [high, low, rest @ ..] = octets else {
        return;
    };
    let rtype = Rtype(u16::from_be_bytes([*high, *low]));
    let printed = print(rtype, rest);
    match rdata::validate(rtype, rest) {
        Ok(()) => check(rtype, rest),
        Err(error) => {
            assert!(printed.starts_with("\\# "), "{rtype} {printed}: {error}");
            assert!(rdata::is_known(rtype) || rest.len() > rdata::MAX_RDATA);
            assert!(read(rtype, &printed).is_err(), "{rtype} {printed}");
        }
    }
    if let Ok(text) = str::from_utf8(rest)
        && let Ok(rdata) = read(rtype, text)
    {
        check(rtype, &rdata);
    }
}

fn check(rtype: Rtype, rdata: &[u8]) {
    assert_eq!(rdata::validate(rtype, rdata), Ok(()), "{rtype} {rdata:?}");
    let printed = print(rtype, rdata);
    assert!(
        printed.is_ascii() && !printed.contains(['\n', '\r']),
        "{printed:?}"
    );
    assert_eq!(printed, rdata::display(rtype, rdata).to_string());
    assert_eq!(
        read(rtype, &printed).as_deref(),
        Ok(rdata),
        "{rtype} {printed}"
    );

    let mut unknown = Vec::new();
    text::write_unknown_rdata(rdata, &mut unknown);
    let unknown = String::from_utf8(unknown).expect("ASCII");
    assert_eq!(
        read(rtype, &unknown).as_deref(),
        Ok(rdata),
        "{rtype} {unknown}"
    );

    let pieces: Vec<u8> = rdata::pieces(rtype, rdata)
        .flat_map(|piece| match piece {
            rdata::Piece::Name(name) => name.as_octets(),
            rdata::Piece::Octets(octets) => octets,
        })
        .copied()
        .collect();
    assert_eq!(pieces, rdata);

    let mut canonical = Vec::new();
    rdata::canonical(rtype, rdata, &mut canonical);
    assert_eq!(rdata::validate(rtype, &canonical), Ok(()));
    assert!(rdata::eq(rtype, rdata, &canonical));
    assert!(rdata::cmp(rtype, rdata, &canonical).is_eq());
    assert!(rdata::cmp_without_case(rtype, rdata, &canonical).is_eq());
    let mut again = Vec::new();
    rdata::canonical(rtype, &canonical, &mut again);
    assert_eq!(again, canonical);

    through_message(rtype, rdata);
}

/// Twice, so that the names of the second point at those of the first where they may.
fn through_message(rtype: Rtype, rdata: &[u8]) {
    let record = Record {
        owner: Name::ROOT,
        rtype,
        class: Class::IN,
        ttl: 1,
        rdata,
    };
    let (mut octets, mut compressor) = (Vec::new(), Compressor::new());
    let mut writer = MessageWriter::new(&mut octets, 65_535, &mut compressor);
    let written = (0..2)
        .take_while(|_| writer.record(Section::Answer, &record).is_ok())
        .count();
    assert!(written == 2 || rdata.len() > 30_000);
    writer.finish();
    let mut unpacker = Unpacker::new();
    let records = Message::new(&octets)
        .and_then(Message::records)
        .expect("what we wrote");
    let mut count = 0;
    for item in records {
        let (_, packed) = item.expect("what we wrote");
        assert_eq!(unpacker.unpack(packed), Ok(record));
        count += 1;
    }
    assert_eq!(count, written);
}

fn print(rtype: Rtype, rdata: &[u8]) -> String {
    let mut out = Vec::new();
    text::write_rdata(rtype, rdata, &mut out);
    String::from_utf8(out).expect("ASCII")
}

fn read(rtype: Rtype, text: &str) -> Result<Vec<u8>, text::TextError> {
    let mut out = b"before".to_vec();
    let result = text::read_rdata(rtype, text, Name::ROOT, &mut out);
    let read = out.strip_prefix(b"before").expect("what was there");
    assert!(result.is_ok() || read.is_empty(), "an error leaves nothing");
    result.map(|()| read.to_vec())
}
