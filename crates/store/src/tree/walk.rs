//! Going through a tree.

use std::sync::Arc;

use smallvec::SmallVec;

use super::{Inner, Link, Tree};
use crate::page::{Entries, Page};
use crate::rrset::Body;

/// A walk through entries in key order.
#[derive(Clone, Debug)]
pub(crate) struct Walk<'z> {
    stack: SmallVec<[(&'z Inner, usize); 6]>,
    entries: Option<Entries<'z>>,
}

impl<'z> Walk<'z> {
    /// From the first entry.
    pub(crate) fn new(tree: &'z Tree) -> Self {
        let mut walk = Self {
            stack: SmallVec::new(),
            entries: None,
        };
        if let Some(root) = &tree.root {
            walk.descend(root, |_| 0);
        }
        walk
    }

    /// From the first entry at or behind `key`.
    pub(crate) fn from_key(tree: &'z Tree, key: &[u8]) -> Self {
        let mut walk = Self {
            stack: SmallVec::new(),
            entries: None,
        };
        if let Some(root) = &tree.root {
            walk.descend(root, |inner| inner.child_of(key));
        }
        if let Some(entries) = &mut walk.entries {
            let search = entries.page().search(key);
            let first = search.before.map_or(0, |spot| {
                if search.exact {
                    spot.index
                } else {
                    spot.index + 1
                }
            });
            *entries = entries.page().entries_from(first);
        }
        walk
    }

    /// From the page that holds the record with this number; also returns how many records come before that page.
    pub(crate) fn from_record(tree: &'z Tree, record: u64) -> (Self, u64) {
        let mut walk = Self {
            stack: SmallVec::new(),
            entries: None,
        };
        let mut before = 0;
        if let Some(root) = &tree.root {
            walk.descend(root, |inner| {
                let child = inner
                    .records
                    .partition_point(|&up_to| before + up_to <= record);
                let child = child.min(inner.links.len() - 1);
                before += child
                    .checked_sub(1)
                    .and_then(|child| inner.records.get(child))
                    .copied()
                    .unwrap_or(0);
                child
            });
        }
        (walk, before)
    }

    /// The next body; its key is then [`key`](Self::key).
    pub(crate) fn next(&mut self) -> Option<Body<'z>> {
        loop {
            if let Some(body) = self.entries.as_mut()?.next() {
                return Some(body);
            }
            self.entries = None;
            while let Some((inner, child)) = self.stack.pop() {
                if let Some(link) = inner.links.get(child + 1) {
                    self.stack.push((inner, child + 1));
                    self.descend(link, |_| 0);
                    break;
                }
            }
        }
    }

    /// The key of the body that came last.
    pub(crate) fn key(&self) -> &[u8] {
        self.entries.as_ref().map_or(&[], Entries::key)
    }

    fn descend(&mut self, link: &'z Link, mut choose: impl FnMut(&'z Inner) -> usize) {
        let mut link = link;
        loop {
            match link {
                Link::Page(octets) => {
                    self.entries = Some(Page::new(octets).entries());
                    return;
                }
                Link::Inner(inner) => {
                    let child = choose(inner);
                    self.stack.push((inner, child));
                    let Some(below) = inner.links.get(child) else {
                        return;
                    };
                    link = below;
                }
            }
        }
    }
}

impl Tree {
    /// The pages that begin at `key` or behind it, in key order.
    pub(crate) fn pages_from(&self, key: &[u8]) -> impl Iterator<Item = &Arc<[u8]>> {
        let mut pages = self.pages();
        while let Some(Link::Inner(inner)) = pages.stack.last().copied() {
            pages.stack.pop();
            let from = inner.links.get(inner.child_of(key)..).unwrap_or_default();
            pages.stack.extend(from.iter().rev());
        }
        pages.skip_while(move |page| Page::new(page).first_key()[..] < *key)
    }
}

/// All pages of a tree, in key order.
#[derive(Clone, Debug)]
pub(crate) struct Pages<'z> {
    pub(super) stack: SmallVec<[&'z Link; 8]>,
}

impl<'z> Iterator for Pages<'z> {
    type Item = &'z Arc<[u8]>;

    fn next(&mut self) -> Option<&'z Arc<[u8]>> {
        loop {
            match self.stack.pop()? {
                Link::Page(octets) => return Some(octets),
                Link::Inner(inner) => self.stack.extend(inner.links.iter().rev()),
            }
        }
    }
}
