//! The tokio client against scripted primaries on loopback.

mod common;

use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use common::{
    Act, Copy, HELD, Host, Reply, axfr, failure, framed, message, one_by_one, rr, rrs, soa,
    soa_buf, unix_now, zone,
};
use proptest::prelude::*;
use tokio::task::JoinHandle;
use zonekit_script::nobody;
use zonekit_tsig::{Key, KeyRing, check_request};
use zonekit_wire::{NameBuf, Rcode, RecordBuf, Rtype};
use zonekit_xfr::{
    Change, Client, ClientError, ErrorKind, Limits, Outcome, Primary, Query, Report, TransferKind,
    Visit, visit,
};

/// For primaries that are silent on purpose.
fn impatient() -> Limits {
    Limits {
        query_timeout: Duration::from_millis(100),
        idle_timeout: Duration::from_millis(300),
        lone_soa_wait: Duration::from_millis(100),
        ..Limits::default()
    }
}

/// Longer than anybody has to wait who is answered.
const LONG: Duration = Duration::from_secs(60);

fn patient() -> Limits {
    Limits {
        connect_timeout: LONG,
        query_timeout: LONG,
        idle_timeout: LONG,
        lone_soa_wait: LONG,
        ..Limits::default()
    }
}

fn client(address: SocketAddr) -> Client {
    Client::new(address).limits(patient())
}

fn impatient_client(address: SocketAddr) -> Client {
    Client::new(address).limits(impatient())
}

/// All records of a whole zone.
async fn fetch(client: &Client) -> Result<Vec<RecordBuf>, ClientError> {
    let mut transfer = client.axfr("example.org").await?;
    let mut records = Vec::new();
    while let Some(record) = transfer.next().await? {
        records.push(record.to_buf());
    }
    assert!(transfer.next().await?.is_none());
    Ok(records)
}

fn kind(result: Result<Vec<RecordBuf>, ClientError>) -> ErrorKind {
    result.unwrap_err().kind().unwrap()
}

async fn fetch_with(
    script: impl Fn(&[u8]) -> Vec<Act> + Send + Sync + 'static,
) -> Result<Vec<RecordBuf>, ClientError> {
    fetch(&client(Host::new(7).tcp(Rtype::AXFR, script).listen())).await
}

async fn fetch_impatiently(
    script: impl Fn(&[u8]) -> Vec<Act> + Send + Sync + 'static,
) -> Result<Vec<RecordBuf>, ClientError> {
    fetch(&impatient_client(
        Host::new(7).tcp(Rtype::AXFR, script).listen(),
    ))
    .await
}

