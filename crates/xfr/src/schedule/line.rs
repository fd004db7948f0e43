//! The lines in which zones wait for their visits.

use std::collections::VecDeque;

use super::Reason;

/// A line that was as long as this does not keep its room.
const MANY: usize = 1_024;

/// A place in a line; void once its zone has another stamp.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ticket {
    pub(super) place: usize,
    pub(super) stamp: u64,
    /// Whether it has waited at a primary.
    pub(super) was_parked: bool,
    /// Whether it has waited at one only to find another full, and stands among the elders by that.
    pub(super) is_elder: bool,
}

impl Ticket {
    pub(super) fn new(place: usize, stamp: u64) -> Self {
        Self {
            place,
            stamp,
            was_parked: false,
            is_elder: false,
        }
    }
}

/// One line for each [`Reason`].
#[derive(Debug, Default)]
pub(super) struct Queues([VecDeque<Ticket>; 4]);

impl Queues {
    pub(super) fn push(&mut self, reason: Reason, ticket: Ticket) {
        self.of(reason).push_back(ticket);
    }

    pub(super) fn pop(&mut self) -> Option<Ticket> {
        let line = self.0.iter_mut().find(|line| !line.is_empty())?;
        let ticket = line.pop_front();
        if line.is_empty() && line.capacity() > MANY {
            *line = VecDeque::new(); // so many come together at a start, and hardly ever again
        }
        ticket
    }

    /// The reason of the first in line.
    pub(super) fn first(&self) -> Option<Reason> {
        let reasons = [
            Reason::Operator,
            Reason::Notify,
            Reason::Refresh,
            Reason::Bootstrap,
        ];
        let lines = reasons.into_iter().zip(&self.0);
        lines
            .filter(|(_, line)| !line.is_empty())
            .map(|(reason, _)| reason)
            .next()
    }

    fn of(&mut self, reason: Reason) -> &mut VecDeque<Ticket> {
        let [operator, notify, refresh, bootstrap] = &mut self.0;
        match reason {
            Reason::Operator => operator,
            Reason::Notify => notify,
            Reason::Refresh => refresh,
            Reason::Bootstrap => bootstrap,
        }
    }
}
