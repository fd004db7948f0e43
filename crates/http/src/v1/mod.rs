//! Our own face: what neither vendor's API can say.
//!
//! | path | what |
//! |---|---|
//! | `/v1/service` | addresses to allow and to notify, name servers, quota |
//! | `/v1/zones` | many zones with their status, by trouble, in pages that stay put |
//! | `/v1/zones/{zone}` | one zone, by its id or its name; below it `/history`, `/records`, `/export`, `/versions`, `/difference`, `/delegation` |
//! | `/v1/keys` | TSIG keys, made here if no secret is given |
//! | `/v1/events` | what happens to zones, as it happens: server-sent events |
//! | `/v1/openapi.json` | the document of all this, made from the code; needs no token |

mod body;
mod delegation;
mod document;
mod events;
mod keys;
mod query;
mod records;
mod service;
mod shape;
mod words;
mod zones;

use std::{fmt::Display, sync::Arc};

use axum::{
    Router,
    extract::{FromRequestParts, Path},
    http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts},
    middleware,
    response::Response,
    routing::{get, post},
};
use zonekit_model::{Command, Expected, Refusal, Uuid};

pub(crate) use self::shape::Error;
use crate::{
    Commanded, Service, ServiceError, ZoneRef, ZoneView,
    answer::Problem,
    audit::{Action, Holder},
    conditions::expected,
    request::{Query, Tenant, authenticate},
    router::App,
};

/// Where the paths of this face begin.
pub(crate) const ROOT: &str = "/v1";

/// The routes, closed to whoever has no token; only the document is open.
pub(crate) fn routes<S: Service>(app: &Arc<App<S>>) -> Router<Arc<App<S>>> {
    Router::new()
        .route("/v1/service", get(service::read::<S>))
        .route("/v1/zones", get(zones::list::<S>).post(zones::create::<S>))
        .route(
            "/v1/zones/{zone}",
            get(zones::read::<S>)
                .patch(zones::change::<S>)
                .delete(zones::remove::<S>),
        )
        .route("/v1/zones/{zone}/transfer", post(zones::transfer::<S>))
        .route("/v1/zones/{zone}/delegation", post(delegation::check::<S>))
        .route("/v1/zones/{zone}/history", get(zones::history::<S>))
        .route("/v1/zones/{zone}/records", get(records::list::<S>))
        .route("/v1/zones/{zone}/export", get(records::export::<S>))
        .route("/v1/zones/{zone}/versions", get(records::versions::<S>))
        .route("/v1/zones/{zone}/difference", get(records::difference::<S>))
        .route("/v1/events", get(events::stream::<S>))
        .route("/v1/keys", get(keys::list::<S>).post(keys::create::<S>))
        .route(
            "/v1/keys/{key}",
            get(keys::read::<S>).delete(keys::remove::<S>),
        )
        .route_layer(middleware::from_fn_with_state(
            Arc::clone(app),
            authenticate::<S>,
        ))
        .route("/v1/openapi.json", get(document::read))
}

/// The word for an error of that status.
pub(crate) fn error_code(status: StatusCode) -> &'static str {
    match status {
        StatusCode::BAD_REQUEST => "invalid",
        StatusCode::UNAUTHORIZED => "unauthenticated",
        StatusCode::FORBIDDEN => "quota_exceeded",
        StatusCode::NOT_FOUND => "not_found",
        StatusCode::METHOD_NOT_ALLOWED => "method_not_allowed",
        StatusCode::REQUEST_TIMEOUT | StatusCode::GATEWAY_TIMEOUT => "timeout",
        StatusCode::CONFLICT => "conflict",
        StatusCode::PRECONDITION_FAILED => "changed",
        StatusCode::PAYLOAD_TOO_LARGE => "too_large",
        StatusCode::TOO_MANY_REQUESTS => "too_many",
        StatusCode::SERVICE_UNAVAILABLE => "unavailable",
        _ => "internal",
    }
}

/// A request, as the routes of this face want it: what is asked, by whom, and of which service; the path aside.
struct Call<S> {
    app: Arc<App<S>>,
    holder: Holder,
    query: Query,
    headers: HeaderMap,
}

impl<S: Service> FromRequestParts<Arc<App<S>>> for Call<S> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App<S>>) -> Result<Self, Problem> {
        let Tenant(holder) = Tenant::from_request_parts(parts, app).await?;
        Ok(Self {
            app: Arc::clone(app),
            holder,
            query: Query::of(&parts.uri)?,
            headers: parts.headers.clone(),
        })
    }
}

/// What stands in the path for a zone or a key.
struct Named(String);

impl<S: Send + Sync> FromRequestParts<S> for Named {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Path::<String>::from_request_parts(parts, state).await {
            Ok(Path(text)) => Ok(Self(text)),
            // Octets that are no text name nothing.
            Err(_) => Err(ServiceError::from(Refusal::UnknownZone).into()),
        }
    }
}

impl<S: Service> Call<S> {
    /// The zone that is meant: by its id, or else by its name.
    async fn zone(&self, Named(text): &Named) -> Result<ZoneView, Problem> {
        let zone = match uuid(text) {
            Some(id) => ZoneRef::Id(id),
            // Whatever is no name cannot be the name of a zone that is there.
            None => {
                let name = text.parse();
                ZoneRef::Name(name.map_err(|_| ServiceError::from(Refusal::UnknownZone))?)
            }
        };
        Ok(self.app.service.find(&self.holder.contract, &zone).await?)
    }
}

impl<S: Service> Call<S> {
    /// Has a command carried out that is about the thing of this id and name, and says so in the log.
    async fn carry_out(
        &self,
        command: Command,
        action: Action,
        id: Option<Uuid>,
        name: &(dyn Display + Sync),
    ) -> Result<Commanded, Problem> {
        let result = self.app.service.command(command, None).await;
        // What is made has its id from then on.
        let made = result.as_ref().ok().and_then(|about| about.key.as_ref());
        let id = id.or(made.map(|key| key.id));
        self.holder.wrote(action, id, Some(name), &result);
        Ok(result?)
    }
}

/// The same answer with where the thing that was made is.
fn located(mut response: Response, path: String) -> Response {
    if let Ok(location) = HeaderValue::try_from(path) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}

impl<S> Call<S> {
    /// What the thing to be changed is expected to be.
    fn expected(&self) -> Result<Expected, Problem> {
        expected(&self.headers)
    }
}

/// An id in its canonical form: others would be second names for the same thing.
fn uuid(text: &str) -> Option<Uuid> {
    let id = (text.len() == 36).then(|| Uuid::try_parse(text).ok())??;
    Some(id)
}
