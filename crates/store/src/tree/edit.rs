//! Making a tree of another one and changes to it.

use std::sync::Arc;

use smallvec::SmallVec;

use super::{FAN, Inner, Link, Slot, Tree, group, separator_between};
use crate::key::KeyBuf;
use crate::page::{Entries, Flags, Page, Totals};
use crate::page_writer::PageWriter;
use crate::rrset::Body;

impl Tree {
    /// The tree with new bodies under `keys`, which are in order and without repetition.
    ///
    /// `edit` gets the number of a key and the body there, and writes the new body; it returns what that comes to, or
    /// `None` when nothing is to stay under the key.
    pub(crate) fn edit<E>(
        &self,
        keys: &[impl AsRef<[u8]>],
        flags: Flags,
        apex: usize,
        edit: impl FnMut(usize, Option<Body<'_>>, &mut Vec<u8>) -> Result<Option<Totals>, E>,
    ) -> Result<Self, E> {
        let writer = PageWriter::new(flags);
        let mut editor = Editor {
            keys,
            done: 0,
            writer,
            apex,
            edit,
            body: Vec::new(),
        };
        let mut slots = Vec::new();
        match &self.root {
            None => {
                editor.merge(None, None)?;
                editor.writer.finish_evenly(apex, &[], &mut slots);
            }
            Some(root) => editor.link(&[], root, None, &mut slots)?,
        }
        Ok(Self::from_slots(slots))
    }
}

/// Carries out one [`Tree::edit`].
struct Editor<'k, K, F> {
    keys: &'k [K],
    done: usize,
    writer: PageWriter,
    apex: usize,
    edit: F,
    body: Vec<u8>,
}

