//! Secrets that two servers share, and sets of them.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::sync::Arc;

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use zeroize::Zeroizing;
use zonekit_wire::{Name, NameBuf, NameError};

use crate::hash::Hash;
use crate::{Algorithm, UnknownAlgorithm};

/// A TSIG key: a name, an algorithm and a secret that both sides know.
///
/// A clone is cheap and shares the secret. The secret itself is not kept, only the state of the HMAC after it has been
/// taken in, which is just as secret: it is wiped from memory with the last clone, and `Debug` does not show it.
///
/// ```
/// use zonekit_tsig::{Algorithm, Key};
///
/// let key: Key = "hmac-sha512:transfer.example.:c2VjcmV0".parse()?; // as `dig -y` takes it
/// assert_eq!(key.algorithm(), Algorithm::HmacSha512);
/// assert_eq!(format!("{key:?}"), "Key(transfer.example., hmac-sha512)");
/// # Ok::<(), zonekit_tsig::KeyError>(())
/// ```
#[derive(Clone)]
pub struct Key(Arc<Inner>);

struct Inner {
    name: NameBuf,
    /// The name in lower case: as it is digested and looked up.
    canonical: Box<[u8]>,
    algorithm: Algorithm,
    keyed: Hash,
    /// Octets of the shortest MAC that is accepted.
    shortest: usize,
}

/// Why a key cannot be made.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The secret has no octets.
    #[error("the secret is empty")]
    EmptySecret,
    /// The secret's text is not base64. The text itself is not told.
    #[error("the secret is not base64")]
    NotBase64,
    /// The key's name is no domain name.
    #[error("the key's name is not a domain name")]
    Name(#[from] NameError),
    /// The algorithm's name is not known.
    #[error(transparent)]
    Algorithm(#[from] UnknownAlgorithm),
    /// The text of a key is not `[algorithm:]name:secret`.
    #[error("a key is written [algorithm:]name:secret")]
    Form,
    /// A MAC as short as this many octets must not be accepted for this algorithm (RFC 8945 §5.2.2.1).
    #[error("MACs of {0} octets are too short to be accepted")]
    TooShort(usize),
}

impl Key {
    /// A key of this name; `secret` is in raw octets, any number but none.
    pub fn new(name: Name<'_>, algorithm: Algorithm, secret: &[u8]) -> Result<Self, KeyError> {
        if secret.is_empty() {
            return Err(KeyError::EmptySecret);
        }
        Ok(Self(Arc::new(Inner {
            name: name.to_buf(),
            canonical: canonical(name),
            algorithm,
            keyed: Hash::keyed(algorithm, secret),
            shortest: algorithm.mac_len(),
        })))
    }

    /// A key whose secret is written in base64, as in configuration files; blanks are skipped, padding may be absent.
    pub fn from_base64(name: Name<'_>, algorithm: Algorithm, text: &str) -> Result<Self, KeyError> {
        let config =
            GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
        let base64 = GeneralPurpose::new(&alphabet::STANDARD, config);
        let dense: Zeroizing<Vec<u8>> = Zeroizing::new(
            text.bytes()
                .filter(|octet| !octet.is_ascii_whitespace())
                .collect(),
        );
        let mut secret = Zeroizing::new(vec![0; dense.len()]);
        let len = base64
            .decode_slice(dense.as_slice(), secret.as_mut_slice())
            .map_err(|_| KeyError::NotBase64)?;
        Self::new(name, algorithm, secret.get(..len).unwrap_or_default())
    }

    /// The same key, accepting MACs cut down to `octets` ([RFC 8945 §5.2.2.1]). What it sends does not change.
    ///
    /// Without this, only MACs at least as long as the algorithm's own ([`Algorithm::mac_len`]) are good enough.
    ///
    /// # Errors
    ///
    /// [`KeyError::TooShort`] below [`Algorithm::shortest_mac_len`].
    ///
    /// [RFC 8945 §5.2.2.1]: https://www.rfc-editor.org/rfc/rfc8945#section-5.2.2.1
    pub fn accept_truncated(self, octets: usize) -> Result<Self, KeyError> {
        if octets < self.0.algorithm.shortest_mac_len() {
            return Err(KeyError::TooShort(octets));
        }
        Ok(Self(Arc::new(Inner {
            name: self.0.name.clone(),
            canonical: self.0.canonical.clone(),
            algorithm: self.0.algorithm,
            keyed: self.0.keyed.clone(),
            shortest: octets.min(self.0.algorithm.mac_len()),
        })))
    }

    /// The key's name, in the case it was given.
    pub fn name(&self) -> Name<'_> {
        self.0.name.as_name()
    }

    /// What the MACs are made with.
    pub fn algorithm(&self) -> Algorithm {
        self.0.algorithm
    }

    /// Octets that signing adds to a message at most: what a writer keeps free for the TSIG record.
    pub fn tsig_len(&self) -> usize {
        // type, class, TTL, RDLENGTH; time, fudge, MAC size; original ID, error, other length; other (BADTIME)
        const FIXED: usize = 10 + 10 + 6 + 6;
        let algorithm = self.0.algorithm;
        self.0.canonical.len() + algorithm.registered().len() + algorithm.mac_len() + FIXED
    }

    /// The HMAC that has taken in the secret and nothing else.
    pub(crate) fn keyed(&self) -> Hash {
        self.0.keyed.clone()
    }

    pub(crate) fn canonical_name(&self) -> &[u8] {
        &self.0.canonical
    }

    pub(crate) fn shortest(&self) -> usize {
        self.0.shortest
    }

    /// The algorithm's name as this peer says it, if this key answers to it.
    pub(crate) fn algorithm_called(&self, name: Name<'_>) -> Option<&'static [u8]> {
        let algorithm = self.0.algorithm;
        [algorithm.registered(), algorithm.whole().registered()]
            .into_iter()
            .find(|known| name.as_octets().eq_ignore_ascii_case(known))
    }

    /// How long a MAC may be that goes by this name of ours ([RFC 8945 §5.2.2.1]): from the shortest that anybody may
    /// accept to the whole hash; under the registered name of a cut form, which says the length, exactly that.
    ///
    /// [RFC 8945 §5.2.2.1]: https://www.rfc-editor.org/rfc/rfc8945#section-5.2.2.1
    pub(crate) fn mac_lens(&self, called: &[u8]) -> RangeInclusive<usize> {
        let algorithm = self.0.algorithm;
        if called == algorithm.whole().registered() {
            algorithm.shortest_mac_len()..=algorithm.hash_len()
        } else {
            algorithm.mac_len()..=algorithm.mac_len()
        }
    }

    pub(crate) fn is_called(&self, name: Name<'_>) -> bool {
        name.as_octets().eq_ignore_ascii_case(&self.0.canonical)
    }
}

/// Keys are equal when they make and accept the same: name without case, algorithm, secret, shortest MAC.
impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        let tag = other.keyed().finish();
        self.0.canonical == other.0.canonical
            && self.0.algorithm == other.0.algorithm
            && self.0.shortest == other.0.shortest
            && self.keyed().finish().matches(tag.cut(usize::MAX))
    }
}

