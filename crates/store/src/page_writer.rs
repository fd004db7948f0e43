//! Packing entries into pages.

use std::ops::Range;
use std::sync::Arc;

use crate::key::common_prefix;
use crate::number::{number_octets, write_number};
use crate::page::{Flags, GROUP, HEADER, PAGE_OCTETS, Page, SLOT, Totals, VERSION, head};
use crate::rrset::Body;

/// How large a page may grow by edits before it is cut in two, header not counted. More than a page has when it is
/// built: those are full, and would all be cut by the first record that comes to them.
pub(crate) const EDITED_OCTETS: usize = PAGE_OCTETS * 3 / 2 - HEADER;

/// Packs entries that come in key order into pages.
#[derive(Debug)]
pub(crate) struct PageWriter {
    flags: Flags,
    keys: Vec<u8>,
    bodies: Vec<u8>,
    pending: Vec<Pending>,
    /// What the entries at hand come to, without the header.
    size: usize,
    /// What the entries with totals of their own come to.
    counted: Totals,
    /// What the others come to; no less in flags.
    unchanged: Totals,
    /// Flags that an entry left out had: another may still have them.
    doubtful: Flags,
    out: Vec<u8>,
}

/// An entry that is not yet in a page.
#[derive(Clone, Copy, Debug)]
struct Pending {
    shared: usize,
    /// Where its key and its body end.
    key_end: usize,
    body_end: usize,
}

impl PageWriter {
    /// For one of the two trees of a zone: `flags` is [`Flags::NSEC3`] or nothing.
    pub(crate) fn new(flags: Flags) -> Self {
        Self {
            flags,
            keys: Vec::new(),
            bodies: Vec::new(),
            pending: Vec::new(),
            size: 0,
            counted: Totals::default(),
            unchanged: Totals::default(),
            doubtful: Flags::default(),
            out: Vec::new(),
        }
    }

    /// Takes an entry whose key is behind all before; gives a page when one became full.
    pub(crate) fn push(&mut self, key: &[u8], body: &[u8], totals: Totals) -> Option<Arc<[u8]>> {
        let shared = common_prefix(self.last_key(), key);
        self.body().extend_from_slice(body);
        self.push_written(key, shared, totals, PAGE_OCTETS)
    }

    /// Memory that the body of the next entry is to be appended to, for [`push_written`](Self::push_written).
    #[inline]
    pub(crate) fn body(&mut self) -> &mut Vec<u8> {
        self.bodies
            .truncate(self.pending.last().map_or(0, |last| last.body_end));
        &mut self.bodies
    }

    /// Takes an entry whose body was appended to [`body`](Self::body), and whose key is behind all before and shares so many
    /// octets with the one before. Gives a page when one was full with `most` octets.
    #[inline]
    pub(crate) fn push_written(
        &mut self,
        key: &[u8],
        shared: usize,
        totals: Totals,
        most: usize,
    ) -> Option<Arc<[u8]>> {
        let start = self.pending.last().map_or(0, |last| last.body_end);
        let body = self.bodies.len() - start;
        let mut size = self.size_of(key.len(), shared, body);
        let mut page = None;
        let mut shared = if start == 0 { 0 } else { shared };
        if HEADER + self.size + size > most && self.is_full(key, size, most) {
            page = self
                .lay_out(0..self.pending.len(), self.all())
                .map(Arc::from);
            self.bodies.copy_within(start.., 0);
            self.bodies.truncate(body);
            self.forget();
            (shared, size) = (0, self.size_of(key.len(), 0, body));
        }
        self.append(key, shared, size);
        self.counted.add(totals);
        page
    }

    /// Whether an entry of this key and size goes into the next page, since this one would have more than `most` octets.
    fn is_full(&self, key: &[u8], size: usize, most: usize) -> bool {
        let size = HEADER + self.size + size - self.saved_by_prefix(key);
        size > most && !self.pending.is_empty()
    }

    /// Says that entries follow which come to so much. Those that are as they were need not be counted again.
    pub(crate) fn expect(&mut self, totals: Totals) {
        self.unchanged.add(totals);
    }

    /// Says that one of the entries that were to follow does not, or not as it was.
    pub(crate) fn leave_out(&mut self, totals: Totals) {
        self.unchanged.records = self.unchanged.records.saturating_sub(totals.records);
        self.unchanged.octets = self.unchanged.octets.saturating_sub(totals.octets);
        self.doubtful = self.doubtful.or(totals.flags);
    }

