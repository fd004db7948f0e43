//! One version of a zone.

use std::fmt;
use std::sync::Arc;

use zonekit_wire::{Class, Name, NameBuf, Record, Rtype, Serial, Soa, SoaBuf};

use crate::key::{self, KeyBuf, NearName};
use crate::nsec3::hash_key;
use crate::page::{Flags, Page, Spot};
use crate::rrset::Body;
use crate::tree::{Tree, Walk};
use crate::{Below, ChangedPages, Finding, Node, Nsec3, Nsec3Parameters, Place, Records, RrSet};

/// One version of a zone. It never changes; clones are cheap and share it.
///
/// Two trees hold it: that of the names, and that of the NSEC3 records, whose owners are hashes and no names of the
/// zone ([RFC 5155 §7.2.8](https://www.rfc-editor.org/rfc/rfc5155#section-7.2.8)). Lookups of names see the first only.
///
/// ```
/// use zonekit_store::{Checks, ZoneBuilder, ZoneLimits};
/// use zonekit_wire::{NameBuf, Rtype, master::Reader};
///
/// // From a master file, which begins with its SOA.
/// let text = "@ 300 SOA ns mail 7 3600 600 86400 300\n@ 300 NS ns\nns 300 A 192.0.2.1\n";
/// let apex: NameBuf = "example.org".parse()?;
/// let mut reader = Reader::new(text.as_bytes(), apex.as_name());
/// let mut builder = ZoneBuilder::new(apex.as_name(), ZoneLimits::default(), Checks::Strict);
/// builder.begin(&reader.next_record()?.expect("the SOA"))?;
/// while let Some(record) = reader.next_record()? {
///     builder.add(&record)?;
/// }
/// let (zone, _notes) = builder.finish()?;
///
/// assert_eq!((zone.serial().0, zone.record_count()), (7, 3));
/// let ns: NameBuf = "ns.example.org".parse()?;
/// let set = zone.rrset(ns.as_name(), Rtype::A).expect("it is there");
/// assert_eq!((set.ttl(), set.rdatas().next()), (300, Some(&[192, 0, 2, 1][..])));
/// let (mut records, mut lines) = (zone.iter(), Vec::new());
/// while let Some(record) = records.next() {
///     lines.push(record.to_string());
/// }
/// assert_eq!(lines[1], "example.org. 300 IN NS ns.example.org.");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Zone(Arc<Version>);

/// What a lookup reads first lies together: among many zones, those that are asked for are in no cache.
#[repr(C)]
pub(crate) struct Version {
    /// In wire form, case as received with the SOA.
    apex: NearName,
    serial: Serial,
    /// How many labels the apex has, the root not counted.
    apex_labels: u8,
    names: Tree,
    hashes: Tree,
    /// RDATA of the NSEC3PARAM record that counts.
    nsec3: Option<Box<[u8]>>,
}

impl Zone {
    /// A version of these trees; `None` when there is no SOA in it.
    pub(crate) fn new(apex: Name<'_>, names: Tree, hashes: Tree) -> Option<Self> {
        let mut version = Version {
            apex: NearName::from_slice(apex.as_octets()),
            apex_labels: apex.label_count() as u8, // a name has at most 127
            serial: Serial(0),
            names,
            hashes,
            nsec3: None,
        };
        version.serial = Soa::read(version.soa_rdata()?).ok()?.serial;
        let chains = version
            .node(version.names.get(&[])?)
            .rrset(Rtype::NSEC3PARAM);
        version.nsec3 = chains
            .and_then(|set| Nsec3Parameters::choose(set.rdatas()))
            .map(Box::from);
        Some(Self(Arc::new(version)))
    }

