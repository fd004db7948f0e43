//! Zones as they are sent and shown.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::{Kind, Ocid, TransferServer, member::Members};
use crate::{
    BodyError, Compartment, ContentVersion, DefinedTags, Description, FreeformTags, Labels,
    LabelsEdit, SecondaryZone, Timestamp, WantedPrimaries, WantedPrimary, ZoneDraft, ZoneEdit,
    ZoneName, ZoneState, date,
};

/// What kind of zone: the one kind there is here.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum ZoneType {
    /// Taken from primaries elsewhere.
    Secondary,
}

/// Who can ask for a zone: everybody, the one scope there is here.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Scope {
    /// Everybody.
    Global,
}

/// What becomes of a zone, in this API's words. The set is closed.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Lifecycle {
    /// There and usable.
    Active,
    /// Nothing was transferred yet.
    Creating,
    /// Gone.
    Deleted,
    /// Being removed.
    Deleting,
    /// Nothing was transferred yet, and several visits have failed.
    Failed,
    /// Being changed.
    Updating,
}

impl Lifecycle {
    /// The state of that word, which must be written exactly so.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::deserialize(serde::de::value::StrDeserializer::<serde::de::value::Error>::new(word))
            .ok()
    }

    /// The state of a zone that is called so here, if zones are ever in it.
    pub fn to_state(self) -> Option<ZoneState> {
        ZoneState::ALL
            .into_iter()
            .find(|&state| Self::from(state) == self)
    }
}

impl From<ZoneState> for Lifecycle {
    fn from(state: ZoneState) -> Self {
        match state {
            ZoneState::Provisioning => Self::Creating,
            ZoneState::Available => Self::Active,
            ZoneState::Destroying => Self::Deleting,
            ZoneState::Failed => Self::Failed,
        }
    }
}

/// One primary, as this API says it.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExternalMaster {
    /// Its address.
    pub address: IpAddr,
    /// Its port; the service's own default where none is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// The key that everything exchanged with it is signed with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tsig_key_id: Option<String>,
}

impl From<&ExternalMaster> for WantedPrimary {
    fn from(master: &ExternalMaster) -> Self {
        // The id of no key at all stands for OCIDs that are not ours: whoever judges finds that there is none.
        let key = |text: &String| Ocid::id_of(Kind::Key, text).unwrap_or_default();
        Self {
            address: master.address,
            port: master.port,
            key: master.tsig_key_id.as_ref().map(key),
        }
    }
}

/// A zone as it is sent to make one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ZoneCreate {
    /// Its name.
    pub name: ZoneName,
    /// Always [`ZoneType::Secondary`].
    pub zone_type: ZoneType,
    /// Always [`Scope::Global`].
    pub scope: Scope,
    /// The compartment that it is put in.
    pub compartment_id: Compartment,
    /// The primaries.
    pub external_masters: Vec<ExternalMaster>,
    /// Tags of the owner's own making.
    pub freeform_tags: FreeformTags,
    /// Tags by namespace.
    pub defined_tags: DefinedTags,
}

impl ZoneCreate {
    /// Reads the body of a request. Members that we do not know are ignored.
    ///
    /// # Errors
    ///
    /// The first member that is not as it should be, and what was expected there.
    pub fn parse(body: &[u8]) -> Result<Self, BodyError> {
        let members = Members::of(body)?;
        members.only("migrationSource", "NONE")?;
        let name = members.name()?;
        let compartment_id = members.compartment()?;
        members.text("zoneType", "SECONDARY")?;
        members.only("zoneType", "SECONDARY")?;
        members.only("scope", "GLOBAL")?;
        members.no("viewId")?;
        beyond(&members)?;
        Ok(Self {
            name,
            zone_type: ZoneType::Secondary,
            scope: Scope::Global,
            compartment_id,
            external_masters: match members.get("externalMasters") {
                Some(value) => masters(value)?,
                None => {
                    return Err(BodyError::Missing {
                        member: "externalMasters".into(),
                        expected: "an array of primaries",
                    });
                }
            },
            freeform_tags: members.freeform_tags()?.unwrap_or_default(),
            defined_tags: members.defined_tags()?.unwrap_or_default(),
        })
    }
}

impl From<ZoneCreate> for ZoneDraft {
    fn from(create: ZoneCreate) -> Self {
        Self {
            name: create.name,
            description: Description::default(),
            primaries: wanted(&create.external_masters),
            zonemd: None,
            notify_sources: None,
            labels: Some(Labels {
                compartment: Some(create.compartment_id),
                freeform: create.freeform_tags,
                defined: create.defined_tags,
            }),
        }
    }
}

