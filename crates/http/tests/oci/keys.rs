//! TSIG keys.

use serde_json::json;

use super::*;
use crate::common::{Api, ONE, TENANCY, TWO, zone};

#[tokio::test]
async fn a_key_shows_its_secret_by_itself_only_and_stays_while_it_is_used() {
    let api = Api::new();
    let key = json!({"algorithm": "hmac-sha256", "name": "K1.example.com.", "compartmentId": TENANCY, "secret": "c2VjcmV0"});
    let created = api
        .send(ONE, "POST", "/20180115/tsigKeys", Some(key.clone()))
        .await;
    assert_eq!(created.status, 201, "{}", created.body);
    assert_eq!(
        (&created.body["name"], &created.body["secret"]),
        (&json!("k1.example.com"), &json!("c2VjcmV0"))
    );
    let id = created.body["id"].as_str().unwrap();
    let path = format!("/20180115/tsigKeys/{id}");
    assert_eq!(api.get(ONE, &path).await.body, created.body);

    let list = api
        .get(ONE, &format!("/20180115/tsigKeys?compartmentId={TENANCY}"))
        .await;
    assert_eq!((list.status, ids(&list)), (200, vec!["k1.example.com"]));
    assert!(list.body[0].get("secret").is_none());

    let other = json!({"algorithm": "hmac-sha1", "name": "k1.EXAMPLE.com", "compartmentId": TENANCY, "secret": "eA=="});
    let taken = api
        .send(TWO, "POST", "/20180115/tsigKeys", Some(other))
        .await;
    assert_eq!(
        (taken.status, taken.code()),
        (409, "NotAuthorizedOrResourceAlreadyExists")
    );

    let mut with_key = zone("example.org");
    with_key["externalMasters"][0]["tsigKeyId"] = json!(id);
    let foreign = api
        .send(TWO, "POST", "/20180115/zones", Some(with_key.clone()))
        .await;
    assert_eq!(
        (foreign.status, foreign.code()),
        (400, "RelatedResourceNotAuthorizedOrNotFound")
    );
    let made = api
        .send(ONE, "POST", "/20180115/zones", Some(with_key))
        .await;
    assert_eq!(
        (made.status, &made.body["externalMasters"][0]["tsigKeyId"]),
        (201, &json!(id))
    );
    let of_key = format!("/20180115/zones?compartmentId={TENANCY}&tsigKeyId={id}");
    assert_eq!(ids(&api.get(ONE, &of_key).await), ["example.org"]);

    let used = api.send(ONE, "DELETE", &path, None).await;
    assert_eq!((used.status, used.code()), (409, "Conflict"));
    for (signer, method, body) in [
        (TWO, "GET", None),
        (TWO, "DELETE", None),
        (TWO, "PUT", Some(json!({}))),
    ] {
        assert_eq!(
            api.send(signer, method, &path, body).await.status,
            404,
            "{method}"
        );
    }
    let changed = api
        .send(ONE, "PUT", &path, Some(json!({"freeformTags": {"a": "b"}})))
        .await;
    assert_eq!(
        (changed.status, &changed.body["freeformTags"]),
        (200, &json!({"a": "b"}))
    );
    assert!(changed.body["timeUpdated"].is_string());
    api.send(ONE, "DELETE", "/20180115/zones/example.org", None)
        .await;
    next_second().await;
    assert_eq!(api.send(ONE, "DELETE", &path, None).await.status, 204);
    assert_eq!(api.get(ONE, &path).await.status, 404);
}
