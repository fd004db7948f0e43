//! Going through RDATA field by field.

use super::error::RdataError;
use super::field::{Field, Kind};
use super::odd;
use super::table::{self, Row};
use crate::{Name, Rtype};

/// A way through flat RDATA, checking each field as it comes.
#[derive(Clone, Debug)]
pub(crate) struct Walk<'a> {
    fields: std::slice::Iter<'static, Field>,
    rdata: &'a [u8],
    at: usize,
}

impl<'a> Walk<'a> {
    pub(super) fn new(row: &'static Row, rdata: &'a [u8]) -> Self {
        Self {
            fields: row.fields.iter(),
            rdata,
            at: 0,
        }
    }

    /// A way that begins behind the fields in front that any octets fit, if there are as many octets.
    #[inline]
    pub(super) fn behind_prefix(row: &'static Row, rdata: &'a [u8]) -> Self {
        if rdata.len() < row.prefix {
            return Self::new(row, rdata); // which is to find the field that is short
        }
        Self {
            fields: row.behind_prefix.iter(),
            rdata,
            at: row.prefix,
        }
    }

    pub(crate) fn of(rtype: Rtype, rdata: &'a [u8]) -> Self {
        Self::new(table::row(rtype), rdata)
    }

    /// The next field with its octets; `None` behind the last.
    #[inline]
    pub(crate) fn step(&mut self) -> Result<Option<(Kind, &'a [u8])>, RdataError> {
        let Some(field) = self.fields.next() else {
            return Ok(None);
        };
        let (before, rest) = self
            .rdata
            .split_at_checked(self.at)
            .unwrap_or((self.rdata, &[]));
        match field.kind.measure(before, rest) {
            Ok(length) => {
                self.at += length;
                Ok(Some((field.kind, rest.get(..length).unwrap_or_default())))
            }
            Err(misfit) => Err(RdataError::of(misfit, field.name, self.at)),
        }
    }

    /// Says whether the last field was the end.
    pub(crate) fn finish(self) -> Result<(), RdataError> {
        match self.rdata.len().saturating_sub(self.at) {
            0 => Ok(()),
            count => Err(RdataError::TrailingOctets {
                offset: self.at,
                count,
            }),
        }
    }
}

/// A stretch of RDATA that is a name, or is not.
#[derive(Clone, Copy, Debug)]
pub enum Piece<'a> {
    /// Octets to copy as they are.
    Octets(&'a [u8]),
    /// A name that may be compressed in a message that is written (types of RFC 1035).
    Name(Name<'a>),
}

/// Flat RDATA cut at the names that may be compressed when written.
///
/// Together the pieces are the whole RDATA, whatever it holds: from where it does not fit its type, it is octets.
pub fn pieces(rtype: Rtype, rdata: &[u8]) -> Pieces<'_> {
    Pieces {
        fields: table::row(rtype).written_packed.iter(),
        rest: rdata,
    }
}

/// Whether [`pieces`] may find a name; otherwise the RDATA is one piece.
#[inline]
pub(crate) fn may_be_packed(rtype: Rtype) -> bool {
    !table::row(rtype).written_packed.is_empty()
}

/// Whether the RDATA is one name, which [`pieces`] finds.
#[inline]
pub(crate) fn is_one_packed_name(rtype: Rtype) -> bool {
    matches!(
        table::row(rtype).shape,
        table::Shape::PackedName { written: true }
    )
}

/// The pieces of RDATA, made by [`pieces`].
#[derive(Clone, Debug)]
pub struct Pieces<'a> {
    fields: std::slice::Iter<'static, Field>,
    rest: &'a [u8],
}

impl<'a> Iterator for Pieces<'a> {
    type Item = Piece<'a>;

    fn next(&mut self) -> Option<Piece<'a>> {
        let mut plain = 0;
        loop {
            let behind = self.rest.get(plain..).unwrap_or_default();
            match self.fields.as_slice().first().map(|field| field.kind) {
                Some(Kind::Name(rules)) if rules.write_packed && plain > 0 => break,
                Some(Kind::Name(rules)) if rules.write_packed => {
                    let Ok((name, rest)) = Name::split_from(self.rest) else {
                        plain = self.rest.len();
                        break;
                    };
                    self.fields.next();
                    self.rest = rest;
                    return Some(Piece::Name(name));
                }
                Some(kind) => match kind.measure(&[], behind) {
                    Ok(length) => {
                        self.fields.next();
                        plain += length;
                    }
                    Err(_) => {
                        plain = self.rest.len();
                        break;
                    }
                },
                None => {
                    plain = self.rest.len();
                    break;
                }
            }
        }
        let (octets, rest) = self.rest.split_at_checked(plain)?;
        self.rest = rest;
        if rest.is_empty() {
            self.fields = [].iter();
        }
        (!octets.is_empty()).then_some(Piece::Octets(octets))
    }
}

/// The names inside flat RDATA, in order. Ends where the RDATA does not fit its type.
pub fn names(rtype: Rtype, rdata: &[u8]) -> Names<'_> {
    let row = table::row(rtype);
    let rdata = if row.has_names { rdata } else { &[] };
    Names {
        walk: Walk::new(row, rdata),
        more: &[],
    }
}

/// The names inside RDATA, made by [`names`].
#[derive(Clone, Debug)]
pub struct Names<'a> {
    walk: Walk<'a>,
    /// Names behind each other that are one field.
    more: &'a [u8],
}

impl<'a> Iterator for Names<'a> {
    type Item = Name<'a>;

    fn next(&mut self) -> Option<Name<'a>> {
        loop {
            if !self.more.is_empty() {
                let (name, rest) = Name::split_from(self.more).ok()?;
                self.more = rest;
                return Some(name);
            }
            let (kind, octets) = self.walk.step().ok()??;
            self.more = match kind {
                Kind::Name(_) | Kind::Names => octets,
                Kind::Gateway => match octets {
                    [3, _, name @ ..] => name,
                    _ => &[],
                },
                Kind::Relay => match octets {
                    [3 | 0x83, name @ ..] => name,
                    _ => &[],
                },
                Kind::A6 => odd::a6_name(octets),
                _ => &[],
            };
        }
    }
}
