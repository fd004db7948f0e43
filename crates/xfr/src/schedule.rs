//! Which zone is due when, and who goes first.
//!
//! ```text
//!            timer                    a slot is free
//!  Resting ──────────► Waiting in line ────────────► Visited
//!     ▲   NOTIFY, order    │  ▲                         │
//!     │                    ▼  │ a slot is given back    │ finished, or again if
//!     │             Parked at a full gate               │ told so meanwhile
//!     └─────────────────────────────────────────────────┘
//! ```
//!
//! A visit whose version is being kept asks nobody any more, and has given back its slots ([`Schedule::settles`]).
//!
//! All zones share one heap of timers and four queues: an idle zone costs an entry, not a task. Nothing here knows the
//! clock: time comes in.

mod alarms;
mod due;
mod entry;
mod gates;
mod line;
mod lists;
mod timers;
mod turns;
mod visits;

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, HashMap, VecDeque};
use std::hash::{BuildHasher, Hash};
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use foldhash::fast::RandomState;
use hashbrown::HashTable;
use zonekit_wire::{Name, Serial, SoaBuf};

pub use self::due::{Due, Finished, Notified, Reason, Slots, Start, Timing};
pub use self::timers::{Timers, ZoneTimers};

use self::entry::{Entry, Order, State};
use self::gates::{AtGate, Gate, is_free};
use self::line::Queues;
use self::lists::Lists;
use self::timers::Jitter;
use self::turns::Elder;

/// Visits whose versions are being kept, at most, before no more begin.
const SETTLING: usize = 2_000;

/// The timers of all zones, and the order in which they are visited. `Z`: how the caller knows a zone.
///
/// ```
/// use std::time::{Duration, Instant};
/// use zonekit_wire::NameBuf;
/// use zonekit_xfr::{Due, Finished, Reason, Schedule, Slots, Start, Timers};
///
/// let mut schedule = Schedule::new(Timers::default(), Slots::default(), 1);
/// let name: NameBuf = "example.org".parse()?;
/// let now = Instant::now();
/// schedule.insert("example.org", name.as_name(), vec!["192.0.2.1:53".parse()?], Start::Never, now);
///
/// // A new zone is visited at once; when that fails, again a few seconds later.
/// assert!(matches!(schedule.poll(now), Some(Due::Visit { reason: Reason::Bootstrap, .. })));
/// schedule.finished(&"example.org", Finished::Failed, now);
/// assert!(schedule.poll(now).is_none());
/// let soon = schedule.poll_timeout().expect("a timer is set");
/// assert!(soon - now <= Duration::from_secs(5));
/// assert!(schedule.poll(soon).is_some());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Schedule<Z> {
    timers: Timers,
    slots: Slots,
    node: u64,
    /// Where in `zones` each zone is, by its name, which stands only there.
    places: HashTable<u32>,
    hasher: RandomState,
    zones: Vec<Option<Entry<Z>>>,
    free: Vec<usize>,
    heap: BinaryHeap<Reverse<(Instant, usize, u64)>>,
    line: Queues,
    lists: Lists,
    gates: HashMap<Gate, AtGate, RandomState>,
    /// Gates that may have room by now, and zones parked.
    awake: VecDeque<Gate>,
    /// Gates with zones parked for which too few slots were left in all.
    scarce: Vec<Gate>,
    /// Zones that got a slot at one primary and lacked one at another. One slot at each primary of the first of them is
    /// kept for it: else zones with several busy primaries might wait for ever.
    elders: VecDeque<Elder>,
    running: usize,
    /// Visits that ask nobody any more.
    settling: usize,
    /// Which zones have failed since one of their primaries was out of reach.
    failing: BTreeSet<(SocketAddr, usize)>,
    /// Tells tickets and timers of one time from those of another: never used twice.
    stamps: u64,
}

impl<Z: Clone + Eq + Hash> Schedule<Z> {
    /// An empty schedule. `node`: any number that other nodes with the same zones do not have.
    pub fn new(timers: Timers, slots: Slots, node: u64) -> Self {
        Self {
            timers,
            slots,
            node,
            places: HashTable::new(),
            hasher: RandomState::default(),
            zones: Vec::new(),
            free: Vec::new(),
            heap: BinaryHeap::new(),
            line: Queues::default(),
            lists: Lists::default(),
            gates: HashMap::default(),
            awake: VecDeque::new(),
            scarce: Vec::new(),
            elders: VecDeque::new(),
            running: 0,
            settling: 0,
            failing: BTreeSet::new(),
            stamps: 0,
        }
    }