impl Eq for Key {}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({}, {})", self.name(), self.algorithm())
    }
}

impl FromStr for Key {
    type Err = KeyError;

    /// Reads `[algorithm:]name:secret`, the secret in base64; hmac-sha256 where no algorithm is named.
    fn from_str(text: &str) -> Result<Self, KeyError> {
        let (front, secret) = text.rsplit_once(':').ok_or(KeyError::Form)?;
        let (algorithm, name) = match front.split_once(':') {
            Some((algorithm, name)) => (algorithm.parse()?, name),
            None => (Algorithm::HmacSha256, front),
        };
        if name.is_empty() {
            return Err(KeyError::Form);
        }
        let name: NameBuf = name.parse()?;
        Self::from_base64(name.as_name(), algorithm, secret)
    }
}

/// The keys that a server knows, by name and algorithm, both without case.
///
/// A clone copies the list, not the secrets.
///
/// ```
/// use zonekit_tsig::{Algorithm, Key, KeyRing};
///
/// let mut ring: KeyRing = ["k.example:c2VjcmV0", "hmac-sha512:k.example:c2VjcmV0"]
///     .iter()
///     .map(|text| text.parse::<Key>())
///     .collect::<Result<_, _>>()?;
/// let old: Key = "K.Example:b2xk".parse()?;
/// assert!(ring.insert(old).is_some()); // name and algorithm are those of the first
/// let key = ring.get("k.example".parse::<zonekit_wire::NameBuf>()?.as_name(), Algorithm::HmacSha512.name());
/// assert_eq!(key.map(Key::algorithm), Some(Algorithm::HmacSha512));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct KeyRing {
    by_name: BTreeMap<Box<[u8]>, Vec<Key>>,
}

impl KeyRing {
    /// A ring without keys: every signed request is refused with BADKEY.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a key and gives back the one of the same name and algorithm that it replaces.
    pub fn insert(&mut self, key: Key) -> Option<Key> {
        let keys = self.by_name.entry(key.0.canonical.clone()).or_default();
        match keys
            .iter_mut()
            .find(|held| held.algorithm() == key.algorithm())
        {
            Some(held) => Some(std::mem::replace(held, key)),
            None => {
                keys.push(key);
                None
            }
        }
    }

    /// Takes a key out.
    pub fn remove(&mut self, name: Name<'_>, algorithm: Algorithm) -> Option<Key> {
        let canonical = canonical(name);
        let keys = self.by_name.get_mut(&canonical)?;
        let at = keys.iter().position(|key| key.algorithm() == algorithm)?;
        let key = keys.remove(at);
        if keys.is_empty() {
            self.by_name.remove(&canonical);
        }
        Some(key)
    }

