//! The sockets of one visit: its own, and its shares in those that others use too.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWriteExt, ReadBuf};
use tokio::net::UdpSocket;
use tokio::time::{Sleep, sleep_until};
use zonekit_wire::FrameBuffer;

use super::batch::Batch;
use super::lines::{self, Inbox, Line, Lines, Mail, MailSender, Ticket};
use super::{DATAGRAM, ROOM, Wire, arrived, datagrams, framed, now};
use crate::{Apply, Connection, Event, Exchange, Limits, Loss, Primary, Transmit, Visit};

/// The sockets of one visit, and its shares in those of others.
pub(super) struct Sockets {
    primaries: Vec<Primary>,
    limits: Limits,
    datagrams: Vec<Option<Datagrams>>,
    pub(super) streams: Vec<Stream>,
    pub(super) datagram: Vec<u8>,
    timer: Option<Pin<Box<Sleep>>>,
    lines: Option<Lines>,
    /// What shared connections bring; made when there is one.
    mail: Option<(MailSender, Inbox)>,
    /// Taken out of it, and not yet looked at.
    opened: VecDeque<Mail>,
}

/// How datagrams go to one primary.
enum Datagrams {
    Own(UdpSocket),
    Shared(Ticket),
}

pub(super) struct Stream {
    connection: Connection,
    state: State,
    frames: FrameBuffer,
    batch: Batch,
}

enum State {
    Connecting(Pin<Box<dyn Future<Output = io::Result<Wire>> + Send>>),
    Connected(Wire),
    /// It is shared with others.
    Shared(Line),
    Lost,
}

/// Why a question was not sent.
enum Unsent {
    Failed(io::Error),
    /// The shared connection that was to carry it is no longer there.
    Gone,
}

impl From<io::Error> for Unsent {
    fn from(error: io::Error) -> Self {
        Self::Failed(error)
    }
}

pub(super) enum Happening {
    Time,
    Hurry,
    Datagram { primary: usize, length: usize },
    Octets { stream: usize, octets: usize },
    Mail(Mail),
    Event(Event<'static>),
}

impl Sockets {
    pub(super) fn new(visit: &Visit, lines: Option<Lines>) -> Self {
        Self {
            datagrams: visit.primaries.iter().map(|_| None).collect(),
            primaries: visit.primaries.clone(),
            limits: visit.limits.clone(),
            streams: Vec::new(),
            datagram: Vec::new(),
            timer: None,
            lines,
            mail: None,
            opened: VecDeque::new(),
        }
    }

    /// Does what the exchange asks for; what comes of it at once is an event.
    pub(super) async fn transmit(&mut self, transmit: Transmit) -> Option<Event<'static>> {
        match transmit {
            Transmit::Datagram { primary, octets } => {
                let error = self.send(primary, &octets).await.err()?;
                let loss = Loss::from(&error);
                Some(Event::Undeliverable { primary, loss })
            }
            Transmit::Connect {
                connection,
                primary,
                alone,
            } => self.connect(connection, primary, alone),
            Transmit::Message { connection, octets } => {
                let error = self.write(connection, octets).await.err()?;
                Some(match error {
                    Unsent::Failed(error) => lost(connection, Loss::from(&error)),
                    Unsent::Gone => Event::Displaced(connection),
                })
            }
            Transmit::Done(connection) => {
                if let Some(State::Shared(line)) = self.remove(connection) {
                    line.done();
                }
                None
            }
            Transmit::Close(connection) => {
                self.remove(connection);
                None
            }
        }
    }

