//! Zones with good, lying and silent primaries, on loopback.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use zonekit_script::{Act, Ask, Asked, Host, failure, nobody};
use zonekit_wire::{Rcode, Rtype, Serial};

use super::*;
use crate::Config;
use crate::trials::until;

/// Has every zone with the serial of the moment, and no IXFR.
fn good(serial: &Arc<AtomicU32>) -> SocketAddr {
    let now = Arc::clone(serial);
    let answer = move |request: &[u8], rtype| {
        let (ask, serial) = (Ask::new(request), now.load(Ordering::SeqCst));
        let records = match rtype {
            Rtype::SOA => vec![ask.soa(serial)],
            _ => ask.zone(serial),
        };
        vec![Act::Say(ask.message(&records))]
    };
    let [soa, over_tcp, whole] = [answer.clone(), answer.clone(), answer];
    Host::silent()
        .udp(Rtype::SOA, move |request| soa(request, Rtype::SOA))
        .tcp(Rtype::SOA, move |request| over_tcp(request, Rtype::SOA))
        .tcp(Rtype::AXFR, move |request| whole(request, Rtype::AXFR))
        .tcp(Rtype::IXFR, |request| {
            vec![Act::Say(failure(request, Rcode::NOTIMP))]
        })
        .listen()
}

fn node(directory: &Path, primaries: &[SocketAddr]) -> Arc<Node> {
    node_of(directory, &["example.org".to_owned()], primaries)
}

fn node_of(directory: &Path, zones: &[String], primaries: &[SocketAddr]) -> Arc<Node> {
    let primaries = { primaries.iter() }
        .map(|address| format!("{{ address = \"{address}\" }}"))
        .collect::<Vec<_>>()
        .join(", ");
    let text = zones.iter().fold(
        "data_dir = \"var\"\n[dns]\nlisten = [\"127.0.0.1:0\"]\n".to_owned(),
        |text, zone| {
            format!("{text}[[zone]]\nname = \"{zone}\"\ncontract = \"tests\"\nprimaries = [{primaries}]\n")
        },
    );
    let config = Config::parse(&text, &directory.join("secondary.toml")).unwrap();
    Node::open(config).unwrap()
}

/// Longer than any test waits for anything.
const LONG: Duration = Duration::from_secs(600);

/// Begins the visit that is due, with this grace for primaries that do not answer.
fn begin_due(node: &Arc<Node>, grace: Duration) {
    let Some(Due::Visit {
        zone,
        reason,
        force,
        notifier,
        expired,
    }) = node.next_due()
    else {
        panic!("nothing is due");
    };
    let order = Order {
        cause: cause(reason),
        force,
        notifier,
        expired,
    };
    begin_with(node, zone, &order, |limits| {
        limits.probe_grace = grace;
        limits.probe_wait = grace * 10;
        limits.idle_timeout = LONG;
    });
}

/// As the metrics count them.
fn visits_ended(node: &Arc<Node>) -> u64 {
    let registry = crate::metrics::registry(&node.counts, Arc::downgrade(node));
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
    text.lines()
        .filter(|line| line.starts_with("zonekit_visits_total"))
        .map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap())
        .sum()
}

/// Waits for the end of the visits under way: what they brought has been entered by then.
async fn rest(node: &Node) {
    until("the end of the visits", || node.visits_running() == 0).await;
}

