//! Going through the records of a zone.

use zonekit_wire::{Class, NameBuf, Record, Rtype};

use crate::node::write_owner;
use crate::rrset::{Rdatas, RrSet, RrSets};
use crate::tree::{Tree, Walk};

/// The records of a version of a zone: the SOA first, then canonical order of owners, by type at each; signatures
/// behind the set that they cover. NSEC3 records, whose owners are no names of the zone, come last, by hash.
///
/// Not an [`Iterator`], because each record borrows its owner from here: `while let Some(record) = records.next()`.
#[derive(Clone, Debug)]
pub struct Records<'z> {
    apex: &'z [u8],
    walk: Walk<'z>,
    /// The tree that follows.
    behind: Option<&'z Tree>,
    owner: NameBuf,
    sets: RrSets<'z>,
    set: Option<RrSet<'z>>,
    rdatas: Rdatas<'z>,
    in_signatures: bool,
}

impl<'z> Records<'z> {
    pub(crate) fn new(apex: &'z [u8], walk: Walk<'z>, behind: Option<&'z Tree>) -> Self {
        Self {
            apex,
            walk,
            behind,
            owner: NameBuf::new(),
            sets: RrSets::default(),
            set: None,
            rdatas: Rdatas::default(),
            in_signatures: false,
        }
    }

    /// The next record.
    #[expect(
        clippy::should_implement_trait,
        reason = "the record borrows from self"
    )]
    pub fn next(&mut self) -> Option<Record<'_>> {
        loop {
            if let (Some(set), Some(rdata)) = (&self.set, self.rdatas.next()) {
                let (rtype, ttl) = if self.in_signatures {
                    (Rtype::RRSIG, set.signature_ttl())
                } else {
                    (set.rtype(), set.ttl())
                };
                return Some(Record {
                    owner: self.owner.as_name(),
                    rtype,
                    class: Class::IN,
                    ttl,
                    rdata,
                });
            }
            self.open_next()?;
        }
    }

    /// Skips records without reading them one by one where it can.
    pub(crate) fn skip(&mut self, mut count: u64) {
        while count > 0 {
            let here = self.rdatas.len() as u64;
            if here > count {
                for _ in 0..count {
                    self.rdatas.next();
                }
                return;
            }
            count -= here;
            self.rdatas = Rdatas::default();
            if self.open_next().is_none() {
                return;
            }
        }
    }

    /// Goes on to the next run of RDATA: signatures of the set at hand, the next set, the next name, the other tree.
    fn open_next(&mut self) -> Option<()> {
        if let (Some(set), false) = (&self.set, self.in_signatures) {
            self.in_signatures = true;
            self.rdatas = set.signatures().unwrap_or_default();
            return Some(());
        }
        self.in_signatures = false;
        self.set = self.sets.next();
        if let Some(set) = &self.set {
            self.rdatas = set.rdatas();
            return Some(());
        }
        loop {
            if let Some(body) = self.walk.next() {
                write_owner(self.walk.key(), body.owner(), self.apex, &mut self.owner);
                self.sets = body.sets();
                self.rdatas = Rdatas::default();
                return Some(());
            }
            self.walk = Walk::new(self.behind.take()?);
        }
    }
}
