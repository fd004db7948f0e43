//! One of the two trees of a version, from all of its records.

use std::sync::Arc;

use super::before::Before;
use super::strays::{StrayEntries, Strays};
use crate::draft::{Draft, Place};
use crate::key::common_prefix;
use crate::page::{Flags, Page, Totals};
use crate::page_writer::PageWriter;
use crate::rrset::{Body, Owner};
use crate::rules::Rules;
use crate::tree::Tree;
use crate::{EditError, Notes};

/// One of the two trees on its way.
#[derive(Debug)]
pub(super) struct Side {
    pub(super) draft: Draft,
    body: Vec<u8>,
    /// The last key in the run of pages.
    last: Vec<u8>,
    /// How many entries the run has.
    entries: usize,
    /// Those sets in it, by number of their entry, that came with several TTLs.
    lowered: Vec<(usize, Place)>,
    writer: PageWriter,
    pages: Vec<Arc<[u8]>>,
    pub(super) before: Before,
    strays: Strays,
}

impl Side {
    pub(super) fn new(flags: Flags) -> Self {
        Self {
            draft: Draft::default(),
            body: Vec::new(),
            last: Vec::new(),
            entries: 0,
            lowered: Vec::new(),
            writer: PageWriter::new(flags),
            pages: Vec::new(),
            before: Before::default(),
            strays: Strays::default(),
        }
    }

    /// Packs the records of an owner: behind the others, or aside when they do not come in order.
    pub(super) fn close(
        &mut self,
        key: &[u8],
        owner: Owner<'_>,
        rules: &Rules<'_>,
        notes: &mut Notes,
    ) -> Result<(), EditError> {
        let shared = common_prefix(&self.last, key);
        if self.entries > 0 && key.get(shared) <= self.last.get(shared) {
            self.body.clear();
            self.draft.write_untidy(owner, &mut self.body);
            self.strays.push(key, &self.body);
            self.draft.clear();
            return Ok(());
        }
        self.before.pass(key, &mut self.writer, &mut self.pages);
        self.draft.tidy(notes);
        let lowered = self.draft.lowered();
        if !lowered.is_empty() {
            notes.ttls_lowered += lowered.len() as u64;
            let entry = self.entries;
            let noted = lowered.iter().map(|place| (entry, *place));
            self.lowered.extend(noted);
        }
        let totals = rules.pack(key, &self.draft, owner, notes, self.writer.body())?;
        let most = self.before.page_octets();
        let page = self.writer.push_written(key, shared, totals, most);
        self.pages.extend(page);
        self.entries += 1;
        self.last.clear();
        self.last.extend_from_slice(key);
        self.draft.clear();
        Ok(())
    }

    /// Makes the tree.
    pub(super) fn finish(
        &mut self,
        rules: &Rules<'_>,
        notes: &mut Notes,
    ) -> Result<Tree, EditError> {
        self.before.finish(&mut self.writer, &mut self.pages);
        if self.strays.is_empty() {
            return Ok(Tree::from_pages(std::mem::take(&mut self.pages)));
        }
        self.strays.sort();
        let mut strays = self.strays.entries().peekable();
        let mut pages: Vec<Arc<[u8]>> = Vec::with_capacity(self.pages.len());
        let mut run = std::mem::take(&mut self.pages).into_iter().peekable();
        let (draft, writer, body_out) = (&mut self.draft, &mut self.writer, &mut self.body);
        let noted = &self.lowered;
        let mut passed = 0; // entries of the run
        // Takes all that came aside for `key`, together with what is already in the run.
        let mut merge = |key: &[u8],
                         held: Option<(usize, Body<'_>)>,
                         strays: &mut std::iter::Peekable<StrayEntries<'_>>,
                         writer: &mut PageWriter,
                         pages: &mut Vec<Arc<[u8]>>| {
            let mut owner = held.map(|(_, body)| body.owner());
            draft.clear();
            if let Some((_, body)) = held {
                draft.load(body);
                rules.forget(key, draft, notes);
            }
            while let Some((_, body)) = strays.next_if(|(stray, _)| *stray == key) {
                owner.get_or_insert(body.owner());
                draft.load(body);
            }
            draft.tidy(notes);
            let is_noted = |place: Place| {
                held.is_some_and(|(entry, _)| noted.binary_search(&(entry, place)).is_ok())
            };
            let lowered = draft.lowered().iter().filter(|place| !is_noted(**place));
            notes.ttls_lowered += lowered.count() as u64;
            body_out.clear();
            let totals = rules.pack(key, draft, owner.unwrap_or(Owner::Lower), notes, body_out)?;
            pages.extend(writer.push(key, body_out, totals));
            Ok::<(), EditError>(())
        };
        while let Some(octets) = run.next() {
            let end = run.peek().map(|next| Page::new(next).first_key());
            let is_touched = strays
                .peek()
                .is_some_and(|(key, _)| end.as_ref().is_none_or(|end| *key < &end[..]));
            if !is_touched && (writer.is_empty() || !writer.is_small()) {
                pages.extend(writer.finish());
                passed += Page::new(&octets).len();
                pages.push(octets);
                continue;
            }
            let mut entries = Page::new(&octets).entries();
            while let Some(body) = entries.next() {
                let key = entries.key();
                while let Some(&(stray, _)) = strays.peek()
                    && stray < key
                {
                    merge(stray, None, &mut strays, writer, &mut pages)?;
                }
                if strays.peek().is_some_and(|(stray, _)| *stray == key) {
                    merge(key, Some((passed, body)), &mut strays, writer, &mut pages)?;
                } else {
                    let totals = Totals::of(key, body, rules.apex.len());
                    pages.extend(writer.push(key, body.0, totals));
                }
                passed += 1;
            }
        }
        while let Some(&(stray, _)) = strays.peek() {
            merge(stray, None, &mut strays, writer, &mut pages)?;
        }
        pages.extend(writer.finish());
        Ok(Tree::from_pages(pages))
    }
}
