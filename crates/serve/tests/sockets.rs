//! The same over real sockets, on loopback and ports that the system picks.
#![cfg(feature = "tokio")]

mod common;

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream, UdpSocket},
    sync::Arc,
    time::Duration,
};

use common::{
    Ask, Table, render,
    running::{Running, TIMEOUT, frame, is_ended, options, read_frame},
    zone,
};
use socket2::{Domain, Socket, Type};
use zonekit_serve::{
    BindError, Config, Notifier, NotifyRetry, NotifyTarget, Options, Responder, Server, Transport,
};
use zonekit_store::{Checks, ZoneBuilder, ZoneLimits};
use zonekit_tsig::{Algorithm, Key, KeyRing};
use zonekit_wire::{Class, Message, Name, NameBuf, Record, Rtype};

const EXAMPLE: &str = "@ 60 IN SOA ns h 7 1 1 1 60\n@ 60 IN NS ns\nns 60 IN A 192.0.2.1\n";

fn responder(config: Config) -> Responder {
    let mut text = String::from(EXAMPLE);
    (0..3000).for_each(|number| text.push_str(&format!("host{number} 60 IN A 192.0.2.1\n")));
    Table::of(&[zone("example.", &text)]).responder(config)
}

fn open() -> Config {
    Config {
        allow_transfer: ["127.0.0.0/8".parse().unwrap()].into_iter().collect(),
        notify_sources: Arc::new(|_: Name<'_>, _: std::net::IpAddr, _: Option<&Key>| true),
        ..Config::default()
    }
}

#[test]
fn datagrams_that_come_together_are_each_answered_to_their_sender() {
    let server = Running::start(responder(Config::default()), options());
    let sockets = [(); 5].map(|()| UdpSocket::bind("127.0.0.1:0").unwrap());
    let question = |id: u8| {
        let mut octets = Ask::new("ns.example. A").octets;
        octets[..2].copy_from_slice(&[0, id]);
        if id == 7 {
            octets[2] |= 0x80; // an answer, which is not answered
        }
        octets
    };
    for id in 0..20 {
        for socket in &sockets {
            socket.send_to(&question(id), server.address).unwrap();
        }
    }
    for socket in &sockets {
        socket.set_read_timeout(Some(TIMEOUT)).unwrap();
        for id in (0..20).filter(|id| *id != 7) {
            let mut octets = [0; 512];
            let length = socket.recv(&mut octets).unwrap();
            assert!(length > question(id).len(), "{octets:?}");
            assert_eq!(octets[..2], [0, id]);
        }
    }
}

#[test]
fn questions_are_answered_over_udp_and_tcp() {
    let server = Running::start(responder(Config::default()), options());
    let request = Ask::new("ns.example. A");
    let expected = "NOERROR aa\nns.example. 60 IN A 192.0.2.1";
    assert_eq!(render(&server.datagram(&request.octets)), expected);
    let mut stream = server.connection();
    stream.write_all(&frame(&request.octets)).unwrap();
    assert_eq!(render(&read_frame(&mut stream)), expected);
}

#[test]
fn every_address_has_its_port_and_is_told() {
    let addresses = [
        "127.0.0.1:0".parse().unwrap(),
        "127.0.0.2:0".parse().unwrap(),
    ];
    let server = Server::bind(&addresses, responder(Config::default()), options()).unwrap();
    let [first, second] = server.local_addresses() else {
        panic!("two")
    };
    assert!(first.port() != 0 && second.port() != 0);
    assert_eq!(
        (first.ip(), second.ip()),
        (addresses[0].ip(), addresses[1].ip())
    );
}

#[test]
fn a_taken_port_is_an_error_that_names_it() {
    let server = Running::start(responder(Config::default()), options());
    let error =
        Server::bind(&[server.address], responder(Config::default()), options()).unwrap_err();
    let BindError {
        address, transport, ..
    } = &error;
    assert_eq!((*address, *transport), (server.address, Transport::Tcp));
    assert!(error.to_string().contains(&server.address.to_string()));
}

#[test]
fn pipelined_requests_are_all_answered_in_order_however_they_are_cut() {
    let server = Running::start(responder(Config::default()), options());
    let mut stream = server.connection();
    let mut octets = Vec::new();
    for number in 0..500_u16 {
        let mut request = Ask::new(&format!("host{number}.example. A")).octets;
        request[..2].copy_from_slice(&number.to_be_bytes());
        octets.extend(frame(&request));
    }
    let mut writer = stream.try_clone().unwrap();
    let writing = std::thread::spawn(move || {
        octets
            .chunks(777)
            .for_each(|piece| writer.write_all(piece).unwrap())
    });
    for number in 0..500 {
        let answer = read_frame(&mut stream);
        assert_eq!(Message::new(&answer).unwrap().header().id, number);
        assert_eq!(
            render(&answer),
            format!("NOERROR aa\nhost{number}.example. 60 IN A 192.0.2.1")
        );
    }
    writing.join().unwrap();
}

#[test]
fn a_transfer_arrives_whole_and_the_connection_goes_on() {
    let server = Running::start(
        responder(Config {
            transfer_message_size: 2000,
            ..open()
        }),
        options(),
    );
    let mut stream = server.connection();
    let both = [
        frame(&Ask::new("example. AXFR").octets),
        frame(&Ask::new("ns.example. A").octets),
    ]
    .concat();
    stream.write_all(&both).unwrap();
    let (mut records, mut soas, mut answers) = (0, 0, 0);
    while soas < 2 || answers < 1 {
        let octets = read_frame(&mut stream);
        if is_about(&octets, Rtype::A) {
            assert_eq!(render(&octets), "NOERROR aa\nns.example. 60 IN A 192.0.2.1");
            answers += 1;
            continue;
        }
        for record in Message::new(&octets).unwrap().records().unwrap() {
            records += 1;
            soas += usize::from(record.unwrap().1.rtype() == Rtype::SOA);
        }
    }
    assert_eq!((records, answers), (3004, 1));
}

#[test]
fn questions_are_answered_while_a_transfer_is_on_its_way() {
    let server = Running::start(large(open()), options());
    let mut stream = server.connection();
    stream
        .write_all(&frame(&Ask::new("example. AXFR").octets))
        .unwrap();
    read_frame(&mut stream);
    stream
        .write_all(&frame(&Ask::new("example. SOA").octets).repeat(2))
        .unwrap();
    let (mut messages, mut answers) = (0, 0);
    while answers < 2 {
        match is_about(&read_frame(&mut stream), Rtype::SOA) {
            true => answers += 1,
            false => messages += 1,
        }
    }
    // What the system keeps for the connection comes first; the rest of the 24 MB does not.
    let mut rest = 0;
    while messages + rest < 390 {
        assert!(!is_about(&read_frame(&mut stream), Rtype::SOA));
        rest += 1;
    }
    assert!(
        rest > 0,
        "the transfer was over before the questions had their answers"
    );
}

/// Whether a message's question is for this type; later messages of a transfer have none.
fn is_about(octets: &[u8], rtype: Rtype) -> bool {
    let question = Message::new(octets).unwrap().question().unwrap();
    question.is_some_and(|question| question.rtype == rtype)
}

#[test]
fn a_client_that_goes_silent_is_let_go() {
    let options = Options {
        idle_timeout: Duration::from_millis(50),
        ..options()
    };
    let server = Running::start(responder(Config::default()), options);
    let mut stream = server.connection();
    stream.write_all(&[0]).unwrap(); // half a length
    assert_eq!(stream.read(&mut [0; 10]).unwrap(), 0, "closed");
}

#[test]
fn a_client_that_never_reads_is_let_go() {
    let options = Options {
        write_timeout: Duration::from_millis(50),
        max_connections_per_client: 1,
        ..options()
    };
    let server = Running::start(responder(open()), options);
    let mut stream = server.connection();
    let requests = frame(&Ask::new("example. AXFR").octets).repeat(1000); // 60 MB of answers
    stream.write_all(&requests).unwrap();
    assert!(server.admits_again(), "the only place came free");
}

/// A zone of 24 MB, more than the system keeps for one connection.
fn large(config: Config) -> Responder {
    let apex = common::name("example.");
    let mut builder = ZoneBuilder::new(apex.as_name(), ZoneLimits::default(), Checks::Strict);
    let small = zone("example.", EXAMPLE);
    let mut records = small.iter();
    builder.begin(&records.next().unwrap()).unwrap();
    while let Some(record) = records.next() {
        builder.add(&record).unwrap();
    }
    for number in 0..400 {
        let owner = common::name(&format!("host{number}.example."));
        let record = Record {
            owner: owner.as_name(),
            rtype: Rtype(65_280),
            class: Class::IN,
            ttl: 60,
            rdata: &[0; 60_000],
        };
        builder.add(&record).unwrap();
    }
    Table::of(&[builder.finish().unwrap().0]).responder(config)
}

/// A connection from this address, with so much room for what is not read yet, over which a transfer has been asked for.
fn asks_for_much(server: &Running, source: &str, room: usize) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(room).unwrap();
    socket
        .bind(&SocketAddr::new(source.parse().unwrap(), 0).into())
        .unwrap();
    socket.connect(&server.address.into()).unwrap();
    let mut stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(TIMEOUT)).unwrap();
    stream
        .write_all(&frame(&Ask::new("example. AXFR").octets))
        .unwrap();
    stream
}

