//! Why a master file cannot be read, and where.

use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::NameError;
use crate::text::TextErrorKind;

/// Why a master file cannot be read, and where.
#[derive(Debug)]
#[non_exhaustive]
pub struct MasterError {
    /// The file, if it was opened by name.
    pub file: Option<PathBuf>,
    /// The line of the offending token, from 1; 0 if the file cannot be opened at all.
    pub line: u64,
    /// The octet of the line at which the token begins, from 1.
    pub column: usize,
    /// The offending token as written; empty at the end of an entry.
    pub token: String,
    /// What is wrong.
    pub kind: MasterErrorKind,
}

/// Why a master file cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MasterErrorKind {
    /// The file cannot be opened or read.
    #[error("cannot be read")]
    Io(#[source] io::Error),
    /// A name in the owner's place, or behind `$ORIGIN` or `$INCLUDE`, is none.
    #[error(transparent)]
    Name(NameError),
    /// A line begins with a blank, but no line before it names an owner.
    #[error("no owner on this line or before")]
    NoOwner,
    /// Neither the line nor a line before it says a TTL, and there is no `$TTL`.
    #[error("no TTL on this line or before, and no $TTL")]
    NoTtl,
    /// A TTL is above 2³¹ − 1 or no time at all.
    #[error("not a valid TTL")]
    Ttl,
    /// Neither a TTL, nor a class, nor a type that a zone may hold.
    #[error("not a type")]
    Type,
    /// The range of a `$GENERATE` is not `first-last` or `first-last/step`, of numbers below 2³¹.
    #[error("not a valid range")]
    Range,
    /// A `$GENERATE` stands for more than [`MAX_GENERATED`](super::MAX_GENERATED) records.
    #[error("$GENERATE of too many records")]
    TooManyGenerated,
    /// What stands between `${` and `}` is not an offset, a width up to 255 and one of `d`, `o`, `x`, `X`, `n`, `N`, or gives
    /// a number below 0.
    #[error("bad modifier behind $")]
    Modifier,
    /// A directive other than `$ORIGIN`, `$TTL`, `$INCLUDE` and `$GENERATE`.
    #[error("unknown directive")]
    Directive,
    /// `$INCLUDE` in text that is not a file.
    #[error("$INCLUDE in text that was not opened as a file")]
    NoDirectory,
    /// Files that include each other more than [`MAX_INCLUDES`](super::MAX_INCLUDES) deep.
    #[error("$INCLUDE too deep")]
    IncludeDepth,
    /// An entry is longer than [`MAX_ENTRY`](super::MAX_ENTRY).
    #[error("entry is too long")]
    EntryTooLong,
    /// The words of the line or its RDATA are wrong.
    #[error(transparent)]
    Text(#[from] TextErrorKind),
}

impl fmt::Display for MasterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            file,
            line,
            column,
            token,
            kind,
        } = self;
        if let Some(file) = file {
            write!(f, "{}", file.display())?;
        }
        if *line > 0 {
            let comma = if file.is_some() { ", " } else { "" };
            write!(f, "{comma}line {line}, column {column}")?;
        }
        if !token.is_empty() {
            write!(f, ", at {token:?}")?;
        }
        write!(f, ": {kind}")
    }
}

impl std::error::Error for MasterError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.kind {
            MasterErrorKind::Io(error) => Some(error),
            _ => None, // the message says it all
        }
    }
}
