//! Why a visit to a primary failed, in kinds that an operator can act on.

use std::error::Error;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use zonekit_wire::{Rcode, ReadError, Serial};

use crate::answer::AnswerError;
use crate::limits::LimitError;
use crate::tls::TlsFault;
use crate::transfer::TransferError;

/// Why one primary did not give us what we asked for.
///
/// ```
/// use std::time::Duration;
/// use zonekit_xfr::{ErrorKind, VisitError};
///
/// let error = VisitError::Idle { records: 4711, idle: Duration::from_secs(10) };
/// assert_eq!(error.in_words(), "primary silent for 10 s after 4711 records (idle_timeout)");
/// assert_eq!(error.kind(), ErrorKind::Timeout);
/// assert_eq!(error.kind().as_str(), "timeout");
/// ```
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VisitError {
    /// No connection could be made.
    #[error("connecting")]
    Connect(#[source] Loss),
    /// None was made in the time for it.
    #[error("no connection after {} s (connect_timeout)", .0.as_secs())]
    ConnectTimeout(Duration),
    /// No answer came: not over UDP after all tries, and not over TCP.
    #[error("no answer from the primary after {} s", .0.as_secs())]
    NoAnswer(Duration),
    /// It was not asked: another zone found it out of reach a moment ago.
    #[error("not asked: it was out of reach a moment ago")]
    OutOfReach,
    /// The connection broke before the closing SOA.
    #[error("stream broke off after {records} records")]
    Broken {
        /// Records until then.
        records: u64,
        /// How it broke.
        #[source]
        loss: Loss,
    },
    /// Nothing came for the idle time inside a transfer.
    #[error("primary silent for {} s after {records} records (idle_timeout)", .idle.as_secs())]
    Idle {
        /// Records until then.
        records: u64,
        /// [`Limits::idle_timeout`](crate::Limits::idle_timeout).
        idle: Duration,
    },
    /// IXFR was answered by a newer SOA and nothing else.
    #[error("answered IXFR by its SOA alone and nothing more for {} s (lone_soa_wait)", .0.as_secs())]
    LoneSoa(Duration),
    /// A message is no part of the answer.
    #[error("message {message}")]
    Answer {
        /// Which message of the answer, from 1.
        message: u64,
        /// What is wrong with it.
        #[source]
        error: AnswerError,
    },
    /// A record is no part of a transfer.
    #[error("message {message}, record {record}")]
    Transfer {
        /// Which message of the answer, from 1.
        message: u64,
        /// Which record of the stream, from 1.
        record: u64,
        /// What is wrong with it.
        #[source]
        error: TransferError,
    },
    /// The primary offers an older serial than we hold.
    #[error("offers serial {offered}, older than {held}")]
    Behind {
        /// Ours.
        held: Serial,
        /// Theirs.
        offered: Serial,
    },
    /// A limit was passed.
    #[error(transparent)]
    Limit(LimitError),
    /// What came is a transfer, but whoever keeps the zone does not take it.
    #[error("rejected")]
    Rejected(#[source] Arc<dyn Error + Send + Sync>),
}

impl VisitError {
    /// The kind, for status lines and counters.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Connect(loss) => match loss {
                Loss::Refused => ErrorKind::ConnectionRefused,
                Loss::TimedOut => ErrorKind::Timeout,
                Loss::Unreachable => ErrorKind::Unreachable,
                Loss::Tls(fault) => fault.kind(),
                _ => ErrorKind::Broken,
            },
            Self::OutOfReach => ErrorKind::Unreachable,
            Self::ConnectTimeout(_) | Self::NoAnswer(_) | Self::Idle { .. } => ErrorKind::Timeout,
            Self::Broken { loss, .. } => match loss {
                Loss::TimedOut => ErrorKind::Timeout,
                Loss::ZeroLengthFrame => ErrorKind::Malformed,
                Loss::Tls(fault) => fault.kind(),
                _ => ErrorKind::Broken,
            },
            Self::LoneSoa(_) => ErrorKind::Broken,
            Self::Answer { error, .. } => error.kind(),
            Self::Transfer { error, .. } => match error {
                TransferError::Behind { .. } => ErrorKind::Behind,
                TransferError::Limit(_) => ErrorKind::Limit,
                TransferError::Unfinished { .. } => ErrorKind::Broken,
                TransferError::Soa(_) => ErrorKind::Malformed,
                _ => ErrorKind::OutOfPlace,
            },
            Self::Behind { .. } => ErrorKind::Behind,
            Self::Limit(_) => ErrorKind::Limit,
            Self::Rejected(_) => ErrorKind::Rejected,
        }
    }

    /// The whole chain as one line: `message 3: malformed record at offset 512: …`.
    pub fn in_words(&self) -> String {
        let mut words = self.to_string();
        let mut next = self.source();
        while let Some(error) = next {
            words = format!("{words}: {error}");
            next = error.source();
        }
        words
    }
}