/// What to change of a zone; what is not given stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ZoneUpdate {
    /// All primaries.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_masters: Option<Vec<ExternalMaster>>,
    /// All tags of the owner's own making.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub freeform_tags: Option<FreeformTags>,
    /// All tags by namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub defined_tags: Option<DefinedTags>,
}

impl ZoneUpdate {
    /// Reads the body of a request. Members that we do not know are ignored.
    ///
    /// # Errors
    ///
    /// The first member that is not as it should be, and what was expected there.
    pub fn parse(body: &[u8]) -> Result<Self, BodyError> {
        let members = Members::of(body)?;
        beyond(&members)?;
        Ok(Self {
            external_masters: members.get("externalMasters").map(masters).transpose()?,
            freeform_tags: members.freeform_tags()?,
            defined_tags: members.defined_tags()?,
        })
    }
}

impl From<ZoneUpdate> for ZoneEdit {
    fn from(update: ZoneUpdate) -> Self {
        Self {
            primaries: update.external_masters.as_deref().map(wanted),
            labels: LabelsEdit {
                compartment: None,
                freeform: update.freeform_tags,
                defined: update.defined_tags,
            },
            ..Self::default()
        }
    }
}

/// Where to move a zone or key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CompartmentChange {
    /// The compartment to move to.
    pub compartment_id: Compartment,
}

impl CompartmentChange {
    /// Reads the body of a request.
    ///
    /// # Errors
    ///
    /// If the compartment is not there, or no OCID.
    pub fn parse(body: &[u8]) -> Result<Self, BodyError> {
        Ok(Self {
            compartment_id: Members::of(body)?.compartment()?,
        })
    }
}

impl From<CompartmentChange> for LabelsEdit {
    fn from(change: CompartmentChange) -> Self {
        Self {
            compartment: Some(change.compartment_id),
            ..Self::default()
        }
    }
}

/// What is known of a zone at one moment.
#[derive(Clone, Copy, Debug)]
pub struct ZoneSight<'a> {
    /// The zone.
    pub zone: &'a SecondaryZone,
    /// Its state.
    pub state: ZoneState,
    /// The serial held, if any version is.
    pub serial: Option<u32>,
    /// Which version is held.
    pub version: ContentVersion,
    /// The ids of the keys that its primaries are asked with, in their order.
    pub keys: &'a [Option<Uuid>],
}

/// For whom something is shown, and by whom.
#[derive(Clone, Copy, Debug)]
pub struct Viewer<'a> {
    /// The compartment that everything is in that was put in none: the tenancy.
    pub root: &'a Compartment,
    /// Where the service was asked, such as `http://127.0.0.1:8053`.
    pub base: &'a str,
    /// The service's name servers.
    pub nameservers: &'a [String],
    /// The addresses that the service transfers from.
    pub transfer_addresses: &'a [IpAddr],
}

/// A zone in a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ZoneSummary {
    /// Its id.
    pub id: Ocid,
    /// Its name.
    pub name: ZoneName,
    /// Always [`ZoneType::Secondary`].
    pub zone_type: ZoneType,
    /// The compartment that it is in.
    pub compartment_id: Compartment,
    /// Always none: views are for private zones.
    pub view_id: Option<String>,
    /// Always [`Scope::Global`].
    pub scope: Scope,
    /// Tags of the owner's own making.
    pub freeform_tags: FreeformTags,
    /// Tags by namespace.
    pub defined_tags: DefinedTags,
    /// Always `STATIC`.
    pub resolution_mode: String,
    /// Always `DISABLED`: signing is its primary's business.
    pub dnssec_state: String,
    /// Its URL.
    #[serde(rename = "self")]
    pub url: String,
    /// When it was made.
    #[serde(with = "date")]
    pub time_created: Timestamp,
    /// Which version is held; later ones compare greater, as text.
    pub version: String,
    /// The serial held; 0 before the first transfer.
    pub serial: u32,
    /// Its state.
    pub lifecycle_state: Lifecycle,
    /// Always false.
    pub is_protected: bool,
}

