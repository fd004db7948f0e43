//! Proving that everything in a file is as it was written.

use std::collections::HashMap;
use std::sync::PoisonError;

use redb::{ReadTransaction, ReadableTable};
use zonekit_wire::{Name, rdata};

use super::load::{self, Loaded, Trust, setting_key};
use super::rows::{ContentRow, Extent, ZoneRow};
use super::{
    BLOCKS, DOOMED, Disk, JOURNAL, Result, SETTINGS, TIMERS, ZONES, closed, contained, seal,
};
use crate::{Checked, Damage, StorageFailure, StoreError, Zone};

/// What a whole file comes to.
#[derive(Default)]
pub(crate) struct Proof {
    pub(crate) zones: u64,
    pub(crate) settings: u64,
    /// What is wrong beside the zones.
    pub(crate) damage: Vec<Damage>,
}

impl Disk {
    /// Reads everything there is. Each zone is shown by itself, with what is wrong with it.
    pub(crate) fn prove(&self, mut show: impl FnMut(Checked)) -> Result<Proof> {
        let mut proof = Proof::default();
        if !self.is_sound()? {
            proof.damage.push(Damage::File);
        }
        self.read(|transaction| {
            let mut known = HashMap::new();
            let timers = transaction.open_table(TIMERS).map_err(failed)?;
            let zones = transaction.open_table(ZONES).map_err(failed)?;
            for row in zones.iter().map_err(failed)? {
                let (id, row) = row.map_err(failed)?;
                let id = id.value();
                proof.zones += 1;
                let Some(row) = ZoneRow::read(id, row.value()) else {
                    proof.damage.push(Damage::Row(id));
                    known.insert(id, None);
                    continue;
                };
                known.insert(id, Some(row.extent));
                let mut damage = Vec::new();
                let loaded =
                    load::load_row(transaction, &timers, id, row, Trust::Nothing, &mut damage)?;
                let found = prove_zone(transaction, &loaded)?.into_iter();
                damage.extend(found.filter(|_| loaded.zone.is_some()));
                damage.dedup();
                show(Checked::of(&loaded, damage));
            }
            proof.damage.extend(strays(transaction, &known)?);
            let settings = transaction.open_table(SETTINGS).map_err(failed)?;
            for row in settings.iter().map_err(failed)? {
                let (key, value) = row.map_err(failed)?;
                let (word, part) = key.value();
                proof.settings += u64::from(part == 0);
                if seal::open(&setting_key(word, part), value.value()).is_none() {
                    proof.damage.push(Damage::Setting(word.to_owned()));
                }
            }
            Ok::<_, StorageFailure>(())
        })?;
        Ok(proof)
    }

    /// Whether redb finds its own structure as it wrote it.
    fn is_sound(&self) -> Result<bool> {
        let mut database = { self.database.write() }.unwrap_or_else(PoisonError::into_inner);
        let database = database.as_mut().ok_or_else(closed)?;
        match contained(|| database.check_integrity()) {
            Ok(Ok(is_sound)) => Ok(is_sound),
            Err(_) => Ok(false),
            Ok(Err(redb::DatabaseError::Storage(redb::StorageError::Corrupted(_)))) => Ok(false),
            Ok(Err(error)) => Err(failed(error)),
        }
    }
}

/// What loading a zone for serving does not look at: each record, and the steps below the snapshot.
fn prove_zone(transaction: &ReadTransaction, loaded: &Loaded) -> Result<Vec<Damage>> {
    let (Some(zone), Some(content)) = (&loaded.zone, &loaded.row.content) else {
        return Ok(Vec::new());
    };
    let mut damage: Vec<Damage> = prove_records(zone).into_iter().collect();
    let Extent {
        first_step,
        next_step,
        journal_octets,
        ..
    } = loaded.file.extent();
    let (apex, mut octets, mut end) = (content.apex(), 0, None);
    for number in first_step..next_step {
        match load::read_step(transaction, loaded.id, apex, number) {
            Ok((step, diff)) => {
                octets += step.octets;
                let (from, to) = (diff.from().to_buf(), diff.to().to_buf());
                let is_right = step.from == from.serial && step.to == to.serial;
                let follows = end.replace(to).is_none_or(|end| end == from);
                if !follows || !is_right {
                    damage.push(misfit(apex, number));
                }
            }
            Err(StoreError::Damaged(wrong)) => {
                damage.push(wrong);
                end = None;
            }
            Err(StoreError::Storage(failure)) => return Err(failure),
            Err(_) => damage.push(misfit(apex, number)),
        }
    }
    let is_held = end.is_none_or(|end| end == zone.soa());
    if damage.is_empty() && (!is_held || octets != journal_octets) {
        damage.push(misfit(apex, next_step.saturating_sub(1)));
    }
    Ok(damage)
}

fn misfit(apex: Name<'_>, step: u64) -> Damage {
    Damage::Step {
        zone: apex.to_buf(),
        step,
    }
}

/// The first record that is none; then, whether there are as many as is said.
fn prove_records(zone: &Zone) -> Option<Damage> {
    let mut records = zone.iter();
    let mut count = 0;
    while let Some(record) = records.next() {
        count += 1;
        if let Err(source) = rdata::validate(record.rtype, record.rdata) {
            return Some(Damage::Record {
                zone: zone.apex().to_buf(),
                owner: record.owner.to_buf(),
                rtype: record.rtype,
                source,
            });
        }
    }
    let expected = ContentRow::of(zone).mark();
    let found = crate::VersionMark {
        records: count,
        ..expected
    };
    (found != expected).then(|| Damage::OtherVersion {
        zone: zone.apex().to_buf(),
        expected,
        found,
    })
}

/// Pieces that belong to no zone; one for each zone and table.
fn strays(
    transaction: &ReadTransaction,
    known: &HashMap<u64, Option<Extent>>,
) -> Result<Vec<Damage>> {
    let mut found = Vec::new();
    let mut note = |table, zone| {
        let stray = Damage::Stray { table, zone };
        if found.last() != Some(&stray) {
            found.push(stray);
        }
    };
    let doomed = transaction.open_table(DOOMED).map_err(failed)?;
    let blocks = transaction.open_table(BLOCKS).map_err(failed)?;
    let mut next = blocks.first().map_err(failed)?;
    while let Some((key, _)) = next {
        let (id, snapshot, ..) = key.value();
        let is_known = match known.get(&id) {
            Some(Some(extent)) => extent.snapshot.number == snapshot,
            Some(None) => true, // of a row that cannot be read
            None => false,
        };
        if !is_known && doomed.get((id, snapshot)).map_err(failed)?.is_none() {
            note("blocks", id);
        }
        let behind: super::BlockKey<'_> = (id, snapshot + 1, &[], 0);
        let mut behind = blocks.range(behind..).map_err(failed)?;
        next = behind.next().transpose().map_err(failed)?;
    }
    let journal = transaction.open_table(JOURNAL).map_err(failed)?;
    for row in journal.iter().map_err(failed)? {
        let (id, step, _) = row.map_err(failed)?.0.value();
        let is_known = match known.get(&id) {
            Some(Some(extent)) => (extent.first_step..extent.next_step).contains(&step),
            Some(None) => true,
            None => false,
        };
        if !is_known {
            note("journal", id);
        }
    }
    let timers = transaction.open_table(TIMERS).map_err(failed)?;
    for row in timers.iter().map_err(failed)? {
        let id = row.map_err(failed)?.0.value();
        if !known.contains_key(&id) {
            note("timers", id);
        }
    }
    Ok(found)
}

fn failed(error: impl Into<redb::Error>) -> StorageFailure {
    StorageFailure::new(error)
}