#[test]
fn a_transfer_that_is_taken_too_slowly_is_ended() {
    let options = Options {
        write_timeout: Duration::from_millis(700),
        min_transfer_rate: 1 << 40,
        ..options()
    };
    let server = Running::start(large(open()), options);
    let mut stream = asks_for_much(&server, "127.0.0.1", 256 << 10);
    let (mut octets, mut piece) = (0, vec![0; 65_536]);
    while let Ok(count @ 1..) = stream.read(&mut piece) {
        octets += count;
        std::thread::sleep(Duration::from_millis(8)); // steadily, so that no single write waits for long
    }
    assert!(octets < 24_000_000, "all of it came");
}

#[test]
fn more_transfers_than_allowed_are_put_off() {
    let options = Options {
        max_transfers: 1,
        ..options()
    };
    let responder = large(open());
    let counters = Arc::clone(responder.counters());
    let server = Running::start(responder, options);
    let mut first = asks_for_much(&server, "127.0.0.1", 4096);
    first.read_exact(&mut [0; 2]).unwrap();
    let mut second = server.connection();
    let requests = [
        frame(&Ask::new("example. AXFR +edns").octets),
        frame(&Ask::new("ns.example. A").octets),
    ]
    .concat();
    let mut ask = || {
        second.write_all(&requests).unwrap();
        render(&read_frame(&mut second))
    };
    assert_eq!(ask(), "SERVFAIL edns");
    assert_eq!(counters.transfers_put_off.value(), 1);
    assert_eq!(
        render(&read_frame(&mut second)),
        "NOERROR aa\nns.example. 60 IN A 192.0.2.1",
        "the connection goes on"
    );
    drop(first);
    let given = (0..2000).any(|_| {
        std::thread::sleep(Duration::from_millis(5));
        let mut third = server.connection();
        third.write_all(&requests).unwrap();
        Message::new(&read_frame(&mut third)).unwrap().header().aa
    });
    assert!(given, "the only place came free");
}

