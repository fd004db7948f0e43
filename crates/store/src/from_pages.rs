//! Making a version of its pages.

use std::sync::Arc;

use zonekit_wire::Name;

use crate::Zone;
use crate::key::KeyBuf;
use crate::page::{Flags, Page};
use crate::tree::Tree;

impl Zone {
    /// Makes a version of the pages of one, which are proven to be whole but not read record by record.
    pub fn from_pages(
        apex: Name<'_>,
        pages: impl IntoIterator<Item = Arc<[u8]>>,
    ) -> Result<Self, Corrupt> {
        let mut last = (false, KeyBuf::new()); // in which tree, and its last key
        let mut is_first = [true; 2];
        Self::gather(apex, pages, |page, octets| {
            if !Page::check(octets, apex.as_octets().len()) {
                return Err(Corrupt::Page { page });
            }
            let side = is_of_hashes(octets);
            let is_first = std::mem::take(&mut is_first[usize::from(side)]);
            let (before, key) = &mut last;
            if !side && *before || !is_first && *key >= Page::new(octets).first_key() {
                return Err(Corrupt::Order { page });
            }
            Page::new(octets).write_last_key(key);
            *before = side;
            Ok(())
        })
    }

    /// The same of pages whose seals are unbroken, which are taken at their word: we wrote them, whole and in this order. Even
    /// if they were not so, what is made of them panics nowhere, and only finds other records or none.
    pub(crate) fn from_sealed_pages(
        apex: Name<'_>,
        pages: impl IntoIterator<Item = Arc<[u8]>>,
    ) -> Result<Self, Corrupt> {
        Self::gather(apex, pages, |page, octets| {
            let is_ours = Page::new(octets).is_of_this_version();
            is_ours.then_some(()).ok_or(Corrupt::Page { page })
        })
    }

    fn gather(
        apex: Name<'_>,
        pages: impl IntoIterator<Item = Arc<[u8]>>,
        mut look: impl FnMut(usize, &[u8]) -> Result<(), Corrupt>,
    ) -> Result<Self, Corrupt> {
        let (mut names, mut hashes) = (Vec::new(), Vec::new());
        for (page, octets) in pages.into_iter().enumerate() {
            look(page, &octets)?;
            if is_of_hashes(&octets) {
                hashes.push(octets);
            } else {
                names.push(octets);
            }
        }
        Self::new(apex, Tree::from_pages(names), Tree::from_pages(hashes)).ok_or(Corrupt::NoSoa)
    }
}

/// Whether a page is one of the tree of NSEC3 owners.
fn is_of_hashes(octets: &[u8]) -> bool {
    Page::new(octets).totals().flags.has(Flags::NSEC3)
}

