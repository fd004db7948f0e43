//! Catalog zones ([RFC 9432]): a zone whose records say which zones there are.
//!
//! ```text
//! version.catalog.example.        0 IN TXT "2"
//! 5960775b.zones.catalog.example. 0 IN PTR example.org.
//! group.5960775b.zones.catalog.example. 0 IN TXT "signed"
//! ```
//!
//! [RFC 9432]: https://www.rfc-editor.org/rfc/rfc9432

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};
use zonekit_wire::{Class, Name, NameBuf, Record, RecordBuf, Rtype};

use crate::ZoneName;

/// The catalog schema that is read and written ([RFC 9432 §4.2]).
///
/// [RFC 9432 §4.2]: https://www.rfc-editor.org/rfc/rfc9432#section-4.2
const VERSION: &[u8] = b"\x012";

/// What a catalog zone says, whole and well-formed.
///
/// ```
/// use zonekit_model::{CatalogMember, CatalogReader};
///
/// let catalog = "catalog.example".parse()?;
/// let member = CatalogMember::new("5960775b".parse()?, "example.org".parse()?);
/// let mut reader = CatalogReader::new(&catalog);
/// for record in member.records(&catalog).iter().chain(&CatalogMember::header(&catalog)) {
///     reader.take(&record.as_record());
/// }
/// assert_eq!(reader.finish()?.members, [member]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Catalog {
    /// Its members, in the order of their labels.
    pub members: Vec<CatalogMember>,
}

/// One zone that a catalog names.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CatalogMember {
    /// The label that it is known by: with another one it is another zone, of which nothing is known yet
    /// ([RFC 9432 §5.6](https://www.rfc-editor.org/rfc/rfc9432#section-5.6)).
    pub label: MemberLabel,
    /// The zone.
    pub zone: ZoneName,
    /// What it is to be like, in words that producer and consumer have agreed upon; in no order.
    pub groups: Vec<String>,
    /// The catalog that may take it over.
    pub change_of_ownership: Option<ZoneName>,
}

/// The label of a member: 1 to 63 octets, compared without case, shown as in a master file.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MemberLabel(ZoneName);

/// No label that a member can have.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("not a label of 1 to 63 octets")]
pub struct MemberLabelError;

/// Why a zone is no catalog that can be followed: then nothing is changed ([RFC 9432 §5.1]).
///
/// [RFC 9432 §5.1]: https://www.rfc-editor.org/rfc/rfc9432#section-5.1
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CatalogError {
    /// The record `version` is missing, there are several, or it says something other than `"2"`.
    #[error("the catalog's version is not 2: there must be one TXT \"2\" at version.{0}")]
    Version(ZoneName),
    /// A member has several PTR records.
    #[error("the member {0} of the catalog has more than one PTR record")]
    SeveralZones(MemberLabel),
    /// A member is given to several catalogs.
    #[error("the member {0} of the catalog has more than one PTR record that gives it away (coo)")]
    SeveralSuccessors(MemberLabel),
    /// Two members are the same zone.
    #[error("the catalog has the zone {0} more than once")]
    Twice(ZoneName),
}

/// Reads a catalog, record by record, in any order. What it does not know it passes over.
#[derive(Debug)]
pub struct CatalogReader {
    apex: NameBuf,
    versions: Vec<Vec<u8>>,
    members: BTreeMap<MemberLabel, Entry>,
}

#[derive(Debug, Default)]
struct Entry {
    zones: Vec<ZoneName>,
    groups: Vec<String>,
    successors: Vec<ZoneName>,
}

impl CatalogReader {
    /// Reads the catalog with this apex.
    pub fn new(catalog: &ZoneName) -> Self {
        Self {
            apex: catalog.to_name(),
            versions: Vec::new(),
            members: BTreeMap::new(),
        }
    }