/// Waits for what has to come about.
async fn until(what: &str, is_so: impl Fn() -> bool) {
    for _ in 0..30_000 {
        if is_so() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    panic!("waited in vain for {what}");
}

/// Hears one datagram, which is answered so, and none after it. Until then the clock of a test stands still if it is
/// paused; afterwards it goes on as fast as nothing else comes.
async fn hears_one(
    answer: impl Fn(&[u8]) -> Vec<u8> + Send + 'static,
) -> (SocketAddr, JoinHandle<UdpSocket>) {
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = udp.local_addr().unwrap();
    let hearing = tokio::task::spawn_blocking(move || {
        let mut octets = [0; 4096];
        let (length, from) = udp.recv_from(&mut octets).unwrap();
        udp.send_to(&answer(&octets[..length]), from).unwrap();
        udp // open as long as somebody may ask again
    });
    (address, hearing)
}

async fn visited(host: &Host, held: Option<u32>) -> (Report, Copy) {
    let mut copy = held.map_or_else(Copy::default, |serial| Copy::of(serial, &HELD));
    let order = Visit {
        held: held.map(soa_buf),
        held_records: 5,
        limits: Limits {
            query_timeout: Duration::from_millis(100),
            ..patient()
        },
        ..Visit::new(zone(), vec![Primary::new(host.listen())])
    };
    let report = visit(order, &mut copy).await;
    (report, copy)
}

#[tokio::test]
async fn a_whole_zone_comes_record_by_record_without_the_closing_soa() {
    let records = fetch(&client(Host::new(7).listen())).await.unwrap();
    assert_eq!(records, axfr(7)[..4]);
}

#[tokio::test]
async fn zones_may_be_named_by_text_or_by_name() {
    let client = client(Host::new(7).listen());
    let name: NameBuf = zone();
    assert!(
        client
            .axfr(name)
            .await
            .unwrap()
            .next()
            .await
            .unwrap()
            .is_some()
    );
    assert!(matches!(
        client.axfr("a..b").await,
        Err(ClientError::Name(_))
    ));
}

#[tokio::test]
async fn a_connection_cut_at_every_octet_gives_the_same_records() {
    let script = |request: &[u8]| {
        let messages = one_by_one(request, &axfr(7));
        let octets: Vec<u8> = messages
            .iter()
            .flat_map(|message| framed(message))
            .collect();
        octets
            .into_iter()
            .map(|octet| Act::Raw(vec![octet]))
            .collect()
    };
    assert_eq!(fetch_with(script).await.unwrap(), axfr(7)[..4]);
}

#[tokio::test]
async fn a_zero_length_message_is_rejected() {
    for place in 0..2 {
        let result = fetch_with(move |request| {
            let mut acts = vec![
                Act::Say(message(request, &axfr(7)[..2])),
                Act::Say(message(request, &axfr(7)[2..])),
            ];
            acts.insert(place, Act::Raw(vec![0, 0]));
            acts
        });
        assert_eq!(kind(result.await), ErrorKind::Malformed);
    }
}

#[tokio::test]
async fn an_end_before_the_closing_soa_is_an_error_whatever_it_looks_like() {
    for end in [
        Act::Close,
        Act::Reset,
        Act::Raw(vec![1]),
        Act::Wait(Duration::from_secs(1)),
    ] {
        let (limits, expected) = match end {
            Act::Wait(_) | Act::Raw(_) => (impatient(), ErrorKind::Timeout),
            _ => (patient(), ErrorKind::Broken),
        };
        for count in 0..5 {
            let end = end.clone();
            let host = Host::new(7).tcp(Rtype::AXFR, move |request| {
                let messages = one_by_one(request, &axfr(7)[..count]);
                messages
                    .into_iter()
                    .map(Act::Say)
                    .chain([end.clone()])
                    .collect()
            });
            let client = client(host.listen()).limits(limits.clone());
            assert_eq!(kind(fetch(&client).await), expected, "{count}");
        }
    }
}

#[tokio::test]
async fn an_end_inside_a_message_is_an_error() {
    let result = fetch_with(|request| {
        let whole = framed(&message(request, &axfr(7)));
        vec![Act::Raw(whole[..whole.len() - 1].to_vec()), Act::Close]
    });
    let ClientError::Visit(error) = result.await.unwrap_err() else {
        panic!()
    };
    assert_eq!(
        error.in_words(),
        "stream broke off after 0 records: connection closed inside a message"
    );
}

#[tokio::test]
async fn octets_behind_the_message_with_the_closing_soa_are_an_error() {
    for more in [
        vec![0],
        vec![0, 0],
        framed(b"whatever it is, it is too much"),
    ] {
        let script = move |request: &[u8]| {
            let whole = framed(&message(request, &axfr(7)));
            vec![Act::Raw([whole, more.clone()].concat())]
        };
        assert!(fetch_with(script.clone()).await.is_err());
        let host = Host::new(7).tcp(Rtype::AXFR, script);
        let (report, copy) = visited(&host, None).await;
        assert_eq!((report.outcome, copy.commits), (Outcome::Failed, 0));
    }
}

#[tokio::test]
async fn nobody_listening_is_told_from_silence() {
    let nobody = nobody();
    assert_eq!(
        kind(fetch(&client(nobody)).await),
        ErrorKind::ConnectionRefused
    );
    // It shows over TCP.
    let hasty = impatient_client(nobody).soa("example.org").await;
    assert_eq!(
        hasty.unwrap_err().kind(),
        Some(ErrorKind::ConnectionRefused)
    );
    assert_eq!(
        kind(fetch_impatiently(|_| vec![]).await),
        ErrorKind::Timeout
    );
    let silent = impatient_client(Host::silent().listen());
    assert_eq!(
        silent.soa("example.org").await.unwrap_err().kind(),
        Some(ErrorKind::Timeout)
    );
}

#[tokio::test]
async fn a_refusal_is_a_refusal() {
    let result = fetch_with(|request| vec![Act::Say(failure(request, Rcode::REFUSED))]);
    assert_eq!(kind(result.await), ErrorKind::Refused);
}

#[tokio::test]
async fn after_an_error_nothing_more_comes() {
    let host = Host::new(7).tcp(Rtype::AXFR, |request| {
        vec![Act::Say(message(request, &axfr(7)[..2])), Act::Close]
    });
    let mut transfer = client(host.listen()).axfr("example.org").await.unwrap();
    while transfer.next().await.is_ok_and(|record| record.is_some()) {}
    for _ in 0..3 {
        assert!(transfer.next().await.is_err());
    }
}

#[tokio::test]
async fn differences_come_as_changes() {
    let steps = rrs(&[
        "@ SOA 2",
        "@ SOA 1",
        "old TXT old",
        "@ SOA 2",
        "new TXT new",
        "@ SOA 2",
    ]);
    let host = Host::new(2).ixfr(steps.clone());
    let client = client(host.listen());
    let mut transfer = client.ixfr("example.org", soa_buf(1)).await.unwrap();
    let mut words = Vec::new();
    while let Some(change) = transfer.next_change().await.unwrap() {
        words.push(match change {
            Change::Step(_) => "step",
            Change::Remove(_) => "remove",
            Change::Reach(_) => "reach",
            Change::Add(_) => "add",
            Change::Commit => "commit",
            _ => "?",
        });
    }
    assert_eq!(words, ["step", "remove", "reach", "add", "commit"]);
    assert_eq!(transfer.kind(), TransferKind::Ixfr);

    let mut transfer = client.ixfr("example.org", soa_buf(2)).await.unwrap();
    assert_eq!(
        transfer.next_change().await.unwrap(),
        Some(Change::UpToDate)
    );
    assert_eq!(transfer.next_change().await.unwrap(), None);
}

#[tokio::test]
async fn an_soa_is_asked_over_udp_and_over_tcp_where_it_is_cut_off() {
    let host = Host::new(7);
    assert_eq!(
        client(host.listen()).soa("example.org").await.unwrap(),
        soa_buf(7)
    );
    assert_eq!(host.story(), "SOA/udp");
    let cut = Host::new(7).udp(Rtype::SOA, |request| {
        vec![Act::Say(
            Reply::to(request)
                .header(|header| header.tc = true)
                .octets(),
        )]
    });
    assert_eq!(
        client(cut.listen()).soa("example.org").await.unwrap(),
        soa_buf(7)
    );
    assert_eq!(cut.story(), "SOA/udp SOA/tcp");
}

#[tokio::test]
async fn a_notify_says_what_came_back() {
    let answers = |rcode| {
        Host::silent().udp(Rtype::SOA, move |request| {
            vec![
                Act::Say(failure(&[&[request[0] ^ 1], &request[1..]].concat(), rcode)),
                Act::Say(failure(request, rcode)),
            ]
        })
    };
    for rcode in [Rcode::NOERROR, Rcode::REFUSED, Rcode::NOTAUTH] {
        let host = answers(rcode);
        let reply = client(host.listen())
            .notify("example.org", Some(&soa_buf(7)))
            .await
            .unwrap();
        assert_eq!((reply.rcode, reply.sent), (rcode, 1));
    }
    let error = impatient_client(Host::silent().listen())
        .notify("example.org", None)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), Some(ErrorKind::Timeout));
}

