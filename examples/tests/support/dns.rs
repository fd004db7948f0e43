//! One question, one answer, as a resolver would ask it.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

use zonekit_wire::{Message, NameBuf, Rcode, RecordBuf, Rtype, Section, Serial, Soa, Unpacker};

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer {
    pub rcode: Rcode,
    pub aa: bool,
    pub answers: Vec<RecordBuf>,
    pub authority: Vec<RecordBuf>,
}

/// Asks over UDP, and over TCP where the answer is truncated; nothing after a second of silence.
pub fn ask(server: SocketAddr, name: &str, rtype: Rtype) -> Option<Answer> {
    let mut request = vec![0x5a, 0xa5, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    request.extend(name.parse::<NameBuf>().unwrap().as_name().as_octets());
    request.extend(rtype.0.to_be_bytes());
    request.extend([0, 1]);
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    socket
        .set_read_timeout(Some(Duration::from_secs(1)))
        .unwrap();
    socket.connect(server).unwrap();
    socket.send(&request).ok()?;
    let mut reply = vec![0; 65_535];
    let length = socket.recv(&mut reply).ok()?;
    reply.truncate(length);
    if reply.get(2)? & 2 != 0 {
        let mut stream = TcpStream::connect(server).ok()?;
        stream
            .set_read_timeout(Some(Duration::from_secs(5)))
            .unwrap();
        stream
            .write_all(&(request.len() as u16).to_be_bytes())
            .ok()?;
        stream.write_all(&request).ok()?;
        let mut length = [0; 2];
        stream.read_exact(&mut length).ok()?;
        reply.resize(u16::from_be_bytes(length).into(), 0);
        stream.read_exact(&mut reply).ok()?;
    }
    let message = Message::new(&reply).expect("a message");
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
    Some(answer)
}

/// The serial that a server answers for a zone, if it serves it.
pub fn serial_of(server: SocketAddr, zone: &str) -> Option<u32> {
    let answer = ask(server, zone, Rtype::SOA)?;
    let record = answer.answers.first().filter(|_| answer.aa)?;
    let Serial(serial) = Soa::read(&record.rdata).ok()?.serial;
    Some(serial)
}
