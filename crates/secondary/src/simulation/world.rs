//! One made-up world: a secondary, its primaries and the network, event by event.

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

/// What happened in a world, counted.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    pub(super) visits: u64,
    pub(super) failed: u64,
    pub(super) up_to_date: u64,
    pub(super) confirmed: u64,
    pub(super) whole: u64,
    pub(super) differences: u64,
    pub(super) not_taken: u64,
    pub(super) unpublished: u64,
    pub(super) expired: u64,
    pub(super) revived_lower: u64,
    pub(super) restarts: u64,
    pub(super) forged: u64,
    pub(super) notifies: u64,
}

impl Tally {
    pub(super) fn add(&mut self, other: &Self) {
        let Self {
            visits,
            failed,
            up_to_date,
            confirmed,
            whole,
            differences,
            not_taken,
            unpublished,
            expired,
            revived_lower,
            restarts,
            forged,
            notifies,
        } = other;
        self.visits += visits;
        self.failed += failed;
        self.up_to_date += up_to_date;
        self.confirmed += confirmed;
        self.whole += whole;
        self.differences += differences;
        self.not_taken += not_taken;
        self.unpublished += unpublished;
        self.expired += expired;
        self.revived_lower += revived_lower;
        self.restarts += restarts;
        self.forged += forged;
        self.notifies += notifies;
    }

    /// What never happened.
    pub(super) fn missing(&self) -> Option<String> {
        let text = format!("{self:?}");
        text.contains(": 0").then_some(text)
    }
}

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

