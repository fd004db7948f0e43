//! Our own face, called in process.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    body::{Body, to_bytes},
    http::{HeaderMap, Request},
};
use prometheus_client::registry::Registry;
use serde_json::{Value, json};
use tower::ServiceExt;
use zonekit_http::{Limits, Metrics, Rehearsal, Router, Token, Tokens, router};
use zonekit_model::{
    Command, Contract, Failure, Labels, PrimaryOutcome, PrimaryStatus, QuotaLimits, RecordView,
    Standing, Timestamp, TransferFigures, TransferKind, Uuid, VisitCause, VisitOutcome,
    VisitRecord, ZoneDraft, ZoneId, ZoneStatus,
};

struct Api {
    service: Arc<Rehearsal>,
    router: Router,
}

struct Answer {
    status: u16,
    headers: HeaderMap,
    text: String,
}

impl Answer {
    #[track_caller]
    fn json(&self) -> Value {
        assert_eq!(self.headers["content-type"], "application/json");
        serde_json::from_str(&self.text).unwrap()
    }

    #[track_caller]
    fn names(&self) -> Vec<String> {
        assert_eq!(self.status, 200, "{}", self.text);
        let body = self.json();
        let items = body["items"].as_array().unwrap().iter();
        items
            .map(|item| item["name"].as_str().unwrap().to_owned())
            .collect()
    }
}

fn contract(name: &str) -> Contract {
    name.parse().unwrap()
}

impl Api {
    fn new() -> Self {
        let service = Arc::new(Rehearsal::new(QuotaLimits::default()));
        let tokens =
            ["one", "two"].map(|name| Token::from_clear(contract(name), &format!("{name}-token")));
        let router = router(
            Arc::clone(&service),
            Tokens::new(tokens),
            Metrics::new(Registry::default()),
            Limits::default(),
        );
        Self { service, router }
    }

    async fn send(&self, who: &str, method: &str, path: &str, body: &str) -> Answer {
        self.send_if(who, "*", method, path, body).await
    }

    async fn send_if(&self, who: &str, tag: &str, method: &str, path: &str, body: &str) -> Answer {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("If-Match", tag)
            .header("Authorization", format!("Bearer {who}-token"));
        let request = request.body(Body::from(body.to_owned())).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (head, body) = response.into_parts();
        assert!(head.headers.contains_key("x-request-id"), "{path}");
        let text = to_bytes(body, usize::MAX).await.unwrap();
        Answer {
            status: head.status.as_u16(),
            headers: head.headers,
            text: String::from_utf8(text.to_vec()).unwrap(),
        }
    }

    async fn get(&self, path: &str) -> Answer {
        self.send("one", "GET", path, "").await
    }

    fn zone(&self, number: u128, name: &str) -> ZoneId {
        let id = Uuid::from_u128(number);
        let draft = ZoneDraft::at_addresses(name.parse().unwrap(), ["192.0.2.1".parse().unwrap()]);
        let command = Command::create(&contract("one"), id, draft);
        self.service.run(command).unwrap();
        ZoneId::new(&contract("one"), id)
    }
}

fn held(serial: u32, offered: u32, outcome: PrimaryOutcome) -> ZoneStatus {
    let primary = PrimaryStatus {
        outcome,
        serial: Some(offered),
        failure: (outcome == PrimaryOutcome::Error).then(|| Failure {
            kind: "timeout".into(),
            text: "no answer within 5 s".into(),
        }),
        last_check: Some(Timestamp(1_700_000_000_000)),
        transfer: Some(TransferFigures {
            kind: TransferKind::Axfr,
            serial,
            at: Timestamp(1_600_000_000_000),
            octets: 1_000,
            messages: 1,
            records: 3,
            duration: 20,
        }),
        ..PrimaryStatus::pending(SocketAddr::from(([192, 0, 2, 1], 53)))
    };
    let mut status = ZoneStatus {
        standing: Standing::Current,
        serial: Some(serial),
        records: 3,
        octets: 300,
        failures: u32::from(outcome == PrimaryOutcome::Error),
        primaries: vec![primary],
        ..ZoneStatus::default()
    };
    for (at, outcome) in [(1, VisitOutcome::Transferred), (2, VisitOutcome::UpToDate)] {
        status.remember(VisitRecord {
            at: Timestamp(at),
            duration: 5,
            cause: VisitCause::Refresh,
            outcome,
            from: None,
            to: Some(serial),
            primary: Some(SocketAddr::from(([192, 0, 2, 1], 53))),
            transfer: None,
            failure: None,
            clear_text: false,
        });
    }
    status
}

