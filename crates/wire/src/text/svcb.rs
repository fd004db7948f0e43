//! Parameters of service bindings, as presentation text ([RFC 9460 §2.1]).
//!
//! [RFC 9460 §2.1]: https://www.rfc-editor.org/rfc/rfc9460#section-2.1

use super::put;
use crate::rdata::svcb::{ALPN, ECH, IPV4HINT, IPV6HINT, MANDATORY, NO_DEFAULT_ALPN, PORT, params};

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
