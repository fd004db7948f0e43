//! Building a version from all of its records.

use std::sync::Arc;

use zonekit_wire::{Class, Name, NameBuf, Record, Rtype, Soa};

use crate::draft::{Draft, Place, is_nsec3, spelling};
use crate::key::{self, KeyBuf, common_prefix};
use crate::page::{Flags, HEADER, PAGE_OCTETS, Page, Totals};
use crate::page_writer::{EDITED_OCTETS, PageWriter};
use crate::rrset::{Body, Owner};
use crate::tree::Tree;
use crate::{Checks, EditError, Notes, Zone, ZoneLimits};

/// Builds a version of a zone from its records, which may come in any order.
///
/// Records that come in canonical order of their owners, as most servers send them, go straight into the pages of
/// the version. Those that do not are kept aside, packed, and are sorted in at the end.
///
/// ```
/// use zonekit_store::{Checks, ZoneBuilder, ZoneLimits};
/// use zonekit_wire::{Class, Name, NameBuf, Record, Rtype};
///
/// let apex: NameBuf = "example".parse()?;
/// let record = |owner, rtype, rdata| Record { owner, rtype, class: Class::IN, ttl: 3600, rdata };
/// let soa = [&[0, 0][..], &[0, 0, 0, 7], &[0; 16]].concat(); // serial 7, both names the root
///
/// let mut builder = ZoneBuilder::new(apex.as_name(), ZoneLimits::default(), Checks::Strict);
/// builder.begin(&record(apex.as_name(), Rtype::SOA, &soa))?;
/// builder.add(&record(apex.as_name(), Rtype::NS, b"\x02ns\x00"))?;
/// let (zone, notes) = builder.finish()?;
/// assert_eq!((zone.serial().0, zone.record_count(), notes.out_of_zone), (7, 2, 0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct ZoneBuilder {
    apex: NameBuf,
    limits: ZoneLimits,
    checks: Checks,
    notes: Notes,
    records: u64,
    octets: u64,
    begun: bool,
    /// The sort key of the apex: at the front of those of all names of the zone.
    apex_key: Vec<u8>,
    /// The owner of the records at hand, and its sort key.
    owner: NameBuf,
    owner_key: Vec<u8>,
    owner_is_inside: bool,
    /// Memory for the sort key of a record that comes without one.
    spare: Vec<u8>,
    names: Side,
    hashes: Side,
}

/// One of the two trees on its way.
#[derive(Debug)]
struct Side {
    draft: Draft,
    body: Vec<u8>,
    /// The last key in the run of pages.
    last: Vec<u8>,
    /// How many entries the run has.
    entries: usize,
    /// Those sets in it, by number of their entry, that came with several TTLs.
    lowered: Vec<(usize, Place)>,
    writer: PageWriter,
    pages: Vec<Arc<[u8]>>,
    before: Before,
    strays: Strays,
}

impl ZoneBuilder {
    /// Starts on a version of the zone with this apex.
    pub fn new(apex: Name<'_>, limits: ZoneLimits, checks: Checks) -> Self {
        let mut apex_key = Vec::new();
        apex.write_sort_key(&mut apex_key);
        Self {
            apex: apex.to_buf(),
            limits,
            checks,
            notes: Notes::default(),
            records: 0,
            octets: 0,
            begun: false,
            apex_key,
            owner: NameBuf::new(),
            owner_key: Vec::new(),
            owner_is_inside: false,
            spare: Vec::new(),
            names: Side::new(Flags::default()),
            hashes: Side::new(Flags::NSEC3),
        }
    }

    /// Shares pages with `before`, another version of the zone, where both have the same: the new version costs the memory
    /// of what differs. Pages are shared when the records come in canonical order.
    #[must_use]
    pub fn sharing(mut self, before: &Zone) -> Self {
        self.names.before = Before::new(before.names());
        self.hashes.before = Before::new(before.hashes());
        self
    }

