//! Datagrams: a thread for every socket, which waits, answers and waits again.
//!
//! Threads, because an answer waits for nothing: measured beside a tokio task that echoes datagrams they cost no more (4.3
//! to 4.8 µs of CPU each, the task 4.6 to 5.4), and no transfer over TCP gets in their way.
//!
//! What waits is taken in one go, answered, and sent in one go, which keeps both sides from being put to sleep and woken for
//! each: an answer out of a million hosts took 5.3 µs of CPU and not 5.8 (Linux 6.18, `dnsperf` on the other core). One call
//! for many datagrams (`recvmmsg`) adds nothing to that in a program that only echoes.

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

#[cfg(unix)]
use rustix::net::{RecvFlags, recvfrom};
#[cfg(target_os = "linux")]
use socket2::Socket;
use socket2::{Protocol, SockRef, Type};
use tokio::sync::mpsc;

use super::socket;
use crate::clock::now;
use crate::{Action, Notification, Peer, Responder, Transport, Worker};

/// How long a thread waits after an error of its socket that may last; and how long one without work takes to notice that
/// it is to end, where that does not wake it.
const PAUSE: Duration = Duration::from_millis(200);
/// Room asked of the system for datagrams that wait, in octets; it may give less.
const RECEIVE_BUFFER: usize = 4 << 20;
/// So many requests are taken at a time, where they wait.
const BATCH: usize = 32;
/// Room for any datagram. It is an odd number of cache lines, so that the fronts of requests do not fall on one place.
const ROOM: usize = 1025 * 64;

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
    #[cfg(target_os = "linux")]
    disbelieve_path_mtu(&socket, address);
    socket.bind(&address.into())?;
    Ok(socket.into())
}

/// Has the system send answers in whole as far as the interface takes them, whatever ICMP says of the path: anybody can forge
/// that, and have answers come in fragments, of which one can be forged, too (RFC 9715 §3.1). Answers are small enough for
/// nearly all paths by themselves. Where the system cannot, they are sent as they were.
#[cfg(target_os = "linux")]
fn disbelieve_path_mtu(socket: &Socket, address: SocketAddr) {
    use rustix::net::sockopt::{self, Ipv4PathMtuDiscovery, Ipv6PathMtuDiscovery};

    _ = match address {
        SocketAddr::V4(_) => sockopt::set_ip_mtu_discover(socket, Ipv4PathMtuDiscovery::OMIT),
        SocketAddr::V6(_) => sockopt::set_ipv6_mtu_discover(socket, Ipv6PathMtuDiscovery::OMIT),
    };
}

struct Answering {
    socket: Arc<UdpSocket>,
    responder: Responder,
    notifications: mpsc::Sender<Notification>,
    stop: Arc<AtomicBool>,
}

impl Answering {
    fn run(&self) {
        let mut room = vec![0; BATCH * ROOM]; // of which the system gives what is used
        let mut batch = Batch {
            datagrams: { room.chunks_exact_mut(ROOM).map(Datagram::with_room) }.collect(),
            taken: 0,
            judged: 0,
        };
        while !self.stop.load(Relaxed) {
            let mut worker = self.responder.worker();
            let mut rounds =
                || while !self.stop.load(Relaxed) && self.round(&mut worker, &mut batch) {};
            if catch_unwind(AssertUnwindSafe(&mut rounds)).is_err() {
                tracing::error!("answering a datagram panicked; going on with the next");
            }
        }
    }

    /// Waits for a datagram and answers it, with others that have come; false after an error that may last. If one of them
    /// brings this to an end, the next call goes on behind it.
    fn round(&self, worker: &mut Worker, batch: &mut Batch<'_>) -> bool {
        if batch.taken == 0 && !self.receive(batch) {
            return false;
        }
        let now = now();
        let Batch {
            datagrams,
            taken,
            judged,
        } = batch;
        let datagrams = datagrams.get_mut(..*taken).unwrap_or_default();
        while let Some(datagram) = datagrams.get_mut(*judged) {
            *judged += 1;
            datagram.is_answered = false;
            datagram.is_answered = self.answer(worker, datagram, now);
        }
        for Datagram { peer, answer, .. } in
            datagrams.iter().filter(|datagram| datagram.is_answered)
        {
            if let Err(error) = self.socket.send_to(answer, peer) {
                tracing::debug!(%error, address = %peer, "sending an answer");
            }
        }
        (*taken, *judged) = (0, 0);
        true
    }

