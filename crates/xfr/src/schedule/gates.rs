//! What a visit needs a slot at.

use std::hash::Hash;
use std::net::SocketAddr;
use std::num::NonZeroU32;

use super::line::Queues;
use super::{Schedule, Slots};

/// A visit holds a slot at each primary that it asks, and one of whoever the zone belongs to.
///
/// None of them may take all: a primary that stalls, and an owner whose primaries do, hold what they have for as long as
/// transfers may last. So a gate has no more visits than are left for the others, one aside, when another is to begin: the
/// first has half, the next half of the rest, and the last one is for who has none.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(super) enum Gate {
    Owner(NonZeroU32),
    Primary(SocketAddr),
}

#[derive(Debug, Default)]
pub(super) struct AtGate {
    pub(super) running: usize,
    pub(super) parked: Queues,
    /// Whether it stands in [`Schedule::awake`].
    pub(super) is_awake: bool,
    /// Whether it stands in [`Schedule::scarce`].
    pub(super) is_scarce: bool,
}

/// Whether a visit may begin.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Room {
    Free,
    /// There will be room when one of its own visits ends, or if any do.
    Scarce,
    /// There will be room when one of its own visits ends.
    Full,
}

impl Gate {
    fn room(self, taken: usize, running: usize, slots: Slots) -> Room {
        let most = match self {
            Self::Owner(_) => 0,
            Self::Primary(_) => slots.per_primary,
        };
        let left = slots.all.saturating_sub(running).saturating_sub(1);
        if !is_free(taken, most) {
            Room::Full
        } else if slots.all != 0 && taken > 0 && taken >= left {
            Room::Scarce
        } else {
            Room::Free
        }
    }
}

impl<Z: Clone + Eq + Hash> Schedule<Z> {
    /// Whether a visit may begin at this gate: of the zone at `place`, or of any.
    pub(super) fn room(&self, gate: Gate, place: Option<usize>) -> Room {
        let taken = self.gates.get(&gate).map_or(0, |at| at.running);
        let is_kept = self
            .elders
            .front()
            .is_some_and(|elder| Some(elder.ticket.place) != place && elder.needs.contains(&gate));
        gate.room(taken + usize::from(is_kept), self.running, self.slots)
    }

    pub(super) fn has_room(&self, gate: Gate, place: Option<usize>) -> bool {
        self.room(gate, place) == Room::Free
    }

    /// A visit no longer holds these slots.
    pub(super) fn give_back(&mut self, held: Vec<Gate>) {
        for gate in held {
            if let Some(at) = self.gates.get_mut(&gate) {
                at.running = at.running.saturating_sub(1);
            }
            self.wake(gate);
        }
        let scarce = std::mem::take(&mut self.scarce);
        for gate in scarce {
            if let Some(at) = self.gates.get_mut(&gate) {
                at.is_scarce = false;
            }
            match self.room(gate, None) {
                Room::Scarce => self.is_scarce_at(gate),
                Room::Free | Room::Full => self.wake(gate),
            }
        }
    }

    /// Who is parked at this gate may have another look.
    pub(super) fn wake(&mut self, gate: Gate) {
        if let Some(at) = self.gates.get_mut(&gate)
            && !std::mem::replace(&mut at.is_awake, true)
        {
            self.awake.push_back(gate);
        }
    }

    /// Who is parked at this gate waits for any slot.
    pub(super) fn is_scarce_at(&mut self, gate: Gate) {
        if let Some(at) = self.gates.get_mut(&gate)
            && !std::mem::replace(&mut at.is_scarce, true)
        {
            self.scarce.push(gate);
        }
    }
}

pub(super) fn is_free(taken: usize, slots: usize) -> bool {
    slots == 0 || taken < slots
}
