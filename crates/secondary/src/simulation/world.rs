//! One made-up world: a secondary, its zones, their primaries and the network, event by event.

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
mod happenings;
mod links;
mod node;
mod settings;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use zonekit_model::{Failure, Refusal, Timestamp, VisitCause};
use zonekit_store::{
    Checks, Content, Generation, Options, Publication, Standing, Store, Timers, Zone, ZoneLimits,
};
use zonekit_tsig::Key;
use zonekit_wire::{FrameBuffer, NameBuf, Serial};
use zonekit_xfr::{
    Connection, Due, Event, Exchange, Finished as Ended, Limits, Loss, Memory, Noted, Notified,
    Outcome, Primary, Reach, Reason, Schedule, Slots, Start, Timers as Bounds, TransferKind,
    Transmit, Visit, VisitError,
};

use self::happenings::Happening;
use super::answers::{Asked, answer, write};
use super::disk::FaultyDisk;
use super::net::Weather;
use super::origin::{Copy, Edns, Health, Host, Origin};
use super::random::Random;
use super::tally::Tally;
use crate::history::Finished;
use crate::sink::{Candidate, Sink, SinkError};

/// Seconds since 1970 when a world begins.
const BEGINNING: u64 = 1_800_000_000;

/// What a visit that goes on when the network heals may still take: a stream that drips as slowly as
/// [`Limits::min_transfer_rate`] lets it, for IXFR and for AXFR, at each of three primaries.
const LAST_VISIT: Duration = Duration::from_secs(6 * 300 + 60);

/// How long a primary that is back may still be thought to be out of reach, and its zones then be spread over.
const OUT_OF_REACH: Duration = Duration::from_secs(300 + 10);

/// How often timers are brought into the file.
const FLUSH: Duration = Duration::from_secs(600);

/// Steps of which no world needs as many: one that goes on for longer goes round in circles.
const ENDLESS: usize = 400_000;

type Quota = Box<dyn FnMut(u64) -> Result<(), Refusal> + Send>;

/// A world and its story so far.
pub(super) struct World {
    random: Random,
    is_told: bool,
    start: Instant,
    now: Instant,
    queue: BinaryHeap<Reverse<(Instant, u64)>>,
    happenings: BTreeMap<u64, Happening>,
    stamp: u64,
    hosts: Vec<Host>,
    places: Vec<Place>,
    weather: Weather,
    healed: Option<Instant>,
    slots: Slots,
    disk: FaultyDisk,
    /// The disk fails, or soon will.
    disk_fails: bool,
    node: Option<Node>,
    tally: Tally,
}

/// A zone: what is true of it, what its settings are, and what was seen of it.
struct Place {
    apex: NameBuf,
    origin: Origin,
    /// What each host has of it.
    copies: Vec<Copy>,
    /// The hosts that it is taken from, in order.
    primaries: Vec<usize>,
    /// What it is asked for with.
    key: Option<Key>,
    /// How many records it may have: a version with more is refused.
    quota: u64,
    /// Whether it is among the zones of the secondary.
    is_here: bool,
    /// When the newest version must be served, now that all is well.
    deadline: Option<Instant>,
    seen: Seen,
}

/// The secondary, as far as a crash takes it away.
struct Node {
    store: Store,
    schedule: Schedule<usize>,
    reach: Reach<usize>,
    /// By zone: what visits found out about each of its primaries, and the visit under way.
    memory: Vec<Vec<Memory>>,
    visits: Vec<Option<Running>>,
}

/// A visit that goes on.
struct Running {
    number: u64,
    zone: usize,
    /// Whom it asks, and with what.
    primaries: Vec<usize>,
    key: Option<Key>,
    quota: u64,
    is_forced: bool,
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

/// What was seen of a zone from outside.
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
    /// An operator has said that the serial does not matter.
    is_forced: bool,
    /// No visit has begun yet for what was said last.
    is_ordered: bool,
    /// That visit is over.
    was_forced: bool,
    /// Versions that a failing disk did not say to have kept.
    in_flight: Vec<Serial>,
}

