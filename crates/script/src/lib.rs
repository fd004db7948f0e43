//! Primaries that say and do, octet by octet, what a script tells them: messages, pieces of messages, pauses, closed and
//! reset connections. For the tests of the other crates; not published.
//!
//! [`all`] is the table of what a secondary may be sent and what it makes of it: tests play each [`Row`] at three levels.
//!
//! A [`Host`] is such a primary. [`Host::listen`] puts it on loopback; a test without sockets plays its [`Act`]s itself.
//!
//! ```
//! use std::io::Read;
//! use zonekit_script::{Act, Host, axfr, message};
//! use zonekit_wire::Rtype;
//!
//! // Says half of a zone, then closes the connection.
//! let host = Host::new(7).tcp(Rtype::AXFR, |request| {
//!     vec![Act::Say(message(request, &axfr(7)[..2])), Act::Close]
//! });
//! let address = host.listen();
//! # assert!(address.ip().is_loopback());
//! ```

mod ask;
#[cfg(feature = "certificates")]
mod certificate;
mod host;
mod nobody;
mod record;
mod reply;
mod row;
mod rows;

pub use ask::Ask;
#[cfg(feature = "certificates")]
pub use certificate::{Authority, Leaf};
pub use host::{Act, Asked, Door, Host};
pub use nobody::{deaf, nobody};
pub use record::{
    HELD, STEPS, WHOLE, ZONE, axfr, axfr_of, hex, rr, rr_of, rrs, soa, soa_buf, soa_of, zone,
};
pub use reply::{Reply, failure, framed, message, one_by_one, unix_now};
pub use row::{Asks, Expected, Level, Row, Seen, whole};
pub use rows::{all, row};

/// Records that a row may send before there are too many.
pub const RECORDS: u64 = 2_000;
/// Octets that a row may send before there are too many.
pub const OCTETS: u64 = 1_000_000;
