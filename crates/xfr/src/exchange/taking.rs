//! Taking the zone: a transfer is asked for, followed, and ends in one way or another.

use std::error::Error;
use std::sync::Arc;
use std::time::Instant;

use zonekit_wire::Rtype;

use super::attempt::Attempt;
use super::brief::Brief;
use super::probe::is_reached;
use super::{Connection, Event, Exchange, Stage, Transmit, Way, leave};
use crate::limits::bounded;
use crate::query::Extra;
use crate::{
    Apply, Change, Outcome, Query, Transfer, TransferKind, TransferReport, Visit, VisitError,
};

impl Exchange {
    /// Asks for the zone.
    pub(super) fn begin_transfer(
        &mut self,
        primary: usize,
        kind: TransferKind,
        edns: bool,
        way: Way,
        now: Instant,
    ) {
        let to = self.visit.primaries.get(primary);
        let is_brief = way == Way::Any
            && kind == TransferKind::Ixfr
            && to.is_some_and(|to| to.ixfr_over_udp && to.transport.has_datagrams());
        let unix = self.unix(now);
        let id = self.ids.draw();
        let connection = self.connection();
        let is_ahead = self.is_ahead(primary);
        let Visit {
            zone,
            held,
            held_records,
            primaries,
            limits,
            force,
            ..
        } = &self.visit;
        let apex = zone.as_name();
        let key = primaries
            .get(primary)
            .and_then(|primary| primary.key.as_ref());
        let (since, transfer) = match (kind, held) {
            (TransferKind::Ixfr, Some(held)) => (Some(held), Transfer::ixfr(apex, held.clone())),
            (_, Some(held)) if is_ahead && !force => {
                (None, Transfer::axfr_newer_than(apex, held.clone()))
            }
            _ => (None, Transfer::axfr(apex)),
        };
        let rtype = since.map_or(Rtype::AXFR, |_| Rtype::IXFR);
        let extra = Extra {
            soa: since,
            has_edns: edns,
            over_tcp: !is_brief,
        };
        let query = Query::ask(id, zone, rtype, extra, key, unix);
        let attempt = Attempt::new(
            primary,
            connection,
            query,
            transfer,
            limits,
            *held_records,
            now,
        );
        if is_brief {
            let brief = Brief::new(attempt, limits, now);
            self.transmits.push_back(brief.transmit());
            self.stage = Stage::Brief(Box::new(brief));
            return;
        }
        self.transmits.push_back(Transmit::Connect {
            connection,
            primary,
            alone: way == Way::Alone,
        });
        self.stage = Stage::Transferring(Box::new(attempt));
    }

    pub(super) fn attempt_event<A: Apply>(
        &mut self,
        connection: Connection,
        event: Event<'_>,
        now: Instant,
        sink: &mut A,
    ) {
        let unix = self.unix(now);
        let Stage::Transferring(attempt) = &mut self.stage else {
            return;
        };
        if attempt.connection != connection {
            return;
        }
        let result = match event {
            Event::Connected(_) => {
                self.transmits.push_back(attempt.connected(now));
                Ok(None)
            }
            Event::Message { octets, .. } => attempt
                .message(octets, unix, sink)
                .and_then(|change| apply(change, sink)),
            Event::Received { octets, left, .. } => attempt
                .received(octets, left, &self.visit.limits, now)
                .and_then(|change| apply(change, sink)),
            Event::Lost { loss, .. } => Err(attempt.lost(loss)),
            Event::Displaced(_) => return self.attempt_displaced(now, sink),
            _ => Ok(None),
        };
        match result {
            Ok(None) => {}
            Ok(Some(change)) => self.attempt_succeeded(change, now),
            Err(error) => self.attempt_failed(error, now, sink),
        }
    }

    pub(super) fn attempt_succeeded(&mut self, change: Change<'_>, now: Instant) {
        let Stage::Transferring(attempt) = std::mem::replace(&mut self.stage, Stage::Asking) else {
            return;
        };
        let unix = self.unix(now);
        let primary = attempt.primary;
        self.transmits.push_back(Transmit::Done(attempt.connection));
        let goal = attempt.incoming().transfer().goal().cloned();
        let statistics = attempt.statistics(now);
        if let Some(report) = self.primaries.get_mut(primary) {
            report.transfers.push(TransferReport {
                asked: attempt.asked,
                statistics,
                error: None,
            });
            report.error = None;
            report.is_reached = Some(true);
            report.soa.clone_from(&goal);
            // What came with the transfer goes before what came with the SOA (RFC 7314 §4).
            report.expires = attempt.expires().or(report.expires);
        }
        if let Some(memory) = self.visit.memory.get_mut(primary)
            && !attempt.offers_edns
            && memory.may_edns(unix)
        {
            memory.edns_refused(unix); // it was offered to the attempt before this one
        }
        if attempt.asked == TransferKind::Ixfr
            && let Some(memory) = self.visit.memory.get_mut(primary)
        {
            memory.ixfr_succeeded();
        }
        if let (Change::Commit, Some(goal)) = (change, goal) {
            for (index, memory) in self.visit.memory.iter_mut().enumerate() {
                memory.gave = index == primary;
            }
            let outcome = Outcome::Transferred {
                kind: statistics.kind,
                serial: goal.serial,
                primary,
            };
            self.stage = Stage::Waiting(outcome, now + bounded(self.visit.limits.probe_grace));
        } else {
            // It said something newer before, and does not have it: the others may.
            self.note_tried(primary);
        }
    }

