//! Whom to take the zone from, and how; what it means when nobody gave it.

use std::time::Instant;

use zonekit_wire::Serial;

use super::Exchange;
use crate::{Outcome, Preference, PrimaryReport, TransferKind, Visit};

impl Exchange {
    /// The untried primary to take a newer version from, by the visit's [`Preference`].
    pub(super) fn best(&self, now: Instant) -> Option<usize> {
        self.pick(now, |serial, held| {
            self.visit.force || serial.is_newer_than(held)
        })
    }

    /// The same for a version that is not newer, where such a one may be taken.
    pub(super) fn lower(&self, now: Instant) -> Option<usize> {
        let held = self.visit.held.as_ref()?.serial;
        let is_held_somewhere = self
            .primaries
            .iter()
            .any(|primary| primary.serial() == Some(held));
        if !self.visit.accept_lower || is_held_somewhere {
            return None;
        }
        self.pick(now, |serial, held| serial != held)
    }

    fn pick(&self, now: Instant, is_wanted: impl Fn(Serial, Serial) -> bool) -> Option<usize> {
        if self.only_ask {
            return None;
        }
        let held = self.visit.held.as_ref().map(|held| held.serial);
        if self.visit.preference == Preference::InOrder {
            return self.first_in_order(held, is_wanted);
        }
        let stays_at = self.stays_at();
        let offers = self.primaries.iter().zip(&self.tried).enumerate();
        let offers = offers.filter(|(_, (_, tried))| !**tried);
        let offers = offers.filter_map(|(index, (primary, _))| Some((index, primary.serial()?)));
        let wanted = offers.filter(|(_, serial)| held.is_none_or(|held| is_wanted(*serial, held)));
        let wanted = wanted.filter(|(index, _)| {
            self.kind_for(*index, now) == TransferKind::Ixfr || self.may_give_all(*index, now)
        });
        let preferred = stays_at.or(self.visit.preferred);
        let best = wanted.reduce(|best, next| {
            let is_better =
                next.1.is_newer_than(best.1) || next.1 == best.1 && preferred == Some(next.0);
            if is_better { next } else { best }
        });
        best.map(|(index, _)| index)
    }

    /// Of those in order: who has not answered yet is waited for, who failed or is behind is passed over.
    fn first_in_order(
        &self,
        held: Option<Serial>,
        is_wanted: impl Fn(Serial, Serial) -> bool,
    ) -> Option<usize> {
        let all = self.primaries.iter().zip(&self.probes).zip(&self.tried);
        for (index, ((primary, probe), is_tried)) in all.enumerate() {
            if probe.is_some() {
                return None;
            }
            match (primary.serial().filter(|_| !is_tried), held) {
                (Some(serial), Some(held)) if is_wanted(serial, held) => return Some(index),
                (Some(serial), Some(held)) if serial == held => return None,
                (Some(_), None) => return Some(index),
                _ => {}
            }
        }
        None
    }

    /// The primary that gave the version held, where the visit is to stay with it and it has not failed.
    fn stays_at(&self) -> Option<usize> {
        let Visit {
            preference, memory, ..
        } = &self.visit;
        let is_free = self.visit.held.is_none() || self.visit.force || self.visit.accept_lower;
        if is_free || !matches!(preference, Preference::Same(_)) {
            return None;
        }
        let gave = memory.iter().position(|memory| memory.gave)?;
        let has_failed = self.primaries.get(gave)?.error.is_some();
        (!has_failed).then_some(gave)
    }

    /// Whether the whole zone may be taken from this primary: not while the visit is to stay with another.
    pub(super) fn may_give_all(&self, primary: usize, now: Instant) -> bool {
        let (Some(stays_at), Preference::Same(tolerance)) =
            (self.stays_at(), self.visit.preference)
        else {
            return true;
        };
        let serial = |primary| self.primaries.get(primary).and_then(PrimaryReport::serial);
        let is_ahead = match (serial(primary), serial(stays_at)) {
            (Some(other), Some(same)) => other.is_newer_than(same),
            _ => false, // its word is waited for
        };
        let unix = self.unix(now);
        let since = { self.visit.memory.get(primary) }.and_then(|memory| memory.ahead_since);
        let is_long_ahead = unix.saturating_sub(since.unwrap_or(unix)) >= tolerance.as_secs();
        primary == stays_at || is_ahead && is_long_ahead
    }

    /// Notes for the next visit who is ahead of whom the version held came from.
    pub(super) fn note_who_is_ahead(&mut self, now: Instant) {
        let unix = self.unix(now);
        let gave = { self.visit.memory.iter() }.position(|memory| memory.gave);
        let serial = |primary: Option<&PrimaryReport>| primary.and_then(PrimaryReport::serial);
        let same = serial(gave.and_then(|gave| self.primaries.get(gave)));
        for (memory, primary) in self.visit.memory.iter_mut().zip(&self.primaries) {
            memory.ahead_since = match (serial(Some(primary)), same) {
                (Some(other), Some(same)) if other.is_newer_than(same) => {
                    memory.ahead_since.or(Some(unix))
                }
                (Some(_), Some(_)) => None,
                _ => memory.ahead_since,
            };
        }
    }

    pub(super) fn kind_for(&self, primary: usize, now: Instant) -> TransferKind {
        let may_ixfr = self
            .visit
            .memory
            .get(primary)
            .is_some_and(|memory| memory.may_ixfr(self.unix(now)));
        if may_ixfr && self.is_ahead(primary) && !self.visit.force {
            TransferKind::Ixfr
        } else {
            TransferKind::Axfr
        }
    }

    /// Whether we hold something and the primary has something newer.
    pub(super) fn is_ahead(&self, primary: usize) -> bool {
        let offered = self.primaries.get(primary).and_then(PrimaryReport::serial);
        match (offered, &self.visit.held) {
            (Some(offered), Some(held)) => offered.is_newer_than(held.serial),
            _ => false,
        }
    }

    /// What all the answers mean when nothing was transferred.
    pub(super) fn outcome(&self) -> Outcome {
        let Some(held) = self.visit.held.as_ref().map(|held| held.serial) else {
            return Outcome::Failed;
        };
        let mut is_decided = false;
        let mut serials = { self.primaries.iter().filter_map(PrimaryReport::serial) }
            // What those have that come after one who is not behind does not count.
            .take_while(|serial| {
                let counts = !is_decided;
                is_decided |= self.visit.preference == Preference::InOrder && *serial == held;
                counts
            })
            .peekable();
        if serials.peek().is_none() || self.visit.force && !self.only_ask {
            return Outcome::Failed;
        }
        let (mut newest, mut is_same) = (held, false);
        for serial in serials {
            if serial.is_newer_than(newest) {
                newest = serial;
            }
            is_same |= serial == held;
        }
        match (newest != held, is_same) {
            (true, true) => Outcome::Confirmed { offered: newest },
            (true, false) => Outcome::Failed,
            (false, true) => Outcome::UpToDate,
            (false, false) if self.visit.accept_lower => Outcome::Failed,
            (false, false) => Outcome::NotTaken,
        }
    }
}