    /// Takes the SOA record of the version. Comes first, and once.
    pub fn begin(&mut self, soa: &Record<'_>) -> Result<(), EditError> {
        if soa.rtype != Rtype::SOA || soa.owner != self.apex || soa.class != Class::IN {
            return Err(EditError::NotTheSoa {
                owner: soa.owner.to_buf(),
                rtype: soa.rtype,
            });
        }
        if self.begun {
            return Err(EditError::SecondSoa);
        }
        Soa::read(soa.rdata).map_err(|_| EditError::MalformedSoa)?;
        self.begun = true;
        self.apex.assign(soa.owner); // its spelling is the one of most owners
        self.owner.assign(soa.owner);
        self.owner_key.clone_from(&self.apex_key);
        self.owner_is_inside = true;
        self.count(soa)?;
        self.names.draft.push(soa.rtype, soa.ttl, soa.rdata);
        Ok(())
    }

    /// Takes another record.
    pub fn add(&mut self, record: &Record<'_>) -> Result<(), EditError> {
        if record.owner.as_octets() == self.owner.as_name().as_octets() {
            self.count(record)?;
            return self.push(record);
        }
        let mut key = std::mem::take(&mut self.spare);
        key.clear();
        record.owner.write_sort_key(&mut key);
        let result = self.add_keyed(record, &key);
        self.spare = key;
        result
    }

    /// As [`add`](Self::add), for less, by a caller that has the sort key of the record's owner at hand: that which
    /// [`Name::write_sort_key`] writes.
    #[inline]
    pub fn add_keyed(&mut self, record: &Record<'_>, sort_key: &[u8]) -> Result<(), EditError> {
        self.count(record)?;
        if sort_key != self.owner_key {
            self.turn_to(record.owner, sort_key)?;
        }
        self.push(record)
    }

    /// As [`add`](Self::add), for less, of a record that is known to have the owner of the one added before it.
    #[inline]
    pub fn add_beside(&mut self, record: &Record<'_>) -> Result<(), EditError> {
        self.count(record)?;
        self.push(record)
    }

    /// Closes the owner at hand; the records of another follow.
    fn turn_to(&mut self, owner: Name<'_>, sort_key: &[u8]) -> Result<(), EditError> {
        self.close_owner()?;
        self.owner.assign(owner);
        self.owner_key.clear();
        self.owner_key.extend_from_slice(sort_key);
        self.owner_is_inside = sort_key.starts_with(&self.apex_key);
        Ok(())
    }

    /// Puts a record of the owner at hand beside the others.
    #[inline]
    fn push(&mut self, record: &Record<'_>) -> Result<(), EditError> {
        if !self.owner_is_inside {
            self.notes.out_of_zone += 1;
            return Ok(());
        }
        if record.rtype == Rtype::SOA && self.owner_key.len() == self.apex_key.len() {
            return Err(EditError::SecondSoa);
        }
        let side = if is_nsec3(record.rtype, record.rdata) {
            &mut self.hashes
        } else {
            &mut self.names
        };
        side.draft.push(record.rtype, record.ttl, record.rdata);
        Ok(())
    }

    /// Makes the version of all records that came.
    pub fn finish(mut self) -> Result<(Zone, Notes), EditError> {
        if !self.begun {
            return Err(EditError::SoaDue);
        }
        self.close_owner()?;
        let rules = Rules {
            apex: self.apex.as_name().as_octets(),
            limits: &self.limits,
            checks: self.checks,
        };
        let names = self.names.finish(&rules, &mut self.notes)?;
        let hashes = self.hashes.finish(&rules, &mut self.notes)?;
        let zone = Zone::new(self.apex.as_name(), names, hashes).ok_or(EditError::MalformedSoa)?;
        check_apex(&zone, self.checks, &mut self.notes)?;
        Ok((zone, self.notes))
    }

    /// Holds a record, and the size of what came, against the rules.
    #[inline]
    fn count(&mut self, record: &Record<'_>) -> Result<(), EditError> {
        if !self.begun {
            return Err(EditError::SoaDue);
        }
        check_record(record)?;
        self.records += 1;
        self.octets += (record.owner.as_octets().len() + 10 + record.rdata.len()) as u64;
        self.limits.check(self.records, self.octets)
    }

