//! The difference between two versions, as a value of its own.
//!
//! ```text
//! diff    version (1), step...
//! step    from (an SOA), removed..., to (an SOA), added...
//! item    tag: which of the four, and whether the owner is that of the item before; [owner], type (2), TTL (4),
//!         length (2), RDATA
//! ```

use std::fmt;
use std::sync::Arc;

use zonekit_wire::{Class, Name, NameBuf, Record, Rtype, Soa};

use crate::draft::Draft;
use crate::key::KeyBuf;
use crate::node::write_owner;
use crate::page::{Entries, Page};
use crate::rrset::{Body, Owner};
use crate::tree::Tree;
use crate::{Checks, EditError, Zone, ZoneLimits, ZonePatch};

/// What leads from one version of a zone to another: one step or several, each with the SOA records it leads from and
/// to and the records removed and added, as IXFR has it ([RFC 1995 §4]). Always at least one step. Clones share it.
///
/// ```
/// # use zonekit_store::{Checks, Diff, ZoneBuilder, ZoneLimits};
/// # use zonekit_wire::{Class, NameBuf, Record, Rtype};
/// # let apex: NameBuf = "example".parse()?;
/// # fn record<'r>(owner: &'r NameBuf, rtype: Rtype, rdata: &'r [u8]) -> Record<'r> {
/// #     Record { owner: owner.as_name(), rtype, class: Class::IN, ttl: 3600, rdata }
/// # }
/// # let version = |serial: u8, host: u8| {
/// #     let soa = [&[0, 0, 0, 0, 0, serial][..], &[0; 16]].concat();
/// #     let mut builder = ZoneBuilder::new(apex.as_name(), ZoneLimits::default(), Checks::Strict);
/// #     builder.begin(&record(&apex, Rtype::SOA, &soa))?;
/// #     builder.add(&record(&apex, Rtype::NS, b"\x02ns\x00"))?;
/// #     builder.add(&record(&apex, Rtype::A, &[192, 0, 2, host]))?;
/// #     builder.finish().map(|(zone, _)| zone)
/// # };
/// let (old, new) = (version(1, 53)?, version(2, 54)?);
/// let diff = Diff::between(&old, &new);
/// assert_eq!((diff.removed().count(), diff.added().count()), (1, 1));
/// assert_eq!(diff.apply(&old)?.serial(), new.serial());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// [RFC 1995 §4]: https://www.rfc-editor.org/rfc/rfc1995#section-4
#[derive(Clone, Eq, PartialEq)]
pub struct Diff {
    octets: Arc<[u8]>,
}

impl Diff {
    /// The one step from `old` to `new`. Costs what the difference does: pages that both share are not looked at.
    ///
    /// Records that differ in TTL, or in the case of names, are removed and added.
    pub fn between(old: &Zone, new: &Zone) -> Self {
        Self::compare(old, new, usize::MAX).0
    }

    /// The same if it has no more than about so many octets; found out at the cost of so many.
    pub fn between_within(old: &Zone, new: &Zone, octets: usize) -> Option<Self> {
        let (diff, is_whole) = Self::compare(old, new, octets);
        is_whole.then_some(diff)
    }

    /// The difference, and whether it is the whole of it: it ends when it has more than so many octets.
    fn compare(old: &Zone, new: &Zone, octets: usize) -> (Self, bool) {
        let mut comparison = Comparison {
            apexes: (old.apex().as_octets(), new.apex().as_octets()),
            removed: DiffWriter::new(),
            added: DiffWriter::new(),
            drafts: Default::default(),
            owner: NameBuf::new(),
            most: octets,
        };
        let mut whole = DiffWriter::new();
        old.with_soa(|soa| whole.push(FROM, soa));
        let is_whole = comparison.trees(old.names(), new.names())
            && comparison.trees(old.hashes(), new.hashes());
        whole.append(&comparison.removed);
        new.with_soa(|soa| whole.push(TO, soa));
        whole.append(&comparison.added);
        (whole.finish(), is_whole)
    }

    /// The version that this leads to from `zone`.
    ///
    /// # Errors
    ///
    /// When `zone` is not the version that it starts from: as [`ZonePatch`] says.
    pub fn apply(&self, zone: &Zone) -> Result<Zone, EditError> {
        let mut patch = ZonePatch::new(zone, ZoneLimits::NONE, Checks::Lenient);
        for (tag, record) in self.items() {
            match tag {
                FROM => patch.step(&record)?,
                REMOVED => patch.remove(&record)?,
                TO => patch.reach(&record)?,
                _ => patch.add(&record)?,
            }
        }
        patch.finish().map(|(zone, _, _)| zone)
    }

    /// This and then `next`, which must start where this ends; `None` when it does not.
    pub fn then(&self, next: &Self) -> Option<Self> {
        (self.to() == next.from()).then(|| {
            let behind = next.octets.get(1..).unwrap_or_default();
            Self {
                octets: [&self.octets, behind].concat().into(),
            }
        })
    }

