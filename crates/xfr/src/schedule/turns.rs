//! Who is visited next, as far as there are slots.

use std::hash::Hash;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::entry::{Order, State, Visited};
use super::line::{Queues, Ticket};
use super::{Due, Reason, Schedule};

/// However many NOTIFYs come, a zone is visited for them once in this time.
const NOTIFY_PERIOD: Duration = Duration::from_secs(1);

impl<Z: Clone + Eq + Hash> Schedule<Z> {
    /// Puts a zone in line. `false` if it was, and this changes nothing.
    pub(super) fn enqueue(&mut self, place: usize, order: Order) -> bool {
        let stamp = self.stamp();
        let Some(Some(entry)) = self.zones.get_mut(place) else {
            return false;
        };
        match &mut entry.state {
            State::Visited(visited) => {
                let is_first = visited.again.is_none();
                visited.again.get_or_insert(order).merge(order);
                is_first
            }
            State::InLine { order: waiting, .. } => {
                let before = waiting.reason;
                waiting.merge(order);
                if waiting.reason == before {
                    return false;
                }
                let order = *waiting;
                entry.state = State::InLine { order, stamp };
                self.line.push(order.reason, Ticket::new(place, stamp));
                false
            }
            State::Resting => {
                let mut order = order;
                if let Some(deferred) = &mut entry.deferred {
                    order.merge(**deferred);
                    if order.reason == deferred.reason {
                        **deferred = order;
                        return false;
                    }
                    entry.deferred = None;
                }
                entry.next_check = None;
                entry.state = State::InLine { order, stamp };
                self.line.push(order.reason, Ticket::new(place, stamp));
                true
            }
        }
    }

    /// Begins the visit of the ticket's zone, which asks all its primaries; parks it at one that has no slot free.
    pub(super) fn begin(&mut self, ticket: Ticket, now: Instant) -> Option<Due<Z>> {
        let entry = self.zones.get_mut(ticket.place)?.as_mut()?;
        let order = match entry.state {
            State::InLine { order, stamp } if stamp == ticket.stamp => order,
            _ => return None,
        };
        if order.reason == Reason::Notify
            && let Some(soonest) = entry.begun.map(|begun| begun + NOTIFY_PERIOD)
            && now < soonest
        {
            entry.state = State::Resting;
            entry.deferred = Some(Box::new(order));
            entry.next_check = Some(soonest);
            self.arm(ticket.place);
            return None;
        }
        let entry = self.zones.get(ticket.place)?.as_ref()?;
        let full = { entry.primaries.iter() }
            .find(|primary| !self.has_room(primary, Some(ticket.place)))
            .copied();
        if let Some(full) = full {
            self.park(ticket, order, full);
            return None;
        }
        let entry = self.zones.get_mut(ticket.place)?.as_mut()?;
        // One that is asked twice, with two keys perhaps, is asked in one visit all the same.
        let mut at = entry.primaries.to_vec();
        at.sort_unstable();
        at.dedup();
        for primary in &at {
            self.primaries.entry(*primary).or_default().running += 1;
        }
        self.running += 1;
        entry.begun = Some(now);
        entry.state = State::Visited(Box::new(Visited {
            at,
            is_settling: false,
            again: None,
        }));
        Some(Due::Visit {
            zone: entry.zone.clone(),
            reason: order.reason,
            force: order.force,
            notifier: order.notifier,
            expired: entry.serial.is_some() && entry.expires.is_none(),
        })
    }

    /// Whether a visit may begin at this primary: of the zone at `place`, or of any.
    fn has_room(&self, primary: &SocketAddr, place: Option<usize>) -> bool {
        let taken = self.primaries.get(primary).map_or(0, |at| at.running);
        let is_kept = self.elders.front().is_some_and(|elder| {
            Some(elder.ticket.place) != place && elder.primaries.contains(primary)
        });
        is_free(taken + usize::from(is_kept), self.slots.per_primary)
    }

    fn park(&mut self, mut ticket: Ticket, order: Order, full: SocketAddr) {
        if ticket.was_parked && !ticket.is_elder {
            ticket.is_elder = true;
            let entry = self.zones.get(ticket.place).and_then(Option::as_ref);
            self.elders.push_back(Elder {
                ticket,
                primaries: entry.map_or_else(Vec::new, |entry| entry.primaries.to_vec()),
            });
        }
        ticket.was_parked = true;
        let at = self.primaries.entry(full).or_default();
        at.parked.push(order.reason, ticket);
    }

    /// Who is next: the elder, if all is free now that it lacked; then those parked at a primary that has slots again
    /// before those in line for the same reason.
    pub(super) fn next_ticket(&mut self) -> Option<Ticket> {
        self.dismiss_elders();
        if let Some(elder) = self.elders.front() {
            let place = Some(elder.ticket.place);
            let mut primaries = elder.primaries.iter();
            if primaries.all(|primary| self.has_room(primary, place)) {
                return Some(elder.ticket);
            }
        }
        while let Some(primary) = self.awake.pop_front() {
            let has_room = self.has_room(&primary, None);
            let Some(at) = self.primaries.get_mut(&primary) else {
                continue;
            };
            at.is_awake = false;
            if at.running == 0 && at.parked.first().is_none() {
                self.primaries.remove(&primary);
                continue;
            }
            if !has_room {
                continue;
            }
            let Some(reason) = at.parked.first() else {
                continue;
            };
            // It stays awake until it is full or nobody is parked, and lets the others have their turn.
            at.is_awake = true;
            self.awake.push_back(primary);
            if self.line.first().is_some_and(|in_line| in_line < reason) {
                break;
            }
            return at.parked.pop();
        }
        self.line.pop()
    }

    /// Lets elders go that no longer wait, and what was kept for them.
    fn dismiss_elders(&mut self) {
        while let Some(elder) = self.elders.front() {
            let entry = self.zones.get(elder.ticket.place).and_then(Option::as_ref);
            let waits = entry.is_some_and(|entry| {
                matches!(entry.state, State::InLine { stamp, .. } if stamp == elder.ticket.stamp)
            });
            if waits {
                return;
            }
            for primary in self
                .elders
                .pop_front()
                .into_iter()
                .flat_map(|elder| elder.primaries)
            {
                self.wake(primary);
            }
        }
    }

    /// A visit no longer holds a slot of this primary.
    pub(super) fn give_back(&mut self, primary: SocketAddr) {
        if let Some(at) = self.primaries.get_mut(&primary) {
            at.running = at.running.saturating_sub(1);
        }
        self.wake(primary);
    }

    /// Who is parked at this primary may have another look.
    pub(super) fn wake(&mut self, primary: SocketAddr) {
        if let Some(at) = self.primaries.get_mut(&primary)
            && !std::mem::replace(&mut at.is_awake, true)
        {
            self.awake.push_back(primary);
        }
    }
}

/// A zone that waits for several primaries at a time, and what they were when it began to.
#[derive(Debug)]
pub(super) struct Elder {
    ticket: Ticket,
    primaries: Vec<SocketAddr>,
}

#[derive(Debug, Default)]
pub(super) struct AtPrimary {
    running: usize,
    parked: Queues,
    /// Whether it stands in [`Schedule::awake`].
    is_awake: bool,
}

pub(super) fn is_free(taken: usize, slots: usize) -> bool {
    slots == 0 || taken < slots
}
