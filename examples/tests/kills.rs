//! SIGKILL at any moment: what was announced is served again after the start, whole, and is not asked for again. And files
//! that cannot grow: what was served is, and what did not fit comes when there is room. And signed writes: what was carried out
//! is not carried out again.

mod peers;
mod support;

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use peers::{Hosted, Kind, Primary, Setup};
use serde_json::Value;
use support::{
    Api, Draw, Node, Program, Settings, Signer, TOKEN, canonical_lines, eventually, free_port,
    serial_of, until_serial,
};
use tempfile::TempDir;
use zonekit_script::{Act, Ask, Host};
use zonekit_wire::{Message, RecordBuf, Rtype, Section, Soa, Unpacker};
use zonekit_xfr::Query;

const ZONE: &str = "example.org";
const KILLS: u32 = 30;

/// Every version differs from the others in its hosts, and says which one it is in each of them.
fn version(serial: u32) -> String {
    let mut text = format!(
        "$ORIGIN {ZONE}.\n@ 300 IN SOA ns1 hostmaster {serial} 3600 900 604800 60\n@ 300 IN NS ns1\nns1 300 IN A 192.0.2.1\n"
    );
    for host in 0..20_000 {
        // A tenth of the hosts carries the version; the rest stays, so that differences are worth it.
        let mark = if host % 10 == 0 { serial } else { 0 };
        text += &format!("host{host} 300 IN TXT \"{mark}\"\n");
    }
    text
}

/// The target of our NOTIFY: answers, and remembers the newest serial that was announced.
fn listener() -> (SocketAddr, Arc<AtomicU32>) {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = socket.local_addr().unwrap();
    let newest = Arc::new(AtomicU32::new(0));
    let announced = Arc::clone(&newest);
    thread::spawn(move || {
        let mut octets = [0; 4096];
        while let Ok((length, from)) = socket.recv_from(&mut octets) {
            let message = Message::new(&octets[..length]).expect("a message");
            let mut unpacker = Unpacker::new();
            for item in message.records().expect("records") {
                let (section, record) = item.expect("a record");
                if section == Section::Answer && record.rtype() == Rtype::SOA {
                    let soa = unpacker.unpack(record).expect("an SOA");
                    let serial = Soa::read(soa.rdata).expect("an SOA").serial.0;
                    announced.fetch_max(serial, Ordering::SeqCst);
                }
            }
            octets[2] |= 0x80;
            let _ = socket.send_to(&octets[..length], from);
        }
    });
    (address, newest)
}

#[test]
fn what_was_announced_survives_thirty_kills_and_is_not_transferred_again() {
    if !Kind::Knot.is_installed() {
        return;
    }
    let directory = TempDir::new().unwrap();
    let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
    let (target, announced) = listener();
    let mut serial = 1;
    let setup = Setup {
        kind: Kind::Knot,
        zones: &[Hosted {
            zone: "example.org.",
            text: &version(serial),
            key: None,
        }],
        notify: Some(listen),
        port: free_port(),
    };
    let primary = Primary::start(setup).unwrap();
    let zone = support::declared(ZONE, primary.address(), None);
    let listen = listen.to_string();
    let settings = Settings {
        listen: &listen,
        notify: Some(target),
        more: &zone,
        ..Settings::default()
    };
    // Every start is with what the one before left behind.
    let start = || Node::start(directory.path(), &settings);
    let mut draw = Draw::new(0x5eed);

    // Killed during the very first transfer, again and again, until one gets through.
    let mut kills = 0;
    while kills < KILLS / 3 {
        let node = start();
        thread::sleep(Duration::from_millis(draw.below(60)));
        node.program.kill();
        kills += 1;
    }

    let mut node = start();
    eventually("the first version announced", || {
        (announced.load(Ordering::SeqCst) == serial).then_some(())
    });
    // The log tells of each that it has begun, and of the last one surely that it has ended.
    let begun = |log: &str| {
        let is_begin = |line: &&str| line.contains("AXFR, outgoing") && line.contains("started");
        log.lines().filter(is_begin).count()
    };
    let before = eventually("the end of the last transfer in the log", || {
        let log = primary.log();
        let mut lines = log.lines().filter(|line| line.contains("AXFR, outgoing"));
        lines.next_back()?.contains("finished").then(|| begun(&log))
    });
    assert!(before > 0, "the log of the primary tells of transfers");
    while kills < KILLS {
        // A change is on its way, on the disk or done when the end comes.
        serial += 1;
        primary.replace(&version(serial)).unwrap();
        thread::sleep(Duration::from_millis(draw.below(150)));
        node.program.kill();
        kills += 1;
        let known = announced.load(Ordering::SeqCst);

        node = start();
        let served = eventually("an answer after the start", || serial_of(node.dns, ZONE));
        assert!(
            served >= known,
            "kill {kills}: announced {known}, then served {served}"
        );
        let held = support::transferred(node.dns, ZONE, None);
        let now = serial_of(node.dns, ZONE).unwrap();
        let whole = (served..=now).any(|serial| held == canonical_lines(&expected(serial)));
        assert!(
            whole,
            "kill {kills}: version {served} to {now} is not whole"
        );

        until_serial(node.dns, ZONE, serial);
        eventually("the newest version announced", || {
            (announced.load(Ordering::SeqCst) == serial).then_some(())
        });
        let after = begun(&primary.log());
        assert_eq!(
            after, before,
            "kill {kills}: the whole zone was asked for again"
        );
    }
    let differences = primary.log().matches("IXFR, outgoing").count();
    assert!(differences > 0, "the changes came as differences");
}

