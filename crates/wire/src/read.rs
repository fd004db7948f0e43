//! Reading a message's octets forward, and why that may fail.

use crate::{RdataError, Rtype};

/// Why octets are not a DNS message. Offsets count from the start of the message.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// More than the 65,535 octets that any transport carries.
    #[error("message of {0} octets is longer than 65,535")]
    TooLong(usize),
    /// The message stops inside a field.
    #[error("message ends inside the {field} that begins at offset {offset}")]
    Truncated {
        /// Which field.
        field: &'static str,
        /// Where the field begins.
        offset: usize,
    },
    /// More than one question, which nobody has ever defined the meaning of.
    #[error("message has {0} questions")]
    Questions(u16),
    /// A compression pointer aims at itself or forward, so following it might never end.
    #[error(
        "compression pointer at offset {offset} aims at {target}, which is not before its name"
    )]
    ForwardPointer {
        /// Where the pointer is.
        offset: usize,
        /// Where it aims.
        target: usize,
    },
    /// A compression pointer aims into the header, where no name is.
    #[error("compression pointer at offset {offset} aims at {target}, into the header")]
    HeaderPointer {
        /// Where the pointer is.
        offset: usize,
        /// Where it aims.
        target: usize,
    },
    /// More pointers in one name than it can have labels: pointers that aim at pointers.
    #[error("compression pointer at offset {offset} is one too many for a name")]
    PointerChain {
        /// Where the pointer is.
        offset: usize,
    },
    /// An octet that neither is the length of a label nor begins a pointer.
    #[error("octet {octet:#04x} at offset {offset} begins neither a label nor a pointer")]
    LabelType {
        /// Where the octet is.
        offset: usize,
        /// Its value: 64 to 191.
        octet: u8,
    },
    /// A name that is longer than 255 octets when expanded.
    #[error("name at offset {offset} is longer than 255 octets")]
    NameTooLong {
        /// Where the name begins.
        offset: usize,
    },
    /// RDATA that is not what its type says.
    #[error("{rtype} record at offset {offset}: {error}")]
    Rdata {
        /// The type of the record.
        rtype: Rtype,
        /// Where the record begins; 0 if it was read outside a message.
        offset: usize,
        /// What is wrong with it.
        error: RdataError,
    },
    /// Octets behind the last counted record.
    #[error("{count} octets behind the last counted record, from offset {offset}")]
    TrailingOctets {
        /// Where the first of them is.
        offset: usize,
        /// How many.
        count: usize,
    },
    /// A second OPT record, or one that is not at the root ([RFC 6891 §6.1.1](https://www.rfc-editor.org/rfc/rfc6891#section-6.1.1)).
    #[error("OPT record at offset {offset} is out of place")]
    OptOutOfPlace {
        /// Where the record begins.
        offset: usize,
    },
}
