//! All routes put together, with what holds for every one of them.

use std::{any::Any, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{Request, State},
    http::StatusCode,
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::json;
use tower_http::catch_panic::CatchPanicLayer;
use zonekit_model::Contract;

use crate::{
    Content, Metrics, MetricsAccess, OciKeys, Readiness, Service, Shares, Tokens,
    answer::{self, Answer, Problem},
    console, dress, ionos, metrics,
    oci::{self, Face},
    pieces::in_pieces,
    v1,
};

/// How much clients may ask of the service.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    /// Octets of a body.
    pub body: usize,
    /// Time from the end of a request's head to the beginning of its answer.
    pub time: Duration,
    /// Time for the head of a request to arrive; a connection that is idle for so long is closed, too.
    pub head: Duration,
    /// Time for a piece of an answer, of 16 KiB or the rest of it, to be taken; then its connection is closed.
    pub write: Duration,
    /// Connections open at once; more wait to be accepted.
    pub connections: usize,
    /// The same for one client, an IPv4 address or an IPv6 network of 64 bits; more are closed at once.
    pub connections_per_client: usize,
    /// Exports of zones and differences that one contract may be taking at once; more get a 429.
    pub exports_per_contract: usize,
}

impl Default for Limits {
    /// 64 KiB, 10 seconds, 30 seconds, 30 seconds, 1,024, 256 and 16.
    fn default() -> Self {
        Self {
            body: 64 * 1024,
            time: Duration::from_secs(10),
            head: Duration::from_secs(30),
            write: Duration::from_secs(30),
            connections: 1_024,
            connections_per_client: 256,
            exports_per_contract: 16,
        }
    }
}

/// What the routes share.
pub(crate) struct App<S> {
    pub(crate) service: Arc<S>,
    pub(crate) tokens: Tokens,
    pub(crate) metrics: Metrics,
    pub(crate) metrics_access: MetricsAccess,
    pub(crate) limits: Limits,
    pub(crate) oci: Face,
    /// Of answers that come in pieces.
    exports: Shares<Contract>,
}

impl<S> App<S> {
    /// An answer of that content type, one of so many that the contract may be taking at a time.
    pub(crate) fn export(
        &self,
        contract: &Contract,
        content_type: &'static str,
        content: Content,
    ) -> Answer {
        let share = self.exports.take(contract.clone()).ok_or_else(|| {
            Problem::new(
                StatusCode::TOO_MANY_REQUESTS,
                "there are as many exports under way as a contract may have",
            )
        })?;
        Ok(in_pieces(content_type, content.pieces, share))
    }
}

/// Who may use the API: bearers of tokens its IONOS face and our own, holders of keys its OCI face; and who its metrics.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// The tokens.
    pub tokens: Tokens,
    /// The keys.
    pub oci_keys: OciKeys,
    /// Who may read the metrics.
    pub metrics: MetricsAccess,
}

impl From<Tokens> for Access {
    fn from(tokens: Tokens) -> Self {
        Self {
            tokens,
            ..Self::default()
        }
    }
}

/// All routes of a service.
///
/// Without a token or key in `access` nothing but health, readiness, metrics, the OpenAPI document and the console's
/// files can be had.
pub fn router<S: Service>(
    service: Arc<S>,
    access: impl Into<Access>,
    metrics: Metrics,
    limits: Limits,
) -> Router {
    let Access {
        tokens,
        oci_keys,
        metrics: metrics_access,
    } = access.into();
    let oci = Face::new(oci_keys, &*service);
    let app = Arc::new(App {
        service,
        tokens,
        metrics,
        metrics_access,
        limits,
        oci,
        exports: Shares::new(limits.exports_per_contract, usize::MAX),
    });
    Router::new()
        .merge(ionos::routes(&app))
        .merge(oci::routes(&app))
        .merge(v1::routes(&app))
        .merge(console::routes())
        .route("/healthz", get(health))
        .route("/readyz", get(readiness::<S>))
        .route("/metrics", get(metrics::exposition::<S>))
        .fallback(no_such_path)
        .method_not_allowed_fallback(no_such_method)
        .layer(CatchPanicLayer::custom(panicked))
        .layer(middleware::from_fn_with_state(
            Arc::clone(&app),
            in_time::<S>,
        ))
        .layer(middleware::from_fn(dress::dress))
        .layer(middleware::from_fn_with_state(
            Arc::clone(&app),
            metrics::observe::<S>,
        ))
        .with_state(app)
}

async fn health() -> Response {
    answer::json(StatusCode::OK, &json!({"status": "alive"}))
}

async fn readiness<S: Service>(State(app): State<Arc<App<S>>>) -> Response {
    match app.service.readiness() {
        Readiness::Ready => answer::json(StatusCode::OK, &json!({"status": "ready"})),
        Readiness::Waiting(why) => {
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, why).into_response()
        }
    }
}

async fn no_such_path() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "there is nothing at this path").with_code("NotFound")
}

async fn no_such_method() -> Problem {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "this path does not know the method",
    )
}

/// Ends a request that takes too long. A write that is under way is not undone by that.
async fn in_time<S: Service>(
    State(app): State<Arc<App<S>>>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    tokio::time::timeout(app.limits.time, next.run(request))
        .await
        .map_err(|_| {
            Problem::new(
                StatusCode::GATEWAY_TIMEOUT,
                "the service took too long; what was asked for may still happen",
            )
        })
}

fn panicked(panic: Box<dyn Any + Send>) -> Response {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    Problem::internal(&text.unwrap_or("a panic without words")).into_response()
}
