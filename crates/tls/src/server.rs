//! TLS of a server's side.

use std::{fmt, sync::Arc};

use arc_swap::ArcSwap;
use rustls::{
    ServerConfig, crypto::aws_lc_rs, server::WebPkiClientVerifier,
    server::danger::ClientCertVerifier, version::TLS13,
};
use tokio_rustls::TlsAcceptor;

use crate::{Authorities, Identity, PemError};

/// What a server proves itself with to clients, and they to it: TLS 1.3 alone.
///
/// Clones are one: what one is [`replace`](Self::replace)d by, all are, and connections from then on have it.
#[derive(Clone)]
pub struct ServerTls(Arc<ArcSwap<ServerConfig>>);

impl ServerTls {
    /// Shows this certificate.
    ///
    /// # Errors
    ///
    /// When certificate and key are of a kind that cannot be used, or do not belong together.
    pub fn new(identity: &Identity) -> Result<Self, PemError> {
        Self::make(identity, WebPkiClientVerifier::no_client_auth())
    }

    /// The same, and talks only to clients that show a certificate of one of these authorities.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new); and when an authority cannot be used.
    pub fn mutual(identity: &Identity, clients: &Authorities) -> Result<Self, PemError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let verifier = WebPkiClientVerifier::builder_with_provider(clients.roots()?, provider);
        // There is an authority, which is all that is asked for.
        Self::make(
            identity,
            verifier.build().map_err(|_| PemError::NoCertificate)?,
        )
    }

    /// Puts what `other` has in the place of what all clones of this one have.
    pub fn replace(&self, other: &Self) {
        self.0.store(other.0.load_full());
    }

    /// Takes connections of a protocol, which is known to ALPN by this name: `dot` ([RFC 7858], [RFC 9103]) or `http/1.1`.
    /// Clients that offer none are taken too; those that offer only others are not.
    ///
    /// [RFC 7858]: https://www.rfc-editor.org/rfc/rfc7858
    /// [RFC 9103]: https://www.rfc-editor.org/rfc/rfc9103
    pub fn acceptor(&self, protocol: &str) -> TlsAcceptor {
        let mut config = ServerConfig::clone(&self.0.load()); // sessions and keys are shared, not copied
        config.alpn_protocols = vec![protocol.into()];
        TlsAcceptor::from(Arc::new(config))
    }

    fn make(identity: &Identity, clients: Arc<dyn ClientCertVerifier>) -> Result<Self, PemError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&TLS13])
            .and_then(|builder| {
                builder
                    .with_client_cert_verifier(clients)
                    .with_single_cert(identity.chain(), identity.key())
            })
            .map_err(PemError::Unusable)?;
        Ok(Self(Arc::new(ArcSwap::from_pointee(config))))
    }
}

impl fmt::Debug for ServerTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerTls").finish_non_exhaustive()
    }
}
