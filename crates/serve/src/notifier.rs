//! NOTIFY going out ([RFC 1996 §3.6]): other servers are told of a new version until they answer.
//!
//! [RFC 1996 §3.6]: https://www.rfc-editor.org/rfc/rfc1996#section-3.6

use std::{
    collections::{HashMap, VecDeque},
    fmt, io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use tokio::{
    net::UdpSocket,
    sync::Semaphore,
    task::AbortHandle,
    time::{Instant, sleep_until, timeout},
};
use zonekit_tsig::{ClientStream, Key, Signed, TsigError, sign_request};
use zonekit_wire::{
    Class, Compressor, Header, Message, MessageWriter, Name, NameBuf, Opcode, Rcode, Record, Rtype,
    Section, SoaBuf,
};

use crate::Counters;

/// Of how many zones a server is told at the same time.
const AT_ONCE: usize = 64;

/// How far behind its rate a server may be told of zones without a pause: clocks do not wake anybody on time.
const SLACK: Duration = Duration::from_millis(100);

/// Somebody to tell of new versions.
#[derive(Clone, Debug)]
pub struct NotifyTarget {
    /// Where it listens.
    pub address: SocketAddr,
    /// The key to sign with, and to expect the answer signed with.
    pub key: Option<Key>,
    /// The address to send from; the system's choice if there is none.
    pub source: Option<IpAddr>,
    /// How many zones it is told of in a second, at most; repetitions to who does not answer do not count. 0 is no limit.
    /// The others wait, each with its newest version only.
    pub per_second: u32,
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
/// let target = NotifyTarget { address: "192.0.2.2:53".parse()?, key: None, source: None, per_second: 100 };
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
    lines: Mutex<Vec<Arc<Line>>>,
    manner: Manner,
}

/// How everybody is told.
#[derive(Clone)]
struct Manner {
    retry: NotifyRetry,
    counters: Arc<Counters>,
}

/// A server with what it is to be told, in a line of its own: one that does not answer keeps nobody else waiting.
struct Line {
    address: SocketAddr,
    slots: Arc<Semaphore>,
    state: Mutex<State>,
}

struct State {
    target: NotifyTarget,
    /// The zones that have not had their turn, the first first.
    waiting: VecDeque<NameBuf>,
    /// What is to be told of them by then.
    news: HashMap<NameBuf, SoaBuf>,
    /// When the next has its turn.
    next: Instant,
    /// Gives turns, as long as somebody waits.
    usher: Option<AbortHandle>,
    /// What is being told right now.
    running: HashMap<NameBuf, AbortHandle>,
}

impl Notifier {
    /// Will tell `targets`, and count what comes of it in `counters`.
    pub fn new(targets: Vec<NotifyTarget>, retry: NotifyRetry, counters: Arc<Counters>) -> Self {
        let lines = targets.into_iter().map(Line::new).collect();
        let shared = Shared {
            lines: Mutex::new(lines),
            manner: Manner { retry, counters },
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Tells these from now on. What waits to be told to one that stays, by its address, does so on; one that is not among
    /// them hears nothing more.
    pub fn retarget(&self, targets: Vec<NotifyTarget>) {
        let mut lines = lock(&self.shared.lines);
        let mut before = std::mem::take(&mut *lines);
        for target in targets {
            let staying = { before.iter() }.position(|line| line.address == target.address);
            lines.push(match staying {
                Some(place) => {
                    let line = before.swap_remove(place);
                    line.state().target = target;
                    line
                }
                None => Line::new(target),
            });
        }
        before.iter().for_each(|line| line.end());
    }

    /// Begins to tell everybody that `zone` is now at this SOA, which must be what a query would get: durable, and
    /// visible. What was being told about the zone before is dropped in favour of this.
    ///
    /// Returns at once; must be called within a tokio runtime.
    pub fn announce(&self, zone: Name<'_>, soa: &SoaBuf) {
        for line in lock(&self.shared.lines).iter() {
            line.put(zone, soa, &self.shared.manner);
        }
    }

    /// How many are being told of a version, or wait to be.
    pub fn under_way(&self) -> usize {
        let lines = lock(&self.shared.lines);
        let under_way = lines.iter().map(|line| {
            let state = line.state();
            state.waiting.len() + state.running.len()
        });
        under_way.sum()
    }
}

impl Line {
    fn new(target: NotifyTarget) -> Arc<Self> {
        Arc::new(Self {
            address: target.address,
            slots: Arc::new(Semaphore::new(AT_ONCE)),
            state: Mutex::new(State {
                target,
                waiting: VecDeque::new(),
                news: HashMap::new(),
                next: Instant::now(),
                usher: None,
                running: HashMap::new(),
            }),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// Has a zone wait for its turn; one that does so already keeps it.
    fn put(self: &Arc<Self>, zone: Name<'_>, soa: &SoaBuf, manner: &Manner) {
        let zone = zone.to_buf();
        let mut state = self.state();
        if let Some(earlier) = state.running.remove(&zone) {
            earlier.abort();
        }
        if state.news.insert(zone.clone(), soa.clone()).is_none() {
            state.waiting.push_back(zone);
        }
        if state.usher.is_none() {
            let ushering = Arc::clone(self).give_turns(manner.clone());
            state.usher = Some(tokio::spawn(ushering).abort_handle());
        }
    }

    /// Gives turns until nobody waits.
    async fn give_turns(self: Arc<Self>, manner: Manner) {
        loop {
            let Ok(slot) = Arc::clone(&self.slots).acquire_owned().await else {
                return; // they are never closed
            };
            let Some(turn) = self.next_turn() else {
                return;
            };
            sleep_until(turn).await;
            let mut state = self.state();
            let Some((zone, soa)) = state.take(turn) else {
                continue;
            };
            let telling = Telling {
                zone: zone.clone(),
                soa,
                target: state.target.clone(),
                manner: manner.clone(),
            };
            let line = Arc::clone(&self);
            let handle = tokio::spawn(async move {
                telling.run().await;
                drop(slot);
                line.told(&telling.zone);
            });
            state.running.insert(zone, handle.abort_handle());
        }
    }

    /// When who is first in line has its turn; if there is nobody, no more turns are given.
    fn next_turn(&self) -> Option<Instant> {
        let mut state = self.state();
        if state.waiting.is_empty() {
            state.usher = None;
            return None;
        }
        let earliest = Instant::now();
        Some(match earliest.checked_sub(SLACK) {
            Some(earliest) => state.next.max(earliest),
            None => state.next,
        })
    }

    /// What was being told is told, or given up.
    fn told(&self, zone: &NameBuf) {
        let mut state = self.state();
        let is_ours = |handle: &AbortHandle| handle.id() == tokio::task::id();
        if state.running.get(zone).is_some_and(is_ours) {
            state.running.remove(zone);
        }
    }

    /// Tells nothing more.
    fn end(&self) {
        let mut state = self.state();
        state.waiting.clear();
        state.news.clear();
        let usher = state.usher.take();
        let running = state.running.drain().map(|(_, handle)| handle);
        running.chain(usher).for_each(|handle| handle.abort());
    }
}

impl State {
    /// The first in line, whose turn it is, with what is to be told.
    fn take(&mut self, turn: Instant) -> Option<(NameBuf, SoaBuf)> {
        let zone = self.waiting.pop_front()?;
        let soa = self.news.remove(&zone)?;
        let gap = Duration::from_secs(1).checked_div(self.target.per_second);
        self.next = turn + gap.unwrap_or_default();
        Some((zone, soa))
    }
}

impl fmt::Debug for Notifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = lock(&self.shared.lines);
        let targets: Vec<NotifyTarget> = { lines.iter() }
            .map(|line| line.state().target.clone())
            .collect();
        f.debug_struct("Notifier")
            .field("targets", &targets)
            .finish_non_exhaustive()
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        lock(&self.lines).iter().for_each(|line| line.end());
    }
}

/// One server being told of one version.
struct Telling {
    zone: NameBuf,
    soa: SoaBuf,
    target: NotifyTarget,
    manner: Manner,
}

impl Telling {
    async fn run(&self) {
        let Self {
            zone,
            target: NotifyTarget { address, .. },
            manner: Manner { retry, counters },
            ..
        } = self;
        let mut wait = retry.first;
        for _ in 0..retry.attempts {
            match self.attempt(wait).await {
                Ok(Some(Rcode::NOERROR)) => {
                    counters.notifies_answered.count();
                    return tracing::debug!(%zone, %address, serial = self.soa.serial.0, "NOTIFY answered");
                }
                Ok(Some(rcode)) => {
                    counters.notifies_given_up.count();
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
        counters.notifies_given_up.count();
        tracing::warn!(%zone, %address, attempts = retry.attempts, "NOTIFY never answered");
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
        self.manner.counters.notifies_sent.count();
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

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use zonekit_wire::Serial;

    use super::*;

    fn target(number: u8, per_second: u32) -> NotifyTarget {
        NotifyTarget {
            address: ([192, 0, 2, number], 53).into(),
            key: None,
            source: None,
            per_second,
        }
    }

    /// A line in which these zones wait, before anybody gives turns.
    fn line(per_second: u32, zones: u32) -> Arc<Line> {
        let line = Line::new(target(1, per_second));
        let name: NameBuf = "ns.example".parse().unwrap();
        for number in 0..zones {
            let zone: NameBuf = format!("{number}.example").parse().unwrap();
            let soa = SoaBuf {
                mname: name.clone(),
                rname: name.clone(),
                serial: Serial(number),
                refresh: 1,
                retry: 1,
                expire: 1,
                minimum: 1,
            };
            let mut state = line.state();
            state.news.insert(zone.clone(), soa);
            state.waiting.push_back(zone);
        }
        line
    }

    #[tokio::test]
    async fn turns_are_as_far_apart_as_the_rate_says() {
        for (per_second, seconds) in [(100, 9), (10, 99)] {
            let line = line(per_second, 1_000);
            let began = line.next_turn().unwrap();
            let mut last = began;
            while let Some(turn) = line.next_turn() {
                last = turn; // as if it was then
                assert!(line.state().take(turn).is_some());
            }
            assert_eq!((last - began).as_secs(), seconds, "{per_second}");
        }
        // Who was not told for long is not told of all that was possible meanwhile.
        let (limited, before) = (line(100, 1), Instant::now());
        limited.state().next = before - Duration::from_secs(5);
        assert!(limited.next_turn().unwrap() + SLACK >= before);
        let unlimited = line(0, 100);
        while let Some(turn) = unlimited.next_turn() {
            assert!(turn <= Instant::now());
            unlimited.state().take(turn);
        }
    }

    #[tokio::test]
    async fn who_stays_a_target_keeps_what_waits_and_who_does_not_hears_no_more() {
        let notifier = Notifier::new(
            vec![target(1, 1), target(2, 1)],
            NotifyRetry::default(),
            Arc::new(Counters::default()),
        );
        let lines = || lock(&notifier.shared.lines).clone();
        let before = lines();
        let news = line(1, 1).state().news.clone();
        for (zone, soa) in &news {
            notifier.announce(zone.as_name(), soa);
            notifier.announce(zone.as_name(), soa);
        }
        assert_eq!(notifier.under_way(), 2);
        notifier.retarget(vec![target(3, 1), target(2, 7)]);
        let now = lines();
        assert!(Arc::ptr_eq(&before[1], &now[1]));
        assert_eq!(now[1].state().target.per_second, 7);
        assert_eq!(notifier.under_way(), 1);
        assert!(before[0].state().waiting.is_empty());
    }
}
