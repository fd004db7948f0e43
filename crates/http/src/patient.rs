//! A connection whose other end has to take what it is sent.

use std::{
    future::Future,
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Sleep, sleep},
};

/// A stream on which writing fails when the other end does not take a piece in time: an answer that nobody reads would
/// hold its connection, and what it is made of, for ever.
pub(crate) struct Patient<S> {
    stream: S,
    patience: Duration,
    /// When patience ends, while there is something that is not taken.
    until: Option<Pin<Box<Sleep>>>,
    /// Octets taken since it began.
    taken: usize,
}

/// How much has to be taken in time, if there is so much: a little now and then is not enough.
const PIECE: usize = 16_384;

impl<S> Patient<S> {
    pub(crate) fn new(stream: S, patience: Duration) -> Self {
        Self {
            stream,
            patience,
            until: None,
            taken: 0,
        }
    }

    /// So many octets of those that were to be written were taken, or nothing is, and for how long yet?
    fn judge(
        &mut self,
        written: Poll<io::Result<usize>>,
        of: usize,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        match written {
            Poll::Ready(Ok(count)) => {
                self.taken = self.taken.saturating_add(count);
                if count == of || self.taken >= PIECE {
                    (self.until, self.taken) = (None, 0);
                }
                Poll::Ready(Ok(count))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => Poll::Ready(Err(ready!(self.wait(context)))),
        }
    }

    fn wait(&mut self, context: &mut Context<'_>) -> Poll<io::Error> {
        let patience = self.patience;
        let until = { &mut self.until }.get_or_insert_with(|| Box::pin(sleep(patience)));
        ready!(until.as_mut().poll(context));
        let text = "the client does not take its answer";
        Poll::Ready(io::Error::new(io::ErrorKind::TimedOut, text))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, into)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, octets);
        self.judge(written, octets.len(), context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        let of = slices.iter().map(|slice| slice.len()).sum();
        self.judge(written, of, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match Pin::new(&mut self.stream).poll_flush(context) {
            Poll::Pending => self.wait(context).map(Err),
            flushed => flushed,
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match Pin::new(&mut self.stream).poll_shutdown(context) {
            Poll::Pending => self.wait(context).map(Err),
            ended => ended,
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(30);

    /// Sends 64 KiB to a client that reads so many octets every ten seconds: whether it gets all.
    async fn check(octets: usize) -> bool {
        let (server, mut client) = duplex(1_024);
        let reading = tokio::spawn(async move {
            let mut buffer = vec![0; octets];
            loop {
                sleep(Duration::from_secs(10)).await;
                if !matches!(client.read(&mut buffer).await, Ok(1..)) {
                    return;
                }
            }
        });
        let sent = { Patient::new(server, PATIENCE) }
            .write_all(&[0; 65_536])
            .await;
        reading.abort();
        sent.is_ok()
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_has_to_take_pieces_not_octets() {
        let (server, mut client) = duplex(65_536);
        let mut server = Patient::new(server, PATIENCE);
        server.write_all(&[0; 65_536]).await.unwrap();
        let error = server.write_all(&[0]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        client.read_exact(&mut [0; 65_536]).await.unwrap();
        assert!(!check(1).await);
        assert!(!check(512).await);
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_client_gets_all() {
        let (server, mut client) = duplex(16_384);
        let reading = tokio::spawn(async move {
            let mut all = 0;
            while all < 65_536 {
                sleep(Duration::from_secs(20)).await;
                all += client.read(&mut [0; 16_384]).await.unwrap();
            }
        });
        let mut server = Patient::new(server, PATIENCE);
        server.write_all(&[0; 65_536]).await.unwrap();
        reading.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_quiet_stream_may_be_quiet() {
        let (server, mut client) = duplex(16);
        let mut server = Patient::new(server, PATIENCE);
        for _ in 0..3 {
            server.write_all(b"event").await.unwrap();
            client.read_exact(&mut [0; 5]).await.unwrap();
            sleep(PATIENCE * 10).await;
        }
    }
}
