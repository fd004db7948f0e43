//! A way to a primary, whatever its transport: octets go in and come out in order.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpSocket, TcpStream};

use crate::Primary;

/// A connection with a primary that stands.
#[derive(Debug)]
pub(super) enum Wire {
    Tcp(TcpStream),
}

impl Wire {
    /// Connects to a primary, as it is to be connected to.
    pub(super) async fn connect(primary: &Primary) -> io::Result<Self> {
        tcp(primary).await.map(Self::Tcp)
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
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(tcp) => Pin::new(tcp).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(tcp) => Pin::new(tcp).poll_shutdown(context),
        }
    }
}

async fn tcp(primary: &Primary) -> io::Result<TcpStream> {
    let socket = match primary.address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    if let Some(source) = primary.source {
        socket.bind((source, 0).into())?;
    }
    socket.set_nodelay(true)?;
    socket.connect(primary.address).await
}
