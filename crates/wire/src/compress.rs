//! Names that a message holds already, so that others can end in a pointer to them.

use crate::Name;
use crate::flat::REACH;
use crate::message::HEADER;
use crate::name::{MAX_LABELS, MAX_NAME};

/// Slots at the start of a message: enough for a plain answer, and quick to clear.
const FEWEST_SLOTS: usize = 64;

/// Slots at most. A message has no more names than this within the reach of pointers, or very odd ones.
const MOST_SLOTS: usize = 8192;

/// The slot of a name that was taken back: the search goes on behind it.
const GONE: u32 = 1; // no name is at offset 1

/// Memory of the names in a message being written; made once, used for any number of messages.
///
/// It keeps no names, only where they are: each label is found by what it holds and where its parent is, from the root
/// down, and compared with the octets of the message itself. Names match with their case, so that what is written reads
/// back exactly.
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
    /// Where the message was cut back to, while names behind that are still in the slots.
    cut: Option<usize>,
    /// How long the name right behind the header is: the question's, which most owners of an answer are or end. 0 if
    /// there is none. It is not in the slots: what ends as it does is found there.
    asked: usize,
    /// The pointer to the owner written last: the next record's is the same more often than not. 0 if none leads there.
    last_pointer: [u8; 2],
    /// That owner, flat, unless the question ends in it; then this is empty.
    last: Vec<u8>,
    /// What the owner and the name in RDATA that were written last are children of: the next is a sibling more often
    /// than not.
    owners: Parent,
    targets: Parent,
    /// Where each label of the name at hand begins, and the root.
    starts: [u8; MAX_LABELS + 1],
}

/// A name that others are children of.
#[derive(Clone, Debug)]
struct Parent {
    /// Flat; empty if there is none.
    octets: Vec<u8>,
    offset: u16,
}

impl Parent {
    const NONE: Self = Self {
        octets: Vec::new(),
        offset: 0,
    };

