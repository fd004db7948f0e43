//! The JSON shapes of OCI's DNS API (version 20180115) for secondary zones, and the way from them into the model and back.
//!
//! Every shape can be written and read, so that a client can be built on them as well. What the vendor's own clients send
//! is taken, also where the documents say otherwise: a port may be digits in a string, and any port is as good as 53.
//!
//! ```
//! use zonekit_model::oci::ZoneCreate;
//!
//! let body = br#"{"name": "Example.ORG", "compartmentId": "ocid1.tenancy.oc1..aaaatest", "zoneType": "SECONDARY",
//!     "externalMasters": [{"address": "192.0.2.1", "port": "5300"}]}"#;
//! let create = ZoneCreate::parse(body)?;
//! assert_eq!((create.name.as_str(), create.external_masters[0].port), ("example.org", Some(5300)));
//!
//! let error = ZoneCreate::parse(br#"{"name": "example.org", "compartmentId": "here"}"#);
//! assert_eq!(
//!     error.unwrap_err().to_string(),
//!     "compartmentId: an OCID was expected, not \"here\"",
//! );
//! # Ok::<(), zonekit_model::BodyError>(())
//! ```

mod error;
mod key;
mod member;
mod ocid;
mod record;
mod server;
mod work;
mod zone;

pub use error::ErrorBody;
pub use key::{KeyCreate, KeyItem, KeySummary, KeyUpdate};
pub use ocid::{Kind, Ocid, OcidError};
pub use record::{RecordItem, RecordItems};
pub use server::TransferServer;
pub use work::{WorkRequest, WorkResource};
pub use zone::{
    CompartmentChange, ExternalMaster, Lifecycle, Nameserver, Scope, Viewer, ZoneCreate, ZoneItem,
    ZoneSight, ZoneSummary, ZoneType, ZoneUpdate,
};
