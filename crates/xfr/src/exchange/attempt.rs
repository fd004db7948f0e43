//! One transfer that is tried, on a connection of its own.

use std::time::{Duration, Instant};

use zonekit_wire::Rcode;

use crate::incoming::out_of_place;
use crate::limits::LimitError;
use crate::{
    AnswerError, Apply, Change, Incoming, Limits, Loss, Query, Statistics, Transfer, TransferError,
    TransferKind, VisitError,
};

use super::{Connection, Transmit};

/// A transfer under way, with its clocks.
#[derive(Debug)]
pub(crate) struct Attempt {
    pub(crate) primary: usize,
    pub(crate) connection: Connection,
    pub(crate) asked: TransferKind,
    pub(crate) offers_edns: bool,
    incoming: Incoming,
    octets: Vec<u8>,
    connected: bool,
    started: Instant,
    /// When it was started, less the time in which we did not listen.
    clock: Instant,
    /// When the primary was last heard, or the connection begun.
    heard: Instant,
    /// When the period for [`Limits::min_transfer_rate`] began, and what came since.
    period: Instant,
    received: u64,
}

impl Attempt {
    pub(crate) fn new(
        primary: usize,
        connection: Connection,
        mut query: Query,
        transfer: Transfer,
        limits: &Limits,
        held_records: u64,
        now: Instant,
    ) -> Self {
        Self {
            primary,
            connection,
            asked: transfer.kind(),
            offers_edns: query.has_edns,
            octets: query.octets().to_vec(),
            incoming: Incoming::new(&mut query, transfer, limits, held_records),
            connected: false,
            started: now,
            clock: now,
            heard: now,
            period: now,
            received: 0,
        }
    }

    pub(crate) fn connected(&mut self, now: Instant) -> Transmit {
        self.connected = true;
        self.heard = now;
        self.period = now;
        Transmit::Message {
            connection: self.connection,
            octets: std::mem::take(&mut self.octets),
        }
    }

    /// Its question, to be asked in datagrams.
    pub(crate) fn datagram(&mut self, now: Instant) -> Vec<u8> {
        self.connected = true;
        self.heard = now;
        std::mem::take(&mut self.octets)
    }

