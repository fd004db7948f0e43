//! What changes make of a zone, counted as they come.

use smallvec::SmallVec;
use zonekit_wire::{Name, Record, Rtype};

use crate::draft::Place;
use crate::{EditError, Zone, ZoneLimits};

/// Holds changes against the limits before they are carried out, so that whoever sends without end is stopped early.
///
/// What is counted here is never more than what the version comes to, if all changes can be made: to see that they
/// can, and to count sets and names whose records do not come together, is left to the end.
#[derive(Debug)]
pub(crate) struct Tally {
    limits: ZoneLimits,
    /// What the version at hand comes to, its SOA included.
    records: u64,
    octets: u64,
    soa: u64,
    /// Octets of all changes so far.
    changes: u64,
    /// Of the records that were added last, all of one owner: types, and how many are of the last place.
    types: SmallVec<[Rtype; 8]>,
    place: Option<Place>,
    in_set: u32,
}

impl Tally {
    pub(crate) fn new(zone: &Zone, limits: ZoneLimits) -> Self {
        Self {
            limits,
            records: zone.record_count(),
            octets: zone.octets(),
            soa: zone.with_soa(|soa| octets(&soa)).unwrap_or(0),
            changes: 0,
            types: SmallVec::new(),
            place: None,
            in_set: 0,
        }
    }

    /// Other records are added from here on: of another owner, or of another step.
    pub(crate) fn turn(&mut self) {
        self.types.clear();
        self.place = None;
    }

    pub(crate) fn remove(&mut self, record: &Record<'_>) -> Result<(), EditError> {
        self.records = self.records.saturating_sub(1);
        self.octets = self.octets.saturating_sub(octets(record));
        self.change(record)
    }

    /// Another SOA takes the place of the one there was.
    pub(crate) fn reach(&mut self, soa: &Record<'_>) -> Result<(), EditError> {
        self.turn();
        self.octets = self.octets.saturating_sub(self.soa);
        self.soa = octets(soa);
        self.octets += self.soa;
        self.change(soa)
    }

    pub(crate) fn add(&mut self, record: &Record<'_>) -> Result<(), EditError> {
        self.records += 1;
        self.octets += octets(record);
        self.limits.check(self.records, self.octets)?;
        self.change(record)?;
        let place = Place::of(record.rtype, record.rdata);
        if self.place != Some(place) {
            (self.place, self.in_set) = (Some(place), 0);
            self.add_type(record.owner, place.set())?;
        }
        self.in_set += 1;
        let limit = self.limits.records_per_rrset;
        if limit != 0 && self.in_set > limit {
            return Err(EditError::TooManyRecordsInRrset {
                owner: record.owner.to_buf(),
                rtype: place.set(),
                limit,
            });
        }
        Ok(())
    }

    fn add_type(&mut self, owner: Name<'_>, rtype: Rtype) -> Result<(), EditError> {
        let limit = self.limits.types_per_name;
        if limit == 0 || self.types.contains(&rtype) {
            return Ok(());
        }
        self.types.push(rtype);
        if self.types.len() > limit as usize {
            return Err(EditError::TooManyTypes {
                owner: owner.to_buf(),
                limit,
            });
        }
        Ok(())
    }

    /// All that there was may be removed, and as much as there may be added; what comes to more than that is no difference.
    fn change(&mut self, record: &Record<'_>) -> Result<(), EditError> {
        self.changes += octets(record);
        let limit = self.limits.octets;
        if limit != 0 && self.changes / 2 > limit {
            return Err(EditError::TooManyOctets { limit });
        }
        Ok(())
    }
}

/// Octets of a record in wire form.
fn octets(record: &Record<'_>) -> u64 {
    (record.owner.as_octets().len() + 10 + record.rdata.len()) as u64
}
