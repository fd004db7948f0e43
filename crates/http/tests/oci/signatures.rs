//! Whose request it is.

use serde_json::json;

use super::*;
use crate::common::{Api, ONE, TENANCY, TWO, http_date, zone};

#[tokio::test]
async fn what_is_not_signed_right_is_nobodys() {
    let api = Api::new();
    let path = "/20180115/zones";
    let list = format!("{path}?compartmentId={TENANCY}");
    let refused = async |what: &str, request| {
        let answer = api.call(request).await;
        assert_eq!(
            (answer.status, answer.code()),
            (401, "NotAuthenticated"),
            "{what}"
        );
        assert_eq!(answer.header("www-authenticate"), "Signature");
        answer.body["message"].as_str().unwrap().to_owned()
    };
    let plain = || api.signed(ONE, "GET", &list, None, &[]);
    assert_eq!(api.call(plain()).await.status, 200);
    let mut messages = vec![
        refused("no header", plain().without("authorization")).await,
        refused(
            "a bearer token",
            plain().with("authorization", "Bearer one-token"),
        )
        .await,
        refused("another target", plain().at(&format!("{list}&limit=1"))).await,
        refused("another host", plain().with("host", "127.0.0.1:1")).await,
        refused(
            "another method",
            api.signed(ONE, "GET", "/20180115/zones/example.org", None, &[])
                .by("DELETE"),
        )
        .await,
        refused(
            "an unknown key",
            api.signed_by("ocid1.tenancy.oc1..aaaatest/u/zz", ONE, "GET", &list),
        )
        .await,
        refused(
            "a foreign key under this id",
            api.signed_by(common::key_id(ONE), TWO, "GET", &list),
        )
        .await,
        refused(
            "no host signed",
            api.signed_over("date (request-target)", ONE, "GET", &list),
        )
        .await,
        refused(
            "no target signed",
            api.signed_over("date host", ONE, "GET", &list),
        )
        .await,
        refused(
            "no date signed",
            api.signed_over("host (request-target)", ONE, "GET", &list),
        )
        .await,
        refused(
            "a header that is not there",
            api.signed_over("date host (request-target) x-more", ONE, "GET", &list),
        )
        .await,
    ];
    for off in [-301, 301, -86_400] {
        let date = http_date(off);
        messages.push(
            refused(
                "an old date",
                api.signed(ONE, "GET", &list, None, &[("date", &date)]),
            )
            .await,
        );
    }
    let create = || api.signed(ONE, "POST", path, Some(zone("example.org")), &[]);
    messages.push(refused("another body", create().holding(&zone("example.net"))).await);
    let digest = common::digest(b"{}");
    messages.push(refused("another digest", create().with("x-content-sha256", &digest)).await);
    messages.push(
        refused(
            "a body not signed",
            api.signed_over("date host (request-target)", ONE, "POST", path),
        )
        .await,
    );
    assert!(
        messages.iter().all(|message| *message == messages[0]),
        "{messages:?}"
    );
    let zones = api.get(ONE, &list).await;
    assert_eq!(zones.body, json!([]));
    for off in [-290, 290] {
        let date = http_date(off);
        assert_eq!(
            api.call(api.signed(ONE, "GET", &list, None, &[("date", &date)]))
                .await
                .status,
            200
        );
    }
}

#[tokio::test]
async fn headers_are_signed_in_every_clients_order_and_case() {
    let api = Api::new();
    let list = format!("/20180115/zones?compartmentId={TENANCY}&nameContains=%2A");
    for names in [
        "date (request-target) host",
        "x-date (request-target) host",
        "host date (request-target)",
        "Host X-Date (request-target) date Accept",
    ] {
        let answer = api.call(api.signed_over(names, ONE, "GET", &list)).await;
        assert_eq!(answer.status, 200, "{names}: {}", answer.body);
    }
}
