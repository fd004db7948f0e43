//! A scripted primary: says and does, octet by octet, what its script tells it to. The same script runs in a made-up
//! world without sockets ([`World`]) and on loopback ([`Host::listen`]).

use std::collections::{HashMap, VecDeque};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use zonekit_wire::{Message, Rcode, RecordBuf, Rtype};
use zonekit_xfr::{Connection, Event, Exchange, Loss, Primary, Report, Transmit};

use super::{Copy, Reply, axfr, message, soa};

/// What a primary does on a connection, one after the other.
#[derive(Clone, Debug)]
pub enum Act {
    /// Sends a message.
    Say(Vec<u8>),
    /// Sends octets as they are, in a piece of their own.
    Raw(Vec<u8>),
    Wait(Duration),
    Close,
    Reset,
}

type Script = Arc<dyn Fn(&[u8]) -> Vec<Act> + Send + Sync>;

/// A question that came.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Asked {
    pub over_tcp: bool,
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
}

impl Host {
    /// Has the small zone with this serial, and no IXFR.
    pub fn new(serial: u32) -> Self {
        Self::silent()
            .udp(Rtype::SOA, move |request| {
                vec![Act::Say(message(request, &[soa(serial)]))]
            })
            .tcp(Rtype::SOA, move |request| {
                vec![Act::Say(message(request, &[soa(serial)]))]
            })
            .tcp(Rtype::AXFR, move |request| {
                vec![Act::Say(message(request, &axfr(serial)))]
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

    /// `SOA/udp AXFR/tcp …`, in the order in which they came.
    pub fn story(&self) -> String {
        let asked = self.asked.lock().unwrap();
        let words = asked.iter().map(|asked| {
            let way = if asked.over_tcp { "tcp" } else { "udp" };
            format!("{}/{way}", asked.rtype)
        });
        words.collect::<Vec<_>>().join(" ")
    }

    fn acts(&self, over_tcp: bool, request: &[u8]) -> Vec<Act> {
        let query = Message::new(request).unwrap();
        let rtype = query.question().unwrap().unwrap().rtype;
        let has_edns = query.opt().unwrap().is_some();
        self.asked.lock().unwrap().push(Asked {
            over_tcp,
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
                        Act::Close | Act::Reset => {}
                    }
                }
            }
        });
        let host = self.clone();
        thread::spawn(move || {
            while let Ok((stream, _)) = tcp.accept() {
                let host = host.clone();
                thread::spawn(move || host.play(stream));
            }
        });
        address
    }

    /// One connection: questions until the other side closes, each answered as the script says.
    fn play(&self, mut stream: TcpStream) -> Option<()> {
        stream.set_nodelay(true).ok()?;
        loop {
            let mut length = [0; 2];
            stream.read_exact(&mut length).ok()?;
            let mut request = vec![0; u16::from_be_bytes(length).into()];
            stream.read_exact(&mut request).ok()?;
            for act in self.acts(true, &request) {
                match act {
                    Act::Say(message) => {
                        let length = u16::try_from(message.len()).unwrap().to_be_bytes();
                        stream.write_all(&[&length, &message[..]].concat()).ok()?;
                    }
                    Act::Raw(octets) => stream.write_all(&octets).ok()?,
                    Act::Wait(wait) => thread::sleep(wait),
                    Act::Close => return None,
                    Act::Reset => {
                        let socket = socket2::SockRef::from(&stream);
                        socket.set_linger(Some(Duration::ZERO)).unwrap();
                        return None;
                    }
                }
            }
        }
    }
}

/// An answer that says no.
pub fn failure(request: &[u8], rcode: Rcode) -> Vec<u8> {
    Reply::to(request)
        .header(|header| header.rcode = rcode)
        .octets()
}

/// Primaries at addresses that nobody has, for the made-up world.
pub fn primaries(count: usize) -> Vec<Primary> {
    let address = |number| format!("192.0.2.{number}:53").parse().unwrap();
    (1..=count)
        .map(|number| Primary::new(address(number)))
        .collect()
}

/// A world without sockets, in which an hour takes no time.
pub struct World {
    pub hosts: Vec<Host>,
    pub start: Instant,
    pub now: Instant,
    /// How long a message or a connection takes from one side to the other.
    pub delay: Duration,
    happening: VecDeque<(Instant, Happens)>,
    connections: HashMap<Connection, usize>,
    /// Datagrams to us that are dropped, so many from now.
    pub drops: usize,
    /// What happens to those who connect, where it is not the same as for datagrams.
    pub tcp_door: Option<Door>,
}

