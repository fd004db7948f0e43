//! Settings that change in the middle of a signed stream: the stream ends without trace, and what comes next is as the new
//! settings have it.

use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;

use serde_json::json;
use zonekit_script::{failure, unix_now};
use zonekit_tsig::{Key, KeyRing, check_request};
use zonekit_wire::Rcode;

use super::*;
use crate::support::{Node, PATIENT, QUIET, eventually, rcode_of, serial_of, until_serial};

const ZONE: &str = "example.org";
const PATH: &str = "/v1/zones/example.org";
const OLD: &str = "b2xkIHNlY3JldA==";
const NEW: &str = "bmV3IHNlY3JldA==";

/// A primary that wants signatures; its streams stop after their first message while it is told to stop.
struct Signing {
    host: Host,
    address: SocketAddr,
    serial: Arc<AtomicU32>,
    keys: Arc<Mutex<Vec<Key>>>,
    stops: Arc<AtomicBool>,
    /// A stream has stopped.
    is_stopped: Arc<AtomicBool>,
}

impl Signing {
    fn start(key: &Key) -> Self {
        let serial = Arc::new(AtomicU32::new(1));
        let keys = Arc::new(Mutex::new(vec![key.clone()]));
        let [stops, is_stopped] = [(); 2].map(|()| Arc::new(AtomicBool::new(false)));
        let answer = |rtype: Rtype| {
            let (serial, keys) = (Arc::clone(&serial), Arc::clone(&keys));
            let (stops, is_stopped) = (Arc::clone(&stops), Arc::clone(&is_stopped));
            move |request: &[u8]| {
                let ring = KeyRing::from_iter(keys.lock().unwrap().iter().cloned());
                let mut stream = match check_request(&ring, request, unix_now()) {
                    Ok(stream) => stream.expect("nothing is asked unsigned"),
                    Err(rejected) => {
                        let mut reply = failure(request, rejected.rcode());
                        rejected.sign_reply(&mut reply, unix_now());
                        return vec![Act::Say(reply)];
                    }
                };
                let ask = Ask::new(request);
                let mut records = ask.zone(serial.load(Ordering::SeqCst));
                if rtype == Rtype::SOA {
                    records.truncate(1);
                }
                let mut messages: Vec<_> = { records.chunks(2) }
                    .map(|records| ask.message(records))
                    .collect();
                for message in &mut messages {
                    stream.sign(message, unix_now());
                }
                if rtype != Rtype::SOA && stops.load(Ordering::SeqCst) {
                    messages.truncate(1);
                    is_stopped.store(true, Ordering::SeqCst);
                }
                messages.into_iter().map(Act::Say).collect()
            }
        };
        let mut host = Host::silent().udp(Rtype::SOA, answer(Rtype::SOA));
        for rtype in [Rtype::SOA, Rtype::AXFR, Rtype::IXFR] {
            host = host.tcp(rtype, answer(rtype));
        }
        Self {
            address: host.listen(),
            host,
            serial,
            keys,
            stops,
            is_stopped,
        }
    }

    /// It has serial 2, and a stream of it has stopped midway.
    fn stop_a_stream(&self, node: &Node) {
        self.serial.store(2, Ordering::SeqCst);
        self.stops.store(true, Ordering::SeqCst);
        let (status, answer) = node.api.post(&format!("{PATH}/transfer"), &json!({}));
        assert_eq!(status, 202, "{answer}");
        eventually("a stream that stops", || {
            self.is_stopped.load(Ordering::SeqCst).then_some(())
        });
        assert_eq!(serial_of(node.dns, ZONE), Some(1));
        self.stops.store(false, Ordering::SeqCst);
    }

    /// Nobody is there any more whom the rest of a stream could be told to.
    fn is_left(&self) {
        eventually("the end of every connection", || {
            (self.host.open() == 0).then_some(())
        });
    }

    fn as_primary(&self, key: &str) -> serde_json::Value {
        json!({"address": self.address.ip(), "port": self.address.port(), "key": key})
    }
}

fn key(name: &str, secret: &str) -> Key {
    format!("{name}:{secret}").parse().unwrap()
}

