//! What the schedule knows of one zone.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use zonekit_wire::{Serial, SoaBuf};

use super::timers::{Jitter, Timers, ZoneTimers};
use super::{Finished, Reason};

/// Checks for a version that a NOTIFY spoke of and the primary does not have yet, before it is let rest.
const HINT_CHECKS: u32 = 3;

#[derive(Debug)]
pub(super) struct Entry<Z> {
    pub(super) zone: Z,
    pub(super) jitter: Jitter,
    pub(super) primaries: Vec<SocketAddr>,
    /// Those of the SOA held; none if nothing is.
    pub(super) timers: Option<ZoneTimers>,
    pub(super) serial: Option<Serial>,
    pub(super) next_check: Option<Instant>,
    pub(super) expires: Option<Instant>,
    /// The stamp of the timer that counts.
    pub(super) timer: u64,
    pub(super) failures: u32,
    /// The newest serial that a NOTIFY spoke of, and how often it was looked for in vain.
    pub(super) hint: Option<(Serial, u32)>,
    pub(super) state: State,
    pub(super) is_removed: bool,
}

impl<Z> Entry<Z> {
    pub(super) fn is_visited(&self) -> bool {
        matches!(self.state, State::Visited { .. })
    }

    pub(super) fn finish(&mut self, how: Finished<'_>, bounds: &Timers, now: Instant) {
        let wait = match how {
            Finished::Current { soa, expire } => {
                let timers = self.confirm(soa, expire, bounds, now);
                self.jitter.shorten(timers.refresh)
            }
            Finished::Confirmed { soa } => {
                let timers = self.confirm(soa, None, bounds, now);
                self.jitter.shorten(timers.retry.min(timers.refresh))
            }
            Finished::Failed => {
                self.failures = self.failures.saturating_add(1);
                match self.timers {
                    Some(timers) => self.jitter.shorten(timers.retry),
                    None => self.jitter.back_off(self.failures),
                }
            }
        };
        self.next_check = Some(now + self.hinted().map_or(wait, |hinted| hinted.min(wait)));
    }

    /// What is held is as good as new, with these timers.
    pub(super) fn confirm(
        &mut self,
        soa: &SoaBuf,
        expire: Option<u32>,
        bounds: &Timers,
        now: Instant,
    ) -> ZoneTimers {
        let timers = bounds.of(soa);
        let good = expire.map_or(timers.expire, |seconds| {
            Duration::from_secs(seconds.into()).min(timers.expire)
        });
        self.timers = Some(timers);
        self.serial = Some(soa.serial);
        self.expires = Some(now + good);
        self.failures = 0;
        timers
    }

    /// The wait for a version that a NOTIFY spoke of, if it has not come and is worth another look.
    fn hinted(&mut self) -> Option<Duration> {
        let (hint, checks) = self.hint?;
        let has_come = self
            .serial
            .is_some_and(|serial| !hint.is_newer_than(serial));
        if has_come || checks == HINT_CHECKS {
            self.hint = None;
            return None;
        }
        self.hint = Some((hint, checks + 1));
        Some(Duration::from_secs(2 << checks))
    }
}

#[derive(Debug)]
pub(super) enum State {
    Resting,
    InLine {
        order: Order,
        stamp: u64,
    },
    Visited {
        /// The primaries whose slots it holds.
        at: Vec<SocketAddr>,
        /// What was asked meanwhile.
        again: Option<Order>,
    },
}

/// What a zone waits in line for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Order {
    pub(super) reason: Reason,
    pub(super) force: bool,
    pub(super) notifier: Option<IpAddr>,
}

impl Order {
    pub(super) fn new(reason: Reason) -> Self {
        Self {
            reason,
            force: false,
            notifier: None,
        }
    }

    /// One visit for both.
    pub(super) fn merge(&mut self, other: Self) {
        self.reason = self.reason.min(other.reason);
        self.force |= other.force;
        self.notifier = other.notifier.or(self.notifier);
    }
}
