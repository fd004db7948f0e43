//! Clients that mean harm, or do it: a node serves the others meanwhile, over UDP and TCP, its memory stays bounded, and its
//! limits, each by its name, let them go.

#![cfg(target_os = "linux")] // which lets one see a process from outside, and has all of 127.0.0.0/8 for clients

mod support;

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

use socket2::{Domain, SockFilter, Socket, Type};
use support::{Node, PATIENCE, Program, Settings, eventually, master_file, serial_of};
use tempfile::TempDir;
use zonekit_examples::descriptors;
use zonekit_wire::{Message, NameBuf, Rcode, Rtype};

const ZONE: &str = "abused.test";
const HOSTS: usize = 10_000;
/// Connections that one client may have, by default.
const SHARE: usize = 100;

/// A node with a zone, its clients held to these entries of `[dns.clients]`.
struct Victim {
    node: Node,
    _primary: Program,
    _directory: TempDir,
}

impl Victim {
    fn start(clients: &str) -> Self {
        let directory = TempDir::new().unwrap();
        let file = directory.path().join("zone");
        fs::write(&file, master_file(ZONE, 7, HOSTS)).unwrap();
        let entry = format!("{ZONE}={}", file.display());
        let mut primary = Program::ours("primary", &["--listen", "127.0.0.1:0", "--zone", &entry]);
        let declared = support::declared(ZONE, primary.address("dns"), None);
        let more = format!("[dns.clients]\n{clients}{declared}");
        let node = Node::start(directory.path(), &Settings::with(&more));
        eventually("the zone", || serial_of(node.dns, ZONE));
        Self {
            node,
            _primary: primary,
            _directory: directory,
        }
    }

    /// Somebody else asks, over UDP and over TCP, and is answered.
    #[track_caller]
    fn serves_others(&self) {
        let request = request(Rtype::SOA);
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        socket.connect(self.node.dns).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket.send(&request).unwrap();
        let mut answer = [0; 512];
        let length = socket.recv(&mut answer).expect("an answer over UDP");
        is_answer(&answer[..length]);

        let mut stream = TcpStream::connect(self.node.dns).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(&framed(&request)).unwrap();
        let mut length = [0; 2];
        stream.read_exact(&mut length).expect("an answer over TCP");
        let mut answer = vec![0; u16::from_be_bytes(length).into()];
        stream.read_exact(&mut answer).expect("an answer over TCP");
        is_answer(&answer);
    }

    /// TCP connections that the node has not closed, those that wait to be accepted included.
    fn connections(&self) -> usize {
        const ESTABLISHED: &str = "01";
        const CLOSED_BY_CLIENT: &str = "08";
        let table = fs::read_to_string("/proc/net/tcp").unwrap();
        // Clients have addresses of their own, and one of them perhaps the same port.
        let address = format!("0100007F:{:04X}", self.node.dns.port());
        let is_open = |line: &&str| {
            let mut fields = line.split_whitespace().skip(1);
            let local = fields.next() == Some(&address);
            local && matches!(fields.nth(1), Some(ESTABLISHED | CLOSED_BY_CLIENT))
        };
        table.lines().filter(is_open).count()
    }

    /// Memory of the process, in octets.
    fn memory(&self) -> usize {
        let status = format!("/proc/{}/status", self.node.program.id());
        let status = fs::read_to_string(status).unwrap();
        let resident = { status.lines() }.find_map(|line| line.strip_prefix("VmRSS:"));
        let kilobytes = resident.and_then(|value| value.split_whitespace().next());
        kilobytes.unwrap().parse::<usize>().unwrap() * 1024
    }

    /// Waits until so many connections have made room: the kernel takes them sooner than the node sees them.
    #[track_caller]
    fn has_displaced(&self, count: u64) {
        eventually(&format!("{count} made room"), || {
            (self.node.counter("zonekit_connections_displaced") >= count).then_some(())
        });
    }

    /// Waits until no more connections than these are open.
    #[track_caller]
    fn has_at_most(&self, count: usize) {
        eventually(&format!("at most {count} connections"), || {
            (self.connections() <= count).then_some(())
        });
    }

    /// Waits until no connection is open.
    #[track_caller]
    fn lets_go(&self) {
        self.has_at_most(0);
    }
}

/// A client of its own for every hundred.
fn client(number: usize) -> SocketAddr {
    let client = number / SHARE;
    let [_, _, high, low] = (client as u32).to_be_bytes();
    (Ipv4Addr::new(127, 9, high, low), 0).into()
}

/// A connection of the client that has this number, whose system keeps no more than this of what it does not read.
fn connection(number: usize, to: SocketAddr, room: usize) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(room).unwrap();
    socket.bind(&client(number).into()).unwrap();
    socket.connect(&to.into()).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket.into()
}

