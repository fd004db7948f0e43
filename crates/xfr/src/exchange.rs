//! One visit for one zone, without sockets and clock.
//!
//! ```text
//!              SOA? to every primary (UDP; TCP where cut off or not answered; TLS)
//!                 │
//!   nobody newer  ▼      somebody newer: all have answered, or the grace is over
//!  ┌────────── Asking ───────────────────────────────────────────────┐
//!  │            ▲   ▲                                                ▼
//!  │            │   │ nothing left to try there    IXFR, on a fresh connection
//!  │            │   └────────── AXFR, on another ◄── any failure ────┤
//!  │            │ next primary      │                                │
//!  ▼            └───────────────────┤ commit                         │ commit
//! Done ◄───── Waiting ◄─────────────┴────────────────────────────────┘
//!         (for answers still out)
//! ```
//!
//! Whoever runs it passes in what happens ([`Event`], time) and does what it asks for ([`Transmit`]). The time is a
//! monotonic [`Instant`]; the clock on the wall, which signatures need, is told once, at the start.

pub(crate) mod attempt;
mod brief;
mod choice;
mod event;
mod probe;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use zonekit_wire::Rtype;

pub use self::event::{Connection, Event, Transmit};

use self::attempt::Attempt;
use self::brief::Brief;
use self::probe::{Probe, Verdict, is_reached, question};
use crate::query::{Extra, Ids};
use crate::{
    AnswerError, Apply, Change, Outcome, PrimaryReport, Query, Report, Transfer, TransferKind,
    TransferReport, Visit, VisitError,
};

/// One visit for one zone: a machine that is told what happens and says what to do.
///
/// ```
/// use std::time::Instant;
/// # use zonekit_xfr::{Apply, Change};
/// use zonekit_xfr::{Exchange, Primary, Transmit, Visit};
///
/// # struct Nothing;
/// # impl Apply for Nothing {
/// #     type Error = std::convert::Infallible;
/// #     fn apply(&mut self, _: Change<'_>) -> Result<(), Self::Error> { Ok(()) }
/// #     fn abandon(&mut self) {}
/// # }
/// # let mut sink = Nothing;
/// let visit = Visit::new("example.org".parse()?, vec![Primary::new("192.0.2.1:53".parse()?)]);
/// let (now, unix, seed) = (Instant::now(), 1_800_000_000, 42);
/// let mut exchange = Exchange::new(visit, now, unix, seed);
///
/// // It asks for the SOA, and does what it must when no answer has come in time: ask again.
/// assert!(matches!(exchange.poll_transmit(), Some(Transmit::Datagram { primary: 0, .. })));
/// assert!(exchange.poll_transmit().is_none());
/// let later = exchange.poll_timeout().expect("it waits for the answer");
/// exchange.handle_timeout(later, &mut sink);
/// assert!(matches!(exchange.poll_transmit(), Some(Transmit::Datagram { primary: 0, .. })));
/// assert!(exchange.poll(later).is_none()); // not over yet
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Exchange {
    visit: Visit,
    /// Ask for the SOA and nothing else.
    only_ask: bool,
    started: Instant,
    unix: u64,
    ids: Ids,
    probes: Vec<Option<Probe>>,
    primaries: Vec<PrimaryReport>,
    /// Primaries that were tried to the end.
    tried: Vec<bool>,
    stage: Stage,
    /// When the first offer of something newer no longer waits for better ones.
    grace: Option<Instant>,
    /// When primaries that have not answered are given up, since another has.
    patience: Option<Instant>,
    /// Another visit is waited for: once a version is committed, nobody else is waited upon.
    is_urgent: bool,
    connections: u32,
    transmits: VecDeque<Transmit>,
}

#[derive(Debug)]
enum Stage {
    Asking,
    Transferring(Box<Attempt>),
    /// The same, in datagrams.
    Brief(Box<Brief>),
    /// The outcome stands; answers to SOA questions are waited upon until then.
    Waiting(Outcome, Instant),
    Done(Option<Outcome>),
}

/// On what way to ask for the zone.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Way {
    /// In datagrams, if that is wanted there; else as [`Shared`](Self::Shared).
    Any,
    /// On a connection, which may be shared with others.
    Shared,
    /// On a connection of its own.
    Alone,
}

