//! A copy-on-write B+tree of pages: inner nodes that say where to go, pages that hold the entries.
//!
//! ```text
//!            Inner: separators, records up to each child
//!            ┌──────────────┴──────────────┐
//!          Inner                         Inner
//!       ┌────┴────┐                   ┌────┴────┐
//!     page      page      ...       page      page      entries in key order
//! ```
//!
//! Nothing is ever changed in place. An edit makes new pages where it touches entries and new inner nodes above them;
//! all others are shared between the versions, and go when the last version that has them does. All keys of a child
//! are at or behind its separator, and before the separator of the next; the first separator of the tree is empty.

mod edit;
mod walk;

use std::mem;
use std::sync::Arc;

use smallvec::SmallVec;

use crate::key::{KeyBuf, common_prefix};
use crate::page::{Flags, Page, Search, Spot, Totals};
use crate::rrset::Body;
pub(crate) use walk::{Pages, Walk};

/// Children of an inner node, at most. Their separators together stay below 64 KiB.
const FAN: usize = 128;

/// One tree: that of names, or that of NSEC3 owners.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tree {
    root: Option<Link>,
}

/// The pages that two versions of a zone do not share, in the order of [`Zone::pages`](crate::Zone::pages).
#[derive(Clone, Debug, Default)]
pub struct ChangedPages<'z> {
    /// Those that only the older has.
    pub gone: Vec<&'z Arc<[u8]>>,
    /// Those that only the newer has.
    pub fresh: Vec<&'z Arc<[u8]>>,
}

/// A subtree.
#[derive(Clone, Debug)]
pub(crate) enum Link {
    Page(Arc<[u8]>),
    Inner(Arc<Inner>),
}

/// A node above the pages.
#[derive(Debug)]
pub(crate) struct Inner {
    height: u8,
    totals: Totals,
    /// The separators, one behind the other.
    separators: Box<[u8]>,
    /// Where each separator ends.
    ends: Box<[u16]>,
    /// Octets that all separators but the first have in common.
    common: u16,
    /// The eight octets that follow in each, zeros where there are fewer: they settle nearly every comparison, and lie
    /// together.
    heads: Box<[u64]>,
    /// Records of the children up to and with each.
    records: Box<[u64]>,
    /// What is true of something below each child.
    flags: Box<[Flags]>,
    links: Box<[Link]>,
}

/// Where a key is in a tree, or would be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found<'z> {
    pub(crate) page: Page<'z>,
    pub(crate) search: Search,
    previous: Option<&'z Link>,
    next: Option<&'z Link>,
}

impl Tree {
    pub(crate) fn totals(&self) -> Totals {
        self.root.as_ref().map_or(Totals::default(), Link::totals)
    }

