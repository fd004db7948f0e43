//! A zone with one good and one silent primary, on loopback.

use std::io::{Read, Write};
use std::net::{TcpListener, UdpSocket};
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use zonekit_wire::{
    Class, Compressor, Header, Message, MessageWriter, NameBuf, Record, Rtype, Section, Serial,
    SoaBuf,
};

use super::*;
use crate::Config;

/// Has every zone with the serial of the moment, by AXFR only.
fn answer(request: &[u8], serial: u32) -> Vec<u8> {
    let request = Message::new(request).unwrap();
    let question = request.question().unwrap().unwrap();
    let zone = question.name.to_buf();
    let host: NameBuf = "ns.example.net".parse().unwrap();
    let soa = SoaBuf {
        mname: host.clone(),
        rname: zone.clone(),
        serial: Serial(serial),
        refresh: 3600,
        retry: 600,
        expire: 86_400,
        minimum: 300,
    };
    let mut rdata = Vec::new();
    soa.as_soa().write(&mut rdata);
    let soa = Record {
        owner: zone.as_name(),
        rtype: Rtype::SOA,
        class: Class::IN,
        ttl: 300,
        rdata: &rdata,
    };
    let ns = Record {
        rtype: Rtype::NS,
        rdata: host.as_name().as_octets(),
        ..soa
    };
    let (mut reply, mut compressor) = (Vec::new(), Compressor::new());
    let mut writer = MessageWriter::new(&mut reply, 65_535, &mut compressor);
    writer.set_header(Header {
        aa: true,
        ..request.header().reply()
    });
    writer
        .question(zone.as_name(), question.rtype, Class::IN)
        .unwrap();
    let records = match question.rtype {
        Rtype::SOA => &[soa][..],
        _ => &[soa, ns, soa],
    };
    for record in records {
        writer.record(Section::Answer, record).unwrap();
    }
    writer.finish();
    reply
}

/// Sockets on one port, for UDP and TCP.
fn sockets() -> (UdpSocket, TcpListener) {
    loop {
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        if let Ok(udp) = UdpSocket::bind(tcp.local_addr().unwrap()) {
            return (udp, tcp);
        }
    }
}

/// A primary that answers as long as the test runs.
fn good(serial: &Arc<AtomicU32>) -> std::net::SocketAddr {
    let (udp, tcp) = sockets();
    let address = udp.local_addr().unwrap();
    let now = Arc::clone(serial);
    thread::spawn(move || {
        let mut octets = [0; 4096];
        while let Ok((length, from)) = udp.recv_from(&mut octets) {
            let reply = answer(&octets[..length], now.load(Ordering::SeqCst));
            udp.send_to(&reply, from).unwrap();
        }
    });
    let now = Arc::clone(serial);
    thread::spawn(move || {
        while let Ok((mut stream, _)) = tcp.accept() {
            let mut length = [0; 2];
            stream.read_exact(&mut length).unwrap();
            let mut request = vec![0; u16::from_be_bytes(length).into()];
            stream.read_exact(&mut request).unwrap();
            let reply = answer(&request, now.load(Ordering::SeqCst));
            let length = u16::try_from(reply.len()).unwrap().to_be_bytes();
            stream.write_all(&[&length, &reply[..]].concat()).unwrap();
            let _ = stream.read(&mut [0]);
        }
    });
    address
}

fn node(directory: &Path, primaries: &[std::net::SocketAddr]) -> Arc<Node> {
    node_of(directory, &["example.org".to_owned()], primaries)
}

fn node_of(directory: &Path, zones: &[String], primaries: &[std::net::SocketAddr]) -> Arc<Node> {
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
    });
}

