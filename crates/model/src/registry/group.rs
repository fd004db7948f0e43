//! Commands that wait together are judged together, so that one sync of the disk serves them all.

use std::collections::HashSet;

use super::Registry;
use crate::{Change, Changes, Command, KeyName, Refusal, Timestamp, ZoneName};

impl Registry {
    /// Judges commands one after the other, each as if those before it were in force; nothing is changed by that.
    ///
    /// Stops in front of a command that touches a zone or a key for the second time, so that the changes of all that were
    /// judged can be made durable together: there are as many verdicts as commands were judged, at least one.
    pub fn judge_group(
        &mut self,
        commands: &[Command],
        at: Timestamp,
    ) -> Vec<Result<Changes, Refusal>> {
        let mut verdicts = Vec::with_capacity(commands.len());
        let mut undo = Vec::new();
        let mut touched = Touched::default();
        for command in commands {
            let verdict = self.judge(command.clone(), at);
            if let Ok(changes) = &verdict {
                if !touched.by(changes) {
                    break;
                }
                undo.push(self.try_out(changes));
            }
            verdicts.push(verdict);
        }
        for tried in undo.into_iter().rev() {
            self.take_back(tried);
        }
        verdicts
    }

    /// Puts changes in force for a moment; gives what brings back what was.
    fn try_out(&mut self, changes: &Changes) -> Tried {
        let counts = { changes.iter() }.filter_map(|change| match change {
            Change::RemoveZone(zone) => {
                let tenant = self.tenants.get(&zone.contract)?;
                Some((zone.zone_id(), *tenant.counts.get(&zone.id)?))
            }
            _ => None,
        });
        let counts = counts.collect();
        let before = self.latest;
        Tried {
            undo: self.apply(changes.clone()),
            counts,
            latest: before,
        }
    }

    fn take_back(&mut self, tried: Tried) {
        self.apply(tried.undo);
        for (zone, records) in tried.counts {
            self.note_records(&zone, records);
        }
        self.latest = tried.latest;
    }
}

/// Changes that are in force for a moment.
struct Tried {
    undo: Changes,
    /// How many records the zones held that were removed.
    counts: Vec<(crate::ZoneId, u64)>,
    latest: u64,
}

/// What the commands of a group are about.
#[derive(Default)]
struct Touched {
    zones: HashSet<ZoneName>,
    keys: HashSet<KeyName>,
}

impl Touched {
    /// Whether nothing of these changes was touched before; it is now. Whatever one command does to a zone counts once.
    fn by(&mut self, changes: &Changes) -> bool {
        let (mut zones, mut keys) = (HashSet::new(), HashSet::new());
        for change in changes.iter() {
            match change {
                Change::PutZone(zone) | Change::RemoveZone(zone) => {
                    zones.insert(zone.name.clone());
                }
                Change::PutKey(key) | Change::RemoveKey(key) => {
                    keys.insert(key.name.clone());
                }
            }
        }
        let is_new = self.zones.is_disjoint(&zones) && self.keys.is_disjoint(&keys);
        if is_new {
            self.zones.extend(zones);
            self.keys.extend(keys);
        }
        is_new
    }
}
