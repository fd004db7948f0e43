//! TTLs as they lie in a page: the usual ones take one octet.

/// Appends a TTL: one octet for the usual ones.
#[inline]
pub(super) fn write_ttl(ttl: u32, out: &mut Vec<u8>) {
    let index = TTL_INDEX[ttl_slot(ttl)];
    if USUAL_TTLS.get(usize::from(index)) == Some(&ttl) {
        out.push(index);
    } else {
        out.push(UNUSUAL);
        out.extend(ttl.to_be_bytes());
    }
}

/// Reads a TTL and returns what follows it.
pub(super) fn read_ttl(octets: &[u8]) -> Option<(u32, &[u8])> {
    match octets {
        [UNUSUAL, a, b, c, d, rest @ ..] => Some((u32::from_be_bytes([*a, *b, *c, *d]), rest)),
        [index, rest @ ..] => Some((*USUAL_TTLS.get(usize::from(*index))?, rest)),
        [] => None,
    }
}

/// Where a usual TTL is, found without a search.
const TTL_INDEX: [u8; 128] = {
    let mut index = [UNUSUAL; 128];
    let mut at = 0;
    while at < USUAL_TTLS.len() {
        let slot = ttl_slot(USUAL_TTLS[at]);
        assert!(index[slot] == UNUSUAL, "two usual TTLs in one slot");
        index[slot] = at as u8; // the table is shorter than 255
        at += 1;
    }
    index
};

/// The factor was found by trial: it keeps the usual TTLs apart.
const fn ttl_slot(ttl: u32) -> usize {
    (ttl.wrapping_mul(0x8AFD_2973) >> 25) as usize
}

const UNUSUAL: u8 = 255;

/// TTLs that take one octet. Part of the form on disk: a change of it is a new version of the page.
const USUAL_TTLS: [u32; 48] = [
    0, 1, 5, 10, 15, 20, 30, 45, 60, 90, 120, 150, 180, 240, 300, 360, 400, 500, 600, 900, 1000,
    1200, 1500, 1800, 2400, 2700, 3000, 3600, 5400, 7200, 10800, 14400, 18000, 21600, 28800, 36000,
    43200, 64800, 72000, 86400, 129_600, 172_800, 259_200, 345_600, 432_000, 518_400, 604_800,
    1_209_600,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_usual_ttls_is_sorted() {
        assert!(USUAL_TTLS.is_sorted());
    }
}
