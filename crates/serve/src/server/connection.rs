//! One connection: requests as they come, answers as they are ready.
//!
//! ```text
//!             ┌─────────── answers ───────────┐
//!  octets ─► frames ─► respond ─► transfers ──┴─► unsent ─► octets
//! ```
//!
//! Questions are answered in the order in which they come, at once, and so while a transfer that was asked for before is
//! on its way: its next messages follow when what is unsent has become little ([RFC 7766 §6.2.1.1]). Transfers follow one
//! another. Whoever does not read is not read from either.
//!
//! [RFC 7766 §6.2.1.1]: https://www.rfc-editor.org/rfc/rfc7766#section-6.2.1.1

use std::{
    collections::VecDeque,
    future::poll_fn,
    io::{self, ErrorKind},
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf},
    task::{JoinError, JoinHandle, yield_now},
    time::{Instant, timeout, timeout_at},
};
use zonekit_wire::FrameBuffer;

use super::{
    Options, asked_to_stop,
    seats::Seat,
    slots::Slot,
    tcp::{Connections, GRACE, made_room},
};
use crate::clock::now;
use crate::{Action, OutgoingTransfer, Peer, Responder, Transport, Worker};

/// A transfer goes on when less than this many octets of it are unsent.
const BATCH: usize = 32 * 1024;
/// Requests are read until so many octets are unsent, so that those behind a transfer are read, too.
const MOST_UNSENT: usize = 4 * BATCH;
/// Transfers that one connection may have asked for and not got yet; more requests wait unread.
const MAX_WAITING: usize = 100;
/// As good as never: the other deadlines of a connection come first.
const NEVER: Duration = Duration::from_secs(86_400);

/// One connection, whatever carries its octets.
pub(super) struct Connection<S> {
    stream: S,
    peer: Peer,
    worker: Worker,
    frames: FrameBuffer,
    /// Nothing more is read: the client has said all, or what makes no sense.
    is_read: bool,
    /// Until when there has to be a whole request, if nothing else is going on.
    idle_until: Instant,
    /// One message.
    answer: Vec<u8>,
    unsent: Unsent,
    /// The transfer at hand.
    sending: Option<Sending>,
    /// Those to come.
    waiting: VecDeque<Box<OutgoingTransfer>>,
    seat: Arc<Seat>,
    shared: Arc<Connections>,
}

/// A transfer that has begun.
struct Sending {
    state: State,
    pace: Pace,
}

enum State {
    /// What comes next of it is being read from a disk.
    Preparing(JoinHandle<Admitted>),
    Ready(Admitted),
}

/// A transfer with its room, which whoever works on it holds: a reader that nobody waits for any more is one of those that
/// there may be.
struct Admitted {
    transfer: Box<OutgoingTransfer>,
    _slot: Slot,
}

