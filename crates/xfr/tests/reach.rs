//! Primaries that are down, shared by all of their zones, under a made-up clock.

mod common;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use common::{Copy, Door, HELD, Host, World, primaries, soa_buf, zone};
use zonekit_wire::NameBuf;
use zonekit_xfr::{
    Due, ErrorKind, Exchange, Finished, Noted, Outcome, Reach, Report, Schedule, Slots, Start,
    Timers, Visit,
};

const SECOND: Duration = Duration::from_secs(1);
const DOWN: &str = "192.0.2.1:53";
const UP: &str = "192.0.2.2:53";

/// Many zones and their primaries; a visit of one that is down takes two seconds, of others a tenth of one.
struct Zones {
    schedule: Schedule<usize>,
    reach: Reach<usize>,
    primaries: Vec<SocketAddr>,
    is_down: bool,
    start: Instant,
    now: Instant,
    /// Visits under way by their end: the zone, which of its primaries it asks.
    visits: BTreeMap<(Instant, usize), Vec<SocketAddr>>,
    asked_down: usize,
    good: Vec<Option<Instant>>,
}

impl Zones {
    fn new(count: usize, primaries: &[&str]) -> Self {
        let start = Instant::now();
        let mut schedule = Schedule::new(Timers::default(), Slots::default(), 42);
        let primaries: Vec<SocketAddr> = { primaries.iter() }
            .map(|address| address.parse().unwrap())
            .collect();
        for zone in 0..count {
            let name: NameBuf = format!("zone{zone}.example").parse().unwrap();
            schedule.insert(zone, name.as_name(), primaries.clone(), Start::Never, start);
        }
        Self {
            schedule,
            reach: Reach::default(),
            primaries,
            is_down: true,
            start,
            now: start,
            visits: BTreeMap::new(),
            asked_down: 0,
            good: vec![None; count],
        }
    }

    fn is_dead(&self, primary: SocketAddr) -> bool {
        self.is_down && primary.to_string() == DOWN
    }

    /// Goes on until then.
    fn run(&mut self, until: Duration) {
        let end = self.start + until;
        loop {
            while let Some(due) = self.schedule.poll(self.now) {
                if let Due::Visit { zone, .. } = due {
                    self.begin(zone);
                }
            }
            let visit = self.visits.keys().next().map(|(time, _)| *time);
            let next = visit.into_iter().chain(self.schedule.poll_timeout()).min();
            let Some(next) = next.filter(|next| *next < end) else {
                self.now = end;
                return;
            };
            self.now = next.max(self.now);
            while let Some(entry) = self.visits.first_entry()
                && entry.key().0 <= self.now
            {
                let ((_, zone), asked) = entry.remove_entry();
                self.finish(zone, &asked);
            }
        }
    }

    fn begin(&mut self, zone: usize) {
        let mut asked = self.primaries.clone();
        asked.retain(|primary| self.reach.may_ask(&zone, *primary, self.now));
        let dead = asked
            .iter()
            .filter(|primary| self.is_dead(**primary))
            .count();
        self.asked_down += dead;
        let takes = if dead > 0 { SECOND * 2 } else { SECOND / 10 };
        self.visits.insert((self.now + takes, zone), asked);
    }

    fn finish(&mut self, zone: usize, asked: &[SocketAddr]) {
        let mut noted = Vec::new();
        for primary in asked {
            let is_reached = !self.is_dead(*primary);
            noted.push((
                *primary,
                self.reach.note(&zone, *primary, is_reached, self.now),
            ));
        }
        let soa = soa_buf(1);
        let is_good = asked.iter().any(|primary| !self.is_dead(*primary));
        let how = match is_good {
            true => Finished::Taken {
                soa: &soa,
                expires: None,
            },
            false => Finished::Failed,
        };
        if is_good {
            self.good[zone].get_or_insert(self.now);
        }
        self.schedule.finished(&zone, how, self.now);
        for (primary, noted) in noted {
            match noted {
                Noted::Nothing => {}
                Noted::AskAgain(by) => self.schedule.check_by(&zone, by),
                Noted::Back => self.schedule.hasten(primary, self.now),
            }
        }
    }
}