    /// Keeps to other bounds and slots from now on. Timers that run go on as they are; visits under way keep their slots.
    pub fn set_bounds(&mut self, timers: Timers, slots: Slots) {
        (self.timers, self.slots) = (timers, slots);
        let gates: Vec<Gate> = self.gates.keys().copied().collect();
        for gate in gates {
            self.wake(gate); // it may have room by now
        }
    }

    /// Takes a zone in, or in anew with what is known of it now.
    pub fn insert(
        &mut self,
        zone: Z,
        name: Name<'_>,
        primaries: Vec<SocketAddr>,
        start: Start<'_>,
        now: Instant,
    ) {
        let mut entry = Entry {
            zone: zone.clone(),
            jitter: Jitter::new(name, self.node),
            primaries: self.lists.share(primaries),
            owner: None,
            retry: None,
            serial: None,
            next_check: None,
            expires: None,
            timer: 0,
            failures: 0,
            hint: None,
            state: State::Resting,
            begun: None,
            deferred: None,
            is_removed: false,
        };
        match start {
            Start::Never => entry.next_check = Some(now),
            Start::Held {
                soa,
                next_check,
                expires,
            } => {
                entry.retry = Some(self.timers.of(soa).retry);
                entry.serial = Some(soa.serial);
                entry.next_check = Some(next_check);
                entry.expires = expires;
            }
        }
        let known = self.place(&zone);
        let place = known.unwrap_or_else(|| self.free.pop().unwrap_or(self.zones.len()));
        if place == self.zones.len() {
            self.zones.push(None);
        }
        let Some(slot) = self.zones.get_mut(place) else {
            return;
        };
        let mut left = None;
        if let Some(before) = slot.take() {
            left = Some(before.primaries);
            // A visit that goes on holds its slots until it is finished; what it finds out may be about something else.
            if let State::Visited(mut visited) = before.state {
                visited.again = Some(Order::new(Reason::Bootstrap));
                entry.state = State::Visited(visited);
            }
        }
        *slot = Some(entry);
        if let Some(primaries) = left {
            self.is_fine(place, &primaries);
            self.lists.leave(primaries);
        }
        if known.is_none() {
            let Self {
                places,
                hasher,
                zones,
                ..
            } = self;
            let hash = |&place: &u32| match zones.get(place as usize) {
                Some(Some(entry)) => hasher.hash_one(&entry.zone),
                _ => 0, // none: every place in the table is taken
            };
            // There are fewer zones than that: each takes hundreds of octets.
            let place = u32::try_from(place).unwrap_or(u32::MAX);
            places.insert_unique(hash(&place), place, hash);
        }
        self.arm(place);
    }

    /// Lets a zone go. A visit that goes on must still be [`finished`](Self::finished).
    pub fn remove(&mut self, zone: &Z) -> bool {
        let Some(place) = self.place(zone) else {
            return false;
        };
        let Some(Some(entry)) = self.zones.get_mut(place) else {
            return false;
        };
        if entry.is_removed {
            return false;
        }
        if entry.is_visited() {
            entry.is_removed = true;
            entry.next_check = None;
            entry.expires = None;
        } else {
            self.forget(place);
        }
        true
    }

    /// Says whose a zone is, by a number: the zones of one owner leave some of [`Slots::all`] for those of others, however
    /// long their primaries keep them waiting. Those of nobody may take them all.
    pub fn set_owner(&mut self, zone: &Z, owner: Option<NonZeroU32>) -> bool {
        let entry = self.entry(zone);
        entry.map(|(_, entry)| entry.owner = owner).is_some()
    }

    /// Changes where a zone is taken from; it is checked there at once.
    pub fn set_primaries(&mut self, zone: &Z, primaries: Vec<SocketAddr>) -> bool {
        let primaries = self.lists.share(primaries);
        let Some((place, entry)) = self.entry(zone) else {
            self.lists.leave(primaries);
            return false;
        };
        let before = std::mem::replace(&mut entry.primaries, primaries);
        if matches!(entry.state, State::InLine { .. }) {
            entry.state = State::Resting; // it may be parked where it no longer belongs
        }
        self.is_fine(place, &before);
        self.lists.leave(before);
        self.enqueue(place, Order::new(Reason::Operator));
        true
    }

