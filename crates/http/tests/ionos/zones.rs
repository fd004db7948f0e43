//! Zones as they are made, read, changed and removed, and how many there may be.

use std::net::IpAddr;

use zonekit_model::{Command, DeclaredZone, Uuid, ZoneDraft};

use super::*;

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
