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
//!         (for answers still out; refused after all: as any failure)
//! ```
//!
//! Whoever runs it passes in what happens ([`Event`], time) and does what it asks for ([`Transmit`]). The time is a
//! monotonic [`Instant`]; the clock on the wall, which signatures need, is told once, at the start.

mod asking;
pub(crate) mod attempt;
mod brief;
mod choice;
mod event;
mod probe;
mod taking;

use std::collections::VecDeque;
use std::time::Instant;

pub use self::event::{Connection, Event, Transmit};

use self::attempt::Attempt;
use self::brief::Brief;
use self::probe::{Probe, question};
use crate::query::Ids;
use crate::{AnswerError, Apply, Outcome, PrimaryReport, Report, TransferKind, Visit, VisitError};

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
    /// The one that gave the version held.
    gave: Option<usize>,
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
            clear_text: None,
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
            gave: { visit.memory.iter() }.position(|memory| memory.gave),
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

    /// Whether a version has been committed, by the last transfer. It may still be [refused](Self::refuse).
    pub fn has_committed(&self) -> bool {
        matches!(
            self.stage,
            Stage::Waiting(Outcome::Transferred { .. }, _)
                | Stage::Done(Some(Outcome::Transferred { .. }))
        )
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