    /// One descent to where `key` is or would be; `None` of an empty tree.
    pub(crate) fn seek(&self, key: &[u8]) -> Option<Found<'_>> {
        let (mut previous, mut next) = (None, None);
        let mut link = self.root.as_ref()?;
        loop {
            match link {
                Link::Page(octets) => {
                    let page = Page::new(octets);
                    return Some(Found {
                        page,
                        search: page.search(key),
                        previous,
                        next,
                    });
                }
                Link::Inner(inner) => {
                    let child = inner.child_of(key);
                    if let Some(before) = child.checked_sub(1) {
                        previous = inner.links.get(before);
                    }
                    next = inner.links.get(child + 1).or(next);
                    link = inner.links.get(child)?;
                }
            }
        }
    }

    /// The entry with exactly this key.
    pub(crate) fn get(&self, key: &[u8]) -> Option<(Page<'_>, Spot)> {
        let found = self.seek(key)?;
        found
            .search
            .before
            .filter(|_| found.search.exact)
            .map(|spot| (found.page, spot))
    }

    /// The first entry: in a tree of names, the apex.
    pub(crate) fn first(&self) -> Option<(Page<'_>, Spot)> {
        let mut link = self.root.as_ref()?;
        loop {
            match link {
                Link::Page(octets) => {
                    let page = Page::new(octets);
                    return page.first().map(|spot| (page, spot));
                }
                Link::Inner(inner) => link = inner.links.first()?,
            }
        }
    }

    /// The last entry.
    pub(crate) fn last(&self) -> Option<(Page<'_>, Spot)> {
        self.root.as_ref()?.last()
    }

    /// The entry before another one.
    pub(crate) fn before<'z>(&'z self, (page, spot): (Page<'z>, Spot)) -> Option<(Page<'z>, Spot)> {
        match page.before(spot) {
            Some(spot) => Some((page, spot)),
            None => self.seek(&page.first_key())?.previous?.last(),
        }
    }

    /// The last entry at or before `key` that `is_sought`. Only those with `flags` are, so that subtrees without can be
    /// passed: all but one descent is spent on those that have some.
    pub(crate) fn last_with(
        &self,
        key: &[u8],
        flags: Flags,
        is_sought: impl Fn(Body<'_>) -> bool,
    ) -> Option<(Page<'_>, Spot)> {
        self.root.as_ref()?.last_with(Some(key), flags, &is_sought)
    }

    /// All pages, in key order.
    pub(crate) fn pages(&self) -> Pages<'_> {
        Pages {
            stack: self.root.iter().collect(),
        }
    }

    /// Octets that the tree takes in memory, its share of inner nodes included.
    pub(crate) fn held_octets(&self) -> usize {
        self.root.as_ref().map_or(0, Link::held_octets)
    }

    /// Makes the tree whose pages these are, in key order.
    pub(crate) fn from_pages(pages: impl IntoIterator<Item = Arc<[u8]>>) -> Self {
        let mut slots = Vec::new();
        let mut last = KeyBuf::new();
        for octets in pages {
            push_page(octets, &mut last, &mut slots);
        }
        Self::from_slots(slots)
    }

    /// The pages that `self` has and `newer` has not, and the other way round.
    pub(crate) fn difference<'z>(&'z self, newer: &'z Self) -> ChangedPages<'z> {
        let mut ours: Vec<&Link> = self.root.iter().collect();
        let mut theirs: Vec<&Link> = newer.root.iter().collect();
        let mut changed = ChangedPages::default();
        loop {
            let (take_ours, take_theirs) = match (ours.last(), theirs.last()) {
                (None, None) => return changed,
                (Some(_), None) => (true, false),
                (None, Some(_)) => (false, true),
                (Some(a), Some(b)) if a.is_same(b) => {
                    ours.pop();
                    theirs.pop();
                    continue;
                }
                // The taller is opened: what the other is may lie in it. Of equals, the one that begins first.
                (Some(a), Some(b)) => match a.height().cmp(&b.height()) {
                    std::cmp::Ordering::Greater => (true, false),
                    std::cmp::Ordering::Less => (false, true),
                    std::cmp::Ordering::Equal => {
                        let order = a.first_key().cmp(&b.first_key());
                        (order.is_le(), order.is_ge())
                    }
                },
            };
            if take_ours && let Some(link) = ours.pop() {
                link.open(&mut ours, &mut changed.gone);
            }
            if take_theirs && let Some(link) = theirs.pop() {
                link.open(&mut theirs, &mut changed.fresh);
            }
        }
    }

    /// Builds inner nodes above `slots` until one is left.
    fn from_slots(mut slots: Vec<Slot>) -> Self {
        while slots.len() > 1 {
            slots = group(slots);
        }
        let mut root = slots.pop().map(|slot| slot.link);
        while let Some(Link::Inner(inner)) = &root
            && let [only] = &*inner.links
        {
            root = Some(only.clone());
        }
        Self { root }
    }
}

impl<'z> Found<'z> {
    /// The last entry at or before the key.
    pub(crate) fn before(&self) -> Option<(Page<'z>, Spot)> {
        match self.search.before {
            Some(spot) => Some((self.page, spot)),
            None => self.previous?.last(),
        }
    }

    /// The entry with exactly the key.
    pub(crate) fn exact(&self) -> Option<(Page<'z>, Spot)> {
        self.search
            .before
            .filter(|_| self.search.exact)
            .map(|spot| (self.page, spot))
    }

    /// How many octets `key`, which was sought, has in common with the entries before and behind it.
    pub(crate) fn common(&self, key: &[u8]) -> (usize, usize) {
        let before = match self.search.before {
            Some(_) => self.search.common_before,
            None => self
                .previous
                .and_then(Link::last)
                .map_or(0, |(page, spot)| {
                    let mut last = KeyBuf::new();
                    page.write_key(spot, &mut last);
                    common_prefix(&last, key)
                }),
        };
        let after = match (self.search.common_after, self.next) {
            (Some(after), _) => after,
            (None, Some(next)) => common_prefix(&next.first_key(), key),
            (None, None) => 0,
        };
        (before, after)
    }
}

