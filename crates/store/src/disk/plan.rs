//! What a publication does to the pieces of a zone in the file.

use super::blocks::ROOM;
use super::dirt::Dirt;
use super::rows::{Extent, Snapshot, Step, ZoneFile};
use crate::JournalLimits;

/// The steps on top of a snapshot may always come to this many octets.
const LITTLE: u64 = 16 << 10;

/// Which pieces are written, and which count afterwards.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// What counts afterwards. The size of a snapshot is known once it has been written.
    pub(crate) after: Extent,
    pub(crate) pages: Pages,
    /// Forget all steps there were.
    pub(crate) cut: bool,
    /// How many of the oldest steps go.
    pub(crate) trim: usize,
    /// The step that comes to the journal.
    pub(crate) push: Option<Step>,
    /// Which pages differ from the snapshot afterwards.
    pub(crate) dirt: Dirt,
    /// The snapshot is so far behind that a new one is due, too large to be written with this.
    pub(crate) lags: bool,
}

/// What becomes of the snapshot.
#[derive(Clone, Debug)]
pub(crate) enum Pages {
    /// It stays.
    Keep,
    /// Its blocks with these pages are written anew.
    Change(Dirt),
    /// Another is written whole.
    Whole,
    /// Another is in the file already.
    Staged,
}

/// What is asked of a journal.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Keep {
    pub(crate) limits: JournalLimits,
    /// Seconds since 1970; 0 when nobody has told.
    pub(crate) now: u64,
    /// See [`Options::piece_octets`](crate::Options::piece_octets).
    pub(crate) piece: u64,
}

impl Plan {
    /// A whole version takes the place of everything; `staged` is its snapshot if that has been written already.
    pub(crate) fn replace(file: &ZoneFile, staged: Option<Snapshot>) -> Self {
        Self {
            after: Extent::without_steps(staged.unwrap_or_default(), file.extent().next_step),
            pages: staged.map_or(Pages::Whole, |_| Pages::Staged),
            cut: true,
            trim: 0,
            push: None,
            dirt: Dirt::default(),
            lags: false,
        }
    }

    /// A difference comes on top of the version held, and changes these pages.
    pub(crate) fn patch(file: &ZoneFile, step: Step, dirt: &Dirt, keep: Keep) -> Self {
        let mut after = file.extent();
        let snapshot = after.snapshot.octets;
        after.next_step += 1;
        after.journal_octets += step.octets;
        after.replay_octets += step.octets;
        let dirt = file.dirt().and(dirt);

        let most = keep.octets().min(snapshot.max(LITTLE)); // whoever is further behind is better off with the zone
        let is_known = matches!(dirt, Dirt::Places(_));
        let is_small = snapshot <= keep.piece;
        let mut plan = Self {
            after,
            pages: Pages::Keep,
            cut: false,
            trim: 0,
            push: None,
            dirt,
            lags: false,
        };
        let replayed = after.next_step - after.replay_from;
        let is_due = after.replay_octets > LITTLE.max((snapshot / 2).min(most / 2))
            || replayed > keep.steps() / 2 + 1
            || plan.is_worth_it(snapshot);
        if is_due && (is_known || is_small) {
            plan.write_snapshot(is_known);
        }
        let mut kept = file.steps().chain([&step]);
        while plan.after.journal_octets > most
            || plan.after.next_step - plan.after.first_step > keep.steps()
            || kept.clone().next().is_some_and(|step| keep.is_old(step))
        {
            let Some(oldest) = kept.next() else { break };
            if plan.after.first_step == plan.after.replay_from {
                // It is needed, unless there is another snapshot.
                if !is_known && !is_small {
                    break;
                }
                plan.write_snapshot(is_known);
            }
            plan.after.journal_octets -= oldest.octets;
            plan.after.first_step += 1;
            plan.trim += 1;
        }
        plan.lags = is_due && matches!(plan.pages, Pages::Keep);
        let steps = file.steps().count();
        plan.push = (plan.trim <= steps).then_some(step);
        plan.trim = plan.trim.min(steps);
        plan
    }

    /// Another snapshot, of the version of step `upto`, is in the file, and takes the place of the one there is. The pages
    /// changed since are `dirt`.
    pub(crate) fn renew(file: &ZoneFile, staged: Snapshot, upto: u64, dirt: Dirt) -> Self {
        let mut after = file.extent();
        let on_top = after.next_step.saturating_sub(upto) as usize;
        let newest_first = file.steps().rev().take(on_top);
        after.replay_octets = newest_first.map(|step| step.octets).sum();
        after.snapshot = staged;
        after.replay_from = upto;
        Self {
            after,
            pages: Pages::Staged,
            cut: false,
            trim: 0,
            push: None,
            dirt,
            lags: false,
        }
    }

    /// Whether a snapshot is to be written whole.
    pub(crate) fn is_whole(&self) -> bool {
        matches!(self.pages, Pages::Whole)
    }

    /// Brings what is known of the file up to what has been committed.
    pub(crate) fn apply(self, file: &mut ZoneFile) {
        let mut steps = file.take_steps();
        if self.cut {
            steps.clear();
        }
        steps.drain(..self.trim.min(steps.len()));
        steps.extend(self.push);
        file.become_of(self.after, steps, self.dirt);
        file.doubtful = false;
    }

    /// As many pages have changed as may be told apart, and they are a small part of the zone: to write them now costs less
    /// than to write all later.
    fn is_worth_it(&self, snapshot: u64) -> bool {
        let Dirt::Places(places) = &self.dirt else {
            return false;
        };
        places.len() > Dirt::MOST / 2 && (8 * places.len() * ROOM) as u64 <= snapshot
    }

    fn write_snapshot(&mut self, is_known: bool) {
        if !matches!(self.pages, Pages::Keep) {
            return;
        }
        let dirt = std::mem::take(&mut self.dirt);
        self.pages = if is_known {
            Pages::Change(dirt)
        } else {
            Pages::Whole
        };
        self.after.replay_from = self.after.next_step;
        self.after.replay_octets = 0;
    }
}

impl Keep {
    /// Whether a step is older than any may be.
    pub(crate) fn is_old(&self, step: &Step) -> bool {
        let age = self.limits.age;
        age > 0 && step.at > 0 && step.at.saturating_add(age) < self.now
    }

    /// Octets of a journal, at most.
    pub(crate) fn octets(&self) -> u64 {
        match self.limits.octets {
            0 => u64::MAX,
            octets => octets,
        }
    }

    fn steps(&self) -> u64 {
        match self.limits.steps {
            0 => u64::MAX / 2,
            steps => steps.into(),
        }
    }
}
