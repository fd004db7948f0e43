//! The IONOS shapes through the public API: what is accepted re-serialises equal, and no input panics.

use std::net::{IpAddr, SocketAddr};

use proptest::{collection::vec, option, prelude::*};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use zonekit_model::{
    Contract, Description, Failure, PageRequest, Primaries, Primary, PrimaryOutcome, PrimaryStatus,
    RecordView, SecondaryZone, Standing, Timestamp, TransferFigures, TransferKind, Uuid, ZoneDraft,
    ZoneName, ZoneState, ZoneStatus, ZonemdPolicy,
    ionos::{Collection, Place, RecordItem, TransferStatus, ZoneItem, ZoneWrite},
};

/// Names as people write them, good and bad.
fn name_texts() -> impl Strategy<Value = String> {
    prop_oneof![
        r"([a-zA-Z0-9_-]{1,10}\.){0,4}[a-zA-Z]{1,6}\.?",
        r"[a-z.\\0-9]{0,12}",
        Just(".".to_owned()),
        any::<String>(),
    ]
}

fn address_texts() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => any::<IpAddr>().prop_map(|address| address.to_string()),
        1 => "[0-9a-f:.]{0,12}",
    ]
}

/// Any JSON, not too deep.
fn json_values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 20, 4, |inner| {
        let members = prop_oneof![
            Just("properties".to_owned()),
            Just("zoneName".to_owned()),
            Just("primaryIps".to_owned()),
            Just("description".to_owned()),
            any::<String>(),
        ];
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            vec((members, inner), 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// Bodies that look like a zone.
fn bodies() -> impl Strategy<Value = Value> {
    let description = prop_oneof![
        Just(Value::Null),
        any::<String>().prop_map(Value::from),
        json_values()
    ];
    (name_texts(), description, vec(address_texts(), 0..4), json_values()).prop_map(
        |(name, description, addresses, more)| {
            json!({
                "properties": {"zoneName": name, "description": description, "primaryIps": addresses, "more": more},
                "id": more,
            })
        },
    )
}

fn timestamps() -> impl Strategy<Value = Timestamp> {
    // To the end of the year 9999, past which RFC 3339 has no dates.
    (0..253_402_207_200_000_u64).prop_map(Timestamp)
}

fn zones() -> impl Strategy<Value = SecondaryZone> {
    let primaries = vec((any::<IpAddr>(), option::of(1..u16::MAX)), 1..5).prop_filter_map(
        "no hosts",
        |primaries| {
            let primary = |(address, port)| Primary {
                port,
                ..Primary::from(address)
            };
            Primaries::new(primaries.into_iter().map(primary).collect::<Vec<_>>()).ok()
        },
    );
    let names = r"([a-z0-9-]{1,9}\.){0,3}[a-z]{1,9}";
    (
        any::<u128>(),
        option::of("[a-z]{1,9}"),
        names,
        any::<String>(),
        primaries,
        timestamps(),
        timestamps(),
    )
        .prop_map(
            |(id, contract, name, description, primaries, created, modified)| SecondaryZone {
                id: Uuid::from_u128(id),
                contract: contract.map(|name| name.parse::<Contract>().unwrap()),
                name: name.parse::<ZoneName>().unwrap(),
                description: Description::try_from(description).unwrap(),
                primaries,
                notify_sources: Default::default(),
                zonemd: [ZonemdPolicy::Off, ZonemdPolicy::Required][(id % 2) as usize],
                created,
                modified,
                generation: created.0,
                declared: id % 2 == 0,
                labels: Default::default(),
                retry: None,
                member: None,
            },
        )
}

fn statuses() -> impl Strategy<Value = ZoneStatus> {
    let outcomes = prop_oneof![
        Just(PrimaryOutcome::Ok),
        Just(PrimaryOutcome::Pending),
        Just(PrimaryOutcome::InProgress),
        Just(PrimaryOutcome::Error),
    ];
    let addresses = (any::<IpAddr>(), any::<u16>()).prop_map(SocketAddr::from);
    let primary = (
        addresses,
        outcomes,
        option::of(any::<String>()),
        option::of(timestamps()),
    )
        .prop_map(|(address, outcome, failure, at)| PrimaryStatus {
            outcome,
            failure: failure.map(|text| Failure {
                kind: "timeout".into(),
                text,
            }),
            last_check: at,
            transfer: at.map(|at| TransferFigures {
                kind: TransferKind::Axfr,
                serial: 1,
                at,
                octets: 2,
                messages: 3,
                records: 4,
                duration: 5,
            }),
            ..PrimaryStatus::pending(address)
        });
    (
        option::of(any::<u32>()),
        vec(primary, 0..4),
        option::of(timestamps()),
    )
        .prop_map(|(serial, primaries, at)| ZoneStatus {
            standing: if serial.is_some() {
                Standing::Current
            } else {
                Standing::NeverLoaded
            },
            serial,
            last_check: at,
            expires_at: at,
            primaries,
            ..ZoneStatus::default()
        })
}

/// Writes a value as JSON and reads it back.
fn through_json<T: Serialize + DeserializeOwned>(value: &T) -> T {
    serde_json::from_slice(&serde_json::to_vec(value).unwrap()).unwrap()
}

proptest! {
    /// No octets panic.
    #[test]
    fn any_octets_are_a_zone_or_an_error(octets in vec(any::<u8>(), 0..200)) {
        let _ = ZoneWrite::parse(&octets);
    }

    /// No JSON panics, and an error always has words.
    #[test]
    fn any_json_is_a_zone_or_an_error(value in json_values()) {
        if let Err(error) = ZoneWrite::parse(value.to_string().as_bytes()) {
            prop_assert!(!error.to_string().is_empty());
        }
    }

    /// What is accepted re-serialises equal.
    #[test]
    fn an_accepted_body_is_its_own_normal_form(body in bodies()) {
        if let Ok(write) = ZoneWrite::parse(body.to_string().as_bytes()) {
            let again = serde_json::to_vec(&write).unwrap();
            prop_assert_eq!(ZoneWrite::parse(&again), Ok(write.clone()));
            prop_assert_eq!(through_json(&write), write);
        }
    }

    /// What is shown can be sent back unchanged and asks for what is there.
    #[test]
    fn a_zone_shown_and_sent_back_asks_for_the_same(zone in zones()) {
        let shown = ZoneItem::new(&zone, ZoneState::Available, &["ns.example.".into()]);
        prop_assert_eq!(&through_json(&shown), &shown);
        let write = ZoneWrite::parse(&serde_json::to_vec(&shown).unwrap()).unwrap();
        let draft = ZoneDraft::from(write);
        prop_assert_eq!((draft.name, draft.description), (zone.name, zone.description));
    }

    /// What the store keeps of a zone reads back.
    #[test]
    fn a_zone_reads_back_from_its_own_json(zone in zones(), status in statuses()) {
        prop_assert_eq!(&through_json(&zone), &zone);
        prop_assert_eq!(&through_json(&status), &status);
    }

    /// A status has one item for each primary, in the zone's order, whatever is known of them.
    #[test]
    fn a_status_has_the_zones_primaries(zone in zones(), status in statuses()) {
        let shown = TransferStatus::new(&zone, &status);
        prop_assert_eq!(&through_json(&shown), &shown);
        let addresses: Vec<_> = shown.items.iter().map(|item| item.primary_ip).collect();
        let listed: Vec<_> = zone.primaries.iter().map(|primary| primary.address).collect();
        prop_assert_eq!(addresses, listed);
        for item in &shown.items {
            prop_assert_eq!(item.error_message.is_empty(), item.status == PrimaryOutcome::Ok);
        }
    }

    /// No record panics, whatever its text is like.
    #[test]
    fn any_record_can_be_shown(zone in zones(), owner in any::<String>(), rtype in 0..300_u16, rdata in any::<String>()) {
        let rtype = format!("TYPE{rtype}").parse().unwrap();
        let item = RecordItem::new(&zone, &RecordView { owner, rtype, ttl: 1, rdata });
        let page = PageRequest { offset: 3, limit: 1 };
        let list = Collection::new(zone.id, &Place { path: "/x", filters: vec![] }, page, vec![item], 9);
        prop_assert_eq!(&through_json(&list), &list);
    }
}
