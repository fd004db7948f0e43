//! The record of every write: who asked for what, and what became of it.

use zonekit_model::{Contract, Uuid, ZoneName};

use crate::ServiceError;

/// What was asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Action {
    CreateZone,
    EnsureZone,
    RemoveZone,
    TransferNow,
}

/// Logs a write, also one that was refused. Nothing secret can be among what is logged.
pub(crate) fn write<T>(
    contract: &Contract,
    action: Action,
    id: Option<Uuid>,
    name: Option<&ZoneName>,
    result: &Result<T, ServiceError>,
) {
    let id = id.map(tracing::field::display);
    let zone = name.map(tracing::field::display);
    match result {
        Ok(_) => {
            tracing::info!(target: "zonekit_http::audit", %contract, ?action, id, zone, "done")
        }
        Err(error) => {
            tracing::warn!(target: "zonekit_http::audit", %contract, ?action, id, zone, %error, "not done");
        }
    }
}
