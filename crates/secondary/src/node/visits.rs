//! Visits: when zones have their turn, who orders them, and what is found out about primaries.

use std::net::{IpAddr, SocketAddr};
use std::sync::MutexGuard;
use std::sync::atomic::Ordering;
use std::time::Instant;

use tracing::debug;
use zonekit_model::{Contract, PrimaryOutcome, ZoneName};
use zonekit_serve::Notification;
use zonekit_wire::Serial;
use zonekit_xfr::{Due, Noted, Notified, PrimaryReport, Schedule, Timing};

use super::Node;
use crate::history::{self, Finished};

/// Zones taken in and visits ended that leave the memory full of holes.
const MUCH: usize = 1_000;

impl Node {
    pub(super) fn schedule(&self) -> MutexGuard<'_, Schedule<ZoneName>> {
        self.schedule
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// What is due now, if anything is and there is a slot for it.
    pub(crate) fn next_due(&self) -> Option<Due<ZoneName>> {
        self.schedule().poll(Instant::now())
    }

    /// When a zone is due again, and expires.
    pub(crate) fn timing(&self, name: &ZoneName) -> Option<Timing> {
        self.schedule().timing(name)
    }

    pub(crate) fn next_timer(&self) -> Option<Instant> {
        self.schedule().poll_timeout()
    }

    pub(crate) fn visits_running(&self) -> usize {
        self.schedule().visits()
    }

    /// Has a zone's primaries visited at once.
    pub(crate) fn request_visit(&self, name: &ZoneName) {
        self.order_visit(name, false, None);
    }

    /// The same, perhaps for the whole zone whatever its serial, and perhaps to one primary only.
    pub(crate) fn order_visit(&self, name: &ZoneName, whole: bool, only: Option<SocketAddr>) {
        // Whoever asks what came of it is not shown what came of the visit before.
        self.zones.with(name, |charge| {
            charge.only = only.map(Box::new);
            charge.alter(|status| {
                let primaries = status.primaries.iter_mut();
                let ordered =
                    primaries.filter(|primary| only.is_none_or(|only| only == primary.address));
                ordered.for_each(|primary| primary.outcome = PrimaryOutcome::Pending);
            });
        });
        self.schedule().order(name, whole);
        self.zones.with(name, |charge| charge.hurry());
        self.wake.notify_one();
    }

    /// Which of these primaries a visit of the zone is not to ask, since they were out of reach a moment ago.
    pub(crate) fn out_of_reach(
        &self,
        contract: &Option<Contract>,
        name: &ZoneName,
        primaries: &[zonekit_xfr::Primary],
    ) -> Vec<usize> {
        let now = Instant::now();
        let may_ask = |primary: SocketAddr| self.reaches.may_ask(contract, name, primary, now);
        let primaries = primaries.iter().enumerate();
        let not_asked = primaries.filter(|(_, primary)| !may_ask(primary.address));
        not_asked.map(|(index, _)| index).collect()
    }

    /// Has all zones of the contract know what a visit found out about its primaries. Those of one that is back are due soon;
    /// of one that is down, this zone may be the one that is to ask again by the time that is returned.
    pub(crate) fn note_reach(
        &self,
        contract: &Option<Contract>,
        name: &ZoneName,
        primaries: &[PrimaryReport],
    ) -> Option<Instant> {
        let (now, mut ask_again) = (Instant::now(), None);
        for primary in primaries {
            let Some(is_reached) = primary.is_reached else {
                continue;
            };
            let at = primary.address;
            match self.reaches.note(contract, name, at, is_reached, now) {
                Noted::Nothing => {}
                Noted::AskAgain(by) => {
                    ask_again = ask_again.into_iter().chain([by]).min();
                    self.teller.out_of_reach(primary.address);
                }
                Noted::Back => {
                    self.teller.in_reach(primary.address);
                    self.schedule().hasten(primary.address, now);
                    self.wake.notify_one();
                }
            }
        }
        ask_again
    }

    /// A visit is over, and perhaps another to be made by then; says when the next one is due.
    pub(crate) fn finished(
        &self,
        name: &ZoneName,
        how: zonekit_xfr::Finished<'_>,
        by: Option<Instant>,
    ) -> Option<Timing> {
        let timing = {
            let mut schedule = self.schedule();
            schedule.finished(name, how, Instant::now());
            if let Some(by) = by {
                schedule.check_by(name, by);
            }
            schedule.timing(name)
        };
        self.wake.notify_one();
        timing
    }

    /// A visit no longer asks anybody, and holds up no other: what it brought is being kept.
    pub(crate) fn settles(&self, name: &ZoneName) {
        self.schedule().settles(name);
        self.wake.notify_one();
    }

    /// Says so if all zones rest after much was done. To be called now and then.
    pub(crate) fn note_rest(&self) {
        if self.stirred.load(Ordering::Relaxed) >= MUCH && self.visits_running() == 0 {
            self.stirred.store(0, Ordering::Relaxed);
            self.rested.notify_one();
        }
    }

    /// Counts what came of a visit.
    pub(crate) fn count(&self, finished: &Finished<'_>) {
        self.stirred.fetch_add(1, Ordering::Relaxed);
        let kinds = finished.errors().map(|error| history::failure(error).kind);
        let milliseconds = finished.ended.since(finished.began);
        self.counts.visit(finished.outcome(), milliseconds, kinds);
        if let Some(figures) = finished.figures() {
            self.counts.transfer(&figures);
        }
    }

    /// Somebody entitled to says that a zone has changed.
    pub(crate) fn notified(&self, notification: &Notification) {
        let name = ZoneName::from(notification.zone.as_name());
        let from = notification.source.ip();
        let told = self.told(&name, Some(from), notification.serial);
        debug!(zone = %name, %from, serial = notification.serial.map(|serial| serial.0), ?told, "NOTIFY");
    }

    /// The same of a zone, perhaps with the serial that it is said to have.
    pub(crate) fn told(
        &self,
        name: &ZoneName,
        from: Option<IpAddr>,
        serial: Option<Serial>,
    ) -> Notified {
        let told = self.schedule().notify(name, from, serial);
        // Where it makes no difference to those that came before, whoever is to know knows.
        if told == Notified::Queued {
            self.zones.with(name, |charge| charge.hurry());
            self.wake.notify_one();
        }
        told
    }
}
