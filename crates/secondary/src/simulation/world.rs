//! One made-up world: a secondary, its primaries and the network, event by event.

/// Says what happens, if anybody listens.
macro_rules! tell {
    ($world:expr, $($words:tt)*) => {
        if $world.is_told {
            let since = $world.now - $world.start;
            println!("{:>12.3} s  {}", since.as_secs_f64(), format_args!($($words)*));
        }
    };
}

mod check;
mod links;
mod node;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use zonekit_model::{Failure, Refusal, Timestamp, VisitCause};
use zonekit_store::{
    Checks, Content, Generation, Options, Publication, Standing, Store, Timers, Zone, ZoneLimits,
};
use zonekit_wire::{FrameBuffer, NameBuf, Serial};
use zonekit_xfr::{
    Connection, Due, Event, Exchange, Finished as Ended, Limits, Loss, Memory, Notified, Outcome,
    Primary, Reason, Schedule, Slots, Start, Timers as Bounds, TransferKind, Transmit, Visit,
};

use super::answers::{answer, write};
use super::disk::FaultyDisk;
use super::net::Weather;
use super::origin::{APEX, Health, Host, Origin};
use super::random::Random;
use super::tally::Tally;
use crate::history::Finished;
use crate::sink::{Candidate, Sink};

/// Seconds since 1970 when a world begins.
const BEGINNING: u64 = 1_800_000_000;

/// What a visit that goes on when the network heals may still take: a stream that drips as slowly as
/// [`Limits::min_transfer_rate`] lets it, for IXFR and for AXFR, at each of three primaries.
const LAST_VISIT: Duration = Duration::from_secs(6 * 300 + 60);

/// How often timers are brought into the file.
const FLUSH: Duration = Duration::from_secs(600);

/// Steps of which no world needs as many: one that goes on for longer goes round in circles.
const ENDLESS: usize = 200_000;

type Quota = fn(u64) -> Result<(), Refusal>;

/// A world and its story so far.
pub(super) struct World {
    random: Random,
    is_told: bool,
    start: Instant,
    now: Instant,
    queue: BinaryHeap<Reverse<(Instant, u64)>>,
    happenings: BTreeMap<u64, Happening>,
    stamp: u64,
    origin: Origin,
    hosts: Vec<Host>,
    weather: Weather,
    healed: Option<Instant>,
    /// When the newest version must be served, now that all is well.
    deadline: Option<Instant>,
    apex: NameBuf,
    disk: FaultyDisk,
    /// The disk fails, or soon will.
    disk_fails: bool,
    node: Option<Node>,
    seen: Seen,
    tally: Tally,
}

/// The secondary, as far as a crash takes it away.
struct Node {
    store: Store,
    schedule: Schedule<()>,
    memory: Vec<Memory>,
    visit: Option<Running>,
}

/// A visit that goes on.
struct Running {
    number: u64,
    exchange: Exchange,
    sink: Sink<Quota>,
    candidate: oneshot::Receiver<Candidate>,
    streams: BTreeMap<Connection, (usize, FrameBuffer)>,
    generation: Generation,
    from: Option<Serial>,
    unpublished: Option<Failure>,
    /// Serials that primaries truly spoke of.
    heard: Vec<Serial>,
}

/// What was seen of the zone from outside.
#[derive(Default)]
struct Seen {
    generation: Option<Generation>,
    /// The version that the store holds.
    held: Option<usize>,
    /// The serial that was held when it expired.
    expired: Option<Serial>,
    /// The version that nothing lower may follow.
    served: Option<Serial>,
    /// When the version served is too old to be.
    good_until: Option<Instant>,
    /// No crash has brought earlier timers back.
    is_certain: bool,
    /// Versions that a failing disk did not say to have kept.
    in_flight: Vec<Serial>,
}

