//! Zone transfers, from the side of the secondary: AXFR, IXFR, SOA checks, NOTIFY and refresh timers, as state machines
//! without sockets and clock, and a tokio client over them (feature `tokio`, on by default), which also speaks TLS (feature
//! `tls`, off by default).
//!
//! This crate knows nothing of how zones are stored, managed or served. What a transfer asks of a zone comes out as
//! [`Change`]s, for whoever implements [`Apply`].
//!
//! ```text
//!   octets ─► FrameBuffer ─► Answer ────► Transfer ────► Change ─► Apply
//!   (socket)     (wire)     messages:     records:                 (the zone's keeper)
//!                           ID, TSIG, …   AXFR, IXFR
//!                         └────────── Incoming ──────┘
//!                         └──── Exchange: one visit: SOA of every primary, IXFR, AXFR, next primary ────┘
//!   Schedule: which zone is due when, and who goes first             Link: one connection, many exchanges
//! ```
//!
//! - [`Transfer`] is one answer stream, record by record; [`Answer`] judges its messages; [`Incoming`] is both.
//! - [`Exchange`] is one visit for one zone over all its primaries. Events and time go in ([`Exchange::handle_event`],
//!   [`Exchange::handle_timeout`]), effects come out ([`Exchange::poll_transmit`], [`Exchange::poll_timeout`],
//!   [`Exchange::poll`]); [`visit()`] runs one on real sockets.
//! - [`Link`] is one connection that many exchanges share, with answers in any order; [`Manners`] is who does not put up
//!   with that. [`Lines`] is such connections for visits on real sockets.
//! - [`Schedule`] is the timers of all zones: a heap, and no task for an idle zone.
//! - [`Reach`] is what all zones know of primaries that are down.
//! - [`Client`] is for use without all that: one server, one transfer, record by record.
//!
//! ```
//! use zonekit_xfr::Client;
//!
//! # // A primary on loopback that has one small zone.
//! # fn primary() -> std::io::Result<std::net::SocketAddr> {
//! #     use std::io::{Read, Write};
//! #     use zonekit_wire::{Class, Compressor, Header, Message, MessageWriter, NameBuf, Record, Rtype, Section, Serial, SoaBuf};
//! #     let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
//! #     let address = listener.local_addr()?;
//! #     std::thread::spawn(move || {
//! #         let (mut stream, _) = listener.accept().unwrap();
//! #         let mut length = [0; 2];
//! #         stream.read_exact(&mut length).unwrap();
//! #         let mut request = vec![0; u16::from_be_bytes(length).into()];
//! #         stream.read_exact(&mut request).unwrap();
//! #         let question = Message::new(&request).unwrap();
//! #         let zone: NameBuf = "example.org".parse().unwrap();
//! #         let name: NameBuf = "ns1.example.org".parse().unwrap();
//! #         let soa = SoaBuf { mname: name.clone(), rname: zone.clone(), serial: Serial(7), refresh: 3600, retry: 600, expire: 86_400, minimum: 300 };
//! #         let mut rdata = Vec::new();
//! #         soa.as_soa().write(&mut rdata);
//! #         let soa = Record { owner: zone.as_name(), rtype: Rtype::SOA, class: Class::IN, ttl: 3600, rdata: &rdata };
//! #         let ns = Record { rtype: Rtype::NS, rdata: name.as_name().as_octets(), ..soa };
//! #         let (mut reply, mut compressor) = (Vec::new(), Compressor::new());
//! #         let mut writer = MessageWriter::new(&mut reply, 65_535, &mut compressor);
//! #         writer.set_header(Header { aa: true, ..question.header().reply() });
//! #         writer.question(zone.as_name(), Rtype::AXFR, Class::IN).unwrap();
//! #         for record in [soa, ns, soa] {
//! #             writer.record(Section::Answer, &record).unwrap();
//! #         }
//! #         writer.finish();
//! #         let length = (reply.len() as u16).to_be_bytes();
//! #         stream.write_all(&[&length, &reply[..]].concat()).unwrap();
//! #         stream.read(&mut [0]).unwrap();
//! #     });
//! #     Ok(address)
//! # }
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let address = primary()?;
//! let client = Client::new(address); // .key("transfer.example.:c2VjcmV0".parse()?) for TSIG
//! let mut transfer = client.axfr("example.org").await?;
//! let mut lines = Vec::new();
//! while let Some(record) = transfer.next().await? {
//!     lines.push(record.to_string());
//! }
//! // Here every record has come that was sent: had anything been wrong, there would have been an error.
//! assert_eq!(lines.len(), 2); // SOA and NS
//! assert_eq!(transfer.statistics().messages, 1);
//! # Ok(())
//! # }
//! ```
//!
//! # What is promised
//!
//! - Records delivered are records sent, or there is an error. The socket is the only queue: who reads slowly slows the
//!   server. The end of a stream is not the end of a zone; only the closing SOA is.
//! - [`Change::Commit`] comes once, from the last message, after its signature has been checked where the question was
//!   signed. A question with a key is never repeated without.
//! - Every failure of IXFR is followed by AXFR on a fresh connection, then by the next primary, and told in the
//!   [`Report`] by kind, message, record and offset.
//! - Nothing is allocated or copied for a record; memory does not grow with the zone.
//!
//! # Where we differ
//!
//! - Types 128 to 255 are no zone data, not only those that have a name yet ([RFC 6895 §3.1]).
//! - Data behind the message with the closing SOA spoils a transfer as far as it has arrived by then; a connection is
//!   not kept waiting for more.
//! - IXFR is asked over TCP alone, unless [`Primary::ixfr_over_udp`] says otherwise.
//! - TLS without ALPN is taken where `Tls::without_alpn` says so: NSD 4 answers so ([RFC 9103 §7.1] has none of it).
//! - Of several primaries with the version held, one that does not know EXPIRE counts as the zone's origin, and the version
//!   is good for as long as its SOA says ([RFC 7314 §4] speaks of one primary).
//!
//! [RFC 7314 §4]: https://www.rfc-editor.org/rfc/rfc7314#section-4
//! [RFC 9103 §7.1]: https://www.rfc-editor.org/rfc/rfc9103#section-7.1
//! [RFC 6895 §3.1]: https://www.rfc-editor.org/rfc/rfc6895#section-3.1