#[test]
fn one_client_has_only_its_share_of_the_connections() {
    let options = Options {
        max_connections_per_client: 2,
        ..options()
    };
    let server = Running::start(responder(open()), options);
    let mut held: Vec<_> = (0..2)
        .map(|_| asks_for_much(&server, "127.0.0.1", 4096))
        .collect();
    held.iter_mut()
        .for_each(|stream| stream.read_exact(&mut [0; 2]).unwrap());
    let mut third = server.connection();
    assert!(is_ended(&mut third));
    let mut neighbour = asks_for_much(&server, "127.0.0.2", 4096);
    neighbour.read_exact(&mut [0; 2]).unwrap();
    drop(held.pop());
    assert!(server.admits_again());
}

#[test]
fn what_was_asked_before_something_senseless_is_answered() {
    let server = Running::start(responder(Config::default()), options());
    let request = Ask::new("ns.example. A").octets;
    let mut answer = request.clone();
    answer[2] |= 0x80; // QR
    for senseless in [frame(&answer), vec![0, 0]] {
        let mut stream = server.connection();
        stream
            .write_all(&[frame(&request), senseless].concat())
            .unwrap();
        assert_eq!(
            render(&read_frame(&mut stream)),
            "NOERROR aa\nns.example. 60 IN A 192.0.2.1"
        );
        assert_eq!(stream.read(&mut [0; 10]).unwrap(), 0, "closed");
    }
}