    /// Packs the records of the owner at hand.
    fn close_owner(&mut self) -> Result<(), EditError> {
        if self.names.draft.is_empty() && self.hashes.draft.is_empty() {
            return Ok(());
        }
        let rules = Rules {
            apex: self.apex.as_name().as_octets(),
            limits: &self.limits,
            checks: self.checks,
        };
        let key = &self.owner_key[self.apex_key.len()..];
        let spelled = spelling(self.owner.as_name(), rules.apex);
        for side in [&mut self.names, &mut self.hashes] {
            if !side.draft.is_empty() {
                side.close(key, spelled, &rules, &mut self.notes)?;
            }
        }
        Ok(())
    }
}

/// What the records of a name are held against.
pub(crate) struct Rules<'r> {
    pub(crate) apex: &'r [u8],
    pub(crate) limits: &'r ZoneLimits,
    pub(crate) checks: Checks,
}

impl Rules<'_> {
    /// Holds tidy records against limits and checks, packs them, and says what they come to.
    pub(crate) fn pack(
        &self,
        key: &[u8],
        draft: &Draft,
        owner: Owner<'_>,
        notes: &mut Notes,
        out: &mut Vec<u8>,
    ) -> Result<Totals, EditError> {
        let name = || {
            let mut name = NameBuf::new();
            key::write_name(key, self.apex, key::Spelling::Lower, &mut name);
            name
        };
        let flags = draft.check(name, key.is_empty(), self.limits, self.checks, notes)?;
        draft.write(owner, out);
        let records = draft.len() as u64;
        let octets =
            draft.rdata_octets() + records * (key::name_octets(key) + self.apex.len() + 10) as u64;
        Ok(Totals {
            records,
            octets,
            flags: flags.or(Flags::of_key(key)),
        })
    }
}

impl Rules<'_> {
    /// Takes back what was noted of tidy records that are about to be held against the checks again, with others.
    fn forget(&self, key: &[u8], draft: &Draft, notes: &mut Notes) {
        let mut noted = Notes::default();
        let no_limits = ZoneLimits::NONE;
        let _ = draft.check(
            NameBuf::new,
            key.is_empty(),
            &no_limits,
            Checks::Lenient,
            &mut noted,
        ); // lenient: no error
        notes.cnames_beside_data -= noted.cnames_beside_data.min(notes.cnames_beside_data);
        notes.several_cnames -= noted.several_cnames.min(notes.several_cnames);
        notes.soas_below_apex -= noted.soas_below_apex.min(notes.soas_below_apex);
    }
}

/// Whether a record may be data of a zone at all.
pub(crate) fn check_record(record: &Record<'_>) -> Result<(), EditError> {
    let (owner, rtype, class) = (record.owner, record.rtype, record.class);
    if class != Class::IN {
        return Err(EditError::ClassNotIn {
            owner: owner.to_buf(),
            rtype,
            class,
        });
    }
    if rtype.is_meta() {
        return Err(EditError::MetaType {
            owner: owner.to_buf(),
            rtype,
        });
    }
    if record.rdata.len() > usize::from(u16::MAX) {
        return Err(EditError::RdataTooLong {
            owner: owner.to_buf(),
            rtype,
            octets: record.rdata.len(),
        });
    }
    Ok(())
}

/// Whether the apex of a version has what it must have.
pub(crate) fn check_apex(zone: &Zone, checks: Checks, notes: &mut Notes) -> Result<(), EditError> {
    if zone.record_count() <= 1 {
        notes.only_soa = true;
        if checks == Checks::Strict {
            return Err(EditError::OnlySoa);
        }
    }
    if zone.rrset(zone.apex(), Rtype::NS).is_none() {
        notes.no_apex_ns = true;
        if checks == Checks::Strict {
            return Err(EditError::NoApexNs);
        }
    }
    Ok(())
}

