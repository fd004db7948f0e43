//! Random changes, failures, crashes and restarts against a plain model: nothing acknowledged is lost.
//!
//! Tests make a hundred thousand operations; `ZONEKIT_STORE_OPERATIONS` says another number:
//!
//! ```sh
//! ZONEKIT_STORE_OPERATIONS=10000000 cargo test --release -p zonekit-store --test crashes
//! ```

mod support;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use support::*;
use zonekit_store::{
    Batch, Checks, Content, Diff, Publication, Standing, Store, StoreError, Timers, Zone,
    ZoneBuilder, ZoneLimits, ZonePatch,
};
use zonekit_wire::{Class, Name, NameBuf, Record, Rtype, Serial, Soa};

/// Zones and settings go by small numbers. The records of the last zone are so long that it has many pages.
const ZONES: u8 = 5;
const KEYS: u8 = 3;

/// Hosts and what is said of each.
type Hosts = BTreeMap<u8, u8>;

/// Whether there is a zone, whether it has contents, and which.
type ZoneState = Option<Option<Arc<(u32, Hosts)>>>;

/// How a zone stands and when it is looked after next.
type Noted = (Standing, Timers);

/// What somebody does to a zone or a setting in a commit.
#[derive(Clone, Debug)]
enum Change {
    Create(u8),
    Remove(u8),
    /// Another zone of the same name.
    Reset(u8),
    Replace(u8, Hosts),
    /// Whole as well, but the history goes on if there is one.
    Next(u8, Hosts),
    /// To a version that is given whole, with the difference between the two.
    Patch(u8, Hosts),
    /// Through these versions, as an IXFR of several steps.
    Steps(u8, Vec<Hosts>),
    Stand(u8, Noted),
    Put(u8, Option<Vec<u8>>),
}

/// What happens to a store.
#[derive(Clone, Debug)]
enum Op {
    /// Changes that are made together.
    Commit(Vec<Change>),
    /// Noted at once, and kept with the next commit of anything.
    Note(u8, Noted),
    /// Operations of the disk fail from so many on, until healed; the first of them may be made all the same.
    FailAfter(u64, bool),
    Heal,
    Restart,
    /// The power goes; the numbers choose what of the unsynced octets has reached the disk.
    Crash(Draw),
}

/// Numbers drawn from one number, always the same ones.
#[derive(Clone, Debug)]
struct Draw(u64);

impl Draw {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ mixed >> 31
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn op(&mut self) -> Op {
        match self.below(100) {
            0..80 => {
                let count = 1 + self.below(12);
                Op::Commit((0..count).map(|_| self.change()).collect())
            }
            80..88 => Op::Note(self.zone(), self.noted()),
            88..92 => Op::FailAfter(self.below(40), self.below(2) == 0),
            92..95 => Op::Heal,
            95..97 => Op::Restart,
            _ => Op::Crash(self.clone()),
        }
    }

    fn change(&mut self) -> Change {
        let zone = self.zone();
        match self.below(25) {
            0..3 => Change::Create(zone),
            3 => Change::Remove(zone),
            4..6 => Change::Replace(zone, self.hosts()),
            6..8 => Change::Next(zone, self.hosts()),
            8..12 => Change::Patch(zone, self.hosts()),
            12..18 => {
                let steps = 1 + self.below(3);
                Change::Steps(zone, (0..steps).map(|_| self.hosts()).collect())
            }
            18..20 => Change::Stand(zone, self.noted()),
            20 => Change::Reset(zone),
            _ => {
                let value = (self.below(3) > 0).then(|| vec![self.next() as u8; 30]);
                Change::Put(self.below(KEYS.into()) as u8, value)
            }
        }
    }

    fn zone(&mut self) -> u8 {
        self.below(ZONES.into()) as u8
    }

    fn hosts(&mut self) -> Hosts {
        let count = self.below(10);
        (0..count)
            .map(|_| (self.below(40) as u8, self.below(3) as u8))
            .collect()
    }

