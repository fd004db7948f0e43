//! One table that says, for every type, which fields its RDATA has.

use std::fmt;

use crate::packed::PackedName;
use crate::{Name, NameError, ReadError, Rtype};

/// A field of RDATA.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Field {
    /// A domain name. `compress_in`: it may be compressed when it arrives ([RFC 3597 §4]); `compress_out`: we may
    /// compress it (types of RFC 1035); `lower`: its canonical form is in lower case ([RFC 4034 §6.2]).
    ///
    /// [RFC 3597 §4]: https://www.rfc-editor.org/rfc/rfc3597#section-4
    /// [RFC 4034 §6.2]: https://www.rfc-editor.org/rfc/rfc4034#section-6.2
    Name {
        compress_in: bool,
        compress_out: bool,
        lower: bool,
    },
    /// So many octets.
    Fixed(usize),
    /// A character string: its length in one octet, then as many.
    Text,
    /// One or more character strings, up to the end.
    Texts,
    /// All that is left, at least one octet.
    Rest,
    /// The types of NSEC and its kin, up to the end ([RFC 4034 §4.1.2](https://www.rfc-editor.org/rfc/rfc4034#section-4.1.2)).
    Bitmap,
}

use Field::{Bitmap, Fixed, Rest, Text, Texts};

/// A name that the oldest types hold: compressed both ways.
const OLD: Field = Field::Name {
    compress_in: true,
    compress_out: true,
    lower: true,
};
/// A name that may arrive compressed, but does not leave so.
const READ: Field = Field::Name {
    compress_in: true,
    compress_out: false,
    lower: true,
};
/// A name that is never compressed, but lower-cased in canonical form.
const LOWER: Field = Field::Name {
    compress_in: false,
    compress_out: false,
    lower: true,
};
/// A name that stays as it is.
const PLAIN: Field = Field::Name {
    compress_in: false,
    compress_out: false,
    lower: false,
};

/// The fields of a type's RDATA; none for types that we do not know.
pub(crate) fn fields(rtype: Rtype) -> Option<&'static [Field]> {
    Some(match rtype {
        Rtype::A => &[Fixed(4)],
        Rtype::NS | Rtype::CNAME | Rtype::PTR => &[OLD],
        Rtype::SOA => &[OLD, OLD, Fixed(20)],
        Rtype::MX => &[Fixed(2), OLD],
        Rtype::TXT => &[Texts],
        Rtype::AAAA => &[Fixed(16)],
        Rtype::SRV => &[Fixed(6), READ],
        Rtype::NAPTR => &[Fixed(4), Text, Text, Text, READ],
        Rtype::DNAME => &[LOWER],
        Rtype::DS => &[Fixed(4), Rest],
        Rtype::RRSIG => &[Fixed(18), LOWER, Rest],
        Rtype::NSEC => &[PLAIN, Bitmap],
        Rtype::DNSKEY => &[Fixed(4), Rest],
        _ => return None,
    })
}

/// Why octets are not the RDATA of their type.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RdataError {
    /// It ends before or inside a field.
    #[error("RDATA ends inside the {field}")]
    Truncated {
        /// Which field.
        field: &'static str,
    },
    /// A name in it is none.
    #[error("{field}: {error}")]
    Name {
        /// Which field.
        field: &'static str,
        /// What is wrong with the name.
        error: NameError,
    },
    /// The type bitmap's windows are empty, too long, or out of order.
    #[error("type bitmap is malformed")]
    Bitmap,
    /// Octets behind the last field.
    #[error("{count} octets behind the last field")]
    TrailingOctets {
        /// How many.
        count: usize,
    },
}

/// Checks RDATA whose names are uncompressed. RDATA of a type that we do not know is always right.
pub fn validate(rtype: Rtype, rdata: &[u8]) -> Result<(), RdataError> {
    let Some(fields) = fields(rtype) else {
        return Ok(());
    };
    let mut rest = rdata;
    for field in fields {
        rest = match field {
            Field::Name { .. } => name(rest)?.1,
            other => plain(*other, rest)?.1,
        };
    }
    at_end(rest)
}