    /// The name of the zone, in the case that its SOA came in.
    pub fn apex(&self) -> Name<'_> {
        Name::from_octets(&self.0.apex).unwrap_or(Name::ROOT) // it was one
    }

    /// How many labels the name of the zone has, the root not counted.
    pub fn apex_labels(&self) -> usize {
        self.0.apex_labels.into()
    }

    /// The serial of this version.
    pub fn serial(&self) -> Serial {
        self.0.serial
    }

    /// The RDATA of the SOA record.
    pub fn soa(&self) -> SoaBuf {
        let soa = self.0.soa_rdata().and_then(|rdata| Soa::read(rdata).ok());
        let (mname, rname, number) = (Name::ROOT, Name::ROOT, 0);
        let none = Soa {
            mname,
            rname,
            serial: self.0.serial,
            refresh: 0,
            retry: 0,
            expire: 0,
            minimum: number,
        };
        soa.unwrap_or(none).to_buf() // there is one: `new` has read it
    }

    /// How many records.
    pub fn record_count(&self) -> u64 {
        self.0.names.totals().records + self.0.hashes.totals().records
    }

    /// How many octets the records have in wire form, names not compressed.
    pub fn octets(&self) -> u64 {
        self.0.names.totals().octets + self.0.hashes.totals().octets
    }

    /// How many octets this version takes in memory, those shared with other versions included.
    pub fn held_octets(&self) -> usize {
        self.0.names.held_octets()
            + self.0.hashes.held_octets()
            + if self.0.apex.spilled() {
                self.0.apex.len()
            } else {
                0
            }
            + size_of::<Version>()
            + 16
    }

    /// All records.
    pub fn iter(&self) -> Records<'_> {
        Records::new(
            self.apex().as_octets(),
            Walk::new(&self.0.names),
            Some(&self.0.hashes),
        )
    }

    /// The records from those of `name` on, or from where they would be; then the NSEC3 records.
    pub fn iter_from(&self, name: Name<'_>) -> Records<'_> {
        match self.key(name) {
            Some(key) => Records::new(
                self.apex().as_octets(),
                Walk::from_key(&self.0.names, &key),
                Some(&self.0.hashes),
            ),
            None => self.iter(),
        }
    }

    /// The records from the one with this number on, counted from 0. Costs what one lookup does.
    pub fn iter_at(&self, number: u64) -> Records<'_> {
        let in_names = self.0.names.totals().records;
        let (tree, number, behind) = match number.checked_sub(in_names) {
            None => (&self.0.names, number, Some(&self.0.hashes)),
            Some(number) => (&self.0.hashes, number, None),
        };
        let (walk, before) = Walk::from_record(tree, number);
        let mut records = Records::new(self.apex().as_octets(), walk, behind);
        records.skip(number - before);
        records
    }

    /// Where a name is, and what stands above it. A name outside the zone is missing from the apex.
    pub fn find(&self, name: Name<'_>) -> Finding<'_> {
        let zone = &*self.0;
        let apex_labels = usize::from(zone.apex_labels);
        let missing = Place::Missing {
            closest_encloser_labels: apex_labels,
        };
        let nothing = Finding {
            cut: None,
            dname: None,
            labels: 0,
            place: missing,
        };
        let Some(key) = self.key(name) else {
            return nothing;
        };
        let Some(found) = zone.names.seek(&key) else {
            return nothing;
        };
        let flags = zone.names.totals().flags;
        let labels = key::labels_within(&key, key.len());
        let (place, encloser) = if let Some(exact) = found.exact() {
            (Place::Node(zone.node(exact)), labels)
        } else {
            let (before, after) = found.common(&key);
            let encloser = key::labels_within(&key, before.max(after));
            let closest_encloser_labels = apex_labels + encloser;
            if after == key.len() {
                (Place::EmptyNonTerminal, labels)
            } else if let Some(source) = zone.wildcard(&key, encloser, flags, found.page) {
                (
                    Place::Wildcard {
                        source,
                        closest_encloser_labels,
                    },
                    encloser,
                )
            } else if zone.has_empty_wildcard(&key, encloser, flags) {
                (
                    Place::EmptyWildcard {
                        closest_encloser_labels,
                    },
                    encloser,
                )
            } else {
                (
                    Place::Missing {
                        closest_encloser_labels,
                    },
                    encloser,
                )
            }
        };
        let mut finding = Finding {
            cut: None,
            dname: None,
            labels: 0,
            place,
        };
        let above = if flags.has(Flags::CUT.or(Flags::DNAME)) {
            labels.min(encloser + 1)
        } else {
            0
        };
        let first = usize::from(!flags.has(Flags::DNAME)); // the apex is no cut
        let mut end = 0;
        for labels in 0..above {
            let behind = key.get(end..).unwrap_or_default();
            if labels > 0 {
                end += 1 + behind.iter().position(|octet| *octet == 0).unwrap_or(0);
            }
            if labels < first {
                continue;
            }
            let ancestor = &key[..end];
            let node = match found.search.above {
                Some((spot, length)) if length == ancestor.len() => {
                    Some(zone.node((found.page, spot)))
                }
                _ => zone.near(found.page, ancestor),
            };
            let Some(node) = node else {
                continue; // an empty non-terminal
            };
            if labels > 0 && node.has(Rtype::NS) {
                (finding.cut, finding.labels) = (Some(node), apex_labels + labels);
                return finding;
            }
            if node.has(Rtype::DNAME) {
                (finding.dname, finding.labels) = (Some(node), apex_labels + labels);
                return finding;
            }
        }
        if let Place::Node(node) = place
            && labels > 0
            && node.has(Rtype::NS)
        {
            (finding.cut, finding.labels) = (Some(node), apex_labels + labels);
        }
        finding
    }

    /// The node of exactly this name.
    pub fn node(&self, name: Name<'_>) -> Option<Node<'_>> {
        Some(self.0.node(self.0.names.get(&self.key(name)?)?))
    }

    /// The node of the apex.
    pub fn apex_node(&self) -> Option<Node<'_>> {
        Some(self.0.node(self.0.names.first()?))
    }

    /// To look up children of a node whose name is `owner`, one after the other.
    pub fn below<'z>(&'z self, node: &Node<'z>, owner: Name<'z>) -> Below<'z> {
        Below::new(self, node, owner)
    }

    /// The records of a name and type. Those of NSEC3 are found too.
    pub fn rrset(&self, name: Name<'_>, rtype: Rtype) -> Option<RrSet<'_>> {
        let tree = if rtype == Rtype::NSEC3 {
            &self.0.hashes
        } else {
            &self.0.names
        };
        self.0.node(tree.get(&self.key(name)?)?).rrset(rtype)
    }

    /// The last node at or before `name` in canonical order; `None` when the name is outside the zone.
    pub fn predecessor(&self, name: Name<'_>) -> Option<Node<'_>> {
        Some(self.0.node(self.0.names.seek(&self.key(name)?)?.before()?))
    }

    /// The node whose NSEC record is at `name` or covers it: the last at or before the name that has one.
    pub fn nsec_covering(&self, name: Name<'_>) -> Option<Node<'_>> {
        let has_nsec = |body: Body<'_>| body.set(Rtype::NSEC).is_some_and(|set| !set.is_empty());
        let names = &self.0.names;
        let place = names.last_with(&self.key(name)?, Flags::NSEC, has_nsec)?;
        Some(self.0.node(place))
    }

    /// The NSEC3 record that matches a hash or covers it, of the chain with these parameters: those that
    /// [`nsec3_parameters`](Self::nsec3_parameters) gives, which an answer in need of several records reads once.
    pub fn nsec3_covering(
        &self,
        parameters: &Nsec3Parameters<'_>,
        hash: &[u8],
    ) -> Option<Nsec3<'_>> {
        let found = self.0.hashes.seek(&hash_key(hash))?;
        let is_exact = found.search.exact;
        let mut place = found.before().or_else(|| self.0.hashes.last())?;
        // Usually the first is right; records of another chain may lie between, in any number if the zone is hostile.
        let (mut left, mut step) = (MAX_STRANGERS, 0);
        loop {
            let node = self.0.node(place);
            let set = node.rrset(Rtype::NSEC3);
            let mut rdatas = set.into_iter().flat_map(|set| set.rdatas()).take(left);
            if rdatas.any(|rdata| {
                Nsec3Parameters::read(rdata).is_some_and(|(ours, _)| ours == *parameters)
            }) {
                return Some(Nsec3 {
                    node,
                    is_match: is_exact && step == 0,
                });
            }
            left = left.checked_sub(set.map_or(1, |set| set.len().max(1)))?;
            step += 1;
            place = self
                .0
                .hashes
                .before(place)
                .or_else(|| self.0.hashes.last())?;
        }
    }

    /// How the names of the zone are hashed; `None` when it has no NSEC3 chain that is complete
    /// ([RFC 5155 §4.1.2](https://www.rfc-editor.org/rfc/rfc5155#section-4.1.2): flags must be zero) and of a known
    /// algorithm. Of several chains, one with the fewest iterations, of which there may be any number all the same.
    pub fn nsec3_parameters(&self) -> Option<Nsec3Parameters<'_>> {
        let rdata = self.0.nsec3.as_deref()?;
        Nsec3Parameters::read(rdata).map(|(parameters, _)| parameters)
    }

    /// The pages that this version consists of, in the order that [`from_pages`](Self::from_pages) takes them in.
    ///
    /// Versions share the pages that are the same in both: those are one `Arc`.
    pub fn pages(&self) -> impl Iterator<Item = &Arc<[u8]>> {
        self.0.names.pages().chain(self.0.hashes.pages())
    }

    /// The pages that this version and a `newer` one do not share. Costs what the difference does.
    pub fn changed_pages<'z>(&'z self, newer: &'z Self) -> ChangedPages<'z> {
        let mut changed = self.0.names.difference(&newer.0.names);
        let hashes = self.0.hashes.difference(&newer.0.hashes);
        changed.gone.extend(hashes.gone);
        changed.fresh.extend(hashes.fresh);
        changed
    }

    /// Shows the SOA record.
    pub(crate) fn with_soa<T>(&self, show: impl FnOnce(Record<'_>) -> T) -> Option<T> {
        let set = self.rrset(self.apex(), Rtype::SOA)?;
        let owner = self.apex();
        Some(show(Record {
            owner,
            rtype: Rtype::SOA,
            class: Class::IN,
            ttl: set.ttl(),
            rdata: set.rdatas().next()?,
        }))
    }

    pub(crate) fn node_at<'z>(&'z self, page: Page<'z>, spot: Spot) -> Node<'z> {
        self.0.node((page, spot))
    }

    pub(crate) fn names(&self) -> &Tree {
        &self.0.names
    }

    pub(crate) fn hashes(&self) -> &Tree {
        &self.0.hashes
    }

    /// The key of a name of the zone.
    pub(crate) fn key(&self, name: Name<'_>) -> Option<KeyBuf> {
        let apex = &self.0.apex;
        if !key::is_at_or_below(name, apex) {
            return None;
        }
        let mut key = KeyBuf::new();
        key::write_key(name, apex.len(), &mut key);
        Some(key)
    }
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut apex = NameBuf::new();
        apex.assign(self.apex());
        let mut debug = f.debug_struct("Zone");
        debug
            .field("apex", &apex)
            .field("serial", &self.serial())
            .field("records", &self.record_count())
            .finish()
    }
}