    fn noted(&mut self) -> Noted {
        let until = self.below(9);
        let standing = [
            Standing::Current,
            Standing::Stale { until },
            Standing::Expired,
        ][self.below(3) as usize];
        let timers = Timers {
            next_check: self.below(1_000),
            expires_at: until,
            failures: self.below(4) as u32,
        };
        (standing, timers)
    }
}

/// Everything that a commit changes.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
struct World {
    zones: BTreeMap<u8, ZoneState>,
    settings: BTreeMap<u8, Option<Vec<u8>>>,
}

/// A store and what is known of it.
struct Model {
    disk: FaultyDisk,
    store: Option<Store>,
    open: fn(&FaultyDisk) -> Store,
    /// What has been acknowledged, and is seen.
    world: World,
    /// What attempts that failed since would have made of it: the file may have that all the same.
    attempts: Vec<World>,
    noted: BTreeMap<u8, Noted>,
    /// What the file may have of that.
    kept: BTreeMap<u8, Vec<Noted>>,
    serial: u32,
    operations: u64,
}

impl Model {
    fn new(open: fn(&FaultyDisk) -> Store) -> Self {
        let disk = FaultyDisk::default();
        let store = Some(open(&disk));
        let world = World {
            zones: (0..ZONES).map(|zone| (zone, None)).collect(),
            settings: (0..KEYS).map(|key| (key, None)).collect(),
        };
        Self {
            disk,
            store,
            open,
            world,
            attempts: Vec::new(),
            noted: BTreeMap::new(),
            kept: BTreeMap::new(),
            serial: 0,
            operations: 0,
        }
    }

    fn store(&self) -> &Store {
        self.store.as_ref().unwrap()
    }

    fn step(&mut self, op: Op) {
        self.operations += 1;
        match op {
            Op::Commit(changes) => self.commit(changes),
            Op::Note(number, (standing, timers)) => {
                let apex = apex(number);
                let standing = self.standing(number, standing);
                let result = self.store().set_standing(apex.as_name(), standing);
                let result = result.and(self.store().note_timers(apex.as_name(), timers));
                assert_eq!(result.is_ok(), self.world.zones[&number].is_some());
                if result.is_ok() {
                    self.note(number, (standing, timers));
                }
            }
            Op::FailAfter(operations, late) if late => self.disk.fail_late_after(operations),
            Op::FailAfter(operations, _) => self.disk.fail_after(operations),
            Op::Heal => self.disk.heal(),
            Op::Restart => {
                self.disk.heal();
                self.store = None;
                if self.disk.has_lost() {
                    self.disk = self.disk.after_crash(|_| 0);
                }
                self.reopen();
            }
            Op::Crash(mut draw) => {
                let crashed = self.disk.after_crash(|most| match draw.below(4) {
                    0 => 0,
                    1 => most,
                    _ => draw.below(most as u64 + 1) as usize,
                });
                self.disk.fail_after(0); // the old process is gone
                self.store = None;
                self.disk = crashed;
                self.reopen();
            }
        }
    }

