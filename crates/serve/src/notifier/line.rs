//! The zones that a server is to be told of, and whose turn it is.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use tokio::{
    sync::{Notify, Semaphore},
    task::AbortHandle,
    time::{Instant, sleep_until},
};
use zonekit_wire::{Name, NameBuf, Rcode, SoaBuf};

use super::telling::Telling;
use super::{Manner, NotifyTarget};
use crate::lock::lock;

/// Of how many zones a server is told at the same time.
const AT_ONCE: usize = 64;

/// How far behind its rate a server may be told of zones without a pause: clocks do not wake anybody on time.
const SLACK: Duration = Duration::from_millis(100);

/// A server with what it is to be told, in a line of its own: one that does not answer keeps nobody else waiting. Nor does a
/// zone of which it has not answered: that is told again later, and has no place among those that are being told until then.
pub(super) struct Line {
    pub(super) address: SocketAddr,
    slots: Arc<Semaphore>,
    /// A turn may be earlier than it was.
    sooner: Notify,
    state: Mutex<State>,
}

struct State {
    target: NotifyTarget,
    /// The zones that have not had their turn, the first first.
    waiting: VecDeque<NameBuf>,
    /// What is to be told of them by then.
    news: HashMap<NameBuf, SoaBuf>,
    /// When the next of them has its turn.
    next: Instant,
    /// The zones of which nothing was answered, by when they are told again; the numbers tell those of one moment apart.
    due: BTreeMap<(Instant, u64), NameBuf>,
    unanswered: HashMap<NameBuf, Unanswered>,
    last: u64,
    /// Gives turns, as long as somebody waits.
    usher: Option<AbortHandle>,
    /// What is being told right now.
    running: HashMap<NameBuf, AbortHandle>,
}

/// What was told, and not answered.
struct Unanswered {
    soa: SoaBuf,
    /// How often.
    sent: u32,
    /// Its place among those that are due.
    due: (Instant, u64),
}

impl Line {
    pub(super) fn new(target: NotifyTarget) -> Arc<Self> {
        Arc::new(Self {
            address: target.address,
            slots: Arc::new(Semaphore::new(AT_ONCE)),
            sooner: Notify::new(),
            state: Mutex::new(State {
                target,
                waiting: VecDeque::new(),
                news: HashMap::new(),
                next: Instant::now(),
                due: BTreeMap::new(),
                unanswered: HashMap::new(),
                last: 0,
                usher: None,
                running: HashMap::new(),
            }),
        })
    }

    /// Who is told.
    pub(super) fn target(&self) -> NotifyTarget {
        self.state().target.clone()
    }

    /// Tells the same server in another way from now on: also what it has been told, and has not answered.
    pub(super) fn retarget(&self, target: NotifyTarget) {
        self.state().target = target;
    }

