//! Who may see what.

use axum::http::StatusCode;
use zonekit_model::Uuid;

use super::*;

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