enum Happening {
    Change,
    Adopt(usize),
    Health(usize),
    Weather,
    Notify(Option<usize>, Option<Serial>),
    Datagram(u64, usize, Vec<u8>),
    Undeliverable(u64, usize),
    Connected(u64, Connection),
    Octets(u64, Connection, Vec<u8>),
    Lost(u64, Connection, Loss),
    Flush,
    Crash,
    Restart,
    Heal,
}

impl World {
    /// The world of a seed, and whether its story is to be told on standard output.
    pub(super) fn new(seed: u64, is_told: bool) -> Self {
        let mut random = Random::new(seed);
        let start = Instant::now();
        let mut origin = Origin::new(&mut random);
        let count = random.pick(&[1, 1, 2, 3]);
        let host = |_| Host {
            history: Vec::new(),
            health: Health::Up,
        };
        let mut hosts: Vec<Host> = (0..count).map(host).collect();
        hosts[0].adopt(&mut origin);
        let mut world = Self {
            weather: Weather::foul(&mut random),
            random,
            is_told,
            start,
            now: start,
            queue: BinaryHeap::new(),
            happenings: BTreeMap::new(),
            stamp: 0,
            origin,
            hosts,
            healed: None,
            deadline: None,
            apex: APEX.parse().unwrap(),
            disk: FaultyDisk::default(),
            disk_fails: false,
            node: None,
            seen: Seen::default(),
            tally: Tally::default(),
        };
        let chaos = Duration::from_secs(900 + 300 * world.random.below(9) as u64);
        for _ in 0..2 + world.random.below(8) {
            world.sometime(chaos, Happening::Change);
        }
        for host in 0..count {
            world.sometime(chaos / 4, Happening::Adopt(host));
            for _ in 0..world.random.below(5) {
                world.sometime(chaos, Happening::Health(host));
            }
        }
        for _ in 0..world.random.below(4) {
            world.sometime(chaos, Happening::Weather);
        }
        for _ in 0..world.random.pick(&[0, 0, 1, 2]) {
            world.sometime(chaos, Happening::Crash);
        }
        world.after(FLUSH, Happening::Flush);
        world.after(chaos, Happening::Heal);
        world
    }

    /// Lives through everything that happens until the newest version is served, and says what happened.
    pub(super) fn run(mut self) -> Result<Tally, String> {
        self.restart()?;
        for _ in 0..ENDLESS {
            self.settle()?;
            self.check()?;
            if self.healed.is_some() && self.has_newest() {
                return Ok(self.tally);
            }
            self.step()?;
        }
        Err("it goes on for ever".to_owned())
    }

    /// Goes to whatever comes first.
    fn step(&mut self) -> Result<(), String> {
        let timer = self.node.as_mut().and_then(|node| {
            let visit = node.visit.as_ref();
            let visit = visit.and_then(|visit| visit.exchange.poll_timeout());
            let schedule = node.schedule.poll_timeout();
            visit.into_iter().chain(schedule).min()
        });
        let next = self.queue.peek().map(|Reverse((time, _))| *time);
        let Some(time) = timer.into_iter().chain(next).min() else {
            return Err("nothing will ever happen again".to_owned());
        };
        self.now = self.now.max(time);
        if next.is_some_and(|next| next <= self.now) {
            let happening =
                { self.queue.pop() }.and_then(|Reverse((_, stamp))| self.happenings.remove(&stamp));
            return happening.map_or(Ok(()), |happening| self.happen(happening));
        }
        let now = self.now;
        if let Some(visit) = self.node.as_mut().and_then(|node| node.visit.as_mut()) {
            visit.exchange.handle_timeout(now, &mut visit.sink);
        }
        Ok(())
    }

    fn after(&mut self, wait: Duration, happening: Happening) {
        self.stamp += 1;
        self.queue.push(Reverse((self.now + wait, self.stamp)));
        self.happenings.insert(self.stamp, happening);
    }

    fn sometime(&mut self, within: Duration, happening: Happening) {
        let wait = self.random.up_to(within);
        self.after(wait, happening);
    }

    fn unix(&self) -> u64 {
        BEGINNING + (self.now - self.start).as_secs()
    }

