//! Orders and NOTIFYs: their turn, and what becomes of many.

use zonekit_wire::Serial;
use zonekit_xfr::{Notified, Reason};

use super::*;

#[test]
fn orders_go_before_notifies_before_refreshes_before_first_visits() {
    let mut clock = Clock::new(Slots {
        per_primary: 0,
        all: 1,
    });
    clock.insert_held(9, &[1]);
    clock.schedule.order(&9, false);
    assert_eq!(clock.visits(), [9]);
    clock.insert(0, &[1], Start::Never);
    clock.insert_held(1, &[1]);
    clock.insert_held(2, &[1]);
    clock.insert_held(3, &[1]);
    clock.now += SECOND * 1000;
    assert!(clock.visits().is_empty(), "one at a time");
    clock.schedule.notify(&2, None, None);
    clock.schedule.order(&3, true);
    let mut order = Vec::new();
    let mut running = 9;
    for _ in 0..4 {
        clock.current(running, &soa_buf(1));
        let [zone] = clock.visits()[..] else { panic!() };
        order.push(zone);
        running = zone;
    }
    assert_eq!(order, [3, 2, 1, 0]);
}

#[test]
fn notifies_during_a_visit_become_one_check_after_it() {
    let mut clock = one();
    assert_eq!(clock.schedule.notify(&0, None, None), Notified::Queued);
    for _ in 0..1000 {
        assert_eq!(clock.schedule.notify(&0, None, None), Notified::Coalesced);
    }
    assert_eq!(clock.visits(), [0]);
    assert_eq!(clock.schedule.notify(&0, None, None), Notified::Queued);
    for _ in 0..1000 {
        assert_eq!(clock.schedule.notify(&0, None, None), Notified::Coalesced);
    }
    assert!(clock.visits().is_empty());
    clock.now += SECOND;
    clock.current(0, &soa_buf(1));
    assert_eq!(clock.visits(), [0]);
    clock.current(0, &soa_buf(1));
    assert!(clock.visits().is_empty());
}

#[test]
fn a_zone_is_visited_for_notifies_once_a_second_and_once_after_the_last() {
    let mut clock = one();
    let (mut visits, mut last) = (0, clock.now);
    for number in 0..10_000 {
        clock.now += SECOND / 1000;
        assert_ne!(clock.schedule.notify(&0, None, None), Notified::Unknown);
        if clock.visits() == [0] {
            assert!(number == 0 || clock.now - last >= SECOND);
            (visits, last) = (visits + 1, clock.now);
            clock.current(0, &soa_buf(1));
        }
    }
    assert_eq!(visits, 10);
    assert!(clock.wait() <= SECOND);
    assert!(matches!(
        clock.due()[..],
        [Due::Visit {
            reason: Reason::Notify,
            ..
        }]
    ));
}

#[test]
fn an_order_does_not_wait_for_the_second_of_a_notify() {
    let mut clock = one();
    clock.schedule.notify(&0, None, None);
    assert_eq!(clock.visits(), [0]);
    clock.current(0, &soa_buf(1));
    assert_eq!(clock.schedule.notify(&0, None, None), Notified::Queued);
    assert!(clock.visits().is_empty());
    assert_eq!(clock.schedule.notify(&0, None, None), Notified::Coalesced);
    clock.schedule.order(&0, false);
    assert_eq!(clock.visits(), [0]);
    clock.current(0, &soa_buf(1));
    assert!(about(clock.wait(), SECOND * 3600));
}

#[test]
fn a_notify_of_what_is_held_is_no_check() {
    let mut clock = one();
    assert_eq!(
        clock.schedule.notify(&0, None, Some(Serial(1))),
        Notified::Held
    );
    assert_eq!(
        clock.schedule.notify(&0, None, Some(Serial(0))),
        Notified::Held
    );
    assert_eq!(clock.schedule.notify(&7, None, None), Notified::Unknown);
    assert!(clock.visits().is_empty());
    let from = "192.0.2.1".parse().unwrap();
    assert_eq!(
        clock.schedule.notify(&0, Some(from), Some(Serial(2))),
        Notified::Queued
    );
    assert!(matches!(
        clock.due()[..],
        [Due::Visit { reason: Reason::Notify, notifier: Some(notifier), .. }] if notifier == from
    ));
}

#[test]
fn a_notify_of_what_a_visit_has_just_brought_is_no_check_and_one_of_more_is() {
    let mut clock = one();
    clock.schedule.notify(&0, None, Some(Serial(2)));
    assert_eq!(clock.visits(), [0]);
    clock.schedule.took(&0, &soa_buf(2), clock.now);
    assert_eq!(
        clock.schedule.notify(&0, None, Some(Serial(2))),
        Notified::Held
    );
    assert_eq!(
        clock.schedule.notify(&0, None, Some(Serial(3))),
        Notified::Queued
    );
    clock.now += SECOND;
    clock.current(0, &soa_buf(2));
    assert_eq!(clock.visits(), [0]);
    // A visit that takes a version and is never heard of again leaves it as good as it is.
    clock.schedule.took(&0, &soa_buf(3), clock.now);
    clock.failed(0);
    let timing = clock.schedule.timing(&0).unwrap();
    assert_eq!(timing.expires, Some(clock.now + SECOND * 86_400));
}

#[test]
fn a_hint_ahead_of_what_the_primary_serves_is_checked_a_few_times_then_let_rest() {
    let mut clock = one();
    clock.schedule.notify(&0, None, Some(Serial(5)));
    let mut waits = Vec::new();
    for _ in 0..5 {
        assert_eq!(clock.visits(), [0]);
        clock.current(0, &soa_buf(1));
        waits.push(clock.wait());
    }
    assert_eq!(waits[..3], [SECOND * 2, SECOND * 4, SECOND * 8]);
    assert!(waits[3..].iter().all(|wait| about(*wait, SECOND * 3600)));
    // And not at all once it has come.
    clock.due();
    clock.now += SECOND;
    clock.current(0, &soa_buf(1));
    clock.schedule.notify(&0, None, Some(Serial(5)));
    assert_eq!(clock.visits(), [0]);
    clock.current(0, &soa_buf(5));
    assert!(about(clock.wait(), SECOND * 3600));
}
