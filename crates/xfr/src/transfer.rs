//! The record sequence of a zone transfer, without the network.
//!
//! AXFR ([RFC 5936 §2.2]) sends a whole zone between two copies of its SOA; IXFR ([RFC 1995 §4]) sends the steps from
//! our version to theirs, or a whole zone after all. Which of the two this is shows only at the second record:
//!
//! ```text
//!  Opening ─SOA─► Undecided ─other record─► Whole ──── the opening SOA again ────► Closed
//!     │               │                                                              ▲
//!     │ not newer     │ the SOA we hold                                              │
//!     ▼               ▼                                                              │
//!  Current        Removing ──newer SOA──► Adding ───── the opening SOA again ────────┘
//!                     ▲                     │
//!                     └── the SOA reached ──┘
//! ```
//!
//! [RFC 1995 §4]: https://www.rfc-editor.org/rfc/rfc1995#section-4
//! [RFC 5936 §2.2]: https://www.rfc-editor.org/rfc/rfc5936#section-2.2

mod error;

use std::fmt;

use zonekit_wire::{Class, Name, NameBuf, Record, RecordBuf, Rtype, Serial, Soa, SoaBuf, Unpacked};

pub use self::error::TransferError;

use crate::Change;
use crate::limits::{LimitError, exceeds};

/// One answer stream: turns its records into [`Change`]s, or says why they are no transfer.
///
/// Class, owner and order of the records are judged here; what they do to the zone is judged by who applies them. Every
/// SOA is compared in its whole RDATA, names without case.
///
/// ```
/// use zonekit_wire::{Class, NameBuf, Record, Rtype};
/// use zonekit_xfr::{Change, Transfer};
///
/// let apex: NameBuf = "example.org".parse()?;
/// let record = |rtype, rdata| Record { owner: apex.as_name(), rtype, class: Class::IN, ttl: 60, rdata };
/// let soa = [&[0, 0][..], &[0, 0, 0, 7], &[0; 16]].concat(); // serial 7, both names the root
/// let soa = record(Rtype::SOA, &soa);
/// let ns = record(Rtype::NS, b"\x02ns\0");
///
/// let mut transfer = Transfer::axfr(apex.as_name());
/// let mut said = Vec::new();
/// for record in [soa, ns, soa] {
///     for change in transfer.step(record)? {
///         said.push(match change {
///             Change::Replace(_) => "replace",
///             Change::Add(_) => "add",
///             _ => "something else",
///         });
///     }
/// }
/// assert_eq!(said, ["replace", "add"]);
/// assert_eq!(transfer.finish()?, Change::Commit); // an error, had the closing SOA not come
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Transfer {
    apex: NameBuf,
    /// The sort key of the apex: all names of the zone have it at the front of theirs.
    apex_key: Vec<u8>,
    state: State,
    asked: TransferKind,
    /// What we hold: the start of an IXFR, and what an AXFR has to be newer than, unless `any_serial`.
    held: Option<SoaBuf>,
    /// Of what we hold only the serial is known: a first step is judged by it alone.
    only_serial: bool,
    any_serial: bool,
    max_records: u64,
    max_changes: u64,
    /// The first record: what the zone is to become.
    opening: Option<Opening>,
    /// The SOA that the present step leads to.
    reached: Option<SoaBuf>,
    records: u64,
    changes: u64,
    skipped: u64,
    /// The last record was a plain one of the zone.
    is_inside: bool,
}

impl Transfer {
    /// The answer to AXFR: a whole zone, whatever its serial.
    pub fn axfr(apex: Name<'_>) -> Self {
        let mut apex_key = Vec::new();
        apex.write_sort_key(&mut apex_key);
        Self {
            apex: apex.to_buf(),
            apex_key,
            state: State::Opening,
            asked: TransferKind::Axfr,
            held: None,
            only_serial: false,
            any_serial: true,
            max_records: 0,
            max_changes: 0,
            opening: None,
            reached: None,
            records: 0,
            changes: 0,
            skipped: 0,
            is_inside: false,
        }
    }

