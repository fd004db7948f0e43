//! The SOA record's data.

use crate::{Name, NameBuf, NameError, RdataError, ReadError, Rtype, Serial};

/// The RDATA of an SOA record ([RFC 1035 §3.3.13]): where a zone says how old it is and how to keep it.
///
/// Two are equal when all fields are, the names without case.
///
/// ```
/// use zonekit_wire::{Name, Serial, Soa};
///
/// let rdata = b"\x02ns\0\0\0\0\0\x07\0\0\x0e\x10\0\0\x02\x58\0\x01\x51\x80\0\0\x01\x2c";
/// let soa = Soa::read(rdata)?;
/// assert_eq!((soa.serial, soa.refresh, soa.rname), (Serial(7), 3600, Name::ROOT));
/// let (mut next, soa) = (Vec::new(), Soa { serial: soa.serial.add(1), ..soa });
/// soa.write(&mut next);
/// assert_eq!(Soa::read(&next)?.serial, Serial(8));
/// # Ok::<(), zonekit_wire::ReadError>(())
/// ```
///
/// [RFC 1035 §3.3.13]: https://www.rfc-editor.org/rfc/rfc1035#section-3.3.13
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Soa<'a> {
    /// The primary that the zone comes from.
    pub mname: Name<'a>,
    /// Whom to write to, the `@` as a dot.
    pub rname: Name<'a>,
    /// The version of the zone.
    pub serial: Serial,
    /// Seconds between two looks for a newer version.
    pub refresh: u32,
    /// Seconds before a failed look is repeated.
    pub retry: u32,
    /// Seconds after which a copy that could not be refreshed is no longer served.
    pub expire: u32,
    /// Seconds for which "there is no such record" may be kept ([RFC 2308 §4](https://www.rfc-editor.org/rfc/rfc2308#section-4)).
    pub minimum: u32,
}

impl<'a> Soa<'a> {
    /// Reads RDATA whose names are uncompressed, as a [`Record`](crate::Record) holds it.
    ///
    /// # Errors
    ///
    /// When the names or the length are not an SOA's.
    pub fn read(rdata: &'a [u8]) -> Result<Self, ReadError> {
        Self::read_fields(rdata).map_err(|error| ReadError::Rdata {
            rtype: Rtype::SOA,
            offset: 0,
            error,
        })
    }

    fn read_fields(rdata: &'a [u8]) -> Result<Self, RdataError> {
        let name = |field, octets: &'a [u8]| {
            let offset = rdata.len() - octets.len();
            Name::split_from(octets).map_err(|error| match error {
                NameError::Truncated => RdataError::Truncated { field, offset },
                error => RdataError::Name {
                    field,
                    offset,
                    error,
                },
            })
        };
        let (mname, rest) = name("MNAME", rdata)?;
        let (rname, rest) = name("RNAME", rest)?;
        let Some((numbers, rest)) = rest.split_first_chunk::<20>() else {
            return Err(RdataError::Truncated {
                field: "numbers of the SOA",
                offset: rdata.len() - rest.len(),
            });
        };
        if !rest.is_empty() {
            return Err(RdataError::TrailingOctets {
                offset: rdata.len() - rest.len(),
                count: rest.len(),
            });
        }
        let (words, _) = numbers.as_chunks::<4>();
        let mut words = words.iter().map(|&word| u32::from_be_bytes(word));
        let mut next = || words.next().unwrap_or_default(); // there are five
        Ok(Self {
            mname,
            rname,
            serial: Serial(next()),
            refresh: next(),
            retry: next(),
            expire: next(),
            minimum: next(),
        })
    }

    /// Appends the RDATA, names uncompressed.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.mname.as_octets());
        out.extend_from_slice(self.rname.as_octets());
        for word in [
            self.serial.0,
            self.refresh,
            self.retry,
            self.expire,
            self.minimum,
        ] {
            out.extend(word.to_be_bytes());
        }
    }

    /// An owned copy.
    pub fn to_buf(&self) -> SoaBuf {
        SoaBuf {
            mname: self.mname.to_buf(),
            rname: self.rname.to_buf(),
            serial: self.serial,
            refresh: self.refresh,
            retry: self.retry,
            expire: self.expire,
            minimum: self.minimum,
        }
    }
}

/// An owned [`Soa`].
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct SoaBuf {
    /// The primary that the zone comes from.
    pub mname: NameBuf,
    /// Whom to write to, the `@` as a dot.
    pub rname: NameBuf,
    /// The version of the zone.
    pub serial: Serial,
    /// Seconds between two looks for a newer version.
    pub refresh: u32,
    /// Seconds before a failed look is repeated.
    pub retry: u32,
    /// Seconds after which a copy that could not be refreshed is no longer served.
    pub expire: u32,
    /// Seconds for which "there is no such record" may be kept.
    pub minimum: u32,
}

impl SoaBuf {
    /// The data, to read.
    pub fn as_soa(&self) -> Soa<'_> {
        Soa {
            mname: self.mname.as_name(),
            rname: self.rname.as_name(),
            serial: self.serial,
            refresh: self.refresh,
            retry: self.retry,
            expire: self.expire,
            minimum: self.minimum,
        }
    }
}

impl From<Soa<'_>> for SoaBuf {
    fn from(soa: Soa<'_>) -> Self {
        soa.to_buf()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_the_same_and_every_other_length_is_refused() {
        let soa = SoaBuf {
            mname: "ns.example.org".parse().unwrap(),
            rname: "hostmaster.example.org".parse().unwrap(),
            serial: Serial(2_026_112_200),
            refresh: 1,
            retry: 2,
            expire: 3,
            minimum: 4,
        };
        let mut rdata = Vec::new();
        soa.as_soa().write(&mut rdata);
        assert_eq!(Soa::read(&rdata).unwrap(), soa.as_soa());
        for end in 0..rdata.len() {
            assert!(
                matches!(
                    Soa::read_fields(&rdata[..end]),
                    Err(RdataError::Truncated { .. })
                ),
                "{end}"
            );
        }
        rdata.push(0);
        assert_eq!(
            Soa::read_fields(&rdata),
            Err(RdataError::TrailingOctets {
                offset: rdata.len() - 1,
                count: 1
            })
        );
    }
}
