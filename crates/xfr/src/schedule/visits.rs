//! Visits that go on, and what becomes of their zones when they end.

use std::hash::Hash;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use zonekit_wire::SoaBuf;

use super::entry::{State, Visited};
use super::{Finished, Schedule};

impl<Z: Clone + Eq + Hash> Schedule<Z> {
    /// A visit that goes on has brought a version, and it is published: a NOTIFY that speaks of it is no news from here.
    pub fn took(&mut self, zone: &Z, soa: &SoaBuf, now: Instant) {
        let timers = self.timers;
        if let Some((place, entry)) = self.entry(zone)
            && entry.is_visited()
        {
            let had_failed = entry.failures > 0;
            entry.take(soa, None, &timers, now); // what the primary says of its expiry comes with the end of the visit
            if had_failed {
                let primaries = Arc::clone(&entry.primaries);
                self.is_fine(place, &primaries);
            }
            self.arm(place);
        }
    }

    /// A zone has not failed, or has these primaries no more.
    pub(super) fn is_fine(&mut self, place: usize, primaries: &[SocketAddr]) {
        for primary in primaries {
            self.failing.remove(&(*primary, place));
        }
    }

    /// A visit that goes on asks nobody any more: its slots are for others, while what it brought is being kept.
    pub fn settles(&mut self, zone: &Z) {
        let Some(place) = self.place(zone) else {
            return;
        };
        if let Some(Some(entry)) = self.zones.get_mut(place)
            && let State::Visited(visited) = &mut entry.state
            && !visited.is_settling
        {
            visited.is_settling = true;
            let at = std::mem::take(&mut visited.at);
            self.running = self.running.saturating_sub(1);
            self.settling += 1;
            self.give_back(at);
        }
    }

    /// A visit is over.
    pub fn finished(&mut self, zone: &Z, how: Finished<'_>, now: Instant) {
        let Some(place) = self.place(zone) else {
            return;
        };
        let timers = self.timers;
        let Some(Some(entry)) = self.zones.get_mut(place) else {
            return;
        };
        if !entry.is_visited() {
            return;
        }
        let State::Visited(visited) = std::mem::replace(&mut entry.state, State::Resting) else {
            return;
        };
        let Visited {
            at,
            is_settling,
            again,
        } = *visited;
        let is_removed = entry.is_removed;
        if !is_removed {
            let had_failed = entry.failures > 0;
            entry.finish(how, &timers, now);
            if entry.failures > 0 {
                let failing = entry.primaries.iter().map(|primary| (*primary, place));
                self.failing.extend(failing);
            } else if had_failed {
                let primaries = Arc::clone(&entry.primaries);
                self.is_fine(place, &primaries);
            }
        }
        let running = match is_settling {
            true => &mut self.settling,
            false => &mut self.running,
        };
        *running = running.saturating_sub(1);
        self.give_back(at);
        if is_removed {
            self.forget(place);
            return;
        }
        self.arm(place);
        if let Some(order) = again {
            self.enqueue(place, order);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use zonekit_wire::{NameBuf, Serial};

    use super::super::{Due, Slots, Start, Timers};
    use super::*;

    fn at(ports: &[u16]) -> Vec<SocketAddr> {
        let address = |port: &u16| ([192, 0, 2, 1], *port).into();
        ports.iter().map(address).collect()
    }

    #[test]
    fn who_fails_no_more_or_is_gone_is_not_kept_among_those_that_fail() {
        let name: NameBuf = "example.org".parse().unwrap();
        let soa = SoaBuf {
            mname: name.clone(),
            rname: name.clone(),
            serial: Serial(1),
            refresh: 3_600,
            retry: 600,
            expire: 86_400,
            minimum: 60,
        };
        let mut now = Instant::now();
        let mut schedule = Schedule::new(Timers::default(), Slots::default(), 1);
        schedule.insert((), name.as_name(), at(&[53, 54]), Start::Never, now);
        let mut visit = |schedule: &mut Schedule<()>, how: Finished<'_>, is_taken: bool| {
            now += Duration::from_secs(10);
            schedule.order(&(), false);
            assert!(matches!(schedule.poll(now), Some(Due::Visit { .. })));
            if is_taken {
                schedule.took(&(), &soa, now);
            }
            schedule.finished(&(), how, now);
            schedule.failing.len()
        };
        let taken = Finished::Taken {
            soa: &soa,
            expires: None,
        };
        assert_eq!(visit(&mut schedule, Finished::Failed, false), 2);
        assert_eq!(visit(&mut schedule, taken, false), 0);
        assert_eq!(visit(&mut schedule, Finished::Failed, false), 2);
        assert_eq!(visit(&mut schedule, taken, true), 0);
        assert_eq!(visit(&mut schedule, Finished::Failed, false), 2);
        schedule.set_primaries(&(), at(&[55]));
        assert_eq!(schedule.failing.len(), 0);
        assert_eq!(visit(&mut schedule, Finished::Failed, false), 1);
        let later = Instant::now();
        schedule.insert((), name.as_name(), at(&[56]), Start::Never, later);
        assert_eq!(schedule.failing.len(), 0);
        assert_eq!(visit(&mut schedule, Finished::Failed, false), 1);
        schedule.remove(&());
        assert_eq!(schedule.failing.len(), 0);
    }
}
