//! What stands in the log: every write, and nothing secret.

use std::{
    collections::HashSet,
    io,
    sync::{Arc, Mutex},
};

use axum::{body::Body, http::Request};
use prometheus_client::registry::Registry;
use tower::ServiceExt;
use tracing_subscriber::fmt::MakeWriter;
use zonekit_http::{Limits, Metrics, Rehearsal, Token, Tokens, router};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(octets);
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// Sends requests with bodies and gives the lines that they left in the log.
async fn check(requests: &[(&str, &str, &str)]) -> Vec<String> {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_writer(log.clone())
        .with_ansi(false)
        .with_max_level(tracing::Level::TRACE);
    let _guard = tracing::subscriber::set_default(subscriber.finish());
    let tokens = Tokens::new([Token::from_clear("one".parse().unwrap(), "the-secret")]);
    let router = router(
        Arc::new(Rehearsal::default()),
        tokens,
        Metrics::new(Registry::default()),
        Limits::default(),
    );
    let mut ids = HashSet::new();
    for &(method, path, body) in requests {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("Authorization", "Bearer the-secret");
        let answer = router
            .clone()
            .oneshot(request.body(Body::from(body.to_owned())).unwrap())
            .await
            .unwrap();
        let id = answer.headers()["x-request-id"].to_str().unwrap();
        assert!(ids.insert(id.to_owned()), "{id} again");
    }
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(!text.contains("the-secret"), "{text}");
    let audit = text
        .lines()
        .filter(|line| line.contains("zonekit_http::audit"));
    // Each with the id that its answer has, which is another every time.
    let without_id = |line: &str| {
        let (before, rest) = line.split_once("request{id=").expect(line);
        let (id, rest) = rest.split_once("}: ").expect(line);
        assert!(ids.contains(id), "{line}");
        format!("{before}{rest}")
    };
    audit.map(without_id).collect()
}

const ZONE: &str = "/secondaryzones/9203580f-16ec-40a1-acb6-6e4c49463e65";
const BODY: &str = r#"{"properties": {"zoneName": "example.org", "primaryIps": ["192.0.2.1"]}}"#;

#[tokio::test]
async fn every_write_is_logged_with_contract_zone_and_outcome() {
    let axfr = format!("{ZONE}/axfr");
    let lines = check(&[
        ("PUT", ZONE, BODY),
        ("POST", "/secondaryzones", BODY),
        ("PUT", &axfr, ""),
        ("DELETE", ZONE, ""),
        ("DELETE", ZONE, ""),
    ])
    .await;
    let expected = [
        "INFO zonekit_http::audit: done contract=one by=token 5a900632 action=EnsureZone id=9203580f-16ec-40a1-acb6-6e4c49463e65 zone=example.org",
        "WARN zonekit_http::audit: not done contract=one by=token 5a900632 action=CreateZone zone=example.org error=the zone name example.org is already in use",
        "INFO zonekit_http::audit: done contract=one by=token 5a900632 action=TransferNow id=9203580f-16ec-40a1-acb6-6e4c49463e65",
        "INFO zonekit_http::audit: done contract=one by=token 5a900632 action=RemoveZone id=9203580f-16ec-40a1-acb6-6e4c49463e65",
        "WARN zonekit_http::audit: not done contract=one by=token 5a900632 action=RemoveZone id=9203580f-16ec-40a1-acb6-6e4c49463e65 error=there is no such zone",
    ];
    assert_eq!(lines.len(), expected.len(), "{lines:?}");
    for (line, expected) in lines.iter().zip(expected) {
        assert!(line.ends_with(expected), "{line}");
    }
}

#[tokio::test]
async fn a_write_that_comes_to_nothing_is_logged_once_too() {
    let zone = "/v1/zones/unknown.example";
    let body = r#"{"name": "transfer.example", "secret": "not base64"}"#;
    let lines = check(&[
        ("DELETE", zone, ""),
        ("PATCH", zone, "{}"),
        ("POST", &format!("{zone}/transfer"), ""),
        ("POST", "/v1/zones", "{"),
        ("POST", "/v1/keys", body),
        ("DELETE", "/v1/keys/unknown", ""),
        ("PUT", ZONE, "{}"),
        ("POST", "/v1/zones", &"x".repeat(70_000)),
    ])
    .await;
    let check = |line: usize, end: &str| assert!(lines[line].ends_with(end), "{}", lines[line]);
    let who = "WARN zonekit_http::audit: not done contract=one by=token 5a900632";
    assert_eq!(lines.len(), 8, "{lines:?}");
    assert!(lines.iter().all(|line| line.contains(who)), "{lines:?}");
    check(0, &format!("method=DELETE path=\"{zone}\" status=404"));
    check(1, &format!("method=PATCH path=\"{zone}\" status=404"));
    check(2, "path=\"/v1/zones/unknown.example/transfer\" status=404");
    check(3, "method=POST path=\"/v1/zones\" status=400");
    check(4, "path=\"/v1/keys\" status=400 member=secret");
    check(5, "path=\"/v1/keys/unknown\" status=404");
    check(6, "status=400 member=properties");
    check(7, "status=413");
    assert!(
        !lines.iter().any(|line| line.contains("base64")),
        "{lines:?}"
    );
}

#[tokio::test]
async fn reads_leave_nothing_in_the_audit() {
    assert_eq!(
        check(&[
            ("GET", "/secondaryzones", ""),
            ("GET", ZONE, ""),
            ("GET", "/quota", "")
        ])
        .await,
        [""; 0]
    );
}
