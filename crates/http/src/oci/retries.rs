//! Moves that were marked by a retry token: the same one asked for again is not made again, but gets the answer that it got.
//!
//! Zones that were made with one know it themselves. Of moves it is known here, in memory: after a restart a move that is
//! repeated is made again, which changes nothing, unless it is held against how the thing looked before.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use zonekit_model::{Contract, Refusal, RetryToken};

use super::kept::Kept;

/// How many are known of each contract.
const MOST: usize = 1_024;
/// How long a token is good for.
const LIFE: Duration = Duration::from_millis(RetryToken::LIFE);

/// The moves of late, by contract and token.
#[derive(Debug, Default)]
pub(super) struct Retries(Mutex<HashMap<Contract, Moves>>);

#[derive(Debug, Default)]
struct Moves {
    by_token: HashMap<Box<str>, (RetryToken, Kept)>,
    /// Oldest first.
    order: VecDeque<(Instant, Box<str>)>,
}

impl Retries {
    /// The answer that a move got which came with this token.
    ///
    /// # Errors
    ///
    /// If the token came with another request.
    pub(super) fn find(
        &self,
        contract: &Contract,
        token: &RetryToken,
        now: Instant,
    ) -> Result<Option<Kept>, Refusal> {
        let mut tenants = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(moves) = tenants.get_mut(contract) else {
            return Ok(None);
        };
        moves.forget(now, MOST);
        match moves.by_token.get(token.as_str()) {
            None => Ok(None),
            Some((known, answer)) if known == token => Ok(Some(answer.clone())),
            Some(_) => Err(Refusal::TokenReused),
        }
    }

    /// Notes a move that was made, and what it was answered.
    pub(super) fn keep(&self, contract: &Contract, token: RetryToken, answer: Kept, now: Instant) {
        let mut tenants = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let moves = tenants.entry(contract.clone()).or_default();
        moves.forget(now, MOST - 1);
        let text: Box<str> = token.as_str().into();
        if moves
            .by_token
            .insert(text.clone(), (token, answer))
            .is_none()
        {
            moves.order.push_back((now, text));
        }
    }
}

impl Moves {
    fn forget(&mut self, now: Instant, most: usize) {
        while let Some((at, text)) = self.order.front()
            && (self.order.len() > most || now.saturating_duration_since(*at) > LIFE)
        {
            self.by_token.remove(text);
            self.order.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use super::*;

    #[test]
    fn a_token_is_good_for_a_day_and_for_the_last_so_many_moves() {
        let (retries, now) = (Retries::default(), Instant::now());
        let contract: Contract = "one".parse().unwrap();
        let token = |number: usize| RetryToken::new(&format!("t{number}"), b"move").unwrap();
        let is_known = |number: usize, now: Instant| {
            let found = retries.find(&contract, &token(number), now);
            found.unwrap().is_some()
        };
        for number in 0..=MOST {
            let answer = Kept::empty(StatusCode::ACCEPTED);
            retries.keep(&contract, token(number), answer, now);
        }
        assert!(!is_known(0, now));
        assert!(is_known(1, now) && is_known(MOST, now + LIFE));
        let foreign = retries.find(&"two".parse().unwrap(), &token(1), now);
        assert!(foreign.unwrap().is_none());
        let other = RetryToken::new("t1", b"another move").unwrap();
        let other = retries.find(&contract, &other, now);
        assert_eq!(other.unwrap_err(), Refusal::TokenReused);
        assert!(!is_known(1, now + LIFE + Duration::from_secs(1)));
    }
}
