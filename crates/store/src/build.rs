//! Building a version from all of its records.

mod before;
mod side;
mod strays;

use zonekit_wire::{Class, Name, NameBuf, Record, Rtype, Soa};

use self::before::Before;
use self::side::Side;
use crate::draft::{is_nsec3, spelling};
use crate::page::Flags;
use crate::rules::{Rules, check_apex, check_record};
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
