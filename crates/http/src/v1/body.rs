//! What is sent, as JSON: read member by member, so that an error names the member and what was expected.

use std::net::{IpAddr, SocketAddr};

use serde_json::{Map, Value};
use utoipa::ToSchema;
use zonekit_model::{
    BodyError, Description, KeyName, Labels, LabelsEdit, NameError, NotifySource, NotifySources,
    Primaries, Primary, Secret, WantedPrimaries, ZoneDraft, ZoneEdit, ZoneName, ZonemdPolicy,
};

use super::words::Zonemd;
use crate::answer::Problem;

/// A primary of a zone.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
#[allow(dead_code)] // for the document: it is read as a `Primary`
pub(super) struct PrimaryWrite {
    #[schema(format = "ip", example = "192.0.2.1")]
    address: String,
    /// The service's own default if not given.
    #[schema(minimum = 1, nullable = false)]
    port: Option<u16>,
    /// The name of the contract's TSIG key that every exchange with it is signed with.
    #[schema(nullable = false)]
    key: Option<String>,
    /// Another key, which is tried where the first is refused: while a key is rolled over, both are known.
    #[schema(nullable = false)]
    next_key: Option<String>,
}

/// A zone to be made.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
#[allow(dead_code)] // for the document: it is read as a `ZoneDraft`
pub(super) struct ZoneCreate {
    /// Unique in the whole service.
    #[schema(example = "example.org", min_length = 1)]
    name: String,
    /// In the order of preference; no two at the same address and port.
    #[schema(min_items = 1, max_items = 64)]
    primaries: Vec<PrimaryWrite>,
    #[schema(max_length = 2000, nullable = false)]
    description: Option<String>,
    #[schema(nullable = false, value_type = Option<Zonemd>)]
    zonemd: Option<Zonemd>,
    /// Addresses and networks that may send NOTIFY for it beside its primaries.
    #[schema(max_items = 64, nullable = false, example = json!(["192.0.2.0/28"]))]
    notify_sources: Option<Vec<String>>,
    /// The compartment that it is found by, as over the OCI face: an OCID.
    #[schema(nullable = false, example = "ocid1.compartment.oc1..aaaa")]
    compartment: Option<String>,
}

/// What to change of a zone; what is not given stays as it is. A zone keeps its name.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
#[allow(dead_code)] // for the document: it is read as a `ZoneEdit`
pub(super) struct ZoneChange {
    /// All primaries, in the order of preference; no two at the same address and port.
    #[schema(min_items = 1, max_items = 64, nullable = false)]
    primaries: Option<Vec<PrimaryWrite>>,
    #[schema(max_length = 2000, nullable = false)]
    description: Option<String>,
    #[schema(nullable = false, value_type = Option<Zonemd>)]
    zonemd: Option<Zonemd>,
    /// All addresses and networks that may send NOTIFY for it beside its primaries.
    #[schema(max_items = 64, nullable = false)]
    notify_sources: Option<Vec<String>>,
    /// The compartment that it is moved to, as over the OCI face: an OCID.
    #[schema(nullable = false, example = "ocid1.compartment.oc1..aaaa")]
    compartment: Option<String>,
}

/// How a transfer is to be made; nothing need be given.
#[derive(ToSchema)]
#[allow(dead_code)] // for the document: it is read as a `TransferWanted`
pub(super) struct TransferWrite {
    /// The whole zone, whatever its serial. If not given: only what is newer.
    #[schema(nullable = false)]
    full: Option<bool>,
    /// From this primary of the zone only: its address, with its port if it was given with one.
    #[schema(nullable = false, example = "192.0.2.1:53")]
    primary: Option<String>,
}

/// A TSIG key to be made.
#[derive(ToSchema)]
#[allow(dead_code)] // for the document: it is read as a `KeyWanted`
pub(super) struct KeyCreate {
    /// A domain name, unique in the whole service.
    #[schema(example = "transfer.example", min_length = 1)]
    name: String,
    /// `hmac-sha256` if not given.
    #[schema(nullable = false, example = "hmac-sha512")]
    algorithm: Option<String>,
    /// In base64. If not given, the service makes one and tells it in the answer, once.
    #[schema(nullable = false, format = Password)]
    secret: Option<String>,
}

/// A transfer as it is wanted.
pub(super) struct TransferWanted {
    pub(super) whole: bool,
    pub(super) primary: Option<(IpAddr, Option<u16>)>,
}

/// A key as it is wanted.
pub(super) struct KeyWanted {
    pub(super) name: KeyName,
    pub(super) algorithm: zonekit_model::Algorithm,
    pub(super) secret: Option<Secret>,
}

