//! Fewer and larger reads of long transfers.
//!
//! A primary writes message by message, and every one wakes us: most of what a long transfer cost the system was that. So
//! once much has come, the system is asked to wake us only when much waits (SO_RCVLOWAT, which makes room for as much);
//! when that takes long, for anything again.

use std::future::Future;
use std::pin::Pin;
use std::task::Context;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep};

/// Octets in a row that make a transfer a long one.
const LONG: usize = 64 * 1024;

/// Octets that are waited for then: half of what is read at once, so that there is room for what comes meanwhile.
const MUCH: usize = super::ROOM / 2;

/// How long they are waited for: the end of the zone, and all of it from a slow primary, comes later by that at most.
const PATIENCE: Duration = Duration::from_millis(8);

/// How long a transfer is yet, and whether much is waited for.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// Octets since the beginning, or since they were waited for in vain.
    octets: usize,
    /// There while they are waited for.
    patience: Option<Pin<Box<Sleep>>>,
    /// They are not waited for yet since the last read.
    is_rested: bool,
}

impl Batch {
    /// Octets have been read.
    pub(super) fn arrived(&mut self, tcp: &TcpStream, octets: usize) {
        self.octets = self.octets.saturating_add(octets);
        self.is_rested = true;
        if self.patience.is_none() && self.octets >= LONG && low_water::set(tcp, MUCH) {
            self.patience = Some(Box::pin(sleep(PATIENCE)));
        }
    }

    /// Nothing was there to be read: the reader is woken by the system, or when that has taken too long.
    pub(super) fn poll_patience(&mut self, tcp: &TcpStream, context: &mut Context<'_>) {
        let Some(patience) = &mut self.patience else {
            return;
        };
        if std::mem::take(&mut self.is_rested) {
            patience.as_mut().reset(Instant::now() + PATIENCE);
        }
        if patience.as_mut().poll(context).is_ready() {
            // The system looks anew: it wakes the reader if anything is there already.
            low_water::set(tcp, 1);
            *self = Self::default();
        }
    }
}

#[cfg(target_os = "linux")]
mod low_water {
    use std::os::fd::AsRawFd;

    use tokio::net::TcpStream;

    /// Asks the system to call a connection readable once so many octets wait, or it ends; says whether it will.
    #[allow(unsafe_code)] // no crate that we stand on has this option in a safe form
    pub(super) fn set(tcp: &TcpStream, octets: usize) -> bool {
        let Ok(value) = libc::c_int::try_from(octets) else {
            return false;
        };
        // SAFETY: the descriptor is open for as long as `tcp` is borrowed, and the system reads the four octets of `value`,
        // which outlives the call.
        let result = unsafe {
            libc::setsockopt(
                tcp.as_raw_fd(),
                libc::SOL_SOCKET,
                libc::SO_RCVLOWAT,
                (&raw const value).cast(),
                size_of::<libc::c_int>() as libc::socklen_t,
            )
        };
        result == 0
    }
}

#[cfg(not(target_os = "linux"))]
mod low_water {
    /// Elsewhere such a connection may not be woken for its end: reads stay as they are.
    pub(super) fn set(_: &tokio::net::TcpStream, _: usize) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::task::Poll;

    use tokio::io::{AsyncRead, AsyncWriteExt, ReadBuf};
    use tokio::net::TcpListener;

    use super::*;

    /// Reads as a visit does, into a buffer of the size that it has; what came at once, one by one.
    async fn read_all(tcp: &mut TcpStream) -> Vec<usize> {
        let (mut batch, mut reads) = (Batch::default(), Vec::new());
        let mut octets = vec![0; crate::net::ROOM];
        loop {
            let count = poll_fn(|context| {
                let mut buffer = ReadBuf::new(&mut octets);
                if Pin::new(&mut *tcp)
                    .poll_read(context, &mut buffer)
                    .is_pending()
                {
                    batch.poll_patience(tcp, context);
                    return Poll::Pending;
                }
                Poll::Ready(buffer.filled().len())
            })
            .await;
            if count == 0 {
                return reads;
            }
            batch.arrived(tcp, count);
            reads.push(count);
        }
    }

    #[tokio::test]
    async fn every_octet_arrives_however_the_pieces_fall() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let writing = async {
            let mut tcp = TcpStream::connect(address).await.unwrap();
            // Each of these is less than what is waited for, and nothing follows for a while.
            for piece in [LONG + 10, 1, MUCH - 1, 3 * MUCH + 7, 5] {
                tcp.write_all(&vec![1; piece]).await.unwrap();
                tokio::time::sleep(4 * PATIENCE).await;
            }
        };
        let reading = async {
            let (mut tcp, _) = listener.accept().await.unwrap();
            read_all(&mut tcp).await
        };
        let (reads, ()) = tokio::join!(reading, writing);
        assert_eq!(reads.iter().sum::<usize>(), LONG + 4 * MUCH + 22);
    }

    #[cfg(target_os = "linux")]
    #[tokio::test(start_paused = true)] // nobody loses patience as long as octets come
    async fn many_small_writes_of_a_long_transfer_are_few_reads() {
        const MESSAGES: usize = 4_000;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let writing = async {
            let mut tcp = TcpStream::connect(address).await.unwrap();
            tcp.set_nodelay(true).unwrap();
            for _ in 0..MESSAGES {
                tcp.write_all(&[1; 1000]).await.unwrap();
                tokio::task::yield_now().await; // the reader would be woken now
            }
        };
        let reading = async {
            let (mut tcp, _) = listener.accept().await.unwrap();
            read_all(&mut tcp).await
        };
        let (reads, ()) = tokio::join!(reading, writing);
        assert_eq!(reads.iter().sum::<usize>(), MESSAGES * 1000);
        assert!(reads.len() < MESSAGES / 4, "{} reads", reads.len());
    }
}