    /// The SOA of the version that it leads from.
    pub fn from(&self) -> Soa<'_> {
        read_soa(self.steps().next().map(|step| step.from))
    }

    /// The SOA of the version that it leads to.
    pub fn to(&self) -> Soa<'_> {
        read_soa(
            self.items()
                .filter(|(tag, _)| *tag == TO)
                .last()
                .map(|(_, record)| record),
        )
    }

    /// The steps, from the oldest.
    pub fn steps(&self) -> impl Iterator<Item = Step<'_>> {
        let mut items = self.items();
        std::iter::from_fn(move || {
            let (_, from) = items.next()?;
            let removed = items.clone();
            let to = items.find(|(tag, _)| *tag == TO)?.1;
            let added = items.clone();
            while items.clone().next().is_some_and(|(tag, _)| tag == ADDED) {
                items.next();
            }
            Some(Step {
                from,
                to,
                removed,
                added,
            })
        })
    }

    /// All records in the order in which IXFR sends them: of each step the SOA it leads from, what is removed, the SOA it
    /// leads to, what is added.
    pub fn records(&self) -> DiffRecords<'_> {
        DiffRecords {
            octets: &self.octets,
            items: self.items(),
        }
    }

    /// The records of [`records`](Self::records) from a place on that it came to.
    pub fn records_at<'d>(&'d self, place: &'d DiffPlace) -> DiffRecords<'d> {
        let items = Items {
            rest: self.octets.get(place.offset..).unwrap_or_default(),
            owner: place.owner.as_name(),
        };
        DiffRecords {
            octets: &self.octets,
            items,
        }
    }

    /// The records that are removed, step by step, without SOA records.
    pub fn removed(&self) -> impl Iterator<Item = Record<'_>> {
        self.items()
            .filter(|(tag, _)| *tag == REMOVED)
            .map(|(_, record)| record)
    }

    /// The records that are added, step by step, without SOA records.
    pub fn added(&self) -> impl Iterator<Item = Record<'_>> {
        self.items()
            .filter(|(tag, _)| *tag == ADDED)
            .map(|(_, record)| record)
    }

    /// The octets of it, to be kept and to be [decoded](Self::decode).
    pub fn encode(&self) -> &[u8] {
        &self.octets
    }

    /// Reads what [`encode`](Self::encode) gave.
    pub fn decode(octets: impl Into<Arc<[u8]>>) -> Result<Self, DecodeError> {
        let diff = Self {
            octets: octets.into(),
        };
        match diff.octets.first() {
            Some(&VERSION) => {}
            Some(&version) => return Err(DecodeError::Version(version)),
            None => return Err(DecodeError::Truncated { at: 0 }),
        }
        let mut items = diff.items();
        let mut last = None;
        loop {
            let at = diff.octets.len() - items.rest.len();
            if items.rest.is_empty() && matches!(last, Some(TO | ADDED)) {
                return Ok(diff);
            }
            let (tag, record) = items.next().ok_or(DecodeError::Truncated { at })?;
            let is_soa = record.rtype == Rtype::SOA && Soa::read(record.rdata).is_ok();
            match (last, tag) {
                (None | Some(TO | ADDED), FROM) | (Some(FROM | REMOVED), TO) if is_soa => {}
                (Some(FROM | REMOVED), REMOVED) | (Some(TO | ADDED), ADDED) => {}
                _ => return Err(DecodeError::OutOfPlace { at }),
            }
            last = Some(tag);
        }
    }

    pub(crate) fn items(&self) -> Items<'_> {
        Items {
            rest: self.octets.get(1..).unwrap_or_default(),
            owner: Name::ROOT,
        }
    }
}

impl fmt::Debug for Diff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.items()).finish()
    }
}

/// The records of a [`Diff`], in the order of [`Diff::records`].
#[derive(Clone, Debug)]
pub struct DiffRecords<'d> {
    octets: &'d [u8],
    items: Items<'d>,
}

impl DiffRecords<'_> {
    /// The place of the record that comes next, to go on from later ([`Diff::records_at`]).
    pub fn place(&self) -> DiffPlace {
        DiffPlace {
            offset: self.octets.len() - self.items.rest.len(),
            owner: self.items.owner.to_buf(),
        }
    }
}

impl<'d> Iterator for DiffRecords<'d> {
    type Item = Record<'d>;

    fn next(&mut self) -> Option<Record<'d>> {
        self.items.next().map(|(_, record)| record)
    }
}

/// A place among the records of a [`Diff`]. Of another diff, it leads to no sensible records.
#[derive(Clone, Debug)]
pub struct DiffPlace {
    offset: usize,
    /// The owner of the record before, which the next may share.
    owner: NameBuf,
}

