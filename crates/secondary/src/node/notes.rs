//! What is noted for the next start, and is in the file with the next commit.

use tracing::{debug, error};
use zonekit_model::{Standing, ZoneId, ZoneName};
use zonekit_store::Timers;

use super::{Node, PAST, in_words};
use crate::book::KEPT;
use crate::clock;

/// Seconds between a version and the end of its visit, as a rule at most.
const MOMENT: u64 = 5;

impl Node {
    /// Has those who answer know how a zone stands; in the file with the next commit.
    pub(crate) fn note_standing(&self, name: &ZoneName, standing: Standing, expires_at: u64) {
        let standing = match standing {
            Standing::NeverLoaded => return,
            Standing::Current => zonekit_store::Standing::Current,
            Standing::Stale => zonekit_store::Standing::Stale { until: expires_at },
            Standing::Expired => zonekit_store::Standing::Expired,
        };
        if let Err(error) = self.store.set_standing(name.to_name().as_name(), standing) {
            debug!(zone = %name, %error, "noting how it stands"); // it was removed a moment ago
        }
        if self.config().catalog(name).is_some() {
            self.catalogs_changed.notify_one(); // one that had expired may be a catalog again
        }
        self.noted.notify_one();
    }

    /// Notes a zone's timers for the next start; in the file with the next commit. Those that run out a moment later than what
    /// is noted already are not: the next start checks that zone a moment too early.
    pub(crate) fn note_timers(&self, name: &ZoneName, timers: Timers) {
        let zone = name.to_name();
        if { self.store.timers(zone.as_name()) }.is_some_and(|noted| is_hardly_later(noted, timers))
        {
            return;
        }
        if let Err(error) = self.store.note_timers(zone.as_name(), timers) {
            debug!(zone = %name, %error, "noting its timers"); // it was removed a moment ago
        }
        self.noted.notify_one();
    }

    /// Notes what is known of a zone beside its version and timers, for the next start, or that nothing is; in the file with
    /// the next commit.
    pub(crate) fn note_past(&self, id: &ZoneId, past: Option<Vec<u8>>) {
        self.store.note_setting(format!("{PAST}{id}"), past);
        self.noted.notify_one();
    }

    /// All that is kept for the routes, by name.
    pub(crate) fn kept(&self) -> Vec<(String, Vec<u8>)> {
        let kept = self.store.settings(KEPT).unwrap_or_else(|error| {
            error!(
                error = in_words(&error),
                "reading what was kept for the API"
            );
            Vec::new()
        });
        let plain = |(name, value): (String, _)| Some((name.strip_prefix(KEPT)?.to_owned(), value));
        kept.into_iter().filter_map(plain).collect()
    }

    /// Keeps something for the routes, or forgets it; in the file with the next commit.
    pub(crate) fn note_kept(&self, name: &str, value: Option<Vec<u8>>) {
        self.store.note_setting(format!("{KEPT}{name}"), value);
        self.noted.notify_one();
    }

    /// Has the store know the time, by which it tells what is too old for the history of a zone.
    pub(crate) fn note_time(&self) {
        self.store.note_time(clock::now().as_seconds());
    }

    /// Brings what was noted into the file; says whether all of it is there now. Waits for the disk.
    pub(crate) fn flush(&self) -> bool {
        let flushed = self.store.flush();
        if let Err(error) = &flushed {
            error!(error = in_words(error), "keeping timers");
        }
        flushed.is_ok()
    }
}

/// Whether timers run out when those before do, or within [`MOMENT`] after that.
fn is_hardly_later(before: Timers, timers: Timers) -> bool {
    let is_close =
        |before: u64, now: u64| now.checked_sub(before).is_some_and(|later| later <= MOMENT);
    before.failures == timers.failures
        && is_close(before.next_check, timers.next_check)
        && is_close(before.expires_at, timers.expires_at)
}