    /// Takes an entry whose key is behind all before, however much is at hand already. Without totals it is one of those
    /// [expected](Self::expect).
    pub(crate) fn push_unbounded(&mut self, key: &[u8], body: &[u8], totals: Option<Totals>) {
        let shared = common_prefix(self.last_key(), key);
        let size = self.size_of(key.len(), shared, body.len());
        self.body().extend_from_slice(body);
        self.append(key, shared, size);
        self.counted.add(totals.unwrap_or_default());
    }

    /// Takes the entry whose body is there already.
    #[inline]
    fn append(&mut self, key: &[u8], shared: usize, size: usize) {
        self.size += size;
        self.keys.extend_from_slice(key);
        self.pending.push(Pending {
            shared,
            key_end: self.keys.len(),
            body_end: self.bodies.len(),
        });
    }

    /// Gives `page`, to be shared, if what is at hand is exactly that.
    pub(crate) fn finish_as(&mut self, page: Option<&Arc<[u8]>>) -> Option<Arc<[u8]>> {
        let page = page?;
        let is_same = Page::new(page).len() == self.pending.len()
            && self.lay_out(0..self.pending.len(), self.all()) == Some(page);
        is_same.then(|| {
            self.clear();
            Arc::clone(page)
        })
    }

    /// Makes one page of what is at hand; `None` when there is nothing.
    pub(crate) fn finish(&mut self) -> Option<Arc<[u8]>> {
        let page = self
            .lay_out(0..self.pending.len(), self.all())
            .map(Arc::from);
        self.clear();
        page
    }

    /// Makes pages of what is at hand: one if it is not too large, or several that are about as full.
    /// `apex` is how many octets the apex has in wire form.
    pub(crate) fn finish_in_parts(&mut self, apex: usize, mut take: impl FnMut(Arc<[u8]>)) {
        let size = self.size - self.saved_by_prefix(self.last_key());
        let parts = if size <= EDITED_OCTETS {
            1
        } else {
            size.div_ceil(PAGE_OCTETS - HEADER)
        };
        let quota = self.size.div_ceil(parts.max(1));
        let (mut from, mut made, mut done, mut size) = (0, 0, 0, 0);
        let (mut body_start, mut key_start) = (0, 0);
        for index in 0..self.pending.len() {
            if parts <= 1 {
                break;
            }
            let entry = self.pending[index];
            // Near enough: what the prefix of each page saves is not known yet.
            let own = entry.body_end - body_start + entry.key_end - key_start - entry.shared + 4;
            if size > 0 && (done + size >= quota * (made + 1) || size + own > EDITED_OCTETS) {
                let totals = self.count(from..index, apex);
                let page = self.lay_out(from..index, totals);
                page.map(Arc::from).into_iter().for_each(&mut take);
                made = (made + 1).max((done + size) / quota);
                done += size;
                (from, size) = (index, 0);
            }
            size += own;
            (body_start, key_start) = (entry.body_end, entry.key_end);
        }
        let totals = if from == 0 {
            self.settle(apex);
            self.all()
        } else {
            self.count(from..self.pending.len(), apex)
        };
        let page = self.lay_out(from..self.pending.len(), totals);
        page.map(Arc::from).into_iter().for_each(take);
        self.clear();
    }

    /// Whether what is at hand would be a page too small to stand beside others.
    pub(crate) fn is_small(&self) -> bool {
        HEADER + self.size < PAGE_OCTETS / 3
    }

    /// Whether nothing is at hand.
    pub(crate) fn is_empty(&self) -> bool {
        self.pending.is_empty()
    }

    /// What all entries at hand come to.
    fn all(&self) -> Totals {
        let mut totals = self.unchanged;
        totals.flags = totals.flags.or(self.flags);
        totals.add(self.counted);
        totals
    }

    /// What these entries come to.
    fn count(&self, range: Range<usize>, apex: usize) -> Totals {
        let mut totals = Totals {
            flags: self.flags,
            ..Totals::default()
        };
        range.for_each(|index| totals.add(self.totals_of(index, apex)));
        totals
    }

    /// Finds out which of the doubtful flags the unchanged entries still have. Usually the first few have them all.
    fn settle(&mut self, apex: usize) {
        let mut flags = self.unchanged.flags.without(self.doubtful);
        for index in 0..self.pending.len() {
            if flags.or(self.doubtful) == flags {
                break;
            }
            flags = flags.or(self.totals_of(index, apex).flags);
        }
        self.unchanged.flags = flags;
    }

    fn totals_of(&self, index: usize, apex: usize) -> Totals {
        let Some(entry) = self.pending.get(index) else {
            return Totals::default();
        };
        let before = index.checked_sub(1).and_then(|at| self.pending.get(at));
        let (key, body) = before.map_or((0, 0), |before| (before.key_end, before.body_end));
        let (key, body) = (key..entry.key_end, body..entry.body_end);
        Totals::of(&self.keys[key], Body(&self.bodies[body]), apex)
    }

