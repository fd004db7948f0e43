//! A node that is asked steadily while zones change under it, ten times a second in all, and a large one is transferred again and
//! again.
//!
//! `ZONEKIT_STEADY=seconds,queries-per-second,hosts` asks for longer and more often, beside transfers of so many hosts, and
//! goes on however far answers are behind.

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;
use socket2::SockRef;
use support::{Node, PATIENCE, Program, Settings, eventually, serial_of};
use tempfile::TempDir;
use zonekit_wire::{Message, NameBuf, Rcode, Rtype, Section, Unpacker};

/// How many zones change and are asked for; each is taken once a second at most, however often it changes.
const ZONES: usize = 10;
/// How many hosts each has.
const HOSTS: usize = 200;
/// The zone that is transferred whole.
const LARGE: &str = "large.test";
/// How many sockets ask, each for one zone.
const LANES: usize = 2 * ZONES;
/// Questions go out in bunches, this far apart.
const BEAT: Duration = Duration::from_millis(1);
/// How many versions of its zone every lane is to see.
const VERSIONS: usize = 4;
/// How many rounds of questions answers may be behind: so much lies in the sockets of any system without being lost, while one
/// of the programs does not come to its turn.
const BEHIND: usize = 20;

/// A version in which two records tell its serial. Every eighth has all of its hosts anew, which is more to say than the
/// zone itself, so that it goes over whole.
fn version(zone: &str, serial: u32) -> String {
    let mut text = format!(
        "$ORIGIN {zone}.\n$TTL 60\n@ SOA ns1 hostmaster {serial} 3600 900 604800 60\n@ NS ns1\nns1 A 192.0.2.1\n\
         pair TXT \"{serial}\" \"left\"\npair TXT \"{serial}\" \"right\"\n"
    );
    let generation = serial / 8;
    for host in 0..HOSTS {
        text += &format!("host{host} A 192.0.{}.{}\n", generation % 250, host % 250);
    }
    text
}

/// What is transferred whole, again and again: one version of so many hosts.
fn large(hosts: usize) -> String {
    let mut text = format!(
        "$ORIGIN {LARGE}.\n$TTL 60\n@ SOA ns1 hostmaster 1 3600 900 604800 60\n@ NS ns1\nns1 A 192.0.2.1\n"
    );
    for host in 0..hosts {
        text += &format!("host{host} A 198.51.{}.{}\n", host / 250 % 250, host % 250);
    }
    text
}

#[test]
fn steady_questions_lose_no_answer_and_see_no_mixture_while_zones_change() {
    let by_hand = std::env::var("ZONEKIT_STEADY").ok();
    let setting = by_hand.as_deref().unwrap_or("5,2000,2000");
    let mut setting = setting.split(',').map(|number| number.parse().unwrap());
    let [seconds, rate, hosts]: [usize; 3] = [(); 3].map(|()| setting.next().unwrap());

    let directory = TempDir::new().unwrap();
    let file = |zone: &str| directory.path().join(zone);
    let zones: Vec<String> = (0..ZONES).map(|zone| format!("{zone}.test")).collect();
    for zone in &zones {
        fs::write(file(zone), version(zone, 1)).unwrap();
    }
    fs::write(file(LARGE), large(hosts)).unwrap();
    let listen = format!("127.0.0.1:{}", support::free_port());
    let start = |zones: &[String]| {
        let entries = { zones.iter() }.map(|zone| format!("{zone}={}", file(zone).display()));
        let entries: Vec<String> = entries.collect();
        let mut arguments = vec!["--listen", "127.0.0.1:0", "--notify", &listen];
        for entry in &entries {
            arguments.extend(["--zone", entry]);
        }
        // A primary is a machine of its own. Here it takes what nobody else wants of the cores.
        let mut lowered = Command::new("nice");
        lowered.args(["-n", "19", env!("CARGO_BIN_EXE_primary")]);
        Program::start(lowered.args(&arguments))
    };
    let (mut primary, mut other) = (start(&zones), start(&[LARGE.to_owned()]));
    let mut declared = support::declared(LARGE, other.address("dns"), None);
    for zone in &zones {
        declared += &support::declared(zone, primary.address("dns"), None);
    }
    let settings = Settings {
        listen: &listen,
        timers: "",
        more: &declared,
        ..Settings::default()
    };
    let node = Node::start(directory.path(), &settings);
    for zone in zones.iter().map(String::as_str).chain([LARGE]) {
        eventually(zone, || serial_of(node.dns, zone));
    }

    let is_over = AtomicBool::new(false);
    let change = || {
        let mut changes = 0;
        while !is_over.load(Ordering::Relaxed) {
            let zone = &zones[changes % ZONES];
            changes += 1;
            let serial = 1 + changes.div_ceil(ZONES) as u32;
            replace(&file(zone), &version(zone, serial));
            primary.signal("HUP");
            thread::sleep(Duration::from_millis(100));
        }
        1 + (changes / ZONES) as u32 // some have one more
    };
    let (lanes, late, transfers, last) = thread::scope(|scope| {
        let transferring = scope.spawn(|| transfer_again_and_again(&node, &is_over));
        let changing = scope.spawn(change);
        let behind = if by_hand.is_some() {
            seconds * rate
        } else {
            BEHIND
        };
        let (lanes, late) = ask_and_listen(node.dns, &zones, seconds * rate, rate, behind);
        is_over.store(true, Ordering::Relaxed);
        let transfers = transferring.join().unwrap();
        (lanes, late, transfers, changing.join().unwrap())
    });
    for zone in &zones {
        eventually("the last version", || {
            (serial_of(node.dns, zone)? >= last).then_some(())
        });
    }

    let versions: usize = lanes.iter().map(|lane| lane.seen.len()).sum();
    let is_changed = lanes.iter().all(Heard::is_enough);
    let mut waits: Vec<u64> = lanes.into_iter().flat_map(|lane| lane.waits).collect();
    waits.sort_unstable();
    eprintln!(
        "{} answers, none lost, {} versions of each zone out of {last}, beside {transfers} transfers of {hosts} hosts; \
         sending was late by {late:?} at most",
        waits.len(),
        versions / LANES
    );
    let [half, most, nearly_all, all] = [500, 990, 999, 1000].map(|part| {
        let place = (waits.len() * part / 1000).clamp(1, waits.len()) - 1;
        Duration::from_nanos(waits[place])
    });
    eprintln!("waits: median {half:?}, p99 {most:?}, p99.9 {nearly_all:?}, longest {all:?}");
    assert!(is_changed, "the zones hardly changed meanwhile");
    assert!(transfers > 0, "none of the large zone meanwhile");
}

