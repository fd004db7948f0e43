//! What an owner hangs on zones and keys to find them again: a compartment and tags. Nothing here touches DNS.

use std::{collections::BTreeMap, fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A compartment, by its OCID: a label within a contract, not a wall. Any well-formed one is accepted.
///
/// Five or more parts of letters, digits, `-` and `_` between dots or colons, of which all but the first and the last
/// may be empty; at most [`Compartment::MAX`] characters.
///
/// ```
/// # use zonekit_model::Compartment;
/// assert!("ocid1.tenancy.oc1..aaaatest".parse::<Compartment>().is_ok());
/// assert!("tenancy".parse::<Compartment>().is_err());
/// ```
#[derive(Clone, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Compartment(Arc<str>);

/// A text is no OCID.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("an OCID looks like ocid1.compartment.oc1..aaaa")]
pub struct CompartmentError;

impl Compartment {
    /// The most characters that one can have.
    pub const MAX: usize = 255;

    /// The OCID as given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Compartment {
    type Err = CompartmentError;

    fn from_str(text: &str) -> Result<Self, CompartmentError> {
        let allowed = |octet: u8| octet.is_ascii_alphanumeric() || b"-_.:".contains(&octet);
        let parts = text.split(['.', ':']);
        let ends_are_there =
            parts.clone().next() != Some("") && parts.clone().next_back() != Some("");
        let is_one = parts.count() >= 5
            && ends_are_there
            && text.len() <= Self::MAX
            && text.bytes().all(allowed);
        match is_one {
            true => Ok(Self(text.into())),
            false => Err(CompartmentError),
        }
    }
}

impl TryFrom<String> for Compartment {
    type Error = CompartmentError;

    fn try_from(text: String) -> Result<Self, CompartmentError> {
        text.parse()
    }
}

impl From<Compartment> for String {
    fn from(compartment: Compartment) -> Self {
        compartment.0.as_ref().into()
    }
}

impl fmt::Display for Compartment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Compartment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// Tags of the owner's own making.
pub type FreeformTags = BTreeMap<String, String>;
/// Tags by namespace; their values may be anything.
pub type DefinedTags = BTreeMap<String, BTreeMap<String, Value>>;

/// What hangs on a zone or key.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub struct Labels {
    /// The compartment that it was put in, if it was put in one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compartment: Option<Compartment>,
    /// Tags of the owner's own making.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub freeform: FreeformTags,
    /// Tags by namespace.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub defined: DefinedTags,
}

impl Labels {
    /// Whether nothing hangs there.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The same with what `edit` gives in the place of what was there.
    #[must_use]
    pub fn with(mut self, edit: LabelsEdit) -> Self {
        let LabelsEdit {
            compartment,
            freeform,
            defined,
        } = edit;
        self.compartment = compartment.or(self.compartment);
        self.freeform = freeform.unwrap_or(self.freeform);
        self.defined = defined.unwrap_or(self.defined);
        self
    }
}

/// Which labels to replace; what is not given stays.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct LabelsEdit {
    /// The compartment to move to.
    pub compartment: Option<Compartment>,
    /// All tags of the owner's own making.
    pub freeform: Option<FreeformTags>,
    /// All tags by namespace.
    pub defined: Option<DefinedTags>,
}

/// In which compartment something has to be to be meant.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Within {
    /// The compartment.
    pub compartment: Compartment,
    /// Whether what is in no compartment counts as in this one, as it does for the one at the root.
    pub is_root: bool,
}

impl Within {
    /// Whether what hangs on something puts it there.
    pub fn holds(&self, labels: &Labels) -> bool {
        match &labels.compartment {
            Some(compartment) => *compartment == self.compartment,
            None => self.is_root,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_looks_like_an_ocid_is_a_compartment() {
        let check = |text: &str| text.parse::<Compartment>().is_ok();
        assert!(check("ocid1.compartment.oc1.eu-frankfurt-1.aaaa_b-C9"));
        assert!(check("a:b:c:d:e"));
        let long = format!("ocid1.compartment.oc1..{}", "a".repeat(255));
        for text in [
            "",
            "a.b.c.d",
            ".b.c.d.e",
            "a.b.c.d.",
            "a.b.c.d.e/f",
            "a.b.c.d.\u{e4}",
            &long,
        ] {
            assert!(!check(text), "{text}");
        }
    }

    #[test]
    fn what_is_not_given_stays() {
        let tags = |value: &str| FreeformTags::from([("a".into(), value.into())]);
        let labels = Labels {
            compartment: "ocid1.x.y..z".parse().ok(),
            freeform: tags("b"),
            ..Labels::default()
        };
        assert_eq!(labels.clone().with(LabelsEdit::default()), labels);
        let edit = LabelsEdit {
            freeform: Some(tags("c")),
            ..LabelsEdit::default()
        };
        let changed = labels.clone().with(edit);
        assert_eq!(
            (changed.compartment, changed.freeform),
            (labels.compartment, tags("c"))
        );
    }
}
