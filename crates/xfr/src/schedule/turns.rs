//! Who is visited next, as far as there are slots.

use std::hash::Hash;
use std::time::{Duration, Instant};

use super::entry::{Order, State, Visited};
use super::gates::{Gate, Room};
use super::line::Ticket;
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

    /// Begins the visit of the ticket's zone, which asks all its primaries; parks it at a gate that has no slot free.
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
        let at = entry.needs();
        let lacks = |gate: &&Gate| !self.has_room(**gate, Some(ticket.place));
        if let Some(lacking) = at.iter().find(lacks).copied() {
            self.park(ticket, order, lacking);
            return None;
        }
        let entry = self.zones.get_mut(ticket.place)?.as_mut()?;
        for gate in &at {
            self.gates.entry(*gate).or_default().running += 1;
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

    fn park(&mut self, mut ticket: Ticket, order: Order, lacking: Gate) {
        // Nothing is kept for those whose owner has enough.
        let is_at_primary = matches!(lacking, Gate::Primary(_));
        if is_at_primary && ticket.was_parked && !ticket.is_elder {
            ticket.is_elder = true;
            let entry = self.zones.get(ticket.place).and_then(Option::as_ref);
            self.elders.push_back(Elder {
                ticket,
                needs: entry.map_or_else(Vec::new, |entry| entry.needs()),
            });
        }
        ticket.was_parked |= is_at_primary;
        let is_scarce = self.room(lacking, Some(ticket.place)) == Room::Scarce;
        let at = self.gates.entry(lacking).or_default();
        at.parked.push(order.reason, ticket);
        if is_scarce {
            self.is_scarce_at(lacking);
        }
    }

    /// Who is next: the elder, if all is free now that it lacked; then those parked at a gate that has slots again before
    /// those in line for the same reason.
    pub(super) fn next_ticket(&mut self) -> Option<Ticket> {
        self.dismiss_elders();
        if let Some(elder) = self.elders.front() {
            let place = Some(elder.ticket.place);
            if elder.needs.iter().all(|gate| self.has_room(*gate, place)) {
                return Some(elder.ticket);
            }
        }
        while let Some(gate) = self.awake.pop_front() {
            let room = self.room(gate, None);
            let Some(at) = self.gates.get_mut(&gate) else {
                continue;
            };
            at.is_awake = false;
            let Some(reason) = at.parked.first() else {
                if at.running == 0 && !at.is_scarce {
                    self.gates.remove(&gate);
                }
                continue;
            };
            match room {
                Room::Free => {}
                Room::Full => continue,
                Room::Scarce => {
                    self.is_scarce_at(gate);
                    continue;
                }
            }
            // It stays awake until it is full or nobody is parked, and lets the others have their turn.
            at.is_awake = true;
            self.awake.push_back(gate);
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
            let gone = self.elders.pop_front().into_iter();
            for gate in gone.flat_map(|elder| elder.needs) {
                self.wake(gate);
            }
        }
    }
}

/// A zone that waits for several primaries at a time, and what it needed when it began to.
#[derive(Debug)]
pub(super) struct Elder {
    pub(super) ticket: Ticket,
    pub(super) needs: Vec<Gate>,
}
