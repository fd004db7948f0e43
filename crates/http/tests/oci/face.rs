//! What makes the face that of the vendor: its errors, its limits, its servers; and what the other face sees of it.

use serde_json::json;
use zonekit_model::oci::Ocid;

use crate::common::{Api, ONE, TENANCY, zone};

#[tokio::test]
async fn transfer_servers_are_told_as_destinations() {
    let api = Api::new();
    let list = api
        .get(
            ONE,
            &format!("/20180115/zoneTransferServers?compartmentId={TENANCY}"),
        )
        .await;
    assert_eq!(
        list.body,
        json!([{"address": "127.0.0.1", "isTransferSource": false, "isTransferDestination": true}])
    );
    let missing = api.get(ONE, "/20180115/zoneTransferServers").await;
    assert_eq!((missing.status, missing.code()), (400, "MissingParameter"));
    let page = format!("/20180115/zoneTransferServers?compartmentId={TENANCY}&page=r.1");
    let page = api.get(ONE, &page).await; // of which there is none
    assert_eq!((page.status, page.code()), (400, "InvalidParameter"));
}

#[tokio::test]
async fn every_answer_of_this_face_looks_like_it() {
    let api = Api::new();
    for (method, path, status, code) in [
        ("GET", "/20180115/nothing", 404, "NotFound"),
        ("GET", "/20180115", 404, "NotFound"),
        ("PATCH", "/20180115/zones", 405, "MethodNotAllowed"),
        (
            "GET",
            "/20160918/workRequests/x",
            404,
            "NotAuthorizedOrNotFound",
        ),
    ] {
        let body = (method == "PATCH").then(|| json!({}));
        let answer = api
            .send_with(ONE, method, path, body, &[("opc-request-id", "ABC")])
            .await;
        assert_eq!(
            (answer.status, answer.code()),
            (status, code),
            "{method} {path}"
        );
        assert!(answer.header("opc-request-id").starts_with("ABC/"));
        assert!(answer.body.get("httpStatus").is_none());
    }
    let bad = api.send_raw(ONE, "POST", "/20180115/zones", "{").await;
    assert_eq!((bad.status, bad.code()), (400, "CannotParseRequest"));
    let missing = api
        .send(
            ONE,
            "POST",
            "/20180115/zones",
            Some(json!({"name": "example.org"})),
        )
        .await;
    assert_eq!((missing.status, missing.code()), (400, "MissingParameter"));
    let large = api
        .send_raw(ONE, "POST", "/20180115/zones", &"x".repeat(70_000))
        .await;
    assert_eq!((large.status, large.code()), (413, "PayloadTooLarge"));
    let odd = api
        .send_with(
            ONE,
            "GET",
            "/20180115/nothing",
            None,
            &[("opc-request-id", "<odd>")],
        )
        .await;
    assert!(!odd.header("opc-request-id").contains("odd"));
}

#[tokio::test]
async fn limits_are_told_in_this_faces_words() {
    let api = Api::with_zones(1);
    assert_eq!(
        api.send(ONE, "POST", "/20180115/zones", Some(zone("a.example")))
            .await
            .status,
        201
    );
    let more = api
        .send(ONE, "POST", "/20180115/zones", Some(zone("b.example")))
        .await;
    assert_eq!((more.status, more.code()), (400, "LimitExceeded"));
}

#[tokio::test]
async fn what_one_face_sets_the_other_leaves_and_shows() {
    let api = Api::new();
    let made = api
        .send(ONE, "POST", "/20180115/zones", Some(zone("example.org")))
        .await;
    let tags = json!({"freeformTags": {"a": "b"}});
    api.send(ONE, "PUT", "/20180115/zones/example.org", Some(tags))
        .await;
    let id: Ocid = made.body["id"].as_str().unwrap().parse().unwrap();
    // The other face knows no ports and tags, and leaves those that are there.
    api.ionos_put(id.id, "example.org", &["192.0.2.1", "192.0.2.2"])
        .await;
    let seen = api.get(ONE, "/20180115/zones/example.org").await;
    assert_eq!(
        seen.body["externalMasters"],
        json!([{"address": "192.0.2.1", "port": 5300}, {"address": "192.0.2.2"}])
    );
    assert_eq!(seen.body["freeformTags"], json!({"a": "b"}));
    assert_eq!(seen.body["id"], made.body["id"]);
}
