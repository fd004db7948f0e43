//! The records of one name while they are being put together.

mod edit;
mod place;

pub(crate) use self::edit::Edit;
pub(crate) use self::place::{Place, is_nsec3};

use std::cmp::Ordering;
use std::ops::Range;

use smallvec::SmallVec;
use zonekit_wire::{Name, NameBuf, Rtype, rdata};

use crate::key::common_prefix;
use crate::number::{number_octets, write_number};
use crate::page::Flags;
use crate::rrset::{self, Body, Owner};
use crate::{Checks, EditError, Notes, ZoneLimits};

/// The records of one name, in one buffer that is used again for the next.
///
/// Once they are in order, records stand by [`Place`] and then by RDATA without case, so that the same ones are neighbours.
/// Canonical order tells apart what only differs in case, for some types: it is made when they are written.
#[derive(Debug, Default)]
pub(crate) struct Draft {
    items: Vec<Item>,
    /// All RDATA, its length before each.
    octets: Vec<u8>,
    /// The sets that [`tidy`](Self::tidy) found to have several TTLs.
    lowered: Vec<Place>,
    /// What [`edit`](Self::edit) works with.
    spare: Vec<Item>,
    order: Vec<usize>,
}

/// One record of a [`Draft`].
#[derive(Clone, Copy, Debug)]
struct Item {
    place: Place,
    ttl: u32,
    start: usize,
    length: u16,
}

impl Item {
    /// Where the RDATA is, and its length before it.
    fn sized(&self) -> Range<usize> {
        let length = usize::from(self.length);
        self.start - number_octets(length)..self.start + length
    }
}

/// Records of one set, or the signatures over it.
struct Run<'d> {
    draft: &'d Draft,
    items: &'d [Item],
    /// The length of all, if they have one.
    length: Option<u16>,
    /// Octets of all together, with their lengths.
    octets: usize,
    /// Whether they lie one behind the other.
    is_in_place: bool,
}

impl rrset::Source for Run<'_> {
    fn count(&self) -> usize {
        self.items.len()
    }

    fn length(&self) -> Option<usize> {
        self.length.map(usize::from)
    }

    fn octets(&self) -> usize {
        self.octets
    }

    fn write(&self, out: &mut Vec<u8>) {
        for item in self.items {
            out.extend_from_slice(self.draft.rdata(item));
        }
    }

    fn write_sized(&self, out: &mut Vec<u8>) {
        let octets = &self.draft.octets;
        if let ([first, .., last], true) = (self.items, self.is_in_place) {
            out.extend_from_slice(&octets[first.sized().start..last.sized().end]);
            return;
        }
        for item in self.items {
            out.extend_from_slice(&octets[item.sized()]);
        }
    }
}

/// Type, TTL and RDATA of a record.
pub(crate) type Part<'d> = (Rtype, u32, &'d [u8]);

impl Draft {
    /// Forgets all records and keeps the memory.
    pub(crate) fn clear(&mut self) {
        self.items.clear();
        self.octets.clear();
    }

    /// Whether there is no record.
    pub(crate) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// How many records.
    pub(crate) fn len(&self) -> usize {
        self.items.len()
    }

    /// Octets of RDATA of all records.
    pub(crate) fn rdata_octets(&self) -> u64 {
        self.items.iter().map(|item| u64::from(item.length)).sum()
    }

    /// Puts a record behind the others. RDATA must fit a message.
    pub(crate) fn push(&mut self, rtype: Rtype, ttl: u32, rdata: &[u8]) {
        let item = self.keep(rtype, ttl, rdata);
        self.items.push(item);
    }

    /// Puts all records of an entry behind the others. If they are the first, they are in order.
    pub(crate) fn load(&mut self, body: Body<'_>) {
        for set in body.sets() {
            let start = self.items.len();
            for rdata in set.rdatas() {
                self.push(set.rtype(), set.ttl(), rdata);
            }
            if rdata::keeps_case(set.rtype()) {
                let Self { items, octets, .. } = self;
                items[start..].sort_by(|a, b| compare(octets, a, b));
            }
            for rdata in set.signatures().into_iter().flatten() {
                self.push(Rtype::RRSIG, set.signature_ttl(), rdata);
            }
        }
    }

    /// Takes out all records of a type.
    pub(crate) fn remove_type(&mut self, rtype: Rtype) {
        self.items.retain(|item| item.place.rtype() != rtype);
    }