impl Sending {
    /// Has what comes next be read, if it has not been.
    fn prepared(self) -> Self {
        let state = match self.state {
            State::Ready(mut admitted) if !admitted.transfer.is_prepared() => {
                State::Preparing(tokio::task::spawn_blocking(move || {
                    admitted.transfer.prepare();
                    admitted
                }))
            }
            state => state,
        };
        Self { state, ..self }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    pub(super) fn new(
        stream: S,
        address: SocketAddr,
        transport: Transport,
        seat: Arc<Seat>,
        shared: Arc<Connections>,
    ) -> Self {
        let (responder, options): (&Responder, &Options) = (&shared.responder, &shared.options);
        Self {
            stream,
            peer: Peer { address, transport },
            worker: responder.worker().keeping_alive(options.idle_timeout),
            frames: FrameBuffer::new(),
            is_read: false,
            idle_until: Instant::now() + options.idle_timeout,
            answer: Vec::new(),
            unsent: Unsent::default(),
            sending: None,
            waiting: VecDeque::new(),
            seat,
            shared,
        }
    }

    /// Answers until the client has gone, is too slow or says what makes no sense; what it asked for before is answered.
    pub(super) async fn serve(mut self) -> io::Result<()> {
        let answered = self.answer_all().await;
        if self.peer.transport == Transport::Tls && answered.is_ok() {
            // Says that no octet is missing behind the last one; whoever does not take it is gone.
            _ = timeout(GRACE, self.stream.shutdown()).await;
        }
        answered
    }

    async fn answer_all(&mut self) -> io::Result<()> {
        let mut stopped = self.shared.stopped.clone();
        loop {
            self.answer_requests()?;
            self.continue_transfers()?;
            self.seat.set_busy(self.sending.is_some());
            let is_idle = self.is_idle();
            if is_idle && self.is_read {
                return Ok(());
            }
            let deadline = self.deadline();
            let preparing = match &mut self.sending {
                Some(Sending {
                    state: State::Preparing(handle),
                    ..
                }) => Some(handle),
                _ => None,
            };
            let unsent = self.unsent.len();
            let may_read = !self.is_read && has_room(&self.unsent, &self.waiting);
            let moved = move_octets(
                &mut self.stream,
                &mut self.unsent,
                may_read.then_some(&mut self.frames),
                self.shared.options.write_timeout,
            );
            tokio::select! {
                () = asked_to_stop(&mut stopped), if is_idle => return Ok(()),
                () = self.seat.is_to_leave() => return Err(made_room()),
                Some(prepared) = prepared(preparing) => {
                    let admitted = prepared.map_err(io::Error::other)?;
                    if let Some(sending) = &mut self.sending {
                        sending.state = State::Ready(admitted);
                        sending.pace = Pace::begin(&self.shared.options);
                    }
                }
                moved = timeout_at(deadline, moved) => match moved {
                    Err(_) if is_idle => return Ok(()),
                    moved => self.is_read |= moved?? == Moved::ToTheEnd,
                },
            }
            if self.unsent.len() < unsent {
                self.seat.progressed();
            }
            if self.sending.is_some() {
                yield_now().await; // however much the system takes at once, others have their turn after each batch
            }
        }
    }

    /// Answers the requests that have come, as long as their answers have room.
    fn answer_requests(&mut self) -> io::Result<()> {
        while !self.is_read && has_room(&self.unsent, &self.waiting) {
            let Ok(request) = self.frames.next_frame() else {
                self.is_read = true; // no message begins so: nothing behind it can be told apart
                break;
            };
            let Some(request) = request else {
                break;
            };
            let action = self
                .worker
                .respond(request, self.peer, now(), &mut self.answer);
            match action {
                Action::Drop => self.is_read = true, // whoever sends this has lost the thread
                Action::Reply => self.enqueue()?,
                Action::Notify(notification) => {
                    // Unanswered, it comes again, and by then there may be room.
                    if self.shared.notifications.try_send(notification).is_ok() {
                        self.enqueue()?;
                    }
                }
                Action::Transfer(transfer) if self.sending.is_none() && self.waiting.is_empty() => {
                    self.begin_transfer(transfer)?;
                }
                Action::Transfer(transfer) => self.waiting.push_back(transfer),
            }
            self.seat.progressed();
            self.idle_until = Instant::now() + self.shared.options.idle_timeout;
        }
        Ok(())
    }

    /// Takes messages from the transfers in their order, as long as they have room.
    fn continue_transfers(&mut self) -> io::Result<()> {
        while self.unsent.len() < BATCH {
            let Some(sending) = &mut self.sending else {
                let Some(transfer) = self.waiting.pop_front() else {
                    break;
                };
                self.begin_transfer(transfer)?;
                continue;
            };
            let State::Ready(Admitted { transfer, .. }) = &mut sending.state else {
                break;
            };
            if !transfer.is_prepared() {
                self.sending = self.sending.take().map(Sending::prepared);
                break;
            }
            match transfer.next_message(now(), &mut self.answer) {
                Ok(true) => {
                    let deadline = sending.pace.deadline_for(self.answer.len());
                    self.enqueue()?;
                    self.unsent.hurry(deadline);
                }
                Ok(false) => {
                    self.sending = None;
                    self.idle_until = Instant::now() + self.shared.options.idle_timeout;
                }
                Err(error) => {
                    // Its client must not take what has come for the whole: the end of the connection says so.
                    tracing::debug!(%error, address = %self.peer.address, "transfer");
                    self.sending = None;
                    self.waiting.clear();
                    self.is_read = true;
                }
            }
        }
        Ok(())
    }

    fn begin_transfer(&mut self, transfer: Box<OutgoingTransfer>) -> io::Result<()> {
        let Some(slot) = self.shared.transfers.take(self.peer.ip()) else {
            transfer.put_off(now(), &mut self.answer);
            return self.enqueue();
        };
        let begun = Sending {
            state: State::Ready(Admitted {
                transfer,
                _slot: slot,
            }),
            pace: Pace::begin(&self.shared.options),
        };
        self.sending = Some(begun.prepared());
        Ok(())
    }

    fn enqueue(&mut self) -> io::Result<()> {
        self.unsent
            .push(&self.answer, self.shared.options.write_timeout)
    }

    /// Whether everything that was asked for is answered.
    fn is_idle(&self) -> bool {
        self.unsent.is_sent() && self.sending.is_none() && self.waiting.is_empty()
    }

    /// When the client has to have moved.
    fn deadline(&self) -> Instant {
        let due = match self.unsent.due {
            Some(due) => due,
            None if self.is_idle() => self.idle_until,
            None => Instant::now() + NEVER, // a transfer is being prepared, which is not the client's fault
        };
        match &self.sending {
            // Also where it is the answers to its own questions that keep it from getting on.
            Some(Sending {
                state: State::Ready(_),
                pace,
            }) => due.min(pace.deadline()),
            _ => due,
        }
    }
}

/// Whether more requests may be answered: transfers that wait hold versions of zones, and what is unsent holds memory.
fn has_room(unsent: &Unsent, waiting: &VecDeque<Box<OutgoingTransfer>>) -> bool {
    unsent.len() < MOST_UNSENT && waiting.len() < MAX_WAITING
}

/// Waits for what is being prepared, if something is.
async fn prepared(
    preparing: Option<&mut JoinHandle<Admitted>>,
) -> Option<Result<Admitted, JoinError>> {
    match preparing {
        Some(handle) => Some(handle.await),
        None => None,
    }
}

/// What has moved.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Moved {
    /// Octets, in one direction or both.
    Some,
    /// All that there is from the client.
    ToTheEnd,
}

