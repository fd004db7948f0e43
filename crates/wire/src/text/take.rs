//! Numbers, addresses, names and encodings out of single tokens.

use std::net::Ipv6Addr;

use super::error::TextErrorKind;
use super::scan::{Tokens, escape};
use crate::name::{MAX_LABEL, MAX_NAME};
use crate::{Class, Name, NameError, Rtype};

/// A decimal number.
#[inline]
pub(crate) fn decimal(text: &[u8]) -> Option<u32> {
    if text.is_empty() || text.len() > 10 {
        return None;
    }
    let mut sum = 0u64;
    for &octet in text {
        let digit = octet.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        sum = sum * 10 + u64::from(digit);
    }
    sum.try_into().ok()
}

/// Seconds, perhaps with units: `3600`, `1h30m`, `1W`.
#[inline]
pub(crate) fn seconds(text: &[u8]) -> Option<u32> {
    decimal(text).or_else(|| seconds_with_units(text))
}

fn seconds_with_units(text: &[u8]) -> Option<u32> {
    let mut sum = 0u64;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.iter().position(|octet| !octet.is_ascii_digit())?;
        let (number, behind) = rest.split_at_checked(digits)?;
        let (unit, behind) = behind.split_first()?;
        let unit = match unit.to_ascii_lowercase() {
            b'w' => 604_800,
            b'd' => 86_400,
            b'h' => 3600,
            b'm' => 60,
            b's' => 1,
            _ => return None,
        };
        sum += u64::from(decimal(number)?) * unit;
        rest = behind;
    }
    if text.is_empty() {
        None
    } else {
        sum.try_into().ok()
    }
}

/// Dotted decimal, without zeros in front.
#[inline]
pub(crate) fn ipv4(text: &[u8]) -> Option<[u8; 4]> {
    let mut address = [0; 4];
    let mut parts = text.split(|&octet| octet == b'.');
    for to in &mut address {
        let part = parts.next()?;
        if part.len() > 1 && part.first() == Some(&b'0') {
            return None;
        }
        *to = decimal(part)?.try_into().ok()?;
    }
    parts.next().is_none().then_some(address)
}

/// Any form of [RFC 4291 §2.2](https://www.rfc-editor.org/rfc/rfc4291#section-2.2).
pub(crate) fn ipv6(text: &[u8]) -> Option<[u8; 16]> {
    let address: Ipv6Addr = std::str::from_utf8(text).ok()?.parse().ok()?;
    Some(address.octets())
}

/// A type by mnemonic or as `TYPE123`, in any case.
#[inline]
pub(crate) fn rtype(text: &[u8]) -> Option<Rtype> {
    Some(match text {
        b"NS" => Rtype::NS,
        b"A" => Rtype::A,
        b"AAAA" => Rtype::AAAA,
        b"DS" => Rtype::DS,
        b"RRSIG" => Rtype::RRSIG,
        b"NSEC" => Rtype::NSEC,
        b"NSEC3" => Rtype::NSEC3,
        b"SOA" => Rtype::SOA,
        b"DNSKEY" => Rtype::DNSKEY,
        b"MX" => Rtype::MX,
        b"TXT" => Rtype::TXT,
        b"CNAME" => Rtype::CNAME,
        b"NSEC3PARAM" => Rtype::NSEC3PARAM,
        b"SRV" => Rtype::SRV,
        b"CAA" => Rtype::CAA,
        b"PTR" => Rtype::PTR,
        b"TLSA" => Rtype::TLSA,
        b"HTTPS" => Rtype::HTTPS,
        _ => return std::str::from_utf8(text).ok()?.parse().ok(),
    })
}

/// A class by mnemonic or as `CLASS123`, in any case.
#[inline]
pub(crate) fn class(text: &[u8]) -> Option<Class> {
    match text {
        b"IN" => Some(Class::IN),
        _ => std::str::from_utf8(text).ok()?.parse().ok(),
    }
}

