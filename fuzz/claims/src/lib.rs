//! What must be true whatever the octets: one claim a function, each named like its fuzz target and its corpus.
//!
//! A claim takes any octets, and panics if they show it to be wrong. The fuzz targets look for such octets; `cargo test`
//! replays the committed corpora and what has been found ([`CLAIMS`], `benches/tests/corpora.rs`).

#![forbid(unsafe_code)]

mod differential_hickory;
mod framing;
mod master_file;
mod message;
mod name;
mod query;
mod rdata;
mod streams;
mod tsig_message;
mod tsig_stream;
mod zone_edits;

pub use differential_hickory::differential_hickory;
pub use framing::framing;
pub use master_file::master_file;
pub use message::message;
pub use name::name;
pub use query::query;
pub use rdata::rdata;
pub use streams::{axfr_stream, ixfr_stream};
pub use tsig_message::tsig_message;
pub use tsig_stream::tsig_stream;
pub use zone_edits::zone_edits;

/// A claim over any octets.
pub type Claim = fn(&[u8]);

/// Every claim, with the name of its fuzz target and of its folder in `fuzz/corpus`.
pub const CLAIMS: [(&str, Claim); 12] = [
    ("axfr_stream", axfr_stream),
    ("differential_hickory", differential_hickory),
    ("framing", framing),
    ("ixfr_stream", ixfr_stream),
    ("master_file", master_file),
    ("message", message),
    ("name", name),
    ("query", query),
    ("rdata", rdata),
    ("tsig_message", tsig_message),
    ("tsig_stream", tsig_stream),
    ("zone_edits", zone_edits),
];
