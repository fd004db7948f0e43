//! What is answered, as JSON.

use serde::Serialize;
use utoipa::ToSchema;
use zonekit_model::{
    Primary, PrimaryStatus, RecordView, SecondaryZone, Timestamp, TransferFigures, TsigKey,
    VisitRecord, ZoneStatus,
};

use super::words::{Cause, Kind, Outcome, Standing, VisitOutcome, Zonemd};
use crate::{StatusView, conditions::key_tag};

/// A moment of RFC 3339 with milliseconds and `Z`.
#[derive(Clone, Copy, ToSchema)]
#[schema(value_type = String, format = DateTime, example = "2026-11-22T08:00:00.000Z")]
pub(super) struct Moment(Timestamp);

impl Serialize for Moment {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl From<Timestamp> for Moment {
    fn from(at: Timestamp) -> Self {
        Self(at)
    }
}

/// Why a request is not answered as hoped.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Error {
    /// A short fixed word.
    #[schema(example = "not_found")]
    pub(crate) code: &'static str,
    /// A sentence for people.
    pub(crate) message: String,
    /// The member of the body or the parameter that is meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(crate) member: Option<String>,
    /// What was expected there.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(crate) expected: Option<String>,
    /// What the request is known by in the log of the service.
    pub(crate) request_id: String,
}

/// What went wrong at a primary.
#[derive(Serialize, ToSchema)]
pub(super) struct Failure {
    /// A short fixed word: `refused`, `timeout`, `BADKEY` and the like.
    kind: String,
    /// A sentence that an operator can act on.
    text: String,
}

impl From<&zonekit_model::Failure> for Failure {
    fn from(failure: &zonekit_model::Failure) -> Self {
        Self {
            kind: failure.kind.clone(),
            text: failure.text.clone(),
        }
    }
}

/// What a transfer was like.
#[derive(Serialize, ToSchema)]
pub(super) struct Transfer {
    kind: Kind,
    /// The serial that it brought.
    serial: u32,
    /// When it was published.
    at: Moment,
    /// Octets received.
    octets: u64,
    /// Messages received.
    messages: u64,
    /// Records received.
    records: u64,
    /// How long it took, in milliseconds.
    duration: u64,
}

impl From<TransferFigures> for Transfer {
    fn from(figures: TransferFigures) -> Self {
        Self {
            kind: figures.kind.into(),
            serial: figures.serial,
            at: figures.at.into(),
            octets: figures.octets,
            messages: figures.messages,
            records: figures.records,
            duration: figures.duration,
        }
    }
}

/// A zone with its settings and all that is known of its transfers, but for the history.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Zone {
    /// Its id, unique within the contract.
    #[schema(format = "uuid")]
    id: String,
    /// Its name: lower case, without the final dot.
    #[schema(example = "example.org")]
    name: String,
    /// Free text of whoever made it.
    description: String,
    /// Whether the configuration declares it, so that it cannot be changed here.
    declared: bool,
    zonemd: Zonemd,
    /// Who may send NOTIFY for it beside its primaries.
    notify_sources: Vec<String>,
    /// The compartment that it was put in, if it was.
    compartment: Option<String>,
    created: Moment,
    /// When its settings were last changed.
    modified: Moment,
    /// What its settings look like, for `If-Match`; it changes with every change of them.
    etag: String,
    /// Which version of its content is held.
    version: String,
    standing: Standing,
    /// Serial of the version held.
    serial: Option<u32>,
    /// Whether a primary offers a newer version than is held.
    behind: bool,
    /// Records held.
    records: u64,
    /// Octets held, in wire form.
    octets: u64,
    /// When a primary was last asked.
    last_check: Option<Moment>,
    /// When a primary last confirmed or delivered the newest version.
    last_success: Option<Moment>,
    /// When the primaries will be asked next.
    next_try: Option<Moment>,
    /// When the version held stops being answered from, if no primary confirms it before.
    expires: Option<Moment>,
    /// Visits failed in a row since the last good one.
    failures: u32,
    /// Its primaries, in the order of preference.
    primaries: Vec<ZonePrimary>,
}