/// What is taken in, written down or told over HTTP gives way to answers.
#[cfg(target_os = "linux")]
#[test]
fn threads_that_answer_over_udp_come_before_others() {
    let directory = TempDir::new().unwrap();
    let listen = format!("127.0.0.1:{}", support::free_port());
    let settings = Settings {
        listen: &listen,
        ..Settings::default()
    };
    let node = Node::start(directory.path(), &settings);
    let threads = format!("/proc/{}/task", node.program.id());
    eventually("threads that give way", || {
        let (mut answering, mut others) = (BTreeSet::new(), BTreeSet::new());
        for thread in fs::read_dir(&threads).unwrap() {
            let Ok(stat) = fs::read_to_string(thread.unwrap().path().join("stat")) else {
                continue; // it has ended meanwhile
            };
            let (name, numbers) = stat.rsplit_once(") ").unwrap();
            let niceness = numbers.split(' ').nth(16).unwrap(); // field 19: proc_pid_stat(5)
            let niceness: i32 = niceness.parse().unwrap();
            match name.split_once('(').unwrap().1 {
                "dns-udp" => answering.insert(niceness),
                "secondary" => continue, // the main thread, which waits for signals
                _ => others.insert(niceness),
            };
        }
        let (most, least) = (answering.last()?, others.first()?);
        (most < least || *most == 19).then_some(()) // 19 is as low as it goes
    });
}

/// Has the large zone transferred whole, once and each time that this is done; gives how often.
fn transfer_again_and_again(node: &Node, is_over: &AtomicBool) -> usize {
    let path = format!("/v1/zones/{LARGE}");
    let mut transfers = 0;
    while transfers == 0 || !is_over.load(Ordering::Relaxed) {
        let (status, answer) = node
            .api
            .post(&format!("{path}/transfer"), &json!({"full": true}));
        assert_eq!(status, 202, "{answer}");
        let outcome = eventually("the end of a transfer", || {
            let (_, zone) = node.api.get(&path);
            let outcome = zone["primaries"][0]["outcome"].as_str()?.to_owned();
            (!["pending", "in_progress"].contains(&&*outcome)).then_some(outcome)
        });
        assert_eq!(outcome, "ok");
        transfers += 1;
    }
    transfers
}

/// A socket through which one zone is asked for.
struct Lane {
    socket: UdpSocket,
    /// The question, but for its ID.
    request: Vec<u8>,
    /// For each question, when it went out, in nanoseconds.
    asked: Vec<AtomicU64>,
}

/// What one socket heard.
struct Heard {
    seen: BTreeSet<u32>,
    /// For each answer, how long it took, in nanoseconds.
    waits: Vec<u64>,
}

