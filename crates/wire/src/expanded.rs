//! RDATA of one message, expanded, and where in it the names are that pointers lead to.

use std::ops::Range;

use crate::ReadError;
use crate::flat::{Flat, Known, MAX_POINTERS, REACH, SHORT};

/// How many names are remembered; a power of two.
const SLOTS: usize = 512;

/// Octets of RDATA after which it begins anew.
const ENOUGH: usize = 1 << 16;

/// RDATA of the records of one message, one behind the other: names that were expanded once are copied from there.
#[derive(Clone, Debug, Default)]
pub(crate) struct Expanded {
    octets: Flat,
    /// [`SLOTS`] names, once there was one.
    names: Vec<Slot>,
    /// What the slots in use are marked with, so that all are free with the next.
    generation: u16,
}

/// A name of the message, expanded.
#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    /// As [`Expanded::generation`]; 0 is free.
    generation: u16,
    /// Where the message has it.
    offset: u16,
    /// Where it is in the octets: below [`ENOUGH`] and a longest RDATA.
    at: u32,
    len: u8,
    pointers: u8,
}

impl Expanded {
    /// Makes room to remember names in, for a message of many records.
    pub(crate) fn begin_message(&mut self) {
        self.names.resize(SLOTS, Slot::default());
        self.clear();
    }

    /// Forgets all octets and names.
    pub(crate) fn clear(&mut self) {
        self.octets.clear();
        self.generation = self.generation.wrapping_add(1);
        if self.generation == 0 {
            self.names.fill(Slot::default());
            self.generation = 1;
        }
    }

    /// Begins the RDATA of another record, and says where.
    #[inline]
    pub(crate) fn begin_rdata(&mut self) -> usize {
        if self.octets.len() >= ENOUGH {
            self.clear();
        }
        self.octets.len()
    }

    pub(crate) fn len(&self) -> usize {
        self.octets.len()
    }

    #[inline]
    pub(crate) fn as_octets(&self) -> &[u8] {
        self.octets.as_octets()
    }

    #[inline]
    pub(crate) fn append(&mut self, octets: &[u8]) {
        self.octets.append(octets);
    }

    /// Where the flat form of a name is that a pointer leads to, if it was expanded before.
    #[inline]
    pub(crate) fn find(&self, target: u16) -> Option<Range<usize>> {
        let slot = find(&self.names, self.generation, target)?;
        let start = slot.at as usize;
        Some(start..start + usize::from(slot.len))
    }

    /// Appends the flat form of the name at `offset` of the message, and says what offset is behind it.
    #[inline]
    pub(crate) fn append_name(
        &mut self,
        message: &[u8],
        offset: usize,
    ) -> Result<usize, ReadError> {
        let Self {
            octets,
            names,
            generation,
        } = self;
        let start = octets.len();
        let mut unknown = None;
        let appended = octets.append_name(message, offset, |octets, to, target| {
            let Some(slot) = find(names, *generation, target) else {
                unknown.get_or_insert((to, target));
                return None;
            };
            let (from, len) = (slot.at as usize, usize::from(slot.len));
            copy_name(octets, from, len, to);
            Some(Known {
                len,
                pointers: slot.pointers.into(),
            })
        })?;
        let end = octets.len();
        let mut remember = |offset: usize, at: usize, pointers: usize| {
            if let (Some(slot), true) = (
                names.get_mut(slot_of(offset as u16)),
                offset < REACH && pointers < MAX_POINTERS, // one more leads to it
            ) {
                *slot = Slot {
                    generation: *generation,
                    offset: offset as u16,
                    at: at as u32,
                    len: (end - at) as u8, // a name is at most 255 octets
                    pointers: pointers as u8,
                };
            }
        };
        match unknown {
            Some((at, target)) if at == start => remember(target.into(), at, appended.pointers - 1),
            Some((at, target)) => {
                remember(target.into(), at, appended.pointers - 1);
                remember(offset, start, appended.pointers);
            }
            None => remember(offset, start, appended.pointers),
        }
        Ok(appended.end)
    }
}

#[inline]
fn find(names: &[Slot], generation: u16, target: u16) -> Option<Slot> {
    let slot = names.get(slot_of(target))?;
    (slot.offset == target && slot.generation == generation).then_some(*slot)
}

/// Where the name at `offset` may be remembered.
#[inline]
fn slot_of(offset: u16) -> usize {
    usize::from(offset.wrapping_mul(0x9e37)) >> 7
}

/// Copies a name that ends before `to`.
#[inline]
fn copy_name(octets: &mut [u8], from: usize, len: usize, to: usize) {
    if len <= SHORT
        && let Some(&name) = octets
            .get(from..)
            .and_then(|name| name.first_chunk::<SHORT>())
        && let Some(place) = octets
            .get_mut(to..)
            .and_then(|room| room.first_chunk_mut::<SHORT>())
    {
        *place = name;
    } else if from + len <= octets.len() && to + len <= octets.len() {
        octets.copy_within(from..from + len, to);
    }
}
