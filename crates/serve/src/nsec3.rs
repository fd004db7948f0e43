//! The hash of names that NSEC3 orders a zone by ([RFC 5155 §5]).
//!
//! [RFC 5155 §5]: https://www.rfc-editor.org/rfc/rfc5155#section-5

use sha1::{Digest, Sha1};
use zonekit_wire::Name;

/// The most extra rounds of hashing that a zone may ask of every negative answer.
///
/// [RFC 9276 §3.1](https://www.rfc-editor.org/rfc/rfc9276#section-3.1) asks zones for none, and resolvers stop believing
/// at 150 or fewer; a zone above this limit is answered for without proofs, so that it cannot slow its neighbours.
pub(crate) const MAX_ITERATIONS: u16 = 500;

/// The hash of a name, in lower case, by algorithm 1 (SHA-1), the only one there is.
pub(crate) fn hash(name: Name<'_>, iterations: u16, salt: &[u8]) -> [u8; 20] {
    let mut lower = [0; 255];
    let octets = name.as_octets();
    for (to, from) in lower.iter_mut().zip(octets) {
        *to = from.to_ascii_lowercase(); // a length octet is below 64, hence no letter
    }
    let lower = lower.get(..octets.len()).unwrap_or_default();
    let mut digest: [u8; 20] = Sha1::new()
        .chain_update(lower)
        .chain_update(salt)
        .finalize()
        .into();
    for _ in 0..iterations {
        digest = Sha1::new()
            .chain_update(digest)
            .chain_update(salt)
            .finalize()
            .into();
    }
    digest
}

#[cfg(test)]
mod tests {
    use zonekit_wire::NameBuf;

    #[test]
    fn hashes_are_those_of_rfc_5155_appendix_a() {
        for (name, hash) in [
            ("example", "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom"),
            ("a.example", "35mthgpgcu1qg68fab165klnsnk3dpvl"),
            ("ai.Example", "gjeqe526plbf1g8mklp59enfd789njgi"),
            ("*.w.example", "r53bq7cc2uvmubfu5ocmm6pers9tk9en"),
        ] {
            let name: NameBuf = name.parse().unwrap();
            let digest = super::hash(name.as_name(), 12, &[0xaa, 0xbb, 0xcc, 0xdd]);
            assert_eq!(base32hex(&digest), hash, "{name}");
        }
    }

    fn base32hex(octets: &[u8]) -> String {
        let bit = |i: usize| usize::from(octets[i / 8] >> (7 - i % 8) & 1);
        (0..octets.len() * 8 / 5)
            .map(|digit| (0..5).fold(0, |value, i| value << 1 | bit(digit * 5 + i)))
            .map(|value| char::from(b"0123456789abcdefghijklmnopqrstuv"[value]))
            .collect()
    }
}
