//! `$GENERATE`: BIND's directive for many records that differ by a number.
//!
//! ```text
//! $GENERATE 1-9/2 host-${0,3,d} A 192.0.2.$      host-001 A 192.0.2.1, host-003 A 192.0.2.3, …
//! ```

use std::io::Write;
use std::ops::Range;

use super::error::MasterErrorKind;
use crate::text::take;

/// The most records that one `$GENERATE` may stand for.
pub const MAX_GENERATED: u32 = 1 << 20;

/// The widest that a number may be told to be.
const MAX_WIDTH: usize = 255;

/// A `$GENERATE` and how far it has come.
pub(super) struct Generate {
    /// The numbers that are still to come.
    pub(super) numbers: std::iter::StepBy<std::ops::RangeInclusive<u32>>,
    pub(super) ttl: Option<u32>,
    /// The owner, and where in the entry it is.
    pub(super) owner: (Vec<u8>, Range<usize>),
    /// The RDATA, likewise.
    pub(super) rdata: (Vec<u8>, Range<usize>),
}

/// `first-last` or `first-last/step`.
pub(super) fn range(
    text: &[u8],
) -> Result<std::iter::StepBy<std::ops::RangeInclusive<u32>>, MasterErrorKind> {
    let dash = text.iter().position(|&octet| octet == b'-');
    let dash = dash.ok_or(MasterErrorKind::Range)?;
    let slash = text.iter().position(|&octet| octet == b'/');
    let number = |from: usize, to: usize| {
        let number = take::decimal(text.get(from..to).unwrap_or_default());
        number.filter(|number| *number <= i32::MAX as u32)
    };
    let end = slash.unwrap_or(text.len());
    let first = number(0, dash).ok_or(MasterErrorKind::Range)?;
    let last = number(dash + 1, end).ok_or(MasterErrorKind::Range)?;
    let step = match slash {
        Some(slash) => number(slash + 1, text.len()).ok_or(MasterErrorKind::Range)?,
        None => 1,
    };
    if step == 0 || first > last {
        return Err(MasterErrorKind::Range);
    }
    if (last - first) / step >= MAX_GENERATED {
        return Err(MasterErrorKind::TooManyGenerated);
    }
    Ok((first..=last).step_by(step as usize))
}

/// What a quoted string holds, its other escapes still in it: several words, quoted ones perhaps among them.
pub(super) fn unquote(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut octets = text.iter();
    while let Some(&octet) = octets.next() {
        match (octet, octets.as_slice()) {
            (b'\\', [b'"', ..]) => {} // the quote comes next
            (b'\\', [escaped, ..]) => {
                out.extend([b'\\', *escaped]);
                octets.next();
            }
            _ => out.push(octet),
        }
    }
    out
}

/// Appends `template` with `number` in the place of every `$`; `$$` and `\$` stand for the character itself.
pub(super) fn expand(
    template: &[u8],
    number: u32,
    out: &mut Vec<u8>,
) -> Result<(), MasterErrorKind> {
    let mut rest = template;
    loop {
        rest = match rest {
            [] => return Ok(()),
            [b'\\', octet, behind @ ..] => {
                out.extend([b'\\', *octet]); // for who reads the words
                behind
            }
            [b'$', b'$', behind @ ..] => {
                out.extend_from_slice(b"\\$");
                behind
            }
            [b'$', b'{', behind @ ..] => {
                let end = behind.iter().position(|&octet| octet == b'}');
                let (form, behind) = end
                    .and_then(|end| Some((behind.get(..end)?, behind.get(end + 1..)?)))
                    .ok_or(MasterErrorKind::Modifier)?;
                put(form, number, out).ok_or(MasterErrorKind::Modifier)?;
                behind
            }
            [b'$', behind @ ..] => {
                put(b"0", number, out).ok_or(MasterErrorKind::Modifier)?;
                behind
            }
            [octet, behind @ ..] => {
                out.push(*octet);
                behind
            }
        };
    }
}

/// Appends the number as `offset,width,base` says it.
fn put(form: &[u8], number: u32, out: &mut Vec<u8>) -> Option<()> {
    let mut parts = form.split(|&octet| octet == b',');
    let offset = match parts.next()? {
        [b'-', digits @ ..] => -i64::from(take::decimal(digits)?),
        digits => i64::from(take::decimal(digits)?),
    };
    let width = parts.next().map_or(Some(0), take::decimal)? as usize;
    let base = parts.next().unwrap_or(b"d");
    if parts.next().is_some() || width > MAX_WIDTH {
        return None;
    }
    let value = u32::try_from(i64::from(number) + offset).ok()?;
    let written = match base {
        b"d" => write!(out, "{value:0width$}"),
        b"o" => write!(out, "{value:0width$o}"),
        b"x" => write!(out, "{value:0width$x}"),
        b"X" => write!(out, "{value:0width$X}"),
        b"n" | b"N" => {
            nibbles(value, width, base == b"N", out);
            Ok(())
        }
        _ => return None,
    };
    written.ok()
}

/// Appends hexadecimal digits from the last to the first with dots between them, as `ip6.arpa` wants them; the width
/// counts dots, too.
fn nibbles(value: u32, width: usize, upper: bool, out: &mut Vec<u8>) {
    let (mut value, mut width) = (value, width);
    loop {
        let digit = char::from_digit(value & 15, 16).unwrap_or_default() as u8;
        out.push(if upper {
            digit.to_ascii_uppercase()
        } else {
            digit
        });
        value >>= 4;
        width = width.saturating_sub(1);
        if width == 0 && value == 0 {
            return;
        }
        out.push(b'.');
        width = width.saturating_sub(1);
        if width == 0 && value == 0 {
            return;
        }
    }
}
