//! Answers out of a store, as it changes.

mod common;

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

use common::{Ask, NOW, name, render, zone};
use zonekit_serve::{Action, Config, Holding, Responder, Zones};
use zonekit_store::{Content, Diff, Generation, Publication, Standing, Store, Zone};
use zonekit_wire::{Message, Name, Rtype, Serial};

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

/// A store that counts how often a history is read.
struct Counted {
    store: Store,
    read: AtomicUsize,
}

impl Zones for Counted {
    fn enclosing(&self, name: Name<'_>) -> Option<Holding> {
        Zones::enclosing(&self.store, name)
    }

    fn zone(&self, apex: Name<'_>) -> Option<Holding> {
        Zones::zone(&self.store, apex)
    }

    fn differences(&self, apex: Name<'_>, from: Serial) -> Option<Vec<Diff>> {
        self.read.fetch_add(1, Relaxed);
        self.store.differences(apex, from)
    }

    fn differences_octets(&self, apex: Name<'_>, from: Serial) -> Option<u64> {
        self.store.differences_octets(apex, from)
    }
}

#[test]
fn a_history_that_will_not_be_sent_is_not_read() {
    let hosts = |from: u32, to: u32| -> String {
        (from..to)
            .map(|number| format!("host{number} 60 IN A 192.0.2.1\n"))
            .collect()
    };
    let version = |serial: u32, hosts: &str| {
        let text = format!(
            "@ 60 IN SOA ns h {serial} 1 1 1 60\n@ 60 IN NS ns\nns 60 IN A 192.0.2.1\n{hosts}"
        );
        zone("example.", &text)
    };
    let versions = [
        version(1, &hosts(0, 10)),
        version(2, &hosts(1000, 2000)), // far from the first
        version(3, &hosts(1001, 2000)), // nearly the second
    ];
    let store = Store::in_memory();
    let apex = name("example.");
    let mut generation = store.create_zone(apex.as_name()).unwrap();
    generation = publish(&store, generation, Content::Replace(versions[0].clone()));
    for pair in versions.windows(2) {
        let (zone, diff) = (pair[1].clone(), Diff::between(&pair[0], &pair[1]));
        generation = publish(&store, generation, Content::Patch { zone, diff });
    }
    let table = Arc::new(Counted {
        store,
        read: AtomicUsize::new(0),
    });
    let allow_transfer = ["127.0.0.1".parse().unwrap()].into_iter().collect();
    let responder = Responder::new(
        Arc::clone(&table) as _,
        Config {
            allow_transfer,
            ..Config::default()
        },
    );
    let read = || table.read.load(Relaxed);
    let lines = |question: &str| render(&respond(&responder, question).1).lines().count();

    assert_eq!(lines("example. IXFR=1"), 2, "the SOA alone");
    assert_eq!(read(), 0, "over UDP that cannot fit");
    assert_eq!(lines("example. IXFR=2"), 6, "five records");
    assert_eq!(read(), 1);

    let (Action::Transfer(whole), _) = respond(&responder, "example. IXFR=1 +tcp") else {
        panic!("no transfer")
    };
    assert!(whole.is_prepared(), "the zone is smaller than its history");
    let (Action::Transfer(mut steps), _) = respond(&responder, "example. IXFR=2 +tcp") else {
        panic!("no transfer")
    };
    assert!(!steps.is_prepared());
    assert_eq!(read(), 1, "reading is for the caller to begin");
    steps.prepare();
    assert_eq!((steps.is_prepared(), read()), (true, 2));
}
