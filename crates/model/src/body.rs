//! Reading a body member by member, so that an error can name the member and say what was expected there.

use serde_json::{Map, Value};

/// Why a body cannot be taken.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum BodyError {
    /// Not JSON at all.
    #[error("the body is not JSON: it goes wrong at line {line}, column {column}")]
    NotJson {
        /// The line where it goes wrong, from 1.
        line: usize,
        /// The column where it goes wrong, from 1; 0 if before the first.
        column: usize,
    },
    /// A member that must be there is not.
    #[error("{member}: {expected} was expected, but nothing is there")]
    Missing {
        /// The member, as a path from the top.
        member: String,
        /// What belongs there.
        expected: &'static str,
    },
    /// A member has a value of the wrong kind or outside of what is allowed.
    #[error("{member}: {expected} was expected, not {found}")]
    Unexpected {
        /// The member, as a path from the top.
        member: String,
        /// What belongs there.
        expected: String,
        /// What was found, as JSON, shortened.
        found: String,
    },
}

impl BodyError {
    /// The error for a value that does not belong where it is.
    pub fn unexpected(
        member: impl Into<String>,
        expected: impl Into<String>,
        found: &Value,
    ) -> Self {
        const MOST: usize = 60;
        let mut found = found.to_string();
        if found.chars().count() > MOST {
            found = found.chars().take(MOST).chain(['\u{2026}']).collect();
        }
        Self::Unexpected {
            member: member.into(),
            expected: expected.into(),
            found,
        }
    }
}

/// The error for a member that must be there, and is not or is something else.
pub(crate) fn missing_or(member: &str, expected: &'static str, value: Option<&Value>) -> BodyError {
    match value {
        None => BodyError::Missing {
            member: member.into(),
            expected,
        },
        Some(value) => BodyError::unexpected(member, expected, value),
    }
}

/// Reads a body as a JSON object.
pub(crate) fn object(body: &[u8]) -> Result<Map<String, Value>, BodyError> {
    match serde_json::from_slice(body) {
        Ok(Value::Object(members)) => Ok(members),
        Ok(other) => Err(BodyError::unexpected("the body", "an object", &other)),
        Err(error) => Err(BodyError::NotJson {
            line: error.line(),
            column: error.column(),
        }),
    }
}
