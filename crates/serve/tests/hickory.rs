//! hickory-server over our zones says what we say, up to what [`HickoryZone`]'s page has on the matter.

mod common;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use common::{Ask, Table, ask, name, render};
use hickory_server::Server;
use hickory_server::zone_handler::Catalog;
use tokio::net::UdpSocket;
use tokio::time::timeout;
use zonekit_serve::{Config, HickoryZone, Holding};

const NSEC: &str = include_str!("data/signed.example.nsec.zone");
const NSEC3: &str = include_str!("data/signed.example.nsec3.zone");
const PLAIN: &str = "@ 300 IN SOA ns1 hostmaster 1 3600 900 604800 300\n@ 300 IN NS ns1\nns1 300 IN A 192.0.2.1\n\
    below 300 IN NS ns.below\nns.below 300 IN A 192.0.2.9\n*.wild 300 IN TXT \"any\"\nwww 300 IN CNAME ns1\n";

/// A hickory-server for the one zone of a table.
async fn hickory(table: &Table) -> (Server<Catalog>, SocketAddr) {
    let responder = table.responder(Config::default());
    let apex = table.0[0].0.as_name();
    let zone = HickoryZone::new(Arc::new(table.clone()), &responder, apex).unwrap();
    let mut catalog = Catalog::new();
    catalog.upsert(zone.origin(), vec![Arc::new(zone)]);
    let mut server = Server::new(catalog);
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    server.register_socket(socket);
    (server, address)
}

/// What is asked of the server at `address`, rendered.
async fn say(address: SocketAddr, question: &str) -> String {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    socket.connect(address).await.unwrap();
    let mut answer = vec![0; 65_535];
    for _ in 0..30 {
        socket.send(&Ask::new(question).octets).await.unwrap();
        let received = timeout(Duration::from_secs(2), socket.recv(&mut answer)).await;
        if let Ok(length) = received {
            return render(&answer[..length.unwrap()]);
        }
    }
    panic!("no answer to {question}");
}

/// What may differ put aside: the order within a section, AA of referrals, and the size that EDNS tells.
fn comparable(answer: &str) -> Vec<String> {
    let mut lines = answer.lines();
    let rcode = lines.next().unwrap_or_default().split(' ').next();
    let mut section = "";
    let mut lines: Vec<String> = { lines }
        .filter_map(|line| match line.strip_prefix("; ") {
            Some(begins) => {
                section = begins;
                None
            }
            None => Some(format!("{section} {line}")),
        })
        .collect();
    lines.sort();
    lines.insert(0, rcode.unwrap_or_default().to_owned());
    lines
}

#[track_caller]
fn check(apex: &str, text: &str, questions: &[&str]) {
    let table = Table::of(&[common::zone(apex, text)]);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let (_server, address) = hickory(&table).await;
        for question in questions {
            let ours = ask(&table, &format!("{question} +tcp"));
            let theirs = say(address, question).await;
            assert_eq!(comparable(&theirs), comparable(&ours), "{question}");
        }
    });
}

#[test]
fn an_unsigned_zone_is_told_as_we_tell_it() {
    let questions = [
        "example.org. MX",
        "ns1.example.org. A",
        "ns1.example.org. AAAA",
        "missing.example.org. A",
        "x.wild.example.org. TXT",
        "x.wild.example.org. A",
        "wild.example.org. A",
        "www.below.example.org. A",
        "www.example.org. A",
    ];
    check("example.org.", PLAIN, &questions);
}

/// Denials, wildcards and delegations, with their proofs.
const SIGNED: [&str; 11] = [
    "insecure.signed.example. DS +do +size=4096",
    "mail.signed.example. A +do +size=4096",
    "mail.signed.example. AAAA +do +size=4096",
    "missing.signed.example. A +do +size=4096",
    "a.ent.signed.example. A +do +size=4096",
    "www.secure.signed.example. A +do +size=4096",
    "www.insecure.signed.example. A +do +size=4096",
    "host.old.signed.example. A +do +size=4096",
    "www.signed.example. A +do +size=4096",
    "mail.signed.example. A",
    "missing.signed.example. A",
];

#[test]
fn denial_is_proven_by_nsec_as_we_prove_it() {
    check("signed.example.", NSEC, &SIGNED);
}

#[test]
fn denial_is_proven_by_nsec3_as_we_prove_it() {
    check("signed.example.", NSEC3, &SIGNED);
    check(
        "signed.example.",
        NSEC3,
        &["x.wild.signed.example. TXT +do +size=4096"],
    );
}

#[tokio::test]
async fn a_name_that_a_dname_makes_too_long_is_not_taken_for_one_without_data() {
    let label = "a".repeat(63);
    let text = format!("{PLAIN}old 300 IN DNAME {label}.{label}.{label}.example.org.\n");
    let table = Table::of(&[common::zone("example.org.", &text)]);
    let (_server, address) = hickory(&table).await;
    let question = format!("{label}.old.example.org. A");
    let answer = say(address, &question).await;
    assert_eq!(answer.split(' ').next(), Some("SERVFAIL"), "{answer}");
}

#[tokio::test]
async fn a_zone_that_cannot_be_told_is_servfail_and_no_transfer_is_made() {
    for (holding, question, rcode) in [
        (Holding::Expired, "example.org. SOA", "SERVFAIL"),
        (Holding::NotLoaded, "example.org. SOA", "SERVFAIL"),
        (
            Holding::Served(common::zone("example.org.", PLAIN)),
            "example.org. AXFR",
            "REFUSED",
        ),
    ] {
        let table = Table(vec![(name("example.org."), holding)]);
        let (_server, address) = hickory(&table).await;
        let answer = say(address, question).await;
        assert_eq!(
            answer.split(' ').next(),
            Some(rcode),
            "{question}: {answer}"
        );
    }
}
