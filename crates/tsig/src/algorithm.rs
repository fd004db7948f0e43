//! The MAC algorithms and the names they go by.

use std::fmt;
use std::str::FromStr;

use zonekit_wire::Name;

/// A MAC algorithm of [RFC 8945 §6], with the length of the MAC that it sends.
///
/// The three forms with a length behind them send the leftmost octets of the hash's MAC only. They are known under two
/// names on the wire: BIND says `hmac-sha256` and sends a MAC of 16 octets, the registry has `hmac-sha256-128` as a name
/// of its own. We send the former, accept both, and answer with what we were asked with.
///
/// ```
/// use zonekit_tsig::Algorithm;
///
/// let algorithm: Algorithm = "HMAC-SHA384-192.".parse()?;
/// assert_eq!(algorithm, Algorithm::HmacSha384_192);
/// assert_eq!((algorithm.hash_len(), algorithm.mac_len()), (48, 24));
/// # Ok::<(), zonekit_tsig::UnknownAlgorithm>(())
/// ```
///
/// [RFC 8945 §6]: https://www.rfc-editor.org/rfc/rfc8945#section-6
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum Algorithm {
    /// HMAC with SHA-1, 20 octets. Still required of every implementation; do not make new keys for it.
    HmacSha1,
    /// HMAC with SHA-224, 28 octets.
    HmacSha224,
    /// HMAC with SHA-256, 32 octets: what to take where there is a choice.
    HmacSha256,
    /// HMAC with SHA-256, cut to 16 octets.
    HmacSha256_128,
    /// HMAC with SHA-384, 48 octets.
    HmacSha384,
    /// HMAC with SHA-384, cut to 24 octets.
    HmacSha384_192,
    /// HMAC with SHA-512, 64 octets.
    HmacSha512,
    /// HMAC with SHA-512, cut to 32 octets.
    HmacSha512_256,
}

/// No algorithm of ours goes by this name.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "unknown TSIG algorithm (known: hmac-sha1, hmac-sha224, hmac-sha256[-128], hmac-sha384[-192], hmac-sha512[-256])"
)]
pub struct UnknownAlgorithm;

impl Algorithm {
    /// Every algorithm there is.
    pub const ALL: [Self; 8] = [
        Self::HmacSha1,
        Self::HmacSha224,
        Self::HmacSha256,
        Self::HmacSha256_128,
        Self::HmacSha384,
        Self::HmacSha384_192,
        Self::HmacSha512,
        Self::HmacSha512_256,
    ];

    /// The registered name, as a domain name.
    pub fn name(self) -> Name<'static> {
        Name::from_octets(self.registered()).unwrap_or(Name::ROOT)
    }

    /// Octets of the whole MAC, before it is cut.
    pub fn hash_len(self) -> usize {
        match self {
            Self::HmacSha1 => 20,
            Self::HmacSha224 => 28,
            Self::HmacSha256 | Self::HmacSha256_128 => 32,
            Self::HmacSha384 | Self::HmacSha384_192 => 48,
            Self::HmacSha512 | Self::HmacSha512_256 => 64,
        }
    }

    /// Octets of the MAC that is sent.
    pub fn mac_len(self) -> usize {
        match self {
            Self::HmacSha256_128 => 16,
            Self::HmacSha384_192 => 24,
            Self::HmacSha512_256 => 32,
            whole => whole.hash_len(),
        }
    }

    /// The shortest MAC that [RFC 8945 §5.2.2.1] lets anybody accept: half of the hash, and no less than ten octets.
    ///
    /// [RFC 8945 §5.2.2.1]: https://www.rfc-editor.org/rfc/rfc8945#section-5.2.2.1
    pub fn shortest_mac_len(self) -> usize {
        (self.hash_len() / 2).max(10)
    }

    /// The same hash with its MAC uncut.
    pub(crate) fn whole(self) -> Self {
        match self {
            Self::HmacSha256_128 => Self::HmacSha256,
            Self::HmacSha384_192 => Self::HmacSha384,
            Self::HmacSha512_256 => Self::HmacSha512,
            whole => whole,
        }
    }

    /// The registered name in wire form.
    pub(crate) fn registered(self) -> &'static [u8] {
        match self {
            Self::HmacSha1 => b"\x09hmac-sha1\0",
            Self::HmacSha224 => b"\x0bhmac-sha224\0",
            Self::HmacSha256 => b"\x0bhmac-sha256\0",
            Self::HmacSha256_128 => b"\x0fhmac-sha256-128\0",
            Self::HmacSha384 => b"\x0bhmac-sha384\0",
            Self::HmacSha384_192 => b"\x0fhmac-sha384-192\0",
            Self::HmacSha512 => b"\x0bhmac-sha512\0",
            Self::HmacSha512_256 => b"\x0fhmac-sha512-256\0",
        }
    }

    fn mnemonic(self) -> &'static str {
        match self {
            Self::HmacSha1 => "hmac-sha1",
            Self::HmacSha224 => "hmac-sha224",
            Self::HmacSha256 => "hmac-sha256",
            Self::HmacSha256_128 => "hmac-sha256-128",
            Self::HmacSha384 => "hmac-sha384",
            Self::HmacSha384_192 => "hmac-sha384-192",
            Self::HmacSha512 => "hmac-sha512",
            Self::HmacSha512_256 => "hmac-sha512-256",
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.mnemonic())
    }
}

impl FromStr for Algorithm {
    type Err = UnknownAlgorithm;

    /// Reads the name in any case, with a final dot or without.
    fn from_str(text: &str) -> Result<Self, UnknownAlgorithm> {
        let text = text.strip_suffix('.').unwrap_or(text);
        Self::ALL
            .into_iter()
            .find(|algorithm| algorithm.mnemonic().eq_ignore_ascii_case(text))
            .ok_or(UnknownAlgorithm)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_reads_back_and_is_a_domain_name() {
        for algorithm in Algorithm::ALL {
            assert_eq!(algorithm.to_string().parse(), Ok(algorithm));
            assert_eq!(algorithm.name().to_string(), format!("{algorithm}."));
            assert!(algorithm.mac_len() >= algorithm.shortest_mac_len());
        }
        assert_eq!("hmac-md5".parse::<Algorithm>(), Err(UnknownAlgorithm));
    }
}
