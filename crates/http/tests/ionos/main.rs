//! The face of IONOS Cloud DNS, called in process: one test for each thing that its clients trip over.

mod access;
mod lists;
mod requests;
mod transfers;
mod zones;

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, header};
use prometheus_client::registry::Registry;
use serde_json::{Value, json};
use tower::ServiceExt;
use zonekit_http::{Limits, Metrics, Rehearsal, Router, Token, Tokens, router};
use zonekit_model::QuotaLimits;

struct Api {
    service: Arc<Rehearsal>,
    router: Router,
}

/// An answer, read whole; the body is JSON or the test ends here.
struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Value,
}

impl Api {
    fn new() -> Self {
        Self::with(QuotaLimits::default(), Limits::default())
    }

    fn with(quota: QuotaLimits, limits: Limits) -> Self {
        let service = Arc::new(Rehearsal::new(quota));
        let tokens = ["one", "two"]
            .map(|name| Token::from_clear(name.parse().unwrap(), &format!("{name}-token")));
        let router = router(
            Arc::clone(&service),
            Tokens::new(tokens),
            Metrics::new(Registry::default()),
            limits,
        );
        Self { service, router }
    }

    async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (head, body) = response.into_parts();
        assert_eq!(
            head.headers.get(header::CONTENT_TYPE).unwrap(),
            "application/json",
            "{}",
            head.status
        );
        let body = to_bytes(body, usize::MAX).await.unwrap();
        let body: Value = serde_json::from_slice(&body).unwrap();
        if !head.status.is_success() {
            assert_eq!(body["httpStatus"], head.status.as_u16());
            assert_eq!(
                body["messages"][0]["errorCode"],
                format!("paas-dns-rest-{:04}", head.status.as_u16())
            );
            assert!(!body["messages"][0]["message"].as_str().unwrap().is_empty());
        }
        Answer {
            status: head.status.as_u16(),
            headers: head.headers,
            body,
        }
    }

    async fn call(&self, method: &str, path: &str, body: &str) -> Answer {
        self.send(
            request(method, path)
                .body(Body::from(body.to_owned()))
                .unwrap(),
        )
        .await
    }

    async fn get(&self, path: &str) -> Answer {
        self.call("GET", path, "").await
    }

    /// Makes a zone and gives its id.
    async fn create(&self, name: &str) -> String {
        let answer = self
            .call(
                "POST",
                "/secondaryzones",
                &zone(name, &["192.0.2.1"]).to_string(),
            )
            .await;
        assert_eq!(answer.status, 202, "{}", answer.body);
        answer.body["id"].as_str().unwrap().to_owned()
    }
}

fn request(method: &str, path: &str) -> axum::http::request::Builder {
    Request::builder()
        .method(method)
        .uri(path)
        .header("Authorization", "Bearer one-token")
}

fn zone(name: &str, primaries: &[&str]) -> Value {
    json!({"properties": {"zoneName": name, "description": "a zone", "primaryIps": primaries}})
}

fn message(answer: &Answer) -> &str {
    answer.body["messages"][0]["message"].as_str().unwrap()
}

fn names(answer: &Answer) -> Vec<&str> {
    answer.body["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["properties"]["zoneName"].as_str().unwrap())
        .collect()
}
