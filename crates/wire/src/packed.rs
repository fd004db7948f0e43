//! Names and records where they lie in a message, perhaps compressed.

use std::fmt;
use std::ops::Range;

use crate::message::HEADER;
use crate::name::{MAX_LABELS, MAX_NAME};
use crate::{Class, Name, NameBuf, ReadError, Rtype};

/// A name where it lies in its message, perhaps compressed ([RFC 1035 §4.1.4]).
///
/// Whoever holds one holds proof that its pointers lead backward to the root and that it is at most 255 octets long.
///
/// [RFC 1035 §4.1.4]: https://www.rfc-editor.org/rfc/rfc1035#section-4.1.4
#[derive(Clone, Copy)]
pub struct PackedName<'m> {
    message: &'m [u8],
    offset: u16,
    /// Where the first label (or the root) is, behind the pointer that the name may begin with.
    head: u16,
    /// Octets up to the first pointer behind `head`, or the whole if there is none.
    head_len: u8,
    /// Octets of the flat name.
    len: u8,
}

impl<'m> PackedName<'m> {
    /// Checks the name at `offset` and returns it with the offset behind it.
    #[inline]
    pub(crate) fn read(message: &'m [u8], offset: usize) -> Result<(Self, usize), ReadError> {
        let mut walk = Walk::new(message, offset);
        let mut head = walk.run()?;
        if head.is_empty() {
            head = walk.run()?; // nothing but a pointer, so far
        }
        let mut len = head.len();
        while !walk.done {
            len += walk.run()?.len();
            if len > MAX_NAME {
                break;
            }
        }
        if len > MAX_NAME {
            return Err(ReadError::NameTooLong { offset });
        }
        let name = Self {
            message,
            offset: offset as u16, // messages are at most 65,535 octets
            head: head.start as u16,
            head_len: head.len() as u8,
            len: len as u8,
        };
        Ok((name, walk.end))
    }

    /// Where the name begins in its message.
    pub fn offset(self) -> usize {
        self.offset.into()
    }

    /// How many octets it has when flat.
    pub fn flat_len(self) -> usize {
        self.len.into()
    }

    /// The labels, leftmost first, without the root.
    pub fn labels(self) -> PackedLabels<'m> {
        PackedLabels {
            message: self.message,
            at: self.head.into(),
        }
    }

    /// Makes `name` the flat form of this, in the memory it has.
    pub fn unpack_into(self, name: &mut NameBuf) {
        let out = name.octets_mut();
        out.clear();
        self.append_to(out);
    }

    /// The flat form, owned.
    pub fn to_buf(self) -> NameBuf {
        let mut name = NameBuf::new();
        self.unpack_into(&mut name);
        name
    }

    /// Whether this begins with a pointer, and if so the two octets of it.
    pub(crate) fn pointer(self) -> Option<[u8; 2]> {
        let octets = self.message.get(self.offset()..)?.first_chunk()?;
        matches!(octets, [0xc0..=0xff, _]).then_some(*octets)
    }

    /// The same name, begun at another offset by an equal pointer.
    pub(crate) fn moved_to(self, offset: usize) -> Self {
        Self {
            offset: offset as u16,
            ..self
        }
    }

    /// Appends the flat form.
    #[inline]
    pub(crate) fn append_to(self, out: &mut Vec<u8>) {
        let head = usize::from(self.head);
        let run = head..head + usize::from(self.head_len);
        append_run(out, self.message, run.clone());
        if self.head_len < self.len {
            // Checked when made; from the pointer on.
            let _ = unpack_name(self.message, run.end, out);
        }
    }
}

/// Checks the name at `offset`, appends its flat form to `out`, and returns the offset behind it.
///
/// What was appended before an error stays there.
#[inline]
pub(crate) fn unpack_name(
    message: &[u8],
    offset: usize,
    out: &mut Vec<u8>,
) -> Result<usize, ReadError> {
    let mut walk = Walk::new(message, offset);
    let mut room = MAX_NAME;
    while !walk.done {
        let run = walk.run()?;
        room = room
            .checked_sub(run.len())
            .ok_or(ReadError::NameTooLong { offset })?;
        append_run(out, message, run);
    }
    Ok(walk.end)
}

