//! What can be chosen when a store is opened.

/// How a store behaves.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Options {
    /// Octets of memory for parts of the file, 8 MiB by default. Zones are in memory whole and do not count; this speeds
    /// up commits and nothing else, so that more is seldom better.
    pub cache_octets: usize,
    /// How much history a zone keeps.
    pub journal: JournalLimits,
}

/// How many differences of a zone are kept, for secondaries behind us that ask by IXFR.
///
/// The oldest go first. Whatever the limits, a zone's version on disk is whole.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct JournalLimits {
    /// Octets on disk for each zone, 16 MiB by default; and never more than the zone itself takes.
    pub octets: u64,
    /// Publications, 1,000 by default.
    pub steps: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            cache_octets: 8 << 20,
            journal: JournalLimits::default(),
        }
    }
}

impl Default for JournalLimits {
    fn default() -> Self {
        Self {
            octets: 16 << 20,
            steps: 1_000,
        }
    }
}
