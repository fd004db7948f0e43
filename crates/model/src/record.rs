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
    /// Those whose owner, likewise, or whose RDATA in presentation form contains this in any letter case.
    pub contains: Option<String>,
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
        let Self {
            owner,
            owner_contains,
            contains,
            rtype,
            ..
        } = self;
        owner.is_none() && owner_contains.is_none() && contains.is_none() && rtype.is_none()
    }

    /// Whether a record is meant.
    pub fn means(&self, record: &Record<'_>) -> bool {
        let data = || rdata::display(record.rtype, record.rdata).to_string();
        self.is_met_by(record.owner, record.rtype, data)
    }

    /// The same of a record in presentation form.
    pub fn means_view(&self, record: &RecordView) -> bool {
        let owner = record.owner.parse::<NameBuf>();
        let data = || record.rdata.clone();
        owner.is_ok_and(|owner| self.is_met_by(owner.as_name(), record.rtype, data))
    }

    fn is_met_by(&self, owner: Name<'_>, rtype: Rtype, data: impl Fn() -> String) -> bool {
        let is_in = |part: &String, mut text: String| {
            text.make_ascii_lowercase();
            text.contains(&part.to_ascii_lowercase())
        };
        let is_in_owner = |part: &String| {
            let mut text = owner.to_string();
            text.pop(); // the final dot
            is_in(part, text)
        };
        self.rtype.is_none_or(|wanted| rtype == wanted)
            && { self.owner.as_ref() }.is_none_or(|wanted| owner == wanted.as_name())
            && self.owner_contains.as_ref().is_none_or(is_in_owner)
            && { self.contains.as_ref() }
                .is_none_or(|part| is_in_owner(part) || is_in(part, data()))
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
