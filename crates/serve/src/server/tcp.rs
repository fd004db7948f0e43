//! Connections: a task for each, which reads requests as they come and writes answers in their order.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::{Semaphore, mpsc, watch},
    task::JoinSet,
    time::{Instant, timeout, timeout_at},
};
use zonekit_wire::FrameBuffer;

use super::{Options, asked_to_stop, now, shares::Shares};
use crate::{Action, Notification, OutgoingTransfer, Peer, Responder, Transport, Worker};

/// Answers wait for each other until they are this many octets, so that pipelined requests cost few writes.
const BATCH: usize = 32 * 1024;
/// How long requests in hand may go on after the server was asked to end.
const GRACE: Duration = Duration::from_secs(1);

/// What all connections share.
pub(super) struct Connections {
    responder: Responder,
    options: Options,
    notifications: mpsc::Sender<Notification>,
    slots: Arc<Semaphore>,
    shares: Arc<Shares>,
    transfers: Arc<Semaphore>,
    stopped: watch::Receiver<bool>,
}

/// The tasks that accept; dropped, they end, and their connections with them.
pub(super) struct Accepting(JoinSet<()>);

impl Connections {
    pub(super) fn new(
        responder: Responder,
        options: Options,
        notifications: mpsc::Sender<Notification>,
        stopped: watch::Receiver<bool>,
    ) -> Arc<Self> {
        let slots = |most: usize| Arc::new(Semaphore::new(most.min(Semaphore::MAX_PERMITS)));
        Arc::new(Self {
            slots: slots(options.max_connections),
            shares: Shares::of(options.max_connections_per_client),
            transfers: slots(options.max_transfers),
            responder,
            options,
            notifications,
            stopped,
        })
    }

    pub(super) fn accept(self: Arc<Self>, listeners: Vec<Listener>) -> io::Result<Accepting> {
        let mut tasks = JoinSet::new();
        for listener in listeners {
            listener.tcp.set_nonblocking(true)?;
            let tcp = TcpListener::from_std(listener.tcp)?;
            tasks.spawn(Arc::clone(&self).listen(tcp, listener.cover));
        }
        Ok(Accepting(tasks))
    }

    async fn listen(self: Arc<Self>, listener: TcpListener, cover: Cover) {
        let mut connections = JoinSet::new();
        let mut stopped = self.stopped.clone();
        loop {
            tokio::select! {
                () = asked_to_stop(&mut stopped) => break,
                accepted = listener.accept() => match accepted {
                    Ok((stream, address)) => self.admit(stream, address, &cover, &mut connections),
                    Err(error) => {
                        tracing::warn!(%error, "accepting a connection");
                        tokio::time::sleep(Duration::from_millis(50)).await; // out of descriptors: let some come free
                    }
                },
                Some(_) = connections.join_next(), if !connections.is_empty() => {}
            }
        }
        drop(listener);
        _ = timeout(GRACE, async {
            while connections.join_next().await.is_some() {}
        })
        .await;
    }

    fn admit(
        self: &Arc<Self>,
        stream: TcpStream,
        address: SocketAddr,
        cover: &Cover,
        connections: &mut JoinSet<()>,
    ) {
        let counters = self.responder.counters();
        let slot = Arc::clone(&self.slots).try_acquire_owned();
        let (Ok(slot), Some(share)) = (slot, self.shares.take(address.ip())) else {
            counters.connections_refused.count();
            return;
        };
        counters.connections.count();
        _ = stream.set_nodelay(true);
        let shared = Arc::clone(self);
        let cover = cover.clone();
        connections.spawn(async move {
            let served = match cover {
                Cover::None => {
                    Connection::new(stream, address, Transport::Tcp, shared)
                        .serve()
                        .await
                }
                #[cfg(feature = "tls")]
                Cover::Tls(tls) => shared.serve_encrypted(stream, address, &tls).await,
            };
            drop((slot, share));
            if let Err(error) = served {
                tracing::debug!(%error, %address, "connection");
            }
        });
    }
}

#[cfg(feature = "tls")]
impl Connections {
    /// Waits until TLS stands, as for a request, then goes on as without.
    async fn serve_encrypted(
        self: Arc<Self>,
        stream: TcpStream,
        address: SocketAddr,
        tls: &super::Tls,
    ) -> io::Result<()> {
        let mut stopped = self.stopped.clone();
        let standing = timeout(self.options.idle_timeout, tls.acceptor().accept(stream));
        let stream = tokio::select! {
            () = asked_to_stop(&mut stopped) => return Ok(()),
            stream = standing => stream??,
        };
        Connection::new(stream, address, Transport::Tls, self)
            .serve()
            .await
    }
}

/// A socket on which connections come in.
pub(super) struct Listener {
    tcp: std::net::TcpListener,
    cover: Cover,
}

/// What a connection is to be wrapped in before anything is said.
#[derive(Clone)]
enum Cover {
    None,
    #[cfg(feature = "tls")]
    Tls(super::Tls),
}

impl Listener {
    pub(super) fn plain(tcp: std::net::TcpListener) -> Self {
        let cover = Cover::None;
        Self { tcp, cover }
    }

