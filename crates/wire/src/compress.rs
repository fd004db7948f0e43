//! Names that a message holds already, so that others can end in a pointer to them.

use crate::Name;
use crate::name::MAX_LABELS;

/// Pointers have 14 bits ([RFC 1035 §4.1.4](https://www.rfc-editor.org/rfc/rfc1035#section-4.1.4)).
const REACH: usize = 1 << 14;

/// Slots at the start of a message: enough for a plain answer, and quick to clear.
const FEWEST_SLOTS: usize = 64;

/// Slots at most. A message has no more names than this within the reach of pointers, or very odd ones.
const MOST_SLOTS: usize = 8192;

/// The slot of a name that was taken back: the search goes on behind it.
const GONE: u32 = 1; // no name is at offset 1

/// Memory of the names in a message being written; made once, used for any number of messages.
///
/// It keeps no names, only where they are: a candidate is compared with the octets of the message itself. Names match
/// with their case, so that what is written reads back exactly.
#[derive(Clone, Debug)]
pub struct Compressor {
    /// Open addressing; 0 is free, else the upper half is from the hash and the lower the offset, or [`GONE`].
    slots: Vec<u32>,
    used: usize,
    /// The owner written last, flat, and where: the next record's is the same more often than not.
    last: Vec<u8>,
    last_offset: u16,
}

impl Default for Compressor {
    fn default() -> Self {
        Self::new()
    }
}

impl Compressor {
    /// One that has no memory yet.
    pub const fn new() -> Self {
        Self {
            slots: Vec::new(),
            used: 0,
            last: Vec::new(),
            last_offset: 0,
        }
    }

    /// Forgets all names, for a new message, which is expected to be about as large as the last one.
    pub(crate) fn clear(&mut self) {
        let sparse = self.used * 8 < self.slots.len();
        let size = if sparse {
            self.slots.len() / 2
        } else {
            self.slots.len()
        };
        self.slots.truncate(size.max(FEWEST_SLOTS));
        self.slots.fill(0);
        if self.slots.is_empty() {
            self.slots.resize(FEWEST_SLOTS, 0);
        }
        self.used = 0;
        self.last.clear();
    }

    /// Says that the message was cut back to `len` octets.
    pub(crate) fn cut(&mut self, len: usize) {
        if usize::from(self.last_offset) >= len {
            self.last.clear();
        }
        for value in &mut self.slots {
            if usize::from(*value as u16) >= len {
                *value = GONE;
            }
        }
    }

    /// Appends an owner, as [`write_name`](Self::write_name), and remembers it for the next record.
    pub(crate) fn write_owner(&mut self, name: Name<'_>, out: &mut Vec<u8>) {
        let octets = name.as_octets();
        if self.last == octets {
            out.extend(pointer(self.last_offset));
            return;
        }
        let at = out.len();
        self.write_name(name, out);
        // The next pointer goes where this one went, if this is nothing else.
        let at = match out.get(at..) {
            Some(&[high @ 0xc0..=0xff, low]) => usize::from(u16::from_be_bytes([high & 0x3f, low])),
            _ => at,
        };
        self.last.clear();
        if at < REACH && octets.len() > 2 {
            self.last.extend_from_slice(octets);
            self.last_offset = at as u16;
        }
    }

    /// Appends `name`: the labels that the message does not hold yet, then a pointer to the rest or the root.
    pub(crate) fn write_name(&mut self, name: Name<'_>, out: &mut Vec<u8>) {
        let octets = name.as_octets();
        let mut starts = [0_u8; MAX_LABELS];
        let mut hashes = [0_u32; MAX_LABELS];
        let mut count = 0;
        let mut at = 0;
        while let (Some(&length @ 1..), Some(start)) = (octets.get(at), starts.get_mut(count)) {
            *start = at as u8;
            at += 1 + usize::from(length);
            count += 1;
        }
        // From the root down, so that each suffix continues the hash of the one before.
        let mut hash = 0;
        let mut end = at;
        for (start, place) in starts.iter().zip(&mut hashes).take(count).rev() {
            let start = usize::from(*start);
            hash = mix(hash, octets.get(start..end).unwrap_or_default());
            *place = fold(hash);
            end = start;
        }
        let base = out.len();
        for (start, hash) in starts.iter().zip(hashes).take(count) {
            let start = usize::from(*start);
            if let Some(offset) = self.find_or_insert(hash, octets, start, out, base) {
                out.extend_from_slice(octets.get(..start).unwrap_or_default());
                out.extend(pointer(offset));
                return;
            }
        }
        out.extend_from_slice(octets);
    }