    /// Takes one of its records.
    pub fn take(&mut self, record: &Record<'_>) {
        if record.class != Class::IN || !record.owner.is_at_or_below(self.apex.as_name()) {
            return;
        }
        let depth = record.owner.label_count() - self.apex.as_name().label_count();
        let labels: Vec<&[u8]> = record.owner.labels().take(depth).collect();
        let is = |label: &[u8], what: &str| label.eq_ignore_ascii_case(what.as_bytes());
        match (labels.as_slice(), record.rtype) {
            ([version], Rtype::TXT) if is(version, "version") => {
                self.versions.push(record.rdata.to_vec());
            }
            ([label, zones], Rtype::PTR) if is(zones, "zones") => {
                if let (Some(entry), Some(zone)) = (self.entry(label), name_in(record.rdata)) {
                    entry.zones.push(zone);
                }
            }
            ([property, label, zones], Rtype::TXT)
                if is(zones, "zones") && is(property, "group") =>
            {
                if let Some(entry) = self.entry(label) {
                    entry.groups.extend(text_in(record.rdata));
                }
            }
            ([property, label, zones], Rtype::PTR) if is(zones, "zones") && is(property, "coo") => {
                if let Some(entry) = self.entry(label) {
                    entry.successors.extend(name_in(record.rdata));
                }
            }
            _ => {}
        }
    }

    /// What the catalog says, once all records have been taken.
    ///
    /// # Errors
    ///
    /// If it contradicts itself, or is of another version.
    pub fn finish(self) -> Result<Catalog, CatalogError> {
        if !matches!(self.versions.as_slice(), [version] if version == VERSION) {
            return Err(CatalogError::Version(self.apex.as_name().into()));
        }
        let mut members: Vec<CatalogMember> = Vec::new();
        let mut labels = HashMap::new();
        for (label, mut entry) in self.members {
            let zone = match entry.zones.pop() {
                Some(zone) if entry.zones.is_empty() => zone,
                Some(_) => return Err(CatalogError::SeveralZones(label)),
                None => continue, // properties of nothing
            };
            if labels.insert(zone.clone(), ()).is_some() {
                return Err(CatalogError::Twice(zone));
            }
            // As with its zone: more than one record breaks the catalog (§4.3.1).
            let change_of_ownership = entry.successors.pop();
            if !entry.successors.is_empty() {
                return Err(CatalogError::SeveralSuccessors(label));
            }
            members.push(CatalogMember {
                label,
                zone,
                groups: entry.groups,
                change_of_ownership,
            });
        }
        Ok(Catalog { members })
    }

    fn entry(&mut self, label: &[u8]) -> Option<&mut Entry> {
        Some(
            self.members
                .entry(MemberLabel::from_octets(label)?)
                .or_default(),
        )
    }
}

impl CatalogMember {
    /// A member without properties.
    pub fn new(label: MemberLabel, zone: ZoneName) -> Self {
        Self {
            label,
            zone,
            groups: Vec::new(),
            change_of_ownership: None,
        }
    }

    /// The records that say so in a catalog with this apex; none if its name leaves no room for them.
    pub fn records(&self, catalog: &ZoneName) -> Vec<RecordBuf> {
        let Some(owner) = self.label.below(&["zones"], catalog) else {
            return Vec::new();
        };
        let pointer = |owner, zone: &ZoneName| {
            record(
                owner,
                Rtype::PTR,
                zone.to_name().as_name().as_octets().to_vec(),
            )
        };
        let mut records = vec![pointer(owner, &self.zone)];
        if let Some(successor) = &self.change_of_ownership {
            let owner = self.property("coo", catalog);
            records.extend(owner.map(|owner| pointer(owner, successor)));
        }
        for group in &self.groups {
            let owner = self.property("group", catalog);
            records.extend(owner.map(|owner| record(owner, Rtype::TXT, character_string(group))));
        }
        records
    }

