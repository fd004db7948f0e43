//! Parameters of service bindings, as presentation text ([RFC 9460 §2.1]).
//!
//! [RFC 9460 §2.1]: https://www.rfc-editor.org/rfc/rfc9460#section-2.1

use std::ops::Range;

use super::error::TextErrorKind;
use super::scan::{Tokens, unescape};
use super::{put, take};
use crate::rdata::svcb::{
    ALPN, DOHPATH, ECH, IPV4HINT, IPV6HINT, MANDATORY, NO_DEFAULT_ALPN, PORT, params,
};

/// Keys with names of their own. BIND and Knot print `dohpath` and younger ones as `key7`, and so do we.
pub(super) const KEYS: [(u16, &str); 7] = [
    (MANDATORY, "mandatory"),
    (ALPN, "alpn"),
    (NO_DEFAULT_ALPN, "no-default-alpn"),
    (PORT, "port"),
    (IPV4HINT, "ipv4hint"),
    (ECH, "ech"),
    (IPV6HINT, "ipv6hint"),
];

/// Keys that are understood by name, but printed by number.
const MORE_KEYS: [(u16, &str); 2] = [(DOHPATH, "dohpath"), (8, "ohttp")];

/// Appends parameters, joined by blanks.
pub(super) fn put(octets: &[u8], out: &mut Vec<u8>) {
    for (at, (key, value)) in params(octets).enumerate() {
        if at > 0 {
            out.push(b' ');
        }
        put_key(key, out);
        if value.is_empty() {
            continue;
        }
        out.push(b'=');
        match key {
            MANDATORY => {
                listed(value.as_chunks::<2>().0, out, |key, out| {
                    put_key(u16::from_be_bytes(*key), out)
                });
            }
            ALPN => alpn(value, out),
            PORT => put::decimal(
                value
                    .iter()
                    .fold(0, |port, octet| port << 8 | u32::from(*octet)),
                out,
            ),
            IPV4HINT => listed(value.as_chunks::<4>().0, out, |address, out| {
                put::ipv4(*address, out)
            }),
            IPV6HINT => listed(value.as_chunks::<16>().0, out, |address, out| {
                put::ipv6(*address, out)
            }),
            ECH => put::base64(value, out),
            _ => put::quoted(value, out),
        }
    }
}

fn put_key(key: u16, out: &mut Vec<u8>) {
    match KEYS.iter().find(|(known, _)| *known == key) {
        Some((_, name)) => out.extend_from_slice(name.as_bytes()),
        None => {
            out.extend_from_slice(b"key");
            put::decimal(key.into(), out);
        }
    }
}

/// Appends items, joined by commas.
fn listed<T>(items: &[T], out: &mut Vec<u8>, mut put: impl FnMut(&T, &mut Vec<u8>)) {
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        put(item, out);
    }
}

/// Appends protocol names, joined by commas in one quoted string; commas and backslashes inside a name are escaped
/// for the list first, and then for the string.
fn alpn(value: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    let mut rest = value;
    while let [length, behind @ ..] = rest {
        let (name, behind) = behind
            .split_at_checked((*length).into())
            .unwrap_or((behind, &[]));
        for octet in name {
            match octet {
                b',' => out.extend_from_slice(b"\\\\,"),
                b'\\' => out.extend_from_slice(b"\\\\\\\\"),
                b' ' => out.extend_from_slice(b"\\032"),
                octet => put::unquoted(std::slice::from_ref(octet), out),
            }
        }
        if !behind.is_empty() {
            out.push(b',');
        }
        rest = behind;
    }
    out.push(b'"');
}

