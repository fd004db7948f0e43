//! Zones as they are made, read, changed, moved, listed and removed.

use serde_json::{Value, json};
use zonekit_model::Uuid;
use zonekit_model::oci::{Kind, Ocid};

use super::*;
use crate::common::{Api, ONE, TENANCY, TWO, zone};

#[tokio::test]
async fn a_zone_is_made_read_changed_moved_and_removed() {
    let api = Api::new();
    let created = api
        .send(ONE, "POST", "/20180115/zones", Some(zone("Example.ORG")))
        .await;
    assert_eq!(created.status, 201, "{}", created.body);
    let id = created.body["id"].as_str().unwrap();
    let path = format!("/20180115/zones/{id}");
    assert_eq!(created.body["name"], "example.org");
    assert_eq!(created.body["lifecycleState"], "CREATING");
    assert_eq!(created.body["serial"], 0);
    assert_eq!(
        created.body["externalMasters"],
        json!([{"address": "192.0.2.1", "port": 5300}])
    );
    assert_eq!(created.body["self"], format!("http://127.0.0.1:8053{path}"));
    assert_eq!(
        created.header("location"),
        created.body["self"].as_str().unwrap()
    );

    for path in [
        &path,
        "/20180115/zones/example.org",
        "/20180115/zones/EXAMPLE.org.",
    ] {
        let read = api.get(ONE, path).await;
        assert_eq!((read.status, &read.body), (200, &created.body));
        assert_eq!(read.header("etag"), created.header("etag"));
    }

    let tags = json!({"freeformTags": {"a": "b"}});
    let changed = api.send(ONE, "PUT", &path, Some(tags)).await;
    assert_eq!(changed.status, 200, "{}", changed.body);
    assert_eq!(changed.body["freeformTags"], json!({"a": "b"}));
    assert_eq!(
        changed.body["externalMasters"],
        created.body["externalMasters"]
    );
    assert_ne!(changed.header("etag"), created.header("etag"));
    let masters =
        json!({"externalMasters": [{"address": "::1"}, {"address": "192.0.2.1", "port": "53"}]});
    let changed = api
        .send(ONE, "PUT", "/20180115/zones/example.org", Some(masters))
        .await;
    assert_eq!(
        changed.body["externalMasters"],
        json!([{"address": "::1"}, {"address": "192.0.2.1", "port": 53}])
    );
    assert_eq!(changed.body["freeformTags"], json!({"a": "b"}));

    let elsewhere = "ocid1.compartment.oc1..elsewhere";
    let action = format!("{path}/actions/changeCompartment");
    let moved = api
        .send(
            ONE,
            "POST",
            &action,
            Some(json!({"compartmentId": elsewhere})),
        )
        .await;
    assert_eq!((moved.status, &moved.body), (202, &Value::Null));
    assert_eq!(api.get(ONE, &path).await.body["compartmentId"], elsewhere);

    let removed = api.send(ONE, "DELETE", &path, None).await;
    assert_eq!((removed.status, &removed.body), (204, &Value::Null));
    let work = removed.header("opc-work-request-id");
    let work = api
        .get(ONE, &format!("/20160918/workRequests/{work}"))
        .await;
    assert_eq!(
        (work.status, &work.body["status"]),
        (200, &json!("SUCCEEDED"))
    );
    assert_eq!(work.body["resources"][0]["identifier"], id);
    assert_eq!(
        api.get(
            TWO,
            &format!(
                "/20160918/workRequests/{}",
                removed.header("opc-work-request-id")
            )
        )
        .await
        .status,
        404
    );
    let gone = api.get(ONE, &path).await;
    assert_eq!((gone.status, gone.code()), (404, "NotAuthorizedOrNotFound"));
}

#[tokio::test]
async fn another_contracts_zones_are_as_if_they_were_not() {
    let api = Api::new();
    let made = api
        .send(ONE, "POST", "/20180115/zones", Some(zone("example.org")))
        .await;
    let id = made.body["id"].as_str().unwrap();
    let unused = Ocid {
        kind: Kind::Zone,
        id: Uuid::from_u128(5),
    }
    .to_string();
    for path in [id, "example.org", &unused, "no.such.example", "not a name"] {
        let path = format!("/20180115/zones/{}", path.replace(' ', "%20"));
        for (method, body) in [("GET", None), ("PUT", Some(json!({}))), ("DELETE", None)] {
            let answer = api.send(TWO, method, &path, body).await;
            assert_eq!(
                (answer.status, answer.code()),
                (404, "NotAuthorizedOrNotFound"),
                "{method} {path}"
            );
            assert_eq!(answer.body["message"], "there is no such zone");
        }
        assert_eq!(api.get(TWO, &format!("{path}/records")).await.status, 404);
        assert_eq!(api.get(TWO, &format!("{path}/content")).await.status, 404);
    }
    let list = api
        .get(TWO, &format!("/20180115/zones?compartmentId={TENANCY}"))
        .await;
    assert_eq!(
        (list.body, list.headers["opc-total-items"].to_str().unwrap()),
        (json!([]), "0")
    );
    let taken = api
        .send(TWO, "POST", "/20180115/zones", Some(zone("EXAMPLE.org")))
        .await;
    assert_eq!(
        (taken.status, taken.code()),
        (409, "NotAuthorizedOrResourceAlreadyExists")
    );
    assert_eq!(
        taken.body["message"],
        "the zone name example.org is already in use"
    );
}

