//! Who is believed to be the primary.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use base64::prelude::{BASE64_STANDARD, Engine};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, PeerIncompatible, SignatureScheme};
use sha2::{Digest, Sha256};

/// The SHA-256 of a public key as a certificate has it (its SubjectPublicKeyInfo), in base64 as text.
///
/// ```
/// use zonekit_xfr::SpkiPin;
///
/// // openssl x509 -in primary.pem -noout -pubkey | openssl pkey -pubin -outform der | openssl dgst -sha256 -binary | base64
/// let pin: SpkiPin = "E9CZ9INDbd+2eRQozYqqbQ2yXLVKB9+xcprMF+44U1g=".parse()?;
/// assert_eq!(pin.to_string(), "E9CZ9INDbd+2eRQozYqqbQ2yXLVKB9+xcprMF+44U1g=");
/// # Ok::<(), zonekit_xfr::SpkiPinError>(())
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SpkiPin([u8; 32]);

impl SpkiPin {
    fn of(certificate: &CertificateDer<'_>) -> Result<Self, Error> {
        let key = ParsedCertificate::try_from(certificate)?.subject_public_key_info();
        Ok(Self(Sha256::digest(&*key).into()))
    }
}

impl FromStr for SpkiPin {
    type Err = SpkiPinError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let octets = BASE64_STANDARD.decode(text).map_err(|_| SpkiPinError)?;
        octets.try_into().map(Self).map_err(|_| SpkiPinError)
    }
}

impl fmt::Display for SpkiPin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE64_STANDARD.encode(self.0))
    }
}

/// A text is no [`SpkiPin`].
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("not the SHA-256 of a public key in base64")]
pub struct SpkiPinError;

/// Looks at the key of a certificate and at nothing else: who has it, when it ends and for which name it is say nothing
/// where the key itself is known, or anybody is believed.
#[derive(Debug)]
pub(super) struct KeyVerifier {
    /// The keys; without any, every key is good.
    pub(super) pins: Option<Vec<SpkiPin>>,
    pub(super) provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for KeyVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match &self.pins {
            Some(pins) if !pins.contains(&SpkiPin::of(end_entity)?) => {
                Err(CertificateError::ApplicationVerificationFailure.into())
            }
            _ => Ok(ServerCertVerified::assertion()),
        }
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(PeerIncompatible::SupportedVersionsExtensionRequired.into()) // version 1.3 alone is offered
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}