/// Writes what is unsent and reads what has come, until something of either has moved. Loses nothing when dropped.
async fn move_octets<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    unsent: &mut Unsent,
    mut frames: Option<&mut FrameBuffer>,
    patience: Duration,
) -> io::Result<Moved> {
    poll_fn(|context| {
        let written = unsent.poll_write(stream, context, patience)?;
        if let Some(frames) = &mut frames
            && let Poll::Ready(read) = poll_read(stream, context, frames)
        {
            return Poll::Ready(read);
        }
        written.map(|()| Ok(Moved::Some))
    })
    .await
}

fn poll_read<S: AsyncRead + Unpin>(
    stream: &mut S,
    context: &mut Context<'_>,
    frames: &mut FrameBuffer,
) -> Poll<io::Result<Moved>> {
    let mut room = ReadBuf::new(frames.space());
    ready!(Pin::new(stream).poll_read(context, &mut room))?;
    let count = room.filled().len();
    frames.advance(count);
    Poll::Ready(Ok(match count {
        0 => Moved::ToTheEnd,
        _ => Moved::Some,
    }))
}

/// Messages with their lengths before them, to be written.
#[derive(Default)]
struct Unsent {
    octets: Vec<u8>,
    /// How many of them are written.
    written: usize,
    /// Whether the stream may keep some of these to itself.
    is_kept: bool,
    /// Until when the octets up to `piece` have to be written.
    due: Option<Instant>,
    piece: usize,
}

