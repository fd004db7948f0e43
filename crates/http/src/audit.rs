//! The record of every write: who asked for what, and what became of it.

use std::fmt::Display;

use zonekit_model::{Contract, Uuid};

use crate::ServiceError;

/// What was asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Action {
    CreateZone,
    EnsureZone,
    ChangeZone,
    MoveZone,
    RemoveZone,
    TransferNow,
    CreateKey,
    ChangeKey,
    MoveKey,
    RemoveKey,
}

impl Action {
    fn is_about_a_key(self) -> bool {
        matches!(
            self,
            Self::CreateKey | Self::ChangeKey | Self::MoveKey | Self::RemoveKey
        )
    }
}

/// Logs a write, also one that was refused. Nothing secret can be among what is logged.
pub(crate) fn write<T>(
    contract: &Contract,
    action: Action,
    id: Option<Uuid>,
    name: Option<&dyn Display>,
    result: &Result<T, ServiceError>,
) {
    let id = id.map(tracing::field::display);
    let name = name.map(tracing::field::display);
    let (zone, key) = match action.is_about_a_key() {
        false => (name, None),
        true => (None, name),
    };
    match result {
        Ok(_) => {
            tracing::info!(target: "zonekit_http::audit", %contract, ?action, id, zone, key, "done")
        }
        Err(error) => {
            tracing::warn!(target: "zonekit_http::audit", %contract, ?action, id, zone, key, %error, "not done");
        }
    }
}
