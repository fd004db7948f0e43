//! Work requests, for clients that wait for a removal. All work is done before it is told of; this is the receipt.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    extract::Path,
    http::{HeaderName, StatusCode},
};
use zonekit_model::{
    Command, Compartment, Contract, Uuid,
    oci::{Kind, Ocid, WorkRequest},
};

use super::{
    call::{Call, Written},
    kept::{self, Kept},
    now,
};
use crate::{
    Service,
    answer::{Answer, Problem, json},
};

const WORK_ID: HeaderName = HeaderName::from_static("opc-work-request-id");

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
    /// Those that were kept.
    pub(super) fn of(mut kept: Vec<(Contract, WorkRequest)>) -> Self {
        let works = Self::default();
        kept.sort_by_key(|(_, work)| work.time_accepted);
        for (contract, work) in kept {
            works.add(&contract, work);
        }
        works
    }

    /// Gives the id of one that is forgotten for it, if one has to be.
    pub(super) fn add(&self, contract: &Contract, work: WorkRequest) -> Option<Uuid> {
        let id = work.id.id;
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let receipts = all.entry(contract.clone()).or_default();
        receipts.known.insert(id, Arc::new(work));
        receipts.order.push_back(id);
        let is_too_many = receipts.order.len() > MOST;
        let oldest = is_too_many.then(|| receipts.order.pop_front()).flatten()?;
        receipts.known.remove(&oldest);
        Some(oldest)
    }

    fn find(&self, contract: &Contract, id: Uuid) -> Option<Arc<WorkRequest>> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(contract)?.known.get(&id).cloned()
    }
}

impl<S: Service> Call<S> {
    /// Has something removed; the answer says the id of the receipt.
    pub(super) async fn remove(
        &self,
        command: Command,
        written: Written<'_>,
        what: Ocid,
        compartment: Option<Compartment>,
    ) -> Answer {
        let id = Ocid {
            kind: Kind::Work,
            id: Uuid::now_v7(),
        };
        let compartment = compartment.unwrap_or_else(|| self.caller.tenancy.clone());
        let work = WorkRequest::removed(id, what, compartment, now());
        let more = vec![kept::work(&self.caller.holder.contract, &work)];
        let answer = Kept::empty(StatusCode::NO_CONTENT).with(WORK_ID, &id.to_string());
        let answer =
            { self.carry_out(command, written, more, move |_| Some(answer.clone())) }.await?;
        if let Some(oldest) = self.app.oci.works.add(&self.caller.holder.contract, work) {
            self.app.service.keep(kept::work_name(oldest), None);
        }
        Ok(answer)
    }
}

pub(super) async fn read<S: Service>(call: Call<S>, Path(id): Path<String>) -> Answer {
    let id = Ocid::id_of(Kind::Work, &id);
    let work = id.and_then(|id| call.app.oci.works.find(&call.caller.holder.contract, id));
    match work {
        Some(work) => Ok(json(StatusCode::OK, &*work)),
        None => Err(Problem::new(
            StatusCode::NOT_FOUND,
            "there is no such work request",
        )),
    }
}
