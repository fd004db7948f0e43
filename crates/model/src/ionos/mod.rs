//! The JSON shapes of IONOS Cloud DNS's API for secondary zones, and the way from them into the model and back.
//!
//! Every shape can be written and read, so that a client can be built on them as well. Where the vendor's documents and
//! its own clients disagree, these shapes are what the clients take: dates end in `Z`, the states are a closed set, and
//! quotas are integers below 2³¹.
//!
//! ```
//! use zonekit_model::{ZoneDraft, ionos::ZoneWrite};
//!
//! let body = br#"{"properties": {"zoneName": "Example.ORG", "primaryIps": ["192.0.2.1"]}}"#;
//! let draft = ZoneDraft::from(ZoneWrite::parse(body)?);
//! assert_eq!(draft.name.as_str(), "example.org");
//!
//! let error = ZoneWrite::parse(br#"{"properties": {"zoneName": "example.org", "primaryIps": ["::1", "ns1"]}}"#);
//! assert_eq!(
//!     error.unwrap_err().to_string(),
//!     "properties.primaryIps[1]: an IPv4 or IPv6 address was expected, not \"ns1\"",
//! );
//! # Ok::<(), zonekit_model::BodyError>(())
//! ```

mod collection;
mod error;
mod quota;
mod record;
mod transfer;
mod zone;

pub use collection::{Collection, Links, Place};
pub use error::{ErrorBody, ErrorMessage};
pub use quota::{QuotaAnswer, QuotaCounts};
pub use record::{RecordItem, RecordMetadata, RecordProperties, RecordsMetadata};
pub use transfer::{TransferItem, TransferMetadata, TransferStatus};
pub use zone::{Kind, ZoneItem, ZoneMetadata, ZoneProperties, ZoneWrite};
