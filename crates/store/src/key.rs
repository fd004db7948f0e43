//! Keys: the owner names of a zone in a form that sorts by plain comparison.
//!
//! A key is the sort key of wire's `Name::write_sort_key` without the part that the apex contributes: labels from
//! the apex down, in lower case, 0x00 as 01 01 and 0x01 as 01 02, each closed by 00. Plain comparison of keys is the
//! canonical order of names ([RFC 4034 §6.1]), the key of an ancestor is a prefix of the keys of all names
//! below it, and the apex has the empty key.
//!
//! [RFC 4034 §6.1]: https://www.rfc-editor.org/rfc/rfc4034#section-6.1

use smallvec::SmallVec;
use zonekit_wire::{Name, NameBuf};

/// Memory for a key that needs no heap unless the name is unusually long.
pub(crate) type KeyBuf = SmallVec<[u8; 128]>;

/// The name of a zone in wire form, which lies with what it names unless it is unusually long.
pub(crate) type NearName = SmallVec<[u8; 31]>;

/// The longest name in wire form.
const MAX_NAME: usize = 255;

/// Makes `out` the key of `name`, which must be at or below an apex of `apex_octets` octets in wire form.
pub(crate) fn write_key(name: Name<'_>, apex_octets: usize, out: &mut KeyBuf) {
    let octets = name.as_octets();
    let below = &octets[..octets.len().saturating_sub(apex_octets)];
    out.clear();
    if has_low_octets(below) && labels(below).any(|label| label.iter().any(|octet| *octet <= 1)) {
        return write_escaped(below, out);
    }
    // A label and its length octet take as much room as the label and what closes it.
    *out = KeyBuf::from_slice(below);
    let mut end = below.len();
    for label in labels(below) {
        let start = end - 1 - label.len();
        out[start..end - 1].copy_from_slice(label);
        out[end - 1] = 0;
        end = start;
    }
    make_lower(out);
}

/// Whether `name` is at or below `apex`, which is a name in wire form, case aside.
pub(crate) fn is_at_or_below(name: Name<'_>, apex: &[u8]) -> bool {
    let name = name.as_octets();
    let surplus = name.len().checked_sub(apex.len());
    let Some((below, end)) = surplus.and_then(|surplus| name.split_at_checked(surplus)) else {
        return false;
    };
    if end != apex && !end.eq_ignore_ascii_case(apex) {
        return false; // lengths of labels are below every letter
    }
    let mut at = 0;
    while let Some(&length) = below.get(at) {
        at += 1 + usize::from(length);
    }
    at == below.len() // or the cut falls inside a label
}

/// The labels at the front of a name.
fn labels(mut rest: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (&length, behind) = rest.split_first()?;
        let (label, behind) = behind.split_at(usize::from(length).min(behind.len()));
        rest = behind;
        Some(label)
    })
}

/// Whether there may be an octet below 2: labels that are to be escaped have one, and few others do.
fn has_low_octets(octets: &[u8]) -> bool {
    let is_low = |word: u64| word.wrapping_sub(2 * ONES) & !word & (0x80 * ONES) != 0;
    match (octets.as_chunks(), octets.last_chunk()) {
        ((words, _), Some(last)) => {
            let mut words = words.iter().chain([last]);
            words.any(|word| is_low(u64::from_le_bytes(*word)))
        }
        _ => octets.iter().any(|octet| *octet < 2),
    }
}

/// Makes capital letters small ones, eight octets at a time; the last eight overlap those before them.
fn make_lower(octets: &mut [u8]) {
    let lower = |octets: &mut [u8; 8]| {
        let word = u64::from_le_bytes(*octets);
        let low_bits = word & (0x7F * ONES);
        let is_from_a = low_bits + (0x80 - u64::from(b'A')) * ONES;
        let is_behind_z = low_bits + (0x7F - u64::from(b'Z')) * ONES;
        let is_upper = is_from_a & !is_behind_z & !word & (0x80 * ONES);
        *octets = (word | is_upper >> 2).to_le_bytes(); // 0x20 tells the two apart
    };
    if octets.len() < 8 {
        return octets.make_ascii_lowercase();
    }
    octets.as_chunks_mut().0.iter_mut().for_each(lower);
    octets.last_chunk_mut().into_iter().for_each(lower);
}

