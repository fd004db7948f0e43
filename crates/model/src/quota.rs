//! How much a contract may have, and how much it has.

use serde::{Deserialize, Serialize};

/// The most that one contract may have.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct QuotaLimits {
    /// Secondary zones.
    pub secondary_zones: u64,
    /// Records in all its zones together.
    pub records: u64,
    /// TSIG keys.
    pub tsig_keys: u64,
}

impl Default for QuotaLimits {
    /// 100,000 zones, 100,000,000 records and 10,000 keys.
    fn default() -> Self {
        Self {
            secondary_zones: 100_000,
            records: 100_000_000,
            tsig_keys: 10_000,
        }
    }
}

/// What a contract has.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub struct QuotaUsage {
    /// Secondary zones, whether they were ever transferred or not.
    pub secondary_zones: u64,
    /// Records held in all its zones together.
    pub records: u64,
    /// TSIG keys, whether a zone uses them or not.
    pub tsig_keys: u64,
}

/// Limits and usage of one contract.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub struct Quota {
    /// The most it may have.
    pub limits: QuotaLimits,
    /// What it has.
    pub usage: QuotaUsage,
}
