//! Pages: runs of entries in key order, packed.
//!
//! ```text
//! page       version (1), flags (1), entries (2), records (4), octets in wire form (8), prefix length (2), prefix,
//!            directory, keys, bodies
//! directory  for each group of eight entries: where its first key starts (2), where its first body starts (2), the
//!            four octets that follow the prefix in its first key, zeros where there are fewer
//! key        octets shared with the key before (4 bits), octets of its own (4 bits), each 15: a number of its own
//!            follows; the octets of its own, length of the body
//! ```
//!
//! Numbers of fixed size are big-endian, the others take seven bits an octet. The prefix is what all keys of the page
//! have in common; the first key of a group shares nothing else with the one before. Keys stand apart from bodies so
//! that a search stays within a few cache lines. A page is about 4 KiB, unless a single entry is larger: then
//! it has one of its own.

mod totals;
mod walk;

pub(crate) use self::totals::{Flags, Totals};
pub(crate) use self::walk::{Behind, Entries};

use std::ops::Range;

use crate::key::{KeyBuf, common_prefix};
use crate::number::read_number;
use crate::rrset::Body;

/// How large a page may grow: with the two counters of its `Arc` and the allocator's own it takes 4 KiB.
pub(crate) const PAGE_OCTETS: usize = 4096 - 32;

/// Entries to a group.
pub(crate) const GROUP: usize = 8;

pub(crate) const VERSION: u8 = 1;
pub(crate) const HEADER: usize = 18;
pub(crate) const SLOT: usize = 8;

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
    /// Where the key of the next entry is.
    key_end: usize,
}

/// An item of the directory.
struct Slot {
    key_start: usize,
    body_start: usize,
    head: u32,
}

/// A key where it lies.
struct Key<'z> {
    shared: usize,
    suffix: &'z [u8],
    /// How long the body is.
    body: usize,
    /// The next key, and what follows it.
    behind: &'z [u8],
}

impl Slot {
    #[inline]
    fn read([k0, k1, b0, b1, head @ ..]: &[u8; SLOT]) -> Self {
        Self {
            key_start: usize::from(u16::from_be_bytes([*k0, *k1])),
            body_start: usize::from(u16::from_be_bytes([*b0, *b1])),
            head: u32::from_be_bytes(*head),
        }
    }
}

impl<'z> Key<'z> {
    #[inline(always)] // a search reads up to eight
    fn read(keys: &'z [u8]) -> Option<Self> {
        let (sizes, mut rest) = keys.split_first()?;
        let (mut shared, mut length) = (usize::from(sizes >> 4), usize::from(sizes & 15));
        if shared == 15 {
            (shared, rest) = read_number(rest)?;
        }
        if length == 15 {
            (length, rest) = read_number(rest)?;
        }
        let (suffix, rest) = rest.split_at_checked(length)?;
        let (body, behind) = read_number(rest)?;
        Some(Self {
            shared,
            suffix,
            body,
            behind,
        })
    }
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
    /// The closest ancestor that was passed, and how long its key is. There may be others, before what was passed.
    pub(crate) above: Option<(Spot, usize)>,
}

impl<'z> Page<'z> {
    pub(crate) fn new(octets: &'z [u8]) -> Self {
        Self(octets)
    }

    /// Whether octets are a page whose every entry can be read, its keys in order.
    pub(crate) fn check(octets: &[u8], apex: usize) -> bool {
        let page = Page(octets);
        if !page.is_of_this_version() {
            return false;
        }
        let mut entries = page.entries();
        let mut totals = Totals {
            flags: Flags(page.totals().flags.0 & Flags::NSEC3.0),
            ..Totals::default()
        };
        let mut last: Option<KeyBuf> = None;
        let bodies = entries.body_start;
        loop {
            let slot = page.slot(entries.index / GROUP);
            let is_first = entries.index.is_multiple_of(GROUP) && entries.index < page.len();
            let place = (entries.key_start, entries.body_start);
            if is_first && (slot.key_start, slot.body_start) != place {
                return false;
            }
            let next = octets.get(entries.key_start..).and_then(Key::read);
            if is_first && next.is_none_or(|key| key.shared > 0) {
                return false;
            }
            let Some(body) = entries.next() else {
                break;
            };
            let key = entries.key();
            if is_first && head(&key[page.prefix().len()..]) != slot.head {
                return false;
            }
            if !body.measure().2 || last.as_ref().is_some_and(|last| last[..] >= *key) {
                return false;
            }
            totals.add(Totals::of(key, body, apex));
            last = Some(KeyBuf::from_slice(key));
        }
        let is_all = entries.index == page.len()
            && entries.key_start == bodies
            && entries.body_start == octets.len();
        is_all && totals == page.totals()
    }

    /// Whether it begins as a page of this version.
    pub(crate) fn is_of_this_version(self) -> bool {
        self.0.first() == Some(&VERSION) && self.0.len() >= HEADER && self.len() > 0
    }

    /// How many entries.
    pub(crate) fn len(self) -> usize {
        usize::from(self.number_at(2))
    }

