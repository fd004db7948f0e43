//! Why octets are not the RDATA of their type.

use super::field::Misfit;
use crate::NameError;

/// Why octets are not the RDATA of their type.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RdataError {
    /// It ends before or inside a field.
    #[error("RDATA ends inside the {field}, which begins at octet {offset}")]
    Truncated {
        /// Which field.
        field: &'static str,
        /// Where in the RDATA the field begins.
        offset: usize,
    },
    /// A name in it is none.
    #[error("{field} at octet {offset} of the RDATA: {error}")]
    Name {
        /// Which field.
        field: &'static str,
        /// Where in the RDATA the field begins.
        offset: usize,
        /// What is wrong with the name.
        error: NameError,
    },
    /// A field has a value that it must not have.
    #[error("{field}: value at octet {offset} of the RDATA is not allowed")]
    Value {
        /// Which field.
        field: &'static str,
        /// Where in the RDATA the offending value begins.
        offset: usize,
    },
    /// Octets behind the last field.
    #[error("the last field ends at octet {offset} of the RDATA, but {count} more follow")]
    TrailingOctets {
        /// Where in the RDATA the last field ends.
        offset: usize,
        /// How many.
        count: usize,
    },
}

impl RdataError {
    /// Where in the RDATA it goes wrong, in octets: never behind its end.
    pub fn offset(&self) -> usize {
        match *self {
            Self::Truncated { offset, .. }
            | Self::Name { offset, .. }
            | Self::Value { offset, .. }
            | Self::TrailingOctets { offset, .. } => offset,
        }
    }

    /// The misfit of the field that begins at `at`.
    #[cold]
    pub(super) fn of(misfit: Misfit, field: &'static str, at: usize) -> Self {
        match misfit {
            Misfit::Short => Self::Truncated { field, offset: at },
            Misfit::Value(offset) => Self::Value {
                field,
                offset: at + offset,
            },
            Misfit::Name(error) => Self::Name {
                field,
                offset: at,
                error,
            },
        }
    }
}
