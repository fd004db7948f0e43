//! Whether a zone has to prove itself whole.

use serde::{Deserialize, Serialize};

/// What is made of the digest of a zone, its ZONEMD records ([RFC 8976]), before a version is served.
///
/// Off by default: to make the digest reads the whole zone, however little a transfer has changed of it.
///
/// [RFC 8976]: https://www.rfc-editor.org/rfc/rfc8976
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ZonemdPolicy {
    /// It is not looked at. The default.
    #[default]
    Off,
    /// A version whose digest is wrong is not taken; one without a digest, or with digests of unknown kinds only, is.
    IfPresent,
    /// A version is taken if a digest in it is right.
    Required,
}

impl ZonemdPolicy {
    /// Whether it is the default.
    pub(crate) fn is_off(&self) -> bool {
        *self == Self::Off
    }
}
