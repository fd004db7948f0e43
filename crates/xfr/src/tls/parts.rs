//! What a connection over TLS is made with.

use std::collections::HashMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustls::ClientConfig;
use rustls::client::{WebPkiServerVerifier, danger::ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::ServerName;
use rustls::version::TLS13;
use zonekit_tls::{Authorities, Identity, PemError};

use super::SpkiPin;
use super::verify::KeyVerifier;
use crate::Loss;

/// How TLS is spoken with a primary (RFC 9103). Clones share what resumes sessions, so that one value is for all
/// connections that are to be made in the same way.
///
/// ```no_run
/// use zonekit_xfr::{Client, Tls};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let authorities = std::fs::read("ca.pem")?;
/// let tls = Tls::authenticated(&authorities, "ns1.example.net")?
///     // For a primary that wants to know us by certificate:
///     .certificate(&std::fs::read("our.pem")?, &std::fs::read("our.key")?)?;
/// let mut transfer = Client::new("192.0.2.1:853".parse()?).tls(tls).axfr("example.org").await?;
/// while let Some(record) = transfer.next().await? {
///     println!("{record}");
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Tls {
    parts: Arc<Parts>,
    pub(super) config: Arc<ClientConfig>,
    /// Primaries with which TLS failed, and how, and clear text is spoken until then.
    clear: Arc<Mutex<HashMap<SocketAddr, (Instant, Loss)>>>,
}

/// What two values have to have in common to be the same.
#[derive(Clone, Eq, PartialEq)]
struct Parts {
    trust: Trust,
    name: Option<ServerName<'static>>,
    identity: Option<Arc<Identity>>,
    needs_alpn: bool,
    clear_text: Option<u16>,
}

#[derive(Clone, Eq, PartialEq)]
enum Trust {
    Authorities(Authorities),
    Keys(Vec<SpkiPin>),
    Anybody,
}

/// How long a primary with which TLS failed is spoken with in clear text, where that is allowed.
const CLEAR: Duration = Duration::from_secs(600);

impl Tls {
    /// The primary needs a certificate for `name` (a host name or an address) from one of these authorities (PEM).
    ///
    /// # Errors
    ///
    /// When there is no certificate in the PEM, or one that cannot be read, or the name is none.
    pub fn authenticated(authorities: &[u8], name: &str) -> Result<Self, TlsError> {
        let authorities = Authorities::from_pem(authorities)?;
        Self::new(Parts {
            name: Some(server_name(name)?),
            ..Parts::new(Trust::Authorities(authorities))
        })
    }

    /// The primary needs one of these keys. Who has certified it, for which name and until when does not matter.
    ///
    /// # Errors
    ///
    /// When there is no pin.
    pub fn pinned(pins: impl IntoIterator<Item = SpkiPin>) -> Result<Self, TlsError> {
        let pins: Vec<SpkiPin> = pins.into_iter().collect();
        if pins.is_empty() {
            return Err(TlsError::NoPin);
        }
        Self::new(Parts::new(Trust::Keys(pins)))
    }

    /// Anybody who answers is believed to be the primary: nobody on the way can read along, but he can stand in its place.
    /// TSIG tells who it is all the same.
    ///
    /// # Errors
    ///
    /// None in practice: what is there cannot be put together.
    pub fn opportunistic() -> Result<Self, TlsError> {
        Self::new(Parts::new(Trust::Anybody))
    }

    /// As [`opportunistic`](Self::opportunistic); and with a primary that has no TLS, clear text is spoken over TCP at this
    /// port of its. For ten minutes TLS is not tried again then. Whoever is on the way can bring that about.
    ///
    /// # Errors
    ///
    /// None in practice: what is there cannot be put together.
    pub fn opportunistic_or_clear_text(port: u16) -> Result<Self, TlsError> {
        Self::new(Parts {
            clear_text: Some(port),
            ..Parts::new(Trust::Anybody)
        })
    }

    /// The name that the primary is asked for (SNI) where it is not authenticated by one.
    ///
    /// # Errors
    ///
    /// When the name is none.
    pub fn server_name(self, name: &str) -> Result<Self, TlsError> {
        let name = Some(server_name(name)?);
        Self::new(Parts {
            name,
            ..(*self.parts).clone()
        })
    }

    /// The certificate that we show when the primary asks for one, those that lead to its authority behind it, and its
    /// private key (PEM).
    ///
    /// # Errors
    ///
    /// When one of them is not there or cannot be read, or they do not belong together.
    pub fn certificate(self, chain: &[u8], key: &[u8]) -> Result<Self, TlsError> {
        let identity = Some(Arc::new(Identity::from_pem(chain, key)?));
        Self::new(Parts {
            identity,
            ..(*self.parts).clone()
        })
    }

    /// Takes a primary that says nothing of ALPN too, as NSD 4 does not. RFC 9103 §7.1 asks for it, so that nobody can lead
    /// the connection to a server of another kind with the same certificate.
    ///
    /// # Errors
    ///
    /// None in practice: what is there cannot be put together.
    pub fn without_alpn(self) -> Result<Self, TlsError> {
        Self::new(Parts {
            needs_alpn: false,
            ..(*self.parts).clone()
        })
    }

    fn new(parts: Parts) -> Result<Self, TlsError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&[&TLS13])
            .map_err(PemError::Unusable)?
            .dangerous()
            .with_custom_certificate_verifier(parts.trust.verifier(provider)?);
        let mut config = match &parts.identity {
            None => builder.with_no_client_auth(),
            Some(identity) => builder
                .with_client_auth_cert(identity.chain(), identity.key())
                .map_err(PemError::Unusable)?,
        };
        config.alpn_protocols = vec![b"dot".to_vec()];
        Ok(Self {
            parts: Arc::new(parts),
            config: Arc::new(config),
            clear: Arc::default(),
        })
    }

    /// What a primary at this address is called.
    pub(super) fn name_of(&self, primary: SocketAddr) -> ServerName<'static> {
        let name = self.parts.name.clone();
        name.unwrap_or_else(|| ServerName::from(primary.ip()))
    }

    pub(super) fn needs_alpn(&self) -> bool {
        self.parts.needs_alpn
    }

    /// The port at which clear text may be spoken where there is no TLS.
    pub(crate) fn clear_text(&self) -> Option<u16> {
        self.parts.clear_text
    }

    /// How TLS failed with a primary a while ago, so that clear text is spoken with it.
    pub(crate) fn failed(&self, primary: SocketAddr, now: Instant) -> Option<Loss> {
        let mut clear = { self.clear.lock() }.unwrap_or_else(|poisoned| poisoned.into_inner());
        clear.retain(|_, (until, _)| now < *until);
        clear.get(&primary).map(|(_, how)| *how)
    }

    pub(super) fn note_failure(&self, primary: SocketAddr, how: Loss, now: Instant) {
        let mut clear = { self.clear.lock() }.unwrap_or_else(|poisoned| poisoned.into_inner());
        clear.insert(primary, (now + CLEAR, how));
    }
}

