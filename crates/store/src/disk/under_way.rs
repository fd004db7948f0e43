//! Snapshots on their way into the file.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

/// Those that are written and do not count yet, by zone and number. They are doomed until they count: without this, whoever
/// takes out what nobody needs would take these for left behind.
#[derive(Clone, Default)]
pub(crate) struct UnderWay(Arc<Mutex<BTreeSet<(u64, u64)>>>);

/// The number of such a snapshot. When this goes, the snapshot counts, or nobody needs it.
pub(crate) struct Reserved {
    under_way: UnderWay,
    zone: u64,
    pub(crate) number: u64,
}

impl UnderWay {
    pub(crate) fn reserve(&self, zone: u64, number: u64) -> Reserved {
        self.change(|snapshots| snapshots.insert((zone, number)));
        Reserved {
            under_way: self.clone(),
            zone,
            number,
        }
    }

    pub(crate) fn has(&self, zone: u64, number: u64) -> bool {
        self.change(|snapshots| snapshots.contains(&(zone, number)))
    }

    fn change<T>(&self, change: impl FnOnce(&mut BTreeSet<(u64, u64)>) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        let snapshot = (self.zone, self.number);
        self.under_way
            .change(|snapshots| snapshots.remove(&snapshot));
    }
}
