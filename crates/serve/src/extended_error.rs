//! Reasons that an rcode has no room for ([RFC 8914]).
//!
//! [RFC 8914]: https://www.rfc-editor.org/rfc/rfc8914

/// INFO-CODEs that we give, by the names of RFC 8914 §4.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u16)]
pub(crate) enum ExtendedError {
    /// An RRset is larger than any message (§4.1).
    Other = 0,
    /// Configured, and never yet transferred (§4.15).
    NotReady = 14,
    /// The access lists say no (§4.19).
    Prohibited = 18,
    /// No zone of ours (§4.21).
    NotAuthoritative = 20,
    /// Held, but expired (§4.25).
    InvalidData = 24,
}

impl ExtendedError {
    /// The option's data: the code alone, without a text.
    pub(crate) const fn data(self) -> [u8; 2] {
        (self as u16).to_be_bytes()
    }
}
