//! What a name server says: answers, outgoing transfers, incoming NOTIFY, and sockets over them.
//!
//! The rules come first and know no sockets: a [`Responder`] over a table of [`Zones`] makes [`Worker`]s, and
//! [`Worker::respond`] turns the octets of a request into the octets of its answer, or into something that is for its
//! caller to do ([`Action`]). With feature `tokio` (on by default) [`Server`] puts them behind UDP and TCP, and
//! [`Notifier`] tells other servers of new versions.
//!
//! This crate knows nothing of where zones come from, of primaries or of management: it answers for what it is shown, as
//! it was received.

#![forbid(unsafe_code)]
#![warn(missing_docs)]
#![cfg_attr(not(test), warn(clippy::indexing_slicing, clippy::unwrap_used))]

mod acl;
mod answer;
mod config;
mod counters;
mod denial;
mod extended_error;
mod names;
#[cfg(feature = "tokio")]
mod notifier;
mod notify;
mod nsec3;
mod peer;
mod reply;
mod request;
mod responder;
#[cfg(feature = "tokio")]
mod server;
mod transfer;
mod zones;

pub use acl::{Acl, AclEntry, AclEntryError};
pub use config::{Config, Nobody, NotifySources};
pub use counters::{Counter, Counters};
#[cfg(feature = "tokio")]
pub use notifier::{Notifier, NotifyRetry, NotifyTarget};
pub use notify::Notification;
pub use peer::{Peer, Transport};
pub use responder::{Action, Responder, Worker};
#[cfg(feature = "tokio")]
pub use server::{BindError, Options, Server, Stopper};
pub use transfer::{OutgoingTransfer, TransferError};
pub use zones::{Holding, Zones};