impl Side {
    fn new(flags: Flags) -> Self {
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
    fn close(
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
    fn finish(&mut self, rules: &Rules<'_>, notes: &mut Notes) -> Result<Tree, EditError> {
        self.before.finish(&mut self.writer, &mut self.pages);
        if self.strays.index.is_empty() {
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

/// The pages of another version, to be shared where they come out the same.
///
/// Pages end where those of the other version do, so that one change does not move the ends of all pages behind it.
#[derive(Debug, Default)]
struct Before {
    pages: std::vec::IntoIter<Arc<[u8]>>,
    /// The page that has, or would have, what is at hand.
    open: Option<Arc<[u8]>>,
    /// The page behind it, and its first key.
    next: Option<(KeyBuf, Arc<[u8]>)>,
}

impl Before {
    fn new(tree: &Tree) -> Self {
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
    fn pass(&mut self, key: &[u8], writer: &mut PageWriter, pages: &mut Vec<Arc<[u8]>>) {
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
    fn page_octets(&self) -> usize {
        match self.open {
            Some(_) => EDITED_OCTETS + HEADER,
            None => PAGE_OCTETS,
        }
    }

    fn finish(&mut self, writer: &mut PageWriter, pages: &mut Vec<Arc<[u8]>>) {
        match writer.finish_as(self.open.as_ref()) {
            Some(page) => pages.push(page),
            None => pages.extend(writer.finish()),
        }
        *self = Self::default();
    }
}

/// Entries that came out of order, packed.
#[derive(Debug, Default)]
struct Strays {
    chunks: Vec<Vec<u8>>,
    index: Vec<Stray>,
}

/// Where a stray is, and the front of its key, which settles most comparisons.
#[derive(Clone, Copy, Debug)]
struct Stray {
    head: u64,
    chunk: u32,
    start: u32,
}

impl Strays {
    const CHUNK: usize = 1 << 20;

    fn push(&mut self, key: &[u8], body: &[u8]) {
        let size = 2 + key.len() + 8 + body.len();
        let room = self
            .chunks
            .last()
            .is_some_and(|chunk| chunk.len() + size <= Self::CHUNK);
        if !room {
            self.chunks
                .push(Vec::with_capacity(size.max(if self.chunks.is_empty() {
                    4096
                } else {
                    Self::CHUNK
                })));
        }
        let number = self.chunks.len().saturating_sub(1);
        let Some(chunk) = self.chunks.last_mut() else {
            return;
        };
        let mut head = [0; 8];
        let front = key.len().min(8);
        head[..front].copy_from_slice(&key[..front]);
        let start = chunk.len() as u32; // below CHUNK
        self.index.push(Stray {
            head: u64::from_be_bytes(head),
            chunk: number as u32,
            start,
        });
        chunk.extend((key.len() as u16).to_be_bytes());
        chunk.extend_from_slice(key);
        chunk.extend((body.len() as u64).to_be_bytes());
        chunk.extend_from_slice(body);
    }

    /// Brings the entries into key order; those of one key stay as they came.
    fn sort(&mut self) {
        let Self { chunks, index } = self;
        index.sort_by(|a, b| {
            a.head
                .cmp(&b.head)
                .then_with(|| read_stray(chunks, *a).0.cmp(read_stray(chunks, *b).0))
        });
    }

    fn entries(&self) -> StrayEntries<'_> {
        StrayEntries {
            chunks: &self.chunks,
            index: self.index.iter(),
        }
    }
}

struct StrayEntries<'s> {
    chunks: &'s [Vec<u8>],
    index: std::slice::Iter<'s, Stray>,
}

impl<'s> Iterator for StrayEntries<'s> {
    type Item = (&'s [u8], Body<'s>);

    fn next(&mut self) -> Option<Self::Item> {
        self.index
            .next()
            .map(|stray| read_stray(self.chunks, *stray))
    }
}

fn read_stray(chunks: &[Vec<u8>], stray: Stray) -> (&[u8], Body<'_>) {
    let octets = &chunks[stray.chunk as usize][stray.start as usize..];
    let (length, rest) = octets.split_first_chunk().unwrap_or((&[0; 2], &[]));
    let (key, rest) = rest.split_at(usize::from(u16::from_be_bytes(*length)));
    let (length, rest) = rest.split_first_chunk().unwrap_or((&[0; 8], &[]));
    (key, Body(&rest[..u64::from_be_bytes(*length) as usize]))
}