impl Link {
    fn totals(&self) -> Totals {
        match self {
            Self::Page(octets) => Page::new(octets).totals(),
            Self::Inner(inner) => inner.totals,
        }
    }

    fn height(&self) -> u8 {
        match self {
            Self::Page(_) => 0,
            Self::Inner(inner) => inner.height,
        }
    }

    fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Page(a), Self::Page(b)) => Arc::ptr_eq(a, b),
            (Self::Inner(a), Self::Inner(b)) => Arc::ptr_eq(a, b),
            _ => false,
        }
    }

    fn first_key(&self) -> KeyBuf {
        match self {
            Self::Page(octets) => Page::new(octets).first_key(),
            Self::Inner(inner) => inner.links.first().map(Self::first_key).unwrap_or_default(),
        }
    }

    fn last(&self) -> Option<(Page<'_>, Spot)> {
        match self {
            Self::Page(octets) => {
                let page = Page::new(octets);
                page.last().map(|spot| (page, spot))
            }
            Self::Inner(inner) => inner.links.last()?.last(),
        }
    }

    /// The last entry, at or before `key` if there is one, that `is_sought`.
    fn last_with(
        &self,
        key: Option<&[u8]>,
        flags: Flags,
        is_sought: &impl Fn(Body<'_>) -> bool,
    ) -> Option<(Page<'_>, Spot)> {
        match self {
            Self::Page(octets) => {
                let page = Page::new(octets);
                if !page.totals().flags.has(flags) {
                    return None;
                }
                let mut spot = match key {
                    Some(key) => page.search(key).before?,
                    None => page.last()?,
                };
                while !is_sought(page.body(spot)) {
                    spot = page.before(spot)?;
                }
                Some((page, spot))
            }
            Self::Inner(inner) => {
                let at = key.map_or(inner.links.len(), |key| inner.child_of(key));
                let children = inner.links.iter().zip(&inner.flags).enumerate();
                let up_to = children.take(at + 1).rev();
                // The child of the key may have what is sought behind the key only; the next with the flags has it.
                up_to
                    .filter(|(_, (_, below))| below.has(flags))
                    .find_map(|(child, (link, _))| {
                        link.last_with(key.filter(|_| child == at), flags, is_sought)
                    })
            }
        }
    }

    /// Puts the children on the stack, the first on top; or the page behind the others.
    fn open<'z>(&'z self, stack: &mut Vec<&'z Self>, pages: &mut Vec<&'z Arc<[u8]>>) {
        match self {
            Self::Page(octets) => pages.push(octets),
            Self::Inner(inner) => stack.extend(inner.links.iter().rev()),
        }
    }

    fn held_octets(&self) -> usize {
        match self {
            Self::Page(octets) => octets.len() + 16, // the counters of the Arc
            Self::Inner(inner) => {
                let own = mem::size_of::<Inner>()
                    + 16
                    + inner.separators.len()
                    + inner.links.len() * (24 + 8 + 8 + 2 + 1);
                own + inner.links.iter().map(Self::held_octets).sum::<usize>()
            }
        }
    }
}

impl Inner {
    fn new(slots: impl ExactSizeIterator<Item = Slot>) -> Self {
        let (mut separators, mut ends) = (Vec::new(), Vec::with_capacity(slots.len()));
        let (mut links, mut records) = (
            Vec::with_capacity(slots.len()),
            Vec::with_capacity(slots.len()),
        );
        let mut flags = Vec::with_capacity(slots.len());
        let mut totals = Totals::default();
        let mut height = 0;
        for slot in slots {
            separators.extend_from_slice(&slot.separator);
            ends.push(separators.len() as u16); // FAN keys of at most 510 octets
            let below = slot.link.totals();
            totals.add(below);
            flags.push(below.flags);
            records.push(totals.records);
            height = slot.link.height() + 1;
            links.push(slot.link);
        }
        let own = |child: usize| {
            let start = child.checked_sub(1).and_then(|before| ends.get(before));
            let (start, end) = (start.copied().unwrap_or(0), ends[child]);
            &separators[usize::from(start)..usize::from(end)]
        };
        let common = match ends.len() {
            0 | 1 => 0,
            children => common_prefix(own(1), own(children - 1)), // they are in order
        };
        let rest = |child| own(child).get(common..).unwrap_or_default();
        let heads = (0..ends.len()).map(|child| head(rest(child))).collect();
        Self {
            height,
            totals,
            common: common as u16, // a key has at most 510 octets
            heads,
            separators: separators.into(),
            ends: ends.into(),
            records: records.into(),
            flags: flags.into(),
            links: links.into(),
        }
    }