impl Zone {
    pub(super) fn new(view: &StatusView) -> Self {
        let (zone, status) = (&*view.zone, &view.status);
        let primary = |(position, primary): (usize, &Primary)| {
            ZonePrimary::new(primary, known(status, position, primary))
        };
        Self {
            id: zone.id.to_string(),
            name: zone.name.to_string(),
            description: zone.description.as_str().into(),
            declared: zone.declared,
            zonemd: zone.zonemd.into(),
            notify_sources: { zone.notify_sources.iter() }
                .map(ToString::to_string)
                .collect(),
            compartment: { zone.labels.compartment.as_ref() }.map(ToString::to_string),
            created: zone.created.into(),
            modified: zone.modified.into(),
            etag: etag(zone),
            version: view.version.to_string(),
            standing: status.standing.into(),
            serial: status.serial,
            behind: status.is_behind(),
            records: status.records,
            octets: status.octets,
            last_check: status.last_check.map(Moment),
            last_success: status.last_success.map(Moment),
            next_try: status.next_try.map(Moment),
            expires: status.expires_at.map(Moment),
            failures: status.failures,
            primaries: zone.primaries.iter().enumerate().map(primary).collect(),
        }
    }
}

/// What the settings of a zone look like.
pub(super) fn etag(zone: &SecondaryZone) -> String {
    format!("\"{:x}\"", zone.generation)
}

/// What is known of a primary. The status may be older than the last change of the primaries.
fn known<'s>(
    status: &'s ZoneStatus,
    position: usize,
    primary: &Primary,
) -> Option<&'s PrimaryStatus> {
    let is_same = |known: &&PrimaryStatus| {
        known.address.ip() == primary.address
            && primary.port.is_none_or(|port| known.address.port() == port)
    };
    let there = status.primaries.get(position).filter(is_same);
    there.or_else(|| status.primaries.iter().find(is_same))
}

/// A primary of a zone, and the last word that it said.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ZonePrimary {
    #[schema(example = "192.0.2.1")]
    address: String,
    /// The port that it is asked at; null if that is the default and it was not asked yet.
    port: Option<u16>,
    /// The name of the TSIG key that was given for it.
    key: Option<String>,
    /// The name of the key that is tried where that one is refused.
    next_key: Option<String>,
    outcome: Outcome,
    /// What went wrong, if the outcome is `error`.
    error: Option<Failure>,
    /// The serial that it last offered.
    serial: Option<u32>,
    /// When it was last asked.
    last_check: Option<Moment>,
    /// When it last answered as a primary should.
    last_success: Option<Moment>,
    /// The last transfer taken from it.
    transfer: Option<Transfer>,
    /// Why clear text is spoken with it though TLS is wanted, where that is allowed; null where it is not so.
    #[schema(example = "connection refused")]
    clear_text: Option<String>,
}

impl ZonePrimary {
    fn new(primary: &Primary, known: Option<&PrimaryStatus>) -> Self {
        let outcome = known.map_or(zonekit_model::PrimaryOutcome::Pending, |known| {
            known.outcome
        });
        let failure = known.and_then(|known| known.failure.as_ref());
        let is_error = outcome == zonekit_model::PrimaryOutcome::Error;
        Self {
            address: primary.address.to_string(),
            port: known.map(|known| known.address.port()).or(primary.port),
            key: primary.key.as_ref().map(ToString::to_string),
            next_key: primary.next_key.as_ref().map(ToString::to_string),
            outcome: outcome.into(),
            error: failure.filter(|_| is_error).map(Into::into),
            serial: known.and_then(|known| known.serial),
            last_check: known.and_then(|known| known.last_check).map(Moment),
            last_success: known.and_then(|known| known.last_success).map(Moment),
            transfer: known.and_then(|known| known.transfer).map(Into::into),
            clear_text: known.and_then(|known| known.clear_text.clone()),
        }
    }
}

/// A page of zones.
#[derive(Serialize, ToSchema)]
pub(super) struct Zones {
    pub(super) items: Vec<Zone>,
    /// How many zones the contract has in all.
    pub(super) total: u64,
    /// What to give as `after` for the next page; null on the last.
    pub(super) next: Option<String>,
}

/// One visit to the primaries of a zone.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Visit {
    /// When it began.
    at: Moment,
    /// How long it took, in milliseconds.
    duration: u64,
    cause: Cause,
    outcome: VisitOutcome,
    /// Serial held when it began.
    from: Option<u32>,
    /// Serial held when it ended.
    to: Option<u32>,
    /// Address and port of the primary that decided the outcome.
    #[schema(example = "192.0.2.1:53")]
    primary: Option<String>,
    /// What was transferred, if anything was.
    transfer: Option<Transfer>,
    /// What went wrong, if anything did: also of a visit that ended well after a first primary failed.
    error: Option<Failure>,
    /// Whether clear text was spoken with a primary with which TLS is wanted.
    clear_text: bool,
}