    /// Makes changes together, of those to one zone the first, in a form that makes sense for what is there.
    fn commit(&mut self, changes: Vec<Change>) {
        let mut world = self.world.clone();
        let mut noted = BTreeMap::new();
        let mut batch = Batch::new();
        let mut named = [false; ZONES as usize];
        for change in changes {
            if let Change::Put(key, value) = &change {
                match value {
                    Some(value) => batch.put(format!("key{key}"), value.clone()),
                    None => batch.remove(format!("key{key}")),
                };
                world.settings.insert(*key, value.clone());
                self.operations += 1;
                continue;
            }
            let (Change::Create(number)
            | Change::Remove(number)
            | Change::Reset(number)
            | Change::Replace(number, _)
            | Change::Next(number, _)
            | Change::Patch(number, _)
            | Change::Steps(number, _)
            | Change::Stand(number, _)) = change
            else {
                continue;
            };
            if std::mem::replace(&mut named[usize::from(number)], true) {
                continue;
            }
            self.operations += 1;
            let apex = apex(number);
            let held = self.store().zone(apex.as_name());
            assert_eq!(held.is_some(), world.zones[&number].is_some());
            let Some(held) = held else {
                // Whatever was to be done, the zone has to be there first.
                batch.create_zone(apex.as_name(), Timers::default());
                world.zones.insert(number, Some(None));
                noted.insert(number, (Standing::NeverLoaded, Timers::default()));
                continue;
            };
            let content = match (change, &held.zone) {
                (Change::Remove(_), _) => {
                    batch.remove_zone(apex.as_name());
                    world.zones.insert(number, None);
                    continue;
                }
                (Change::Reset(_), _) => {
                    let noted_then = (Standing::NeverLoaded, Timers::default());
                    batch.reset_zone(apex.as_name(), noted_then.1);
                    world.zones.insert(number, Some(None));
                    noted.insert(number, noted_then);
                    continue;
                }
                (Change::Stand(_, (standing, timers)), _) => {
                    let standing = self.standing(number, standing);
                    batch.set_timers(apex.as_name(), timers, Some(standing));
                    noted.insert(number, (standing, timers));
                    continue;
                }
                (Change::Patch(_, hosts), Some(old)) => {
                    let zone = self.build(number, &hosts);
                    let diff = Diff::between(old, &zone);
                    (hosts, Content::Patch { zone, diff })
                }
                (Change::Steps(_, versions), Some(old)) => {
                    let Some(Some(content)) = &self.world.zones[&number] else {
                        panic!("zone {number} has contents");
                    };
                    let content = Arc::clone(content);
                    self.operations += versions.len() as u64 - 1;
                    let last = versions.last().cloned().unwrap_or_default();
                    (last, self.patch(number, old, &content.1, versions))
                }
                (Change::Next(_, hosts), _) => {
                    let zone = self.build(number, &hosts);
                    (hosts, Content::Next(zone))
                }
                (Change::Patch(_, hosts) | Change::Replace(_, hosts), _) => {
                    let zone = self.build(number, &hosts);
                    (hosts, Content::Replace(zone))
                }
                (Change::Steps(_, versions), None) => {
                    let hosts = versions.into_iter().next().unwrap_or_default();
                    let zone = self.build(number, &hosts);
                    (hosts, Content::Replace(zone))
                }
                (Change::Create(_) | Change::Put(..), _) => continue,
            };
            let (hosts, content) = content;
            batch.publish(Publication {
                zone: apex,
                expected: held.generation,
                content,
                timers: None,
            });
            world
                .zones
                .insert(number, Some(Some(Arc::new((self.serial, hosts)))));
            let timers = self.noted[&number].1;
            noted.insert(number, (Standing::Current, timers));
        }
        let result = self.store().commit(batch);
        match result {
            Ok(()) => {
                for (number, state) in &world.zones {
                    if state.is_none() {
                        self.noted.remove(number);
                    }
                }
                self.noted.extend(noted);
                self.kept = { self.noted.iter() }
                    .map(|(number, noted)| (*number, vec![*noted]))
                    .collect();
                self.attempts.clear();
                self.world = world;
            }
            Err(StoreError::Storage(failure)) => {
                assert_eq!(failure.needs_restart(), self.disk.has_lost());
                self.attempts.push(world);
                for (number, noted) in noted {
                    self.kept.entry(number).or_default().push(noted);
                }
            }
            Err(error) => panic!("{error}"),
        }
        self.check();
    }

    /// How a zone may stand: one without contents has never been loaded.
    fn standing(&self, number: u8, standing: Standing) -> Standing {
        match self.world.zones[&number] {
            Some(Some(_)) => standing,
            _ => Standing::NeverLoaded,
        }
    }