    /// What it says that it holds. A page that is taken at its word may say anything, but never so much that sums run over:
    /// no record takes more than 2^16 octets, with its owner, twice that.
    pub(crate) fn totals(self) -> Totals {
        const MOST: u64 = (u32::MAX as u64) << 17;
        let array =
            |range: Range<usize>| self.0.get(range).and_then(|octets| octets.try_into().ok());
        Totals {
            records: array(4..8)
                .map_or(0, |octets: &[u8; 4]| u64::from(u32::from_be_bytes(*octets))),
            octets: self
                .0
                .get(8..16)
                .and_then(|octets| octets.try_into().ok())
                .map_or(0, u64::from_be_bytes)
                .min(MOST),
            flags: Flags(self.0.get(1).copied().unwrap_or(0)),
        }
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
        let behind = self.slots().partition_point(|slot| {
            let slot = Slot::read(slot);
            match slot.head.cmp(&sought) {
                std::cmp::Ordering::Equal => self.whole_key(slot.key_start) <= rest,
                order => order.is_lt(),
            }
        });
        let Some(group) = behind.checked_sub(1) else {
            let common = common_prefix(self.whole_key(self.slot(0).key_start), rest);
            return Search {
                common_after: Some(prefix.len() + common),
                ..Search::default()
            };
        };
        let index = group * GROUP;
        let in_group = self.len().saturating_sub(index).min(GROUP);
        let Slot {
            key_start,
            body_start,
            ..
        } = self.slot(group);
        let mut keys = self.0.get(key_start..).unwrap_or_default();
        // Of the entry passed last: how many came with it, its body, and octets it has in common with what is sought. The
        // first key of a group shares nothing with the one before.
        let (mut passed, mut body_start, mut body_end, mut matched) =
            (0, body_start, body_start, 0);
        let mut search = Search::default();
        while passed < in_group && !search.exact {
            let Some(Key {
                shared,
                suffix,
                body,
                behind,
            }) = Key::read(keys)
            else {
                break;
            };
            // The entry before is below the key and differs from it at `matched`.
            if shared < matched {
                search.common_after = Some(prefix.len() + shared);
                break;
            }
            let mut is_above = false;
            if shared == matched {
                let sought = &rest[matched..];
                let common = common_prefix(suffix, sought);
                match (suffix.get(common), sought.get(common)) {
                    (Some(ours), Some(theirs)) if ours < theirs => {}
                    (Some(_), _) => {
                        search.common_after = Some(prefix.len() + matched + common);
                        break;
                    }
                    (None, None) => search.exact = true, // what comes behind it, no one asks then
                    (None, Some(_)) => is_above = true,
                }
                matched += common;
            }
            body_start = body_end;
            body_end = body_start.saturating_add(body);
            keys = behind;
            passed += 1;
            if is_above {
                let spot = self.spot(index + passed - 1, body_start..body_end, behind);
                search.above = Some((spot, prefix.len() + matched));
            }
        }
        if passed > 0 {
            search.before = Some(self.spot(index + passed - 1, body_start..body_end, keys));
            search.common_before = prefix.len() + matched;
        }
        let is_at_end = passed == in_group && !search.exact;
        if is_at_end && index + passed < self.len() {
            let next = self.whole_key(self.slot(group + 1).key_start);
            search.common_after = Some(prefix.len() + common_prefix(next, rest));
        }
        search
    }

    /// The entry with this number, whose key is at the front of `keys` and whose body begins there.
    #[inline(always)] // a walk reads all
    fn entry(self, index: usize, keys: &'z [u8], body_start: usize) -> Option<(Key<'z>, Spot)> {
        let key = Key::read(keys)?;
        let body = body_start..body_start.saturating_add(key.body);
        let spot = self.spot(index, body, key.behind);
        Some((key, spot))
    }

    /// A place of which is known where its body is, and the key behind it.
    #[inline]
    fn spot(self, index: usize, body: Range<usize>, behind: &[u8]) -> Spot {
        Spot {
            index,
            body_start: body.start,
            body_end: body.end,
            key_end: self.0.len() - behind.len(),
        }
    }

    /// The first entry.
    pub(crate) fn first(self) -> Option<Spot> {
        let Slot {
            key_start,
            body_start,
            ..
        } = self.slot(0);
        let (_, spot) = self.entry(0, self.0.get(key_start..)?, body_start)?;
        Some(spot)
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
        key.extend_from_slice(self.whole_key(self.slot(0).key_start));
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

    /// What all keys have in common.
    pub(crate) fn prefix(self) -> &'z [u8] {
        let length = usize::from(self.number_at(16));
        self.0.get(HEADER..HEADER + length).unwrap_or_default()
    }

    fn groups(self) -> usize {
        self.len().div_ceil(GROUP)
    }

    /// The directory.
    #[inline]
    fn slots(self) -> &'z [[u8; SLOT]] {
        let at = HEADER + usize::from(self.number_at(16));
        let directory = self.0.get(at..at + self.groups() * SLOT);
        directory.unwrap_or_default().as_chunks().0
    }

    /// Where a group starts, and the head of its first key.
    #[inline]
    fn slot(self, group: usize) -> Slot {
        self.slots().get(group).map_or_else(
            || Slot {
                key_start: self.0.len(),
                body_start: self.0.len(),
                head: 0,
            },
            Slot::read,
        )
    }

    /// The key, without the prefix, of the first entry of a group.
    fn whole_key(self, start: usize) -> &'z [u8] {
        let keys = self.0.get(start..).unwrap_or_default();
        Key::read(keys).map_or(&[], |key| key.suffix)
    }

    #[inline]
    fn number_at(self, at: usize) -> u16 {
        match self.0.get(at..at + 2) {
            Some([high, low]) => u16::from_be_bytes([*high, *low]),
            _ => 0,
        }
    }
}

/// The first four octets of a key, as a number that orders as they do.
pub(crate) fn head(key: &[u8]) -> u32 {
    match *key {
        [a, b, c, d, ..] => u32::from_be_bytes([a, b, c, d]),
        [a, b, c] => u32::from_be_bytes([a, b, c, 0]),
        [a, b] => u32::from_be_bytes([a, b, 0, 0]),
        [a] => u32::from_be_bytes([a, 0, 0, 0]),
        [] => 0,
    }
}
