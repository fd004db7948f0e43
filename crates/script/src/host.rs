//! A primary that plays a script.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use zonekit_wire::{Message, Rcode, RecordBuf, Rtype};

use crate::{Ask, failure, framed, message};

/// What a primary does on a connection, one after the other.
#[derive(Clone, Debug)]
pub enum Act {
    /// Sends a message.
    Say(Vec<u8>),
    /// Sends octets as they are, in a piece of their own.
    Raw(Vec<u8>),
    /// Sends a datagram from an address that was not asked.
    Stray(Vec<u8>),
    Wait(Duration),
    Close,
    Reset,
}

type Script = Arc<dyn Fn(&[u8]) -> Vec<Act> + Send + Sync>;

/// A question that came.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Asked {
    pub over_tcp: bool,
    /// Which of the connections on loopback, in the order in which they came.
    pub connection: Option<usize>,
    pub rtype: Rtype,
    pub is_signed: bool,
    pub has_edns: bool,
    pub octets: Vec<u8>,
}

/// What happens to who connects.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Door {
    Open,
    Refuses,
    Silent,
}

#[derive(Clone)]
pub struct Host {
    scripts: HashMap<(bool, Rtype), Script>,
    pub door: Door,
    pub asked: Arc<Mutex<Vec<Asked>>>,
    /// Connections that it serves at a time; who comes beyond that is reset.
    at_most: usize,
    connections: Arc<AtomicUsize>,
}

impl Host {
    /// Has the small zone with this serial, whichever zone is asked for, and no IXFR.
    pub fn new(serial: u32) -> Self {
        let soa = move |request: &[u8]| {
            let ask = Ask::new(request);
            vec![Act::Say(ask.message(&[ask.soa(serial)]))]
        };
        Self::silent()
            .udp(Rtype::SOA, soa)
            .tcp(Rtype::SOA, soa)
            .tcp(Rtype::AXFR, move |request| {
                let ask = Ask::new(request);
                vec![Act::Say(ask.message(&ask.zone(serial)))]
            })
            .tcp(Rtype::IXFR, move |request| {
                vec![Act::Say(failure(request, Rcode::NOTIMP))]
            })
    }

    /// Never answers.
    pub fn silent() -> Self {
        Self {
            scripts: HashMap::new(),
            door: Door::Open,
            asked: Arc::default(),
            at_most: usize::MAX,
            connections: Arc::default(),
        }
    }

    pub fn udp(
        mut self,
        rtype: Rtype,
        script: impl Fn(&[u8]) -> Vec<Act> + Send + Sync + 'static,
    ) -> Self {
        self.scripts.insert((false, rtype), Arc::new(script));
        self
    }

    pub fn tcp(
        mut self,
        rtype: Rtype,
        script: impl Fn(&[u8]) -> Vec<Act> + Send + Sync + 'static,
    ) -> Self {
        self.scripts.insert((true, rtype), Arc::new(script));
        self
    }

    /// Answers IXFR with these records in one message.
    pub fn ixfr(self, records: Vec<RecordBuf>) -> Self {
        self.tcp(Rtype::IXFR, move |request| {
            vec![Act::Say(message(request, &records))]
        })
    }

    pub fn door(self, door: Door) -> Self {
        Self { door, ..self }
    }

    /// Does not hear datagrams.
    pub fn without_udp(mut self) -> Self {
        self.scripts.retain(|(over_tcp, _), _| *over_tcp);
        self
    }

    /// How many connections it serves at this moment.
    pub fn open(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// `SOA/udp AXFR/tcp …`, in the order in which they came.
    pub fn story(&self) -> String {
        let asked = self.asked.lock().unwrap();
        let words = asked.iter().map(|asked| {
            let way = if asked.over_tcp { "tcp" } else { "udp" };
            format!("{}/{way}", asked.rtype)
        });
        words.collect::<Vec<_>>().join(" ")
    }

    /// Serves so many connections at a time and resets the others.
    pub fn at_most(self, at_most: usize) -> Self {
        Self { at_most, ..self }
    }

    /// Notes the question and says what the script does about it.
    pub fn acts(&self, over_tcp: bool, request: &[u8]) -> Vec<Act> {
        self.acts_on(over_tcp, None, request)
    }

    fn acts_on(&self, over_tcp: bool, connection: Option<usize>, request: &[u8]) -> Vec<Act> {
        let query = Message::new(request).unwrap();
        let rtype = query.question().unwrap().unwrap().rtype;
        let has_edns = query.opt().unwrap().is_some();
        self.asked.lock().unwrap().push(Asked {
            over_tcp,
            connection,
            rtype,
            is_signed: query.header().additionals > u16::from(has_edns),
            has_edns,
            octets: request.to_vec(),
        });
        self.scripts
            .get(&(over_tcp, rtype))
            .map_or_else(Vec::new, |script| script(request))
    }

    /// Plays on loopback, on ports that the system picks (the same for UDP and TCP), as long as the test runs.
    pub fn listen(&self) -> SocketAddr {
        let (tcp, udp) = loop {
            let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
            if let Ok(udp) = UdpSocket::bind(tcp.local_addr().unwrap()) {
                break (tcp, udp);
            }
        };
        let address = tcp.local_addr().unwrap();
        let host = self.clone();
        thread::spawn(move || {
            let mut octets = [0; 4096];
            while let Ok((length, from)) = udp.recv_from(&mut octets) {
                for act in host.acts(false, &octets[..length]) {
                    match act {
                        Act::Say(octets) | Act::Raw(octets) => drop(udp.send_to(&octets, from)),
                        Act::Wait(wait) => thread::sleep(wait),
                        Act::Stray(octets) => {
                            let elsewhere = UdpSocket::bind("127.0.0.1:0").unwrap();
                            drop(elsewhere.send_to(&octets, from));
                        }
                        Act::Close | Act::Reset => {}
                    }
                }
            }
        });
        let host = self.clone();
        thread::spawn(move || {
            for connection in 0.. {
                let Ok((stream, _)) = tcp.accept() else {
                    return;
                };
                let host = host.clone();
                thread::spawn(move || {
                    if host.connections.fetch_add(1, Ordering::SeqCst) < host.at_most {
                        host.play(stream, connection);
                    } else {
                        reset(&stream);
                    }
                    host.connections.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        address
    }

    /// One connection: questions until the other side closes, each answered as the script says.
    fn play(&self, mut stream: TcpStream, connection: usize) -> Option<()> {
        stream.set_nodelay(true).ok()?;
        loop {
            let mut length = [0; 2];
            stream.read_exact(&mut length).ok()?;
            let mut request = vec![0; u16::from_be_bytes(length).into()];
            stream.read_exact(&mut request).ok()?;
            for act in self.acts_on(true, Some(connection), &request) {
                match act {
                    Act::Say(message) => {
                        stream.write_all(&framed(&message)).ok()?;
                    }
                    Act::Raw(octets) => stream.write_all(&octets).ok()?,
                    Act::Wait(wait) => thread::sleep(wait),
                    Act::Stray(_) => {}
                    Act::Close => return None,
                    Act::Reset => {
                        reset(&stream);
                        return None;
                    }
                }
            }
        }
    }
}

/// The stream ends with RST when it is dropped.
fn reset(stream: &TcpStream) {
    let socket = socket2::SockRef::from(stream);
    socket.set_linger(Some(Duration::ZERO)).unwrap();
}
