//! Writes that come late, come twice, or come again after a restart.

use serde_json::{Value, json};

use super::*;
use crate::common::{Api, ONE, TENANCY, TWO, http_date, zone};

#[tokio::test]
async fn a_write_is_held_against_what_the_client_has_seen() {
    let api = Api::new();
    let made = api
        .send(ONE, "POST", "/20180115/zones", Some(zone("example.org")))
        .await;
    let path = "/20180115/zones/example.org";
    let old = made.header("etag").to_owned();
    let body = |n: u8| Some(json!({"freeformTags": {"n": n.to_string()}}));
    let put = async |n: u8, tag: &str| {
        api.send_with(ONE, "PUT", path, body(n), &[("if-match", tag)])
            .await
    };
    let changed = put(1, &old).await;
    assert_eq!(changed.status, 200);
    let refused = put(2, &old).await;
    assert_eq!((refused.status, refused.code()), (412, "NoEtagMatch"));
    assert_eq!(put(3, "*").await.status, 200);
    let now = api.get(ONE, path).await;
    assert_eq!(
        put(4, now.header("etag").trim_matches('"')).await.status,
        200
    );
    let date = http_date(-3_600);
    let unmodified = [("if-unmodified-since", date.as_str())];
    assert_eq!(
        api.send_with(ONE, "PUT", path, body(5), &unmodified)
            .await
            .status,
        412
    );
    assert_eq!(
        api.send_with(ONE, "DELETE", path, None, &[("if-match", &old)])
            .await
            .status,
        412
    );

    let tag = api.get(ONE, path).await.header("etag").to_owned();
    let known = api
        .send_with(ONE, "GET", path, None, &[("if-none-match", &tag)])
        .await;
    assert_eq!((known.status, &known.body), (304, &Value::Null));
    // A transfer changes what is seen, but not what was set.
    api.hold(&made, 7, &[]);
    let fresh = api
        .send_with(ONE, "GET", path, None, &[("if-none-match", &tag)])
        .await;
    assert_eq!(
        (
            fresh.status,
            &fresh.body["serial"],
            &fresh.body["lifecycleState"]
        ),
        (200, &json!(7), &json!("ACTIVE"))
    );
    assert_eq!(put(6, &tag).await.status, 200);
}

#[tokio::test]
async fn a_retry_token_makes_one_zone() {
    let api = Api::new();
    let create = async |token: &str, body: Value| {
        api.send_with(
            ONE,
            "POST",
            "/20180115/zones",
            Some(body),
            &[("opc-retry-token", token)],
        )
        .await
    };
    let first = create("t1", zone("example.org")).await;
    next_second().await;
    let again = create("t1", zone("example.org")).await;
    assert_eq!((again.status, &again.body["id"]), (201, &first.body["id"]));
    let other = create("t1", zone("example.net")).await;
    assert_eq!((other.status, other.code()), (409, "InvalidatedRetryToken"));
    let taken = create("t2", zone("example.org")).await;
    // The same octets were signed a moment ago under another token, which is not among what is signed.
    assert!(taken.status == 201 || taken.status == 409, "{}", taken.body);
    next_second().await;
    let taken = create("t2", zone("example.org")).await;
    assert_eq!(
        (taken.status, taken.code()),
        (409, "NotAuthorizedOrResourceAlreadyExists")
    );
}

#[tokio::test]
async fn a_signed_write_that_comes_again_is_not_carried_out_again() {
    let api = Api::new();
    let create = api.signed(
        ONE,
        "POST",
        "/20180115/zones",
        Some(zone("example.org")),
        &[],
    );
    let first = api.call(create.again()).await;
    assert_eq!(first.status, 201);
    let remove = api.signed(ONE, "DELETE", "/20180115/zones/example.org", None, &[]);
    assert_eq!(api.call(remove.again()).await.status, 204);
    let again = api.call(create.again()).await;
    assert_eq!(
        (again.status, &again.body, again.header("etag")),
        (201, &first.body, first.header("etag"))
    );
    assert_eq!(
        api.get(ONE, "/20180115/zones/example.org").await.status,
        404
    );

    let wrong = api.signed(
        ONE,
        "PUT",
        "/20180115/zones/example.org",
        Some(json!({})),
        &[],
    );
    for _ in 0..2 {
        let refused = api.call(wrong.again()).await;
        assert_eq!(
            (refused.status, refused.code()),
            (404, "NotAuthorizedOrNotFound")
        );
    }
}

