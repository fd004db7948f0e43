//! NOTIFY, as it reaches a secondary whose timers do not make it look again within the time of a test. Not for the parts
//! alone: who may send one is the server's matter and the configuration's, and what becomes of it the schedule's
//! (`crates/xfr/tests/schedule`).

use std::io::{Read, Write};
use std::net::{TcpStream, UdpSocket};
use std::thread::sleep;
use std::time::Duration;

use zonekit_script::{framed, soa_buf, unix_now};
use zonekit_tsig::Key;
use zonekit_wire::{Rcode, Serial, SoaBuf};
use zonekit_xfr::{ClientError, ErrorKind, NotifyReply, Query};

use super::*;
use crate::support::{PATIENCE, PATIENT, declared, eventually};

const ZONE: &str = "example.org";
const KEY: &str = "hmac-sha256:transfer.example.:c2VjcmV0IHNlY3JldCBzZWNyZXQ=";

/// A secondary that holds serial 1 of a zone, and the primary of it.
struct Pair {
    node: Inside,
    host: Host,
    serial: Arc<AtomicU32>,
}

impl Pair {
    fn start() -> Self {
        Self::with(|host| host, "")
    }

    fn with(change: impl FnOnce(Host) -> Host, key: &str) -> Self {
        let serial = Arc::new(AtomicU32::new(1));
        let host = change(well(&serial));
        let zone = declared(ZONE, host.listen(), None);
        let more = format!("{PATIENT}{zone}{key}");
        let settings = Settings {
            timers: "",
            more: &more,
            ..Settings::default()
        };
        let pair = Self {
            node: Inside::start(&settings),
            host,
            serial,
        };
        pair.wait_for(1);
        pair
    }

    #[track_caller]
    fn wait_for(&self, serial: u32) {
        eventually(&format!("serial {serial}"), || {
            (self.node.serial(ZONE) == Some(serial)).then_some(())
        });
    }

    /// Sends one over UDP; what comes back.
    fn notify(&self, from: &str, hint: Option<&SoaBuf>, key: Option<Key>) -> Rcode {
        let mut client = Client::new(self.node.dns).source(from.parse().unwrap());
        if let Some(key) = key {
            client = client.key(key);
        }
        self.told(&client, hint).unwrap().rcode
    }

    /// Says so until there is an answer: a client repeats itself for a few seconds only.
    fn told(&self, client: &Client, hint: Option<&SoaBuf>) -> Result<NotifyReply, ClientError> {
        eventually("an answer to the NOTIFY", || {
            let answer = self.node.runtime.block_on(client.notify(ZONE, hint));
            let is_late =
                { answer.as_ref() }.is_err_and(|error| error.kind() == Some(ErrorKind::Timeout));
            (!is_late).then_some(answer)
        })
    }

    /// How often the primary was asked for its SOA. A question that is answered late is asked again.
    fn checks(&self) -> usize {
        self.host.story().matches("SOA/udp").count()
    }

    /// That the first visit was the last, until [`move_on`](Self::move_on) made the one that brings serial 2.
    #[track_caller]
    fn was_visited_once(&self) {
        self.move_on();
        let visits = eventually("the visit that brings serial 2", || {
            let (_, history) = self.node.api.get(&format!("/v1/zones/{ZONE}/history"));
            let mut visits = history["items"].as_array()?.clone();
            visits.reverse(); // the newest is told first
            visits
                .iter()
                .any(|visit| visit["to"] == 2)
                .then_some(visits)
        });
        let served: Vec<_> = visits.iter().map(|visit| &visit["to"]).take(2).collect();
        assert_eq!(served, [1, 2], "{visits:?}");
    }

    /// That there is serial 2 now, and a NOTIFY that nobody could object to.
    fn move_on(&self) {
        self.serial.store(2, Ordering::SeqCst);
        assert_eq!(self.notify("127.0.0.1", None, None), Rcode::NOERROR);
        self.wait_for(2);
    }

