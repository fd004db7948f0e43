//! The face of OCI's DNS API, called in process by a client that signs as the vendor's do.

#[path = "../common/mod.rs"]
mod common;

use common::{Answer, Api, ONE, TENANCY, TWO, http_date, zone};
use serde_json::{Value, json};
use std::time::{Duration, SystemTime};
use zonekit_model::{
    Uuid,
    oci::{Kind, Ocid},
};

/// Waits until the next second begins, so that what is signed from then on is not what was signed before.
async fn next_second() {
    let since = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap();
    tokio::time::sleep(Duration::from_nanos(
        1_000_000_000 - u64::from(since.subsec_nanos()),
    ))
    .await;
}

fn ids(answer: &Answer) -> Vec<&str> {
    let items = answer.body.as_array().unwrap();
    items
        .iter()
        .map(|item| item["name"].as_str().unwrap())
        .collect()
}

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
