//! What servers say to one question, side by side.

#![allow(dead_code, unreachable_pub)]

mod queries;
mod rules;
mod validator;
mod zones;

pub use queries::{Asker, Query};
pub use rules::{Pair, RULES};
pub use validator::Validator;
pub use zones::{Denial, SIGNERS, TestZone, rich, root, tld};

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream, UdpSocket};

use zonekit_wire::{Message, Rcode, Rtype, Section, Unpacker};

use crate::support::PATIENCE;

/// What came back, in a form that can be compared.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Seen {
    pub rcode: Rcode,
    pub aa: bool,
    pub tc: bool,
    pub ad: bool,
    pub edns: bool,
    pub answer: Vec<Line>,
    pub authority: Vec<Line>,
    pub additional: Vec<Line>,
}

/// A record as text in lower case; sorts by owner and type.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Line {
    pub owner: String,
    pub rtype: Rtype,
    pub ttl: u32,
    pub rdata: String,
}

impl Line {
    /// The type, of signatures that of what they cover.
    pub fn covered(&self) -> Rtype {
        match self.rdata.split_once(' ') {
            Some((covered, _)) if self.rtype == Rtype::RRSIG => {
                covered.to_uppercase().parse().unwrap()
            }
            _ => self.rtype,
        }
    }

    /// Whether both belong to one RRset; signatures go with those of what they cover.
    pub fn is_in_one_set_with(&self, other: &Self) -> bool {
        let key = |line: &Self| (line.rtype, line.covered());
        self.owner == other.owner && key(self) == key(other)
    }
}

impl Seen {
    pub fn sections(&self) -> [&[Line]; 3] {
        [&self.answer, &self.authority, &self.additional]
    }

    /// The zone cut that it refers to at once, if it does.
    pub fn cut(&self) -> Option<&str> {
        let refers = !self.aa && self.answer.is_empty();
        let servers = self.authority.iter().find(|line| line.rtype == Rtype::NS);
        servers.filter(|_| refers).map(|line| line.owner.as_str())
    }

    /// Of a referral, or of an answer for DS at the same name: what shows whether the delegation is signed.
    pub fn proof_of_ds(&self) -> Vec<&Line> {
        let mut proof: Vec<&Line> = { self.answer.iter().chain(&self.authority) }
            .filter(|line| !matches!(line.covered(), Rtype::NS | Rtype::SOA))
            .collect();
        proof.sort_unstable();
        proof
    }

    /// Whether it shows as many CNAMEs as we follow, or a circle of them.
    pub fn is_endless(&self) -> bool {
        let aliases = || self.answer.iter().filter(|line| line.rtype == Rtype::CNAME);
        let goes_on = |alias: &Line| aliases().any(|other| other.owner == alias.rdata);
        aliases().count() >= 16 || (aliases().count() > 0 && aliases().all(goes_on))
    }

    /// Whether a proof is of the kind that leaves unsigned delegations out (RFC 5155 §6).
    pub fn opts_out(&self) -> bool {
        let opts_out = |line: &Line| line.rtype == Rtype::NSEC3 && line.rdata.starts_with("1 1 ");
        self.authority.iter().any(opts_out)
    }

    pub fn read(octets: &[u8]) -> Self {
        let message = Message::new(octets).expect("a message");
        let header = message.header();
        let opt = message.opt().expect("a message that can be read");
        let mut seen = Self {
            rcode: opt.map_or(header.rcode, |opt| opt.rcode(header.rcode)),
            aa: header.aa,
            tc: header.tc,
            ad: header.ad,
            edns: opt.is_some(),
            answer: Vec::new(),
            authority: Vec::new(),
            additional: Vec::new(),
        };
        let mut unpacker = Unpacker::new();
        for record in message.records().expect("a message that can be read") {
            let (section, record) = record.expect("a record that can be read");
            if record.rtype() == Rtype::OPT {
                continue;
            }
            let record = unpacker.unpack(record).expect("a record that can be read");
            let line = Line {
                owner: record.owner.to_string().to_ascii_lowercase(),
                rtype: record.rtype,
                ttl: record.ttl,
                rdata: zonekit_wire::rdata::display(record.rtype, record.rdata)
                    .to_string()
                    .to_ascii_lowercase(),
            };
            match section {
                Section::Answer => seen.answer.push(line),
                Section::Authority => seen.authority.push(line),
                Section::Additional => seen.additional.push(line),
            }
        }
        for section in [&mut seen.answer, &mut seen.authority, &mut seen.additional] {
            section.sort_unstable();
        }
        seen
    }
}

/// One server, asked over UDP, or over TCP on one connection.
pub struct Server {
    address: SocketAddr,
    socket: UdpSocket,
    stream: Option<TcpStream>,
    buffer: Vec<u8>,
}

impl Server {
    pub fn at(address: SocketAddr) -> io::Result<Self> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        socket.set_read_timeout(Some(PATIENCE))?;
        socket.connect(address)?;
        Ok(Self {
            address,
            socket,
            stream: None,
            buffer: vec![0; 65_535],
        })
    }

    pub fn send(&self, request: &[u8]) -> io::Result<()> {
        self.socket.send(request).map(drop)
    }

    /// The answer to the request with this id; older ones are passed over.
    pub fn receive(&mut self, id: u16) -> io::Result<&[u8]> {
        loop {
            let length = self.socket.recv(&mut self.buffer)?;
            if self.buffer[..length].starts_with(&id.to_be_bytes()) {
                return Ok(&self.buffer[..length]);
            }
        }
    }

    /// The answer to a request that is repeated until there is one: resolvers drop what takes them long.
    pub fn ask(&mut self, request: &[u8], id: u16) -> io::Result<Vec<u8>> {
        self.socket.set_read_timeout(Some(PATIENCE / 60))?;
        for _ in 0..60 {
            self.send(request)?;
            if let Ok(answer) = self.receive(id) {
                return Ok(answer.to_vec());
            }
        }
        Err(io::ErrorKind::TimedOut.into())
    }

    /// The same over TCP.
    pub fn ask_by_tcp(&mut self, request: &[u8]) -> io::Result<&[u8]> {
        let mut framed = (request.len() as u16).to_be_bytes().to_vec();
        framed.extend_from_slice(request);
        for _ in 0..2 {
            if let Some(mut stream) = self.stream.take()
                && stream.write_all(&framed).is_ok()
                && let Ok(length) = read_frame(&mut stream, &mut self.buffer)
            {
                self.stream = Some(stream);
                return Ok(&self.buffer[..length]);
            }
            // The first time, or the server has ended the connection meanwhile.
            let stream = TcpStream::connect(self.address)?;
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            self.stream = Some(stream);
        }
        Err(io::Error::other("no answer over TCP"))
    }
}

fn read_frame(stream: &mut TcpStream, buffer: &mut [u8]) -> io::Result<usize> {
    let mut length = [0; 2];
    stream.read_exact(&mut length)?;
    let length = usize::from(u16::from_be_bytes(length));
    stream.read_exact(&mut buffer[..length])?;
    Ok(length)
}
