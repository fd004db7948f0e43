//! Canonical form, order and equality of RDATA.

use std::cmp::Ordering;
use std::ops::Range;

use super::field::Kind;
use super::table::{self, Row};
use super::walk::{Names, Walk};
use super::{names, odd};
use crate::Rtype;

/// Appends the canonical form of flat RDATA ([RFC 4034 §6.2]): the names of the types listed there are in lower case.
///
/// NSEC's next name and HINFO stay as they are, as [RFC 6840 §5.1] corrects the list.
///
/// [RFC 4034 §6.2]: https://www.rfc-editor.org/rfc/rfc4034#section-6.2
/// [RFC 6840 §5.1]: https://www.rfc-editor.org/rfc/rfc6840#section-5.1
pub fn canonical(rtype: Rtype, rdata: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(rdata);
    for range in lowered(table::row(rtype), rdata) {
        if let Some(name) = out.get_mut(start + range.start..start + range.end) {
            name.make_ascii_lowercase(); // lengths of labels are below the letters
        }
    }
}

/// The canonical order of RDATA within an RRset ([RFC 4034 §6.3]): canonical forms compared as octets.
///
/// [RFC 4034 §6.3]: https://www.rfc-editor.org/rfc/rfc4034#section-6.3
pub fn cmp(rtype: Rtype, a: &[u8], b: &[u8]) -> Ordering {
    let row = table::row(rtype);
    if !row.lower_case {
        return a.cmp(b);
    }
    let octets = |rdata| {
        let ranges = lowered(row, rdata);
        rdata
            .iter()
            .enumerate()
            .map(move |(at, octet): (usize, &u8)| {
                if ranges.iter().any(|range| range.contains(&at)) {
                    octet.to_ascii_lowercase()
                } else {
                    *octet
                }
            })
    };
    octets(a).cmp(octets(b))
}

/// Whether two RDATA of a type say the same: equal octets but for the case of names.
///
/// This is how a transfer finds the record that it is to remove. It is wider than [`cmp`], which heeds the case of
/// names in types younger than RFC 3597.
pub fn eq(rtype: Rtype, a: &[u8], b: &[u8]) -> bool {
    if a == b {
        return true;
    }
    if a.len() != b.len() || !table::row(rtype).has_names || !a.eq_ignore_ascii_case(b) {
        return false;
    }
    // They differ in the case of letters alone. Is each of these inside a name?
    let mut from = 0;
    for range in name_ranges(rtype, a) {
        if a.get(from..range.start) != b.get(from..range.start) {
            return false;
        }
        from = range.end;
    }
    a.get(from..) == b.get(from..)
}

/// Where the names are.
fn name_ranges(rtype: Rtype, rdata: &[u8]) -> impl Iterator<Item = Range<usize>> {
    let names: Names<'_> = names(rtype, rdata);
    let base = rdata.as_ptr().addr();
    names.map(move |name| {
        let start = name.as_octets().as_ptr().addr() - base;
        start..start + name.as_octets().len()
    })
}

/// Where the names are that canonical form puts in lower case: two at most.
fn lowered(row: &'static Row, rdata: &[u8]) -> [Range<usize>; 2] {
    let mut ranges = [0..0, 0..0];
    if !row.lower_case {
        return ranges;
    }
    let mut free = ranges.iter_mut();
    let mut walk = Walk::new(row, rdata);
    let mut at = 0;
    while let Ok(Some((kind, octets))) = walk.step() {
        let end = at + octets.len();
        let name = match kind {
            Kind::Name(rules) if rules.lower_case => Some(octets.len()),
            Kind::A6 => Some(odd::a6_name(octets).len()),
            _ => None,
        };
        if let Some((length, range)) = name.and_then(|length| Some((length, free.next()?))) {
            *range = end - length..end;
        }
        at = end;
    }
    ranges
}
