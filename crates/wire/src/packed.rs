//! Names and records where they lie in a message, perhaps compressed.

use std::fmt;

use crate::name::MAX_NAME;
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
    pub(crate) fn read(message: &'m [u8], offset: usize) -> Result<(Self, usize), ReadError> {
        let mut walk = Walk::new(message, offset)?;
        let mut head = None;
        let mut head_len = 0;
        let mut len = 0;
        loop {
            let at = walk.at;
            match walk.step()? {
                Step::Label(octets) => {
                    head.get_or_insert(at);
                    len += octets;
                }
                Step::Jump if head.is_some() && head_len == 0 => head_len = len,
                Step::Jump => {}
                Step::Root => {
                    let head = *head.get_or_insert(at);
                    len += 1;
                    if len > MAX_NAME {
                        return Err(ReadError::NameTooLong { offset });
                    }
                    let head_len = if head_len == 0 { len } else { head_len };
                    let name = Self {
                        message,
                        offset: offset as u16, // messages are at most 65,535 octets
                        head: head as u16,
                        head_len: head_len as u8,
                        len: len as u8,
                    };
                    return Ok((name, walk.end));
                }
            }
            if len >= MAX_NAME {
                return Err(ReadError::NameTooLong { offset });
            }
        }
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
    pub(crate) fn append_to(self, out: &mut Vec<u8>) {
        let head = usize::from(self.head);
        out.extend_from_slice(
            self.message
                .get(head..head + usize::from(self.head_len))
                .unwrap_or_default(),
        );
        if self.head_len < self.len {
            let rest = PackedLabels {
                message: self.message,
                at: head + usize::from(self.head_len),
            };
            for label in rest {
                out.push(label.len() as u8); // at most 63
                out.extend_from_slice(label);
            }
            out.push(0);
        }
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

/// What the next octets of a name are.
enum Step {
    /// A label of so many octets, its length included.
    Label(usize),
    Jump,
    Root,
}

/// A checked way through a compressed name. Every jump leads before the piece of name that it ends, so it ends itself.
struct Walk<'m> {
    message: &'m [u8],
    at: usize,
    /// Where the piece between two pointers began: the next pointer must aim before it.
    piece: usize,
    /// Behind the name, where it began; known after the first jump or at the root.
    end: usize,
    jumped: bool,
}

impl<'m> Walk<'m> {
    fn new(message: &'m [u8], offset: usize) -> Result<Self, ReadError> {
        Ok(Self {
            message,
            at: offset,
            piece: offset,
            end: offset,
            jumped: false,
        })
    }

    fn step(&mut self) -> Result<Step, ReadError> {
        let offset = self.at;
        let truncated = ReadError::Truncated {
            field: "name",
            offset: self.piece,
        };
        match self.message.get(offset..) {
            Some([0, ..]) => {
                self.at += 1;
                if !self.jumped {
                    self.end = self.at;
                }
                Ok(Step::Root)
            }
            Some([length @ 1..=63, rest @ ..]) => {
                let octets = 1 + usize::from(*length);
                if rest.len() < octets - 1 {
                    return Err(truncated);
                }
                self.at += octets;
                Ok(Step::Label(octets))
            }
            Some([high @ 0xc0..=0xff, low, ..]) => {
                let target = usize::from(u16::from_be_bytes([high & 0x3f, *low]));
                if target >= self.piece {
                    return Err(ReadError::ForwardPointer { offset, target });
                }
                if target < crate::message::HEADER {
                    return Err(ReadError::HeaderPointer { offset, target });
                }
                if !self.jumped {
                    self.end = offset + 2;
                    self.jumped = true;
                }
                (self.at, self.piece) = (target, target);
                Ok(Step::Jump)
            }
            Some([octet @ 64..=0xbf, ..]) => Err(ReadError::LabelType {
                offset,
                octet: *octet,
            }),
            Some([0xc0..=0xff] | []) | None => Err(truncated),
        }
    }
}