/// One step of a [`Diff`].
#[derive(Clone, Debug)]
pub struct Step<'d> {
    /// The SOA record of the version before.
    pub from: Record<'d>,
    /// The SOA record of the version after.
    pub to: Record<'d>,
    removed: Items<'d>,
    added: Items<'d>,
}

impl<'d> Step<'d> {
    /// The records that are removed, without the SOA.
    pub fn removed(&self) -> impl Iterator<Item = Record<'d>> + use<'d> {
        self.removed
            .clone()
            .map_while(|(tag, record)| (tag == REMOVED).then_some(record))
    }

    /// The records that are added, without the SOA.
    pub fn added(&self) -> impl Iterator<Item = Record<'d>> + use<'d> {
        self.added
            .clone()
            .map_while(|(tag, record)| (tag == ADDED).then_some(record))
    }
}

/// Why octets are not a [`Diff`].
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// A form that this release does not know.
    #[error("difference of unknown version {0}")]
    Version(u8),
    /// They end, or make no sense, inside an item.
    #[error("difference is damaged at offset {at}")]
    Truncated {
        /// Where the item starts.
        at: usize,
    },
    /// An item that cannot follow the one before.
    #[error("item out of place at offset {at}")]
    OutOfPlace {
        /// Where the item starts.
        at: usize,
    },
}

/// Puts a [`Diff`] together.
#[derive(Clone, Debug)]
pub(crate) struct DiffWriter {
    octets: Vec<u8>,
    /// Where the owner of the last item is.
    owner: Option<(usize, usize)>,
}

/// Where an item is in a [`DiffWriter`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct ItemPlace {
    owner: (usize, usize),
    rest: usize,
}

impl DiffWriter {
    pub(crate) fn new() -> Self {
        Self {
            octets: vec![VERSION],
            owner: None,
        }
    }

    /// Adds an item.
    pub(crate) fn push(&mut self, tag: u8, record: Record<'_>) -> ItemPlace {
        let name = record.owner.as_octets();
        let owner = match self.owner {
            Some((start, end)) if self.octets.get(start..end) == Some(name) => {
                self.octets.push(tag | SAME_OWNER);
                (start, end)
            }
            _ => {
                self.octets.push(tag);
                let start = self.octets.len();
                self.octets.extend_from_slice(name);
                (start, self.octets.len())
            }
        };
        self.owner = Some(owner);
        let rest = self.octets.len();
        self.octets.extend(record.rtype.0.to_be_bytes());
        self.octets.extend(record.ttl.to_be_bytes());
        self.octets
            .extend((record.rdata.len() as u16).to_be_bytes()); // longer RDATA was refused before
        self.octets.extend_from_slice(record.rdata);
        ItemPlace { owner, rest }
    }

    /// Reads an item back.
    pub(crate) fn record(&self, place: ItemPlace) -> Option<Record<'_>> {
        let owner = Name::from_octets(self.octets.get(place.owner.0..place.owner.1)?).ok()?;
        read_rest(owner, self.octets.get(place.rest..)?).map(|(record, _)| record)
    }

    pub(crate) fn finish(self) -> Diff {
        Diff {
            octets: self.octets.into(),
        }
    }

    fn append(&mut self, other: &Self) {
        self.octets
            .extend_from_slice(other.octets.get(1..).unwrap_or_default());
        self.owner = None;
    }
}

/// The items of a diff. Ends where they make no sense.
#[derive(Clone, Debug)]
pub(crate) struct Items<'d> {
    rest: &'d [u8],
    owner: Name<'d>,
}

impl<'d> Iterator for Items<'d> {
    type Item = (u8, Record<'d>);

    fn next(&mut self) -> Option<(u8, Record<'d>)> {
        let (tag, rest) = self.rest.split_first()?;
        let (owner, rest) = match tag & SAME_OWNER {
            0 => Name::split_from(rest).ok()?,
            _ => (self.owner, rest),
        };
        let (record, rest) = read_rest(owner, rest)?;
        self.owner = owner;
        self.rest = rest;
        Some((tag & !SAME_OWNER, record))
    }
}

/// Reads what stands behind the owner of an item.
fn read_rest<'d>(owner: Name<'d>, octets: &'d [u8]) -> Option<(Record<'d>, &'d [u8])> {
    let &[t0, t1, a, b, c, d, l0, l1, ref rest @ ..] = octets else {
        return None;
    };
    let (rdata, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes([l0, l1])))?;
    let (rtype, ttl) = (
        Rtype(u16::from_be_bytes([t0, t1])),
        u32::from_be_bytes([a, b, c, d]),
    );
    Some((
        Record {
            owner,
            rtype,
            class: Class::IN,
            ttl,
            rdata,
        },
        rest,
    ))
}

