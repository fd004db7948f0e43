//! Records out of messages, made flat.

use std::ops::Range;

use crate::expanded::Expanded;
use crate::owner::Owner;
use crate::{Answers, Class, Message, PackedRecord, ReadError, Record, Rtype, rdata};

/// Expands records into a buffer that is used again: names in owner and RDATA uncompressed, RDATA checked against its
/// type.
///
/// ```
/// use zonekit_wire::{Message, Rtype, Unpacker};
///
/// # fn octets() -> &'static [u8] {
/// #     b"\x00\x01\x84\x00\x00\x01\x00\x01\x00\x00\x00\x00\x07example\x03org\x00\x00\x02\x00\x01\xc0\x0c\x00\x02\x00\x01\x00\x00\x0e\x10\x00\x05\x02ns\xc0\x0c"
/// # }
/// let message = Message::new(octets())?;
/// let mut unpacker = Unpacker::new();
/// for item in message.records()? {
///     let (_section, record) = item?;
///     let record = unpacker.unpack(record)?;
///     assert_eq!(record.rtype, Rtype::NS);
///     assert_eq!(record.rdata, b"\x02ns\x07example\x03org\x00");
/// }
/// # Ok::<(), zonekit_wire::ReadError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Unpacker {
    pub(crate) owner: Owner,
    pub(crate) rdata: Expanded,
    /// What was unpacked last, and where its RDATA is.
    last: Option<(Rtype, Class, u32, Range<usize>)>,
}

impl Unpacker {
    /// One that has no memory yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The flat form of `record`, to be used before the next is asked for. For all of a message,
    /// [`answers`](Self::answers) costs less.
    ///
    /// # Errors
    ///
    /// When the RDATA does not fit its type, or a name in it cannot be expanded.
    pub fn unpack<'b>(&'b mut self, record: PackedRecord<'_>) -> Result<Record<'b>, ReadError> {
        self.last = None;
        self.rdata.clear();
        let (message, offset) = (record.message(), record.offset());
        self.owner.read_alone(message, offset)?;
        let rtype = record.rtype();
        let start = record.rdata_offset();
        let place = start..start + record.rdata().len();
        let place = match rdata::unpack(rtype, message, place, &mut self.rdata) {
            Ok(Some(place)) => place,
            Ok(None) => {
                self.rdata.append(record.rdata());
                0..record.rdata().len()
            }
            Err(error) => return Err(error.in_record(rtype, offset)),
        };
        let (class, ttl) = (record.class(), record.ttl());
        self.last = Some((rtype, class, ttl, place.clone()));
        Ok(self.flat(rtype, class, ttl, place))
    }

    /// All records of the answer section of `message`, made flat one by one: what a zone transfer is read with.
    ///
    /// ```
    /// use zonekit_wire::{Message, Name, Unpacker};
    ///
    /// # fn octets() -> &'static [u8] {
    /// #     b"\x00\x01\x84\x00\x00\x01\x00\x02\x00\x00\x00\x00\x07example\x03org\x00\x00\x02\x00\x01\xc0\x0c\x00\x02\x00\x01\x00\x00\x0e\x10\x00\x05\x02ns\xc0\x0c\xc0\x0c\x00\x02\x00\x01\x00\x00\x0e\x10\x00\x02\xc0\x29"
    /// # }
    /// let message = Message::new(octets())?;
    /// let mut unpacker = Unpacker::new(); // to be used again
    /// let mut answers = unpacker.answers(message)?;
    /// while let Some(unpacked) = answers.next_record()? {
    ///     assert_eq!(unpacked.record.rdata, b"\x02ns\x07example\x03org\x00");
    ///     assert_eq!(unpacked.sort_key, b"org\x00example\x00");
    /// }
    /// # Ok::<(), zonekit_wire::ReadError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// When the question cannot be read.
    pub fn answers<'u, 'm>(
        &'u mut self,
        message: Message<'m>,
    ) -> Result<Answers<'u, 'm>, ReadError> {
        self.last = None;
        self.owner.clear();
        self.rdata.begin_message();
        Answers::new(self, message)
    }

    /// The record that [`unpack`](Self::unpack) gave last, once more; none after an error.
    pub fn last(&self) -> Option<Record<'_>> {
        let (rtype, class, ttl, place) = self.last.clone()?;
        Some(self.flat(rtype, class, ttl, place))
    }

    fn flat(&self, rtype: Rtype, class: Class, ttl: u32, rdata: Range<usize>) -> Record<'_> {
        Record {
            owner: self.owner.name(),
            rtype,
            class,
            ttl,
            rdata: self.rdata.as_octets().get(rdata).unwrap_or_default(),
        }
    }
}