impl Parts {
    fn new(trust: Trust) -> Self {
        Self {
            trust,
            name: None,
            identity: None,
            needs_alpn: true,
            clear_text: None,
        }
    }
}

impl Trust {
    fn verifier(
        &self,
        provider: Arc<CryptoProvider>,
    ) -> Result<Arc<dyn ServerCertVerifier>, TlsError> {
        let pins = match self {
            Self::Authorities(authorities) => {
                return WebPkiServerVerifier::builder_with_provider(authorities.roots()?, provider)
                    .build()
                    .map(|verifier| verifier as Arc<dyn ServerCertVerifier>)
                    .map_err(|_| PemError::NoCertificate.into()); // there is one, which is all that is asked for
            }
            Self::Keys(pins) => Some(pins.clone()),
            Self::Anybody => None,
        };
        Ok(Arc::new(KeyVerifier { pins, provider }))
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Parts {
            trust,
            name,
            identity,
            ..
        } = &*self.parts;
        f.debug_struct("Tls")
            .field(
                "trust",
                &match trust {
                    Trust::Authorities(_) => "authorities",
                    Trust::Keys(_) => "pinned keys",
                    Trust::Anybody => "anybody",
                },
            )
            .field("name", name)
            .field("has_certificate", &identity.is_some())
            .finish_non_exhaustive()
    }
}

/// The same, if made of the same: sessions and memory do not count.
impl PartialEq for Tls {
    fn eq(&self, other: &Self) -> bool {
        self.parts == other.parts
    }
}

impl Eq for Tls {}

/// Why something is not usable for TLS.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A certificate or a key.
    #[error(transparent)]
    Pem(#[from] PemError),
    /// This is neither a host name nor an address.
    #[error("{0:?} is neither a host name nor an address")]
    Name(String),
    /// No key is pinned: none could be right.
    #[error("no key is pinned")]
    NoPin,
}

fn server_name(name: &str) -> Result<ServerName<'static>, TlsError> {
    let bare = name.strip_suffix('.').unwrap_or(name);
    ServerName::try_from(bare.to_owned()).map_err(|_| TlsError::Name(name.to_owned()))
}