    /// Where the message holds the suffix of `octets` that begins at `start`. If nowhere, it will where the name at
    /// hand is about to be written, from `base` on.
    fn find_or_insert(
        &mut self,
        hash: u32,
        octets: &[u8],
        start: usize,
        message: &[u8],
        base: usize,
    ) -> Option<u16> {
        let suffix = octets.get(start..)?;
        let mask = self.slots.len().checked_sub(1)?;
        let tag = hash & 0xffff_0000;
        let mut slot = hash as usize & mask;
        loop {
            let value = self.slots.get_mut(slot)?;
            if *value == 0 {
                let offset = base + start;
                if offset < REACH && self.used < MOST_SLOTS / 2 {
                    *value = tag | offset as u32;
                    self.used += 1;
                    if self.used * 2 > self.slots.len() {
                        self.grow();
                    }
                }
                return None;
            }
            let offset = *value as u16;
            if *value & 0xffff_0000 == tag && *value != GONE && holds(message, offset, suffix) {
                return Some(offset);
            }
            slot = (slot + 1) & mask;
        }
    }

    /// Doubles the table. The place of an entry comes from the hash's low bits, which a slot does not keep, so they
    /// are kept equal to the high ones by [`fold`].
    fn grow(&mut self) {
        let old = std::mem::take(&mut self.slots);
        self.slots = vec![0; old.len() * 2];
        let mask = self.slots.len() - 1;
        for value in old.into_iter().filter(|&value| value > GONE) {
            let mut slot = (value >> 16) as usize & mask;
            while let Some(place) = self.slots.get_mut(slot) {
                if *place == 0 {
                    *place = value;
                    break;
                }
                slot = (slot + 1) & mask;
            }
        }
    }
}

/// Whether the name at `offset` is `suffix`, octet for octet.
fn holds(message: &[u8], offset: u16, suffix: &[u8]) -> bool {
    let mut at = usize::from(offset);
    let mut piece = at;
    let mut rest = suffix;
    loop {
        match message.get(at..) {
            Some([high @ 0xc0..=0xff, low, ..]) => {
                let target = usize::from(u16::from_be_bytes([high & 0x3f, *low]));
                if target >= piece {
                    return false; // not a name that we wrote
                }
                (at, piece) = (target, target);
            }
            Some([0, ..]) => return rest == [0],
            Some([length @ 1..=63, ..]) => {
                let octets = 1 + usize::from(*length);
                let (Some(label), Some((wanted, behind))) =
                    (message.get(at..at + octets), rest.split_at_checked(octets))
                else {
                    return false;
                };
                if label != wanted {
                    return false;
                }
                at += octets;
                rest = behind;
            }
            _ => return false,
        }
    }
}

fn pointer(offset: u16) -> [u8; 2] {
    (0xc000 | offset).to_be_bytes()
}

/// Takes a label, its length included, into the hash of what is to its right.
fn mix(hash: u64, label: &[u8]) -> u64 {
    const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
    let (chunks, rest) = label.as_chunks::<8>();
    let hash = chunks.iter().fold(hash, |hash, chunk| {
        let hash = (hash ^ u64::from_le_bytes(*chunk)).wrapping_mul(ODD);
        hash ^ hash >> 32
    });
    let tail = rest
        .iter()
        .fold(0, |word, &octet| word << 8 | u64::from(octet));
    let hash = (hash ^ tail).wrapping_mul(ODD);
    hash ^ hash >> 29
}

/// Sixteen bits of a hash, twice: as the tag that a slot keeps and as the place to look first.
fn fold(hash: u64) -> u32 {
    let half = (hash.wrapping_mul(0xff51_afd7_ed55_8ccd) >> 48) as u32;
    half << 16 | half
}
