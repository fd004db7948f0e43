//! A request, as the routes of this face want it.

use std::{fmt::Display, sync::Arc, time::Instant};

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, request::Parts},
};
use zonekit_model::{
    Command, Expected, Refusal, RetryToken, Uuid,
    oci::{Kind, Ocid},
};

use super::{
    caller::{Caller, is_private},
    kept::{Kept, Write},
    now,
};
use crate::{
    Commanded, Receipt, Service, ServiceError, ZoneRef, ZoneView,
    answer::{Answer, Problem},
    audit::Action,
    conditions::expected,
    request::Query,
    router::App,
};

/// What is asked, by whom, and of which service; path and body aside.
pub(super) struct Call<S> {
    pub(super) app: Arc<App<S>>,
    pub(super) caller: Caller,
    pub(super) query: Query,
    pub(super) headers: HeaderMap,
}

impl<S: Service> FromRequestParts<Arc<App<S>>> for Call<S> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App<S>>) -> Result<Self, Problem> {
        Ok(Self {
            app: Arc::clone(app),
            caller: Caller::from_request_parts(parts, app).await?,
            query: Query::of(&parts.uri)?,
            headers: parts.headers.clone(),
        })
    }
}

/// What the log says of a write.
pub(super) struct Written<'w> {
    pub(super) action: Action,
    /// What it is done to, if that was there before.
    pub(super) id: Option<Uuid>,
    pub(super) name: &'w (dyn Display + Sync),
}

impl<S: Service> Call<S> {
    /// Has a command carried out. What it is answered is durable with it, and `more` is.
    pub(super) async fn carry_out(
        &self,
        command: Command,
        written: Written<'_>,
        more: Vec<(String, Vec<u8>)>,
        answer: impl Fn(&Commanded) -> Option<Kept> + Send + Sync + 'static,
    ) -> Answer {
        let Written { action, id, name } = written;
        let answer = Arc::new(answer);
        let receipt: Receipt = {
            let (answer, mut kept) = (Arc::clone(&answer), more);
            let (contract, digest) = (self.caller.holder.contract.clone(), self.caller.signature);
            Box::new(move |done| {
                let write = Write {
                    contract,
                    digest,
                    at: now(),
                    answer: answer(done),
                };
                kept.push(write.to_named());
                kept
            })
        };
        let result = self.app.service.command(command, Some(receipt)).await;
        let made = result.as_ref().ok().and_then(|done| {
            let zone = done.zone.as_ref().map(|view| view.zone.id);
            zone.or(done.key.as_ref().map(|key| key.id))
        });
        self.caller
            .holder
            .wrote(action, id.or(made), Some(name), &result);
        let done = result?;
        let kept = answer(&done);
        let kept = kept.ok_or_else(|| Problem::internal(&"a command told of nothing"))?;
        Ok(kept.told(done.key.as_deref()))
    }

    /// The zone in the path: its OCID or its name.
    pub(super) async fn zone(&self, text: &str) -> Result<ZoneView, Problem> {
        let unknown = || Problem::from(ServiceError::from(Refusal::UnknownZone));
        if is_private(&self.query)? {
            return Err(unknown());
        }
        let zone = match Ocid::id_of(Kind::Zone, text) {
            Some(id) => ZoneRef::Id(id),
            // Whatever else is no name cannot be the name of a zone that is there.
            None => ZoneRef::Name(text.parse().map_err(|_| unknown())?),
        };
        Ok(self
            .app
            .service
            .find(&self.caller.holder.contract, &zone)
            .await?)
    }

    /// What the thing to be changed is expected to be.
    pub(super) fn expected(&self) -> Result<Expected, Problem> {
        expected(&self.headers)
    }

    /// What marks a request as one, however often it comes.
    pub(super) fn retry_token(&self, request: &[u8]) -> Result<Option<RetryToken>, Problem> {
        let Some(value) = self.headers.get("opc-retry-token") else {
            return Ok(None);
        };
        let text = value.to_str().ok();
        match text.and_then(|text| RetryToken::new(text, request)) {
            Some(token) => Ok(Some(token)),
            None => Err(Problem::bad_request(format!(
                "opc-retry-token: 1 to {} characters were expected",
                RetryToken::MAX
            ))),
        }
    }

    /// Has a move made, unless it was already under the same retry token.
    pub(super) async fn once(
        &self,
        request: &[u8],
        moving: impl Future<Output = Answer>,
    ) -> Answer {
        let (contract, retries) = (&self.caller.holder.contract, &self.app.oci.retries);
        let Some(token) = self.retry_token(request)? else {
            return moving.await;
        };
        let found = retries.find(contract, &token, Instant::now());
        if let Some(answer) = found.map_err(ServiceError::from)? {
            return Ok(answer.told(None));
        }
        let response = moving.await?;
        if let Some(answer) = response.extensions().get::<Kept>() {
            retries.keep(contract, token, answer.clone(), Instant::now());
        }
        Ok(response)
    }
}
