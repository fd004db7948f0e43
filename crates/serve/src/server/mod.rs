//! The sockets: UDP and TCP on every address given, TLS on others, until told to stop.

mod connection;
mod seats;
mod shares;
mod slots;
mod tcp;
mod udp;

use std::{
    fmt, io,
    net::{SocketAddr, TcpListener, UdpSocket},
    num::NonZero,
    thread,
    time::Duration,
};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::sync::{mpsc, watch};

use crate::{Notification, Responder, Transport};

/// How often another port is tried where the system picks it and it is free for one transport only.
const PORT_ATTEMPTS: usize = 20;

/// What an operator may decide about sockets.
#[derive(Clone, Debug)]
pub struct Options {
    /// Threads that answer over UDP, on each address. Default: one per core.
    pub workers: NonZero<usize>,
    /// TCP connections open at a time, over all addresses, with TLS or without. For each one more, one is closed whose client
    /// has neither sent a whole request nor taken an octet for longer than others; one that has a transfer on its way is the
    /// last to go. Default 1,000.
    pub max_connections: usize,
    /// TCP connections open at a time for one client, which is an IPv4 address or an IPv6 network of 64 bits; more are
    /// closed at once. Default 100.
    pub max_connections_per_client: usize,
    /// Transfers on their way at a time, over all connections; whoever asks for more gets SERVFAIL, and comes back.
    /// Default 200.
    pub max_transfers: usize,
    /// Transfers on their way at a time to one client, as above, so that others find room; those that a connection asks for
    /// follow one another, and count as one. Default 50.
    pub max_transfers_per_client: usize,
    /// Octets per second that a client has to take a transfer at, on average since it began; slower ones are closed, so
    /// that a version of a zone is not held for ever. `write_timeout` comes on top, once. Default 10,000; 0 is no minimum.
    pub min_transfer_rate: u64,
    /// How long a TCP connection may be without a whole request, and TLS until it stands. Default 10 s.
    pub idle_timeout: Duration,
    /// How long a TCP client may take to make room for the next piece (of up to 64 KiB or so) of its answer. Default 10 s.
    pub write_timeout: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            workers: thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN),
            max_connections: 1000,
            max_connections_per_client: 100,
            max_transfers: 200,
            max_transfers_per_client: 50,
            min_transfer_rate: 10_000,
            idle_timeout: Duration::from_secs(10),
            write_timeout: Duration::from_secs(10),
        }
    }
}

/// Sockets that are bound, and answer once [`Server::serve`] runs.
///
/// Every address has sockets of its own, so that answers leave from the address that was asked. Bound to an unspecified
/// address (`0.0.0.0`, `::`) of a host with several, the system picks the source of an answer over UDP by its routes, and a
/// client that asked another address takes it for forged: name the addresses there. [`Server::bind`] warns of that.
///
/// ```
/// use std::sync::Arc;
/// use zonekit_serve::{Config, Options, Responder, Server};
/// use zonekit_store::Store;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let responder = Responder::new(Arc::new(Store::in_memory()), Config::default());
/// let server = Server::bind(&["127.0.0.1:0".parse()?], responder, Options::default())?;
/// println!("dig @{}", server.local_addresses()[0]);
/// let stopper = server.stopper();
/// let (notifications, mut told) = tokio::sync::mpsc::channel(64); // who says that a zone has changed
/// # stopper.stop();
/// server.serve(notifications).await?; // until somebody calls `stopper.stop()`
/// assert!(told.recv().await.is_none());
/// # Ok(())
/// # }
/// ```
pub struct Server {
    responder: Responder,
    options: Options,
    addresses: Vec<SocketAddr>,
    datagrams: Vec<UdpSocket>,
    listeners: Vec<tcp::Listener>,
    stop: watch::Sender<bool>,
}

