//! Fields that only one type has: how far they reach, and what they may hold.

use super::field::{Misfit, fits, name_length, string_length};

/// The tag of a CAA ([RFC 8659 §4.1](https://www.rfc-editor.org/rfc/rfc8659#section-4.1)).
pub(super) fn tag(rest: &[u8]) -> Result<usize, Misfit> {
    let length = string_length(rest)?;
    match rest.get(1..length).unwrap_or_default() {
        [] => Err(Misfit::Value(0)),
        tag => match tag.iter().position(|octet| !octet.is_ascii_alphanumeric()) {
            Some(at) => Err(Misfit::Value(1 + at)),
            None => Ok(length),
        },
    }
}

/// The address of an X25 ([RFC 1183 §3.1](https://www.rfc-editor.org/rfc/rfc1183#section-3.1)).
pub(super) fn digits(rest: &[u8]) -> Result<usize, Misfit> {
    let length = string_length(rest)?;
    let digits = rest.get(1..length).unwrap_or_default();
    match digits.iter().position(|octet| !octet.is_ascii_digit()) {
        Some(at) => Err(Misfit::Value(1 + at)),
        None if digits.len() < 4 => Err(Misfit::Value(0)),
        None => Ok(length),
    }
}

/// The items of an APL ([RFC 3123 §4](https://www.rfc-editor.org/rfc/rfc3123#section-4)).
pub(super) fn prefixes(rest: &[u8]) -> Result<usize, Misfit> {
    let mut left = rest;
    while !left.is_empty() {
        let at = rest.len() - left.len();
        let (head, behind) = left.split_first_chunk::<4>().ok_or(Misfit::Short)?;
        let [f1, f2, prefix, length] = *head;
        let (longest, size) = match u16::from_be_bytes([f1, f2]) {
            1 => (32, 4),
            2 => (128, 16),
            _ => (255, 127),
        };
        let length = usize::from(length & 0x7F);
        let (address, behind) = behind.split_at_checked(length).ok_or(Misfit::Short)?;
        if prefix > longest {
            return Err(Misfit::Value(at + 2));
        }
        if length > size || address.last() == Some(&0) {
            return Err(Misfit::Value(at + 3));
        }
        left = behind;
    }
    Ok(rest.len())
}

/// A LOC ([RFC 1876 §2](https://www.rfc-editor.org/rfc/rfc1876#section-2)); of a version other than 0, anything.
pub(super) fn location(rest: &[u8]) -> Result<usize, Misfit> {
    match rest {
        [0, ..] => {}
        [] => return Err(Misfit::Short),
        _ => return Ok(rest.len()),
    }
    let Some((
        &[
            _,
            size,
            horizontal,
            vertical,
            a1,
            a2,
            a3,
            a4,
            o1,
            o2,
            o3,
            o4,
            ..,
        ],
        _,
    )) = rest.split_first_chunk::<16>()
    else {
        return Err(Misfit::Short);
    };
    for (at, precision) in [(1, size), (2, horizontal), (3, vertical)] {
        // Mantissa and exponent are digits, and only nothing has no mantissa.
        if precision >> 4 > 9 || precision & 15 > 9 || (precision >> 4 == 0 && precision != 0) {
            return Err(Misfit::Value(at));
        }
    }
    let distance = |octets| u32::from_be_bytes(octets).abs_diff(1 << 31);
    if distance([a1, a2, a3, a4]) > 90 * 3_600_000 {
        return Err(Misfit::Value(4));
    }
    if distance([o1, o2, o3, o4]) > 180 * 3_600_000 {
        return Err(Misfit::Value(8));
    }
    Ok(16)
}

/// Type, algorithm and gateway of an IPSECKEY ([RFC 4025 §2](https://www.rfc-editor.org/rfc/rfc4025#section-2)).
pub(super) fn gateway(rest: &[u8]) -> Result<usize, Misfit> {
    let [kind, _, gateway @ ..] = rest else {
        return Err(Misfit::Short);
    };
    Ok(2 + endpoint(*kind, gateway)?)
}

