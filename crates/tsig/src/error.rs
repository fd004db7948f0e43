//! What can be wrong with a message's signature, as RFC 8945 tells it apart.

use std::fmt;

/// Why a message is not good enough to be believed.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TsigError {
    /// Signed with a key or an algorithm that is not the one in use here.
    #[error("signed with a key or algorithm that is not known here (BADKEY)")]
    BadKey,
    /// The MAC is wrong: the secrets differ, or the message was changed on its way.
    #[error("the MAC is wrong: secrets differ, or the message was changed (BADSIG)")]
    BadSig,
    /// The MAC is right, but the message was signed too long ago or too far ahead.
    #[error("signed at {signed}, which is not within {fudge} s of {now}, our clock (BADTIME)")]
    BadTime {
        /// When it says it was signed, in seconds since 1970.
        signed: u64,
        /// Our clock, in seconds since 1970.
        now: u64,
        /// The distance it allows, in seconds.
        fudge: u16,
    },
    /// The MAC is right as far as it goes, but shorter than the key allows.
    #[error("the MAC has only {octets} octets (BADTRUNC)")]
    BadTrunc {
        /// Octets of the MAC.
        octets: u16,
    },
    /// A message without TSIG where one is needed: the first of an answer.
    #[error("not signed")]
    Unsigned,
    /// More than 99 messages without TSIG in a row (RFC 8945 §5.3.1).
    #[error("more than 99 unsigned messages in a row")]
    TooManyUnsigned,
    /// The stream ended with messages without TSIG (RFC 8945 §5.3.1).
    #[error("the last message of the stream is not signed")]
    NotLast,
    /// The message, or the TSIG record in it, is not well-formed.
    #[error("{0} (FORMERR)")]
    Malformed(#[from] Malformed),
    /// The other side says that something is wrong with what we signed.
    #[error("the other side answers {error}{}", ServerTime(*.server_time))]
    Peer {
        /// What it says.
        error: TsigRcode,
        /// Its clock in seconds since 1970, told with BADTIME.
        server_time: Option<u64>,
        /// Whether it signed this. BADKEY and BADSIG come unsigned, so that anybody may have said so.
        signed: bool,
    },
}

/// What is wrong with the form of a message or its TSIG record.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Malformed {
    /// The message ends in the middle of the named part.
    #[error("message ends inside the {0}")]
    Truncated(&'static str),
    /// A name in the record at this offset is not well-formed.
    #[error("malformed name in the record at offset {0}")]
    Name(usize),
    /// Octets follow the last record that the header counts, which is a TSIG.
    #[error("octets after the last record")]
    TrailingOctets,
    /// A TSIG record somewhere else than at the very end, or two of them (RFC 8945 §5.1).
    #[error("TSIG record at offset {0} is not the last record")]
    TsigNotLast(usize),
    /// A TSIG record whose class is not ANY or whose TTL is not 0 (RFC 8945 §4.2).
    #[error("TSIG record with a class other than ANY or a TTL other than 0")]
    ClassOrTtl,
    /// RDATA that does not fit the fields of a TSIG.
    #[error("TSIG RDATA does not fit its fields at the {0}")]
    Rdata(&'static str),
    /// A MAC longer than the hash, or shorter than anybody may accept (RFC 8945 §5.2.2.1).
    #[error("a MAC of {0} octets does not go with the algorithm")]
    MacLength(u16),
}

/// An error number of a TSIG record ([RFC 8945 §3]).
///
/// [RFC 8945 §3]: https://www.rfc-editor.org/rfc/rfc8945#section-3
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
pub struct TsigRcode(pub u16);

impl TsigRcode {
    /// No error.
    pub const NOERROR: Self = Self(0);
    /// The MAC is wrong.
    pub const BADSIG: Self = Self(16);
    /// The key is not known.
    pub const BADKEY: Self = Self(17);
    /// The clocks differ too much.
    pub const BADTIME: Self = Self(18);
    /// The MAC is too short.
    pub const BADTRUNC: Self = Self(22);
}

impl TsigError {
    /// One word for status lines and counters: the mnemonic of RFC 8945 where there is one.
    ///
    /// What the other side says goes by the same word as what we say: BADKEY is a BADKEY.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::BadKey => "BADKEY",
            Self::BadSig => "BADSIG",
            Self::BadTime { .. } => "BADTIME",
            Self::BadTrunc { .. } => "BADTRUNC",
            Self::Unsigned | Self::TooManyUnsigned | Self::NotLast => "UNSIGNED",
            Self::Malformed(_) => "FORMERR",
            Self::Peer { error, .. } => error.mnemonic().unwrap_or("TSIGERR"),
        }
    }
}

impl TsigRcode {
    fn mnemonic(self) -> Option<&'static str> {
        match self {
            Self::NOERROR => Some("NOERROR"),
            Self::BADSIG => Some("BADSIG"),
            Self::BADKEY => Some("BADKEY"),
            Self::BADTIME => Some("BADTIME"),
            Self::BADTRUNC => Some("BADTRUNC"),
            _ => None,
        }
    }
}

impl fmt::Display for TsigRcode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.mnemonic() {
            Some(mnemonic) => f.pad(mnemonic),
            None => write!(f, "TSIG error {}", self.0),
        }
    }
}

impl fmt::Debug for TsigRcode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The clock of the other side, as the tail of a sentence.
struct ServerTime(Option<u64>);

impl fmt::Display for ServerTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(time) => write!(f, ", its clock is at {time}"),
            None => Ok(()),
        }
    }
}
