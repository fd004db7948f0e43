//! Slots at each primary and in all.

use super::*;

#[test]
fn a_visit_whose_version_is_being_kept_holds_up_no_other() {
    let mut clock = Clock::new(Slots {
        per_primary: 1,
        all: 1,
    });
    clock.insert(0, &[1], Start::Never);
    clock.insert(1, &[1], Start::Never);
    assert_eq!(clock.visits(), [0]);
    clock.schedule.settles(&0);
    clock.schedule.settles(&0);
    assert_eq!((clock.visits(), clock.schedule.visits()), (vec![1], 2));
    // It goes on all the same: there is no second one of that zone.
    clock.schedule.order(&0, false);
    clock.current(1, &soa_buf(1));
    assert!(clock.visits().is_empty());
    clock.current(0, &soa_buf(1));
    assert_eq!((clock.visits(), clock.schedule.visits()), (vec![0], 1));
}

#[test]
fn a_primary_has_no_more_visits_than_its_slots_and_the_others_go_on() {
    let mut clock = Clock::new(Slots {
        per_primary: 2,
        all: 0,
    });
    for zone in 0..6 {
        clock.insert(zone, &[1], Start::Never);
    }
    clock.insert(6, &[2], Start::Never);
    assert_eq!(clock.visits(), [0, 1, 6]);
    clock.failed(0);
    assert_eq!(clock.visits(), [2]);
    clock.failed(6);
    assert!(clock.visits().is_empty());
    clock.failed(1);
    clock.failed(2);
    assert_eq!(clock.visits(), [3, 4]);
}

/// A visit asks all primaries of its zone: a slot at one of them does not give it one at the others.
#[test]
fn a_zone_waits_for_a_slot_at_every_primary_that_it_asks() {
    let mut clock = Clock::new(Slots {
        per_primary: 1,
        all: 0,
    });
    clock.insert(0, &[1], Start::Never);
    clock.insert(1, &[1, 2], Start::Never);
    clock.insert(2, &[3, 2], Start::Never);
    clock.insert(3, &[1, 1], Start::Never);
    assert_eq!(clock.visits(), [0, 2]);
    clock.failed(0);
    // Zone 1 has its turn at primary 1 and lacks primary 2; what it got is kept for it.
    assert!(clock.visits().is_empty());
    clock.failed(2);
    assert_eq!(clock.visits(), [1]);
    clock.failed(1);
    assert_eq!(clock.visits(), [3]);
}

/// Two primaries that are never both free by chance, and a zone that needs both.
#[test]
fn a_zone_with_two_busy_primaries_has_its_turn() {
    for per_primary in [1, 3] {
        let mut clock = Clock::new(Slots {
            per_primary,
            all: 0,
        });
        for zone in 1..40 {
            clock.insert_held(zone, &[1 + zone % 2]);
        }
        clock.insert_held(0, &[1, 2]);
        let mut running = Vec::new();
        for zone in 1..40 {
            clock.schedule.order(&zone, false);
        }
        clock.schedule.order(&0, false);
        running.extend(clock.visits());
        let mut turns = 0;
        while !running.contains(&0) {
            // Whoever is finished is wanted again at once.
            let zone = running.remove(0);
            clock.schedule.order(&zone, false);
            clock.failed(zone);
            running.extend(clock.visits());
            turns += 1;
            assert!(turns < 200, "{per_primary}");
        }
    }
}

/// What is kept for a zone that goes is free for the others.
#[test]
fn a_zone_that_waits_for_several_primaries_and_goes_leaves_their_slots() {
    let mut clock = Clock::new(Slots {
        per_primary: 1,
        all: 0,
    });
    clock.insert(0, &[1], Start::Never);
    clock.insert(1, &[2], Start::Never);
    clock.insert(2, &[1, 2], Start::Never);
    clock.insert(3, &[1], Start::Never);
    assert_eq!(clock.visits(), [0, 1]);
    clock.failed(0);
    assert!(clock.visits().is_empty());
    clock.schedule.remove(&2);
    assert_eq!(clock.visits(), [3]);
}

#[test]
fn a_parked_zone_that_goes_leaves_its_turn_to_the_next() {
    let mut clock = Clock::new(Slots {
        per_primary: 1,
        all: 0,
    });
    for zone in 0..5 {
        clock.insert(zone, &[1], Start::Never);
    }
    assert_eq!(clock.visits(), [0]);
    assert!(clock.schedule.remove(&1) && clock.schedule.remove(&2));
    clock.schedule.order(&4, false);
    clock.failed(0);
    assert_eq!(clock.visits(), [4]);
    clock.failed(4);
    assert_eq!(clock.visits(), [3]);
}

#[test]
fn a_zone_that_is_removed_during_its_visit_gives_its_slot_back() {
    let mut clock = Clock::new(Slots {
        per_primary: 1,
        all: 1,
    });
    clock.insert(0, &[1], Start::Never);
    clock.insert(1, &[1], Start::Never);
    assert_eq!(clock.visits(), [0]);
    assert!(clock.schedule.remove(&0) && !clock.schedule.remove(&0));
    assert_eq!(clock.schedule.timing(&0), None);
    assert!(clock.visits().is_empty());
    clock.failed(0);
    assert_eq!((clock.visits(), clock.schedule.len()), (vec![1], 1));
}

#[test]
fn a_zone_that_is_made_anew_during_its_visit_is_visited_again() {
    let mut clock = one();
    clock.schedule.order(&0, false);
    assert_eq!(clock.visits(), [0]);
    clock.schedule.remove(&0);
    clock.insert(0, &[2], Start::Never);
    assert!(clock.visits().is_empty(), "one visit for a zone at a time");
    clock.failed(0);
    assert_eq!(clock.visits(), [0]);
    clock.failed(0);
    assert_eq!(clock.schedule.visits(), 0);
}

#[test]
fn a_zone_with_other_primaries_is_checked_there_at_once() {
    let mut clock = Clock::new(Slots {
        per_primary: 1,
        all: 0,
    });
    clock.insert(0, &[1], Start::Never);
    clock.insert_held(1, &[1]);
    assert_eq!(clock.visits(), [0]);
    clock.schedule.order(&1, false);
    assert!(clock.visits().is_empty());
    assert!(clock.schedule.set_primaries(&1, vec![primary(2)]));
    assert_eq!(clock.visits(), [1]);
}