#[tokio::test]
async fn what_was_done_is_known_after_a_restart() {
    let before = Api::new();
    let write = |method: &str, path: &str, body: Option<Value>| {
        before.signed(ONE, method, path, body, &[("opc-retry-token", "t")])
    };
    let secret = "c2VjcmV0LW9mLWEta2V5";
    let key = json!({
        "name": "k.example", "algorithm": "hmac-sha256", "compartmentId": TENANCY, "secret": secret,
    });
    let tags = json!({"freeformTags": {"a": "b"}});
    let elsewhere = json!({"compartmentId": "ocid1.compartment.oc1..elsewhere"});
    let one = "/20180115/zones/example.org";
    let writes = [
        write("POST", "/20180115/tsigKeys", Some(key)),
        write("POST", "/20180115/zones", Some(zone("example.org"))),
        write("POST", "/20180115/zones", Some(zone("example.net"))), // with the token of another request
        write("PUT", one, Some(tags)),
        write(
            "POST",
            &format!("{one}/actions/changeCompartment"),
            Some(elsewhere),
        ),
        write("DELETE", one, None),
        write("DELETE", "/20180115/zones/example.com", None),
    ];
    let mut first = Vec::new();
    for write in &writes {
        first.push(before.call(write.again()).await);
    }
    let statuses: Vec<_> = first.iter().map(|answer| answer.status).collect();
    assert_eq!(statuses, [201, 201, 409, 200, 202, 204, 404]);
    assert_eq!(first[0].body["secret"], secret);
    let kept = before.kept();
    assert!(!kept.contains(secret), "{kept}");
    for write in &writes {
        let authorization = write.header("authorization");
        let signature = authorization.split("signature=\"").nth(1).unwrap();
        assert!(!kept.contains(&signature[..40]), "{kept}");
    }

    let after = before.restarted();
    for (write, first) in writes.iter().zip(&first) {
        let again = after.call(write.again()).await;
        assert_eq!((again.status, &again.body), (first.status, &first.body));
        for name in ["etag", "location", "opc-work-request-id", "content-type"] {
            assert_eq!(again.headers.get(name), first.headers.get(name), "{name}");
        }
    }
    assert_eq!(after.get(ONE, one).await.status, 404);
    let work = first[5].header("opc-work-request-id");
    let work = format!("/20160918/workRequests/{work}");
    let receipt = after.get(ONE, &work).await;
    assert_eq!(
        (receipt.status, &receipt.body["status"]),
        (200, &json!("SUCCEEDED"))
    );
    assert_eq!(after.get(TWO, &work).await.status, 404);
}

#[tokio::test]
async fn a_move_with_a_retry_token_is_made_once_however_often_it_is_asked_for() {
    let api = Api::new();
    let made = api
        .send(ONE, "POST", "/20180115/zones", Some(zone("example.org")))
        .await;
    let key = json!({"name": "k.example", "compartmentId": TENANCY, "algorithm": "hmac-sha256", "secret": "c2VjcmV0"});
    let key = api.send(ONE, "POST", "/20180115/tsigKeys", Some(key)).await;
    for (number, (made, kind)) in [(&made, "zones"), (&key, "tsigKeys")]
        .into_iter()
        .enumerate()
    {
        let id = made.body["id"].as_str().unwrap();
        let path = format!("/20180115/{kind}/{id}/actions/changeCompartment");
        let tag = made.header("etag");
        let ask = async |token: &str, to: &str, more: &str| {
            let body = json!({"compartmentId": format!("ocid1.compartment.oc1..aaaa{to}")});
            let headers = [("opc-retry-token", token), ("if-match", tag)];
            let path = format!("{path}?{more}"); // another request each time
            api.send_with(ONE, "POST", &path, Some(body), &headers)
                .await
        };
        let token = format!("token-{number}");
        let first = ask(&token, "there", "a").await;
        assert_eq!(first.status, 202, "{}", first.body);
        let again = ask(&token, "there", "b").await;
        assert_eq!(again.status, 202, "{}", again.body);
        assert_eq!(first.header("etag"), again.header("etag"));
        let other = ask(&token, "elsewhere", "c").await;
        assert_eq!((other.status, other.code()), (409, "InvalidatedRetryToken"));
        // Without one it is another move of what looks otherwise by now.
        assert_eq!(ask("another", "there", "d").await.status, 412);
        let wrong = ask(&"x".repeat(300), "there", "e").await;
        assert_eq!(wrong.status, 400);
    }
}
