//! Reading zones back: pages as they are, then the steps on top of them.
//!
//! The file is ours: a seal that is unbroken says that what it covers is what we wrote, so at a start pages are not read
//! entry by entry. Nothing hangs on that but the records found: no octets, sealed or not, make a lookup panic. To have every
//! entry proven is what [`check`](crate::check) is for.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;

use redb::{ReadOnlyTable, ReadTransaction, ReadableTable};
use zonekit_wire::Name;

use super::blocks::{BlockKey, BlockReader};
use super::dirt::Dirt;
use super::rows::{self, ContentRow, Extent, Snapshot, Step, TimerRow, ZoneFile, ZoneRow};
use super::write::{SettingParts, setting_parts};
use super::{BLOCKS, DOOMED, Disk, JOURNAL, Result, SETTINGS, TIMERS, ZONES, seal};
use crate::{Damage, Diff, Generation, Piece, Standing, StorageFailure, StoreError, Timers, Zone};

/// A zone as it was found in the file.
pub(crate) struct Loaded {
    pub(crate) id: u64,
    pub(crate) row: ZoneRow,
    pub(crate) file: ZoneFile,
    pub(crate) standing: Standing,
    pub(crate) zone: Option<Zone>,
}

/// How far what lies in the file is believed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Trust {
    /// Pages whose seal is unbroken are as we wrote them.
    Seals,
    /// Every page is proven entry by entry as well.
    Nothing,
}

/// The narrow tables as the last commit left them.
pub(crate) struct Present {
    zones: ReadOnlyTable<u64, &'static [u8]>,
    timers: ReadOnlyTable<u64, TimerRow>,
    settings: ReadOnlyTable<(&'static str, u32), &'static [u8]>,
}

impl Disk {
    /// Reads all zones, one after the other; says what is wrong. A damaged one comes without contents, one whose history is
    /// damaged without that, and one whose row is damaged not at all.
    pub(crate) fn load(
        &self,
        mut take: impl FnMut(Loaded),
        damage: &mut Vec<Damage>,
    ) -> Result<()> {
        self.read(|transaction| {
            let zones = transaction.open_table(ZONES).map_err(failed)?;
            let timers = transaction.open_table(TIMERS).map_err(failed)?;
            let doomed = transaction.open_table(DOOMED).map_err(failed)?;
            for row in doomed.iter().map_err(failed)? {
                let (_, number) = row.map_err(failed)?.0.value();
                self.last_snapshot.fetch_max(number, Ordering::Relaxed);
            }
            for row in zones.iter().map_err(failed)? {
                let (id, row) = row.map_err(failed)?;
                let id = id.value();
                let Some(row) = ZoneRow::read(id, row.value()) else {
                    damage.push(Damage::Row(id));
                    continue;
                };
                self.last_snapshot
                    .fetch_max(row.extent.snapshot.number, Ordering::Relaxed);
                take(load_row(
                    transaction,
                    &timers,
                    id,
                    row,
                    Trust::Seals,
                    damage,
                )?);
            }
            Ok(())
        })
    }

    /// Whether there are snapshots that nobody needs.
    pub(crate) fn is_littered(&self) -> Result<bool> {
        self.read(|transaction| {
            let doomed = transaction.open_table(DOOMED).map_err(failed)?;
            Ok(doomed.first().map_err(failed)?.is_some())
        })
    }

    /// Looks what the file has of single zones and settings.
    pub(crate) fn look<T>(&self, look: impl FnOnce(&Present) -> Result<T>) -> Result<T> {
        self.read(|transaction| {
            look(&Present {
                zones: transaction.open_table(ZONES).map_err(failed)?,
                timers: transaction.open_table(TIMERS).map_err(failed)?,
                settings: transaction.open_table(SETTINGS).map_err(failed)?,
            })
        })
    }

    /// Reads steps of the journal: the first of these, until they have so many octets together, but one at least.
    pub(crate) fn steps(
        &self,
        id: u64,
        name: Name<'_>,
        numbers: std::ops::Range<u64>,
        octets: usize,
    ) -> Result<Vec<Diff>, StoreError> {
        self.read(|transaction| {
            let (mut steps, mut read) = (Vec::new(), 0);
            for number in numbers {
                let step = read_step(transaction, id, name, number)?.1;
                read += step.encode().len();
                steps.push(step);
                if read >= octets {
                    break;
                }
            }
            Ok(steps)
        })
    }

    pub(crate) fn setting(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let mut found = self.settings_from(key, |word| word == key)?;
        Ok(found.pop().map(|(_, value)| value))
    }

