//! Versions of zones: held in packed pages, edited by copy, looked up, and kept on disk.
//!
//! A [`Zone`] is one version: immutable, cheap to clone, in pages of about 4 KiB that hold RRsets in wire form. A
//! [`ZoneBuilder`] makes one of all its records, a [`ZonePatch`] one of another and the changes to it, at a cost that
//! follows the changes; a [`Diff`] is the difference of two. Lookups answer what a name server asks: [`Zone::find`] tells in one
//! descent where a name is and what stands above it. [`Zone::verify_zonemd`] holds it against the digest it carries.
//!
//! A [`Store`] is the table of all zones and their file: what is published in it is durable before it is visible, readers
//! never wait, and a restart brings everything back as it was.
//!
//! This crate knows nothing of where records come from, of messages, sockets and clocks.
//!
//! ```
//! use zonekit_store::{Checks, Place, ZoneBuilder, ZoneLimits};
//! use zonekit_wire::{Class, NameBuf, Record, Rtype};
//!
//! let (apex, host): (NameBuf, NameBuf) = ("example.org".parse()?, "www.example.org".parse()?);
//! let record = |owner, rtype, rdata| Record { owner, rtype, class: Class::IN, ttl: 3600, rdata };
//! let soa = [&[0, 0][..], &[0, 0, 0, 7], &[0; 16]].concat(); // serial 7, both names the root
//!
//! let mut builder = ZoneBuilder::new(apex.as_name(), ZoneLimits::default(), Checks::Strict);
//! builder.begin(&record(apex.as_name(), Rtype::SOA, &soa))?;
//! builder.add(&record(apex.as_name(), Rtype::NS, b"\x02ns\x00"))?;
//! builder.add(&record(host.as_name(), Rtype::A, &[192, 0, 2, 1]))?;
//! let (zone, _notes) = builder.finish()?;
//!
//! let Place::Node(node) = zone.find(host.as_name()).place else { panic!("it is there") };
//! assert_eq!(node.rrset(Rtype::A).unwrap().rdatas().next(), Some(&[192, 0, 2, 1][..]));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod act;
mod backup;
mod batch;
mod below;
mod build;
mod check;
mod commit;
mod condense;
mod diff;
mod disk;
mod draft;
mod from_pages;
mod held;
mod job;
mod key;
mod limits;
mod node;
mod nsec3;
mod number;
mod options;
mod page;
mod page_writer;
mod patch;
mod records;
mod repair;
mod rrset;
mod rules;
mod staging;
mod store;
mod store_error;
mod table;
mod tally;
mod tree;
mod zone;
mod zonemd;

pub use backup::{BackupError, RestoreError, restore};
pub use batch::{Batch, Content, Publication};
pub use below::Below;
pub use build::ZoneBuilder;
pub use check::{CheckError, Checked, Summary, check};
pub use diff::{DecodeError, Diff, DiffPlace, DiffRecords, Step};
pub use from_pages::Corrupt;
pub use held::{Generation, Held, HeldZone, Standing, Timers};
pub use limits::{Checks, EditError, Notes, ZoneLimits};
pub use node::{Finding, Node, Place};
pub use nsec3::{Nsec3, Nsec3Parameters};
pub use options::{JournalLimits, Options};
pub use patch::ZonePatch;
pub use records::Records;
pub use rrset::{Rdatas, RrSet, RrSets};
pub use store::Store;
pub use store_error::{Damage, OpenError, Piece, StorageFailure, StoreError, VersionMark};
pub use tree::ChangedPages;
pub use zone::Zone;
pub use zonemd::{ZonemdError, ZonemdHash};