/// Discovery bit, type and relay of an AMTRELAY ([RFC 8777 §4.2](https://www.rfc-editor.org/rfc/rfc8777#section-4.2)).
pub(super) fn relay(rest: &[u8]) -> Result<usize, Misfit> {
    let [kind, relay @ ..] = rest else {
        return Err(Misfit::Short);
    };
    match kind & 0x7F {
        known @ 0..=3 => Ok(1 + endpoint(known, relay)?),
        _ => Ok(rest.len()), // opaque until somebody says what it is
    }
}

/// Nothing, an IPv4 address, an IPv6 address or a name.
fn endpoint(kind: u8, rest: &[u8]) -> Result<usize, Misfit> {
    match kind {
        0 => Ok(0),
        1 => fits(4, rest),
        2 => fits(16, rest),
        3 => name_length(rest),
        _ => Err(Misfit::Value(0)),
    }
}

/// Lengths, algorithm, tag and key of a HIP ([RFC 8005 §5](https://www.rfc-editor.org/rfc/rfc8005#section-5)).
pub(super) fn host_identity(rest: &[u8]) -> Result<usize, Misfit> {
    let [tag, _, k1, k2, ..] = rest else {
        return Err(Misfit::Short);
    };
    match (*tag, u16::from_be_bytes([*k1, *k2])) {
        (0, _) => Err(Misfit::Value(0)),
        (_, 0) => Err(Misfit::Value(2)),
        (tag, key) => fits(4 + usize::from(tag) + usize::from(key), rest),
    }
}

/// An A6 ([RFC 2874 §3.1](https://www.rfc-editor.org/rfc/rfc2874#section-3.1)).
pub(super) fn a6(rest: &[u8]) -> Result<usize, Misfit> {
    let (prefix, suffix) = a6_lengths(rest)?;
    let head = fits(1 + suffix, rest)?;
    let bits = rest.get(1).copied().unwrap_or_default();
    if suffix > 0 && bits.leading_zeros() < u32::from(prefix % 8) {
        return Err(Misfit::Value(1)); // bits of the prefix are not the suffix's to set
    }
    match prefix {
        0 => Ok(head),
        _ => Ok(head + name_length(rest.get(head..).unwrap_or_default())?),
    }
}

/// Bits of the prefix and octets of the address suffix.
pub(super) fn a6_lengths(rest: &[u8]) -> Result<(u8, usize), Misfit> {
    match rest {
        [prefix @ 0..=128, ..] => Ok((*prefix, 16 - usize::from(*prefix) / 8)),
        [_, ..] => Err(Misfit::Value(0)),
        [] => Err(Misfit::Short),
    }
}

/// Protocol and port bits of a WKS ([RFC 1035 §3.4.2](https://www.rfc-editor.org/rfc/rfc1035#section-3.4.2)).
pub(super) fn services(rest: &[u8]) -> Result<usize, Misfit> {
    match rest {
        [] => Err(Misfit::Short),
        [_, ports @ ..] if ports.len() > 8192 => Err(Misfit::Value(8193)),
        [_, .., 0] => Err(Misfit::Value(rest.len() - 1)),
        _ => Ok(rest.len()),
    }
}

/// The address of an ATMA: a format octet, then digits (E.164) or octets.
pub(super) fn atm_address(rest: &[u8]) -> Result<usize, Misfit> {
    match rest {
        [] | [_] => Err(Misfit::Short),
        [1, digits @ ..] => match digits.iter().position(|octet| !octet.is_ascii_digit()) {
            Some(at) => Err(Misfit::Value(1 + at)),
            None => Ok(rest.len()),
        },
        _ => Ok(rest.len()),
    }
}

/// The prefix name of an A6, if it has one.
pub(super) fn a6_name(rest: &[u8]) -> &[u8] {
    match a6_lengths(rest) {
        Ok((1.., suffix)) => rest.get(1 + suffix..).unwrap_or_default(),
        _ => &[],
    }
}
