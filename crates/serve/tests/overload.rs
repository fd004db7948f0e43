//! Sockets over a table that is slow or breaks, and clients that do not wait for it.
#![cfg(feature = "tokio")]

mod common;

use std::{
    io::Write,
    net::{SocketAddr, UdpSocket},
    num::NonZero,
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use common::{
    Ask, Table, render,
    running::{Running, TIMEOUT, frame, options, read_frame},
    zone,
};
use socket2::SockRef;
use zonekit_serve::{Config, Holding, Options, Responder, Zones};
use zonekit_store::Diff;
use zonekit_tsig::Key;
use zonekit_wire::{Message, Name, Rcode, Serial};

const EXAMPLE: &str = "@ 60 IN SOA ns h 7 1 1 1 60\n@ 60 IN NS ns\nns 60 IN A 192.0.2.1\n";
const NS: &str = "NOERROR aa\nns.example. 60 IN A 192.0.2.1";

/// A table that makes wait for names that begin with `slow`, and for every history, until it is opened; and that panics of
/// names that begin with `broken`.
struct Gate {
    table: Table,
    waiting: AtomicUsize,
    is_open: Mutex<bool>,
    opened: Condvar,
}

impl Gate {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            table: Table::of(&[zone("example.", EXAMPLE)]),
            waiting: AtomicUsize::new(0),
            is_open: Mutex::new(false),
            opened: Condvar::new(),
        })
    }

    fn responder(self: &Arc<Self>) -> Responder {
        let config = Config {
            allow_transfer: ["127.0.0.0/8".parse().unwrap()].into_iter().collect(),
            notify_sources: Arc::new(|_: Name<'_>, _: std::net::IpAddr, _: Option<&Key>| true),
            ..Config::default()
        };
        Responder::new(Arc::clone(self) as _, config)
    }

    fn wait(&self) {
        self.waiting.fetch_add(1, Relaxed);
        let is_open = self.is_open.lock().unwrap();
        drop(
            self.opened
                .wait_while(is_open, |is_open| !*is_open)
                .unwrap(),
        );
    }

    fn open(&self) {
        *self.is_open.lock().unwrap() = true;
        self.opened.notify_all();
    }
}

impl Zones for Gate {
    fn enclosing(&self, name: Name<'_>) -> Option<Holding> {
        match name.labels().next() {
            Some(b"slow") => self.wait(),
            Some(b"broken") => panic!("as this table does"),
            _ => {}
        }
        self.table.enclosing(name)
    }

    fn zone(&self, apex: Name<'_>) -> Option<Holding> {
        self.table.zone(apex)
    }

    fn differences(&self, _: Name<'_>, _: Serial) -> Option<Vec<Diff>> {
        self.wait();
        None
    }

    fn differences_octets(&self, _: Name<'_>, _: Serial) -> Option<u64> {
        Some(1)
    }
}

/// Waits for what must become true.
fn until(what: &str, mut is_true: impl FnMut() -> bool) {
    let came = (0..2000).any(|_| {
        std::thread::sleep(Duration::from_millis(5));
        is_true()
    });
    assert!(came, "waited in vain for {what}");
}

#[test]
fn a_panic_costs_the_answer_to_the_request_that_caused_it_and_no_other() {
    let gate = Gate::new();
    let one_thread = Options {
        workers: NonZero::new(1).unwrap(),
        ..options()
    };
    let server = Running::start(gate.responder(), one_thread);
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.connect(server.address).unwrap();
    socket.set_read_timeout(Some(TIMEOUT)).unwrap();
    let ask = |id: u8, question: &str| {
        let mut octets = Ask::new(question).octets;
        octets[..2].copy_from_slice(&[0, id]);
        socket.send(&octets).unwrap();
    };
    ask(0, "slow.example. A");
    until("the only thread", || gate.waiting.load(Relaxed) == 1);
    for id in 1..=20 {
        ask(
            id,
            if id % 7 == 3 {
                "broken.example. A"
            } else {
                "ns.example. A"
            },
        );
    }
    gate.open();
    let mut octets = [0; 512];
    for id in (0..=20).filter(|id| id % 7 != 3) {
        let received = socket.recv(&mut octets);
        assert!(received.is_ok(), "no answer to {id}: {received:?}");
        assert_eq!(octets[..2], [0, id]);
    }
}

