//! TLS of the server's side.

use std::{fmt, sync::Arc};

use arc_swap::ArcSwap;
use rustls::{
    RootCertStore, ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::WebPkiClientVerifier,
    version::TLS13,
};
use tokio_rustls::TlsAcceptor;

/// What the server proves itself with to clients over TLS ([RFC 7858], [RFC 9103]), and they to it: TLS 1.3 alone, ALPN
/// `dot` to those who offer any.
///
/// Clones are one: what one is [`replace`](Self::replace)d by, all are, and connections from then on have it.
///
/// [RFC 7858]: https://www.rfc-editor.org/rfc/rfc7858
/// [RFC 9103]: https://www.rfc-editor.org/rfc/rfc9103
#[derive(Clone)]
pub struct Tls(Arc<ArcSwap<ServerConfig>>);

impl Tls {
    /// Shows this certificate, those that lead to its authority behind it, with its private key (PEM).
    ///
    /// # Errors
    ///
    /// When one of them is not there or cannot be read, or they do not belong together.
    pub fn new(chain: &[u8], key: &[u8]) -> Result<Self, TlsError> {
        Self::make(chain, key, None)
    }

    /// The same, and talks only to clients that show a certificate of one of these authorities (PEM).
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new); and when there is no authority, or one cannot be read.
    pub fn mutual(chain: &[u8], key: &[u8], clients: &[u8]) -> Result<Self, TlsError> {
        Self::make(chain, key, Some(clients))
    }

    /// Puts what `other` has in the place of what all clones of this one have.
    pub fn replace(&self, other: &Self) {
        self.0.store(other.0.load_full());
    }

    pub(super) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(self.0.load_full())
    }

    fn make(chain: &[u8], key: &[u8], clients: Option<&[u8]>) -> Result<Self, TlsError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&[&TLS13])
            .map_err(TlsError::Unusable)?;
        let builder = match clients {
            None => builder.with_no_client_auth(),
            Some(clients) => {
                let mut roots = RootCertStore::empty();
                for authority in certificates(clients)? {
                    roots.add(authority).map_err(TlsError::Unusable)?;
                }
                let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider);
                // There is an authority, or this was not reached.
                let verifier = verifier.build().map_err(|_| TlsError::NoCertificate)?;
                builder.with_client_cert_verifier(verifier)
            }
        };
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| TlsError::Key)?;
        let mut config = builder
            .with_single_cert(certificates(chain)?, key)
            .map_err(TlsError::Unusable)?;
        config.alpn_protocols = vec![b"dot".to_vec()];
        Ok(Self(Arc::new(ArcSwap::from_pointee(config))))
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").finish_non_exhaustive()
    }
}

/// Why something is not usable for TLS.
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

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let certificates: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(|_| TlsError::Certificate)?;
    match certificates.is_empty() {
        true => Err(TlsError::NoCertificate),
        false => Ok(certificates),
    }
}
