//! Entries that wait aside until all others have come.

use crate::rrset::Body;

/// Entries that came out of order, packed.
#[derive(Debug, Default)]
pub(super) struct Strays {
    chunks: Vec<Vec<u8>>,
    index: Vec<Stray>,
}

/// Where a stray is, and the front of its key, which settles most comparisons.
#[derive(Clone, Copy, Debug)]
struct Stray {
    head: u64,
    chunk: u32,
    start: u32,
}

impl Strays {
    const CHUNK: usize = 1 << 20;

    pub(super) fn push(&mut self, key: &[u8], body: &[u8]) {
        let size = 2 + key.len() + 8 + body.len();
        let room = self
            .chunks
            .last()
            .is_some_and(|chunk| chunk.len() + size <= Self::CHUNK);
        if !room {
            self.chunks
                .push(Vec::with_capacity(size.max(if self.chunks.is_empty() {
                    4096
                } else {
                    Self::CHUNK
                })));
        }
        let number = self.chunks.len().saturating_sub(1);
        let Some(chunk) = self.chunks.last_mut() else {
            return;
        };
        let mut head = [0; 8];
        let front = key.len().min(8);
        head[..front].copy_from_slice(&key[..front]);
        let start = chunk.len() as u32; // below CHUNK
        self.index.push(Stray {
            head: u64::from_be_bytes(head),
            chunk: number as u32,
            start,
        });
        chunk.extend((key.len() as u16).to_be_bytes());
        chunk.extend_from_slice(key);
        chunk.extend((body.len() as u64).to_be_bytes());
        chunk.extend_from_slice(body);
    }

    /// Whether everything came in order.
    pub(super) fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// Brings the entries into key order; those of one key stay as they came.
    pub(super) fn sort(&mut self) {
        let Self { chunks, index } = self;
        index.sort_by(|a, b| {
            a.head
                .cmp(&b.head)
                .then_with(|| read_stray(chunks, *a).0.cmp(read_stray(chunks, *b).0))
        });
    }

    pub(super) fn entries(&self) -> StrayEntries<'_> {
        StrayEntries {
            chunks: &self.chunks,
            index: self.index.iter(),
        }
    }
}

pub(super) struct StrayEntries<'s> {
    chunks: &'s [Vec<u8>],
    index: std::slice::Iter<'s, Stray>,
}

impl<'s> Iterator for StrayEntries<'s> {
    type Item = (&'s [u8], Body<'s>);

    fn next(&mut self) -> Option<Self::Item> {
        self.index
            .next()
            .map(|stray| read_stray(self.chunks, *stray))
    }
}

fn read_stray(chunks: &[Vec<u8>], stray: Stray) -> (&[u8], Body<'_>) {
    let octets = &chunks[stray.chunk as usize][stray.start as usize..];
    let (length, rest) = octets.split_first_chunk().unwrap_or((&[0; 2], &[]));
    let (key, rest) = rest.split_at(usize::from(u16::from_be_bytes(*length)));
    let (length, rest) = rest.split_first_chunk().unwrap_or((&[0; 8], &[]));
    (key, Body(&rest[..u64::from_be_bytes(*length) as usize]))
}
