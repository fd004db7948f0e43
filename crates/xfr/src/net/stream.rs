//! The records of one transfer, one after the other.

use std::time::Instant;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout_at;
use zonekit_wire::{FrameBuffer, Message, Record, RecordsPlace, Section};

use super::{ClientError, ROOM, Wire, arrived, framed, now, unix_now};
use crate::answer::AnswerError;
use crate::error::malformed;
use crate::exchange::attempt::Attempt;
use crate::incoming::out_of_place;
use crate::limits::bounded;
use crate::{
    Change, Connection, Limits, Loss, Primary, Query, Statistics, Transfer, TransferKind,
    VisitError,
};

/// A transfer that is read record by record; memory does not grow with the zone.
///
/// What is delivered is what the server sent, or the last call gives an error: there is no channel between the socket and
/// the caller, and one who reads slowly slows the server. `None` comes only when the closing SOA has come and everything
/// was signed as it must be. Of a signed answer in which only some messages carry a signature, records are given out
/// before theirs is checked: believe them when `None` has come.
///
/// ```no_run
/// use zonekit_wire::Serial;
/// use zonekit_xfr::{Change, Client};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let client = Client::new("192.0.2.1:53".parse()?);
/// let mut transfer = client.ixfr_since("example.org", Serial(7)).await?;
/// while let Some(change) = transfer.next_change().await? {
///     match change {
///         Change::Remove(record) => println!("- {record}"),
///         Change::Add(record) => println!("+ {record}"),
///         other => println!("{other:?}"),
///     }
/// }
/// println!("{} octets", transfer.statistics().octets);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct TransferStream {
    wire: Wire,
    frames: FrameBuffer,
    attempt: Attempt,
    limits: Limits,
    /// How far the message that the buffer gave last has been read.
    place: Option<RecordsPlace>,
    /// Changes of the record unpacked last that were not given out yet.
    ready: [Option<Kind>; 2],
    /// Octets that came with the last read and were not accounted for.
    fresh: usize,
    /// When the caller got the last record that was taken from the buffer.
    left_at: Option<Instant>,
    state: State,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    Open,
    Over,
    Failed,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Replace,
    Step,
    Remove,
    Reach,
    Add,
    UpToDate,
    Commit,
}

impl TransferStream {
    pub(super) async fn open(
        primary: &Primary,
        query: Query,
        transfer: Transfer,
        limits: &Limits,
    ) -> Result<Self, ClientError> {
        let deadline = tokio::time::Instant::now() + bounded(limits.connect_timeout);
        let unreachable = |error: &std::io::Error| VisitError::Connect(Loss::from(error));
        let connecting = async {
            let mut wire = Wire::connect(primary, limits.connect_timeout).await?;
            wire.write_all(&framed(query.octets())?).await?;
            wire.flush().await?;
            Ok(wire)
        };
        let wire = if limits.connect_timeout.is_zero() {
            connecting.await
        } else {
            timeout_at(deadline, connecting)
                .await
                .map_err(|_| VisitError::ConnectTimeout(limits.connect_timeout))?
        };
        let wire = wire.map_err(|error| unreachable(&error))?;
        // Nobody knows here how many records an IXFR's zone has: only a limit that is set counts.
        let held_records = 0;
        let mut attempt = Attempt::new(
            0,
            Connection(0),
            query,
            transfer,
            limits,
            held_records,
            now(),
        );
        attempt.connected(now());
        Ok(Self {
            wire,
            frames: FrameBuffer::with_room(ROOM),
            attempt,
            limits: limits.clone(),
            place: None,
            ready: [None; 2],
            fresh: 0,
            left_at: None,
            state: State::Open,
        })
    }

