//! Transfers over TLS ([RFC 9103]): whom a primary has to prove to be, and who we are to it.
//!
//! ```text
//!   authenticated   a certificate from these authorities, for this name     ┐
//!   pinned          a certificate with one of these keys                    ├ + a certificate of ours, if it wants one
//!   opportunistic   any certificate: nobody listens, but who it is we do    ┘
//!                   not know; clear text if that is allowed
//! ```
//!
//! TLS is version 1.3 and nothing else, and both sides have to say that they mean DNS (ALPN `dot`). A connection that ends
//! before the closing SOA is an error, whether TLS was ended properly or not.
//!
//! [RFC 9103]: https://www.rfc-editor.org/rfc/rfc9103

mod fault;
#[cfg(feature = "tls")]
mod parts;
#[cfg(feature = "tls")]
mod stream;
#[cfg(feature = "tls")]
mod verify;

pub use self::fault::TlsFault;
#[cfg(feature = "tls")]
pub use self::{
    parts::{Tls, TlsError},
    verify::{SpkiPin, SpkiPinError},
};

#[cfg(feature = "tls")]
pub(crate) use self::stream::Encrypted;