/// Appends part of a message. Short parts, which most are, go by a copy of fixed size instead of a call.
#[inline]
fn append_run(out: &mut Vec<u8>, message: &[u8], run: Range<usize>) {
    const SHORT: usize = 32;
    let len = out.len() + run.len();
    match message
        .get(run.start..)
        .and_then(|octets| octets.first_chunk::<SHORT>())
    {
        Some(chunk) if run.len() <= SHORT => {
            out.extend_from_slice(chunk);
            out.truncate(len);
        }
        _ => out.extend_from_slice(message.get(run).unwrap_or_default()),
    }
}

impl PartialEq<Name<'_>> for PackedName<'_> {
    fn eq(&self, other: &Name<'_>) -> bool {
        self.flat_len() == other.as_octets().len()
            && self
                .labels()
                .zip(other.labels())
                .all(|(ours, theirs)| ours.eq_ignore_ascii_case(theirs))
    }
}

impl PartialEq for PackedName<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.len == other.len
            && self
                .labels()
                .zip(other.labels())
                .all(|(ours, theirs)| ours.eq_ignore_ascii_case(theirs))
    }
}

impl Eq for PackedName<'_> {}

impl fmt::Display for PackedName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.to_buf(), f)
    }
}

impl fmt::Debug for PackedName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The labels of a [`PackedName`], leftmost first, without the root.
#[derive(Clone, Debug)]
pub struct PackedLabels<'m> {
    message: &'m [u8],
    at: usize,
}

impl<'m> Iterator for PackedLabels<'m> {
    type Item = &'m [u8];

    fn next(&mut self) -> Option<&'m [u8]> {
        loop {
            match self.message.get(self.at..)? {
                [0, ..] => return None,
                [length @ 1..=63, rest @ ..] => {
                    self.at += 1 + usize::from(*length);
                    return rest.get(..usize::from(*length));
                }
                [high, low, ..] => self.at = usize::from(u16::from_be_bytes([high & 0x3f, *low])),
                _ => return None,
            }
        }
    }
}

/// A record where it lies in its message: owner perhaps compressed, RDATA as sent.
#[derive(Clone, Copy, Debug)]
pub struct PackedRecord<'m> {
    owner: PackedName<'m>,
    fixed: &'m [u8; 10],
    rdata: &'m [u8],
    rdata_offset: u16,
}

impl<'m> PackedRecord<'m> {
    /// Reads the record at `offset` and returns it with the offset behind it. `before` is the record in front of it,
    /// if any: many have its owner, by the same pointer, which needs no second check.
    pub(crate) fn read(
        message: &'m [u8],
        offset: usize,
        before: Option<&Self>,
    ) -> Result<(Self, usize), ReadError> {
        let pointer = message
            .get(offset..)
            .and_then(|octets| octets.first_chunk::<2>());
        let (owner, end) = match (pointer, before) {
            (Some(pointer), Some(before)) if before.owner.pointer() == Some(*pointer) => {
                (before.owner.moved_to(offset), offset + 2)
            }
            _ => PackedName::read(message, offset)?,
        };
        let rest = message.get(end..).unwrap_or_default();
        let Some((fixed, behind)) = rest.split_first_chunk::<10>() else {
            return Err(ReadError::Truncated {
                field: "record header",
                offset: end,
            });
        };
        let &[.., high, low] = fixed;
        let length = usize::from(u16::from_be_bytes([high, low]));
        let start = end + fixed.len();
        let Some(rdata) = behind.get(..length) else {
            return Err(ReadError::Truncated {
                field: "RDATA",
                offset: start,
            });
        };
        let record = Self {
            owner,
            fixed,
            rdata,
            rdata_offset: start as u16,
        };
        Ok((record, start + length))
    }