    /// The next record: of a whole zone its SOA first, which is not repeated at the end; of differences all in the order
    /// in which they come. `None` when the transfer is whole.
    ///
    /// # Errors
    ///
    /// When the server does not send a whole transfer. The records so far are worth nothing then, and no call after
    /// this one gives anything.
    pub async fn next(&mut self) -> Result<Option<Record<'_>>, ClientError> {
        Ok(match self.next_change().await? {
            None | Some(Change::Commit | Change::UpToDate) => None,
            Some(
                Change::Replace(record)
                | Change::Step(record)
                | Change::Remove(record)
                | Change::Reach(record)
                | Change::Add(record),
            ) => Some(record),
        })
    }

    /// The next change, and what it means: the last is [`Change::Commit`] or [`Change::UpToDate`], then comes `None`.
    ///
    /// # Errors
    ///
    /// As [`next`](Self::next).
    pub async fn next_change(&mut self) -> Result<Option<Change<'_>>, ClientError> {
        let kind = loop {
            if let Some(kind) = self.ready.iter_mut().find_map(Option::take) {
                break kind;
            }
            match self.state {
                State::Over => return Ok(None),
                State::Failed => return Err(self.broken(Loss::Closed).into()),
                State::Open => {}
            }
            let step = match self.place {
                Some(place) => self.step(place),
                None => self.message().await,
            };
            if let Err(error) = step {
                self.state = State::Failed;
                return Err(error.into());
            }
        };
        let incoming = self.attempt.incoming();
        let last = incoming.unpacker.last();
        let change = match kind {
            Kind::Replace => incoming.transfer.opening().map(Change::Replace),
            Kind::Step => last.map(Change::Step),
            Kind::Remove => last.map(Change::Remove),
            Kind::Reach => last.map(Change::Reach),
            Kind::Add => last.map(Change::Add),
            Kind::UpToDate => Some(Change::UpToDate),
            Kind::Commit => Some(Change::Commit),
        };
        Ok(change)
    }

    /// The SOA that the stream opened with: what the zone is to become. Of differences, [`next`](Self::next) does not give
    /// it; and it is all that comes when there is nothing newer.
    pub fn opening(&self) -> Option<Record<'_>> {
        self.attempt.incoming().transfer().opening()
    }

    /// What came so far.
    pub fn statistics(&self) -> Statistics {
        self.attempt.statistics(now())
    }

    /// What is being transferred, as far as it shows: a whole zone or differences.
    pub fn kind(&self) -> TransferKind {
        self.attempt.incoming().transfer().kind()
    }

    /// Goes on to the next message: from the buffer, else from the socket. Ends the transfer where it is complete.
    async fn message(&mut self) -> Result<(), VisitError> {
        loop {
            if let Some(change) = self.attempt.up_to_date()? {
                self.end_with(change);
                return Ok(());
            }
            if let Some(octets) = self
                .frames
                .next_frame()
                .map_err(|_| self.attempt.lost(Loss::ZeroLengthFrame))?
            {
                let number = self.attempt.incoming().answer().messages() + 1;
                let message = self.attempt.incoming_mut().begin(octets, unix_now())?;
                let records = message
                    .records()
                    .map_err(|error| malformed(number, error))?;
                self.place = Some(records.place());
                return Ok(());
            }
            if self.attempt.incoming().is_complete() {
                // Whatever lies behind the closing SOA spoils the transfer.
                let more = self.wire.read_now(self.frames.space());
                if more > 0 {
                    self.frames.advance(more);
                    self.fresh += more;
                    continue;
                }
            }
            let left = self.frames.has_partial();
            let change = self.attempt.received(
                std::mem::take(&mut self.fresh),
                left,
                &self.limits,
                now(),
            )?;
            if let Some(change) = change {
                self.end_with(change);
                return Ok(());
            }
            self.read().await?;
        }
    }

    fn end_with(&mut self, change: Change<'_>) {
        self.state = State::Over;
        self.ready = [Some(Kind::of(change)), None];
    }

    async fn read(&mut self) -> Result<(), VisitError> {
        if let Some(left_at) = self.left_at.take() {
            self.attempt
                .looked_away(now().saturating_duration_since(left_at));
        }
        let count = loop {
            let deadline = self.attempt.deadline(&self.limits);
            let inside_message = self.frames.has_partial();
            let reading = self.wire.read(self.frames.space());
            let read = match deadline {
                None => Ok(reading.await),
                Some(deadline) => timeout_at(deadline.into(), reading).await,
            };
            match read {
                Ok(result) => {
                    break arrived(result, inside_message).map_err(|loss| self.broken(loss))?;
                }
                Err(_) => self.attempt.check(&self.limits, now())?,
            }
        };
        self.frames.advance(count);
        self.fresh += count;
        self.left_at = Some(now());
        Ok(())
    }

    /// Takes the next record of the message.
    fn step(&mut self, place: RecordsPlace) -> Result<(), VisitError> {
        let incoming = self.attempt.incoming_mut();
        let number = incoming.answer.messages();
        let malformed = |error| malformed(number, error);
        let mut records = Message::new(self.frames.last_frame())
            .map_err(malformed)?
            .records_from(place);
        loop {
            let Some(item) = records.next() else {
                self.place = None;
                return Ok(());
            };
            let (section, packed) = item.map_err(malformed)?;
            if section != Section::Answer {
                continue;
            }
            incoming.seen += 1;
            let record = incoming
                .unpacker
                .unpack(packed)
                .map_err(|error| VisitError::Answer {
                    message: number,
                    error: AnswerError::Record {
                        offset: packed.offset(),
                        error,
                    },
                })?;
            let seen = incoming.seen;
            let mut changes = incoming
                .transfer
                .step(record)
                .map_err(|error| out_of_place(number, seen, error))?
                .map(Kind::of);
            self.ready = [changes.next(), changes.next()];
            if self.ready.iter().any(Option::is_some) {
                self.place = Some(records.place());
                return Ok(());
            }
        }
    }

    fn broken(&self, loss: Loss) -> VisitError {
        self.attempt.lost(loss)
    }
}

impl Kind {
    fn of(change: Change<'_>) -> Self {
        match change {
            Change::Replace(_) => Self::Replace,
            Change::Step(_) => Self::Step,
            Change::Remove(_) => Self::Remove,
            Change::Reach(_) => Self::Reach,
            Change::Add(_) => Self::Add,
            Change::UpToDate => Self::UpToDate,
            Change::Commit => Self::Commit,
        }
    }
}