    /// Sends these octets over UDP, and a NOTIFY behind them that is answered in any case; the RCODE that comes back for
    /// the first, unless the second is answered alone. One worker answers, so that no answer overtakes another.
    fn send(&self, octets: &[u8]) -> Option<Rcode> {
        const BEHIND: [u8; 2] = [0xbe, 0xbe];
        let mut behind = self::octets("example.net", None);
        behind[..2].copy_from_slice(&BEHIND);
        assert_ne!(octets[..2], BEHIND);
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        for octets in [octets, &behind] {
            socket.send_to(octets, self.node.dns).unwrap();
        }
        let mut answer = [0; 512];
        socket.recv(&mut answer).expect("one answer at least");
        (answer[..2] != BEHIND).then(|| Rcode(u16::from(answer[3] & 15)))
    }
}

fn octets(zone: &str, hint: Option<&SoaBuf>) -> Vec<u8> {
    let query = Query::notify(4711, &zone.parse().unwrap(), hint, None, unix_now());
    query.octets().to_vec()
}

#[test]
fn from_a_primary_of_the_zone_it_is_answered_and_checked() {
    let pair = Pair::start();
    pair.was_visited_once();
}

#[test]
fn from_anyone_else_it_is_refused_and_not_checked() {
    let pair = Pair::start();
    for _ in 0..20 {
        assert_eq!(
            pair.notify("127.0.0.2", Some(&soa_buf(9)), None),
            Rcode::REFUSED
        );
    }
    pair.was_visited_once();
}

#[test]
fn signed_with_a_key_of_the_zone_it_is_believed_from_anywhere() {
    let key: Key = KEY.parse().unwrap();
    let serial = Arc::new(AtomicU32::new(1));
    let stage = Arc::clone(&serial);
    let answer = move |request: &[u8]| {
        let ask = Ask::new(request);
        let whole = ask.zone(stage.load(Ordering::SeqCst));
        let key: Key = KEY.parse().unwrap();
        let ring = zonekit_tsig::KeyRing::from_iter([key]);
        let is_soa = request[12 + ask.zone.as_name().as_octets().len() + 1] == 6;
        let mut message = ask.message(if is_soa { &whole[..1] } else { &whole[..] });
        let checked = zonekit_tsig::check_request(&ring, request, unix_now()).unwrap();
        checked.unwrap().sign(&mut message, unix_now());
        vec![Act::Say(message)]
    };
    let host = Host::silent()
        .udp(Rtype::SOA, answer.clone())
        .tcp(Rtype::AXFR, answer.clone())
        .tcp(Rtype::IXFR, answer);
    let more = format!(
        "{PATIENT}{}[[key]]\nname = \"transfer.example.\"\nalgorithm = \"hmac-sha256\"\nsecret = \"c2VjcmV0IHNlY3JldCBzZWNyZXQ=\"\n",
        declared(ZONE, host.listen(), Some("transfer.example."))
    );
    let settings = Settings {
        timers: "",
        more: &more,
        ..Settings::default()
    };
    let pair = Pair {
        node: Inside::start(&settings),
        host,
        serial,
    };
    pair.wait_for(1);
    pair.serial.store(2, Ordering::SeqCst);
    let other: Key = "hmac-sha256:other.example.:c2VjcmV0".parse().unwrap();
    let client = Client::new(pair.node.dns).key(other);
    let unknown = pair.told(&client, None);
    assert_eq!(unknown.unwrap_err().kind(), Some(ErrorKind::BadKey));
    assert_eq!(pair.notify("127.0.0.2", None, Some(key)), Rcode::NOERROR);
    pair.wait_for(2);
}

#[test]
fn of_a_zone_that_is_not_ours_it_is_answered_notauth() {
    let pair = Pair::start();
    assert_eq!(
        pair.send(&octets("example.net", None)),
        Some(Rcode::NOTAUTH)
    );
    assert_eq!(
        pair.send(&octets("sub.example.org", None)),
        Some(Rcode::NOTAUTH)
    );
    pair.move_on();
}

#[test]
fn a_hint_that_is_equal_or_older_is_answered_and_not_checked() {
    let pair = Pair::start();
    for serial in [1, 0, 0xffff_fff0] {
        assert_eq!(
            pair.notify("127.0.0.1", Some(&soa_buf(serial)), None),
            Rcode::NOERROR
        );
    }
    pair.was_visited_once();
}

