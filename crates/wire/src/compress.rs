//! Names that a message holds already, so that others can end in a pointer to them.

use crate::Name;
use crate::flat::REACH;
use crate::name::MAX_LABELS;

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
///
/// ```
/// use zonekit_wire::{Class, Compressor, MessageWriter, NameBuf, Rtype};
///
/// let name: NameBuf = "example.org".parse()?;
/// let (mut octets, mut compressor) = (Vec::new(), Compressor::new());
/// for _ in 0..2 {
///     octets.clear();
///     let mut writer = MessageWriter::new(&mut octets, 512, &mut compressor);
///     writer.question(name.as_name(), Rtype::SOA, Class::IN)?;
///     assert_eq!(writer.finish(), 12 + 13 + 4);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Compressor {
    /// Open addressing; 0 is free, else the upper half is from the hash and the lower the offset, or [`GONE`].
    slots: Vec<u32>,
    used: usize,
    /// The owner written last, flat, and where: the next record's is the same more often than not.
    last: Vec<u8>,
    last_offset: u16,
    /// Of the name at hand.
    suffixes: [Suffix; MAX_LABELS],
}

/// Where a suffix of a name begins, and half of its hash's octets: the tag of its slot, and where to look first.
#[derive(Clone, Copy, Debug)]
struct Suffix {
    start: u8,
    half: u16,
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
            suffixes: [Suffix { start: 0, half: 0 }; MAX_LABELS],
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
        let count = self.hash_suffixes(octets);
        let base = out.len();
        for index in 0..count {
            let Some(&Suffix { start, half }) = self.suffixes.get(index) else {
                break;
            };
            let start = usize::from(start);
            if let Some(offset) = self.find_or_insert(half, octets, start, out, base) {
                out.extend_from_slice(octets.get(..start).unwrap_or_default());
                out.extend_from_slice(&pointer(offset));
                return;
            }
        }
        out.extend_from_slice(octets);
    }

    /// Notes every suffix of a flat name but the root, longest first, and says how many there are.
    fn hash_suffixes(&mut self, octets: &[u8]) -> usize {
        let mut count = 0;
        let mut at = 0;
        while let (Some(&length @ 1..), Some(suffix)) =
            (octets.get(at), self.suffixes.get_mut(count))
        {
            suffix.start = at as u8; // a name is at most 255 octets
            at += 1 + usize::from(length);
            count += 1;
        }
        // From the root down, so that each suffix continues the hash of the one before.
        let mut hash = 0;
        let mut end = at;
        for suffix in self.suffixes.iter_mut().take(count).rev() {
            let start = usize::from(suffix.start);
            hash = mix(hash, octets, start, end);
            suffix.half = (hash >> 48) as u16;
            end = start;
        }
        count
    }

    /// Where the message holds the suffix of `octets` that begins at `start`. If nowhere, it will where the name at
    /// hand is about to be written, from `base` on.
    fn find_or_insert(
        &mut self,
        half: u16,
        octets: &[u8],
        start: usize,
        message: &[u8],
        base: usize,
    ) -> Option<u16> {
        let suffix = octets.get(start..)?;
        let tag = u32::from(half) << 16;
        for slot in places(half, self.slots.len()) {
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
        }
        None
    }

    /// Doubles the table. A slot keeps all of the hash that its place comes from.
    fn grow(&mut self) {
        let size = self.slots.len() * 2;
        let old = std::mem::replace(&mut self.slots, vec![0; size]);
        for value in old.into_iter().filter(|&value| value > GONE) {
            let free =
                places((value >> 16) as u16, size).find(|&slot| self.slots.get(slot) == Some(&0));
            if let Some(slot) = free.and_then(|slot| self.slots.get_mut(slot)) {
                *slot = value;
            }
        }
    }
}

/// The slots where a name may be, in a table whose size is a power of two.
///
/// They are few, so that names made to collide cost their own compression and no time.
fn places(half: u16, size: usize) -> impl Iterator<Item = usize> {
    (usize::from(half)..)
        .take(16)
        .map(move |slot| slot & size.wrapping_sub(1))
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

/// Takes the label from `start` to `end`, its length included, into the hash of what is to its right.
#[inline]
fn mix(hash: u64, octets: &[u8], start: usize, end: usize) -> u64 {
    const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
    let step = |hash: u64, word: u64| {
        let product = (hash ^ word).wrapping_mul(ODD);
        product ^ product >> 32
    };
    let word = |at: usize| {
        octets
            .get(at..)
            .and_then(|rest| rest.first_chunk())
            .map(|word| u64::from_le_bytes(*word))
    };
    let mut hash = hash;
    let mut at = start;
    while at + 8 < end
        && let Some(word) = word(at)
    {
        hash = step(hash, word);
        at += 8;
    }
    // One to eight octets are left: most names have eight up to there.
    let tail = match end.checked_sub(8).and_then(word) {
        Some(word) => word >> (8 * (8 + at - end)),
        None => octets
            .get(at..end)
            .unwrap_or_default()
            .iter()
            .rev()
            .fold(0, |word, &octet| word << 8 | u64::from(octet)),
    };
    step(step(hash, tail), (end - start) as u64)
}