    pub(crate) fn settings(&self, prefix: &str) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        self.settings_from(prefix, |word| word.starts_with(prefix))
    }

    fn settings_from(
        &self,
        first: &str,
        belongs: impl Fn(&str) -> bool,
    ) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        self.read(|transaction| {
            let table = transaction.open_table(SETTINGS).map_err(failed)?;
            let mut settings: Vec<(String, Vec<u8>)> = Vec::new();
            for row in table.range((first, 0)..).map_err(failed)? {
                let (key, value) = row.map_err(failed)?;
                let (word, part) = key.value();
                if !belongs(word) {
                    break;
                }
                let damaged = || Damage::Setting(word.to_owned());
                let content =
                    seal::open(&setting_key(word, part), value.value()).ok_or_else(damaged)?;
                match settings.last_mut() {
                    Some((last, whole)) if part > 0 && last == word => {
                        whole.extend_from_slice(content);
                    }
                    _ if part > 0 => return Err(damaged().into()),
                    _ => settings.push((word.to_owned(), content.to_vec())),
                }
            }
            Ok(settings)
        })
    }
}

impl Present {
    /// Which publication of a zone is there, and where; `None` when the zone is not there, or its row is damaged.
    pub(crate) fn publication(&self, id: u64) -> Result<Option<(Generation, Extent)>> {
        let row = self.zones.get(id).map_err(failed)?;
        Ok(row
            .and_then(|row| ZoneRow::read(id, row.value()))
            .map(|row| (row.generation, row.extent)))
    }

    pub(crate) fn timers(&self, id: u64) -> Result<Option<(Timers, Standing)>> {
        let row = self.timers.get(id).map_err(failed)?;
        Ok(row.and_then(|row| rows::read_timers(id, row.value())))
    }

    pub(crate) fn setting(&self, word: &str) -> Result<SettingParts> {
        setting_parts(&self.settings, word)
    }
}

/// Reads a zone; what is wrong with it comes to `damage`.
pub(super) fn load_row(
    transaction: &ReadTransaction,
    timers: &ReadOnlyTable<u64, TimerRow>,
    id: u64,
    row: ZoneRow,
    trust: Trust,
    damage: &mut Vec<Damage>,
) -> Result<Loaded> {
    let found = timers.get(id).map_err(failed)?;
    let found = found.map(|row| rows::read_timers(id, row.value()));
    if matches!(found, Some(None)) {
        damage.push(Damage::Timers(row.name().to_buf()));
    }
    let (timers, standing) = found
        .flatten()
        .unwrap_or((Timers::default(), Standing::Current));
    let bare = || ZoneFile::new(row.extent, VecDeque::new(), Dirt::default(), timers);
    let (zone, file) = match load_zone(transaction, id, &row, trust, timers, damage) {
        Ok(Some((zone, file))) => (Some(zone), file),
        Ok(None) => (None, bare()),
        Err(StoreError::Storage(failure)) => return Err(failure),
        Err(error) => {
            if let StoreError::Damaged(wrong) = error {
                damage.push(wrong);
            }
            (None, bare())
        }
    };
    let standing = match (&zone, standing) {
        (None, _) => Standing::NeverLoaded,
        (Some(_), Standing::NeverLoaded) => Standing::Current,
        (Some(_), standing) => standing,
    };
    Ok(Loaded {
        id,
        row,
        file,
        standing,
        zone,
    })
}

fn load_zone(
    transaction: &ReadTransaction,
    id: u64,
    row: &ZoneRow,
    trust: Trust,
    timers: Timers,
    damage: &mut Vec<Damage>,
) -> Result<Option<(Zone, ZoneFile)>, StoreError> {
    let Some(content) = &row.content else {
        return Ok(None);
    };
    let apex = content.apex();
    let mut zone = load_snapshot(transaction, id, row, apex, trust)?;
    let snapshot = zone.clone();
    let (mut extent, mut steps) = (row.extent, VecDeque::new());
    for number in row.extent.first_step..extent.replay_from {
        match read_step_head(transaction, id, apex, number) {
            Ok(step) => steps.push_back(step),
            // The version does not need it: history begins behind it.
            Err(StoreError::Damaged(wrong)) => {
                damage.push(wrong);
                steps.clear();
                extent.first_step = number + 1;
            }
            Err(error) => return Err(error),
        }
    }
    for number in extent.replay_from..extent.next_step {
        let (step, diff) = read_step(transaction, id, apex, number)?;
        steps.push_back(step);
        zone = diff.apply(&zone).map_err(|_| Damage::Step {
            zone: apex.to_buf(),
            step: number,
        })?;
    }
    let (expected, found) = (content.mark(), ContentRow::of(&zone).mark());
    if found != expected {
        let zone = apex.to_buf();
        return Err(Damage::OtherVersion {
            zone,
            expected,
            found,
        }
        .into());
    }
    let dirt = Dirt::between(&snapshot, &zone);
    if extent.first_step != row.extent.first_step {
        extent.journal_octets = steps.iter().map(|step: &Step| step.octets).sum();
    }
    Ok(Some((zone, ZoneFile::new(extent, steps, dirt, timers))))
}

