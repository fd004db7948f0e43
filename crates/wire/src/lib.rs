//! DNS names, records and messages: read in place, written once.
//!
//! Octets from a socket become messages, messages become records, records become text; and all the way back.
//!
//! ```text
//!  stream ─► FrameBuffer ─► Message ─► PackedRecord ─► Unpacker ─► Record ─► text, master file
//!                             ▲        where it lies               flat        │
//!                             └──── MessageWriter ◄────────────────────────────┘
//! ```
//!
//! It knows nothing of sockets, clocks and zones: no call waits, and a record does not know whether its neighbour makes
//! sense. (Files are opened by [`master`] alone, for `$INCLUDE`.) No feature, no async, no `unsafe`.
//!
//! ```
//! use zonekit_wire::{Class, Compressor, Header, Message, MessageWriter, NameBuf, Record, Rtype, Section, Unpacker};
//!
//! // A question, and the answer to it.
//! let name: NameBuf = "www.example.org".parse()?;
//! let (mut octets, mut compressor) = (Vec::new(), Compressor::new());
//! let mut writer = MessageWriter::new(&mut octets, 512, &mut compressor);
//! writer.set_header(Header { id: 4711, qr: true, aa: true, ..Header::default() });
//! writer.question(name.as_name(), Rtype::A, Class::IN)?;
//! let rdata = [192, 0, 2, 1];
//! let owner = name.as_name();
//! writer.record(Section::Answer, &Record { owner, rtype: Rtype::A, class: Class::IN, ttl: 3600, rdata: &rdata })?;
//! writer.finish();
//!
//! // The other side reads it.
//! let message = Message::new(&octets)?;
//! let mut unpacker = Unpacker::new();
//! for item in message.records()? {
//!     let (section, packed) = item?;
//!     assert_eq!(section, Section::Answer);
//!     assert_eq!(unpacker.unpack(packed)?.to_string(), "www.example.org. 3600 IN A 192.0.2.1");
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What is where
//!
//! - **Names.** [`Name`] is flat wire form, borrowed; [`NameBuf`] owns it; [`PackedName`] lies in a message, perhaps
//!   compressed. They compare without case, order canonically, and keep the case they came with.
//! - **Records.** [`Record`] and [`RecordBuf`] are flat and may hold anything; [`PackedRecord`] lies in a message, and
//!   [`Unpacker`] makes it flat: [`Unpacker::answers`] does so for a whole message, sort keys included, at a third of
//!   the cost. What RDATA must look like, one table says: [`rdata`].
//! - **Messages.** [`Message`] reads, [`MessageWriter`] writes, [`FrameBuffer`] cuts a TCP stream into messages.
//! - **Text.** [`text`] for one record, [`master`] for files.
//!
//! Views are `Copy` structs over `&[u8]`, checked when they are made, so that their accessors cannot fail; owned twins
//! end in `Buf`. Every number keeps its unknown values: [`Rtype`] is any 16 bits, and a type that nobody knows is
//! carried, compared and printed as [RFC 3597] says. Reading never panics and never follows a pointer that does not
//! lead backward; errors say at which offset.
//!
//! # Why a codec of our own
//!
//! A secondary carries other people's data: it must take every record that the RFCs allow, give back the very octets
//! it was given, and do so for millions of records per second and transfer. [`hickory_proto`] is made for the other
//! end, the resolver: its decoder drops a whole message for one odd RDATA, its record takes 280 octets, its
//! `Display` is not presentation format. So the codec is ours, and hickory-proto is what we test it against
//! (`tests/hickory.rs`) and what feature `hickory` converts to and from, name by name and record by record.
//!
//! [RFC 3597]: https://www.rfc-editor.org/rfc/rfc3597
//! [`hickory_proto`]: https://docs.rs/hickory-proto

#![forbid(unsafe_code)]
#![warn(missing_docs)]
#![cfg_attr(not(test), warn(clippy::indexing_slicing, clippy::unwrap_used))]

mod answers;
mod compress;
mod edns;
mod expanded;
mod flat;
mod frame;
#[cfg(feature = "hickory")]
pub mod hickory;
pub mod master;
mod message;
mod name;
mod name_buf;
mod owner;
mod packed;
pub mod rdata;
mod read;
mod record;
mod rtype;
mod serial;
mod soa;
pub mod text;
mod unpack;
mod write;

pub use answers::{Answers, Unpacked};
pub use compress::Compressor;
pub use edns::{EdnsOption, EdnsOptions, Opt, OptRepr};
pub use frame::{FrameBuffer, FrameError, frame_length};
pub use message::{Header, Message, Question, Records, RecordsPlace, Section};
pub use name::{Labels, MAX_LABEL, MAX_NAME, Name, NameError};
pub use name_buf::NameBuf;
pub use packed::{PackedLabels, PackedName, PackedRecord};
pub use rdata::error::RdataError;
pub use read::ReadError;
pub use record::{Record, RecordBuf};
pub use rtype::{Class, Opcode, Rcode, Rtype, UnknownMnemonic};
pub use serial::Serial;
pub use soa::{Soa, SoaBuf};
pub use unpack::Unpacker;
pub use write::{Mark, MessageFull, MessageWriter};
