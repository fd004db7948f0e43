//! Transfers: what they brought, and orders for more.

use std::net::IpAddr;

use zonekit_model::{
    Failure, PrimaryOutcome, PrimaryStatus, Timestamp, TransferFigures, TransferKind, ZoneId,
    ZoneStatus,
};

use super::*;

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
