//! The OCI shapes through the public API: what is accepted re-serialises equal, and no input panics.

use std::net::IpAddr;

use proptest::{collection::vec, option, prelude::*};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use zonekit_model::{
    BodyError, Compartment, ContentVersion, Contract, Cursor, KeyDraft, Labels, Primaries, Primary,
    RecordView, SecondaryZone, Timestamp, Uuid, ZoneDraft, ZoneEdit, ZoneName, ZoneState,
    oci::{
        CompartmentChange, KeyCreate, KeyItem, KeySummary, KeyUpdate, Ocid, RecordItem, Viewer,
        WorkRequest, ZoneCreate, ZoneItem, ZoneSight, ZoneSummary, ZoneUpdate,
    },
};

/// Any JSON, not too deep, with the members that matter in it.
fn json_values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    let members = prop_oneof![
        Just("name".to_owned()),
        Just("compartmentId".to_owned()),
        Just("externalMasters".to_owned()),
        Just("address".to_owned()),
        Just("secret".to_owned()),
        any::<String>(),
    ];
    leaf.prop_recursive(3, 20, 4, move |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            vec((members.clone(), inner), 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn masters() -> impl Strategy<Value = Value> {
    let port = prop_oneof![
        Just(Value::Null),
        any::<u32>().prop_map(Value::from),
        (1..=u16::MAX).prop_map(Value::from),
        (1..=u16::MAX).prop_map(|port| port.to_string().into()),
        "[0-9 +-]{0,6}".prop_map(Value::from),
    ];
    let address = prop_oneof![
        4 => any::<IpAddr>().prop_map(|address| address.to_string()),
        1 => "[0-9a-f:.]{0,12}",
    ];
    let key = prop_oneof![
        Just(Value::Null),
        Just(json!(
            "ocid1.dns-tsig-key.oc1..000000000000000000000000000000ab"
        )),
        Just(json!("ocid1.other.oc1..x")),
        json_values(),
    ];
    let master = (address, port, key).prop_map(
        |(address, port, key)| json!({"address": address, "port": port, "tsigKeyId": key}),
    );
    vec(master, 0..4).prop_map(Value::from)
}

fn tags() -> impl Strategy<Value = (Value, Value)> {
    let freeform = prop_oneof![
        Just(Value::Null),
        Just(json!({})),
        "[a-z]{0,3}".prop_map(|text| json!({ "a": text })),
        json_values(),
    ];
    let defined = prop_oneof![
        Just(Value::Null),
        json_values().prop_map(|value| json!({"space": {"tag": value}})),
        json_values(),
    ];
    (freeform, defined)
}

/// Bodies that look like a zone or a key.
fn bodies() -> impl Strategy<Value = Value> {
    let name = prop_oneof![
        4 => r"([a-zA-Z0-9_-]{1,10}\.){0,4}[a-zA-Z]{1,6}\.?",
        1 => any::<String>(),
    ];
    let word = |words: &'static [&'static str]| proptest::sample::select(words);
    let secret = prop_oneof![Just("c2VjcmV0".to_owned()), any::<String>()];
    let algorithm = word(&["hmac-sha256", "HMAC-SHA1.", "hmac-md5"]);
    let compartment = word(&["ocid1.tenancy.oc1..aaaatest", "tenancy"]);
    let kind = word(&["SECONDARY", "SECONDARY", "PRIMARY"]);
    (
        name,
        compartment,
        kind,
        masters(),
        tags(),
        secret,
        algorithm,
    )
        .prop_map(
            |(name, compartment, kind, masters, (freeform, defined), secret, algorithm)| {
                json!({
                    "name": name, "compartmentId": compartment, "zoneType": kind, "scope": "GLOBAL",
                    "migrationSource": "NONE", "externalMasters": masters, "secret": secret,
                    "algorithm": algorithm, "freeformTags": freeform, "definedTags": defined,
                })
            },
        )
}

/// What is read is written so that it reads back as the same.
fn reads_back<T: Serialize + PartialEq + std::fmt::Debug>(
    body: &[u8],
    parse: impl Fn(&[u8]) -> Result<T, BodyError>,
) -> Option<T> {
    let read = parse(body).ok()?;
    let written = serde_json::to_vec(&read).unwrap();
    assert_eq!(parse(&written), Ok(read));
    parse(body).ok()
}

/// What is written by derived code reads back by derived code.
fn survives<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(value: &T) {
    let text = serde_json::to_string(value).unwrap();
    assert_eq!(&serde_json::from_str::<T>(&text).unwrap(), value, "{text}");
}

fn check(body: &[u8]) {
    if let Some(create) = reads_back(body, ZoneCreate::parse) {
        let _ = ZoneDraft::from(create);
    }
    if let Some(update) = reads_back(body, ZoneUpdate::parse) {
        let _ = ZoneEdit::from(update);
    }
    if let Some(create) = reads_back(body, KeyCreate::parse) {
        let _ = KeyDraft::from(create);
    }
    reads_back(body, KeyUpdate::parse);
    reads_back(body, CompartmentChange::parse);
}

fn zone(id: u128, name: &str, compartment: Option<&str>, ports: &[Option<u16>]) -> SecondaryZone {
    let primary = |(n, port): (usize, &Option<u16>)| Primary {
        port: *port,
        ..Primary::from(IpAddr::from([192, 0, 2, n as u8 + 1]))
    };
    SecondaryZone {
        id: Uuid::from_u128(id),
        contract: "demo".parse::<Contract>().ok(),
        name: name.parse::<ZoneName>().unwrap(),
        description: Default::default(),
        primaries: Primaries::new(ports.iter().enumerate().map(primary).collect::<Vec<_>>())
            .unwrap(),
        created: Timestamp(1_700_000_000_123),
        modified: Timestamp(1_700_000_000_456),
        generation: 7,
        declared: false,
        zonemd: Default::default(),
        notify_sources: Default::default(),
        labels: Labels {
            compartment: compartment.map(|text| text.parse().unwrap()),
            ..Labels::default()
        },
        retry: None,
        member: None,
    }
}

fn viewer(root: &Compartment) -> Viewer<'_> {
    Viewer {
        root,
        base: "http://127.0.0.1:1",
        nameservers: &[],
        transfer_addresses: &[],
    }
}