    fn note(&mut self, number: u8, noted: Noted) {
        self.noted.insert(number, noted);
        self.kept.entry(number).or_default().push(noted);
    }

    /// A version of these records, with the next serial.
    fn build(&mut self, number: u8, hosts: &Hosts) -> Zone {
        self.serial += 1;
        let apex = apex(number);
        let limits = ZoneLimits::default();
        let mut builder = ZoneBuilder::new(apex.as_name(), limits, Checks::Strict);
        let soa = soa_rdata(self.serial);
        builder
            .begin(&record(apex.as_name(), Rtype::SOA, &soa))
            .unwrap();
        builder
            .add(&record(apex.as_name(), Rtype::NS, b"\x02ns\0"))
            .unwrap();
        for (host, value) in hosts {
            let owner = owner(&apex, *host);
            let rdata = host_rdata(number, *value);
            builder
                .add(&record(owner.as_name(), Rtype(65_280), &rdata))
                .unwrap();
        }
        builder.finish().unwrap().0
    }

    /// The version held, through `versions`, each a step with the next serial.
    fn patch(&mut self, number: u8, old: &Zone, hosts: &Hosts, versions: Vec<Hosts>) -> Content {
        let apex = apex(number);
        let mut patch = ZonePatch::new(old, ZoneLimits::default(), Checks::Strict);
        let (mut from, mut serial) = (hosts.clone(), old.serial().0);
        for to in versions {
            let soa = soa_rdata(serial);
            patch
                .step(&record(apex.as_name(), Rtype::SOA, &soa))
                .unwrap();
            for (host, value) in from
                .iter()
                .filter(|(host, value)| to.get(host) != Some(value))
            {
                let (owner, rdata) = (owner(&apex, *host), host_rdata(number, *value));
                patch
                    .remove(&record(owner.as_name(), Rtype(65_280), &rdata))
                    .unwrap();
            }
            self.serial += 1;
            serial = self.serial;
            let soa = soa_rdata(serial);
            patch
                .reach(&record(apex.as_name(), Rtype::SOA, &soa))
                .unwrap();
            for (host, value) in to
                .iter()
                .filter(|(host, value)| from.get(host) != Some(value))
            {
                let (owner, rdata) = (owner(&apex, *host), host_rdata(number, *value));
                patch
                    .add(&record(owner.as_name(), Rtype(65_280), &rdata))
                    .unwrap();
            }
            from = to;
        }
        let (zone, diff, _) = patch.finish().unwrap();
        Content::Patch { zone, diff }
    }

    /// Opens what is on the disk: it is as acknowledged or as one attempt since would have made it, whole; then that is
    /// what is known.
    fn reopen(&mut self) {
        self.store = Some((self.open)(&self.disk));
        let store = self.store();
        assert!(store.damage().is_empty(), "{:?}", store.damage());
        let found = self.found();
        let is_known = found == self.world || self.attempts.contains(&found);
        assert!(
            is_known,
            "{found:?}\n is neither {:?}\n nor one of {:?}",
            self.world, self.attempts
        );
        self.world = found;
        self.attempts.clear();
        let mut noted = BTreeMap::new();
        for number in (0..ZONES).filter(|number| self.world.zones[number].is_some()) {
            let found = self.found_noted(number);
            let kept = &self.kept[&number];
            assert!(
                kept.contains(&found),
                "zone {number}: {found:?}, not one of {kept:?}"
            );
            noted.insert(number, found);
        }
        self.kept = { noted.iter() }
            .map(|(number, noted)| (*number, vec![*noted]))
            .collect();
        self.noted = noted;
        self.check();
    }

    /// What readers see is what has been acknowledged last.
    fn check(&self) {
        for (number, state) in &self.world.zones {
            assert_eq!(&self.zone(*number), state, "zone {number}");
            if state.is_some() {
                assert_eq!(
                    self.found_noted(*number),
                    self.noted[number],
                    "zone {number}"
                );
            }
        }
        assert_eq!(self.store().zone_count(), self.noted.len());
    }

