//! Records out of messages, made flat.

use crate::flat::Flat;
use crate::{Class, Name, PackedRecord, ReadError, Record, Rtype, rdata};

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
    owner: Flat,
    rdata: Flat,
    /// Type, class and TTL of what was unpacked last.
    last: Option<(Rtype, Class, u32)>,
}

impl Unpacker {
    /// One that has no memory yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The flat form of `record`, to be used before the next is asked for.
    ///
    /// # Errors
    ///
    /// When the RDATA does not fit its type, or a name in it cannot be expanded.
    pub fn unpack<'b>(&'b mut self, record: PackedRecord<'_>) -> Result<Record<'b>, ReadError> {
        self.last = None;
        self.owner.clear();
        record.owner().append_to(&mut self.owner);
        self.rdata.clear();
        let rtype = record.rtype();
        let start = record.rdata_offset();
        let place = start..start + record.rdata().len();
        rdata::unpack(rtype, record.message(), place, &mut self.rdata).map_err(
            |error| match error {
                rdata::UnpackError::Name(error) => error,
                rdata::UnpackError::Rdata(error) => ReadError::Rdata {
                    rtype,
                    offset: record.offset(),
                    error,
                },
            },
        )?;
        let (class, ttl) = (record.class(), record.ttl());
        self.last = Some((rtype, class, ttl));
        Ok(self.flat(rtype, class, ttl))
    }

    /// The record unpacked last, once more; none after an error.
    pub fn last(&self) -> Option<Record<'_>> {
        self.last
            .map(|(rtype, class, ttl)| self.flat(rtype, class, ttl))
    }

    fn flat(&self, rtype: Rtype, class: Class, ttl: u32) -> Record<'_> {
        let owner = Name::from_checked(self.owner.as_octets());
        Record {
            owner,
            rtype,
            class,
            ttl,
            rdata: self.rdata.as_octets(),
        }
    }
}
