//! Work requests, for clients that wait for a removal. All work is done before it is told of; this is the receipt.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    extract::Path,
    http::{HeaderValue, StatusCode},
    response::Response,
};
use zonekit_model::{
    Compartment, Contract, Uuid,
    oci::{Kind, Ocid, WorkRequest},
};

use super::{call::Call, caller::Caller, now};
use crate::{
    Service,
    answer::{Answer, Problem, empty, json},
};

/// How many receipts are kept for each contract.
const MOST: usize = 10_000;

/// The receipts of late.
#[derive(Debug, Default)]
pub(super) struct Works(Mutex<HashMap<Contract, Receipts>>);

#[derive(Debug, Default)]
struct Receipts {
    known: HashMap<Uuid, Arc<WorkRequest>>,
    /// Oldest first.
    order: VecDeque<Uuid>,
}

impl Works {
    /// The answer to a removal, with the id of its receipt.
    pub(super) fn removed(
        &self,
        caller: &Caller,
        what: Ocid,
        compartment: Compartment,
    ) -> Response {
        let kind = Kind::Work;
        let id = Ocid {
            kind,
            id: Uuid::now_v7(),
        };
        let work = WorkRequest::removed(id, what, compartment, now());
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let receipts = all.entry(caller.contract.clone()).or_default();
        receipts.known.insert(id.id, Arc::new(work));
        receipts.order.push_back(id.id);
        if receipts.order.len() > MOST
            && let Some(oldest) = receipts.order.pop_front()
        {
            receipts.known.remove(&oldest);
        }
        let mut response = empty(StatusCode::NO_CONTENT);
        if let Ok(id) = HeaderValue::try_from(id.to_string()) {
            response.headers_mut().insert("opc-work-request-id", id);
        }
        response
    }

    fn find(&self, contract: &Contract, id: Uuid) -> Option<Arc<WorkRequest>> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(contract)?.known.get(&id).cloned()
    }
}

pub(super) async fn read<S: Service>(call: Call<S>, Path(id): Path<String>) -> Answer {
    let id = Ocid::id_of(Kind::Work, &id);
    let work = id.and_then(|id| call.app.oci.works.find(&call.caller.contract, id));
    match work {
        Some(work) => Ok(json(StatusCode::OK, &*work)),
        None => Err(Problem::new(
            StatusCode::NOT_FOUND,
            "there is no such work request",
        )),
    }
}