/// Appends the flat form of the name that `text` says; without a final dot it is relative to `origin`, and `@` is the
/// origin.
#[inline]
pub(crate) fn name(text: &[u8], origin: Name<'_>, out: &mut Vec<u8>) -> Result<(), NameError> {
    match text {
        [] => return Err(NameError::EmptyLabel),
        b"@" => {
            out.extend_from_slice(origin.as_octets());
            return Ok(());
        }
        b"." => {
            out.push(0);
            return Ok(());
        }
        _ => {}
    }
    // A plain name is its own flat form, one octet on, with lengths where the dots are: copy it whole, then mend.
    let start = out.len();
    out.push(0);
    out.extend_from_slice(text);
    let mut flat = out.get_mut(start..).unwrap_or_default();
    let mut length = 0;
    for &octet in text {
        match octet {
            b'.' => {
                flat = close_label(flat, length)?;
                length = 0;
            }
            b'\\' => {
                out.truncate(start);
                return escaped_name(text, origin, out);
            }
            _ => length += 1,
        }
    }
    if length > 0 {
        close_label(flat, length)?;
        out.extend_from_slice(origin.as_octets());
    } else if let [end] = flat {
        *end = 0;
    }
    if out.len() - start > MAX_NAME {
        Err(NameError::TooLong)
    } else {
        Ok(())
    }
}

/// Writes the length of the label at the front of `flat`, and returns what lies behind the label.
#[inline]
fn close_label(flat: &mut [u8], length: usize) -> Result<&mut [u8], NameError> {
    match (length, flat.split_at_mut_checked(1 + length)) {
        (0, _) => Err(NameError::EmptyLabel),
        (1..=MAX_LABEL, Some(([first, ..], behind))) => {
            *first = length as u8;
            Ok(behind)
        }
        _ => Err(NameError::LabelTooLong),
    }
}

#[cold]
fn escaped_name(text: &[u8], origin: Name<'_>, out: &mut Vec<u8>) -> Result<(), NameError> {
    let start = out.len();
    let mut rest = text;
    while !rest.is_empty() {
        let label = out.len();
        out.push(0);
        let closed = loop {
            match rest {
                [] => break false,
                [b'.', behind @ ..] => {
                    rest = behind;
                    break true;
                }
                [b'\\', ..] => {
                    let (octet, behind) = escape(rest).ok_or(NameError::Escape)?;
                    out.push(octet);
                    rest = behind;
                }
                [octet, behind @ ..] => {
                    out.push(*octet);
                    rest = behind;
                }
            }
        };
        let length = out.len() - label - 1;
        close_label(out.get_mut(label..).unwrap_or_default(), length)?;
        match (closed, rest.is_empty()) {
            (true, true) => out.push(0),
            (false, _) => out.extend_from_slice(origin.as_octets()),
            (true, false) => {}
        }
    }
    if out.len() - start > MAX_NAME {
        Err(NameError::TooLong)
    } else {
        Ok(())
    }
}

/// Appends octets in hexadecimal that go on to the end of the entry, broken anywhere.
pub(crate) fn hex_to_end(
    tokens: &mut Tokens<'_>,
    field: &'static str,
    out: &mut Vec<u8>,
) -> Result<(), TextErrorKind> {
    let mut half = None;
    let mut last = tokens.last();
    while let Some(text) = tokens.next_word()? {
        half = hex_after(half, text, out).ok_or(TextErrorKind::Value { field })?;
        last = tokens.last();
    }
    if half.is_some() {
        tokens.point_at(last);
        Err(TextErrorKind::Value { field })
    } else {
        Ok(())
    }
}

/// Appends octets in hexadecimal.
pub(crate) fn hex(text: &[u8], out: &mut Vec<u8>) -> Option<()> {
    match hex_after(None, text, out)? {
        None => Some(()),
        Some(_) => None,
    }
}

/// Appends octets whose first digit may be `half`, and returns the digit that is left over.
fn hex_after(half: Option<u8>, text: &[u8], out: &mut Vec<u8>) -> Option<Option<u8>> {
    let (text, mut half) = match (half, text) {
        (Some(high), [low, rest @ ..]) => {
            out.push(high << 4 | nibble(*low)?);
            (rest, None)
        }
        (half, text) => (text, half),
    };
    let (pairs, rest) = text.as_chunks::<2>();
    out.reserve(pairs.len());
    for &[high, low] in pairs {
        out.push(nibble(high)? << 4 | nibble(low)?);
    }
    if let [high] = rest {
        half = Some(nibble(*high)?);
    }
    Some(half)
}

#[inline]
pub(crate) fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

