//! A record of a zone, as people read it.

use zonekit_wire::{Name, NameBuf, Record, Rtype, rdata};

/// A record in presentation form, made when somebody looks at a page of them.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RecordView {
    /// The owner, absolute, with the final dot and in the case received.
    pub owner: String,
    /// The type.
    pub rtype: Rtype,
    /// Seconds that it may be cached.
    pub ttl: u32,
    /// The RDATA in presentation form, all names absolute.
    pub rdata: String,
}

impl From<Record<'_>> for RecordView {
    fn from(record: Record<'_>) -> Self {
        Self {
            owner: record.owner.to_string(),
            rtype: record.rtype,
            ttl: record.ttl,
            rdata: rdata::display(record.rtype, record.rdata).to_string(),
        }
    }
}

/// Which records are asked for, and in which order.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct RecordQuery {
    /// Those of this owner.
    pub owner: Option<NameBuf>,
    /// Those whose owner's name, without the final dot, contains this in any letter case.
    pub owner_contains: Option<String>,
    /// Those of this type.
    pub rtype: Option<Rtype>,
    /// In which order.
    pub order: RecordOrder,
    /// The other way round.
    pub descending: bool,
}

/// The order of records.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum RecordOrder {
    /// That of the zone: the SOA, then by owner in canonical order, then by type; NSEC3 records at the end.
    #[default]
    Zone,
    /// By the type's mnemonic, then that of the zone.
    Rtype,
    /// By TTL, then that of the zone.
    Ttl,
}

impl RecordQuery {
    /// The most records that a zone may have for an order other than its own: all of them are looked at for any page.
    pub const SORTED: u64 = 25_000;

    /// Whether every record of a zone is meant.
    pub fn means_all(&self) -> bool {
        self.owner.is_none() && self.owner_contains.is_none() && self.rtype.is_none()
    }

    /// Whether records of that owner and type are meant.
    pub fn means(&self, owner: Name<'_>, rtype: Rtype) -> bool {
        let contains = |part: &String| {
            let owner = owner.to_string().to_ascii_lowercase();
            let plain = owner.strip_suffix('.').unwrap_or(&owner);
            plain.contains(&part.to_ascii_lowercase())
        };
        self.rtype.is_none_or(|wanted| rtype == wanted)
            && { self.owner.as_ref() }.is_none_or(|wanted| owner == wanted.as_name())
            && self.owner_contains.as_ref().is_none_or(contains)
    }

    /// The same of a record in presentation form.
    pub fn means_view(&self, record: &RecordView) -> bool {
        let owner = record.owner.parse::<NameBuf>();
        owner.is_ok_and(|owner| self.means(owner.as_name(), record.rtype))
    }

    /// Puts the records that are meant, given in the zone's order, into the order asked for.
    pub fn sort(&self, records: &mut [RecordView]) {
        match self.order {
            RecordOrder::Zone => {}
            RecordOrder::Rtype => records.sort_by_cached_key(|record| record.rtype.to_string()),
            RecordOrder::Ttl => records.sort_by_key(|record| record.ttl),
        }
        if self.descending {
            records.reverse();
        }
    }
}
