//! Certificates and keys, as their files have them.

use std::fmt;
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// A certificate, those that lead to its authority behind it, and its private key.
#[derive(Eq, PartialEq)]
pub struct Identity {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

impl Identity {
    /// Reads both (PEM; the key in PKCS#8, PKCS#1 or SEC1). Whether they belong together is seen when they are used.
    ///
    /// # Errors
    ///
    /// When one of them is not there or cannot be read.
    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<Self, PemError> {
        Ok(Self {
            chain: certificates(chain)?,
            key: PrivateKeyDer::from_pem_slice(key).map_err(|_| PemError::Key)?,
        })
    }

    /// The certificates, ours first.
    pub fn chain(&self) -> Vec<CertificateDer<'static>> {
        self.chain.clone()
    }

    /// The private key.
    pub fn key(&self) -> PrivateKeyDer<'static> {
        self.key.clone_key()
    }
}

/// The key is not shown.
impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("certificates", &self.chain.len())
            .finish_non_exhaustive()
    }
}

/// Whose certificates are believed: at least one authority.
#[derive(Clone, Eq, PartialEq)]
pub struct Authorities(Arc<[CertificateDer<'static>]>);

impl Authorities {
    /// Reads their certificates (PEM).
    ///
    /// # Errors
    ///
    /// When there is none, or one cannot be read.
    pub fn from_pem(pem: &[u8]) -> Result<Self, PemError> {
        Ok(Self(certificates(pem)?.into()))
    }

    /// Reads those that can be used, as of the file that a system keeps of all authorities there are.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub fn usable_from_pem(pem: &[u8]) -> Result<Self, PemError> {
        let mut roots = RootCertStore::empty();
        let usable: Vec<_> = CertificateDer::pem_slice_iter(pem)
            .filter_map(Result::ok)
            .filter(|authority| roots.add(authority.clone()).is_ok())
            .collect();
        match usable.is_empty() {
            true => Err(PemError::NoCertificate),
            false => Ok(Self(usable.into())),
        }
    }

    /// What certificates are held against.
    ///
    /// # Errors
    ///
    /// When one of them is not a certificate that can be used.
    pub fn roots(&self) -> Result<Arc<RootCertStore>, PemError> {
        let mut roots = RootCertStore::empty();
        for authority in self.0.iter() {
            roots.add(authority.clone()).map_err(PemError::Unusable)?;
        }
        Ok(Arc::new(roots))
    }
}

impl fmt::Debug for Authorities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Authorities").field(&self.0.len()).finish()
    }
}

/// Why certificates or a key are not usable.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PemError {
    /// There is no PEM block of a certificate.
    #[error("no certificate in PEM")]
    NoCertificate,
    /// A PEM block of a certificate cannot be read.
    #[error("a certificate in PEM cannot be read")]
    Certificate,
    /// There is no PEM block of a private key, or it cannot be read.
    #[error("no private key in PEM")]
    Key,
    /// Certificate or key are of a kind that cannot be used, or do not belong together.
    #[error("certificate or key are not usable")]
    Unusable(#[source] rustls::Error),
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, PemError> {
    let certificates: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(|_| PemError::Certificate)?;
    match certificates.is_empty() {
        true => Err(PemError::NoCertificate),
        false => Ok(certificates),
    }
}
