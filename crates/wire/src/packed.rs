//! Names and records where they lie in a message, perhaps compressed.

use std::fmt;

use crate::flat::{MAX_POINTERS, REACH, check_pointer};
use crate::name::MAX_NAME;
use crate::{Class, Name, NameBuf, ReadError, Rtype};

/// A name where it lies in its message, perhaps compressed ([RFC 1035 §4.1.4]).
///
/// Whoever holds one holds proof that its pointers lead backward to the root and that it is at most 255 octets long.
///
/// ```
/// use zonekit_wire::{Message, NameBuf};
///
/// let octets = b"\0\x07\0\0\0\x01\0\0\0\0\0\0\x03WWW\x07example\0\0\x01\0\x01";
/// let question = Message::new(octets)?.question()?.expect("it has one");
/// assert_eq!(question.name.labels().next(), Some(&b"WWW"[..]));
/// let mut name = NameBuf::new(); // to be used again for the next
/// question.name.unpack_into(&mut name);
/// assert_eq!(name.to_string(), "WWW.example.");
/// # Ok::<(), zonekit_wire::ReadError>(())
/// ```
///
/// [RFC 1035 §4.1.4]: https://www.rfc-editor.org/rfc/rfc1035#section-4.1.4
#[derive(Clone, Copy)]
pub struct PackedName<'m> {
    message: &'m [u8],
    offset: u16,
    /// Where the first label (or the root) is, behind the pointer that the name may begin with.
    head: u16,
    /// Octets of the flat name.
    len: u8,
    /// Whether it lies there flat, without a pointer.
    is_flat: bool,
}

impl<'m> PackedName<'m> {
    /// Checks the name at `offset` and returns it with the offset behind it.
    #[inline]
    pub(crate) fn read(message: &'m [u8], offset: usize) -> Result<(Self, usize), ReadError> {
        Self::read_behind(message, offset, &mut Tail::default())
            .map(|(name, end, _pointers)| (name, end))
    }

    /// The same with how many pointers there were; what the first led to is known if it is `tail`, and will be.
    #[inline]
    fn read_behind(
        message: &'m [u8],
        offset: usize,
        tail: &mut Tail,
    ) -> Result<(Self, usize, usize), ReadError> {
        let mut at = offset;
        let mut piece = offset; // where the labels up to the next pointer begin
        let mut head = offset;
        let mut jump = None; // from the first pointer, where the message goes on
        let mut len = 1;
        let mut pointers = 0;
        loop {
            match message.get(at..) {
                Some(&[length @ 1..=63, ..]) => {
                    at += 1 + usize::from(length);
                    len += 1 + usize::from(length);
                    if len > MAX_NAME {
                        return Err(ReadError::NameTooLong { offset });
                    }
                }
                Some(&[0, ..]) => break,
                Some(&[high @ 0xc0..=0xff, low, ..]) => {
                    let target = usize::from(u16::from_be_bytes([high & 0x3f, low]));
                    pointers += 1;
                    check_pointer(at, target, piece, pointers)?;
                    if len == 1 {
                        head = target;
                    }
                    if jump.is_none() {
                        jump = Some((at + 2, target, len));
                        if target == tail.target && pointers + tail.pointers <= MAX_POINTERS {
                            pointers += tail.pointers;
                            len += tail.len;
                            if len > MAX_NAME {
                                return Err(ReadError::NameTooLong { offset });
                            }
                            break;
                        }
                    }
                    (at, piece) = (target, target);
                }
                Some(&[octet @ 0x40..=0xbf, ..]) => {
                    return Err(ReadError::LabelType { offset: at, octet });
                }
                _ => {
                    return Err(ReadError::Truncated {
                        field: "name",
                        offset: piece,
                    });
                }
            }
        }
        let mut end = at + 1;
        if let Some((behind, target, own)) = jump {
            end = behind;
            *tail = Tail {
                target,
                len: len - own,
                pointers: pointers - 1,
            };
        }
        let name = Self {
            message,
            offset: offset as u16, // messages are at most 65,535 octets
            head: head as u16,
            len: len as u8,
            is_flat: jump.is_none(),
        };
        Ok((name, end, pointers))
    }

