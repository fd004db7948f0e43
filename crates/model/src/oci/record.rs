//! Records of a transferred zone.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{ContentVersion, RecordView};

/// A list of records.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RecordItems {
    /// The records.
    pub items: Vec<RecordItem>,
}

/// A record as it is shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RecordItem {
    /// The owner's whole name, without the final dot.
    pub domain: String,
    /// Tells the records of a zone apart: 32 hexadecimal digits.
    pub record_hash: String,
    /// Always false.
    pub is_protected: bool,
    /// The RDATA in presentation form, all names absolute.
    pub rdata: String,
    /// The version of the zone that the record is seen in.
    pub rrset_version: String,
    /// The type's mnemonic.
    pub rtype: String,
    /// Seconds that it may be cached.
    pub ttl: u32,
}

impl RecordItem {
    /// A record of that version of a zone.
    pub fn new(version: ContentVersion, record: &RecordView) -> Self {
        let owner = record.owner.as_str();
        let plain = owner.strip_suffix('.').filter(|rest| !rest.is_empty());
        Self {
            domain: plain.unwrap_or(owner).into(),
            record_hash: hash(record),
            is_protected: false,
            rdata: record.rdata.clone(),
            rrset_version: version.to_string(),
            rtype: record.rtype.to_string(),
            ttl: record.ttl,
        }
    }
}

/// Of owner, type and RDATA, which together are in a zone once.
fn hash(record: &RecordView) -> String {
    let mut hash = Sha256::new();
    hash.update(record.owner.to_ascii_lowercase());
    hash.update([0]);
    hash.update(record.rtype.0.to_be_bytes());
    hash.update(&record.rdata);
    let hash = hash.finalize();
    hash.iter()
        .take(16)
        .map(|octet| format!("{octet:02x}"))
        .collect()
}
