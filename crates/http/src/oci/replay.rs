//! Signed writes that come again: they are not carried out again, but get the answer that the first one got.
//!
//! There is nothing in such a request that is good only once, so whoever has seen one could send it again for as long as
//! its date is good; and a client that lost an answer and asks again within the same second sends the same octets.
//!
//! They are known by the digests of their signatures, in memory and, as [`kept`](super::kept) says, over a restart.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::watch;
use zonekit_model::{Contract, Timestamp};

use super::{
    kept::{Kept, Write},
    signature::SKEW,
};

/// How long a signature is remembered: from the earliest that its date can be good to the latest, and a little.
const MEMORY: Duration = Duration::from_secs(2 * SKEW + 60);
/// How many answers are kept for each contract. Those before are told to have been given.
const ANSWERS: usize = 4_096;
/// How many signatures are remembered for each contract. Beyond, it has to wait.
const MOST: usize = 1_000_000;

/// What becomes of a request that may have come before.
pub(super) enum Claim {
    /// It is the first: to be carried out, and its answer to be told.
    First(Ticket),
    /// It came before; the answer comes here, or has come, or is gone.
    Again(watch::Receiver<Option<Kept>>),
    /// There were too many of late.
    TooMany,
}

/// The place for the answer to a request that came first.
pub(super) struct Ticket(watch::Sender<Option<Kept>>);

/// What is not remembered any more by the time that another request comes.
#[derive(Debug, Default)]
pub(super) struct Forgotten {
    /// Requests whose dates are no longer good.
    pub(super) requests: Vec<[u8; 32]>,
    /// A request whose answer makes room for another; it is known on, and when it came.
    pub(super) answer: Option<(Timestamp, [u8; 32])>,
}

impl Ticket {
    pub(super) fn keep(self, answer: Kept) {
        self.0.send_replace(Some(answer));
    }
}

/// The writes of late, by their signatures.
#[derive(Debug, Default)]
pub(super) struct Replays(Mutex<HashMap<Contract, Writes>>);

#[derive(Debug, Default)]
struct Writes {
    known: HashMap<[u8; 32], Option<watch::Receiver<Option<Kept>>>>,
    /// Oldest first.
    order: VecDeque<(Instant, [u8; 32])>,
    /// Those whose answers are kept, oldest first.
    answered: VecDeque<(Timestamp, [u8; 32])>,
}

impl Replays {
    /// Those of late that were kept, at what is now by a clock that only goes on and by the one that dates are told by.
    pub(super) fn of(mut kept: Vec<Write>, now: Instant, at: Timestamp) -> Self {
        kept.sort_by_key(|write| write.at);
        let mut tenants: HashMap<Contract, Writes> = HashMap::new();
        for write in kept {
            // One of the future came before the clock was put back: as if just now.
            let age = Duration::from_millis(at.since(write.at));
            let came = now.checked_sub(age).unwrap_or(now);
            let writes = tenants.entry(write.contract).or_default();
            let answer = write.answer.map(|answer| watch::channel(Some(answer)).1);
            writes.add(write.digest, answer, came, write.at);
        }
        Self(Mutex::new(tenants))
    }

    /// Notes a request, by the digest of its signature; says what is forgotten for it.
    pub(super) fn claim(
        &self,
        contract: &Contract,
        digest: [u8; 32],
        now: Instant,
        at: Timestamp,
    ) -> (Claim, Forgotten) {
        let mut tenants = self.lock();
        let writes = tenants.entry(contract.clone()).or_default();
        let requests = writes.forget(now);
        let mut forgotten = Forgotten {
            requests,
            answer: None,
        };
        if let Some(known) = writes.known.get(&digest) {
            let answer = known.clone().unwrap_or_else(|| watch::channel(None).1);
            return (Claim::Again(answer), forgotten);
        }
        if writes.known.len() >= MOST {
            return (Claim::TooMany, forgotten);
        }
        let (sender, receiver) = watch::channel(None);
        forgotten.answer = writes.add(digest, Some(receiver), now, at);
        (Claim::First(Ticket(sender)), forgotten)
    }