#[test]
fn where_more_connections_come_than_allowed_the_idle_make_room() {
    let server = Running::start(
        responder(Config::default()),
        Options {
            max_connections: 3,
            idle_timeout: Duration::from_secs(3600),
            ..options()
        },
    );
    let request = frame(&Ask::new("ns.example. A").octets);
    let mut asks = server.connection();
    asks.write_all(&request).unwrap();
    read_frame(&mut asks);
    let mut idle: Vec<_> = (0..2).map(|_| server.connection()).collect();
    idle[0].write_all(&request[..5]).unwrap();
    let mut newcomers = Vec::new();
    for mut place in idle {
        // Whoever asks in between stays, however many come and say nothing.
        let mut newcomer = server.connection();
        newcomer.write_all(&request).unwrap();
        read_frame(&mut newcomer);
        assert!(is_ended(&mut place));
        asks.write_all(&request).unwrap();
        read_frame(&mut asks);
        newcomers.push(newcomer);
    }
}

#[test]
fn where_all_connections_are_busy_one_of_them_makes_room() {
    let options = Options {
        max_connections: 3,
        idle_timeout: Duration::from_secs(3600),
        ..options()
    };
    let server = Running::start(responder(Config::default()), options);
    let request = frame(&Ask::new("ns.example. A").octets);
    let mut busy: Vec<_> = (0..3).map(|_| server.connection()).collect();
    // Twice, since the server notes how far somebody has come once he has the answer.
    for _ in 0..2 {
        for stream in &mut busy {
            stream.write_all(&request).unwrap();
            read_frame(stream);
        }
    }
    let mut newcomer = server.connection();
    newcomer.write_all(&request).unwrap();
    read_frame(&mut newcomer);
    // The first goes, and the others are answered as before.
    assert!(is_ended(&mut busy[0]));
    for stream in busy.iter_mut().skip(1).chain([&mut newcomer]) {
        stream.write_all(&request).unwrap();
        read_frame(stream);
    }
}

#[test]
fn after_stop_the_port_is_free_and_connections_are_closed() {
    let mut server = Running::start(responder(Config::default()), options());
    let mut stream = server.connection();
    stream
        .write_all(&frame(&Ask::new("ns.example. A").octets))
        .unwrap();
    read_frame(&mut stream);
    server.stop();
    assert!(is_ended(&mut stream));
    let again = Server::bind(&[server.address], responder(Config::default()), options()).unwrap();
    assert_eq!(again.local_addresses(), [server.address]);
}