#[tokio::test]
async fn zone_names_in_other_scripts_are_taken_in_their_ascii_form() {
    let api = Api::new();
    let make = async |name: &str| {
        let body = json!({"name": name, "primaries": [{"address": "192.0.2.1"}]}).to_string();
        api.send("one", "POST", "/v1/zones", &body).await
    };
    let made = make("B\u{fc}cher.example").await;
    assert_eq!(made.json()["name"], "xn--bcher-kva.example");
    assert_eq!(make("xn--bcher-kva.example").await.status, 409);
    assert_eq!(api.get("/v1/zones/b%C3%BCcher.example").await.status, 200);
    for name in ["\u{200d}.example", "exa mple.org", "a..b"] {
        let refused = make(name).await;
        let error = refused.json();
        assert_eq!(
            (refused.status, &error["member"]),
            (400, &json!("name")),
            "{error}"
        );
        let expected = error["expected"].as_str().unwrap();
        assert!(expected.starts_with("a domain name ("), "{expected}");
    }
    let key = json!({"name": "schl\u{fc}ssel.example"}).to_string();
    let refused = api.send("one", "POST", "/v1/keys", &key).await.json();
    assert!(
        refused["expected"].as_str().unwrap().contains("xn-- form"),
        "{refused}"
    );
}

#[tokio::test]
async fn a_delegation_is_told_with_what_is_missing_of_it() {
    let api = Api::new();
    api.zone(1, "example.org");
    let found = api.send("one", "POST", "/v1/zones/example.org/delegation", "");
    let found = found.await.json();
    assert_eq!(found["verdict"], "complete");
    let answer = &found["answers"][0];
    assert_eq!(
        (&answer["said"], &answer["missing"]),
        (&json!("referral"), &json!([]))
    );
    assert_eq!(
        answer["nameservers"],
        json!(["ns1.example.net", "ns2.example.net"])
    );
    assert_eq!(
        (&answer["error"], &found["apex"]),
        (&Value::Null, &Value::Null)
    );
    let other = api.send("two", "POST", "/v1/zones/example.org/delegation", "");
    assert_eq!(other.await.status, 404);
}

#[tokio::test]
async fn a_zone_tells_all_that_is_known_of_it_by_id_and_by_name() {
    let api = Api::new();
    let id = api.zone(7, "example.org");
    api.service
        .hold(id.clone(), held(7, 8, PrimaryOutcome::Error), Vec::new());
    let answer = api.get(&format!("/v1/zones/{}", id.id)).await;
    let zone = answer.json();
    assert_eq!(answer.headers["etag"].to_str().unwrap(), zone["etag"]);
    assert_eq!(zone["name"], "example.org");
    assert_eq!(zone["standing"], "current");
    assert_eq!(
        (&zone["serial"], &zone["behind"]),
        (&json!(7), &json!(true))
    );
    let primary = &zone["primaries"][0];
    assert_eq!(primary["address"], "192.0.2.1");
    assert_eq!(primary["port"], 53);
    assert_eq!(primary["outcome"], "error");
    assert_eq!(
        primary["error"],
        json!({"kind": "timeout", "text": "no answer within 5 s"})
    );
    assert_eq!(primary["lastCheck"], "2023-11-14T22:13:20.000Z");
    assert_eq!(
        primary["transfer"],
        json!({"kind": "axfr", "serial": 7, "at": "2020-09-13T12:26:40.000Z", "octets": 1000, "messages": 1, "records": 3, "duration": 20})
    );
    for name in ["example.org", "Example.ORG.", "example%2Eorg"] {
        assert_eq!(api.get(&format!("/v1/zones/{name}")).await.json(), zone);
    }
    let visits = api.get("/v1/zones/example.org/history").await.json();
    assert_eq!(visits["items"].as_array().unwrap().len(), 2);
    assert_eq!(visits["items"][0]["outcome"], "up_to_date");
    assert_eq!(visits["items"][1]["primary"], "192.0.2.1:53");
}

