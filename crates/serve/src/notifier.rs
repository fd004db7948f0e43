//! NOTIFY going out ([RFC 1996 §3.6]): other servers are told of a new version until they answer.
//!
//! [RFC 1996 §3.6]: https://www.rfc-editor.org/rfc/rfc1996#section-3.6

mod line;
mod telling;

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex},
    time::Duration,
};

use zonekit_tsig::Key;
use zonekit_wire::{Name, SoaBuf};

use crate::{Counters, lock::lock};
use line::Line;

/// Somebody to tell of new versions.
#[derive(Clone, Debug)]
pub struct NotifyTarget {
    /// Where it listens.
    pub address: SocketAddr,
    /// The key to sign with, and to expect the answer signed with.
    pub key: Option<Key>,
    /// The address to send from; the system's choice if there is none.
    pub source: Option<IpAddr>,
    /// How many zones it is told of in a second, at most; repetitions to who does not answer do not count. 0 is no limit.
    /// The others wait, each with its newest version only.
    pub per_second: u32,
}

/// How long to go on telling somebody who does not answer, or with SERVFAIL; who answers with another error hears no more of
/// that version.
#[derive(Clone, Copy, Debug)]
pub struct NotifyRetry {
    /// How long to wait for an answer. Where there is none, it is sent again as long after the first time, and each time twice
    /// as long after the last. Default 2 s.
    pub first: Duration,
    /// How often to send in all. Default 7, which gives up after about two minutes.
    pub attempts: u32,
}

impl Default for NotifyRetry {
    fn default() -> Self {
        Self {
            first: Duration::from_secs(2),
            attempts: 7,
        }
    }
}

/// Tells a list of servers of new versions, each until it answers. A clone is the same notifier; with the last one, all
/// telling ends.
///
/// ```
/// use std::sync::Arc;
/// use std::time::Duration;
/// use zonekit_serve::{Counters, Notifier, NotifyRetry, NotifyTarget};
///
/// let target = NotifyTarget { address: "192.0.2.2:53".parse()?, key: None, source: None, per_second: 100 };
/// let retry = NotifyRetry { first: Duration::from_secs(1), ..NotifyRetry::default() };
/// let notifier = Notifier::new(vec![target], retry, Arc::new(Counters::default()));
/// // After each publication, on a tokio runtime: notifier.announce(zone.apex(), &zone.soa());
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[derive(Clone)]
pub struct Notifier {
    shared: Arc<Shared>,
}

struct Shared {
    lines: Mutex<Vec<Arc<Line>>>,
    manner: Manner,
}

/// How everybody is told.
#[derive(Clone)]
struct Manner {
    retry: NotifyRetry,
    counters: Arc<Counters>,
}

impl Notifier {
    /// Will tell `targets`, and count what comes of it in `counters`.
    pub fn new(targets: Vec<NotifyTarget>, retry: NotifyRetry, counters: Arc<Counters>) -> Self {
        let lines = targets.into_iter().map(Line::new).collect();
        let shared = Shared {
            lines: Mutex::new(lines),
            manner: Manner { retry, counters },
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Tells these from now on. What waits to be told to one that stays, by its address, does so on; one that is not among
    /// them hears nothing more.
    pub fn retarget(&self, targets: Vec<NotifyTarget>) {
        let mut lines = lock(&self.shared.lines);
        let mut before = std::mem::take(&mut *lines);
        for target in targets {
            let staying = { before.iter() }.position(|line| line.address == target.address);
            lines.push(match staying {
                Some(place) => {
                    let line = before.swap_remove(place);
                    line.retarget(target);
                    line
                }
                None => Line::new(target),
            });
        }
        before.iter().for_each(|line| line.end());
    }

    /// Begins to tell everybody that `zone` is now at this SOA, which must be what a query would get: durable, and
    /// visible. What was being told about the zone before is dropped in favour of this.
    ///
    /// Returns at once; must be called within a tokio runtime.
    pub fn announce(&self, zone: Name<'_>, soa: &SoaBuf) {
        for line in lock(&self.shared.lines).iter() {
            line.put(zone, soa, &self.shared.manner);
        }
    }

    /// The same to one of them only; to nobody if it is none of them.
    pub fn announce_to(&self, target: SocketAddr, zone: Name<'_>, soa: &SoaBuf) {
        if let Some(line) = self.line(target) {
            line.put(zone, soa, &self.shared.manner);
        }
    }

    /// How many are being told of a version, or wait to be.
    pub fn under_way(&self) -> usize {
        let lines = lock(&self.shared.lines);
        lines.iter().map(|line| line.under_way()).sum()
    }

    /// Of how many zones one of them is being told, or waits to be.
    pub fn under_way_to(&self, target: SocketAddr) -> usize {
        self.line(target).map_or(0, |line| line.under_way())
    }

    fn line(&self, target: SocketAddr) -> Option<Arc<Line>> {
        let lines = lock(&self.shared.lines);
        lines.iter().find(|line| line.address == target).cloned()
    }
}

impl fmt::Debug for Notifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = lock(&self.shared.lines);
        let targets: Vec<NotifyTarget> = lines.iter().map(|line| line.target()).collect();
        f.debug_struct("Notifier")
            .field("targets", &targets)
            .finish_non_exhaustive()
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        lock(&self.lines).iter().for_each(|line| line.end());
    }
}

#[cfg(test)]
mod tests {
    use zonekit_wire::{NameBuf, Serial};

    use super::*;

    pub(super) fn target(number: u8, per_second: u32) -> NotifyTarget {
        NotifyTarget {
            address: ([192, 0, 2, number], 53).into(),
            key: None,
            source: None,
            per_second,
        }
    }

    /// A zone by its number, and what is to be told of it.
    pub(super) fn news(number: u32) -> (NameBuf, SoaBuf) {
        let name: NameBuf = "ns.example".parse().unwrap();
        let soa = SoaBuf {
            mname: name.clone(),
            rname: name,
            serial: Serial(number),
            refresh: 1,
            retry: 1,
            expire: 1,
            minimum: 1,
        };
        (format!("{number}.example").parse().unwrap(), soa)
    }

    #[tokio::test]
    async fn who_stays_a_target_keeps_what_waits_and_who_does_not_hears_no_more() {
        let notifier = Notifier::new(
            vec![target(1, 1), target(2, 1)],
            NotifyRetry::default(),
            Arc::new(Counters::default()),
        );
        let lines = || lock(&notifier.shared.lines).clone();
        let before = lines();
        let (zone, soa) = news(0);
        notifier.announce(zone.as_name(), &soa);
        notifier.announce(zone.as_name(), &soa);
        assert_eq!(notifier.under_way(), 2);
        notifier.retarget(vec![target(3, 1), target(2, 7)]);
        let now = lines();
        assert!(Arc::ptr_eq(&before[1], &now[1]));
        assert_eq!(now[1].target().per_second, 7);
        assert_eq!(notifier.under_way(), 1);
        assert_eq!(before[0].under_way(), 0);
    }
}
