//! The hash of names that NSEC3 orders a zone by ([RFC 5155 §5]).
//!
//! [RFC 5155 §5]: https://www.rfc-editor.org/rfc/rfc5155#section-5

use sha1::{Digest, Sha1};
use zonekit_store::Nsec3Parameters;
use zonekit_wire::Name;

/// The most blocks of SHA-1 that a zone may ask for each name beyond hashing it once.
///
/// A round costs a block, or up to five where the salt is long. [RFC 9276 §3.2](https://www.rfc-editor.org/rfc/rfc9276#section-3.2)
/// has resolvers stop believing above 150 rounds, if not before; nothing is proven of a zone above this limit, so that it
/// cannot slow its neighbours.
const MAX_EXTRA_BLOCKS: usize = 150;
/// The most blocks of SHA-1 that one answer is worth.
///
/// Proofs need four names or fewer, and one more for each wildcard on the way, as long as names are not far below the
/// closest one that has a record: room for thirteen names of the most costly zone, and for every label there can be of
/// a zone that keeps to RFC 9276 §3.1 (no extra rounds, no salt).
const MAX_BLOCKS: usize = 2000;

/// Whether hashing for a zone with these parameters is within bounds.
pub(crate) fn is_affordable(parameters: &Nsec3Parameters<'_>) -> bool {
    extra_blocks(parameters) <= MAX_EXTRA_BLOCKS
}

/// The work that is left for one answer.
pub(crate) struct Budget(usize);

impl Default for Budget {
    fn default() -> Self {
        Self(MAX_BLOCKS)
    }
}

impl Budget {
    /// [`hash`], unless that is more work than is left; then nothing is left any more.
    pub(crate) fn hash(
        &mut self,
        name: Name<'_>,
        parameters: &Nsec3Parameters<'_>,
    ) -> Option<[u8; 20]> {
        let first = blocks(name.as_octets().len() + parameters.salt.len());
        let left = self.0.checked_sub(first + extra_blocks(parameters));
        self.0 = left.unwrap_or(0);
        left.map(|_| hash(name, parameters.iterations, parameters.salt))
    }
}

/// Blocks of SHA-1 for the rounds beyond the first.
fn extra_blocks(parameters: &Nsec3Parameters<'_>) -> usize {
    usize::from(parameters.iterations) * blocks(20 + parameters.salt.len())
}

/// Blocks that SHA-1 makes of so many octets, with a bit and the length behind them.
const fn blocks(octets: usize) -> usize {
    (octets + 9).div_ceil(64)
}

/// The hash of a name, in lower case, by algorithm 1 (SHA-1), the only one there is.
fn hash(name: Name<'_>, iterations: u16, salt: &[u8]) -> [u8; 20] {
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

    use super::*;

    #[test]
    fn what_a_hash_costs_counts_rounds_and_salt() {
        let costs = |iterations, salt: &[u8]| {
            let name: NameBuf = "example".parse().unwrap();
            let mut budget = Budget::default();
            let parameters = Nsec3Parameters {
                algorithm: 1,
                iterations,
                salt,
            };
            let hash = budget.hash(name.as_name(), &parameters);
            assert!(hash == Some(super::hash(name.as_name(), iterations, salt)));
            (MAX_BLOCKS - budget.0, is_affordable(&parameters))
        };
        assert_eq!(costs(0, b""), (1, true));
        assert_eq!(costs(150, &[1; 35]), (151, true));
        assert_eq!(costs(151, b""), (152, false));
        assert_eq!(costs(75, &[1; 36]), (151, true));
        assert_eq!(costs(76, &[1; 36]), (153, false));
        assert_eq!(costs(30, &[1; 255]), (155, true));
        assert_eq!(costs(31, &[1; 255]), (160, false));
    }

    #[test]
    fn an_answer_ends_hashing_when_its_budget_is_used_up() {
        let mut budget = Budget::default();
        let name: NameBuf = "example".parse().unwrap();
        let parameters = Nsec3Parameters {
            algorithm: 1,
            iterations: 150,
            salt: b"",
        };
        let hashed = (0..100).take_while(|_| budget.hash(name.as_name(), &parameters).is_some());
        assert_eq!(hashed.count(), 13);
        let cheap = Nsec3Parameters {
            iterations: 0,
            ..parameters
        };
        assert!(budget.hash(name.as_name(), &cheap).is_none());
    }

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
