//! Signed writes that come again: they are not carried out again, but get the answer that the first one got.
//!
//! There is nothing in such a request that is good only once, so whoever has seen one could send it again for as long as
//! its date is good; and a client that lost an answer and asks again within the same second sends the same octets.

use std::{
    collections::{HashMap, VecDeque},
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use axum::http::{HeaderMap, StatusCode};
use bytes::Bytes;
use tokio::sync::watch;
use zonekit_model::Contract;

use super::signature::SKEW;
use crate::answer::Problem;

/// How long a signature is remembered: from the earliest that its date can be good to the latest, and a little.
const MEMORY: Duration = Duration::from_secs(2 * SKEW + 60);
/// How many answers are kept for each contract. Those before are told to have been given.
const ANSWERS: usize = 4_096;
/// How many signatures are remembered for each contract. Beyond, it has to wait.
const MOST: usize = 1_000_000;

/// What the first one got.
#[derive(Clone)]
pub(super) struct Kept {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    /// What was wrong, if something was: it gets its look further out, also when it is told again.
    pub(super) problem: Option<Problem>,
}

impl fmt::Debug for Kept {
    /// Without the body: that of a TSIG key has its secret in it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kept")
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

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
    answered: VecDeque<[u8; 32]>,
}

impl Replays {
    /// Notes a request, by the digest of its signature.
    pub(super) fn claim(&self, contract: &Contract, digest: [u8; 32], now: Instant) -> Claim {
        let mut tenants = self.lock();
        let writes = tenants.entry(contract.clone()).or_default();
        writes.forget(now);
        if let Some(known) = writes.known.get(&digest) {
            return Claim::Again(known.clone().unwrap_or_else(|| watch::channel(None).1));
        }
        if writes.known.len() >= MOST {
            return Claim::TooMany;
        }
        if writes.answered.len() >= ANSWERS
            && let Some(oldest) = writes.answered.pop_front()
            && let Some(answer) = writes.known.get_mut(&oldest)
        {
            *answer = None;
        }
        let (sender, receiver) = watch::channel(None);
        writes.known.insert(digest, Some(receiver));
        writes.order.push_back((now, digest));
        writes.answered.push_back(digest);
        Claim::First(Ticket(sender))
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
    fn forget(&mut self, now: Instant) {
        while let Some(&(at, digest)) = self.order.front()
            && now.saturating_duration_since(at) > MEMORY
        {
            self.order.pop_front();
            self.known.remove(&digest);
            if self.answered.front() == Some(&digest) {
                self.answered.pop_front();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(body: &'static str) -> Kept {
        Kept {
            status: StatusCode::OK,
            headers: HeaderMap::new(),
            body: Bytes::from_static(body.as_bytes()),
            problem: None,
        }
    }

    /// What a request is told: that it is the first, or the body of an answer, or that there is none.
    fn check(replays: &Replays, contract: &str, digest: u8, now: Instant) -> Option<String> {
        match replays.claim(&contract.parse().unwrap(), [digest; 32], now) {
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
            let Claim::First(ticket) = replays.claim(&contract, digest, now) else {
                panic!("{n} came before");
            };
            ticket.keep(kept("the first"));
        }
        assert_eq!(check(&replays, "one", 0, now), Some("gone".into()));
    }

    #[test]
    fn debug_shows_no_answer() {
        let shown = format!("{:?}", kept("c2VjcmV0"));
        assert!(
            !shown.contains("c2VjcmV0") && shown.contains("200"),
            "{shown}"
        );
    }

    #[test]
    fn what_was_released_may_come_again() {
        let (replays, now) = (Replays::default(), Instant::now());
        check(&replays, "one", 1, now);
        replays.release(&"one".parse().unwrap(), &[1; 32]);
        assert_eq!(check(&replays, "one", 1, now), None);
    }
}
