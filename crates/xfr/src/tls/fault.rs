//! What can be wrong with TLS, in pieces that an operator can act on.

use crate::ErrorKind;

/// Why there is no TLS with a primary, or no longer.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TlsFault {
    /// Its certificate was good once.
    #[error("the primary's certificate has expired")]
    Expired,
    /// Its certificate will be good.
    #[error("the primary's certificate is not valid yet")]
    NotYetValid,
    /// Its certificate is somebody else's.
    #[error("the primary's certificate is for another name")]
    WrongName,
    /// Its certificate comes from nobody that we trust.
    #[error("the primary's certificate is from an authority that is not known here")]
    UnknownAuthority,
    /// Its key is none of those that are pinned.
    #[error("the primary's key is not the one that is pinned")]
    WrongKey,
    /// Its certificate cannot be read, or is not one for this.
    #[error("the primary's certificate is not usable")]
    Certificate,
    /// It did not agree to speak DNS (RFC 9103 §7.1).
    #[error("the primary does not agree on ALPN \"dot\"")]
    NoAlpn,
    /// It does not speak TLS 1.3 (RFC 9103 §7.1).
    #[error("the primary does not speak TLS 1.3")]
    Version,
    /// It wants to know who we are.
    #[error("the primary wants a certificate of ours")]
    CertificateWanted,
    /// It does not take the certificate that we show.
    #[error("the primary does not take our certificate")]
    CertificateRefused,
    /// It gives up, with another alert of RFC 8446 §6.
    #[error("the primary ends TLS with alert {0}")]
    Alert(u8),
    /// What came is not what it sent.
    #[error("what came was altered on its way")]
    Altered,
    /// What came does not keep to TLS.
    #[error("what came is not TLS")]
    NotTls,
}

impl TlsFault {
    /// The kind, for status lines and counters.
    pub fn kind(self) -> ErrorKind {
        match self {
            Self::Expired
            | Self::NotYetValid
            | Self::WrongName
            | Self::UnknownAuthority
            | Self::WrongKey
            | Self::Certificate => ErrorKind::Certificate,
            _ => ErrorKind::Tls,
        }
    }
}

#[cfg(feature = "tls")]
impl TlsFault {
    /// What rustls calls so.
    pub(crate) fn of(error: &rustls::Error) -> Self {
        use rustls::{AlertDescription as Alert, CertificateError as Certificate, Error};

        match error {
            Error::InvalidCertificate(certificate) => match certificate {
                Certificate::Expired | Certificate::ExpiredContext { .. } => Self::Expired,
                Certificate::NotValidYet | Certificate::NotValidYetContext { .. } => {
                    Self::NotYetValid
                }
                Certificate::NotValidForName | Certificate::NotValidForNameContext { .. } => {
                    Self::WrongName
                }
                Certificate::UnknownIssuer => Self::UnknownAuthority,
                Certificate::ApplicationVerificationFailure => Self::WrongKey,
                _ => Self::Certificate,
            },
            Error::NoCertificatesPresented => Self::Certificate,
            Error::NoApplicationProtocol | Error::AlertReceived(Alert::NoApplicationProtocol) => {
                Self::NoAlpn
            }
            Error::PeerIncompatible(_) | Error::AlertReceived(Alert::ProtocolVersion) => {
                Self::Version
            }
            Error::AlertReceived(Alert::CertificateRequired) => Self::CertificateWanted,
            Error::AlertReceived(
                Alert::BadCertificate
                | Alert::UnsupportedCertificate
                | Alert::CertificateRevoked
                | Alert::CertificateExpired
                | Alert::CertificateUnknown
                | Alert::UnknownCA
                | Alert::AccessDenied,
            ) => Self::CertificateRefused,
            Error::AlertReceived(alert) => Self::Alert(u8::from(*alert)),
            Error::DecryptError => Self::Altered,
            _ => Self::NotTls,
        }
    }
}