#[tokio::test(start_paused = true)]
async fn a_signed_notify_does_not_take_an_unsigned_answer() {
    let key: Key = "hmac-sha256:transfer.example.:c2VjcmV0".parse().unwrap();
    let (address, _hearing) = hears_one(|request| failure(request, Rcode::NOERROR)).await;
    let client = client(address).key(key);
    let error = client.notify("example.org", None).await.unwrap_err();
    assert_eq!(error.kind(), Some(ErrorKind::Unsigned));
}

#[tokio::test]
async fn a_signed_notify_takes_a_signed_answer() {
    let key: Key = "hmac-sha256:transfer.example.:c2VjcmV0".parse().unwrap();
    let keys = key.clone();
    let host = Host::silent().udp(Rtype::SOA, move |request| {
        vec![Act::Say(signed(&keys, request, Rcode::NOERROR))]
    });
    let reply = client(host.listen())
        .key(key)
        .notify("example.org", None)
        .await
        .unwrap();
    assert_eq!(reply.rcode, Rcode::NOERROR);
}

fn signed(key: &Key, request: &[u8], rcode: Rcode) -> Vec<u8> {
    let mut reply = failure(request, rcode);
    let ring = KeyRing::from_iter([key.clone()]);
    let checked = check_request(&ring, request, unix_now()).unwrap();
    checked.unwrap().sign(&mut reply, unix_now());
    reply
}

