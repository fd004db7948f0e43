//! A whole secondary name server as a library: who refreshes when, and what becomes of each result.
//!
//! ```text
//!  Config ─► Secondary ──┬── visits: schedule ─► xfr::visit ─► Sink ─► store: durable, then visible
//!                        ├── DNS: answers, transfers out, NOTIFY in and onward
//!                        └── HTTP: the management API ─► registry, durable with its zones in one commit
//! ```
//!
//! A [`Config`] says what a node is to do; it is read and checked as a whole, and its errors name file, line and key.
//! [`Secondary::start`] makes a running node of it, on the tokio runtime that it is called on. Zones come from the
//! configuration or over the API; either can change at any moment of a visit, which then ends without trace.
//!
//! This crate knows nothing of flags, signals, or where its configuration file is: the program `secondary` in the
//! examples does.
//!
//! ```
//! use zonekit_secondary::{Config, Secondary};
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let directory = tempfile::tempdir()?;
//! # let path = directory.path().join("secondary.toml");
//! let text = r#"
//!     data_dir = "var"
//!     [dns]
//!     listen = ["127.0.0.1:0"]
//!     [[zone]]
//!     name = "example.org"
//!     primaries = [{ address = "127.0.0.1:5301" }]
//! "#;
//! let secondary = Secondary::start(Config::parse(text, &path)?).await?;
//! println!("dig @{} example.org SOA", secondary.dns_addresses()[0]);
//! secondary.shutdown().await;
//! # Ok(())
//! # }
//! ```

#![warn(missing_docs)]
#![cfg_attr(not(test), warn(clippy::indexing_slicing, clippy::unwrap_used))]

mod answering;
mod book;
mod catalogs;
mod charge;
mod clock;
mod config;
mod control;
mod delegation;
mod events;
mod history;
mod metrics;
mod node;
mod notify;
mod octets;
mod past;
mod primaries;
mod ranked;
mod reaches;
mod records;
mod retelling;
mod runtime;
mod secondary;
mod service;
#[cfg(test)]
mod simulation;
mod sink;
mod survey;
mod tell;
#[cfg(test)]
mod trials;
mod upkeep;
mod verify;
mod versions;
mod visits;
mod webhooks;
mod zones;

pub use book::BookError;
pub use config::{
    CatalogEntry, Checks, Clients, Config, ConfigError, Dns, DnsTls, Http, Limits, Particulars,
    PrimaryRule, Problem, Timers, TlsProfile, Token, Told, Verify, Webhook, WebhookUrl, ZoneEntry,
};
pub use runtime::runtime;
pub use secondary::{ReloadError, Secondary, StartError};
pub use upkeep::{Access, UpkeepError};
