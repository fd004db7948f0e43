//! RDATA out of presentation text.

use super::error::{TextError, TextErrorKind};
use super::mnemonics::{self, ALGORITHMS, CERT_TYPES, Mnemonics, SCHEMES};
use super::scan::{Token, Tokens, unescape};
use super::{odd, svcb, take, time};
use crate::rdata::{self, Field, Kind, bitmap};
use crate::{Name, Rtype};

/// Appends the RDATA that `text` says, names relative to `origin`. The form for unknown types, `\# length hex`, is
/// understood for all types.
///
/// ```
/// use zonekit_wire::{Name, Rtype, text};
///
/// let mut rdata = Vec::new();
/// text::read_rdata(Rtype::MX, "10 mail", Name::ROOT, &mut rdata)?;
/// assert_eq!(rdata, b"\x00\x0a\x04mail\x00");
/// # Ok::<(), text::TextError>(())
/// ```
///
/// # Errors
///
/// When the text is not that of the type, with the token that shows it; `out` is then as before.
pub fn read_rdata(
    rtype: Rtype,
    text: &str,
    origin: Name<'_>,
    out: &mut Vec<u8>,
) -> Result<(), TextError> {
    let mut tokens = Tokens::new(text.as_bytes());
    let start = out.len();
    read_fields(rtype, &mut tokens, origin, out).map_err(|kind| {
        out.truncate(start);
        let last = tokens.last();
        let token = text.as_bytes().get(last.clone()).unwrap_or_default();
        TextError {
            kind,
            token: String::from_utf8_lossy(token).into_owned(),
            offset: last.start,
        }
    })
}

/// Appends the RDATA that the rest of an entry says.
pub(crate) fn read_fields(
    rtype: Rtype,
    tokens: &mut Tokens<'_>,
    origin: Name<'_>,
    out: &mut Vec<u8>,
) -> Result<(), TextErrorKind> {
    let (start, first) = (out.len(), tokens.place());
    if tokens.take_unknown_mark()? {
        unknown(tokens, out)?;
    } else {
        for field in rdata::fields(rtype) {
            read_field(field, tokens, origin, out)?;
        }
        tokens.finish()?;
    }
    rdata::validate(rtype, out.get(start..).unwrap_or_default()).map_err(|error| {
        tokens.go_back_to(first);
        point_at(error.offset(), rtype, tokens, origin);
        error.into()
    })
}

/// Makes the first token of the field in which the octet at `offset` lies the last one, so that an error shows it.
/// `tokens` stand before the RDATA, which is known to read.
#[cold]
fn point_at(offset: usize, rtype: Rtype, tokens: &mut Tokens<'_>, origin: Name<'_>) {
    if let Ok(true) = tokens.take_unknown_mark() {
        let _ = tokens.next().and_then(|_| tokens.next()); // the length, then the octets if there are any
        return;
    }
    let mut octets = Vec::new();
    for field in rdata::fields(rtype) {
        let place = tokens.place();
        let Ok(Some(_)) = tokens.next() else {
            return; // the field is missing, and the end of the entry shows it
        };
        let first = tokens.last();
        tokens.go_back_to(place);
        if read_field(field, tokens, origin, &mut octets).is_err() {
            return;
        }
        tokens.point_at(first);
        if offset < octets.len() {
            return;
        }
    }
}

/// `length hex`, behind `\#` ([RFC 3597 §5](https://www.rfc-editor.org/rfc/rfc3597#section-5)).
fn unknown(tokens: &mut Tokens<'_>, out: &mut Vec<u8>) -> Result<(), TextErrorKind> {
    let field = "length";
    let says = take::decimal(tokens.expect(field)?).ok_or(TextErrorKind::Value { field })?;
    let says = usize::from(u16::try_from(says).map_err(|_| TextErrorKind::Value { field })?);
    let length = tokens.last();
    let start = out.len();
    take::hex_to_end(tokens, "hexadecimal", out)?;
    match out.len() - start {
        octets if octets == says => Ok(()),
        octets => {
            tokens.point_at(length);
            Err(TextErrorKind::Length { says, octets })
        }
    }
}

