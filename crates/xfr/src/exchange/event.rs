//! What an exchange is told, and what it asks for.

use crate::Loss;

/// A connection of this exchange, numbered in the order in which they are asked for.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Connection(pub u32);

/// What happened.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Event<'m> {
    /// A datagram came from a primary.
    Datagram {
        /// Which primary, in the visit's order.
        primary: usize,
        /// The message.
        octets: &'m [u8],
    },
    /// Datagrams do not get to a primary: the system says so.
    Undeliverable {
        /// Which primary, in the visit's order.
        primary: usize,
        /// What the system says.
        loss: Loss,
    },
    /// A connection that was asked for stands.
    Connected(Connection),
    /// A whole message came, without its two octets of length.
    Message {
        /// On which connection.
        connection: Connection,
        /// The message.
        octets: &'m [u8],
    },
    /// So many octets came, and every whole message among them was told before this. To be told with a fresh time, since
    /// the silence of the primary is counted from here.
    Received {
        /// On which connection.
        connection: Connection,
        /// Octets read from it.
        octets: usize,
        /// Whether some of them are the beginning of another message.
        left: bool,
    },
    /// A connection is lost, or could not be made.
    Lost {
        /// Which connection.
        connection: Connection,
        /// How.
        loss: Loss,
    },
    /// A connection that carries other questions too is of no use any more, for which neither this question nor its answer
    /// need be the reason: it is asked anew, on a connection of its own, and counts as asked once.
    Displaced(Connection),
}

/// What to do.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Transmit {
    /// Send a datagram to a primary, from its source address and a port of this visit's own.
    Datagram {
        /// Which primary, in the visit's order.
        primary: usize,
        /// The message.
        octets: Vec<u8>,
    },
    /// Connect to a primary, over TCP, or over TLS if that is its [`Transport`](crate::Transport).
    Connect {
        /// What to call the connection.
        connection: Connection,
        /// Which primary, in the visit's order.
        primary: usize,
        /// Whether it has to be a fresh one that carries nothing else. Otherwise one that stands will do.
        alone: bool,
    },
    /// Send a message on a connection, behind two octets of length.
    Message {
        /// On which connection.
        connection: Connection,
        /// The message.
        octets: Vec<u8>,
    },
    /// The answer is whole: nothing more is asked on the connection, and nothing more to come. It may serve others.
    Done(Connection),
    /// Close a connection, or have it carry no more than the answers of others; nothing more is asked or taken there.
    Close(Connection),
}
