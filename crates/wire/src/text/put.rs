//! Numbers, addresses, names, strings and encodings, appended as presentation text.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::Name;

/// Appends a number in decimal.
#[inline]
pub(crate) fn decimal(number: u32, out: &mut Vec<u8>) {
    if number < 10 {
        out.push(b'0' + number as u8);
        return;
    }
    let mut digits = [0; 10];
    let mut at = digits.len();
    let mut left = number;
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (left % 10) as u8;
        left /= 10;
        at -= 1;
        if left == 0 {
            break;
        }
    }
    out.extend_from_slice(digits.get(at..).unwrap_or_default());
}

/// Appends numbers in decimal, joined by blanks.
pub(crate) fn numbers<const N: usize>(numbers: [u32; N], out: &mut Vec<u8>) {
    for (at, number) in numbers.into_iter().enumerate() {
        if at > 0 {
            out.push(b' ');
        }
        decimal(number, out);
    }
}

/// Appends a number in decimal, with zeros in front to at least `width` (up to 10) digits.
pub(crate) fn padded(number: u32, width: usize, out: &mut Vec<u8>) {
    let start = out.len();
    decimal(number, out);
    let missing = width.saturating_sub(out.len() - start);
    out.extend(std::iter::repeat_n(b'0', missing));
    if let Some(digits) = out.get_mut(start..) {
        digits.rotate_right(missing);
    }
}

/// Appends an IPv4 address.
pub(crate) fn ipv4(address: [u8; 4], out: &mut Vec<u8>) {
    for (at, octet) in address.into_iter().enumerate() {
        if at > 0 {
            out.push(b'.');
        }
        decimal(octet.into(), out);
    }
}

/// Appends an IPv6 address as [RFC 5952](https://www.rfc-editor.org/rfc/rfc5952) wants it.
///
/// IPv4-mapped addresses, and the old IPv4-compatible ones, end in dotted decimal: so BIND, Knot and ldns print them.
pub(crate) fn ipv6(address: [u8; 16], out: &mut Vec<u8>) {
    let groups = Ipv6Addr::from(address).segments();
    if let [0, 0, 0, 0, 0, marker @ (0 | 0xFFFF), high, low] = groups
        && (marker != 0 || high != 0)
    {
        out.extend_from_slice(if marker == 0 { b"::" } else { b"::ffff:" });
        let [a, b] = high.to_be_bytes();
        let [c, d] = low.to_be_bytes();
        ipv4(Ipv4Addr::new(a, b, c, d).octets(), out);
        return;
    }
    let (mut run, mut gap) = (0..0, 0..0); // zeros at hand, most zeros so far
    for (at, group) in groups.into_iter().enumerate() {
        run = match (group, run.end == at && !run.is_empty()) {
            (0, true) => run.start..at + 1,
            (0, false) => at..at + 1,
            _ => 0..0,
        };
        if run.len() > gap.len() {
            gap = run.clone();
        }
    }
    if gap.len() < 2 {
        gap = 8..8;
    }
    for (at, group) in groups.into_iter().enumerate() {
        if at == gap.start {
            out.extend_from_slice(b"::");
        }
        if gap.contains(&at) {
            continue;
        }
        if at > 0 && at != gap.end {
            out.push(b':');
        }
        hex_group(group, out);
    }
}

/// Appends a number in hexadecimal, lower case, without zeros in front.
pub(crate) fn hex_group(group: u16, out: &mut Vec<u8>) {
    let mut started = false;
    for shift in [12, 8, 4, 0] {
        let digit = (group >> shift & 15) as u8;
        started |= digit != 0 || shift == 0;
        if started {
            out.push(if digit < 10 {
                b'0' + digit
            } else {
                b'a' - 10 + digit
            });
        }
    }
}

/// Appends a name, absolute, with the escapes that BIND uses.
#[inline]
pub(crate) fn name(name: Name<'_>, out: &mut Vec<u8>) {
    flat_name(name.as_octets(), out);
}

/// Appends the name whose flat form `octets` is.
#[inline]
pub(crate) fn flat_name(octets: &[u8], out: &mut Vec<u8>) {
    if octets.len() <= 1 {
        out.push(b'.');
        return;
    }
    // A plain name is its own text, one octet on, with dots where the lengths are: copy it whole, then mend.
    let start = out.len();
    let text = octets.get(1..).unwrap_or_default();
    out.extend_from_slice(text);
    let mut rest = out.get_mut(start..).unwrap_or_default();
    let mut length = octets.first().copied().unwrap_or_default();
    while let Some((label, [end, behind @ ..])) = rest.split_at_mut_checked(length.into()) {
        if !label.iter().all(|&octet| is_plain(octet)) {
            out.truncate(start);
            escaped_name(octets, out);
            return;
        }
        length = std::mem::replace(end, b'.');
        if length == 0 {
            break;
        }
        rest = behind;
    }
}

#[cold]
fn escaped_name(octets: &[u8], out: &mut Vec<u8>) {
    let mut rest = octets;
    while let [length @ 1..=255, behind @ ..] = rest {
        let (label, behind) = behind
            .split_at_checked((*length).into())
            .unwrap_or((behind, &[]));
        for &octet in label {
            match octet {
                _ if is_plain(octet) => out.push(octet),
                b'!'..=b'~' => out.extend([b'\\', octet]),
                _ => decimal_escape(octet, out),
            }
        }
        out.push(b'.');
        rest = behind;
    }
}

