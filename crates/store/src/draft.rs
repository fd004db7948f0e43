//! The records of one name while they are being put together.

use std::cmp::Ordering;

use zonekit_wire::{Name, NameBuf, Rtype, rdata};

use crate::rrset::{self, Body, Owner};
use crate::{Checks, EditError, Notes, ZoneLimits};

/// The records of one name, in one buffer that is used again for the next.
#[derive(Debug, Default)]
pub(crate) struct Draft {
    items: Vec<Item>,
    octets: Vec<u8>,
}

/// One record of a [`Draft`].
#[derive(Clone, Copy, Debug)]
struct Item {
    place: Place,
    ttl: u32,
    start: usize,
    length: u16,
}

/// Type, TTL and RDATA of a record.
pub(crate) type Part<'d> = (Rtype, u32, &'d [u8]);

/// Where a record stands in its entry: the SOA first, then by type, signatures behind the set that they cover.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Place(u32);

impl Place {
    /// Where a record of this type and RDATA stands.
    pub(crate) fn of(rtype: Rtype, rdata: &[u8]) -> Self {
        match (rtype, rdata) {
            (Rtype::RRSIG, [high, low, ..]) => {
                Self::new(Rtype(u16::from_be_bytes([*high, *low])), true)
            }
            (Rtype::RRSIG, _) => Self::new(Rtype(0), true),
            _ => Self::new(rtype, false),
        }
    }

    fn new(rtype: Rtype, signature: bool) -> Self {
        let number = if rtype == Rtype::SOA {
            0
        } else {
            u32::from(rtype.0) + 1
        };
        Self(number << 1 | u32::from(signature))
    }

    /// The type of the set: for signatures, the type that they cover.
    fn set(self) -> Rtype {
        match self.0 >> 1 {
            0 => Rtype::SOA,
            number => Rtype((number - 1) as u16),
        }
    }

    /// Whether it is a signature.
    fn is_signature(self) -> bool {
        self.0 & 1 == 1
    }

    /// The type of the record itself.
    fn rtype(self) -> Rtype {
        if self.is_signature() {
            Rtype::RRSIG
        } else {
            self.set()
        }
    }
}

