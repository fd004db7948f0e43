//! Asking the primaries for their SOA: what comes of each question.

use std::time::Instant;

use super::probe::{Probe, Verdict, is_reached, question};
use super::{Connection, Event, Exchange, Transmit, leave};
use crate::limits::bounded;

impl Exchange {
    pub(super) fn probe_on(&self, connection: Connection) -> Option<usize> {
        self.probes
            .iter()
            .position(|probe| probe.as_ref().and_then(Probe::connection) == Some(connection))
    }

    pub(super) fn probe_event(&mut self, primary: usize, event: Event<'_>, now: Instant) {
        let unix = self.unix(now);
        let Some(Some(probe)) = self.probes.get_mut(primary) else {
            return;
        };
        let verdict = match event {
            Event::Connected(_) => {
                self.transmits
                    .extend(probe.connected(&self.visit.limits, now));
                return;
            }
            Event::Message { octets, .. } => probe.message(octets, unix, &self.visit.zone),
            Event::Lost { loss, .. } => probe.lost(loss),
            Event::Displaced(_) => probe.displaced(),
            _ => return,
        };
        self.judge(primary, verdict, now);
    }

    /// Notes what has come of the question to a primary.
    pub(super) fn judge(&mut self, primary: usize, verdict: Verdict, now: Instant) {
        let unix = self.unix(now);
        let answer = match verdict {
            Verdict::Waiting => return,
            Verdict::NeedsPlain => {
                let id = self.ids.draw();
                if let (Some(Some(probe)), Some(to)) = (
                    self.probes.get_mut(primary),
                    self.visit.primaries.get(primary),
                ) {
                    let query = question(id, &self.visit.zone, to, unix, false, false);
                    probe.ask_plainly(query, &self.visit.limits, now);
                    self.transmits.push_back(probe.transmit(primary));
                }
                return;
            }
            Verdict::NeedsConnection => {
                let connection = self.connection();
                let id = self.ids.draw();
                if let (Some(Some(probe)), Some(to)) = (
                    self.probes.get_mut(primary),
                    self.visit.primaries.get(primary),
                ) {
                    let query = question(id, &self.visit.zone, to, unix, probe.offers_edns(), true);
                    // Whatever was wrong with the one before shall not be with this.
                    let alone = probe.connection().is_some();
                    self.transmits
                        .extend(probe.connection().map(Transmit::Close));
                    probe.connect(query, connection, &self.visit.limits, now);
                    self.transmits.push_back(Transmit::Connect {
                        connection,
                        primary,
                        alone,
                    });
                }
                return;
            }
            Verdict::Answered(soa, expire) => Ok((soa, expire)),
            Verdict::Failed(error) => Err(error),
        };
        let (Some(slot), Some(report)) = (
            self.probes.get_mut(primary),
            self.primaries.get_mut(primary),
        ) else {
            return;
        };
        let Some(probe) = slot.take() else {
            return;
        };
        self.transmits
            .extend(probe.connection().map(leave(answer.as_ref().err())));
        match answer {
            Ok((soa, expire)) => {
                report.answered_in = Some(now.saturating_duration_since(probe.started()));
                report.is_reached = Some(true);
                report.soa = Some(soa);
                report.expires = probe.expires(expire);
                if probe.is_edns_refused()
                    && let Some(memory) = self.visit.memory.get_mut(primary)
                {
                    memory.edns_refused(unix);
                }
                self.patience
                    .get_or_insert(now + bounded(self.visit.limits.probe_wait));
                if self.grace.is_none() && self.best(now).is_some() {
                    self.grace = Some(now + bounded(self.visit.limits.probe_grace));
                }
            }
            Err(error) => {
                report.is_reached = is_reached(&error, &self.visit.limits);
                report.error = Some(error);
            }
        }
    }

    pub(super) fn give_up_probes(&mut self, now: Instant) {
        for (slot, report) in self.probes.iter_mut().zip(&mut self.primaries) {
            if let Some(probe) = slot.take() {
                let error = probe.unanswered(now);
                report.is_reached = is_reached(&error, &self.visit.limits);
                report.error = Some(error);
                self.transmits
                    .extend(probe.connection().map(Transmit::Close));
            }
        }
    }
}
