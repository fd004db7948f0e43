//! Writing: putting pieces into the tables, and taking them out.

use std::collections::BTreeSet;
use std::ops::Bound;
use std::sync::Arc;

use redb::{ReadableTable, Table, WriteTransaction};
use zonekit_wire::Serial;

use super::blocks::{BlockKey, Place, ROOM, cut, octets_in_block, parts, place_of, trees};
use super::dirt::Dirt;
use super::load::{setting_key, step_key};
use super::plan::{Pages, Plan};
use super::rows::{self, Snapshot, Step, TimerRow, ZoneRow};
use super::under_way::UnderWay;
use super::{BLOCKS, DOOMED, JOURNAL, Result, SETTINGS, TIMERS, ZONES, seal};
use crate::page::Page;
use crate::tree::Tree;
use crate::{Standing, StorageFailure, Timers, Zone};

/// Octets of a value's content: just under 16 KiB, as blocks are.
const PART: usize = 16_384 - 256;

/// A transaction under way.
pub(crate) struct Writing<'t> {
    zones: Table<'t, u64, &'static [u8]>,
    blocks: Table<'t, BlockKey<'static>, &'static [u8]>,
    doomed: Table<'t, (u64, u64), ()>,
    journal: Table<'t, (u64, u64, u32), &'static [u8]>,
    timers: Table<'t, u64, TimerRow>,
    settings: Table<'t, (&'static str, u32), &'static [u8]>,
    value: Vec<u8>,
    /// See [`Options::piece_octets`](crate::Options::piece_octets).
    piece: u64,
    under_way: &'t UnderWay,
    /// Snapshots are left that nobody needs.
    pub(crate) is_littered: bool,
}

/// A named value as it lies in the table: none when there is no such value.
pub(crate) type SettingParts = Vec<(u32, Vec<u8>)>;

/// A snapshot that is written piece by piece, each in a transaction of its own, before it counts.
pub(crate) struct Staging<'z> {
    id: u64,
    /// What the pieces that were written come to.
    snapshot: Snapshot,
    /// The pages of each tree that are to come.
    rows: [(u8, Vec<&'z Arc<[u8]>>); 2],
    piece: u64,
}

/// Pages of a [`Staging`] that are to be written together.
pub(crate) struct StagedPiece<'z> {
    id: u64,
    number: u64,
    tree: u8,
    pages: Vec<&'z Arc<[u8]>>,
}

/// What was written of a [`Staging`].
#[derive(Clone, Copy, Default)]
pub(crate) struct WrittenPiece {
    parts: u64,
    octets: u64,
}