    /// Writes a page of these entries, which come to `totals`.
    fn lay_out(&mut self, range: Range<usize>, totals: Totals) -> Option<&[u8]> {
        let before = range
            .start
            .checked_sub(1)
            .and_then(|before| self.pending.get(before));
        let (mut key_start, mut body_start) =
            before.map_or((0, 0), |entry| (entry.key_end, entry.body_end));
        let entries = self.pending.get(range)?;
        let first_key = &self.keys[key_start..entries.first()?.key_end];
        let prefix = match entries {
            [.., before, last] => {
                common_prefix(first_key, &self.keys[before.key_end..last.key_end])
            }
            _ => first_key.len(),
        };
        let out = &mut self.out;
        out.clear();
        out.extend([VERSION, totals.flags.0]);
        out.extend((entries.len() as u16).to_be_bytes()); // a page of 4 KiB has at most some hundreds
        out.extend((totals.records as u32).to_be_bytes()); // one name has fewer than 2³² records
        out.extend(totals.octets.to_be_bytes());
        out.extend((prefix as u16).to_be_bytes()); // a key has at most 510 octets
        out.extend_from_slice(&first_key[..prefix]);
        let directory = out.len();
        out.resize(directory + entries.len().div_ceil(GROUP) * SLOT, 0);
        let bodies = &self.bodies[body_start..entries.last()?.body_end];
        let bodies_from = body_start;
        for (index, entry) in entries.iter().enumerate() {
            // In pages that were taken at their word, keys may be out of order: what is made of them is no better.
            let key = self.keys.get(key_start + prefix..entry.key_end);
            let key = key.unwrap_or_default();
            let shared = if index.is_multiple_of(GROUP) {
                // Only the last entry can end behind 4 KiB, so two octets do. Bodies start where is not known yet.
                let slot = directory + index / GROUP * SLOT;
                let key_place = (out.len() as u16).to_be_bytes();
                let body_place = ((body_start - bodies_from) as u16).to_be_bytes();
                out[slot..slot + 2].copy_from_slice(&key_place);
                out[slot + 2..slot + 4].copy_from_slice(&body_place);
                out[slot + 4..slot + SLOT].copy_from_slice(&head(key).to_be_bytes());
                0
            } else {
                entry.shared.saturating_sub(prefix).min(key.len())
            };
            let suffix = key.get(shared..).unwrap_or_default();
            out.push((shared.min(15) << 4 | suffix.len().min(15)) as u8);
            for size in [shared, suffix.len()] {
                if size >= 15 {
                    write_number(size, out);
                }
            }
            out.extend_from_slice(suffix);
            write_number(entry.body_end - body_start, out);
            (key_start, body_start) = (entry.key_end, entry.body_end);
        }
        let shift = out.len();
        for slot in out[directory..]
            .chunks_exact_mut(SLOT)
            .take(entries.len().div_ceil(GROUP))
        {
            let place = usize::from(u16::from_be_bytes([slot[2], slot[3]])) + shift;
            slot[2..4].copy_from_slice(&(place as u16).to_be_bytes());
        }
        out.extend_from_slice(bodies);
        Some(out)
    }

    /// What the prefix of the page saves when `last` is its last key: the first key of each group is without it.
    fn saved_by_prefix(&self, last: &[u8]) -> usize {
        let Some(first) = self.pending.first() else {
            return 0;
        };
        let groups = self.pending.len().div_ceil(GROUP);
        groups.saturating_sub(1) * common_prefix(&self.keys[..first.key_end], last)
    }

    /// What one more entry adds to the page, before its prefix is known.
    #[inline]
    fn size_of(&self, key: usize, shared: usize, body: usize) -> usize {
        let (shared, slot) = if self.pending.len().is_multiple_of(GROUP) {
            (0, SLOT)
        } else {
            (shared, 0)
        };
        let suffix = key - shared;
        let wide = |size| if size < 15 { 0 } else { number_octets(size) };
        slot + 1 + wide(shared) + wide(suffix) + suffix + number_octets(body) + body
    }

    fn clear(&mut self) {
        self.bodies.clear();
        self.forget();
    }

    /// Forgets the entries, not the bodies.
    fn forget(&mut self) {
        self.keys.clear();
        self.pending.clear();
        self.size = 0;
        self.counted = Totals::default();
        self.unchanged = Totals::default();
        self.doubtful = Flags::default();
    }

    fn last_key(&self) -> &[u8] {
        match self.pending.as_slice() {
            [.., before, last] => &self.keys[before.key_end..last.key_end],
            [only] => &self.keys[..only.key_end],
            [] => &[],
        }
    }
}