impl Server {
    /// Binds UDP and TCP on every address; port 0 lets the system pick one, the same for both.
    ///
    /// # Errors
    ///
    /// When an address is not ours or is taken; then nothing stays bound.
    pub fn bind(
        addresses: &[SocketAddr],
        responder: Responder,
        options: Options,
    ) -> Result<Self, BindError> {
        let mut server = Self {
            responder,
            options,
            addresses: Vec::new(),
            datagrams: Vec::new(),
            listeners: Vec::new(),
            stop: watch::Sender::new(false),
        };
        for &address in addresses {
            if address.ip().is_unspecified() {
                tracing::warn!(
                    %address,
                    "answers over UDP may leave from another address than was asked, if this host has several: name them"
                );
            }
            let (listener, sockets) = server.bind_both(address)?;
            server
                .addresses
                .push(listener.local_addr().map_err(BindError::tcp(address))?);
            server.listeners.push(tcp::Listener::plain(listener));
            server.datagrams.extend(sockets);
        }
        Ok(server)
    }

    /// Binds further addresses, for TLS alone; port 0 lets the system pick one. Gives the addresses with their ports.
    ///
    /// ```
    /// # fn example(server: &mut zonekit_serve::Server) -> Result<(), Box<dyn std::error::Error>> {
    /// use zonekit_serve::{Identity, ServerTls};
    ///
    /// let ours = Identity::from_pem(&std::fs::read("ns1.pem")?, &std::fs::read("ns1.key")?)?;
    /// let tls = ServerTls::new(&ours)?; // has `replace`, for when the certificate has been renewed
    /// server.bind_tls(&["192.0.2.1:853".parse()?], &tls)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// When an address is not ours or is taken; those before it stay bound.
    #[cfg(feature = "tls")]
    pub fn bind_tls(
        &mut self,
        addresses: &[SocketAddr],
        tls: &zonekit_tls::ServerTls,
    ) -> Result<Vec<SocketAddr>, BindError> {
        let mut bound = Vec::new();
        for &address in addresses {
            let listener = listen(address).map_err(BindError::tls(address))?;
            bound.push(listener.local_addr().map_err(BindError::tls(address))?);
            self.listeners
                .push(tcp::Listener::encrypted(listener, tls.clone()));
        }
        Ok(bound)
    }

    /// The addresses bound, in the order given, with the ports that the system picked; those for TLS alone are not among
    /// them.
    pub fn local_addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// What ends [`Server::serve`].
    pub fn stopper(&self) -> Stopper {
        Stopper(self.stop.clone())
    }

    /// Answers until stopped: lets requests that are being answered over TCP finish for up to a second, transfers
    /// included, then closes. If the future is dropped instead, everything ends at once.
    ///
    /// A NOTIFY that finds `notifications` full is left unanswered, so that its sender tries again.
    ///
    /// Over UDP it answers from the call on, in threads that the calling one starts: they have its priority, whichever
    /// thread the future runs on. The rest begins with the future.
    ///
    /// # Errors
    ///
    /// When a thread cannot be started or a socket cannot be given to the runtime.
    pub fn serve(
        self,
        notifications: mpsc::Sender<Notification>,
    ) -> impl Future<Output = io::Result<()>> + Send + 'static {
        let mut stopped = self.stop.subscribe();
        let threads = udp::Threads::start(self.datagrams, &self.responder, &notifications);
        async move {
            let threads = threads?;
            let connections = tcp::Connections::new(
                self.responder,
                self.options,
                notifications,
                self.stop.subscribe(),
            );
            let accepting = connections.accept(self.listeners)?;
            asked_to_stop(&mut stopped).await;
            accepting.finish().await;
            tokio::task::spawn_blocking(|| drop(threads))
                .await
                .map_err(io::Error::other)
        }
    }

    fn bind_both(&self, address: SocketAddr) -> Result<(TcpListener, Vec<UdpSocket>), BindError> {
        let mut attempts = if address.port() == 0 {
            PORT_ATTEMPTS
        } else {
            1
        };
        loop {
            // TCP first: its socket is not shared, so that a second server on this port fails here and steals nothing.
            let listener = listen(address).map_err(BindError::tcp(address))?;
            let bound = listener.local_addr().map_err(BindError::tcp(address))?;
            match (0..self.options.workers.get())
                .map(|_| udp::bind(bound))
                .collect()
            {
                Ok(sockets) => return Ok((listener, sockets)),
                Err(error) if attempts == 1 => return Err(BindError::udp(bound)(error)),
                Err(_) => attempts -= 1,
            }
        }
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("addresses", &self.addresses)
            .finish_non_exhaustive()
    }
}

