//! Which primaries are out of reach: known to all of their zones as soon as one has found out.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use foldhash::fast::RandomState;

/// How long a primary is let alone by all zones but one after it was found out of reach for the first time.
const FIRST: Duration = Duration::from_secs(10);

/// And after it was for many times.
const LONGEST: Duration = Duration::from_secs(300);

/// How long after it could have been asked one is kept in mind: its zones may be gone.
const FORGOTTEN: Duration = Duration::from_secs(3600);

/// Primaries that were found out of reach a while ago. `Z`: how the caller knows a zone.
///
/// Else each zone of a primary that is down would wait out its own time-outs. The zone that found out goes on asking, as its
/// own timers say, and else after ten seconds and twice as long after each time in vain, up to five minutes. The others do
/// without; should that zone not ask, the next one that is visited does.
///
/// ```
/// use std::time::{Duration, Instant};
/// use zonekit_xfr::{Noted, Reach};
///
/// let (mut reach, primary, now) = (Reach::default(), "192.0.2.1:53".parse()?, Instant::now());
/// let later = now + Duration::from_secs(10);
/// assert_eq!(reach.note(&"example.org", primary, false, now), Noted::AskAgain(later));
/// assert!(reach.may_ask(&"example.org", primary, now));
/// assert!(!reach.may_ask(&"example.net", primary, now));
///
/// assert!(reach.may_ask(&"example.net", primary, later)); // it finds out for the others
/// assert!(!reach.may_ask(&"example.com", primary, later));
/// assert_eq!(reach.note(&"example.net", primary, true, later), Noted::Back);
/// assert!(reach.may_ask(&"example.com", primary, later));
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[derive(Debug)]
pub struct Reach<Z> {
    down: HashMap<SocketAddr, Down<Z>, RandomState>,
    /// With so many, those that nobody asks for any more are forgotten.
    tidy_at: usize,
}

#[derive(Debug)]
struct Down<Z> {
    /// The zone that asked last.
    asker: Z,
    /// When it is to ask again, and any other zone may.
    until: Instant,
    /// How long it was, or is, to the next time.
    wait: Duration,
}

impl<Z: Clone + Eq> Reach<Z> {
    /// Whether a visit of this zone that begins now is to ask the primary. One that asks where it is time to is the only
    /// one, for a while.
    pub fn may_ask(&mut self, zone: &Z, primary: SocketAddr, now: Instant) -> bool {
        let Some(down) = self.down.get_mut(&primary) else {
            return true;
        };
        if now < down.until {
            return down.asker == *zone;
        }
        down.wait = (down.wait * 2).min(LONGEST);
        down.until = now + down.wait;
        down.asker = zone.clone();
        true
    }

    /// A visit of this zone has reached the primary or not.
    pub fn note(&mut self, zone: &Z, primary: SocketAddr, is_reached: bool, now: Instant) -> Noted {
        if is_reached {
            let before = self.down.remove(&primary);
            return before.map_or(Noted::Nothing, |_| Noted::Back);
        }
        if self.down.len() >= self.tidy_at {
            self.down.retain(|_, down| now < down.until + FORGOTTEN);
            self.tidy_at = 2 * self.down.len().max(64);
        }
        // Of several that find out at a time, the first is the one that goes on.
        let down = self.down.entry(primary).or_insert_with(|| Down {
            asker: zone.clone(),
            until: now + FIRST,
            wait: FIRST,
        });
        match down.asker == *zone {
            true => Noted::AskAgain(down.until),
            false => Noted::Nothing,
        }
    }
}

/// What follows from what a visit has found out about a primary.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Noted {
    /// It is as it was, or somebody else looks after it.
    Nothing,
    /// It is out of reach, and this zone is the one that is to ask again by then ([`Schedule::check_by`](crate::Schedule::check_by)).
    AskAgain(Instant),
    /// It was out of reach, and is no longer: its zones are due soon ([`Schedule::hasten`](crate::Schedule::hasten)).
    Back,
}

impl<Z> Default for Reach<Z> {
    fn default() -> Self {
        Self {
            down: HashMap::default(),
            tidy_at: 64,
        }
    }
}