/// Why pages are not those of a version.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Corrupt {
    /// A page whose parts do not fit together.
    #[error("page {page} is damaged")]
    Page {
        /// Its number, from 0.
        page: usize,
    },
    /// A page that belongs before those that came before it.
    #[error("page {page} is out of order")]
    Order {
        /// Its number, from 0.
        page: usize,
    },
    /// No page has the SOA record of the apex.
    #[error("no SOA at the apex")]
    NoSoa,
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use proptest::prelude::*;
    use zonekit_wire::{Class, NameBuf, Record, Rtype, master::Reader};

    use super::*;
    use crate::page::HEADER;
    use crate::{Checks, Diff, ZoneBuilder, ZoneLimits, ZonePatch};

    fn zone() -> Zone {
        let mut text = String::from("@ 300 SOA ns mail 7 3600 600 86400 300\n@ 300 NS ns\n");
        text += "@ 0 NSEC3PARAM 1 0 0 -\n* 300 MX 10 mail\nd 300 DNAME elsewhere.\n";
        for host in 0..120 {
            writeln!(text, "h{host} 300 A 192.0.2.1\nh{host} 300 NS a.h{host}").unwrap();
            writeln!(text, "A.h{host} 300 TXT \"{}\"", "x".repeat(host)).unwrap();
        }
        for hash in 0..40 {
            let owner = format!("{hash:032}");
            writeln!(text, "{owner} 300 NSEC3 1 0 0 - {owner} A").unwrap();
        }
        let apex: NameBuf = "example.org".parse().unwrap();
        let mut reader = Reader::new(text.as_bytes(), apex.as_name());
        let mut builder = ZoneBuilder::new(apex.as_name(), ZoneLimits::NONE, Checks::Lenient);
        builder
            .begin(&reader.next_record().unwrap().unwrap())
            .unwrap();
        while let Some(record) = reader.next_record().unwrap() {
            builder.add(&record).unwrap();
        }
        builder.finish().unwrap().0
    }

    /// Does with a version whatever is done with one; returns how many records were seen.
    fn use_up(zone: &Zone, other: &Zone) -> usize {
        let (mut seen, mut records) = (0, zone.iter());
        while let Some(record) = records.next() {
            seen += record.to_string().len().min(1);
        }
        for text in [
            "", "h7.", "a.h7.", "b.A.h99.", "nothing.", "x.d.", "zz.h119.",
        ] {
            let name: NameBuf = format!("{text}example.org").parse().unwrap();
            let finding = zone.find(name.as_name());
            if let Some(node) = finding.cut.or(zone.predecessor(name.as_name())) {
                let owner = node.owner();
                let mut below = zone.below(&node, owner.as_name());
                seen += usize::from(below.node(name.as_name()).is_some());
                seen += node.rrsets().map(|set| set.rdatas().count()).sum::<usize>();
            }
            zone.nsec_covering(name.as_name());
            zone.iter_from(name.as_name()).next();
        }
        if let Some(parameters) = zone.nsec3_parameters() {
            for octet in [0, 0x18, 0xFF] {
                let found = zone.nsec3_covering(&parameters, &[octet; 20]);
                seen += found.map_or(0, |found| found.owner().to_string().len());
            }
        }
        zone.iter_at(zone.record_count() / 2).next();
        let (diff, _) = (Diff::between(zone, other), Diff::between(other, zone));
        let _ = diff.apply(zone);
        let mut patch = ZonePatch::new(zone, ZoneLimits::NONE, Checks::Lenient);
        let mut soa = Vec::new();
        zone.soa().as_soa().write(&mut soa);
        patch.step(&record(zone.apex(), Rtype::SOA, &soa)).unwrap();
        patch.reach(&record(zone.apex(), Rtype::SOA, &soa)).unwrap();
        for host in 0..120 {
            let owner: NameBuf = format!("h{host}.example.org").parse().unwrap();
            let added = record(owner.as_name(), Rtype::AAAA, &[1; 16]);
            patch.add(&added).unwrap();
        }
        let _ = patch.finish();
        seen
    }

    fn record<'r>(owner: Name<'r>, rtype: Rtype, rdata: &'r [u8]) -> Record<'r> {
        Record {
            owner,
            rtype,
            class: Class::IN,
            ttl: 5,
            rdata,
        }
    }

    fn flip(zone: &Zone, flips: &[(usize, usize, u8)]) -> Vec<Arc<[u8]>> {
        let mut pages: Vec<Vec<u8>> = zone.pages().map(|page| page.to_vec()).collect();
        for (page, at, octet) in flips {
            let page = page % pages.len();
            let at = at % pages[page].len();
            pages[page][at] ^= octet;
        }
        pages.into_iter().map(Arc::from).collect()
    }

    /// Every octet of a page's header, alone and in all pages at once, so that what they say of themselves adds up to the most.
    #[test]
    fn no_header_makes_a_lookup_panic() {
        let zone = zone();
        let pages = zone.pages().count();
        for at in 0..HEADER {
            for octet in [0x01, 0x7F, 0x80, 0xFF] {
                for first in 0..=pages {
                    let flipped = if first == pages {
                        0..pages
                    } else {
                        first..first + 1
                    };
                    let flips: Vec<_> = flipped.map(|page| (page, at, octet)).collect();
                    if let Ok(flipped) = Zone::from_sealed_pages(zone.apex(), flip(&zone, &flips)) {
                        use_up(&flipped, &zone);
                    }
                }
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        /// Whatever lies behind an unbroken seal, it can be looked at.
        #[test]
        fn no_page_makes_a_lookup_panic(flips in prop::collection::vec(
            (0..1000_usize, prop_oneof![0..HEADER, 0..200_usize, 0..5000_usize], 1_u8..), 1..12)
        ) {
            let zone = zone();
            let apex = zone.apex();
            if let Ok(flipped) = Zone::from_sealed_pages(apex, flip(&zone, &flips)) {
                use_up(&flipped, &zone);
            }
        }
    }

    #[test]
    fn a_seal_is_believed_and_a_page_without_one_is_proven() {
        let zone = zone();
        let again = Zone::from_sealed_pages(zone.apex(), zone.pages().cloned()).unwrap();
        assert_eq!(use_up(&again, &zone), use_up(&zone, &zone));

        let last = zone.pages().count() - 1;
        for (at, is_known) in [(0, false), (3, true), (7, true)] {
            let pages = flip(&zone, &[(last, at, 1)]);
            let sealed = Zone::from_sealed_pages(zone.apex(), pages.iter().cloned());
            assert_eq!(sealed.is_ok(), is_known, "octet {at}");
            let proven = Zone::from_pages(zone.apex(), pages);
            assert_eq!(proven.unwrap_err(), Corrupt::Page { page: last });
        }
    }
}