#[test]
fn a_zone_has_every_member_that_the_vendor_calls_required() {
    let root: Compartment = "ocid1.tenancy.oc1..aaaatest".parse().unwrap();
    let zone = zone(0xab, "example.org", None, &[None, Some(5300)]);
    let sight = ZoneSight {
        zone: &zone,
        state: ZoneState::Available,
        serial: Some(7),
        version: ContentVersion { epoch: 1, count: 2 },
        keys: &[Some(Uuid::from_u128(0xcd)), None],
    };
    let nameservers = ["ns1.example.net.".to_owned()];
    let addresses = [IpAddr::from([127, 0, 0, 1])];
    let viewer = Viewer {
        nameservers: &nameservers,
        transfer_addresses: &addresses,
        ..viewer(&root)
    };
    let ocid = "ocid1.dns-zone.oc1..000000000000000000000000000000ab";
    let expected = json!({
        "id": ocid,
        "name": "example.org",
        "zoneType": "SECONDARY",
        "compartmentId": "ocid1.tenancy.oc1..aaaatest",
        "viewId": null,
        "scope": "GLOBAL",
        "freeformTags": {},
        "definedTags": {},
        "resolutionMode": "STATIC",
        "dnssecState": "DISABLED",
        "self": format!("http://127.0.0.1:1/20180115/zones/{ocid}"),
        "timeCreated": "2023-11-14T22:13:20.123Z",
        "version": "000000000001000000000002",
        "serial": 7,
        "lifecycleState": "ACTIVE",
        "isProtected": false,
        "externalMasters": [
            {"address": "192.0.2.1", "tsigKeyId": "ocid1.dns-tsig-key.oc1..000000000000000000000000000000cd"},
            {"address": "192.0.2.2", "port": 5300},
        ],
        "externalDownstreams": [],
        "nameservers": [{"hostname": "ns1.example.net"}],
        "zoneTransferServers": [
            {"address": "127.0.0.1", "isTransferSource": false, "isTransferDestination": true},
        ],
    });
    let item = ZoneItem::new(sight, viewer);
    assert_eq!(serde_json::to_value(&item).unwrap(), expected);
    survives(&item);
    survives(&ZoneSummary::new(sight, viewer));
}

