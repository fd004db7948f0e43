//! A node that is asked steadily while its zone changes under it.
//!
//! `ZONEKIT_STEADY=seconds,queries-per-second,hosts` asks for longer, more often and of a larger zone.

mod support;

use std::collections::HashMap;
use std::fs;
use std::net::{Ipv4Addr, UdpSocket};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use support::{Node, Program, Settings, eventually, serial_of};
use tempfile::TempDir;
use zonekit_wire::{Message, NameBuf, Rcode, Rtype, Section, Unpacker};

const ZONE: &str = "steady.test";
/// Questions go out in bunches, this far apart.
const BEAT: Duration = Duration::from_millis(5);

/// A version in which two records tell its serial. Every eighth has all of its hosts anew, which is more to say than the
/// zone itself, so that it goes over whole.
fn version(serial: u32, hosts: usize) -> String {
    let mut text = format!(
        "$ORIGIN {ZONE}.\n$TTL 60\n@ SOA ns1 hostmaster {serial} 3600 900 604800 60\n@ NS ns1\nns1 A 192.0.2.1\n\
         pair TXT \"{serial}\" \"left\"\npair TXT \"{serial}\" \"right\"\n"
    );
    let generation = serial / 8;
    for host in 0..hosts {
        text += &format!("host{host} A 192.0.{}.{}\n", generation % 250, host % 250);
    }
    text
}

#[test]
fn steady_questions_lose_no_answer_and_see_no_mixture_while_the_zone_changes() {
    let setting = std::env::var("ZONEKIT_STEADY").unwrap_or_else(|_| "5,2000,2000".to_owned());
    let mut setting = setting.split(',').map(|number| number.parse().unwrap());
    let [seconds, rate, hosts]: [usize; 3] = [(); 3].map(|()| setting.next().unwrap());

    let directory = TempDir::new().unwrap();
    let file = directory.path().join("zone");
    fs::write(&file, version(1, hosts)).unwrap();
    let entry = format!("{ZONE}={}", file.display());
    let listen = format!("127.0.0.1:{}", support::free_port());
    let mut primary = Program::ours(
        "primary",
        &[
            "--listen",
            "127.0.0.1:0",
            "--zone",
            &entry,
            "--notify",
            &listen,
        ],
    );
    let declared = support::declared(ZONE, primary.address("dns"), None);
    let settings = Settings {
        listen: &listen,
        timers: "",
        more: &declared,
        ..Settings::default()
    };
    let node = Node::start(directory.path(), &settings);
    eventually("the zone", || serial_of(node.dns, ZONE));

    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    socket.connect(node.dns).unwrap();
    socket
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    let receiving = socket.try_clone().unwrap();
    let count = seconds * rate;
    let sent: Arc<[AtomicU64]> = (0..count).map(|_| AtomicU64::new(0)).collect();
    let (begin, times) = (Instant::now(), Arc::clone(&sent));
    let asked = thread::spawn(move || ask_steadily(&socket, &times, rate, begin));
    let until = Instant::now() + Duration::from_secs(seconds as u64);
    let changing = thread::spawn(move || {
        let mut serial = 1;
        while Instant::now() < until {
            serial += 1;
            replace(&file, &version(serial, hosts));
            primary.signal("HUP");
            thread::sleep(Duration::from_millis(100));
        }
        (primary, serial) // which goes on serving until it is dropped
    });

    let mut seen = HashMap::<u32, usize>::new();
    let mut newest = 0;
    let mut waits = Vec::with_capacity(count);
    for received in 0..count {
        let mut octets = [0; 1500];
        let length = receiving.recv(&mut octets);
        let length =
            length.unwrap_or_else(|error| panic!("{received} of {count} answers: {error}"));
        let arrived = begin.elapsed().as_nanos() as u64;
        let serial = serial_in(&octets[..length]);
        // Of all questions with this ID, the one whose turn it is about now.
        let ahead = u16::from_be_bytes([octets[0], octets[1]]).wrapping_sub(received as u16) as i16;
        let number = received.saturating_add_signed(ahead.into());
        let asked = sent.get(number).expect("a question that was asked");
        waits.push(arrived.saturating_sub(asked.load(Ordering::Relaxed)));
        // One worker answers, so that no answer overtakes another.
        assert!(serial >= newest, "{serial} after {newest}");
        newest = serial;
        *seen.entry(serial).or_default() += 1;
    }
    let slowest = asked.join().unwrap();
    let (_primary, last) = changing.join().unwrap();
    eventually("the last version", || {
        (serial_of(node.dns, ZONE) == Some(last)).then_some(())
    });
    eprintln!(
        "{count} answers, none lost, of {} versions out of {last}; sending was late by {slowest:?} at most",
        seen.len()
    );
    waits.sort_unstable();
    let [half, most, nearly_all, all] = [500, 990, 999, 1000].map(|part| {
        let place = (count * part / 1000).clamp(1, count) - 1;
        Duration::from_nanos(waits[place])
    });
    eprintln!("waits: median {half:?}, p99 {most:?}, p99.9 {nearly_all:?}, longest {all:?}");
    assert!(
        seen.len() > 3,
        "the zone hardly changed meanwhile: {seen:?}"
    );
}

/// Sends a question for each place in `sent`, so many per second, however late answers come; notes when, in nanoseconds since
/// `begin`, and says how far behind it fell.
fn ask_steadily(socket: &UdpSocket, sent: &[AtomicU64], rate: usize, begin: Instant) -> Duration {
    let name: NameBuf = format!("pair.{ZONE}").parse().unwrap();
    let mut request = vec![0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    request.extend(name.as_name().as_octets());
    request.extend(Rtype::TXT.0.to_be_bytes());
    request.extend([0, 1]);
    let mut slowest = Duration::ZERO;
    for (number, sent) in sent.iter().enumerate() {
        let due = begin + Duration::from_secs_f64(number as f64 / rate as f64);
        let now = Instant::now();
        slowest = slowest.max(now.saturating_duration_since(due));
        if due > now + BEAT {
            thread::sleep(due - now);
        }
        request[..2].copy_from_slice(&(number as u16).to_be_bytes());
        sent.store(begin.elapsed().as_nanos() as u64, Ordering::Relaxed);
        socket.send(&request).unwrap();
    }
    slowest
}

/// The serial that both records of an answer tell.
fn serial_in(octets: &[u8]) -> u32 {
    let message = Message::new(octets).unwrap();
    assert_eq!(message.header().rcode, Rcode::NOERROR);
    let mut unpacker = Unpacker::new();
    let mut told = Vec::new();
    for record in message.records().unwrap() {
        let (section, record) = record.unwrap();
        assert_eq!(section, Section::Answer);
        let rdata = unpacker.unpack(record).unwrap().rdata;
        let (&length, rest) = rdata.split_first().unwrap();
        let serial = str::from_utf8(&rest[..length.into()]).unwrap();
        told.push(serial.parse::<u32>().unwrap());
    }
    assert!(told.len() == 2 && told[0] == told[1], "a mixture: {told:?}");
    told[0]
}

fn replace(file: &Path, text: &str) {
    let fresh = file.with_extension("new");
    fs::write(&fresh, text).unwrap();
    fs::rename(fresh, file).unwrap();
}
