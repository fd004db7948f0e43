//! TSIG ([RFC 8945]): DNS messages that two sides who share a secret can believe.
//!
//! A client signs its request and checks the answer, a server checks the request and signs the answer; an answer is one
//! message or, in a zone transfer, a stream of them of which only some carry a signature. Each side holds a small state
//! that the digest runs through ([`ClientStream`], [`ServerStream`]); messages are hashed in pieces where they lie and
//! never kept or copied, the unsigned ones of a stream neither.
//!
//! This crate knows nothing of sockets and clocks: octets and the time come in as arguments.
//!
//! ```
//! use zonekit_tsig::{Key, KeyRing, Signed, check_request, sign_request};
//!
//! let key: Key = "hmac-sha256:transfer.example.:c2VjcmV0".parse()?;
//! let now = 1_600_000_000; // seconds since 1970
//!
//! // The client signs: a request is a whole message, here the shortest there is.
//! let mut request = vec![0x12, 0x34, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
//! let mut answers = sign_request(&key, &mut request, now);
//!
//! // The server checks, and signs what it answers: every message, or some.
//! let keys: KeyRing = [key].into_iter().collect();
//! let mut stream = check_request(&keys, &request, now)?.expect("the request is signed");
//! let mut first = vec![0x12, 0x34, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0];
//! let second = first.clone();
//! let mut third = first.clone();
//! stream.sign(&mut first, now);
//! assert!(stream.leave_unsigned(&second));
//! stream.sign(&mut third, now + 1);
//!
//! // The client checks them as they arrive.
//! assert_eq!(answers.check(&first, now)?, Signed::Yes);
//! assert_eq!(answers.check(&second, now)?, Signed::NotYet);
//! assert_eq!(answers.check(&third, now + 1)?, Signed::Yes);
//! answers.finish()?; // an unsigned end would be an error
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Where we differ
//!
//! - HMAC-MD5 is not there; RFC 8945 §6 forbids its use.
//! - `hmac-sha256-128` and its like go out as BIND sends them: the name of the whole hash and a shortened MAC. The
//!   registered names are accepted, and answered in kind ([`Algorithm`]).
//! - RFC 8945 §5.2.3 would have a server refuse a request that is older than the latest one under the same key. We do
//!   not: requests for many zones under one key overtake each other, and what a replay within the fudge can obtain, a
//!   copy of a signed answer, goes to nobody who could not read it on the wire. Nor are the times of a stream's messages
//!   held against each other: the chain of MACs proves their order, and a clock that a primary's operator puts back
//!   within the fudge is no attack. What we sign ourselves never runs backward within a stream, since Knot minds.
//!
//! [RFC 8945]: https://www.rfc-editor.org/rfc/rfc8945

#![forbid(unsafe_code)]
#![warn(missing_docs)]
#![cfg_attr(not(test), warn(clippy::indexing_slicing, clippy::unwrap_used))]

mod algorithm;
mod chain;
mod client;
mod error;
mod hash;
mod key;
mod layout;
mod server;

pub use algorithm::{Algorithm, UnknownAlgorithm};
pub use client::{ClientStream, Signed, sign_request};
pub use error::{Malformed, TsigError, TsigRcode};
pub use key::{Key, KeyError, KeyRing};
pub use server::{RequestRejected, ServerStream, check_request};
