//! What can be chosen when a store is opened.

/// How a store behaves.
///
/// ```no_run
/// use zonekit_store::{Options, Store};
///
/// let mut options = Options::default(); // fields may join these: set those that matter
/// options.journal.steps = 100;
/// let store = Store::open("zones.redb", options)?;
/// # Ok::<(), zonekit_store::OpenError>(())
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Options {
    /// Octets of memory for parts of the file, 2 MiB by default. Zones are in memory whole and do not count; this speeds
    /// up commits and nothing else, so that more is seldom better.
    pub cache_octets: usize,
    /// Octets of one zone that go into one transaction, about, 8 MiB by default: what is larger is written in pieces before
    /// it counts, so that changes to other zones never wait for more than a piece.
    pub piece_octets: u64,
    /// How many zones there may be, 2 million by default; 0 is no limit. Those of a file that has more are all served; none
    /// joins them.
    pub zones: u64,
    /// How much history a zone keeps.
    pub journal: JournalLimits,
}

/// How many differences of a zone are kept, for secondaries behind us that ask by IXFR. 0 is no limit.
///
/// The oldest go first. Whatever the limits, a zone's version on disk is whole.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct JournalLimits {
    /// Octets on disk for each zone, 16 MiB by default; and, limit or not, never more than the zone itself takes.
    pub octets: u64,
    /// Publications, 1,000 by default.
    pub steps: u32,
    /// Seconds since the publication, four weeks by default: of no use to secondaries whose zone has expired. Ages are known
    /// as far as the store is [told the time](crate::Store::note_time).
    pub age: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            cache_octets: 2 << 20,
            piece_octets: 8 << 20,
            zones: 2_000_000,
            journal: JournalLimits::default(),
        }
    }
}

impl Default for JournalLimits {
    fn default() -> Self {
        Self {
            octets: 16 << 20,
            steps: 1_000,
            age: 28 * 86_400,
        }
    }
}
