//! The face of IONOS Cloud DNS, called in process: one test for each thing that its clients trip over.

use std::{net::IpAddr, sync::Arc};

use axum::{
    body::{Body, to_bytes},
    http::{HeaderMap, Request, StatusCode, header},
};
use prometheus_client::registry::Registry;
use serde_json::{Value, json};
use tower::ServiceExt;
use zonekit_http::{Limits, Metrics, Rehearsal, Router, Token, Tokens, router};
use zonekit_model::{
    Command, DeclaredZone, Failure, PrimaryOutcome, PrimaryStatus, QuotaLimits, RecordView,
    Standing, Timestamp, TransferFigures, TransferKind, Uuid, ZoneDraft, ZoneId, ZoneStatus,
};

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

#[tokio::test]
async fn a_zone_is_made_read_changed_and_removed_with_the_documented_statuses() {
    let api = Api::new();
    let created = api
        .call(
            "POST",
            "/secondaryzones",
            &zone("Example.ORG.", &["192.0.2.1"]).to_string(),
        )
        .await;
    assert_eq!(created.status, 202);
    let id = created.body["id"].as_str().unwrap();
    let path = format!("/secondaryzones/{id}");
    assert_eq!(
        created.headers.get(header::LOCATION).unwrap(),
        path.as_str()
    );
    assert_eq!(created.body["type"], "secondaryzone");
    assert_eq!(created.body["href"], path.as_str());
    assert_eq!(created.body["metadata"]["state"], "PROVISIONING");
    assert_eq!(
        created.body["metadata"]["nameservers"],
        json!(["ns1.example.net", "ns2.example.net"])
    );
    assert_eq!(
        created.body["metadata"]["resourceURN"],
        format!("ionos:dns:local:one:secondaryzones/{id}")
    );
    assert_eq!(
        created.body["properties"],
        json!({"zoneName": "example.org", "description": "a zone", "primaryIps": ["192.0.2.1"]})
    );

    let read = api.get(&path).await;
    assert_eq!((read.status, &read.body), (200, &created.body));

    let changed = api
        .call(
            "PUT",
            &path,
            &zone("example.org", &["2001:db8::1", "192.0.2.1"]).to_string(),
        )
        .await;
    assert_eq!(changed.status, 202);
    assert_eq!(
        changed.body["properties"]["primaryIps"],
        json!(["2001:db8::1", "192.0.2.1"])
    );

    let removed = api.call("DELETE", &path, "").await;
    assert_eq!((removed.status, removed.body), (200, json!({})));
    for method in ["GET", "DELETE"] {
        assert_eq!(api.call(method, &path, "").await.status, 404);
    }
}