/// Whether an octet of a label stands for itself.
#[inline]
fn is_plain(octet: u8) -> bool {
    #[allow(clippy::indexing_slicing)] // while compiling
    const PLAIN: [bool; 256] = {
        let mut plain = [false; 256];
        let mut octet = b'!' as usize;
        while octet <= b'~' as usize {
            plain[octet] = !matches!(
                octet as u8,
                b'"' | b'$' | b'(' | b')' | b'.' | b';' | b'@' | b'\\'
            );
            octet += 1;
        }
        plain
    };
    PLAIN.get(usize::from(octet)).is_some_and(|&plain| plain)
}

/// Appends octets in quotes.
pub(crate) fn quoted(octets: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    unquoted(octets, out);
    out.push(b'"');
}

/// Appends octets with the escapes of a quoted string, without the quotes.
pub(crate) fn unquoted(octets: &[u8], out: &mut Vec<u8>) {
    let mut rest = octets;
    loop {
        let plain = rest
            .iter()
            .position(|octet| !matches!(octet, b' '..=b'~') || matches!(octet, b'"' | b'\\'));
        let (text, behind) = rest
            .split_at_checked(plain.unwrap_or(rest.len()))
            .unwrap_or((rest, &[]));
        out.extend_from_slice(text);
        match behind {
            [octet @ (b'"' | b'\\'), behind @ ..] => {
                out.extend([b'\\', *octet]);
                rest = behind;
            }
            [octet, behind @ ..] => {
                decimal_escape(*octet, out);
                rest = behind;
            }
            [] => return,
        }
    }
}

fn decimal_escape(octet: u8, out: &mut Vec<u8>) {
    out.extend([
        b'\\',
        b'0' + octet / 100,
        b'0' + octet / 10 % 10,
        b'0' + octet % 10,
    ]);
}

/// Appends octets in hexadecimal, upper case, unbroken.
pub(crate) fn hex(octets: &[u8], out: &mut Vec<u8>) {
    out.reserve(octets.len() * 2);
    out.extend(
        octets
            .iter()
            .flat_map(|&octet| [hex_digit(octet >> 4), hex_digit(octet & 15)]),
    );
}

/// Appends octets in hexadecimal, lower case, joined by `-`.
pub(crate) fn dashed_hex(octets: &[u8], out: &mut Vec<u8>) {
    for (at, octet) in octets.iter().enumerate() {
        if at > 0 {
            out.push(b'-');
        }
        out.extend(
            [hex_digit(octet >> 4), hex_digit(octet & 15)].map(|digit| digit.to_ascii_lowercase()),
        );
    }
}

#[inline]
fn hex_digit(nibble: u8) -> u8 {
    if nibble < 10 {
        b'0' + nibble
    } else {
        b'A' - 10 + nibble
    }
}

/// Appends octets in base64, unbroken ([RFC 4648 §4](https://www.rfc-editor.org/rfc/rfc4648#section-4)).
pub(crate) fn base64(octets: &[u8], out: &mut Vec<u8>) {
    let (triples, rest) = octets.as_chunks::<3>();
    let start = out.len();
    out.resize(start + octets.len().div_ceil(3) * 4, b'=');
    let (quads, _) = out
        .get_mut(start..)
        .unwrap_or_default()
        .as_chunks_mut::<4>();
    let mut quads = quads.iter_mut();
    for (&[a, b, c], quad) in triples.iter().zip(&mut quads) {
        let word = u32::from_be_bytes([0, a, b, c]);
        let ([w, x], [y, z]) = (pair64(word >> 12), pair64(word & 0xFFF));
        *quad = [w, x, y, z];
    }
    if let Some(quad) = quads.next() {
        *quad = match *rest {
            [a] => {
                let [w, x] = pair64(u32::from(a) << 4);
                [w, x, b'=', b'=']
            }
            [a, b, ..] => {
                let word = u32::from_be_bytes([0, a, b, 0]);
                let ([w, x], [y, _]) = (pair64(word >> 12), pair64(word & 0xFFF));
                [w, x, y, b'=']
            }
            [] => *quad,
        };
    }
}

/// The two characters that stand for twelve bits.
#[inline]
fn pair64(bits: u32) -> [u8; 2] {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    #[allow(clippy::indexing_slicing)] // while compiling
    static PAIRS: [[u8; 2]; 4096] = {
        let mut pairs = [[0; 2]; 4096];
        let mut bits = 0;
        while bits < pairs.len() {
            pairs[bits] = [ALPHABET[bits >> 6], ALPHABET[bits & 63]];
            bits += 1;
        }
        pairs
    };
    PAIRS
        .get(bits as usize & 0xFFF)
        .copied()
        .unwrap_or_default()
}

/// Appends octets in base32hex without padding, upper case ([RFC 4648 §7](https://www.rfc-editor.org/rfc/rfc4648#section-7)).
pub(crate) fn base32hex(octets: &[u8], out: &mut Vec<u8>) {
    for chunk in octets.chunks(5) {
        let mut wide = [0; 8];
        for (to, from) in wide.iter_mut().skip(3).zip(chunk) {
            *to = *from;
        }
        let word = u64::from_be_bytes(wide);
        let digits = (chunk.len() * 8).div_ceil(5);
        for at in 0..digits {
            let digit = (word >> (35 - 5 * at) & 31) as u8;
            out.push(if digit < 10 {
                b'0' + digit
            } else {
                b'A' - 10 + digit
            });
        }
    }
}
