//! TSIG keys as they are sent and shown.

use serde::{Deserialize, Serialize};
use zonekit_tsig::{Algorithm, Key};

use super::{Kind, Lifecycle, Ocid, Viewer, member::Members};
use crate::{
    BodyError, Compartment, DefinedTags, FreeformTags, KeyDraft, KeyName, Labels, LabelsEdit,
    Secret, Timestamp, TsigKey, date, key::algorithm_name,
};

/// A key as it is sent to make one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KeyCreate {
    /// What it signs with.
    #[serde(with = "algorithm_name")]
    pub algorithm: Algorithm,
    /// Its name.
    pub name: KeyName,
    /// The compartment that it is put in.
    pub compartment_id: Compartment,
    /// What nobody else should know.
    pub secret: Secret,
    /// Tags of the owner's own making.
    pub freeform_tags: FreeformTags,
    /// Tags by namespace.
    pub defined_tags: DefinedTags,
}

impl KeyCreate {
    /// Reads the body of a request. Members that we do not know are ignored.
    ///
    /// # Errors
    ///
    /// The first member that is not as it should be, and what was expected there. A secret is not repeated.
    pub fn parse(body: &[u8]) -> Result<Self, BodyError> {
        let members = Members::of(body)?;
        let expected = "a TSIG algorithm such as hmac-sha256";
        let algorithm = members.parsed("algorithm", expected)?;
        let name: KeyName = members.name()?;
        let compartment_id = members.compartment()?;
        let expected = "base64 of 1 to 4096 octets";
        let unusable = || BodyError::Unexpected {
            member: "secret".into(),
            expected: expected.into(),
            found: "what was given".into(),
        };
        let text = match members.get("secret") {
            Some(value) => value.as_str().ok_or_else(unusable)?,
            None => members.text("secret", expected)?,
        };
        let secret = Secret::from_base64(text).map_err(|_| unusable())?;
        // What makes a key of it later asks no more than this.
        Key::new(name.to_name().as_name(), algorithm, secret.octets()).map_err(|_| unusable())?;
        Ok(Self {
            algorithm,
            name,
            compartment_id,
            secret,
            freeform_tags: members.freeform_tags()?.unwrap_or_default(),
            defined_tags: members.defined_tags()?.unwrap_or_default(),
        })
    }
}

impl From<KeyCreate> for KeyDraft {
    fn from(create: KeyCreate) -> Self {
        Self {
            name: create.name,
            algorithm: create.algorithm,
            secret: create.secret,
            labels: Labels {
                compartment: Some(create.compartment_id),
                freeform: create.freeform_tags,
                defined: create.defined_tags,
            },
        }
    }
}

/// What to change of a key: nothing but tags; what is not given stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KeyUpdate {
    /// All tags of the owner's own making.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub freeform_tags: Option<FreeformTags>,
    /// All tags by namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub defined_tags: Option<DefinedTags>,
}

impl KeyUpdate {
    /// Reads the body of a request. Members that we do not know are ignored.
    ///
    /// # Errors
    ///
    /// The first member that is not as it should be, and what was expected there.
    pub fn parse(body: &[u8]) -> Result<Self, BodyError> {
        let members = Members::of(body)?;
        Ok(Self {
            freeform_tags: members.freeform_tags()?,
            defined_tags: members.defined_tags()?,
        })
    }
}

impl From<KeyUpdate> for LabelsEdit {
    fn from(update: KeyUpdate) -> Self {
        Self {
            compartment: None,
            freeform: update.freeform_tags,
            defined: update.defined_tags,
        }
    }
}

/// A key in a list: all but its secret.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KeySummary {
    /// Its id.
    pub id: Ocid,
    /// Its name.
    pub name: KeyName,
    /// What it signs with.
    #[serde(with = "algorithm_name")]
    pub algorithm: Algorithm,
    /// The compartment that it is in.
    pub compartment_id: Compartment,
    /// Tags of the owner's own making.
    pub freeform_tags: FreeformTags,
    /// Tags by namespace.
    pub defined_tags: DefinedTags,
    /// Its URL.
    #[serde(rename = "self")]
    pub url: String,
    /// When it was made.
    #[serde(with = "date")]
    pub time_created: Timestamp,
    /// When it was last changed.
    #[serde(
        with = "date::option",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub time_updated: Option<Timestamp>,
    /// Always [`Lifecycle::Active`].
    pub lifecycle_state: Lifecycle,
}

impl KeySummary {
    /// A key as its contract sees it in a list.
    pub fn new(key: &TsigKey, viewer: Viewer<'_>) -> Self {
        let id = Ocid {
            kind: Kind::Key,
            id: key.id,
        };
        let labels = key.labels.clone();
        Self {
            id,
            name: key.name.clone(),
            algorithm: key.algorithm,
            compartment_id: labels.compartment.unwrap_or_else(|| viewer.root.clone()),
            freeform_tags: labels.freeform,
            defined_tags: labels.defined,
            url: format!("{}/20180115/tsigKeys/{id}", viewer.base),
            time_created: key.created,
            time_updated: key.modified,
            lifecycle_state: Lifecycle::Active,
        }
    }
}

/// A key by itself, with its secret: whoever may use the key over this API has put it there, and clients that compare
/// what is there with what they want make another key where they do not find it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeyItem {
    /// What lists show of it, too.
    #[serde(flatten)]
    pub summary: KeySummary,
    /// What nobody else should know.
    pub secret: Secret,
}

impl KeyItem {
    /// A key as its contract sees it.
    pub fn new(key: &TsigKey, viewer: Viewer<'_>) -> Self {
        Self {
            summary: KeySummary::new(key, viewer),
            secret: key.secret.clone(),
        }
    }
}
