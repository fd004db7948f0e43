//! A connection over TLS.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncWrite, BufReader, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::Tls;
use crate::limits::bounded;
use crate::{Limits, Loss};

/// Octets read from the socket at once: several records of 16 KiB, where rustls by itself reads 4 KiB.
const ROOM: usize = 64 * 1024;

/// A connection over which TLS stands. Dropped, it ends as TLS has it, as far as that needs no waiting.
#[derive(Debug)]
pub(crate) struct Encrypted(Box<TlsStream<BufReader<TcpStream>>>);

impl Tls {
    /// Begins TLS with the primary at this address, over a connection that `tcp` makes.
    pub(crate) async fn begin(
        &self,
        primary: SocketAddr,
        tcp: impl Future<Output = io::Result<TcpStream>>,
    ) -> io::Result<Encrypted> {
        let tcp = BufReader::with_capacity(ROOM, tcp.await?);
        let connector = TlsConnector::from(self.config.clone());
        let stream = connector.connect(self.name_of(primary), tcp).await?;
        // Whoever chooses something else than what is offered has been refused already.
        if self.needs_alpn() && stream.get_ref().1.alpn_protocol().is_none() {
            return Err(io::Error::other(rustls::Error::NoApplicationProtocol));
        }
        Ok(Encrypted(Box::new(stream)))
    }

    /// The same where clear text may be spoken instead: nothing if it is to be. Of the time in which there has to be a
    /// connection, TLS has two parts of five.
    pub(crate) async fn try_begin(
        &self,
        primary: SocketAddr,
        connect_timeout: Duration,
        tcp: impl Future<Output = io::Result<TcpStream>>,
    ) -> Option<Encrypted> {
        if self.failed(primary, Instant::now()).is_some() {
            return None;
        }
        let patience = match connect_timeout {
            Duration::ZERO => Limits::default().connect_timeout,
            limited => bounded(limited),
        };
        let how = match timeout(patience * 2 / 5, self.begin(primary, tcp)).await {
            Ok(Ok(encrypted)) => return Some(encrypted),
            Ok(Err(error)) => Loss::from(&error),
            Err(_) => Loss::TimedOut,
        };
        self.note_failure(primary, how, Instant::now());
        None
    }
}

impl Drop for Encrypted {
    fn drop(&mut self) {
        let mut context = Context::from_waker(Waker::noop());
        let _ = Pin::new(&mut self.0).poll_shutdown(&mut context);
    }
}

impl AsyncRead for Encrypted {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().0).poll_read(context, buffer)
    }
}

impl AsyncWrite for Encrypted {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().0).poll_write(context, octets)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().0).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().0).poll_shutdown(context)
    }
}
