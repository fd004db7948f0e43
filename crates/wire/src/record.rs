//! Resource records in flat form.

use std::fmt;

use crate::{Class, Name, NameBuf, Rtype, text};

/// A resource record whose names, in owner and RDATA, are uncompressed.
///
/// Any value is valid: RDATA that does not fit its type prints in the form for unknown types
/// ([RFC 3597 §5](https://www.rfc-editor.org/rfc/rfc3597#section-5)). Equality is of octets but for the case of the
/// owner; to compare RDATA as the DNS does, see the functions of the RDATA table.
///
/// ```
/// use zonekit_wire::{Class, NameBuf, Record, Rtype};
///
/// let owner: NameBuf = "example.org".parse()?;
/// let (owner, class, ttl) = (owner.as_name(), Class::IN, 300);
/// let mx = Record { owner, rtype: Rtype::MX, class, ttl, rdata: b"\0\x0a\x04mail\0" };
/// assert_eq!(mx.to_string(), "example.org. 300 IN MX 10 mail.");
/// let odd = Record { rdata: b"\0", ..mx };
/// assert_eq!(odd.to_string(), "example.org. 300 IN MX \\# 1 00");
/// # Ok::<(), zonekit_wire::NameError>(())
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Record<'a> {
    /// Whose record it is.
    pub owner: Name<'a>,
    /// What the RDATA means.
    pub rtype: Rtype,
    /// Nearly always [`Class::IN`].
    pub class: Class,
    /// How long others may keep it, in seconds.
    pub ttl: u32,
    /// The data in wire form.
    pub rdata: &'a [u8],
}

impl Record<'_> {
    /// An owned copy.
    pub fn to_buf(&self) -> RecordBuf {
        RecordBuf::from(*self)
    }
}

/// The record on one line as in a master file: `owner TTL class type rdata`, names absolute, hex and base64 unbroken.
///
/// [`text::write_record`] does the same several times faster.
impl fmt::Display for Record<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut line = Vec::new();
        text::write_record(self, &mut line);
        f.write_str(std::str::from_utf8(&line).unwrap_or_default()) // presentation form is ASCII
    }
}

/// An owned [`Record`].
///
/// ```
/// use zonekit_wire::{Class, RecordBuf, Rtype};
///
/// let record = RecordBuf {
///     owner: "www.example.org".parse()?,
///     rtype: Rtype::A,
///     class: Class::IN,
///     ttl: 3600,
///     rdata: vec![192, 0, 2, 1],
/// };
/// assert_eq!(record.as_record().to_string(), "www.example.org. 3600 IN A 192.0.2.1");
/// assert_eq!(record.as_record().to_buf(), record);
/// # Ok::<(), zonekit_wire::NameError>(())
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RecordBuf {
    /// Whose record it is.
    pub owner: NameBuf,
    /// What the RDATA means.
    pub rtype: Rtype,
    /// Nearly always [`Class::IN`].
    pub class: Class,
    /// How long others may keep it, in seconds.
    pub ttl: u32,
    /// The data in wire form, names uncompressed.
    pub rdata: Vec<u8>,
}

impl RecordBuf {
    /// The record, to read.
    pub fn as_record(&self) -> Record<'_> {
        Record {
            owner: self.owner.as_name(),
            rtype: self.rtype,
            class: self.class,
            ttl: self.ttl,
            rdata: &self.rdata,
        }
    }
}

impl From<Record<'_>> for RecordBuf {
    fn from(record: Record<'_>) -> Self {
        let Record {
            owner,
            rtype,
            class,
            ttl,
            rdata,
        } = record;
        Self {
            owner: owner.to_buf(),
            rtype,
            class,
            ttl,
            rdata: rdata.to_vec(),
        }
    }
}

impl fmt::Display for RecordBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_record().fmt(f)
    }
}
