//! A whole secondary name server as a library: who refreshes when, and what becomes of each result.
//!
//! A [`Config`] says what a node is to do; it is read and checked as a whole, and its errors name file, line and key.

#![warn(missing_docs)]
#![cfg_attr(not(test), warn(clippy::indexing_slicing, clippy::unwrap_used))]

mod book;
mod clock;
mod config;
mod history;
mod metrics;
mod node;
mod secondary;
mod service;
mod shelf;
mod sink;
mod visits;
mod zones;

pub use book::BookError;
pub use config::{
    Checks, Config, ConfigError, Dns, Http, Limits, PrimaryRule, Problem, Timers, Token, ZoneEntry,
};
pub use secondary::{ReloadError, Secondary, StartError};
pub use shelf::ShelfError;
