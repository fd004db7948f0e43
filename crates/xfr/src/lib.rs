//! AXFR, IXFR, SOA checks, NOTIFY and refresh timers as state machines, and a tokio client over them
#![forbid(unsafe_code)]
#![warn(missing_docs)]
#![cfg_attr(not(test), warn(clippy::indexing_slicing, clippy::unwrap_used))]

mod answer;
mod apply;
mod error;
mod exchange;
mod incoming;
mod limits;
mod link;
#[cfg(feature = "tokio")]
mod net;
mod query;
mod report;
mod schedule;
mod transfer;
mod visit;

pub use answer::{Answer, AnswerError};
pub use apply::{Apply, Change};
pub use error::{ErrorKind, Loss, VisitError};
pub use exchange::{Connection, Event, Exchange, Transmit};
pub use incoming::Incoming;
pub use limits::{LimitError, Limits, Rate};
pub use link::Link;
#[cfg(feature = "tokio")]
pub use net::{Client, ClientError, NotifyReply, TransferStream, visit};
pub use query::Query;
pub use report::{Outcome, PrimaryReport, Report, Statistics, TransferReport};
pub use schedule::{
    Due, Finished, Notified, Reason, Schedule, Slots, Start, Timers, Timing, ZoneTimers,
};
pub use transfer::{Changes, Transfer, TransferError, TransferKind};
pub use visit::{Memory, Primary, Visit};
