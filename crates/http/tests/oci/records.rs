//! The records of a zone, and its master file.

use serde_json::json;

use crate::common::{Api, ONE, zone};

#[tokio::test]
async fn records_are_filtered_ordered_paged_and_never_written() {
    let api = Api::new();
    let made = api
        .send(ONE, "POST", "/20180115/zones", Some(zone("example.org")))
        .await;
    let records = [
        (
            "example.org.",
            "SOA",
            3600,
            "ns.example.org. host.example.org. 7 300 60 3600 30",
        ),
        ("example.org.", "NS", 3600, "ns.example.org."),
        ("*.example.org.", "TXT", 60, "\"any\""),
        ("ns.example.org.", "A", 60, "192.0.2.53"),
        ("ns.example.org.", "A", 60, "192.0.2.54"),
        ("WWW.example.org.", "AAAA", 300, "2001:db8::1"),
    ];
    api.hold(&made, 7, &records);
    let path = "/20180115/zones/example.org/records";
    let check = async |more: &str| {
        let answer = api.get(ONE, &format!("{path}{more}")).await;
        assert_eq!(answer.status, 200, "{more}: {}", answer.body);
        let items = answer.body["items"].as_array().unwrap();
        let shown: Vec<_> = items
            .iter()
            .map(|item| {
                format!(
                    "{} {}",
                    item["domain"].as_str().unwrap(),
                    item["rtype"].as_str().unwrap()
                )
            })
            .collect();
        (
            shown.join(", "),
            answer
                .headers
                .get("opc-next-page")
                .map(|next| next.to_str().unwrap().to_owned()),
        )
    };
    let first = api.get(ONE, &format!("{path}?limit=1")).await;
    let version = first.header("etag").trim_matches('"').to_owned();
    let place = |offset: u32| Some(format!("r.{offset}.{version}"));
    let zone_order = "example.org SOA, example.org NS, *.example.org TXT, ns.example.org A, ns.example.org A, WWW.example.org AAAA";
    assert_eq!(check("").await, (zone_order.into(), None));
    assert_eq!(
        check("?sortBy=domain&sortOrder=DESC&limit=2").await,
        ("WWW.example.org AAAA, ns.example.org A".into(), place(2))
    );
    assert_eq!(check("?limit=4").await.1, place(4));
    assert_eq!(
        check(&format!("?limit=4&page={}", place(4).unwrap())).await,
        ("ns.example.org A, WWW.example.org AAAA".into(), None)
    );
    assert_eq!(
        check("?domain=NS.example.ORG").await.0,
        "ns.example.org A, ns.example.org A"
    );
    assert_eq!(
        check("?domainContains=S.EX").await.0,
        "ns.example.org A, ns.example.org A"
    );
    assert_eq!(check("?rtype=aaaa").await.0, "WWW.example.org AAAA");
    assert_eq!(
        check("?sortBy=rtype&limit=2").await.0,
        "ns.example.org A, ns.example.org A"
    );
    assert_eq!(
        check("?sortBy=ttl&sortOrder=DESC&limit=1").await.0,
        "example.org NS"
    );
    assert_eq!(check("/www.example.org").await.0, "WWW.example.org AAAA");
    assert_eq!(
        check("/example.org").await.0,
        "example.org NS, example.org SOA"
    );
    assert_eq!(check("/%2A.example.org/TXT").await.0, "*.example.org TXT");
    assert_eq!(
        check("/ns.example.org/a").await.0,
        "ns.example.org A, ns.example.org A"
    );
    assert_eq!(check("/nothing.example.org/A").await.0, "");
    assert_eq!(check("/elsewhere.example/A").await.0, "");

    let set = api
        .get(ONE, &format!("{path}/ns.example.org/A?limit=1"))
        .await;
    let (one, next) = (&set.body["items"][0], set.header("opc-next-page"));
    let other = api
        .get(ONE, &format!("{path}/ns.example.org/A?limit=1&page={next}"))
        .await;
    assert!(
        one["recordHash"].as_str().unwrap()
            < other.body["items"][0]["recordHash"].as_str().unwrap()
    );
    assert_eq!(
        api.get(
            ONE,
            &format!(
                "{path}?zoneVersion={}",
                one["rrsetVersion"].as_str().unwrap()
            )
        )
        .await
        .status,
        200
    );
    assert_eq!(
        api.get(ONE, &format!("{path}?zoneVersion=1")).await.status,
        404
    );
    assert_eq!(
        api.get(ONE, &format!("{path}?scope=PRIVATE")).await.status,
        404
    );

    let content = api.text(ONE, "/20180115/zones/example.org/content").await;
    assert_eq!(content.0, "text/dns");
    assert!(
        content
            .1
            .starts_with("example.org.\t3600\tIN\tSOA\tns.example.org. "),
        "{}",
        content.1
    );
    assert_eq!(content.1.lines().count(), 6);

    for (method, more, body) in [
        ("PATCH", "", Some(json!({"items": []}))),
        ("PUT", "/www.example.org/A", Some(json!({"items": []}))),
        ("DELETE", "/www.example.org", None),
    ] {
        let refused = api.send(ONE, method, &format!("{path}{more}"), body).await;
        assert_eq!(
            (refused.status, refused.code()),
            (403, "NotAllowed"),
            "{method} {more}"
        );
    }
    for bad in [
        "?rtype=WHAT",
        "?domain=a..b",
        "?sortBy=size",
        "?page=1",
        "/a..b",
        "/example.org/WHAT",
        "/example.org?sortBy=domain",
    ] {
        assert_eq!(
            api.get(ONE, &format!("{path}{bad}")).await.status,
            400,
            "{bad}"
        );
    }
}

