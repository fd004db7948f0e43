//! Fields that only one type has, as presentation text.

use super::error::TextErrorKind;
use super::mnemonics::{
    self, ALGORITHMS, CERT_TYPES, Mnemonics, PORTS, PROTOCOLS, SCHEMES, mnemonic,
};
use super::read::{named, number, read_name};
use super::scan::Tokens;
use super::write::Form;
use super::{location, put, take};
use crate::Name;
use crate::rdata::Kind;

/// Appends a field of a kind that only one type has.
pub(super) fn put(kind: Kind, octets: &[u8], out: &mut Vec<u8>) -> Form {
    match (kind, octets) {
        (Kind::CertAlgorithm, [number]) => known(ALGORITHMS, (*number).into(), out),
        (Kind::Scheme, [number]) => known(SCHEMES, (*number).into(), out),
        (Kind::CertType, [a, b]) => known(CERT_TYPES, u16::from_be_bytes([*a, *b]), out),
        (Kind::DashBase64, []) => out.push(b'-'),
        (Kind::DashBase64, octets) => put::base64(octets, out),
        (Kind::PrefixedHex, octets) => {
            out.extend_from_slice(b"0x");
            lower_hex(octets, out);
        }
        (Kind::Locator64, octets) => {
            for (at, group) in octets.as_chunks::<2>().0.iter().enumerate() {
                if at > 0 {
                    out.push(b':');
                }
                lower_hex(group, out); // with the zeros that BIND leaves out and Knot cannot do without
            }
        }
        (Kind::Names, octets) => names(octets, out),
        (Kind::Prefixes, octets) => return prefixes(octets, out),
        (Kind::Location, octets) => return location::put(octets, out),
        (Kind::Gateway, [kind, algorithm, gateway @ ..]) => {
            put::numbers([(*kind).into(), (*algorithm).into()], out);
            out.push(b' ');
            endpoint(*kind, gateway, out);
        }
        (Kind::Relay, [kind, relay @ ..]) => {
            let known = kind & 0x7F;
            if known > 3 {
                return Form::Unknown;
            }
            put::numbers([(kind >> 7).into(), known.into()], out);
            out.push(b' ');
            endpoint(known, relay, out);
        }
        (Kind::HostIdentity, [tag, algorithm, _, _, rest @ ..]) => {
            let (tag, key) = rest.split_at_checked((*tag).into()).unwrap_or((rest, &[]));
            put::decimal((*algorithm).into(), out);
            out.push(b' ');
            put::hex(tag, out);
            out.push(b' ');
            put::base64(key, out);
        }
        (Kind::A6, [prefix, rest @ ..]) => a6(*prefix, rest, out),
        (Kind::Services, [protocol, ports @ ..]) => {
            put::decimal((*protocol).into(), out);
            for (at, octet) in (0..).zip(ports) {
                for bit in (0..8).filter(|bit| octet & (0x80 >> bit) != 0) {
                    out.push(b' ');
                    put::decimal(at * 8 + bit, out);
                }
            }
        }
        (Kind::AtmAddress, [1, digits @ ..]) => {
            out.push(b'+');
            out.extend_from_slice(digits);
        }
        (Kind::AtmAddress, [0, octets @ ..]) => lower_hex(octets, out),
        _ => return Form::Unknown,
    }
    Form::Own
}

fn known(mnemonics: &Mnemonics, value: u16, out: &mut Vec<u8>) {
    match mnemonic(mnemonics, value) {
        Some(text) => out.extend_from_slice(text.as_bytes()),
        None => put::decimal(value.into(), out),
    }
}

fn lower_hex(octets: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    put::hex(octets, out);
    if let Some(text) = out.get_mut(start..) {
        text.make_ascii_lowercase();
    }
}

fn names(octets: &[u8], out: &mut Vec<u8>) {
    let mut rest = octets;
    while let Ok((name, behind)) = Name::split_from(rest) {
        if rest.len() < octets.len() {
            out.push(b' ');
        }
        put::name(name, out);
        rest = behind;
    }
}

/// Nothing, an address or a name: what IPSECKEY and AMTRELAY lead to.
fn endpoint(kind: u8, octets: &[u8], out: &mut Vec<u8>) {
    match kind {
        1 => put::ipv4(octets.first_chunk().copied().unwrap_or_default(), out),
        2 => put::ipv6(octets.first_chunk().copied().unwrap_or_default(), out),
        3 => put::flat_name(octets, out),
        _ => out.push(b'.'),
    }
}

