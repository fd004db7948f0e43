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
/// It keeps few names, only where they are: a candidate is compared with the octets of the message itself. Names match
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
    /// Where the message was cut back to, while names behind that are still in the slots.
    cut: Option<usize>,
    /// How long the name right behind the header is: the question's, which most owners of an answer are or end. 0 if
    /// there is none.
    asked: usize,
    /// Whether that name is not in the slots yet: many answers are written without ever looking there.
    asked_is_new: bool,
    /// The owner written last, flat, and where: the next record's is the same more often than not.
    last: Vec<u8>,
    last_offset: u16,
    /// What the owner and the name in RDATA that were written last are children of: the next is a sibling more often
    /// than not.
    owners: Parent,
    targets: Parent,
    /// Of the name at hand.
    suffixes: [Suffix; MAX_LABELS],
}

/// Where a suffix of a name begins, and its hash.
#[derive(Clone, Copy, Debug)]
struct Suffix {
    start: u8,
    hash: u64,
}

/// A name that others are children of.
#[derive(Clone, Debug)]
struct Parent {
    /// Flat; empty if there is none.
    octets: Vec<u8>,
    hash: u64,
    offset: u16,
}

impl Parent {
    const NONE: Self = Self {
        octets: Vec::new(),
        hash: 0,
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
            asked_is_new: false,
            last: Vec::new(),
            last_offset: 0,
            owners: Parent::NONE,
            targets: Parent::NONE,
            suffixes: [Suffix { start: 0, hash: 0 }; MAX_LABELS],
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
        self.asked_is_new = false;
        self.last.clear();
        self.owners.octets.clear();
        self.targets.octets.clear();
    }

    /// Says that the message was cut back to `len` octets.
    pub(crate) fn cut(&mut self, len: usize) {
        if usize::from(self.last_offset) >= len {
            self.last.clear();
        }
        if HEADER + self.asked > len {
            self.asked = 0;
            self.asked_is_new = false;
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
            out.extend_from_slice(&pointer(self.last_offset));
            return;
        }
        let at = out.len();
        // Glue is at the servers' names, which were targets just now.
        let sibling = |parent: &Parent| Some((parent.label(octets)?, parent.hash, parent.offset));
        let known = if at == HEADER {
            out.extend_from_slice(octets);
            self.asked = octets.len();
            self.asked_is_new = true;
            None
        } else if let Some(offset) = self.within_question(octets, out) {
            out.extend_from_slice(&pointer(offset));
            Some(offset)
        } else if let Some((label, hash, parent)) =
            sibling(&self.owners).or_else(|| sibling(&self.targets))
        {
            self.write_sibling(label, hash, parent, octets, out)
        } else {
            self.write_suffixes(octets, false, out)
        };
        // The next pointer goes where this one went, if this is nothing else.
        let at = known.map_or(at, usize::from);
        self.last.clear();
        if at < REACH && octets.len() > 2 {
            self.last.extend_from_slice(octets);
            self.last_offset = at as u16;
        }
    }

    /// The pointer to the owner written last, if one leads there.
    pub(crate) fn last_owner(&self) -> Option<[u8; 2]> {
        (!self.last.is_empty()).then(|| pointer(self.last_offset))
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
        if !self.write_target(name.as_octets(), out) {
            self.write_suffixes(name.as_octets(), true, out);
        }
    }

    /// The same for octets that may be no name, if they are one whose parent is that of the name written last.
    #[inline]
    pub(crate) fn write_target(&mut self, octets: &[u8], out: &mut Vec<u8>) -> bool {
        let Some(label) = self.targets.label(octets) else {
            return false;
        };
        self.write_sibling(label, self.targets.hash, self.targets.offset, octets, out);
        true
    }