#[test]
fn three_hundred_zones_ask_a_primary_that_is_down_a_few_times_and_are_current_by_the_other() {
    let mut zones = Zones::new(300, &[DOWN, UP]);
    zones.run(SECOND * 10);
    assert!(zones.good.iter().all(Option::is_some));
    // Those that began before the first of them had found out.
    assert_eq!(zones.asked_down, 20);
}

#[test]
fn a_primary_that_is_back_has_all_of_its_zones_visited_soon_and_not_at_once() {
    let mut zones = Zones::new(1000, &[DOWN]);
    zones.run(SECOND * 3600);
    assert!(zones.good.iter().all(Option::is_none));
    // Those that began before the first of them had found out; then one of a thousand, now and then.
    let asked = zones.asked_down - 20;
    assert!((12..=36).contains(&asked), "{asked}");

    zones.is_down = false;
    let back = zones.now;
    zones.run(SECOND * 3600 + SECOND * 310);
    let mut good: Vec<Instant> = zones.good.iter().map(|good| good.unwrap()).collect();
    good.sort_unstable();
    assert!(good[0] <= back + SECOND * 301);
    let took = good[999] - good[0];
    assert!((SECOND * 4..SECOND * 7).contains(&took), "{took:?}");
}

#[test]
fn a_zone_that_is_alone_with_its_primary_asks_as_its_timers_say() {
    let mut zones = Zones::new(1, &[DOWN]);
    zones.run(SECOND * 50);
    // At once, and after 5, 10, 20 seconds, as without all this.
    assert_eq!(zones.asked_down, 4);
    // And not an hour later for having failed for an hour.
    zones.run(SECOND * 7200);
    let before = zones.asked_down;
    zones.run(SECOND * 7200 * 2);
    assert!((24..=26).contains(&(zones.asked_down - before)));
}

fn visit(hosts: &[Host], out_of_reach: &[usize]) -> (Report, World) {
    let visit = Visit {
        held: Some(soa_buf(1)),
        held_records: 5,
        out_of_reach: out_of_reach.to_vec(),
        ..Visit::new(zone(), primaries(hosts.len()))
    };
    let mut world = World::new(hosts);
    let mut exchange = Exchange::new(visit, world.now, 1_700_000_000, 1);
    let report = world.run(&mut exchange, &mut Copy::of(1, &HELD));
    (report, world)
}

#[test]
fn a_primary_that_is_out_of_reach_is_not_asked_and_costs_no_time() {
    let hosts = [Host::silent(), Host::new(1)];
    let (report, world) = visit(&hosts, &[0]);
    assert_eq!(report.outcome, Outcome::UpToDate);
    assert_eq!(hosts[0].story(), "");
    assert!(world.elapsed() < SECOND / 10);
    let error = report.primaries[0].error.as_ref().unwrap();
    assert_eq!(error.kind(), ErrorKind::Unreachable);
    assert_eq!(report.primaries[0].is_reached, None);

    let (report, world) = visit(&hosts, &[0, 1]);
    assert_eq!(
        (report.outcome, world.elapsed()),
        (Outcome::Failed, Duration::ZERO)
    );
}

#[test]
fn what_a_visit_finds_out_about_reach_is_told() {
    let reached = |host: Host| visit(&[host, Host::new(1)], &[]).0.primaries[0].is_reached;
    assert_eq!(reached(Host::new(1)), Some(true));
    assert_eq!(reached(Host::new(1).without_udp()), Some(true));
    assert_eq!(reached(Host::silent()), Some(false));
    assert_eq!(reached(Host::silent().door(Door::Silent)), Some(false));
    assert_eq!(reached(Host::new(1).door(Door::Refuses)), Some(false));
    let refuses = Host::silent().udp(zonekit_wire::Rtype::SOA, |request| {
        let refused = common::failure(request, zonekit_wire::Rcode::REFUSED);
        vec![common::Act::Say(refused)]
    });
    assert_eq!(reached(refuses), Some(true));
}
