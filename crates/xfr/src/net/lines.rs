//! Connections with primaries that visits share.
//!
//! ```text
//!  visit ─┐ join, ask                     ┌─► visit
//!  visit ─┼──────────► carrier (a task) ──┼─► visit     messages by their ID, each copied once
//!  visit ─┘            one connection     └─► visit     a large one: the connection itself
//! ```
//!
//! Which connection a question goes out on is decided here; what becomes of it there is [`Link`](crate::Link)'s to say.

mod carrier;
mod port;

use std::collections::HashMap;
use std::future::Future;
use std::hash::{Hash, Hasher};
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use foldhash::fast::RandomState;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use zonekit_wire::FrameBuffer;

use self::carrier::Carrier;
pub(super) use self::port::Ticket;
use self::port::{Asker, Port};
use super::{Wire, datagrams, drive, now};
use crate::{Apply, Connection, Limits, Loss, Manners, Primary, Report, Transport, Visit};

/// Connections with one primary, at most.
const LINES: usize = 4;

/// Sockets for datagrams to one primary, at most.
const PORTS: usize = 8;

/// Visits that share a connection before another is made.
const ENOUGH: usize = 8;

/// Visits that share one at most.
const MOST: usize = 32;

/// Octets that wait for one visit; the connection is not read while there are more.
const WINDOW: usize = 256 * 1024;

/// Connections that visits share: zones of one primary are asked for on a few connections, one question after the other
/// without waiting for answers ([RFC 7766 §6.2.1.1]).
///
/// Questions in datagrams go out of a few sockets in the same way, whose ports the system draws and which change with use.
///
/// Whoever may not share a connection gets its own: a transfer that failed and is tried again, questions to primaries that do not put
/// up with several on one connection, those who would wait behind a large transfer. A connection that nobody uses is closed
/// after two seconds, or when the primary says ([RFC 7828]).
///
/// ```
/// # use zonekit_xfr::{Apply, Change};
/// use zonekit_xfr::{Lines, Outcome, Primary, Visit};
///
/// # struct Nothing;
/// # impl Apply for Nothing {
/// #     type Error = std::convert::Infallible;
/// #     fn apply(&mut self, _: Change<'_>) -> Result<(), Self::Error> { Ok(()) }
/// #     fn abandon(&mut self) {}
/// # }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let (mut one, mut other) = (Nothing, Nothing);
/// let lines = Lines::default();
/// let nobody = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?; // closed again by now
/// let visit = |zone: &str| Ok::<_, zonekit_wire::NameError>(Visit::new(zone.parse()?, vec![Primary::new(nobody)]));
/// let (org, net) = tokio::join!(
///     lines.visit(visit("example.org")?, &mut one, std::future::pending()),
///     lines.visit(visit("example.net")?, &mut other, std::future::pending()),
/// );
/// assert_eq!((org.outcome, net.outcome), (Outcome::Failed, Outcome::Failed));
/// # Ok(())
/// # }
/// ```
///
/// [RFC 7766 §6.2.1.1]: https://www.rfc-editor.org/rfc/rfc7766#section-6.2.1.1
/// [RFC 7828]: https://www.rfc-editor.org/rfc/rfc7828
#[derive(Clone, Debug, Default)]
pub struct Lines {
    pool: Arc<Mutex<Pool>>,
}

#[derive(Debug, Default)]
struct Pool {
    lines: HashMap<Peer, Vec<Handle>, RandomState>,
    ports: HashMap<Peer, Vec<Arc<Port>>, RandomState>,
    /// With so many primaries, those whose sockets are all closed are forgotten.
    tidy_at: usize,
    manners: Manners<Peer>,
}

/// What primaries have to have in common to share connections.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Peer {
    address: SocketAddr,
    source: Option<IpAddr>,
    transport: Transport,
}

impl Hash for Peer {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.address, self.source).hash(state); // hardly ever is one spoken with in two ways
    }
}

/// A connection as the pool knows it.
#[derive(Debug)]
struct Handle {
    shared: Arc<Shared>,
    requests: UnboundedSender<Request>,
}

/// What a carrier and those who use it know of each other.
#[derive(Debug)]
struct Shared {
    /// Visits that have it.
    load: AtomicUsize,
    is_connected: AtomicBool,
    /// Whether others may have it too.
    is_open: AtomicBool,
}

/// What a carrier is asked for.
#[derive(Debug)]
enum Request {
    /// To say when the connection stands.
    Join(Reply),
    Ask {
        id: u16,
        octets: Vec<u8>,
        patience: Option<Duration>,
        reply: Reply,
    },
    /// The answer is whole.
    Done(u16),
    /// It is no longer waited for by the one whose octets are counted so: another may wait with the same ID.
    GiveUp(u16, Arc<AtomicUsize>),
    /// There is room again for what could not be taken before.
    Room,
}