/// The SOA of a step: it was read when the diff was made.
fn read_soa(record: Option<Record<'_>>) -> Soa<'_> {
    let none = Soa {
        mname: Name::ROOT,
        rname: Name::ROOT,
        serial: zonekit_wire::Serial(0),
        refresh: 0,
        retry: 0,
        expire: 0,
        minimum: 0,
    };
    record
        .and_then(|record| Soa::read(record.rdata).ok())
        .unwrap_or(none)
}

/// Finds out what two versions do not have in common.
struct Comparison<'z> {
    apexes: (&'z [u8], &'z [u8]),
    removed: DiffWriter,
    added: DiffWriter,
    drafts: (Draft, Draft),
    owner: NameBuf,
    /// Octets that the difference may have.
    most: usize,
}

impl Comparison<'_> {
    /// Compares two trees; false when the difference becomes too large.
    fn trees(&mut self, old: &Tree, new: &Tree) -> bool {
        let changed = old.difference(new);
        let (mut old, mut new) = (Run::new(&changed.gone), Run::new(&changed.fresh));
        loop {
            let order = match (old.key(), new.key()) {
                (None, None) => return true,
                (Some(_), None) => std::cmp::Ordering::Less,
                (None, Some(_)) => std::cmp::Ordering::Greater,
                (Some(a), Some(b)) => a.cmp(b),
            };
            self.entries(
                old.body.filter(|_| order.is_le()),
                new.body.filter(|_| order.is_ge()),
                if order.is_le() { &old.key } else { &new.key },
            );
            if order.is_le() {
                old.step();
            }
            if order.is_ge() {
                new.step();
            }
            if self
                .removed
                .octets
                .len()
                .saturating_add(self.added.octets.len())
                > self.most
            {
                return false;
            }
        }
    }

    /// Compares what two versions have under a key.
    fn entries(&mut self, old: Option<Body<'_>>, new: Option<Body<'_>>, key: &[u8]) {
        let is_respelled = match (old.map(Body::owner), new.map(Body::owner)) {
            (Some(old), Some(new)) if self.apexes.0 == self.apexes.1 => !is_same_spelling(old, new),
            _ => false,
        };
        self.drafts.0.clear();
        self.drafts.1.clear();
        old.into_iter().for_each(|body| self.drafts.0.load(body));
        new.into_iter().for_each(|body| self.drafts.1.load(body));
        let (gone, fresh) = self.drafts.0.difference(&self.drafts.1, is_respelled);
        for (body, apex, records, tag, out) in [
            (old, self.apexes.0, gone, REMOVED, &mut self.removed),
            (new, self.apexes.1, fresh, ADDED, &mut self.added),
        ] {
            let Some(body) = body else { continue };
            write_owner(key, body.owner(), apex, &mut self.owner);
            for (rtype, ttl, rdata) in records
                .into_iter()
                .filter(|(rtype, ..)| *rtype != Rtype::SOA || !key.is_empty())
            {
                out.push(
                    tag,
                    Record {
                        owner: self.owner.as_name(),
                        rtype,
                        class: Class::IN,
                        ttl,
                        rdata,
                    },
                );
            }
        }
    }
}

/// Goes through the entries of several pages.
struct Run<'z> {
    pages: std::slice::Iter<'z, &'z Arc<[u8]>>,
    entries: Option<Entries<'z>>,
    body: Option<Body<'z>>,
    key: KeyBuf,
}

impl<'z> Run<'z> {
    fn new(pages: &'z [&'z Arc<[u8]>]) -> Self {
        let mut run = Self {
            pages: pages.iter(),
            entries: None,
            body: None,
            key: KeyBuf::new(),
        };
        run.step();
        run
    }

    fn key(&self) -> Option<&[u8]> {
        self.body.map(|_| &self.key[..])
    }

    fn step(&mut self) {
        loop {
            if let Some(entries) = &mut self.entries {
                self.body = entries.next();
                if self.body.is_some() {
                    self.key.clear();
                    self.key.extend_from_slice(entries.key());
                    return;
                }
            }
            self.body = None;
            let Some(page) = self.pages.next() else {
                self.entries = None;
                return;
            };
            self.entries = Some(Page::new(page).entries());
        }
    }
}

fn is_same_spelling(a: Owner<'_>, b: Owner<'_>) -> bool {
    match (a, b) {
        (Owner::Lower, Owner::Lower) | (Owner::Upper, Owner::Upper) => true,
        (Owner::Kept(a), Owner::Kept(b)) => a.as_octets() == b.as_octets(),
        _ => false,
    }
}

const VERSION: u8 = 1;

pub(crate) const FROM: u8 = 0;
pub(crate) const REMOVED: u8 = 1;
pub(crate) const TO: u8 = 2;
pub(crate) const ADDED: u8 = 3;
const SAME_OWNER: u8 = 0x80;
