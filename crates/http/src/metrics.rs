//! Numbers for whoever watches the service.

use std::{
    fmt,
    sync::{Arc, PoisonError, RwLock, atomic::AtomicU64},
    time::{Duration, Instant},
};

use axum::{
    body::Body,
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::Response,
};
use prometheus_client::{
    encoding::{EncodeLabelSet, text},
    metrics::{counter::Counter, family::Family, histogram::Histogram},
    registry::Registry,
};

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::{
    Service,
    answer::{Answer, Problem},
    request::bearer,
    router::App,
};

/// All metrics of the service, with those of the routes among them.
#[derive(Clone, Debug)]
pub struct Metrics {
    registry: Arc<Registry>,
    requests: Family<RequestLabels, Counter<u64, AtomicU64>>,
    durations: Histogram,
}

/// Who may read `/metrics`, which tell of all contracts. Clones share it, so it can be replaced while routes run.
#[derive(Clone, Debug, Default)]
pub struct MetricsAccess(Arc<RwLock<MetricsReaders>>);

/// Who may.
#[derive(Clone, Copy, Default, Eq, PartialEq)]
pub enum MetricsReaders {
    /// Whoever can connect.
    #[default]
    Everybody,
    /// Whoever has the token with this SHA-256. The tokens of contracts are no such token.
    Bearer([u8; 32]),
    /// Nobody.
    Nobody,
}

impl MetricsAccess {
    /// For these.
    pub fn new(readers: MetricsReaders) -> Self {
        Self(Arc::new(RwLock::new(readers)))
    }

    /// From now on for these.
    pub fn replace(&self, readers: MetricsReaders) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = readers;
    }

    fn admits(&self, headers: &HeaderMap) -> bool {
        match *self.0.read().unwrap_or_else(PoisonError::into_inner) {
            MetricsReaders::Everybody => true,
            MetricsReaders::Bearer(sha256) => bearer(headers)
                .is_some_and(|token| Sha256::digest(token).as_slice().ct_eq(&sha256).into()),
            MetricsReaders::Nobody => false,
        }
    }
}

impl fmt::Debug for MetricsReaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Everybody => "Everybody",
            Self::Bearer(_) => "Bearer(..)",
            Self::Nobody => "Nobody",
        })
    }
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct RequestLabels {
    method: &'static str,
    /// The route, not the path: so that the set stays small whatever clients ask for.
    route: String,
    status: u16,
}

impl Metrics {
    /// Takes a registry that everything else has been registered in, and adds the routes' own.
    pub fn new(mut registry: Registry) -> Self {
        let requests = Family::default();
        // From a lookup in memory to a commit on a slow disk.
        let durations = Histogram::new([0.000_25, 0.001, 0.004, 0.016, 0.064, 0.25, 1.0, 4.0]);
        registry.register(
            "zonekit_http_requests",
            "Requests answered",
            requests.clone(),
        );
        registry.register(
            "zonekit_http_request_seconds",
            "Time until the answer began",
            durations.clone(),
        );
        Self {
            registry: Arc::new(registry),
            requests,
            durations,
        }
    }

    fn note(&self, method: &Method, route: String, status: u16, taken: Duration) {
        let method = match *method {
            Method::GET => "GET",
            Method::HEAD => "HEAD",
            Method::POST => "POST",
            Method::PUT => "PUT",
            Method::DELETE => "DELETE",
            _ => "other",
        };
        self.requests
            .get_or_create(&RequestLabels {
                method,
                route,
                status,
            })
            .inc();
        self.durations.observe(taken.as_secs_f64());
    }
}

/// Answers with all metrics, if whoever asks may read them.
pub(crate) async fn exposition<S: Service>(
    State(app): State<Arc<App<S>>>,
    headers: HeaderMap,
) -> Answer {
    if !app.metrics_access.admits(&headers) {
        return Err(Problem::new(
            StatusCode::UNAUTHORIZED,
            "the operator's token is needed: Authorization: Bearer <token>",
        ));
    }
    // Collecting may take a while, and wait for others.
    let registry = Arc::clone(&app.metrics.registry);
    let collecting = move || {
        let mut text = String::new();
        text::encode(&mut text, &registry).map(|()| text)
    };
    let collected = { tokio::task::spawn_blocking(collecting).await }
        .map_err(|error| Problem::internal(&error))?;
    let text = collected.map_err(|error| Problem::internal(&error))?;
    let mut response = Response::new(Body::from(text));
    let openmetrics =
        HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, openmetrics);
    Ok(response)
}

/// Counts a request and how it ended.
pub(crate) async fn observe<S: Service>(
    State(app): State<Arc<App<S>>>,
    request: Request,
    next: Next,
) -> Response {
    let began = Instant::now();
    let method = request.method().clone();
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or("none", MatchedPath::as_str)
        .to_owned();
    let response = next.run(request).await;
    app.metrics
        .note(&method, route, response.status().as_u16(), began.elapsed());
    response
}