    fn found(&self) -> World {
        let setting = |key| self.store().setting(&format!("key{key}")).unwrap();
        World {
            zones: (0..ZONES).map(|zone| (zone, self.zone(zone))).collect(),
            settings: (0..KEYS).map(|key| (key, setting(key))).collect(),
        }
    }

    fn found_noted(&self, number: u8) -> Noted {
        let apex = apex(number);
        let held = self.store().zone(apex.as_name()).unwrap();
        (held.standing, self.store().timers(apex.as_name()).unwrap())
    }

    /// A zone as readers see it.
    fn zone(&self, number: u8) -> ZoneState {
        let apex = apex(number);
        let held = self.store().zone(apex.as_name())?;
        let Some(zone) = &held.zone else {
            return Some(None);
        };
        let mut hosts = Hosts::new();
        let mut records = zone.iter();
        let mut others = 0;
        while let Some(record) = records.next() {
            if record.rtype != Rtype(65_280) {
                others += 1;
                continue;
            }
            let [1, host, rest @ ..] = record.owner.as_octets() else {
                panic!("{}", record.owner);
            };
            assert_eq!(rest, apex.as_name().as_octets());
            let value = record.rdata[0];
            assert_eq!(record.rdata, host_rdata(number, value));
            assert_eq!(hosts.insert(*host, value), None);
        }
        assert_eq!(others, 2, "SOA and NS");
        assert_eq!(zone.record_count(), 2 + hosts.len() as u64);
        Some(Some(Arc::new((zone.serial().0, hosts))))
    }
}

fn owner(apex: &NameBuf, host: u8) -> NameBuf {
    let mut owner = apex.clone();
    owner.prepend_label(&[host]).unwrap();
    owner
}

fn host_rdata(zone: u8, value: u8) -> Vec<u8> {
    vec![value; if zone == ZONES - 1 { 1_500 } else { 4 }]
}

fn soa_rdata(serial: u32) -> Vec<u8> {
    let mut rdata = Vec::new();
    let soa = Soa {
        mname: Name::ROOT,
        rname: Name::ROOT,
        serial: Serial(serial),
        refresh: 3600,
        retry: 600,
        expire: 86_400,
        minimum: 300,
    };
    soa.write(&mut rdata);
    rdata
}

fn record<'r>(owner: Name<'r>, rtype: Rtype, rdata: &'r [u8]) -> Record<'r> {
    Record {
        owner,
        rtype,
        class: Class::IN,
        ttl: 3600,
        rdata,
    }
}

/// Whatever is done and whenever the disk fails or the power goes: readers see what was acknowledged last, and after a
/// restart there is that or what was being written, all of it.
#[test]
fn nothing_acknowledged_is_lost() {
    let wanted = std::env::var("ZONEKIT_STORE_OPERATIONS").map_or(100_000, |number| {
        number.parse().expect("ZONEKIT_STORE_OPERATIONS: a number")
    });
    let made = Cell::new(0);
    let config = ProptestConfig {
        cases: 10,
        max_shrink_iters: 10_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    while made.get() < wanted {
        let mut runner = TestRunner::new(config.clone()); // one makes its cases once
        let strategy = (0..3_u8, prop::collection::vec(any::<u64>(), 1..600));
        let result = runner.run(&strategy, |(opening, words)| {
            let mut model = Model::new(match opening {
                0 => open_small,
                1 => open_in_pieces,
                _ => open_in_portions,
            });
            for word in words {
                model.step(Draw(word).op());
            }
            model.step(Op::Restart);
            made.set(made.get() + model.operations);
            Ok(())
        });
        if let Err(error) = result {
            panic!("{error}");
        }
    }
    println!("{} operations", made.get());
}
