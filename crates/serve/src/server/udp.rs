//! Datagrams: a thread for every socket, which waits, answers and waits again.
//!
//! Threads, because an answer waits for nothing: measured beside a tokio task that echoes datagrams they cost no more (4.3
//! to 4.8 µs of CPU each, the task 4.6 to 5.4), and no transfer over TCP gets in their way.

use std::{
    io::{self, ErrorKind},
    net::{Shutdown, SocketAddr, UdpSocket},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use socket2::{Protocol, SockRef, Type};
use tokio::sync::mpsc;

use super::{now, socket};
use crate::{Action, Notification, Peer, Responder, Transport, Worker};

/// How long a thread waits after an error of its socket that may last; and how long one without work takes to notice that
/// it is to end, where that does not wake it.
const PAUSE: Duration = Duration::from_millis(200);
/// Room asked of the system for datagrams that wait, in octets; it may give less.
const RECEIVE_BUFFER: usize = 4 << 20;

/// The threads that answer; dropped, they end.
pub(super) struct Threads {
    stop: Arc<AtomicBool>,
    threads: Vec<(Arc<UdpSocket>, JoinHandle<()>)>,
}

impl Threads {
    pub(super) fn start(
        sockets: Vec<UdpSocket>,
        responder: &Responder,
        notifications: &mpsc::Sender<Notification>,
    ) -> io::Result<Self> {
        let mut threads = Self {
            stop: Arc::default(),
            threads: Vec::with_capacity(sockets.len()),
        };
        for socket in sockets {
            let socket = Arc::new(socket);
            let answering = Answering {
                socket: Arc::clone(&socket),
                responder: responder.clone(),
                notifications: notifications.clone(),
                stop: Arc::clone(&threads.stop),
            };
            let handle = thread::Builder::new()
                .name("dns-udp".into())
                .spawn(move || answering.run())?;
            threads.threads.push((socket, handle));
        }
        Ok(threads)
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.stop.store(true, Relaxed);
        for (socket, _) in &self.threads {
            // Linux calls it an error, there being no connection, and wakes whoever waits at the socket all the same.
            _ = SockRef::from(&**socket).shutdown(Shutdown::Read);
        }
        for (_, handle) in self.threads.drain(..) {
            _ = handle.join(); // what it panicked of is logged
        }
    }
}

/// A socket that shares its port with those of the other workers; the system spreads the clients.
pub(super) fn bind(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = socket(address, Type::DGRAM, Protocol::UDP)?;
    #[cfg(unix)]
    socket.set_reuse_port(true)?;
    _ = socket.set_recv_buffer_size(RECEIVE_BUFFER); // bursts wait better in a large one, but live in any
    #[cfg(not(target_os = "linux"))]
    socket.set_read_timeout(Some(PAUSE))?;
    socket.bind(&address.into())?;
    Ok(socket.into())
}

struct Answering {
    socket: Arc<UdpSocket>,
    responder: Responder,
    notifications: mpsc::Sender<Notification>,
    stop: Arc<AtomicBool>,
}

impl Answering {
    fn run(&self) {
        let mut request = vec![0; 65_535];
        let mut answer = Vec::with_capacity(4096);
        while !self.stop.load(Relaxed) {
            let mut worker = self.responder.worker();
            let mut rounds = || {
                while !self.stop.load(Relaxed) && self.round(&mut worker, &mut request, &mut answer)
                {
                }
            };
            if catch_unwind(AssertUnwindSafe(&mut rounds)).is_err() {
                tracing::error!("answering a datagram panicked; going on with the next");
            }
        }
    }

    /// Answers one datagram, if one comes; false after an error that may last.
    fn round(&self, worker: &mut Worker, request: &mut [u8], answer: &mut Vec<u8>) -> bool {
        let (len, address) = match self.socket.recv_from(request) {
            Ok(received) => received,
            Err(_) if self.stop.load(Relaxed) => return false,
            Err(error) if is_passing(&error) => return true,
            Err(error) => {
                tracing::warn!(%error, "receiving a datagram");
                thread::sleep(PAUSE);
                return false;
            }
        };
        let peer = Peer {
            address,
            transport: Transport::Udp,
        };
        let request = request.get(..len).unwrap_or_default();
        match worker.respond(request, peer, now(), answer) {
            Action::Drop | Action::Transfer(_) => return true,
            Action::Reply => {}
            Action::Notify(notification) => {
                if self.notifications.try_send(notification).is_err() {
                    return true; // unanswered, it comes again, and by then there may be room
                }
            }
        }
        if let Err(error) = self.socket.send_to(answer, address) {
            tracing::debug!(%error, %address, "sending an answer");
        }
        true
    }
}

/// Errors of a socket that say nothing about the next datagram: nothing came, or an ICMP message about an old answer.
fn is_passing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::WouldBlock
            | ErrorKind::TimedOut
            | ErrorKind::Interrupted
            | ErrorKind::ConnectionRefused
            | ErrorKind::ConnectionReset
            | ErrorKind::HostUnreachable
            | ErrorKind::NetworkUnreachable
    )
}
