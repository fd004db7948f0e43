//! One answer stream as it comes in: message rules, TSIG, records, changes.

use std::sync::Arc;

use zonekit_wire::{ReadError, Unpacker};

use crate::answer::{Answer, AnswerError};
use crate::error::{VisitError, malformed};
use crate::limits::{LimitError, Limits, exceeds};
use crate::transfer::TransferError;
use crate::{Apply, Change, Query, Transfer};

/// An answer to AXFR or IXFR, from the first message to `Commit`, without the network.
///
/// Messages are worked on where they lie: nothing is allocated or copied per record. What it applies is only what was
/// verified, or what waits in a run of unsigned messages for the signature that verifies it; `Commit` waits for that.
///
/// ```
/// # use zonekit_xfr::{Apply, Change};
/// use zonekit_wire::{Header, Message, NameBuf, Rcode};
/// use zonekit_xfr::{Incoming, Limits, Query, Transfer, VisitError};
///
/// # struct Nothing;
/// # impl Apply for Nothing {
/// #     type Error = std::convert::Infallible;
/// #     fn apply(&mut self, _: Change<'_>) -> Result<(), Self::Error> { Ok(()) }
/// #     fn abandon(&mut self) {}
/// # }
/// # let mut sink = Nothing;
/// let zone: NameBuf = "example.org".parse()?;
/// let mut query = Query::axfr(4711, &zone, None, 1_800_000_000);
/// let mut incoming = Incoming::new(&mut query, Transfer::axfr(zone.as_name()), &Limits::default(), 0);
///
/// // The server refuses: our question, as an answer with that RCODE.
/// let asked = Message::new(query.octets())?;
/// let refused = Header { rcode: Rcode::REFUSED, ..asked.header().reply() };
/// let mut answer = query.octets().to_vec();
/// answer[2..4].copy_from_slice(&refused.to_octets()[2..4]);
/// let error = incoming.message(&answer, 1_800_000_000, &mut sink).unwrap_err();
/// assert!(matches!(error, VisitError::Answer { message: 1, .. }), "{error}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Incoming {
    pub(crate) answer: Answer,
    pub(crate) transfer: Transfer,
    pub(crate) unpacker: Unpacker,
    pub(crate) seen: u64,
    max_octets: u64,
    octets: u64,
}

impl Incoming {
    /// Waits for the answer to `query`, which `transfer` is to read. `held_records`: what the zone has now, as a measure for
    /// IXFR.
    pub fn new(query: &mut Query, transfer: Transfer, limits: &Limits, held_records: u64) -> Self {
        let changes = limits.max_ixfr_changes.unwrap_or(held_records);
        Self {
            answer: Answer::new(query, limits.max_empty_messages),
            transfer: transfer.limited_to(limits.max_zone_records, changes),
            unpacker: Unpacker::new(),
            seen: 0,
            max_octets: limits.max_zone_octets,
            octets: 0,
        }
    }

    /// Takes the next message and applies its records. `now`: seconds since 1970.
    ///
    /// # Errors
    ///
    /// Nothing more may be given to it after an error, and what was applied is to be abandoned.
    pub fn message<A: Apply>(
        &mut self,
        octets: &[u8],
        now: u64,
        sink: &mut A,
    ) -> Result<(), VisitError> {
        let number = self.answer.messages() + 1;
        let message = self.begin(octets, now)?;
        let mut answers = self
            .unpacker
            .answers(message)
            .map_err(|error| malformed(number, error))?;
        let rejected = |error| VisitError::Rejected(Arc::new(error));
        loop {
            let unpacked = match answers.next_record() {
                Ok(Some(unpacked)) => unpacked,
                Ok(None) => return Ok(()),
                Err(error) => return Err(unreadable(number, answers.offset(), error)),
            };
            self.seen += 1;
            let out_of_place = |error| out_of_place(number, self.seen, error);
            if self.transfer.adds(&unpacked).map_err(out_of_place)? {
                sink.add(&unpacked).map_err(rejected)?;
                continue;
            }
            let changes = self.transfer.step(unpacked.record);
            for change in changes.map_err(out_of_place)? {
                sink.apply(change).map_err(rejected)?;
            }
        }
    }

    /// Checks the next message as a whole, before its records.
    pub(crate) fn begin<'m>(
        &mut self,
        octets: &'m [u8],
        now: u64,
    ) -> Result<zonekit_wire::Message<'m>, VisitError> {
        let number = self.answer.messages() + 1;
        if self.transfer.is_complete() && !self.transfer.is_up_to_date() {
            return Err(out_of_place(
                number,
                self.seen,
                TransferError::DataAfterClosing,
            ));
        }
        self.octets += octets.len() as u64;
        if exceeds(self.octets, self.max_octets) {
            return Err(VisitError::Limit(LimitError::ZoneOctets(self.max_octets)));
        }
        self.answer
            .check_whole(octets, now)
            .map_err(|error| VisitError::Answer {
                message: number,
                error,
            })
    }

    /// The stream is whole and nothing follows it: applies the last change.
    ///
    /// # Errors
    ///
    /// When it is not whole, when its last message is not signed although the question was, or when the change is not
    /// taken.
    pub fn finish<A: Apply>(&mut self, sink: &mut A) -> Result<Change<'static>, VisitError> {
        let change = self.ending()?;
        sink.apply(change)
            .map_err(|error| VisitError::Rejected(Arc::new(error)))?;
        Ok(change)
    }

    /// The last change, proven.
    pub(crate) fn ending(&mut self) -> Result<Change<'static>, VisitError> {
        let number = self.answer.messages();
        let change = self
            .transfer
            .finish()
            .map_err(|error| out_of_place(number, self.seen, error))?;
        self.answer.finish().map_err(|error| VisitError::Answer {
            message: number,
            error,
        })?;
        Ok(change)
    }

    /// Whether the closing SOA was seen, or the first one was enough, and was signed if need be.
    ///
    /// A stream that is complete in an unsigned message of a signed answer waits for the signature.
    pub fn is_complete(&self) -> bool {
        self.transfer.is_complete()
    }

    /// The rules for its records.
    pub fn transfer(&self) -> &Transfer {
        &self.transfer
    }

    /// The rules for its messages.
    pub fn answer(&self) -> &Answer {
        &self.answer
    }

    /// Octets of all messages.
    pub fn octets(&self) -> u64 {
        self.octets
    }

    /// Records of the answer sections, the closing SOA and those outside the zone included.
    pub fn seen(&self) -> u64 {
        self.seen
    }
}

/// A record that cannot be read, or octets where none may be.
fn unreadable(message: u64, offset: usize, error: ReadError) -> VisitError {
    match error {
        ReadError::TrailingOctets { .. } => malformed(message, error),
        _ => VisitError::Answer {
            message,
            error: AnswerError::Record { offset, error },
        },
    }
}

pub(crate) fn out_of_place(message: u64, record: u64, error: TransferError) -> VisitError {
    VisitError::Transfer {
        message,
        record,
        error,
    }
}