    /// The records that every catalog has beside its SOA and its members: who serves it (nobody that matters,
    /// [RFC 9432 §4.1](https://www.rfc-editor.org/rfc/rfc9432#section-4.1)) and its version.
    pub fn header(catalog: &ZoneName) -> [RecordBuf; 2] {
        let apex = catalog.to_name();
        let mut version = apex.clone();
        // A catalog whose name leaves no room for this has none for members either.
        let _ = version.prepend_label(b"version");
        let invalid = b"\x07invalid\x00".to_vec();
        [
            record(apex, Rtype::NS, invalid),
            record(version, Rtype::TXT, VERSION.to_vec()),
        ]
    }

    fn property(&self, property: &str, catalog: &ZoneName) -> Option<NameBuf> {
        let mut owner = self.label.below(&["zones"], catalog)?;
        owner.prepend_label(property.as_bytes()).ok()?;
        Some(owner)
    }
}

impl MemberLabel {
    fn from_octets(label: &[u8]) -> Option<Self> {
        let mut name = NameBuf::new();
        name.prepend_label(label).ok()?;
        Some(Self(name.as_name().into()))
    }

    /// This label above those, above the apex.
    fn below(&self, labels: &[&str], apex: &ZoneName) -> Option<NameBuf> {
        let mut name = apex.to_name();
        for label in labels {
            name.prepend_label(label.as_bytes()).ok()?;
        }
        let own = self.0.to_name();
        name.prepend_label(own.as_name().labels().next()?).ok()?;
        Some(name)
    }

    /// As in a master file.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl std::str::FromStr for MemberLabel {
    type Err = MemberLabelError;

    fn from_str(text: &str) -> Result<Self, MemberLabelError> {
        let name: ZoneName = text.parse().map_err(|_| MemberLabelError)?;
        match name.to_name().as_name().label_count() {
            1 => Ok(Self(name)),
            _ => Err(MemberLabelError),
        }
    }
}

impl TryFrom<String> for MemberLabel {
    type Error = MemberLabelError;

    fn try_from(text: String) -> Result<Self, MemberLabelError> {
        text.parse()
    }
}

impl From<MemberLabel> for String {
    fn from(label: MemberLabel) -> Self {
        label.0.into()
    }
}

impl std::fmt::Display for MemberLabel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

fn record(owner: NameBuf, rtype: Rtype, rdata: Vec<u8>) -> RecordBuf {
    RecordBuf {
        owner,
        rtype,
        class: Class::IN,
        ttl: 0,
        rdata,
    }
}

/// The name that is the whole RDATA.
fn name_in(rdata: &[u8]) -> Option<ZoneName> {
    Name::from_octets(rdata).ok().map(ZoneName::from)
}

/// The character strings of a TXT record, as one text.
fn text_in(mut rdata: &[u8]) -> Option<String> {
    let mut text = Vec::new();
    while let Some((&length, rest)) = rdata.split_first() {
        let (string, behind) = rest.split_at_checked(length.into())?;
        text.extend_from_slice(string);
        rdata = behind;
    }
    String::from_utf8(text).ok()
}