impl<'t> Writing<'t> {
    pub(super) fn new(
        transaction: &'t WriteTransaction,
        piece: u64,
        under_way: &'t UnderWay,
    ) -> Result<Self> {
        Ok(Self {
            zones: transaction.open_table(ZONES).map_err(failed)?,
            blocks: transaction.open_table(BLOCKS).map_err(failed)?,
            doomed: transaction.open_table(DOOMED).map_err(failed)?,
            journal: transaction.open_table(JOURNAL).map_err(failed)?,
            timers: transaction.open_table(TIMERS).map_err(failed)?,
            settings: transaction.open_table(SETTINGS).map_err(failed)?,
            value: Vec::new(),
            piece,
            under_way,
            is_littered: false,
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
        let row = rows::write_timers(id, timers, standing);
        self.timers.insert(id, row).map_err(failed)?;
        Ok(())
    }

    /// Takes a zone out whose snapshot is the one of this number. What is much of it goes later.
    pub(crate) fn remove_zone(&mut self, id: u64, snapshot: u64) -> Result<()> {
        self.zones.remove(id).map_err(failed)?;
        self.timers.remove(id).map_err(failed)?;
        self.forget_steps((id, 0, 0)..=(id, u64::MAX, u32::MAX))?;
        self.doom(id, snapshot)
    }

    /// Takes out all that there may be of a zone, but for the snapshot of this number, and those under way. What is much of it
    /// goes later.
    pub(crate) fn purge(&mut self, id: u64, staged: Option<u64>) -> Result<()> {
        self.zones.remove(id).map_err(failed)?;
        self.timers.remove(id).map_err(failed)?;
        self.forget_steps((id, 0, 0)..=(id, u64::MAX, u32::MAX))?;
        let under_way = self.under_way;
        let is_staged = |number| Some(number) == staged || under_way.has(id, number);
        self.doomed
            .retain_in((id, 0)..=(id, u64::MAX), |(_, number), ()| {
                is_staged(number)
            })
            .map_err(failed)?;
        let mut from = 0;
        while let Some(number) = self.snapshot_from(id, from)? {
            if !is_staged(number) {
                self.doom(id, number)?;
            }
            from = number + 1;
        }
        Ok(())
    }

    /// The first snapshot of a zone, at or behind this number, that has blocks.
    fn snapshot_from(&self, id: u64, number: u64) -> Result<Option<u64>> {
        let rest: (BlockKey<'_>, BlockKey<'_>) = ((id, number, &[], 0), (id + 1, 0, &[], 0));
        let mut blocks = self.blocks.range(rest.0..rest.1).map_err(failed)?;
        let first = blocks.next().transpose().map_err(failed)?;
        Ok(first.map(|(key, _)| key.value().1))
    }

    /// Writes what `plan` says; afterwards it knows the size of the snapshot. `number` is for the snapshot if there is a
    /// new one, `diff` the content of the step that it pushes, from [`step_content`]; `before` the snapshot there was.
    pub(crate) fn publish(
        &mut self,
        id: u64,
        plan: &mut Plan,
        zone: &Zone,
        diff: &[u8],
        before: Snapshot,
        number: u64,
    ) -> Result<()> {
        let after = plan.after;
        if plan.cut {
            self.forget_steps((id, 0, 0)..=(id, u64::MAX, u32::MAX))?;
        } else if plan.trim > 0 {
            self.forget_steps((id, 0, 0)..=(id, after.first_step - 1, u32::MAX))?;
        }
        if plan.push.is_some() {
            self.step(id, after.next_step - 1, diff)?;
        }
        match &plan.pages {
            Pages::Keep => {}
            Pages::Change(Dirt::Places(places)) => {
                plan.after.snapshot = self.change(id, before, zone, places)?;
            }
            Pages::Whole | Pages::Change(Dirt::Everything) => {
                self.doom(id, before.number)?;
                let mut staging = Staging::new(id, number, zone, self.piece);
                while let Some(piece) = staging.next() {
                    staging.add(self.insert(&piece)?);
                }
                plan.after.snapshot = staging.snapshot;
            }
            Pages::Staged => {
                let staged = (id, after.snapshot.number);
                let is_there = self.doomed.remove(staged).map_err(failed)?.is_some();
                if !is_there {
                    let why = format!("snapshot {staged:?} is gone that was to count");
                    return Err(failed(redb::Error::Corrupted(why)));
                }
                self.doom(id, before.number)?;
            }
        }
        Ok(())
    }

    /// Writes pages of a snapshot that does not count yet.
    pub(super) fn stage(&mut self, piece: &StagedPiece<'_>) -> Result<WrittenPiece> {
        self.doomed
            .insert((piece.id, piece.number), ())
            .map_err(failed)?;
        self.insert(piece)
    }

    /// Takes out some of what nobody needs any more; sets [`is_littered`](Self::is_littered) when that is not all.
    pub(crate) fn sweep(&mut self) -> Result<()> {
        if let Some((id, number)) = self.left_behind()? {
            self.doom(id, number)?;
            self.is_littered |= self.left_behind()?.is_some();
        }
        Ok(())
    }

    /// The first snapshot that nobody needs any more.
    fn left_behind(&self) -> Result<Option<(u64, u64)>> {
        for row in self.doomed.iter().map_err(failed)? {
            let (id, number) = row.map_err(failed)?.0.value();
            if !self.under_way.has(id, number) {
                return Ok(Some((id, number)));
            }
        }
        Ok(None)
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

    /// Puts a named value where there is none; says how many parts it has.
    pub(crate) fn put_setting(&mut self, word: &str, value: &[u8]) -> Result<u32> {
        let empty = value.is_empty().then_some(value);
        let mut parts = 0;
        for content in value.chunks(PART).chain(empty) {
            seal::begin(&mut self.value);
            self.value.extend_from_slice(content);
            seal::close(&setting_key(word, parts), &mut self.value);
            self.settings
                .insert((word, parts), self.value.as_slice())
                .map_err(failed)?;
            parts += 1;
        }
        Ok(parts)
    }

    /// Puts a named value in the place of the one there is, if there is one.
    pub(crate) fn replace_setting(&mut self, word: &str, value: &[u8]) -> Result<()> {
        let mut behind = self.put_setting(word, value)?;
        // Whatever a longer one before it had more.
        while { self.settings.remove((word, behind)) }
            .map_err(failed)?
            .is_some()
        {
            behind += 1;
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

    fn forget_steps(&mut self, steps: std::ops::RangeInclusive<(u64, u64, u32)>) -> Result<()> {
        self.journal.retain_in(steps, |_, _| false).map_err(failed)
    }

    fn insert(&mut self, piece: &StagedPiece<'_>) -> Result<WrittenPiece> {
        let mut written = WrittenPiece::default();
        let Some(first) = piece.pages.first() else {
            return Ok(written);
        };
        let place = place_of(piece.tree, first);
        // A cursor is made for many blocks, and costs several times what it takes to put in the one of a small zone.
        if { piece.pages.iter() }
            .map(|page| octets_in_block(page))
            .sum::<usize>()
            <= ROOM
        {
            for (part, value) in (0..).zip(parts(piece.id, piece.number, &place, &piece.pages)) {
                let key: BlockKey<'_> = (piece.id, piece.number, &place, part);
                self.blocks.insert(key, value.as_slice()).map_err(failed)?;
                written.parts += 1;
                written.octets += value.len() as u64;
            }
            return Ok(written);
        }
        let first: BlockKey<'_> = (piece.id, piece.number, &place, 0);
        let mut cursor = self
            .blocks
            .upper_bound_mut(Bound::Excluded(first))
            .map_err(failed)?;
        for block in cut(&piece.pages) {
            let Some(first) = block.first() else { continue };
            let place = place_of(piece.tree, first);
            for (part, value) in (0..).zip(parts(piece.id, piece.number, &place, block)) {
                let key: BlockKey<'_> = (piece.id, piece.number, &place, part);
                cursor
                    .insert_before(key, value.as_slice())
                    .map_err(failed)?;
                written.parts += 1;
                written.octets += value.len() as u64;
            }
        }
        cursor.close().map_err(failed)?;
        Ok(written)
    }

    /// Takes a snapshot out that nobody needs any more: at once, or if it has many blocks, some now and the rest later.
    fn doom(&mut self, id: u64, number: u64) -> Result<()> {
        if number == 0 {
            return Ok(()); // there was none
        }
        let all: (BlockKey<'_>, BlockKey<'_>) = ((id, number, &[], 0), (id, number + 1, &[], 0));
        let mut blocks = self
            .blocks
            .extract_from_if(all.0..all.1, |_, _| true)
            .map_err(failed)?;
        // To take a block out costs about half of putting it in.
        let most = (2 * self.piece / PART as u64).max(1) as usize;
        for taken in blocks.by_ref().take(most) {
            taken.map_err(failed)?;
        }
        drop(blocks);
        let rest = self.blocks.range(all.0..all.1).map_err(failed)?.next();
        if rest.transpose().map_err(failed)?.is_some() {
            self.doomed.insert((id, number), ()).map_err(failed)?;
            self.is_littered = true;
        } else {
            self.doomed.remove((id, number)).map_err(failed)?;
        }
        Ok(())
    }

    /// Writes those blocks of a snapshot anew that have pages at these places, as they are in `zone`; says what the snapshot
    /// comes to.
    fn change(
        &mut self,
        id: u64,
        snapshot: Snapshot,
        zone: &Zone,
        places: &BTreeSet<Place>,
    ) -> Result<Snapshot> {
        let number = snapshot.number;
        let mut after = snapshot;
        let mut places = places.iter().peekable();
        let [(_, names), (_, hashes)] = trees(zone);
        while let Some(place) = places.next() {
            let (tree, side) = match place.first() {
                Some(0) => (0, names),
                _ => (1, hashes),
            };
            let from = self.block_with(id, number, tree, place)?;
            let mut to = self.block_behind(id, number, tree, place)?;
            let mut row = row_of_pages(side, &from, to.as_deref());
            // What has become small goes together with what stands behind it.
            while let Some(end) = &to
                && row.iter().map(|page| octets_in_block(page)).sum::<usize>() < ROOM / 2
            {
                to = self.block_behind(id, number, tree, &end.clone())?;
                row = row_of_pages(side, &from, to.as_deref());
            }
            let end = to.unwrap_or_else(|| vec![tree + 1]);
            while places.next_if(|place| **place < end).is_some() {}

            let old: (BlockKey<'_>, BlockKey<'_>) = ((id, number, &from, 0), (id, number, &end, 0));
            self.blocks
                .retain_in(old.0..old.1, |_, value| {
                    after.parts -= 1;
                    after.octets -= value.len() as u64;
                    false
                })
                .map_err(failed)?;
            for block in cut(&row) {
                let Some(first) = block.first() else { continue };
                let place = place_of(tree, first);
                for (part, value) in (0..).zip(parts(id, number, &place, block)) {
                    let key: BlockKey<'_> = (id, number, &place, part);
                    self.blocks.insert(key, value.as_slice()).map_err(failed)?;
                    after.parts += 1;
                    after.octets += value.len() as u64;
                }
            }
        }
        Ok(after)
    }

    /// The place of the block that has, or would have, the page of a place.
    fn block_with(&self, id: u64, snapshot: u64, tree: u8, place: &[u8]) -> Result<Place> {
        let first = [tree];
        let up_to: (BlockKey<'_>, BlockKey<'_>) =
            ((id, snapshot, &first, 0), (id, snapshot, place, u32::MAX));
        let mut found = self.blocks.range(up_to.0..=up_to.1).map_err(failed)?;
        match found.next_back().transpose().map_err(failed)? {
            Some((key, _)) => Ok(key.value().2.to_vec()),
            None => Ok(first.to_vec()),
        }
    }

    /// The place of the first block behind a place in the same tree.
    fn block_behind(
        &self,
        id: u64,
        snapshot: u64,
        tree: u8,
        place: &[u8],
    ) -> Result<Option<Place>> {
        let end = [tree + 1];
        let behind: (BlockKey<'_>, BlockKey<'_>) =
            ((id, snapshot, place, u32::MAX), (id, snapshot, &end, 0));
        let mut found = self.blocks.range(behind.0..behind.1).map_err(failed)?;
        let found = found.next().transpose().map_err(failed)?;
        Ok(found.map(|(key, _)| key.value().2.to_vec()))
    }
}

impl<'z> Staging<'z> {
    pub(crate) fn new(id: u64, number: u64, zone: &'z Zone, piece: u64) -> Self {
        let snapshot = Snapshot {
            number,
            ..Snapshot::default()
        };
        let rows = trees(zone).map(|(tree, pages)| (tree, pages.pages().collect()));
        Self {
            id,
            snapshot,
            rows,
            piece,
        }
    }

    /// The snapshot, as far as its pieces have been counted.
    pub(crate) fn snapshot(&self) -> Snapshot {
        self.snapshot
    }

    /// Takes note that a piece has been written.
    pub(crate) fn add(&mut self, written: WrittenPiece) {
        self.snapshot.parts += written.parts;
        self.snapshot.octets += written.octets;
    }
}

impl StagedPiece<'_> {
    /// The same in portions of about so many octets, of one page at least.
    pub(super) fn portions(&self, octets: usize) -> impl Iterator<Item = Self> {
        let mut rest = &self.pages[..];
        std::iter::from_fn(move || {
            let mut room = octets.max(1);
            let is_in = |page: &&&Arc<[u8]>| {
                let is_in = room > 0;
                room = room.saturating_sub(octets_in_block(page));
                is_in
            };
            let (portion, behind) = rest.split_at(rest.iter().take_while(is_in).count());
            rest = behind;
            (!portion.is_empty()).then(|| Self {
                pages: portion.to_vec(),
                ..*self
            })
        })
    }
}

impl WrittenPiece {
    pub(super) fn add(&mut self, more: Self) {
        self.parts += more.parts;
        self.octets += more.octets;
    }
}

impl<'z> Iterator for Staging<'z> {
    type Item = StagedPiece<'z>;

    fn next(&mut self) -> Option<StagedPiece<'z>> {
        let (tree, row) = self.rows.iter_mut().find(|(_, row)| !row.is_empty())?;
        let mut octets = 0;
        let is_in = |page: &&&Arc<[u8]>| {
            let is_in = octets < self.piece;
            octets += octets_in_block(page) as u64;
            is_in
        };
        let count = row.iter().take_while(is_in).count();
        let behind = row.split_off(count);
        let pages = std::mem::replace(row, behind);
        Some(StagedPiece {
            id: self.id,
            number: self.snapshot.number,
            tree: *tree,
            pages,
        })
    }
}

/// The pages of a tree between two places.
fn row_of_pages<'z>(tree: &'z Tree, from: &[u8], to: Option<&[u8]>) -> Vec<&'z Arc<[u8]>> {
    let from = from.get(1..).unwrap_or_default();
    let end = to.and_then(|place| place.get(1..));
    tree.pages_from(from)
        .take_while(|page| end.is_none_or(|end| Page::new(page).first_key()[..] < *end))
        .collect()
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
pub(crate) fn step_content(from: Serial, to: Serial, at: u64, encoded: &[u8]) -> (Vec<u8>, Step) {
    let length = Step::HEAD + encoded.len();
    let octets = (length + length.div_ceil(PART) * seal::SEAL) as u64;
    let step = Step {
        from,
        to,
        octets,
        at,
    };
    let mut content = Vec::with_capacity(length);
    step.write(&mut content);
    content.extend_from_slice(encoded);
    (content, step)
}

fn failed(error: impl Into<redb::Error>) -> StorageFailure {
    StorageFailure::new(error)
}