/// Appends the parameters that the rest of the entry says, in any order.
pub(super) fn read(
    tokens: &mut Tokens<'_>,
    field: &'static str,
    out: &mut Vec<u8>,
) -> Result<(), TextErrorKind> {
    let first = out.len();
    while let Some(text) = tokens.next_pair()? {
        let bad = TextErrorKind::Value { field };
        let (key, value) = match text.iter().position(|&octet| octet == b'=') {
            Some(at) => (text.get(..at), text.get(at + 1..)),
            None => (Some(text), None),
        };
        let text = key.unwrap_or_default();
        let key = read_key(text).ok_or(bad)?;
        let generic = text.starts_with(b"key"); // its value is octets, whatever the key means
        let value = match value {
            Some([b'"', value @ .., b'"']) => value,
            Some(b"") if key <= IPV6HINT && !generic => return Err(bad),
            value => value.unwrap_or_default(),
        };
        let start = out.len();
        out.extend(key.to_be_bytes());
        out.extend([0, 0]);
        if generic {
            unescape(value, out)?;
        } else {
            read_value(key, value, bad, out)?;
        }
        let most = usize::from(u16::MAX);
        let length = u16::try_from(out.len() - start - 4)
            .map_err(|_| TextErrorKind::TooLong { field, most })?;
        if let Some(octets) = out.get_mut(start + 2..start + 4) {
            octets.copy_from_slice(&length.to_be_bytes());
        }
        // Into its place among those before; the same key twice is found when all is validated.
        let mut place = first;
        for (other, value) in params(out.get(first..start).unwrap_or_default()) {
            if other > key {
                break;
            }
            place += 4 + value.len();
        }
        if let Some(tail) = out.get_mut(place..) {
            tail.rotate_right(4 + usize::from(length));
        }
    }
    Ok(())
}

fn read_key(text: &[u8]) -> Option<u16> {
    if let Some((key, _)) = KEYS
        .iter()
        .chain(&MORE_KEYS)
        .find(|(_, name)| name.as_bytes() == text)
    {
        return Some(*key);
    }
    match text.strip_prefix(b"key")? {
        [b'0', _, ..] => None,
        digits => take::decimal(digits)?.try_into().ok(),
    }
}

fn read_value(
    key: u16,
    text: &[u8],
    bad: TextErrorKind,
    out: &mut Vec<u8>,
) -> Result<(), TextErrorKind> {
    let mut items = text.split(|&octet| octet == b',');
    let found = match key {
        MANDATORY => {
            let start = out.len();
            let found =
                items.try_for_each(|item| read_key(item).map(|key| out.extend(key.to_be_bytes())));
            out.get_mut(start..)
                .unwrap_or_default()
                .as_chunks_mut::<2>()
                .0
                .sort_unstable();
            found
        }
        ALPN => {
            let start = out.len();
            unescape(text, out)?;
            let end = out.len();
            let found = read_alpn(start..end, out);
            out.drain(start..end);
            found
        }
        PORT => take::decimal(text)
            .and_then(|port| u16::try_from(port).ok())
            .map(|port| out.extend(port.to_be_bytes())),
        IPV4HINT => items.try_for_each(|item| take::ipv4(item).map(|address| out.extend(address))),
        IPV6HINT => items.try_for_each(|item| take::ipv6(item).map(|address| out.extend(address))),
        ECH => take::base64(text, out),
        NO_DEFAULT_ALPN if !text.is_empty() => None,
        _ => {
            unescape(text, out)?;
            Some(())
        }
    };
    found.ok_or(bad)
}

/// Appends the protocol names that the list in `out` at `list` says.
fn read_alpn(list: Range<usize>, out: &mut Vec<u8>) -> Option<()> {
    let mut length = out.len();
    out.push(0);
    let mut escaped = false;
    for at in list {
        match *out.get(at)? {
            b'\\' if !escaped => escaped = true,
            b',' if !escaped => length = close_name(length, out)?,
            octet => {
                out.push(octet);
                escaped = false;
            }
        }
    }
    close_name(length, out)?;
    out.pop();
    (!escaped).then_some(())
}

/// Writes the length of the name that began at `length`, and makes room for that of the next.
fn close_name(length: usize, out: &mut Vec<u8>) -> Option<usize> {
    let octets = u8::try_from(out.len() - length - 1)
        .ok()
        .filter(|&octets| octets > 0)?;
    *out.get_mut(length)? = octets;
    out.push(0);
    Some(out.len() - 1)
}