#[test]
fn what_is_asked_for_beyond_secondary_zones_is_refused_by_member() {
    let check = |more: Value| {
        let mut body = json!({
            "name": "example.org", "compartmentId": "ocid1.tenancy.oc1..a", "zoneType": "SECONDARY",
            "externalMasters": [{"address": "192.0.2.1"}],
        });
        body.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        ZoneCreate::parse(body.to_string().as_bytes())
            .map(|_| ())
            .map_err(|error| error.to_string())
    };
    assert_eq!(check(json!({})), Ok(()));
    assert_eq!(
        check(json!({"viewId": null, "externalDownstreams": []})),
        Ok(())
    );
    for (more, said) in [
        (
            json!({"zoneType": "PRIMARY"}),
            "zoneType: SECONDARY was expected, not \"PRIMARY\"",
        ),
        (
            json!({"zoneType": null}),
            "zoneType: SECONDARY was expected, but nothing is there",
        ),
        (
            json!({"scope": "PRIVATE"}),
            "scope: GLOBAL was expected, not \"PRIVATE\"",
        ),
        (
            json!({"migrationSource": "DYNECT"}),
            "migrationSource: NONE was expected, not \"DYNECT\"",
        ),
        (
            json!({"viewId": "ocid1.dnsview.oc1..a"}),
            "viewId: nothing was expected, not \"ocid1.dnsview.oc1..a\"",
        ),
        (
            json!({"externalMasters": null}),
            "externalMasters: an array of primaries was expected, but nothing is there",
        ),
        (
            json!({"externalMasters": [{"port": 53}]}),
            "externalMasters[0].address: an IPv4 or IPv6 address was expected, but nothing is there",
        ),
        (
            json!({"externalMasters": [{"address": "192.0.2.1", "port": "5x"}]}),
            "externalMasters[0].port: a port from 1 to 65535 was expected, not \"5x\"",
        ),
        (
            json!({"externalMasters": [{"address": "192.0.2.1", "port": 0}]}),
            "externalMasters[0].port: a port from 1 to 65535 was expected, not 0",
        ),
        (
            json!({"freeformTags": {"a": 1}}),
            "freeformTags: an object of texts was expected, not {\"a\":1}",
        ),
    ] {
        assert_eq!(check(more), Err(said.to_owned()));
    }
}

#[test]
fn a_secret_that_is_none_is_not_repeated() {
    let body = json!({
        "name": "k.example", "compartmentId": "ocid1.tenancy.oc1..a", "algorithm": "hmac-sha256",
        "secret": "not base64 at all",
    });
    let error = KeyCreate::parse(body.to_string().as_bytes()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "secret: base64 of 1 to 4096 octets was expected, not what was given"
    );
}

#[test]
fn a_key_shows_its_secret_by_itself_but_not_in_lists() {
    let root: Compartment = "ocid1.tenancy.oc1..aaaatest".parse().unwrap();
    let body = json!({
        "name": "K.Example.", "compartmentId": "ocid1.tenancy.oc1..a", "algorithm": "HMAC-SHA256.",
        "secret": "c2VjcmV0", "freeformTags": {"a": "b"},
    });
    let draft = KeyDraft::from(KeyCreate::parse(body.to_string().as_bytes()).unwrap());
    let key = zonekit_model::TsigKey {
        id: Uuid::from_u128(1),
        contract: None,
        name: draft.name,
        algorithm: draft.algorithm,
        secret: draft.secret,
        created: Timestamp(5),
        modified: None,
        generation: 5,
        declared: false,
        labels: draft.labels,
    };
    let (item, summary) = (
        KeyItem::new(&key, viewer(&root)),
        KeySummary::new(&key, viewer(&root)),
    );
    let shown = serde_json::to_value(&item).unwrap();
    assert_eq!(
        (&shown["secret"], &shown["algorithm"]),
        (&json!("c2VjcmV0"), &json!("hmac-sha256"))
    );
    assert!(
        !serde_json::to_string(&summary)
            .unwrap()
            .contains("c2VjcmV0")
    );
    assert!(!format!("{item:?}").contains("c2VjcmV0"));
    survives(&item);
    survives(&summary);
}