/// Whether a record belongs to the tree of NSEC3 owners.
pub(crate) fn is_nsec3(rtype: Rtype, rdata: &[u8]) -> bool {
    rtype == Rtype::NSEC3
        || rtype == Rtype::RRSIG && rdata.starts_with(&Rtype::NSEC3.0.to_be_bytes())
}

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

    /// Puts all records of an entry behind the others.
    pub(crate) fn load(&mut self, body: Body<'_>) {
        for set in body.sets() {
            for rdata in set.rdatas() {
                self.push(set.rtype(), set.ttl(), rdata);
            }
            for rdata in set.signatures().into_iter().flatten() {
                self.push(Rtype::RRSIG, set.signature_ttl(), rdata);
            }
        }
    }

    /// Adds a record to those that [`tidy`](Self::tidy) has put in order, and lowers TTLs to the lowest of its set.
    /// Returns whether it had to; `None` when the record is there already.
    pub(crate) fn insert(&mut self, rtype: Rtype, ttl: u32, rdata: &[u8]) -> Option<bool> {
        let Err(at) = self.find(rtype, rdata) else {
            return None;
        };
        let mut item = self.keep(rtype, ttl, rdata);
        let beside = [at.checked_sub(1), Some(at)]
            .into_iter()
            .flatten()
            .filter_map(|at| self.items.get(at));
        let of_set = beside
            .filter(|other| other.place == item.place)
            .map(|other| other.ttl)
            .next();
        if let Some(other) = of_set.filter(|other| *other < ttl) {
            item.ttl = other;
        } else if of_set.is_some_and(|other| ttl < other) {
            self.items
                .iter_mut()
                .filter(|other| other.place == item.place)
                .for_each(|other| other.ttl = ttl);
        }
        self.items.insert(at, item);
        Some(of_set.is_some_and(|other| other != ttl))
    }

    /// Takes a record out of those that [`tidy`](Self::tidy) has put in order, whatever its TTL. False: it is not there.
    pub(crate) fn remove(&mut self, rtype: Rtype, rdata: &[u8]) -> bool {
        match self.find(rtype, rdata) {
            Ok(at) => {
                self.items.remove(at);
                true
            }
            Err(_) => false,
        }
    }

    /// Takes out all records of a type.
    pub(crate) fn remove_type(&mut self, rtype: Rtype) {
        self.items.retain(|item| item.place.rtype() != rtype);
    }

    /// Puts the records in order, keeps one of those that are the same, and lowers TTLs to the lowest of each set.
    pub(crate) fn tidy(&mut self, notes: &mut Notes) {
        let Self { items, octets } = self;
        let rdata = |item: &Item| &octets[item.start..item.start + usize::from(item.length)];
        let order = |a: &Item, b: &Item| {
            let by_place = a.place.cmp(&b.place);
            by_place.then_with(|| compare(a.place.rtype(), rdata(a), rdata(b)))
        };
        let is_sorted = items.is_sorted_by(|a, b| order(a, b) == Ordering::Less);
        if !is_sorted {
            items.sort_by(order);
        }
        for set in items.chunk_by_mut(|a, b| a.place == b.place) {
            let lowest = set.iter().map(|item| item.ttl).min().unwrap_or(0);
            if set.iter().any(|item| item.ttl != lowest) {
                notes.ttls_lowered += 1;
                set.iter_mut().for_each(|item| item.ttl = lowest);
            }
        }
        if !is_sorted {
            let before = items.len();
            items.dedup_by(|b, a| {
                a.place == b.place && rdata::eq(a.place.rtype(), rdata(a), rdata(b))
            });
            notes.duplicates += (before - items.len()) as u64;
        }
    }

    /// Whether the name may have these records, once they are tidy.
    pub(crate) fn check(
        &self,
        owner: impl Fn() -> NameBuf,
        is_apex: bool,
        limits: &ZoneLimits,
        checks: Checks,
        notes: &mut Notes,
    ) -> Result<(), EditError> {
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
                Rtype::RRSIG | Rtype::NSEC | Rtype::SIG | Rtype::NXT | Rtype::KEY => {}
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
        Ok(())
    }

    /// Whether there is a record of a type, once they are tidy.
    pub(crate) fn has(&self, rtype: Rtype) -> bool {
        self.items
            .binary_search_by_key(&Place::new(rtype, false), |item| item.place)
            .is_ok()
    }

    /// Appends the body of the entry that has these records, once they are tidy.
    pub(crate) fn write(&self, owner: Owner<'_>, out: &mut Vec<u8>) {
        rrset::write_owner(owner, out);
        for both in self.items.chunk_by(|a, b| a.place.set() == b.place.set()) {
            let (set, signatures) =
                both.split_at(both.partition_point(|item| !item.place.is_signature()));
            let (Some(first), Some(last)) = (both.first(), both.last()) else {
                continue;
            };
            let rdatas = set.iter().map(|item| self.rdata(item));
            let over = signatures.iter().map(|item| self.rdata(item));
            rrset::write_set(first.place.set(), first.ttl, rdatas, last.ttl, over, out);
        }
    }

    /// Appends a body with each record by itself, as they came: for a later [`load`](Self::load).
    pub(crate) fn write_untidy(&self, owner: Owner<'_>, out: &mut Vec<u8>) {
        rrset::write_owner(owner, out);
        for item in &self.items {
            let only = std::iter::once(self.rdata(item));
            let (rtype, ttl, none) = (item.place.set(), item.ttl, std::iter::empty());
            if item.place.is_signature() {
                rrset::write_set(rtype, ttl, none, ttl, only, out);
            } else {
                rrset::write_set(rtype, ttl, only, ttl, none, out);
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
                (Some(a), Some(b)) => {
                    let by_place = a.place.cmp(&b.place);
                    by_place.then_with(|| compare(a.place.rtype(), self.rdata(a), other.rdata(b)))
                }
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

    /// Where a record is, or where it would have to be.
    fn find(&self, rtype: Rtype, rdata: &[u8]) -> Result<usize, usize> {
        let place = Place::of(rtype, rdata);
        let order = |item: &Item| {
            item.place
                .cmp(&place)
                .then_with(|| compare(rtype, self.rdata(item), rdata))
        };
        let at = match self.items.binary_search_by(order) {
            Ok(at) => return Ok(at),
            Err(at) => at,
        };
        // Canonical order heeds the case of names in types younger than RFC 3597; sameness does not.
        let same = |item: &Item| item.place == place && rdata::eq(rtype, self.rdata(item), rdata);
        if has_late_names(rtype) {
            self.items.iter().position(same).ok_or(at)
        } else {
            Err(at)
        }
    }

    fn rdata(&self, item: &Item) -> &[u8] {
        &self.octets[item.start..item.start + usize::from(item.length)]
    }

    fn keep(&mut self, rtype: Rtype, ttl: u32, rdata: &[u8]) -> Item {
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
    let (upper, lower) = below.iter().fold((false, false), |(upper, lower), octet| {
        (
            upper | octet.is_ascii_uppercase(),
            lower | octet.is_ascii_lowercase(),
        )
    });
    match (upper, lower) {
        _ if end != apex => Owner::Kept(name),
        (false, _) => Owner::Lower,
        (true, false) => Owner::Upper,
        (true, true) => Owner::Kept(name),
    }
}

/// Canonical order of RDATA, quick where case cannot matter.
fn compare(rtype: Rtype, a: &[u8], b: &[u8]) -> Ordering {
    match a.iter().zip(b).find(|(a, b)| a != b) {
        None => a.len().cmp(&b.len()),
        // What is the same as received is the same in canonical form, and only letters change on the way there.
        Some((a, b)) if !a.is_ascii_uppercase() && !b.is_ascii_uppercase() => a.cmp(b),
        Some(_) => rdata::cmp(rtype, a, b),
    }
}

/// Whether RDATA of this type has names that canonical form leaves in their case.
fn has_late_names(rtype: Rtype) -> bool {
    !matches!(
        rtype,
        Rtype::A | Rtype::AAAA | Rtype::NS | Rtype::DS | Rtype::TXT | Rtype::MX | Rtype::CNAME
    )
}