fn load_snapshot(
    transaction: &ReadTransaction,
    id: u64,
    row: &ZoneRow,
    apex: Name<'_>,
    trust: Trust,
) -> Result<Zone, StoreError> {
    let Snapshot { number, parts, .. } = row.extent.snapshot;
    let zone = || apex.to_buf();
    let table = transaction.open_table(BLOCKS).map_err(failed)?;
    let mut reader = BlockReader::default();
    let mut read = 0;
    let all: (BlockKey<'_>, BlockKey<'_>) = ((id, number, &[], 0), (id, number + 1, &[], 0));
    for part in table.range(all.0..all.1).map_err(failed)? {
        let (key, part) = part.map_err(failed)?;
        if !reader.push(key.value(), part.value()) {
            return Err(Damage::Checksum {
                zone: zone(),
                piece: Piece::Block(read),
            }
            .into());
        }
        read += 1;
    }
    let missing = || Damage::Missing {
        zone: zone(),
        piece: Piece::Block(read),
    };
    if read != parts {
        return Err(missing().into());
    }
    let pages = reader.finish().ok_or_else(missing)?;
    let corrupt = |source| Damage::Pages {
        zone: zone(),
        source,
    };
    let zone = match trust {
        Trust::Seals => Zone::from_sealed_pages(apex, pages),
        Trust::Nothing => Zone::from_pages(apex, pages),
    };
    Ok(zone.map_err(corrupt)?)
}

/// Reads a step of the journal.
pub(super) fn read_step(
    transaction: &ReadTransaction,
    id: u64,
    name: Name<'_>,
    number: u64,
) -> Result<(Step, Diff), StoreError> {
    let table = transaction.open_table(JOURNAL).map_err(failed)?;
    let mut content = Vec::new();
    let range = (id, number, 0)..=(id, number, u32::MAX);
    for (expected, part) in table.range(range).map_err(failed)?.enumerate() {
        let (key, part) = part.map_err(failed)?;
        let opened = seal::open(&step_key(key.value()), part.value())
            .filter(|_| key.value().2 as usize == expected)
            .ok_or_else(|| Damage::Checksum {
                zone: name.to_buf(),
                piece: Piece::Step(number),
            })?;
        content.extend_from_slice(opened);
    }
    let missing = || Damage::Missing {
        zone: name.to_buf(),
        piece: Piece::Step(number),
    };
    let (step, content) = Step::split_from(&content).ok_or_else(missing)?;
    let diff = Diff::decode(content).map_err(|_| Damage::Step {
        zone: name.to_buf(),
        step: number,
    })?;
    Ok((step, diff))
}

/// Reads what a step leads from and to.
fn read_step_head(
    transaction: &ReadTransaction,
    id: u64,
    name: Name<'_>,
    number: u64,
) -> Result<Step, StoreError> {
    let table = transaction.open_table(JOURNAL).map_err(failed)?;
    let key = (id, number, 0);
    let part = table.get(key).map_err(failed)?;
    let part = part.as_ref().ok_or_else(|| Damage::Missing {
        zone: name.to_buf(),
        piece: Piece::Step(number),
    })?;
    let step = seal::open(&step_key(key), part.value()).and_then(Step::split_from);
    let (step, _) = step.ok_or_else(|| Damage::Checksum {
        zone: name.to_buf(),
        piece: Piece::Step(number),
    })?;
    Ok(step)
}

/// What the seal of a part of a step covers beside it.
pub(super) fn step_key((id, number, part): (u64, u64, u32)) -> Vec<u8> {
    [
        &id.to_be_bytes()[..],
        &number.to_be_bytes(),
        &part.to_be_bytes(),
    ]
    .concat()
}

/// What the seal of a part of a setting covers beside it.
pub(super) fn setting_key(word: &str, part: u32) -> Vec<u8> {
    [word.as_bytes(), &[0], &part.to_be_bytes()].concat()
}

fn failed(error: impl Into<redb::Error>) -> StorageFailure {
    StorageFailure::new(error)
}
