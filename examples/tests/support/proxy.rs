//! A path between a secondary and a primary that loses, delays, stalls, cuts and resets, by a seed.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use super::Draw;

/// A port on loopback, for UDP and TCP, from which everything goes on to another address: not all of it, and not at once,
/// until [`heal`](Self::heal).
pub struct Proxy {
    pub address: SocketAddr,
    is_well: Arc<AtomicBool>,
    harm: Arc<AtomicU64>,
}

/// How long a direction may be silent before it is given up.
const SILENCE: Duration = Duration::from_secs(10);

impl Proxy {
    pub fn start(to: SocketAddr, seed: u64) -> Self {
        let (tcp, udp) = loop {
            let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
            if let Ok(udp) = UdpSocket::bind(tcp.local_addr().unwrap()) {
                break (tcp, udp);
            }
        };
        let address = tcp.local_addr().unwrap();
        let (is_well, harm) = (Arc::new(AtomicBool::new(false)), Arc::default());
        let path = Path {
            to,
            is_well: Arc::clone(&is_well),
            harm: Arc::clone(&harm),
        };
        let datagrams = path.clone();
        thread::spawn(move || datagrams.carry_datagrams(udp, Draw::new(seed)));
        thread::spawn(move || {
            let mut draw = Draw::new(seed ^ 1);
            while let Ok((stream, _)) = tcp.accept() {
                let (path, draw) = (path.clone(), Draw::new(draw.next()));
                thread::spawn(move || path.carry_connection(stream, draw));
            }
        });
        Self {
            address,
            is_well,
            harm,
        }
    }

    /// From now on everything arrives.
    pub fn heal(&self) {
        self.is_well.store(true, Ordering::SeqCst);
    }

    /// How often something did not arrive as it was sent.
    pub fn harm(&self) -> u64 {
        self.harm.load(Ordering::SeqCst)
    }
}

#[derive(Clone)]
struct Path {
    to: SocketAddr,
    is_well: Arc<AtomicBool>,
    harm: Arc<AtomicU64>,
}

/// What becomes of the octets that come back on a connection.
enum Fate {
    Fine,
    /// In pieces of this size, with pauses.
    Pieces(usize),
    /// So many octets arrive, then the end.
    Cut(usize),
    Reset(usize),
    Stalls(usize),
}

impl Path {
    fn is_well(&self) -> bool {
        self.is_well.load(Ordering::SeqCst)
    }

    fn harms(&self) {
        self.harm.fetch_add(1, Ordering::SeqCst);
    }

    fn carry_datagrams(self, socket: UdpSocket, mut draw: Draw) {
        let socket = Arc::new(socket);
        let mut octets = [0; 4096];
        while let Ok((length, from)) = socket.recv_from(&mut octets) {
            let lost = [draw.percent(20), draw.percent(20)];
            let (delay, doubles) = (draw.below(30), draw.percent(5));
            if !self.is_well() && lost[0] {
                self.harms();
                continue;
            }
            let (path, socket, request) =
                (self.clone(), Arc::clone(&socket), octets[..length].to_vec());
            thread::spawn(move || {
                let out = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
                out.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
                out.connect(path.to).unwrap();
                if !path.is_well() {
                    thread::sleep(Duration::from_millis(delay));
                    if doubles {
                        let _ = out.send(&request);
                    }
                }
                let _ = out.send(&request);
                let mut octets = [0; 65_535];
                while let Ok(length) = out.recv(&mut octets) {
                    if !path.is_well() && lost[1] {
                        path.harms();
                    } else {
                        let _ = socket.send_to(&octets[..length], from);
                    }
                    if !doubles {
                        break;
                    }
                }
            });
        }
    }

    fn carry_connection(self, near: TcpStream, mut draw: Draw) -> Option<()> {
        let fate = if self.is_well() {
            Fate::Fine
        } else {
            Fate::draw(&mut draw)
        };
        if !matches!(fate, Fate::Fine) {
            self.harms();
        }
        let far = TcpStream::connect(self.to).ok()?;
        for stream in [&near, &far] {
            stream.set_nodelay(true).ok()?;
            stream.set_read_timeout(Some(SILENCE)).ok()?;
        }
        let (mut from_near, mut to_far) = (near.try_clone().ok()?, far.try_clone().ok()?);
        thread::spawn(move || {
            let _ = std::io::copy(&mut from_near, &mut to_far);
            let _ = to_far.shutdown(Shutdown::Write);
        });
        let end = carry(&far, &near, &fate, &mut draw);
        if let (Some(()), Fate::Stalls(_)) = (end, &fate) {
            thread::sleep(Duration::from_millis(1000 + draw.below(2000)));
        }
        if let Fate::Reset(_) = fate {
            // Unread octets and no time to linger: the other side sees RST.
            let _ = reset(&near);
        }
        let _ = near.shutdown(Shutdown::Both);
        let _ = far.shutdown(Shutdown::Both);
        Some(())
    }
}

impl Fate {
    fn draw(draw: &mut Draw) -> Self {
        // Mostly within the first messages; now and then far into a zone.
        let octets = 1 << draw.below(18);
        let octets = (octets + draw.below(octets)) as usize;
        match draw.below(10) {
            0 => Self::Cut(octets),
            1 => Self::Reset(octets),
            2 => Self::Stalls(octets),
            3..6 => Self::Pieces(1 + draw.below(1500) as usize),
            _ => Self::Fine,
        }
    }
}

/// Brings octets from one to the other as their fate is. `Some` if it was not their own end that ended it.
fn carry(mut from: &TcpStream, mut to: &TcpStream, fate: &Fate, draw: &mut Draw) -> Option<()> {
    let mut left = match fate {
        Fate::Cut(octets) | Fate::Reset(octets) | Fate::Stalls(octets) => *octets,
        _ => usize::MAX,
    };
    let size = if let Fate::Pieces(size) = fate {
        *size
    } else {
        16 * 1024
    };
    let mut octets = vec![0; size];
    loop {
        let length = from.read(&mut octets).ok().filter(|length| *length > 0)?;
        to.write_all(&octets[..length.min(left)]).ok()?;
        left = left.saturating_sub(length);
        if left == 0 {
            return Some(());
        }
        if matches!(fate, Fate::Pieces(_)) && draw.percent(20) {
            thread::sleep(Duration::from_millis(draw.below(8)));
        }
    }
}

fn reset(stream: &TcpStream) -> std::io::Result<()> {
    socket2::SockRef::from(stream).set_linger(Some(Duration::ZERO))
}
