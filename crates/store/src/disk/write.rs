//! Writing: which pieces a change needs, and putting them into the tables.

use std::ops::Bound;

use redb::{ReadableTable, Table, WriteTransaction};
use zonekit_wire::Serial;

use super::blocks::BlockWriter;
use super::load::{setting_key, step_key};
use super::rows::{self, Extent, Snapshot, Step, TimerRow, ZoneFile, ZoneRow};
use super::{BLOCKS, JOURNAL, Result, SETTINGS, TIMERS, ZONES, seal};
use crate::{JournalLimits, Standing, StorageFailure, Timers, Zone};

/// Octets of a value's content: just under 16 KiB, as blocks are.
const PART: usize = 16_384 - 256;

/// The steps on top of a snapshot may always come to this many octets.
const LITTLE: u64 = 16 << 10;

/// What a publication does to the pieces in the file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// Which pieces count afterwards. The snapshot's size is known once it has been written.
    pub(crate) after: Extent,
    /// Write the whole version.
    pub(crate) snapshot: bool,
    /// Forget all steps there were.
    pub(crate) cut: bool,
    /// How many of the oldest steps go.
    pub(crate) trim: usize,
    /// The step that comes to the journal.
    pub(crate) push: Option<Step>,
}

/// A transaction under way.
pub(crate) struct Writing<'t> {
    zones: Table<'t, u64, &'static [u8]>,
    blocks: Table<'t, (u64, u64, u32), &'static [u8]>,
    journal: Table<'t, (u64, u64, u32), &'static [u8]>,
    timers: Table<'t, u64, TimerRow>,
    settings: Table<'t, (&'static str, u32), &'static [u8]>,
    value: Vec<u8>,
}

/// A named value as it lies in the table: none when there is no such value.
pub(crate) type SettingParts = Vec<(u32, Vec<u8>)>;

impl Plan {
    /// A whole version takes the place of everything.
    pub(crate) fn replace(file: &ZoneFile) -> Self {
        let next = file.extent.next_step;
        let after = Extent {
            snapshot: Snapshot {
                number: file.extent.snapshot.number + 1,
                ..Snapshot::default()
            },
            first_step: next,
            replay_from: next,
            next_step: next,
            journal_octets: 0,
            replay_octets: 0,
        };
        Self {
            after,
            snapshot: true,
            cut: true,
            trim: 0,
            push: None,
        }
    }

    /// A difference of so many octets comes on top of the version held.
    pub(crate) fn patch(
        file: &ZoneFile,
        from: Serial,
        to: Serial,
        octets: u64,
        limits: JournalLimits,
    ) -> Self {
        let snapshot_octets = file.extent.snapshot.octets;
        let mut after = file.extent;
        after.next_step += 1;
        after.journal_octets += octets;
        after.replay_octets += octets;
        let step = Step { from, to, octets };

        let most = limits.octets.min(snapshot_octets.max(LITTLE));
        let mut kept = file.steps.iter().chain([&step]);
        let mut trim = 0;
        while after.journal_octets > most
            || after.next_step - after.first_step > limits.steps.into()
        {
            let Some(oldest) = kept.next() else { break };
            after.journal_octets -= oldest.octets;
            after.first_step += 1;
            trim += 1;
        }
        let grown = after.replay_octets > LITTLE.max(snapshot_octets / 2);
        let snapshot = grown || after.first_step > after.replay_from;
        if snapshot {
            after.snapshot = Snapshot {
                number: file.extent.snapshot.number + 1,
                ..Snapshot::default()
            };
            after.replay_from = after.next_step;
            after.replay_octets = 0;
        }
        let push = (trim <= file.steps.len()).then_some(step);
        Self {
            after,
            snapshot,
            cut: false,
            trim: trim.min(file.steps.len()),
            push,
        }
    }

    /// Brings what is known of the file up to what has been committed.
    pub(crate) fn apply(&self, file: &mut ZoneFile) {
        if self.cut {
            file.steps.clear();
        }
        file.steps.drain(..self.trim.min(file.steps.len()));
        file.steps.extend(self.push);
        file.extent = self.after;
        file.doubtful = false;
    }
}

impl<'t> Writing<'t> {
    pub(crate) fn new(transaction: &'t WriteTransaction) -> Result<Self> {
        Ok(Self {
            zones: transaction.open_table(ZONES).map_err(failed)?,
            blocks: transaction.open_table(BLOCKS).map_err(failed)?,
            journal: transaction.open_table(JOURNAL).map_err(failed)?,
            timers: transaction.open_table(TIMERS).map_err(failed)?,
            settings: transaction.open_table(SETTINGS).map_err(failed)?,
            value: Vec::new(),
        })
    }

    pub(crate) fn zone(&mut self, id: u64, row: &ZoneRow) -> Result<()> {
        row.write(id, &mut self.value);
        self.zones
            .insert(id, self.value.as_slice())
            .map_err(failed)?;
        Ok(())
    }

    pub(crate) fn timers(&mut self, id: u64, timers: Timers, standing: Standing) -> Result<()> {
        let row = rows::write_timers(timers, standing);
        self.timers.insert(id, row).map_err(failed)?;
        Ok(())
    }

