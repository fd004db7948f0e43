//! Who keeps the slots of the schedule busy for long leaves some to others.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::time::Instant;

use zonekit_wire::NameBuf;
use zonekit_xfr::{Due, Finished, Schedule, Slots, Start, Timers};

/// A schedule at a standstill of its clock, with zones of owners at primaries.
struct Crowd {
    schedule: Schedule<usize>,
    now: Instant,
    zones: usize,
}

impl Crowd {
    fn new(slots: Slots) -> Self {
        Self {
            schedule: Schedule::new(Timers::default(), slots, 1),
            now: Instant::now(),
            zones: 0,
        }
    }

    /// So many new zones, which are to be visited at once; the first of them.
    fn insert(&mut self, count: usize, primaries: &[u16], owner: u32) -> usize {
        let first = self.zones;
        self.zones += count;
        for zone in first..self.zones {
            let name: NameBuf = format!("zone{zone}.example").parse().unwrap();
            let address = |port: &u16| SocketAddr::from(([192, 0, 2, 1], *port));
            let primaries = primaries.iter().map(address).collect();
            self.schedule
                .insert(zone, name.as_name(), primaries, Start::Never, self.now);
            assert!(self.schedule.set_owner(&zone, NonZeroU32::new(owner)));
        }
        first
    }

    /// The visits that begin now.
    fn visits(&mut self) -> Vec<usize> {
        let due = std::iter::from_fn(|| self.schedule.poll(self.now));
        let zones = due.filter_map(|due| match due {
            Due::Visit { zone, .. } => Some(zone),
            Due::Expired(_) => None,
        });
        zones.collect()
    }

    fn end(&mut self, zone: usize) {
        self.schedule.finished(&zone, Finished::Failed, self.now);
    }
}

#[test]
fn some_primaries_that_stall_keep_those_of_others_from_nothing() {
    for stalling in [1, 2, 5, 10, 13] {
        let mut crowd = Crowd::new(Slots::default());
        for port in 0..stalling {
            crowd.insert(40, &[1_000 + port], 0);
        }
        let held = crowd.visits().len();
        assert!(
            held >= usize::from(stalling).min(9) * 20,
            "{held} of {stalling}"
        );
        let fine = crowd.insert(1, &[53], 0);
        assert_eq!(crowd.visits(), [fine], "{stalling}");
    }
}

#[test]
fn an_owner_whose_primaries_all_stall_keeps_no_other_owner_waiting() {
    let mut crowd = Crowd::new(Slots::default());
    for port in 0..1_000 {
        crowd.insert(2, &[1_000 + port], 1);
    }
    assert_eq!(crowd.visits().len(), 100);
    // Orders of its own go before what others wait for, as far as it has slots.
    for zone in 0..2_000 {
        crowd.schedule.order(&zone, true);
    }
    for owner in 2..10 {
        let theirs = crowd.insert(1, &[10 + owner as u16], owner);
        assert_eq!(crowd.visits(), [theirs], "{owner}");
    }
}

/// Without an owner, a zone is the operator's.
#[test]
fn the_zones_of_nobody_may_have_all_slots() {
    let mut crowd = Crowd::new(Slots::default());
    for port in 0..1_000 {
        crowd.insert(2, &[1_000 + port], 0);
    }
    assert_eq!(crowd.visits().len(), 200);
}

#[test]
fn whoever_had_enough_goes_on_when_others_are_done() {
    let mut crowd = Crowd::new(Slots {
        per_primary: 0,
        all: 10,
    });
    let first = crowd.insert(20, &[53], 1);
    let mut running = crowd.visits();
    let others = crowd.insert(20, &[54], 2);
    running.extend(crowd.visits());
    assert!(running.iter().any(|zone| (first..others).contains(zone)));
    assert!(running.iter().any(|zone| *zone >= others));
    let mut seen = running.clone();
    // One after the other: nobody is forgotten, and the slots are used as far as may be.
    while let Some(zone) = running.pop() {
        crowd.end(zone);
        let next = crowd.visits();
        seen.extend(&next);
        running.splice(0..0, next);
    }
    seen.sort_unstable();
    assert!(seen.iter().copied().eq(0..40), "{seen:?}");
}

/// A slot that somebody else gives back lets those go on whose primary is busy, and not only one of their own.
#[test]
fn what_any_visit_gives_back_is_for_those_who_had_too_many() {
    let mut crowd = Crowd::new(Slots {
        per_primary: 0,
        all: 10,
    });
    let others = crowd.insert(5, &[54], 0);
    let mut theirs = crowd.visits();
    assert_eq!(theirs, (others..others + 5).collect::<Vec<_>>());
    crowd.insert(4, &[53], 0);
    let begun = crowd.visits().len();
    assert!((1..4).contains(&begun), "{begun}");
    theirs.drain(..4).for_each(|zone| crowd.end(zone));
    assert_eq!(begun + crowd.visits().len(), 4);
}
