//! The seam between a transfer and whoever keeps the zone.

use std::future::{Future, ready};

use zonekit_wire::{Record, Unpacked};

/// What one transferred record asks of our copy of the zone.
///
/// A whole zone comes as `Replace Add* Commit`, differences as `Step Remove* Reach Add* [Step …] Commit`, and an answer
/// that brings nothing as a single `UpToDate`. The closing SOA is not repeated: it becomes `Commit`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Change<'r> {
    /// The primary has nothing newer than what we hold.
    UpToDate,
    /// A new whole zone begins, with this SOA; everything held before is to go.
    Replace(Record<'r>),
    /// A step of differences begins: this SOA, exactly what is held or was reached by the step before, is removed.
    Step(Record<'r>),
    /// This record is no longer in the zone.
    Remove(Record<'r>),
    /// All removals of the step are said; its additions follow, this new SOA first.
    Reach(Record<'r>),
    /// This record is in the zone.
    Add(Record<'r>),
    /// The stream was whole, and signed where it had to be: what was built may become visible.
    Commit,
}

/// Whoever keeps the zone: takes the changes of a transfer in the order in which they come.
///
/// Nothing may become visible before [`Change::Commit`]. An error, `Commit` included, ends this transfer only: the
/// visit goes on with the next thing to try (AXFR after IXFR, then the next primary), after [`abandon`](Self::abandon).
///
/// ```
/// use std::collections::BTreeSet;
/// use std::convert::Infallible;
/// use zonekit_xfr::{Apply, Change};
///
/// /// A zone as lines of text. (In earnest: `ZoneBuilder` and `ZonePatch` of zonekit-store.)
/// #[derive(Default)]
/// struct Lines {
///     visible: BTreeSet<String>,
///     pending: BTreeSet<String>,
/// }
///
/// impl Apply for Lines {
///     type Error = Infallible;
///
///     fn apply(&mut self, change: Change<'_>) -> Result<(), Infallible> {
///         match change {
///             Change::Replace(soa) => self.pending = [soa.to_string()].into(),
///             Change::Step(gone) | Change::Remove(gone) => {
///                 self.pending.remove(&gone.to_string());
///             }
///             Change::Reach(new) | Change::Add(new) => {
///                 self.pending.insert(new.to_string());
///             }
///             Change::Commit => self.visible = self.pending.clone(),
///             _ => {} // up to date
///         }
///         Ok(())
///     }
///
///     fn abandon(&mut self) {
///         self.pending = self.visible.clone();
///     }
/// }
/// ```
pub trait Apply {
    /// Why a change cannot be made.
    type Error: std::error::Error + Send + Sync + 'static;

    /// Makes one change to the pending edit.
    fn apply(&mut self, change: Change<'_>) -> Result<(), Self::Error>;

    /// Makes one change that is [`Change::Add`] inside a whole zone: nearly all changes are. Whoever keeps zones in order
    /// has use for the sort key that comes with the record.
    fn add(&mut self, unpacked: &Unpacked<'_>) -> Result<(), Self::Error> {
        self.apply(Change::Add(unpacked.record))
    }

    /// Has the last word on what was committed, where that takes its time. An error refuses it: then the visit goes on as
    /// after any other failure of the transfer. Nothing may have become visible before.
    ///
    /// Clients on sockets ask for it, once for each commit; who runs an [`Exchange`](crate::Exchange) himself tells it by
    /// [`refuse`](crate::Exchange::refuse).
    fn judge(&mut self) -> impl Future<Output = Result<(), Self::Error>> + Send {
        ready(Ok(()))
    }

    /// The transfer under way failed: the pending edit is to be dropped. Another `Replace` or `Step` may follow.
    fn abandon(&mut self);
}