    fn connect(
        &mut self,
        connection: Connection,
        primary: usize,
        alone: bool,
    ) -> Option<Event<'static>> {
        if let Some(socket) = self.datagrams.get_mut(primary) {
            *socket = None;
        }
        let primary = self.primaries.get(primary)?;
        let line = { self.lines.as_ref() }
            .filter(|_| !alone)
            .and_then(|lines| {
                let (mail, _) = self.mail.get_or_insert_with(lines::inbox);
                lines.join(primary, connection, mail, &self.limits)
            });
        let (state, event) = match line {
            Some(line) => {
                let stands = line.is_connected();
                let event = stands.then_some(Event::Connected(connection));
                (State::Shared(line), event)
            }
            None => {
                let (primary, within) = (primary.clone(), self.limits.connect_timeout);
                let connecting = async move { Wire::connect(&primary, within).await };
                (State::Connecting(Box::pin(connecting)), None)
            }
        };
        self.streams.push(Stream {
            connection,
            state,
            frames: FrameBuffer::with_room(ROOM),
            batch: Batch::default(),
        });
        event
    }

    fn remove(&mut self, connection: Connection) -> Option<State> {
        let mut streams = self.streams.iter();
        let at = streams.position(|stream| stream.connection == connection)?;
        Some(self.streams.swap_remove(at).state)
    }

    /// Tells the exchange what a shared connection has brought. Returns how many octets there were.
    pub(super) fn open<A: Apply>(
        &mut self,
        mail: Mail,
        exchange: &mut Exchange,
        sink: &mut A,
    ) -> usize {
        let Some(connection) = mail.connection() else {
            self.open_datagram(&mail, exchange, sink);
            return 0;
        };
        let mut streams = self.streams.iter_mut();
        let Some(stream) = streams.find(|stream| stream.connection == connection) else {
            return 0; // it is no longer waited for
        };
        let event = match mail {
            Mail::Datagram { .. } | Mail::Undeliverable { .. } => return 0,
            Mail::Connected(_) => Event::Connected(connection),
            Mail::Lost(_, loss) => lost(connection, loss),
            Mail::Displaced(_) => Event::Displaced(connection),
            Mail::Wire(_, own) => {
                let (wire, frames) = *own;
                stream.frames = frames;
                stream.state = State::Connected(wire);
                return 0;
            }
            Mail::Message { octets, left, .. } => {
                return self.messages(connection, octets, left, exchange, sink);
            }
            // They are counted with their message.
            Mail::Octets(_) => Event::Received {
                connection,
                octets: 0,
                left: true,
            },
        };
        exchange.handle_event(event, now(), sink);
        0
    }

    fn open_datagram<A: Apply>(&mut self, mail: &Mail, exchange: &mut Exchange, sink: &mut A) {
        let event = match mail {
            Mail::Datagram { primary, octets } => Event::Datagram {
                primary: *primary,
                octets,
            },
            Mail::Undeliverable { primary, loss } => {
                // The socket is closed: should more be asked, it is at another.
                if let Some(slot) = self.datagrams.get_mut(*primary) {
                    *slot = None;
                }
                Event::Undeliverable {
                    primary: *primary,
                    loss: *loss,
                }
            }
            _ => return,
        };
        exchange.handle_event(event, now(), sink);
    }

    /// Tells of a message on a shared connection, and of those that lie behind it if it completes the transfer: then they
    /// spoil it.
    fn messages<A: Apply>(
        &mut self,
        connection: Connection,
        mut octets: Vec<u8>,
        mut left: bool,
        exchange: &mut Exchange,
        sink: &mut A,
    ) -> usize {
        let mut sum = 0;
        loop {
            sum += octets.len();
            let event = Event::Message {
                connection,
                octets: &octets,
            };
            exchange.handle_event(event, now(), sink);
            let stream = { self.streams.iter() }.find(|stream| stream.connection == connection);
            if let Some(State::Shared(line)) = stream.map(|stream| &stream.state) {
                line.taken(octets.len());
            }
            if !exchange.is_complete(connection) {
                break;
            }
            let inbox = self.mail.iter_mut().map(|(_, inbox)| inbox);
            for inbox in inbox {
                while let Ok(mail) = inbox.try_recv() {
                    self.opened.push_back(mail);
                }
            }
            let behind = { self.opened.iter() }
                .position(|mail| matches!(mail, Mail::Message { connection: other, .. } if *other == connection));
            let Some(Mail::Message {
                octets: more,
                left: again,
                ..
            }) = behind.and_then(|at| self.opened.remove(at))
            else {
                break;
            };
            (octets, left) = (more, again);
        }
        let event = Event::Received {
            connection,
            octets: sum,
            left,
        };
        exchange.handle_event(event, now(), sink);
        sum
    }

    async fn send(&mut self, primary: usize, octets: &[u8]) -> io::Result<()> {
        let (Some(to), Some(slot)) = (self.primaries.get(primary), self.datagrams.get_mut(primary))
        else {
            return Ok(());
        };
        if matches!(slot, Some(Datagrams::Shared(ticket)) if !ticket.is_for(octets)) {
            *slot = None;
        }
        let way = match slot {
            Some(way) => way,
            None => {
                let ticket = self.lines.as_ref().and_then(|lines| {
                    let (mail, _) = self.mail.get_or_insert_with(lines::inbox);
                    lines.ticket(to, primary, octets, mail)
                });
                slot.insert(match ticket {
                    Some(ticket) => Datagrams::Shared(ticket),
                    None => Datagrams::Own(datagrams(to)?),
                })
            }
        };
        match way {
            Datagrams::Own(socket) => drop(socket.send(octets).await?),
            Datagrams::Shared(ticket) => ticket.send(octets).await,
        }
        Ok(())
    }

    /// A question is the first that goes out on a connection of our own, and short: it fits the socket's buffer.
    async fn write(&mut self, connection: Connection, octets: Vec<u8>) -> Result<(), Unsent> {
        let mut streams = self.streams.iter_mut();
        let stream = streams.find(|stream| stream.connection == connection);
        match stream.map(|stream| &mut stream.state) {
            Some(State::Connected(wire)) => {
                wire.write_all(&framed(&octets)?).await?;
                Ok(wire.flush().await?)
            }
            Some(State::Shared(line)) => match line.ask(octets, &self.limits) {
                true => Ok(()),
                false => Err(Unsent::Gone),
            },
            _ => Ok(()),
        }
    }

    /// Waits for whatever comes first.
    pub(super) async fn happening(
        &mut self,
        timeout: Option<std::time::Instant>,
        hurry: &mut Option<Pin<&mut impl Future<Output = ()>>>,
    ) -> Happening {
        self.set_timer(timeout);
        poll_fn(|context| {
            if let Some(future) = hurry
                && future.as_mut().poll(context).is_ready()
            {
                *hurry = None;
                return Poll::Ready(Happening::Hurry);
            }
            self.poll_happening(context)
        })
        .await
    }

    fn set_timer(&mut self, timeout: Option<std::time::Instant>) {
        let Some(deadline) = timeout.map(tokio::time::Instant::from_std) else {
            self.timer = None;
            return;
        };
        match &mut self.timer {
            Some(timer) if timer.deadline() == deadline => {}
            Some(timer) => timer.as_mut().reset(deadline),
            None => self.timer = Some(Box::pin(sleep_until(deadline))),
        }
    }

    fn poll_happening(&mut self, context: &mut Context<'_>) -> Poll<Happening> {
        if let Some(mail) = self.opened.pop_front() {
            return Poll::Ready(Happening::Mail(mail));
        }
        if let Some((_, inbox)) = &mut self.mail
            && let Poll::Ready(Some(mail)) = inbox.poll_recv(context)
        {
            return Poll::Ready(Happening::Mail(mail));
        }
        for (index, stream) in self.streams.iter_mut().enumerate() {
            if let Poll::Ready(happening) = stream.poll(index, context) {
                return Poll::Ready(happening);
            }
        }
        for (primary, slot) in self.datagrams.iter_mut().enumerate() {
            let Some(Datagrams::Own(socket)) = slot else {
                continue;
            };
            self.datagram.resize(DATAGRAM, 0);
            let mut buffer = ReadBuf::new(&mut self.datagram);
            match socket.poll_recv(context, &mut buffer) {
                Poll::Pending => {}
                Poll::Ready(Ok(())) => {
                    let length = buffer.filled().len();
                    return Poll::Ready(Happening::Datagram { primary, length });
                }
                Poll::Ready(Err(error)) => {
                    *slot = None;
                    let loss = Loss::from(&error);
                    return Poll::Ready(Happening::Event(Event::Undeliverable { primary, loss }));
                }
            }
        }
        match &mut self.timer {
            Some(timer) => timer.as_mut().poll(context).map(|()| Happening::Time),
            None => Poll::Pending,
        }
    }
}

