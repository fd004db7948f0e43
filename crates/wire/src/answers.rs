//! The answer section of a message, record by record, flat.

use std::ops::Range;

use crate::{Class, Message, ReadError, Record, Records, Rtype, Unpacker, rdata};

/// The records of a message's answer section, made flat; made by [`Unpacker::answers`].
///
/// What owners and names in RDATA have in common is expanded once for the whole message, and RDATA that cannot hold
/// compressed names is left where it lies.
#[derive(Debug)]
pub struct Answers<'u, 'm> {
    unpacker: &'u mut Unpacker,
    message: &'m [u8],
    /// Where the record at hand begins, and the next.
    offset: usize,
    next: usize,
    left: u16,
    /// Records of the sections behind.
    behind: [u16; 2],
    done: bool,
}

/// A record made flat, with what a zone kept in order needs of its owner.
#[derive(Clone, Copy, Debug)]
pub struct Unpacked<'b> {
    /// The record: octets as received, names expanded, RDATA checked against its type.
    pub record: Record<'b>,
    /// The sort key of the owner, as [`Name::write_sort_key`](crate::Name::write_sort_key) writes it.
    pub sort_key: &'b [u8],
    /// Whether the message says by a pointer that the owner is that of the record before. Where it spells the name out
    /// once more, this is false.
    pub is_same_owner: bool,
}

impl<'u, 'm> Answers<'u, 'm> {
    pub(crate) fn new(unpacker: &'u mut Unpacker, message: Message<'m>) -> Result<Self, ReadError> {
        let next = message.records()?.offset();
        let header = message.header();
        Ok(Self {
            unpacker,
            message: message.octets(),
            offset: next,
            next,
            left: header.answers,
            behind: [header.authorities, header.additionals],
            done: false,
        })
    }

    /// The next record; `None` behind the last. By then the other sections have been walked, too: their records lie in
    /// bounds, and nothing lies behind them.
    ///
    /// # Errors
    ///
    /// When the octets are not a record, the RDATA does not fit its type, or a name cannot be expanded. Nothing comes
    /// after that.
    #[inline]
    pub fn next_record(&mut self) -> Result<Option<Unpacked<'_>>, ReadError> {
        if self.left == 0 {
            return self.finish().map(|()| None);
        }
        match self.step() {
            Ok((fixed, rdata, is_same_owner)) => {
                let owner = &self.unpacker.owner;
                let rdata = match rdata {
                    Place::Message(rdata) => rdata,
                    Place::Expanded(place) => {
                        let octets = self.unpacker.rdata.as_octets();
                        octets.get(place).unwrap_or_default()
                    }
                };
                let (rtype, class, ttl) = fixed;
                Ok(Some(Unpacked {
                    record: Record {
                        owner: owner.name(),
                        rtype,
                        class,
                        ttl,
                        rdata,
                    },
                    sort_key: owner.sort_key(),
                    is_same_owner,
                }))
            }
            Err(error) => {
                (self.left, self.done) = (0, true);
                Err(error)
            }
        }
    }

    /// Where the record begins in the message that came last or was found wrong.
    pub fn offset(&self) -> usize {
        self.offset
    }

    #[inline]
    fn step(&mut self) -> Result<(Fixed, Place<'m>, bool), ReadError> {
        self.offset = self.next;
        let (end, is_same_owner) = self.unpacker.owner.read(self.message, self.offset)?;
        let rest = self.message.get(end..).unwrap_or_default();
        let Some((fixed, behind)) = rest.split_first_chunk() else {
            return Err(ReadError::Truncated {
                field: "record header",
                offset: end,
            });
        };
        let &[a, b, c, d, e, f, g, h, high, low]: &[u8; 10] = fixed;
        let start = end + fixed.len();
        let length = usize::from(u16::from_be_bytes([high, low]));
        let Some(rdata) = behind.get(..length) else {
            return Err(ReadError::Truncated {
                field: "RDATA",
                offset: start,
            });
        };
        let rtype = Rtype(u16::from_be_bytes([a, b]));
        let ttl = match u32::from_be_bytes([e, f, g, h]) {
            ttl if ttl >> 31 == 1 => 0, // RFC 2181 §8
            ttl => ttl,
        };
        self.next = start + length;
        let place = rdata::unpack(
            rtype,
            self.message,
            start..self.next,
            &mut self.unpacker.rdata,
        );
        let place = match place {
            Ok(None) => Place::Message(rdata),
            Ok(Some(place)) => Place::Expanded(place),
            Err(error) => return Err(error.in_record(rtype, self.offset)),
        };
        self.left -= 1;
        Ok((
            (rtype, Class(u16::from_be_bytes([c, d])), ttl),
            place,
            is_same_owner,
        ))
    }

    fn finish(&mut self) -> Result<(), ReadError> {
        if self.done {
            return Ok(());
        }
        self.done = true;
        let mut rest = Records::behind_answers(self.message, self.next, self.behind);
        rest.try_for_each(|item| item.map(drop))
            .inspect_err(|_| self.offset = rest.offset())
    }
}

type Fixed = (Rtype, Class, u32);

/// Where flat RDATA is.
enum Place<'m> {
    Message(&'m [u8]),
    Expanded(Range<usize>),
}
