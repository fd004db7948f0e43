//! Lists of zones and of records: pages, filters and order.

use zonekit_model::{RecordView, Standing, Uuid, ZoneId, ZoneStatus};

use super::*;

#[tokio::test]
async fn pages_link_to_each_other_and_keep_their_filters() {
    let api = Api::new();
    for n in 0..5 {
        api.create(&format!("z{n}.example")).await;
    }
    let first = api
        .get("/secondaryzones?filter.zoneName=example&limit=2")
        .await
        .body;
    assert_eq!(
        (&first["type"], &first["offset"], &first["limit"]),
        (&json!("collection"), &json!(0), &json!(2))
    );
    assert!(first["id"].as_str().unwrap().parse::<Uuid>().is_ok());
    let links = first["_links"].as_object().unwrap();
    assert!(!links.contains_key("prev"));
    assert_eq!(
        links["self"],
        "/secondaryzones?filter.zoneName=example&limit=2&offset=0"
    );

    let mut seen = Vec::new();
    let mut next = Some("/secondaryzones?filter.zoneName=example&limit=2".to_owned());
    while let Some(path) = next {
        let page = api.get(&path).await;
        seen.extend(names(&page).into_iter().map(str::to_owned));
        next = page.body["_links"]["next"].as_str().map(str::to_owned);
    }
    assert_eq!(
        seen,
        [
            "z0.example",
            "z1.example",
            "z2.example",
            "z3.example",
            "z4.example"
        ]
    );

    let last = api.get("/secondaryzones?offset=3").await.body;
    assert_eq!(
        (&last["limit"], last["items"].as_array().unwrap().len()),
        (&json!(100), 2)
    );
    assert_eq!(last["_links"]["prev"], "/secondaryzones?limit=100&offset=0");
    assert!(last["_links"].get("next").is_none());
    assert_eq!(
        api.get("/secondaryzones?offset=18446744073709551615")
            .await
            .body["items"],
        json!([])
    );
}

#[tokio::test]
async fn offset_limit_and_state_outside_their_ranges_are_400() {
    let api = Api::new();
    let id = api.create("example.org").await;
    for list in [
        "/secondaryzones".to_owned(),
        format!("/secondaryzones/{id}/records"),
    ] {
        for query in [
            "limit=0",
            "limit=1001",
            "limit=-1",
            "limit=",
            "limit=%2B5",
            "limit=1.0",
            "limit=99999999999999999999999",
            "offset=-1",
            "offset=x",
            "offset=18446744073709551616",
        ] {
            let answer = api.get(&format!("{list}?{query}")).await;
            assert_eq!(answer.status, 400, "{list}?{query}");
            assert!(message(&answer).starts_with(query.split('=').next().unwrap()));
        }
        for query in ["limit=1", "limit=1000", "offset=0", "offset=7"] {
            assert_eq!(api.get(&format!("{list}?{query}")).await.status, 200);
        }
    }
    for state in ["available", "GONE", ""] {
        assert_eq!(
            api.get(&format!("/secondaryzones?filter.state={state}"))
                .await
                .status,
            400
        );
    }
}

#[tokio::test]
async fn the_exact_name_comes_first_when_a_name_is_looked_for() {
    let api = Api::new();
    for name in ["www.example.org", "example.org", "other.test"] {
        api.create(name).await;
    }
    let found = api
        .get("/secondaryzones?depth=1&filter.zoneName=example.org&limit=1&offset=0")
        .await;
    assert_eq!(names(&found), ["example.org"]);
    assert!(found.body["_links"]["next"].is_string());
    let all = api.get("/secondaryzones?filter.zoneName=EXAMPLE.org").await;
    assert_eq!(names(&all), ["example.org", "www.example.org"]);
    assert_eq!(
        names(&api.get("/secondaryzones?filter.zoneName=nothing").await),
        Vec::<&str>::new()
    );
}

#[tokio::test]
async fn zones_are_found_by_state() {
    let api = Api::new();
    let id = api.create("a.example").await;
    api.create("b.example").await;
    let status = ZoneStatus {
        standing: Standing::Current,
        ..ZoneStatus::default()
    };
    api.service.hold(
        ZoneId::new(&"one".parse().unwrap(), id.parse().unwrap()),
        status,
        Vec::new(),
    );
    assert_eq!(
        names(&api.get("/secondaryzones?filter.state=AVAILABLE").await),
        ["a.example"]
    );
    assert_eq!(
        names(&api.get("/secondaryzones?filter.state=PROVISIONING").await),
        ["b.example"]
    );
    assert_eq!(
        names(&api.get("/secondaryzones?filter.state=FAILED").await),
        Vec::<&str>::new()
    );
}

fn record(owner: &str, rtype: &str, rdata: &str) -> RecordView {
    RecordView {
        owner: owner.into(),
        rtype: rtype.parse().unwrap(),
        ttl: 3600,
        rdata: rdata.into(),
    }
}

#[tokio::test]
async fn records_are_shown_with_relative_names_and_the_soa_first() {
    let api = Api::new();
    let id = api.create("example.org").await;
    let path = format!("/secondaryzones/{id}/records");
    assert_eq!(api.get(&path).await.body["items"], json!([]));

    let records = vec![
        record(
            "example.org.",
            "SOA",
            "ns.example.org. host.example.org. 7 300 60 3600 30",
        ),
        record("example.org.", "MX", "10 mail.example.org."),
        record("www.example.org.", "A", "192.0.2.80"),
    ];
    let zone = ZoneId::new(&"one".parse().unwrap(), id.parse().unwrap());
    api.service.hold(zone, ZoneStatus::default(), records);
    let all = api.get(&path).await.body;
    assert_eq!(
        (&all["id"], &all["metadata"]),
        (&json!(id), &json!({"primaryIps": ["192.0.2.1"]}))
    );
    assert_eq!(
        all["items"][0],
        json!({
            "type": "record",
            "metadata": {"fqdn": "example.org", "zoneId": id, "rootName": "example.org"},
            "properties": {
                "name": "", "type": "SOA", "content": "ns.example.org host.example.org 7 300 60 3600 30",
                "ttl": 3600, "priority": 0, "enabled": true,
            },
        })
    );
    assert_eq!(all["items"][1]["properties"]["priority"], 10);
    assert_eq!(all["items"][1]["properties"]["content"], "mail.example.org");
    assert_eq!(all["items"][2]["properties"]["name"], "www");

    let page = api.get(&format!("{path}?offset=1&limit=1")).await.body;
    assert_eq!(page["items"].as_array().unwrap().len(), 1);
    assert_eq!(page["_links"]["next"], format!("{path}?limit=1&offset=2"));
    assert_eq!(page["_links"]["prev"], format!("{path}?limit=1&offset=0"));
    assert_eq!(api.get("/quota").await.body["quotaUsage"]["records"], 3);
}
