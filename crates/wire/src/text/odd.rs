//! Fields that only one type has, as presentation text.

use super::mnemonics::{ALGORITHMS, CERT_TYPES, Mnemonics, SCHEMES, mnemonic};
use super::put;
use super::write::Form;
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
                put::hex_group(u16::from_be_bytes(*group), out);
            }
        }
        (Kind::Names, octets) => names(octets, out),
        (Kind::Prefixes, octets) => return prefixes(octets, out),
        (Kind::Location, octets) => return location(octets, out),
        (Kind::Gateway, [kind, algorithm, gateway @ ..]) => {
            numbers([(*kind).into(), (*algorithm).into()], out);
            out.push(b' ');
            endpoint(*kind, gateway, out);
        }
        (Kind::Relay, [kind, relay @ ..]) => {
            let known = kind & 0x7F;
            if known > 3 {
                return Form::Unknown;
            }
            numbers([(kind >> 7).into(), known.into()], out);
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

fn numbers<const N: usize>(numbers: [u32; N], out: &mut Vec<u8>) {
    for (at, number) in numbers.into_iter().enumerate() {
        if at > 0 {
            out.push(b' ');
        }
        put::decimal(number, out);
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
    while let Ok((name, behind)) = crate::Name::split_from(rest) {
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

/// `51 30 12.748 N 0 7 39.611 W 0.00m 1m 10000m 10m`
fn location(octets: &[u8], out: &mut Vec<u8>) -> Form {
    let Some((&[0, size, horizontal, vertical, rest @ ..], _)) = octets.split_first_chunk::<16>()
    else {
        return Form::Unknown;
    };
    let [a1, a2, a3, a4, o1, o2, o3, o4, h1, h2, h3, h4] = rest;
    angle(u32::from_be_bytes([a1, a2, a3, a4]), b"NS", out);
    out.push(b' ');
    angle(u32::from_be_bytes([o1, o2, o3, o4]), b"EW", out);
    out.push(b' ');
    let altitude = i64::from(u32::from_be_bytes([h1, h2, h3, h4])) - 10_000_000;
    if altitude < 0 {
        out.push(b'-');
    }
    let centimetres = altitude.unsigned_abs() as u32; // at most 2³²
    put::decimal(centimetres / 100, out);
    out.push(b'.');
    put::padded(centimetres % 100, 2, out);
    out.push(b'm');
    for precision in [size, horizontal, vertical] {
        out.push(b' ');
        let (mantissa, exponent) = (u32::from(precision >> 4), u32::from(precision & 15));
        match exponent {
            0 | 1 => {
                out.extend_from_slice(b"0.");
                put::padded(mantissa * 10u32.pow(exponent), 2, out);
            }
            _ => put::decimal(mantissa * 10u32.pow(exponent.min(9) - 2), out),
        }
        out.push(b'm');
    }
    Form::Own
}

/// Degrees, minutes, seconds with thousandths, and which side of the equator or of Greenwich.
fn angle(value: u32, [positive, negative]: &[u8; 2], out: &mut Vec<u8>) {
    let thousandths = value.abs_diff(1 << 31);
    numbers(
        [
            thousandths / 3_600_000,
            thousandths / 60_000 % 60,
            thousandths / 1000 % 60,
        ],
        out,
    );
    out.push(b'.');
    put::padded(thousandths % 1000, 3, out);
    out.extend([
        b' ',
        if value >= 1 << 31 {
            *positive
        } else {
            *negative
        },
    ]);
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
