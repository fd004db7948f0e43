//! Places on earth: LOC as presentation text ([RFC 1876 §3]).
//!
//! [RFC 1876 §3]: https://www.rfc-editor.org/rfc/rfc1876#section-3

use super::error::TextErrorKind;
use super::scan::Tokens;
use super::write::Form;
use super::{put, take};

/// `51 30 12.748 N 0 7 39.611 W 0.00m 1m 10000m 10m`
pub(super) fn put(octets: &[u8], out: &mut Vec<u8>) -> Form {
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
    put::numbers(
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

/// A place as [RFC 1876 §3](https://www.rfc-editor.org/rfc/rfc1876#section-3) writes it; what is left out has the
/// values given there.
pub(super) fn read(
    tokens: &mut Tokens<'_>,
    field: &'static str,
    out: &mut Vec<u8>,
) -> Result<(), TextErrorKind> {
    let bad = TextErrorKind::Value { field };
    let latitude = read_angle(tokens, "latitude", 90, b"NS")?;
    let longitude = read_angle(tokens, "longitude", 180, b"EW")?;
    let altitude = match tokens.expect("altitude")? {
        [b'-', depth @ ..] => -i64::try_from(centimetres(depth).ok_or(bad)?).map_err(|_| bad)?,
        height => i64::try_from(centimetres(height).ok_or(bad)?).map_err(|_| bad)?,
    };
    let altitude = u32::try_from(altitude + 10_000_000).map_err(|_| bad)?;
    out.push(0);
    for default in [0x12, 0x16, 0x13] {
        out.push(match tokens.next_word()? {
            Some(text) => centimetres(text).and_then(precision).ok_or(bad)?,
            None => default,
        });
    }
    out.extend(
        [latitude, longitude, altitude]
            .into_iter()
            .flat_map(u32::to_be_bytes),
    );
    Ok(())
}

/// `51 30 12.748 N`: thousandths of seconds from 2³¹.
fn read_angle(
    tokens: &mut Tokens<'_>,
    field: &'static str,
    most: u32,
    [positive, negative]: &[u8; 2],
) -> Result<u32, TextErrorKind> {
    let bad = TextErrorKind::Value { field };
    let mut sum = 0;
    let mut units = [(3_600_000, most + 1), (60_000, 60), (1000, 60)].into_iter();
    loop {
        let text = tokens.expect(field)?;
        let side = match text {
            [side] => *side,
            _ => 0,
        };
        if (side == *positive || side == *negative) && units.len() < 3 {
            if sum > most * 3_600_000 {
                return Err(bad);
            }
            return Ok(if side == *positive {
                (1 << 31) + sum
            } else {
                (1 << 31) - sum
            });
        }
        let (unit, below) = units.next().ok_or(bad)?;
        let thousandths = if unit == 1000 {
            fixed(text, 3)
        } else {
            take::decimal(text).map(|n| u64::from(n) * 1000)
        };
        match thousandths {
            Some(thousandths) if thousandths < u64::from(below) * 1000 => {
                sum += thousandths as u32 * (unit / 1000)
            }
            _ => return Err(bad),
        }
    }
}

/// `10`, `10m` or `10.00m` as hundredths.
fn centimetres(text: &[u8]) -> Option<u64> {
    fixed(text.strip_suffix(b"m").unwrap_or(text), 2)
}

/// A decimal number with up to `places` digits behind the point, as a whole number of the smallest.
fn fixed(text: &[u8], places: usize) -> Option<u64> {
    let (whole, part) = match text.iter().position(|&octet| octet == b'.') {
        Some(at) => (text.get(..at)?, text.get(at + 1..)?),
        None => (text, &[][..]),
    };
    if part.len() > places {
        return None;
    }
    let part = if part.is_empty() {
        0
    } else {
        take::decimal(part)? * 10u32.pow((places - part.len()) as u32)
    };
    Some(u64::from(take::decimal(whole)?) * 10u64.pow(places as u32) + u64::from(part))
}

/// Centimetres as one digit and a power of ten, rounded down.
fn precision(centimetres: u64) -> Option<u8> {
    let (mut mantissa, mut exponent) = (centimetres, 0);
    while mantissa > 9 {
        mantissa /= 10;
        exponent += 1;
    }
    (exponent <= 9).then_some((mantissa as u8) << 4 | exponent)
}
