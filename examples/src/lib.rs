//! What the programs share at their edge: logs, and keys and addresses as they are given on a command line.

#![warn(missing_docs)]

pub mod commands;
pub mod demo;
pub mod descriptors;
pub mod failure;
pub mod import;
pub mod key_file;
pub mod log;
pub mod primary;
pub mod query;
pub mod server;
pub mod supervisor;
pub mod tls;
pub mod upkeep;
pub mod words;

/// Compiles the README's example.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