impl Stream {
    fn poll(&mut self, index: usize, context: &mut Context<'_>) -> Poll<Happening> {
        let connection = self.connection;
        let (state, event) = match &mut self.state {
            State::Connecting(connecting) => match ready!(connecting.as_mut().poll(context)) {
                Ok(wire) => (State::Connected(wire), Event::Connected(connection)),
                Err(error) => (State::Lost, lost(connection, Loss::from(&error))),
            },
            State::Connected(wire) => {
                let inside_message = self.frames.has_partial();
                let mut buffer = ReadBuf::new(self.frames.space());
                let Poll::Ready(result) = Pin::new(&mut *wire).poll_read(context, &mut buffer)
                else {
                    if let Some(tcp) = wire.as_tcp() {
                        self.batch.poll_patience(tcp, context);
                    }
                    return Poll::Pending;
                };
                let result = result.map(|()| buffer.filled().len());
                match arrived(result, inside_message) {
                    Ok(octets) => {
                        if let Some(tcp) = wire.as_tcp() {
                            self.batch.arrived(tcp, octets);
                        }
                        return Poll::Ready(Happening::Octets {
                            stream: index,
                            octets,
                        });
                    }
                    Err(loss) => (State::Lost, lost(connection, loss)),
                }
            }
            State::Shared(_) | State::Lost => return Poll::Pending,
        };
        self.state = state;
        Poll::Ready(Happening::Event(event))
    }

