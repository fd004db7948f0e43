//! Logs on standard error: for people on a terminal, JSON lines otherwise.

use std::io::{IsTerminal, stderr};
use std::net::SocketAddr;

use tracing_subscriber::EnvFilter;

/// Starts logging. `RUST_LOG` filters as usual (`RUST_LOG=debug`, `RUST_LOG=zonekit_secondary=debug,info`);
/// without it everything from `info` up is told.
pub fn start() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let logs = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(stderr);
    if stderr().is_terminal() {
        logs.with_target(false).init();
    } else {
        logs.json().init();
    }
}

/// Addresses as one field of a log line.
pub fn listed(addresses: &[SocketAddr]) -> String {
    let texts: Vec<String> = addresses.iter().map(SocketAddr::to_string).collect();
    texts.join(" ")
}
