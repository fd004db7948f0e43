//! RDATA out of a message, its names expanded.

use super::error::RdataError;
use super::field::{Kind, NameRules};
use super::{MAX_RDATA, table, validate};
use crate::packed::unpack_name;
use crate::{ReadError, Rtype};

/// Appends the RDATA that begins at `start` and reaches to the end of `message`, checked, with its names expanded.
pub(crate) fn unpack(
    rtype: Rtype,
    message: &[u8],
    start: usize,
    out: &mut Vec<u8>,
) -> Result<(), UnpackError> {
    let row = table::row(rtype);
    if !row.read_packed {
        let rdata = message.get(start..).unwrap_or_default();
        validate(rtype, rdata)?;
        out.extend_from_slice(rdata);
        return Ok(());
    }
    let first = out.len();
    let mut at = start;
    for field in row.fields {
        if let Kind::Name(NameRules {
            read_packed: true, ..
        }) = field.kind
        {
            at = unpack_name(message, at, out).map_err(|error| match error {
                ReadError::Truncated { .. } => RdataError::Truncated { field: field.name }.into(), // by RDLENGTH
                error => UnpackError::Name(error),
            })?;
        } else {
            let rest = message.get(at..).unwrap_or_default();
            let length = field
                .kind
                .measure(&[], rest)
                .map_err(|misfit| RdataError::of(misfit, field.name, at - start))?;
            out.extend_from_slice(rest.get(..length).unwrap_or_default());
            at += length;
        }
    }
    match message
        .len()
        .saturating_sub(at)
        .max((out.len() - first).saturating_sub(MAX_RDATA))
    {
        0 => Ok(()),
        count => Err(RdataError::TrailingOctets { count }.into()),
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
