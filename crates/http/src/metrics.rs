//! Numbers for whoever watches the service.

use std::{
    sync::{Arc, atomic::AtomicU64},
    time::{Duration, Instant},
};

use axum::{
    body::Body,
    extract::{MatchedPath, Request, State},
    http::{HeaderValue, Method, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use prometheus_client::{
    encoding::{EncodeLabelSet, text},
    metrics::{counter::Counter, family::Family, histogram::Histogram},
    registry::Registry,
};

use crate::{Service, answer::Problem, router::App};

/// All metrics of the service, with those of the routes among them.
#[derive(Clone, Debug)]
pub struct Metrics {
    registry: Arc<Registry>,
    requests: Family<RequestLabels, Counter<u64, AtomicU64>>,
    durations: Histogram,
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

/// Answers with all metrics.
pub(crate) async fn exposition<S: Service>(State(app): State<Arc<App<S>>>) -> Response {
    let mut text = String::new();
    if let Err(error) = text::encode(&mut text, &app.metrics.registry) {
        return Problem::internal(&error).into_response();
    }
    let mut response = Response::new(Body::from(text));
    let openmetrics =
        HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, openmetrics);
    response
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