    /// Appends a name whose parent is at hand. Returns where it was already, all of it.
    #[inline]
    fn write_sibling(
        &mut self,
        label: &[u8],
        hash: u64,
        parent: u16,
        octets: &[u8],
        out: &mut Vec<u8>,
    ) -> Option<u16> {
        self.catch_up(out);
        let hash = mix(hash, octets, 0, label.len());
        let known = self.find_or_insert(hash, out.len(), |offset| {
            is_child(out, offset, label, parent) || holds(out, offset, octets)
        });
        if known.is_none() {
            out.extend_from_slice(label);
        }
        out.extend_from_slice(&pointer(known.unwrap_or(parent)));
        known
    }

    /// Appends a name of which nothing is known. Returns where it was already, all of it.
    fn write_suffixes(&mut self, octets: &[u8], is_target: bool, out: &mut Vec<u8>) -> Option<u16> {
        self.catch_up(out);
        let count = self.hash_suffixes(octets);
        let base = out.len();
        let (mut found, mut own) = (None, octets.len());
        for index in 0..count {
            let Some(&Suffix { start, hash }) = self.suffixes.get(index) else {
                break;
            };
            let start = usize::from(start);
            let suffix = octets.get(start..).unwrap_or_default();
            found = self.find_or_insert(hash, base + start, |offset| holds(out, offset, suffix));
            if found.is_some() {
                own = start;
                break;
            }
        }
        out.extend_from_slice(octets.get(..own).unwrap_or_default());
        if let Some(offset) = found {
            out.extend_from_slice(&pointer(offset));
        }
        if let (Some(&Suffix { start, hash }), true) = (self.suffixes.get(1), count > 1) {
            let start = usize::from(start);
            let offset = match found {
                Some(offset) if own == 0 => parent_of(out, offset),
                Some(offset) if own == start => offset.into(),
                _ => base + start,
            };
            let parent = if is_target {
                &mut self.targets
            } else {
                &mut self.owners
            };
            parent.octets.clear();
            if offset < REACH {
                parent
                    .octets
                    .extend_from_slice(octets.get(start..).unwrap_or_default());
                (parent.hash, parent.offset) = (hash, offset as u16);
            }
        }
        found.filter(|_| own == 0)
    }

    /// Brings the slots up to what the message is.
    #[inline]
    fn catch_up(&mut self, message: &[u8]) {
        self.forget_what_was_cut();
        if std::mem::take(&mut self.asked_is_new) {
            let name = message.get(HEADER..HEADER + self.asked).unwrap_or_default();
            for index in 0..self.hash_suffixes(name) {
                let Some(&Suffix { start, hash }) = self.suffixes.get(index) else {
                    break;
                };
                // It is the first name of the message: none of it is there yet.
                self.find_or_insert(hash, HEADER + usize::from(start), |_| false);
            }
        }
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
            suffix.hash = hash;
            end = start;
        }
        count
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

/// The slots where a name may be, in a table whose size is a power of two.
///
/// They are few, so that names made to collide cost their own compression and no time.
fn places(half: u16, size: usize) -> impl Iterator<Item = usize> {
    (usize::from(half)..)
        .take(16)
        .map(move |slot| slot & size.wrapping_sub(1))
}

/// Whether a label and what is at `parent` is at `offset`, as most children are written.
#[inline]
fn is_child(message: &[u8], offset: u16, label: &[u8], parent: u16) -> bool {
    let rest = message.get(usize::from(offset)..).unwrap_or_default();
    let Some((front, behind)) = rest.split_at_checked(label.len()) else {
        return false;
    };
    is_same(front, label) && behind.starts_with(&pointer(parent))
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
                if !is_same(label, wanted) {
                    return false;
                }
                at += octets;
                rest = behind;
            }
            _ => return false,
        }
    }
}

/// Where the parent of the name at `offset` is, or the pointer's target where it is one; out of reach if it is the root.
fn parent_of(message: &[u8], offset: u16) -> usize {
    let behind = |&length: &u8| usize::from(offset) + 1 + usize::from(length);
    let at = message.get(usize::from(offset)).map_or(REACH, behind);
    match message.get(at..) {
        Some([high @ 0xc0..=0xff, low, ..]) => usize::from(u16::from_be_bytes([high & 0x3f, *low])),
        _ => at,
    }
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
    step(hash, tail) // the length came first
}
