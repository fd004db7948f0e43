//! DNS names, records and messages: read in place, written once.

#![forbid(unsafe_code)]
#![warn(missing_docs)]
#![cfg_attr(not(test), warn(clippy::indexing_slicing, clippy::unwrap_used))]

mod compress;
mod edns;
mod frame;
pub mod master;
mod message;
mod name;
mod name_buf;
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

pub use compress::Compressor;
pub use edns::{EdnsOption, EdnsOptions, Opt, OptRepr};
pub use frame::{FrameBuffer, FrameError, frame_length};
pub use message::{Header, Message, Question, Records, RecordsPlace, Section};
pub use name::{Labels, MAX_LABEL, MAX_NAME, Name, NameError};
pub use name_buf::NameBuf;
pub use packed::{PackedLabels, PackedName, PackedRecord};
pub use rdata::RdataError;
pub use read::ReadError;
pub use record::{Record, RecordBuf};
pub use rtype::{Class, Opcode, Rcode, Rtype, UnknownMnemonic};
pub use serial::Serial;
pub use soa::{Soa, SoaBuf};
pub use unpack::Unpacker;
pub use write::{Mark, MessageFull, MessageWriter};