#[tokio::test]
async fn a_large_zone_is_in_its_own_order_only() {
    let api = Api::new();
    let made = api
        .send(ONE, "POST", "/20180115/zones", Some(zone("example.org")))
        .await;
    let names: Vec<String> = (0..25_001).map(|n| format!("h{n}.example.org.")).collect();
    let records: Vec<_> = names
        .iter()
        .map(|name| (name.as_str(), "A", 60, "192.0.2.1"))
        .collect();
    api.hold(&made, 7, &records);
    let path = "/20180115/zones/example.org/records";
    let refused = api.get(ONE, &format!("{path}?sortBy=ttl")).await;
    assert_eq!((refused.status, refused.code()), (400, "InvalidParameter"));
    let first = api.get(ONE, &format!("{path}?limit=1")).await;
    let next = first.header("opc-next-page").replace("r.1.", "r.25000.");
    let last = api.get(ONE, &format!("{path}?page={next}")).await;
    assert_eq!(
        (
            last.header("opc-total-items"),
            last.body["items"].as_array().unwrap().len()
        ),
        ("25001", 1)
    );
}

#[tokio::test]
async fn the_pages_of_a_list_are_of_one_version() {
    let api = Api::new();
    let made = api
        .send(ONE, "POST", "/20180115/zones", Some(zone("example.org")))
        .await;
    let records = [
        ("a.example.org.", "A", 60, "192.0.2.1"),
        ("a.example.org.", "A", 60, "192.0.2.2"),
    ];
    api.hold(&made, 7, &records);
    let all = "/20180115/zones/example.org/records";
    let (name, set) = (
        format!("{all}/a.example.org"),
        format!("{all}/a.example.org/A"),
    );
    let next = async |path: &str| {
        let answer = api.get(ONE, &format!("{path}?limit=1")).await;
        format!("{path}?limit=1&page={}", answer.header("opc-next-page"))
    };
    let nexts = [next(all).await, next(&name).await, next(&set).await];
    for next in &nexts {
        assert_eq!(api.get(ONE, next).await.status, 200);
    }
    api.hold(&made, 8, &records);
    for next in &nexts {
        let answer = api.get(ONE, next).await;
        assert_eq!((answer.status, answer.code()), (400, "InvalidParameter"));
        let message = answer.body["message"].as_str().unwrap();
        assert!(message.contains("transferred anew"), "{message}");
    }
    for page in ["r.1", "r.x.y", "1"] {
        let answer = api.get(ONE, &format!("{all}?page={page}")).await;
        assert_eq!(answer.status, 400, "{page}");
    }
}
