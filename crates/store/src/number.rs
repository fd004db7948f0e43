//! Numbers as they lie in pages: seven bits an octet.

/// Appends a number, seven bits an octet, the low ones first.
#[inline]
pub(crate) fn write_number(mut number: usize, out: &mut Vec<u8>) {
    while number > 0x7F {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Reads a number and returns what follows it.
#[inline(always)] // nearly all take one octet
pub(crate) fn read_number(octets: &[u8]) -> Option<(usize, &[u8])> {
    match octets {
        [octet @ 0..=0x7F, rest @ ..] => Some((usize::from(*octet), rest)),
        _ => read_wide_number(octets),
    }
}

fn read_wide_number(octets: &[u8]) -> Option<(usize, &[u8])> {
    let mut number = 0;
    let mut rest = octets;
    for shift in (0..usize::BITS).step_by(7) {
        let (octet, behind) = rest.split_first()?;
        rest = behind;
        number |= usize::from(octet & 0x7F) << shift;
        if octet & 0x80 == 0 {
            return Some((number, rest));
        }
    }
    None
}

/// How many octets [`write_number`] writes.
#[inline]
pub(crate) fn number_octets(number: usize) -> usize {
    let mut octets = 1;
    let mut rest = number >> 7;
    while rest > 0 {
        octets += 1;
        rest >>= 7;
    }
    octets
}
