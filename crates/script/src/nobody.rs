//! Where nobody is.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};

use socket2::{Domain, Socket, Type};

/// An address on loopback where nobody is, neither over TCP nor over UDP, and nobody comes to be as long as the test runs: its
/// port is taken, so that no other socket gets it.
pub fn nobody() -> SocketAddr {
    loop {
        // Bound and never listening: whoever connects is refused.
        let tcp = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        tcp.bind(&any.into()).unwrap();
        let address = tcp.local_addr().unwrap().as_socket().unwrap();
        if let Ok(udp) = deaf(address) {
            std::mem::forget((tcp, udp));
            return address;
        }
    }
}

/// A socket that has the port and talks with itself only: to others, nobody hears datagrams there.
pub fn deaf(address: SocketAddr) -> io::Result<UdpSocket> {
    let udp = UdpSocket::bind(address)?;
    udp.connect(address)?;
    Ok(udp)
}
