//! The clock on the wall beside the one that only goes forward.

use std::time::{Duration, Instant, SystemTime};

use zonekit_model::Timestamp;

/// This moment.
pub(crate) fn now() -> Timestamp {
    SystemTime::now().into()
}

/// A moment, before or after this one, on the wall.
pub(crate) fn timestamp(at: Instant) -> Timestamp {
    let this = Instant::now();
    let milliseconds = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let Timestamp(wall) = now();
    Timestamp(match at.checked_duration_since(this) {
        Some(ahead) => wall.saturating_add(milliseconds(ahead)),
        None => wall.saturating_sub(milliseconds(this - at)),
    })
}

/// A moment in seconds since 1970.
pub(crate) fn unix(at: Instant) -> u64 {
    timestamp(at).as_seconds()
}

/// The moment that is so many seconds since 1970. What is over is over now: how long ago does not matter.
pub(crate) fn instant(unix: u64) -> Instant {
    let this = Instant::now();
    let ahead = unix.saturating_sub(now().as_seconds());
    this.checked_add(Duration::from_secs(ahead)).unwrap_or(this)
}