#[tokio::test]
async fn putting_an_unused_id_makes_the_zone_under_that_id() {
    let api = Api::new();
    let path = "/secondaryzones/9203580f-16ec-50a1-acb6-6e4c49463e65";
    let made = api
        .call(
            "PUT",
            path,
            &zone("example.org", &["192.0.2.1"]).to_string(),
        )
        .await;
    assert_eq!(
        (made.status, made.body["href"].as_str().unwrap()),
        (202, path)
    );
    assert_eq!(api.get(path).await.status, 200);
    assert_eq!(
        api.get("/secondaryzones").await.body["items"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test]
async fn dates_end_in_z_with_milliseconds() {
    let api = Api::new();
    let id = api.create("example.org").await;
    let metadata = &api.get(&format!("/secondaryzones/{id}")).await.body["metadata"];
    for member in ["createdDate", "lastModifiedDate"] {
        let date = metadata[member].as_str().unwrap();
        assert!(
            date.len() == 24 && date.ends_with('Z') && &date[19..20] == ".",
            "{date}"
        );
    }
}

#[tokio::test]
async fn description_may_be_absent_null_or_empty() {
    let api = Api::new();
    for (n, description) in [None, Some(Value::Null), Some(json!(""))]
        .into_iter()
        .enumerate()
    {
        let mut body = zone(&format!("z{n}.example"), &["192.0.2.1"]);
        let properties = body["properties"].as_object_mut().unwrap();
        properties.remove("description");
        properties.extend(description.map(|value| ("description".to_owned(), value)));
        let answer = api.call("POST", "/secondaryzones", &body.to_string()).await;
        assert_eq!(
            (answer.status, &answer.body["properties"]["description"]),
            (202, &json!(""))
        );
    }
}

#[tokio::test]
async fn an_error_names_the_member_and_what_was_expected() {
    let api = Api::new();
    let cases = [
        (
            "",
            "the body is not JSON: it goes wrong at line 1, column 0",
        ),
        (
            "{\"properties\": {",
            "the body is not JSON: it goes wrong at line 1, column 16",
        ),
        (
            "\u{feff}{}",
            "the body is not JSON: it goes wrong at line 1, column 1",
        ),
        ("[]", "the body: an object was expected, not []"),
        (
            "{}",
            "properties: an object was expected, but nothing is there",
        ),
        (
            r#"{"properties": 5}"#,
            "properties: an object was expected, not 5",
        ),
        (
            r#"{"properties": {}}"#,
            "properties.zoneName: a domain name was expected, but nothing is there",
        ),
        (
            r#"{"properties": {"zoneName": "a..b", "primaryIps": ["::1"]}}"#,
            "properties.zoneName: a domain name (name has an empty label) was expected, not \"a..b\"",
        ),
        (
            r#"{"properties": {"zoneName": "a.b", "primaryIps": []}}"#,
            "properties.primaryIps: an array of 1 to 64 addresses was expected, not []",
        ),
        (
            r#"{"properties": {"zoneName": "a.b", "primaryIps": ["192.0.2.1:53"]}}"#,
            "properties.primaryIps[0]: an IPv4 or IPv6 address was expected, not \"192.0.2.1:53\"",
        ),
        (
            r#"{"properties": {"zoneName": "a.b", "primaryIps": ["::1", 7]}}"#,
            "properties.primaryIps[1]: an IPv4 or IPv6 address was expected, not 7",
        ),
        (
            r#"{"properties": {"zoneName": "a.b", "primaryIps": ["::1", "::1"]}}"#,
            "the primary ::1 is listed twice",
        ),
        (
            r#"{"properties": {"zoneName": "a.b", "primaryIps": ["::1"], "description": []}}"#,
            "properties.description: text was expected, not []",
        ),
    ];
    for (body, expected) in cases {
        let answer = api.call("POST", "/secondaryzones", body).await;
        assert_eq!((answer.status, message(&answer)), (400, expected), "{body}");
    }
    let octets = request("POST", "/secondaryzones")
        .body(Body::from(&b"{\"a\": \"\xff\xfe\"}"[..]))
        .unwrap();
    assert_eq!(api.send(octets).await.status, 400);
    assert_eq!(api.get("/secondaryzones").await.body["items"], json!([]));
}

#[tokio::test]
async fn members_that_the_service_sets_and_unknown_ones_are_ignored() {
    let api = Api::new();
    let mut body = zone("example.org", &["192.0.2.1"]);
    body["id"] = json!(5);
    body["metadata"] = json!("x");
    body["properties"]["more"] = json!([]);
    assert_eq!(
        api.call("POST", "/secondaryzones", &body.to_string())
            .await
            .status,
        202
    );
}

#[tokio::test]
async fn a_name_in_use_is_a_conflict_that_does_not_tell_by_whom() {
    let api = Api::new();
    api.create("example.org").await;
    let again = api
        .call(
            "POST",
            "/secondaryzones",
            &zone("EXAMPLE.org.", &["192.0.2.1"]).to_string(),
        )
        .await;
    assert_eq!(again.status, 409);
    let other = Request::post("/secondaryzones").header("Authorization", "bearer two-token");
    let other = api
        .send(
            other
                .body(zone("example.org", &["192.0.2.1"]).to_string().into())
                .unwrap(),
        )
        .await;
    assert_eq!((other.status, message(&other)), (409, message(&again)));
}

#[tokio::test]
async fn a_zone_keeps_its_name() {
    let api = Api::new();
    let id = api.create("example.org").await;
    let path = format!("/secondaryzones/{id}");
    let renamed = api
        .call(
            "PUT",
            &path,
            &zone("example.net", &["192.0.2.1"]).to_string(),
        )
        .await;
    assert_eq!(renamed.status, 400);
    assert!(message(&renamed).starts_with("zoneName:"));
}

#[tokio::test]
async fn another_contracts_zone_cannot_be_told_from_none() {
    let api = Api::new();
    let id = api.create("example.org").await;
    let unused = Uuid::from_u128(5).to_string();
    for (method, tail) in [
        ("GET", ""),
        ("DELETE", ""),
        ("GET", "/records"),
        ("GET", "/axfr"),
        ("PUT", "/axfr"),
    ] {
        let mut answers = Vec::new();
        for id in [&id, &unused] {
            let request = Request::builder()
                .method(method)
                .uri(format!("/secondaryzones/{id}{tail}"));
            let request = request
                .header("Authorization", "Bearer two-token")
                .body(Body::empty())
                .unwrap();
            let answer = api.send(request).await;
            answers.push((answer.status, answer.body));
        }
        assert_eq!(answers[0].0, 404);
        assert_eq!(answers[0], answers[1], "{method} {tail}");
    }
    let list = Request::get("/secondaryzones").header("Authorization", "Bearer two-token");
    assert_eq!(
        api.send(list.body(Body::empty()).unwrap()).await.body["items"],
        json!([])
    );
}

#[tokio::test]
async fn without_a_right_token_everything_is_401() {
    let api = Api::new();
    let wrong = [
        "",
        "Bearer",
        "Bearer ",
        "Bearer wrong",
        "Basic b25lLXRva2Vu",
        "one-token",
        "Bearer one-token x",
    ];
    for path in [
        "/secondaryzones",
        "/secondaryzones/x",
        "/secondaryzones/x/axfr",
        "/quota",
    ] {
        let none = api
            .send(Request::get(path).body(Body::empty()).unwrap())
            .await;
        assert_eq!(
            (
                none.status,
                none.headers
                    .get(header::WWW_AUTHENTICATE)
                    .unwrap()
                    .as_bytes()
            ),
            (401, &b"Bearer"[..])
        );
        for value in wrong {
            let request = Request::get(path)
                .header("Authorization", value)
                .body(Body::empty())
                .unwrap();
            assert_eq!(api.send(request).await.status, 401, "{value}");
        }
    }
    let twice = request("GET", "/quota").header("Authorization", "Bearer one-token");
    assert_eq!(
        api.send(twice.body(Body::empty()).unwrap()).await.status,
        401
    );
    let lower = Request::get("/quota")
        .header("Authorization", "bearer one-token")
        .body(Body::empty())
        .unwrap();
    assert_eq!(api.send(lower).await.status, 200);
}

#[tokio::test]
async fn without_configured_tokens_only_health_and_metrics_are_served() {
    let service = Arc::new(Rehearsal::default());
    let router = router(
        service,
        Tokens::default(),
        Metrics::new(Registry::default()),
        Limits::default(),
    );
    for (path, status) in [
        ("/healthz", 200),
        ("/readyz", 200),
        ("/metrics", 200),
        ("/quota", 401),
    ] {
        let request = Request::get(path)
            .header("Authorization", "Bearer x")
            .body(Body::empty())
            .unwrap();
        assert_eq!(
            router.clone().oneshot(request).await.unwrap().status(),
            status,
            "{path}"
        );
    }
}

#[tokio::test]
async fn parameters_that_do_not_belong_are_ignored_everywhere() {
    let api = Api::new();
    let every = "?depth=1&limit=0&offset=-1&order-by=x&filter.state=none";
    let body = zone("example.org", &["192.0.2.1"]).to_string();
    let made = api
        .call("POST", &format!("/secondaryzones{every}"), &body)
        .await;
    assert_eq!(made.status, 202);
    let path = format!("/secondaryzones/{}", made.body["id"].as_str().unwrap());
    assert_eq!(api.get(&format!("{path}{every}")).await.status, 200);
    assert_eq!(
        api.call("PUT", &format!("{path}{every}"), &body)
            .await
            .status,
        202
    );
    assert_eq!(api.get(&format!("{path}/axfr{every}")).await.status, 200);
    assert_eq!(
        api.call("PUT", &format!("{path}/axfr{every}"), "")
            .await
            .status,
        200
    );
    assert_eq!(api.get(&format!("/quota{every}")).await.status, 200);
    assert_eq!(
        api.get(&format!(
            "{path}/records?depth=1&filter.state=none&limit=50"
        ))
        .await
        .status,
        200
    );
    assert_eq!(
        api.get("/secondaryzones?depth=1&limit=50&offset=0&%zz")
            .await
            .status,
        200
    );
    assert_eq!(
        api.call("DELETE", &format!("{path}{every}"), "")
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn pages_link_to_each_other_and_keep_their_filters() {
    let api = Api::new();
    for n in 0..5 {
        api.create(&format!("z{n}.example")).await;
    }
    let first = api
        .get("/secondaryzones?filter.zoneName=example&limit=2")
        .await
        .body;
    assert_eq!(
        (&first["type"], &first["offset"], &first["limit"]),
        (&json!("collection"), &json!(0), &json!(2))
    );
    assert!(first["id"].as_str().unwrap().parse::<Uuid>().is_ok());
    let links = first["_links"].as_object().unwrap();
    assert!(!links.contains_key("prev"));
    assert_eq!(
        links["self"],
        "/secondaryzones?filter.zoneName=example&limit=2&offset=0"
    );

    let mut seen = Vec::new();
    let mut next = Some("/secondaryzones?filter.zoneName=example&limit=2".to_owned());
    while let Some(path) = next {
        let page = api.get(&path).await;
        seen.extend(names(&page).into_iter().map(str::to_owned));
        next = page.body["_links"]["next"].as_str().map(str::to_owned);
    }
    assert_eq!(
        seen,
        [
            "z0.example",
            "z1.example",
            "z2.example",
            "z3.example",
            "z4.example"
        ]
    );

    let last = api.get("/secondaryzones?offset=3").await.body;
    assert_eq!(
        (&last["limit"], last["items"].as_array().unwrap().len()),
        (&json!(100), 2)
    );
    assert_eq!(last["_links"]["prev"], "/secondaryzones?limit=100&offset=0");
    assert!(last["_links"].get("next").is_none());
    assert_eq!(
        api.get("/secondaryzones?offset=18446744073709551615")
            .await
            .body["items"],
        json!([])
    );
}

#[tokio::test]
async fn offset_limit_and_state_outside_their_ranges_are_400() {
    let api = Api::new();
    let id = api.create("example.org").await;
    for list in [
        "/secondaryzones".to_owned(),
        format!("/secondaryzones/{id}/records"),
    ] {
        for query in [
            "limit=0",
            "limit=1001",
            "limit=-1",
            "limit=",
            "limit=%2B5",
            "limit=1.0",
            "limit=99999999999999999999999",
            "offset=-1",
            "offset=x",
            "offset=18446744073709551616",
        ] {
            let answer = api.get(&format!("{list}?{query}")).await;
            assert_eq!(answer.status, 400, "{list}?{query}");
            assert!(message(&answer).starts_with(query.split('=').next().unwrap()));
        }
        for query in ["limit=1", "limit=1000", "offset=0", "offset=7"] {
            assert_eq!(api.get(&format!("{list}?{query}")).await.status, 200);
        }
    }
    for state in ["available", "GONE", ""] {
        assert_eq!(
            api.get(&format!("/secondaryzones?filter.state={state}"))
                .await
                .status,
            400
        );
    }
}

#[tokio::test]
async fn the_exact_name_comes_first_when_a_name_is_looked_for() {
    let api = Api::new();
    for name in ["www.example.org", "example.org", "other.test"] {
        api.create(name).await;
    }
    let found = api
        .get("/secondaryzones?depth=1&filter.zoneName=example.org&limit=1&offset=0")
        .await;
    assert_eq!(names(&found), ["example.org"]);
    assert!(found.body["_links"]["next"].is_string());
    let all = api.get("/secondaryzones?filter.zoneName=EXAMPLE.org").await;
    assert_eq!(names(&all), ["example.org", "www.example.org"]);
    assert_eq!(
        names(&api.get("/secondaryzones?filter.zoneName=nothing").await),
        Vec::<&str>::new()
    );
}

#[tokio::test]
async fn zones_are_found_by_state() {
    let api = Api::new();
    let id = api.create("a.example").await;
    api.create("b.example").await;
    let status = ZoneStatus {
        standing: Standing::Current,
        ..ZoneStatus::default()
    };
    api.service.hold(
        ZoneId::new(&"one".parse().unwrap(), id.parse().unwrap()),
        status,
        Vec::new(),
    );
    assert_eq!(
        names(&api.get("/secondaryzones?filter.state=AVAILABLE").await),
        ["a.example"]
    );
    assert_eq!(
        names(&api.get("/secondaryzones?filter.state=PROVISIONING").await),
        ["b.example"]
    );
    assert_eq!(
        names(&api.get("/secondaryzones?filter.state=FAILED").await),
        Vec::<&str>::new()
    );
}

fn record(owner: &str, rtype: &str, rdata: &str) -> RecordView {
    RecordView {
        owner: owner.into(),
        rtype: rtype.parse().unwrap(),
        ttl: 3600,
        rdata: rdata.into(),
    }
}

#[tokio::test]
async fn records_are_shown_with_relative_names_and_the_soa_first() {
    let api = Api::new();
    let id = api.create("example.org").await;
    let path = format!("/secondaryzones/{id}/records");
    assert_eq!(api.get(&path).await.body["items"], json!([]));

    let records = vec![
        record(
            "example.org.",
            "SOA",
            "ns.example.org. host.example.org. 7 300 60 3600 30",
        ),
        record("example.org.", "MX", "10 mail.example.org."),
        record("www.example.org.", "A", "192.0.2.80"),
    ];
    let zone = ZoneId::new(&"one".parse().unwrap(), id.parse().unwrap());
    api.service.hold(zone, ZoneStatus::default(), records);
    let all = api.get(&path).await.body;
    assert_eq!(
        (&all["id"], &all["metadata"]),
        (&json!(id), &json!({"primaryIps": ["192.0.2.1"]}))
    );
    assert_eq!(
        all["items"][0],
        json!({
            "type": "record",
            "metadata": {"fqdn": "example.org", "zoneId": id, "rootName": "example.org"},
            "properties": {
                "name": "", "type": "SOA", "content": "ns.example.org host.example.org 7 300 60 3600 30",
                "ttl": 3600, "priority": 0, "enabled": true,
            },
        })
    );
    assert_eq!(all["items"][1]["properties"]["priority"], 10);
    assert_eq!(all["items"][1]["properties"]["content"], "mail.example.org");
    assert_eq!(all["items"][2]["properties"]["name"], "www");

    let page = api.get(&format!("{path}?offset=1&limit=1")).await.body;
    assert_eq!(page["items"].as_array().unwrap().len(), 1);
    assert_eq!(page["_links"]["next"], format!("{path}?limit=1&offset=2"));
    assert_eq!(page["_links"]["prev"], format!("{path}?limit=1&offset=0"));
    assert_eq!(api.get("/quota").await.body["quotaUsage"]["records"], 3);
}

#[tokio::test]
async fn transfer_status_has_one_item_for_each_primary_in_order() {
    let api = Api::new();
    let body = zone("example.org", &["192.0.2.9", "2001:db8::1", "192.0.2.1"]).to_string();
    let made = api.call("POST", "/secondaryzones", &body).await.body;
    let id = made["id"].as_str().unwrap();
    let path = format!("/secondaryzones/{id}/axfr");
    let before = api.get(&path).await;
    assert_eq!(
        (before.status, &before.body["type"]),
        (200, &json!("collection"))
    );
    for item in before.body["items"].as_array().unwrap() {
        assert_eq!(item["status"], "PENDING");
    }

    let at = |text: &str| (text.parse::<IpAddr>().unwrap(), 53).into();
    let status = ZoneStatus {
        serial: Some(7),
        next_try: Some(Timestamp(1_691_144_492_250)),
        primaries: vec![
            PrimaryStatus {
                outcome: PrimaryOutcome::Ok,
                serial: Some(7),
                transfer: Some(TransferFigures {
                    kind: TransferKind::Ixfr,
                    serial: 7,
                    at: Timestamp(1),
                    octets: 512,
                    messages: 1,
                    records: 4,
                    duration: 3,
                }),
                ..PrimaryStatus::pending(at("192.0.2.9"))
            },
            PrimaryStatus {
                outcome: PrimaryOutcome::InProgress,
                ..PrimaryStatus::pending(at("2001:db8::1"))
            },
            PrimaryStatus {
                outcome: PrimaryOutcome::Error,
                failure: Some(Failure {
                    kind: "BADKEY".into(),
                    text: "the primary does not know the key".into(),
                }),
                ..PrimaryStatus::pending(at("192.0.2.1"))
            },
        ],
        ..ZoneStatus::default()
    };
    api.service.hold(
        ZoneId::new(&"one".parse().unwrap(), id.parse().unwrap()),
        status,
        Vec::new(),
    );
    let after = api.get(&path).await.body;
    let items = after["items"].as_array().unwrap();
    let shown: Vec<_> = items
        .iter()
        .map(|item| [&item["primaryIp"], &item["status"], &item["errorMessage"]])
        .collect();
    assert_eq!(shown[0], [&json!("192.0.2.9"), &json!("OK"), &json!("")]);
    assert_eq!(
        shown[1],
        [
            &json!("2001:db8::1"),
            &json!("IN_PROGRESS"),
            &json!("being asked now")
        ]
    );
    assert_eq!(
        shown[2],
        [
            &json!("192.0.2.1"),
            &json!("ERROR"),
            &json!("BADKEY: the primary does not know the key")
        ]
    );
    assert_eq!(
        (&items[0]["kind"], &items[0]["octets"], &items[0]["serial"]),
        (&json!("IXFR"), &json!(512), &json!(7))
    );
    assert_eq!(items[2]["errorKind"], "BADKEY");
    assert_eq!(after["metadata"]["nextTry"], "2023-08-04T10:21:32.250Z");
}

#[tokio::test]
async fn a_transfer_is_ordered_with_or_without_a_body() {
    let api = Api::new();
    let id = api.create("example.org").await;
    let path = format!("/secondaryzones/{id}/axfr");
    for body in ["", "{}", "not json"] {
        let answer = api.call("PUT", &path, body).await;
        assert_eq!((answer.status, answer.body), (200, json!({})));
    }
    assert_eq!(api.service.orders(), 3);
}

#[tokio::test]
async fn quota_is_told_in_integers_and_kept() {
    let api = Api::with(
        QuotaLimits {
            secondary_zones: 1,
            records: u64::MAX,
            ..QuotaLimits::default()
        },
        Limits::default(),
    );
    api.create("example.org").await;
    let quota = api.get("/quota").await.body;
    assert_eq!(
        quota,
        json!({
            "quotaLimits": {"zones": 0, "secondaryZones": 1, "records": 2_147_483_647, "reverseRecords": 0},
            "quotaUsage": {"zones": 0, "secondaryZones": 1, "records": 0, "reverseRecords": 0},
        })
    );
    let second = api
        .call(
            "POST",
            "/secondaryzones",
            &zone("example.net", &["192.0.2.1"]).to_string(),
        )
        .await;
    assert_eq!(second.status, 403);
}

#[tokio::test]
async fn a_declared_zone_is_shown_but_cannot_be_written() {
    let api = Api::new();
    let id = Uuid::from_u128(9);
    let draft = ZoneDraft::at_addresses(
        "example.org".parse().unwrap(),
        [IpAddr::from([192, 0, 2, 1])],
    );
    let declared = DeclaredZone {
        contract: "one".parse().ok(),
        id,
        draft,
    };
    api.service
        .run(Command::Declare {
            zones: vec![declared],
            keys: vec![],
        })
        .unwrap();
    let path = format!("/secondaryzones/{id}");
    assert_eq!(api.get(&path).await.status, 200);
    assert_eq!(api.call("DELETE", &path, "").await.status, 409);
    let put = api
        .call(
            "PUT",
            &path,
            &zone("example.org", &["192.0.2.2"]).to_string(),
        )
        .await;
    assert_eq!(put.status, 409);
    assert_eq!(
        api.call("PUT", &format!("{path}/axfr"), "").await.status,
        200
    );
}

#[tokio::test]
async fn what_is_not_there_is_told_in_json() {
    let api = Api::new();
    let id = Uuid::from_u128(5);
    for path in [
        "/",
        "/nothing",
        "/secondaryzones/",
        &format!("/zones/{id}?depth=1"),
        &format!("/secondaryzones/{id}/x"),
    ] {
        assert_eq!(api.get(path).await.status, 404, "{path}");
    }
    for path in [
        "/secondaryzones/1",
        "/secondaryzones/%ff",
        "/secondaryzones/00000000000000000000000000000005",
    ] {
        assert_eq!(api.get(path).await.status, 400, "{path}");
    }
    let upper = format!(
        "/secondaryzones/{}",
        api.create("example.org").await.to_uppercase()
    );
    assert_eq!(api.get(&upper).await.status, 200);
}

#[tokio::test]
async fn a_method_that_a_path_does_not_know_is_405_with_the_ones_it_knows() {
    let api = Api::new();
    for (method, path, allow) in [
        ("DELETE", "/secondaryzones", "GET,HEAD,POST"),
        ("PATCH", "/secondaryzones/x", "GET,HEAD,PUT,DELETE"),
        ("POST", "/quota", "GET,HEAD"),
        ("POST", "/healthz", "GET,HEAD"),
    ] {
        let answer = api.call(method, path, "").await;
        assert_eq!(
            (
                answer.status,
                answer.headers.get(header::ALLOW).unwrap().as_bytes()
            ),
            (405, allow.as_bytes())
        );
    }
}

#[tokio::test]
async fn a_body_too_large_is_413_whether_announced_or_not() {
    let api = Api::with(
        QuotaLimits::default(),
        Limits {
            body: 1_000,
            ..Limits::default()
        },
    );
    let long = format!("{:1001}", zone("example.org", &["192.0.2.1"]).to_string());
    let announced = request("POST", "/secondaryzones").header("Content-Length", "1001");
    assert_eq!(
        api.send(announced.body(long.clone().into()).unwrap())
            .await
            .status,
        413
    );
    assert_eq!(api.call("POST", "/secondaryzones", &long).await.status, 413);
    assert_eq!(
        api.call("POST", "/secondaryzones", &long[..1_000])
            .await
            .status,
        202
    );
}

#[tokio::test]
async fn health_readiness_and_metrics_need_no_token() {
    let api = Api::new();
    for path in ["/healthz", "/readyz"] {
        assert_eq!(
            api.send(Request::get(path).body(Body::empty()).unwrap())
                .await
                .status,
            200
        );
    }
    api.get("/quota?x=secret").await;
    api.get("/nothing").await;
    let request = Request::get("/metrics").body(Body::empty()).unwrap();
    let response = api.router.clone().oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let text = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    let text = std::str::from_utf8(&text).unwrap();
    assert!(
        text.contains(r#"zonekit_http_requests_total{method="GET",route="/quota",status="200"} 1"#),
        "{text}"
    );
    assert!(text.contains(r#"route="none",status="404"} 1"#) && text.ends_with("# EOF\n"));
}

#[tokio::test]
async fn metrics_are_for_whom_they_are_meant() {
    use zonekit_http::{Access, MetricsAccess, MetricsReaders};
    let access = Access {
        tokens: Tokens::new([Token::from_clear("one".parse().unwrap(), "tenant")]),
        metrics: MetricsAccess::default(),
        ..Access::default()
    };
    let router = router(
        Arc::new(Rehearsal::default()),
        access.clone(),
        Metrics::new(Registry::default()),
        Limits::default(),
    );
    let check = async |token: &str| {
        let request = Request::get("/metrics").header("Authorization", format!("Bearer {token}"));
        let answer = router.clone().oneshot(request.body(Body::empty()).unwrap());
        answer.await.unwrap().status().as_u16()
    };
    assert_eq!(check("tenant").await, 200);
    // printf operator | sha256sum
    let sha256 = "06e55b633481f7bb072957eabcf110c972e86691c3cfedabe088024bffe42f23";
    let octets = { sha256.as_bytes().as_chunks::<2>().0.iter() }
        .map(|digits| u8::from_str_radix(std::str::from_utf8(digits).unwrap(), 16).unwrap());
    let sha256: [u8; 32] = octets.collect::<Vec<_>>().try_into().unwrap();
    access.metrics.replace(MetricsReaders::Bearer(sha256));
    assert_eq!(check("operator").await, 200);
    assert_eq!(check("tenant").await, 401);
    assert_eq!(check("").await, 401);
    access.metrics.replace(MetricsReaders::Nobody);
    assert_eq!(check("operator").await, 401);
    assert!(!format!("{:?}", MetricsReaders::Bearer(sha256)).contains(&sha256[0].to_string()));
}
