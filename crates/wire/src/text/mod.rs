//! Presentation form: records as text, and text as records.
mod mnemonics;
mod odd;
mod put;
mod svcb;
mod time;
mod write;

pub use write::{write_rdata, write_record, write_unknown_rdata};