/// A version that is on the disk when the end comes is announced, whatever had been announced of it before.
#[test]
fn who_was_not_told_before_the_end_is_told_after_the_start() {
    let primary = Held::start(Moment::Last(0));
    primary.is_well.store(true, Ordering::SeqCst);
    let directory = TempDir::new().unwrap();
    let zone = support::declared(ZONE, primary.address, None);
    let mut settings = Settings::with(&zone);
    let node = Node::start(directory.path(), &settings);
    eventually("the first version", || serial_of(node.dns, ZONE));
    node.program.kill();

    let (target, announced) = listener();
    settings.notify = Some(target);
    let _node = Node::start(directory.path(), &settings);
    eventually("word of it", || {
        (announced.load(Ordering::SeqCst) == 1).then_some(())
    });
}

/// What a transfer of a version gives, line by line.
fn expected(serial: u32) -> String {
    let origin = format!("{ZONE}.");
    let text = version(serial);
    text.lines()
        .filter(|line| !line.starts_with('$'))
        .map(|line| {
            let (owner, rest) = line.split_once(' ').unwrap();
            let rest = rest.replace(
                "ns1 hostmaster",
                &format!("ns1.{origin} hostmaster.{origin}"),
            );
            let rest = rest.replace("NS ns1", &format!("NS ns1.{origin}"));
            match owner {
                "@" => format!("{origin} {rest}\n"),
                owner => format!("{owner}.{origin} {rest}\n"),
            }
        })
        .collect()
}

/// Where a visit is when the end comes.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Moment {
    /// The primary has been asked for its SOA, and has not answered.
    Asked,
    /// Half of the differences has come.
    Midway,
    /// The last message is on its way, since so many milliseconds.
    Last(u64),
}

/// A scripted primary: says that it has serial 1, then 2, and holds the visit at its moment.
struct Held {
    address: SocketAddr,
    serial: Arc<AtomicU32>,
    /// It holds nothing any more.
    is_well: Arc<AtomicBool>,
    /// A visit has come to its moment.
    is_there: Arc<AtomicBool>,
}

const HOSTS: u32 = 3_000;

/// Every version differs from the others in all hosts, so that the file grows by it.
fn records(ask: &Ask<'_>, serial: u32) -> Vec<RecordBuf> {
    let host = |host| {
        ask.rr(&format!(
            "host{host} TXT {serial}-is-the-version-of-this-record"
        ))
    };
    let hosts = (0..HOSTS).map(host);
    let ends = [ask.soa(serial)];
    { ends.clone().into_iter() }
        .chain(ask.rrs(&["@ NS ns1", "ns1 A 192.0.2.1"]))
        .chain(hosts)
        .chain(ends)
        .collect()
}

impl Held {
    fn start(moment: Moment) -> Self {
        let serial = Arc::new(AtomicU32::new(1));
        let [is_well, is_there] = [(); 2].map(|()| Arc::new(AtomicBool::new(false)));
        let answer = |rtype: Rtype| {
            let (now, well, there) = (
                Arc::clone(&serial),
                Arc::clone(&is_well),
                Arc::clone(&is_there),
            );
            move |request: &[u8]| {
                let (ask, serial) = (Ask::new(request), now.load(Ordering::SeqCst));
                let holds = serial > 1 && !well.load(Ordering::SeqCst);
                let moment = Some(moment).filter(|_| holds);
                there.fetch_or(
                    match moment {
                        Some(Moment::Asked) => rtype == Rtype::SOA,
                        moment => moment.is_some() && rtype != Rtype::SOA,
                    },
                    Ordering::SeqCst,
                );
                if rtype == Rtype::SOA {
                    let answer = Act::Say(ask.message(&[ask.soa(serial)]));
                    return if moment == Some(Moment::Asked) {
                        Vec::new()
                    } else {
                        vec![answer]
                    };
                }
                let records = records(&ask, serial);
                let mut acts: Vec<Act> = records
                    .chunks(500)
                    .map(|records| Act::Say(ask.message(records)))
                    .collect();
                if moment == Some(Moment::Midway) {
                    acts.truncate(3);
                }
                acts
            }
        };
        let mut host = Host::silent().udp(Rtype::SOA, answer(Rtype::SOA));
        for rtype in [Rtype::SOA, Rtype::AXFR, Rtype::IXFR] {
            host = host.tcp(rtype, answer(rtype));
        }
        let address = host.listen();
        Self {
            address,
            serial,
            is_well,
            is_there,
        }
    }