impl AnswerError {
    /// The kind, for status lines and counters.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Rcode(Rcode::REFUSED) => ErrorKind::Refused,
            Self::KeyNotTaken => ErrorKind::BadKey,
            Self::Rcode(Rcode::NOTAUTH) | Self::NoSoa => ErrorKind::NotAuthoritative,
            Self::Rcode(_) => ErrorKind::Rcode,
            Self::Limit(_) => ErrorKind::Limit,
            Self::Malformed(_) | Self::Record { .. } => ErrorKind::Malformed,
            Self::Tsig(error) => match error.kind() {
                "BADKEY" => ErrorKind::BadKey,
                "BADTIME" => ErrorKind::BadTime,
                "BADSIG" | "BADTRUNC" => ErrorKind::BadSignature,
                "UNSIGNED" => ErrorKind::Unsigned,
                "FORMERR" => ErrorKind::Malformed,
                _ => ErrorKind::BadSignature,
            },
            Self::Id(_)
            | Self::NotAnswer
            | Self::Opcode(_)
            | Self::Truncated
            | Self::NoQuestion
            | Self::Question
            | Self::Empty => ErrorKind::OutOfPlace,
        }
    }

    /// Where the rule stands that was broken; empty for limits of our own.
    pub fn rfc(&self) -> &'static str {
        match self {
            Self::Id(_) | Self::NoQuestion | Self::Question | Self::Empty | Self::Truncated => {
                "RFC 5936 §2.2"
            }
            Self::NotAnswer | Self::Opcode(_) | Self::Rcode(_) | Self::Malformed(_) => {
                "RFC 1035 §4.1.1"
            }
            Self::NoSoa => "RFC 1034 §4.3.5",
            Self::Record { .. } => "RFC 1035 §4.1.3",
            Self::KeyNotTaken => "RFC 8945 §5.2",
            Self::Tsig(_) => "RFC 8945 §5.3",
            Self::Limit(_) => "",
        }
    }
}

/// What an operator would do something about.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The primary answers REFUSED: its access list does not have us, or not with this key.
    Refused,
    /// Nothing came in time.
    Timeout,
    /// Nobody listens at the address.
    ConnectionRefused,
    /// There is no way to the address, or it was out of reach for another zone a moment ago.
    Unreachable,
    /// The primary does not prove by its certificate that it is the one.
    Certificate,
    /// There is no TLS with the primary, or it does not want us.
    Tls,
    /// The primary does not know our key, or signs with another (BADKEY).
    BadKey,
    /// The secrets differ, or somebody changed a message (BADSIG, BADTRUNC).
    BadSignature,
    /// The clocks differ (BADTIME).
    BadTime,
    /// The primary does not sign what it has to.
    Unsigned,
    /// The primary does not have the zone.
    NotAuthoritative,
    /// The primary answers another error: SERVFAIL, FORMERR, NOTIMP, …
    Rcode,
    /// Octets that are no DNS message.
    Malformed,
    /// Messages or records that are well-formed but not the answer.
    OutOfPlace,
    /// The primary has an older version than we.
    Behind,
    /// A limit of ours was passed.
    Limit,
    /// The connection ended too soon.
    Broken,
    /// The content is not acceptable to whoever keeps the zone.
    Rejected,
}

impl ErrorKind {
    /// One lower-case word or two, the same for ever: `bad key`, `connection refused`, …
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Timeout => "timeout",
            Self::ConnectionRefused => "connection refused",
            Self::Unreachable => "unreachable",
            Self::Certificate => "bad certificate",
            Self::Tls => "tls",
            Self::BadKey => "bad key",
            Self::BadSignature => "bad signature",
            Self::BadTime => "bad time",
            Self::Unsigned => "unsigned",
            Self::NotAuthoritative => "not authoritative",
            Self::Rcode => "error answer",
            Self::Malformed => "malformed",
            Self::OutOfPlace => "out of place",
            Self::Behind => "behind",
            Self::Limit => "limit",
            Self::Broken => "broken stream",
            Self::Rejected => "rejected",
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// How a connection, or the way to a primary, was lost.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Loss {
    /// Nobody listens there.
    #[error("connection refused")]
    Refused,
    /// There is no route to the address, or none that we may take.
    #[error("address unreachable")]
    Unreachable,
    /// Nothing came back in time.
    #[error("timed out")]
    TimedOut,
    /// The other side reset the connection.
    #[error("connection reset")]
    Reset,
    /// The other side closed the connection, between two messages.
    #[error("connection closed")]
    Closed,
    /// The other side closed the connection inside a message.
    #[error("connection closed inside a message")]
    ClosedInsideMessage,
    /// A frame of no octets came (RFC 7766 §8 frames hold a message).
    #[error("zero-length message")]
    ZeroLengthFrame,
    /// TLS does not come to stand, or fails.
    #[error("TLS")]
    Tls(#[source] TlsFault),
    /// The system says something else.
    #[error("{}", io::Error::from(*.0))]
    Other(io::ErrorKind),
}

impl From<&io::Error> for Loss {
    fn from(error: &io::Error) -> Self {
        use io::ErrorKind as Kind;
        #[cfg(feature = "tls")]
        if let Some(error) = error.get_ref().and_then(|inner| inner.downcast_ref()) {
            return Self::Tls(TlsFault::of(error));
        }
        match error.kind() {
            Kind::ConnectionRefused => Self::Refused,
            Kind::HostUnreachable
            | Kind::NetworkUnreachable
            | Kind::NetworkDown
            | Kind::AddrNotAvailable
            | Kind::PermissionDenied => Self::Unreachable,
            Kind::TimedOut => Self::TimedOut,
            Kind::ConnectionReset | Kind::ConnectionAborted | Kind::BrokenPipe => Self::Reset,
            Kind::UnexpectedEof => Self::Closed,
            other => Self::Other(other),
        }
    }
}

/// A message that a record could not be read from, as an error of message number `message`.
pub(crate) fn malformed(message: u64, error: ReadError) -> VisitError {
    VisitError::Answer {
        message,
        error: error.into(),
    }
}
