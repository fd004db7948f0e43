//! Pages: runs of entries in key order, packed.
//!
//! ```text
//! page       version (1), flags (1), entries (2), records (4), octets in wire form (8), prefix length (2), prefix,
//!            directory, entries
//! directory  for each group of eight entries: where its first entry starts (2), the four octets that follow the
//!            prefix in its key, zeros where there are fewer
//! entry      octets shared with the key before, octets of key that follow, those, length of body, body
//! ```
//!
//! Numbers of fixed size are big-endian, the others take seven bits an octet. The prefix is what all keys of the page
//! have in common; the first entry of a group shares nothing else with the one before. A page is about 4 KiB, unless
//! a single entry is larger: then it has one of its own.

use std::ops::Range;
use std::sync::Arc;

use crate::key::{self, KeyBuf, common_prefix};
use crate::rrset::{Body, number_octets, read_number, write_number};

/// How large a page may grow: with the two counters of its `Arc` and the allocator's own it takes 4 KiB.
const PAGE_OCTETS: usize = 4096 - 32;

/// Entries to a group.
const GROUP: usize = 8;

const VERSION: u8 = 1;
const HEADER: usize = 18;
const SLOT: usize = 6;

/// What is true of at least one entry of a page or a subtree.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Flags(pub(crate) u8);

impl Flags {
    /// The page is one of the tree of NSEC3 owners.
    pub(crate) const NSEC3: Self = Self(1);
    /// A wildcard.
    pub(crate) const WILDCARD: Self = Self(2);
    /// An NS record below the apex.
    pub(crate) const CUT: Self = Self(4);
    /// A DNAME.
    pub(crate) const DNAME: Self = Self(8);

    pub(crate) fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    pub(crate) fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// How much a page or a subtree holds.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Totals {
    pub(crate) records: u64,
    /// In wire form, without compression.
    pub(crate) octets: u64,
    pub(crate) flags: Flags,
}

impl Totals {
    pub(crate) fn add(&mut self, other: Self) {
        self.records += other.records;
        self.octets += other.octets;
        self.flags = self.flags.or(other.flags);
    }

    /// What an entry holds; `apex` is how many octets the apex has in wire form.
    pub(crate) fn of(key: &[u8], body: Body<'_>, apex: usize) -> Self {
        let (records, rdata, _) = body.measure();
        let owner = key::name_octets(key) + apex;
        let mut flags = Flags::default();
        if key::is_wildcard(key) {
            flags = flags.or(Flags::WILDCARD);
        }
        for set in body.sets().take_while(|set| set.rtype().0 <= 39) {
            match set.rtype().0 {
                2 if !key.is_empty() && !set.is_empty() => flags = flags.or(Flags::CUT),
                39 if !set.is_empty() => flags = flags.or(Flags::DNAME),
                _ => {}
            }
        }
        Self {
            records,
            octets: rdata + records * (owner as u64 + 10),
            flags,
        }
    }
}

/// A page, to read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Page<'z>(&'z [u8]);

/// Where an entry is in its page.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spot {
    /// Its number.
    pub(crate) index: usize,
    /// Where its body is.
    body_start: usize,
    body_end: usize,
}

/// What a search for a key in a page comes to.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Search {
    /// The last entry at or before the key.
    pub(crate) before: Option<Spot>,
    /// Whether that entry has the key.
    pub(crate) exact: bool,
    /// Octets that its key has in common with the key sought.
    pub(crate) common_before: usize,
    /// The same of the entry behind it; `None` when it is the last of the page.
    pub(crate) common_after: Option<usize>,
}

impl<'z> Page<'z> {
    pub(crate) fn new(octets: &'z [u8]) -> Self {
        Self(octets)
    }

    /// Whether octets are a page whose every entry can be read, its keys in order.
    pub(crate) fn check(octets: &[u8], apex: usize) -> bool {
        let page = Page(octets);
        let whole = octets.first() == Some(&VERSION) && octets.len() >= HEADER && page.len() > 0;
        let mut entries = page.entries();
        let (mut last, mut totals) = (None, Totals::default());
        totals.flags = Flags(page.totals().flags.0 & Flags::NSEC3.0);
        while let Some(body) = entries.next() {
            let key = entries.key();
            let group = entries.index - 1;
            let slot = page.slot(group / GROUP);
            let head = group % GROUP != 0 || head(&key[page.prefix().len()..]) == slot.1;
            if !head
                || !body.measure().2
                || last.as_ref().is_some_and(|last: &KeyBuf| last[..] >= *key)
            {
                return false;
            }
            totals.add(Totals::of(key, body, apex));
            last = Some(KeyBuf::from_slice(key));
        }
        whole
            && entries.index == page.len()
            && entries.start == octets.len()
            && totals == page.totals()
    }