#[tokio::test]
async fn lists_are_filtered_ordered_and_go_on_where_they_stopped() {
    let api = Api::new();
    for name in ["c.example", "a.example", "b.test", "d.example"] {
        assert_eq!(
            api.send(ONE, "POST", "/20180115/zones", Some(zone(name)))
                .await
                .status,
            201
        );
    }
    let base = format!("/20180115/zones?compartmentId={TENANCY}");
    let check = async |more: &str| {
        let list = api.get(ONE, &format!("{base}{more}")).await;
        assert_eq!(list.status, 200, "{more}: {}", list.body);
        ids(&list).join(" ")
    };
    assert_eq!(check("").await, "c.example a.example b.test d.example");
    assert_eq!(
        check("&sortBy=name").await,
        "a.example b.test c.example d.example"
    );
    assert_eq!(
        check("&sortBy=name&sortOrder=DESC&limit=2").await,
        "d.example c.example"
    );
    assert_eq!(
        check("&sortOrder=DESC").await,
        "d.example b.test a.example c.example"
    );
    assert_eq!(
        check("&nameContains=EXAMPLE&zoneType=SECONDARY").await,
        "c.example a.example d.example"
    );
    assert_eq!(check("&name=a.example").await, "a.example");
    assert_eq!(check("&name=A.example").await, "");
    assert_eq!(
        check("&lifecycleState=CREATING&scope=GLOBAL").await,
        "c.example a.example b.test d.example"
    );
    for nothing in [
        "lifecycleState=ACTIVE",
        "lifecycleState=UPDATING",
        "zoneType=PRIMARY",
        "scope=PRIVATE",
        "dnssecState=ENABLED",
        "tsigKeyId=ocid1.dns-tsig-key.oc1..ab",
        "timeCreatedLessThan=2020-01-01T00:00:00Z",
    ] {
        assert_eq!(check(&format!("&{nothing}")).await, "", "{nothing}");
    }
    let first = api.get(ONE, "/20180115/zones/c.example").await.body["timeCreated"]
        .as_str()
        .unwrap()
        .to_owned();
    let from = format!(
        "&timeCreatedGreaterThanOrEqualTo={}",
        first.replace(':', "%3A")
    );
    assert_eq!(check(&from).await, "c.example a.example b.test d.example");

    // Page by page, while zones come and go.
    for order in [
        "",
        "&sortBy=name",
        "&sortBy=name&sortOrder=DESC",
        "&sortOrder=DESC",
    ] {
        let all = check(order).await;
        let (mut seen, mut page) = (Vec::new(), String::new());
        loop {
            let list = api.get(ONE, &format!("{base}{order}&limit=1{page}")).await;
            seen.extend(ids(&list).iter().map(|name| (*name).to_owned()));
            match list.headers.get("opc-next-page") {
                Some(next) => page = format!("&page={}", next.to_str().unwrap()),
                None => break,
            }
            assert!(seen.len() < 9);
        }
        assert_eq!(seen.join(" "), all, "{order}");
    }
    let first = api.get(ONE, &format!("{base}&limit=1")).await;
    let next = first.header("opc-next-page").to_owned();
    api.send(ONE, "DELETE", "/20180115/zones/c.example", None)
        .await;
    assert_eq!(check(&format!("&limit=1&page={next}")).await, "a.example");

    for (bad, code) in [
        ("&limit=0", "InvalidParameter"),
        ("&limit=1001", "InvalidParameter"),
        ("&sortBy=size", "InvalidParameter"),
        ("&sortOrder=UP", "InvalidParameter"),
        ("&page=elsewhere", "InvalidParameter"),
        ("&page=n.a&sortBy=timeCreated", "InvalidParameter"),
        ("&scope=SOME", "InvalidParameter"),
        ("&lifecycleState=DONE", "InvalidParameter"),
        ("&timeCreatedLessThan=now", "InvalidParameter"),
    ] {
        let answer = api.get(ONE, &format!("{base}{bad}")).await;
        assert_eq!((answer.status, answer.code()), (400, code), "{bad}");
    }
    let missing = api.get(ONE, "/20180115/zones").await;
    assert_eq!((missing.status, missing.code()), (400, "MissingParameter"));
}

#[tokio::test]
async fn compartments_are_labels_and_the_tenancy_holds_what_is_in_none() {
    let api = Api::new();
    let elsewhere = "ocid1.compartment.oc1..elsewhere";
    let mut there = zone("there.example");
    there["compartmentId"] = json!(elsewhere);
    api.send(ONE, "POST", "/20180115/zones", Some(there)).await;
    api.ionos_zone("here.example").await;
    let list = async |compartment: &str| {
        let list = api
            .get(ONE, &format!("/20180115/zones?compartmentId={compartment}"))
            .await;
        ids(&list).join(" ")
    };
    assert_eq!(list(elsewhere).await, "there.example");
    assert_eq!(list(TENANCY).await, "here.example");
    assert_eq!(
        api.get(ONE, "/20180115/zones/here.example").await.body["compartmentId"],
        TENANCY
    );
}