/// One in each octet.
const ONES: u64 = 0x0101_0101_0101_0101;

/// The same for labels that hold 0x00 or 0x01, which hardly any do.
#[cold]
fn write_escaped(below: &[u8], out: &mut KeyBuf) {
    let labels: SmallVec<[&[u8]; 128]> = labels(below).collect();
    out.clear();
    for label in labels.into_iter().rev() {
        for octet in label {
            match octet {
                0 | 1 => out.extend_from_slice(&[1, octet + 1]),
                _ => out.push(octet.to_ascii_lowercase()),
            }
        }
        out.push(0);
    }
}

/// How the labels below the apex are spelled.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Spelling {
    /// In lower case, as the key has them.
    Lower,
    /// All letters in upper case, as some servers send the hashes of NSEC3.
    Upper,
}

/// Makes `out` the name whose key below `apex` is `key`. Nothing happens when no name has this key.
pub(crate) fn write_name(key: &[u8], apex: &[u8], spelling: Spelling, out: &mut NameBuf) {
    let mut flat = [0; MAX_NAME];
    let Some(mut start) = MAX_NAME.checked_sub(apex.len()) else {
        return;
    };
    flat[start..].copy_from_slice(apex);
    for label in key.split_inclusive(|&octet| octet == 0) {
        let label = label.strip_suffix(&[0]).unwrap_or(label);
        let escaped = escapes(label);
        let length = label.len() - escaped;
        let Some(front) = start.checked_sub(length + 1) else {
            return;
        };
        flat[front] = length as u8; // a label that fits into 255 octets
        let place = &mut flat[front + 1..start];
        if escaped == 0 {
            place.copy_from_slice(label);
        } else {
            let mut rest = label.iter();
            for octet in place.iter_mut() {
                *octet = match rest.next() {
                    Some(1) => rest.next().map_or(0, |octet| octet.wrapping_sub(1)),
                    Some(octet) => *octet,
                    None => 0,
                };
            }
        }
        if spelling == Spelling::Upper {
            place.make_ascii_uppercase();
        }
        start = front;
    }
    if let Ok(name) = Name::from_octets(&flat[start..]) {
        out.assign(name);
    }
}

/// How many octets the name of `key` has in wire form below the apex.
pub(crate) fn name_octets(key: &[u8]) -> usize {
    // Each label has one octet more in either form: its length there, its end here.
    key.len() - escapes(key)
}

/// Whether the name of `key` is a wildcard: its leftmost label is `*`.
pub(crate) fn is_wildcard(key: &[u8]) -> bool {
    matches!(key, [b'*', 0] | [.., 0, b'*', 0])
}

/// Whether the name of `key` is below one whose leftmost label is `*`.
pub(crate) fn is_below_asterisk(key: &[u8]) -> bool {
    let mut labels = key.split_inclusive(|&octet| octet == 0);
    labels.next_back();
    labels.any(|label| label == b"*\0")
}

/// How many labels end within the first `length` octets of `key`.
pub(crate) fn labels_within(key: &[u8], length: usize) -> usize {
    key[..length.min(key.len())]
        .iter()
        .filter(|&&octet| octet == 0)
        .count()
}

/// The key of the ancestor that is `labels` labels below the apex.
pub(crate) fn ancestor(key: &[u8], labels: usize) -> &[u8] {
    match labels.checked_sub(1) {
        None => &[],
        Some(skipped) => {
            let end = key
                .iter()
                .enumerate()
                .filter(|(_, octet)| **octet == 0)
                .nth(skipped);
            end.map_or(key, |(at, _)| &key[..=at])
        }
    }
}