    /// How many entries.
    pub(crate) fn len(self) -> usize {
        usize::from(self.number_at(2))
    }

    pub(crate) fn totals(self) -> Totals {
        let array =
            |range: Range<usize>| self.0.get(range).and_then(|octets| octets.try_into().ok());
        Totals {
            records: array(4..8)
                .map_or(0, |octets: &[u8; 4]| u64::from(u32::from_be_bytes(*octets))),
            octets: self
                .0
                .get(8..16)
                .and_then(|octets| octets.try_into().ok())
                .map_or(0, u64::from_be_bytes),
            flags: Flags(self.0.get(1).copied().unwrap_or(0)),
        }
    }

    /// Goes through the entries from the first.
    pub(crate) fn entries(self) -> Entries<'z> {
        Entries {
            page: self,
            index: 0,
            start: self.slot(0).0,
            key: KeyBuf::from_slice(self.prefix()),
        }
    }

    /// Goes through the entries from the one with this number.
    pub(crate) fn entries_from(self, index: usize) -> Entries<'z> {
        let mut entries = self.entries();
        let index = index.min(self.len());
        if index < self.len() {
            entries.index = index / GROUP * GROUP;
            entries.start = self.slot(index / GROUP).0;
        }
        while entries.index < index {
            entries.skip();
        }
        entries
    }

    /// Looks for a key.
    pub(crate) fn search(self, key: &[u8]) -> Search {
        let prefix = self.prefix();
        let common = common_prefix(prefix, key);
        if common < prefix.len() {
            return match key.get(common) {
                Some(octet) if *octet > prefix[common] => self.behind_all(key),
                _ => Search {
                    common_after: Some(common),
                    ..Search::default()
                },
            };
        }
        let rest = &key[prefix.len()..];
        let sought = head(rest);
        // The last group whose first entry is not behind the key.
        let (mut low, mut high) = (0, self.groups());
        while low < high {
            let middle = low + (high - low) / 2;
            let (start, found) = self.slot(middle);
            let is_behind = match found.cmp(&sought) {
                std::cmp::Ordering::Equal => self.whole_key(start) > rest,
                order => order.is_gt(),
            };
            if is_behind {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        let Some(group) = low.checked_sub(1) else {
            let common = common_prefix(self.whole_key(self.slot(0).0), rest);
            return Search {
                common_after: Some(prefix.len() + common),
                ..Search::default()
            };
        };
        let mut index = group * GROUP;
        let end = self.len().min(index + GROUP);
        let mut start = self.slot(group).0;
        let mut search = Search::default();
        let mut matched = 0;
        while index < end {
            let Some((shared, suffix, spot)) = self.entry(index, start) else {
                return search;
            };
            let shared = if index.is_multiple_of(GROUP) {
                0
            } else {
                shared
            };
            // The entry before is below the key and differs from it at `matched`.
            if shared < matched {
                search.common_after = Some(prefix.len() + shared);
                return search;
            }
            if shared == matched {
                let sought = &rest[matched..];
                let common = common_prefix(suffix, sought);
                match (suffix.get(common), sought.get(common)) {
                    (Some(ours), Some(theirs)) if ours > theirs => {
                        search.common_after = Some(prefix.len() + matched + common);
                        return search;
                    }
                    (Some(_), None) => {
                        search.common_after = Some(prefix.len() + matched + common);
                        return search;
                    }
                    (None, None) => search.exact = true,
                    _ => {}
                }
                matched += common;
            }
            search.before = Some(spot);
            search.common_before = prefix.len() + matched;
            index += 1;
            start = spot.body_end;
            if search.exact {
                break; // what comes behind it, no one asks then
            }
        }
        if !search.exact && index < self.len() {
            let next = self.whole_key(self.slot(group + 1).0);
            search.common_after = Some(prefix.len() + common_prefix(next, rest));
        }
        search
    }

    /// The last entry.
    pub(crate) fn last(self) -> Option<Spot> {
        let mut entries = self.entries_from(self.len().checked_sub(1)?);
        entries.skip()
    }

    pub(crate) fn body(self, spot: Spot) -> Body<'z> {
        Body(
            self.0
                .get(spot.body_start..spot.body_end)
                .unwrap_or_default(),
        )
    }

    /// Writes the key of an entry.
    pub(crate) fn write_key(self, spot: Spot, out: &mut KeyBuf) {
        let mut entries = self.entries_from(spot.index);
        entries.next();
        out.clear();
        out.extend_from_slice(entries.key());
    }

    /// The key of the first entry.
    pub(crate) fn first_key(self) -> KeyBuf {
        let mut key = KeyBuf::from_slice(self.prefix());
        key.extend_from_slice(self.whole_key(self.slot(0).0));
        key
    }

    /// Makes `out` the key of the last entry.
    pub(crate) fn write_last_key(self, out: &mut KeyBuf) {
        if let Some(spot) = self.last() {
            self.write_key(spot, out);
        }
    }

    /// The entry before another.
    pub(crate) fn before(self, spot: Spot) -> Option<Spot> {
        self.entries_from(spot.index.checked_sub(1)?).skip()
    }

    /// The search for a key behind all entries.
    fn behind_all(self, key: &[u8]) -> Search {
        let before = self.last();
        let mut last = KeyBuf::new();
        self.write_last_key(&mut last);
        Search {
            before,
            common_before: common_prefix(&last, key),
            ..Search::default()
        }
    }

    fn prefix(self) -> &'z [u8] {
        let length = usize::from(self.number_at(16));
        self.0.get(HEADER..HEADER + length).unwrap_or_default()
    }

    fn groups(self) -> usize {
        self.len().div_ceil(GROUP)
    }

    /// Where a group starts, and the head of its first key.
    fn slot(self, group: usize) -> (usize, u32) {
        let at = HEADER + usize::from(self.number_at(16)) + group * SLOT;
        match self.0.get(at..at + SLOT) {
            Some([high, low, a, b, c, d]) => (
                usize::from(u16::from_be_bytes([*high, *low])),
                u32::from_be_bytes([*a, *b, *c, *d]),
            ),
            _ => (self.0.len(), 0),
        }
    }

    /// The key, without the prefix, of the first entry of a group.
    fn whole_key(self, start: usize) -> &'z [u8] {
        self.entry(0, start).map_or(&[], |(_, suffix, _)| suffix)
    }

    /// Reads an entry: how much it shares with the one before, the rest of its key, where it is.
    #[inline]
    fn entry(self, index: usize, start: usize) -> Option<(usize, &'z [u8], Spot)> {
        let octets = self.0.get(start..)?;
        let (shared, rest) = read_number(octets)?;
        let (length, rest) = read_number(rest)?;
        let (suffix, rest) = rest.split_at_checked(length)?;
        let (length, rest) = read_number(rest)?;
        let body_start = self.0.len() - rest.len();
        let body_end = body_start
            .checked_add(length)
            .filter(|end| *end <= self.0.len())?;
        Some((
            shared,
            suffix,
            Spot {
                index,
                body_start,
                body_end,
            },
        ))
    }

    fn number_at(self, at: usize) -> u16 {
        match self.0.get(at..at + 2) {
            Some([high, low]) => u16::from_be_bytes([*high, *low]),
            _ => 0,
        }
    }
}