    /// Reads a name without pointers as [`read`](Self::read) does; `None` if there is none.
    #[inline]
    pub(crate) fn read_flat(message: &'m [u8], offset: usize) -> Option<(Self, usize)> {
        let (name, _) = Name::split_from(message.get(offset..)?).ok()?;
        let len = name.as_octets().len();
        let name = Self {
            message,
            offset: offset as u16, // messages are at most 65,535 octets
            head: offset as u16,
            len: len as u8, // and names 255
            is_flat: true,
        };
        Some((name, offset + len))
    }

    /// Where the name begins in its message.
    pub fn offset(self) -> usize {
        self.offset.into()
    }

    /// How many octets it has when flat.
    pub fn flat_len(self) -> usize {
        self.len.into()
    }

    /// The name where it lies, if it is not compressed. That of a question never is: there is nothing before it to point at.
    pub fn as_flat(self) -> Option<Name<'m>> {
        if !self.is_flat {
            return None;
        }
        let start = usize::from(self.offset);
        let octets = self.message.get(start..start + usize::from(self.len))?;
        Some(Name::from_checked(octets))
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
        if let Some(flat) = self.as_flat() {
            return name.assign(flat);
        }
        let out = name.octets_mut();
        out.clear();
        for label in self.labels() {
            out.push(label.len() as u8); // at most 63
            out.extend_from_slice(label);
        }
        out.push(0);
    }

    /// The flat form, owned.
    pub fn to_buf(self) -> NameBuf {
        let mut name = NameBuf::new();
        self.unpack_into(&mut name);
        name
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
///
/// ```
/// use zonekit_wire::{Message, Rtype};
///
/// // No question, and one answer: an address of the root.
/// let octets = b"\0\x07\x80\0\0\0\0\x01\0\0\0\0\0\0\x01\0\x01\0\0\0\x3c\0\x04\xc0\0\x02\x01";
/// let (_section, record) = Message::new(octets)?.records()?.next().expect("it has one")?;
/// assert_eq!((record.rtype(), record.ttl(), record.offset()), (Rtype::A, 60, 12));
/// assert_eq!(record.rdata(), [192, 0, 2, 1]); // names in it would be as they were sent: see `Unpacker`
/// # Ok::<(), zonekit_wire::ReadError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct PackedRecord<'m> {
    owner: PackedName<'m>,
    fixed: &'m [u8; 10],
    rdata: &'m [u8],
    rdata_offset: u16,
}

impl<'m> PackedRecord<'m> {
    /// Reads the record at `offset` and returns it with the offset behind it.
    #[inline]
    pub(crate) fn read(
        message: &'m [u8],
        offset: usize,
        before: &mut Pointed,
    ) -> Result<(Self, usize), ReadError> {
        let (owner, end) = match message.get(offset..) {
            Some(&[high, low, ..]) if before.pointer == [high, low] && high != 0 => {
                let Pointed { head, len, .. } = *before;
                (
                    PackedName {
                        message,
                        offset: offset as u16,
                        head,
                        len,
                        is_flat: false,
                    },
                    offset + 2,
                )
            }
            _ => {
                let tail = &mut before.tail;
                let (owner, end, pointers) = PackedName::read_behind(message, offset, tail)?;
                // A pointer to this name has one pointer more to go, which must not be too many.
                let is_in_reach = owner.head < REACH as u16 && pointers < MAX_POINTERS;
                before.pointer = if is_in_reach {
                    (0xc000 | owner.head).to_be_bytes()
                } else {
                    [0; 2]
                };
                (before.head, before.len) = (owner.head, owner.len);
                (owner, end)
            }
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

    /// The whole message: all that a name in its RDATA may reach.
    pub(crate) fn message(self) -> &'m [u8] {
        self.owner.message
    }
}

/// The last owner of a message, and the pointer that would mean it again: the next owner is often the same, or has the
/// same end, and needs no second check.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Pointed {
    pointer: [u8; 2], // 0 is no pointer
    head: u16,
    len: u8,
    tail: Tail,
}

/// The name that the first pointer of an owner led to.
#[derive(Clone, Copy, Debug, Default)]
struct Tail {
    /// 0 is none: no pointer leads there.
    target: usize,
    /// Octets of its flat form without the root.
    len: usize,
    /// On the way through it.
    pointers: usize,
}
