//! Type bitmaps of NSEC, NSEC3, CSYNC ([RFC 4034 §4.1.2]) and NXT ([RFC 2535 §5.2]).
//!
//! [RFC 2535 §5.2]: https://www.rfc-editor.org/rfc/rfc2535#section-5.2
//! [RFC 4034 §4.1.2]: https://www.rfc-editor.org/rfc/rfc4034#section-4.1.2

use super::field::Misfit;
use crate::Rtype;

/// Checks windows: ascending, 1 to 32 octets each, the last octet of each not zero.
pub(super) fn check(octets: &[u8]) -> Result<(), Misfit> {
    let mut last: Option<u8> = None;
    let mut rest = octets;
    loop {
        let at = octets.len() - rest.len();
        let (window, length, behind) = match rest {
            [] => return Ok(()),
            [window, length @ 1..=32, behind @ ..] => (*window, usize::from(*length), behind),
            [_, _, ..] => return Err(Misfit::Value(at + 1)),
            [_] => return Err(Misfit::Short),
        };
        if last >= Some(window) {
            return Err(Misfit::Value(at));
        }
        let (bits, behind) = behind.split_at_checked(length).ok_or(Misfit::Short)?;
        if bits.last() == Some(&0) {
            return Err(Misfit::Value(at + 1 + length));
        }
        (last, rest) = (Some(window), behind);
    }
}

/// Checks the bitmap of an NXT: at most 16 octets, bit 0 clear (set, it would mean a format that nobody defined), the
/// last octet not zero.
pub(super) fn check_nxt(octets: &[u8]) -> Result<(), Misfit> {
    match octets {
        [] => Ok(()),
        [0x80..=0xFF, ..] => Err(Misfit::Value(0)),
        [.., 0] => Err(Misfit::Value(octets.len() - 1)),
        _ if octets.len() > 16 => Err(Misfit::Value(16)),
        _ => Ok(()),
    }
}

/// The types in a bitmap, ascending. Ends early where the octets are not a bitmap.
pub fn types(octets: &[u8]) -> impl Iterator<Item = Rtype> + '_ {
    let mut rest = octets;
    let windows = std::iter::from_fn(move || {
        let [window, length, behind @ ..] = rest else {
            return None;
        };
        let (bits, behind) = behind.split_at_checked(usize::from(*length))?;
        rest = behind;
        Some((*window, bits))
    });
    windows.flat_map(|(window, bits)| types_of_window(window, bits))
}

/// The types that the bits of one window stand for; an NXT's bits are window 0.
pub(crate) fn types_of_window(window: u8, bits: &[u8]) -> impl Iterator<Item = Rtype> + '_ {
    (0..=255u8).zip(bits).flat_map(move |(octet, &bits)| {
        let set = (0..8u8).filter(move |bit| bits & (0x80 >> bit) != 0);
        set.map(move |bit| Rtype(u16::from_be_bytes([window, octet.wrapping_mul(8) + bit])))
    })
}

/// Appends the bitmap of `types`, which must ascend.
pub fn write(types: &[Rtype], out: &mut Vec<u8>) {
    for window in types.chunk_by(|a, b| a.0 >> 8 == b.0 >> 8) {
        let mut bits = [0u8; 32];
        let mut length = 0;
        let mut number = 0;
        for rtype in window {
            let [high, low] = rtype.0.to_be_bytes();
            number = high;
            length = low / 8 + 1; // the last is the greatest
            if let Some(octet) = bits.get_mut(usize::from(low / 8)) {
                *octet |= 0x80 >> (low % 8);
            }
        }
        out.extend([number, length]);
        out.extend(bits.get(..usize::from(length)).unwrap_or_default());
    }
}
