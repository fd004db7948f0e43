//! One question, one answer, as a resolver would ask it.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use zonekit_wire::{Message, NameBuf, Rcode, RecordBuf, Rtype, Section, Serial, Soa, Unpacker};

use super::{PATIENCE, eventually};

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer {
    pub rcode: Rcode,
    pub aa: bool,
    pub answers: Vec<RecordBuf>,
    pub authority: Vec<RecordBuf>,
}

/// Asks over UDP, and over TCP where the answer is truncated, again and again until there is an answer; nothing where
/// nobody listens. Panics when somebody does and has not answered after [`PATIENCE`].
#[track_caller]
pub fn ask(server: SocketAddr, name: &str, rtype: Rtype) -> Option<Answer> {
    let mut request = vec![0x5a, 0xa5, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    request.extend(name.parse::<NameBuf>().unwrap().as_name().as_octets());
    request.extend(rtype.0.to_be_bytes());
    request.extend([0, 1]);
    let begin = Instant::now();
    loop {
        match exchange(server, &request) {
            Ok(reply) => return Some(read(&reply)),
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => return None,
            // A datagram is lost, or a server that is busy lets a connection go.
            Err(error) => assert!(
                begin.elapsed() < PATIENCE,
                "{server} does not answer {name} {rtype}: {error}"
            ),
        }
    }
}

/// The answer to one datagram, over TCP if that says so.
fn exchange(server: SocketAddr, request: &[u8]) -> io::Result<Vec<u8>> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    socket.set_read_timeout(Some(Duration::from_secs(2)))?;
    socket.connect(server)?;
    socket.send(request)?;
    let mut reply = vec![0; 65_535];
    let length = socket.recv(&mut reply)?;
    reply.truncate(length);
    if reply.get(2).is_some_and(|flags| flags & 2 != 0) {
        let mut stream = TcpStream::connect(server)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.write_all(&(request.len() as u16).to_be_bytes())?;
        stream.write_all(request)?;
        let mut length = [0; 2];
        stream.read_exact(&mut length)?;
        reply.resize(u16::from_be_bytes(length).into(), 0);
        stream.read_exact(&mut reply)?;
    }
    Ok(reply)
}

fn read(reply: &[u8]) -> Answer {
    let message = Message::new(reply).expect("a message");
    let mut answer = Answer {
        rcode: message.header().rcode,
        aa: message.header().aa,
        answers: Vec::new(),
        authority: Vec::new(),
    };
    let mut unpacker = Unpacker::new();
    for record in message.records().expect("records") {
        let (section, record) = record.expect("a record");
        if record.rtype() == Rtype::OPT {
            continue;
        }
        let record = unpacker.unpack(record).expect("a record").to_buf();
        match section {
            Section::Answer => answer.answers.push(record),
            Section::Authority => answer.authority.push(record),
            Section::Additional => {}
        }
    }
    answer
}

/// The serial that a server answers for a zone, if it serves it.
#[track_caller]
pub fn serial_of(server: SocketAddr, zone: &str) -> Option<u32> {
    let answer = ask(server, zone, Rtype::SOA)?;
    let record = answer.answers.first().filter(|_| answer.aa)?;
    let Serial(serial) = Soa::read(&record.rdata).ok()?.serial;
    Some(serial)
}

/// Waits until a server has this version of a zone.
#[track_caller]
pub fn until_serial(server: SocketAddr, zone: &str, serial: u32) {
    eventually(&format!("serial {serial} of {zone} at {server}"), || {
        (serial_of(server, zone) == Some(serial)).then_some(())
    });
}

/// The response code of a server that listens to a question for the SOA of a zone: REFUSED if it does not know the zone,
/// SERVFAIL if it knows it and holds no version.
#[track_caller]
pub fn rcode_of(server: SocketAddr, zone: &str) -> Rcode {
    let answer = ask(server, zone, Rtype::SOA);
    answer.expect("somebody who listens").rcode
}