    fn is_calm(&self) -> bool {
        self.healed.is_some()
    }

    fn happen(&mut self, happening: Happening) -> Result<(), String> {
        let now = self.now;
        match happening {
            Happening::Change if self.is_calm() => {}
            Happening::Change => {
                self.origin.advance(&mut self.random);
                let soa = self.origin.newest().soa.clone();
                let (serial, refresh, retry) = (soa.serial.0, soa.refresh, soa.retry);
                tell!(
                    self,
                    "serial {serial} is made (refresh {refresh}, retry {retry}, expire {})",
                    soa.expire
                );
                for host in 0..self.hosts.len() {
                    let wait = self.random.pick(&[1, 1, 10, 600, 3600]);
                    self.sometime(Duration::from_secs(wait), Happening::Adopt(host));
                }
            }
            Happening::Adopt(host) => self.adopt(host),
            Happening::Health(_) | Happening::Weather if self.is_calm() => {}
            Happening::Health(host) => {
                let health = [Health::Up, Health::Gone, Health::Closed, Health::Expired];
                let health = self.random.pick(&health);
                tell!(self, "primary {host} is {health:?}");
                self.hosts[host].health = health;
                if health != Health::Up && self.random.percent(80) {
                    self.sometime(Duration::from_secs(3600), Happening::Health(host));
                }
            }
            Happening::Weather => {
                self.weather = Weather::foul(&mut self.random);
                tell!(self, "{:?}", self.weather);
            }
            Happening::Notify(from, hint) => self.notify(from, hint),
            Happening::Flush => {
                self.after(FLUSH, Happening::Flush);
                if let Some(node) = &self.node {
                    node.store.note_time(self.unix());
                    if let Err(error) = node.store.flush() {
                        return self.disk_failed(&error);
                    }
                }
            }
            Happening::Crash if self.is_calm() => {}
            Happening::Crash => self.crash(),
            Happening::Restart => self.restart()?,
            Happening::Heal => self.heal()?,
            Happening::Datagram(number, primary, octets) => {
                self.tell_visit(number, |visit| {
                    let octets = &octets;
                    let event = Event::Datagram { primary, octets };
                    visit.exchange.handle_event(event, now, &mut visit.sink);
                });
            }
            Happening::Undeliverable(number, primary) => {
                let loss = Loss::Refused;
                self.tell_visit(number, |visit| {
                    let event = Event::Undeliverable { primary, loss };
                    visit.exchange.handle_event(event, now, &mut visit.sink);
                });
            }
            Happening::Connected(number, connection) => {
                self.tell_visit(number, |visit| visit.is_connected(connection, now));
            }
            Happening::Octets(number, connection, octets) => {
                self.tell_visit(number, |visit| visit.takes(connection, &octets, now));
            }
            Happening::Lost(number, connection, loss) => {
                self.tell_visit(number, |visit| visit.loses(connection, loss, now));
            }
        }
        Ok(())
    }

    /// A primary takes over the newest version, and mostly says so, more or less truly.
    fn adopt(&mut self, host: usize) {
        self.hosts[host].adopt(&mut self.origin);
        let serial = self.origin.newest().soa.serial;
        tell!(self, "primary {host} has serial {}", serial.0);
        if self.is_calm() || self.random.percent(30) {
            return;
        }
        let storm = if self.random.percent(10) { 20 } else { 1 };
        for _ in 0..storm {
            let hint = match self.random.below(6) {
                0 => None,
                1 => Some(Serial(
                    serial.0.wrapping_add(1 + self.random.below(9) as u32),
                )),
                _ => Some(serial),
            };
            let from = Some(host).filter(|_| !self.random.percent(10));
            for wait in self.weather.copies(&mut self.random) {
                self.after(wait, Happening::Notify(from, hint));
            }
        }
    }

