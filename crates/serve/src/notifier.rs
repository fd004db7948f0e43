//! NOTIFY going out ([RFC 1996 §3.6]): other servers are told of a new version until they answer.
//!
//! [RFC 1996 §3.6]: https://www.rfc-editor.org/rfc/rfc1996#section-3.6

use std::{
    collections::HashMap,
    fmt, io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use tokio::{net::UdpSocket, sync::Semaphore, task::AbortHandle, time::timeout};
use zonekit_tsig::{ClientStream, Key, Signed, TsigError, sign_request};
use zonekit_wire::{
    Class, Compressor, Header, Message, MessageWriter, Name, NameBuf, Opcode, Rcode, Record, Rtype,
    Section, SoaBuf,
};

use crate::Counters;

/// Of how many zones a server is told at the same time.
const AT_ONCE: usize = 64;

/// Somebody to tell of new versions.
#[derive(Clone, Debug)]
pub struct NotifyTarget {
    /// Where it listens.
    pub address: SocketAddr,
    /// The key to sign with, and to expect the answer signed with.
    pub key: Option<Key>,
    /// The address to send from; the system's choice if there is none.
    pub source: Option<IpAddr>,
}

/// How long to go on telling somebody who does not answer.
#[derive(Clone, Copy, Debug)]
pub struct NotifyRetry {
    /// How long to wait for the first answer; each further wait is twice as long. Default 2 s.
    pub first: Duration,
    /// How often to send in all. Default 6, which gives up after about two minutes.
    pub attempts: u32,
}

impl Default for NotifyRetry {
    fn default() -> Self {
        Self {
            first: Duration::from_secs(2),
            attempts: 6,
        }
    }
}

/// Tells a list of servers of new versions, each until it answers. A clone is the same notifier; with the last one, all
/// telling ends.
///
/// ```
/// use std::sync::Arc;
/// use std::time::Duration;
/// use zonekit_serve::{Counters, Notifier, NotifyRetry, NotifyTarget};
///
/// let target = NotifyTarget { address: "192.0.2.2:53".parse()?, key: None, source: None };
/// let retry = NotifyRetry { first: Duration::from_secs(1), ..NotifyRetry::default() };
/// let notifier = Notifier::new(vec![target], retry, Arc::new(Counters::default()));
/// // After each publication, on a tokio runtime: notifier.announce(zone.apex(), &zone.soa());
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[derive(Clone)]
pub struct Notifier {
    shared: Arc<Shared>,
}

struct Shared {
    targets: Mutex<Arc<[Told]>>,
    retry: NotifyRetry,
    counters: Arc<Counters>,
    /// Who is being told of what right now.
    running: Mutex<HashMap<(NameBuf, SocketAddr), AbortHandle>>,
}

/// A server with what it is told through: one that does not answer keeps nobody else waiting.
struct Told {
    target: NotifyTarget,
    slots: Arc<Semaphore>,
}

impl From<NotifyTarget> for Told {
    fn from(target: NotifyTarget) -> Self {
        Self {
            target,
            slots: Arc::new(Semaphore::new(AT_ONCE)),
        }
    }
}

impl Notifier {
    /// Will tell `targets`, and count what comes of it in `counters`.
    pub fn new(targets: Vec<NotifyTarget>, retry: NotifyRetry, counters: Arc<Counters>) -> Self {
        let shared = Shared {
            targets: Mutex::new(targets.into_iter().map(Told::from).collect()),
            retry,
            counters,
            running: Mutex::default(),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Tells these from the next [`announce`](Self::announce) on.
    pub fn retarget(&self, targets: Vec<NotifyTarget>) {
        *lock(&self.shared.targets) = targets.into_iter().map(Told::from).collect();
    }

    /// Begins to tell everybody that `zone` is now at this SOA, which must be what a query would get: durable, and
    /// visible. What was being told about the zone before is dropped in favour of this.
    ///
    /// Returns at once; must be called within a tokio runtime.
    pub fn announce(&self, zone: Name<'_>, soa: &SoaBuf) {
        let targets = Arc::clone(&lock(&self.shared.targets));
        let mut running = lock(&self.shared.running);
        for Told { target, slots } in targets.iter() {
            let telling = Telling {
                zone: zone.to_buf(),
                soa: soa.clone(),
                target: target.clone(),
                retry: self.shared.retry,
                counters: Arc::clone(&self.shared.counters),
                slots: Arc::clone(slots),
            };
            let key = (zone.to_buf(), target.address);
            let weak = Arc::downgrade(&self.shared);
            let done = key.clone();
            let handle = tokio::spawn(async move {
                telling.run().await;
                if let Some(shared) = weak.upgrade() {
                    let mut running = lock(&shared.running);
                    if running
                        .get(&done)
                        .is_some_and(|handle| handle.id() == tokio::task::id())
                    {
                        running.remove(&done);
                    }
                }
            });
            if let Some(earlier) = running.insert(key, handle.abort_handle()) {
                earlier.abort();
            }
        }
    }

    /// How many are being told of a version, or wait to be.
    pub fn under_way(&self) -> usize {
        lock(&self.shared.running).len()
    }
}

impl fmt::Debug for Notifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let targets = Arc::clone(&lock(&self.shared.targets));
        let targets: Vec<&NotifyTarget> = targets.iter().map(|told| &told.target).collect();
        f.debug_struct("Notifier")
            .field("targets", &targets)
            .finish_non_exhaustive()
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        for (_, handle) in lock(&self.running).drain() {
            handle.abort();
        }
    }
}

/// One server being told of one version.
struct Telling {
    zone: NameBuf,
    soa: SoaBuf,
    target: NotifyTarget,
    retry: NotifyRetry,
    counters: Arc<Counters>,
    slots: Arc<Semaphore>,
}

impl Telling {
    async fn run(&self) {
        let Self {
            zone,
            target: NotifyTarget { address, .. },
            ..
        } = self;
        let Ok(_slot) = self.slots.acquire().await else {
            return;
        };
        let mut wait = self.retry.first;
        for _ in 0..self.retry.attempts {
            match self.attempt(wait).await {
                Ok(Some(Rcode::NOERROR)) => {
                    self.counters.notifies_answered.count();
                    return tracing::debug!(%zone, %address, serial = self.soa.serial.0, "NOTIFY answered");
                }
                Ok(Some(rcode)) => {
                    self.counters.notifies_given_up.count();
                    return tracing::warn!(%zone, %address, %rcode, "NOTIFY refused");
                }
                Ok(None) => {}
                Err(error) => {
                    tracing::debug!(%zone, %address, %error, "sending NOTIFY");
                    tokio::time::sleep(wait).await;
                }
            }
            wait = wait.saturating_mul(2);
        }
        self.counters.notifies_given_up.count();
        tracing::warn!(%zone, %address, attempts = self.retry.attempts, "NOTIFY never answered");
    }

    /// Sends once and waits; the rcode of the answer, or none in time.
    async fn attempt(&self, wait: Duration) -> io::Result<Option<Rcode>> {
        let unspecified = match self.target.address {
            SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        };
        let socket = UdpSocket::bind((self.target.source.unwrap_or(unspecified), 0)).await?;
        socket.connect(self.target.address).await?; // answers from elsewhere do not reach us
        let request = Request::new(
            self.zone.as_name(),
            &self.soa,
            self.target.key.as_ref(),
            now(),
        )?;
        self.counters.notifies_sent.count();
        socket.send(&request.octets).await?;
        let mut buffer = [0; 4096];
        let answer = timeout(wait, async {
            loop {
                let len = socket.recv(&mut buffer).await?;
                if let Some(rcode) = request.accept(buffer.get(..len).unwrap_or_default(), now()) {
                    return Ok(rcode);
                }
            }
        });
        answer.await.ok().transpose()
    }
}

/// A NOTIFY, and what its answer must be like.
struct Request {
    id: u16,
    octets: Vec<u8>,
    signature: Option<ClientStream>,
}

impl Request {
    fn new(zone: Name<'_>, soa: &SoaBuf, key: Option<&Key>, now: u64) -> io::Result<Self> {
        let mut id = [0; 2];
        getrandom::fill(&mut id).map_err(io::Error::other)?;
        let id = u16::from_be_bytes(id);
        let (mut octets, mut compressor) = (Vec::new(), Compressor::new());
        let mut writer = MessageWriter::new(&mut octets, 65_535, &mut compressor);
        writer.set_header(Header {
            id,
            opcode: Opcode::NOTIFY,
            aa: true,
            ..Header::default()
        });
        let mut rdata = Vec::new();
        soa.as_soa().write(&mut rdata);
        let hint = Record {
            owner: zone,
            rtype: Rtype::SOA,
            class: Class::IN,
            ttl: 0,
            rdata: &rdata,
        };
        writer
            .question(zone, Rtype::SOA, Class::IN)
            .map_err(io::Error::other)?;
        writer
            .record(Section::Answer, &hint)
            .map_err(io::Error::other)?;
        writer.finish();
        let signature = key.map(|key| sign_request(key, &mut octets, now));
        Ok(Self {
            id,
            octets,
            signature,
        })
    }

    /// The rcode, if these octets are the answer; with a key, only if it is signed, or says why our signature did not
    /// pass.
    fn accept(&self, octets: &[u8], now: u64) -> Option<Rcode> {
        let header = Message::new(octets).ok()?.header();
        if header.id != self.id || !header.qr || header.opcode != Opcode::NOTIFY {
            return None;
        }
        match self
            .signature
            .clone()
            .map(|mut signature| signature.check(octets, now))
        {
            None | Some(Ok(Signed::Yes) | Err(TsigError::Peer { .. })) => Some(header.rcode),
            Some(_) => None,
        }
    }
}

fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