pub(super) fn zone_draft(body: &[u8]) -> Result<ZoneDraft, Problem> {
    let mut members = Members::of_body(body)?;
    let draft = ZoneDraft {
        name: members.needed("name", "a domain name", domain_name::<ZoneName>)?,
        primaries: members.needed("primaries", "an array of primaries", primaries)?,
        description: { members.given("description", "text", description)? }.unwrap_or_default(),
        zonemd: members.given("zonemd", ZONEMD, zonemd)?,
        notify_sources: members.given("notifySources", SOURCES, notify_sources)?,
        labels: { members.given("compartment", COMPARTMENT, parsed)? }.map(|compartment| Labels {
            compartment: Some(compartment),
            ..Labels::default()
        }),
    };
    members.end()?;
    Ok(draft)
}

pub(super) fn zone_edit(body: &[u8]) -> Result<ZoneEdit, Problem> {
    let mut members = Members::of_body(body)?;
    let edit = ZoneEdit {
        primaries: members.given("primaries", "an array of primaries", primaries)?,
        description: members.given("description", "text", description)?,
        zonemd: members.given("zonemd", ZONEMD, zonemd)?,
        notify_sources: members.given("notifySources", SOURCES, notify_sources)?,
        labels: LabelsEdit {
            compartment: members.given("compartment", COMPARTMENT, parsed)?,
            ..LabelsEdit::default()
        },
    };
    members.end()?;
    Ok(edit)
}

pub(super) fn transfer(body: &[u8]) -> Result<TransferWanted, Problem> {
    let body = if body.is_empty() { b"{}" } else { body };
    let mut members = Members::of_body(body)?;
    let wanted = TransferWanted {
        whole: { members.given("full", "true or false", |value, _| Ok(value.as_bool()))? }
            .unwrap_or_default(),
        primary: members.given(
            "primary",
            "an address, with or without a port",
            |value, _| {
                let text = value.as_str().unwrap_or_default();
                Ok(match text.parse::<SocketAddr>() {
                    Ok(address) => Some((address.ip(), Some(address.port()))),
                    Err(_) => { text.parse() }.ok().map(|address| (address, None)),
                })
            },
        )?,
    };
    members.end()?;
    Ok(wanted)
}

pub(super) fn key(body: &[u8]) -> Result<KeyWanted, Problem> {
    let mut members = Members::of_body(body)?;
    let wanted = KeyWanted {
        name: members.needed("name", "a domain name", domain_name)?,
        algorithm: { members.given("algorithm", "an algorithm such as hmac-sha256", parsed)? }
            .unwrap_or(zonekit_model::Algorithm::HmacSha256),
        // What was sent is not repeated: it may be the secret but for one character.
        secret: match members.take("secret") {
            None => None,
            Some(value) => {
                let secret = value
                    .as_str()
                    .and_then(|text| Secret::from_base64(text).ok());
                Some(secret.ok_or_else(|| {
                    let expected = format!("base64 of 1 to {} octets", Secret::MAX);
                    Problem::bad_request(format!("secret: {expected} was expected"))
                        .about("secret", expected)
                })?)
            }
        },
    };
    members.end()?;
    Ok(wanted)
}

const COMPARTMENT: &str = "an OCID such as ocid1.compartment.oc1..aaaa";
const ZONEMD: &str = "off, if_present or required";
const SOURCES: &str = "an array of addresses and networks, 64 at most";

/// What a member is read as: `None` if it is not what is expected, or an error of its own of something in it.
type Read<T> = Result<Option<T>, BodyError>;

fn parsed<T: std::str::FromStr>(value: &Value, _: &str) -> Read<T> {
    Ok(value.as_str().and_then(|text| text.parse().ok()))
}

fn domain_name<T: std::str::FromStr<Err = NameError>>(value: &Value, path: &str) -> Read<T> {
    let Some(text) = value.as_str() else {
        return Ok(None);
    };
    let unexpected = |error| BodyError::unexpected(path, format!("a domain name ({error})"), value);
    text.parse().map(Some).map_err(unexpected)
}

fn description(value: &Value, path: &str) -> Read<Description> {
    let Some(text) = value.as_str() else {
        return Ok(None);
    };
    let expected = || format!("text of at most {} characters", Description::MAX);
    { Description::try_from(text.to_owned()) }
        .map(Some)
        .map_err(|_| BodyError::unexpected(path, expected(), value))
}

