//! NOTIFY over TCP, and who may send it.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use zonekit_script::Host;
use zonekit_tsig::Key;
use zonekit_wire::{Message, Rcode, Rtype};
use zonekit_xfr::Query;

use super::{Trial, until, zone};

const KEYS: &str = "[[key]]\nname = \"notify.\"\nsecret = \"c2VjcmV0\"\n[[key]]\nname = \"other.\"\nsecret = \"c2VjcmV0\"\n";

/// Says over TCP that a zone has changed; gives the answer's RCODE.
fn notify(to: SocketAddr, from: &str, zone: &str, key: Option<&str>) -> Rcode {
    let key: Option<Key> = key.map(|name| format!("{name}:c2VjcmV0").parse().unwrap());
    let now = zonekit_script::unix_now();
    let query = Query::notify(7, &zone.parse().unwrap(), None, key.as_ref(), now);
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket
        .bind(&format!("{from}:0").parse::<SocketAddr>().unwrap().into())
        .unwrap();
    socket.connect(&to.into()).unwrap();
    let mut stream = TcpStream::from(socket);
    let length = u16::try_from(query.octets().len()).unwrap().to_be_bytes();
    stream
        .write_all(&[&length, query.octets()].concat())
        .unwrap();
    let mut length = [0; 2];
    stream.read_exact(&mut length).unwrap();
    let mut answer = vec![0; u16::from_be_bytes(length).into()];
    stream.read_exact(&mut answer).unwrap();
    Message::new(&answer).unwrap().header().rcode
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_zone_says_who_may_notify_it_and_the_rest_is_refused_and_counted() {
    let host = Host::new(7);
    let primary = host.listen();
    let tables = [
        KEYS,
        &zone("by-address.test", primary, "allow_notify = [\"127.0.0.2\"]"),
        &zone(
            "by-prefix.test",
            primary,
            "allow_notify = [\"127.0.1.0/24\"]",
        ),
        &zone("by-key.test", primary, "allow_notify = [\"key:notify.\"]"),
        &zone("by-nobody.test", primary, ""),
    ]
    .concat();
    let trial = Trial::start(&tables).await;
    let zones = [
        "by-address.test",
        "by-prefix.test",
        "by-key.test",
        "by-nobody.test",
    ];
    for zone in zones {
        until("the first version", || trial.serial(zone) == Some(7)).await;
    }
    let to = trial.secondary.dns_addresses()[0];
    let node = std::sync::Arc::clone(trial.node());
    let counters = std::sync::Arc::clone(node.responder.counters());

    let (mut accepted, mut refused) = (0, 0);
    for (zone, from, key, admits) in [
        ("by-address.test", "127.0.0.2", None, true),
        ("by-address.test", "127.0.0.3", None, false),
        ("by-prefix.test", "127.0.1.9", None, true),
        ("by-prefix.test", "127.0.2.9", None, false),
        ("by-key.test", "127.0.0.9", Some("notify."), true),
        ("by-key.test", "127.0.0.9", Some("other."), false),
        ("by-key.test", "127.0.0.9", None, false),
        ("by-nobody.test", "127.0.0.2", None, false),
        ("by-nobody.test", "127.0.0.9", Some("notify."), false),
        ("by-nobody.test", "127.0.0.1", None, true), // its primary
    ] {
        let asked = || host.asked.lock().unwrap().len();
        let before = asked();
        let name = zone.to_owned();
        let (from, key) = (from.to_owned(), key.map(str::to_owned));
        let told = tokio::task::spawn_blocking(move || notify(to, &from, &name, key.as_deref()));
        let rcode = told.await.unwrap();
        let expected = if admits {
            Rcode::NOERROR
        } else {
            Rcode::REFUSED
        };
        assert_eq!(rcode, expected, "{zone}");
        if admits {
            accepted += 1;
            until("a question about it", || asked() > before).await;
        } else {
            refused += 1;
        }
    }
    assert_eq!(counters.notifies_accepted.value(), accepted);
    assert_eq!(counters.notifies_refused.value(), refused);
    assert!(
        host.asked
            .lock()
            .unwrap()
            .iter()
            .any(|asked| asked.rtype == Rtype::SOA)
    );
    trial.secondary.shutdown().await;
}