    /// An operator wants the zone checked now; with `force`, taken whole whatever its serial.
    pub fn order(&mut self, zone: &Z, force: bool) -> bool {
        let Some((place, _)) = self.entry(zone) else {
            return false;
        };
        let order = Order {
            force,
            ..Order::new(Reason::Operator)
        };
        self.enqueue(place, order);
        true
    }

    /// A NOTIFY came, from somebody who may send one, perhaps with the serial of the new version. However many come, the zone
    /// is visited for them once a second, the last time after the last of them.
    pub fn notify(&mut self, zone: &Z, from: Option<IpAddr>, hint: Option<Serial>) -> Notified {
        let Some((place, entry)) = self.entry(zone) else {
            return Notified::Unknown;
        };
        if let (Some(hint), Some(serial), Some(_)) = (hint, entry.serial, entry.expires)
            && !hint.is_newer_than(serial)
        {
            return Notified::Held;
        }
        if let Some(hint) = hint {
            let is_news = entry
                .hint
                .is_none_or(|(known, _)| hint.is_newer_than(known));
            if is_news {
                entry.hint = Some((hint, 0));
            }
        }
        let order = Order {
            notifier: from,
            ..Order::new(Reason::Notify)
        };
        if self.enqueue(place, order) {
            Notified::Queued
        } else {
            Notified::Coalesced
        }
    }

    /// The next thing to do, if there is one now and a slot is free for it. To be asked again until there is none.
    pub fn poll(&mut self, now: Instant) -> Option<Due<Z>> {
        while let Some(&Reverse((due, place, timer))) = self.heap.peek()
            && due <= now
        {
            self.heap.pop();
            if let Some(zone) = self.ring(place, timer, now) {
                return Some(Due::Expired(zone));
            }
        }
        while is_free(self.running, self.slots.all) && self.settling < SETTLING {
            let ticket = self.next_ticket()?;
            if let Some(due) = self.begin(ticket, now) {
                return Some(due);
            }
        }
        None
    }

    /// Where a zone stands.
    pub fn timing(&self, zone: &Z) -> Option<Timing> {
        let entry = self.zones.get(self.place(zone)?)?.as_ref()?;
        (!entry.is_removed).then(|| Timing {
            next_check: entry.next_check,
            expires: entry.expires,
            is_visited: entry.is_visited(),
            failures: entry.failures,
        })
    }

    /// How long after a version with this SOA has been taken its zone is checked again, if nobody says otherwise.
    pub fn refresh(&self, zone: &Z, soa: &SoaBuf) -> Option<Duration> {
        let entry = self.zones.get(self.place(zone)?)?.as_ref()?;
        Some(entry.jitter.shorten(self.timers.of(soa).refresh))
    }

    /// How many visits go on.
    pub fn visits(&self) -> usize {
        self.running + self.settling
    }

    /// How many zones there are.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Where in `zones` a zone is.
    fn place(&self, zone: &Z) -> Option<usize> {
        let is_it = |&place: &u32| matches!(self.zones.get(place as usize), Some(Some(entry)) if entry.zone == *zone);
        let place = self.places.find(self.hasher.hash_one(zone), is_it)?;
        Some(*place as usize)
    }

    fn entry(&mut self, zone: &Z) -> Option<(usize, &mut Entry<Z>)> {
        let place = self.place(zone)?;
        let entry = self.zones.get_mut(place)?.as_mut()?;
        (!entry.is_removed).then_some((place, entry))
    }

    fn stamp(&mut self) -> u64 {
        self.stamps += 1;
        self.stamps
    }

    fn forget(&mut self, place: usize) {
        if let Some(entry) = self.zones.get_mut(place).and_then(Option::take) {
            let hash = self.hasher.hash_one(&entry.zone);
            let is_it = |at: &u32| *at as usize == place;
            if let Ok(found) = self.places.find_entry(hash, is_it) {
                found.remove();
            }
            self.is_fine(place, &entry.primaries);
            self.lists.leave(entry.primaries);
            self.free.push(place);
        }
    }
}