    /// Lets a request come again as if it never had: nothing was done for it.
    pub(super) fn release(&self, contract: &Contract, digest: &[u8; 32]) {
        if let Some(writes) = self.lock().get_mut(contract) {
            writes.known.remove(digest);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Contract, Writes>> {
        // What a panic leaves behind is at worst a request that may not come again.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Writes {
    /// Notes one that came; gives the one whose answer makes room for its answer, if one has to.
    fn add(
        &mut self,
        digest: [u8; 32],
        answer: Option<watch::Receiver<Option<Kept>>>,
        came: Instant,
        at: Timestamp,
    ) -> Option<(Timestamp, [u8; 32])> {
        let has_answer = answer.is_some();
        self.known.insert(digest, answer);
        self.order.push_back((came, digest));
        if !has_answer {
            return None;
        }
        self.answered.push_back((at, digest));
        let is_too_many = self.answered.len() > ANSWERS;
        let oldest = is_too_many.then(|| self.answered.pop_front()).flatten()?;
        if let Some(answer) = self.known.get_mut(&oldest.1) {
            *answer = None;
        }
        Some(oldest)
    }

    /// Forgets those whose dates are no longer good, and says which.
    fn forget(&mut self, now: Instant) -> Vec<[u8; 32]> {
        let mut gone = Vec::new();
        while let Some(&(came, digest)) = self.order.front()
            && now.saturating_duration_since(came) > MEMORY
        {
            self.order.pop_front();
            self.known.remove(&digest);
            if { self.answered.front() }.is_some_and(|(_, answered)| *answered == digest) {
                self.answered.pop_front();
            }
            gone.push(digest);
        }
        gone
    }
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, StatusCode};
    use bytes::Bytes;

    use super::*;

    const AT: Timestamp = Timestamp(1_800_000_000_000);

    fn kept(body: &'static str) -> Kept {
        Kept::new(
            StatusCode::OK,
            HeaderMap::new(),
            Bytes::from_static(body.as_bytes()),
        )
    }

    /// What a request is told: that it is the first, or the body of an answer, or that there is none.
    fn check(replays: &Replays, contract: &str, digest: u8, now: Instant) -> Option<String> {
        match { replays.claim(&contract.parse().unwrap(), [digest; 32], now, AT) }.0 {
            Claim::First(ticket) => {
                ticket.keep(kept("the first"));
                None
            }
            Claim::Again(answer) => Some(match &*answer.borrow() {
                Some(kept) => String::from_utf8(kept.body.to_vec()).unwrap(),
                None => "gone".into(),
            }),
            Claim::TooMany => Some("too many".into()),
        }
    }

    #[test]
    fn only_the_first_is_carried_out_and_the_second_gets_its_answer() {
        let (replays, now) = (Replays::default(), Instant::now());
        assert_eq!(check(&replays, "one", 1, now), None);
        assert_eq!(check(&replays, "one", 1, now), Some("the first".into()));
        assert_eq!(check(&replays, "one", 2, now), None);
        assert_eq!(check(&replays, "two", 1, now), None);
    }

    #[test]
    fn it_is_forgotten_only_when_its_date_is_no_longer_good() {
        let (replays, now) = (Replays::default(), Instant::now());
        check(&replays, "one", 1, now);
        assert!(check(&replays, "one", 1, now + MEMORY).is_some());
        assert_eq!(
            check(&replays, "one", 1, now + MEMORY + Duration::from_secs(1)),
            None
        );
    }

    #[test]
    fn an_answer_that_was_let_go_is_not_made_again() {
        let (replays, now) = (Replays::default(), Instant::now());
        let contract: Contract = "one".parse().unwrap();
        for n in 0..=ANSWERS {
            let mut digest = [0; 32];
            digest[..8].copy_from_slice(&(n as u64).to_be_bytes());
            let (Claim::First(ticket), forgotten) = replays.claim(&contract, digest, now, AT)
            else {
                panic!("{n} came before");
            };
            assert_eq!(forgotten.answer.is_some(), n == ANSWERS);
            ticket.keep(kept("the first"));
        }
        assert_eq!(check(&replays, "one", 0, now), Some("gone".into()));
    }

    #[test]
    fn what_was_kept_is_known_for_the_rest_of_its_time() {
        let (contract, now): (Contract, _) = ("one".parse().unwrap(), Instant::now() + MEMORY);
        let ago = |seconds: u64, digest: u8| Write {
            contract: contract.clone(),
            digest: [digest; 32],
            at: Timestamp(AT.0 - seconds * 1_000),
            answer: (digest != 2).then(|| kept("the first")),
        };
        let replays = Replays::of(vec![ago(5, 3), ago(600, 1), ago(300, 2)], now, AT);
        assert_eq!(check(&replays, "one", 1, now), Some("the first".into()));
        assert_eq!(check(&replays, "one", 2, now), Some("gone".into()));
        let later = now + Duration::from_secs(61);
        assert_eq!(check(&replays, "one", 1, later), None); // by now its date is no longer good
        assert_eq!(check(&replays, "one", 3, later), Some("the first".into()));
    }

    #[test]
    fn what_was_released_may_come_again() {
        let (replays, now) = (Replays::default(), Instant::now());
        check(&replays, "one", 1, now);
        replays.release(&"one".parse().unwrap(), &[1; 32]);
        assert_eq!(check(&replays, "one", 1, now), None);
    }
}