impl Unsent {
    fn len(&self) -> usize {
        self.octets.len() - self.written
    }

    fn is_sent(&self) -> bool {
        self.len() == 0 && !self.is_kept
    }

    fn push(&mut self, message: &[u8], patience: Duration) -> io::Result<()> {
        let len = u16::try_from(message.len()).map_err(io::Error::other)?;
        self.octets.extend_from_slice(&len.to_be_bytes());
        self.octets.extend_from_slice(message);
        if self.due.is_none() {
            self.expect_all(patience);
        }
        Ok(())
    }

    /// What is here now has to be written in so much time.
    fn expect_all(&mut self, patience: Duration) {
        self.due = Some(Instant::now() + patience);
        self.piece = self.octets.len();
    }

    /// Brings the end of waiting forward.
    fn hurry(&mut self, deadline: Instant) {
        self.due = self.due.map(|due| due.min(deadline));
    }

    /// Writes as much as the stream takes; ready when that is something.
    fn poll_write<S: AsyncWrite + Unpin>(
        &mut self,
        stream: &mut S,
        context: &mut Context<'_>,
        patience: Duration,
    ) -> Poll<io::Result<()>> {
        let mut moved = false;
        while let Some(rest @ [_, ..]) = self.octets.get(self.written..) {
            match Pin::new(&mut *stream).poll_write(context, rest)? {
                Poll::Ready(0) => return Poll::Ready(Err(ErrorKind::WriteZero.into())),
                Poll::Ready(count) => {
                    self.written += count;
                    (self.is_kept, moved) = (true, true);
                }
                Poll::Pending => break,
            }
        }
        if self.len() == 0 && self.is_kept {
            ready!(Pin::new(stream).poll_flush(context))?;
            (self.is_kept, moved) = (false, true);
        }
        if self.is_sent() {
            self.octets.clear();
            (self.written, self.due) = (0, None);
        } else if self.written >= self.piece {
            self.octets.drain(..self.written);
            self.written = 0;
            self.expect_all(patience);
        }
        if moved {
            Poll::Ready(Ok(()))
        } else {
            Poll::Pending
        }
    }
}

/// How far a transfer has to be when.
struct Pace {
    /// When it would have had to be there, had it no octets.
    begun: Instant,
    octets: u64,
    /// Octets per second; 0 for none.
    minimum: u64,
}

impl Pace {
    fn begin(options: &Options) -> Self {
        Self {
            begun: Instant::now() + options.write_timeout,
            octets: 0,
            minimum: options.min_transfer_rate,
        }
    }

    /// Adds octets and says until when they have to be written.
    fn deadline_for(&mut self, octets: usize) -> Instant {
        self.octets += octets as u64;
        self.deadline()
    }