    /// The answer to AXFR that is only of use when its serial is newer than that of `held`.
    pub fn axfr_newer_than(apex: Name<'_>, held: SoaBuf) -> Self {
        Self {
            held: Some(held),
            any_serial: false,
            ..Self::axfr(apex)
        }
    }

    /// The answer to IXFR from the version that has the SOA `held`.
    pub fn ixfr(apex: Name<'_>, held: SoaBuf) -> Self {
        Self {
            asked: TransferKind::Ixfr,
            ..Self::axfr_newer_than(apex, held)
        }
    }

    /// The answer to IXFR from a version of which nothing but the serial is known: whoever applies the differences has to
    /// see for himself that they start where he stands.
    pub fn ixfr_since(apex: Name<'_>, serial: Serial) -> Self {
        Self {
            only_serial: true,
            ..Self::ixfr(apex, bare_soa(serial))
        }
    }

    /// Ends a whole zone of more than `records`, and differences of more than `changes`. 0: no limit.
    #[must_use]
    pub fn limited_to(self, records: u64, changes: u64) -> Self {
        Self {
            max_records: records,
            max_changes: changes,
            ..self
        }
    }

    /// Takes the next record if it is a plain one inside a whole zone, which nearly all records are: it is to be added then.
    /// All others are left for [`step`](Self::step).
    #[inline]
    pub(crate) fn adds(&mut self, unpacked: &Unpacked<'_>) -> Result<bool, TransferError> {
        let Record { rtype, class, .. } = unpacked.record;
        let is_plain = self.state == State::Whole
            && class == Class::IN
            && rtype != Rtype::SOA
            && !is_meta(rtype)
            && (unpacked.is_same_owner && self.is_inside
                || unpacked.sort_key.starts_with(&self.apex_key));
        self.is_inside = is_plain;
        if is_plain {
            self.records += 1;
            if exceeds(self.records, self.max_records) {
                return Err(LimitError::ZoneRecords(self.max_records).into());
            }
        }
        Ok(is_plain)
    }

    /// Takes the next record of the answer section and says what it asks of our copy of the zone: nothing, one change or
    /// two.
    ///
    /// Neither [`Change::Commit`] nor [`Change::UpToDate`] comes from here: they come from [`finish`](Self::finish),
    /// once the message that completes the stream is known to hold nothing more and to be signed as it must be.
    #[inline]
    pub fn step<'r>(&'r mut self, record: Record<'r>) -> Result<Changes<'r>, TransferError> {
        if record.class != Class::IN {
            return Err(TransferError::Class(record.class));
        }
        if record.rtype == Rtype::SOA || self.state.is_between() {
            return self.turn(record);
        }
        if is_meta(record.rtype) {
            return Err(TransferError::MetaType(record.rtype));
        }
        if !record.owner.is_at_or_below(self.apex.as_name()) {
            self.skipped += 1;
            return Ok(Changes::NONE);
        }
        self.records += 1;
        if self.state == State::Whole {
            if exceeds(self.records, self.max_records) {
                return Err(LimitError::ZoneRecords(self.max_records).into());
            }
            return Ok(Changes::one(Change::Add(record)));
        }
        self.changes += 1;
        if exceeds(self.changes, self.max_changes) {
            return Err(LimitError::IxfrChanges(self.max_changes).into());
        }
        Ok(Changes::one(match self.state {
            State::Removing => Change::Remove(record),
            _ => Change::Add(record),
        }))
    }

