//! Changes to the records of one name.

use std::mem;

use zonekit_wire::{Rtype, rdata};

use super::{Draft, Item, Place};

/// A change to one record.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Edit<'e> {
    pub(crate) is_removal: bool,
    pub(crate) rtype: Rtype,
    pub(crate) ttl: u32,
    pub(crate) rdata: &'e [u8],
}

impl Draft {
    /// Makes changes to records that are in order. Of each change, the number in `edits` is its place in time.
    ///
    /// What is removed must be there, what is added must not; TTLs follow the lowest of the set. Returns how many sets had
    /// their TTLs lowered, or the number of the first change that cannot be made. Costs what is there, once, and
    /// the changes to be sorted, however many there are.
    pub(crate) fn edit(&mut self, edits: &[Edit<'_>]) -> Result<u64, usize> {
        let place = |number: &usize| Place::of(edits[*number].rtype, edits[*number].rdata);
        let mut order = mem::take(&mut self.order);
        order.clear();
        order.extend(0..edits.len());
        order.sort_by_key(place); // stable: each set's changes stay as they came
        let old = mem::replace(&mut self.items, mem::take(&mut self.spare));
        self.items.clear();
        let (mut rest, mut lowered, mut failed) = (&old[..], 0, None);
        for changes in order.chunk_by_mut(|a, b| place(a) == place(b)) {
            let Some(at) = changes.first().map(place) else {
                continue;
            };
            let (before, behind) = rest.split_at(rest.partition_point(|item| item.place < at));
            let (set, behind) = behind.split_at(behind.partition_point(|item| item.place == at));
            self.items.extend_from_slice(before);
            rest = behind;
            let (ttl, is_lowered) = ttl_after(set, changes.iter().map(|number| &edits[*number]));
            lowered += u64::from(is_lowered);
            self.edit_set(set, edits, changes, ttl, &mut failed);
        }
        self.items.extend_from_slice(rest);
        (self.spare, self.order) = (old, order);
        failed.map_or(Ok(lowered), Err)
    }

    /// Puts what `changes` make of a set behind the others; `failed` becomes the first change that cannot be made.
    fn edit_set(
        &mut self,
        set: &[Item],
        edits: &[Edit<'_>],
        changes: &mut [usize],
        ttl: u32,
        failed: &mut Option<usize>,
    ) {
        let from = self.items.len();
        let by_rdata = |a: &usize, b: &usize| {
            let (a, b) = (&edits[*a], &edits[*b]);
            rdata::cmp_without_case(a.rtype, a.rdata, b.rdata)
        };
        changes.sort_by(by_rdata); // stable again: each record's changes stay as they came
        let mut rest = set;
        for same in changes.chunk_by(|a, b| by_rdata(a, b).is_eq()) {
            let Some(sought) = same.first().map(|number| &edits[*number]) else {
                continue;
            };
            let order =
                |item: &Item| rdata::cmp_without_case(sought.rtype, self.rdata(item), sought.rdata);
            let (before, behind) = rest.split_at(rest.partition_point(|item| order(item).is_lt()));
            let (held, behind) = match behind.split_first() {
                Some((item, behind)) if order(item).is_eq() => (Some(*item), behind),
                _ => (None, behind),
            };
            self.items.extend_from_slice(before);
            rest = behind;
            let (mut is_there, mut added) = (held.is_some(), None);
            for number in same {
                if is_there != edits[*number].is_removal {
                    *failed = Some(failed.map_or(*number, |first| first.min(*number)));
                }
                is_there = !is_there;
                added = is_there.then(|| &edits[*number]);
            }
            if let Some(added) = added {
                let item = self.keep(added.rtype, added.ttl, added.rdata);
                self.items.push(item);
            }
        }
        self.items.extend_from_slice(rest);
        self.items[from..]
            .iter_mut()
            .for_each(|item| item.ttl = ttl);
    }
}

/// The TTL of a set after changes that come in this order, and whether records that meet in it at the end had several.
fn ttl_after<'e>(set: &[Item], changes: impl Iterator<Item = &'e Edit<'e>>) -> (u32, bool) {
    let mut ttl = set.first().map_or(0, |item| item.ttl);
    let (mut records, mut is_lowered) = (set.len(), false);
    for change in changes {
        if change.is_removal {
            records = records.saturating_sub(1);
        } else if records == 0 {
            (ttl, records, is_lowered) = (change.ttl, 1, false);
        } else {
            is_lowered |= change.ttl != ttl;
            ttl = ttl.min(change.ttl);
            records += 1;
        }
    }
    (ttl, is_lowered)
}