/// A walk through the entries of a page.
#[derive(Clone, Debug)]
pub(crate) struct Entries<'z> {
    page: Page<'z>,
    index: usize,
    start: usize,
    key: KeyBuf,
}

impl<'z> Entries<'z> {
    /// The next body; its key is then [`key`](Self::key).
    pub(crate) fn next(&mut self) -> Option<Body<'z>> {
        self.skip().map(|spot| self.page.body(spot))
    }

    /// The key of the entry that came last.
    pub(crate) fn key(&self) -> &[u8] {
        &self.key
    }

    /// Where the next entry is, which is then the last that came.
    pub(crate) fn skip(&mut self) -> Option<Spot> {
        if self.index >= self.page.len() {
            return None;
        }
        let (shared, suffix, spot) = self.page.entry(self.index, self.start)?;
        let prefix = self.page.prefix().len();
        let shared = if self.index.is_multiple_of(GROUP) {
            0
        } else {
            shared
        };
        self.key.truncate(prefix + shared);
        self.key.extend_from_slice(suffix);
        self.index += 1;
        self.start = spot.body_end;
        Some(spot)
    }

    pub(crate) fn page(&self) -> Page<'z> {
        self.page
    }
}

/// Packs entries that come in key order into pages.
#[derive(Debug)]
pub(crate) struct PageWriter {
    flags: Flags,
    keys: Vec<u8>,
    bodies: Vec<u8>,
    pending: Vec<Pending>,
    /// What the entries at hand come to, without the header.
    size: usize,
    out: Vec<u8>,
}