fn serial_of(node: &Node, name: &ZoneName) -> Option<u32> {
    node.version(name).map(|zone| zone.serial().0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_is_out_and_the_next_notify_heard_while_a_silent_primary_is_waited_upon() {
    let directory = tempfile::TempDir::new().unwrap();
    let serial = Arc::new(AtomicU32::new(1));
    let node = node(directory.path(), &[Host::silent().listen(), good(&serial)]);
    let name: ZoneName = "example.org".parse().unwrap();

    // Before it is taken, and after: the time that we have to look.
    begin_due(&node, Duration::from_secs(10));
    let status = || node.zones.status(&name).unwrap();
    until("serial 1", || status().serial == Some(1)).await;
    // Whoever asks gets the new version; the visit is still about the other primary.
    assert_eq!(node.visits_running(), 1);
    assert_eq!(serial_of(&node, &name), Some(1));
    assert_eq!(status().standing, Standing::Current);

    // What is out is no news, what is newer is: it ends the waiting.
    let told = |serial| node.told(&name, None, Some(Serial(serial)));
    assert_eq!(told(1), zonekit_xfr::Notified::Held);
    assert_eq!(node.visits_running(), 1);
    serial.store(2, Ordering::SeqCst);
    assert_eq!(told(2), zonekit_xfr::Notified::Queued);
    rest(&node).await;
    begin_due(&node, Duration::from_millis(100));
    rest(&node).await;
    assert_eq!(serial_of(&node, &name), Some(2));
    let status = status();
    assert_eq!(status.standing, Standing::Current);
    assert_eq!(status.primaries[0].outcome, PrimaryOutcome::Error);
    assert_eq!(status.primaries[1].outcome, PrimaryOutcome::Ok);
}

/// Else the next visit, which may begin at once, would not know of it, and might be overtaken by it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_finds_no_visit_under_way_finds_what_came_of_the_last_one() {
    let directory = tempfile::TempDir::new().unwrap();
    let node = node(directory.path(), &[nobody()]);
    let name: ZoneName = "example.org".parse().unwrap();
    let is_over = Arc::new(AtomicBool::new(false));
    let watching = std::thread::spawn({
        let (node, name, is_over) = (Arc::clone(&node), name.clone(), Arc::clone(&is_over));
        move || {
            // Nearly always with the table in hand: whoever wants to enter something waits.
            while !is_over.load(Ordering::SeqCst) {
                let zones = node.zones.lock();
                let timing = node.timing(&name).unwrap();
                if !timing.is_visited {
                    assert_eq!(zones[&name].brief().failures, timing.failures);
                }
            }
        }
    });
    for number in 1..=100 {
        node.request_visit(&name);
        begin_due(&node, LONG);
        while node.visits_running() > 0 {
            tokio::task::yield_now().await;
        }
        let status = node.zones.status(&name).unwrap();
        assert_eq!(
            (status.failures, visits_ended(&node)),
            (number, number.into())
        );
    }
    is_over.store(true, Ordering::SeqCst);
    watching.join().unwrap();
}

/// Offers `serial` and closes every connection.
fn liar(serial: u32) -> SocketAddr {
    Host::new(serial)
        .tcp(Rtype::AXFR, |_| vec![Act::Close])
        .tcp(Rtype::IXFR, |_| vec![Act::Close])
        .listen()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_zone_stays_current_while_one_primary_offers_what_it_does_not_deliver() {
    let directory = tempfile::TempDir::new().unwrap();
    let serial = Arc::new(AtomicU32::new(1));
    let node = node(directory.path(), &[good(&serial), liar(2)]);
    let name: ZoneName = "example.org".parse().unwrap();
    let status = || node.zones.status(&name).unwrap();

    let expires = || node.timing(&name).unwrap().expires.unwrap();
    // Both answer: nobody is waited upon so long.
    begin_due(&node, LONG);
    rest(&node).await;
    let (before, first) = (status(), expires());
    assert_eq!(before.serial, Some(1));
    node.request_visit(&name);
    begin_due(&node, LONG);
    rest(&node).await;

    let after = status();
    assert_eq!(after.history.len(), 2);
    assert_eq!((after.standing, after.failures), (Standing::Current, 0));
    assert!(expires() > first && after.expires_at.is_some());
    assert_eq!(after.primaries[0].outcome, PrimaryOutcome::Ok);
    assert_eq!(after.primaries[1].outcome, PrimaryOutcome::Error);
    // The first visit took the version: the next is due after the refresh time, an hour. This one only confirmed it: after
    // the retry time, ten minutes.
    let wait = |status: &zonekit_model::ZoneStatus| {
        status.next_try.unwrap().as_seconds() - status.last_check.unwrap().as_seconds()
    };
    assert!(wait(&before) > 3000 && wait(&after) < 660);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_zone_that_was_confirmed_at_the_last_moment_does_not_expire() {
    let directory = tempfile::TempDir::new().unwrap();
    let serial = Arc::new(AtomicU32::new(1));
    let node = node(directory.path(), &[good(&serial)]);
    let name: ZoneName = "example.org".parse().unwrap();
    begin_due(&node, LONG);
    rest(&node).await;
    let standing = || {
        let status = node.zones.status(&name).unwrap();
        (status.standing, node.held(&name).unwrap().standing)
    };
    let current = (Standing::Current, zonekit_store::Standing::Current);
    assert_eq!(standing(), current);
    // As if the schedule had said so just before.
    expire(&node, &name);
    assert_eq!(standing(), current);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn zones_of_a_primary_that_is_down_are_current_by_the_other_without_each_finding_out() {
    let directory = tempfile::TempDir::new().unwrap();
    let serial = Arc::new(AtomicU32::new(1));
    let down = Host::silent();
    let zones: Vec<String> = (0..300).map(|zone| format!("zone{zone}.test")).collect();
    let node = node_of(directory.path(), &zones, &[down.listen(), good(&serial)]);
    let (stop, stopped) = watch::channel(false);
    let (running, began) = (
        tokio::spawn(run(Arc::clone(&node), stopped)),
        Instant::now(),
    );

    let names: Vec<ZoneName> = zones.iter().map(|zone| zone.parse().unwrap()).collect();
    until("every zone", || {
        names.iter().all(|name| serial_of(&node, name) == Some(1))
    })
    .await;
    rest(&node).await;
    // Twenty visits go on at a time: those that began before the first of them had found out, two datagrams each. One zone
    // more asks every ten seconds, should it take that long.
    let is_datagram = |asked: &&Asked| !asked.over_tcp;
    let heard = || {
        down.asked
            .lock()
            .unwrap()
            .iter()
            .filter(is_datagram)
            .count()
    };
    until("its datagrams", || heard() >= 2).await;
    let heard = heard();
    let most = 50 + began.elapsed().as_secs() as usize;
    assert!(heard <= most, "{heard} of {most}");
    for name in &names {
        let status = node.zones.status(name).unwrap();
        assert_eq!(status.standing, Standing::Current);
        assert_eq!(status.primaries[0].outcome, PrimaryOutcome::Error);
        assert_eq!(status.primaries[1].outcome, PrimaryOutcome::Ok);
    }
    // An operator has it asked all the same.
    let before = node.zones.status(&names[299]).unwrap().primaries[0].last_check;
    node.request_visit(&names[299]);
    until("what came of the order", || {
        node.zones.status(&names[299]).unwrap().primaries[0].last_check != before
    })
    .await;
    stop.send_replace(true);
    running.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thousands_of_notifies_a_second_cost_a_zone_one_visit_a_second_and_none_is_missed() {
    let directory = tempfile::TempDir::new().unwrap();
    let serial = Arc::new(AtomicU32::new(1));
    let node = node(directory.path(), &[good(&serial)]);
    let (stop, stopped) = watch::channel(false);
    let running = tokio::spawn(run(Arc::clone(&node), stopped));
    let name: ZoneName = "example.org".parse().unwrap();
    until("serial 1", || serial_of(&node, &name) == Some(1)).await;
    rest(&node).await;

    let (began, before) = (Instant::now(), visits_ended(&node));
    for number in 0..20_000 {
        if number % 1000 == 0 {
            serial.fetch_add(1, Ordering::SeqCst);
        }
        node.told(&name, None, None);
        if number % 10 == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    let newest = serial.load(Ordering::SeqCst);
    until("the newest serial", || {
        serial_of(&node, &name) == Some(newest)
    })
    .await;
    rest(&node).await;
    let visits = visits_ended(&node) - before;
    // One at the beginning, one at the end.
    let most = began.elapsed().as_secs() + 2;
    assert!((1..=most).contains(&visits), "{visits} visits in {most} s");
    stop.send_replace(true);
    running.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_primary_that_stalls_on_every_connection_delays_no_zone_of_another() {
    let directory = tempfile::TempDir::new().unwrap();
    let serial = Arc::new(AtomicU32::new(1));
    // It takes every connection, and says nothing.
    let stalling = Host::silent().listen();
    let good = good(&serial);
    let zone = |(number, primary): (usize, SocketAddr)| {
        format!(
            "[[zone]]\nname = \"zone{number}.test\"\nprimaries = [{{ address = \"{primary}\" }}]\n"
        )
    };
    let text: String = { (0..200).map(|number| (number, stalling)) }
        .chain((200..400).map(|number| (number, good)))
        .map(zone)
        .collect();
    let text = format!(
        "data_dir = \"var\"\n[dns]\nlisten = [\"127.0.0.1:0\"]\n[limits]\nidle_timeout = 600\n{text}"
    );
    let config = Config::parse(&text, &directory.path().join("secondary.toml")).unwrap();
    let node = Node::open(config).unwrap();
    let (stop, stopped) = watch::channel(false);
    let running = tokio::spawn(run(Arc::clone(&node), stopped));

    let names = |range: std::ops::Range<usize>| -> Vec<ZoneName> {
        let names = range.map(|number| format!("zone{number}.test"));
        names.map(|name| name.parse().unwrap()).collect()
    };
    let (stalled, fine) = (names(0..200), names(200..400));
    until("the others", || {
        fine.iter().all(|name| serial_of(&node, name) == Some(1))
    })
    .await;
    // Not one of the others has come to an end by then, though they were there before.
    for name in &stalled {
        assert_eq!(node.zones.status(name).unwrap().last_check, None);
    }
    stop.send_replace(true);
    running.await.unwrap();
}
