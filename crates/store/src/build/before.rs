//! Pages that are shared with another version.

use std::sync::Arc;

use crate::key::KeyBuf;
use crate::page::{HEADER, PAGE_OCTETS, Page};
use crate::page_writer::{EDITED_OCTETS, PageWriter};
use crate::tree::Tree;

/// The pages of another version, to be shared where they come out the same.
///
/// Pages end where those of the other version do, so that one change does not move the ends of all pages behind it.
#[derive(Debug, Default)]
pub(super) struct Before {
    pages: std::vec::IntoIter<Arc<[u8]>>,
    /// The page that has, or would have, what is at hand.
    open: Option<Arc<[u8]>>,
    /// The page behind it, and its first key.
    next: Option<(KeyBuf, Arc<[u8]>)>,
}

impl Before {
    pub(super) fn new(tree: &Tree) -> Self {
        let pages: Vec<_> = tree.pages().cloned().collect();
        let mut before = Self {
            pages: pages.into_iter(),
            ..Self::default()
        };
        before.step();
        before
    }

    /// Comes to the page that would have `key`: what is at hand becomes a page when it ends before.
    #[inline]
    pub(super) fn pass(&mut self, key: &[u8], writer: &mut PageWriter, pages: &mut Vec<Arc<[u8]>>) {
        if let Some((first, _)) = &self.next
            && first[..] <= *key
        {
            self.turn(key, writer, pages);
        }
    }

    fn turn(&mut self, key: &[u8], writer: &mut PageWriter, pages: &mut Vec<Arc<[u8]>>) {
        match writer.finish_as(self.open.as_ref()) {
            Some(page) => pages.push(page),
            None if writer.is_small() => {} // goes together with what follows
            None => pages.extend(writer.finish()),
        }
        while self
            .next
            .as_ref()
            .is_some_and(|(first, _)| first[..] <= *key)
        {
            self.open = self.next.take().map(|(_, page)| page);
            self.step();
        }
    }

    fn step(&mut self) {
        let key = |page: Arc<[u8]>| (Page::new(&page).first_key(), page);
        self.next = self.pages.next().map(key);
    }

    /// How large a page may become: as large as by edits, where the other version says where it ends.
    pub(super) fn page_octets(&self) -> usize {
        match self.open {
            Some(_) => EDITED_OCTETS + HEADER,
            None => PAGE_OCTETS,
        }
    }

    pub(super) fn finish(&mut self, writer: &mut PageWriter, pages: &mut Vec<Arc<[u8]>>) {
        match writer.finish_as(self.open.as_ref()) {
            Some(page) => pages.push(page),
            None => pages.extend(writer.finish()),
        }
        *self = Self::default();
    }
}
