//! The children of a node, where they lie: right behind it.

use std::cmp::Ordering;

use zonekit_wire::Name;

use crate::key::KeyBuf;
use crate::page::{Entries, Spot};
use crate::{Node, Zone};

/// Finds children of a node, such as the servers of a delegation that are named below it; made by [`Zone::below`].
///
/// In canonical order they stand behind the node, so names that come in that order, as those of a set do, are found by
/// walking on, without a descent for each.
#[derive(Debug)]
pub struct Below<'z> {
    zone: &'z Zone,
    owner: Name<'z>,
    key: KeyBuf,
    /// The walk, and where it stands; `None` at the end of the page.
    entries: Entries<'z>,
    spot: Option<Spot>,
    /// The label looked for last: what is before it has been passed.
    passed: &'z [u8],
}

impl<'z> Below<'z> {
    pub(crate) fn new(zone: &'z Zone, node: &Node<'z>, owner: Name<'z>) -> Self {
        let mut entries = node.entries_from();
        entries.skip();
        let key = KeyBuf::from_slice(entries.key());
        let spot = entries.skip();
        Self {
            zone,
            owner,
            key,
            entries,
            spot,
            passed: &[],
        }
    }

    /// The node of exactly this name, as [`Zone::node`] gives it; any name may be asked for, in any order.
    pub fn node(&mut self, name: Name<'z>) -> Option<Node<'z>> {
        let Some(label) = self.child(name) else {
            return self.zone.node(name);
        };
        self.passed = label;
        while let Some(spot) = self.spot {
            match order(self.entries.key().strip_prefix(&self.key[..])?, label) {
                Ordering::Less => self.spot = self.entries.skip(),
                Ordering::Equal => return Some(self.zone.node_at(self.entries.page(), spot)),
                Ordering::Greater => return None,
            }
        }
        self.zone.node(name) // in the next page, if anywhere
    }

    /// The label of a child that may be ahead. Octets that keys escape are left to the search.
    fn child(&self, name: Name<'z>) -> Option<&'z [u8]> {
        let label = name.labels().next()?;
        let is_ahead = || lower(self.passed).lt(lower(label));
        let is_child = name.parent()? == self.owner;
        (is_child && !label.iter().any(|octet| *octet <= 1) && is_ahead()).then_some(label)
    }
}

/// How what a key has behind that of the parent compares with the key of a label.
fn order(rest: &[u8], label: &[u8]) -> Ordering {
    if rest.len() == label.len() + 1 && rest[..label.len()].eq_ignore_ascii_case(label) {
        return Ordering::Equal;
    }
    rest.iter().copied().cmp(lower(label).chain([0]))
}

fn lower(label: &[u8]) -> impl Iterator<Item = u8> {
    label.iter().map(u8::to_ascii_lowercase)
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use zonekit_wire::{NameBuf, master::Reader};

    use super::*;
    use crate::{Checks, ZoneBuilder, ZoneLimits};

    const APEX: &str = "example.org";

    /// A zone whose delegation `sub` has so many servers, `n00000` and on, of which every third has no address.
    fn zone(servers: usize) -> Zone {
        let mut text = String::from("@ 300 SOA ns mail 7 3600 600 86400 300\n@ 300 NS ns\n");
        text += "sub 300 NS n00000.sub\na.N00003.sub 300 A 192.0.2.1\nsuc 300 A 192.0.2.1\n";
        for server in (0..servers).filter(|server| server % 3 != 0) {
            writeln!(text, "n{server:05}.sub 300 A 192.0.2.1").unwrap();
        }
        let apex: NameBuf = APEX.parse().unwrap();
        let mut reader = Reader::new(text.as_bytes(), apex.as_name());
        let mut builder = ZoneBuilder::new(apex.as_name(), ZoneLimits::default(), Checks::Strict);
        builder
            .begin(&reader.next_record().unwrap().unwrap())
            .unwrap();
        while let Some(record) = reader.next_record().unwrap() {
            builder.add(&record).unwrap();
        }
        builder.finish().unwrap().0
    }

    fn check<'n>(zone: &Zone, names: impl Iterator<Item = &'n NameBuf>) {
        let owner: NameBuf = "SUB.example.org".parse().unwrap();
        let node = zone.node(owner.as_name()).unwrap();
        let mut below = zone.below(&node, owner.as_name());
        for name in names {
            let found = below.node(name.as_name()).map(|node| node.owner());
            let looked_up = zone.node(name.as_name()).map(|node| node.owner());
            assert_eq!(found, looked_up, "{name}");
        }
    }

    #[test]
    fn children_are_found_as_by_a_lookup_in_any_order() {
        for servers in [0, 1, 10, 2_000] {
            let zone = zone(servers);
            let mut names: Vec<NameBuf> = (0..servers + 3)
                .map(|server| format!("n{server:05}.Sub.{APEX}").parse().unwrap())
                .collect();
            for odd in [
                "sub",
                "suc",
                "a.n00003.sub",
                "\\000.sub",
                "N00001.sub",
                "ns",
                "zz.sub",
            ] {
                names.push(format!("{odd}.{APEX}").parse().unwrap());
            }
            check(&zone, names.iter());
            check(&zone, names.iter().rev());
            check(&zone, names.iter().step_by(7).chain(&names));
            check(&zone, names.iter().flat_map(|name| [name, name]));
        }
    }
}
