//! The pages of a zone gathered into blocks.
//!
//! redb gives a value room in powers of two, so a block is just under 16 KiB; most hold four pages that stand in a row. A
//! page that is larger than a block has one of its own, in several parts. A block goes by its place, which is the key of its
//! first page: so one can be written anew, split or taken out without a look at the others.
//!
//! ```text
//! place    which tree (1), key of the first page
//! part     seal (5), content
//! content  length of a page (4), page, …; the contents of all parts are one stream
//! ```

use std::sync::Arc;

use super::seal::{self, SEAL};
use crate::Zone;
use crate::page::Page;
use crate::tree::Tree;

/// Octets of a part at most: what redb's leaf page of 16 KiB has room for beside its own headers and a key of usual length.
pub(crate) const PART: usize = 16_384 - 128;

/// Octets of pages in a block of several.
pub(crate) const ROOM: usize = PART - SEAL;

const LENGTH: usize = 4;

/// Where a block, or a page, belongs.
pub(crate) type Place = Vec<u8>;

/// Zone, snapshot, place, part.
pub(crate) type BlockKey<'k> = (u64, u64, &'k [u8], u32);

/// The trees of a zone, with the first octet of the places in each.
pub(crate) fn trees(zone: &Zone) -> [(u8, &Tree); 2] {
    [(0, zone.names()), (1, zone.hashes())]
}

/// Where a page belongs.
pub(crate) fn place_of(tree: u8, page: &[u8]) -> Place {
    let key = Page::new(page).first_key();
    let mut place = Vec::with_capacity(1 + key.len());
    place.push(tree);
    place.extend_from_slice(&key);
    place
}

/// How many octets a page takes in a block.
pub(crate) fn octets_in_block(page: &[u8]) -> usize {
    LENGTH + page.len()
}

/// Cuts pages that stand in a row into blocks of about the same size.
pub(crate) fn cut<'p, 'z>(pages: &'p [&'z Arc<[u8]>]) -> impl Iterator<Item = &'p [&'z Arc<[u8]>]> {
    let octets: usize = pages.iter().map(|page| octets_in_block(page)).sum();
    let enough = octets.div_ceil(octets.div_ceil(ROOM).max(1));
    let mut rest = pages;
    std::iter::from_fn(move || {
        let (mut count, mut octets) = (0, 0);
        for page in rest {
            let more = octets_in_block(page);
            if count > 0 && (octets >= enough || octets + more > ROOM) {
                break;
            }
            octets += more;
            count += 1;
        }
        let (block, behind) = rest.split_at(count);
        rest = behind;
        (count > 0).then_some(block)
    })
}

/// The values of a block, one for each part.
pub(crate) fn parts(id: u64, snapshot: u64, place: &[u8], pages: &[&Arc<[u8]>]) -> Vec<Vec<u8>> {
    let mut parts = Vec::new();
    let octets: usize = pages.iter().map(|page| octets_in_block(page)).sum();
    let mut part = Vec::with_capacity((SEAL + octets).min(PART));
    seal::begin(&mut part);
    for page in pages {
        let length = page.len() as u32; // a page has one entry that is large, and that is below 2³²
        for mut rest in [&length.to_be_bytes()[..], page] {
            loop {
                let (front, behind) = rest.split_at(rest.len().min(PART - part.len()));
                part.extend_from_slice(front);
                rest = behind;
                if rest.is_empty() {
                    break;
                }
                parts.push(std::mem::replace(&mut part, Vec::with_capacity(PART)));
                seal::begin(&mut part);
            }
        }
    }
    parts.push(part);
    for (number, part) in (0..).zip(&mut parts) {
        seal::close(&sealed_key((id, snapshot, place, number)), part);
    }
    parts
}

/// Takes parts in the order of their keys and gives the pages back.
#[derive(Default)]
pub(crate) struct BlockReader {
    pages: Vec<Arc<[u8]>>,
    /// The beginning of a page that goes on in the next part, and that part's key.
    begun: Vec<u8>,
    awaited: Option<(Place, u32)>,
}

