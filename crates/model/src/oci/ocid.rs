//! Ids as this API writes them: our ids with the vendor's words around.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// An id of ours, written as an OCID: `ocid1.dns-zone.oc1..` and 32 hexadecimal digits.
///
/// ```
/// use zonekit_model::{Uuid, oci::{Kind, Ocid}};
///
/// let ocid = Ocid { kind: Kind::Zone, id: Uuid::from_u128(0xab) };
/// assert_eq!(ocid.to_string(), "ocid1.dns-zone.oc1..000000000000000000000000000000ab");
/// assert_eq!(ocid.to_string().parse(), Ok(ocid));
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Ocid {
    /// What it is the id of.
    pub kind: Kind,
    /// The id.
    pub id: Uuid,
}

/// What an id is the id of.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Kind {
    /// A zone.
    Zone,
    /// A TSIG key.
    Key,
    /// A work request.
    Work,
}

/// A text is no OCID that this service has given.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("this service gives no such OCIDs")]
pub struct OcidError;

impl Kind {
    const ALL: [Self; 3] = [Self::Zone, Self::Key, Self::Work];

    const fn prefix(self) -> &'static str {
        match self {
            Self::Zone => "ocid1.dns-zone.oc1..",
            Self::Key => "ocid1.dns-tsig-key.oc1..",
            Self::Work => "ocid1.dns-workrequest.oc1..",
        }
    }
}

impl Ocid {
    /// The id in a text, if it is the OCID of something of that kind.
    pub fn id_of(kind: Kind, text: &str) -> Option<Uuid> {
        let ocid: Self = text.parse().ok()?;
        (ocid.kind == kind).then_some(ocid.id)
    }
}

impl fmt::Display for Ocid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.kind.prefix(), self.id.simple())
    }
}

impl FromStr for Ocid {
    type Err = OcidError;

    fn from_str(text: &str) -> Result<Self, OcidError> {
        let read = |kind: Kind| {
            let digits = text.strip_prefix(kind.prefix())?;
            // One text for one id: no capitals, no hyphens.
            let digit = |octet: u8| matches!(octet, b'0'..=b'9' | b'a'..=b'f');
            let is_plain = digits.len() == 32 && digits.bytes().all(digit);
            let id = Uuid::try_parse(digits).ok().filter(|_| is_plain)?;
            Some(Self { kind, id })
        };
        Kind::ALL.into_iter().find_map(read).ok_or(OcidError)
    }
}

impl TryFrom<String> for Ocid {
    type Error = OcidError;

    fn try_from(text: String) -> Result<Self, OcidError> {
        text.parse()
    }
}

impl From<Ocid> for String {
    fn from(ocid: Ocid) -> Self {
        ocid.to_string()
    }
}