#[test]
fn a_records_hash_is_that_of_owner_type_and_rdata() {
    let record = |owner: &str, rtype: &str, ttl, rdata: &str| {
        let record = RecordView {
            owner: owner.into(),
            rtype: rtype.parse().unwrap(),
            ttl,
            rdata: rdata.into(),
        };
        RecordItem::new(ContentVersion::default(), &record)
    };
    let one = record("WWW.example.org.", "A", 60, "192.0.2.1");
    assert_eq!(
        (one.domain.as_str(), one.record_hash.len()),
        ("WWW.example.org", 32)
    );
    assert_eq!(
        one.record_hash,
        record("www.example.org.", "A", 9, "192.0.2.1").record_hash
    );
    for other in [
        record("ww.example.org.", "A", 60, "192.0.2.1"),
        record("www.example.org.", "TXT", 60, "192.0.2.1"),
        record("www.example.org.", "A", 60, "192.0.2.2"),
    ] {
        assert_ne!(one.record_hash, other.record_hash);
    }
    assert_eq!(record(".", "NS", 60, "a.").domain, ".");
    survives(&one);
}

#[test]
fn work_reads_back() {
    let ocid = |text: &str| text.parse::<Ocid>().unwrap();
    survives(&WorkRequest::removed(
        ocid("ocid1.dns-workrequest.oc1..000000000000000000000000000000ab"),
        ocid("ocid1.dns-zone.oc1..000000000000000000000000000000ab"),
        "ocid1.tenancy.oc1..aaaatest".parse().unwrap(),
        Timestamp(1),
    ));
}

proptest! {
    /// What is accepted is written so that it reads back as the same.
    #[test]
    fn accepted_bodies_read_back(body in bodies()) {
        check(body.to_string().as_bytes());
    }

    /// No JSON panics, nor does anything else.
    #[test]
    fn any_body_is_taken_or_refused(value in json_values(), octets in vec(any::<u8>(), 0..60)) {
        check(value.to_string().as_bytes());
        check(&octets);
    }

    /// Ids and places in lists read back from their text, and no text panics.
    #[test]
    fn ids_and_places_read_back(id in any::<u128>(), at in any::<u64>(), name in "[a-z.]{0,9}", text in any::<String>()) {
        let id = Uuid::from_u128(id);
        for kind in [zonekit_model::oci::Kind::Zone, zonekit_model::oci::Kind::Key, zonekit_model::oci::Kind::Work] {
            let ocid = Ocid { kind, id };
            prop_assert_eq!(ocid.to_string().parse(), Ok(ocid));
            prop_assert!(ocid.to_string().parse::<Compartment>().is_ok());
        }
        for cursor in [Cursor::Created(Timestamp(at), id), Cursor::Name(name.into())] {
            prop_assert_eq!(cursor.to_string().parse(), Ok(cursor));
        }
        let _ = (text.parse::<Ocid>(), text.parse::<Cursor>(), text.parse::<Compartment>());
    }

    /// A zone that is shown reads back, whatever it is like.
    #[test]
    fn zones_that_are_shown_read_back(
        id in any::<u128>(),
        name in r"([a-z0-9-]{1,9}\.){0,3}[a-z]{1,9}",
        compartment in option::of("ocid1\\.x\\.oc1\\.\\.[a-z]{1,5}"),
        ports in vec(option::of(1..u16::MAX), 1..5),
        serial in option::of(any::<u32>()),
    ) {
        let root: Compartment = "ocid1.tenancy.oc1..aaaatest".parse().unwrap();
        let zone = zone(id, &name, compartment.as_deref(), &ports);
        for state in ZoneState::ALL {
            let sight = ZoneSight { zone: &zone, state, serial, version: ContentVersion::default(), keys: &[] };
            survives(&ZoneItem::new(sight, viewer(&root)));
        }
    }
}
