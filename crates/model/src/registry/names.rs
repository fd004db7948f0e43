//! The zones of one contract by name: in pages whose text is searched as one.
//!
//! Looking at a hundred thousand zones one after the other means as many places in memory. Here the names of a hundred or so
//! lie in one text, so that finding part of a name costs what reading two megabytes costs.

use std::{cmp::Ordering, ops::Range, sync::Arc};

use memchr::{memchr, memchr_iter, memmem};

use crate::SecondaryZone;

/// Zones of a page, at most.
const PAGE: usize = 128;

#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    /// In order, none of them empty.
    pages: Vec<Page>,
}

#[derive(Clone, Debug, Default)]
struct Page {
    /// By name.
    zones: Vec<Arc<SecondaryZone>>,
    /// Their names, each with an end of line behind it.
    text: String,
}

impl Names {
    /// Puts a zone in its place, in that of the zone of the same name if there is one.
    pub(super) fn put(&mut self, zone: Arc<SecondaryZone>) {
        let index = self.page_of(zone.name.as_str());
        let Some(page) = self.pages.get_mut(index) else {
            self.pages.push(Page::of(vec![zone]));
            return;
        };
        match page.find(zone.name.as_str()) {
            Ok(place) => {
                if let Some(held) = page.zones.get_mut(place) {
                    *held = zone;
                }
            }
            Err(place) => {
                let at = page.line(place).start;
                page.text.insert(at, '\n');
                page.text.insert_str(at, zone.name.as_str());
                page.zones.insert(place, zone);
                if page.zones.len() > PAGE {
                    let behind = Page::of(page.zones.split_off(PAGE / 2));
                    *page = Page::of(page.zones.to_vec()); // with no more room than it needs
                    self.pages.insert(index + 1, behind);
                }
            }
        }
    }

    /// Takes the zone of that name away.
    pub(super) fn remove(&mut self, name: &str) {
        let index = self.page_of(name);
        let Some(page) = self.pages.get_mut(index) else {
            return;
        };
        if let Ok(place) = page.find(name) {
            page.text.replace_range(page.line(place), "");
            page.zones.remove(place);
            if page.zones.is_empty() {
                self.pages.remove(index);
            }
        }
    }

    /// The zone of exactly that name.
    pub(super) fn find(&self, name: &str) -> Option<&Arc<SecondaryZone>> {
        let page = self.pages.get(self.page_of(name))?;
        page.zones.get(page.find(name).ok()?)
    }

    /// All zones in the order of their names, or the other way round, from behind that name on.
    pub(super) fn behind<'n>(
        &'n self,
        name: Option<&str>,
        descending: bool,
    ) -> Box<dyn Iterator<Item = &'n Arc<SecondaryZone>> + 'n> {
        let index = name.map_or(0, |name| self.page_of(name));
        let place = |wanted: Ordering| {
            let (page, name) = (self.pages.get(index)?, name?);
            Some(
                page.zones
                    .partition_point(|zone| zone.name.as_str().cmp(name) <= wanted),
            )
        };
        let zones = |pages: &'n [Page]| pages.iter().flat_map(|page| &page.zones);
        let page = self.pages.get(index).map_or(&[][..], |page| &page.zones);
        match (name, descending) {
            (None, false) => Box::new(zones(&self.pages)),
            (None, true) => Box::new(zones(&self.pages).rev()),
            (Some(_), false) => {
                let here = page.get(place(Ordering::Equal).unwrap_or(0)..);
                let after = self.pages.get(index + 1..).unwrap_or_default();
                Box::new(here.unwrap_or_default().iter().chain(zones(after)))
            }
            (Some(_), true) => {
                let here = page.get(..place(Ordering::Less).unwrap_or(0));
                let before = self.pages.get(..index).unwrap_or_default();
                let here = here.unwrap_or_default().iter().rev();
                Box::new(here.chain(zones(before).rev()))
            }
        }
    }

    /// The zones whose names contain `part`, which is in lower case, in the order of their names.
    pub(super) fn containing<'n>(
        &'n self,
        part: &'n str,
    ) -> impl Iterator<Item = &'n Arc<SecondaryZone>> + 'n {
        let finder = memmem::Finder::new(part.as_bytes());
        let is_one_line = memchr(b'\n', part.as_bytes()).is_none();
        let pages = self.pages.iter().filter(move |_| is_one_line);
        pages.flat_map(move |page| page.containing(finder.clone()))
    }

    /// How many there are of those, without a look at the zones.
    pub(super) fn count_containing(&self, part: &str) -> usize {
        let finder = memmem::Finder::new(part.as_bytes());
        if memchr(b'\n', part.as_bytes()).is_some() {
            return 0;
        }
        let count = |page: &Page| {
            let (mut rest, mut count) = (page.text.as_bytes(), 0);
            while let Some(found) = finder.find(rest) {
                count += 1;
                let behind = memchr(b'\n', rest.get(found..).unwrap_or_default());
                rest = behind.map_or(&[], |end| rest.get(found + end + 1..).unwrap_or_default());
                if rest.is_empty() {
                    break; // where even nothing would be found
                }
            }
            count
        };
        self.pages.iter().map(count).sum()
    }

    /// The page in which a name is, or would be.
    fn page_of(&self, name: &str) -> usize {
        let begins =
            |page: &Page| { page.zones.first() }.is_some_and(|first| first.name.as_str() <= name);
        self.pages.partition_point(begins).saturating_sub(1)
    }
}

impl Page {
    fn of(zones: Vec<Arc<SecondaryZone>>) -> Self {
        let text = zones.iter().flat_map(|zone| [zone.name.as_str(), "\n"]);
        Self {
            text: text.collect(),
            zones,
        }
    }

    fn find(&self, name: &str) -> Result<usize, usize> {
        self.zones
            .binary_search_by(|zone| zone.name.as_str().cmp(name))
    }

    /// Where the line of that number is in the text; behind the last: the end of it.
    fn line(&self, number: usize) -> Range<usize> {
        let text = self.text.as_bytes();
        let mut ends = memchr_iter(b'\n', text).map(|end| end + 1);
        let begin = match number.checked_sub(1) {
            None => 0,
            Some(before) => ends.nth(before).unwrap_or(text.len()),
        };
        begin..ends.next().unwrap_or(text.len())
    }

    fn containing<'p>(
        &'p self,
        finder: memmem::Finder<'p>,
    ) -> impl Iterator<Item = &'p Arc<SecondaryZone>> + 'p {
        let text = self.text.as_bytes();
        let (mut at, mut number) = (0, 0);
        std::iter::from_fn(move || {
            let found = at + finder.find(text.get(at..)?)?;
            number += memchr_iter(b'\n', text.get(at..found)?).count();
            let zone = self.zones.get(number)?;
            // On with the next line.
            at = found + memchr(b'\n', text.get(found..)?)? + 1;
            number += 1;
            Some(zone)
        })
    }
}
