//! Memory that flat names and RDATA are unpacked into.

use crate::ReadError;
use crate::message::HEADER;
use crate::name::MAX_LABELS;

/// Most labels are copied in a piece of fixed size, which costs less than a call for so few octets.
const SHORT: usize = 32;

/// What a name may need: any place that one octet can say, and a label from there.
const ROOM: usize = 256 + 64;

/// The most pointers of a name: one before each label and the root. More can only be pointers that aim at pointers,
/// thousands of which would make a message cost far more than its octets.
const MAX_POINTERS: usize = MAX_LABELS + 1;

/// Octets that are written at their end, with room behind it that may be written over.
#[derive(Clone, Debug, Default)]
pub(crate) struct Flat {
    octets: Vec<u8>,
    len: usize,
}

impl Flat {
    pub(crate) fn clear(&mut self) {
        self.len = 0;
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn as_octets(&self) -> &[u8] {
        self.octets.get(..self.len).unwrap_or_default()
    }

    #[inline]
    pub(crate) fn append(&mut self, octets: &[u8]) {
        self.make_room(octets.len());
        if let Some(place) = self.octets.get_mut(self.len..self.len + octets.len()) {
            place.copy_from_slice(octets);
            self.len += octets.len();
        }
    }

    /// Appends the flat form of the name at `offset` of a message, and says what offset is behind it.
    ///
    /// Every pointer has to lead before the labels that it ends, so the way has an end.
    #[inline]
    pub(crate) fn append_name(
        &mut self,
        message: &[u8],
        offset: usize,
    ) -> Result<usize, ReadError> {
        self.make_room(ROOM);
        let truncated = |offset| ReadError::Truncated {
            field: "name",
            offset,
        };
        let room = self
            .octets
            .get_mut(self.len..)
            .and_then(|room| room.first_chunk_mut::<ROOM>());
        let room = room.ok_or(truncated(offset))?; // it has just been made
        let mut to = 0_u8; // together with `ROOM`, this spares every check of bounds below
        let mut from = offset;
        let mut piece = offset; // where the labels up to the next pointer begin
        let mut end = 0; // not known before the first pointer
        let mut pointers = 0;
        loop {
            let rest = message.get(from..).unwrap_or_default();
            let &first = rest.first().ok_or(truncated(piece))?;
            if let 1..=63 = first {
                let size = usize::from(first) + 1;
                let place = usize::from(to);
                if let (true, Some(label), Some(room)) = (
                    size <= SHORT,
                    rest.first_chunk(),
                    room.get_mut(place..place + SHORT),
                ) {
                    copy_short(label, room);
                } else {
                    let label = rest.get(..size).ok_or(truncated(piece))?;
                    if let Some(place) = room.get_mut(place..place + size) {
                        place.copy_from_slice(label);
                    }
                }
                from += size;
                // The root needs an octet too.
                to = to
                    .checked_add(first + 1)
                    .filter(|&to| to < u8::MAX)
                    .ok_or(ReadError::NameTooLong { offset })?;
            } else if first == 0 {
                if let Some(root) = room.get_mut(usize::from(to)) {
                    *root = 0;
                }
                self.len += usize::from(to) + 1;
                return Ok(if end == 0 { from + 1 } else { end });
            } else if let [high @ 0xc0..=0xff, low, ..] = *rest {
                let target = usize::from(u16::from_be_bytes([high & 0x3f, low]));
                pointers += 1;
                check_pointer(from, target, piece, pointers)?;
                if end == 0 {
                    end = from + 2;
                }
                (from, piece) = (target, target);
            } else if first < 0xc0 {
                return Err(ReadError::LabelType {
                    offset: from,
                    octet: first,
                });
            } else {
                return Err(truncated(piece));
            }
        }
    }

    #[inline]
    fn make_room(&mut self, octets: usize) {
        if self.octets.len() < self.len + octets {
            self.grow(octets);
        }
    }

    #[cold]
    fn grow(&mut self, octets: usize) {
        self.octets
            .resize((self.len + octets).next_power_of_two(), 0);
    }
}

/// Copies as numbers: as octets, the compiler takes this for the same call as the copy of a long label, and makes it.
#[inline]
fn copy_short(from: &[u8; SHORT], to: &mut [u8]) {
    let (from, _) = from.as_chunks::<16>();
    let (to, _) = to.as_chunks_mut::<16>();
    for (from, to) in from.iter().zip(to) {
        *to = u128::from_ne_bytes(*from).to_ne_bytes();
    }
}

/// Refuses the pointer at `offset` unless it leads to before `piece`, where the labels that it ends begin.
#[inline]
pub(crate) fn check_pointer(
    offset: usize,
    target: usize,
    piece: usize,
    pointers: usize,
) -> Result<(), ReadError> {
    if target >= piece {
        return Err(ReadError::ForwardPointer { offset, target });
    }
    if target < HEADER {
        return Err(ReadError::HeaderPointer { offset, target });
    }
    if pointers > MAX_POINTERS {
        return Err(ReadError::PointerChain { offset });
    }
    Ok(())
}