/// Ends a [`Server::serve`], from anywhere and as often as one likes.
#[derive(Clone, Debug)]
pub struct Stopper(watch::Sender<bool>);

impl Stopper {
    /// Asks the server to end.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }
}

/// Why an address could not be bound.
#[derive(Debug, thiserror::Error)]
#[error("binding {address} for {}", match .transport { Transport::Udp => "UDP", Transport::Tcp => "TCP", Transport::Tls => "TLS" })]
pub struct BindError {
    /// The address, with the port tried.
    pub address: SocketAddr,
    /// For what.
    pub transport: Transport,
    /// What the system says.
    pub source: io::Error,
}

impl BindError {
    fn tcp(address: SocketAddr) -> impl Fn(io::Error) -> Self {
        move |source| Self {
            address,
            transport: Transport::Tcp,
            source,
        }
    }

    #[cfg(feature = "tls")]
    fn tls(address: SocketAddr) -> impl Fn(io::Error) -> Self {
        move |source| Self {
            address,
            transport: Transport::Tls,
            source,
        }
    }

    fn udp(address: SocketAddr) -> impl Fn(io::Error) -> Self {
        move |source| Self {
            address,
            transport: Transport::Udp,
            source,
        }
    }
}

/// Waits until a [`Stopper`] is used, or nobody is left to use one.
async fn asked_to_stop(stop: &mut watch::Receiver<bool>) {
    _ = stop.wait_for(|&stop| stop).await;
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = socket(address, Type::STREAM, Protocol::TCP)?;
    socket.set_reuse_address(true)?; // a restart does not wait for the last connections' TIME_WAIT
    socket.bind(&address.into())?;
    socket.listen(1024)?;
    Ok(socket.into())
}

fn socket(address: SocketAddr, kind: Type, protocol: Protocol) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), kind, Some(protocol))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?; // IPv4 has sockets of its own
    }
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    };

    use tracing::{Event, Level, Metadata, Subscriber, span, subscriber};
    use zonekit_store::Store;

    use super::*;
    use crate::Config;

    /// Counts warnings.
    #[derive(Clone, Default)]
    struct Warnings(Arc<AtomicUsize>);

    impl Subscriber for Warnings {
        fn enabled(&self, metadata: &Metadata<'_>) -> bool {
            *metadata.level() == Level::WARN
        }

        fn event(&self, _: &Event<'_>) {
            self.0.fetch_add(1, Relaxed);
        }

        fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
            span::Id::from_u64(1)
        }

        fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
        fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
        fn enter(&self, _: &span::Id) {}
        fn exit(&self, _: &span::Id) {}
    }

    #[test]
    fn an_address_that_leaves_the_source_of_answers_open_is_warned_of() {
        for (address, expected) in [("127.0.0.1:0", 0), ("0.0.0.0:0", 1)] {
            let warnings = Warnings::default();
            let responder = Responder::new(Arc::new(Store::in_memory()), Config::default());
            let bound = subscriber::with_default(warnings.clone(), || {
                Server::bind(&[address.parse().unwrap()], responder, Options::default())
            });
            assert!(bound.is_ok());
            assert_eq!(warnings.0.load(Relaxed), expected, "{address}");
        }
    }
}