#[tokio::test]
async fn what_belongs_to_another_contract_is_not_there() {
    let api = Api::new();
    let id = api.zone(7, "example.org").id;
    for below in [
        "",
        "/history",
        "/records",
        "/export",
        "/versions",
        "/difference?from=1",
    ] {
        for zone in [id.to_string(), "example.org".into()] {
            let answer = api
                .send("two", "GET", &format!("/v1/zones/{zone}{below}"), "")
                .await;
            let unused = format!("/v1/zones/{}{below}", Uuid::from_u128(9));
            let unused = api.send("two", "GET", &unused, "").await;
            let body = answer.json();
            assert_eq!((answer.status, &body["code"]), (404, &json!("not_found")));
            assert_eq!(body["message"], unused.json()["message"]);
        }
    }
    assert_eq!(
        api.send("two", "GET", "/v1/zones", "").await.json(),
        json!({"items": [], "total": 0, "next": null})
    );
    assert_eq!(api.send("nobody", "GET", "/v1/zones", "").await.status, 401);
}

#[tokio::test]
async fn pages_stay_put_while_zones_come_and_go() {
    for (order, new_is_seen) in [("created", true), ("name", false)] {
        let api = Api::new();
        for n in 1..=9 {
            api.zone(n, &format!("m{n}.example"));
        }
        let mut seen = Vec::new();
        let mut path = format!("/v1/zones?limit=2&order={order}");
        loop {
            let answer = api.get(&path).await;
            seen.extend(answer.names());
            if seen.len() == 4 {
                // One that was shown goes, one comes at the end of a list by age and in front of one by name.
                let id = Uuid::from_u128(1);
                api.service
                    .run(Command::remove(&contract("one"), id))
                    .unwrap();
                api.zone(u128::MAX, "a.example");
            }
            let body = answer.json();
            let Some(next) = body["next"].as_str() else {
                break;
            };
            path = format!("/v1/zones?limit=2&order={order}&after={next}");
        }
        let mut expected: Vec<_> = (1..=9).map(|n| format!("m{n}.example")).collect();
        expected.extend(new_is_seen.then(|| "a.example".to_owned()));
        assert_eq!(seen, expected, "{order}");
    }
}

#[tokio::test]
async fn zones_are_found_by_trouble_and_by_name() {
    let api = Api::new();
    api.zone(1, "new.example");
    let well = api.zone(2, "well.example");
    api.service
        .hold(well, held(1, 1, PrimaryOutcome::Ok), Vec::new());
    let behind = api.zone(3, "behind.example");
    api.service
        .hold(behind, held(1, 2, PrimaryOutcome::Ok), Vec::new());
    let failing = api.zone(4, "failing.example");
    let mut status = held(1, 1, PrimaryOutcome::Error);
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
    status.expires_at = Some(Timestamp::from_seconds(now + 1_000));
    api.service.hold(failing, status, Vec::new());
    let draft = ZoneDraft {
        labels: Some(Labels {
            compartment: "ocid1.compartment.oc1..aaaathere".parse().ok(),
            ..Labels::default()
        }),
        ..ZoneDraft::at_addresses(
            "there.example".parse().unwrap(),
            ["192.0.2.1".parse().unwrap()],
        )
    };
    let there = Command::create(&contract("one"), Uuid::from_u128(99), draft);
    api.service.run(there).unwrap();
    let current = held(1, 1, PrimaryOutcome::Ok);
    let id = ZoneId::new(&contract("one"), Uuid::from_u128(99));
    api.service.hold(id, current, Vec::new());
    let check = async |query: &str| api.get(&format!("/v1/zones?{query}")).await.names();
    assert_eq!(check("").await.len(), 5);
    assert_eq!(check("trouble=behind").await, ["behind.example"]);
    assert_eq!(check("trouble=failing").await, ["failing.example"]);
    assert_eq!(
        check("trouble=failing,never_loaded").await,
        ["new.example", "failing.example"]
    );
    assert_eq!(check("expiringWithin=1100").await, ["failing.example"]);
    assert_eq!(check("expiringWithin=500").await, [""; 0]);
    assert_eq!(check("contains=WELL").await, ["well.example"]);
    let there = "compartment=ocid1.compartment.oc1..aaaathere";
    assert_eq!(check(there).await, ["there.example"]);
    assert_eq!(check(&format!("{there}&trouble=failing")).await, [""; 0]);
    assert_eq!(api.get("/v1/zones?compartment=there").await.status, 400);
    assert_eq!(check("contains=well&trouble=behind").await, [""; 0]);
}

