//! Whom to take the zone from, and how; what it means when nobody gave it.

use std::time::Instant;

use zonekit_wire::Serial;

use super::Exchange;
use crate::{Outcome, PrimaryReport, TransferKind};

impl Exchange {
    /// The untried primary to take a newer version from: of the highest serial, among equals the notifier, then the first.
    pub(super) fn best(&self) -> Option<usize> {
        self.pick(|serial, held| self.visit.force || serial.is_newer_than(held))
    }

    /// The same for a version that is not newer, where such a one may be taken.
    pub(super) fn lower(&self) -> Option<usize> {
        let held = self.visit.held.as_ref()?.serial;
        let is_held_somewhere = self
            .primaries
            .iter()
            .any(|primary| primary.serial() == Some(held));
        if !self.visit.accept_lower || is_held_somewhere {
            return None;
        }
        self.pick(|serial, held| serial != held)
    }

    fn pick(&self, is_wanted: impl Fn(Serial, Serial) -> bool) -> Option<usize> {
        if self.only_ask {
            return None;
        }
        let held = self.visit.held.as_ref().map(|held| held.serial);
        let offers = self.primaries.iter().zip(&self.tried).enumerate();
        let offers = offers.filter(|(_, (_, tried))| !**tried);
        let offers = offers.filter_map(|(index, (primary, _))| Some((index, primary.serial()?)));
        let wanted = offers.filter(|(_, serial)| held.is_none_or(|held| is_wanted(*serial, held)));
        let best = wanted.reduce(|best, next| {
            let is_better = next.1.is_newer_than(best.1)
                || next.1 == best.1 && self.visit.preferred == Some(next.0);
            if is_better { next } else { best }
        });
        best.map(|(index, _)| index)
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
        let mut serials = self
            .primaries
            .iter()
            .filter_map(PrimaryReport::serial)
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