/// Appends octets in base64 that go on to the end of the entry, broken anywhere.
pub(crate) fn base64_to_end(
    tokens: &mut Tokens<'_>,
    field: &'static str,
    out: &mut Vec<u8>,
) -> Result<(), TextErrorKind> {
    let mut decoder = Base64::default();
    let mut last = tokens.last();
    while let Some(text) = tokens.next_word()? {
        decoder
            .decode(text, out)
            .ok_or(TextErrorKind::Value { field })?;
        last = tokens.last();
    }
    decoder.finish().ok_or_else(|| {
        tokens.point_at(last);
        TextErrorKind::Value { field }
    })
}

/// Appends octets in base64.
pub(crate) fn base64(text: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let mut decoder = Base64::default();
    decoder.decode(text, out)?;
    decoder.finish()
}

/// What is left over between two pieces of base64.
#[derive(Default)]
struct Base64 {
    digits: u32,
    count: u8,
    padded: bool,
}

impl Base64 {
    fn decode(&mut self, text: &[u8], out: &mut Vec<u8>) -> Option<()> {
        let mut rest = text;
        if self.count == 0 && !self.padded {
            let (quads, _) = text.as_chunks::<4>();
            let start = out.len();
            out.resize(start + quads.len() * 3, 0);
            let (triples, _) = out
                .get_mut(start..)
                .unwrap_or_default()
                .as_chunks_mut::<3>();
            let mut good = 0;
            for (quad, triple) in quads.iter().zip(triples) {
                let [a, b, c, d] = quad.map(sextet);
                if a | b | c | d > 63 {
                    break; // padding, or an error
                }
                let word =
                    u32::from(a) << 18 | u32::from(b) << 12 | u32::from(c) << 6 | u32::from(d);
                let [_, x, y, z] = word.to_be_bytes();
                *triple = [x, y, z];
                good += 1;
            }
            out.truncate(start + good * 3);
            rest = text.get(good * 4..)?;
        }
        rest.iter().try_for_each(|&octet| self.digit(octet, out))
    }

    fn digit(&mut self, octet: u8, out: &mut Vec<u8>) -> Option<()> {
        if octet == b'=' {
            self.padded = true;
            // The first may stand in third place, the second in fourth; the bits they leave unused are zero.
            match self.count {
                2 if self.digits & 0xF == 0 => {
                    out.push((self.digits >> 4) as u8);
                    self.count = 5; // one more to come
                }
                3 if self.digits & 3 == 0 => {
                    out.extend((self.digits >> 2).to_be_bytes().into_iter().skip(2));
                    self.count = 0;
                }
                5 => self.count = 0,
                _ => return None,
            }
            return Some(());
        }
        let value = sextet(octet);
        if self.padded || value > 63 {
            return None;
        }
        self.digits = self.digits << 6 | u32::from(value);
        self.count += 1;
        if self.count == 4 {
            out.extend(self.digits.to_be_bytes().into_iter().skip(1));
            (self.digits, self.count) = (0, 0);
        }
        Some(())
    }

    fn finish(self) -> Option<()> {
        (self.count == 0).then_some(())
    }
}

/// The six bits that a character of base64 stands for; 255 for others.
#[inline]
fn sextet(character: u8) -> u8 {
    static SEXTETS: [u8; 256] = {
        let mut sextets = [255; 256];
        let mut rest: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let mut value = 0;
        while let [character, behind @ ..] = rest {
            #[allow(clippy::indexing_slicing)] // while compiling
            {
                sextets[*character as usize] = value;
            }
            value += 1;
            rest = behind;
        }
        sextets
    };
    SEXTETS.get(usize::from(character)).copied().unwrap_or(255)
}

/// Appends octets in base32hex without padding.
pub(crate) fn base32hex(text: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let (mut bits, mut count) = (0u32, 0);
    for &octet in text {
        let value = match octet.to_ascii_uppercase() {
            digit @ b'0'..=b'9' => digit - b'0',
            letter @ b'A'..=b'V' => letter - b'A' + 10,
            _ => return None,
        };
        bits = bits << 5 | u32::from(value);
        count += 5;
        if count >= 8 {
            count -= 8;
            out.push((bits >> count) as u8);
            bits &= (1 << count) - 1;
        }
    }
    (bits == 0 && count < 5).then_some(())
}
