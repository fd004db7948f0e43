//! What the log is told of visits: one event for each outcome, and no flood of what is known.
//!
//! A zone that fails again in the same way is told of when it first does, then once an hour with how many times it did.
//! A primary that is out of reach is told of once; its zones are not, as long as they do not ask it.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use tracing::{debug, info, warn};
use zonekit_model::{VisitOutcome, ZoneName};
use zonekit_xfr::PrimaryReport;

use crate::history::Finished;
use crate::node::in_words;

/// How long a trouble that goes on is not told of again.
const QUIET: Duration = Duration::from_secs(3_600);

/// And how long a primary is kept in mind of which nobody says anything.
const FORGOTTEN: Duration = Duration::from_secs(86_400);

/// Tells the log of visits.
#[derive(Default)]
pub(crate) struct Teller {
    troubles: Mutex<HashMap<ZoneName, Trouble>>,
    down: Mutex<Told>,
    /// Primaries with which clear text is spoken though TLS is wanted.
    clear: Mutex<Told>,
}

/// Primaries that something was told of, each with when it was last so. One that nobody has spoken of for long is forgotten:
/// its zones may be gone.
#[derive(Default)]
struct Told {
    primaries: HashMap<SocketAddr, Instant>,
    /// With so many, those are looked for.
    tidy_at: usize,
}

impl Told {
    /// It is so now; whether it was not before.
    fn note(&mut self, primary: SocketAddr, now: Instant) -> bool {
        if self.primaries.len() >= self.tidy_at {
            self.primaries
                .retain(|_, noted| now.saturating_duration_since(*noted) < FORGOTTEN);
            self.tidy_at = 2 * self.primaries.len().max(64);
        }
        self.primaries.insert(primary, now).is_none()
    }

    /// It is so no more; whether it was before.
    fn remove(&mut self, primary: SocketAddr) -> bool {
        self.primaries.remove(&primary).is_some()
    }
}

/// What goes on going wrong with a zone.
#[derive(Debug)]
struct Trouble {
    /// In which way.
    what: &'static str,
    /// And the kind of failure, where there is one.
    kind: String,
    /// When it was last told of.
    told: Instant,
    /// How many times it was there.
    times: u64,
}

/// How a trouble is told of that is there once more.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Tone {
    /// It is another than before.
    New,
    /// It has been there so many times by now, and was not told of for long.
    Again(u64),
    /// It was told of a while ago.
    Quiet,
}

impl Teller {
    /// Whether TLS stands with a primary where it is wanted: told when it changes.
    fn tell_of_tls(&self, primary: &PrimaryReport) {
        let address = primary.address;
        match &primary.clear_text {
            Some(why) if lock(&self.clear).note(address, Instant::now()) => {
                warn!(primary = %address, why = in_words(why), "no TLS: clear text is spoken");
            }
            None if lock(&self.clear).remove(address) => {
                info!(primary = %address, "TLS again");
            }
            _ => {}
        }
    }

    /// One event for an outcome.
    pub(crate) fn tell(&self, name: &ZoneName, finished: &Finished<'_>) {
        let reached =
            { finished.report.primaries.iter() }.filter(|primary| primary.is_reached == Some(true));
        reached.for_each(|primary| self.tell_of_tls(primary));
        let failure = finished.failure();
        let offered = finished.undelivered().map(|serial| serial.0);
        let what = match (finished.outcome(), offered) {
            (VisitOutcome::Failed, _) => "failed",
            (VisitOutcome::NotTaken, _) => "not taken: the primaries have older versions only",
            (VisitOutcome::UpToDate, Some(_)) if failure.is_some() => {
                "current, but a newer version is offered and not delivered"
            }
            // Without a failure, a newer version waits for the primary that is stayed with.
            (VisitOutcome::UpToDate | VisitOutcome::Transferred, _) => {
                return self.well(name, finished);
            }
        };
        let milliseconds = finished.ended.since(finished.began);
        let serial = finished.from.map(|serial| serial.0);
        let kind = failure.as_ref().map(|failure| failure.kind.as_str());
        let error = failure.as_ref().map(|failure| failure.text.as_str());
        let tone = match finished.is_unasked() {
            true => Tone::Quiet, // whoever asks the primary tells
            false => self.tone(name, what, kind.unwrap_or_default(), Instant::now()),
        };
        match tone {
            Tone::New => warn!(zone = %name, serial, offered, milliseconds, kind, error, "{what}"),
            Tone::Again(times) => {
                warn!(zone = %name, serial, offered, milliseconds, kind, error, times, "still: {what}");
            }
            Tone::Quiet => {
                debug!(zone = %name, serial, offered, milliseconds, kind, error, "{what}");
            }
        }
    }