#[inline]
fn read_field(
    field: &'static Field,
    tokens: &mut Tokens<'_>,
    origin: Name<'_>,
    out: &mut Vec<u8>,
) -> Result<(), TextErrorKind> {
    let name = field.name;
    let bad = TextErrorKind::Value { field: name };
    match field.kind {
        Kind::Name(_) => read_name(tokens, name, origin, out)?,
        Kind::U8 => out.push(number(tokens, name)?),
        Kind::U16 | Kind::Zero => out.extend(number::<u16>(tokens, name)?.to_be_bytes()),
        Kind::U32 => out.extend(number::<u32>(tokens, name)?.to_be_bytes()),
        Kind::Seconds => out.extend(
            take::seconds(tokens.expect(name)?)
                .ok_or(bad)?
                .to_be_bytes(),
        ),
        Kind::Timestamp => out.extend(time::parse(tokens.expect(name)?).ok_or(bad)?.to_be_bytes()),
        Kind::Date => out.extend(
            time::parse_date(tokens.expect(name)?)
                .ok_or(bad)?
                .to_be_bytes(),
        ),
        Kind::Ipv4 => out.extend(take::ipv4(tokens.expect(name)?).ok_or(bad)?),
        Kind::Ipv6 => out.extend(take::ipv6(tokens.expect(name)?).ok_or(bad)?),
        Kind::Rtype => out.extend(
            take::rtype(tokens.expect(name)?)
                .ok_or(bad)?
                .0
                .to_be_bytes(),
        ),
        Kind::Algorithm | Kind::CertAlgorithm => out.push(named(ALGORITHMS, tokens, name)?),
        Kind::CertType => out.extend(named::<u16>(CERT_TYPES, tokens, name)?.to_be_bytes()),
        Kind::Scheme => out.push(named(SCHEMES, tokens, name)?),
        Kind::Hex | Kind::OptionalHex | Kind::DsDigest | Kind::Fingerprint | Kind::ZoneDigest => {
            take::hex_to_end(tokens, name, out)?
        }
        Kind::Base64 | Kind::OptionalBase64 | Kind::Key => take::base64_to_end(tokens, name, out)?,
        Kind::Bitmap | Kind::OptionalBitmap | Kind::NxtBitmap => {
            read_types(field.kind, tokens, name, out)?
        }
        Kind::String | Kind::Digits => string(tokens.expect_string(name)?, name, out)?,
        Kind::Tag => counted(name, out, |out| unescape(tokens.expect(name)?, out))?,
        Kind::OptionalString => {
            if let Some(token) = tokens.next()? {
                string(token, name, out)?;
            }
        }
        Kind::Strings => {
            string(tokens.expect_string(name)?, name, out)?;
            while let Some(token) = tokens.next()? {
                string(token, name, out)?;
            }
        }
        Kind::Text | Kind::QuotedText => {
            let start = out.len();
            let Token { text, quoted } = tokens.expect_string(name)?;
            if field.kind == Kind::QuotedText && !quoted {
                return Err(TextErrorKind::Unquoted);
            }
            unescape(text, out)?;
            if out.len() - start > rdata::MAX_RDATA {
                return Err(TextErrorKind::TooLong {
                    field: name,
                    most: rdata::MAX_RDATA,
                });
            }
        }
        Kind::Salt => match tokens.expect(name)? {
            b"-" => out.push(0),
            text => counted(name, out, |out| take::hex(text, out).ok_or(bad))?,
        },
        Kind::Hash => {
            let text = tokens.expect(name)?;
            counted(name, out, |out| take::base32hex(text, out).ok_or(bad))?;
        }
        Kind::SvcParams => svcb::read(tokens, name, out)?,
        Kind::Opaque => {
            tokens.next()?; // which the error shows
            return Err(TextErrorKind::NotGeneric);
        }
        kind => odd::read(kind, tokens, name, origin, out)?,
    }
    Ok(())
}

/// Appends the name that the next token says.
#[inline]
pub(super) fn read_name(
    tokens: &mut Tokens<'_>,
    field: &'static str,
    origin: Name<'_>,
    out: &mut Vec<u8>,
) -> Result<(), TextErrorKind> {
    let text = tokens.expect(field)?;
    take::name(text, origin, out).map_err(|error| TextErrorKind::Name { field, error })
}

/// The number that the next token says.
#[inline]
pub(super) fn number<T: TryFrom<u32>>(
    tokens: &mut Tokens<'_>,
    field: &'static str,
) -> Result<T, TextErrorKind> {
    let number = take::decimal(tokens.expect(field)?).and_then(|number| number.try_into().ok());
    number.ok_or(TextErrorKind::Value { field })
}

/// The number that the next token says, perhaps by mnemonic.
pub(super) fn named<T: TryFrom<u32>>(
    of: &Mnemonics,
    tokens: &mut Tokens<'_>,
    field: &'static str,
) -> Result<T, TextErrorKind> {
    let text = tokens.expect(field)?;
    let number = take::decimal(text).or_else(|| mnemonics::number(of, text).map(u32::from));
    number
        .and_then(|number| number.try_into().ok())
        .ok_or(TextErrorKind::Value { field })
}

/// Appends the character-string that a token says.
fn string(token: Token<'_>, field: &'static str, out: &mut Vec<u8>) -> Result<(), TextErrorKind> {
    counted(field, out, |out| unescape(token.text, out))
}

/// Appends a length octet and what `write` appends.
fn counted(
    field: &'static str,
    out: &mut Vec<u8>,
    write: impl FnOnce(&mut Vec<u8>) -> Result<(), TextErrorKind>,
) -> Result<(), TextErrorKind> {
    let start = out.len();
    out.push(0);
    write(out)?;
    let length = u8::try_from(out.len() - start - 1)
        .map_err(|_| TextErrorKind::TooLong { field, most: 255 })?;
    if let Some(octet) = out.get_mut(start) {
        *octet = length;
    }
    Ok(())
}

/// Appends the bitmap of the types that the rest of the entry names, in any order.
fn read_types(
    kind: Kind,
    tokens: &mut Tokens<'_>,
    field: &'static str,
    out: &mut Vec<u8>,
) -> Result<(), TextErrorKind> {
    let mut low = [0u8; 32]; // types below 256, which are nearly all there are
    let mut length = 0;
    let mut high = Vec::new();
    while let Some(text) = tokens.next_word()? {
        let rtype = take::rtype(text).ok_or(TextErrorKind::Value { field })?;
        match usize::from(rtype.0) {
            number @ 0..=255 => {
                length = length.max(number / 8 + 1);
                if let Some(octet) = low.get_mut(number / 8) {
                    *octet |= 0x80 >> (number % 8);
                }
            }
            _ => high.push(rtype),
        }
    }
    let low = low.get(..length).unwrap_or_default();
    if kind == Kind::NxtBitmap {
        out.extend_from_slice(low);
        return if high.is_empty() {
            Ok(())
        } else {
            Err(TextErrorKind::Value { field })
        };
    }
    if !low.is_empty() {
        out.extend([0, length as u8]); // at most 32
        out.extend_from_slice(low);
    }
    high.sort_unstable();
    bitmap::write(&high, out);
    Ok(())
}