#[test]
fn a_history_that_is_read_for_nobody_any_more_counts_as_a_transfer_until_it_is_read() {
    let gate = Gate::new();
    let responder = gate.responder();
    let only_one = Options {
        max_transfers: 1,
        ..options()
    };
    let server = Running::start(responder, only_one);
    let request = frame(&Ask::new("example. IXFR=3 +tcp").octets);
    let mut first = server.connection();
    first.write_all(&request).unwrap();
    until("the history being read", || gate.waiting.load(Relaxed) == 1);
    let reset = |stream: std::net::TcpStream| {
        SockRef::from(&stream)
            .set_linger(Some(Duration::ZERO))
            .unwrap();
    };
    reset(first);
    for _ in 0..20 {
        std::thread::sleep(Duration::from_millis(10)); // in which the server hears of it
        let mut next = server.connection();
        next.write_all(&request).unwrap();
        assert_eq!(render(&read_frame(&mut next)), "SERVFAIL");
        reset(next);
    }
    assert_eq!(gate.waiting.load(Relaxed), 1, "one history was read");
    gate.open();
    until("room for a transfer", || {
        let mut next = server.connection();
        next.write_all(&request).unwrap();
        Message::new(&read_frame(&mut next)).unwrap().header().rcode == Rcode::NOERROR
    });
}

#[test]
fn a_client_that_waits_for_its_zone_keeps_its_place_while_others_come() {
    let gate = Gate::new();
    let of_two = Options {
        max_connections: 2,
        ..options()
    };
    let server = Running::start(gate.responder(), of_two);
    let mut edge = server.connection();
    let ixfr = frame(&Ask::new("example. IXFR=3 +tcp").octets);
    edge.write_all(&ixfr).unwrap();
    until("the history being read", || gate.waiting.load(Relaxed) == 1);
    let mut others = Vec::new();
    for _ in 0..5 {
        let mut other = server.connection();
        other
            .write_all(&frame(&Ask::new("ns.example. A").octets))
            .unwrap();
        assert_eq!(render(&read_frame(&mut other)), NS);
        others.push(other); // which would sit on
    }
    gate.open();
    assert!(render(&read_frame(&mut edge)).starts_with("NOERROR"));
}

#[test]
fn over_tcp_too_a_notify_that_finds_no_room_is_left_unanswered_and_keeps_nobody_waiting() {
    let server = Running::start(Gate::new().responder(), options());
    let mut notify = Ask::new("example. SOA").octets;
    notify[2] |= 4 << 3; // the opcode
    let mut stream = server.connection();
    let all = frame(&notify).repeat(12); // for ten of which there is room
    stream.write_all(&all).unwrap();
    stream
        .write_all(&frame(&Ask::new("ns.example. A").octets))
        .unwrap();
    for _ in 0..10 {
        assert_eq!(
            Message::new(&read_frame(&mut stream))
                .unwrap()
                .header()
                .opcode
                .0,
            4
        );
    }
    assert_eq!(render(&read_frame(&mut stream)), NS);
}

#[test]
fn one_client_has_only_its_share_of_the_transfers() {
    let gate = Gate::new();
    let shared = Options {
        max_transfers_per_client: 2,
        ..options()
    };
    let server = Running::start(gate.responder(), shared);
    let request = frame(&Ask::new("example. IXFR=3 +tcp").octets);
    let ask = |source: &str| {
        let mut stream = connect_from(source, server.address);
        stream.write_all(&request).unwrap();
        stream
    };
    let mut held = [ask("127.0.0.1"), ask("127.0.0.1")];
    until("two transfers", || gate.waiting.load(Relaxed) == 2);
    assert_eq!(render(&read_frame(&mut ask("127.0.0.1"))), "SERVFAIL");
    let mut neighbour = ask("127.0.0.2");
    until("that of a neighbour", || gate.waiting.load(Relaxed) == 3);
    gate.open();
    for stream in held.iter_mut().chain([&mut neighbour]) {
        assert!(render(&read_frame(stream)).starts_with("NOERROR"));
    }
}

fn connect_from(source: &str, server: SocketAddr) -> std::net::TcpStream {
    use socket2::{Domain, Socket, Type};
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket
        .bind(&SocketAddr::new(source.parse().unwrap(), 0).into())
        .unwrap();
    socket.connect(&server.into()).unwrap();
    let stream = std::net::TcpStream::from(socket);
    stream.set_read_timeout(Some(TIMEOUT)).unwrap();
    stream
}