/// Appends the RDATA that begins at `start` and reaches to the end of `message`, with its names expanded.
pub(crate) fn unpack(
    rtype: Rtype,
    message: &[u8],
    start: usize,
    out: &mut Vec<u8>,
) -> Result<(), UnpackError> {
    let rdata = message.get(start..).unwrap_or_default();
    let Some(fields) = fields(rtype) else {
        out.extend_from_slice(rdata);
        return Ok(());
    };
    let mut rest = rdata;
    for field in fields {
        rest = match field {
            Field::Name {
                compress_in: true, ..
            } => {
                let (name, end) = PackedName::read(message, message.len() - rest.len())?;
                name.append_to(out);
                message.get(end..).unwrap_or_default()
            }
            field => {
                let (octets, behind) = match field {
                    Field::Name { .. } => {
                        name(rest).map(|(name, behind)| (name.as_octets(), behind))?
                    }
                    other => plain(*other, rest)?,
                };
                out.extend_from_slice(octets);
                behind
            }
        };
    }
    Ok(at_end(rest)?)
}

/// What [`unpack`] may find wrong.
#[derive(Debug)]
pub(crate) enum UnpackError {
    Name(ReadError),
    Rdata(RdataError),
}

impl From<ReadError> for UnpackError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Truncated { field, .. } => Self::Rdata(RdataError::Truncated { field }), // by RDLENGTH
            error => Self::Name(error),
        }
    }
}

impl From<RdataError> for UnpackError {
    fn from(error: RdataError) -> Self {
        Self::Rdata(error)
    }
}

/// RDATA to print in presentation form; what does not fit its type as `\# length hex`.
pub fn display(_rtype: Rtype, rdata: &[u8]) -> Display<'_> {
    Display(rdata)
}

/// RDATA to print, made by [`display`].
#[derive(Clone, Copy, Debug)]
pub struct Display<'a>(&'a [u8]);

impl fmt::Display for Display<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\\# {}", self.0.len())?;
        if !self.0.is_empty() {
            f.write_str(" ")?;
        }
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02X}"))
    }
}

/// Splits a flat name off the front.
fn name(rest: &[u8]) -> Result<(Name<'_>, &[u8]), RdataError> {
    Name::split_from(rest).map_err(|error| match error {
        NameError::Truncated => RdataError::Truncated { field: "name" },
        error => RdataError::Name {
            field: "name",
            error,
        },
    })
}

/// Splits a field that is not a name off the front.
fn plain(field: Field, rest: &[u8]) -> Result<(&[u8], &[u8]), RdataError> {
    let truncated = |field| RdataError::Truncated { field };
    let length = match field {
        Field::Fixed(length) => length,
        Field::Text => 1 + usize::from(*rest.first().ok_or(truncated("text"))?),
        Field::Texts => {
            let mut length = 0;
            while let Some(&octets) = rest.get(length) {
                length += 1 + usize::from(octets);
            }
            length.max(1)
        }
        Field::Bitmap => {
            let mut windows = rest;
            let mut last = None;
            while let [window, length @ 1..=32, behind @ ..] = windows {
                if last >= Some(*window) {
                    return Err(RdataError::Bitmap);
                }
                last = Some(*window);
                windows = behind
                    .get(usize::from(*length)..)
                    .ok_or(truncated("type bitmap"))?;
            }
            if !windows.is_empty() {
                return Err(RdataError::Bitmap);
            }
            rest.len()
        }
        _ => rest.len().max(1),
    };
    rest.split_at_checked(length)
        .ok_or(truncated("fixed fields"))
}

fn at_end(rest: &[u8]) -> Result<(), RdataError> {
    match rest.len() {
        0 => Ok(()),
        count => Err(RdataError::TrailingOctets { count }),
    }
}