#[test]
fn a_new_version_is_told_until_it_is_answered() {
    let key = Key::new(
        common::name("key.example").as_name(),
        Algorithm::HmacSha256,
        b"secret of sixteen",
    )
    .unwrap();
    let refusing = Config {
        keys: KeyRing::from_iter([key.clone()]),
        ..Config::default()
    };
    let accepting = Config {
        notify_sources: open().notify_sources,
        ..refusing.clone()
    };
    let mut server = Running::start(responder(accepting), options());
    let deaf = UdpSocket::bind("127.0.0.1:0").unwrap();
    let refuser = Running::start(responder(refusing), options());

    let counters = Arc::clone(responder(Config::default()).counters());
    // Whoever answers does so in any case; the deaf one is not waited for so long.
    let retries =
        [TIMEOUT, Duration::from_millis(50)].map(|first| NotifyRetry { first, attempts: 3 });
    let target = |address| NotifyTarget {
        address,
        key: Some(key.clone()),
        source: None,
        per_second: 0,
    };
    let targets = [
        vec![server.address, refuser.address],
        vec![deaf.local_addr().unwrap()],
    ];
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let notifiers: Vec<_> = { targets.into_iter().zip(retries) }
        .map(|(addresses, retry)| {
            let targets = addresses.into_iter().map(target).collect();
            Notifier::new(targets, retry, Arc::clone(&counters))
        })
        .collect();
    let zone = zone("example.", EXAMPLE);
    runtime.block_on(async {
        for notifier in &notifiers {
            notifier.announce(zone.apex(), &zone.soa());
        }
        while counters.notifies_answered.value() + counters.notifies_given_up.value() < 3 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    assert_eq!(counters.notifies_answered.value(), 1);
    assert_eq!(counters.notifies_given_up.value(), 2);
    let notification = server.notifications.try_recv().unwrap();
    assert_eq!(notification.serial, Some(zone.serial()));
    assert_eq!(notification.key.unwrap().name(), key.name());
    deaf.set_nonblocking(true).unwrap();
    let heard = std::iter::from_fn(|| deaf.recv(&mut [0; 512]).ok()).count();
    assert_eq!(heard, 3, "as often as it was to be told");
}

#[test]
fn who_does_not_answer_keeps_nobody_else_from_being_told() {
    let [deaf, polite] = [(); 2].map(|()| UdpSocket::bind("127.0.0.1:0").unwrap());
    let targets = [&deaf, &polite].map(|socket| NotifyTarget {
        address: socket.local_addr().unwrap(),
        key: None,
        source: None,
        per_second: 0,
    });
    std::thread::spawn(move || {
        let mut octets = [0; 512];
        while let Ok((length, from)) = polite.recv_from(&mut octets) {
            octets[2] |= 0x80; // an answer
            polite.send_to(&octets[..length], from).unwrap();
        }
    });
    let retry = NotifyRetry {
        first: Duration::from_secs(3600),
        attempts: 1,
    };
    let counters = Arc::clone(responder(Config::default()).counters());
    let notifier = Notifier::new(targets.into(), retry, Arc::clone(&counters));
    let soa = zone("example.", EXAMPLE).soa();
    let zones = 300;
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        for number in 0..zones {
            let name: NameBuf = format!("{number}.example.").parse().unwrap();
            notifier.announce(name.as_name(), &soa);
        }
        let told = async {
            while notifier.under_way() > zones {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let told = tokio::time::timeout(Duration::from_secs(60), told).await;
        assert!(told.is_ok(), "waited in vain for who does answer");
    });
    assert_eq!(counters.notifies_answered.value(), zones as u64);
    assert_eq!(notifier.under_way(), zones, "those for the deaf one");
}

#[test]
fn a_notify_that_finds_no_room_is_left_unanswered() {
    let server = Running::start(responder(open()), options());
    let counters = Arc::clone(responder(Config::default()).counters());
    let target = NotifyTarget {
        address: server.address,
        key: None,
        source: None,
        per_second: 0,
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let zone = zone("example.", EXAMPLE);
    runtime.block_on(async {
        for told in 1..=11 {
            let notifier = Notifier::new(
                vec![target.clone()],
                NotifyRetry {
                    // Ten are answered in any case; the last one is waited for in vain.
                    first: if told > 10 { TIMEOUT / 300 } else { TIMEOUT },
                    attempts: 1,
                },
                Arc::clone(&counters),
            );
            notifier.announce(zone.apex(), &zone.soa());
            while counters.notifies_answered.value() + counters.notifies_given_up.value() < told {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
    });
    assert_eq!(
        (
            counters.notifies_answered.value(),
            counters.notifies_given_up.value()
        ),
        (10, 1)
    );
}