impl Exchange {
    /// Begins a visit. `now` and `unix` (seconds since 1970) are the same moment. `seed` must not be guessable: message
    /// IDs come from it.
    pub fn new(visit: Visit, now: Instant, unix: u64, seed: u64) -> Self {
        Self::begin(visit, false, now, unix, seed)
    }

    /// Asks all primaries for their SOA, and leaves it at that.
    pub fn ask(visit: Visit, now: Instant, unix: u64, seed: u64) -> Self {
        Self::begin(visit, true, now, unix, seed)
    }

    fn begin(mut visit: Visit, only_ask: bool, now: Instant, unix: u64, seed: u64) -> Self {
        let count = visit.primaries.len();
        visit.memory.resize_with(count, Default::default);
        let mut ids = Ids::new(seed);
        let is_straight = visit.is_straight() && !only_ask;
        let mut transmits = VecDeque::with_capacity(count);
        let mut connections = 0;
        let probes = visit.primaries.iter().enumerate().map(|(index, primary)| {
            let memory = visit.memory.get(index);
            let edns = memory.is_none_or(|memory| memory.may_edns(unix));
            if visit.out_of_reach.contains(&index) || is_straight {
                return None;
            }
            let has_datagrams = primary.transport.has_datagrams();
            let query = question(ids.draw(), &visit.zone, primary, unix, edns, !has_datagrams);
            if has_datagrams {
                let probe = Probe::new(query, &visit.limits, now);
                transmits.push_back(probe.transmit(index));
                return Some(probe);
            }
            let connection = Connection(connections);
            connections += 1;
            transmits.push_back(Transmit::Connect {
                connection,
                primary: index,
                alone: false,
            });
            Some(Probe::connecting(query, connection, &visit.limits, now))
        });
        let probes: Vec<Option<Probe>> = probes.collect();
        let primaries = visit.primaries.iter().enumerate();
        let primaries = primaries.map(|(index, primary)| PrimaryReport {
            address: primary.address,
            soa: None,
            expires: None,
            is_reached: None,
            answered_in: None,
            error: { visit.out_of_reach.contains(&index) }.then_some(VisitError::OutOfReach),
            transfers: Vec::new(),
        });
        let primaries = primaries.collect();
        let stage = if probes.iter().all(Option::is_none) && !is_straight {
            Stage::Done(Some(Outcome::Failed))
        } else {
            Stage::Asking
        };
        let mut exchange = Self {
            visit,
            only_ask,
            started: now,
            unix,
            ids,
            probes,
            primaries,
            tried: vec![false; count],
            stage,
            grace: None,
            patience: None,
            is_urgent: false,
            connections,
            transmits,
        };
        if is_straight {
            let memory = exchange.visit.memory.first();
            let edns = memory.is_none_or(|memory| memory.may_edns(unix));
            exchange.begin_transfer(0, TransferKind::Axfr, edns, Way::Any, now);
        }
        exchange
    }

    /// Takes in what happened. Records go to `sink` from here.
    pub fn handle_event<A: Apply>(&mut self, event: Event<'_>, now: Instant, sink: &mut A) {
        match event {
            Event::Datagram { primary, octets } => {
                let unix = self.unix(now);
                let Visit { zone, limits, .. } = &self.visit;
                if let Some(Some(probe)) = self.probes.get_mut(primary) {
                    let verdict = probe.datagram(octets, unix, zone, limits);
                    self.judge(primary, verdict, now);
                } else {
                    self.brief_datagram(primary, octets, now, sink);
                }
            }
            Event::Undeliverable { primary, loss } => {
                if let Some(Some(probe)) = self.probes.get_mut(primary)
                    && probe.connection().is_none()
                {
                    let verdict = probe.lost(loss);
                    self.judge(primary, verdict, now);
                } else {
                    self.brief_undeliverable(primary, now, sink);
                }
            }
            Event::Connected(connection)
            | Event::Message { connection, .. }
            | Event::Received { connection, .. }
            | Event::Lost { connection, .. }
            | Event::Displaced(connection) => {
                if let Some(primary) = self.probe_on(connection) {
                    self.probe_event(primary, event, now);
                } else {
                    self.attempt_event(connection, event, now, sink);
                }
            }
        }
        self.proceed(now);
    }