    /// Puts the records in order, keeps one of those that are the same, and lowers TTLs to the lowest of each set: which
    /// were, [`lowered`](Self::lowered) tells.
    pub(crate) fn tidy(&mut self, notes: &mut Notes) {
        let Self {
            items,
            octets,
            lowered,
            ..
        } = self;
        lowered.clear();
        let (mut is_sorted, mut is_level) = (true, true);
        for pair in items.windows(2) {
            let [a, b] = pair else { continue };
            is_level &= a.place != b.place || a.ttl == b.ttl;
            is_sorted &= compare(octets, a, b).is_lt();
        }
        if is_sorted && is_level {
            return;
        }
        if !is_sorted {
            items.sort_by(|a, b| compare(octets, a, b));
        }
        for set in items.chunk_by_mut(|a, b| a.place == b.place) {
            let lowest = set.iter().map(|item| item.ttl).min().unwrap_or(0);
            if set.iter().any(|item| item.ttl != lowest) {
                lowered.extend(set.first().map(|item| item.place));
                set.iter_mut().for_each(|item| item.ttl = lowest);
            }
        }
        if !is_sorted {
            let before = items.len();
            items.dedup_by(|b, a| compare(octets, a, b).is_eq());
            notes.duplicates += (before - items.len()) as u64;
        }
    }

    /// The sets, in order, whose TTLs [`tidy`](Self::tidy) had to lower.
    pub(crate) fn lowered(&self) -> &[Place] {
        &self.lowered
    }

    /// Whether the name may have these records, once they are tidy; and which of the flags that stand for types they have.
    pub(crate) fn check(
        &self,
        owner: impl Fn() -> NameBuf,
        is_apex: bool,
        limits: &ZoneLimits,
        checks: Checks,
        notes: &mut Notes,
    ) -> Result<Flags, EditError> {
        let mut flags = Flags::default();
        let (mut types, mut cnames, mut others, mut last) = (0, 0, false, None);
        for set in self.items.chunk_by(|a, b| a.place == b.place) {
            let Some(place) = set.first().map(|item| item.place) else {
                continue;
            };
            if limits.records_per_rrset != 0 && set.len() > limits.records_per_rrset as usize {
                let limit = limits.records_per_rrset;
                return Err(EditError::TooManyRecordsInRrset {
                    owner: owner(),
                    rtype: place.set(),
                    limit,
                });
            }
            if last != Some(place.set()) {
                types += 1;
                last = Some(place.set());
            }
            match place.rtype() {
                Rtype::CNAME => cnames = set.len(),
                // May stand beside a CNAME: RFC 4034 §4, RFC 4035 §2.5, RFC 3007 §4
                Rtype::NSEC => flags = flags.or(Flags::NSEC),
                Rtype::RRSIG | Rtype::SIG | Rtype::NXT | Rtype::KEY => {}
                Rtype::NS if !is_apex => (flags, others) = (flags.or(Flags::CUT), true),
                Rtype::DNAME => (flags, others) = (flags.or(Flags::DNAME), true),
                Rtype::SOA if !is_apex => {
                    others = true;
                    notes.soas_below_apex += set.len() as u64;
                    if checks == Checks::Strict {
                        return Err(EditError::SoaBelowApex { owner: owner() });
                    }
                }
                _ => others = true,
            }
        }
        if limits.types_per_name != 0 && types > limits.types_per_name {
            return Err(EditError::TooManyTypes {
                owner: owner(),
                limit: limits.types_per_name,
            });
        }
        if cnames > 1 {
            notes.several_cnames += 1;
            if checks == Checks::Strict {
                return Err(EditError::SeveralCnames { owner: owner() });
            }
        }
        if cnames > 0 && others {
            notes.cnames_beside_data += 1;
            if checks == Checks::Strict {
                return Err(EditError::CnameBesideData { owner: owner() });
            }
        }
        Ok(flags)
    }

    /// Appends the body of the entry that has these records, once they are tidy.
    pub(crate) fn write(&self, owner: Owner<'_>, out: &mut Vec<u8>) {
        rrset::write_owner(owner, out);
        let mut rest = &self.items[..];
        while let Some(first) = rest.first() {
            let rtype = first.place.set();
            let own = Place::new(rtype, false);
            let set = rest.iter().take_while(|item| item.place == own).count();
            let (set, behind) = rest.split_at(set);
            let own = Place::new(rtype, true);
            let signatures = behind.iter().take_while(|item| item.place == own).count();
            let (signatures, behind) = behind.split_at(signatures);
            rest = behind;
            let mut canonical = SmallVec::<[Item; 8]>::new();
            if set.len() > 1 && rdata::keeps_case(rtype) {
                canonical.extend_from_slice(set);
                canonical.sort_by(|a, b| self.rdata(a).cmp(self.rdata(b)));
            }
            let set = if canonical.is_empty() {
                self.run(set)
            } else {
                self.run(&canonical)
            };
            let signature_ttl = signatures.first().map_or(first.ttl, |item| item.ttl);
            let signatures = self.run(signatures);
            rrset::write_set(rtype, first.ttl, &set, signature_ttl, &signatures, out);
        }
    }

