//! A secondary zone: whose it is, what it is called, where it comes from.

use std::{fmt, net::IpAddr};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    Contract, Labels, LabelsEdit, MemberLabel, NotifySources, Primaries, RetryToken, Timestamp,
    ZoneName, ZonemdPolicy,
};

/// A secondary zone as it was asked for. What became of it is a [`ZoneStatus`](crate::ZoneStatus).
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct SecondaryZone {
    /// Its id, unique within the contract.
    pub id: Uuid,
    /// Whose it is; none: declared in the configuration, seen by no tenant and counted by no quota.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contract: Option<Contract>,
    /// Its name, unique in the whole service; fixed once it is created.
    pub name: ZoneName,
    /// Free text of whoever made it.
    #[serde(default)]
    pub description: Description,
    /// The servers that it is taken from.
    pub primaries: Primaries,
    /// What its digest must be like.
    #[serde(default, skip_serializing_if = "ZonemdPolicy::is_off")]
    pub zonemd: ZonemdPolicy,
    /// Who may send NOTIFY for it beside its primaries.
    #[serde(default, skip_serializing_if = "NotifySources::is_empty")]
    pub notify_sources: NotifySources,
    /// When it was made.
    pub created: Timestamp,
    /// When its settings were last changed.
    pub modified: Timestamp,
    /// Grows with every change of its settings, and never comes back, not even for another zone of the same id.
    pub generation: u64,
    /// Whether the configuration declares it, so that no API may change it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub declared: bool,
    /// Compartment and tags.
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    pub labels: Labels,
    /// What the request that made it was marked with, for as long as it may be repeated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<Box<RetryToken>>,
    /// The catalog that it came from, if one names it: then it is declared there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub member: Option<Box<Membership>>,
}

/// What makes a zone the member of a catalog ([RFC 9432](https://www.rfc-editor.org/rfc/rfc9432)).
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Membership {
    /// The catalog.
    pub catalog: ZoneName,
    /// What the zone is known by there.
    pub label: MemberLabel,
    /// The catalog that may take it over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change_of_ownership: Option<ZoneName>,
}

impl SecondaryZone {
    /// What it is known by.
    pub fn zone_id(&self) -> ZoneId {
        ZoneId {
            contract: self.contract.clone(),
            id: self.id,
        }
    }
}

/// What a zone is known by: an id means nothing outside its contract.
///
/// Displayed as `contract/id`, or `/id` without a contract: a fit key for a table of settings.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
pub struct ZoneId {
    /// The contract that the id belongs to; none: the configuration's own.
    pub contract: Option<Contract>,
    /// The id.
    pub id: Uuid,
}

impl ZoneId {
    /// An id within a contract.
    pub fn new(contract: &Contract, id: Uuid) -> Self {
        Self {
            contract: Some(contract.clone()),
            id,
        }
    }
}

impl fmt::Display for ZoneId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.contract {
            Some(contract) => write!(f, "{contract}/{}", self.id),
            None => write!(f, "/{}", self.id),
        }
    }
}

/// What a zone should be like: the settings that a client can give.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ZoneDraft {
    /// The zone's name.
    pub name: ZoneName,
    /// Free text.
    pub description: Description,
    /// The servers to take it from.
    pub primaries: WantedPrimaries,
    /// What its digest must be like; `None`, from an API that cannot say: as it was, and [`ZonemdPolicy::Off`] for a new one.
    pub zonemd: Option<ZonemdPolicy>,
    /// Who may send NOTIFY for it beside its primaries; none: as it was, and nobody for a new one.
    pub notify_sources: Option<NotifySources>,
    /// Compartment and tags; none: as they are.
    pub labels: Option<Labels>,
}

impl ZoneDraft {
    /// A zone without description, taken from servers of which only the addresses are given.
    pub fn at_addresses(name: ZoneName, addresses: impl IntoIterator<Item = IpAddr>) -> Self {
        Self {
            name,
            description: Description::default(),
            primaries: WantedPrimaries::Addresses(addresses.into_iter().collect()),
            zonemd: None,
            notify_sources: None,
            labels: None,
        }
    }

    /// A zone without description, taken from these servers.
    pub fn from_primaries(name: ZoneName, primaries: Primaries) -> Self {
        Self {
            name,
            description: Description::default(),
            primaries: WantedPrimaries::Exactly(primaries),
            zonemd: None,
            notify_sources: None,
            labels: None,
        }
    }
}

/// The primaries asked for, by an API that can say everything of them or by one that knows addresses only.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum WantedPrimaries {
    /// These, exactly.
    Exactly(Primaries),
    /// Servers at these addresses. A primary that the zone already has at one of them stays as it is, with the port
    /// and the key that were given for it elsewhere.
    Addresses(Vec<IpAddr>),
    /// These, exactly, with keys of the contract by their ids.
    ByKeyId(Vec<WantedPrimary>),
}

/// A primary whose key is known by its id.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct WantedPrimary {
    /// Its address.
    pub address: IpAddr,
    /// Its port; the service's own default where none is said.
    pub port: Option<u16>,
    /// The id of the TSIG key; unsigned where none is said.
    pub key: Option<Uuid>,
}

/// Which settings of a zone to replace; what is not given stays.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ZoneEdit {
    /// Free text.
    pub description: Option<Description>,
    /// All primaries.
    pub primaries: Option<WantedPrimaries>,
    /// What its digest must be like.
    pub zonemd: Option<ZonemdPolicy>,
    /// All who may send NOTIFY for it beside its primaries.
    pub notify_sources: Option<NotifySources>,
    /// Labels.
    pub labels: LabelsEdit,
}

/// Free text of whoever made a zone: at most [`Description::MAX`] characters.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Description(Box<str>);

/// A description is longer than [`Description::MAX`] characters.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a description has at most {max} characters, not {0}", max = Description::MAX)]
pub struct DescriptionError(pub usize);

impl Description {
    /// The most characters that a description can have.
    pub const MAX: usize = 2_000;

    /// The text as given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Description {
    type Error = DescriptionError;

    fn try_from(text: String) -> Result<Self, DescriptionError> {
        let length = text.chars().count();
        if length > Self::MAX {
            return Err(DescriptionError(length));
        }
        Ok(Self(text.into()))
    }
}

impl From<Description> for String {
    fn from(description: Description) -> Self {
        description.0.into()
    }
}