    fn separator(&self, child: usize) -> &[u8] {
        let start = child
            .checked_sub(1)
            .and_then(|before| self.ends.get(before))
            .map_or(0, |end| usize::from(*end));
        let end = self.ends.get(child).map_or(start, |end| usize::from(*end));
        self.separators.get(start..end).unwrap_or_default()
    }

    /// The child that has `key`, or would have it.
    fn child_of(&self, key: &[u8]) -> usize {
        let last = self.links.len().saturating_sub(1);
        if last == 0 {
            return 0;
        }
        let mut rest = key;
        if self.common > 0 {
            let common = &self.separator(1)[..usize::from(self.common)];
            match key.strip_prefix(common) {
                Some(behind) => rest = behind,
                None => return if key < common { 0 } else { last },
            }
        }
        let sought = head(rest);
        let heads = self.heads.get(1..).unwrap_or_default();
        let before = heads.partition_point(|head| *head < sought);
        let equal = heads.get(before..).unwrap_or_default();
        if equal.first() != Some(&sought) {
            return before;
        }
        let (mut low, mut high) = (
            before,
            before + equal.partition_point(|head| *head == sought),
        );
        while low < high {
            let middle = low + (high - low) / 2;
            if self.separator(middle + 1) <= key {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }
}

/// The first eight octets of a key, as a number that orders as they do.
fn head(key: &[u8]) -> u64 {
    if let Some(octets) = key.first_chunk() {
        return u64::from_be_bytes(*octets);
    }
    let mut octets = [0; 8];
    let front = key.len().min(8);
    octets[..front].copy_from_slice(&key[..front]);
    u64::from_be_bytes(octets)
}

/// A subtree on its way into an inner node.
#[derive(Clone, Debug)]
pub(crate) struct Slot {
    separator: SmallVec<[u8; 16]>,
    link: Link,
}

impl Inner {
    fn slots(&self) -> impl Iterator<Item = Slot> {
        self.links.iter().enumerate().map(|(child, link)| Slot {
            separator: SmallVec::from_slice(self.separator(child)),
            link: link.clone(),
        })
    }
}

/// Inner nodes above `slots`, none of them full to the brim while another is nearly empty.
fn group(slots: Vec<Slot>) -> Vec<Slot> {
    let groups = slots.len().div_ceil(FAN);
    let mut left = slots.len();
    let mut slots = slots.into_iter();
    let mut above = Vec::with_capacity(groups);
    for group in (1..=groups).rev() {
        let size = left.div_ceil(group);
        left -= size;
        let children: Vec<Slot> = slots.by_ref().take(size).collect();
        let Some(separator) = children.first().map(|slot| slot.separator.clone()) else {
            break;
        };
        above.push(Slot {
            separator,
            link: Link::Inner(Arc::new(Inner::new(children.into_iter()))),
        });
    }
    above
}

/// Puts a page behind the others; `last` is the last key of the one before.
fn push_page(octets: Arc<[u8]>, last: &mut KeyBuf, slots: &mut Vec<Slot>) {
    let separator = if slots.is_empty() {
        SmallVec::new()
    } else {
        separator_between(last, &Page::new(&octets).first_key())
    };
    Page::new(&octets).write_last_key(last);
    slots.push(Slot {
        separator,
        link: Link::Page(octets),
    });
}

/// The shortest octets that are behind `last` and not behind `first`.
fn separator_between(last: &[u8], first: &[u8]) -> SmallVec<[u8; 16]> {
    let length = (common_prefix(last, first) + 1).min(first.len());
    SmallVec::from_slice(&first[..length])
}
