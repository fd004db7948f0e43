//! Where the records of a transfer go: into a new zone, or into a patch of the one held.
//!
//! Nothing of it is seen by anybody before the transfer is whole. Then the finished version is handed to whoever waits
//! for it, at once: a visit may go on for a while, asking other primaries.

use tokio::sync::oneshot;
use zonekit_store::{Checks, Diff, EditError, Notes, Zone, ZoneBuilder, ZoneLimits, ZonePatch};
use zonekit_wire::NameBuf;
use zonekit_xfr::{Apply, Change};

/// What a transfer made of the zone, not yet kept or served.
pub(crate) struct Candidate {
    pub(crate) zone: Zone,
    /// The way from the version held, if the transfer told it.
    pub(crate) diff: Option<Diff>,
    pub(crate) notes: Notes,
}

/// Takes the changes of one visit.
pub(crate) struct Sink<Q> {
    apex: NameBuf,
    held: Option<Zone>,
    limits: ZoneLimits,
    checks: Checks,
    /// Says whether the contract may have a zone of that many records.
    quota: Q,
    edit: Edit,
    finished: Option<oneshot::Sender<Candidate>>,
}

enum Edit {
    None,
    Whole(Box<ZoneBuilder>),
    Steps(Box<ZonePatch>),
}

/// Why a change is not made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SinkError {
    /// The content is not that of a zone, or differences do not fit the version held.
    #[error(transparent)]
    Edit(#[from] EditError),
    /// The contract's quota.
    #[error(transparent)]
    Quota(#[from] zonekit_model::Refusal),
    /// The changes come in no order that a transfer has.
    #[error("changes without a beginning")]
    OutOfOrder,
}

impl<Q: FnMut(u64) -> Result<(), zonekit_model::Refusal>> Sink<Q> {
    /// A sink for a visit that holds `held`; the finished version comes out of the receiver, if one is finished.
    pub(crate) fn new(
        apex: NameBuf,
        held: Option<Zone>,
        limits: ZoneLimits,
        checks: Checks,
        quota: Q,
    ) -> (Self, oneshot::Receiver<Candidate>) {
        let (finished, candidate) = oneshot::channel();
        let sink = Self {
            apex,
            held,
            limits,
            checks,
            quota,
            edit: Edit::None,
            finished: Some(finished),
        };
        (sink, candidate)
    }

    fn finish(&mut self) -> Result<(), SinkError> {
        let candidate = match std::mem::replace(&mut self.edit, Edit::None) {
            Edit::Whole(builder) => {
                let (zone, notes) = builder.finish()?;
                Candidate {
                    zone,
                    diff: None,
                    notes,
                }
            }
            Edit::Steps(patch) => {
                let (zone, diff, notes) = patch.finish()?;
                Candidate {
                    zone,
                    diff: Some(diff),
                    notes,
                }
            }
            Edit::None => return Err(SinkError::OutOfOrder),
        };
        (self.quota)(candidate.zone.record_count())?;
        if let Some(finished) = self.finished.take() {
            // Nobody waits any more when the visit was called off; then the version goes as if it had never come.
            let _ = finished.send(candidate);
        }
        Ok(())
    }
}

impl<Q: FnMut(u64) -> Result<(), zonekit_model::Refusal>> Apply for Sink<Q> {
    type Error = SinkError;

    fn apply(&mut self, change: Change<'_>) -> Result<(), SinkError> {
        match (change, &mut self.edit) {
            (Change::UpToDate, _) => {}
            (Change::Add(record), Edit::Whole(builder)) => builder.add(&record)?,
            (Change::Add(record), Edit::Steps(patch)) => patch.add(&record)?,
            (Change::Remove(record), Edit::Steps(patch)) => patch.remove(&record)?,
            (Change::Reach(record), Edit::Steps(patch)) => patch.reach(&record)?,
            (Change::Step(record), Edit::Steps(patch)) => patch.step(&record)?,
            (Change::Step(record), Edit::None) => {
                let held = self.held.as_ref().ok_or(SinkError::OutOfOrder)?;
                let mut patch = ZonePatch::new(held, self.limits, self.checks);
                patch.step(&record)?;
                self.edit = Edit::Steps(Box::new(patch));
            }
            (Change::Replace(record), _) => {
                let mut builder = ZoneBuilder::new(self.apex.as_name(), self.limits, self.checks);
                builder.begin(&record)?;
                self.edit = Edit::Whole(Box::new(builder));
            }
            (Change::Commit, _) => self.finish()?,
            _ => return Err(SinkError::OutOfOrder),
        }
        Ok(())
    }

    fn abandon(&mut self) {
        self.edit = Edit::None;
    }
}