fn zonemd(value: &Value, _: &str) -> Read<ZonemdPolicy> {
    Ok(match value.as_str() {
        Some("off") => Some(ZonemdPolicy::Off),
        Some("if_present") => Some(ZonemdPolicy::IfPresent),
        Some("required") => Some(ZonemdPolicy::Required),
        _ => None,
    })
}

fn notify_sources(value: &Value, path: &str) -> Read<NotifySources> {
    let Some(values) = value.as_array() else {
        return Ok(None);
    };
    let source = |(index, value): (usize, &Value)| {
        let source = value.as_str().and_then(|text| text.parse().ok());
        source.ok_or_else(|| {
            let expected = "an address or a network such as 192.0.2.0/24";
            BodyError::unexpected(format!("{path}[{index}]"), expected, value)
        })
    };
    let sources: Vec<NotifySource> = { values.iter().enumerate() }
        .map(source)
        .collect::<Result<_, _>>()?;
    Ok(sources.try_into().ok())
}

fn primaries(value: &Value, path: &str) -> Read<WantedPrimaries> {
    let Some(values) = value.as_array() else {
        return Ok(None);
    };
    let primary = |(index, value): (usize, &Value)| primary(value, &format!("{path}[{index}]"));
    let primaries: Vec<Primary> = { values.iter().enumerate() }
        .map(primary)
        .collect::<Result<_, _>>()?;
    let primaries = Primaries::new(primaries).map_err(|error| {
        let expected = format!(
            "1 to {} primaries that can be a zone's ({error})",
            Primaries::MAX
        );
        BodyError::unexpected(path, expected, value)
    })?;
    Ok(Some(WantedPrimaries::Exactly(primaries)))
}

fn primary(value: &Value, path: &str) -> Result<Primary, BodyError> {
    let mut members = Members::of(value, path)?;
    let address = members.needed("address", "an IPv4 or IPv6 address", parsed::<IpAddr>)?;
    let port = members.given("port", "an integer from 1 to 65535", |value, _| {
        let port = value.as_u64().and_then(|port| u16::try_from(port).ok());
        Ok(port.filter(|port| *port > 0))
    })?;
    let primary = Primary {
        port,
        key: members.given("key", "the name of a TSIG key", parsed)?,
        next_key: members.given("nextKey", "the name of a TSIG key", parsed)?,
        ..Primary::from(address)
    };
    members.end()?;
    Ok(primary)
}

/// The members of one object that were not read yet.
struct Members {
    members: Map<String, Value>,
    /// Where the object stands; empty for the body itself.
    path: String,
}

impl Members {
    fn of_body(body: &[u8]) -> Result<Self, BodyError> {
        let value = serde_json::from_slice(body).map_err(|error| BodyError::NotJson {
            line: error.line(),
            column: error.column(),
        })?;
        match value {
            Value::Object(members) => Ok(Self {
                members,
                path: String::new(),
            }),
            other => Err(BodyError::unexpected("the body", "an object", &other)),
        }
    }

    fn of(value: &Value, path: &str) -> Result<Self, BodyError> {
        match value {
            Value::Object(members) => Ok(Self {
                members: members.clone(),
                path: path.to_owned(),
            }),
            other => Err(BodyError::unexpected(path, "an object", other)),
        }
    }

    fn path_of(&self, name: &str) -> String {
        match self.path.as_str() {
            "" => name.to_owned(),
            path => format!("{path}.{name}"),
        }
    }

    fn take(&mut self, name: &str) -> Option<Value> {
        self.members.remove(name)
    }

    /// A member that may be missing.
    fn given<T>(
        &mut self,
        name: &str,
        expected: &str,
        read: impl FnOnce(&Value, &str) -> Read<T>,
    ) -> Result<Option<T>, BodyError> {
        let Some(value) = self.take(name) else {
            return Ok(None);
        };
        let path = self.path_of(name);
        match read(&value, &path)? {
            Some(read) => Ok(Some(read)),
            None => Err(BodyError::unexpected(path, expected, &value)),
        }
    }

    /// A member that must be there.
    fn needed<T>(
        &mut self,
        name: &str,
        expected: &'static str,
        read: impl FnOnce(&Value, &str) -> Read<T>,
    ) -> Result<T, BodyError> {
        let member = self.path_of(name);
        let given = self.given(name, expected, read)?;
        given.ok_or(BodyError::Missing { member, expected })
    }

    /// Nothing else may be there: a member that is misspelt would have no effect.
    fn end(self) -> Result<(), BodyError> {
        match self.members.iter().next() {
            None => Ok(()),
            Some((name, value)) => {
                let expected = "no member of this name";
                Err(BodyError::unexpected(self.path_of(name), expected, value))
            }
        }
    }
}
