//! NSEC3: names known by their hashes ([RFC 5155]).
//!
//! [RFC 5155]: https://www.rfc-editor.org/rfc/rfc5155

use zonekit_wire::{NameBuf, Rtype};

use crate::key::KeyBuf;
use crate::{Node, RrSet};

/// How a zone's names are hashed ([RFC 5155 §4](https://www.rfc-editor.org/rfc/rfc5155#section-4)).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Nsec3Parameters<'z> {
    /// The hash algorithm: 1 is SHA-1, and there is no other. A chain with another one is taken as if it were not there
    /// ([RFC 5155 §8.1](https://www.rfc-editor.org/rfc/rfc5155#section-8.1)).
    pub algorithm: u8,
    /// How often the hash is hashed again.
    pub iterations: u16,
    /// What is hashed with the name, 0 to 255 octets.
    pub salt: &'z [u8],
}

impl<'z> Nsec3Parameters<'z> {
    /// The RDATA of the NSEC3PARAM record, among these in canonical order, whose chain is complete and of a known
    /// algorithm; of several, the one that costs least.
    pub(crate) fn choose(mut rdatas: impl Iterator<Item = &'z [u8]>) -> Option<&'z [u8]> {
        let usable = |rdata: &&[u8]| {
            Nsec3Parameters::read(rdata)
                .is_some_and(|(parameters, flags)| flags == 0 && parameters.algorithm == SHA_1)
        };
        rdatas.find(usable) // algorithm and flags being the same, iterations make the order
    }

    /// Reads the front that NSEC3PARAM and NSEC3 have in common; also returns the flags.
    pub(crate) fn read(rdata: &'z [u8]) -> Option<(Self, u8)> {
        match rdata {
            [algorithm, flags, high, low, length, rest @ ..] => {
                let salt = rest.get(..usize::from(*length))?;
                let iterations = u16::from_be_bytes([*high, *low]);
                Some((
                    Self {
                        algorithm: *algorithm,
                        iterations,
                        salt,
                    },
                    *flags,
                ))
            }
            _ => None,
        }
    }
}

const SHA_1: u8 = 1;

/// The NSEC3 record that tells of a hash.
#[derive(Clone, Copy, Debug)]
pub struct Nsec3<'z> {
    pub(crate) node: Node<'z>,
    pub(crate) is_match: bool,
}

impl<'z> Nsec3<'z> {
    /// Whether the hash is that of the record's owner; otherwise it falls between the owner and the next.
    pub fn is_match(&self) -> bool {
        self.is_match
    }

    /// The owner: the hash in base32hex below the apex, in the case that it was received in.
    pub fn owner(&self) -> NameBuf {
        self.node.owner()
    }

    /// Makes `out` the owner.
    pub fn write_owner(&self, out: &mut NameBuf) {
        self.node.write_owner(out);
    }

    /// The NSEC3 record, with its signatures.
    pub fn rrset(&self) -> Option<RrSet<'z>> {
        self.node.rrset(Rtype::NSEC3)
    }
}

/// The key of the NSEC3 owner with this hash: base32hex ([RFC 4648 §7]) without padding, one label.
///
/// [RFC 4648 §7]: https://www.rfc-editor.org/rfc/rfc4648#section-7
pub(crate) fn hash_key(hash: &[u8]) -> KeyBuf {
    const DIGITS: &[u8; 32] = b"0123456789abcdefghijklmnopqrstuv";
    let mut key = KeyBuf::new();
    let (mut bits, mut held) = (0_u32, 0);
    for octet in hash {
        bits = bits << 8 | u32::from(*octet);
        held += 8;
        while held >= 5 {
            held -= 5;
            key.push(DIGITS[(bits >> held & 31) as usize]);
        }
    }
    if held > 0 {
        key.push(DIGITS[(bits << (5 - held) & 31) as usize]);
    }
    key.push(0);
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_spelled_in_base32hex() {
        // RFC 4648 §10
        for (hash, text) in [
            (&b"f"[..], "co"),
            (b"foobar", "cpnmuoj1e8"),
            (b"fooba", "cpnmuoj1"),
        ] {
            assert_eq!(&hash_key(hash)[..], [text.as_bytes(), b"\0"].concat());
        }
    }
}
