//! Messages, read where they lie.

use crate::packed::Pointed;
use crate::{Class, Opcode, PackedName, PackedRecord, Rcode, ReadError, Rtype};

/// Octets of a message's header.
pub(crate) const HEADER: usize = 12;

/// A message, read where it lies ([RFC 1035 §4]). Only the header is known to be there; the rest is checked as it is
/// walked.
///
/// ```
/// use zonekit_wire::{Message, Rtype};
///
/// let octets = b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x03www\x07example\0\0\x01\0\x01";
/// let message = Message::new(octets)?;
/// assert_eq!((message.header().id, message.header().rd), (0x1234, true));
/// let question = message.question()?.expect("it has one");
/// assert_eq!(question.name.to_buf().to_string(), "www.example.");
/// assert_eq!(question.rtype, Rtype::A);
/// assert_eq!(message.records()?.count(), 0);
/// # Ok::<(), zonekit_wire::ReadError>(())
/// ```
///
/// [RFC 1035 §4]: https://www.rfc-editor.org/rfc/rfc1035#section-4
#[derive(Clone, Copy, Debug)]
pub struct Message<'m> {
    octets: &'m [u8],
    header: Header,
}

impl<'m> Message<'m> {
    /// Takes octets that are at least a header, and no more than 65,535.
    pub fn new(octets: &'m [u8]) -> Result<Self, ReadError> {
        if octets.len() > usize::from(u16::MAX) {
            return Err(ReadError::TooLong(octets.len()));
        }
        let Some(header) = octets.first_chunk() else {
            return Err(ReadError::Truncated {
                field: "header",
                offset: 0,
            });
        };
        Ok(Self {
            octets,
            header: Header::from_octets(*header),
        })
    }

    /// The whole message.
    pub fn octets(self) -> &'m [u8] {
        self.octets
    }

    /// The header.
    pub fn header(self) -> Header {
        self.header
    }

    /// The question, if there is one.
    ///
    /// # Errors
    ///
    /// When there is more than one, or it cannot be read.
    pub fn question(self) -> Result<Option<Question<'m>>, ReadError> {
        Ok(self.read_question()?.0)
    }

    /// All records, in the order in which they lie.
    ///
    /// # Errors
    ///
    /// When the question cannot be read. What is wrong further on, the iterator says.
    pub fn records(self) -> Result<Records<'m>, ReadError> {
        let (_, offset) = self.read_question()?;
        let Header {
            answers,
            authorities,
            additionals,
            ..
        } = self.header;
        Ok(Records {
            message: self.octets,
            offset,
            left: [answers, authorities, additionals],
            before: Pointed::default(),
            done: false,
        })
    }

    /// The records that were still to come when [`Records::place`] was asked, of this same message.
    ///
    /// For those who cannot hold a [`Records`] while they wait, because the octets are their own.
    pub fn records_from(self, place: RecordsPlace) -> Records<'m> {
        Records {
            message: self.octets,
            offset: place.offset.min(self.octets.len()),
            left: place.left,
            before: Pointed::default(),
            done: place.done,
        }
    }

    fn read_question(self) -> Result<(Option<Question<'m>>, usize), ReadError> {
        match self.header.questions {
            0 => Ok((None, HEADER)),
            1 => Question::read(self.octets, HEADER).map(|(question, end)| (Some(question), end)),
            more => Err(ReadError::Questions(more)),
        }
    }
}

/// The header of a message: [RFC 1035 §4.1.1], with AD and CD of [RFC 4035 §3.1.6].
///
/// ```
/// use zonekit_wire::{Header, Opcode, Rcode};
///
/// let asked = Header { id: 7, opcode: Opcode::NOTIFY, aa: true, ..Header::default() };
/// let answer = Header { rcode: Rcode::NOTAUTH, ..asked.reply() };
/// assert_eq!((answer.id, answer.opcode, answer.qr, answer.aa), (7, Opcode::NOTIFY, true, false));
/// assert_eq!(Header::from_octets(answer.to_octets()), answer);
/// ```
///
/// [RFC 1035 §4.1.1]: https://www.rfc-editor.org/rfc/rfc1035#section-4.1.1
/// [RFC 4035 §3.1.6]: https://www.rfc-editor.org/rfc/rfc4035#section-3.1.6
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Header {
    /// What ties an answer to its question.
    pub id: u16,
    /// Whether this is an answer.
    pub qr: bool,
    /// What the message is for.
    pub opcode: Opcode,
    /// Whether the answer comes from who is responsible for the zone.
    pub aa: bool,
    /// Whether the answer had no room for everything.
    pub tc: bool,
    /// Whether recursion is asked for.
    pub rd: bool,
    /// Whether recursion is to be had.
    pub ra: bool,
    /// The bit that must be zero.
    pub z: bool,
    /// Whether everything in the answer was validated.
    pub ad: bool,
    /// Whether the asker wants no validation.
    pub cd: bool,
    /// How it went: the four bits of the header; [`Opt`](crate::Opt) has eight more.
    pub rcode: Rcode,
    /// Entries in the question section.
    pub questions: u16,
    /// Records in the answer section.
    pub answers: u16,
    /// Records in the authority section.
    pub authorities: u16,
    /// Records in the additional section.
    pub additionals: u16,
}