/// `1:192.0.2.0/24 !2:2001:db8::/32`
fn prefixes(octets: &[u8], out: &mut Vec<u8>) -> Form {
    let mut rest = octets;
    while let Some((&[f1, f2, prefix, length], behind)) = rest.split_first_chunk() {
        let (part, behind) = behind
            .split_at_checked((length & 0x7F).into())
            .unwrap_or((behind, &[]));
        if rest.len() < octets.len() {
            out.push(b' ');
        }
        if length & 0x80 != 0 {
            out.push(b'!');
        }
        let family = u16::from_be_bytes([f1, f2]);
        put::decimal(family.into(), out);
        out.push(b':');
        let mut address = [0; 16];
        for (to, from) in address.iter_mut().zip(part) {
            *to = *from;
        }
        match family {
            1 => put::ipv4(address.first_chunk().copied().unwrap_or_default(), out),
            2 => put::ipv6(address, out),
            _ => return Form::Unknown,
        }
        out.push(b'/');
        put::decimal(prefix.into(), out);
        rest = behind;
    }
    Form::Own
}

/// `64 ::1 prefix.example.`
fn a6(prefix: u8, rest: &[u8], out: &mut Vec<u8>) {
    put::decimal(prefix.into(), out);
    let suffix = 16 - usize::from(prefix.min(128)) / 8;
    let (octets, name) = rest.split_at_checked(suffix).unwrap_or((rest, &[]));
    if suffix > 0 {
        let mut address = [0; 16];
        for (to, from) in address.iter_mut().rev().zip(octets.iter().rev()) {
            *to = *from;
        }
        out.push(b' ');
        put::ipv6(address, out);
    }
    if prefix > 0 {
        out.push(b' ');
        put::flat_name(name, out);
    }
}

/// Appends a field of a kind that only one type has, as the next tokens say it.
pub(super) fn read(
    kind: Kind,
    tokens: &mut Tokens<'_>,
    field: &'static str,
    origin: Name<'_>,
    out: &mut Vec<u8>,
) -> Result<(), TextErrorKind> {
    let bad = TextErrorKind::Value { field };
    match kind {
        Kind::DashBase64 => {
            let mut ahead = tokens.clone();
            match ahead.expect(field)? {
                b"-" => *tokens = ahead,
                _ => take::base64_to_end(tokens, field, out)?,
            }
        }
        Kind::PrefixedHex => {
            let text = tokens.expect(field)?;
            let digits = text
                .strip_prefix(b"0x")
                .or_else(|| text.strip_prefix(b"0X"))
                .ok_or(bad)?;
            spread_hex(digits, b'.', out).ok_or(bad)?;
        }
        Kind::Eui48 | Kind::Eui64 => {
            let text = tokens.expect(field)?;
            let shaped = text.iter().skip(2).step_by(3).all(|&octet| octet == b'-');
            if !shaped || text.len() != if kind == Kind::Eui48 { 17 } else { 23 } {
                return Err(bad);
            }
            spread_hex(text, b'-', out).ok_or(bad)?;
        }
        Kind::Locator64 => {
            let mut groups = tokens.expect(field)?.split(|&octet| octet == b':');
            for _ in 0..4 {
                let group = groups.next().and_then(hex_group).ok_or(bad)?;
                out.extend(group.to_be_bytes());
            }
            if groups.next().is_some() {
                return Err(bad);
            }
        }
        Kind::Names => {
            while let Some(text) = tokens.next_word()? {
                take::name(text, origin, out)
                    .map_err(|error| TextErrorKind::Name { field, error })?;
            }
        }
        Kind::Prefixes => {
            while let Some(text) = tokens.next_word()? {
                read_prefix(text, out).ok_or(bad)?;
            }
        }
        Kind::Location => location::read(tokens, field, out)?,
        Kind::Gateway => {
            let kind = number(tokens, "gateway type")?;
            out.push(kind);
            out.push(named(ALGORITHMS, tokens, "algorithm")?);
            read_endpoint(kind, tokens, field, origin, out)?;
        }
        Kind::Relay => {
            let discovery: u8 = number(tokens, "discovery flag")?;
            let kind: u8 = number(tokens, "relay type")?;
            if discovery > 1 || kind > 3 {
                return Err(bad);
            }
            out.push(discovery << 7 | kind);
            read_endpoint(kind, tokens, field, origin, out)?;
        }
        Kind::HostIdentity => {
            let algorithm: u8 = named(ALGORITHMS, tokens, "algorithm")?;
            let start = out.len();
            out.extend([0, algorithm, 0, 0]);
            take::hex(tokens.expect(field)?, out).ok_or(bad)?;
            let tag = out.len() - start - 4;
            take::base64(tokens.expect("public key")?, out).ok_or(bad)?;
            let key = out.len() - start - 4 - tag;
            let tag = u8::try_from(tag).map_err(|_| TextErrorKind::TooLong { field, most: 255 })?;
            let key = u16::try_from(key).map_err(|_| TextErrorKind::TooLong {
                field,
                most: 65_535,
            })?;
            if let Some([first, _, lengths @ ..]) = out.get_mut(start..start + 4) {
                *first = tag;
                lengths.copy_from_slice(&key.to_be_bytes());
            }
        }
        Kind::A6 => read_a6(tokens, field, origin, out)?,
        Kind::Services => {
            out.push(named(PROTOCOLS, tokens, "protocol")?);
            let start = out.len();
            while let Some(text) = tokens.next_word()? {
                let port =
                    take::decimal(text).or_else(|| mnemonics::number(PORTS, text).map(u32::from));
                let port = port.and_then(|port| u16::try_from(port).ok()).ok_or(bad)?;
                let at = start + usize::from(port / 8);
                if out.len() <= at {
                    out.resize(at + 1, 0);
                }
                if let Some(octet) = out.get_mut(at) {
                    *octet |= 0x80 >> (port % 8);
                }
            }
        }
        Kind::AtmAddress => match tokens.expect(field)? {
            text if text.split(|&octet| octet == b'.').any(<[u8]>::is_empty) => return Err(bad),
            [b'+', digits @ ..] => {
                out.push(1);
                spread_digits(digits, out).ok_or(bad)?;
            }
            text => {
                out.push(0);
                spread_hex(text, b'.', out).ok_or(bad)?;
            }
        },
        _ => return Err(bad), // the other kinds are read where they are common
    }
    Ok(())
}

