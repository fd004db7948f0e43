//! The owner at hand while the records of a message are unpacked: flat, and as a sort key.

use crate::flat::{Flat, Known, MAX_POINTERS, REACH, ROOM, SHORT};
use crate::name::{MAX_LABELS, MAX_NAME};
use crate::{Name, ReadError};

/// What a sort key may need while it is written: two octets for each of a name, and a short copy that begins at the last.
const KEY_ROOM: usize = 2 * MAX_NAME + SHORT;

/// The owner at hand, with its sort key.
///
/// Most owners are a label or two and a pointer to the apex, or a pointer to the owner before. So flat form and key of
/// what the last pointer led to stay where they are, and only what is new is written.
#[derive(Clone, Debug, Default)]
pub(crate) struct Owner {
    flat: Flat,
    /// [`KEY_ROOM`] octets, once there was a name.
    key: Vec<u8>,
    key_len: usize,
    /// Where the message holds the whole name, so that a pointer there means this owner again; 0 is nowhere.
    at: usize,
    tail: Tail,
}

/// The name that the last pointer led to which stood behind labels of an owner, or was one.
#[derive(Clone, Debug, Default)]
struct Tail {
    /// Where the message holds it; 0 is nowhere.
    target: usize,
    flat: Flat,
    /// Pointers on the way through it.
    pointers: usize,
    /// Octets of its key, at the front of the key at hand.
    key_len: usize,
}

impl Owner {
    /// Forgets the message.
    pub(crate) fn clear(&mut self) {
        (self.at, self.tail.target) = (0, 0);
    }

    pub(crate) fn name(&self) -> Name<'_> {
        Name::from_checked(self.flat.as_octets())
    }

    pub(crate) fn sort_key(&self) -> &[u8] {
        self.key.get(..self.key_len).unwrap_or_default()
    }

    /// Takes the name at `offset`. Returns the offset behind it, and whether it is a pointer to the owner at hand.
    #[inline]
    pub(crate) fn read(
        &mut self,
        message: &[u8],
        offset: usize,
    ) -> Result<(usize, bool), ReadError> {
        let front = message.get(offset..).and_then(|rest| rest.first_chunk());
        if let Some(&[high @ 0xc0..=0xff, low]) = front
            && usize::from(u16::from_be_bytes([high & 0x3f, low])) == self.at
            && self.at != 0
        {
            return Ok((offset + 2, true));
        }
        Ok((self.read_other(message, offset)?, false))
    }

    /// Takes the name at `offset` without a sort key.
    pub(crate) fn read_alone(&mut self, message: &[u8], offset: usize) -> Result<(), ReadError> {
        self.clear();
        self.flat.clear();
        self.flat.append_name(message, offset, |_, _, _| None)?;
        Ok(())
    }

    #[inline]
    fn read_other(&mut self, message: &[u8], offset: usize) -> Result<usize, ReadError> {
        let Self { flat, tail, .. } = self;
        flat.clear();
        let mut jump = None;
        let appended = flat.append_name(message, offset, |octets, to, target| {
            if jump.is_some() || usize::from(target) != tail.target {
                jump.get_or_insert((to, target));
                return None;
            }
            jump = Some((to, target));
            tail.flat.copy_to(octets, to);
            Some(Known {
                len: tail.flat.len(),
                pointers: tail.pointers,
            })
        })?;
        let (own, target) = match jump {
            Some((own, target)) => (own, usize::from(target)),
            None => (flat.len() - 1, 0),
        };
        if jump.is_none() || target != tail.target {
            tail.target = target;
            tail.pointers = appended.pointers.saturating_sub(1);
            tail.flat.clear();
            tail.flat.make_room(ROOM); // so that short copies are from whole pieces
            tail.flat
                .append(flat.as_octets().get(own..).unwrap_or_default());
            self.key.resize(KEY_ROOM, 0);
            tail.key_len = append_key(&tail.flat, tail.flat.len() - 1, &mut self.key, 0);
        }
        self.key_len = append_key(&self.flat, own, &mut self.key, self.tail.key_len);
        let at = if own == 0 { target } else { offset };
        // A pointer to this name has one pointer more to go, which must not be too many.
        let is_in_reach = at < REACH && appended.pointers < MAX_POINTERS;
        self.at = if is_in_reach { at } else { 0 };
        Ok(appended.end)
    }
}

/// Writes the keys of the labels in the first `len` octets of `name` behind the `at` octets of `key` that are there, and
/// says how many there are then.
#[inline]
fn append_key(name: &Flat, len: usize, key: &mut [u8], at: usize) -> usize {
    let octets = name.octets_with_room();
    match octets.first() {
        Some(&first) if usize::from(first) + 1 == len => append_label(octets, 0, key, at),
        _ => append_labels(octets, len, key, at),
    }
}

fn append_labels(octets: &[u8], len: usize, key: &mut [u8], at: usize) -> usize {
    let mut starts = [0; MAX_LABELS];
    let (mut count, mut start) = (0, 0);
    while start < len
        && let (Some(place), Some(&length)) = (starts.get_mut(count), octets.get(start))
    {
        *place = start as u8; // a name is at most 255 octets
        start += 1 + usize::from(length);
        count += 1;
    }
    let starts = starts.get(..count).unwrap_or_default();
    starts
        .iter()
        .rev()
        .fold(at, |at, &start| append_label(octets, start.into(), key, at))
}

/// The same for the label whose length octet is at `start`.
#[inline]
fn append_label(octets: &[u8], start: usize, key: &mut [u8], at: usize) -> usize {
    let Some((&length, label)) = octets.get(start..).and_then(|label| label.split_first()) else {
        return at;
    };
    let length = usize::from(length);
    if let (Some(label), Some(place)) = (
        label.first_chunk::<SHORT>(),
        key.get_mut(at..)
            .and_then(|key| key.first_chunk_mut::<SHORT>()),
    ) && length < SHORT
    {
        let mut is_odd = 0;
        for (index, (to, from)) in place.iter_mut().zip(label).enumerate() {
            is_odd |= u8::from(*from <= 1) & u8::from(index < length);
            *to = from.to_ascii_lowercase();
        }
        if is_odd == 0 {
            if let Some(end) = place.get_mut(length) {
                *end = 0;
            }
            return at + length + 1;
        }
    }
    append_long(label.get(..length).unwrap_or_default(), key, at)
}

/// The same for a label that is long or holds octets that a key escapes.
#[cold]
fn append_long(label: &[u8], key: &mut [u8], mut at: usize) -> usize {
    let mut put = |octet| {
        if let Some(place) = key.get_mut(at) {
            *place = octet;
            at += 1;
        }
    };
    for octet in label {
        match octet {
            0 | 1 => [1, octet + 1].into_iter().for_each(&mut put),
            _ => put(octet.to_ascii_lowercase()),
        }
    }
    put(0);
    at
}
