//! The children of a node, where they lie: right behind it.

use zonekit_wire::{MAX_LABEL, Name};

use crate::key::{KeyBuf, common_prefix};
use crate::page::Behind;
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
    /// The walk, which stands behind the last entry that is not behind the child looked for last.
    walk: Behind<'z>,
    /// Octets that the key of that entry has in common with the child's, without those of the node.
    matched: usize,
    /// The child looked for last: what is before it has been passed.
    passed: Child,
}

impl<'z> Below<'z> {
    pub(crate) fn new(zone: &'z Zone, node: &Node<'z>, owner: Name<'z>) -> Self {
        Self {
            zone,
            owner,
            key: zone.key(owner).unwrap_or_default(),
            walk: node.entries_behind(),
            matched: 0,
            passed: Child::default(),
        }
    }

    /// The node of exactly this name, as [`Zone::node`] gives it; any name may be asked for, in any order.
    pub fn node(&mut self, name: Name<'z>) -> Option<Node<'z>> {
        let Some(sought) = self.child(name) else {
            return self.zone.node(name);
        };
        let common = common_prefix(self.passed.as_key(), sought.as_key());
        if sought.as_key().get(common) <= self.passed.as_key().get(common) {
            return self.zone.node(name); // passed already
        }
        self.matched = self.matched.min(common);
        self.passed = sought;
        let page = self.walk.page();
        let own_in_page = self.key.len().checked_sub(page.prefix().len())?;
        loop {
            let mut ahead = self.walk;
            let Some(entry) = ahead.next() else {
                return self.zone.node(name); // in the next page, if anywhere
            };
            let (mut matched, shared, suffix) = match entry.shared {
                // Below the node no longer where this fails.
                Some(shared) => (self.matched, shared.checked_sub(own_in_page)?, entry.suffix),
                None => {
                    let own = self.key.get(page.prefix().len()..)?;
                    (0, 0, entry.suffix.strip_prefix(own)?)
                }
            };
            if shared < matched {
                return None; // it is behind the child
            }
            if shared == matched {
                let rest = self.passed.as_key().get(matched..)?;
                let common = common_prefix(suffix, rest);
                matched += common;
                match (suffix.get(common), rest.get(common)) {
                    (None, None) => {
                        (self.walk, self.matched) = (ahead, matched);
                        return Some(self.zone.node_at(page, entry.spot));
                    }
                    (Some(theirs), Some(ours)) if theirs < ours => {}
                    (None, Some(_)) => {}
                    (Some(_), _) => return None,
                }
            }
            (self.walk, self.matched) = (ahead, matched);
        }
    }

    /// The key of a child, without what it has from the node. Octets that keys escape are left to the search.
    fn child(&self, name: Name<'z>) -> Option<Child> {
        let label = name.labels().next()?;
        let is_child = name.parent()? == self.owner;
        if !is_child || label.iter().any(|octet| *octet <= 1) {
            return None;
        }
        let mut child = Child::default();
        let own = child.octets.get_mut(..label.len())?;
        own.copy_from_slice(label);
        own.make_ascii_lowercase();
        child.len = label.len() + 1; // the zero behind it is there
        Some(child)
    }
}

/// A label as keys have it: in lower case, closed by 0. Empty before there is one.
#[derive(Clone, Copy, Debug)]
struct Child {
    octets: [u8; MAX_LABEL + 1],
    len: usize,
}

impl Default for Child {
    fn default() -> Self {
        Self {
            octets: [0; MAX_LABEL + 1],
            len: 0,
        }
    }
}

impl Child {
    fn as_key(&self) -> &[u8] {
        self.octets.get(..self.len).unwrap_or_default()
    }
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