/// What a visit is told, and by which of its connections.
#[derive(Debug)]
pub(super) enum Mail {
    Connected(Connection),
    /// A message; whether the beginning of another follows that can only be for the same visit.
    Message {
        connection: Connection,
        octets: Vec<u8>,
        left: bool,
    },
    /// Octets of a message that is not whole yet, and can only be for this visit.
    Octets(Connection),
    Lost(Connection, Loss),
    Displaced(Connection),
    /// A datagram of a primary, in the visit's order.
    Datagram {
        primary: usize,
        octets: Vec<u8>,
    },
    /// Datagrams do not get there.
    Undeliverable {
        primary: usize,
        loss: Loss,
    },
    /// The connection is the visit's own from here.
    Wire(Connection, Box<(Wire, FrameBuffer)>),
}

pub(super) type Inbox = UnboundedReceiver<Mail>;
pub(super) type MailSender = UnboundedSender<Mail>;

/// Where the answers for a visit go.
#[derive(Clone, Debug)]
struct Reply {
    connection: Connection,
    inbox: MailSender,
    /// Octets that wait there.
    waiting: Arc<AtomicUsize>,
}

/// A visit's share in a connection. Dropping it gives up what was asked.
#[derive(Debug)]
pub(super) struct Line {
    shared: Arc<Shared>,
    requests: UnboundedSender<Request>,
    reply: Reply,
    asked: Option<u16>,
}

pub(super) fn inbox() -> (MailSender, Inbox) {
    unbounded_channel()
}

impl Lines {
    /// Makes one visit over connections that others may use too; see [`visit_until_hurried`](crate::visit_until_hurried).
    pub async fn visit<A: Apply + Send>(
        &self,
        visit: Visit,
        sink: &mut A,
        hurry: impl Future<Output = ()> + Send,
    ) -> Report {
        let hurry: Pin<&mut _> = std::pin::pin!(hurry);
        drive::run_visit(visit, sink, hurry, Some(self.clone())).await
    }

    /// A share in a connection with this primary, if it takes several questions on one.
    pub(super) fn join(
        &self,
        primary: &Primary,
        connection: Connection,
        inbox: &MailSender,
        limits: &Limits,
    ) -> Option<Line> {
        let peer = Peer::of(primary);
        let mut pool = self.pool();
        if !pool.manners.may_share(&peer, now()) {
            return None;
        }
        let handles = pool.lines.entry(peer.clone()).or_default();
        handles.retain(Handle::is_open);
        let lightest = handles.iter().min_by_key(|handle| handle.load());
        let line = match lightest {
            Some(handle) if handle.load() < ENOUGH || handles.len() >= LINES => {
                (handle.load() < MOST).then_some(handle)?
            }
            _ => {
                let (requests, asked) = unbounded_channel();
                let shared = Arc::new(Shared {
                    load: AtomicUsize::new(0),
                    is_connected: AtomicBool::new(false),
                    is_open: AtomicBool::new(true),
                });
                let carrier = Carrier::new(self.clone(), peer, Arc::clone(&shared), asked);
                tokio::spawn(carrier.run(primary.clone(), limits.connect_timeout));
                handles.push(Handle { shared, requests });
                handles.last()?
            }
        };
        line.shared.load.fetch_add(1, Ordering::Relaxed);
        let line = Line {
            shared: Arc::clone(&line.shared),
            requests: line.requests.clone(),
            reply: Reply {
                connection,
                inbox: inbox.clone(),
                waiting: Arc::default(),
            },
            asked: None,
        };
        if !line.is_connected() {
            // The carrier cannot have ended: it says so under the lock that is held here.
            let _ = line.requests.send(Request::Join(line.reply.clone()));
        }
        Some(line)
    }

    /// A place for this question at a socket that others use too, if there is one; `index`: the primary's place in the
    /// visit's order.
    pub(super) fn ticket(
        &self,
        primary: &Primary,
        index: usize,
        octets: &[u8],
        inbox: &MailSender,
    ) -> Option<Ticket> {
        let id = octets.first_chunk().copied().map(u16::from_be_bytes)?;
        let mut pool = self.pool();
        if pool.ports.len() >= pool.tidy_at {
            pool.ports
                .retain(|_, ports| ports.iter().any(|port| port.is_open()));
            pool.tidy_at = 2 * pool.ports.len().max(64);
        }
        let ports = pool.ports.entry(Peer::of(primary)).or_default();
        ports.retain(|port| port.is_open());
        let asker = Asker {
            primary: index,
            inbox: inbox.clone(),
        };
        // Which of them it is should not be known from what was asked before.
        let first = usize::from(id) % ports.len().max(1);
        let (before, after) = ports.split_at(first.min(ports.len()));
        let mut all = after.iter().chain(before);
        if let Some(ticket) = all.find_map(|port| port.wait(id, asker.clone())) {
            return Some(ticket);
        }
        if ports.len() >= PORTS {
            return None;
        }
        let port = Port::open(datagrams(primary).ok()?);
        ports.push(Arc::clone(&port));
        port.wait(id, asker)
    }