    /// What a version is, line by line.
    fn version(serial: u32) -> Vec<String> {
        let request = Query::axfr(0, &ZONE.parse().unwrap(), None, 0);
        let mut records = records(&Ask::new(request.octets()), serial);
        records.pop();
        let lines: Vec<String> = records.iter().map(ToString::to_string).collect();
        canonical_lines(&lines.join("\n"))
    }
}

/// One whole version: the old one or the new one.
#[track_caller]
fn is_whole(node: &Node, what: &str) -> u32 {
    let held = support::transferred(node.dns, ZONE, None);
    let whole = (1..=2).find(|serial| held == Held::version(*serial));
    whole.unwrap_or_else(|| panic!("{what}: neither version is whole: {} records", held.len()))
}

#[test]
fn killed_at_any_moment_of_a_visit_it_has_one_whole_version() {
    let moments = [Moment::Asked, Moment::Midway].into_iter();
    for moment in moments.chain([0, 2, 5, 10, 20, 40, 80].map(Moment::Last)) {
        let primary = Held::start(moment);
        let directory = TempDir::new().unwrap();
        let zone = support::declared(ZONE, primary.address, None);
        let settings = Settings::with(&zone);
        let node = Node::start(directory.path(), &settings);
        eventually("the first version", || serial_of(node.dns, ZONE));
        primary.serial.store(2, Ordering::SeqCst);
        eventually("the moment", || {
            primary.is_there.load(Ordering::SeqCst).then_some(())
        });
        if let Moment::Last(milliseconds) = moment {
            thread::sleep(Duration::from_millis(milliseconds));
        }
        node.program.kill();

        let node = Node::start(directory.path(), &settings);
        eventually("an answer after the start", || serial_of(node.dns, ZONE));
        let what = format!("{moment:?}");
        let held = is_whole(&node, &what);
        assert!(
            matches!(moment, Moment::Last(_)) || held == 1,
            "{what}: {held}"
        );
        primary.is_well.store(true, Ordering::SeqCst);
        until_serial(node.dns, ZONE, 2);
        assert_eq!(is_whole(&node, &what), 2);
    }
}

/// Lets the files of a process grow to so many octets, or as they like.
fn let_files_grow(process: u32, octets: Option<u64>) {
    let limit = octets.map_or("unlimited".to_owned(), |octets| octets.to_string());
    let status = Command::new("prlimit")
        .args([format!("--pid={process}"), format!("--fsize={limit}:")])
        .status();
    assert!(status.expect("prlimit of util-linux").success());
}

/// The room is that of a limit on files, which needs no disk of its own: the system says EFBIG instead of ENOSPC.
#[test]
fn without_room_the_old_version_is_served_the_trouble_is_told_and_with_room_the_new_one_comes() {
    let primary = Held::start(Moment::Last(0));
    primary.is_well.store(true, Ordering::SeqCst);
    let directory = TempDir::new().unwrap();
    let zone = support::declared(ZONE, primary.address, None);
    let path = Settings::with(&zone).write(directory.path());
    // The signal that comes with EFBIG is one that programs die of, unless it is ignored before they begin.
    let mut program = Program::start(Command::new("sh").args([
        "-c",
        r#"trap "" XFSZ; exec "$0" --config "$1""#,
        env!("CARGO_BIN_EXE_secondary"),
        path.to_str().unwrap(),
    ]));
    let dns = program.address("dns");
    let api = Api::new(program.address("http"), TOKEN);
    let serves = |serial: u32| {
        until_serial(dns, ZONE, serial);
    };
    serves(1);
    let_files_grow(program.id(), Some(4096));
    primary.serial.store(2, Ordering::SeqCst);
    eventually("a visit that fails because the disk is full", || {
        let (_, history) = api.get(&format!("/v1/zones/{ZONE}/history"));
        let fails =
            |visit: &Value| visit["outcome"] == "failed" && visit["error"]["kind"] == "disk full";
        history["items"].as_array()?.iter().any(fails).then_some(())
    });
    program.wait_for("word of it in the log", |line| {
        let is_told = line.contains("\"kind\":\"disk full\"") && line.contains(ZONE);
        is_told.then_some(())
    });
    let whole = |serial: u32| {
        let held = support::transferred(dns, ZONE, None);
        assert!(held == Held::version(serial), "not all of serial {serial}");
    };
    whole(1);

    let_files_grow(program.id(), None);
    serves(2);
    whole(2);
    let after = eventually("a visit that ends well", || {
        let (_, zone) = api.get(&format!("/v1/zones/{ZONE}"));
        (zone["standing"] == "current").then_some(zone)
    });
    assert_eq!(after["serial"], 2, "{after}");
}