async fn until(is_so: impl Fn() -> bool) {
    while !is_so() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn serial_of(node: &Node, name: &ZoneName) -> Option<u32> {
    node.version(name).map(|zone| zone.serial().0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_is_out_and_the_next_notify_heard_while_a_silent_primary_is_waited_upon() {
    let directory = tempfile::TempDir::new().unwrap();
    let serial = Arc::new(AtomicU32::new(1));
    let (_silent, silent) = sockets();
    let node = node(
        directory.path(),
        &[silent.local_addr().unwrap(), good(&serial)],
    );
    let name: ZoneName = "example.org".parse().unwrap();

    begin_due(&node, Duration::from_secs(2));
    let status = || node.zones.status(&name).unwrap();
    until(|| status().serial == Some(1)).await;
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
    until(|| node.visits_running() == 0).await;
    begin_due(&node, Duration::from_millis(100));
    until(|| serial_of(&node, &name) == Some(2)).await;
    until(|| node.visits_running() == 0).await;
    let status = status();
    assert_eq!(status.standing, Standing::Current);
    assert_eq!(status.primaries[0].outcome, PrimaryOutcome::Error);
    assert_eq!(status.primaries[1].outcome, PrimaryOutcome::Ok);
}

/// Offers `serial` and closes every connection.
fn liar(serial: u32) -> std::net::SocketAddr {
    let (udp, tcp) = sockets();
    let address = udp.local_addr().unwrap();
    thread::spawn(move || {
        let mut octets = [0; 4096];
        while let Ok((length, from)) = udp.recv_from(&mut octets) {
            let reply = answer(&octets[..length], serial);
            udp.send_to(&reply, from).unwrap();
        }
    });
    thread::spawn(move || while tcp.accept().is_ok() {});
    address
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_zone_stays_current_while_one_primary_offers_what_it_does_not_deliver() {
    let directory = tempfile::TempDir::new().unwrap();
    let serial = Arc::new(AtomicU32::new(1));
    let node = node(directory.path(), &[good(&serial), liar(2)]);
    let name: ZoneName = "example.org".parse().unwrap();
    let status = || node.zones.status(&name).unwrap();

    begin_due(&node, Duration::from_millis(100));
    until(|| node.visits_running() == 0 && status().last_success.is_some()).await;
    let before = status();
    assert_eq!(before.serial, Some(1));
    node.request_visit(&name);
    begin_due(&node, Duration::from_millis(100));
    until(|| status().last_check != before.last_check).await;

    let after = status();
    assert_eq!((after.standing, after.failures), (Standing::Current, 0));
    assert!(after.expires_at > before.expires_at);
    assert_eq!(after.primaries[0].outcome, PrimaryOutcome::Ok);
    assert_eq!(after.primaries[1].outcome, PrimaryOutcome::Error);
    // The first visit took the version: the next is due after the refresh time, an hour. This one only confirmed it: after
    // the retry time, ten minutes.
    let wait = |status: &zonekit_model::ZoneStatus| {
        status.next_try.unwrap().as_seconds() - status.last_check.unwrap().as_seconds()
    };
    assert!(wait(&before) > 3000 && wait(&after) < 660);
}

/// A primary that hears and says nothing, over UDP and TCP; and how many datagrams came.
fn silent() -> (std::net::SocketAddr, Arc<AtomicU32>, TcpListener) {
    let (udp, tcp) = sockets();
    let address = udp.local_addr().unwrap();
    let heard = Arc::new(AtomicU32::new(0));
    let counter = Arc::clone(&heard);
    thread::spawn(move || {
        while udp.recv(&mut [0; 4096]).is_ok() {
            counter.fetch_add(1, Ordering::SeqCst);
        }
    });
    (address, heard, tcp)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn zones_of_a_primary_that_is_down_are_current_by_the_other_without_each_finding_out() {
    let directory = tempfile::TempDir::new().unwrap();
    let serial = Arc::new(AtomicU32::new(1));
    let (down, heard, _listener) = silent();
    let zones: Vec<String> = (0..300).map(|zone| format!("zone{zone}.test")).collect();
    let node = node_of(directory.path(), &zones, &[down, good(&serial)]);
    let (stop, stopped) = watch::channel(false);
    let running = tokio::spawn(run(Arc::clone(&node), stopped));

    let names: Vec<ZoneName> = zones.iter().map(|zone| zone.parse().unwrap()).collect();
    until(|| names.iter().all(|name| serial_of(&node, name) == Some(1))).await;
    until(|| node.visits_running() == 0).await;
    // Twenty visits go on at a time: those that began before the first of them had found out, two datagrams each. One zone
    // more asks every ten seconds, should it take that long.
    let heard = heard.load(Ordering::SeqCst);
    assert!((2..=50).contains(&heard), "{heard}");
    for name in &names {
        let status = node.zones.status(name).unwrap();
        assert_eq!(status.standing, Standing::Current);
        assert_eq!(status.primaries[0].outcome, PrimaryOutcome::Error);
        assert_eq!(status.primaries[1].outcome, PrimaryOutcome::Ok);
    }
    // An operator has it asked all the same.
    let before = node.zones.status(&names[299]).unwrap().primaries[0].last_check;
    node.request_visit(&names[299]);
    until(|| node.zones.status(&names[299]).unwrap().primaries[0].last_check != before).await;
    stop.send_replace(true);
    running.await.unwrap();
}
