//! Memory that flat names and RDATA are unpacked into.

use crate::ReadError;
use crate::message::HEADER;
use crate::name::{MAX_LABELS, MAX_NAME};

/// Most labels are copied in a piece of fixed size, which costs less than a call for so few octets.
pub(crate) const SHORT: usize = 32;

/// Pointers have 14 bits ([RFC 1035 §4.1.4](https://www.rfc-editor.org/rfc/rfc1035#section-4.1.4)).
pub(crate) const REACH: usize = 1 << 14;

/// What a name may need while it is written: all its octets, and a short copy that begins at the last of them.
pub(crate) const ROOM: usize = 256 + 64;

/// The most pointers of a name: one before each label and the root. More can only be pointers that aim at pointers,
/// thousands of which would make a message cost far more than its octets.
pub(crate) const MAX_POINTERS: usize = MAX_LABELS + 1;

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

    /// The octets and the room behind them, where anything may be.
    pub(crate) fn octets_with_room(&self) -> &[u8] {
        &self.octets
    }

    /// Copies all octets to a place in others.
    #[inline]
    pub(crate) fn copy_to(&self, others: &mut [u8], at: usize) {
        if let (true, Some(from), Some(to)) = (
            self.len <= SHORT,
            self.octets.first_chunk(),
            others.get_mut(at..at + SHORT),
        ) {
            copy_short(from, to);
        } else if let Some(to) = others.get_mut(at..at + self.len) {
            to.copy_from_slice(self.as_octets());
        }
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
    /// Every pointer has to lead before the labels that it ends, so the way has an end. It may be short: given these
    /// octets, a place in them and where a pointer leads to, `known` may put the flat form of the name there into that
    /// place, and say so.
    #[inline]
    pub(crate) fn append_name(
        &mut self,
        message: &[u8],
        offset: usize,
        mut known: impl FnMut(&mut [u8], usize, u16) -> Option<Known>,
    ) -> Result<Appended, ReadError> {
        self.make_room(ROOM);
        let truncated = |offset| ReadError::Truncated {
            field: "name",
            offset,
        };
        let too_long = ReadError::NameTooLong { offset };
        let start = self.len;
        let mut len = 0;
        let mut from = offset;
        let mut piece = offset; // where the labels up to the next pointer begin
        let mut end = 0; // not known before the first pointer
        let mut pointers = 0;
        loop {
            let rest = message.get(from..).unwrap_or_default();
            let &first = rest.first().ok_or(truncated(piece))?;
            let to = start + len;
            if let 1..=63 = first {
                let size = usize::from(first) + 1;
                if let (true, Some(label), Some(room)) = (
                    size <= SHORT,
                    rest.first_chunk(),
                    self.octets.get_mut(to..to + SHORT),
                ) {
                    copy_short(label, room);
                } else {
                    let label = rest.get(..size).ok_or(truncated(piece))?;
                    if let Some(room) = self.octets.get_mut(to..to + size) {
                        room.copy_from_slice(label);
                    }
                }
                from += size;
                len += size;
                // The root needs an octet too.
                if len >= MAX_NAME {
                    return Err(too_long);
                }
            } else if first == 0 {
                if let Some(root) = self.octets.get_mut(to) {
                    *root = 0;
                }
                self.len = to + 1;
                let end = if end == 0 { from + 1 } else { end };
                return Ok(Appended { end, pointers });
            } else if let [high @ 0xc0..=0xff, low, ..] = *rest {
                let target = u16::from_be_bytes([high & 0x3f, low]);
                pointers += 1;
                check_pointer(from, target.into(), piece, pointers)?;
                if end == 0 {
                    end = from + 2;
                }
                if let Some(known) = known(&mut self.octets, to, target)
                    && pointers + known.pointers <= MAX_POINTERS
                {
                    if len + known.len > MAX_NAME {
                        return Err(too_long);
                    }
                    self.len = to + known.len;
                    pointers += known.pointers;
                    return Ok(Appended { end, pointers });
                }
                (from, piece) = (target.into(), target.into());
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
    pub(crate) fn make_room(&mut self, octets: usize) {
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

/// What was appended: where the message goes on, and how many pointers there were on the way.
pub(crate) struct Appended {
    pub(crate) end: usize,
    pub(crate) pointers: usize,
}

/// A name that was known: octets of its flat form, and pointers on the way through it.
pub(crate) struct Known {
    pub(crate) len: usize,
    pub(crate) pointers: usize,
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
