//! One connection that visits share: asks what they ask, brings each what is for it.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{Sleep, sleep_until, timeout};
use zonekit_wire::{EdnsOption, FrameBuffer, Message, frame_length};

use super::{Lines, Mail, Peer, Reply, Request, Shared};
use crate::link::{Arrival, Link};
use crate::net::{ROOM, Wire, arrived, now};
use crate::{Loss, Primary};

/// Octets read in a row before others on this thread get their turn.
const TURN: usize = 512 * 1024;

/// How often the one who waits is told that part of a message has come.
const PROGRESS: Duration = Duration::from_millis(200);

pub(super) struct Carrier {
    lines: Lines,
    peer: Peer,
    shared: Arc<Shared>,
    requests: UnboundedReceiver<Request>,
    link: Link<Reply>,
    /// Questions in their frames that are not yet written, and how far they are.
    out: Vec<u8>,
    written: usize,
    needs_flush: bool,
    /// Whether the primary has had its chance to speak of keepalive.
    is_greeted: bool,
    /// When somebody was last told that part of a message has come.
    told: Instant,
}

enum Happening {
    Request(Option<Request>),
    Read(io::Result<usize>),
    Broken(io::Error),
    Time,
}

/// Why a connection is shared no longer.
enum End {
    /// Nobody uses it.
    Over,
    Lost(Loss),
    /// A message is for nobody.
    Confused,
    /// A large answer is all that it carries.
    Given,
}

impl Carrier {
    pub(super) fn new(
        lines: Lines,
        peer: Peer,
        shared: Arc<Shared>,
        requests: UnboundedReceiver<Request>,
    ) -> Self {
        Self {
            lines,
            peer,
            shared,
            requests,
            link: Link::new(now()),
            out: Vec::new(),
            written: 0,
            needs_flush: false,
            is_greeted: false,
            told: now(),
        }
    }

