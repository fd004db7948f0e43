//! A way to a primary, whatever its transport: octets go in and come out in order.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpSocket, TcpStream};

#[cfg(feature = "tls")]
use crate::tls::Encrypted;
use crate::{Primary, Transport};

/// A connection with a primary that stands.
#[derive(Debug)]
pub(super) enum Wire {
    Tcp(TcpStream),
    #[cfg(feature = "tls")]
    Tls(Encrypted),
}

impl Wire {
    /// Connects to a primary, as it is to be connected to. How long that may take in all is for the caller to see to.
    #[cfg_attr(
        not(feature = "tls"),
        expect(unused_variables, reason = "clear text has all of it")
    )]
    pub(super) async fn connect(primary: &Primary, within: Duration) -> io::Result<Self> {
        let Primary {
            address, source, ..
        } = *primary;
        match &primary.transport {
            Transport::Plain => tcp(address, source).await.map(Self::Tcp),
            #[cfg(feature = "tls")]
            Transport::Tls(tls) => {
                let connecting = tcp(address, source);
                let Some(port) = tls.clear_text() else {
                    return tls.begin(address, connecting).await.map(Self::Tls);
                };
                match tls.try_begin(address, within, connecting).await {
                    Some(encrypted) => Ok(Self::Tls(encrypted)),
                    None => {
                        let address = SocketAddr::new(address.ip(), port);
                        tcp(address, source).await.map(Self::Tcp)
                    }
                }
            }
        }
    }

    /// The socket, where octets of it are octets of messages.
    pub(super) fn as_tcp(&self) -> Option<&TcpStream> {
        match self {
            Self::Tcp(tcp) => Some(tcp),
            #[cfg(feature = "tls")]
            Self::Tls(_) => None,
        }
    }

    /// Octets that are there without waiting; 0 if there are none, or never will be.
    pub(super) fn read_now(&mut self, space: &mut [u8]) -> usize {
        // Nobody is woken by this: whoever wants to wait polls again.
        let mut context = Context::from_waker(Waker::noop());
        let mut buffer = ReadBuf::new(space);
        match Pin::new(self).poll_read(&mut context, &mut buffer) {
            Poll::Ready(Ok(())) => buffer.filled().len(),
            Poll::Ready(Err(_)) | Poll::Pending => 0,
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(tcp) => Pin::new(tcp).poll_read(context, buffer),
            #[cfg(feature = "tls")]
            Self::Tls(tls) => Pin::new(tls).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(tcp) => Pin::new(tcp).poll_write(context, octets),
            #[cfg(feature = "tls")]
            Self::Tls(tls) => Pin::new(tls).poll_write(context, octets),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(tcp) => Pin::new(tcp).poll_flush(context),
            #[cfg(feature = "tls")]
            Self::Tls(tls) => Pin::new(tls).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(tcp) => Pin::new(tcp).poll_shutdown(context),
            #[cfg(feature = "tls")]
            Self::Tls(tls) => Pin::new(tls).poll_shutdown(context),
        }
    }
}

async fn tcp(address: SocketAddr, source: Option<IpAddr>) -> io::Result<TcpStream> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    if let Some(source) = source {
        socket.bind((source, 0).into())?;
    }
    socket.set_nodelay(true)?;
    socket.connect(address).await
}
