//! Master files: zones as text ([RFC 1035 §5], [RFC 2308 §4], [RFC 3597 §5]).
//!
//! [`Reader`] goes through a file of any size with the memory of one entry, and lends out one record at a time.
//! [`Writer`] puts one record on a line, nothing abbreviated, so that what it writes reads back the same to the octet.
//!
//! ```
//! use zonekit_wire::{Name, master};
//!
//! let file = "$ORIGIN example.org.\n$TTL 1h\n@ SOA ns mail ( 1 1d 1h 1w 5m )\n  NS ns\nns A 192.0.2.1 ; glue\n";
//! let mut reader = master::Reader::new(file.as_bytes(), Name::ROOT);
//! let mut writer = master::Writer::new(Vec::new());
//! while let Some(record) = reader.next_record()? {
//!     writer.write(&record)?;
//! }
//! let text = String::from_utf8(writer.finish()?)?;
//! assert!(text.ends_with("ns.example.org.\t3600\tIN\tA\t192.0.2.1\n"));
//!
//! let error = master::Reader::new("a. 1 IN A 192.0.2.256".as_bytes(), Name::ROOT).next_record().unwrap_err();
//! assert_eq!(error.to_string(), "line 1, column 11, at \"192.0.2.256\": not a valid address");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Where we differ
//!
//! An entry, that is a line or what parentheses hold together, has at most [`MAX_ENTRY`] octets. A line without TTL
//! takes that of `$TTL`, or of the line before, or for the SOA its own minimum; where there is none of these, it is
//! an error. BIND's `$GENERATE` is understood, for at most [`MAX_GENERATED`] records each; records of one set keep the
//! TTLs that their lines give them.
//!
//! [RFC 1035 §5]: https://www.rfc-editor.org/rfc/rfc1035#section-5
//! [RFC 2308 §4]: https://www.rfc-editor.org/rfc/rfc2308#section-4
//! [RFC 3597 §5]: https://www.rfc-editor.org/rfc/rfc3597#section-5

mod entry;
mod error;
mod generate;
mod reader;
mod writer;

pub use error::{MasterError, MasterErrorKind};
pub use generate::MAX_GENERATED;
pub use reader::{MAX_ENTRY, MAX_INCLUDES, Reader};
pub use writer::Writer;
