//! A world without sockets in which scripted primaries live.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use zonekit_script::{Act, Door, Host};
use zonekit_xfr::{Connection, Event, Exchange, Loss, Primary, Report, Transmit};

use super::Copy;

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
    /// Versions that are refused after their commit, so many from now.
    pub refusals: usize,
    /// What happens to those who connect, where it is not the same as for datagrams.
    pub tcp_door: Option<Door>,
}

#[derive(Debug, thiserror::Error)]
#[error("not good")]
struct NotGood;

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
            refusals: 0,
            tcp_door: None,
        }
    }

    pub fn run(&mut self, exchange: &mut Exchange, copy: &mut Copy) -> Report {
        let before = copy.clone();
        loop {
            while let Some(transmit) = exchange.poll_transmit() {
                self.transmit(transmit);
            }
            if exchange.has_committed() && self.refusals > 0 {
                self.refusals -= 1;
                copy.clone_from(&before);
                exchange.refuse(Arc::new(NotGood), self.now);
                continue;
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
                ..
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
                        Act::Raw(_) | Act::Stray(_) => panic!("no octets here, only messages"),
                    }
                }
            }
            Transmit::Close(connection) | Transmit::Done(connection) => {
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
