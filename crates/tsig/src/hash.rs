//! A running HMAC over one of the hashes.

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::{Sha224, Sha256, Sha384, Sha512};
use subtle::ConstantTimeEq;

use crate::Algorithm;

/// An HMAC under way. A clone of one that has seen the secret only is the start of the next, at the price of a copy.
///
/// Its memory is wiped when it goes (features `zeroize` of the hash crates).
#[derive(Clone)]
pub(crate) enum Hash {
    Sha1(Hmac<Sha1>),
    Sha224(Hmac<Sha224>),
    Sha256(Hmac<Sha256>),
    Sha384(Hmac<Sha384>),
    Sha512(Hmac<Sha512>),
}

/// A finished MAC, uncut.
pub(crate) struct Tag {
    octets: [u8; 64],
    len: usize,
}

impl Hash {
    /// Takes the secret in. HMAC has no bad length of secret.
    pub(crate) fn keyed(algorithm: Algorithm, secret: &[u8]) -> Self {
        const ANY_LENGTH: &str = "HMAC takes a secret of any length";
        match algorithm.whole() {
            Algorithm::HmacSha1 => Self::Sha1(Hmac::new_from_slice(secret).expect(ANY_LENGTH)),
            Algorithm::HmacSha224 => Self::Sha224(Hmac::new_from_slice(secret).expect(ANY_LENGTH)),
            Algorithm::HmacSha384 => Self::Sha384(Hmac::new_from_slice(secret).expect(ANY_LENGTH)),
            Algorithm::HmacSha512 => Self::Sha512(Hmac::new_from_slice(secret).expect(ANY_LENGTH)),
            _ => Self::Sha256(Hmac::new_from_slice(secret).expect(ANY_LENGTH)),
        }
    }

    pub(crate) fn update(&mut self, octets: &[u8]) {
        match self {
            Self::Sha1(mac) => mac.update(octets),
            Self::Sha224(mac) => mac.update(octets),
            Self::Sha256(mac) => mac.update(octets),
            Self::Sha384(mac) => mac.update(octets),
            Self::Sha512(mac) => mac.update(octets),
        }
    }

    /// Takes in the MAC of the message before, its length first ([RFC 8945 §4.3.1]).
    ///
    /// [RFC 8945 §4.3.1]: https://www.rfc-editor.org/rfc/rfc8945#section-4.3.1
    pub(crate) fn update_prior_mac(&mut self, mac: &[u8]) {
        self.update(&(mac.len() as u16).to_be_bytes());
        self.update(mac);
    }

    pub(crate) fn finish(self) -> Tag {
        match self {
            Self::Sha1(mac) => Tag::new(&mac.finalize().into_bytes()),
            Self::Sha224(mac) => Tag::new(&mac.finalize().into_bytes()),
            Self::Sha256(mac) => Tag::new(&mac.finalize().into_bytes()),
            Self::Sha384(mac) => Tag::new(&mac.finalize().into_bytes()),
            Self::Sha512(mac) => Tag::new(&mac.finalize().into_bytes()),
        }
    }
}

impl Tag {
    fn new(mac: &[u8]) -> Self {
        let mut octets = [0; 64];
        for (to, from) in octets.iter_mut().zip(mac) {
            *to = *from;
        }
        Self {
            octets,
            len: mac.len(),
        }
    }

    /// The leftmost `len` octets.
    pub(crate) fn cut(&self, len: usize) -> &[u8] {
        self.octets.get(..len.min(self.len)).unwrap_or_default()
    }

    /// Whether `mac` is this tag cut to the length of `mac`. Takes the same time wherever the first difference lies.
    pub(crate) fn matches(&self, mac: &[u8]) -> bool {
        !mac.is_empty() && self.cut(mac.len()).ct_eq(mac).into()
    }
}