/// An entry that is not yet in a page.
#[derive(Clone, Copy, Debug)]
struct Pending {
    shared: usize,
    /// Where its key and its body end.
    key_end: usize,
    body_end: usize,
    totals: Totals,
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
            out: Vec::new(),
        }
    }

    /// Takes an entry whose key is behind all before; gives a page when one became full.
    pub(crate) fn push(&mut self, key: &[u8], body: &[u8], totals: Totals) -> Option<Arc<[u8]>> {
        let size = self.size_of(key, body);
        let full = !self.pending.is_empty() && HEADER + self.size + size > PAGE_OCTETS;
        let page = if full { self.finish() } else { None };
        self.push_unbounded(key, body, totals);
        page
    }

    /// Takes an entry whose key is behind all before, however much is at hand already.
    pub(crate) fn push_unbounded(&mut self, key: &[u8], body: &[u8], totals: Totals) {
        self.size += self.size_of(key, body);
        let shared = common_prefix(self.last_key(), key);
        self.keys.extend_from_slice(key);
        self.bodies.extend_from_slice(body);
        self.pending.push(Pending {
            shared,
            key_end: self.keys.len(),
            body_end: self.bodies.len(),
            totals,
        });
    }

    /// Makes one page of what is at hand; `None` when there is nothing.
    pub(crate) fn finish(&mut self) -> Option<Arc<[u8]>> {
        let page = self.lay_out(0..self.pending.len());
        self.clear();
        page
    }

    /// Makes pages of what is at hand, all about as full.
    pub(crate) fn finish_in_parts(&mut self, mut take: impl FnMut(Arc<[u8]>)) {
        let parts = self.size.div_ceil(PAGE_OCTETS - HEADER).max(1);
        let quota = self.size / parts;
        let (mut from, mut size, mut body_start, mut key_start) = (0, 0, 0, 0);
        for index in 0..self.pending.len() {
            let entry = self.pending[index];
            // Near enough: what the prefix of the page saves is not known yet.
            let own = entry.body_end - body_start + entry.key_end - key_start - entry.shared
                + 3
                + SLOT.div_ceil(GROUP);
            if size > 0 && (size >= quota || size + own > PAGE_OCTETS - HEADER) {
                self.lay_out(from..index).into_iter().for_each(&mut take);
                (from, size) = (index, 0);
            }
            size += own;
            (body_start, key_start) = (entry.body_end, entry.key_end);
        }
        self.lay_out(from..self.pending.len())
            .into_iter()
            .for_each(take);
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

    /// Writes a page of these entries.
    fn lay_out(&mut self, range: Range<usize>) -> Option<Arc<[u8]>> {
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
        let mut totals = Totals {
            flags: self.flags,
            ..Totals::default()
        };
        entries.iter().for_each(|entry| totals.add(entry.totals));
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
        for (index, entry) in entries.iter().enumerate() {
            let key = &self.keys[key_start + prefix..entry.key_end];
            let shared = if index.is_multiple_of(GROUP) {
                let slot = directory + index / GROUP * SLOT;
                let start = (out.len() as u16).to_be_bytes(); // only the last entry can end behind 4 KiB
                out[slot..slot + 2].copy_from_slice(&start);
                out[slot + 2..slot + SLOT].copy_from_slice(&head(key).to_be_bytes());
                0
            } else {
                entry.shared - prefix
            };
            let suffix = &key[shared..];
            let body = &self.bodies[body_start..entry.body_end];
            write_number(shared, out);
            write_number(suffix.len(), out);
            out.extend_from_slice(suffix);
            write_number(body.len(), out);
            out.extend_from_slice(body);
            (key_start, body_start) = (entry.key_end, entry.body_end);
        }
        Some(Arc::from(out.as_slice()))
    }

    /// What one more entry adds to the page, before its prefix is known.
    fn size_of(&self, key: &[u8], body: &[u8]) -> usize {
        let first = self.pending.len().is_multiple_of(GROUP);
        let shared = if first {
            0
        } else {
            common_prefix(self.last_key(), key)
        };
        let suffix = key.len() - shared;
        let slot = if first { SLOT } else { 0 };
        slot + number_octets(shared)
            + number_octets(suffix)
            + suffix
            + number_octets(body.len())
            + body.len()
    }

    fn clear(&mut self) {
        self.keys.clear();
        self.bodies.clear();
        self.pending.clear();
        self.size = 0;
    }

    fn last_key(&self) -> &[u8] {
        match self.pending.as_slice() {
            [.., before, last] => &self.keys[before.key_end..last.key_end],
            [only] => &self.keys[..only.key_end],
            [] => &[],
        }
    }
}

/// The first four octets of a key, as a number that orders as they do.
fn head(key: &[u8]) -> u32 {
    match *key {
        [a, b, c, d, ..] => u32::from_be_bytes([a, b, c, d]),
        [a, b, c] => u32::from_be_bytes([a, b, c, 0]),
        [a, b] => u32::from_be_bytes([a, b, 0, 0]),
        [a] => u32::from_be_bytes([a, 0, 0, 0]),
        [] => 0,
    }
}