type Forgery = fn(&[u8], &Key) -> Vec<u8>;

/// RFC 5452 §9.1: whoever guesses ID and port says nothing by that.
#[tokio::test]
async fn forged_datagrams_do_not_end_a_signed_notify() {
    let key: Key = "hmac-sha256:transfer.example.:c2VjcmV0".parse().unwrap();
    let forgeries: [Forgery; 5] = [
        |request, _| failure(request, Rcode::NOERROR),
        |request, _| failure(request, Rcode::REFUSED),
        |request, _| failure(request, Rcode::NOTAUTH),
        |request, key| {
            let mut spoiled = signed(key, request, Rcode::NOERROR);
            let last = spoiled.len() - 8; // in the MAC, before the last fields
            spoiled[last] ^= 1;
            spoiled
        },
        |request, _| [failure(request, Rcode::NOERROR), vec![0; 9]].concat(),
    ];
    for (number, forgery) in forgeries.into_iter().enumerate() {
        for rcode in [Rcode::NOERROR, Rcode::REFUSED] {
            let keys = key.clone();
            let host = Host::silent().udp(Rtype::SOA, move |request| {
                vec![
                    Act::Say(forgery(request, &keys)),
                    Act::Say(signed(&keys, request, rcode)),
                ]
            });
            let client = client(host.listen()).key(key.clone());
            let reply = client.notify("example.org", None).await.unwrap();
            assert_eq!((reply.rcode, reply.sent), (rcode, 1), "{number}");
        }
    }
}

/// Here a refusal by somebody who does not know whom he refuses.
#[tokio::test(start_paused = true)]
async fn when_nothing_else_comes_what_was_said_to_a_signed_notify_is_told() {
    let key: Key = "hmac-sha256:transfer.example.:c2VjcmV0".parse().unwrap();
    let (address, _hearing) = hears_one(|request| failure(request, Rcode::REFUSED)).await;
    let client = client(address).key(key);
    let reply = client.notify("example.org", None).await.unwrap();
    assert_eq!(reply.rcode, Rcode::REFUSED);
}

#[tokio::test]
async fn a_signed_zone_is_taken_and_a_spoiled_one_is_not() {
    let key: Key = "hmac-sha256:transfer.example.:c2VjcmV0".parse().unwrap();
    for spoiled in [None, Some(0), Some(2), Some(4)] {
        let keys = key.clone();
        let host = Host::new(7).tcp(Rtype::AXFR, move |request| {
            let ring = KeyRing::from_iter([keys.clone()]);
            let mut stream = check_request(&ring, request, unix_now()).unwrap().unwrap();
            let mut messages = one_by_one(request, &axfr(7));
            for (place, message) in messages.iter_mut().enumerate() {
                stream.sign(message, unix_now());
                if spoiled == Some(place) {
                    message[2] ^= 4;
                }
            }
            messages.into_iter().map(Act::Say).collect()
        });
        let result = fetch(&client(host.listen()).key(key.clone())).await;
        match spoiled {
            None => assert_eq!(result.unwrap(), axfr(7)[..4]),
            Some(_) => assert_eq!(kind(result), ErrorKind::BadSignature),
        }
    }
}

