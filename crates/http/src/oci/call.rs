//! A request, as the routes of this face want it.

use std::sync::Arc;

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, request::Parts},
};
use zonekit_model::{
    Expected, Refusal,
    oci::{Kind, Ocid},
};

use super::caller::{Caller, is_private};
use crate::{
    Service, ServiceError, ZoneRef, ZoneView, answer::Problem, conditions::expected,
    request::Query, router::App,
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

impl<S: Service> Call<S> {
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
        Ok(self.app.service.find(&self.caller.contract, &zone).await?)
    }

    /// What the thing to be changed is expected to be.
    pub(super) fn expected(&self) -> Result<Expected, Problem> {
        expected(&self.headers)
    }
}