/// A text as the character strings of a TXT record.
fn character_string(text: &str) -> Vec<u8> {
    let mut rdata = Vec::new();
    for part in text.as_bytes().chunks(255) {
        rdata.push(part.len() as u8); // at most 255
        rdata.extend_from_slice(part);
    }
    rdata
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads a catalog `catalog.example` of records `OWNER TYPE RDATA`, the owners relative to it.
    fn read(text: &str) -> Result<Catalog, CatalogError> {
        let catalog: ZoneName = "catalog.example".parse().unwrap();
        let mut reader = CatalogReader::new(&catalog);
        let origin = catalog.to_name();
        let text = { text.lines() }
            .map(|line| match line.trim().split_once(' ') {
                Some((owner, rest)) => format!("{owner} 0 IN {rest}\n"),
                None => String::new(),
            })
            .collect::<String>();
        let mut records = zonekit_wire::master::Reader::new(text.as_bytes(), origin.as_name());
        while let Some(record) = records.next_record().unwrap() {
            reader.take(&record);
        }
        reader.finish()
    }

    fn names(catalog: &Catalog) -> Vec<(&str, &str)> {
        { catalog.members.iter() }
            .map(|member| (member.label.as_str(), member.zone.as_str()))
            .collect()
    }

    #[test]
    fn members_and_their_properties_are_read_and_what_is_unknown_is_passed_over() {
        let catalog = read(
            "version TXT 2
             @ NS invalid.
             A1.Zones PTR Example.ORG.
             group.a1.zones TXT signed
             group.a1.zones TXT \"other \" things
             coo.a1.zones PTR elsewhere.example.
             b2.zones PTR example.net.
             primaries.ext.b2.zones A 192.0.2.1
             group.c3.zones TXT alone
             zones PTR zones.example.
             d4.other PTR other.example.
             e5.zones TXT example.com.",
        )
        .unwrap();
        assert_eq!(
            names(&catalog),
            [("a1", "example.org"), ("b2", "example.net")]
        );
        let mut groups = catalog.members[0].groups.clone();
        groups.sort();
        assert_eq!(groups, ["other things", "signed"]);
        let successor = catalog.members[0].change_of_ownership.as_ref();
        assert_eq!(successor.unwrap().as_str(), "elsewhere.example");
        assert_eq!(catalog.members[1].change_of_ownership, None);
    }

    #[test]
    fn a_catalog_that_contradicts_itself_or_is_of_another_version_is_none() {
        let version = CatalogError::Version("catalog.example".parse().unwrap());
        for (text, error) in [
            ("a.zones PTR example.org.", version.clone()),
            ("version TXT 1\na.zones PTR example.org.", version.clone()),
            ("version TXT 2\nversion TXT 1", version.clone()),
            ("version TXT 2 2", version.clone()),
            ("version TXT 02", version),
            (
                "version TXT 2\na.zones PTR example.org.\nA.zones PTR example.net.",
                CatalogError::SeveralZones("a".parse().unwrap()),
            ),
            (
                "version TXT 2\nb.zones PTR example.org.\ncoo.b.zones PTR one.example.\ncoo.B.zones PTR two.example.",
                CatalogError::SeveralSuccessors("b".parse().unwrap()),
            ),
            (
                "version TXT 2\na.zones PTR example.org.\nb.zones PTR EXAMPLE.org.",
                CatalogError::Twice("example.org".parse().unwrap()),
            ),
        ] {
            assert_eq!(read(text), Err(error), "{text}");
        }
    }

    #[test]
    fn labels_of_any_octets_are_kept_apart() {
        let catalog =
            read("version TXT 2\na\\.b.zones PTR one.example.\na\\000.zones PTR two.example.")
                .unwrap();
        assert_eq!(catalog.members.len(), 2);
        for member in &catalog.members {
            let json = serde_json::to_string(&member.label).unwrap();
            assert_eq!(
                serde_json::from_str::<MemberLabel>(&json).unwrap(),
                member.label
            );
        }
    }

    #[test]
    fn what_is_written_reads_back() {
        let catalog: ZoneName = "catalog.example".parse().unwrap();
        let mut reader = CatalogReader::new(&catalog);
        let members: Vec<CatalogMember> = (0..100)
            .map(|number| CatalogMember {
                groups: vec!["x".repeat(number * 10)],
                change_of_ownership: (number % 2 == 0).then(|| "next.example".parse().unwrap()),
                ..CatalogMember::new(
                    format!("m{number:03}").parse().unwrap(),
                    format!("zone-{number}.example").parse().unwrap(),
                )
            })
            .collect();
        for record in members.iter().flat_map(|member| member.records(&catalog)) {
            reader.take(&record.as_record());
        }
        for record in CatalogMember::header(&catalog) {
            reader.take(&record.as_record());
        }
        assert_eq!(reader.finish().unwrap().members, members);
    }
}