impl World {
    /// The world of a seed, and whether its story is to be told on standard output.
    pub(super) fn new(seed: u64, is_told: bool) -> Self {
        let mut random = Random::new(seed);
        let start = Instant::now();
        let Size {
            hosts,
            zones,
            chaos,
        } = Size::of(seed, &mut random);
        let places = (0..zones)
            .map(|zone| Place::new(zone, hosts, &mut random))
            .collect();
        let host = |_| Host {
            health: Health::Up,
            edns: random.pick(&[Edns::Known, Edns::Known, Edns::Refused, Edns::Lost]),
            skew: random.pick(&[0, 0, 0, -200, 400]),
        };
        let hosts: Vec<Host> = (0..hosts).map(host).collect();
        let slots = Slots {
            per_primary: 1 + random.below(3),
            all: 1 + random.below(4),
        };
        let mut world = Self {
            weather: Weather::foul(&mut random),
            random,
            is_told,
            start,
            now: start,
            queue: BinaryHeap::new(),
            happenings: BTreeMap::new(),
            stamp: 0,
            hosts,
            places,
            healed: None,
            slots,
            disk: FaultyDisk::default(),
            disk_fails: false,
            node: None,
            tally: Tally::default(),
        };
        for zone in 0..zones {
            for _ in 0..1 + world.random.below(6) {
                world.sometime(chaos, Happening::Change(zone));
            }
            for host in 0..world.hosts.len() {
                world.sometime(chaos / 4, Happening::Adopt(zone, host));
            }
            for _ in 0..world.random.pick(&[0, 0, 1, 3]) {
                world.sometime(chaos, Happening::Settings(zone));
            }
        }
        for host in 0..world.hosts.len() {
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

    /// Lives through everything that happens until the newest versions are served, and says what happened.
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
            let visits = node.visits.iter().flatten();
            let visits = visits
                .filter_map(|visit| visit.exchange.poll_timeout())
                .min();
            visits.into_iter().chain(node.schedule.poll_timeout()).min()
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
        self.time_out();
        Ok(())
    }

    /// Has the visits know that it is later. Says whether it was time for any.
    fn time_out(&mut self) -> bool {
        let now = self.now;
        let visits = self
            .node
            .iter_mut()
            .flat_map(|node| &mut node.visits)
            .flatten();
        let mut any = false;
        for visit in visits {
            if { visit.exchange.poll_timeout() }.is_some_and(|timeout| timeout <= now) {
                visit.exchange.handle_timeout(now, &mut visit.sink);
                any = true;
            }
        }
        any
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

    /// Does all that can be done before anything else happens.
    fn settle(&mut self) -> Result<(), String> {
        loop {
            while let Some((zone, transmit)) = self.transmit() {
                self.carry(zone, transmit);
            }
            if self.node.is_none() {
                return Ok(());
            }
            let mut is_quiet = true;
            for zone in 0..self.places.len() {
                is_quiet &= !self.proceed(zone)?;
            }
            let now = self.now;
            if let Some(due) = self.node.as_mut().and_then(|node| node.schedule.poll(now)) {
                self.fall_due(due)?;
                is_quiet = false;
            }
            if is_quiet && !self.time_out() {
                return Ok(());
            }
        }
    }

    /// Publishes what a visit has brought, or ends it, if it is time for either.
    fn proceed(&mut self, zone: usize) -> Result<bool, String> {
        let now = self.now;
        let visit = self
            .node
            .as_mut()
            .and_then(|node| node.visits[zone].as_mut());
        let Some(visit) = visit else {
            return Ok(false);
        };
        if let Ok(candidate) = visit.candidate.try_recv() {
            self.publish(zone, candidate)?;
        } else if let Some(report) = visit.exchange.poll(now) {
            self.conclude(zone, &report)?;
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    fn transmit(&mut self) -> Option<(usize, Transmit)> {
        let visits = self.node.as_mut()?.visits.iter_mut().flatten();
        let mut transmits =
            visits.filter_map(|visit| Some((visit.zone, visit.exchange.poll_transmit()?)));
        transmits.next()
    }
}

/// How much there is of a world.
struct Size {
    hosts: usize,
    zones: usize,
    /// For how long all sorts of things happen.
    chaos: Duration,
}

impl Size {
    /// Most worlds are small, and everything in them happens within minutes, so that there can be many. One of sixteen has
    /// more of all, and time for zones to expire.
    fn of(seed: u64, random: &mut Random) -> Self {
        let is_large = seed.is_multiple_of(16);
        let (hosts, zones, chaos): (&[_], &[_], _) = match is_large {
            true => (&[1, 1, 2, 3], &[1, 1, 2, 4], 900 + 300 * random.below(6)),
            false => (&[1, 1, 2, 2, 3], &[1, 1, 1, 2], 100 + 50 * random.below(9)),
        };
        Self {
            hosts: random.pick(hosts),
            zones: random.pick(zones),
            chaos: Duration::from_secs(chaos as u64),
        }
    }
}

impl Place {
    fn new(zone: usize, hosts: usize, random: &mut Random) -> Self {
        let apex: NameBuf = format!("zone{zone}.test").parse().unwrap();
        let key = Some(settings::key(random)).filter(|_| random.percent(40));
        let mut origin = Origin::new(&apex, random);
        let mut copies: Vec<Copy> = { 0..hosts }
            .map(|_| Copy {
                keys: key.iter().cloned().collect(),
                ..Copy::default()
            })
            .collect();
        copies[0].adopt(&mut origin);
        Self {
            apex,
            origin,
            copies,
            primaries: (0..hosts).collect(),
            key,
            quota: settings::quota(random),
            is_here: true,
            deadline: None,
            seen: Seen::default(),
        }
    }
}

fn address(host: usize) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 1 + host as u8], 53))
}