fn start(directory: &Path, more: &str) -> Node {
    let more = format!("{PATIENT}{more}");
    let settings = Settings {
        timers: QUIET,
        ..Settings::with(&more)
    };
    Node::start(directory, &settings)
}

#[track_caller]
fn serves(node: &Node, serial: u32) {
    until_serial(node.dns, ZONE, serial);
}

/// A node with two keys, and the zone with the first of them from `primary`, all made over the API; serial 1 is served.
fn by_api(directory: &Path, primary: &Signing) -> Node {
    let node = start(directory, "");
    for (name, secret) in [("old.example", OLD), ("new.example", NEW)] {
        let body = json!({"name": name, "secret": secret});
        assert_eq!(node.api.post("/v1/keys", &body).0, 201);
    }
    create(&node, primary);
    serves(&node, 1);
    node
}

fn create(node: &Node, primary: &Signing) {
    let body = json!({"name": ZONE, "primaries": [primary.as_primary("old.example")]});
    let (status, zone) = node.api.post("/v1/zones", &body);
    assert_eq!(status, 201, "{zone}");
}

#[test]
fn a_key_replaced_by_sighup_ends_the_stream_and_signs_the_next() {
    let directory = TempDir::new().unwrap();
    let primary = Signing::start(&key("transfer.example", OLD));
    let tables = |secret: &str| {
        format!(
            "{PATIENT}[[key]]\nname = \"transfer.example\"\nsecret = \"{secret}\"\n{}",
            support::declared(ZONE, primary.address, Some("transfer.example"))
        )
    };
    let port = support::free_port();
    let listen = format!("127.0.0.1:{port}");
    let (old, new) = (tables(OLD), tables(NEW));
    let settings = Settings {
        listen: &listen,
        timers: QUIET,
        ..Settings::with(&old)
    };
    let node = Node::start(directory.path(), &settings);
    serves(&node, 1);
    primary.stop_a_stream(&node);

    *primary.keys.lock().unwrap() = vec![key("transfer.example", NEW)];
    Settings {
        more: &new,
        ..settings
    }
    .write(directory.path());
    node.program.signal("HUP");
    serves(&node, 2);
    primary.is_left();
    let text = fs::read_to_string(directory.path().join("secondary.toml")).unwrap();
    assert!(text.contains(NEW) && !text.contains(OLD));
}

#[test]
fn another_key_by_the_api_ends_the_stream_and_signs_the_next() {
    let directory = TempDir::new().unwrap();
    let primary = Signing::start(&key("old.example", OLD));
    let node = by_api(directory.path(), &primary);
    primary.stop_a_stream(&node);

    *primary.keys.lock().unwrap() = vec![key("new.example", NEW)];
    let body = json!({"primaries": [primary.as_primary("new.example")]});
    let (status, zone) = node.api.patch(PATH, &body);
    assert_eq!(status, 200, "{zone}");
    serves(&node, 2);
    primary.is_left();
}

#[test]
fn another_primary_ends_the_stream_and_is_asked() {
    let directory = TempDir::new().unwrap();
    let [primary, other] = [(); 2].map(|()| Signing::start(&key("old.example", OLD)));
    other.serial.store(9, Ordering::SeqCst);
    let node = by_api(directory.path(), &primary);
    primary.stop_a_stream(&node);

    let body = json!({"primaries": [other.as_primary("old.example")]});
    let (status, zone) = node.api.patch(PATH, &body);
    assert_eq!(status, 200, "{zone}");
    primary.is_left();
    serves(&node, 9);
}

#[test]
fn a_zone_that_is_removed_ends_its_stream_and_comes_back_whole() {
    let directory = TempDir::new().unwrap();
    let primary = Signing::start(&key("old.example", OLD));
    let node = by_api(directory.path(), &primary);
    primary.stop_a_stream(&node);

    let (status, answer) = node.api.delete(PATH);
    assert!(matches!(status, 200 | 202 | 204), "{status} {answer}");
    primary.is_left();
    assert_eq!(rcode_of(node.dns, ZONE), Rcode::REFUSED);
    create(&node, &primary);
    serves(&node, 2);
    let held = support::transferred(node.dns, ZONE, None);
    assert_eq!(held.len(), 4, "{held:?}"); // SOA, NS, two addresses
}