    fn notify(&mut self, from: Option<usize>, hint: Option<Serial>) {
        let now = self.now;
        let Some(node) = &mut self.node else {
            return;
        };
        let address = from.map(|host| address(host).ip());
        let told = node.schedule.notify(&(), address, hint);
        if matches!(told, Notified::Queued | Notified::Coalesced)
            && let Some(visit) = &mut node.visit
        {
            visit.exchange.hurry(now);
        }
        self.tally.notifies += 1;
        tell!(self, "NOTIFY from {from:?}, {hint:?}: {told:?}");
    }

    /// From here on, everything works and nothing changes.
    fn heal(&mut self) -> Result<(), String> {
        for host in &mut self.hosts {
            host.health = Health::Up;
            host.adopt(&mut self.origin);
        }
        self.weather = Weather::CALM;
        self.healed = Some(self.now);
        tell!(
            self,
            "all is well; every primary has serial {}",
            self.origin.newest().soa.serial.0
        );
        if self.disk_fails {
            self.go_down();
        }
        self.restart()
    }

    /// The power goes: now, or a few operations of the disk from now.
    fn crash(&mut self) {
        if self.node.is_some() && !self.disk_fails && self.random.percent(50) {
            let operations = self.random.below(40) as u64;
            tell!(self, "the disk fails after {operations} operations");
            self.disk_fails = true;
            self.disk.fail_after(operations);
            self.after(2 * FLUSH, Happening::Crash);
        } else if self.node.is_some() {
            self.go_down();
            let wait = self.random.pick(&[1, 60, 1200]);
            self.sometime(Duration::from_secs(wait), Happening::Restart);
        }
    }

    fn go_down(&mut self) {
        let is_clean = !self.disk_fails && self.random.percent(30);
        tell!(
            self,
            "the node {}",
            if is_clean { "ends" } else { "crashes" }
        );
        if let Some(node) = self.node.take()
            && is_clean
        {
            let is_kept = node.store.flush().is_ok();
            self.seen.is_certain &= is_kept;
        } else {
            self.seen.is_certain = false;
        }
        let random = &mut self.random;
        self.disk = self.disk.after_crash(|most| random.below(most + 1));
        self.disk_fails = false;
    }

    /// Does all that can be done before anything else happens.
    fn settle(&mut self) -> Result<(), String> {
        loop {
            while let Some((number, transmit)) = self.transmit() {
                self.carry(number, transmit);
            }
            let now = self.now;
            let Some(node) = &mut self.node else {
                return Ok(());
            };
            let mut is_quiet = true;
            if let Some(visit) = &mut node.visit {
                if let Ok(candidate) = visit.candidate.try_recv() {
                    self.publish(candidate)?;
                    is_quiet = false;
                } else if let Some(report) = visit.exchange.poll(now) {
                    self.conclude(&report)?;
                    is_quiet = false;
                }
            } else if let Some(due) = node.schedule.poll(now) {
                self.fall_due(due)?;
                is_quiet = false;
            }
            // The schedule has its say also while a visit goes on: the zone may expire.
            if is_quiet
                && let Some(node) = &mut self.node
                && let Some(due) = node.schedule.poll(now)
            {
                self.fall_due(due)?;
                is_quiet = false;
            }
            let visit = self.node.as_ref().and_then(|node| node.visit.as_ref());
            let is_due = |visit: &Running| {
                { visit.exchange.poll_timeout() }.is_some_and(|timeout| timeout <= now)
            };
            if is_quiet && visit.is_some_and(is_due) {
                if let Some(visit) = self.node.as_mut().and_then(|node| node.visit.as_mut()) {
                    visit.exchange.handle_timeout(now, &mut visit.sink);
                }
                is_quiet = false;
            }
            if is_quiet {
                return Ok(());
            }
        }
    }

    fn transmit(&mut self) -> Option<(u64, Transmit)> {
        let visit = self.node.as_mut()?.visit.as_mut()?;
        Some((visit.number, visit.exchange.poll_transmit()?))
    }
}

fn address(host: usize) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 1 + host as u8], 53))
}
