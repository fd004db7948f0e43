//! Requests that are no good, or have more in them than is looked at.

use zonekit_model::Uuid;

use super::*;

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