    /// Waits for a datagram and takes it, with others that have come; false after an error that may last.
    fn receive(&self, batch: &mut Batch<'_>) -> bool {
        let Some((first, others)) = batch.datagrams.split_first_mut() else {
            return false;
        };
        match self.socket.recv_from(first.room) {
            Ok(received) => (first.len, first.peer) = received,
            Err(_) if self.stop.load(Relaxed) => return false,
            Err(error) if is_passing(&error) => return true,
            Err(error) => {
                tracing::warn!(%error, "receiving a datagram");
                thread::sleep(PAUSE);
                return false;
            }
        }
        batch.taken = 1;
        for datagram in others {
            if !datagram.take_waiting(&self.socket) {
                break;
            }
            batch.taken += 1;
        }
        true
    }

    /// Writes the answer; false if none is to be sent.
    fn answer(&self, worker: &mut Worker, datagram: &mut Datagram<'_>, now: u64) -> bool {
        let peer = Peer {
            address: datagram.peer,
            transport: Transport::Udp,
        };
        let request = datagram.room.get(..datagram.len).unwrap_or_default();
        match worker.respond(request, peer, now, &mut datagram.answer) {
            Action::Drop | Action::Transfer(_) => false,
            Action::Reply => true,
            // Unanswered, it comes again, and by then there may be room.
            Action::Notify(notification) => self.notifications.try_send(notification).is_ok(),
        }
    }
}

/// What was taken in one go.
struct Batch<'r> {
    datagrams: Vec<Datagram<'r>>,
    /// How many of them hold a request.
    taken: usize,
    /// To how many of those there is an answer, or is known to be none.
    judged: usize,
}

/// A request, and the answer to it.
struct Datagram<'r> {
    room: &'r mut [u8],
    /// How many octets of the room are the request.
    len: usize,
    peer: SocketAddr,
    answer: Vec<u8>,
    is_answered: bool,
}

impl<'r> Datagram<'r> {
    fn with_room(room: &'r mut [u8]) -> Self {
        Self {
            room,
            len: 0,
            peer: SocketAddr::from(([0; 4], 0)),
            answer: Vec::new(),
            is_answered: false,
        }
    }

    /// Takes a request if one waits. An error that lasts comes again to whoever waits for the next.
    #[cfg(unix)]
    fn take_waiting(&mut self, socket: &UdpSocket) -> bool {
        let Ok((len, _, Some(peer))) = recvfrom(socket, &mut *self.room, RecvFlags::DONTWAIT)
        else {
            return false;
        };
        let Ok(peer) = SocketAddr::try_from(peer) else {
            return false;
        };
        (self.len, self.peer) = (len, peer);
        true
    }

    /// One at a time.
    #[cfg(not(unix))]
    fn take_waiting(&mut self, _: &UdpSocket) -> bool {
        false
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

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use rustix::net::sockopt::{self, Ipv4PathMtuDiscovery, Ipv6PathMtuDiscovery};

    use super::*;

    #[test]
    fn what_icmp_says_of_a_path_is_not_believed() {
        let socket = bind("127.0.0.1:0".parse().unwrap()).unwrap();
        assert_eq!(
            sockopt::ip_mtu_discover(&socket),
            Ok(Ipv4PathMtuDiscovery::OMIT)
        );
        match bind("[::1]:0".parse().unwrap()) {
            Ok(socket) => assert_eq!(
                sockopt::ipv6_mtu_discover(&socket),
                Ok(Ipv6PathMtuDiscovery::OMIT)
            ),
            Err(error) => eprintln!("SKIPPED: IPv6, which is not here: {error}"),
        }
    }
}
