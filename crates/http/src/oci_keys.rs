//! The public keys whose holders may use the OCI face.

use std::{
    fmt,
    sync::{Arc, PoisonError, RwLock},
};

use aws_lc_rs::{
    rsa::PublicEncryptingKey,
    signature::{ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use zonekit_model::{Compartment, Contract};

/// The keys that open the OCI face, each for one contract. Clones share them, so they can be replaced while routes run.
#[derive(Clone, Debug, Default)]
pub struct OciKeys(Arc<RwLock<Arc<[OciKey]>>>);

impl OciKeys {
    /// These keys.
    pub fn new(keys: impl IntoIterator<Item = OciKey>) -> Self {
        Self(Arc::new(RwLock::new(keys.into_iter().collect())))
    }

    /// From now on these, and none of those before.
    pub fn replace(&self, keys: impl IntoIterator<Item = OciKey>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = keys.into_iter().collect();
    }

    /// The key of that id, if a signature of this text was made with its private half.
    pub(crate) fn verify(&self, key_id: &str, text: &[u8], signature: &[u8]) -> Option<OciKey> {
        let keys = Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner));
        // More than one may have the id: while one is exchanged for another.
        let mut named = keys.iter().filter(|key| &*key.key_id == key_id);
        named
            .find(|key| key.public.verify_sig(text, signature).is_ok())
            .cloned()
    }
}

impl FromIterator<OciKey> for OciKeys {
    fn from_iter<I: IntoIterator<Item = OciKey>>(keys: I) -> Self {
        Self::new(keys)
    }
}

/// A public RSA key that signs requests for a contract.
#[derive(Clone)]
pub struct OciKey {
    pub(crate) key_id: Arc<str>,
    /// The first part of `key_id`: the compartment at the root of what its holder sees.
    pub(crate) tenancy: Compartment,
    pub(crate) contract: Contract,
    public: Arc<ParsedPublicKey>,
}

/// Why a public key cannot be used.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum OciKeyError {
    /// Its id does not begin with the OCID of a tenancy.
    #[error(
        "the id of a key is the OCIDs of tenancy and user and a fingerprint, with slashes between"
    )]
    KeyId,
    /// Not the PEM form of a public key.
    #[error("a PEM file is expected, from BEGIN PUBLIC KEY to END PUBLIC KEY")]
    Pem,
    /// A public key, but not one of RSA with 2,048 to 8,192 bits.
    #[error("an RSA key of 2048 to 8192 bits is expected")]
    NotRsa,
}

impl OciKey {
    /// The key in `pem` (a SubjectPublicKeyInfo, as `openssl rsa -pubout` writes it), known as `key_id`: `<tenancy OCID>/<user OCID>/<fingerprint>`, the way
    /// the vendor's clients name it. Nothing but the tenancy is read out of the id, and the id is compared as a whole.
    ///
    /// # Errors
    ///
    /// If the id has no tenancy in front, or the text is not the PEM form of an RSA key of 2,048 bits or more.
    pub fn new(key_id: &str, contract: Contract, pem: &str) -> Result<Self, OciKeyError> {
        let tenancy = match key_id.split('/').collect::<Vec<_>>().as_slice() {
            [tenancy, _, _] => tenancy.parse().map_err(|_| OciKeyError::KeyId)?,
            _ => return Err(OciKeyError::KeyId),
        };
        let der = der(pem).ok_or(OciKeyError::Pem)?;
        // A parsed key may be of any length, and of another kind than RSA: a signature would never be right. Whoever
        // encrypts for a key looks at that first.
        let (unusable, bits) = (OciKeyError::NotRsa, 2_048..=8_192);
        let key = PublicEncryptingKey::from_der(&der).map_err(|_| unusable)?;
        if !bits.contains(&key.key_size_bits()) {
            return Err(unusable);
        }
        let public =
            ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, der).map_err(|_| unusable)?;
        Ok(Self {
            key_id: key_id.into(),
            tenancy,
            contract,
            public: Arc::new(public),
        })
    }
}

impl fmt::Debug for OciKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OciKey")
            .field("key_id", &self.key_id)
            .field("contract", &self.contract)
            .finish_non_exhaustive()
    }
}

impl PartialEq for OciKey {
    fn eq(&self, other: &Self) -> bool {
        (&self.key_id, &self.contract, (*self.public).as_ref())
            == (&other.key_id, &other.contract, (*other.public).as_ref())
    }
}

/// The octets of the first public key in a PEM file.
fn der(pem: &str) -> Option<Vec<u8>> {
    let (_, rest) = pem.split_once("-----BEGIN PUBLIC KEY-----")?;
    let (body, _) = rest.split_once("-----END PUBLIC KEY-----")?;
    let text: String = body.split_ascii_whitespace().collect();
    STANDARD.decode(text).ok()
}