    #[cfg(feature = "tls")]
    pub(super) fn encrypted(tcp: std::net::TcpListener, tls: super::Tls) -> Self {
        let cover = Cover::Tls(tls);
        Self { tcp, cover }
    }
}

impl Accepting {
    /// Waits until every connection has ended, which the signal to stop has asked them to.
    pub(super) async fn finish(mut self) {
        while self.0.join_next().await.is_some() {}
    }
}

/// One connection, whatever carries its octets.
struct Connection<S> {
    stream: S,
    peer: Peer,
    worker: Worker,
    /// One message.
    answer: Vec<u8>,
    /// Messages with their lengths before them, to be written.
    batch: Vec<u8>,
    shared: Arc<Connections>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    fn new(stream: S, address: SocketAddr, transport: Transport, shared: Arc<Connections>) -> Self {
        Self {
            stream,
            peer: Peer { address, transport },
            worker: (shared.responder.worker()).keeping_alive(shared.options.idle_timeout),
            answer: Vec::new(),
            batch: Vec::new(),
            shared,
        }
    }

    async fn serve(mut self) -> io::Result<()> {
        let answered = self.answer_requests().await;
        if self.peer.transport == Transport::Tls {
            // Says that no octet is missing behind the last one; whoever does not take it is gone.
            _ = timeout(GRACE, self.stream.shutdown()).await;
        }
        answered
    }

    async fn answer_requests(&mut self) -> io::Result<()> {
        let mut frames = FrameBuffer::new();
        let mut stopped = self.shared.stopped.clone();
        let mut deadline = Instant::now() + self.shared.options.idle_timeout;
        loop {
            loop {
                let request = match frames.next_frame() {
                    Ok(Some(request)) => request,
                    Ok(None) => break,
                    Err(error) => {
                        self.flush().await?;
                        return Err(io::Error::other(error));
                    }
                };
                match self
                    .worker
                    .respond(request, self.peer, now(), &mut self.answer)
                {
                    // Whoever sends this has lost the thread; what was asked before is answered.
                    Action::Drop => return self.flush().await,
                    Action::Reply => self.enqueue().await?,
                    Action::Notify(notification) => {
                        if self.shared.notifications.send(notification).await.is_ok() {
                            self.enqueue().await?;
                        }
                    }
                    Action::Transfer(transfer) => self.send_transfer(transfer).await?,
                }
                deadline = Instant::now() + self.shared.options.idle_timeout;
            }
            self.flush().await?;
            let read = timeout_at(deadline, self.stream.read(frames.space()));
            let read = tokio::select! {
                () = asked_to_stop(&mut stopped) => return Ok(()),
                read = read => read,
            };
            match read {
                Ok(Ok(0)) | Err(_) => return Ok(()),
                Ok(Ok(count)) => frames.advance(count),
                Ok(Err(error)) => return Err(error),
            }
        }
    }

    async fn send_transfer(&mut self, mut transfer: Box<OutgoingTransfer>) -> io::Result<()> {
        let Ok(_slot) = Arc::clone(&self.shared.transfers).try_acquire_owned() else {
            transfer.put_off(now(), &mut self.answer);
            return self.enqueue().await;
        };
        if !transfer.is_prepared() {
            let preparing = tokio::task::spawn_blocking(move || {
                transfer.prepare();
                transfer
            });
            transfer = preparing.await.map_err(io::Error::other)?;
        }
        let mut pace = Pace::begin(&self.shared.options);
        loop {
            match transfer.next_message(now(), &mut self.answer) {
                Ok(true) => self.push()?,
                Ok(false) => return Ok(()),
                Err(error) => {
                    self.flush().await?;
                    return Err(io::Error::other(error));
                }
            }
            if self.batch.len() >= BATCH {
                let deadline = pace.deadline_for(self.batch.len());
                timeout_at(deadline, self.flush()).await??;
            }
        }
    }

    /// Puts the answer behind those that wait, and writes them when they are many.
    async fn enqueue(&mut self) -> io::Result<()> {
        self.push()?;
        if self.batch.len() >= BATCH {
            self.flush().await
        } else {
            Ok(())
        }
    }

    fn push(&mut self) -> io::Result<()> {
        let len = u16::try_from(self.answer.len()).map_err(io::Error::other)?;
        self.batch.extend_from_slice(&len.to_be_bytes());
        self.batch.extend_from_slice(&self.answer);
        Ok(())
    }

    async fn flush(&mut self) -> io::Result<()> {
        if !self.batch.is_empty() {
            let writing = async {
                self.stream.write_all(&self.batch).await?;
                self.stream.flush().await
            };
            timeout(self.shared.options.write_timeout, writing).await??;
            self.batch.clear();
        }
        Ok(())
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
        let millis = self.octets.saturating_mul(1000).checked_div(self.minimum);
        let allowed = Duration::from_millis(millis.unwrap_or(u64::MAX));
        self.begun.checked_add(allowed).unwrap_or_else(|| {
            Instant::now() + Duration::from_secs(86_400) // as good as never: a write has a timeout of its own
        })
    }
}