    /// How many zones it is being told of, or is to be.
    pub(super) fn under_way(&self) -> usize {
        let state = self.state();
        state.waiting.len() + state.unanswered.len() + state.running.len()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// Has a zone wait for its turn; one that does so already keeps it.
    pub(super) fn put(self: &Arc<Self>, zone: Name<'_>, soa: &SoaBuf, manner: &Manner) {
        let zone = zone.to_buf();
        let mut state = self.state();
        if let Some(earlier) = state.running.remove(&zone) {
            earlier.abort();
        }
        if let Some(earlier) = state.unanswered.remove(&zone) {
            state.due.remove(&earlier.due);
        }
        if state.news.insert(zone.clone(), soa.clone()).is_none() {
            state.waiting.push_back(zone);
        }
        self.see_to_turns(&mut state, manner);
    }

    /// Has turns given, or given sooner, since there is one more to have one.
    fn see_to_turns(self: &Arc<Self>, state: &mut State, manner: &Manner) {
        match state.usher {
            Some(_) => self.sooner.notify_one(),
            None => {
                let ushering = Arc::clone(self).give_turns(manner.clone());
                state.usher = Some(tokio::spawn(ushering).abort_handle());
            }
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
            tokio::select! {
                () = sleep_until(turn) => {}
                () = self.sooner.notified() => continue,
            }
            let mut state = self.state();
            let Some((zone, soa, sent)) = state.take(turn) else {
                continue;
            };
            let telling = Telling {
                zone: zone.clone(),
                soa,
                target: state.target.clone(),
                counters: Arc::clone(&manner.counters),
            };
            let (line, manner) = (Arc::clone(&self), manner.clone());
            let handle = tokio::spawn(async move {
                let began = Instant::now();
                let answer = telling.run(manner.retry.first).await;
                drop(slot);
                line.told(telling, sent + 1, began, answer, &manner);
            });
            state.running.insert(zone, handle.abort_handle());
        }
    }

    /// When the next has its turn; if there is nobody, no more turns are given.
    fn next_turn(&self) -> Option<Instant> {
        let mut state = self.state();
        let first = (!state.waiting.is_empty()).then(|| {
            let earliest = Instant::now().checked_sub(SLACK);
            earliest.map_or(state.next, |earliest| state.next.max(earliest))
        });
        let again = state.due.first_key_value().map(|((due, _), _)| *due);
        let turn = first.into_iter().chain(again).min();
        if turn.is_none() {
            state.usher = None;
        }
        turn
    }

    /// What was being told is told, or given up, or is to be told again.
    fn told(
        self: &Arc<Self>,
        telling: Telling,
        sent: u32,
        began: Instant,
        answer: Option<Rcode>,
        manner: &Manner,
    ) {
        let Manner { retry, counters } = manner;
        let mut state = self.state();
        let is_ours = |handle: &AbortHandle| handle.id() == tokio::task::id();
        if !state.running.get(&telling.zone).is_some_and(is_ours) {
            return; // there is a newer version, or nobody to be told any more
        }
        state.running.remove(&telling.zone);
        let Telling { zone, soa, .. } = telling;
        let (address, serial) = (self.address, soa.serial.0);
        match answer {
            Some(Rcode::NOERROR) => {
                counters.notifies_answered.count();
                tracing::debug!(%zone, %address, serial, "NOTIFY answered");
            }
            // Who cannot answer now may be able to later (RFC 1996 §3.6: until it is answered). Who will not, will not.
            None | Some(Rcode::SERVFAIL) if sent < retry.attempts => {
                let wait = retry.first.saturating_mul(2_u32.saturating_pow(sent - 1));
                let due = began.checked_add(wait).unwrap_or(began + retry.first);
                state.put_off(zone, soa, sent, due);
                self.see_to_turns(&mut state, manner);
            }
            Some(rcode) => {
                counters.notifies_given_up.count();
                tracing::warn!(%zone, %address, %rcode, "NOTIFY refused");
            }
            None => {
                counters.notifies_given_up.count();
                tracing::warn!(%zone, %address, attempts = sent, "NOTIFY never answered");
            }
        }
    }

    /// Tells nothing more.
    pub(super) fn end(&self) {
        let mut state = self.state();
        state.waiting.clear();
        state.news.clear();
        state.due.clear();
        state.unanswered.clear();
        let usher = state.usher.take();
        let running = state.running.drain().map(|(_, handle)| handle);
        running.chain(usher).for_each(|handle| handle.abort());
    }
}

impl State {
    /// Whose turn it is, with what is to be told, and how often it was: one that had none yet before one that did not answer.
    fn take(&mut self, turn: Instant) -> Option<(NameBuf, SoaBuf, u32)> {
        if self.next <= turn
            && let Some(zone) = self.waiting.pop_front()
        {
            let soa = self.news.remove(&zone)?;
            let gap = Duration::from_secs(1).checked_div(self.target.per_second);
            self.next = turn + gap.unwrap_or_default();
            return Some((zone, soa, 0));
        }
        let due = self.due.first_entry().filter(|due| due.key().0 <= turn)?;
        let zone = due.remove();
        let Unanswered { soa, sent, .. } = self.unanswered.remove(&zone)?;
        Some((zone, soa, sent))
    }