#[tokio::test]
async fn a_visit_takes_a_zone_and_then_its_differences() {
    let steps = rrs(&[
        "@ SOA 8",
        "@ SOA 1",
        "old TXT old",
        "@ SOA 8",
        "new TXT new",
        "@ SOA 8",
    ]);
    let host = Host::new(8).ixfr(steps);
    let (report, copy) = visited(&host, None).await;
    assert!(matches!(
        report.outcome,
        Outcome::Transferred {
            kind: TransferKind::Axfr,
            ..
        }
    ));
    assert_eq!((copy.commits, copy.records.len()), (1, 3));
    let (report, copy) = visited(&host, Some(1)).await;
    assert!(matches!(
        report.outcome,
        Outcome::Transferred {
            kind: TransferKind::Ixfr,
            ..
        }
    ));
    assert!(copy.has("new TXT new") && !copy.has("old TXT old"));
}

/// One who has said that there is nothing newer may talk on: nobody listens, and nobody else waits for that.
#[tokio::test]
async fn a_primary_that_talks_on_after_up_to_date_is_not_listened_to() {
    let talks_on = |request: &[u8]| {
        let said = message(request, &[soa(1)]);
        let more = Reply::to(request).with(&axfr(1)[1..4]).octets();
        let more = framed(&more).repeat(1000);
        let mut acts = vec![Act::Say(said)];
        acts.extend(vec![Act::Raw(more); 100]);
        acts
    };
    let host = Host::new(2).tcp(Rtype::IXFR, talks_on);
    let (report, copy) = visited(&host, Some(1)).await;
    assert_eq!((report.outcome, copy.up_to_date), (Outcome::UpToDate, 1));
    let transfer = report.transfer().unwrap().statistics;
    assert_eq!(transfer.messages, 1);

    let mut stream = client(host.listen())
        .ixfr("example.org", soa_buf(1))
        .await
        .unwrap();
    assert_eq!(stream.next_change().await.unwrap(), Some(Change::UpToDate));
    assert_eq!(stream.next_change().await.unwrap(), None);
    assert_eq!(stream.statistics().messages, 1);
}

#[tokio::test]
async fn a_visit_falls_back_from_ixfr_and_from_udp() {
    let host = Host::new(8).without_udp().tcp(Rtype::IXFR, |request| {
        vec![Act::Say(message(request, &[soa(8)])), Act::Reset]
    });
    let (report, copy) = visited(&host, Some(1)).await;
    assert!(matches!(
        report.outcome,
        Outcome::Transferred {
            kind: TransferKind::Axfr,
            ..
        }
    ));
    assert_eq!((copy.commits, copy.abandoned), (1, 1));
    let asked = |over_tcp: bool| {
        let mut asked = host.asked.lock().unwrap().clone();
        asked.retain(|asked| asked.over_tcp == over_tcp);
        asked.iter().map(|asked| asked.rtype).collect::<Vec<_>>()
    };
    assert_eq!(asked(true), [Rtype::SOA, Rtype::IXFR, Rtype::AXFR]);
    // Whoever hears datagrams there may come to it late.
    until("both datagrams", || asked(false).len() >= 2).await;
    assert_eq!(asked(false), [Rtype::SOA; 2]);
}

#[tokio::test]
async fn sockets_are_bound_to_the_source_that_is_asked_for() {
    let address = Host::new(7).listen();
    let elsewhere = "127.0.0.2".parse().unwrap();
    let order = Visit {
        ..Visit::new(
            zone(),
            vec![Primary {
                source: Some(elsewhere),
                ..Primary::new(address)
            }],
        )
    };
    let report = visit(order, &mut Copy::default()).await;
    assert!(matches!(report.outcome, Outcome::Transferred { .. }));
    // An address that is not ours: told as what it is.
    let foreign = client(address).source("192.0.2.1".parse().unwrap());
    assert_eq!(kind(fetch(&foreign).await), ErrorKind::Unreachable);
}

