//! Why text is not what it should be.

use crate::{NameError, RdataError};

/// Why presentation text is not RDATA of its type.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TextErrorKind {
    /// The text ends where a field should be.
    #[error("{field} is missing")]
    Missing {
        /// Which field.
        field: &'static str,
    },
    /// A token does not say a value of the field.
    #[error("not a valid {field}")]
    Value {
        /// Which field.
        field: &'static str,
    },
    /// A token is not a domain name.
    #[error("{field}: {error}")]
    Name {
        /// Which field.
        field: &'static str,
        /// What is wrong with the name.
        error: NameError,
    },
    /// A string is longer than its length octet can say.
    #[error("{field} is longer than {most} octets")]
    TooLong {
        /// Which field.
        field: &'static str,
        /// The most octets it may have.
        most: usize,
    },
    /// Text behind the last field.
    #[error("nothing was expected here")]
    Surplus,
    /// A backslash with neither a character nor three digits up to 255 behind it.
    #[error("bad escape")]
    Escape,
    /// A quoted string that does not end on its line.
    #[error("quoted string does not end")]
    Quote,
    /// A quoted string where a word should be: a number, a name, an encoding.
    #[error("must not be quoted")]
    Quoted,
    /// A word where a quoted string should be.
    #[error("must be quoted")]
    Unquoted,
    /// A closing parenthesis without an opening one, or the other way round.
    #[error("parentheses do not match")]
    Parentheses,
    /// The type has no presentation form but `\# length hex`.
    #[error("data of this type is written as \\# length hexadecimal")]
    NotGeneric,
    /// `\# length hex` says a length that is not that of its octets.
    #[error("length is {says}, but there are {octets} octets")]
    Length {
        /// The length as written.
        says: usize,
        /// Octets that follow it.
        octets: usize,
    },
    /// The fields are there, but together they are not valid.
    #[error(transparent)]
    Rdata(#[from] RdataError),
}

/// Why presentation text is not RDATA of its type, and where.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("at {}: {kind}", quoted_or_end(token))]
#[non_exhaustive]
pub struct TextError {
    /// What is wrong.
    pub kind: TextErrorKind,
    /// The offending token; empty at the end of the text.
    pub token: String,
    /// Where in the text it begins, in octets.
    pub offset: usize,
}

fn quoted_or_end(token: &str) -> String {
    if token.is_empty() {
        "the end".to_owned()
    } else {
        format!("{token:?}")
    }
}
