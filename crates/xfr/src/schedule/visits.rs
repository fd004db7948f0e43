//! Visits that go on, and what becomes of their zones when they end.

use std::hash::Hash;
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
            entry.take(soa, None, &timers, now); // what the primary says of its expiry comes with the end of the visit
            self.arm(place);
        }
    }

    /// A visit that goes on asks nobody any more: its slots are for others, while what it brought is being kept.
    pub fn settles(&mut self, zone: &Z) {
        let Some(&place) = self.places.get(zone) else {
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
            for primary in at {
                self.give_back(primary);
            }
        }
    }

    /// A visit is over.
    pub fn finished(&mut self, zone: &Z, how: Finished<'_>, now: Instant) {
        let Some(&place) = self.places.get(zone) else {
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
            entry.finish(how, &timers, now);
            if entry.failures > 0 {
                let failing = entry.primaries.iter().map(|primary| (*primary, place));
                self.failing.extend(failing);
            }
        }
        let running = match is_settling {
            true => &mut self.settling,
            false => &mut self.running,
        };
        *running = running.saturating_sub(1);
        for primary in at {
            self.give_back(primary);
        }
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
