//! Answers out of a store, as it changes.

mod common;

use std::sync::Arc;

use common::{Ask, NOW, name, render, zone};
use zonekit_serve::{Action, Config, Responder};
use zonekit_store::{Content, Diff, Generation, Publication, Standing, Store, Zone};
use zonekit_wire::{Message, Rtype};

fn version(serial: u32) -> Zone {
    let hosts: String = (0..100)
        .map(|number| format!("host{number} 60 IN A 192.0.2.1\n"))
        .collect();
    zone(
        "example.",
        &format!(
            "@ 60 IN SOA ns h {serial} 1 1 1 60\n@ 60 IN NS ns\nns 60 IN A 192.0.2.{serial}\n{hosts}"
        ),
    )
}

fn publish(store: &Store, expected: Generation, content: Content) -> Generation {
    store
        .publish(Publication {
            zone: name("example."),
            expected,
            content,
            timers: None,
        })
        .unwrap()
}

fn respond(responder: &Responder, question: &str) -> (Action, Vec<u8>) {
    let request = Ask::new(question);
    let mut out = Vec::new();
    let action = responder
        .worker()
        .respond(&request.octets, request.peer, NOW, &mut out);
    (action, out)
}

#[test]
fn a_zone_is_answered_for_as_it_stands() {
    let store = Arc::new(Store::in_memory());
    let responder = Responder::new(Arc::clone(&store) as _, Config::default());
    let answer = |question: &str| render(&respond(&responder, question).1);
    assert_eq!(answer("ns.example. A"), "REFUSED");

    let apex = name("example.");
    let generation = store.create_zone(apex.as_name()).unwrap();
    assert_eq!(
        answer("ns.example. A +edns"),
        "SERVFAIL edns option15=[0, 14]"
    );

    publish(&store, generation, Content::Replace(version(1)));
    assert_eq!(
        answer("ns.example. A"),
        "NOERROR aa\nns.example. 60 IN A 192.0.2.1"
    );

    store
        .set_standing(apex.as_name(), Standing::Stale { until: NOW + 1 })
        .unwrap();
    assert_eq!(
        answer("ns.example. A"),
        "NOERROR aa\nns.example. 60 IN A 192.0.2.1"
    );
    store
        .set_standing(apex.as_name(), Standing::Expired)
        .unwrap();
    assert_eq!(
        answer("ns.example. A +edns"),
        "SERVFAIL edns option15=[0, 24]"
    );

    store.remove_zone(apex.as_name()).unwrap();
    assert_eq!(answer("ns.example. A"), "REFUSED");
}

#[test]
fn ixfr_comes_out_of_the_journal_as_far_back_as_that_goes() {
    let store = Arc::new(Store::in_memory());
    let apex = name("example.");
    let generation = store.create_zone(apex.as_name()).unwrap();
    let versions = [version(1), version(2), version(3)];
    let generation = publish(&store, generation, Content::Replace(versions[0].clone()));
    let patch = |old: &Zone, new: &Zone| Content::Patch {
        zone: new.clone(),
        diff: Diff::between(old, new),
    };
    let generation = publish(&store, generation, patch(&versions[0], &versions[1]));
    publish(&store, generation, patch(&versions[1], &versions[2]));

    let allow_transfer = ["127.0.0.1".parse().unwrap()].into_iter().collect();
    let responder = Responder::new(
        store,
        Config {
            allow_transfer,
            ..Config::default()
        },
    );
    let soas_and_records = |serial: u32| {
        let (Action::Transfer(mut transfer), _) =
            respond(&responder, &format!("example. IXFR={serial} +tcp"))
        else {
            panic!("no transfer")
        };
        let mut out = Vec::new();
        assert_eq!(transfer.next_message(NOW, &mut out), Ok(true));
        let records: Vec<_> = Message::new(&out)
            .unwrap()
            .records()
            .unwrap()
            .map(|record| record.unwrap().1)
            .collect();
        (
            records
                .iter()
                .filter(|record| record.rtype() == Rtype::SOA)
                .count(),
            records.len(),
        )
    };
    assert_eq!(
        soas_and_records(1),
        (6, 10),
        "two steps, each of two SOAs and two addresses, between two SOAs"
    );
    assert_eq!(soas_and_records(2), (4, 6));
    assert_eq!(soas_and_records(0), (2, 104), "the whole zone");
}