impl Version {
    fn node<'z>(&'z self, place: (Page<'z>, Spot)) -> Node<'z> {
        Node::new(&self.apex, place)
    }

    fn soa_rdata(&self) -> Option<&[u8]> {
        self.node(self.names.first()?)
            .rrset(Rtype::SOA)?
            .rdatas()
            .next()
    }

    /// The wildcard of the ancestor of `key` with so many labels.
    fn wildcard<'z>(
        &'z self,
        key: &[u8],
        labels: usize,
        flags: Flags,
        page: Page<'z>,
    ) -> Option<Node<'z>> {
        if !flags.has(Flags::WILDCARD) {
            return None;
        }
        self.near(page, &wildcard_of(key, labels))
    }

    /// Whether that wildcard, which has no records, has names below it.
    fn has_empty_wildcard(&self, key: &[u8], labels: usize, flags: Flags) -> bool {
        if !flags.has(Flags::BELOW_ASTERISK) {
            return false;
        }
        let wildcard = wildcard_of(key, labels);
        let found = self.names.seek(&wildcard);
        found.is_some_and(|found| found.common(&wildcard).1 == wildcard.len())
    }

    /// The node with a key that is likely in this page.
    fn near<'z>(&'z self, page: Page<'z>, key: &[u8]) -> Option<Node<'z>> {
        let search = page.search(key);
        match search.before {
            Some(spot) if search.exact => Some(self.node((page, spot))),
            Some(_) if search.common_after.is_some() => None, // between two entries of the page
            _ => self.names.get(key).map(|place| self.node(place)),
        }
    }
}

/// The key of the wildcard right below the ancestor of `key` with so many labels.
fn wildcard_of(key: &[u8], labels: usize) -> KeyBuf {
    let mut wildcard = KeyBuf::from_slice(key::ancestor(key, labels));
    wildcard.extend_from_slice(b"*\0");
    wildcard
}

/// How many NSEC3 records of other chains, whatever their owners, a lookup passes before it gives up.
const MAX_STRANGERS: usize = 100;
