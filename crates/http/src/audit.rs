//! The record of every write: who asked for what, and what became of it.

use std::{
    fmt::{self, Display},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use axum::http::{Method, Uri};
use zonekit_model::{Contract, Uuid};

use crate::{
    ServiceError,
    answer::{Answer, Problem},
};

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

/// By what a request was let in.
#[derive(Clone, Debug)]
pub(crate) enum Credential {
    /// A bearer token, by its SHA-256.
    Token([u8; 32]),
    /// A public key, by its id.
    Key(Arc<str>),
}

impl Display for Credential {
    /// As the configuration has it: the id of a key, and of a token the beginning of its digest.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Token([a, b, c, d, ..]) => write!(f, "token {a:02x}{b:02x}{c:02x}{d:02x}"),
            Self::Key(id) => write!(f, "key {id}"),
        }
    }
}

/// Whose request it is.
#[derive(Clone, Debug)]
pub(crate) struct Holder {
    pub(crate) contract: Contract,
    pub(crate) credential: Credential,
    /// Whether a record was made of it.
    is_noted: Arc<AtomicBool>,
}

impl Holder {
    pub(crate) fn new(contract: Contract, credential: Credential) -> Self {
        Self {
            contract,
            credential,
            is_noted: Arc::default(),
        }
    }

    /// Logs a write, also one that was refused. Nothing secret can be among what is logged.
    pub(crate) fn wrote<T>(
        &self,
        action: Action,
        id: Option<Uuid>,
        name: Option<&dyn Display>,
        result: &Result<T, ServiceError>,
    ) {
        self.is_noted.store(true, Ordering::Relaxed);
        let id = id.map(tracing::field::display);
        let name = name.map(tracing::field::display);
        let (zone, key) = match action.is_about_a_key() {
            false => (name, None),
            true => (None, name),
        };
        let Self {
            contract,
            credential: by,
            ..
        } = self;
        match result {
            Ok(_) => {
                tracing::info!(target: "zonekit_http::audit", %contract, %by, ?action, id, zone, key, "done");
            }
            Err(error) => {
                tracing::warn!(target: "zonekit_http::audit", %contract, %by, ?action, id, zone, key, %error, "not done");
            }
        }
    }

    /// Logs a request that would write and was answered, if that was before it came to be judged: its body cannot be read, or
    /// what it is about is not there. Of what was sent nothing but the path is told.
    pub(crate) fn answered(&self, method: &Method, uri: &Uri, answer: &Answer) {
        if self.is_noted.swap(true, Ordering::Relaxed)
            || matches!(*method, Method::GET | Method::HEAD)
        {
            return;
        }
        let (status, problem) = match answer {
            Ok(response) => (response.status(), response.extensions().get::<Problem>()),
            Err(problem) => (problem.status(), Some(problem)),
        };
        let status = status.as_u16();
        let member = problem
            .and_then(Problem::member)
            .map(tracing::field::display);
        let path: String = uri.path().chars().take(200).collect();
        let Self {
            contract,
            credential: by,
            ..
        } = self;
        match status {
            ..400 => {
                tracing::info!(target: "zonekit_http::audit", %contract, %by, %method, path, status, "answered");
            }
            _ => {
                tracing::warn!(target: "zonekit_http::audit", %contract, %by, %method, path, status, member, "not done");
            }
        }
    }
}
