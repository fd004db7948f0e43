//! What is remembered of primaries that do not put up with several questions on a connection.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::{Duration, Instant};

use foldhash::fast::RandomState;

/// How long a primary is given a connection for each question after it was found wanting for the first time.
const FIRST: Duration = Duration::from_secs(600);

/// And after it was for many times.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// Primaries that close a connection, stall or confuse things when more than one question is asked on it. `P`: how the
/// caller knows a primary.
///
/// Each of them is tried again after ten minutes, and twice as long after each time in vain, up to a day: servers are
/// renewed.
///
/// ```
/// use std::time::{Duration, Instant};
/// use zonekit_xfr::Manners;
///
/// let (mut manners, primary, now) = (Manners::default(), "192.0.2.1:53", Instant::now());
/// assert!(manners.may_share(&primary, now));
/// manners.note(primary, now);
/// assert!(!manners.may_share(&primary, now));
/// assert!(manners.may_share(&primary, now + Duration::from_secs(600)));
/// ```
#[derive(Debug)]
pub struct Manners<P> {
    alone: HashMap<P, Alone, RandomState>,
    /// With so many, those that have been let off for long are forgotten.
    tidy_at: usize,
}

#[derive(Clone, Copy, Debug)]
struct Alone {
    until: Instant,
    wait: Duration,
}

impl<P: Eq + Hash> Manners<P> {
    /// Whether several questions may be asked on a connection with this primary.
    pub fn may_share(&self, primary: &P, now: Instant) -> bool {
        { self.alone.get(primary) }.is_none_or(|alone| alone.until <= now)
    }

    /// The primary was found wanting.
    pub fn note(&mut self, primary: P, now: Instant) {
        if self.alone.len() >= self.tidy_at {
            self.alone.retain(|_, alone| now < alone.until + LONGEST);
            self.tidy_at = 2 * self.alone.len().max(64);
        }
        let alone = self.alone.entry(primary).or_insert(Alone {
            until: now,
            wait: Duration::ZERO,
        });
        // Of several connections at a time, one is enough to tell.
        if alone.until <= now {
            alone.wait = (alone.wait * 2).clamp(FIRST, LONGEST);
            alone.until = now + alone.wait;
        }
    }
}

impl<P> Default for Manners<P> {
    fn default() -> Self {
        Self {
            alone: HashMap::default(),
            tidy_at: 64,
        }
    }
}