    /// Whose record it is.
    pub fn owner(self) -> PackedName<'m> {
        self.owner
    }

    /// What the RDATA means.
    pub fn rtype(self) -> Rtype {
        let &[high, low, ..] = self.fixed;
        Rtype(u16::from_be_bytes([high, low]))
    }

    /// Nearly always [`Class::IN`]; of an OPT record the size of UDP payload.
    pub fn class(self) -> Class {
        let &[_, _, high, low, ..] = self.fixed;
        Class(u16::from_be_bytes([high, low]))
    }

    /// How long others may keep it, in seconds; 0 if the highest bit is set
    /// ([RFC 2181 §8](https://www.rfc-editor.org/rfc/rfc2181#section-8)).
    pub fn ttl(self) -> u32 {
        match self.raw_ttl() {
            ttl if ttl >> 31 == 1 => 0,
            ttl => ttl,
        }
    }

    /// The TTL field as sent: an OPT record keeps other things in it.
    pub fn raw_ttl(self) -> u32 {
        let &[_, _, _, _, a, b, c, d, ..] = self.fixed;
        u32::from_be_bytes([a, b, c, d])
    }

    /// The RDATA as it lies: names in it may be compressed, and nothing is checked yet.
    pub fn rdata(self) -> &'m [u8] {
        self.rdata
    }

    /// Where the record begins in its message.
    pub fn offset(self) -> usize {
        self.owner.offset()
    }

    /// Where its RDATA begins.
    pub fn rdata_offset(self) -> usize {
        self.rdata_offset.into()
    }

    /// The message up to the end of this record: all that a name in its RDATA may reach.
    pub(crate) fn message_up_to_end(self) -> &'m [u8] {
        self.owner
            .message
            .get(..self.rdata_offset() + self.rdata.len())
            .unwrap_or_default()
    }
}

/// A checked way through a compressed name, run by run: a run is the labels up to a pointer or the root.
///
/// Every pointer leads before the run that it ends, so the way has an end.
struct Walk<'m> {
    message: &'m [u8],
    at: usize,
    /// Behind the name, where it began; 0 until that is known.
    end: usize,
    pointers: usize,
    /// Whether the root was reached.
    done: bool,
}

impl<'m> Walk<'m> {
    #[inline]
    fn new(message: &'m [u8], offset: usize) -> Self {
        Self {
            message,
            at: offset,
            end: 0,
            pointers: 0,
            done: false,
        }
    }

    /// The next run, with the root if it is the last.
    #[inline]
    fn run(&mut self) -> Result<Range<usize>, ReadError> {
        let start = self.at;
        let mut at = start;
        let octet = loop {
            match self.message.get(at) {
                Some(&length @ 1..=63) => at += 1 + usize::from(length),
                Some(&octet) => break octet,
                None => {
                    return Err(ReadError::Truncated {
                        field: "name",
                        offset: start,
                    });
                }
            }
        };
        if octet == 0 {
            self.done = true;
            if self.end == 0 {
                self.end = at + 1;
            }
            return Ok(start..at + 1);
        }
        self.follow(start, at)?;
        Ok(start..at)
    }

    /// Follows the pointer at `offset`, which ends the run that began at `start`.
    #[inline]
    fn follow(&mut self, start: usize, offset: usize) -> Result<(), ReadError> {
        let target = match self.message.get(offset..) {
            Some([high @ 0xc0..=0xff, low, ..]) => {
                usize::from(u16::from_be_bytes([high & 0x3f, *low]))
            }
            Some([octet @ 0x40..=0xbf, ..]) => {
                return Err(ReadError::LabelType {
                    offset,
                    octet: *octet,
                });
            }
            _ => {
                return Err(ReadError::Truncated {
                    field: "name",
                    offset: start,
                });
            }
        };
        if target >= start {
            return Err(ReadError::ForwardPointer { offset, target });
        }
        if target < HEADER {
            return Err(ReadError::HeaderPointer { offset, target });
        }
        self.pointers += 1;
        if self.pointers > MAX_POINTERS {
            return Err(ReadError::PointerChain { offset });
        }
        if self.end == 0 {
            self.end = offset + 2;
        }
        self.at = target;
        Ok(())
    }
}

/// The most pointers of a name: one before each label and the root. More can only be pointers that aim at pointers,
/// thousands of which would make a message cost far more than its octets.
const MAX_POINTERS: usize = MAX_LABELS + 1;
