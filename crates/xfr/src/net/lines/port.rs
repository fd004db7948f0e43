//! A socket for datagrams that visits share.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use foldhash::fast::RandomState;
use tokio::net::UdpSocket;
use tokio::time::timeout;

use super::{Mail, MailSender};
use crate::Loss;
use crate::net::DATAGRAM;

/// Questions that wait at one socket, at most: whoever forges an answer has to guess the port, which the system draws, and
/// the ID that goes with the question, just as if each had a socket of its own (RFC 5452 §4.3).
const ENOUGH: usize = 16;

/// Questions after which a socket gives way to one with another port.
const USES: usize = 500;

/// How long one stays open that nobody uses.
const IDLE: Duration = Duration::from_secs(2);

/// A socket of a port that the system has drawn, which hears from nobody but one primary.
#[derive(Debug)]
pub(super) struct Port {
    socket: UdpSocket,
    waiting: Mutex<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    asked: HashMap<u16, Asker, RandomState>,
    uses: usize,
    is_closed: bool,
}

/// Where the answer goes.
#[derive(Clone, Debug)]
pub(super) struct Asker {
    pub(super) primary: usize,
    pub(super) inbox: MailSender,
}

/// A question that waits for datagrams. Dropping it ends the waiting.
#[derive(Debug)]
pub(in crate::net) struct Ticket {
    port: Arc<Port>,
    id: u16,
}

impl Port {
    /// Listens at this socket for as long as it is used.
    pub(super) fn open(socket: UdpSocket) -> Arc<Self> {
        let port = Arc::new(Self {
            socket,
            waiting: Mutex::default(),
        });
        tokio::spawn(Arc::clone(&port).listen());
        port
    }

    /// Whether anything may still come of it.
    pub(super) fn is_open(&self) -> bool {
        let waiting = self.lock();
        !waiting.is_closed && waiting.uses < USES
    }

    /// A place for a question with this ID, if there is one.
    pub(super) fn wait(self: &Arc<Self>, id: u16, asker: Asker) -> Option<Ticket> {
        let mut waiting = self.lock();
        let has_room = waiting.asked.len() < ENOUGH && waiting.uses < USES;
        if waiting.is_closed || !has_room || waiting.asked.contains_key(&id) {
            return None;
        }
        waiting.uses += 1;
        waiting.asked.insert(id, asker);
        let port = Arc::clone(self);
        Some(Ticket { port, id })
    }

    async fn listen(self: Arc<Self>) {
        let mut octets = vec![0; DATAGRAM];
        loop {
            match timeout(IDLE, self.socket.recv(&mut octets)).await {
                Ok(Ok(length)) => self.bring(octets.get(..length).unwrap_or_default()),
                Ok(Err(error)) => return self.fail(&error),
                Err(_) => {
                    let mut waiting = self.lock();
                    waiting.is_closed = waiting.asked.is_empty();
                    if waiting.is_closed {
                        return;
                    }
                }
            }
        }
    }

    /// Whether it is an answer is for whoever waits to say; until then, others may come.
    fn bring(&self, octets: &[u8]) {
        let id = octets.first_chunk().copied().map(u16::from_be_bytes);
        let asker = id.and_then(|id| self.lock().asked.get(&id).cloned());
        if let Some(Asker { primary, inbox }) = asker {
            let octets = octets.to_vec();
            let _ = inbox.send(Mail::Datagram { primary, octets });
        }
    }

    /// Datagrams do not get there: all who wait hear of it.
    fn fail(&self, error: &io::Error) {
        let asked = {
            let mut waiting = self.lock();
            waiting.is_closed = true;
            std::mem::take(&mut waiting.asked)
        };
        let loss = Loss::from(error);
        for Asker { primary, inbox } in asked.into_values() {
            let _ = inbox.send(Mail::Undeliverable { primary, loss });
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        { self.waiting.lock() }.unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ticket {
    pub(in crate::net) fn is_for(&self, octets: &[u8]) -> bool {
        octets.first_chunk() == Some(&self.id.to_be_bytes())
    }

    /// Sends the question. What is wrong with the way there is told as [`Mail::Undeliverable`].
    pub(in crate::net) async fn send(&self, octets: &[u8]) {
        if let Err(error) = self.port.socket.send(octets).await {
            self.port.fail(&error);
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.port.lock().asked.remove(&self.id);
    }
}
