//! Work requests: what a client waits for after it had something removed.

use serde::{Deserialize, Serialize};

use super::Ocid;
use crate::{Compartment, Timestamp, date};

/// A piece of work, which is always done by the time it can be asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WorkRequest {
    /// What was done, such as `DELETE_ZONE`.
    pub operation_type: String,
    /// Always `SUCCEEDED`: what is refused has no work request.
    pub status: String,
    /// Its id.
    pub id: Ocid,
    /// The compartment of what it was done to.
    pub compartment_id: Compartment,
    /// What it was done to.
    pub resources: Vec<WorkResource>,
    /// Always 100.
    pub percent_complete: f32,
    /// When it was asked for.
    #[serde(with = "date")]
    pub time_accepted: Timestamp,
    /// When it began.
    #[serde(with = "date")]
    pub time_started: Timestamp,
    /// When it was done.
    #[serde(with = "date")]
    pub time_finished: Timestamp,
}

/// What a piece of work was done to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WorkResource {
    /// What happened to it: `DELETED`.
    pub action_type: String,
    /// What it is: `zone` or `tsigkey`.
    pub entity_type: String,
    /// Its id.
    pub identifier: Ocid,
    /// Its path, as long as it was there.
    pub entity_uri: String,
}

impl WorkRequest {
    /// Something was removed at that moment.
    pub fn removed(id: Ocid, what: Ocid, compartment: Compartment, at: Timestamp) -> Self {
        let (operation_type, entity_type, collection) = match what.kind {
            super::Kind::Key => ("DELETE_TSIG_KEY", "tsigkey", "tsigKeys"),
            _ => ("DELETE_ZONE", "zone", "zones"),
        };
        Self {
            operation_type: operation_type.into(),
            status: "SUCCEEDED".into(),
            id,
            compartment_id: compartment,
            resources: vec![WorkResource {
                action_type: "DELETED".into(),
                entity_type: entity_type.into(),
                identifier: what,
                entity_uri: format!("/20180115/{collection}/{what}"),
            }],
            percent_complete: 100.0,
            time_accepted: at,
            time_started: at,
            time_finished: at,
        }
    }
}