/// Octets in hexadecimal with separators in between that mean nothing.
fn spread_hex(text: &[u8], separator: u8, out: &mut Vec<u8>) -> Option<()> {
    let mut half = None;
    for &octet in text.iter().filter(|&&octet| octet != separator) {
        let digit = take::nibble(octet)?;
        match half.take() {
            Some(high) => out.push(high << 4 | digit),
            None => half = Some(digit),
        }
    }
    half.is_none().then_some(())
}

/// Decimal digits with dots in between that mean nothing.
fn spread_digits(text: &[u8], out: &mut Vec<u8>) -> Option<()> {
    out.extend(text.iter().filter(|&&octet| octet != b'.'));
    text.iter()
        .all(|octet| matches!(octet, b'0'..=b'9' | b'.'))
        .then_some(())
}

fn hex_group(text: &[u8]) -> Option<u16> {
    if !(1..=4).contains(&text.len()) {
        return None;
    }
    text.iter().try_fold(0, |sum, &digit| {
        Some(sum << 4 | u16::from(take::nibble(digit)?))
    })
}

fn read_endpoint(
    kind: u8,
    tokens: &mut Tokens<'_>,
    field: &'static str,
    origin: Name<'_>,
    out: &mut Vec<u8>,
) -> Result<(), TextErrorKind> {
    let bad = TextErrorKind::Value { field };
    let text = tokens.expect(field)?;
    match kind {
        0 if text == b"." => Ok(()),
        1 => take::ipv4(text)
            .map(|address| out.extend(address))
            .ok_or(bad),
        2 => take::ipv6(text)
            .map(|address| out.extend(address))
            .ok_or(bad),
        3 => take::name(text, origin, out).map_err(|error| TextErrorKind::Name { field, error }),
        _ => Err(bad),
    }
}

/// `!2:2001:db8::/32`, without the zeros that its address ends in.
fn read_prefix(text: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let (negated, text) = match text {
        [b'!', rest @ ..] => (0x80, rest),
        text => (0, text),
    };
    let colon = text.iter().position(|&octet| octet == b':')?;
    let slash = text.iter().position(|&octet| octet == b'/')?;
    let family: u16 = take::decimal(text.get(..colon)?)?.try_into().ok()?;
    let address = text.get(colon + 1..slash)?;
    let prefix: u8 = take::decimal(text.get(slash + 1..)?)?.try_into().ok()?;
    out.extend(family.to_be_bytes());
    out.extend([prefix, 0]);
    let start = out.len();
    match family {
        1 => out.extend(take::ipv4(address)?),
        2 => out.extend(take::ipv6(address)?),
        _ => return None,
    }
    while out.len() > start && out.last() == Some(&0) {
        out.pop();
    }
    let length = (out.len() - start) as u8; // 16 at most
    *out.get_mut(start - 1)? = negated | length;
    Some(())
}

fn read_a6(
    tokens: &mut Tokens<'_>,
    field: &'static str,
    origin: Name<'_>,
    out: &mut Vec<u8>,
) -> Result<(), TextErrorKind> {
    let bad = TextErrorKind::Value { field };
    let prefix: u8 = number(tokens, "prefix length")?;
    if prefix > 128 {
        return Err(bad);
    }
    out.push(prefix);
    let skipped = usize::from(prefix) / 8;
    if skipped < 16 {
        let mut address = take::ipv6(tokens.expect(field)?).ok_or(bad)?;
        if let Some(first) = address.get_mut(skipped) {
            *first &= 0xFF >> (prefix % 8);
        }
        out.extend_from_slice(address.get(skipped..).unwrap_or_default());
    }
    if prefix > 0 {
        read_name(tokens, "prefix name", origin, out)
    } else {
        Ok(())
    }
}