impl From<&VisitRecord> for Visit {
    fn from(visit: &VisitRecord) -> Self {
        Self {
            at: visit.at.into(),
            duration: visit.duration,
            cause: visit.cause.into(),
            outcome: visit.outcome.into(),
            from: visit.from,
            to: visit.to,
            primary: visit.primary.map(|address| address.to_string()),
            transfer: visit.transfer.map(Into::into),
            error: visit.failure.as_ref().map(Into::into),
            clear_text: visit.clear_text,
        }
    }
}

/// The last visits of a zone, the newest first.
#[derive(Serialize, ToSchema)]
pub(super) struct History {
    pub(super) items: Vec<Visit>,
}

/// A record.
#[derive(Serialize, ToSchema)]
pub(super) struct Record {
    /// The owner, absolute, with the final dot and in the case received.
    #[schema(example = "www.example.org.")]
    name: String,
    /// The type.
    #[serde(rename = "type")]
    #[schema(example = "A")]
    rtype: String,
    /// Seconds that it may be cached.
    ttl: u32,
    /// The data in presentation form, all names absolute.
    #[schema(example = "192.0.2.80")]
    data: String,
}

impl From<&RecordView> for Record {
    fn from(record: &RecordView) -> Self {
        Self {
            name: record.owner.clone(),
            rtype: record.rtype.to_string(),
            ttl: record.ttl,
            data: record.rdata.clone(),
        }
    }
}

/// A page of records: the SOA first, then by owner in canonical order.
#[derive(Serialize, ToSchema)]
pub(super) struct Records {
    pub(super) items: Vec<Record>,
    /// How many records are meant in all.
    pub(super) total: u64,
    /// Which version they are of; pages of different versions do not belong together.
    pub(super) version: String,
}

/// The versions that differences can be told between.
#[derive(Serialize, ToSchema)]
pub(super) struct Versions {
    /// Their serials, the oldest first; the last is the one held.
    pub(super) serials: Vec<u32>,
}

/// A TSIG key, without its secret.
#[derive(Serialize, ToSchema)]
pub(super) struct Key {
    /// Its id, unique within the contract.
    #[schema(format = "uuid")]
    id: String,
    /// Its name: lower case, without the final dot.
    #[schema(example = "transfer.example")]
    name: String,
    #[schema(example = "hmac-sha256")]
    algorithm: String,
    created: Moment,
    /// What it looks like, for `If-Match`.
    etag: String,
}

impl From<&TsigKey> for Key {
    fn from(key: &TsigKey) -> Self {
        Self {
            id: key.id.to_string(),
            name: key.name.to_string(),
            algorithm: key.algorithm.to_string(),
            created: key.created.into(),
            etag: key_tag(key),
        }
    }
}

/// A TSIG key that was just made.
#[derive(Serialize, ToSchema)]
pub(super) struct NewKey {
    #[serde(flatten)]
    pub(super) key: Key,
    /// The secret in base64, if the service has made it: it is told here and never again.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(super) secret: Option<String>,
}

/// A page of keys, by name.
#[derive(Serialize, ToSchema)]
pub(super) struct Keys {
    pub(super) items: Vec<Key>,
    /// How many keys the contract has in all.
    pub(super) total: u64,
    /// What to give as `after` for the next page; null on the last.
    pub(super) next: Option<String>,
}

/// What a contract may have and has.
#[derive(Serialize, ToSchema)]
pub(super) struct Quota {
    pub(super) limit: u64,
    pub(super) used: u64,
}

/// What holds for all zones of a contract.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct About {
    /// The contract that the token is for.
    pub(super) contract: String,
    /// The addresses that zones are transferred from, which primaries have to allow.
    pub(super) transfer_addresses: Vec<String>,
    /// The addresses that primaries have to send NOTIFY to.
    pub(super) notify_addresses: Vec<String>,
    /// The name servers that zones are to be delegated to, without final dots.
    pub(super) nameservers: Vec<String>,
    pub(super) zones: Quota,
    pub(super) records: Quota,
    /// TSIG keys.
    pub(super) keys: Quota,
}
