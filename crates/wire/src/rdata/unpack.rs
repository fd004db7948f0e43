//! RDATA out of a message, its names expanded.

use std::ops::Range;

use super::error::RdataError;
use super::field::{Kind, NameRules};
use super::{MAX_RDATA, table, validate};
use crate::flat::Flat;
use crate::{ReadError, Rtype};

/// Appends the RDATA at `place` of a message, checked, with its names expanded.
#[inline]
pub(crate) fn unpack(
    rtype: Rtype,
    message: &[u8],
    place: Range<usize>,
    out: &mut Flat,
) -> Result<(), UnpackError> {
    let row = table::row(rtype);
    let Range { start, end } = place;
    if !row.read_packed {
        let rdata = message.get(place).unwrap_or_default();
        validate(rtype, rdata)?;
        out.append(rdata);
        return Ok(());
    }
    let first = out.len();
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
        0 => Ok(()),
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