/// Asks so many questions, so many a second, and more until every lane has seen enough versions; no more than this many rounds
/// of them before they are answered; and waits for all answers. Several sockets take turns: what one holds until it is read is
/// the system's choice, and little. One thread listens to all, in the order in which was asked: were there one for each, they
/// would take the cores from whoever answers. Gives what each heard, and by how much sending was late.
fn ask_and_listen(
    server: SocketAddr,
    zones: &[String],
    count: usize,
    rate: usize,
    behind: usize,
) -> (Vec<Heard>, Duration) {
    let (least, more) = (count / LANES, PATIENCE.as_secs() as usize * rate / LANES);
    let lanes: Vec<Lane> = (0..LANES)
        .map(|lane| {
            let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
            socket.connect(server).unwrap();
            socket.set_read_timeout(Some(PATIENCE)).unwrap();
            let room = SockRef::from(&socket).set_recv_buffer_size(4 << 20);
            room.unwrap(); // or as much as the system gives
            let asked = (0..least + more).map(|_| AtomicU64::new(0)).collect();
            let request = question(&zones[lane % zones.len()]);
            Lane {
                socket,
                request,
                asked,
            }
        })
        .collect();
    let begin = Instant::now();
    let (rounds, under_way) = sync_channel(behind);
    let is_enough = AtomicBool::new(false);
    thread::scope(|scope| {
        let listening = scope.spawn(|| listen(&lanes, begin, under_way, &is_enough));
        let goes_on = |round| round < least || !is_enough.load(Ordering::Relaxed);
        let late = ask(&lanes, rate, begin, rounds, goes_on);
        (listening.join().unwrap(), late)
    })
}

/// Sends a question through each lane in turn, in rounds that are told before they begin; says how far behind it fell.
fn ask(
    lanes: &[Lane],
    rate: usize,
    begin: Instant,
    rounds: SyncSender<usize>,
    goes_on: impl Fn(usize) -> bool,
) -> Duration {
    let (mut request, mut late) = (Vec::new(), Duration::ZERO);
    for number in 0..lanes.len() * lanes[0].asked.len() {
        let round = number / lanes.len();
        // Nobody listens any more when an answer was wrong.
        if number % lanes.len() == 0 && (!goes_on(round) || rounds.send(round).is_err()) {
            break;
        }
        let due = begin + Duration::from_secs_f64(number as f64 / rate as f64);
        let now = Instant::now();
        late = late.max(now.saturating_duration_since(due));
        if due > now + BEAT {
            thread::sleep(due - now);
        }
        let lane = &lanes[number % lanes.len()];
        request.clone_from(&lane.request);
        request[..2].copy_from_slice(&(round as u16).to_be_bytes());
        lane.asked[round].store(begin.elapsed().as_nanos() as u64, Ordering::Relaxed);
        lane.socket.send(&request).unwrap();
    }
    late
}

/// A question for the two records that tell a version.
fn question(zone: &str) -> Vec<u8> {
    let name: NameBuf = format!("pair.{zone}").parse().unwrap();
    let mut request = vec![0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    request.extend(name.as_name().as_octets());
    request.extend(Rtype::TXT.0.to_be_bytes());
    request.extend([0, 1]);
    request
}

/// Takes an answer to every question of the rounds under way, from each lane in turn; says when all have seen enough.
fn listen(
    lanes: &[Lane],
    begin: Instant,
    under_way: Receiver<usize>,
    is_enough: &AtomicBool,
) -> Vec<Heard> {
    let nothing = || Heard {
        seen: BTreeSet::new(),
        waits: Vec::with_capacity(lanes[0].asked.len()),
    };
    let mut heard: Vec<Heard> = lanes.iter().map(|_| nothing()).collect();
    for round in under_way {
        for (lane, heard) in lanes.iter().zip(&mut heard) {
            lane.take(round, heard, begin);
        }
        is_enough.store(heard.iter().all(Heard::is_enough), Ordering::Relaxed);
    }
    heard
}

impl Heard {
    fn is_enough(&self) -> bool {
        self.seen.len() >= VERSIONS
    }
}

impl Lane {
    /// Takes the answer to the question with this number.
    fn take(&self, number: usize, Heard { seen, waits }: &mut Heard, begin: Instant) {
        let mut octets = [0; 1500];
        let length = self.socket.recv(&mut octets);
        let length = length.unwrap_or_else(|error| panic!("{number} answers, and then: {error}"));
        let arrived = begin.elapsed().as_nanos() as u64;
        let serial = serial_in(&octets[..length]);
        // One worker answers, so that no answer overtakes another: whatever is missing was lost.
        let id = u16::from_be_bytes([octets[0], octets[1]]);
        assert_eq!(id, number as u16, "an answer was lost");
        let newest = seen.last().copied().unwrap_or(0);
        assert!(serial >= newest, "{serial} after {newest}");
        seen.insert(serial);
        waits.push(arrived.saturating_sub(self.asked[number].load(Ordering::Relaxed)));
    }
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
