//! Zones as they are sent and shown.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::{
    BodyError, Contract, Description, Primaries, SecondaryZone, Timestamp, WantedPrimaries,
    ZoneDraft, ZoneName, ZoneState,
    body::{self, missing_or},
    date, primary,
};

/// What kind of thing an object is.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A secondary zone.
    SecondaryZone,
    /// A list.
    Collection,
    /// A record.
    Record,
}

/// A zone as it is shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ZoneItem {
    /// Its id.
    pub id: Uuid,
    /// [`Kind::SecondaryZone`].
    #[serde(rename = "type")]
    pub kind: Kind,
    /// Its path.
    pub href: String,
    /// What the service says of it.
    pub metadata: ZoneMetadata,
    /// What its owner says of it.
    pub properties: ZoneProperties,
}

/// What the service says of a zone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ZoneMetadata {
    /// Its state.
    pub state: ZoneState,
    /// The service's name servers, without final dots.
    pub nameservers: Vec<String>,
    /// When it was made.
    #[serde(with = "date")]
    pub created_date: Timestamp,
    /// When its settings were last changed.
    #[serde(with = "date")]
    pub last_modified_date: Timestamp,
    /// Its name among all things of all products.
    #[serde(rename = "resourceURN")]
    pub resource_urn: String,
}

/// What its owner says of a zone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ZoneProperties {
    /// Its name.
    pub zone_name: ZoneName,
    /// Free text; empty where none is given.
    #[serde(default)]
    pub description: Description,
    /// Addresses of the primaries, in the order given.
    pub primary_ips: Vec<IpAddr>,
}

impl ZoneItem {
    /// A zone as its contract sees it.
    pub fn new(zone: &SecondaryZone, state: ZoneState, nameservers: &[String]) -> Self {
        let href = format!("/secondaryzones/{}", zone.id);
        let contract = zone.contract.as_ref().map_or("", Contract::as_str);
        let plain = |host: &String| host.strip_suffix('.').unwrap_or(host).into();
        Self {
            id: zone.id,
            kind: Kind::SecondaryZone,
            metadata: ZoneMetadata {
                state,
                nameservers: nameservers.iter().map(plain).collect(),
                created_date: zone.created,
                last_modified_date: zone.modified,
                resource_urn: format!(
                    "ionos:dns:local:{contract}:{}",
                    href.trim_start_matches('/')
                ),
            },
            href,
            properties: ZoneProperties {
                zone_name: zone.name.clone(),
                description: zone.description.clone(),
                primary_ips: zone
                    .primaries
                    .iter()
                    .map(|primary| primary.address)
                    .collect(),
            },
        }
    }
}

/// A zone as it is sent, to make one or to change one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ZoneWrite {
    /// What it should be like.
    pub properties: ZoneProperties,
}

impl ZoneWrite {
    /// Reads the body of a request. Members that we do not know are ignored, as are those that the service sets.
    ///
    /// # Errors
    ///
    /// The first member that is not as it should be, and what was expected there.
    pub fn parse(body: &[u8]) -> Result<Self, BodyError> {
        let members = body::object(body)?;
        let properties = match members.get("properties") {
            Some(Value::Object(properties)) => properties,
            other => return Err(missing_or("properties", "an object", other)),
        };
        Ok(Self {
            properties: ZoneProperties {
                zone_name: zone_name(properties.get("zoneName"))?,
                description: description(properties.get("description"))?,
                primary_ips: addresses(properties.get("primaryIps"))?,
            },
        })
    }
}

impl From<ZoneWrite> for ZoneDraft {
    fn from(ZoneWrite { properties }: ZoneWrite) -> Self {
        Self {
            name: properties.zone_name,
            description: properties.description,
            primaries: WantedPrimaries::Addresses(properties.primary_ips),
            zonemd: None,
            notify_sources: None,
            labels: None,
        }
    }
}

fn zone_name(value: Option<&Value>) -> Result<ZoneName, BodyError> {
    const MEMBER: &str = "properties.zoneName";
    match value {
        Some(found @ Value::String(text)) => text.parse().map_err(|error| {
            BodyError::unexpected(MEMBER, format!("a domain name ({error})"), found)
        }),
        other => Err(missing_or(MEMBER, "a domain name", other)),
    }
}

fn description(value: Option<&Value>) -> Result<Description, BodyError> {
    const MEMBER: &str = "properties.description";
    match value {
        None | Some(Value::Null) => Ok(Description::default()),
        Some(found @ Value::String(text)) => Description::try_from(text.clone()).map_err(|_| {
            let expected = format!("text of at most {} characters", Description::MAX);
            BodyError::unexpected(MEMBER, expected, found)
        }),
        Some(other) => Err(BodyError::unexpected(MEMBER, "text", other)),
    }
}

fn addresses(value: Option<&Value>) -> Result<Vec<IpAddr>, BodyError> {
    const MEMBER: &str = "properties.primaryIps";
    let values = match value {
        Some(Value::Array(values)) if matches!(values.len(), 1..=Primaries::MAX) => values,
        Some(array @ Value::Array(_)) => {
            let expected = format!("an array of 1 to {} addresses", Primaries::MAX);
            return Err(BodyError::unexpected(MEMBER, expected, array));
        }
        other => return Err(missing_or(MEMBER, "an array of addresses", other)),
    };
    let address = |(position, value): (usize, &Value)| {
        let unexpected = |expected: &str| {
            BodyError::unexpected(format!("{MEMBER}[{position}]"), expected, value)
        };
        let address = value.as_str().and_then(|text| text.parse().ok());
        let address = address.ok_or_else(|| unexpected("an IPv4 or IPv6 address"))?;
        if primary::is_host(address) {
            Ok(address)
        } else {
            Err(unexpected("the address of a host"))
        }
    };
    values.iter().enumerate().map(address).collect()
}
