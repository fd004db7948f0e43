//! TSIG keys.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use uuid::Uuid;
use zeroize::Zeroizing;
use zonekit_tsig::{Algorithm, Key, KeyError};

use crate::{Contract, KeyName, Labels, Timestamp};

/// A TSIG key: what a primary and we both know.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TsigKey {
    /// Its id, unique within the contract.
    pub id: Uuid,
    /// Whose it is; none: declared in the configuration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contract: Option<Contract>,
    /// Its name, unique in the whole service.
    pub name: KeyName,
    /// What it signs with.
    #[serde(with = "algorithm_name")]
    pub algorithm: Algorithm,
    /// What nobody else should know.
    pub secret: Secret,
    /// When it was made.
    pub created: Timestamp,
    /// When something about it was last changed; none: it is as it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modified: Option<Timestamp>,
    /// Grows with every change, and never comes back.
    pub generation: u64,
    /// Whether the configuration declares it, so that no API may change it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub declared: bool,
    /// Compartment and tags.
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    pub labels: Labels,
}

impl TsigKey {
    /// The key as signing software handles it.
    ///
    /// # Errors
    ///
    /// If the secret does not suit the algorithm.
    pub fn to_key(&self) -> Result<Key, KeyError> {
        Key::new(
            self.name.to_name().as_name(),
            self.algorithm,
            self.secret.octets(),
        )
    }
}

/// What a key should be: what a client can give.
#[derive(Clone, Debug, PartialEq)]
pub struct KeyDraft {
    /// Its name.
    pub name: KeyName,
    /// What it signs with.
    pub algorithm: Algorithm,
    /// What nobody else should know.
    pub secret: Secret,
    /// Compartment and tags.
    pub labels: Labels,
}

/// The shared secret of a key: 1 to [`Secret::MAX`] octets, wiped when dropped, never shown by `Debug`.
///
/// Serialised as base64, for whoever has to store it.
///
/// ```
/// use zonekit_model::Secret;
///
/// let secret = Secret::from_base64("c2VjcmV0")?;
/// assert_eq!(secret.octets(), b"secret");
/// assert!(!format!("{secret:?}").contains("secret\""));
/// # Ok::<(), zonekit_model::SecretError>(())
/// ```
#[derive(Clone)]
pub struct Secret(Zeroizing<Vec<u8>>);

/// Why a text is no shared secret.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SecretError {
    /// Not base64.
    #[error("a secret is written in base64")]
    NotBase64,
    /// Empty, or longer than [`Secret::MAX`].
    #[error("a secret has 1 to {max} octets, not {0}", max = Secret::MAX)]
    Length(usize),
}

impl Secret {
    /// The most octets that a secret can have.
    pub const MAX: usize = 4_096;

    /// Takes octets as a secret.
    ///
    /// # Errors
    ///
    /// If there are none or too many.
    pub fn new(octets: impl Into<Vec<u8>>) -> Result<Self, SecretError> {
        let octets = Zeroizing::new(octets.into());
        match octets.len() {
            1..=Self::MAX => Ok(Self(octets)),
            length => Err(SecretError::Length(length)),
        }
    }

    /// Reads a secret from its base64 form.
    ///
    /// # Errors
    ///
    /// If the text is not base64, or the secret empty or too long.
    pub fn from_base64(text: &str) -> Result<Self, SecretError> {
        Self::new(STANDARD.decode(text).map_err(|_| SecretError::NotBase64)?)
    }

    /// The secret itself.
    pub fn octets(&self) -> &[u8] {
        &self.0
    }
}

impl PartialEq for Secret {
    /// For bookkeeping; nothing that a peer sends is ever compared with it.
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&Zeroizing::new(STANDARD.encode(self.octets())))
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Zeroizing::new(String::deserialize(deserializer)?);
        Self::from_base64(&text).map_err(de::Error::custom)
    }
}

/// An algorithm as JSON: its name.
pub(crate) mod algorithm_name {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(
        algorithm: &Algorithm,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_str(algorithm)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Algorithm, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> TsigKey {
        TsigKey {
            id: Uuid::from_u128(7),
            contract: None,
            name: "Transfer.Example.".parse().unwrap(),
            algorithm: "HMAC-SHA256.".parse().unwrap(),
            secret: Secret::from_base64("MDEyMzQ1Njc4OWFiY2RlZg==").unwrap(),
            created: Timestamp(1),
            modified: None,
            generation: 1,
            declared: true,
            labels: Labels::default(),
        }
    }

    #[test]
    fn debug_never_shows_the_secret() {
        let shown = format!("{:?}", key());
        assert!(shown.contains("Secret(..)"));
        assert!(!shown.contains("MDEy") && !shown.contains("0123") && !shown.contains("48, 49"));
    }

    #[test]
    fn what_is_stored_reads_back() {
        let json = serde_json::to_string(&key()).unwrap();
        assert_eq!(serde_json::from_str::<TsigKey>(&json).unwrap(), key());
        assert_eq!(
            key().to_key().unwrap().name(),
            key().name.to_name().as_name()
        );
    }

    #[test]
    fn rubbish_is_no_secret() {
        assert_eq!(Secret::from_base64("=?"), Err(SecretError::NotBase64));
        assert_eq!(Secret::from_base64(""), Err(SecretError::Length(0)));
        assert_eq!(Secret::new(vec![0; 5_000]), Err(SecretError::Length(5_000)));
    }
}
