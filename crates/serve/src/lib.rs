//! What a name server says: answers, outgoing transfers, incoming NOTIFY, and sockets over them.
//!
//! The rules come first and know no sockets: a [`Responder`] over a table of [`Zones`] makes [`Worker`]s, and
//! [`Worker::respond`] turns the octets of a request into the octets of its answer, or into something that is for its
//! caller to do ([`Action`]). With feature `tokio` (on by default) [`Server`] puts them behind UDP and TCP, with feature
//! `tls` behind TLS too, and [`Notifier`] tells other servers of new versions. Feature `hickory` puts zones of ours under
//! hickory-server.
//!
//! ```
//! use std::sync::Arc;
//! use zonekit_serve::{Acl, Action, Config, Peer, Responder, Transport};
//! use zonekit_store::Store;
//! use zonekit_wire::{Class, Compressor, Header, Message, MessageWriter, NameBuf, Rcode, Rtype};
//!
//! let store = Arc::new(Store::in_memory()); // without a zone yet
//! let allow_transfer: Acl = ["192.0.2.0/24".parse()?, "key:transfer.example".parse()?].into_iter().collect();
//! let responder = Responder::new(store, Config { allow_transfer, ..Config::default() });
//!
//! let name: NameBuf = "www.example.org".parse()?;
//! let (mut request, mut compressor) = (Vec::new(), Compressor::new());
//! let mut writer = MessageWriter::new(&mut request, 512, &mut compressor);
//! writer.set_header(Header { id: 7, ..Header::default() });
//! writer.question(name.as_name(), Rtype::A, Class::IN)?;
//! writer.finish();
//!
//! let peer = Peer { address: "192.0.2.1:53000".parse()?, transport: Transport::Udp };
//! let mut answer = Vec::new();
//! let action = responder.worker().respond(&request, peer, 1_800_000_000, &mut answer);
//! assert!(matches!(action, Action::Reply));
//! assert_eq!(Message::new(&answer)?.header().rcode, Rcode::REFUSED); // no zone of ours
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! This crate knows nothing of where zones come from, of primaries or of management: it answers for what it is shown, as
//! it was received.
//!
//! # Where we differ
//!
//! - A signed zone is answered for as it is: a proof whose records the zone lacks is left out. Of a zone
//!   that asks for more than 150 extra iterations of NSEC3 (RFC 9276 §3.2), or fewer where its salt is longer than 35
//!   octets, nothing is proven: one NSEC3 record shows validators why. One answer is worth 2,000 blocks of SHA-1; what proofs would take more are left out.
//! - ANY and RRSIG get over TCP the RRsets that fit one message, without TC (RFC 8482).
//! - Additional records are those that a referral needs (RFC 9471) and the addresses that go with NS; MX and SRV bring
//!   none.
//! - A chain of CNAMEs and DNAMEs is followed for 16 names, through all zones that are held.
//! - Cookies (RFC 7873) are given and never asked for: no client is refused for lack of one, and whoever shows a valid one
//!   is answered as often as it asks.
//! - ZONEVERSION (RFC 9660) speaks of the zone closest to the name asked for, referrals included.
//! - AXFR over UDP is FORMERR (RFC 5936 §4.2 leaves it undefined); for a zone that is not ours NOTAUTH, if the client
//!   may have transfers at all, else REFUSED.

#![forbid(unsafe_code)]
#![warn(missing_docs)]
#![cfg_attr(not(test), warn(clippy::indexing_slicing, clippy::unwrap_used))]

mod acl;
mod answer;
mod chaos;
#[cfg(feature = "tokio")]
mod clock;
mod config;
mod cookie;
mod counters;
mod denial;
mod edns;
mod extended_error;
#[cfg(feature = "hickory")]
mod hickory;
#[cfg(any(feature = "hickory", feature = "tokio"))]
mod lock;
mod names;
#[cfg(feature = "tokio")]
mod notifier;
mod notify;
mod nsec3;
mod peer;
mod rate;
mod reply;
mod request;
mod responder;
#[cfg(feature = "tokio")]
mod server;
mod transfer;
mod zones;

pub use acl::{Acl, AclEntry, AclEntryError};
pub use config::{Config, Nobody, NotifySources};
pub use cookie::CookieSecret;
pub use counters::{Counter, Counters};
#[cfg(feature = "hickory")]
pub use hickory::HickoryZone;
#[cfg(feature = "tokio")]
pub use notifier::{Notifier, NotifyRetry, NotifyTarget};
pub use notify::Notification;
pub use peer::{Peer, Transport};
pub use rate::RateLimit;
pub use responder::{Action, Responder, Worker};
#[cfg(feature = "tokio")]
pub use server::{BindError, Options, Server, Stopper};
pub use transfer::{OutgoingTransfer, TransferError};
#[cfg(feature = "tls")]
pub use zonekit_tls::{Authorities, Identity, PemError, ServerTls};
pub use zones::{Holding, Zones};