    /// Until when the next octets have to be there.
    fn deadline(&self) -> Instant {
        let millis = self.octets.saturating_mul(1000).checked_div(self.minimum);
        let allowed = Duration::from_millis(millis.unwrap_or(u64::MAX));
        self.begun.checked_add(allowed).unwrap_or_else(|| {
            Instant::now() + NEVER // a write has a deadline of its own
        })
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt, DuplexStream, duplex, split},
        sync::{mpsc, watch},
    };
    use zonekit_store::{Checks, Zone, ZoneBuilder, ZoneLimits};
    use zonekit_wire::{Class, Compressor, MessageWriter, Name, NameBuf, Record, Rtype, master};

    use super::super::seats::Seats;
    use super::*;
    use crate::{Config, Holding, Zones};

    /// One zone of four megabytes.
    struct Large(Zone);

    impl Large {
        fn new() -> Self {
            let apex = name("example.");
            let mut builder = ZoneBuilder::new(apex.as_name(), ZoneLimits::NONE, Checks::Strict);
            let text = &b"@ 60 IN SOA ns h 7 1 1 1 60\n@ 60 IN NS ns\nns 60 IN A 192.0.2.1\n"[..];
            let mut reader = master::Reader::new(text, apex.as_name());
            builder
                .begin(&reader.next_record().unwrap().unwrap())
                .unwrap();
            while let Some(record) = reader.next_record().unwrap() {
                builder.add(&record).unwrap();
            }
            for host in 0..400 {
                let owner = name(&format!("host{host}.example."));
                let record = Record {
                    owner: owner.as_name(),
                    rtype: Rtype(65_280),
                    class: Class::IN,
                    ttl: 60,
                    rdata: &[0; 10_000],
                };
                builder.add(&record).unwrap();
            }
            Self(builder.finish().unwrap().0)
        }
    }

    impl Zones for Large {
        fn enclosing(&self, _: Name<'_>) -> Option<Holding> {
            Some(Holding::Served(self.0.clone()))
        }

        fn zone(&self, _: Name<'_>) -> Option<Holding> {
            Some(Holding::Served(self.0.clone()))
        }
    }

    fn name(text: &str) -> NameBuf {
        text.parse().unwrap()
    }

    /// A request with its length before it.
    fn request(rtype: Rtype) -> Vec<u8> {
        let (mut octets, mut compressor) = (Vec::new(), Compressor::new());
        let mut writer = MessageWriter::new(&mut octets, 512, &mut compressor);
        let apex = name("example.");
        writer.question(apex.as_name(), rtype, Class::IN).unwrap();
        writer.finish();
        let len = u16::try_from(octets.len()).unwrap();
        [&len.to_be_bytes(), &octets[..]].concat()
    }

    fn connection(
        stream: DuplexStream,
        stopped: watch::Receiver<bool>,
    ) -> Connection<DuplexStream> {
        let config = Config {
            allow_transfer: ["127.0.0.1".parse().unwrap()].into_iter().collect(),
            ..Config::default()
        };
        let shared = Connections::new(
            Responder::new(Arc::new(Large::new()), config),
            Options::default(),
            mpsc::channel(1).0,
            stopped,
        );
        let address = "127.0.0.1:5353".parse().unwrap();
        let (seat, _) = Seats::of(1).take().unwrap();
        Connection::new(stream, address, Transport::Tcp, seat, shared)
    }

    /// Asks for the zone, then other things without end, and takes 20,000 octets a second of the answers, which is twice
    /// what a transfer needs.
    #[tokio::test(start_paused = true)]
    async fn a_transfer_whose_client_lets_it_not_get_on_is_ended() {
        let (near, far) = duplex(4096);
        let (_stop, stopped) = watch::channel(false);
        let (mut from, mut to) = split(far);
        let asking = tokio::spawn(async move {
            to.write_all(&request(Rtype::AXFR)).await?;
            loop {
                to.write_all(&request(Rtype::NS)).await?;
            }
            #[expect(unreachable_code, reason = "says of what type the error is")]
            io::Result::Ok(())
        });
        let taking = tokio::spawn(async move {
            let (mut taken, mut piece) = (0, [0; 200]);
            while let Ok(count @ 1..) = from.read(&mut piece).await {
                taken += count;
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            taken
        });
        let serving = connection(near, stopped).serve();
        let served = timeout(Duration::from_secs(600), serving).await;
        let ended = served.expect("it ends within ten minutes").unwrap_err();
        assert_eq!(ended.kind(), ErrorKind::TimedOut);
        assert!(
            taking.await.unwrap() < 4_000_000,
            "the zone has not been taken"
        );
        assert!(asking.await.unwrap().is_err());
    }
}
