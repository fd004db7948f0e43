//! The timers: one for each zone, in one heap.

use std::cmp::Reverse;
use std::hash::Hash;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::entry::Order;
use super::{Reason, Schedule};

impl<Z: Clone + Eq + Hash> Schedule<Z> {
    /// A zone that rests is to be checked by then, whatever its timers say.
    pub fn check_by(&mut self, zone: &Z, by: Instant) {
        if let Some((place, entry)) = self.entry(zone)
            && let Some(check) = &mut entry.next_check
            && by < *check
        {
            *check = by;
            self.arm(place);
        }
    }

    /// A primary is back that was out of reach: its zones that have failed since are due soon, spread over five seconds.
    pub fn hasten(&mut self, primary: SocketAddr, now: Instant) {
        const SPREAD: Duration = Duration::from_secs(5);
        let range = (primary, 0)..=(primary, usize::MAX);
        let failing: Vec<_> = self.failing.range(range).copied().collect();
        for zone @ (_, place) in failing {
            self.failing.remove(&zone);
            if let Some(Some(entry)) = self.zones.get_mut(place)
                && entry.failures > 0
                && entry.primaries.contains(&primary)
                && let Some(check) = &mut entry.next_check
            {
                let soon = now + entry.jitter.share_of(SPREAD);
                if soon < *check {
                    *check = soon;
                    self.arm(place);
                }
            }
        }
    }

    /// When the next timer runs out.
    pub fn poll_timeout(&mut self) -> Option<Instant> {
        while let Some(&Reverse((due, place, timer))) = self.heap.peek() {
            if matches!(self.zones.get(place), Some(Some(entry)) if entry.timer == timer) {
                return Some(due);
            }
            self.heap.pop();
        }
        None
    }

    /// Sets the one timer of a zone to what comes first.
    pub(super) fn arm(&mut self, place: usize) {
        let timer = self.stamp();
        let Some(Some(entry)) = self.zones.get_mut(place) else {
            return;
        };
        entry.timer = timer;
        let Some(due) = entry.next_check.into_iter().chain(entry.expires).min() else {
            return;
        };
        self.heap.push(Reverse((due, place, timer)));
        if self.heap.len() > 64 + self.zones.len() + self.zones.len() / 4 {
            let zones = &self.zones;
            self.heap
                .retain(|Reverse((_, place, timer))| matches!(zones.get(*place), Some(Some(entry)) if entry.timer == *timer));
        }
    }

    /// A timer ran out. Returns the zone if it has expired by that.
    pub(super) fn ring(&mut self, place: usize, timer: u64, now: Instant) -> Option<Z> {
        let entry = self.zones.get_mut(place)?.as_mut()?;
        if entry.timer != timer {
            return None;
        }
        let mut expired = None;
        if entry.expires.is_some_and(|expires| expires <= now) {
            entry.expires = None;
            expired = Some(entry.zone.clone());
        }
        let is_due = entry.next_check.is_some_and(|check| check <= now);
        let reason = match entry.serial {
            Some(_) => Reason::Refresh,
            None => Reason::Bootstrap,
        };
        if is_due {
            entry.next_check = None;
            let order = entry.deferred.take();
            self.enqueue(place, order.map_or(Order::new(reason), |order| *order));
        }
        self.arm(place);
        expired
    }
}
