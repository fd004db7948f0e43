//! IXFR in datagrams, where that is wanted ([RFC 1995 §2]).
//!
//! What comes is either all that there is to say, in one datagram, or no more than a reason to ask over TCP: it is cut off, it
//! is the newer SOA alone, it is an error, or nothing comes.
//!
//! [RFC 1995 §2]: https://www.rfc-editor.org/rfc/rfc1995#section-2

use std::time::Instant;

use zonekit_wire::Message;

use super::attempt::Attempt;
use super::probe::later;
use super::taking::apply;
use super::{Exchange, Stage, Transmit, Way};
use crate::{Apply, Limits, TransferKind, VisitError};

/// An IXFR that is asked for in datagrams.
#[derive(Debug)]
pub(super) struct Brief {
    attempt: Attempt,
    octets: Vec<u8>,
    sent: u32,
    pub(super) deadline: Instant,
}

impl Brief {
    /// Begins with the question of this attempt, which is not connected to anything.
    pub(super) fn new(mut attempt: Attempt, limits: &Limits, now: Instant) -> Self {
        Self {
            octets: attempt.datagram(now),
            attempt,
            sent: 1,
            deadline: later(now, limits.query_timeout),
        }
    }

    pub(super) fn transmit(&self) -> Transmit {
        Transmit::Datagram {
            primary: self.attempt.primary,
            octets: self.octets.clone(),
        }
    }
}

impl Exchange {
    /// A datagram of this primary came that is for no probe.
    pub(super) fn brief_datagram<A: Apply>(
        &mut self,
        primary: usize,
        octets: &[u8],
        now: Instant,
        sink: &mut A,
    ) {
        let unix = self.unix(now);
        let Stage::Brief(brief) = &mut self.stage else {
            return;
        };
        let attempt = &mut brief.attempt;
        if attempt.primary != primary || !attempt.incoming().answer().is_ours(octets) {
            return;
        }
        // Whether that is signed does not matter: TCP will tell.
        if Message::new(octets).is_ok_and(|message| message.header().tc) {
            return self.brief_failed(now, sink);
        }
        let limits = &self.visit.limits;
        let change = attempt.message(octets, unix, sink).and_then(|change| {
            let is_all = change.is_some() || !attempt.incoming().is_complete();
            match is_all {
                true => Ok(change),
                false => attempt.received(octets.len(), false, limits, now),
            }
        });
        match change {
            Ok(Some(change)) => {
                let Stage::Brief(brief) = std::mem::replace(&mut self.stage, Stage::Asking) else {
                    return;
                };
                self.stage = Stage::Transferring(Box::new(brief.attempt));
                match apply(Some(change), sink) {
                    Ok(_) => self.attempt_succeeded(change, now),
                    Err(error) => self.attempt_failed(error, now, sink),
                }
            }
            // Anybody may have sent it: the primary's own may be on its way.
            Err(VisitError::Answer { .. }) if !attempt.incoming().answer().is_verified() => {}
            Ok(None) | Err(_) => self.brief_failed(now, sink),
        }
    }

    /// No datagrams get to the primary.
    pub(super) fn brief_undeliverable<A: Apply>(
        &mut self,
        primary: usize,
        now: Instant,
        sink: &mut A,
    ) {
        if matches!(&self.stage, Stage::Brief(brief) if brief.attempt.primary == primary) {
            self.brief_failed(now, sink);
        }
    }

    /// Asks again, or over TCP, where nothing has come in time.
    pub(super) fn brief_timeout<A: Apply>(&mut self, now: Instant, sink: &mut A) {
        let Stage::Brief(brief) = &mut self.stage else {
            return;
        };
        if brief.deadline > now {
            return;
        }
        let limits = &self.visit.limits;
        if brief.sent >= limits.query_tries {
            return self.brief_failed(now, sink);
        }
        brief.sent += 1;
        brief.deadline = later(now, limits.query_timeout);
        self.transmits.push_back(brief.transmit());
    }

    /// Datagrams do not do: the same is asked over TCP, and what was tried is not held against anybody.
    fn brief_failed<A: Apply>(&mut self, now: Instant, sink: &mut A) {
        let Stage::Brief(brief) = std::mem::replace(&mut self.stage, Stage::Asking) else {
            return;
        };
        sink.abandon();
        let (primary, edns) = (brief.attempt.primary, brief.attempt.offers_edns);
        self.begin_transfer(primary, TransferKind::Ixfr, edns, Way::Shared, now);
    }
}