    pub(super) fn attempt_failed<A: Apply>(
        &mut self,
        error: VisitError,
        now: Instant,
        sink: &mut A,
    ) {
        let Stage::Transferring(attempt) = std::mem::replace(&mut self.stage, Stage::Asking) else {
            return;
        };
        sink.abandon();
        let is_edns_refused = attempt.is_edns_refused(&error);
        let primary = attempt.primary;
        self.transmits
            .push_back(leave(Some(&error))(attempt.connection));
        if let Some(report) = self.primaries.get_mut(primary) {
            if report.is_reached.is_none() {
                report.is_reached = is_reached(&error, &self.visit.limits);
            }
            report.transfers.push(TransferReport {
                asked: attempt.asked,
                statistics: attempt.statistics(now),
                error: Some(error.clone()),
            });
            report.error = Some(error);
        }
        if attempt.asked == TransferKind::Ixfr && attempt.is_connected() {
            self.differences_failed(primary, attempt.offers_edns, now);
        } else if is_edns_refused {
            self.begin_transfer(primary, TransferKind::Axfr, false, Way::Alone, now);
        } else {
            self.note_tried(primary);
        }
    }

    /// What was committed is not kept, by whoever has the last word on it: the visit goes on as after any other failure of
    /// the transfer, with AXFR after IXFR and with the next primary after that. Without a commit nothing changes.
    pub fn refuse(&mut self, error: Arc<dyn Error + Send + Sync>, now: Instant) {
        let (Stage::Waiting(outcome, _) | Stage::Done(Some(outcome))) = &self.stage else {
            return;
        };
        let Outcome::Transferred { primary, .. } = *outcome else {
            return;
        };
        self.stage = Stage::Asking;
        for (index, memory) in self.visit.memory.iter_mut().enumerate() {
            memory.gave = Some(index) == self.gave;
        }
        let error = VisitError::Rejected(error);
        let mut asked = TransferKind::Axfr;
        if let Some(report) = self.primaries.get_mut(primary) {
            if let Some(transfer) = report.transfers.last_mut() {
                asked = transfer.asked;
                transfer.error = Some(error.clone());
            }
            report.error = Some(error);
        }
        let unix = self.unix(now);
        let memory = self.visit.memory.get(primary);
        let edns = memory.is_none_or(|memory| memory.may_edns(unix));
        match asked {
            TransferKind::Ixfr => self.differences_failed(primary, edns, now),
            TransferKind::Axfr => self.note_tried(primary),
        }
        self.proceed(now);
    }

    /// The whole zone is asked for instead, where that may be.
    fn differences_failed(&mut self, primary: usize, edns: bool, now: Instant) {
        let unix = self.unix(now);
        if let Some(memory) = self.visit.memory.get_mut(primary) {
            memory.ixfr_failed(unix);
        }
        match self.may_give_all(primary, now) {
            true => self.begin_transfer(primary, TransferKind::Axfr, edns, Way::Alone, now),
            false => self.note_tried(primary),
        }
    }

    /// Asks the same again, on a connection of its own.
    fn attempt_displaced<A: Apply>(&mut self, now: Instant, sink: &mut A) {
        let Stage::Transferring(attempt) = std::mem::replace(&mut self.stage, Stage::Asking) else {
            return;
        };
        sink.abandon();
        self.transmits
            .push_back(Transmit::Close(attempt.connection));
        let (primary, kind, edns) = (attempt.primary, attempt.asked, attempt.offers_edns);
        self.begin_transfer(primary, kind, edns, Way::Alone, now);
    }

    pub(super) fn note_tried(&mut self, primary: usize) {
        if let Some(tried) = self.tried.get_mut(primary) {
            *tried = true;
        }
    }
}

/// Applies the last change of a transfer, if it has come to that.
pub(super) fn apply<A: Apply>(
    change: Option<Change<'static>>,
    sink: &mut A,
) -> Result<Option<Change<'static>>, VisitError> {
    if let Some(change) = change {
        sink.apply(change)
            .map_err(|error| VisitError::Rejected(Arc::new(error)))?;
    }
    Ok(change)
}