/// Says what happens, if anybody listens.
macro_rules! tell {
    ($world:expr, $($words:tt)*) => {
        if $world.is_told {
            let since = $world.now - $world.start;
            println!("{:>12.3} s  {}", since.as_secs_f64(), format_args!($($words)*));
        }
    };
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

    fn tell_visit(&mut self, number: u64, event: impl FnOnce(&mut Running)) {
        let visit = self.node.as_mut().and_then(|node| node.visit.as_mut());
        if let Some(visit) = visit.filter(|visit| visit.number == number) {
            event(visit);
        }
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

    /// The node starts, with what the disk has.
    fn restart(&mut self) -> Result<(), String> {
        if self.node.is_some() {
            return Ok(());
        }
        let store = Store::open_on(self.disk.clone(), Options::default())
            .map_err(|error| format!("the store cannot be opened: {error}"))?;
        if !store.damage().is_empty() {
            return Err(format!("the store is damaged: {:?}", store.damage()));
        }
        let unix = self.unix();
        store.note_time(unix);
        let name = self.apex.as_name();
        if store.zone(name).is_none() {
            store.create_zone(name).map_err(|error| error.to_string())?;
        }
        let held = store.zone(name).and_then(|held| held.zone.clone());
        let soa = held.as_ref().map(Zone::soa);
        let timers = store.timers(name).unwrap_or_default();
        let at = |time: u64| self.now + Duration::from_secs(time.saturating_sub(unix));
        let start = match &soa {
            Some(soa) => {
                let expires = Some(timers.expires_at).filter(|&expires| expires > unix);
                let standing = match expires {
                    Some(until) if timers.failures > 0 => Standing::Stale { until },
                    Some(_) => Standing::Current,
                    None => Standing::Expired,
                };
                note(store.set_standing(name, standing))?;
                Start::Held {
                    soa,
                    next_check: at(timers.next_check),
                    expires: expires.map(at),
                }
            }
            None => Start::Never,
        };
        let mut schedule = Schedule::new(Bounds::default(), Slots::default(), 1);
        let primaries = (0..self.hosts.len()).map(address).collect();
        schedule.insert((), name, primaries, start, self.now);
        self.tally.restarts += 1;
        tell!(
            self,
            "the node starts, with serial {:?} and {timers:?}",
            soa.map(|soa| soa.serial.0)
        );
        self.seen.generation = None;
        self.node = Some(Node {
            store,
            schedule,
            memory: Vec::new(),
            visit: None,
        });
        Ok(())
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

    fn fall_due(&mut self, due: Due<()>) -> Result<(), String> {
        match due {
            Due::Visit {
                reason,
                force,
                notifier,
                expired,
                ..
            } => {
                let preferred = notifier.and_then(|from| {
                    (0..self.hosts.len()).position(|host| address(host).ip() == from)
                });
                self.begin(reason, force, preferred, expired);
            }
            Due::Expired(()) => {
                tell!(self, "the zone expires");
                self.tally.expired += 1;
                if let Some(node) = &self.node {
                    let name = self.apex.as_name();
                    note(node.store.set_standing(name, Standing::Expired))?;
                }
            }
        }
        Ok(())
    }

    fn begin(&mut self, reason: Reason, force: bool, preferred: Option<usize>, expired: bool) {
        let Some(node) = &mut self.node else {
            return;
        };
        let Some(held) = node.store.zone(self.apex.as_name()) else {
            return;
        };
        let version = held.zone.clone();
        let primaries = (0..self.hosts.len()).map(|host| Primary::new(address(host)));
        let visit = Visit {
            held: version.as_ref().map(Zone::soa),
            held_records: version.as_ref().map_or(0, Zone::record_count),
            preferred,
            force,
            accept_lower: expired,
            memory: node.memory.clone(),
            limits: Limits {
                max_ixfr_changes: Some(0), // the zones are smaller than their differences
                ..Limits::default()
            },
            ..Visit::new(self.apex.clone(), primaries.collect())
        };
        let (sink, candidate) = Sink::new(
            self.apex.clone(),
            version.clone(),
            ZoneLimits::default(),
            Checks::Strict,
            Default::default(),
            (|_| Ok(())) as Quota,
        );
        let from = version.as_ref().map(Zone::serial);
        self.tally.visits += 1;
        let number = self.tally.visits;
        let unix = BEGINNING + (self.now - self.start).as_secs();
        let exchange = Exchange::new(visit, self.now, unix, self.random.draw());
        node.visit = Some(Running {
            number,
            exchange,
            sink,
            candidate,
            streams: BTreeMap::new(),
            generation: held.generation,
            from,
            unpublished: None,
            heard: Vec::new(),
        });
        tell!(
            self,
            "visit {number} begins: {reason:?}, held {:?}, expired: {expired}",
            from.map(|serial| serial.0)
        );
    }

    fn transmit(&mut self) -> Option<(u64, Transmit)> {
        let visit = self.node.as_mut()?.visit.as_mut()?;
        Some((visit.number, visit.exchange.poll_transmit()?))
    }

    /// Brings what the secondary sends to where it goes, and the answer on its way.
    fn carry(&mut self, number: u64, transmit: Transmit) {
        match transmit {
            Transmit::Datagram { primary, octets } => {
                let health = self.hosts[primary].health;
                if health == Health::Closed {
                    let wait = self.weather.way(&mut self.random);
                    self.after(wait, Happening::Undeliverable(number, primary));
                } else if health != Health::Gone {
                    for there in self.weather.copies(&mut self.random) {
                        self.reply(number, primary, &octets, there);
                    }
                }
                if !self.is_calm() && self.random.percent(10) {
                    self.forge(number, primary, &octets);
                }
            }
            Transmit::Connect {
                connection,
                primary,
            } => {
                self.tell_visit(number, |visit| {
                    let stream = (primary, FrameBuffer::with_room(4096));
                    visit.streams.insert(connection, stream);
                });
                let outcome = match self.hosts[primary].health {
                    Health::Gone => None,
                    Health::Closed => Some(Err(Loss::Refused)),
                    _ => self.weather.connects(&mut self.random),
                };
                tell!(
                    self,
                    "  connection {} to {primary}: {outcome:?}",
                    connection.0
                );
                let wait = self.weather.way(&mut self.random);
                match outcome {
                    None => {}
                    Some(Ok(())) => self.after(wait, Happening::Connected(number, connection)),
                    Some(Err(loss)) => self.after(wait, Happening::Lost(number, connection, loss)),
                }
            }
            Transmit::Message { connection, octets } => self.stream(number, connection, &octets),
            Transmit::Close(connection) => {
                self.tell_visit(number, |visit| drop(visit.streams.remove(&connection)));
            }
            other => unreachable!("{other:?}"),
        }
    }

    /// An answer in a datagram.
    fn reply(&mut self, number: u64, primary: usize, octets: &[u8], there: Duration) {
        let (host, is_calm) = (&self.hosts[primary], self.healed.is_some());
        let answer = answer(host, &self.origin, octets, false, is_calm, &mut self.random);
        let serial = self.hear(number, answer.version);
        tell!(self, "  {primary} says {} {serial:?}", answer.name);
        for back in self.weather.copies(&mut self.random) {
            for message in answer.messages.clone() {
                self.after(there + back, Happening::Datagram(number, primary, message));
            }
        }
    }

    /// Notes of which version a primary truly spoke.
    fn hear(&mut self, number: u64, version: Option<usize>) -> Option<u32> {
        let serial = self.origin.versions[version?].soa.serial;
        self.tell_visit(number, |visit| visit.heard.push(serial));
        Some(serial.0)
    }

    /// Somebody who does not know the message ID says that there is a much newer version, or that an old one is the newest.
    fn forge(&mut self, number: u64, primary: usize, octets: &[u8]) {
        let versions = &self.origin.versions;
        let version = self.random.below(versions.len());
        let mut soa = versions[version].soa_record.clone();
        if self.random.percent(50) {
            let serial = soa.rdata.len() - 20;
            soa.rdata[serial] ^= 0x40;
        }
        let mut message = write(octets, &[soa], |_| ());
        match self.random.below(3) {
            0 => message[1] ^= 1 + self.random.below(255) as u8,
            1 => message[2] ^= 0x80, // a question
            _ => message[13] ^= 1,   // about another zone
        }
        tell!(self, "  a forged datagram for {primary}");
        self.tally.forged += 1;
        let wait = self.weather.way(&mut self.random);
        self.after(wait, Happening::Datagram(number, primary, message));
    }

    /// An answer on a connection.
    fn stream(&mut self, number: u64, connection: Connection, octets: &[u8]) {
        let mut at = None;
        self.tell_visit(number, |visit| {
            at = visit.streams.get(&connection).map(|stream| stream.0);
        });
        let Some(primary) = at else {
            return;
        };
        if self.hosts[primary].health == Health::Gone {
            return;
        }
        let (host, is_calm) = (&self.hosts[primary], self.healed.is_some());
        let answer = answer(host, &self.origin, octets, true, is_calm, &mut self.random);
        let serial = self.hear(number, answer.version);
        let stream = self.weather.stream(&answer.messages, &mut self.random);
        let arrives: usize = stream.pieces.iter().map(|(_, piece)| piece.len()).sum();
        tell!(
            self,
            "  {primary} says {} {serial:?} on {}, in {} messages; {arrives} octets in {} pieces, then {:?}",
            answer.name,
            connection.0,
            answer.messages.len(),
            stream.pieces.len(),
            stream.end
        );
        let mut wait = self.weather.way(&mut self.random);
        for (pause, piece) in stream.pieces {
            wait += pause;
            self.after(wait, Happening::Octets(number, connection, piece));
        }
        if let Some(loss) = stream.end {
            wait += self.weather.way(&mut self.random);
            self.after(wait, Happening::Lost(number, connection, loss));
        }
    }

    /// A version is whole: durable, then visible.
    fn publish(&mut self, candidate: Candidate) -> Result<(), String> {
        let (now, unix) = (self.now, self.unix());
        let Some(node) = &mut self.node else {
            return Ok(());
        };
        let Some(visit) = &mut node.visit else {
            return Ok(());
        };
        let Candidate { zone, diff, .. } = candidate;
        let soa = zone.soa();
        let timers = Bounds::default().of(&soa);
        let publication = Publication {
            zone: self.apex.clone(),
            expected: visit.generation,
            content: match diff {
                Some(diff) => Content::Patch { zone, diff },
                None => Content::Next(zone),
            },
            timers: Some(Timers {
                next_check: unix + timers.refresh.as_secs(),
                expires_at: unix + timers.expire.as_secs(),
                failures: 0,
            }),
        };
        self.seen.in_flight.push(soa.serial);
        match node.store.publish(publication) {
            Ok(_) => {
                self.seen.in_flight.clear();
                self.seen.good_until = Some(now + timers.expire);
                self.seen.is_certain = true;
                node.schedule.took(&(), &soa, now);
                tell!(self, "  serial {} is published", soa.serial.0);
            }
            Err(error) => {
                visit.unpublished = Some(Failure {
                    kind: "store".to_owned(),
                    text: error.to_string(),
                });
                self.tally.unpublished += 1;
                return self.disk_failed(&error);
            }
        }
        Ok(())
    }

    /// The store says that it cannot write; then the node goes down in a while, and meanwhile serves what it served.
    fn disk_failed(&mut self, error: &zonekit_store::StoreError) -> Result<(), String> {
        tell!(self, "  the disk fails: {error}");
        match self.disk_fails {
            true => self.sometime(FLUSH, Happening::Crash),
            false => return Err(format!("the disk is good, and yet: {error}")),
        }
        Ok(())
    }

    /// A visit is over.
    fn conclude(&mut self, report: &zonekit_xfr::Report) -> Result<(), String> {
        let (now, unix) = (self.now, self.unix());
        let Some(node) = &mut self.node else {
            return Ok(());
        };
        let Some(visit) = node.visit.take() else {
            return Ok(());
        };
        match report.outcome {
            Outcome::UpToDate => self.tally.up_to_date += 1,
            Outcome::Confirmed { .. } => self.tally.confirmed += 1,
            Outcome::Transferred {
                kind: TransferKind::Axfr,
                ..
            } => self.tally.whole += 1,
            Outcome::Transferred { .. } => self.tally.differences += 1,
            Outcome::NotTaken => self.tally.not_taken += 1,
            Outcome::Failed => self.tally.failed += 1,
        }
        let name = self.apex.as_name();
        let held = node.store.zone(name).and_then(|held| held.zone.clone());
        let soa = held.as_ref().map(Zone::soa);
        let finished = Finished {
            report,
            cause: VisitCause::Refresh,
            began: Timestamp::from_seconds(unix),
            ended: Timestamp::from_seconds(unix),
            from: visit.from,
            unpublished: visit.unpublished,
        };
        let good = finished.is_good();
        let how = match soa.as_ref().filter(|_| good) {
            Some(soa) => {
                let expires = report.expires(soa.serial);
                match report.outcome {
                    Outcome::Transferred { .. } => Ended::Taken { soa, expires },
                    Outcome::Confirmed { .. } => Ended::Confirmed { soa, expires },
                    _ => Ended::Current { soa, expires },
                }
            }
            None => Ended::Failed,
        };
        if let Some(soa) = soa.as_ref().filter(|_| good) {
            if !visit.heard.contains(&soa.serial) {
                let number = visit.number;
                return Err(format!("nobody vouched for the zone in visit {number}"));
            }
            if matches!(
                report.outcome,
                Outcome::UpToDate | Outcome::Confirmed { .. }
            ) {
                let good = Bounds::default().of(soa).expire;
                self.seen.good_until = Some(now + good);
            }
        }
        node.schedule.finished(&(), how, now);
        node.memory.clone_from(&report.memory);
        let timing = node.schedule.timing(&()).ok_or("the zone is gone")?;
        let at = |time: Instant| BEGINNING + (time - self.start).as_secs();
        let expires_at = timing.expires.map_or(0, at);
        if good {
            // The schedule counts from the end of the visit.
            self.seen.good_until = timing.expires;
            self.seen.is_certain = true;
        }
        let standing = match (soa.is_some(), good) {
            (false, _) => None,
            (true, true) => Some(Standing::Current),
            (true, false) if timing.expires.is_none_or(|expires| expires <= now) => {
                Some(Standing::Expired)
            }
            (true, false) => Some(Standing::Stale { until: expires_at }),
        };
        if let Some(standing) = standing {
            note(node.store.set_standing(name, standing))?;
            let failures = timing.failures;
            let next_check = timing.next_check.map_or(unix, at);
            let timers = Timers {
                next_check,
                expires_at,
                failures,
            };
            note(node.store.note_timers(name, timers))?;
        }
        let error = report.error().map(|error| error.in_words());
        tell!(
            self,
            "visit {} ends: {:?} {}; {standing:?}",
            visit.number,
            report.outcome,
            error.unwrap_or_default()
        );
        Ok(())
    }

    fn has_newest(&self) -> bool {
        let name = self.apex.as_name();
        let held = self.node.as_ref().and_then(|node| node.store.zone(name));
        let newest = self.origin.newest().soa.serial;
        held.is_some_and(|held| held.servable().is_some_and(|zone| zone.serial() == newest))
    }

    /// What must be so at any moment.
    fn check(&mut self) -> Result<(), String> {
        const SECOND: Duration = Duration::from_secs(1); // the file knows no shorter times
        let now = self.now;
        let Some(node) = &self.node else {
            return Ok(());
        };
        let held = node.store.zone(self.apex.as_name());
        let held = held.ok_or("the zone is gone from the store")?;
        if self.seen.generation != Some(held.generation) {
            let version = held.zone.as_ref().map(|zone| self.origin.identify(zone));
            let version = version.transpose()?;
            if self.seen.generation.is_none() && version != self.seen.held {
                // After a restart it is what was visible before, or what was just about to be.
                let serial = held.zone.as_ref().map(Zone::serial);
                if !serial.is_some_and(|serial| self.seen.in_flight.contains(&serial)) {
                    return Err(format!(
                        "a restart makes of version {:?} {version:?}",
                        self.seen.held
                    ));
                }
                self.seen.good_until = None;
            }
            self.seen.generation = Some(held.generation);
            self.seen.in_flight.clear();
            self.seen.held = version;
        }
        match (held.servable(), self.seen.served) {
            (Some(zone), Some(before)) if zone.serial() != before => {
                if !zone.serial().is_newer_than(before) {
                    return Err(format!("serial {} follows {}", zone.serial().0, before.0));
                }
                self.seen.served = Some(zone.serial());
            }
            (Some(zone), _) => {
                let serial = zone.serial();
                let is_lower = |before: Serial| before != serial && !serial.is_newer_than(before);
                self.tally.revived_lower +=
                    u64::from(self.seen.expired.take().is_some_and(is_lower));
                self.seen.served = Some(serial);
            }
            (None, Some(before)) => {
                if self.seen.is_certain
                    && self.seen.good_until.is_some_and(|good| now + SECOND < good)
                {
                    return Err(format!(
                        "serial {} is no longer served, too early",
                        before.0
                    ));
                }
                (self.seen.expired, self.seen.served) = (Some(before), None);
            }
            (None, None) => {}
        }
        if held.servable().is_some() && self.seen.good_until.is_some_and(|good| now > good + SECOND)
        {
            return Err("a version is served that nobody has confirmed for too long".to_owned());
        }
        if let Some(healed) = self.healed {
            if self.deadline.is_some_and(|deadline| now > deadline) {
                let waited = (now - healed).as_secs();
                return Err(format!("the newest version is not served after {waited} s"));
            }
            self.deadline = Some(healed + LAST_VISIT + self.allowed(held.zone.as_ref()));
        }
        Ok(())
    }

    /// How long timers may let the newest version wait when this one is held.
    fn allowed(&self, held: Option<&Zone>) -> Duration {
        let Some(soa) = held.map(Zone::soa) else {
            return Duration::from_secs(3600); // the longest back-off
        };
        let timers = Bounds::default().of(&soa);
        let next = timers.refresh.max(timers.retry);
        if self.origin.newest().soa.serial.is_newer_than(soa.serial) {
            next
        } else {
            timers.expire + next
        }
    }
}

impl Running {
    fn is_connected(&mut self, connection: Connection, now: Instant) {
        if self.streams.contains_key(&connection) {
            let event = Event::Connected(connection);
            self.exchange.handle_event(event, now, &mut self.sink);
        }
    }

    /// Octets arrive, in one piece.
    fn takes(&mut self, connection: Connection, octets: &[u8], now: Instant) {
        let Some((_, frames)) = self.streams.get_mut(&connection) else {
            return;
        };
        let mut rest = octets;
        while !rest.is_empty() {
            let space = frames.space();
            let (piece, behind) = rest.split_at(rest.len().min(space.len()));
            space[..piece.len()].copy_from_slice(piece);
            frames.advance(piece.len());
            rest = behind;
            while let Ok(Some(octets)) = frames.next_frame() {
                let event = Event::Message { connection, octets };
                self.exchange.handle_event(event, now, &mut self.sink);
            }
        }
        let event = Event::Received {
            connection,
            octets: octets.len(),
            left: frames.has_partial(),
        };
        self.exchange.handle_event(event, now, &mut self.sink);
    }

    fn loses(&mut self, connection: Connection, loss: Loss, now: Instant) {
        let Some((_, frames)) = self.streams.get(&connection) else {
            return;
        };
        let loss = match loss {
            Loss::Closed if frames.has_partial() => Loss::ClosedInsideMessage,
            loss => loss,
        };
        let event = Event::Lost { connection, loss };
        self.exchange.handle_event(event, now, &mut self.sink);
    }
}

fn address(host: usize) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 1 + host as u8], 53))
}

fn note(result: Result<(), zonekit_store::StoreError>) -> Result<(), String> {
    result.map_err(|error| format!("not noted: {error}"))
}
