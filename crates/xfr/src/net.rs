//! The rules on real sockets, under tokio.

mod batch;
mod client;
mod drive;
mod lines;
mod sockets;
mod stream;
mod wire;

pub use client::{Client, ClientError, NotifyReply};
pub use drive::{visit, visit_until_hurried};
pub use lines::Lines;
pub use stream::TransferStream;

use std::cell::RefCell;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::net::UdpSocket;

use self::wire::Wire;
use crate::{Loss, Primary};

/// Octets read at once from a connection that carries a transfer: a few of the largest messages.
const ROOM: usize = 256 * 1024;

/// Room for a datagram.
const DATAGRAM: usize = 4096;

/// Seconds since 1970.
fn unix_now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

fn now() -> std::time::Instant {
    tokio::time::Instant::now().into_std()
}

/// What message IDs come from. The system is asked for many at a time: a visit of a small zone has few system calls else.
fn seed() -> u64 {
    const MANY: usize = 64;
    thread_local! {
        static DRAWN: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
    }
    DRAWN.with_borrow_mut(|drawn| {
        if drawn.is_empty() {
            let mut octets = [0; 8 * MANY];
            if getrandom::fill(&mut octets).is_ok() {
                let (seeds, _) = octets.as_chunks();
                drawn.extend(seeds.iter().copied().map(u64::from_ne_bytes));
            }
        }
        drawn.pop().unwrap_or_else(|| {
            // No source of randomness: the ports, which the system draws, must do.
            use std::hash::{BuildHasher, RandomState};
            RandomState::new().hash_one(unix_now())
        })
    })
}

/// A socket of its own port, that hears from nobody but the primary.
fn datagrams(primary: &Primary) -> io::Result<UdpSocket> {
    let local = primary.source.unwrap_or(match primary.address {
        SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    });
    let socket = std::net::UdpSocket::bind((local, 0))?;
    socket.connect(primary.address)?;
    socket.set_nonblocking(true)?;
    UdpSocket::from_std(socket)
}

/// A message as it goes over a connection: behind two octets of length.
fn framed(message: &[u8]) -> io::Result<Vec<u8>> {
    let length = zonekit_wire::frame_length(message).ok_or(io::ErrorKind::InvalidInput)?;
    Ok([&length, message].concat())
}

/// What reading told: no octets are the end of the stream.
fn arrived(result: io::Result<usize>, inside_message: bool) -> Result<usize, Loss> {
    match result {
        Ok(0) if inside_message => Err(Loss::ClosedInsideMessage),
        Ok(0) => Err(Loss::Closed),
        Ok(count) => Ok(count),
        Err(error) => Err(Loss::from(&error)),
    }
}