    fn pool(&self) -> MutexGuard<'_, Pool> {
        // Nothing is done under the lock that leaves it half done.
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A carrier takes no more; `is_ill_mannered`: since its primary does not put up with it.
    fn close(&self, peer: &Peer, shared: &Shared, is_ill_mannered: bool) {
        let mut pool = self.pool();
        shared.is_open.store(false, Ordering::Relaxed);
        if let Some(handles) = pool.lines.get_mut(peer) {
            handles.retain(Handle::is_open);
            if handles.is_empty() {
                pool.lines.remove(peer);
            }
        }
        if is_ill_mannered {
            pool.manners.note(peer.clone(), now());
        }
    }
}

impl Peer {
    fn of(primary: &Primary) -> Self {
        Self {
            address: primary.address,
            source: primary.source,
            transport: primary.transport.clone(),
        }
    }
}

impl Handle {
    fn is_open(&self) -> bool {
        self.shared.is_open.load(Ordering::Relaxed)
    }

    fn load(&self) -> usize {
        self.shared.load.load(Ordering::Relaxed)
    }
}

impl Mail {
    /// Which connection it is about, if it is about one.
    pub(super) fn connection(&self) -> Option<Connection> {
        match self {
            Self::Datagram { .. } | Self::Undeliverable { .. } => None,
            Self::Connected(connection)
            | Self::Message { connection, .. }
            | Self::Octets(connection)
            | Self::Lost(connection, _)
            | Self::Displaced(connection)
            | Self::Wire(connection, _) => Some(*connection),
        }
    }
}

impl Line {
    /// Whether the connection stands; else [`Mail::Connected`] comes when it does.
    pub(super) fn is_connected(&self) -> bool {
        self.shared.is_connected.load(Ordering::Acquire)
    }

    /// Asks. `false` if the connection is gone.
    pub(super) fn ask(&mut self, octets: Vec<u8>, limits: &Limits) -> bool {
        let Some(id) = octets.first_chunk().copied().map(u16::from_be_bytes) else {
            return false;
        };
        self.asked = Some(id);
        // A quarter of the time in which the primary has to answer: then there is time to ask again.
        let patience = Some(limits.idle_timeout / 4).filter(|patience| !patience.is_zero());
        let request = Request::Ask {
            id,
            octets,
            patience,
            reply: self.reply.clone(),
        };
        self.requests.send(request).is_ok()
    }

    /// So many octets that came have been taken.
    pub(super) fn taken(&self, octets: usize) {
        let before = self.reply.waiting.fetch_sub(octets, Ordering::Relaxed);
        if before > WINDOW && before - octets <= WINDOW {
            let _ = self.requests.send(Request::Room);
        }
    }

    /// The answer is whole.
    pub(super) fn done(mut self) {
        if let Some(id) = self.asked.take() {
            let _ = self.requests.send(Request::Done(id));
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.shared.load.fetch_sub(1, Ordering::Relaxed);
        if let Some(id) = self.asked {
            let who = Arc::clone(&self.reply.waiting);
            let _ = self.requests.send(Request::GiveUp(id, who));
        }
    }
}

impl Reply {
    /// Whether so much waits there that no more should come.
    fn is_full(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) > WINDOW
    }

    fn message(&self, octets: Vec<u8>, left: bool) {
        self.waiting.fetch_add(octets.len(), Ordering::Relaxed);
        let connection = self.connection;
        self.send(Mail::Message {
            connection,
            octets,
            left,
        });
    }

    fn displaced(&self) {
        self.send(Mail::Displaced(self.connection));
    }

    /// Who is no longer there need not hear it.
    fn send(&self, mail: Mail) {
        let _ = self.inbox.send(mail);
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn one_who_is_sent_away_since_its_id_is_taken_takes_nothing_from_the_other() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let primary = Primary::new(listener.local_addr().unwrap());
        let (lines, limits) = (Lines::default(), Limits::default());
        let (sender, mut first) = inbox();
        let mut line = lines
            .join(&primary, Connection(1), &sender, &limits)
            .unwrap();
        let (mut stream, _) = listener.accept().await.unwrap();
        assert!(matches!(first.recv().await, Some(Mail::Connected(_))));
        let question = vec![7; 12];
        assert!(line.ask(question.clone(), &limits));

        let (sender, mut second) = inbox();
        let mut other = lines
            .join(&primary, Connection(2), &sender, &limits)
            .unwrap();
        assert!(other.ask(question.clone(), &limits));
        assert!(matches!(second.recv().await, Some(Mail::Displaced(_))));
        drop(other);

        let mut asked = [0; 14];
        stream.read_exact(&mut asked).await.unwrap();
        stream.write_all(&asked).await.unwrap();
        // Longer than anybody's patience: a wait in vain is a failure, and no test that hangs.
        let answer = tokio::time::timeout(Duration::from_secs(30), first.recv()).await;
        let Ok(Some(Mail::Message { octets, .. })) = answer else {
            panic!("no answer: {answer:?}");
        };
        assert_eq!(octets, question);
    }
}
