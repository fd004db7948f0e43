//! What has to be undone in the file after a commit that failed.
//!
//! A commit that is reported as failed may have reached the disk all the same: when its very last sync fails. Nobody has
//! seen it, so the next transaction begins with taking it back, and the file is again what readers see.

use std::collections::HashSet;
use std::sync::Arc;

use crate::disk::{OldSetting, Plan, Result, Writing, ZoneRow};
use crate::table::Entry;

/// Empty, unless a commit has failed since the last that did not.
#[derive(Default)]
pub(crate) struct Repair {
    /// Zones that were to be made.
    created: Vec<u64>,
    /// Zones that were to be changed or removed.
    touched: Vec<Arc<Entry>>,
    /// Named values as they were before, in the order of the attempts.
    settings: Vec<OldSetting>,
}

impl Repair {
    pub(crate) fn is_empty(&self) -> bool {
        self.created.is_empty() && self.touched.is_empty() && self.settings.is_empty()
    }

    pub(crate) fn created(&mut self, id: u64) {
        self.created.push(id);
    }

    pub(crate) fn touched(&mut self, entry: &Arc<Entry>) {
        entry.file().doubtful = true;
        self.touched.push(Arc::clone(entry));
    }

    pub(crate) fn settings(&mut self, settings: Vec<OldSetting>) {
        self.settings.extend(settings);
    }

    /// Writes everything as it was, but for zones that are written anew or removed in the same transaction. Gives back what
    /// [`done`](Self::done) needs.
    pub(crate) fn write(
        &self,
        writing: &mut Writing<'_>,
        spared: &HashSet<u64>,
    ) -> Result<Vec<(Arc<Entry>, Plan)>> {
        for &id in &self.created {
            writing.remove_zone(id)?;
        }
        for setting in &self.settings {
            writing.restore_setting(setting)?;
        }
        let mut plans = Vec::new();
        for entry in self
            .touched
            .iter()
            .filter(|entry| !spared.contains(&entry.id))
        {
            let head = entry.head.load();
            let file = entry.file();
            let mut plan = Plan::replace(&file);
            if let Some(zone) = &head.zone {
                writing.publish(entry.id, &mut plan, zone, &[])?;
            }
            let row = ZoneRow {
                generation: head.generation,
                extent: plan.after,
                name: Arc::clone(&entry.name),
                apex: head
                    .zone
                    .as_ref()
                    .map(|zone| zone.apex().as_octets().into()),
            };
            writing.zone(entry.id, &row)?;
            writing.timers(entry.id, file.timers, head.standing)?;
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