impl<
    K: AsRef<[u8]>,
    E,
    F: FnMut(usize, Option<Body<'_>>, &mut Vec<u8>) -> Result<Option<Totals>, E>,
> Editor<'_, K, F>
{
    /// Edits the subtree `link`, whose separator is given, and whose keys end before `end`.
    fn link(
        &mut self,
        separator: &[u8],
        link: &Link,
        end: Option<&[u8]>,
        slots: &mut Vec<Slot>,
    ) -> Result<(), E> {
        match link {
            Link::Page(octets) => {
                self.merge(Some(Page::new(octets)), end)?;
                self.writer.finish_evenly(self.apex, separator, slots);
            }
            Link::Inner(inner) if inner.height == 1 => {
                let children = self.pages(inner, end)?;
                slots.extend(group_up_to_fan(children));
            }
            Link::Inner(inner) => {
                let mut children = Vec::with_capacity(inner.links.len() + 1);
                for (child, link) in inner.links.iter().enumerate() {
                    let separator = inner.separator(child);
                    let child_end = if child + 1 < inner.links.len() {
                        Some(inner.separator(child + 1))
                    } else {
                        end
                    };
                    if self.touches(child_end) {
                        let from = children.len();
                        self.link(separator, link, child_end, &mut children)?;
                        join_small(&mut children, from);
                    } else {
                        children.push(Slot {
                            separator: SmallVec::from_slice(separator),
                            link: link.clone(),
                        });
                    }
                }
                slots.extend(group_up_to_fan(children));
            }
        }
        Ok(())
    }

    /// Edits the pages below an inner node. A page that becomes small takes in its neighbour.
    fn pages(&mut self, inner: &Inner, end: Option<&[u8]>) -> Result<Vec<Slot>, E> {
        let mut slots: Vec<Slot> = Vec::with_capacity(inner.links.len() + 1);
        let mut open: Option<&[u8]> = None; // the separator of what is at hand in the writer
        for (child, link) in inner.links.iter().enumerate() {
            let separator = inner.separator(child);
            let child_end = if child + 1 < inner.links.len() {
                Some(inner.separator(child + 1))
            } else {
                end
            };
            let Link::Page(octets) = link else {
                continue; // none: this inner node is of height 1
            };
            if open.is_none() && !self.touches(child_end) {
                slots.push(Slot {
                    separator: SmallVec::from_slice(separator),
                    link: link.clone(),
                });
                continue;
            }
            self.merge(Some(Page::new(octets)), child_end)?;
            let from = *open.get_or_insert(separator);
            if !self.writer.is_small() {
                self.writer.finish_evenly(self.apex, from, &mut slots);
                open = None;
            }
        }
        if let Some(from) = open {
            // A small page at the end goes together with the one before.
            let mut small = Vec::new();
            self.writer.finish_evenly(self.apex, from, &mut small);
            if let (
                Some(Slot {
                    link: Link::Page(octets),
                    ..
                }),
                true,
            ) = (small.first(), small.len() == 1)
                && let Some(Slot {
                    separator,
                    link: Link::Page(before),
                }) = slots.pop()
            {
                self.copy(Page::new(&before));
                self.copy(Page::new(octets));
                self.writer.finish_evenly(self.apex, &separator, &mut slots);
            } else {
                slots.append(&mut small);
            }
        }
        Ok(slots)
    }

    /// Whether there is a key to edit before `end`.
    fn touches(&self, end: Option<&[u8]>) -> bool {
        self.keys
            .get(self.done)
            .is_some_and(|key| end.is_none_or(|end| key.as_ref() < end))
    }

    /// Puts the entries of a page into the writer, edited, with all new ones before `end`.
    fn merge(&mut self, page: Option<Page<'_>>, end: Option<&[u8]>) -> Result<(), E> {
        let mut entries = page.map(Page::entries);
        page.into_iter()
            .for_each(|page| self.writer.expect(page.totals()));
        while let Some(body) = entries.as_mut().and_then(Entries::next) {
            let held = entries.as_ref().map_or(&[][..], Entries::key);
            while let Some(key) = self.keys.get(self.done).map(AsRef::as_ref)
                && key < held
            {
                self.put(key, None)?;
            }
            match self.keys.get(self.done).map(AsRef::as_ref) {
                Some(key) if key == held => {
                    self.writer.leave_out(Totals::of(held, body, self.apex));
                    self.put(key, Some(body))?;
                }
                _ => self.writer.push_unbounded(held, body.0, None),
            }
        }
        while self.touches(end)
            && let Some(key) = self.keys.get(self.done)
        {
            self.put(key.as_ref(), None)?;
        }
        Ok(())
    }

    /// Edits the key at hand.
    fn put(&mut self, key: &[u8], old: Option<Body<'_>>) -> Result<(), E> {
        self.body.clear();
        let totals = (self.edit)(self.done, old, &mut self.body)?;
        self.done += 1;
        if totals.is_some() {
            self.writer.push_unbounded(key, &self.body, totals);
        }
        Ok(())
    }

    fn copy(&mut self, page: Page<'_>) {
        self.writer.expect(page.totals());
        let mut entries = page.entries();
        while let Some(body) = entries.next() {
            self.writer.push_unbounded(entries.key(), body.0, None);
        }
    }
}

impl PageWriter {
    /// Makes pages of about the same size of what is at hand; the first gets this separator.
    fn finish_evenly(&mut self, apex: usize, separator: &[u8], slots: &mut Vec<Slot>) {
        let mut last: Option<KeyBuf> = None; // the apex has the empty key: emptiness tells nothing
        self.finish_in_parts(apex, |octets| {
            let separator = match &last {
                None => SmallVec::from_slice(separator),
                Some(last) => separator_between(last, &Page::new(&octets).first_key()),
            };
            Page::new(&octets).write_last_key(last.get_or_insert_default());
            slots.push(Slot {
                separator,
                link: Link::Page(octets),
            });
        });
    }
}

/// Joins an inner node that became small, at `from`, with the one before it.
fn join_small(slots: &mut Vec<Slot>, from: usize) {
    let Some(before) = from.checked_sub(1) else {
        return;
    };
    if let (Some(Link::Inner(a)), Some(Link::Inner(b))) = (
        slots.get(before).map(|slot| &slot.link),
        slots.get(from).map(|slot| &slot.link),
    ) && a.links.len() + b.links.len() <= FAN
        && a.links.len().min(b.links.len()) < FAN / 4
    {
        let both: Vec<Slot> = [a, b].into_iter().flat_map(|inner| inner.slots()).collect();
        let link = Link::Inner(Arc::new(Inner::new(both.into_iter())));
        slots.remove(from);
        slots[before].link = link;
    }
}

/// As [`group`]; nothing above nothing.
fn group_up_to_fan(slots: Vec<Slot>) -> Vec<Slot> {
    if slots.is_empty() {
        slots
    } else {
        group(slots)
    }
}