impl Header {
    /// Reads the twelve octets; any are a header.
    pub fn from_octets(octets: [u8; 12]) -> Self {
        let [
            id_a,
            id_b,
            high,
            low,
            qd_a,
            qd_b,
            an_a,
            an_b,
            ns_a,
            ns_b,
            ar_a,
            ar_b,
        ] = octets;
        Self {
            id: u16::from_be_bytes([id_a, id_b]),
            qr: high & 0x80 != 0,
            opcode: Opcode(high >> 3 & 0xf),
            aa: high & 0x04 != 0,
            tc: high & 0x02 != 0,
            rd: high & 0x01 != 0,
            ra: low & 0x80 != 0,
            z: low & 0x40 != 0,
            ad: low & 0x20 != 0,
            cd: low & 0x10 != 0,
            rcode: Rcode(u16::from(low & 0xf)),
            questions: u16::from_be_bytes([qd_a, qd_b]),
            answers: u16::from_be_bytes([an_a, an_b]),
            authorities: u16::from_be_bytes([ns_a, ns_b]),
            additionals: u16::from_be_bytes([ar_a, ar_b]),
        }
    }

    /// The twelve octets. Of opcode and rcode the low four bits go in.
    pub fn to_octets(self) -> [u8; 12] {
        let bit = |set: bool, place: u8| u8::from(set) << place;
        let high = bit(self.qr, 7)
            | (self.opcode.0 & 0xf) << 3
            | bit(self.aa, 2)
            | bit(self.tc, 1)
            | bit(self.rd, 0);
        let low = bit(self.ra, 7)
            | bit(self.z, 6)
            | bit(self.ad, 5)
            | bit(self.cd, 4)
            | (self.rcode.0 & 0xf) as u8;
        let [id_a, id_b] = self.id.to_be_bytes();
        let [qd_a, qd_b] = self.questions.to_be_bytes();
        let [an_a, an_b] = self.answers.to_be_bytes();
        let [ns_a, ns_b] = self.authorities.to_be_bytes();
        let [ar_a, ar_b] = self.additionals.to_be_bytes();
        [
            id_a, id_b, high, low, qd_a, qd_b, an_a, an_b, ns_a, ns_b, ar_a, ar_b,
        ]
    }

    /// The header of an answer to this: same ID, opcode, RD and CD; NOERROR; no counts.
    #[must_use]
    pub fn reply(self) -> Self {
        let Self {
            id, opcode, rd, cd, ..
        } = self;
        Self {
            id,
            opcode,
            rd,
            cd,
            qr: true,
            ..Self::default()
        }
    }
}

/// The question of a message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Question<'m> {
    /// The name asked for.
    pub name: PackedName<'m>,
    /// The type asked for.
    pub rtype: Rtype,
    /// The class asked for.
    pub class: Class,
}

impl<'m> Question<'m> {
    fn read(message: &'m [u8], offset: usize) -> Result<(Self, usize), ReadError> {
        let (name, end) = match PackedName::read_flat(message, offset) {
            Some(read) => read,
            None => PackedName::read(message, offset)?, // to say what is wrong
        };
        let Some(&[type_a, type_b, class_a, class_b]) =
            message.get(end..).and_then(|rest| rest.first_chunk())
        else {
            return Err(ReadError::Truncated {
                field: "question",
                offset,
            });
        };
        let rtype = Rtype(u16::from_be_bytes([type_a, type_b]));
        let class = Class(u16::from_be_bytes([class_a, class_b]));
        Ok((Self { name, rtype, class }, end + 4))
    }
}

/// The part of a message that a record is in.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Section {
    /// What was asked for.
    Answer,
    /// Who is responsible.
    Authority,
    /// What may help, and OPT and TSIG.
    Additional,
}

/// The records of a message. Its last item is an error if octets are left behind the last counted record.
#[derive(Clone, Debug)]
pub struct Records<'m> {
    message: &'m [u8],
    offset: usize,
    left: [u16; 3],
    before: Pointed,
    done: bool,
}

/// How far a [`Records`] has come, without the message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RecordsPlace {
    offset: usize,
    left: [u16; 3],
    done: bool,
}

impl<'m> Records<'m> {
    /// The records from `offset` on, which are those of the authority and the additional section.
    pub(crate) fn behind_answers(message: &'m [u8], offset: usize, left: [u16; 2]) -> Self {
        let [authorities, additionals] = left;
        Self {
            message,
            offset,
            left: [0, authorities, additionals],
            before: Pointed::default(),
            done: false,
        }
    }

    /// How far this has come, to go on later with [`Message::records_from`].
    pub fn place(&self) -> RecordsPlace {
        RecordsPlace {
            offset: self.offset,
            left: self.left,
            done: self.done,
        }
    }

    /// Where the next record begins, or where the message should end.
    pub fn offset(&self) -> usize {
        self.offset
    }
}

impl<'m> Iterator for Records<'m> {
    type Item = Result<(Section, PackedRecord<'m>), ReadError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let section = match &mut self.left {
            [left @ 1..=u16::MAX, _, _] => {
                *left -= 1;
                Section::Answer
            }
            [_, left @ 1..=u16::MAX, _] => {
                *left -= 1;
                Section::Authority
            }
            [_, _, left @ 1..=u16::MAX] => {
                *left -= 1;
                Section::Additional
            }
            _ => {
                self.done = true;
                let count = self.message.len() - self.offset;
                return (count > 0).then_some(Err(ReadError::TrailingOctets {
                    offset: self.offset,
                    count,
                }));
            }
        };
        match PackedRecord::read(self.message, self.offset, &mut self.before) {
            Ok((record, end)) => {
                self.offset = end;
                Some(Ok((section, record)))
            }
            Err(error) => {
                self.done = true;
                Some(Err(error))
            }
        }
    }
}