#[test]
fn a_hint_ahead_of_what_the_primary_serves_is_checked_again() {
    let pair = Pair::start();
    let before = pair.checks();
    assert_eq!(
        pair.notify("127.0.0.1", Some(&soa_buf(2)), None),
        Rcode::NOERROR
    );
    eventually("a check", || (pair.checks() > before).then_some(()));
    pair.serial.store(2, Ordering::SeqCst);
    pair.wait_for(2);
}

#[test]
fn thousands_at_once_are_a_few_checks_and_nothing_is_missed() {
    let pair = Pair::start();
    let before = pair.checks();
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    for serial in 2..5_002 {
        pair.serial.store(serial, Ordering::SeqCst);
        let hint = SoaBuf {
            serial: Serial(serial),
            ..soa_buf(0)
        };
        socket
            .send_to(&octets(ZONE, Some(&hint)), pair.node.dns)
            .unwrap();
    }
    // The last one comes surely: it is repeated until it is answered.
    assert_eq!(
        pair.notify("127.0.0.1", Some(&soa_buf(5_001)), None),
        Rcode::NOERROR
    );
    pair.wait_for(5_001);
    let checks = pair.checks() - before;
    assert!(checks < 500, "{checks} checks for 5,000");
}

#[test]
fn during_a_transfer_it_is_followed_by_another_check() {
    let pause = Arc::new(AtomicU32::new(0));
    let paused = Arc::clone(&pause);
    let pair = Pair::with(
        move |host| {
            host.tcp(Rtype::IXFR, move |request| {
                let ask = Ask::new(request);
                // The transfer of serial 2 takes as long as the test wants.
                let number = 2 + paused.load(Ordering::SeqCst);
                while paused.load(Ordering::SeqCst) == 0 {
                    sleep(Duration::from_millis(5));
                }
                vec![Act::Say(ask.message(&ask.zone(number)))]
            })
        },
        "",
    );
    pair.serial.store(2, Ordering::SeqCst);
    assert_eq!(
        pair.notify("127.0.0.1", Some(&soa_buf(2)), None),
        Rcode::NOERROR
    );
    eventually("a transfer", || {
        pair.host.story().contains("IXFR").then_some(())
    });
    pair.serial.store(3, Ordering::SeqCst);
    assert_eq!(
        pair.notify("127.0.0.1", Some(&soa_buf(3)), None),
        Rcode::NOERROR
    );
    pause.store(1, Ordering::SeqCst);
    pair.wait_for(3);
}

#[test]
fn over_tcp_it_is_as_good() {
    let pair = Pair::start();
    pair.serial.store(2, Ordering::SeqCst);
    let mut stream = TcpStream::connect(pair.node.dns).unwrap();
    stream
        .write_all(&framed(&octets(ZONE, Some(&soa_buf(2)))))
        .unwrap();
    let mut answer = [0; 14];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(
        (answer[2..4].to_vec(), answer[5] & 15),
        (vec![0x12, 0x67], 0)
    );
    pair.wait_for(2);
}

#[test]
fn what_is_no_notify_is_formerr_or_dropped() {
    let pair = Pair::start();
    let good = octets(ZONE, Some(&soa_buf(2)));
    let class = 12 + "example.org".len() + 2 + 3;
    let changed = |place: usize, octet: u8| {
        let mut octets = good.clone();
        octets[place] = octet;
        octets
    };
    assert_eq!(pair.send(&changed(2, good[2] | 0x80)), None, "QR");
    assert_eq!(
        pair.send(&good[..good.len() - 3]),
        Some(Rcode::FORMERR),
        "a broken SOA"
    );
    assert_eq!(
        pair.send(&changed(5, 0)),
        Some(Rcode::FORMERR),
        "no question"
    );
    let other_class = pair.send(&changed(class, 3));
    assert!(
        matches!(
            other_class,
            Some(Rcode::FORMERR | Rcode::NOTAUTH | Rcode::REFUSED)
        ),
        "{other_class:?}"
    );
    pair.was_visited_once();
}