/// The answer but for what is of this time only, if there is a whole one.
fn answer_to(http: SocketAddr, request: &str) -> Option<String> {
    let mut connection = TcpStream::connect(http).ok()?;
    connection.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let length = { head.lines() }.find_map(|line| line.strip_prefix("content-length: "));
    if length.map_or(0, |length| length.parse().unwrap()) != body.len() {
        return None;
    }
    let is_of_this_time = |line: &str| {
        ["date:", "opc-request-id:"]
            .iter()
            .any(|of| line.starts_with(of))
    };
    let lines: Vec<&str> = { head.lines() }
        .filter(|line| !is_of_this_time(line))
        .collect();
    Some(format!("{}\n\n{body}", lines.join("\n")))
}

#[test]
fn a_signed_write_that_was_carried_out_before_the_end_is_not_carried_out_after_the_start() {
    let directory = TempDir::new().unwrap();
    let signer = Signer::new(directory.path());
    let quiet = Settings {
        timers: &signer.entry(),
        ..Settings::default()
    };
    let tenancy = Signer::TENANCY;
    let create = |name: &str| {
        format!(
            r#"{{"name":"{name}","compartmentId":"{tenancy}","zoneType":"SECONDARY","externalMasters":[{{"address":"127.0.0.1","port":1}}]}}"#
        )
    };
    let (zones, keys) = ("/20180115/zones", "/20180115/tsigKeys");
    let mut node = Node::start(directory.path(), &quiet);
    let host = node.http;
    let write = |method: &str, path: &str, body: &str| signer.request(host, method, path, body);

    // Answered before the end.
    let secret = "c2VjcmV0LW9mLWEta2V5";
    let key = format!(
        r#"{{"name":"k.example","algorithm":"hmac-sha256","compartmentId":"{tenancy}","secret":"{secret}"}}"#
    );
    let writes = [
        write("POST", keys, &key),
        write("POST", zones, &create("gone.example")),
        write("DELETE", &format!("{zones}/gone.example"), ""),
    ];
    let tell = |node: &Node| {
        writes
            .each_ref()
            .map(|write| answer_to(node.http, write).expect("an answer"))
    };
    let first = tell(&node);
    assert!(
        first[0].contains(secret) && first[1].starts_with("HTTP/1.1 201"),
        "{first:?}"
    );
    assert!(first[2].contains("opc-work-request-id: "), "{first:?}");
    node.program.kill();
    node = Node::start(directory.path(), &quiet);
    assert_eq!(tell(&node), first);
    assert_eq!(node.api.get("/v1/zones/gone.example").0, 404);

    // Killed while it is carried out: there is the zone with its answer, or neither.
    let mut draw = Draw::new(0x516e);
    let mut carried_out = 0;
    for kill in 0..10 {
        let name = format!("kill{kill}.example");
        let request = write("POST", zones, &create(&name));
        let http = node.http;
        let asking = thread::spawn({
            let request = request.clone();
            move || answer_to(http, &request)
        });
        thread::sleep(Duration::from_micros(draw.below(6_000)));
        node.program.kill();
        let before = asking.join().unwrap();
        node = Node::start(directory.path(), &quiet);
        let path = format!("/v1/zones/{name}");
        let was_done = node.api.get(&path).0 == 200;
        assert!(
            was_done || before.is_none(),
            "{name} was answered, and is not there"
        );
        if was_done {
            assert_eq!(node.api.delete(&path).0, 204);
        }
        let again = answer_to(node.http, &request).expect("an answer");
        assert!(again.starts_with("HTTP/1.1 201"), "{again}");
        assert!(before.is_none_or(|before| before == again), "{again}");
        let is_there = node.api.get(&path).0 == 200;
        assert_eq!(is_there, !was_done, "{name}: {again}");
        carried_out += u32::from(was_done);
    }
    eprintln!("{carried_out} of 10 were carried out before the end");
}
