//! Records and RDATA as presentation text.

use super::{odd, put, svcb, time};
use crate::rdata::bitmap::{types, types_of_window};
use crate::rdata::{Kind, RdataError, Walk};
use crate::{Class, Record, Rtype};

/// Appends a record on one line without its end: `owner TTL class type rdata`, joined by single blanks.
///
/// Names are absolute, hexadecimal and base64 unbroken, as `dig +nosplit` prints them. RDATA that does not fit its
/// type is in the form for unknown types.
///
/// ```
/// use zonekit_wire::{Class, Name, Record, Rtype, text};
///
/// let owner = Name::from_octets(b"\x07example\x03org\x00")?;
/// let record = Record { owner, rtype: Rtype::A, class: Class::IN, ttl: 3600, rdata: &[192, 0, 2, 1] };
/// let mut line = Vec::new();
/// text::write_record(&record, &mut line);
/// assert_eq!(line, b"example.org. 3600 IN A 192.0.2.1");
/// # Ok::<(), zonekit_wire::NameError>(())
/// ```
pub fn write_record(record: &Record<'_>, out: &mut Vec<u8>) {
    write_record_with(record, b' ', out);
}

/// Appends a record as [`write_record`] does, with `blank` between its columns.
pub(crate) fn write_record_with(record: &Record<'_>, blank: u8, out: &mut Vec<u8>) {
    put::name(record.owner, out);
    out.push(blank);
    put::decimal(record.ttl, out);
    out.push(blank);
    match record.class {
        Class::IN => out.extend_from_slice(b"IN"),
        class => match class.mnemonic() {
            Some(mnemonic) => out.extend_from_slice(mnemonic.as_bytes()),
            None => generic(b"CLASS", class.0, out),
        },
    }
    out.push(blank);
    write_rtype(record.rtype, out);
    let start = out.len();
    out.push(blank);
    write_rdata(record.rtype, record.rdata, out);
    if out.len() == start + 1 {
        out.truncate(start); // an APL may have nothing in it
    }
}

/// Appends the mnemonic of a type, or `TYPE123`.
pub(crate) fn write_rtype(rtype: Rtype, out: &mut Vec<u8>) {
    match rtype.mnemonic() {
        Some(mnemonic) => out.extend_from_slice(mnemonic.as_bytes()),
        None => generic(b"TYPE", rtype.0, out),
    }
}

fn generic(prefix: &[u8], number: u16, out: &mut Vec<u8>) {
    out.extend_from_slice(prefix);
    put::decimal(number.into(), out);
}

/// Appends RDATA; what does not fit its type in the form for unknown types ([RFC 3597 §5]).
///
/// [RFC 3597 §5]: https://www.rfc-editor.org/rfc/rfc3597#section-5
pub fn write_rdata(rtype: Rtype, rdata: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    match write_fields(rtype, rdata, out) {
        Ok(Form::Own) => {}
        Ok(Form::Unknown) | Err(_) => {
            out.truncate(start);
            write_unknown_rdata(rdata, out);
        }
    }
}

/// Appends RDATA in the form for unknown types: `\#`, the length, hexadecimal.
pub fn write_unknown_rdata(rdata: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(b"\\# ");
    put::decimal(rdata.len().try_into().unwrap_or(u32::MAX), out);
    if !rdata.is_empty() {
        out.push(b' ');
        put::hex(rdata, out);
    }
}

/// Which form a value has.
pub(super) enum Form {
    /// One of its own.
    Own,
    /// None but that of unknown types.
    Unknown,
}

fn write_fields(rtype: Rtype, rdata: &[u8], out: &mut Vec<u8>) -> Result<Form, RdataError> {
    let start = out.len();
    let mut walk = Walk::of(rtype, rdata);
    while let Some((kind, octets)) = walk.step()? {
        let blank = out.len();
        if blank > start {
            out.push(b' ');
        }
        let value = out.len();
        if let Form::Unknown = write_field(kind, octets, out) {
            return Ok(Form::Unknown);
        }
        if out.len() == value {
            out.truncate(blank); // nothing to say, so no blank before it
        }
    }
    walk.finish()?;
    Ok(Form::Own)
}

/// Appends one field, which has been measured, so that its octets are as the kind wants them.
#[inline]
fn write_field(kind: Kind, octets: &[u8], out: &mut Vec<u8>) -> Form {
    match (kind, octets) {
        (Kind::Name(_), name) => put::flat_name(name, out),
        (Kind::U8 | Kind::Algorithm, [number]) => put::decimal((*number).into(), out),
        (Kind::U16 | Kind::Zero, [a, b]) => put::decimal(u16::from_be_bytes([*a, *b]).into(), out),
        (Kind::U32 | Kind::Seconds, [a, b, c, d]) => {
            put::decimal(u32::from_be_bytes([*a, *b, *c, *d]), out)
        }
        (Kind::Timestamp | Kind::Date, [a, b, c, d]) => {
            time::put(u32::from_be_bytes([*a, *b, *c, *d]), out)
        }
        (Kind::Ipv4, [a, b, c, d]) => put::ipv4([*a, *b, *c, *d], out),
        (Kind::Ipv6, octets) => put::ipv6(octets.first_chunk().copied().unwrap_or_default(), out),
        (Kind::Rtype, [a, b]) => write_rtype(Rtype(u16::from_be_bytes([*a, *b])), out),
        (
            Kind::Hex | Kind::OptionalHex | Kind::DsDigest | Kind::Fingerprint | Kind::ZoneDigest,
            octets,
        ) => {
            put::hex(octets, out);
        }
        (Kind::Base64 | Kind::OptionalBase64 | Kind::Key, octets) => put::base64(octets, out),
        (Kind::Bitmap | Kind::OptionalBitmap, octets) => joined(types(octets), out),
        (Kind::NxtBitmap, octets) => joined(types_of_window(0, octets), out),
        (Kind::String | Kind::Digits | Kind::OptionalString, [_, string @ ..]) => {
            put::quoted(string, out)
        }
        (Kind::OptionalString, []) => {}
        (Kind::Strings, octets) => strings(octets, out),
        (Kind::Text | Kind::QuotedText, octets) => put::quoted(octets, out),
        (Kind::Tag, [_, tag @ ..]) => out.extend_from_slice(tag),
        (Kind::Salt, [0]) => out.push(b'-'),
        (Kind::Salt, [_, salt @ ..]) => put::hex(salt, out),
        (Kind::Hash, [_, hash @ ..]) => put::base32hex(hash, out),
        (Kind::SvcParams, octets) => svcb::put(octets, out),
        (Kind::Eui48 | Kind::Eui64, octets) => put::dashed_hex(octets, out),
        (kind, octets) => return odd::put(kind, octets, out),
    }
    Form::Own
}

/// Appends types, joined by blanks.
fn joined(types: impl Iterator<Item = Rtype>, out: &mut Vec<u8>) {
    for (at, rtype) in types.enumerate() {
        if at > 0 {
            out.push(b' ');
        }
        write_rtype(rtype, out);
    }
}

/// Appends character-strings, joined by blanks.
fn strings(octets: &[u8], out: &mut Vec<u8>) {
    let mut rest = octets;
    while let [length, behind @ ..] = rest {
        let (string, behind) = behind
            .split_at_checked((*length).into())
            .unwrap_or((behind, &[]));
        if rest.len() < octets.len() {
            out.push(b' ');
        }
        put::quoted(string, out);
        rest = behind;
    }
}