    /// Has a zone told again by then.
    fn put_off(&mut self, zone: NameBuf, soa: SoaBuf, sent: u32, due: Instant) {
        self.last += 1;
        let due = (due, self.last);
        self.due.insert(due, zone.clone());
        self.unanswered.insert(zone, Unanswered { soa, sent, due });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Counters;
    use crate::notifier::NotifyRetry;
    use crate::notifier::tests::{news, target};

    /// A line in which these zones wait, before anybody gives turns.
    fn line(per_second: u32, zones: u32) -> Arc<Line> {
        let line = Line::new(target(1, per_second));
        for number in 0..zones {
            let (zone, soa) = news(number);
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

    /// What a server does with each NOTIFY that it gets, by its number and octets: the rcode that it answers, if it does.
    fn serve(mut answer: impl FnMut(usize, &[u8]) -> Option<u8> + Send + 'static) -> SocketAddr {
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        std::thread::spawn(move || {
            let mut octets = [0; 512];
            let mut number = 0;
            while let Ok((length, from)) = socket.recv_from(&mut octets) {
                if let Some(rcode) = answer(number, &octets[..length]) {
                    octets[2] |= 0x80; // an answer
                    octets[3] |= rcode;
                    let _ = socket.send_to(&octets[..length], from);
                }
                number += 1;
            }
        });
        address
    }

    fn manner(first: Duration, attempts: u32) -> Manner {
        Manner {
            retry: NotifyRetry { first, attempts },
            counters: Arc::new(Counters::default()),
        }
    }

    fn line_to(address: SocketAddr) -> Arc<Line> {
        Line::new(NotifyTarget {
            address,
            ..target(1, 0)
        })
    }

    /// Waits until so many were answered or given up.
    async fn settled(manner: &Manner, wanted: u64) {
        let count = || {
            let Counters {
                notifies_answered: answered,
                notifies_given_up: given_up,
                ..
            } = &*manner.counters;
            (answered.value(), given_up.value())
        };
        let settling = async {
            while count().0 + count().1 < wanted {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let settled = tokio::time::timeout(Duration::from_secs(120), settling).await;
        assert!(
            settled.is_ok(),
            "waited in vain for {wanted}: {:?}",
            count()
        );
    }

    #[tokio::test]
    async fn who_fails_is_told_again_and_who_will_not_hear_is_not() {
        for (rcode, [answered, given_up, sent]) in [
            (Rcode::SERVFAIL, [1, 0, 3]),
            (Rcode::REFUSED, [0, 1, 1]),
            (Rcode::NOTAUTH, [0, 1, 1]),
        ] {
            let address = serve(move |number, _| Some(if number < 2 { rcode.0 as u8 } else { 0 }));
            let manner = manner(Duration::from_millis(50), 7);
            let (zone, soa) = news(1);
            line_to(address).put(zone.as_name(), &soa, &manner);
            settled(&manner, 1).await;
            let counters = &manner.counters;
            let found = [
                counters.notifies_answered.value(),
                counters.notifies_given_up.value(),
                counters.notifies_sent.value(),
            ];
            assert_eq!(found, [answered, given_up, sent], "{rcode}");
        }
    }

    /// More zones than are told at the same time, of which it never answers, and one of which it does.
    #[tokio::test]
    async fn zones_of_which_nothing_is_answered_hold_up_no_other() {
        let good = |octets: &[u8]| octets.windows(4).any(|window| window == b"\x03999");
        let address = serve(move |_, octets| good(octets).then_some(0));
        let manner = manner(Duration::from_millis(500), 7);
        let line = line_to(address);
        for (zone, soa) in (0..AT_ONCE as u32 + 1).chain([999]).map(news) {
            line.put(zone.as_name(), &soa, &manner);
        }
        settled(&manner, 1).await;
        assert_eq!(manner.counters.notifies_answered.value(), 1);
        assert_eq!(manner.counters.notifies_given_up.value(), 0);
        assert_eq!(line.under_way(), AT_ONCE + 1, "the others are told again");
    }

    #[tokio::test]
    async fn what_is_told_again_is_told_as_the_target_is_by_then() {
        let (heard, mut hearing) = tokio::sync::mpsc::unbounded_channel();
        let address = serve(move |_, octets| {
            let _ = heard.send(octets[11] == 1); // a TSIG is the one additional record
            None
        });
        let line = line_to(address);
        let (zone, soa) = news(1);
        line.put(
            zone.as_name(),
            &soa,
            &manner(Duration::from_millis(100), 12),
        );
        let within = Duration::from_secs(60);
        let first = tokio::time::timeout(within, hearing.recv()).await;
        assert_eq!(first, Ok(Some(false)), "the first NOTIFY is not signed");
        line.retarget(NotifyTarget {
            key: Some("key.example.:c2VjcmV0".parse().unwrap()),
            ..line.target()
        });
        // One may have been on its way already.
        let signed = async { while hearing.recv().await != Some(true) {} };
        let signed = tokio::time::timeout(within, signed).await;
        assert!(signed.is_ok(), "waited in vain for a signed NOTIFY");
    }
}