    /// What `name` has in front of this, if that is one label and the whole is a name.
    #[inline]
    fn label<'n>(&self, name: &'n [u8]) -> Option<&'n [u8]> {
        let &length @ 1..=63 = name.first()? else {
            return None;
        };
        let (label, parent) = name.split_at_checked(1 + usize::from(length))?;
        let is_parent = !parent.is_empty() && is_same(parent, &self.octets);
        (is_parent && name.len() <= MAX_NAME).then_some(label)
    }
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
            cut: None,
            asked: 0,
            last_pointer: [0; 2],
            last: Vec::new(),
            owners: Parent::NONE,
            targets: Parent::NONE,
            starts: [0; MAX_LABELS + 1],
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
        self.cut = None;
        self.asked = 0;
        self.last_pointer = [0; 2];
        self.last.clear();
        self.owners.octets.clear();
        self.targets.octets.clear();
    }

    /// Says that the message was cut back to `len` octets.
    pub(crate) fn cut(&mut self, len: usize) {
        if usize::from(target(self.last_pointer)) >= len {
            self.last_pointer = [0; 2];
            self.last.clear();
        }
        if HEADER + self.asked > len {
            self.asked = 0;
        }
        for parent in [&mut self.owners, &mut self.targets] {
            if usize::from(parent.offset) >= len {
                parent.octets.clear();
            }
        }
        self.cut = Some(self.cut.map_or(len, |cut| cut.min(len))); // most often, nothing more is written
    }

    /// Appends an owner, as [`write_name`](Self::write_name), and remembers it for the next record.
    #[inline]
    pub(crate) fn write_owner(&mut self, name: Name<'_>, out: &mut Vec<u8>) {
        let octets = name.as_octets();
        if is_same(octets, &self.last) {
            out.extend_from_slice(&self.last_pointer);
            return;
        }
        self.last.clear();
        let at = out.len();
        if at == HEADER {
            out.extend_from_slice(octets);
            self.asked = octets.len();
            self.last_pointer = [0; 2];
            return;
        }
        if let Some(offset) = self.within_question(octets, out) {
            self.last_pointer = pointer(offset);
            out.extend_from_slice(&self.last_pointer);
            return;
        }
        // Glue is at the servers' names, which were targets just now.
        let sibling = |parent: &Parent| Some((parent.label(octets)?, parent.offset));
        let known = match sibling(&self.owners).or_else(|| sibling(&self.targets)) {
            Some((label, parent)) => self.write_sibling(label, parent, octets, out),
            None => self.write_labels(octets, false, out).ok().flatten(),
        };
        // The next pointer goes where this one went, if this is nothing else.
        let at = known.map_or(at, usize::from);
        self.last_pointer = [0; 2];
        if at < REACH && octets.len() > 2 {
            self.last.extend_from_slice(octets);
            self.last_pointer = pointer(at as u16);
        }
    }

    /// The pointer to the owner written last, if one leads there.
    pub(crate) fn last_owner(&self) -> Option<[u8; 2]> {
        (self.last_pointer != [0; 2]).then_some(self.last_pointer)
    }

    /// Where the name in the question ends in this one, which is not the root.
    #[inline]
    fn within_question(&self, octets: &[u8], message: &[u8]) -> Option<u16> {
        let question = message.get(HEADER..HEADER + self.asked)?;
        let start = question.len().checked_sub(octets.len())?;
        if octets.len() <= 2 || !is_same(question.get(start..)?, octets) {
            return None;
        }
        let mut label = 0;
        while label < start {
            label += 1 + usize::from(*question.get(label)?);
        }
        (label == start).then_some((HEADER + start) as u16) // a name has at most 255 octets
    }

    /// Appends `name`, which stands in RDATA: the labels that the message does not hold yet, then a pointer to the rest or
    /// the root.
    pub(crate) fn write_name(&mut self, name: Name<'_>, out: &mut Vec<u8>) {
        self.write_target(name.as_octets(), out);
    }

    /// The same for octets that may be no name, if they are one.
    #[inline]
    pub(crate) fn write_target(&mut self, octets: &[u8], out: &mut Vec<u8>) -> bool {
        if let Some(label) = self.targets.label(octets) {
            self.write_sibling(label, self.targets.offset, octets, out);
            return true;
        }
        self.write_labels(octets, true, out).is_ok()
    }

    /// Appends a name whose parent is at hand. Returns where it was already, all of it.
    #[inline]
    fn write_sibling(
        &mut self,
        label: &[u8],
        parent: u16,
        octets: &[u8],
        out: &mut Vec<u8>,
    ) -> Option<u16> {
        self.forget_what_was_cut();
        let hash = mix(parent, octets, 0, label.len());
        let is_sought = |offset| is_child(out, offset, label, parent);
        let known = self.find_or_insert(hash, out.len(), is_sought);
        if known.is_none() {
            out.extend_from_slice(label);
        }
        out.extend_from_slice(&pointer(known.unwrap_or(parent)));
        known
    }

    /// Appends a name of which nothing is known, and returns where it was already, all of it; or nothing, where octets are
    /// no name.
    fn write_labels(
        &mut self,
        octets: &[u8],
        is_target: bool,
        out: &mut Vec<u8>,
    ) -> Result<Option<u16>, NoName> {
        let count = self.find_labels(octets)?;
        self.forget_what_was_cut();
        let start_of = |starts: &[u8], index| starts.get(index).copied().map_or(0, usize::from);
        let base = out.len();
        let (unknown, mut at) = self.end_of_question(octets, count, out);
        let mut second = at;
        if unknown == 0 {
            second += start_of(&self.starts, 1) as u16; // a name has at most 255 octets
        }
        let (mut own, mut found) = (octets.len(), None);
        if unknown < count {
            (own, found) = (start_of(&self.starts, unknown), Some(at));
        }
        let mut is_known = true;
        let mut end = start_of(&self.starts, unknown);
        for index in (0..unknown).rev() {
            let start = start_of(&self.starts, index);
            let label = octets.get(start..end).unwrap_or_default();
            let hash = mix(at, octets, start, end);
            // Behind a label that is not there yet none of its children can be.
            let is_sought = |offset| is_known && is_child(out, offset, label, at);
            match self.find_or_insert(hash, base + start, is_sought) {
                Some(offset) => {
                    at = offset;
                    (own, found) = (start, Some(offset));
                }
                None => {
                    is_known = false;
                    at = (base + start) as u16; // messages are at most 65,535 octets
                }
            }
            if index == 1 {
                second = at;
            }
            end = start;
        }
        out.extend_from_slice(octets.get(..own).unwrap_or_default());
        if let Some(offset) = found {
            out.extend_from_slice(&pointer(offset));
        }
        if count > 1 {
            let parent = if is_target {
                &mut self.targets
            } else {
                &mut self.owners
            };
            parent.octets.clear();
            if usize::from(second) < REACH {
                let start = start_of(&self.starts, 1);
                let octets = octets.get(start..).unwrap_or_default();
                parent.octets.extend_from_slice(octets);
                parent.offset = second;
            }
        }
        Ok(found.filter(|_| own == 0))
    }

    /// Notes where the labels of a flat name begin, and the root, and says how many there are.
    #[inline]
    fn find_labels(&mut self, octets: &[u8]) -> Result<usize, NoName> {
        if octets.len() > MAX_NAME {
            return Err(NoName);
        }
        let mut at = 0;
        for (index, start) in self.starts.iter_mut().enumerate() {
            *start = at as u8; // a name is at most 255 octets
            match octets.get(at) {
                Some(&length @ 1..=63) => at += 1 + usize::from(length),
                Some(0) if at + 1 == octets.len() => return Ok(index),
                _ => return Err(NoName),
            }
        }
        Err(NoName)
    }

    /// How many labels at the front of the name at hand the name in question does not end in as well, and where those
    /// are that it does: 0 if it is only the root.
    #[inline]
    fn end_of_question(&self, octets: &[u8], count: usize, message: &[u8]) -> (usize, u16) {
        let question = message.get(HEADER..HEADER + self.asked).unwrap_or_default();
        let common = common_end(question, octets);
        let mut at = 0;
        for (index, start) in self.starts.iter().enumerate().take(count) {
            let length = octets.len() - usize::from(*start);
            if length > common {
                continue;
            }
            let start = question.len() - length;
            while at < start {
                at += 1 + question.get(at).copied().map_or(0, usize::from);
            }
            if at == start {
                return (index, (HEADER + start) as u16); // a name has at most 255 octets
            }
        }
        (count, 0)
    }

    #[inline]
    fn forget_what_was_cut(&mut self) {
        if let Some(len) = self.cut.take() {
            for value in &mut self.slots {
                if usize::from(*value as u16) >= len {
                    *value = GONE;
                }
            }
        }
    }

    /// Where the message has a name of this hash that is the one sought. If nowhere, it will at `new`.
    #[inline]
    fn find_or_insert(
        &mut self,
        hash: u64,
        new: usize,
        is_sought: impl Fn(u16) -> bool,
    ) -> Option<u16> {
        let half = (hash >> 48) as u16;
        let tag = u32::from(half) << 16;
        for slot in places(half, self.slots.len()) {
            let value = self.slots.get_mut(slot)?;
            if *value == 0 {
                if new < REACH && self.used < MOST_SLOTS / 2 {
                    *value = tag | new as u32;
                    self.used += 1;
                    if self.used * 2 > self.slots.len() {
                        self.grow();
                    }
                }
                return None;
            }
            let offset = *value as u16;
            if *value & 0xffff_0000 == tag && *value != GONE && is_sought(offset) {
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

/// The octets are no flat name.
struct NoName;

/// The slots where a name may be, in a table whose size is a power of two.
///
/// They are few, so that names made to collide cost their own compression and no time.
fn places(half: u16, size: usize) -> impl Iterator<Item = usize> {
    (usize::from(half)..)
        .take(16)
        .map(move |slot| slot & size.wrapping_sub(1))
}

/// Whether at `offset` there is this label, and behind it what is at `parent`; 0 is the root.
#[inline]
fn is_child(message: &[u8], offset: u16, label: &[u8], parent: u16) -> bool {
    let rest = message.get(usize::from(offset)..).unwrap_or_default();
    let Some((front, behind)) = rest.split_at_checked(label.len()) else {
        return false;
    };
    let is_followed = match behind {
        [0, ..] if parent == 0 => true,
        [high @ 0xc0..=0xff, low, ..] => [*high, *low] == pointer(parent),
        _ => usize::from(offset) + label.len() == usize::from(parent),
    };
    is_followed && is_same(front, label)
}

/// How many octets two names have in common at their end.
#[inline]
fn common_end(a: &[u8], b: &[u8]) -> usize {
    let mut common = 0;
    let (mut front_a, mut front_b) = (a, b);
    while let (Some((rest_a, x)), Some((rest_b, y))) = (
        front_a.split_last_chunk::<8>(),
        front_b.split_last_chunk::<8>(),
    ) {
        let differing = u64::from_be_bytes(*x) ^ u64::from_be_bytes(*y);
        if differing != 0 {
            return common + differing.trailing_zeros() as usize / 8;
        }
        (front_a, front_b) = (rest_a, rest_b);
        common += 8;
    }
    let pairs = front_a.iter().rev().zip(front_b.iter().rev());
    common + pairs.take_while(|(x, y)| x == y).count()
}

/// Whether two slices are equal: most are short, and then it takes two comparisons that overlap, and no call.
#[inline]
fn is_same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len()
        && match a.len() {
            4..=8 => have_same_ends::<4>(a, b),
            9..=16 => have_same_ends::<8>(a, b),
            17..=32 => have_same_ends::<16>(a, b),
            _ => a == b,
        }
}

#[inline]
fn have_same_ends<const N: usize>(a: &[u8], b: &[u8]) -> bool {
    a.first_chunk::<N>() == b.first_chunk() && a.last_chunk::<N>() == b.last_chunk()
}

fn pointer(offset: u16) -> [u8; 2] {
    (0xc000 | offset).to_be_bytes()
}

/// Where a pointer leads to; 0 is none.
fn target(pointer: [u8; 2]) -> u16 {
    u16::from_be_bytes(pointer) & 0x3fff
}

/// A hash of the label from `start` to `end`, its length included, and of where its parent is.
#[inline]
fn mix(parent: u16, octets: &[u8], start: usize, end: usize) -> u64 {
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
    let mut hash = u64::from(parent).wrapping_mul(ODD);
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
    step(hash, tail) // the length came first
}