    pub(super) async fn run(mut self, primary: Primary, patience: Duration) {
        let connecting = Wire::connect(&primary, patience);
        let connected = match patience.is_zero() {
            true => connecting.await,
            false => { timeout(patience, connecting).await }
                .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())),
        };
        match connected {
            Err(error) => self.not_connected(Loss::from(&error)),
            Ok(mut wire) => {
                self.shared.is_connected.store(true, Ordering::Release);
                self.link = Link::new(now());
                let mut frames = FrameBuffer::with_room(ROOM);
                let end = self.carry(&mut wire, &mut frames).await;
                self.end(&end, wire, frames);
            }
        }
    }

    /// Goes on until the connection is shared no longer.
    async fn carry(&mut self, wire: &mut Wire, frames: &mut FrameBuffer) -> End {
        let mut timer: Option<Pin<Box<Sleep>>> = None;
        let mut taken = 0;
        loop {
            let deadline = { self.link.poll_timeout() }.map(tokio::time::Instant::from_std);
            match (&mut timer, deadline) {
                (Some(timer), Some(deadline)) if timer.deadline() == deadline => {}
                (Some(timer), Some(deadline)) => timer.as_mut().reset(deadline),
                (timer, deadline) => *timer = deadline.map(|at| Box::pin(sleep_until(at))),
            }
            match poll_fn(|context| self.poll(wire, frames, &mut timer, context)).await {
                Happening::Request(Some(request)) => {
                    self.request(request);
                    while let Ok(request) = self.requests.try_recv() {
                        self.request(request);
                    }
                }
                Happening::Request(None) => return End::Over,
                Happening::Read(result) => match arrived(result, frames.has_partial()) {
                    Ok(octets) => {
                        frames.advance(octets);
                        if let Err(end) = self.deliver(frames) {
                            return end;
                        }
                        self.tell_of_progress(frames.has_partial());
                        taken += octets;
                    }
                    Err(loss) => return End::Lost(loss),
                },
                Happening::Broken(error) => return End::Lost(Loss::from(&error)),
                Happening::Time => {}
            }
            self.displace();
            if self.link.is_over(now()) {
                return End::Over;
            }
            if self.link.is_given() && self.out.is_empty() && !self.needs_flush {
                return End::Given;
            }
            if taken >= TURN {
                taken = 0;
                tokio::task::yield_now().await;
            }
        }
    }

    fn poll(
        &mut self,
        wire: &mut Wire,
        frames: &mut FrameBuffer,
        timer: &mut Option<Pin<Box<Sleep>>>,
        context: &mut Context<'_>,
    ) -> Poll<Happening> {
        if let Poll::Ready(request) = self.requests.poll_recv(context) {
            return Poll::Ready(Happening::Request(request));
        }
        if let Poll::Ready(Err(error)) = self.poll_write(wire, context) {
            return Poll::Ready(Happening::Broken(error));
        }
        // One who is slow holds up the others, for no longer than their patience lasts.
        if !self.link.exchanges().any(Reply::is_full) {
            let mut buffer = ReadBuf::new(frames.space());
            if let Poll::Ready(result) = Pin::new(wire).poll_read(context, &mut buffer) {
                let result = result.map(|()| buffer.filled().len());
                return Poll::Ready(Happening::Read(result));
            }
        }
        match timer {
            Some(timer) => timer.as_mut().poll(context).map(|()| Happening::Time),
            None => Poll::Pending,
        }
    }

    fn poll_write(&mut self, wire: &mut Wire, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(octets) = { self.out.get(self.written..) }.filter(|left| !left.is_empty()) {
            match ready!(Pin::new(&mut *wire).poll_write(context, octets))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                count => self.written += count,
            }
        }
        self.out.clear();
        self.written = 0;
        if self.needs_flush {
            ready!(Pin::new(wire).poll_flush(context))?;
            self.needs_flush = false;
        }
        Poll::Ready(Ok(()))
    }

    fn request(&mut self, request: Request) {
        match request {
            Request::Join(reply) => reply.send(Mail::Connected(reply.connection)),
            Request::Ask {
                id,
                octets,
                patience,
                reply,
            } => {
                let patience = patience.and_then(|wait| now().checked_add(wait));
                let Some(length) = frame_length(&octets) else {
                    return reply.displaced(); // no question is so long
                };
                if let Err(reply) = self.link.ask(id, reply, patience) {
                    return reply.displaced();
                }
                self.out.extend(length);
                self.out.extend(octets);
                self.needs_flush = true;
            }
            Request::Done(id) => drop(self.link.done(id, now())),
            Request::GiveUp(id, who) => self.give_up(id, &who),
            Request::Room => {}
        }
    }

    /// Whoever was sent away because its ID was taken has nothing here to give up.
    fn give_up(&mut self, id: u16, who: &Arc<AtomicUsize>) {
        let asker = self.link.asker(id);
        if asker.is_some_and(|reply| Arc::ptr_eq(&reply.waiting, who)) {
            drop(self.link.give_up(id));
        }
    }

    /// Brings everybody the whole messages that lie in the buffer.
    fn deliver(&mut self, frames: &mut FrameBuffer) -> Result<(), End> {
        let time = now();
        // Not sent before it is known whether something follows it.
        let mut last: Option<(Reply, Vec<u8>)> = None;
        let end = loop {
            let message = match frames.next_frame() {
                Ok(Some(message)) => message,
                Ok(None) => break Ok(()),
                Err(_) => break Err(End::Lost(Loss::ZeroLengthFrame)),
            };
            if !std::mem::replace(&mut self.is_greeted, true)
                && let Some(tenths) = keep_alive(message)
            {
                self.link.keep_alive(tenths);
            }
            // Where it can concern nobody else, who gets it will say what is wrong with it.
            let only = { self.link.only() }.filter(|_| !self.link.is_shared());
            let only = only.cloned();
            let reply = match self.link.arrived(message, time) {
                Arrival::For(reply) => reply.clone(),
                Arrival::GivenUp => continue,
                Arrival::Stray => match only {
                    Some(only) => only,
                    None => break Err(End::Confused),
                },
            };
            if let Some((reply, octets)) = last.replace((reply, message.to_vec())) {
                reply.message(octets, false);
            }
        };
        if let Some((reply, octets)) = last {
            let left = frames.has_partial() && self.link.only().is_some();
            reply.message(octets, left);
        }
        end
    }

    /// One who waits for a message that comes slowly does not wait in silence.
    fn tell_of_progress(&mut self, has_partial: bool) {
        let time = now();
        if has_partial
            && time.saturating_duration_since(self.told) >= PROGRESS
            && let Some(only) = self.link.only()
        {
            only.send(Mail::Octets(only.connection));
            self.told = time;
        }
    }

    /// Sends away those who can wait here no longer.
    fn displace(&mut self) {
        let impatient = self.link.impatient(now());
        let crowded_out = self.link.crowded_out();
        let is_ill_mannered = !impatient.is_empty();
        if is_ill_mannered || self.link.is_closing() && self.shared.is_open.load(Ordering::Relaxed)
        {
            self.lines.close(&self.peer, &self.shared, is_ill_mannered);
        }
        for reply in impatient.iter().chain(&crowded_out) {
            reply.displaced();
        }
    }

    fn not_connected(mut self, loss: Loss) {
        self.lines.close(&self.peer, &self.shared, false);
        self.requests.close();
        while let Ok(request) = self.requests.try_recv() {
            if let Request::Join(reply) = request {
                reply.send(Mail::Lost(reply.connection, loss));
            }
        }
    }

    /// Lets everybody know what has become of it.
    fn end(mut self, end: &End, wire: Wire, frames: FrameBuffer) {
        let is_ill_mannered = match end {
            End::Lost(_) => self.link.is_lost_to_sharing(now()),
            End::Confused => true,
            End::Over | End::Given => false,
        };
        self.lines.close(&self.peer, &self.shared, is_ill_mannered);
        self.requests.close();
        while let Ok(request) = self.requests.try_recv() {
            match request {
                Request::Join(reply) | Request::Ask { reply, .. } => reply.displaced(),
                Request::Done(id) => drop(self.link.done(id, now())),
                Request::GiveUp(id, who) => self.give_up(id, &who),
                Request::Room => {}
            }
        }
        let is_shared = self.link.is_shared();
        let mut left = self.link.lost();
        match end {
            End::Given => {
                if let Some(reply) = left.next() {
                    reply.send(Mail::Wire(reply.connection, Box::new((wire, frames))));
                }
            }
            End::Lost(loss) if !is_shared => {
                left.for_each(|reply| reply.send(Mail::Lost(reply.connection, *loss)));
            }
            _ => left.for_each(|reply| reply.displaced()),
        }
    }
}

/// How long the connection may be idle, if the message says so, in tenths of a second (RFC 7828 §3.1).
fn keep_alive(message: &[u8]) -> Option<u16> {
    let opt = Message::new(message).ok()?.opt().ok().flatten()?;
    let tenths = opt.option(EdnsOption::KEEPALIVE)?;
    Some(u16::from_be_bytes(tenths.try_into().ok()?))
}
