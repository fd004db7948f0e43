//! What is in a page or a subtree, in sum.

use zonekit_wire::Rtype;

use crate::key;
use crate::rrset::Body;

/// What is true of at least one entry of a page or a subtree.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Flags(pub(crate) u8);

impl Flags {
    /// The page is one of the tree of NSEC3 owners.
    pub(crate) const NSEC3: Self = Self(1);
    /// A wildcard.
    pub(crate) const WILDCARD: Self = Self(2);
    /// An NS record below the apex.
    pub(crate) const CUT: Self = Self(4);
    /// A DNAME.
    pub(crate) const DNAME: Self = Self(8);
    /// An NSEC record.
    pub(crate) const NSEC: Self = Self(16);
    /// A name below an asterisk label, which may be an empty non-terminal.
    pub(crate) const BELOW_ASTERISK: Self = Self(32);

    /// What a key alone says of its entry.
    pub(crate) fn of_key(key: &[u8]) -> Self {
        let mut flags = Self::default();
        if !key.contains(&b'*') {
            return flags; // nearly always
        }
        if key::is_wildcard(key) {
            flags = flags.or(Self::WILDCARD);
        }
        if key::is_below_asterisk(key) {
            flags = flags.or(Self::BELOW_ASTERISK);
        }
        flags
    }

    pub(crate) fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    pub(crate) fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(crate) fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}

/// How much a page or a subtree holds.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Totals {
    pub(crate) records: u64,
    /// In wire form, without compression.
    pub(crate) octets: u64,
    pub(crate) flags: Flags,
}

impl Totals {
    pub(crate) fn add(&mut self, other: Self) {
        self.records += other.records;
        self.octets = self.octets.saturating_add(other.octets);
        self.flags = self.flags.or(other.flags);
    }

    /// What an entry holds; `apex` is how many octets the apex has in wire form.
    pub(crate) fn of(key: &[u8], body: Body<'_>, apex: usize) -> Self {
        let (records, rdata, _) = body.measure();
        let owner = key::name_octets(key) + apex;
        let mut flags = Flags::of_key(key);
        for set in body.sets().take_while(|set| set.rtype() <= Rtype::NSEC) {
            match set.rtype() {
                _ if set.is_empty() => {}
                Rtype::NS if !key.is_empty() => flags = flags.or(Flags::CUT),
                Rtype::DNAME => flags = flags.or(Flags::DNAME),
                Rtype::NSEC => flags = flags.or(Flags::NSEC),
                _ => {}
            }
        }
        Self {
            records,
            octets: rdata + records * (owner as u64 + 10),
            flags,
        }
    }
}