#[tokio::test]
async fn a_visit_that_is_dropped_ends_its_connections() {
    let host = Host::new(7).tcp(Rtype::AXFR, |request| {
        vec![Act::Say(message(request, &axfr(7)[..2]))]
    });
    let mut copy = Copy::default();
    let order = Visit {
        limits: patient(),
        ..Visit::new(zone(), vec![Primary::new(host.listen())])
    };
    let is_asked = || {
        let asked = host.asked.lock().unwrap();
        asked.iter().any(|asked| asked.rtype == Rtype::AXFR)
    };
    tokio::select! {
        _ = visit(order, &mut copy) => panic!("the rest has not come"),
        () = until("the question", is_asked) => {}
    }
    assert_eq!(copy.commits, 0);
    until("the end of the connection", || host.open() == 0).await;
}

/// A zone of so many records, in messages of about 16 KiB, made before anybody asks for it.
fn big(count: usize) -> impl Fn(&[u8]) -> Vec<Vec<u8>> + Send + Sync + 'static {
    let middle = (0..count).map(|number| rr(&format!("n{number} A 192.0.2.{}", number % 256)));
    let records: Vec<RecordBuf> = [soa(7)].into_iter().chain(middle).chain([soa(7)]).collect();
    let query = Query::axfr(0, &zone(), None, 0);
    let messages = records
        .chunks(700)
        .map(|records| message(query.octets(), records));
    let messages: Vec<Vec<u8>> = messages.collect();
    move |request| {
        let mut messages = messages.clone();
        for message in &mut messages {
            message[..2].copy_from_slice(&request[..2]);
        }
        messages
    }
}

/// A primary of such a zone.
fn big_host(count: usize) -> Host {
    let messages = big(count);
    Host::new(7).tcp(Rtype::AXFR, move |request| {
        messages(request).into_iter().map(Act::Say).collect()
    })
}

#[tokio::test]
async fn differing_reading_speeds_deliver_the_same_records() {
    let count = 20_000;
    let host = big_host(count);
    let client = client(host.listen());
    let expected = count + 1;
    for pause_every in [usize::MAX, 5_000, 701] {
        let mut transfer = client.axfr("example.org").await.unwrap();
        let mut records = 0;
        while transfer.next().await.unwrap().is_some() {
            records += 1;
            if records % pause_every == 0 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        assert_eq!(
            (records, transfer.statistics().records),
            (expected, expected as u64)
        );
    }
}

#[tokio::test]
async fn a_reader_slower_than_the_idle_time_out_gets_everything() {
    let host = big_host(50_000);
    let client = client(host.listen());
    let mut transfer = client.axfr("example.org").await.unwrap();
    let mut records = 0;
    while transfer.next().await.unwrap().is_some() {
        records += 1;
        if records % 20_000 == 0 {
            tokio::time::pause();
            tokio::time::advance(LONG + LONG / 5).await;
            tokio::time::resume();
        }
    }
    assert_eq!(records, 50_001);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Whatever pieces the octets come in, and wherever the reader pauses: records delivered are records sent.
    #[test]
    fn records_delivered_are_records_sent(
        sizes in prop::collection::vec(1_usize..40_000, 1..20),
        pauses in prop::collection::btree_set(0_usize..3_000, 0..4),
    ) {
        let messages = big(3_000);
        let host = Host::new(7).tcp(Rtype::AXFR, move |request| {
            let octets: Vec<u8> = messages(request).iter().flat_map(|message| framed(message)).collect();
            let mut rest = &octets[..];
            let mut pieces = Vec::new();
            for size in sizes.iter().cycle() {
                let (piece, behind) = rest.split_at((*size).min(rest.len()));
                pieces.push(Act::Raw(piece.to_vec()));
                rest = behind;
                if rest.is_empty() {
                    break;
                }
            }
            pieces
        });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let client = client(host.listen());
            let mut transfer = client.axfr("example.org").await.unwrap();
            let mut numbers = 0..3_000;
            let opening = transfer.next().await.unwrap().unwrap().rtype;
            prop_assert_eq!(opening, Rtype::SOA);
            while let Some(record) = transfer.next().await.unwrap() {
                let number = numbers.next().unwrap();
                prop_assert_eq!(record.to_buf(), rr(&format!("n{number} A 192.0.2.{}", number % 256)));
                if pauses.contains(&number) {
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
            }
            prop_assert!(numbers.is_empty());
            Ok(())
        })?;
    }
}
