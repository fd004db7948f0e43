//! What can be wrong with a configuration, and where.

use std::net::IpAddr;
use std::path::PathBuf;
use std::{fmt, io};

use zonekit_http::OciKeyError;
use zonekit_model::PrimariesError;

/// What is wrong with a configuration, and where.
#[derive(Debug)]
pub struct ConfigError {
    /// The file as it was named to us.
    pub file: PathBuf,
    /// The line, counted from 1; 0 where the file as a whole is meant.
    pub line: usize,
    /// The path of the key, such as `zone[1].primaries[0].address`; empty where the file as a whole is meant.
    pub key: String,
    /// What is wrong with it.
    pub problem: Problem,
}

impl std::error::Error for ConfigError {}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.file.display())?;
        if self.line > 0 {
            write!(f, "{}:", self.line)?;
        }
        if !self.key.is_empty() {
            write!(f, " {}:", self.key)?;
        }
        write!(f, " {}", self.problem)
    }
}

/// What can be wrong with one entry.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// The file could not be read.
    #[error("cannot be read: {0}")]
    Unreadable(io::ErrorKind),
    /// The text is not TOML, or an entry is unknown, missing or of another type; the TOML reader's own sentence.
    #[error("{0}")]
    Toml(String),
    /// An address with a port was expected.
    #[error("{0:?} is not an address with a port")]
    NotASocketAddress(String),
    /// An address was expected, with or without a port.
    #[error("{0:?} is not an address")]
    NotAnAddress(String),
    /// A network, an address or `key:NAME` was expected.
    #[error("{0:?} is neither a network nor key:NAME")]
    NotAllowed(String),
    /// A network or an address was expected.
    #[error("{0:?} is neither a network such as 192.0.2.0/24 nor an address")]
    NotANetwork(String),
    /// A domain name was expected.
    #[error("{0:?} is not a domain name")]
    NotAName(String),
    /// The name of a contract was expected.
    #[error("{0:?} is not a contract: 1 to 64 letters, digits, '.', '_' and '-'")]
    NotAContract(String),
    /// The primaries together are not a list that a zone can have.
    #[error(transparent)]
    Primaries(#[from] PrimariesError),
    /// No TSIG algorithm has this name.
    #[error("{0:?} is not a TSIG algorithm; hmac-sha256 is a good one")]
    NotAnAlgorithm(String),
    /// Neither or both of `secret` and `secret_file` are there.
    #[error("give one of secret and secret_file")]
    SecretOnce,
    /// The secret is not base64, or of a length that the algorithm has no use for.
    #[error("the secret is not usable: base64 of 1 to 4,096 octets is expected")]
    Secret,
    /// Both of `cookie_secret` and `cookie_secret_file` are there.
    #[error("give one of cookie_secret and cookie_secret_file")]
    CookieSecretOnce,
    /// The secret of cookies is not 16 octets in hexadecimal.
    #[error("is not a secret of cookies: 32 hexadecimal digits are expected")]
    NotACookieSecret,
    /// No `[[zone]]` has this name.
    #[error("there is no [[zone]] with the name {0:?}")]
    UnknownZone(String),
    /// No `[[key]]` has this name.
    #[error("there is no [[key]] with the name {0:?}")]
    UnknownKey(String),
    /// Another entry has this name already.
    #[error("{0:?} is there twice")]
    Twice(String),
    /// A source address that is none of those that outgoing sockets bind to.
    #[error("{0} is not one of dns.transfer_addresses")]
    NotATransferAddress(IpAddr),
    /// A source address of the other family than the primary's address.
    #[error("a socket at {0} cannot reach this primary: IPv4 and IPv6 do not go together")]
    OtherFamily(IpAddr),
    /// A `[[primary]]` that says nothing of it.
    #[error("give a key or a source, or both")]
    NothingSaid,
    /// Primaries in strict order leave nothing to stay with.
    #[error("does not go with primaries_order = \"strict\"")]
    NotWithStrictOrder,
    /// An empty list or text where something is needed.
    #[error("must not be empty")]
    Empty,
    /// A text that is to be said in DNS is empty or too long.
    #[error("must be 1 to 255 octets long")]
    NotAString,
    /// A list that is too long.
    #[error("has more than {0} entries")]
    TooMany(usize),
    /// A number outside its range.
    #[error("must be {least} to {most}")]
    OutOfRange {
        /// The least that is accepted.
        least: u64,
        /// The most that is accepted.
        most: u64,
    },
    /// A lower bound above its upper bound.
    #[error("is above {0}")]
    Above(&'static str),
    /// 64 hexadecimal digits were expected.
    #[error("is not a SHA-256 in hexadecimal (64 digits)")]
    NotSha256,
    /// The public key of an `[[http.oci_key]]` cannot be used.
    #[error(transparent)]
    OciKey(#[from] OciKeyError),
    /// The address of a webhook is no URL that anything can be sent to.
    #[error("is not a URL such as https://example.org/path")]
    NotAUrl,
    /// The secret of a webhook is too short to prove anything.
    #[error("a secret of 16 characters or more is needed")]
    ShortSecret,
    /// No event has this name.
    #[error("{0:?} is not an event")]
    NotAnEvent(String),
    /// A file of authorities without any.
    #[error("there is no certificate in it")]
    NoAuthorities,
    /// Plain HTTP for other machines, where tokens would pass in the clear.
    #[error(
        "plain HTTP is for loopback addresses only, unless plain_http = true says otherwise; [http.tls] is for others"
    )]
    NotLoopback,
    /// A certificate, a key, a name or a pin cannot be used for TLS.
    #[error("{0}")]
    Tls(String),
    /// No `[[tls]]` has this name.
    #[error("there is no [[tls]] with the name {0:?}")]
    UnknownTls(String),
    /// It is not said whom to believe, or said twice.
    #[error("give one of ca_file with server_name, pins, and opportunistic = true")]
    TrustOnce,
    /// A certificate from an authority has to be for somebody.
    #[error("is needed with ca_file: what the certificate of the primary has to be for")]
    ServerName,
    /// Who has to be believed in is never spoken with in clear text.
    #[error("is for opportunistic = true only")]
    OnlyOpportunistic,
    /// One of the two is missing.
    #[error("certificate and key go together")]
    CertificateAndKey,
    /// NOTIFY is mostly a datagram: an entry that asks for TLS would never do.
    #[error("NOTIFY does not come over TLS")]
    NotifyOverTls,
}