    pub(crate) fn remove_zone(&mut self, id: u64) -> Result<()> {
        self.zones.remove(id).map_err(failed)?;
        self.timers.remove(id).map_err(failed)?;
        let all = (id, 0, 0)..=(id, u64::MAX, u32::MAX);
        self.blocks
            .retain_in(all.clone(), |_, _| false)
            .map_err(failed)?;
        self.journal.retain_in(all, |_, _| false).map_err(failed)
    }

    /// Writes what `plan` says; afterwards it knows the size of the snapshot. `diff` is the content of the step that it
    /// pushes, from [`step_content`].
    pub(crate) fn publish(
        &mut self,
        id: u64,
        plan: &mut Plan,
        zone: &Zone,
        diff: &[u8],
    ) -> Result<()> {
        let after = plan.after;
        if plan.cut {
            let all = (id, 0, 0)..=(id, u64::MAX, u32::MAX);
            self.journal.retain_in(all, |_, _| false).map_err(failed)?;
        } else if plan.trim > 0 {
            let oldest = (id, 0, 0)..(id, after.first_step, 0);
            self.journal
                .retain_in(oldest, |_, _| false)
                .map_err(failed)?;
        }
        if plan.push.is_some() {
            self.step(id, after.next_step - 1, diff)?;
        }
        if plan.snapshot {
            let all = (id, 0, 0)..=(id, u64::MAX, u32::MAX);
            self.blocks.retain_in(all, |_, _| false).map_err(failed)?;
            plan.after.snapshot = self.snapshot(id, after.snapshot.number, zone)?;
        }
        Ok(())
    }

    /// Takes a named value out; it can be put back as it was.
    pub(crate) fn take_setting(&mut self, word: &str) -> Result<SettingParts> {
        let parts = setting_parts(&self.settings, word)?;
        if !parts.is_empty() {
            self.settings
                .retain_in((word, 0)..=(word, u32::MAX), |_, _| false)
                .map_err(failed)?;
        }
        Ok(parts)
    }

    pub(crate) fn restore_setting(&mut self, word: &str, old: &SettingParts) -> Result<()> {
        self.take_setting(word)?;
        for (part, value) in old {
            self.settings
                .insert((word, *part), value.as_slice())
                .map_err(failed)?;
        }
        Ok(())
    }

    /// Puts a named value where there is none.
    pub(crate) fn put_setting(&mut self, word: &str, value: &[u8]) -> Result<()> {
        let empty = value.is_empty().then_some(value);
        for (part, content) in (0_u32..).zip(value.chunks(PART).chain(empty)) {
            seal::begin(&mut self.value);
            self.value.extend_from_slice(content);
            seal::close(&setting_key(word, part), &mut self.value);
            self.settings
                .insert((word, part), self.value.as_slice())
                .map_err(failed)?;
        }
        Ok(())
    }

    fn step(&mut self, id: u64, number: u64, content: &[u8]) -> Result<()> {
        for (part, content) in (0_u32..).zip(content.chunks(PART)) {
            let key = (id, number, part);
            seal::begin(&mut self.value);
            self.value.extend_from_slice(content);
            seal::close(&step_key(key), &mut self.value);
            self.journal
                .insert(key, self.value.as_slice())
                .map_err(failed)?;
        }
        Ok(())
    }

    fn snapshot(&mut self, id: u64, number: u64, zone: &Zone) -> Result<Snapshot> {
        let mut cursor = self
            .blocks
            .upper_bound_mut(Bound::Excluded((id, number, 0)))
            .map_err(failed)?;
        let sink = |block: u32, octets: &[u8]| -> Result<()> {
            cursor
                .insert_before((id, number, block), octets)
                .map_err(failed)
        };
        let mut writer = BlockWriter::new(id, number, sink);
        for page in zone.pages() {
            writer.push(page)?;
        }
        let (blocks, octets) = writer.finish()?;
        cursor.close().map_err(failed)?;
        Ok(Snapshot {
            number,
            blocks,
            octets,
        })
    }
}

pub(super) fn setting_parts(
    settings: &impl ReadableTable<(&'static str, u32), &'static [u8]>,
    word: &str,
) -> Result<SettingParts> {
    let rows = settings.range((word, 0)..=(word, u32::MAX));
    rows.map_err(failed)?
        .map(|row| {
            let (key, value) = row.map_err(failed)?;
            Ok((key.value().1, value.value().to_vec()))
        })
        .collect()
}

/// What a step is in the journal, and how many octets it takes there.
pub(crate) fn step_content(from: Serial, to: Serial, encoded: &[u8]) -> (Vec<u8>, u64) {
    let length = Step::HEAD + encoded.len();
    let octets = (length + length.div_ceil(PART) * seal::SEAL) as u64;
    let mut content = Vec::with_capacity(length);
    Step { from, to, octets }.write(&mut content);
    content.extend_from_slice(encoded);
    (content, octets)
}

fn failed(error: impl Into<redb::Error>) -> StorageFailure {
    StorageFailure::new(error)
}