    /// Records as they are to be written, and how they lie.
    fn run<'d>(&'d self, items: &'d [Item]) -> Run<'d> {
        let mut run = Run {
            draft: self,
            items,
            length: items.first().map(|item| item.length),
            octets: 0,
            is_in_place: true,
        };
        let mut end = None;
        for item in items {
            let sized = item.sized();
            run.length = run.length.filter(|length| *length == item.length);
            run.octets += sized.len();
            run.is_in_place &= end.is_none_or(|end| end == sized.start);
            end = Some(sized.end);
        }
        run
    }

    /// Appends a body with each record by itself, as they came: for a later [`load`](Self::load).
    pub(crate) fn write_untidy(&self, owner: Owner<'_>, out: &mut Vec<u8>) {
        rrset::write_owner(owner, out);
        let none = self.run(&[]);
        for item in self.items.chunks(1) {
            let Some(&Item { place, ttl, .. }) = item.first() else {
                continue;
            };
            let (rtype, only) = (place.set(), self.run(item));
            if place.is_signature() {
                rrset::write_set(rtype, ttl, &none, ttl, &only, out);
            } else {
                rrset::write_set(rtype, ttl, &only, ttl, &none, out);
            }
        }
    }

    /// The records (type, TTL, RDATA) that only these have, and those that only `other` has; both must be tidy. A record
    /// that differs in TTL or case is in both lists; with `all`, every record is.
    pub(crate) fn difference<'d>(
        &'d self,
        other: &'d Self,
        all: bool,
    ) -> (Vec<Part<'d>>, Vec<Part<'d>>) {
        let (mut ours, mut theirs) = (self.items.iter().peekable(), other.items.iter().peekable());
        let (mut only_ours, mut only_theirs) = (Vec::new(), Vec::new());
        loop {
            let order = match (ours.peek(), theirs.peek()) {
                (None, None) => return (only_ours, only_theirs),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(a), Some(b)) => a.place.cmp(&b.place).then_with(|| {
                    rdata::cmp_without_case(a.place.rtype(), self.rdata(a), other.rdata(b))
                }),
            };
            let a = ours.next_if(|_| order.is_le()).map(|item| self.part(item));
            let b = theirs
                .next_if(|_| order.is_ge())
                .map(|item| other.part(item));
            if all || a != b {
                only_ours.extend(a);
                only_theirs.extend(b);
            }
        }
    }

    fn part(&self, item: &Item) -> Part<'_> {
        (item.place.rtype(), item.ttl, self.rdata(item))
    }

    fn rdata(&self, item: &Item) -> &[u8] {
        &self.octets[item.start..item.start + usize::from(item.length)]
    }

    fn keep(&mut self, rtype: Rtype, ttl: u32, rdata: &[u8]) -> Item {
        write_number(rdata.len(), &mut self.octets);
        let start = self.octets.len();
        self.octets.extend_from_slice(rdata);
        let length = rdata.len() as u16; // callers have refused longer RDATA
        Item {
            place: Place::of(rtype, rdata),
            ttl,
            start,
            length,
        }
    }
}

/// How the owner `name` is to be spelled in the body of its entry, when the apex is spelled `apex`.
pub(crate) fn spelling<'n>(name: Name<'n>, apex: &[u8]) -> Owner<'n> {
    let octets = name.as_octets();
    let Some((below, end)) = octets
        .len()
        .checked_sub(apex.len())
        .map(|at| octets.split_at(at))
    else {
        return Owner::Kept(name);
    };
    // Lengths of labels are at most 63, below the letters.
    let has_upper = |octets: &[u8]| {
        octets
            .iter()
            .fold(false, |has, octet| has | octet.is_ascii_uppercase())
    };
    if end != apex {
        Owner::Kept(name)
    } else if !has_upper(below) {
        Owner::Lower
    } else if below.iter().any(u8::is_ascii_lowercase) {
        Owner::Kept(name)
    } else {
        Owner::Upper
    }
}

/// The order of records of one draft.
fn compare(octets: &[u8], a: &Item, b: &Item) -> Ordering {
    let rdata = |item: &Item| &octets[item.start..item.start + usize::from(item.length)];
    if a.place != b.place {
        return a.place.cmp(&b.place);
    }
    // Where they first differ settles it, unless lower case would change something there.
    let (x, y) = (rdata(a), rdata(b));
    let common = common_prefix(x, y);
    match (x.get(common), y.get(common)) {
        (Some(x), Some(y)) if !x.is_ascii_uppercase() && !y.is_ascii_uppercase() => x.cmp(y),
        (None, _) | (_, None) => x.len().cmp(&y.len()),
        _ => rdata::cmp_without_case(a.place.rtype(), x, y),
    }
}
