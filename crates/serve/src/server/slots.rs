//! The transfers that there may be at a time, and what each client may have of them.

use std::{net::IpAddr, sync::Arc};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::shares::{Share, Shares};

/// Room for transfers that are on their way.
pub(super) struct Slots {
    free: Arc<Semaphore>,
    shares: Arc<Shares>,
}

/// Room for one, given back when dropped.
///
/// It goes wherever the transfer goes: also with one that is still being read when its client has gone already.
pub(super) struct Slot {
    _place: OwnedSemaphorePermit,
    _share: Share,
}

impl Slots {
    /// Room for `most`, of which one client gets `per_client`.
    pub(super) fn of(most: usize, per_client: usize) -> Self {
        Self {
            free: Arc::new(Semaphore::new(most.min(Semaphore::MAX_PERMITS))),
            shares: Shares::of(per_client),
        }
    }

    /// Room for one more to this address, if there is.
    pub(super) fn take(&self, client: IpAddr) -> Option<Slot> {
        Some(Slot {
            _share: self.shares.take(client)?,
            _place: Arc::clone(&self.free).try_acquire_owned().ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_has_its_share_and_leaves_room_for_others() {
        let slots = Slots::of(3, 2);
        let [here, there] = ["192.0.2.1", "192.0.2.2"].map(|text| text.parse().unwrap());
        let mut held: Vec<_> = (0..2).map(|_| slots.take(here).unwrap()).collect();
        assert!(slots.take(here).is_none(), "more than its share");
        let other = slots.take(there).unwrap();
        assert!(slots.take(there).is_none(), "more than there are");
        held.pop();
        drop(other);
        assert!(slots.take(here).is_some() && slots.take(there).is_some());
    }
}