    pub(crate) fn message<A: Apply>(
        &mut self,
        octets: &[u8],
        unix: u64,
        sink: &mut A,
    ) -> Result<Option<Change<'static>>, VisitError> {
        self.incoming.message(octets, unix, sink)?;
        self.up_to_date()
    }

    /// The last change, if the primary has said and proven that it has nothing for us: it may say what it likes after
    /// that, nobody listens.
    pub(crate) fn up_to_date(&mut self) -> Result<Option<Change<'static>>, VisitError> {
        let is_proven = self.incoming.answer().is_verified();
        if !is_proven || !self.incoming.transfer().is_up_to_date() {
            return Ok(None);
        }
        self.incoming.ending().map(Some)
    }

    /// So many octets came, and all whole messages in them were taken; `left`: more are the beginning of another.
    ///
    /// The last change, once it is proven that it may be applied.
    pub(crate) fn received(
        &mut self,
        octets: usize,
        left: bool,
        limits: &Limits,
        now: Instant,
    ) -> Result<Option<Change<'static>>, VisitError> {
        self.heard = now;
        self.received += octets as u64;
        if !self.incoming.is_complete() {
            return self.check(limits, now).map(|()| None);
        }
        if left && !self.incoming.transfer().is_up_to_date() {
            return Err(out_of_place(
                self.incoming.answer().messages() + 1,
                self.incoming.seen(),
                TransferError::DataAfterClosing,
            ));
        }
        self.incoming.ending().map(Some)
    }

    /// We did not look at the connection for so long: no clock of the primary's ran.
    #[cfg(feature = "tokio")]
    pub(crate) fn looked_away(&mut self, gap: Duration) {
        for clock in [&mut self.clock, &mut self.heard, &mut self.period] {
            *clock += gap;
        }
    }

    pub(crate) fn lost(&self, loss: Loss) -> VisitError {
        if !self.connected {
            return VisitError::Connect(loss);
        }
        VisitError::Broken {
            records: self.incoming.transfer().records(),
            loss,
        }
    }

    /// When one of the clocks will have run out if nothing comes.
    pub(crate) fn deadline(&self, limits: &Limits) -> Option<Instant> {
        let (silence, _) = self.silence(limits);
        let whole = after(self.clock, limits.max_transfer_time);
        let period =
            after(self.period, limits.min_transfer_rate.period).filter(|_| self.has_rate(limits));
        [silence, whole, period].into_iter().flatten().min()
    }

    /// What is over by now. Begins the next period if this one brought enough.
    pub(crate) fn check(&mut self, limits: &Limits, now: Instant) -> Result<(), VisitError> {
        let is_over = |deadline: Option<Instant>| deadline.is_some_and(|deadline| deadline <= now);
        if let (deadline, error) = self.silence(limits)
            && is_over(deadline)
        {
            return Err(error);
        }
        if is_over(after(self.clock, limits.max_transfer_time)) {
            return Err(VisitError::Limit(LimitError::TransferTime(
                limits.max_transfer_time,
            )));
        }
        if self.has_rate(limits) && is_over(after(self.period, limits.min_transfer_rate.period)) {
            if self.received < limits.min_transfer_rate.octets {
                return Err(VisitError::Limit(LimitError::TransferRate {
                    rate: limits.min_transfer_rate,
                    received: self.received,
                }));
            }
            self.period = now;
            self.received = 0;
        }
        Ok(())
    }

    /// How long the primary may be silent in its present state, and what that would mean.
    fn silence(&self, limits: &Limits) -> (Option<Instant>, VisitError) {
        let transfer = self.incoming.transfer();
        if !self.connected {
            let wait = limits.connect_timeout;
            (after(self.heard, wait), VisitError::ConnectTimeout(wait))
        } else if self.asked == TransferKind::Ixfr
            && transfer.is_lone_soa()
            && !limits.lone_soa_wait.is_zero()
        {
            let wait = limits.lone_soa_wait;
            (after(self.heard, wait), VisitError::LoneSoa(wait))
        } else {
            let idle = limits.idle_timeout;
            let records = transfer.records();
            (after(self.heard, idle), VisitError::Idle { records, idle })
        }
    }

    fn has_rate(&self, limits: &Limits) -> bool {
        self.connected && limits.min_transfer_rate.octets > 0
    }

    pub(crate) fn incoming(&self) -> &Incoming {
        &self.incoming
    }

    #[cfg(feature = "tokio")]
    pub(crate) fn incoming_mut(&mut self) -> &mut Incoming {
        &mut self.incoming
    }

    pub(crate) fn statistics(&self, now: Instant) -> Statistics {
        let (transfer, answer) = (self.incoming.transfer(), self.incoming.answer());
        Statistics {
            kind: transfer.kind(),
            octets: self.incoming.octets(),
            messages: answer.messages(),
            records: transfer.records(),
            skipped: transfer.skipped(),
            not_authoritative: answer.not_authoritative(),
            duration: now.saturating_duration_since(self.started),
        }
    }

    /// When the version expires at the primary, by its own word (RFC 7314). It sent that after we began, so that this is not
    /// too late.
    pub(crate) fn expires(&self) -> Option<Instant> {
        let expire = self.incoming.answer().expire()?;
        self.started.checked_add(Duration::from_secs(expire.into()))
    }

    /// Whether this may be about EDNS, which we offered: its refusal (RFC 6891 §7, §6.1.3).
    pub(crate) fn is_edns_refused(&self, error: &VisitError) -> bool {
        self.offers_edns
            && matches!(
                error,
                VisitError::Answer {
                    message: 1,
                    error: AnswerError::Rcode(Rcode::FORMERR | Rcode::NOTIMP | Rcode::BADVERS),
                }
            )
    }

    /// Whether the primary was reached at all.
    pub(crate) fn is_connected(&self) -> bool {
        self.connected
    }
}

/// `wait` after `start`; never if it is 0, which switches a limit off.
fn after(start: Instant, wait: Duration) -> Option<Instant> {
    (!wait.is_zero()).then(|| start.checked_add(wait)).flatten()
}
