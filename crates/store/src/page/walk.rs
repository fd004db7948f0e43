//! Walks through the entries of a page.

use super::{GROUP, Page, Slot, Spot};
use crate::key::KeyBuf;
use crate::rrset::Body;

impl<'z> Page<'z> {
    /// Goes through the entries from the first.
    pub(crate) fn entries(self) -> Entries<'z> {
        self.entries_of(0)
    }

    /// Goes through the entries from the one with this number.
    pub(crate) fn entries_from(self, index: usize) -> Entries<'z> {
        let index = index.min(self.len());
        let mut entries = self.entries_of(index.min(self.len().saturating_sub(1)) / GROUP);
        while entries.index < index && entries.skip().is_some() {}
        entries
    }

    /// Goes through what is behind an entry.
    pub(crate) fn behind(self, spot: Spot) -> Behind<'z> {
        Behind {
            page: self,
            index: spot.index + 1,
            keys: self.0.get(spot.key_end..).unwrap_or_default(),
            body_start: spot.body_end,
        }
    }

    /// Goes through the entries from the first of a group.
    fn entries_of(self, group: usize) -> Entries<'z> {
        let Slot {
            key_start,
            body_start,
            ..
        } = self.slot(group);
        Entries {
            page: self,
            index: group * GROUP,
            key_start,
            body_start,
            key: KeyBuf::from_slice(self.prefix()),
        }
    }
}

/// A walk through the entries of a page.
#[derive(Clone, Debug)]
pub(crate) struct Entries<'z> {
    page: Page<'z>,
    pub(super) index: usize,
    pub(super) key_start: usize,
    pub(super) body_start: usize,
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
        let Page(octets) = self.page;
        let keys = octets.get(self.key_start..)?;
        let (key, spot) = self.page.entry(self.index, keys, self.body_start)?;
        self.key.truncate(self.page.prefix().len() + key.shared);
        self.key.extend_from_slice(key.suffix);
        if spot.body_end > octets.len() {
            return None;
        }
        self.index += 1;
        self.key_start = spot.key_end;
        self.body_start = spot.body_end;
        Some(spot)
    }

    pub(crate) fn page(&self) -> Page<'z> {
        self.page
    }
}

/// A walk through the entries of a page that leaves their keys as they lie.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Behind<'z> {
    page: Page<'z>,
    index: usize,
    keys: &'z [u8],
    body_start: usize,
}

/// An entry of such a walk.
pub(crate) struct Passed<'z> {
    pub(crate) spot: Spot,
    /// Octets that its key shares with the one before, without the prefix of the page; `None` of the first of a group,
    /// which is compared with none.
    pub(crate) shared: Option<usize>,
    /// The octets of its key behind these.
    pub(crate) suffix: &'z [u8],
}

impl<'z> Behind<'z> {
    pub(crate) fn next(&mut self) -> Option<Passed<'z>> {
        if self.index >= self.page.len() {
            return None;
        }
        let (key, spot) = self.page.entry(self.index, self.keys, self.body_start)?;
        let is_first = self.index.is_multiple_of(GROUP);
        self.index += 1;
        self.keys = key.behind;
        self.body_start = spot.body_end;
        Some(Passed {
            spot,
            shared: (!is_first).then_some(key.shared),
            suffix: key.suffix,
        })
    }

    pub(crate) fn page(&self) -> Page<'z> {
        self.page
    }
}
