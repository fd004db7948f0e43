//! Where records stand in an entry.

use zonekit_wire::Rtype;

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

    /// Where the set of this type stands, or the signatures over it.
    pub(super) fn new(rtype: Rtype, signature: bool) -> Self {
        let number = if rtype == Rtype::SOA {
            0
        } else {
            u32::from(rtype.0) + 1
        };
        Self(number << 1 | u32::from(signature))
    }

    /// The type of the set: for signatures, the type that they cover.
    pub(crate) fn set(self) -> Rtype {
        match self.0 >> 1 {
            0 => Rtype::SOA,
            number => Rtype((number - 1) as u16),
        }
    }

    /// Whether it is a signature.
    pub(super) fn is_signature(self) -> bool {
        self.0 & 1 == 1
    }

    /// The type of the record itself.
    pub(super) fn rtype(self) -> Rtype {
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