#![deny(unsafe_code)] // one socket option, in net/batch.rs
#![warn(missing_docs)]
#![cfg_attr(not(test), warn(clippy::indexing_slicing, clippy::unwrap_used))]

mod answer;
mod apply;
mod error;
mod exchange;
mod incoming;
mod limits;
mod link;
mod manners;
#[cfg(feature = "tokio")]
mod net;
mod query;
mod reach;
mod report;
mod schedule;
mod tls;
mod transfer;
mod visit;

pub use answer::{Answer, AnswerError};
pub use apply::{Apply, Change};
pub use error::{ErrorKind, Loss, VisitError};
pub use exchange::{Connection, Event, Exchange, Transmit};
pub use incoming::Incoming;
pub use limits::{LimitError, Limits, Rate};
pub use link::{Arrival, Link};
pub use manners::Manners;
#[cfg(feature = "tokio")]
pub use net::{
    Client, ClientError, Lines, NotifyReply, TransferStream, visit, visit_until_hurried,
};
pub use query::Query;
pub use reach::{Noted, Reach};
pub use report::{Outcome, PrimaryReport, Report, Statistics, TransferReport};
pub use schedule::{
    Due, Finished, Notified, Reason, Schedule, Slots, Start, Timers, Timing, ZoneTimers,
};
pub use tls::TlsFault;
#[cfg(feature = "tls")]
pub use tls::{SpkiPin, SpkiPinError, Tls, TlsError};
pub use transfer::{Changes, Transfer, TransferError, TransferKind};
pub use visit::{Memory, Preference, Primary, Transport, Visit};
#[cfg(feature = "tls")]
pub use zonekit_tls::PemError;