enum Happens {
    Datagram(usize, Vec<u8>),
    Undeliverable(usize),
    Connected(Connection),
    Message(Connection, Vec<u8>),
    Lost(Connection, Loss),
}

impl World {
    pub fn new(hosts: &[Host]) -> Self {
        let start = Instant::now();
        Self {
            hosts: hosts.to_vec(),
            start,
            now: start,
            delay: Duration::from_millis(10),
            happening: VecDeque::new(),
            connections: HashMap::new(),
            drops: 0,
            tcp_door: None,
        }
    }

    pub fn run(&mut self, exchange: &mut Exchange, copy: &mut Copy) -> Report {
        loop {
            while let Some(transmit) = exchange.poll_transmit() {
                self.transmit(transmit);
            }
            if let Some(report) = exchange.poll(self.now) {
                return report;
            }
            let timeout = exchange.poll_timeout();
            let next = self.happening.front().map(|(time, _)| *time);
            if next.is_some_and(|next| timeout.is_none_or(|timeout| next <= timeout)) {
                let (time, happens) = self.happening.pop_front().unwrap();
                self.now = time.max(self.now);
                self.tell(exchange, happens, copy);
            } else {
                self.now = timeout.expect("something is waited for").max(self.now);
                exchange.handle_timeout(self.now, copy);
            }
        }
    }

    pub fn elapsed(&self) -> Duration {
        self.now - self.start
    }

    fn at(&mut self, time: Instant, happens: Happens) {
        let place = self
            .happening
            .partition_point(|(before, _)| *before <= time);
        self.happening.insert(place, (time, happens));
    }

    fn transmit(&mut self, transmit: Transmit) {
        let there_and_back = self.now + 2 * self.delay;
        match transmit {
            Transmit::Datagram { primary, octets } => {
                if self.hosts[primary].door == Door::Refuses {
                    return self.at(there_and_back, Happens::Undeliverable(primary));
                }
                let mut time = there_and_back;
                for act in self.hosts[primary].acts(false, &octets) {
                    match act {
                        Act::Wait(wait) => time += wait,
                        Act::Say(_) if self.drops > 0 => self.drops -= 1,
                        Act::Say(octets) => self.at(time, Happens::Datagram(primary, octets)),
                        _ => {}
                    }
                }
            }
            Transmit::Connect {
                connection,
                primary,
            } => {
                self.connections.insert(connection, primary);
                match self.tcp_door.unwrap_or(self.hosts[primary].door) {
                    Door::Open => self.at(there_and_back, Happens::Connected(connection)),
                    Door::Refuses => {
                        self.at(there_and_back, Happens::Lost(connection, Loss::Refused))
                    }
                    Door::Silent => {}
                }
            }
            Transmit::Message { connection, octets } => {
                let primary = self.connections[&connection];
                let mut time = there_and_back;
                for act in self.hosts[primary].acts(true, &octets) {
                    match act {
                        Act::Wait(wait) => time += wait,
                        Act::Say(octets) => self.at(time, Happens::Message(connection, octets)),
                        Act::Close => self.at(time, Happens::Lost(connection, Loss::Closed)),
                        Act::Reset => self.at(time, Happens::Lost(connection, Loss::Reset)),
                        Act::Raw(_) => panic!("no octets here, only messages"),
                    }
                }
            }
            Transmit::Close(connection) => {
                self.connections.remove(&connection);
                self.happening.retain(|(_, happens)| match happens {
                    Happens::Connected(other)
                    | Happens::Message(other, _)
                    | Happens::Lost(other, _) => *other != connection,
                    _ => true,
                });
            }
            other => panic!("{other:?}"),
        }
    }

    fn tell(&mut self, exchange: &mut Exchange, happens: Happens, copy: &mut Copy) {
        let event = match &happens {
            Happens::Datagram(primary, octets) => Event::Datagram {
                primary: *primary,
                octets,
            },
            Happens::Undeliverable(primary) => Event::Undeliverable {
                primary: *primary,
                loss: Loss::Refused,
            },
            Happens::Connected(connection) => Event::Connected(*connection),
            Happens::Message(connection, octets) => Event::Message {
                connection: *connection,
                octets,
            },
            Happens::Lost(connection, loss) => Event::Lost {
                connection: *connection,
                loss: *loss,
            },
        };
        exchange.handle_event(event, self.now, copy);
        if let Happens::Message(connection, octets) = happens {
            let event = Event::Received {
                connection,
                octets: octets.len() + 2,
                left: false,
            };
            exchange.handle_event(event, self.now, copy);
        }
    }
}
