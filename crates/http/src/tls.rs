//! HTTP over TLS.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use rustls::version::TLS13;
use tokio_rustls::TlsAcceptor;

/// What the service proves itself with to whoever speaks TLS 1.3 with it.
///
/// Clones are one: what one is [`replace`](Self::replace)d by, all are, and connections from then on have it.
///
/// ```no_run
/// use zonekit_http::Tls;
///
/// let read = || Ok::<_, std::io::Error>((std::fs::read("api.pem")?, std::fs::read("api.key")?));
/// let (chain, key) = read()?;
/// let tls = Tls::new(&chain, &key)?;
/// // When the certificate has been renewed:
/// let (chain, key) = read()?;
/// tls.replace(&Tls::new(&chain, &key)?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Tls(Arc<RwLock<Arc<ServerConfig>>>);

impl Tls {
    /// Shows this certificate, those that lead to its authority behind it, with its private key (PEM).
    ///
    /// # Errors
    ///
    /// When one of them is not there or cannot be read, or they do not belong together.
    pub fn new(chain: &[u8], key: &[u8]) -> Result<Self, TlsError> {
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(chain)
            .collect::<Result<_, _>>()
            .map_err(|_| TlsError::Certificate)?;
        if chain.is_empty() {
            return Err(TlsError::NoCertificate);
        }
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| TlsError::Key)?;
        let provider = Arc::new(aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&TLS13])
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
            .map_err(TlsError::Unusable)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self(Arc::new(RwLock::new(Arc::new(config)))))
    }

    /// Puts what `other` has in the place of what all clones of this one have.
    pub fn replace(&self, other: &Self) {
        let config = other.config();
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = config;
    }

    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(self.config())
    }

    fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").finish_non_exhaustive()
    }
}

/// Why a certificate is not usable.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
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