    fn well(&self, name: &ZoneName, finished: &Finished<'_>) {
        let milliseconds = finished.ended.since(finished.began);
        let serial = finished.from.map(|serial| serial.0);
        let after_troubles = self.forget(name);
        match (finished.figures(), after_troubles) {
            (Some(figures), after_troubles) => info!(
                zone = %name,
                kind = figures.kind.as_str(),
                from = serial,
                serial = figures.serial,
                records = figures.records,
                octets = figures.octets,
                messages = figures.messages,
                milliseconds,
                after_troubles,
                "transferred"
            ),
            (None, Some(after_troubles)) => {
                info!(zone = %name, serial, milliseconds, after_troubles, "up to date again");
            }
            (None, None) => debug!(zone = %name, serial, milliseconds, "up to date"),
        }
    }

    /// Notes a trouble, and says how it is told of.
    fn tone(&self, name: &ZoneName, what: &'static str, kind: &str, now: Instant) -> Tone {
        let mut troubles = lock(&self.troubles);
        match troubles.get_mut(name) {
            Some(known) if known.what == what && known.kind == kind => {
                known.times += 1;
                if now.saturating_duration_since(known.told) < QUIET {
                    return Tone::Quiet;
                }
                known.told = now;
                Tone::Again(known.times)
            }
            _ => {
                let trouble = Trouble {
                    what,
                    kind: kind.to_owned(),
                    told: now,
                    times: 1,
                };
                troubles.insert(name.clone(), trouble);
                Tone::New
            }
        }
    }

    /// The zone is well, or gone; says how many times it was not.
    pub(crate) fn forget(&self, name: &ZoneName) -> Option<u64> {
        let trouble = lock(&self.troubles).remove(name)?;
        Some(trouble.times)
    }

    /// A primary cannot be reached.
    pub(crate) fn out_of_reach(&self, primary: SocketAddr) {
        if lock(&self.down).note(primary, Instant::now()) {
            warn!(%primary, "out of reach: for a while, one of its zones at a time asks it");
        }
    }

    /// It can be again.
    pub(crate) fn in_reach(&self, primary: SocketAddr) {
        lock(&self.down).remove(primary);
        info!(%primary, "in reach again");
    }
}

/// What is kept under these is changed in one step.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    { mutex.lock() }.unwrap_or_else(|poisoned| poisoned.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trouble_is_told_when_it_is_new_and_then_once_an_hour() {
        let (teller, start) = (Teller::default(), Instant::now());
        let name: ZoneName = "example.org".parse().unwrap();
        let other: ZoneName = "example.net".parse().unwrap();
        let check = |name: &ZoneName, minutes: u64, kind: &str, tone: Tone| {
            let now = start + Duration::from_secs(60 * minutes);
            assert_eq!(teller.tone(name, "failed", kind, now), tone, "{minutes}");
        };
        check(&name, 0, "timeout", Tone::New);
        check(&name, 10, "timeout", Tone::Quiet);
        check(&other, 10, "timeout", Tone::New);
        check(&name, 59, "timeout", Tone::Quiet);
        check(&name, 60, "timeout", Tone::Again(4));
        check(&name, 70, "timeout", Tone::Quiet);
        check(&name, 71, "refused", Tone::New);
        check(&name, 72, "timeout", Tone::New);
        assert_eq!(teller.forget(&name), Some(1));
        assert_eq!(teller.forget(&name), None);
        check(&name, 73, "timeout", Tone::New);
    }

    #[test]
    fn primaries_that_nobody_speaks_of_any_more_are_forgotten() {
        let (mut told, start) = (Told::default(), Instant::now());
        let primary = |number: u32| SocketAddr::from((number.to_be_bytes(), 53));
        let day = Duration::from_secs(86_400);
        for number in 0..10_000 {
            assert!(told.note(primary(number), start + day * number / 100));
            assert!(!told.note(primary(number), start + day * number / 100));
        }
        assert!(told.primaries.len() < 500, "{}", told.primaries.len());
        assert!(told.remove(primary(9_999)));
        assert!(!told.remove(primary(9_999)));
        assert!(told.note(primary(0), start + day * 100));
    }
}
