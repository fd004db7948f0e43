//! What is written and taken out piece by piece, so that others wait for no more than one piece.

use std::sync::Arc;

use crate::commit::{Backing, Committer, Pen};
use crate::disk::{
    ContentRow, Dirt, Plan, Reserved, Snapshot, StagedPiece, Staging, Unwritten, WrittenPiece,
    ZoneRow,
};
use crate::table::Entry;
use crate::{StorageFailure, Zone};

impl Committer {
    /// Writes a snapshot that does not count yet, and is there for as long as its number is reserved. What is written when it
    /// fails is for the next [`sweep`](Self::sweep).
    pub(crate) fn stage(
        &self,
        id: u64,
        zone: &Zone,
        backing: Backing<'_>,
    ) -> Result<(Snapshot, Reserved), StorageFailure> {
        let reserved = backing.disk.reserve_snapshot(id);
        let mut staging = Staging::new(id, reserved.number, zone, backing.disk.piece_octets);
        while let Some(piece) = staging.next() {
            staging.add(self.write_piece(&piece, backing)?);
        }
        Ok((staging.snapshot(), reserved))
    }

    /// Brings the snapshot of a zone up to the version held, however much that is. When it fails, it is as due as before.
    pub(crate) fn checkpoint(&self, entry: &Arc<Entry>, backing: Backing<'_>) {
        let (zone, upto, before) = {
            let file = entry.file();
            let zone = entry.head.load().zone.clone();
            (zone, file.extent().next_step, file.extent().snapshot)
        };
        let Some(zone) = zone else { return };
        if let Ok((staged, _reserved)) = self.stage(entry.id, &zone, backing) {
            self.with_pen(|pen| pen.renew(entry, &zone, upto, before, staged, backing));
        }
    }

    /// Takes out what nobody needs any more. What is left when that fails is taken out later.
    pub(crate) fn sweep(&self, backing: Backing<'_>) {
        while self.with_pen(|pen| pen.sweep(backing)) {}
    }

    fn write_piece(
        &self,
        piece: &StagedPiece<'_>,
        backing: Backing<'_>,
    ) -> Result<WrittenPiece, StorageFailure> {
        self.with_pen(|_| backing.disk.stage(piece))
    }
}

impl Pen {
    /// Makes a snapshot that has been staged the one that counts, if the zone still stands on the one `before`.
    fn renew(
        &mut self,
        entry: &Arc<Entry>,
        zone: &Zone,
        upto: u64,
        before: Snapshot,
        staged: Snapshot,
        backing: Backing<'_>,
    ) {
        let is_there = |found: &Arc<Entry>| found.id == entry.id;
        let is_served = backing
            .table
            .load()
            .find(entry.name())
            .is_some_and(is_there);
        let head = entry.head.load();
        let mut plan = {
            let file = entry.file();
            let held = head.zone.as_ref().filter(|_| is_served && !file.doubtful);
            let Some(held) = held.filter(|_| file.extent().snapshot == before) else {
                return;
            };
            Plan::renew(&file, staged, upto, Dirt::between(zone, held))
        };
        let written = backing.disk.change(|writing| {
            writing.publish(entry.id, &mut plan, zone, &[], before, 0)?;
            let row = ZoneRow {
                generation: head.generation,
                extent: plan.after,
                name: entry.shared_name(),
                content: head.zone.as_ref().map(ContentRow::of),
            };
            writing.zone(entry.id, &row)
        });
        match written {
            Ok(()) => plan.apply(&mut entry.file()),
            Err(Unwritten { is_doubtful, .. }) => {
                if is_doubtful {
                    self.repair.touched(entry);
                }
            }
        }
    }

    /// Takes out a piece of what nobody needs any more; says whether there is more of it.
    fn sweep(&mut self, backing: Backing<'_>) -> bool {
        // What a commit that failed may have left is not known to be of no use.
        if !self.repair.is_empty() {
            return false;
        }
        let swept = backing.disk.change(|writing| {
            writing.sweep()?;
            Ok(writing.is_littered)
        });
        swept.unwrap_or(false)
    }
}
