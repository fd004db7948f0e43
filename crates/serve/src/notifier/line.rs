//! The zones that a server is to be told of, and whose turn it is.

use std::{
    collections::{HashMap, VecDeque},
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use tokio::{
    sync::Semaphore,
    task::AbortHandle,
    time::{Instant, sleep_until},
};
use zonekit_wire::{Name, NameBuf, SoaBuf};

use super::telling::Telling;
use super::{Manner, NotifyTarget, lock};

/// Of how many zones a server is told at the same time.
const AT_ONCE: usize = 64;

/// How far behind its rate a server may be told of zones without a pause: clocks do not wake anybody on time.
const SLACK: Duration = Duration::from_millis(100);

/// A server with what it is to be told, in a line of its own: one that does not answer keeps nobody else waiting.
pub(super) struct Line {
    pub(super) address: SocketAddr,
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

impl Line {
    pub(super) fn new(target: NotifyTarget) -> Arc<Self> {
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

    /// Who is told.
    pub(super) fn target(&self) -> NotifyTarget {
        self.state().target.clone()
    }

    /// Tells the same server in another way from now on.
    pub(super) fn retarget(&self, target: NotifyTarget) {
        self.state().target = target;
    }

    /// How many zones it is being told of, or is to be.
    pub(super) fn under_way(&self) -> usize {
        let state = self.state();
        state.waiting.len() + state.running.len()
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
    pub(super) fn end(&self) {
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

#[cfg(test)]
mod tests {
    use super::*;
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
}
