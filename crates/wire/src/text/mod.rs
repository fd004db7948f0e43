//! Presentation form: records as text, and text as records ([RFC 1035 §5], [RFC 3597 §5]).
//!
//! Text is what BIND's tools print, to the character: absolute names, numbers in decimal, hexadecimal in upper case,
//! nothing broken over lines. [`read_rdata`] takes all that master files may hold; whole files are read and written by
//! [`master`](crate::master).
//!
//! ```
//! use zonekit_wire::{Name, Rtype, text};
//!
//! let mut rdata = Vec::new();
//! text::read_rdata(Rtype::TXT, r#""v=spf1 -all" \# \065"#, Name::ROOT, &mut rdata)?;
//! let mut line = Vec::new();
//! text::write_rdata(Rtype::TXT, &rdata, &mut line);
//! assert_eq!(line, br##""v=spf1 -all" "#" "A""##);
//! # Ok::<(), text::TextError>(())
//! ```
//!
//! [RFC 1035 §5]: https://www.rfc-editor.org/rfc/rfc1035#section-5
//! [RFC 3597 §5]: https://www.rfc-editor.org/rfc/rfc3597#section-5

mod error;
mod location;
mod mnemonics;
mod odd;
mod put;
mod read;
pub(crate) mod scan;
mod svcb;
pub(crate) mod take;
mod time;
mod write;

pub use error::{TextError, TextErrorKind};
pub(crate) use read::read_fields;
pub use read::read_rdata;
pub(crate) use write::write_record_with;
pub use write::{write_rdata, write_record, write_unknown_rdata};
