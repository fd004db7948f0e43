//! When a zone is due again, from its SOA.

use std::time::Duration;

use zonekit_wire::{Name, SoaBuf};

use crate::query::mix;

/// Bounds for the timers that SOAs ask for, in seconds.
///
/// ```
/// use std::time::Duration;
/// use zonekit_wire::{Serial, SoaBuf};
/// use zonekit_xfr::Timers;
///
/// let name: zonekit_wire::NameBuf = "example.org".parse()?;
/// let soa = SoaBuf {
///     mname: name.clone(), rname: name, serial: Serial(7), refresh: 1, retry: 1, expire: 86_400, minimum: 1,
/// };
/// let timers = Timers { min_refresh: 900, ..Timers::default() }.of(&soa);
/// assert_eq!((timers.refresh, timers.retry), (Duration::from_secs(900), Duration::from_secs(60)));
/// # Ok::<(), zonekit_wire::NameError>(())
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Timers {
    /// No zone is checked more often. Default: 300.
    pub min_refresh: u32,
    /// No zone is checked less often. Default: 4 weeks.
    pub max_refresh: u32,
    /// No failed check is repeated sooner. Default: 60.
    pub min_retry: u32,
    /// No failed check is repeated later. Default: 2 weeks.
    pub max_retry: u32,
    /// No zone expires sooner. Default: 300.
    pub min_expire: u32,
    /// No zone is kept longer without contact. Default: 52 weeks.
    pub max_expire: u32,
}

impl Default for Timers {
    fn default() -> Self {
        const WEEK: u32 = 7 * 24 * 60 * 60;
        Self {
            min_refresh: 300,
            max_refresh: 4 * WEEK,
            min_retry: 60,
            max_retry: 2 * WEEK,
            min_expire: 300,
            max_expire: 52 * WEEK,
        }
    }
}

impl Timers {
    /// The timers of a zone, within bounds. A zone never expires before it was due to be checked and checked again.
    pub fn of(&self, soa: &SoaBuf) -> ZoneTimers {
        let bounded = |seconds: u32, min: u32, max: u32| {
            Duration::from_secs(seconds.min(max).max(min).into())
        };
        let refresh = bounded(soa.refresh, self.min_refresh, self.max_refresh);
        let retry = bounded(soa.retry, self.min_retry, self.max_retry);
        let expire = bounded(soa.expire, self.min_expire, self.max_expire);
        ZoneTimers {
            refresh,
            retry,
            expire: expire.max(refresh + retry),
        }
    }
}

/// The timers of one zone.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ZoneTimers {
    /// From a check that found the zone current to the next.
    pub refresh: Duration,
    /// From a check that failed to the next.
    pub retry: Duration,
    /// How long the zone is good without contact.
    pub expire: Duration,
}

/// A share of up to 10 % by which a zone's timers are shorter: the same after a restart, another on another node.
#[derive(Clone, Copy, Debug)]
pub(super) struct Jitter(u16);

impl Jitter {
    pub(super) fn new(name: Name<'_>, node: u64) -> Self {
        // FNV-1a without case, spread by a finaliser: any change to this moves timers of whole fleets once.
        let hash = name
            .as_octets()
            .iter()
            .fold(0xcbf2_9ce4_8422_2325, |hash: u64, octet| {
                (hash ^ u64::from(octet.to_ascii_lowercase())).wrapping_mul(0x0100_0000_01b3)
            });
        Self((mix(hash ^ mix(node)) >> 48) as u16)
    }

    /// `wait`, less this zone's share.
    pub(super) fn shorten(self, wait: Duration) -> Duration {
        wait - self.share_of(wait / 10)
    }

    /// This zone's share of `whole`.
    pub(super) fn share_of(self, whole: Duration) -> Duration {
        whole * self.0.into() / 65_536
    }

    /// The wait after so many failures of a zone that was never loaded: 5 s, doubled up to an hour.
    pub(super) fn back_off(self, failures: u32) -> Duration {
        let wait = 5_u64 << failures.saturating_sub(1).min(10);
        self.shorten(Duration::from_secs(wait.min(3600)))
    }
}
