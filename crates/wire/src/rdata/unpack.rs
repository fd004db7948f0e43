//! RDATA out of a message, its names expanded.

use std::ops::Range;

use super::error::RdataError;
use super::field::{Kind, NameRules};
use super::table::{self, Row, Shape};
use super::{MAX_RDATA, validate_in};
use crate::expanded::Expanded;
use crate::{ReadError, Rtype};

/// Checks the RDATA at `place` of a message. If its type may have compressed names, appends it with its names expanded and
/// says where it is in `out`; else it is good where it lies.
#[inline]
pub(crate) fn unpack(
    rtype: Rtype,
    message: &[u8],
    place: Range<usize>,
    out: &mut Expanded,
) -> Result<Option<Range<usize>>, UnpackError> {
    let row = table::row(rtype);
    if !row.read_packed {
        let rdata = message.get(place).unwrap_or_default();
        validate_in(row, rdata)?;
        return Ok(None);
    }
    if let (Shape::PackedName { .. }, Some(&[high @ 0xc0..=0xff, low])) =
        (row.shape, message.get(place.clone()))
        && let Some(name) = out.find(u16::from_be_bytes([high & 0x3f, low]))
    {
        return Ok(Some(name));
    }
    expand(row, message, place, out).map(Some)
}

fn expand(
    row: &'static Row,
    message: &[u8],
    place: Range<usize>,
    out: &mut Expanded,
) -> Result<Range<usize>, UnpackError> {
    let Range { start, end } = place;
    let first = out.begin_rdata();
    let mut at = start;
    for field in row.fields {
        if let Kind::Name(NameRules {
            read_packed: true, ..
        }) = field.kind
        {
            let behind = match out.append_name(message, at) {
                Ok(behind) if behind <= end => behind,
                Ok(_) | Err(ReadError::Truncated { .. }) => {
                    let (field, offset) = (field.name, at - start);
                    return Err(RdataError::Truncated { field, offset }.into());
                }
                Err(error) => return Err(UnpackError::Name(error)),
            };
            at = behind;
        } else {
            let rest = message.get(at..end).unwrap_or_default();
            let length = field
                .kind
                .measure(&[], rest)
                .map_err(|misfit| RdataError::of(misfit, field.name, at - start))?;
            out.append(rest.get(..length).unwrap_or_default());
            at += length;
        }
    }
    match end
        .saturating_sub(at)
        .max((out.len() - first).saturating_sub(MAX_RDATA))
    {
        0 => Ok(first..out.len()),
        count => Err(RdataError::TrailingOctets {
            offset: at - start,
            count,
        }
        .into()),
    }
}

/// What [`unpack`] may find wrong.
#[derive(Debug)]
pub(crate) enum UnpackError {
    Name(ReadError),
    Rdata(RdataError),
}

impl From<RdataError> for UnpackError {
    fn from(error: RdataError) -> Self {
        Self::Rdata(error)
    }
}

impl UnpackError {
    /// What that means of the record that begins at `offset`.
    #[cold]
    pub(crate) fn in_record(self, rtype: Rtype, offset: usize) -> ReadError {
        match self {
            Self::Name(error) => error,
            Self::Rdata(error) => ReadError::Rdata {
                rtype,
                offset,
                error,
            },
        }
    }
}