fn request(rtype: Rtype) -> Vec<u8> {
    let mut request = vec![0xab, 0x5e, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    request.extend(ZONE.parse::<NameBuf>().unwrap().as_name().as_octets());
    request.extend(rtype.0.to_be_bytes());
    request.extend([0, 1]);
    request
}

fn framed(request: &[u8]) -> Vec<u8> {
    [&(request.len() as u16).to_be_bytes()[..], request].concat()
}

#[track_caller]
fn is_answer(octets: &[u8]) {
    let header = Message::new(octets).unwrap().header();
    assert_eq!((header.rcode, header.aa), (Rcode::NOERROR, true));
}

/// Whether the server has closed a connection, with or without anything said before.
fn is_closed(stream: &mut TcpStream) -> bool {
    let mut octets = [0; 4096];
    loop {
        match stream.read(&mut octets) {
            Ok(0) => return true,
            Ok(_) => {}
            Err(error) => return error.kind() == ErrorKind::ConnectionReset,
        }
    }
}

#[test]
fn connections_that_never_come_to_be_keep_nobody_out() {
    let victim = Victim::start("");
    // A socket that hears nothing: its SYN is answered, and the answer never.
    let deaf: Vec<Socket> = (0..300)
        .map(|number| {
            let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
            let nothing = SockFilter::new(6, 0, 0, 0); // return, 0 octets
            socket.attach_filter(&[nothing]).unwrap();
            socket.set_nonblocking(true).unwrap();
            socket.bind(&client(number).into()).unwrap();
            let error = socket.connect(&victim.node.dns.into()).unwrap_err();
            assert_eq!(error.raw_os_error(), Some(115), "in progress: {error}");
            socket
        })
        .collect();
    victim.serves_others();
    assert_eq!(victim.node.counter("zonekit_connections_refused"), 0);
    drop(deaf);
}

#[test]
fn whoever_says_nothing_or_half_a_word_makes_room_and_is_let_go_by_idle_timeout() {
    let victim = Victim::start("max_connections = 300\nidle_timeout = 600\n");
    let silent = reticent(&victim, 600);
    victim.serves_others();
    victim.has_displaced(300);
    victim.has_at_most(310);
    drop((victim, silent));

    let victim = Victim::start("idle_timeout = 5\n");
    let mut silent = reticent(&victim, 300);
    // One octet at a time is no request either, however long it goes on.
    let mut slow = connection(700, victim.node.dns, 4096);
    let whole = framed(&request(Rtype::SOA)).repeat(100);
    let ended = whole[..whole.len() - 1].iter().enumerate().any(|(at, _)| {
        std::thread::sleep(Duration::from_millis(100));
        victim.serves_others();
        slow.write_all(&[if at == 0 { 0xff } else { 1 }]).is_err()
    });
    assert!(ended, "let go before it had said a request");
    for stream in &mut silent {
        assert!(is_closed(stream));
    }
    drop(silent);
    victim.lets_go();
}

/// So many connections on which next to nothing is said.
fn reticent(victim: &Victim, count: usize) -> Vec<TcpStream> {
    let connect = |number: usize| {
        let mut stream = connection(number, victim.node.dns, 4096);
        let said: &[u8] = match number % 3 {
            0 => &[],
            1 => &[0],                // half a length
            _ => &[0xff, 0xff, 0xab], // the beginning of much
        };
        let _ = stream.write(said); // closed already, perhaps
        stream
    };
    (0..count).map(connect).collect()
}

#[test]
fn whoever_never_reads_a_transfer_is_let_go_by_write_timeout_or_min_transfer_rate() {
    let victim = Victim::start("write_timeout = 3\nmin_transfer_rate = 1000000\n");
    let before = victim.memory();
    let much = framed(&request(Rtype::AXFR)).repeat(40);
    let mut deaf: Vec<TcpStream> = (0..60)
        .map(|number| {
            let mut stream = connection(number, victim.node.dns, 4096);
            stream.write_all(&much).unwrap();
            stream
        })
        .collect();
    victim.serves_others();
    // A machine that is busy may be too slow for these limits, too.
    let whole = support::handed_on(victim.node.dns, ZONE);
    assert_eq!(whole.len(), HOSTS + 9, "others have their transfers");
    let grown = victim.memory().saturating_sub(before);
    eprintln!("{} octets for each that never reads", grown / deaf.len());
    assert!(grown < deaf.len() * 512 * 1024, "{grown}");
    // Some read, and so slowly that write_timeout alone would hold them for long.
    eventually("connections let go", || {
        for stream in &mut deaf[50..] {
            _ = stream.read(&mut [0; 2000]); // of what lies ready with the system, perhaps long after the node closed
        }
        (victim.connections() == 0).then_some(())
    });
    victim.serves_others();
}

#[test]
fn ten_thousand_connections_are_held_within_bounds_or_make_room_and_others_are_served() {
    const OWN: u64 = 2000; // what the tests beside this one have open
    const WANTED: usize = 10_000;
    let most = descriptors::raise().unwrap().unwrap_or(u64::MAX);
    let count = WANTED.min(most.saturating_sub(OWN) as usize);
    if count < WANTED {
        eprintln!("ONLY {count} CONNECTIONS, not {WANTED}: {most} files may be open");
    }

    // Held, if the operator wants them.
    let victim = Victim::start("max_connections = 20000\nidle_timeout = 600\n");
    let before = victim.memory();
    let held = crowd(&victim, count);
    let grown = victim.memory().saturating_sub(before);
    eprintln!("{} octets of memory for a connection", grown / count);
    assert!(grown < count * 32 * 1024, "{grown}");
    assert!(victim.connections() >= count);
    assert_eq!(victim.node.counter("zonekit_connections_displaced"), 0);
    drop(held);
    victim.lets_go();
    drop(victim);

    // Made to make room, by default.
    let victim = Victim::start("idle_timeout = 600\n");
    let held = crowd(&victim, count);
    victim.has_at_most(1010); // 1,000, and those that others came with
    victim.has_displaced((count as u64).saturating_sub(1010));
    drop(held);
    victim.lets_go();
    victim.serves_others();
}

/// So many connections, which have asked once and then say nothing; others ask in between.
fn crowd(victim: &Victim, count: usize) -> Vec<TcpStream> {
    let mut held = Vec::with_capacity(count);
    let asks = framed(&request(Rtype::SOA));
    for number in 0..count {
        let mut stream = connection(number, victim.node.dns, 4096);
        stream.write_all(&asks).unwrap();
        let mut answer = [0; 2];
        stream.read_exact(&mut answer).expect("an answer");
        held.push(stream);
        if number % 500 == 499 {
            victim.serves_others();
        }
    }
    held
}