    /// Tells the exchange of octets that lie in the buffer, message by message. Returns how many there were in the end.
    pub(super) fn take<A: Apply>(
        &mut self,
        mut octets: usize,
        exchange: &mut Exchange,
        sink: &mut A,
    ) -> usize {
        let connection = self.connection;
        self.frames.advance(octets);
        let mut is_whole = self.messages(exchange, sink);
        // Whatever lies behind the closing SOA spoils the transfer: look before it is committed. Once is enough, since
        // anything at all that is there does.
        if is_whole
            && exchange.is_complete(connection)
            && let State::Connected(wire) = &mut self.state
        {
            let more = wire.read_now(self.frames.space());
            self.frames.advance(more);
            octets += more;
            is_whole = self.messages(exchange, sink);
        }
        if is_whole {
            let left = self.frames.has_partial();
            let event = Event::Received {
                connection,
                octets,
                left,
            };
            exchange.handle_event(event, now(), sink);
        }
        octets
    }

    /// Tells of the whole messages in the buffer; `false` if something else lies there, by which the connection is lost.
    fn messages<A: Apply>(&mut self, exchange: &mut Exchange, sink: &mut A) -> bool {
        let connection = self.connection;
        let time = now();
        loop {
            match self.frames.next_frame() {
                Ok(Some(message)) => {
                    let event = Event::Message {
                        connection,
                        octets: message,
                    };
                    exchange.handle_event(event, time, sink);
                }
                Ok(None) => return true,
                Err(_) => {
                    self.state = State::Lost;
                    exchange.handle_event(lost(connection, Loss::ZeroLengthFrame), now(), sink);
                    return false;
                }
            }
        }
    }
}

fn lost(connection: Connection, loss: Loss) -> Event<'static> {
    Event::Lost { connection, loss }
}
