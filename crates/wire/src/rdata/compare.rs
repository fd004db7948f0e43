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

/// An order in which two RDATA of a type are equal exactly when [`eq`] says so: octets compared with every name in lower
/// case. Where canonical form lowers all names of a type, it is the canonical order.
pub fn cmp_without_case(rtype: Rtype, a: &[u8], b: &[u8]) -> Ordering {
    if !table::row(rtype).has_names {
        return a.cmp(b);
    }
    // Up to here and with this octet there is nothing that lower case would change.
    let is_plain = |octet: &u8| !octet.is_ascii_uppercase();
    for (a, b) in a.iter().zip(b) {
        if !(is_plain(a) && is_plain(b)) {
            break;
        } else if a != b {
            return a.cmp(b);
        }
    }
    without_case(rtype, a).cmp(without_case(rtype, b))
}

/// Whether names in RDATA of this type keep their case in canonical form, although they are compared without
/// ([RFC 3597 §7](https://www.rfc-editor.org/rfc/rfc3597#section-7)).
pub fn keeps_case(rtype: Rtype) -> bool {
    let row = table::row(rtype);
    row.has_names && !row.lower_case
}

/// RDATA with every name in lower case.
fn without_case(rtype: Rtype, rdata: &[u8]) -> impl Iterator<Item = u8> {
    let mut names = name_ranges(rtype, rdata).peekable();
    rdata.iter().enumerate().map(move |(at, octet)| {
        while names.next_if(|name| name.end <= at).is_some() {}
        match names.peek() {
            Some(name) if name.start <= at => octet.to_ascii_lowercase(), // lengths of labels are below the letters
            _ => *octet,
        }
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_without_case_agrees_with_sameness_and_with_canonical_order() {
        let names: Vec<&[u8]> = vec![
            b"\0",
            b"\x01a\0",
            b"\x01A\0",
            b"\x01b\0",
            b"\x01B\x01c\0",
            b"\x01b\x01C\0",
            b"\x02ab\0",
        ];
        for (rtype, front) in [
            (Rtype::NS, &b""[..]),
            (Rtype::MX, b"\0A"),
            (Rtype::SRV, b"\0a\0A\0a"),
            (Rtype::SVCB, b"\0A"),
            (Rtype::NSEC, b""),
            (Rtype::TXT, b"\x02"),
        ] {
            let all: Vec<Vec<u8>> = names
                .iter()
                .flat_map(|name| [[front, name].concat(), [front, name, b"\0\x01A"].concat()])
                .collect();
            for a in &all {
                for b in &all {
                    let order = cmp_without_case(rtype, a, b);
                    assert_eq!(order, cmp_without_case(rtype, b, a).reverse());
                    assert_eq!(order.is_eq(), eq(rtype, a, b), "{rtype} {a:?} {b:?}");
                    if !keeps_case(rtype) {
                        assert_eq!(order, cmp(rtype, a, b), "{rtype} {a:?} {b:?}");
                    }
                    for c in &all {
                        if order.is_le() && cmp_without_case(rtype, b, c).is_le() {
                            assert!(cmp_without_case(rtype, a, c).is_le());
                        }
                    }
                }
            }
        }
        assert!(keeps_case(Rtype::SVCB) && !keeps_case(Rtype::NS) && !keeps_case(Rtype::TXT));
    }
}
