//! What a commit that failed may have left in the file.
//!
//! A commit that is reported as failed may have reached the file all the same, when it failed at its very end. Nobody has
//! seen it, so it is taken back: before anything else is written, the file is compared with what readers see, and the
//! next transaction begins with what differs. Mostly nothing does.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::commit::Dirty;
use crate::disk::{
    ContentRow, Disk, Plan, Result, SettingParts, Snapshot, Staging, Writing, ZoneRow,
};
use crate::table::Entry;

/// Empty, unless a commit has failed late since the last that did not.
#[derive(Default)]
pub(crate) struct Repair {
    /// Zones that were to be made.
    created: HashSet<u64>,
    /// Zones that were to be changed or removed.
    touched: HashMap<u64, Arc<Entry>>,
    /// Snapshots of those among them that are too large to be written with the rest.
    staged: HashMap<u64, Snapshot>,
    /// Named values as they were before the first attempt.
    settings: OldSettings,
}

pub(crate) type OldSettings = HashMap<String, SettingParts>;

impl Repair {
    pub(crate) fn is_empty(&self) -> bool {
        self.created.is_empty() && self.touched.is_empty() && self.settings.is_empty()
    }

    pub(crate) fn created(&mut self, id: u64) {
        self.created.insert(id);
    }

    pub(crate) fn touched(&mut self, entry: &Arc<Entry>) {
        entry.file().doubtful = true;
        self.touched.insert(entry.id, Arc::clone(entry));
    }

    pub(crate) fn settings(&mut self, settings: OldSettings) {
        for (word, old) in settings {
            self.settings.entry(word).or_insert(old);
        }
    }

    /// Looks what of it is in the file, and forgets the rest. Timers and standings that differ become `dirty`.
    pub(crate) fn compare(&mut self, disk: &Disk, dirty: &Dirty) -> Result<()> {
        if self.is_empty() {
            return Ok(());
        }
        disk.look(|present| {
            let mut created = HashSet::new();
            for &id in &self.created {
                if present.publication(id)?.is_some() {
                    created.insert(id);
                }
            }
            let mut settings = OldSettings::new();
            for (word, old) in &self.settings {
                if present.setting(word)? != *old {
                    settings.insert(word.clone(), old.clone());
                }
            }
            let mut touched = HashMap::new();
            for (&id, entry) in &self.touched {
                let (publication, timers) = (present.publication(id)?, present.timers(id)?);
                let mut file = entry.file();
                let head = entry.head.load();
                if publication != Some((head.generation, file.extent())) {
                    touched.insert(id, Arc::clone(entry));
                    continue;
                }
                file.doubtful = false;
                if timers != Some((file.timers, head.standing)) {
                    drop(file);
                    dirty.add(Arc::clone(entry));
                }
            }
            *self = Self {
                created,
                touched,
                staged: HashMap::new(),
                settings,
            };
            Ok(())
        })
    }

    /// Writes the large ones among the zones that differ, piece by piece, before the transaction that has the rest: so none is
    /// larger for them.
    pub(crate) fn stage(&mut self, disk: &Disk) -> Result<()> {
        for (&id, entry) in &self.touched {
            let head = entry.head.load();
            let zone = head.zone.as_ref();
            let Some(zone) = zone.filter(|zone| zone.held_octets() as u64 > disk.piece_octets)
            else {
                continue;
            };
            let mut staging = Staging::new(id, disk.number_snapshot(), zone, disk.piece_octets);
            while let Some(piece) = staging.next() {
                staging.add(disk.stage(&piece)?);
            }
            self.staged.insert(id, staging.snapshot());
        }
        Ok(())
    }

    /// Writes everything as it was, but for zones that are written anew or removed in the same transaction: of those,
    /// nothing is left but the snapshot of this number. Gives back what [`done`](Self::done) needs.
    pub(crate) fn write(
        &self,
        writing: &mut Writing<'_>,
        spared: &HashMap<u64, Option<u64>>,
        disk: &Disk,
    ) -> Result<Vec<(Arc<Entry>, Plan)>> {
        for &id in &self.created {
            writing.purge(id, None)?;
        }
        for (word, old) in &self.settings {
            writing.restore_setting(word, old)?;
        }
        let mut plans = Vec::new();
        for entry in self.touched.values() {
            if let Some(staged) = spared.get(&entry.id) {
                writing.purge(entry.id, *staged)?;
                continue;
            }
            let staged = self.staged.get(&entry.id).copied();
            writing.purge(entry.id, staged.map(|snapshot| snapshot.number))?;
            let head = entry.head.load();
            // Whoever notes timers or how the zone stands does not wait for the disk; what is noted now is written later.
            let (mut plan, timers) = {
                let file = entry.file();
                (Plan::replace(&file, staged), file.timers)
            };
            if let Some(zone) = &head.zone {
                let number = disk.number_snapshot();
                writing.publish(entry.id, &mut plan, zone, &[], Snapshot::default(), number)?;
            }
            let row = ZoneRow {
                generation: head.generation,
                extent: plan.after,
                name: entry.shared_name(),
                content: head.zone.as_ref().map(ContentRow::of),
            };
            writing.zone(entry.id, &row)?;
            writing.timers(entry.id, timers, head.standing)?;
            plans.push((Arc::clone(entry), plan));
        }
        Ok(plans)
    }

    /// What was written is durable.
    pub(crate) fn done(&mut self, plans: Vec<(Arc<Entry>, Plan)>) {
        for (entry, plan) in plans {
            plan.apply(&mut entry.file());
        }
        *self = Self::default();
    }
}