    /// The key of this name for this algorithm, named as on the wire.
    ///
    /// Where `hmac-sha256` is asked for and only a key for `hmac-sha256-128` is there, it is that one: BIND calls both
    /// by the first name.
    pub fn get(&self, name: Name<'_>, algorithm: Name<'_>) -> Option<&Key> {
        let mut octets = [0; 255];
        let octets = octets.get_mut(..name.as_octets().len())?;
        octets.copy_from_slice(name.as_octets());
        octets.make_ascii_lowercase(); // lengths of labels are below every letter
        let keys = self.by_name.get(&*octets)?;
        let exact = |key: &&Key| {
            let registered = key.algorithm().registered();
            algorithm.as_octets().eq_ignore_ascii_case(registered)
        };
        keys.iter().find(exact).or_else(|| {
            keys.iter()
                .find(|key| key.algorithm_called(algorithm).is_some())
        })
    }

    /// All keys, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Key> {
        self.by_name.values().flatten()
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.by_name.values().map(Vec::len).sum()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }
}

impl FromIterator<Key> for KeyRing {
    /// Of keys with the same name and algorithm, the last one stays.
    fn from_iter<I: IntoIterator<Item = Key>>(keys: I) -> Self {
        let mut ring = Self::new();
        ring.extend(keys);
        ring
    }
}

impl Extend<Key> for KeyRing {
    fn extend<I: IntoIterator<Item = Key>>(&mut self, keys: I) {
        for key in keys {
            self.insert(key);
        }
    }
}

fn canonical(name: Name<'_>) -> Box<[u8]> {
    name.as_octets().to_ascii_lowercase().into_boxed_slice()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> NameBuf {
        text.parse().unwrap()
    }

    #[test]
    fn a_key_is_found_by_name_and_algorithm_in_any_case() {
        let ring: KeyRing = ["a.example.:c2VjcmV0", "hmac-sha512:a.example.:c2VjcmV0"]
            .iter()
            .map(|text| text.parse::<Key>().unwrap())
            .collect();
        let found = |key: &str, algorithm: &str| {
            ring.get(name(key).as_name(), name(algorithm).as_name())
                .map(Key::algorithm)
        };
        assert_eq!(
            found("A.Example", "HMAC-sha512"),
            Some(Algorithm::HmacSha512)
        );
        assert_eq!(
            found("a.example", "hmac-sha256"),
            Some(Algorithm::HmacSha256)
        );
        assert_eq!(found("a.example", "hmac-sha1"), None);
        assert_eq!(found("b.example", "hmac-sha256"), None);
    }

    #[test]
    fn the_cut_form_answers_to_the_whole_name_unless_a_whole_key_does() {
        let mut ring: KeyRing = ["hmac-sha256-128:k.:c2VjcmV0".parse().unwrap()]
            .into_iter()
            .collect();
        let k = name("k.");
        let called = name("hmac-sha256");
        let found = |ring: &KeyRing| {
            ring.get(k.as_name(), called.as_name())
                .map(Key::algorithm)
                .unwrap()
        };
        assert_eq!(found(&ring), Algorithm::HmacSha256_128);
        ring.insert("k.:c2VjcmV0".parse().unwrap());
        assert_eq!(found(&ring), Algorithm::HmacSha256);
        assert!(ring.remove(k.as_name(), Algorithm::HmacSha256).is_some());
        assert_eq!(ring.len(), 1);
    }

    #[test]
    fn the_secret_shows_in_no_debug_output() {
        let key: Key = "k.:c2VjcmV0c2VjcmV0".parse().unwrap();
        let ring: KeyRing = [key].into_iter().collect();
        let shown = format!("{ring:?}");
        assert!(
            !shown.contains("secret") && !shown.contains("c2Vj"),
            "{shown}"
        );
    }

    #[test]
    fn text_that_is_no_key_says_what_is_wrong() {
        let error = |text: &str| text.parse::<Key>().unwrap_err();
        assert_eq!(error("c2VjcmV0"), KeyError::Form);
        assert_eq!(error(":c2VjcmV0"), KeyError::Form);
        assert_eq!(error("k.:"), KeyError::EmptySecret);
        assert_eq!(error("k.:c2!"), KeyError::NotBase64);
        assert_eq!(
            error("hmac-md5:k.:c2VjcmV0"),
            KeyError::Algorithm(UnknownAlgorithm)
        );
        assert!(matches!(error("a..b:c2VjcmV0"), KeyError::Name(_)));
    }

    #[test]
    fn keys_are_equal_by_what_they_do() {
        let key = |text: &str| text.parse::<Key>().unwrap();
        assert_eq!(key("k.:c2VjcmV0"), key("K:c2Vj cmV0"));
        assert_ne!(key("k.:c2VjcmV0"), key("k.:c2VjcmV1"));
        assert_ne!(key("k.:c2VjcmV0"), key("hmac-sha1:k.:c2VjcmV0"));
        let looser = key("k.:c2VjcmV0").accept_truncated(16).unwrap();
        assert_ne!(looser, key("k.:c2VjcmV0"));
        assert_eq!(looser.accept_truncated(15), Err(KeyError::TooShort(15)));
    }
}