/// How many octets two keys have in common at their front.
#[inline]
pub(crate) fn common_prefix(a: &[u8], b: &[u8]) -> usize {
    let mut common = 0;
    let (mut rest_a, mut rest_b) = (a, b);
    while let (Some((x, behind_a)), Some((y, behind_b))) = (
        rest_a.split_first_chunk::<8>(),
        rest_b.split_first_chunk::<8>(),
    ) {
        let differing = u64::from_le_bytes(*x) ^ u64::from_le_bytes(*y);
        if differing != 0 {
            return common + differing.trailing_zeros() as usize / 8;
        }
        (rest_a, rest_b) = (behind_a, behind_b);
        common += 8;
    }
    let equal = rest_a.iter().zip(rest_b).take_while(|(x, y)| x == y);
    common + equal.count()
}

/// How many octets of a key stand for an escape: every pair that begins with 01 is one octet of the name.
fn escapes(key: &[u8]) -> usize {
    if !key.contains(&1) {
        return 0; // nearly always
    }
    let mut count = 0;
    let mut octets = key.iter();
    while let Some(octet) = octets.next() {
        if *octet == 1 {
            count += 1;
            octets.next();
        }
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(labels: &[&[u8]]) -> NameBuf {
        let mut name = NameBuf::new();
        for label in labels.iter().rev() {
            name.prepend_label(label).unwrap();
        }
        name
    }

    #[test]
    fn a_key_is_wires_sort_key_without_the_apex() {
        let apex = name(&[b"exa\x01mple", b"org"]);
        let mut prefix = Vec::new();
        apex.as_name().write_sort_key(&mut prefix);
        for below in [
            name(&[b"exa\x01mple", b"org"]),
            name(&[b"WWW", b"exa\x01mple", b"org"]),
            name(&[b"\x00a\x01", b"*", b"b", b"exa\x01mple", b"org"]),
            name(&[
                b"a",
                b"@AZ[`az{\x7F\x80\xC1\xDA\xFF-LONG-",
                b"B",
                b"exa\x01mple",
                b"org",
            ]),
            name(&[b"@AMZ[`az{", b"exa\x01mple", b"org"]),
            name(&[b"ABCdEFGHIJKLMNOPQRSTUVWXYZ\x02", b"exa\x01mple", b"org"]),
            name(&[b"12345678901234567\x01", b"exa\x01mple", b"org"]),
        ] {
            let mut whole = Vec::new();
            below.as_name().write_sort_key(&mut whole);
            let mut key = KeyBuf::new();
            write_key(below.as_name(), apex.as_name().as_octets().len(), &mut key);
            assert_eq!(&whole[prefix.len()..], &key[..], "{below}");
            let mut back = NameBuf::new();
            write_name(&key, apex.as_name().as_octets(), Spelling::Lower, &mut back);
            assert_eq!(
                back.as_name().as_octets(),
                below.to_lowercase().as_name().as_octets()
            );
            let octets = name_octets(&key) + apex.as_name().as_octets().len();
            assert_eq!(octets, below.as_name().as_octets().len());
        }
    }

    #[test]
    fn ancestors_and_wildcards_are_read_from_the_key() {
        assert_eq!(ancestor(b"com\0example\0www\0", 2), b"com\0example\0");
        assert_eq!(ancestor(b"com\0example\0", 0), b"");
        assert_eq!(ancestor(b"com\0", 3), b"com\0");
        assert_eq!(labels_within(b"com\0example\0", 6), 1);
        assert!(is_wildcard(b"*\0") && is_wildcard(b"a\0*\0"));
        assert!(!is_wildcard(b"a*\0") && !is_wildcard(b"*\0a\0") && !is_wildcard(b""));
        assert!(is_below_asterisk(b"*\0a\0") && is_below_asterisk(b"a\0*\0*\0"));
        assert!(!is_below_asterisk(b"a\0*\0") && !is_below_asterisk(b"a*\0b\0"));
    }
}
