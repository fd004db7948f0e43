//! A record of a zone, as people read it.

use zonekit_wire::{Record, Rtype, rdata};

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
