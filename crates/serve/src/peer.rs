//! Who asks.

use std::net::{IpAddr, SocketAddr};

/// Where a request came from and how, which decides what may be sent back.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Peer {
    /// The address and port the request came from.
    pub address: SocketAddr,
    /// What carried it.
    pub transport: Transport,
}

impl Peer {
    /// The peer's address as access lists know it: an IPv4-mapped IPv6 address is the IPv4 address inside.
    pub fn ip(&self) -> IpAddr {
        self.address.ip().to_canonical()
    }
}

/// What carries a message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Transport {
    /// Datagrams: the answer is limited in size, and the source address may be forged.
    Udp,
    /// A connection in clear text: answers up to 65,535 octets, and transfers.
    Tcp,
    /// A connection over TLS: the same, and nobody on the way reads along.
    Tls,
}