    /// The records that move the machine: every SOA, and whatever comes before the kind is known or after the end.
    fn turn<'r>(&'r mut self, record: Record<'r>) -> Result<Changes<'r>, TransferError> {
        if is_meta(record.rtype) {
            return Err(TransferError::MetaType(record.rtype));
        }
        if record.rtype != Rtype::SOA {
            return match self.state {
                State::Undecided => self.whole(record),
                State::Opening => Err(TransferError::FirstNotSoa(record.rtype)),
                State::Current => Ok(Changes::NONE),
                _ => Err(TransferError::AfterClosing(record.rtype)),
            };
        }
        if record.owner != self.apex.as_name() {
            return Err(TransferError::SoaElsewhere(record.owner.to_buf()));
        }
        let soa = Soa::read(record.rdata)?;
        let goal = self.opening.as_ref().map(|opening| &opening.soa);
        match (self.state, goal) {
            (State::Opening, _) => self.open(record, soa),
            (State::Current, _) => Ok(Changes::NONE),
            (State::Undecided | State::Whole, Some(goal)) if soa == goal.as_soa() => {
                // Nothing but the SOA, twice, is a whole zone too: whether it may be one is for its keeper to say.
                let begin = self.state == State::Undecided;
                self.state = State::Closed;
                Ok(if begin { self.replace() } else { Changes::NONE })
            }
            (State::Undecided, Some(_)) if self.asked == TransferKind::Ixfr => {
                let is_held = |held: &SoaBuf| match self.only_serial {
                    true => held.serial == soa.serial,
                    false => held.as_soa() == soa,
                };
                if !self.held.as_ref().is_some_and(is_held) {
                    return Err(TransferError::NotFromHeld(soa.serial));
                }
                self.reached = Some(soa.to_buf());
                self.state = State::Removing;
                Ok(Changes::one(Change::Step(record)))
            }
            (State::Undecided | State::Whole, Some(goal)) => Err(TransferError::ClosingDiffers {
                opening: goal.serial,
                closing: soa.serial,
            }),
            (State::Removing, Some(goal)) => {
                let from = self.reached.as_ref().map_or(soa.serial, |from| from.serial);
                if !soa.serial.is_newer_than(from) {
                    return Err(TransferError::StepBackward {
                        from,
                        to: soa.serial,
                    });
                }
                if soa.serial == goal.serial && soa != goal.as_soa()
                    || soa.serial.is_newer_than(goal.serial)
                {
                    return Err(TransferError::StepBeyond {
                        goal: goal.serial,
                        to: soa.serial,
                    });
                }
                self.reached = Some(soa.to_buf());
                self.state = State::Adding;
                Ok(Changes::one(Change::Reach(record)))
            }
            (State::Adding, Some(goal)) => {
                let reached = self.reached.as_ref().map_or(goal.as_soa(), SoaBuf::as_soa);
                if soa != reached {
                    return Err(TransferError::Gap {
                        reached: reached.serial,
                        next: soa.serial,
                    });
                }
                if soa == goal.as_soa() {
                    self.state = State::Closed;
                    return Ok(Changes::NONE);
                }
                self.state = State::Removing;
                Ok(Changes::one(Change::Step(record)))
            }
            _ => Err(TransferError::AfterClosing(record.rtype)),
        }
    }

