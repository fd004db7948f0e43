//! A name of a zone and what it has.

use std::fmt;

use zonekit_wire::{NameBuf, Rtype};

use crate::RrSet;
use crate::key::{self, KeyBuf, Spelling};
use crate::page::{Behind, Page, Spot};
use crate::rrset::{Owner, RrSets};

/// A name of a zone that has records, where it lies.
///
/// The name itself is put together when it is asked for: pages hold only what tells it from its neighbours.
#[derive(Clone, Copy)]
pub struct Node<'z> {
    apex: &'z [u8],
    page: Page<'z>,
    spot: Spot,
}

impl<'z> Node<'z> {
    pub(crate) fn new(apex: &'z [u8], (page, spot): (Page<'z>, Spot)) -> Self {
        Self { apex, page, spot }
    }

    /// The owner name, in the case that it was received in.
    pub fn owner(&self) -> NameBuf {
        let mut name = NameBuf::new();
        self.write_owner(&mut name);
        name
    }

    /// Makes `out` the owner name.
    pub fn write_owner(&self, out: &mut NameBuf) {
        let mut key = KeyBuf::new();
        self.page.write_key(self.spot, &mut key);
        write_owner(&key, self.page.body(self.spot).owner(), self.apex, out);
    }

    /// The records of one type, with the signatures over them. `None` when there is no record of the type, even if
    /// there are signatures that should cover some.
    pub fn rrset(&self, rtype: Rtype) -> Option<RrSet<'z>> {
        self.page
            .body(self.spot)
            .set(rtype)
            .filter(|set| !set.is_empty())
    }

    /// All RRsets, SOA first, then by type; also those that have signatures only.
    pub fn rrsets(&self) -> RrSets<'z> {
        self.page.body(self.spot).sets()
    }

    /// Goes through the page behind this entry.
    pub(crate) fn entries_behind(&self) -> Behind<'z> {
        self.page.behind(self.spot)
    }

    /// Whether there are records of this type.
    pub fn has(&self, rtype: Rtype) -> bool {
        self.page.body(self.spot).has(rtype)
    }
}

impl fmt::Debug for Node<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Node").field(&self.owner()).finish()
    }
}

/// Makes `out` the owner of an entry.
pub(crate) fn write_owner(key: &[u8], owner: Owner<'_>, apex: &[u8], out: &mut NameBuf) {
    match owner {
        Owner::Kept(name) => out.assign(name),
        Owner::Lower => key::write_name(key, apex, Spelling::Lower, out),
        Owner::Upper => key::write_name(key, apex, Spelling::Upper, out),
    }
}

/// Where the question for a name ends in a zone.
#[derive(Clone, Copy, Debug)]
pub struct Finding<'z> {
    /// The topmost delegation at or above the name: a node other than the apex that has NS records. Nothing at or below
    /// it is the zone's own, but for the DS records of the node itself.
    pub cut: Option<Node<'z>>,
    /// The topmost node above the name that has a DNAME, unless a delegation stands above it.
    pub dname: Option<Node<'z>>,
    /// How many labels the name of `cut`, else of `dname`, has, the root not counted; 0 when there is neither.
    pub labels: usize,
    /// Where the name itself is.
    pub place: Place<'z>,
}

/// Where a name is in a zone.
#[derive(Clone, Copy, Debug)]
pub enum Place<'z> {
    /// It has records.
    Node(Node<'z>),
    /// It has none, but names below it do.
    EmptyNonTerminal,
    /// It is not there; a wildcard stands in for it ([RFC 4592](https://www.rfc-editor.org/rfc/rfc4592)).
    Wildcard {
        /// The wildcard.
        source: Node<'z>,
        /// How many labels the closest encloser has, the root not counted.
        closest_encloser_labels: usize,
    },
    /// It is not there, and what would stand in for it, the wildcard, has no records, but names below it do: there is
    /// no data ([RFC 4592 §2.2.2](https://www.rfc-editor.org/rfc/rfc4592#section-2.2.2)).
    EmptyWildcard {
        /// How many labels the closest encloser has, the root not counted.
        closest_encloser_labels: usize,
    },
    /// It is not there, nor a wildcard that would stand in for it.
    Missing {
        /// How many labels the closest encloser has, the root not counted.
        closest_encloser_labels: usize,
    },
}
