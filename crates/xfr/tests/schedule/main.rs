//! The schedule of all zones under a made-up clock.

#[path = "../common/mod.rs"]
mod common;
mod expiry;
mod notifies;
mod slots;
mod timers;
mod turns;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use common::soa_buf;
use zonekit_wire::{NameBuf, SoaBuf};
use zonekit_xfr::{Due, Finished, Schedule, Slots, Start, Timers};

const SECOND: Duration = Duration::from_secs(1);

/// A schedule with a clock.
struct Clock {
    schedule: Schedule<usize>,
    start: Instant,
    now: Instant,
}

impl Clock {
    fn new(slots: Slots) -> Self {
        let start = Instant::now();
        Self {
            schedule: Schedule::new(Timers::default(), slots, 42),
            start,
            now: start,
        }
    }

    fn insert(&mut self, zone: usize, primaries: &[usize], start: Start<'_>) {
        let primaries = primaries.iter().map(|number| primary(*number)).collect();
        self.schedule
            .insert(zone, name(zone).as_name(), primaries, start, self.now);
    }

    fn insert_held(&mut self, zone: usize, primaries: &[usize]) {
        let soa = soa_buf(1);
        let start = Start::Held {
            soa: &soa,
            next_check: self.now + SECOND * 1000,
            expires: Some(self.now + SECOND * 86_400),
        };
        self.insert(zone, primaries, start);
    }

    fn current(&mut self, zone: usize, soa: &SoaBuf) {
        self.schedule
            .finished(&zone, Finished::Current { soa, expires: None }, self.now);
    }

    fn failed(&mut self, zone: usize) {
        self.schedule.finished(&zone, Finished::Failed, self.now);
    }

    /// All that is due now.
    fn due(&mut self) -> Vec<Due<usize>> {
        std::iter::from_fn(|| self.schedule.poll(self.now)).collect()
    }

    /// The zones that are to be visited now, in order.
    fn visits(&mut self) -> Vec<usize> {
        let due = self.due().into_iter();
        let zones = due.filter_map(|due| match due {
            Due::Visit { zone, .. } => Some(zone),
            Due::Expired(_) => None,
        });
        zones.collect()
    }

    /// Goes on to the next timer; how long that took.
    fn wait(&mut self) -> Duration {
        let before = self.now;
        self.now = self.schedule.poll_timeout().expect("a timer");
        self.now - before
    }
}

fn name(zone: usize) -> NameBuf {
    format!("zone{zone}.example").parse().unwrap()
}

fn primary(number: usize) -> SocketAddr {
    format!("192.0.2.{number}:53").parse().unwrap()
}

/// At least nine tenths of it.
fn about(wait: Duration, whole: Duration) -> bool {
    wait <= whole && wait >= whole / 10 * 9
}

fn one() -> Clock {
    let mut clock = Clock::new(Slots::default());
    clock.insert_held(0, &[1]);
    clock
}
