//! Connections: accepted within limits, a task for each.

use std::{
    io::{self, ErrorKind},
    net::SocketAddr,
    sync::Arc,
    time::Duration,
};

use tokio::{
    net::{TcpListener, TcpStream},
    sync::{mpsc, watch},
    task::JoinSet,
    time::timeout,
};

#[cfg(feature = "tls")]
use zonekit_tls::ServerTls;

use super::{
    Options, asked_to_stop, connection::Connection, seats::Seats, shares::Shares, slots::Slots,
};
use crate::{Notification, Responder, Transport};

/// How long requests in hand may go on after the server was asked to end.
pub(super) const GRACE: Duration = Duration::from_secs(1);

/// How long accepting rests after an error that may last.
const PAUSE: Duration = Duration::from_millis(50);

/// What all connections share.
pub(super) struct Connections {
    pub(super) responder: Responder,
    pub(super) options: Options,
    pub(super) notifications: mpsc::Sender<Notification>,
    seats: Seats,
    shares: Arc<Shares>,
    pub(super) transfers: Slots,
    pub(super) stopped: watch::Receiver<bool>,
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
        Arc::new(Self {
            seats: Seats::of(options.max_connections),
            shares: Shares::of(options.max_connections_per_client),
            transfers: Slots::of(options.max_transfers, options.max_transfers_per_client),
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
        let mut is_failing = false;
        loop {
            tokio::select! {
                () = asked_to_stop(&mut stopped) => break,
                accepted = listener.accept() => match accepted {
                    Ok((stream, address)) => {
                        is_failing = false;
                        self.admit(stream, address, &cover, &mut connections);
                    }
                    Err(error) if is_of_connection(&error) => {
                        tracing::debug!(%error, "accepting a connection");
                    }
                    Err(error) => {
                        if !is_failing {
                            tracing::warn!(%error, "accepting connections; trying again until it succeeds");
                        }
                        is_failing = true;
                        if is_exhausted(&error) && is_asked(&listener) && self.seats.vacate() {
                            self.responder.counters().connections_displaced.count();
                        }
                        tokio::time::sleep(PAUSE).await;
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
        let share = self.shares.take(address.ip());
        let Some((share, (seat, made))) = share.and_then(|share| Some((share, self.seats.take()?)))
        else {
            counters.connections_refused.count();
            return;
        };
        counters.connections.count();
        if made {
            counters.connections_displaced.count();
        }
        _ = stream.set_nodelay(true);
        let shared = Arc::clone(self);
        let cover = cover.clone();
        connections.spawn(async move {
            let served = match cover {
                Cover::None => {
                    Connection::new(stream, address, Transport::Tcp, seat, shared)
                        .serve()
                        .await
                }
                #[cfg(feature = "tls")]
                Cover::Tls(tls) => shared.serve_encrypted(stream, address, seat, &tls).await,
            };
            drop(share);
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
        seat: Arc<super::seats::Seat>,
        tls: &ServerTls,
    ) -> io::Result<()> {
        let mut stopped = self.stopped.clone();
        let standing = timeout(
            self.options.idle_timeout,
            tls.acceptor("dot").accept(stream),
        );
        let stream = tokio::select! {
            () = asked_to_stop(&mut stopped) => return Ok(()),
            () = seat.is_to_leave() => return Err(made_room()),
            stream = standing => stream??,
        };
        Connection::new(stream, address, Transport::Tls, seat, self)
            .serve()
            .await
    }
}

/// Whether it is the connection that failed before it was accepted, and not accepting: the next may be well.
fn is_of_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionAborted
            | ErrorKind::ConnectionReset
            | ErrorKind::Interrupted
            | ErrorKind::PermissionDenied // by a firewall
            | ErrorKind::TimedOut
            | ErrorKind::NetworkDown
            | ErrorKind::NetworkUnreachable
            | ErrorKind::HostUnreachable
    )
}

/// Whether there is too little of something of which every connection takes some.
#[cfg(unix)]
fn is_exhausted(error: &io::Error) -> bool {
    use rustix::io::Errno;

    matches!(
        Errno::from_io_error(error),
        Some(Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM)
    )
}

/// Whether a connection waits to be accepted: Linux says that descriptors have run out before it looks.
#[cfg(unix)]
fn is_asked(listener: &TcpListener) -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    let mut waiting = [PollFd::new(listener, PollFlags::IN)];
    poll(&mut waiting, Some(&Timespec::default())).is_ok_and(|ready| ready > 0)
}

/// No error is known to say so.
#[cfg(not(unix))]
fn is_exhausted(_: &io::Error) -> bool {
    false
}

#[cfg(not(unix))]
fn is_asked(_: &TcpListener) -> bool {
    true
}

/// Why a connection ends that did nothing wrong.
pub(super) fn made_room() -> io::Error {
    io::Error::other("had to make room for another one")
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
    Tls(ServerTls),
}

impl Listener {
    pub(super) fn plain(tcp: std::net::TcpListener) -> Self {
        let cover = Cover::None;
        Self { tcp, cover }
    }

    #[cfg(feature = "tls")]
    pub(super) fn encrypted(tcp: std::net::TcpListener, tls: ServerTls) -> Self {
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