    /// Does what is due by now. To be called when the time of [`poll_timeout`](Self::poll_timeout) has come; earlier or
    /// more often does no harm.
    pub fn handle_timeout<A: Apply>(&mut self, now: Instant, sink: &mut A) {
        for primary in 0..self.probes.len() {
            let limits = &self.visit.limits;
            if let Some(Some(probe)) = self.probes.get_mut(primary)
                && probe.deadline <= now
            {
                let verdict = probe.timed_out(primary, limits, now, &mut self.transmits);
                self.judge(primary, verdict, now);
            }
        }
        if let Stage::Transferring(attempt) = &mut self.stage
            && let Err(error) = attempt.check(&self.visit.limits, now)
        {
            self.attempt_failed(error, now, sink);
        }
        self.brief_timeout(now, sink);
        self.proceed(now);
    }

    /// Another visit for the zone is waited for. What was taken, or is being taken, is taken; primaries that have not
    /// answered by then are no longer waited upon.
    pub fn hurry(&mut self, now: Instant) {
        self.is_urgent = true;
        self.proceed(now);
    }

    /// The next thing to do, if any.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        self.transmits.pop_front()
    }

    /// When to call [`handle_timeout`](Self::handle_timeout) if nothing happens before.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let own = match &self.stage {
            Stage::Asking => self.grace.into_iter().chain(self.patience).min(),
            Stage::Transferring(attempt) => attempt.deadline(&self.visit.limits),
            Stage::Brief(brief) => Some(brief.deadline),
            Stage::Waiting(_, until) => Some(*until),
            Stage::Done(_) => return None,
        };
        let probes = self.probes.iter().flatten().map(|probe| probe.deadline);
        probes.chain(own).min()
    }

    /// The report, once, when the visit is over.
    pub fn poll(&mut self, now: Instant) -> Option<Report> {
        let Stage::Done(outcome) = &mut self.stage else {
            return None;
        };
        Some(Report {
            outcome: outcome.take()?,
            primaries: std::mem::take(&mut self.primaries),
            memory: std::mem::take(&mut self.visit.memory),
            duration: now.saturating_duration_since(self.started),
        })
    }

    /// What is to be had at this moment, for a progress line.
    pub fn progress(&self, now: Instant) -> Option<crate::Statistics> {
        match &self.stage {
            Stage::Transferring(attempt) => Some(attempt.statistics(now)),
            _ => None,
        }
    }

    /// Whether the transfer on `connection` has seen its closing SOA. What lies in the socket behind it is worth a look
    /// before [`Event::Received`] commits.
    pub fn is_complete(&self, connection: Connection) -> bool {
        matches!(&self.stage, Stage::Transferring(attempt)
            if attempt.connection == connection && attempt.incoming().is_complete())
    }

    fn unix(&self, now: Instant) -> u64 {
        self.unix + now.saturating_duration_since(self.started).as_secs()
    }

    fn connection(&mut self) -> Connection {
        let connection = Connection(self.connections);
        self.connections += 1;
        connection
    }

    fn probe_on(&self, connection: Connection) -> Option<usize> {
        self.probes
            .iter()
            .position(|probe| probe.as_ref().and_then(Probe::connection) == Some(connection))
    }

    fn probe_event(&mut self, primary: usize, event: Event<'_>, now: Instant) {
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
    fn judge(&mut self, primary: usize, verdict: Verdict, now: Instant) {
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
                report.expires =
                    expire.and_then(|expire| now.checked_add(Duration::from_secs(expire.into())));
                if probe.is_edns_refused()
                    && let Some(memory) = self.visit.memory.get_mut(primary)
                {
                    memory.edns_refused(unix);
                }
                self.patience
                    .get_or_insert(now + self.visit.limits.probe_wait);
                if self.grace.is_none() && self.best(now).is_some() {
                    self.grace = Some(now + self.visit.limits.probe_grace);
                }
            }
            Err(error) => {
                report.is_reached = is_reached(&error, &self.visit.limits);
                report.error = Some(error);
            }
        }
    }

    /// Goes on to the next stage where that can be.
    fn proceed(&mut self, now: Instant) {
        let is_asking = matches!(self.stage, Stage::Asking);
        if is_asking && self.patience.is_some_and(|patience| patience <= now) {
            self.give_up_probes(now);
            self.patience = None;
        }
        let all_answered = self.probes.iter().all(Option::is_none);
        match &self.stage {
            Stage::Asking => {
                let is_late = self.grace.is_some_and(|grace| grace <= now);
                if !all_answered && !is_late {
                    return;
                }
                let next = self
                    .best(now)
                    .or_else(|| self.lower(now).filter(|_| all_answered));
                if let Some(primary) = next {
                    let kind = self.kind_for(primary, now);
                    let memory = self.visit.memory.get(primary);
                    let edns = memory.is_none_or(|memory| memory.may_edns(self.unix(now)));
                    self.begin_transfer(primary, kind, edns, Way::Any, now);
                } else if all_answered {
                    self.conclude(self.outcome(), now);
                } else {
                    // Nobody is left to take from but those who have not answered yet: they set the pace again.
                    self.grace = None;
                }
            }
            Stage::Waiting(outcome, until) if all_answered || self.is_urgent || *until <= now => {
                let outcome = *outcome;
                self.give_up_probes(now);
                self.conclude(outcome, now);
            }
            _ => {}
        }
    }

    /// Asks for the zone.
    fn begin_transfer(
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

    fn attempt_event<A: Apply>(
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

    fn attempt_succeeded(&mut self, change: Change<'_>, now: Instant) {
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
            self.stage = Stage::Waiting(outcome, now + self.visit.limits.probe_grace);
        } else {
            // It said something newer before, and does not have it: the others may.
            self.note_tried(primary);
        }
    }

    fn attempt_failed<A: Apply>(&mut self, error: VisitError, now: Instant, sink: &mut A) {
        let Stage::Transferring(attempt) = std::mem::replace(&mut self.stage, Stage::Asking) else {
            return;
        };
        sink.abandon();
        let is_edns_refused = attempt.is_edns_refused(&error);
        let unix = self.unix(now);
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
            if let Some(memory) = self.visit.memory.get_mut(primary) {
                memory.ixfr_failed(unix);
            }
            if !self.may_give_all(primary, now) {
                return self.note_tried(primary);
            }
            let edns = attempt.offers_edns;
            self.begin_transfer(primary, TransferKind::Axfr, edns, Way::Alone, now);
        } else if is_edns_refused {
            self.begin_transfer(primary, TransferKind::Axfr, false, Way::Alone, now);
        } else {
            self.note_tried(primary);
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

    fn note_tried(&mut self, primary: usize) {
        if let Some(tried) = self.tried.get_mut(primary) {
            *tried = true;
        }
    }

    fn give_up_probes(&mut self, now: Instant) {
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

    fn conclude(&mut self, outcome: Outcome, now: Instant) {
        self.note_who_is_ahead(now);
        let is_taken = matches!(outcome, Outcome::Transferred { .. });
        if let Some(held) = self.visit.held.as_ref().filter(|_| !is_taken) {
            for report in &mut self.primaries {
                if let Some(offered) = report.serial()
                    && offered != held.serial
                    && !offered.is_newer_than(held.serial)
                    && report.error.is_none()
                {
                    report.error = Some(VisitError::Behind {
                        held: held.serial,
                        offered,
                    });
                }
            }
        }
        self.stage = Stage::Done(Some(outcome));
    }
}

/// How to leave a connection on which the answer has come to this. An answer that says no is whole; after everything else
/// nobody knows what may still come.
fn leave(error: Option<&VisitError>) -> fn(Connection) -> Transmit {
    match error {
        None
        | Some(VisitError::Answer {
            message: 1,
            error: AnswerError::Rcode(_) | AnswerError::KeyNotTaken | AnswerError::NoSoa,
        }) => Transmit::Done,
        Some(_) => Transmit::Close,
    }
}

/// Applies the last change of a transfer, if it has come to that.
fn apply<A: Apply>(
    change: Option<Change<'static>>,
    sink: &mut A,
) -> Result<Option<Change<'static>>, VisitError> {
    if let Some(change) = change {
        sink.apply(change)
            .map_err(|error| VisitError::Rejected(Arc::new(error)))?;
    }
    Ok(change)
}
