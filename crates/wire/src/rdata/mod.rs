//! RDATA by type: one table says which fields each RR type has, and everything else follows from it.
//!
//! From [`fields`] come checking ([`validate`]), expanding names out of a message, canonical form and order
//! ([`canonical`], [`cmp`]), equality as the DNS has it ([`eq`]), the names inside ([`names`]) and the presentation
//! form both ways ([`display`], [`text`](crate::text)). Types that the table does not know are opaque
//! ([RFC 3597](https://www.rfc-editor.org/rfc/rfc3597)): always valid, compared by octets, printed as `\# length hex`.
//!
//! ```
//! use zonekit_wire::{Rtype, rdata};
//!
//! let mx = b"\x00\x0a\x04Mail\x07example\x00";
//! rdata::validate(Rtype::MX, mx)?;
//! assert_eq!(rdata::display(Rtype::MX, mx).to_string(), "10 Mail.example.");
//! assert!(rdata::eq(Rtype::MX, mx, b"\x00\x0a\x04mail\x07EXAMPLE\x00"));
//! assert!(rdata::validate(Rtype::A, &[192, 0, 2]).is_err());
//! # Ok::<(), zonekit_wire::RdataError>(())
//! ```

pub mod bitmap;
mod compare;
pub(crate) mod error;
mod field;
pub(crate) mod odd;
pub(crate) mod svcb;
mod table;
mod unpack;
mod walk;

use std::fmt;

use crate::Rtype;
use table::Shape;

pub use compare::{canonical, cmp, cmp_without_case, eq, keeps_case};
pub(crate) use error::RdataError; // to others it is in the crate's root
pub use field::{Field, Kind, NameRules};
pub(crate) use unpack::unpack;
pub(crate) use walk::Walk;
pub use walk::{Names, Piece, Pieces, names, pieces};
pub(crate) use walk::{is_one_packed_name, may_be_packed};

/// The longest RDATA there can be: its length has two octets.
pub const MAX_RDATA: usize = 65_535;

/// The fields of a type, in order. A type that is not known has one, opaque.
pub fn fields(rtype: Rtype) -> &'static [Field] {
    table::row(rtype).fields
}

/// Whether the table knows the type.
pub fn is_known(rtype: Rtype) -> bool {
    table::row(rtype).rtype != 0
}

/// Checks RDATA whose names are uncompressed, to the octet. RDATA of a type that is not known is always right.
///
/// # Errors
///
/// The first field that does not fit.
#[inline]
pub fn validate(rtype: Rtype, rdata: &[u8]) -> Result<(), RdataError> {
    validate_in(table::row(rtype), rdata)
}

#[inline]
fn validate_in(row: &'static table::Row, rdata: &[u8]) -> Result<(), RdataError> {
    let fits = match row.shape {
        Shape::Exactly(size) => rdata.len() == size,
        Shape::AtLeast(least) => rdata.len() >= least && rdata.len() <= MAX_RDATA,
        Shape::PackedName { .. } | Shape::Fields => false,
    };
    if fits {
        Ok(())
    } else {
        validate_fields(row, rdata)
    }
}

fn validate_fields(row: &'static table::Row, rdata: &[u8]) -> Result<(), RdataError> {
    if let Some(count @ 1..) = rdata.len().checked_sub(MAX_RDATA) {
        let offset = MAX_RDATA;
        return Err(RdataError::TrailingOctets { offset, count });
    }
    let mut walk = Walk::behind_prefix(row, rdata);
    while walk.step()?.is_some() {}
    walk.finish()
}

/// RDATA to print in presentation form; what does not fit its type prints as `\# length hex`.
///
/// This is for messages and logs. [`text::write_rdata`](crate::text::write_rdata) does the same several times faster.
pub fn display(rtype: Rtype, rdata: &[u8]) -> Display<'_> {
    Display { rtype, rdata }
}

/// RDATA to print, made by [`display`].
#[derive(Clone, Copy, Debug)]
pub struct Display<'a> {
    rtype: Rtype,
    rdata: &'a [u8],
}

impl fmt::Display for Display<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = Vec::new();
        crate::text::write_rdata(self.rtype, self.rdata, &mut text);
        f.write_str(std::str::from_utf8(&text).unwrap_or_default()) // presentation form is ASCII
    }
}
