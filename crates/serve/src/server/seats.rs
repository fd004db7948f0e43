//! The connections that there may be at a time, and who makes room when more come.
//!
//! Somebody who takes all places and says nothing keeps nobody out: for each one that comes then, one goes whose client
//! has got nowhere since it was last looked at (no whole request read, no octet of an answer taken), the longest there
//! first. Who has got somewhere is looked at again when all others have been (a clock, as for the pages of a memory).
//!
//! Who is given a zone is somebody whom we know, and is held to a pace: it goes when nobody else sits.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, Weak,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

use crate::lock::lock;

/// All places.
pub(super) struct Seats {
    free: Arc<Semaphore>,
    most: usize,
    /// Who sits, and how far each had got when last looked at; in the order in which they are looked at next.
    taken: Mutex<VecDeque<(Weak<Seat>, u64)>>,
}

/// The place of one connection; free again when dropped, or when it was given to another one.
pub(super) struct Seat {
    /// How often the client has got somewhere.
    progress: AtomicU64,
    /// Whether a transfer is on its way to it.
    is_busy: AtomicBool,
    place: Mutex<Option<OwnedSemaphorePermit>>,
    leave: Notify,
}

impl Seats {
    pub(super) fn of(most: usize) -> Self {
        Self {
            free: Arc::new(Semaphore::new(most.min(Semaphore::MAX_PERMITS))),
            most,
            taken: Mutex::default(),
        }
    }

    /// A place for one more, and whether somebody has to leave for it; none if there is not even one such.
    pub(super) fn take(&self) -> Option<(Arc<Seat>, bool)> {
        let mut taken = lock(&self.taken);
        let free = Arc::clone(&self.free).try_acquire_owned().ok();
        let made = free.is_none();
        let place = free.or_else(|| vacate(&mut taken))?;
        let seat = Arc::new(Seat {
            progress: AtomicU64::new(0),
            is_busy: AtomicBool::new(false),
            place: Mutex::new(Some(place)),
            leave: Notify::new(),
        });
        if taken.len() > self.most.saturating_mul(2) {
            taken.retain(|(seat, _)| seat.strong_count() > 0); // those who left by themselves
        }
        taken.push_back((Arc::downgrade(&seat), 0));
        Some((seat, made))
    }

    /// Asks one to leave for nobody, as where the system has no descriptor left for the next; whether there was one.
    pub(super) fn vacate(&self) -> bool {
        vacate(&mut lock(&self.taken)).is_some()
    }
}

/// Asks one to leave, whose place this is.
fn vacate(taken: &mut VecDeque<(Weak<Seat>, u64)>) -> Option<OwnedSemaphorePermit> {
    vacate_one(taken, true).or_else(|| vacate_one(taken, false))
}

fn vacate_one(
    taken: &mut VecDeque<(Weak<Seat>, u64)>,
    spare_busy: bool,
) -> Option<OwnedSemaphorePermit> {
    for _ in 0..2 * taken.len() {
        let (sitting, seen) = taken.pop_front()?;
        let Some(seat) = sitting.upgrade() else {
            continue;
        };
        let progress = seat.progress.load(Relaxed);
        if spare_busy && seat.is_busy.load(Relaxed) {
            taken.push_back((sitting, seen));
        } else if progress > seen {
            taken.push_back((sitting, progress));
        } else if let Some(place) = lock(&seat.place).take() {
            seat.leave.notify_one();
            return Some(place);
        }
    }
    None
}

impl Seat {
    /// Says that the client has got somewhere.
    pub(super) fn progressed(&self) {
        self.progress.fetch_add(1, Relaxed);
    }

    /// Says whether a transfer is on its way to the client.
    pub(super) fn set_busy(&self, is_busy: bool) {
        self.is_busy.store(is_busy, Relaxed);
    }

    /// Waits until the place is somebody else's.
    pub(super) async fn is_to_leave(&self) {
        self.leave.notified().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether this one has been asked to leave.
    fn is_out(seat: &Seat) -> bool {
        lock(&seat.place).is_none()
    }

    #[test]
    fn whoever_got_nowhere_for_longest_makes_room() {
        let seats = Seats::of(3);
        let take = || seats.take().unwrap();
        let [a, b, c] = [(); 3].map(|()| take());
        assert!([&a, &b, &c].iter().all(|(_, made)| !made));
        a.0.progressed();
        let (d, made) = take();
        assert!(made && is_out(&b.0) && !is_out(&a.0) && !is_out(&c.0));
        drop(c);
        let (e, made) = take();
        assert!(!made, "one had left by itself");
        [&a.0, &d, &e].iter().for_each(|seat| seat.progressed());
        let (_f, made) = take();
        assert!(
            made && is_out(&a.0) && !is_out(&d) && !is_out(&e),
            "where all get somewhere, the one that was looked at first"
        );
    }

    #[test]
    fn whoever_is_given_a_zone_goes_when_nobody_else_is_left() {
        let seats = Seats::of(2);
        let take = || seats.take().unwrap().0;
        let [a, b] = [(); 2].map(|()| take());
        a.set_busy(true);
        b.progressed();
        let c = take();
        assert!(is_out(&b) && !is_out(&a), "a got nowhere, but with a zone");
        c.set_busy(true);
        let _d = take();
        assert!(is_out(&a) && !is_out(&c), "both have one");
    }

    #[test]
    fn those_who_leave_are_forgotten() {
        let seats = Seats::of(4);
        for _ in 0..100 {
            assert!(!seats.take().unwrap().1);
        }
        assert!(lock(&seats.taken).len() <= 9);
    }
}