impl BlockReader {
    /// Takes the next part; false when it is damaged, or not the one that is due.
    pub(crate) fn push(&mut self, key: BlockKey<'_>, part: &[u8]) -> bool {
        let (.., place, number) = key;
        let is_due = match self.awaited.take() {
            Some((awaited, next)) => awaited == place && next == number,
            None => number == 0,
        };
        let Some(mut rest) = seal::open(&sealed_key(key), part).filter(|_| is_due) else {
            return false;
        };
        if !self.begun.is_empty() {
            self.begun.extend_from_slice(rest);
            rest = match page_in(&self.begun) {
                Some((page, [])) => {
                    self.pages.push(Arc::from(page));
                    &[]
                }
                Some(_) => return false, // a page in several parts has its block for itself
                None => {
                    self.awaited = Some((place.to_vec(), number + 1));
                    return true;
                }
            };
            self.begun = Vec::new();
        }
        while !rest.is_empty() {
            let Some((page, behind)) = page_in(rest) else {
                self.begun.extend_from_slice(rest);
                self.awaited = Some((place.to_vec(), number + 1));
                return true;
            };
            self.pages.push(Arc::from(page));
            rest = behind;
        }
        true
    }

    /// All pages; `None` when the last one is not whole.
    pub(crate) fn finish(self) -> Option<Vec<Arc<[u8]>>> {
        self.awaited.is_none().then_some(self.pages)
    }
}

/// The first page of a stream, and what stands behind it; `None` when it is not whole.
fn page_in(octets: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = octets.split_first_chunk::<LENGTH>()?;
    rest.split_at_checked(u32::from_be_bytes(*length) as usize)
}

/// What the seal of a part covers beside it.
fn sealed_key((id, snapshot, place, part): BlockKey<'_>) -> Vec<u8> {
    [
        &id.to_be_bytes()[..],
        &snapshot.to_be_bytes(),
        &part.to_be_bytes(),
        place,
    ]
    .concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Pages of any length come back from blocks that are no larger than they may be.
        #[test]
        fn pages_come_back(lengths in prop::collection::vec(prop_oneof![1..5000usize, 15_000..50_000usize], 0..20)) {
            let pages: Vec<Arc<[u8]>> = lengths.iter().map(|&length| vec![length as u8; length].into()).collect();
            let row: Vec<&Arc<[u8]>> = pages.iter().collect();
            let mut values = Vec::new();
            for (number, block) in cut(&row).enumerate() {
                let octets: usize = block.iter().map(|page| octets_in_block(page)).sum();
                prop_assert!(octets <= ROOM || block.len() == 1);
                let place = vec![0, number as u8];
                for (part, value) in parts(7, 3, &place, block).into_iter().enumerate() {
                    prop_assert!(value.len() <= PART);
                    values.push((place.clone(), part as u32, value));
                }
            }
            let read = |values: &[(Place, u32, Vec<u8>)], snapshot| {
                let mut reader = BlockReader::default();
                let all = values.iter().all(|(place, part, value)| reader.push((7, snapshot, place, *part), value));
                reader.finish().filter(|_| all)
            };
            prop_assert_eq!(read(&values, 3), Some(pages.clone()));
            if let Some((_, _, value)) = values.last().cloned() {
                prop_assert_eq!(read(&values, 4), None, "of another snapshot");
                for (at, octet) in [(0, 1), (SEAL - 1, 1), (value.len() - 1, 0x80)] {
                    let mut changed = values.clone();
                    changed.last_mut().unwrap().2[at] ^= octet;
                    prop_assert_eq!(read(&changed, 3), None, "changed at {}", at);
                }
                if values.last().unwrap().1 > 0 {
                    values.pop();
                    prop_assert_eq!(read(&values, 3), None, "the last part is missing");
                }
            }
        }
    }
}