#[tokio::test]
async fn records_are_shown_in_pages_searched_and_exported() {
    let api = Api::new();
    let id = api.zone(7, "example.org");
    let record = |owner: &str, rtype: &str, rdata: &str| RecordView {
        owner: owner.into(),
        rtype: rtype.parse().unwrap(),
        ttl: 60,
        rdata: rdata.into(),
    };
    let records = vec![
        record("example.org.", "NS", "ns.example.net."),
        record("www.example.org.", "A", "192.0.2.80"),
        record("www.example.org.", "AAAA", "2001:db8::80"),
    ];
    api.service
        .hold(id, held(7, 7, PrimaryOutcome::Ok), records);
    let check = async |query: &str| {
        let answer = api
            .get(&format!("/v1/zones/example.org/records?{query}"))
            .await;
        let body = answer.json();
        let items = body["items"].as_array().unwrap().iter();
        let types: Vec<_> = items
            .map(|item| item["type"].as_str().unwrap().to_owned())
            .collect();
        (types.join(" "), body["total"].as_u64().unwrap())
    };
    assert_eq!(check("").await, ("NS A AAAA".into(), 3));
    assert_eq!(check("limit=1&offset=1").await, ("A".into(), 3));
    assert_eq!(check("name=WWW.example.org").await, ("A AAAA".into(), 2));
    assert_eq!(check("type=aaaa").await, ("AAAA".into(), 1));
    assert_eq!(check("contains=ww").await, ("A AAAA".into(), 2));
    assert_eq!(check("search=2001:DB8").await, ("AAAA".into(), 1));
    assert_eq!(check("search=www&type=A").await, ("A".into(), 1));
    let export = api.get("/v1/zones/example.org/export").await;
    assert_eq!(export.headers["content-type"], "text/dns");
    assert_eq!(export.text.lines().count(), 3);
    let versions = api.get("/v1/zones/example.org/versions").await.json();
    assert_eq!(versions, json!({"serials": [7]}));
    let path = "/v1/zones/example.org/difference?from=6&to=7";
    assert_eq!(api.get(path).await.status, 404);
}

#[tokio::test]
async fn what_is_wrong_is_named_with_what_was_expected() {
    let api = Api::new();
    api.zone(7, "example.org");
    for (path, member) in [
        ("/v1/zones?limit=0", "limit"),
        ("/v1/zones?trouble=all", "trouble"),
        ("/v1/zones?order=age", "order"),
        ("/v1/zones?after=c.1", "after"),
        (
            "/v1/zones?order=name&after=c.1.00000000000000000000000000000001",
            "after",
        ),
        ("/v1/zones?expiringWithin=-1", "expiringWithin"),
        ("/v1/zones/example.org/records?type=NOTYPE", "type"),
        ("/v1/zones/example.org/records?name=a..b", "name"),
        ("/v1/zones/example.org/difference", "from"),
        ("/v1/zones/example.org/difference?from=4294967296", "from"),
    ] {
        let answer = api.get(path).await;
        let body = answer.json();
        assert_eq!(
            (answer.status, &body["code"]),
            (400, &json!("invalid")),
            "{path}"
        );
        assert_eq!(body["member"], member, "{path}");
        assert!(!body["expected"].as_str().unwrap().is_empty(), "{path}");
        let id = answer.headers["x-request-id"].to_str().unwrap();
        assert_eq!(body["requestId"], id, "{path}");
    }
}

