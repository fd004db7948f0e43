//! What the schedule knows of one zone.

use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Duration, Instant};

use zonekit_wire::{Serial, SoaBuf};

use super::gates::Gate;
use super::timers::{Jitter, Timers, ZoneTimers};
use super::{Finished, Reason};

/// Checks for a version that a NOTIFY spoke of and the primary does not have yet, before it is let rest.
const HINT_CHECKS: u32 = 3;

#[derive(Debug)]
pub(super) struct Entry<Z> {
    pub(super) zone: Z,
    pub(super) jitter: Jitter,
    /// One list for all zones that have the same.
    pub(super) primaries: Arc<[SocketAddr]>,
    pub(super) owner: Option<NonZeroU32>,
    /// From a check that failed to the next, by the SOA held; none if nothing is.
    pub(super) retry: Option<Duration>,
    pub(super) serial: Option<Serial>,
    pub(super) next_check: Option<Instant>,
    pub(super) expires: Option<Instant>,
    /// The stamp of the timer that counts.
    pub(super) timer: u64,
    pub(super) failures: u32,
    /// The newest serial that a NOTIFY spoke of, and how often it was looked for in vain.
    pub(super) hint: Option<(Serial, u32)>,
    pub(super) state: State,
    /// When the last visit began.
    pub(super) begun: Option<Instant>,
    /// A NOTIFY that came too soon after that: `next_check` is when it has its turn. In a box: that is rare.
    pub(super) deferred: Option<Box<Order>>,
    pub(super) is_removed: bool,
}

impl<Z> Entry<Z> {
    /// What a visit needs slots at. A primary that is asked twice, with two keys perhaps, is asked in one visit all the same.
    pub(super) fn needs(&self) -> Vec<Gate> {
        let primaries = self.primaries.iter().copied().map(Gate::Primary);
        let owner = self.owner.map(Gate::Owner);
        let mut needs: Vec<Gate> = owner.into_iter().chain(primaries).collect();
        needs.sort_unstable();
        needs.dedup();
        needs
    }

    pub(super) fn is_visited(&self) -> bool {
        matches!(self.state, State::Visited(_))
    }

    pub(super) fn finish(&mut self, how: Finished<'_>, bounds: &Timers, now: Instant) {
        let wait = match how {
            Finished::Taken { soa, expires } => {
                let timers = self.take(soa, expires, bounds, now);
                self.before_expiry(self.jitter.shorten(timers.refresh), bounds, now)
            }
            Finished::Current { soa, expires } => {
                let timers = self.confirm(soa, expires, bounds, now);
                self.before_expiry(self.jitter.shorten(timers.refresh), bounds, now)
            }
            Finished::Confirmed { soa, expires } => {
                let timers = self.confirm(soa, expires, bounds, now);
                self.jitter.shorten(timers.retry.min(timers.refresh))
            }
            Finished::Failed => {
                self.failures = self.failures.saturating_add(1);
                match self.retry {
                    Some(retry) => self.jitter.shorten(retry),
                    None => self.jitter.back_off(self.failures),
                }
            }
        };
        self.next_check = Some(now + self.hinted().map_or(wait, |hinted| hinted.min(wait)));
    }

    /// What is held is new. What the primary says of its expiry goes before the SOA, which is the most that it may say
    /// ([RFC 7314 §4]).
    ///
    /// [RFC 7314 §4]: https://www.rfc-editor.org/rfc/rfc7314#section-4
    pub(super) fn take(
        &mut self,
        soa: &SoaBuf,
        told: Option<Instant>,
        bounds: &Timers,
        now: Instant,
    ) -> ZoneTimers {
        let timers = bounds.of(soa);
        let most = now + timers.expire;
        self.retry = Some(timers.retry);
        self.serial = Some(soa.serial);
        self.expires = Some(told.map_or(most, |told| told.min(most)));
        self.failures = 0;
        timers
    }

    /// What is held is what a primary has: as good as it is there, or as it was here if that is longer, and never longer
    /// than the SOA says ([RFC 7314 §4]). A primary that says nothing is taken for the zone's origin.
    ///
    /// [RFC 7314 §4]: https://www.rfc-editor.org/rfc/rfc7314#section-4
    pub(super) fn confirm(
        &mut self,
        soa: &SoaBuf,
        told: Option<Instant>,
        bounds: &Timers,
        now: Instant,
    ) -> ZoneTimers {
        let left = self.expires.unwrap_or(now);
        self.take(soa, told.map(|told| told.max(left)), bounds, now)
    }

    /// `wait`, or less where the zone would expire meanwhile, as it may if a primary said so: half of the time that is left,
    /// since the primary may hear from its own by then.
    fn before_expiry(&self, wait: Duration, bounds: &Timers, now: Instant) -> Duration {
        let left = { self.expires }.map_or(wait, |expires| expires.saturating_duration_since(now));
        if wait < left {
            return wait;
        }
        wait.min((left / 2).max(Duration::from_secs(bounds.min_retry.into())))
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
    /// In a box: few zones of many are visited at a time.
    Visited(Box<Visited>),
}

#[derive(Debug)]
pub(super) struct Visited {
    /// Where it holds slots.
    pub(super) at: Vec<Gate>,
    /// It asks nobody any more: what it brought is being kept.
    pub(super) is_settling: bool,
    /// What was asked meanwhile.
    pub(super) again: Option<Order>,
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
