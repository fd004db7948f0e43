//! The pages of a zone gathered into blocks.
//!
//! redb gives a value room in powers of two, so a block is just under 16 KiB; most hold four pages. A page that is larger
//! than a block goes on in the next.
//!
//! ```text
//! block    seal (5), content
//! content  length of a page (4), page, …; all contents in a row are one stream
//! ```

use std::sync::Arc;

use super::seal::{self, SEAL};

/// Octets of a block at most: what redb's leaf page of 16 KiB has room for beside its own headers and the key.
const BLOCK: usize = 16_384 - 64;

const LENGTH: usize = 4;

/// Gathers pages and hands out whole blocks with their numbers.
pub(crate) struct BlockWriter<F> {
    id: u64,
    snapshot: u64,
    block: Vec<u8>,
    /// How many have been handed out, and how many octets they had.
    written: u32,
    octets: u64,
    sink: F,
}

/// Takes blocks and gives the pages back.
#[derive(Default)]
pub(crate) struct BlockReader {
    pages: Vec<Arc<[u8]>>,
    /// The beginning of a page that goes on in the next block.
    begun: Vec<u8>,
}

impl<E, F: FnMut(u32, &[u8]) -> Result<(), E>> BlockWriter<F> {
    pub(crate) fn new(id: u64, snapshot: u64, sink: F) -> Self {
        let mut block = Vec::with_capacity(BLOCK);
        seal::begin(&mut block);
        Self {
            id,
            snapshot,
            block,
            written: 0,
            octets: 0,
            sink,
        }
    }

    pub(crate) fn push(&mut self, page: &[u8]) -> Result<(), E> {
        let needed = LENGTH + page.len();
        if self.room() < needed && needed <= BLOCK - SEAL || self.room() < LENGTH {
            self.hand_out()?;
        }
        let length = page.len() as u32; // a page has one entry that is large, and that is below 2³²
        self.block.extend_from_slice(&length.to_be_bytes());
        let mut rest = page;
        loop {
            let (front, behind) = rest.split_at(rest.len().min(self.room()));
            self.block.extend_from_slice(front);
            rest = behind;
            if rest.is_empty() {
                return Ok(());
            }
            self.hand_out()?;
        }
    }

    /// Hands out what is left; says how many blocks there are and how many octets they have.
    pub(crate) fn finish(mut self) -> Result<(u32, u64), E> {
        if self.block.len() > SEAL {
            self.hand_out()?;
        }
        Ok((self.written, self.octets))
    }

    fn room(&self) -> usize {
        BLOCK - self.block.len()
    }

    fn hand_out(&mut self) -> Result<(), E> {
        seal::close(&key(self.id, self.snapshot, self.written), &mut self.block);
        (self.sink)(self.written, &self.block)?;
        self.written += 1;
        self.octets += self.block.len() as u64;
        seal::begin(&mut self.block);
        Ok(())
    }
}

impl BlockReader {
    /// Takes the next block; false when it is damaged.
    pub(crate) fn push(&mut self, id: u64, snapshot: u64, number: u32, block: &[u8]) -> bool {
        let Some(mut rest) = seal::open(&key(id, snapshot, number), block) else {
            return false;
        };
        if !self.begun.is_empty() {
            let missing = page_len(&self.begun).saturating_sub(self.begun.len() - LENGTH);
            let (front, behind) = rest.split_at(missing.min(rest.len()));
            self.begun.extend_from_slice(front);
            if front.len() == missing {
                self.pages
                    .push(Arc::from(self.begun.get(LENGTH..).unwrap_or_default()));
                self.begun.clear();
            }
            rest = behind;
        }
        while !rest.is_empty() {
            let Some((_, behind)) = rest.split_first_chunk::<LENGTH>() else {
                return false;
            };
            let Some((page, behind)) = behind.split_at_checked(page_len(rest)) else {
                self.begun.extend_from_slice(rest);
                return true;
            };
            self.pages.push(Arc::from(page));
            rest = behind;
        }
        true
    }

    /// All pages; `None` when the last one is not whole.
    pub(crate) fn finish(self) -> Option<Vec<Arc<[u8]>>> {
        self.begun.is_empty().then_some(self.pages)
    }
}

fn page_len(octets: &[u8]) -> usize {
    octets
        .first_chunk()
        .map_or(0, |length| u32::from_be_bytes(*length) as usize)
}

fn key(id: u64, snapshot: u64, number: u32) -> [u8; 20] {
    let mut key = [0; 20];
    for (to, from) in key.iter_mut().zip(
        id.to_be_bytes()
            .into_iter()
            .chain(snapshot.to_be_bytes())
            .chain(number.to_be_bytes()),
    ) {
        *to = from;
    }
    key
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Pages of any length come back from blocks that are no larger than they may be.
        #[test]
        fn pages_come_back(lengths in prop::collection::vec(prop_oneof![1..5000usize, 15_000..50_000usize], 0..20)) {
            let pages: Vec<Vec<u8>> = lengths.iter().map(|&length| vec![length as u8; length]).collect();
            let mut blocks = Vec::new();
            let sink = |number: u32, block: &[u8]| {
                assert_eq!(number as usize, blocks.len());
                blocks.push(block.to_vec());
                Ok::<(), ()>(())
            };
            let mut writer = BlockWriter::new(7, 3, sink);
            for page in &pages {
                writer.push(page).unwrap();
            }
            let (count, octets) = writer.finish().unwrap();
            prop_assert_eq!(count as usize, blocks.len());
            prop_assert_eq!(octets as usize, blocks.iter().map(Vec::len).sum::<usize>());
            prop_assert!(blocks.iter().all(|block| block.len() <= BLOCK));

            let mut reader = BlockReader::default();
            for (number, block) in blocks.iter().enumerate() {
                prop_assert!(reader.push(7, 3, number as u32, block));
            }
            let read = reader.finish().unwrap();
            prop_assert_eq!(read.iter().map(|page| page.to_vec()).collect::<Vec<_>>(), pages);

            if let Some(block) = blocks.first_mut() {
                prop_assert!(!BlockReader::default().push(7, 3, 1, block), "in the wrong place");
                let last = block.len() - 1;
                block[last] ^= 1;
                prop_assert!(!BlockReader::default().push(7, 3, 0, block), "changed");
            }
        }
    }
}
