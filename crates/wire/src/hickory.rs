//! Conversions to and from [`hickory_proto`] (feature `hickory`), so that its users can take up one crate at a time.
//!
//! | here | there | |
//! |---|---|---|
//! | [`Rtype`], [`Class`] | [`RecordType`], [`DNSClass`] | `From`, both ways |
//! | [`Name`], [`NameBuf`] | [`hickory_proto::rr::Name`] | `TryFrom`, both ways: theirs may be relative |
//! | [`Record`], [`RecordBuf`] | [`hickory_proto::rr::Record`] | `TryFrom`, both ways: theirs checks some RDATA more |
//!
//! ```
//! use zonekit_wire::{NameBuf, RecordBuf, Rtype};
//!
//! let name = hickory_proto::rr::Name::from_ascii("www.example.org.")?;
//! assert_eq!(NameBuf::try_from(&name)?.to_string(), "www.example.org.");
//!
//! let address = hickory_proto::rr::RData::A("192.0.2.1".parse()?);
//! let record = RecordBuf::try_from(&hickory_proto::rr::Record::from_rdata(name, 3600, address))?;
//! assert_eq!(record.to_string(), "www.example.org. 3600 IN A 192.0.2.1");
//! assert_eq!(hickory_proto::rr::RecordType::from(Rtype::A), hickory_proto::rr::RecordType::A);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Where we differ
//!
//! - Types that hickory-proto knows no RDATA of are opaque there and come back as they went.
//! - RDATA of no octets is what hickory-proto has for dynamic updates. For a type that is never empty it comes back
//!   as it went, but does not fit its type.
//! - A record there has a TTL only; whether its highest bit means anything is not asked.

use hickory_proto::rr::{self, DNSClass, RData, RecordType};
use hickory_proto::serialize::binary::{
    BinDecodable, BinDecoder, BinEncodable, BinEncoder, DecodeError, NameEncoding, Restrict,
};

use crate::{Class, Name, NameBuf, NameError, Record, RecordBuf, Rtype};

/// Why a name or a record cannot be what it is on the other side.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HickoryError {
    /// A name without its root: relative to something that only its owner knows.
    #[error("name is relative")]
    RelativeName,
    /// hickory-proto's name is not one.
    #[error("name from hickory-proto: {0}")]
    Name(#[from] NameError),
    /// hickory-proto does not take the name or the RDATA.
    #[error("hickory-proto refuses it: {0}")]
    Refused(#[from] DecodeError),
    /// hickory-proto does not write the name or the RDATA.
    #[error("hickory-proto cannot write it: {0}")]
    Unwritable(#[from] hickory_proto::ProtoError),
    /// More RDATA than a record can have: so many octets.
    #[error("RDATA of {0} octets is longer than 65,535")]
    TooLong(usize),
}

impl From<RecordType> for Rtype {
    fn from(rtype: RecordType) -> Self {
        Self(rtype.into())
    }
}

impl From<Rtype> for RecordType {
    fn from(rtype: Rtype) -> Self {
        rtype.0.into()
    }
}

impl From<DNSClass> for Class {
    fn from(class: DNSClass) -> Self {
        Self(class.into())
    }
}

impl From<Class> for DNSClass {
    fn from(class: Class) -> Self {
        class.0.into()
    }
}

impl TryFrom<Name<'_>> for rr::Name {
    type Error = HickoryError;

    fn try_from(name: Name<'_>) -> Result<Self, HickoryError> {
        Ok(Self::from_bytes(name.as_octets())?)
    }
}

impl TryFrom<&NameBuf> for rr::Name {
    type Error = HickoryError;

    fn try_from(name: &NameBuf) -> Result<Self, HickoryError> {
        name.as_name().try_into()
    }
}

impl TryFrom<&rr::Name> for NameBuf {
    type Error = HickoryError;

    fn try_from(name: &rr::Name) -> Result<Self, HickoryError> {
        if !name.is_fqdn() {
            return Err(HickoryError::RelativeName);
        }
        let octets = flat(name)?;
        Ok(Name::from_octets(&octets)?.to_buf())
    }
}

impl TryFrom<Record<'_>> for rr::Record {
    type Error = HickoryError;

    fn try_from(record: Record<'_>) -> Result<Self, HickoryError> {
        let Record {
            owner,
            rtype,
            class,
            ttl,
            rdata,
        } = record;
        let length = u16::try_from(rdata.len()).map_err(|_| HickoryError::TooLong(rdata.len()))?;
        let data = match length {
            0 => RData::Update0(rtype.into()),
            _ => RData::read(
                &mut BinDecoder::new(rdata),
                rtype.into(),
                Restrict::new(length),
            )?,
        };
        let mut record = Self::from_rdata(owner.try_into()?, ttl, data);
        record.dns_class = class.into();
        Ok(record)
    }
}

impl TryFrom<&RecordBuf> for rr::Record {
    type Error = HickoryError;

    fn try_from(record: &RecordBuf) -> Result<Self, HickoryError> {
        record.as_record().try_into()
    }
}

impl TryFrom<&rr::Record> for RecordBuf {
    type Error = HickoryError;

    fn try_from(record: &rr::Record) -> Result<Self, HickoryError> {
        let rdata = flat(&record.data)?;
        if rdata.len() > usize::from(u16::MAX) {
            return Err(HickoryError::TooLong(rdata.len()));
        }
        Ok(Self {
            owner: (&record.name).try_into()?,
            rtype: record.record_type().into(),
            class: record.dns_class.into(),
            ttl: record.ttl,
            rdata,
        })
    }
}

/// What hickory-proto writes, names uncompressed and with their case.
fn flat(value: &impl BinEncodable) -> Result<Vec<u8>, HickoryError> {
    let mut octets = Vec::new();
    let mut encoder = BinEncoder::new(&mut octets);
    encoder.set_name_encoding(NameEncoding::Uncompressed);
    value.emit(&mut encoder)?;
    Ok(octets)
}