impl ZoneSummary {
    /// A zone as its contract sees it in a list.
    pub fn new(sight: ZoneSight<'_>, viewer: Viewer<'_>) -> Self {
        let ZoneSight { zone, state, .. } = sight;
        let kind = Kind::Zone;
        let id = Ocid { kind, id: zone.id };
        let labels = zone.labels.clone();
        Self {
            id,
            name: zone.name.clone(),
            zone_type: ZoneType::Secondary,
            compartment_id: labels.compartment.unwrap_or_else(|| viewer.root.clone()),
            view_id: None,
            scope: Scope::Global,
            freeform_tags: labels.freeform,
            defined_tags: labels.defined,
            resolution_mode: "STATIC".into(),
            dnssec_state: "DISABLED".into(),
            url: format!("{}/20180115/zones/{id}", viewer.base),
            time_created: zone.created,
            version: sight.version.to_string(),
            serial: sight.serial.unwrap_or(0),
            lifecycle_state: state.into(),
            is_protected: false,
        }
    }
}

/// A zone by itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ZoneItem {
    /// What lists show of it, too.
    #[serde(flatten)]
    pub summary: ZoneSummary,
    /// The primaries.
    pub external_masters: Vec<ExternalMaster>,
    /// Always empty: those are a primary zone's.
    pub external_downstreams: Vec<ExternalMaster>,
    /// The service's name servers.
    pub nameservers: Vec<Nameserver>,
    /// The addresses that the service transfers from.
    pub zone_transfer_servers: Vec<TransferServer>,
}

/// A name server that the zone can be delegated to.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Nameserver {
    /// Its host name, without final dot.
    pub hostname: String,
}

impl ZoneItem {
    /// A zone as its contract sees it.
    pub fn new(sight: ZoneSight<'_>, viewer: Viewer<'_>) -> Self {
        let primaries = sight.zone.primaries.iter();
        let keys = sight.keys.iter().copied().chain(std::iter::repeat(None));
        let plain = |host: &String| Nameserver {
            hostname: host.strip_suffix('.').unwrap_or(host).into(),
        };
        Self {
            summary: ZoneSummary::new(sight, viewer),
            external_masters: { primaries.zip(keys) }
                .map(|(primary, key)| ExternalMaster {
                    address: primary.address,
                    port: primary.port,
                    tsig_key_id: key.map(|id| {
                        Ocid {
                            kind: Kind::Key,
                            id,
                        }
                        .to_string()
                    }),
                })
                .collect(),
            external_downstreams: Vec::new(),
            nameservers: viewer.nameservers.iter().map(plain).collect(),
            zone_transfer_servers: TransferServer::all(viewer.transfer_addresses),
        }
    }
}

fn wanted(masters: &[ExternalMaster]) -> WantedPrimaries {
    WantedPrimaries::ByKeyId(masters.iter().map(Into::into).collect())
}

/// What this API can ask for beyond secondary zones, each of which may be there only as what it is anyway.
fn beyond(members: &Members) -> Result<(), BodyError> {
    members.no("externalDownstreams")?;
    members.only("resolutionMode", "STATIC")?;
    members.only("dnssecState", "DISABLED")
}

fn masters(value: &Value) -> Result<Vec<ExternalMaster>, BodyError> {
    let Value::Array(values) = value else {
        let expected = "an array of primaries";
        return Err(BodyError::unexpected("externalMasters", expected, value));
    };
    values.iter().enumerate().map(master).collect()
}

fn master((position, value): (usize, &Value)) -> Result<ExternalMaster, BodyError> {
    let at = |name: &str| format!("externalMasters[{position}].{name}");
    let member = |name: &str| value.get(name).filter(|value| !value.is_null());
    let expected = "an IPv4 or IPv6 address";
    let Some(address) = member("address") else {
        return Err(BodyError::Missing {
            member: at("address"),
            expected,
        });
    };
    let parsed = address.as_str().and_then(|text| text.parse().ok());
    let port = |value: &Value| {
        let digits = |text: &str| {
            let is_plain = text.bytes().all(|octet| octet.is_ascii_digit());
            text.parse().ok().filter(|_| is_plain)
        };
        let number = value.as_u64().or_else(|| value.as_str().and_then(digits));
        let port = number.and_then(|number| u16::try_from(number).ok());
        port.filter(|&port| port > 0)
            .ok_or_else(|| BodyError::unexpected(at("port"), "a port from 1 to 65535", value))
    };
    let key = |value: &Value| {
        let text = value
            .as_str()
            .filter(|text| text.parse::<Compartment>().is_ok());
        text.map(str::to_owned)
            .ok_or_else(|| BodyError::unexpected(at("tsigKeyId"), "an OCID", value))
    };
    Ok(ExternalMaster {
        address: parsed.ok_or_else(|| BodyError::unexpected(at("address"), expected, address))?,
        port: member("port").map(port).transpose()?,
        tsig_key_id: member("tsigKeyId").map(key).transpose()?,
    })
}
