//! A batch on its way to the file, with all that could be made ready while others write.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock};

use crate::batch::ZoneChange;
use crate::commit::{Backing, Committer, lock};
use crate::disk::{Dirt, Keep, Reserved, Snapshot, Step, step_content};
use crate::{Batch, Content, Diff, Generation, Publication, StoreError, Zone};

pub(crate) struct Job {
    pub(crate) batch: Batch,
    /// For each change of a zone, what was made ready.
    pub(crate) ready: Vec<Ready>,
    /// About how many octets are written for it.
    pub(crate) octets: u64,
    /// The snapshot of one of its zones is due and was too large to be written with it.
    pub(crate) lags: AtomicBool,
    /// There are snapshots that nobody needs any more.
    pub(crate) is_littered: AtomicBool,
    /// The numbers of what was staged, until the job is finished.
    staged: Mutex<Vec<Reserved>>,
    done: OnceLock<Result<Vec<Generation>, StoreError>>,
}

/// What of a change is ready.
pub(crate) enum Ready {
    /// There is nothing to be done before it is written.
    Plain,
    /// The version is in the file already, in a snapshot of the zone that has this number there.
    Staged(u64, Snapshot),
    /// It is a difference.
    Step(Box<EncodedStep>),
}

/// A difference as it goes into the journal.
pub(crate) struct EncodedStep {
    pub(crate) content: Vec<u8>,
    pub(crate) step: Step,
    pub(crate) dirt: Dirt,
    diff: Diff,
    removed: u64,
    added: u64,
}

impl Job {
    /// Looks over what can be known without the pen, and does there what takes long.
    pub(crate) fn new(
        batch: Batch,
        committer: &Committer,
        backing: Backing<'_>,
    ) -> Result<Self, StoreError> {
        let mut names = HashSet::new();
        if let Some((name, _)) = batch.zones.iter().find(|(name, _)| !names.insert(name)) {
            return Err(StoreError::NamedTwice(name.clone()));
        }
        let mut ready = Vec::with_capacity(batch.zones.len());
        let (mut octets, mut staged) = (0, Vec::new());
        for (_, change) in &batch.zones {
            let ZoneChange::Publish(publication) = change else {
                ready.push(Ready::Plain);
                continue;
            };
            let made = Ready::of(publication, &mut staged, committer, backing)?;
            octets += match &made {
                Ready::Plain => publication.content.zone().held_octets() as u64,
                Ready::Staged(..) => 0,
                Ready::Step(step) => step.step.octets,
            };
            ready.push(made);
        }
        let values = batch
            .settings
            .iter()
            .filter_map(|(_, value)| value.as_ref());
        octets += values.map(|value| value.len() as u64).sum::<u64>();
        Ok(Self {
            is_littered: AtomicBool::new(!staged.is_empty()),
            staged: Mutex::new(staged),
            batch,
            ready,
            octets,
            lags: AtomicBool::new(false),
            done: OnceLock::new(),
        })
    }

    pub(crate) fn result(&self) -> Option<Result<Vec<Generation>, StoreError>> {
        self.done.get().cloned()
    }

    pub(crate) fn finish(&self, result: Result<Vec<Generation>, StoreError>) {
        lock(&self.staged).clear();
        let _ = self.done.set(result); // nobody else finishes it
    }

    /// Notes what is left to be done once it is visible.
    pub(crate) fn note(&self, lags: bool, is_littered: bool) {
        self.lags.fetch_or(lags, Ordering::Relaxed);
        self.is_littered.fetch_or(is_littered, Ordering::Relaxed);
    }
}

impl Ready {
    fn of(
        publication: &Publication,
        staged: &mut Vec<Reserved>,
        committer: &Committer,
        backing: Backing<'_>,
    ) -> Result<Self, StoreError> {
        let table = backing.table.load();
        let entry = table
            .find(publication.zone.as_name())
            .filter(|entry| entry.head.load().generation == publication.expected);
        let Some(entry) = entry else {
            return Ok(Self::Plain); // refused when it is its turn
        };
        let held = entry.head.load().zone.clone();
        let now = backing.keep.now;
        let zone = publication.content.zone();
        let diff = match (&publication.content, &held) {
            (Content::Patch { diff, .. }, _) => Some(diff.clone()),
            (Content::Next(new), Some(held)) => smaller(held, new, backing.keep),
            _ => None,
        };
        match (diff, held) {
            (Some(diff), Some(held)) => Ok(Self::Step(Box::new(EncodedStep::new(
                diff, &held, zone, now,
            )))),
            (None, _) if zone.held_octets() as u64 > backing.keep.piece => {
                let (snapshot, reserved) = committer.stage(entry.id, zone, backing)?;
                staged.push(reserved);
                Ok(Self::Staged(entry.id, snapshot))
            }
            _ => Ok(Self::Plain),
        }
    }
}

/// The difference of two versions, if history goes on from one to the other, and it is the smaller part of the new one.
fn smaller(held: &Zone, new: &Zone, keep: Keep) -> Option<Diff> {
    let most = keep.octets().min(new.octets() / 2);
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let is_next = new.serial().is_newer_than(held.serial());
    is_next
        .then(|| Diff::between_within(held, new, most))
        .flatten()
}

impl EncodedStep {
    fn new(diff: Diff, held: &Zone, new: &Zone, now: u64) -> Self {
        let (from, to) = (diff.from().serial, diff.to().serial);
        let (content, step) = step_content(from, to, now, diff.encode());
        Self {
            content,
            step,
            dirt: Dirt::between(held, new),
            removed: diff.removed().count() as u64,
            added: diff.added().count() as u64,
            diff,
        }
    }

    /// Whether the difference can lead from one version to the other: what does not would be served, and missed at the next
    /// start, when it is applied. To apply it here would cost as much as to make it.
    pub(crate) fn leads(&self, held: &Zone, new: &Zone) -> bool {
        self.diff.from() == held.soa().as_soa()
            && self.diff.to() == new.soa().as_soa()
            && held.record_count() + self.added == new.record_count() + self.removed
    }
}
