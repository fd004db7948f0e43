//! Secondary zones as an operator sees them: what can be asked for, what can be seen, and who may have it.
//!
//! A [`SecondaryZone`] in hand is valid: its name, its primaries and its description were parsed, not checked later.
//! The [`Registry`] is the one judge of every command, whichever API it came through: it holds the zones and keys of
//! all contracts and, given a [`Command`] and the time, says what would change or why nothing may. It does nothing
//! itself; whoever runs it makes the [`Changes`] durable and then applies them.
//!
//! ```text
//!  Command ─► judge ─► Changes ─► (made durable) ─► apply
//!               └────► Refusal
//! ```
//!
//! [`ZoneStatus`] is what a zone tells of itself: standing, serial, the last word of each primary, and a history of
//! visits. [`ionos`] and [`oci`] hold the JSON shapes of those vendors' APIs and the way from them into the model and back.
//!
//! It knows nothing of HTTP, sockets, async, clocks or storage: time comes in as a [`Timestamp`], effects go out as
//! values.
//!
//! ```
//! use zonekit_model::{Command, Contract, Registry, Timestamp, Uuid, ZoneDraft};
//!
//! let mut registry = Registry::default();
//! let contract: Contract = "demo".parse()?;
//! let id = Uuid::from_u128(1);
//! let draft = ZoneDraft::at_addresses("Example.ORG.".parse()?, ["192.0.2.1".parse()?]);
//!
//! let changes = registry.judge(Command::create(&contract, id, draft), Timestamp(1_000))?;
//! registry.apply(changes); // once they are durable
//!
//! let zone = registry.zone(&contract, id).expect("just made");
//! assert_eq!(zone.name.as_str(), "example.org");
//! // Another contract's id behaves exactly like an unused one.
//! assert!(registry.zone(&"other".parse()?, id).is_none());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![forbid(unsafe_code)]
#![warn(missing_docs)]
#![cfg_attr(not(test), warn(clippy::indexing_slicing, clippy::unwrap_used))]

mod body;
mod catalog;
mod command;
mod contract;
mod date;
mod delegation;
mod digest;
mod event;
pub mod ionos;
mod key;
mod labels;
mod listing;
mod name;
mod notify;
pub mod oci;
mod primary;
mod quota;
mod record;
mod registry;
mod retry;
mod status;
mod survey;
mod time;
mod version;
mod zone;

pub use body::BodyError;
pub use catalog::{
    Catalog, CatalogError, CatalogMember, CatalogReader, MemberLabel, MemberLabelError,
};
pub use command::{
    Change, Changes, Command, DeclaredKey, DeclaredZone, Expected, FollowedZone, Refusal,
};
pub use contract::{Contract, ContractError};
pub use delegation::{Delegation, NamedServers, ServerAnswer, ServerSaid, Verdict};
pub use digest::ZonemdPolicy;
pub use event::{Event, EventKind, EventKindError, EventZone};
pub use key::{KeyDraft, Secret, SecretError, TsigKey};
pub use labels::{
    Compartment, CompartmentError, DefinedTags, FreeformTags, Labels, LabelsEdit, Within,
};
pub use listing::{
    Cursor, CursorError, KeyQuery, Order, OrderBy, Page, PageRequest, Selection, ZoneFilter,
    ZoneQuery,
};
pub use name::{KeyName, NameError, ZoneName};
pub use notify::{NotifySource, NotifySourceError, NotifySources, NotifySourcesError};
pub use primary::{Primaries, PrimariesError, Primary, SharedPrimaries};
pub use quota::{Quota, QuotaLimits, QuotaUsage};
pub use record::{RecordOrder, RecordQuery, RecordView};
pub use registry::{Registry, RestoreError};
pub use retry::RetryToken;
pub use status::{
    Failure, PrimaryOutcome, PrimaryStatus, Standing, TransferFigures, TransferKind, VisitCause,
    VisitOutcome, VisitRecord, ZoneState, ZoneStatus,
};
pub use survey::{SurveyQuery, Trouble, TroubleError};
pub use time::{Timestamp, TimestampError};
pub use uuid::Uuid;
pub use version::ContentVersion;
pub use zone::{
    Description, DescriptionError, Membership, SecondaryZone, WantedPrimaries, WantedPrimary,
    ZoneDraft, ZoneEdit, ZoneId,
};
pub use zonekit_tsig::Algorithm;
