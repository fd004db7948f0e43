//! Limits and usage.

use serde::{Deserialize, Serialize};

use crate::Quota;

/// What `GET /quota` answers.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct QuotaAnswer {
    /// The most that the contract may have.
    pub quota_limits: QuotaCounts,
    /// What it has.
    pub quota_usage: QuotaCounts,
}

/// How many of each. Clients read 32-bit integers: larger counts show as 2³¹−1.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct QuotaCounts {
    /// Primary zones: none here.
    pub zones: i32,
    /// Secondary zones.
    pub secondary_zones: i32,
    /// Records of all zones.
    pub records: i32,
    /// Reverse records: none here.
    pub reverse_records: i32,
}

impl From<Quota> for QuotaAnswer {
    fn from(Quota { limits, usage }: Quota) -> Self {
        Self {
            quota_limits: counts(limits.secondary_zones, limits.records),
            quota_usage: counts(usage.secondary_zones, usage.records),
        }
    }
}

fn counts(secondary_zones: u64, records: u64) -> QuotaCounts {
    QuotaCounts {
        secondary_zones: i32::try_from(secondary_zones).unwrap_or(i32::MAX),
        records: i32::try_from(records).unwrap_or(i32::MAX),
        ..QuotaCounts::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{QuotaLimits, QuotaUsage};

    #[test]
    fn counts_are_integers_that_fit_into_32_bits() {
        let limits = QuotaLimits {
            secondary_zones: 5,
            records: 1 << 40,
            tsig_keys: 1,
        };
        let answer = QuotaAnswer::from(Quota {
            limits,
            usage: QuotaUsage::default(),
        });
        assert_eq!(
            serde_json::to_value(answer).unwrap(),
            serde_json::json!({
                "quotaLimits": {"zones": 0, "secondaryZones": 5, "records": 2_147_483_647, "reverseRecords": 0},
                "quotaUsage": {"zones": 0, "secondaryZones": 0, "records": 0, "reverseRecords": 0},
            })
        );
    }
}