#[tokio::test]
async fn a_zone_is_made_changed_and_removed_if_it_is_what_was_expected() {
    let api = Api::new();
    let key = api
        .send("one", "POST", "/v1/keys", r#"{"name": "k.example"}"#)
        .await;
    assert_eq!(key.status, 201);
    let body = json!({
        "name": "Example.org.",
        "primaries": [{"address": "2001:db8::1", "port": 5300, "key": "K.example."}, {"address": "192.0.2.1"}],
        "description": "a zone",
        "zonemd": "if_present",
        "notifySources": ["192.0.2.0/28", "2001:db8::2"],
        "compartment": "ocid1.compartment.oc1..aaaahere",
    });
    let made = api
        .send("one", "POST", "/v1/zones", &body.to_string())
        .await;
    assert_eq!(made.status, 201, "{}", made.text);
    let zone = made.json();
    let path = format!("/v1/zones/{}", zone["id"].as_str().unwrap());
    assert_eq!(made.headers["location"].to_str().unwrap(), path);
    assert_eq!(zone["name"], "example.org");
    assert_eq!(zone["primaries"][0]["key"], "k.example");
    assert_eq!(zone["primaries"][0]["port"], 5300);
    assert_eq!(
        (&zone["zonemd"], &zone["description"]),
        (&json!("if_present"), &json!("a zone"))
    );
    assert_eq!(zone["notifySources"], body["notifySources"]);
    assert_eq!(zone["compartment"], body["compartment"]);
    assert_eq!(api.get(&path).await.json(), zone);
    let again = api
        .send("two", "POST", "/v1/zones", &body.to_string())
        .await;
    assert_eq!(
        (again.status, again.json()["code"].as_str().unwrap()),
        (409, "conflict")
    );

    let tag = made.headers["etag"].to_str().unwrap();
    let edit = r#"{"description": "another", "compartment": "ocid1.compartment.oc1..aaaathere"}"#;
    let changed = api.send_if("one", tag, "PATCH", &path, edit).await;
    assert_eq!(changed.status, 200, "{}", changed.text);
    assert_eq!(changed.json()["description"], "another");
    assert_eq!(changed.json()["primaries"], zone["primaries"]);
    assert_eq!(changed.json()["notifySources"], zone["notifySources"]);
    let compartment = "ocid1.compartment.oc1..aaaathere";
    assert_eq!(changed.json()["compartment"], compartment);
    for (method, body) in [("PATCH", edit), ("DELETE", "")] {
        let stale = api.send_if("one", tag, method, &path, body).await;
        assert_eq!(
            (stale.status, stale.json()["code"].as_str().unwrap()),
            (412, "changed")
        );
        let foreign = api.send("two", method, &path, body).await;
        assert_eq!(foreign.status, 404);
    }
    let tag = changed.headers["etag"].to_str().unwrap();
    let removed = api.send_if("one", tag, "DELETE", &path, "").await;
    assert_eq!((removed.status, removed.text.as_str()), (204, ""));
    assert_eq!(api.get(&path).await.status, 404);
}

#[tokio::test]
async fn a_member_that_is_wrong_is_named_by_its_path() {
    let api = Api::new();
    let check = async |body: Value| {
        let answer = api
            .send("one", "POST", "/v1/zones", &body.to_string())
            .await;
        assert_eq!(answer.status, 400, "{body}");
        answer.json()["member"]
            .as_str()
            .unwrap_or("none")
            .to_owned()
    };
    let with = |name: &str, value: Value| {
        let mut body = json!({"name": "example.org", "primaries": [{"address": "192.0.2.1"}]});
        body[name] = value;
        body
    };
    assert_eq!(check(json!([])).await, "the body");
    assert_eq!(check(json!({"name": "example.org"})).await, "primaries");
    assert_eq!(check(with("name", json!("a..b"))).await, "name");
    assert_eq!(check(with("description", json!(7))).await, "description");
    assert_eq!(check(with("description", Value::Null)).await, "description");
    assert_eq!(check(with("zonemd", json!("IF_PRESENT"))).await, "zonemd");
    assert_eq!(
        check(with("compartment", json!("here"))).await,
        "compartment"
    );
    assert_eq!(check(with("colour", json!("red"))).await, "colour");
    assert_eq!(
        check(with("notifySources", json!(["::1", "x"]))).await,
        "notifySources[1]"
    );
    assert_eq!(check(with("primaries", json!([]))).await, "primaries");
    assert_eq!(
        check(with("primaries", json!(["192.0.2.1"]))).await,
        "primaries[0]"
    );
    let primaries = json!([{"address": "::1"}, {"address": "localhost"}]);
    assert_eq!(
        check(with("primaries", primaries)).await,
        "primaries[1].address"
    );
    let primaries = json!([{"address": "::1", "port": 0}]);
    assert_eq!(
        check(with("primaries", primaries)).await,
        "primaries[0].port"
    );
    let primaries = json!([{"address": "::1", "tls": true}]);
    assert_eq!(
        check(with("primaries", primaries)).await,
        "primaries[0].tls"
    );
    let primaries = json!([{"address": "::1", "key": "nobody"}]);
    assert_eq!(check(with("primaries", primaries)).await, "primaries"); // the registry's word
    let secret = json!({"name": "k", "secret": "not base64"}).to_string();
    let answer = api.send("one", "POST", "/v1/keys", &secret).await;
    assert_eq!(answer.json()["member"], "secret");
    assert!(!answer.text.contains("not base64"));
}

#[tokio::test]
async fn a_secret_that_was_made_here_is_told_once() {
    let api = Api::new();
    let body = r#"{"name": "K.example.", "algorithm": "hmac-sha512"}"#;
    let made = api.send("one", "POST", "/v1/keys", body).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let key = made.json();
    let secret = key["secret"].as_str().unwrap();
    assert_eq!(secret.len(), 88); // 64 octets
    let path = made.headers["location"].to_str().unwrap().to_owned();
    for path in [&path, "/v1/keys/k.example", "/v1/keys"] {
        let answer = api.get(path).await;
        assert_eq!(answer.status, 200);
        assert!(!answer.text.contains(secret) && !answer.text.contains("secret"));
        let foreign = api.send("two", "GET", path, "").await;
        assert!(!foreign.text.contains("k.example"));
    }
    assert_eq!(api.send("two", "DELETE", &path, "").await.status, 404);
    let again = api.send("one", "POST", "/v1/keys", body).await;
    assert_eq!(
        (again.status, &again.json()["member"]),
        (409, &json!("name"))
    );
    let other = r#"{"name": "other.example", "secret": "c2VjcmV0"}"#;
    let given = api.send("one", "POST", "/v1/keys", other).await;
    assert_eq!((given.status, given.json().get("secret")), (201, None));
    let first = api.get("/v1/keys?limit=1").await.json();
    assert_eq!(
        (&first["items"][0]["name"], &first["total"]),
        (&json!("k.example"), &json!(2))
    );
    let next = format!("/v1/keys?limit=1&after={}", first["next"].as_str().unwrap());
    assert_eq!(api.get(&next).await.names(), ["other.example"]);
    assert_eq!(api.send("one", "DELETE", &path, "").await.status, 204);
}

#[tokio::test]
async fn a_transfer_is_ordered_from_a_primary_of_the_zone_only() {
    let api = Api::new();
    api.zone(7, "example.org");
    let path = "/v1/zones/example.org/transfer";
    for (body, status) in [
        ("", 202),
        ("{}", 202),
        (r#"{"full": true, "primary": "192.0.2.1"}"#, 202),
        (r#"{"primary": "192.0.2.1:53"}"#, 202),
        (r#"{"primary": "192.0.2.2"}"#, 400),
        (r#"{"full": "yes"}"#, 400),
    ] {
        let answer = api.send("one", "POST", path, body).await;
        assert_eq!(answer.status, status, "{body}: {}", answer.text);
    }
    assert_eq!(api.send("two", "POST", path, "").await.status, 404);
    assert_eq!(api.service.orders(), 4);
}

#[tokio::test]
async fn what_holds_for_all_zones_is_told_at_once() {
    let api = Api::new();
    api.zone(7, "example.org");
    assert_eq!(
        api.get("/v1/service").await.json(),
        json!({
            "contract": "one",
            "transferAddresses": ["127.0.0.1"],
            "notifyAddresses": ["127.0.0.1"],
            "nameservers": ["ns1.example.net", "ns2.example.net"],
            "zones": {"limit": 100_000, "used": 1},
            "records": {"limit": 100_000_000, "used": 0},
            "keys": {"limit": 10_000, "used": 0},
        })
    );
}

#[tokio::test]
async fn every_described_path_is_there_and_every_answer_described() {
    let api = Api::new();
    api.zone(7, "example.org");
    let request = Request::get("/v1/openapi.json")
        .body(Body::empty())
        .unwrap();
    let response = api.router.clone().oneshot(request).await.unwrap(); // without a token
    let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    let document: Value = serde_json::from_slice(&body).unwrap();
    let paths = document["paths"].as_object().unwrap();
    assert!(paths.contains_key("/v1/zones/{zone}/records"));
    for (path, operations) in paths.iter().filter(|(path, _)| *path != "/v1/events") {
        for (method, operation) in operations.as_object().unwrap() {
            let real = path
                .replace("{zone}", "example.org")
                .replace("{key}", "none");
            let answer = api.send("one", &method.to_uppercase(), &real, "").await;
            let status = answer.status.to_string();
            assert!(
                !operation["responses"][&status].is_null(),
                "{method} {path}: {status}"
            );
            assert_ne!(answer.status, 405, "{method} {path}");
        }
    }
}

#[tokio::test]
async fn a_refusal_names_the_member_that_it_is_about() {
    let api = Api::new();
    let check = async |body: &str, status: u16, member: &str| {
        let answer = api.send("one", "POST", "/v1/zones", body).await;
        let error = answer.json();
        let found = (answer.status, &error["member"]);
        assert_eq!(found, (status, &json!(member)), "{error}");
        assert!(error["expected"].is_string(), "{error}");
    };
    let body = r#"{"name": "example.org", "primaries": [{"address": "192.0.2.1"}]}"#;
    assert_eq!(api.send("two", "POST", "/v1/zones", body).await.status, 201);
    check(body, 409, "name").await;
    let key =
        r#"{"name": "example.net", "primaries": [{"address": "192.0.2.1", "key": "no.example"}]}"#;
    check(key, 400, "primaries").await;
}

#[tokio::test]
async fn a_contract_takes_so_many_exports_at_a_time_and_no_more() {
    let api = Api::new();
    api.zone(7, "example.org");
    let begin = async |path: &str| {
        let request = Request::get(format!("/v1/zones/example.org/{path}"))
            .header("Authorization", "Bearer one-token")
            .body(Body::empty());
        api.router.clone().oneshot(request.unwrap()).await.unwrap()
    };
    let mut under_way = Vec::new();
    for _ in 0..Limits::default().exports_per_contract {
        under_way.push(begin("export").await);
    }
    assert!(under_way.iter().all(|answer| answer.status() == 200));
    assert_eq!(begin("export").await.status(), 429);
    let not_taken = under_way.pop().unwrap();
    let taken = to_bytes(under_way.pop().unwrap().into_body(), usize::MAX);
    taken.await.unwrap();
    drop(not_taken);
    assert_eq!(begin("export").await.status(), 200);
}

#[tokio::test]
async fn a_stream_of_events_ends_when_its_token_is_taken_away() {
    let token = |name: &str| Token::from_clear(contract("one"), name);
    let tokens = Tokens::new([token("stays"), token("goes")]);
    let router = router(
        Arc::new(Rehearsal::new(QuotaLimits::default())),
        tokens.clone(),
        Metrics::new(Registry::default()),
        Limits::default(),
    );
    let begin = async |token: &str| {
        let request = Request::get("/v1/events").header("Authorization", format!("Bearer {token}"));
        let request = request.body(Body::empty()).unwrap();
        let answer = router.clone().oneshot(request).await.unwrap();
        assert_eq!(answer.status(), 200);
        answer.into_body()
    };
    let goes = to_bytes(begin("goes").await, usize::MAX);
    let stays = tokio::spawn(to_bytes(begin("stays").await, usize::MAX));
    tokens.replace([token("stays"), token("other")]);
    let whole = tokio::time::timeout(Duration::from_secs(30), goes).await;
    whole.expect("the end of the stream").unwrap();
    tokens.replace([token("stays")]);
    assert!(!stays.is_finished());
    tokens.replace([]);
    let whole = tokio::time::timeout(Duration::from_secs(30), stays).await;
    whole.expect("the end of the other").unwrap().unwrap();
}
