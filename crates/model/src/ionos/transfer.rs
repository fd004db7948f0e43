//! How the transfers of a zone went.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::Kind;
use crate::{
    Primary, PrimaryOutcome, PrimaryStatus, SecondaryZone, Standing, Timestamp, TransferKind,
    ZoneStatus, date,
};

/// What `GET …/axfr` answers: the vendor's `type` and `items`, and what we can tell beyond them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TransferStatus {
    /// [`Kind::Collection`].
    #[serde(rename = "type")]
    pub kind: Kind,
    /// Ours: the zone as a whole.
    pub metadata: TransferMetadata,
    /// One for each primary, in the zone's order.
    pub items: Vec<TransferItem>,
}

/// The zone as a whole; an extension of ours that the vendor's clients pass over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TransferMetadata {
    /// Whether the zone can be answered from.
    pub standing: Standing,
    /// Serial of the version held.
    pub serial: Option<u32>,
    /// Records held.
    pub records: u64,
    /// Octets held, in wire form.
    pub octets: u64,
    /// When a primary was last asked.
    #[serde(with = "date::option")]
    pub last_check: Option<Timestamp>,
    /// When the version held was last confirmed or replaced.
    #[serde(with = "date::option")]
    pub last_success: Option<Timestamp>,
    /// When the primaries will be asked next.
    #[serde(with = "date::option")]
    pub next_try: Option<Timestamp>,
    /// When the version held stops being answered from.
    #[serde(with = "date::option")]
    pub expires: Option<Timestamp>,
}

/// One primary: the vendor's three members, and what we can tell beyond them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TransferItem {
    /// Its address.
    pub primary_ip: IpAddr,
    /// `OK`, `PENDING`, `IN_PROGRESS` or `ERROR`.
    pub status: PrimaryOutcome,
    /// Empty when it is well, an explanation otherwise.
    pub error_message: String,
    /// Ours: a fixed word for the error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_kind: Option<String>,
    /// Ours: the port that it is asked at; none before it was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// Ours: the serial that it last offered.
    pub serial: Option<u32>,
    /// Ours: when it was last asked.
    #[serde(with = "date::option")]
    pub last_check: Option<Timestamp>,
    /// Ours: when it last answered well.
    #[serde(with = "date::option")]
    pub last_success: Option<Timestamp>,
    /// Ours: when it will be asked next.
    #[serde(with = "date::option")]
    pub next_try: Option<Timestamp>,
    /// Ours: of the last transfer from it, the kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<TransferKind>,
    /// Ours: of the last transfer from it, the octets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub octets: Option<u64>,
    /// Ours: of the last transfer from it, the records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub records: Option<u64>,
    /// Ours: of the last transfer from it, the milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration: Option<u64>,
}

impl TransferStatus {
    /// The status of a zone's primaries as its contract sees it.
    pub fn new(zone: &SecondaryZone, status: &ZoneStatus) -> Self {
        let item = |(position, primary): (usize, &Primary)| {
            let same = |known: &&PrimaryStatus| {
                known.address.ip() == primary.address
                    && primary.port.is_none_or(|port| known.address.port() == port)
            };
            // The status may be older than the last change of the primaries.
            let known = status.primaries.get(position).filter(same);
            let known = known.or_else(|| status.primaries.iter().find(same));
            TransferItem::new(primary.address, known, status.next_try)
        };
        Self {
            kind: Kind::Collection,
            metadata: TransferMetadata {
                standing: status.standing,
                serial: status.serial,
                records: status.records,
                octets: status.octets,
                last_check: status.last_check,
                last_success: status.last_success,
                next_try: status.next_try,
                expires: status.expires_at,
            },
            items: zone.primaries.iter().enumerate().map(item).collect(),
        }
    }
}

impl TransferItem {
    fn new(address: IpAddr, known: Option<&PrimaryStatus>, next_try: Option<Timestamp>) -> Self {
        let outcome = known.map_or(PrimaryOutcome::Pending, |known| known.outcome);
        let failure = known.and_then(|known| known.failure.as_ref());
        let failure = failure.filter(|_| outcome == PrimaryOutcome::Error);
        let transfer = known.and_then(|known| known.transfer);
        Self {
            primary_ip: address,
            status: outcome,
            error_message: match (outcome, failure) {
                (PrimaryOutcome::Ok, _) => String::new(),
                (PrimaryOutcome::Pending, _) => "not asked yet".into(),
                (PrimaryOutcome::InProgress, _) => "being asked now".into(),
                (PrimaryOutcome::Error, Some(failure)) => {
                    format!("{}: {}", failure.kind, failure.text)
                }
                (PrimaryOutcome::Error, None) => "the last exchange failed".into(),
            },
            error_kind: failure.map(|failure| failure.kind.clone()),
            port: known.map(|known| known.address.port()),
            serial: known.and_then(|known| known.serial),
            last_check: known.and_then(|known| known.last_check),
            last_success: known.and_then(|known| known.last_success),
            next_try,
            kind: transfer.map(|transfer| transfer.kind),
            octets: transfer.map(|transfer| transfer.octets),
            records: transfer.map(|transfer| transfer.records),
            duration: transfer.map(|transfer| transfer.duration),
        }
    }
}