    /// The first record: is it of use to us at all?
    fn open(&mut self, record: Record<'_>, soa: Soa<'_>) -> Result<Changes<'_>, TransferError> {
        self.state = State::Undecided;
        if let Some(held) = &self.held
            && !self.any_serial
            && !soa.serial.is_newer_than(held.serial)
        {
            if self.asked == TransferKind::Axfr && soa.serial != held.serial {
                return Err(TransferError::Behind {
                    held: held.serial,
                    offered: soa.serial,
                });
            }
            self.state = State::Current;
        }
        self.records = 1;
        self.opening = Some(Opening {
            soa: soa.to_buf(),
            record: RecordBuf::from(record),
        });
        Ok(Changes::NONE)
    }

    /// The second record is no SOA: this is a whole zone, whatever was asked.
    fn whole<'r>(&'r mut self, record: Record<'r>) -> Result<Changes<'r>, TransferError> {
        self.state = State::Whole;
        if !record.owner.is_at_or_below(self.apex.as_name()) {
            self.skipped += 1;
            return Ok(self.replace());
        }
        self.records += 1;
        if exceeds(self.records, self.max_records) {
            return Err(LimitError::ZoneRecords(self.max_records).into());
        }
        let mut changes = self.replace();
        changes.second = Some(Change::Add(record));
        Ok(changes)
    }

    fn replace(&self) -> Changes<'_> {
        Changes {
            first: self
                .opening
                .as_ref()
                .map(|opening| Change::Replace(opening.record.as_record())),
            second: None,
        }
    }

    /// The last change, [`Change::Commit`] or [`Change::UpToDate`], of a stream that is whole.
    pub fn finish(&self) -> Result<Change<'static>, TransferError> {
        match self.state {
            State::Closed => Ok(Change::Commit),
            State::Current => Ok(Change::UpToDate),
            _ => Err(TransferError::Unfinished {
                records: self.records,
            }),
        }
    }

    /// Whether the closing SOA was seen, or the first one was enough.
    pub fn is_complete(&self) -> bool {
        matches!(self.state, State::Closed | State::Current)
    }

    /// Whether the opening SOA showed that there is nothing for us; records that follow need no look.
    pub fn is_up_to_date(&self) -> bool {
        self.state == State::Current
    }

    /// Whether all that came yet is a newer SOA: in answer to IXFR, more may follow or not.
    pub fn is_lone_soa(&self) -> bool {
        self.state == State::Undecided
    }

    /// What is being transferred, as far as it is known: until the second record, what was asked.
    pub fn kind(&self) -> TransferKind {
        match self.state {
            State::Removing | State::Adding => TransferKind::Ixfr,
            State::Closed if self.reached.is_some() => TransferKind::Ixfr,
            State::Whole | State::Closed => TransferKind::Axfr,
            _ => self.asked,
        }
    }

    /// The SOA that the stream opened with: what the zone is to become.
    pub fn goal(&self) -> Option<&SoaBuf> {
        self.opening.as_ref().map(|opening| &opening.soa)
    }

    /// The opening SOA as a record.
    pub fn opening(&self) -> Option<Record<'_>> {
        self.opening
            .as_ref()
            .map(|opening| opening.record.as_record())
    }

    /// Records taken, out of zone ones and the closing SOA not counted.
    pub fn records(&self) -> u64 {
        self.records
    }

    /// Records outside the zone, which were passed over.
    pub fn skipped(&self) -> u64 {
        self.skipped
    }
}

/// An SOA of which nothing but the serial is known.
pub(crate) fn bare_soa(serial: Serial) -> SoaBuf {
    let (mname, rname) = (NameBuf::new(), NameBuf::new());
    SoaBuf {
        mname,
        rname,
        serial,
        refresh: 0,
        retry: 0,
        expire: 0,
        minimum: 0,
    }
}

/// What was asked of a primary, or what its answer is.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum TransferKind {
    /// A whole zone (RFC 5936).
    Axfr,
    /// Differences between versions (RFC 1995).
    Ixfr,
}

impl fmt::Display for TransferKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Axfr => "AXFR",
            Self::Ixfr => "IXFR",
        })
    }
}

/// The changes of one record: at most two, since the first record after the opening SOA decides what that one meant.
#[derive(Clone, Copy, Debug)]
pub struct Changes<'r> {
    first: Option<Change<'r>>,
    second: Option<Change<'r>>,
}

impl<'r> Changes<'r> {
    const NONE: Self = Self {
        first: None,
        second: None,
    };

    fn one(change: Change<'r>) -> Self {
        Self {
            first: Some(change),
            second: None,
        }
    }
}

impl<'r> Iterator for Changes<'r> {
    type Item = Change<'r>;

    #[inline]
    fn next(&mut self) -> Option<Change<'r>> {
        self.first.take().or_else(|| self.second.take())
    }
}

#[derive(Debug)]
struct Opening {
    soa: SoaBuf,
    record: RecordBuf,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    Opening,
    Current,
    Undecided,
    Whole,
    Removing,
    Adding,
    Closed,
}

impl State {
    /// Neither inside a whole zone nor inside a step.
    fn is_between(self) -> bool {
        matches!(
            self,
            Self::Opening | Self::Current | Self::Undecided | Self::Closed
        )
    }
}

/// Types that only questions and the edges of messages may have ([RFC 6895 §3.1](https://www.rfc-editor.org/rfc/rfc6895#section-3.1)),
/// and the reserved type 0.
fn is_meta(rtype: Rtype) -> bool {
    matches!(rtype.0, 0 | 41 | 128..=255)
}
