//! The schedule of all zones under a made-up clock.

#[path = "../common/mod.rs"]
mod common;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use common::soa_buf;
use proptest::prelude::*;
use zonekit_wire::{NameBuf, Serial, SoaBuf};
use zonekit_xfr::{Due, Finished, Notified, Reason, Schedule, Slots, Start, Timers};

const SECOND: Duration = Duration::from_secs(1);

/// A schedule with a clock.
struct Clock {
    schedule: Schedule<usize>,
    start: Instant,
    now: Instant,
}

impl Clock {
    fn new(slots: Slots) -> Self {
        let start = Instant::now();
        Self {
            schedule: Schedule::new(Timers::default(), slots, 42),
            start,
            now: start,
        }
    }

    fn insert(&mut self, zone: usize, primaries: &[usize], start: Start<'_>) {
        let primaries = primaries.iter().map(|number| primary(*number)).collect();
        self.schedule
            .insert(zone, name(zone).as_name(), primaries, start, self.now);
    }

    fn insert_held(&mut self, zone: usize, primaries: &[usize]) {
        let soa = soa_buf(1);
        let start = Start::Held {
            soa: &soa,
            next_check: self.now + SECOND * 1000,
            expires: Some(self.now + SECOND * 86_400),
        };
        self.insert(zone, primaries, start);
    }

    fn current(&mut self, zone: usize, soa: &SoaBuf) {
        self.schedule
            .finished(&zone, Finished::Current { soa, expires: None }, self.now);
    }

    fn failed(&mut self, zone: usize) {
        self.schedule.finished(&zone, Finished::Failed, self.now);
    }

    /// All that is due now.
    fn due(&mut self) -> Vec<Due<usize>> {
        std::iter::from_fn(|| self.schedule.poll(self.now)).collect()
    }

    /// The zones that are to be visited now, in order.
    fn visits(&mut self) -> Vec<usize> {
        let due = self.due().into_iter();
        let zones = due.filter_map(|due| match due {
            Due::Visit { zone, .. } => Some(zone),
            Due::Expired(_) => None,
        });
        zones.collect()
    }

    /// Goes on to the next timer; how long that took.
    fn wait(&mut self) -> Duration {
        let before = self.now;
        self.now = self.schedule.poll_timeout().expect("a timer");
        self.now - before
    }
}

fn name(zone: usize) -> NameBuf {
    format!("zone{zone}.example").parse().unwrap()
}

fn primary(number: usize) -> SocketAddr {
    format!("192.0.2.{number}:53").parse().unwrap()
}

/// At least nine tenths of it.
fn about(wait: Duration, whole: Duration) -> bool {
    wait <= whole && wait >= whole / 10 * 9
}

fn one() -> Clock {
    let mut clock = Clock::new(Slots::default());
    clock.insert_held(0, &[1]);
    clock
}

#[test]
fn a_new_zone_is_visited_at_once() {
    let mut clock = Clock::new(Slots::default());
    clock.insert(0, &[1], Start::Never);
    let due = clock.due();
    assert!(matches!(
        due[..],
        [Due::Visit {
            zone: 0,
            reason: Reason::Bootstrap,
            force: false,
            expired: false,
            ..
        }]
    ));
}

#[test]
fn failures_before_the_first_load_are_repeated_later_and_later_up_to_an_hour() {
    let mut clock = Clock::new(Slots::default());
    clock.insert(0, &[1], Start::Never);
    let mut waits = Vec::new();
    for _ in 0..14 {
        assert_eq!(clock.visits(), [0]);
        clock.failed(0);
        waits.push(clock.wait());
    }
    assert!(
        about(waits[0], SECOND * 5) && about(waits[1], SECOND * 10) && about(waits[2], SECOND * 20)
    );
    assert!(about(waits[13], SECOND * 3600));
}

#[test]
fn refresh_and_retry_come_from_the_soa() {
    let mut clock = one();
    clock.wait();
    assert_eq!(clock.visits(), [0]);
    clock.current(0, &soa_buf(1));
    assert!(about(clock.wait(), SECOND * 3600));
    assert_eq!(clock.visits(), [0]);
    clock.failed(0);
    assert!(about(clock.wait(), SECOND * 600));
}

#[test]
fn timers_of_the_soa_are_kept_within_bounds() {
    let timers = |refresh, retry, expire| {
        Timers::default().of(&SoaBuf {
            refresh,
            retry,
            expire,
            ..soa_buf(1)
        })
    };
    let least = timers(0, 0, 0);
    assert_eq!(
        (least.refresh, least.retry, least.expire),
        (SECOND * 300, SECOND * 60, SECOND * 360)
    );
    let week = SECOND * 7 * 86_400;
    let most = timers(u32::MAX, u32::MAX, u32::MAX);
    assert_eq!(
        (most.refresh, most.retry, most.expire),
        (week * 4, week * 2, week * 52)
    );
}

#[test]
fn a_zone_expires_once_and_is_still_visited() {
    let mut clock = one();
    let mut expired = Vec::new();
    while clock.now - clock.start < SECOND * 200_000 {
        clock.wait();
        for due in clock.due() {
            match due {
                Due::Visit {
                    zone,
                    expired: is_expired,
                    ..
                } => {
                    assert_eq!(is_expired, !expired.is_empty());
                    clock.failed(zone);
                }
                Due::Expired(zone) => expired.push((zone, clock.now - clock.start)),
            }
        }
    }
    assert_eq!(expired, [(0, SECOND * 86_400)]);
    assert!(clock.schedule.timing(&0).unwrap().failures > 100);
    clock.wait();
    assert_eq!(clock.visits(), [0]);
    clock.current(0, &soa_buf(1));
    assert_eq!(
        clock.schedule.timing(&0).unwrap().expires,
        Some(clock.now + SECOND * 86_400)
    );
}

#[test]
fn a_version_that_is_confirmed_while_a_newer_one_fails_stays_good_and_is_retried() {
    let mut clock = one();
    clock.wait();
    for _ in 0..300 {
        // 300 retry times are twice the expiry time of this SOA.
        assert!(matches!(
            clock.due()[..],
            [Due::Visit { expired: false, .. }]
        ));
        let soa = &soa_buf(1);
        clock
            .schedule
            .finished(&0, Finished::Confirmed { soa, expires: None }, clock.now);
        let timing = clock.schedule.timing(&0).unwrap();
        assert_eq!(
            timing.expires,
            Some(clock.now + Timers::default().of(soa).expire)
        );
        assert_eq!(timing.failures, 0);
        assert!(about(clock.wait(), SECOND * 600));
    }
    // And one that had expired no longer has.
    while clock.schedule.timing(&0).unwrap().expires.is_some() {
        clock.visits();
        clock.failed(0);
        clock.wait();
        clock.due();
    }
    clock.schedule.order(&0, false);
    clock.visits();
    let soa = &soa_buf(1);
    clock
        .schedule
        .finished(&0, Finished::Confirmed { soa, expires: None }, clock.now);
    assert!(clock.schedule.timing(&0).unwrap().expires > Some(clock.now));
}

/// Has a visit end so, with the primary saying that its copy expires in so many seconds; in how many ours does then.
fn expiry(
    clock: &mut Clock,
    how: fn(&SoaBuf, Option<Instant>) -> Finished<'_>,
    told: Option<u32>,
) -> u64 {
    clock.schedule.order(&0, false);
    assert_eq!(clock.visits(), [0]);
    let told = told.map(|seconds| clock.now + SECOND * seconds);
    clock
        .schedule
        .finished(&0, how(&soa_buf(1), told), clock.now);
    let expires = clock.schedule.timing(&0).unwrap().expires.unwrap();
    (expires - clock.now).as_secs()
}

fn taken(soa: &SoaBuf, expires: Option<Instant>) -> Finished<'_> {
    Finished::Taken { soa, expires }
}

fn current(soa: &SoaBuf, expires: Option<Instant>) -> Finished<'_> {
    Finished::Current { soa, expires }
}

fn confirmed(soa: &SoaBuf, expires: Option<Instant>) -> Finished<'_> {
    Finished::Confirmed { soa, expires }
}

/// RFC 7314 §4: what is transferred gets the value that came with it, and the SOA's where none came or less.
#[test]
fn a_version_that_is_taken_expires_when_it_does_at_its_primary() {
    let mut clock = one();
    assert_eq!(expiry(&mut clock, taken, Some(5000)), 5000);
    assert_eq!(expiry(&mut clock, taken, Some(100)), 100);
    assert_eq!(expiry(&mut clock, taken, Some(90_000)), 86_400);
    assert_eq!(expiry(&mut clock, taken, Some(u32::MAX)), 86_400);
    assert_eq!(expiry(&mut clock, taken, None), 86_400);
}

/// RFC 7314 §4: what is confirmed gets the longer of the value that came and of what was left, and no more than the SOA says.
#[test]
fn a_version_that_is_confirmed_is_good_for_the_longer_of_what_is_told_and_what_was_left() {
    for confirms in [current, confirmed] {
        let mut clock = one();
        assert_eq!(expiry(&mut clock, taken, Some(5000)), 5000);
        clock.now += SECOND * 1000;
        assert_eq!(expiry(&mut clock, confirms, Some(3000)), 4000);
        assert_eq!(expiry(&mut clock, confirms, Some(4500)), 4500);
        assert_eq!(expiry(&mut clock, confirms, Some(90_000)), 86_400);
        clock.now += SECOND * 1000;
        assert_eq!(expiry(&mut clock, confirms, Some(0)), 85_400);
        assert_eq!(expiry(&mut clock, confirms, None), 86_400);
    }
}

#[test]
fn a_version_that_had_expired_is_good_again_for_what_is_told_alone() {
    let mut clock = one();
    assert_eq!(expiry(&mut clock, taken, Some(100)), 100);
    clock.now += SECOND * 100;
    assert!(clock.due().contains(&Due::Expired(0)));
    clock.failed(0);
    assert_eq!(expiry(&mut clock, current, Some(70)), 70);
}

/// A secondary that has lost its primary may have found it again by half of the time that is left.
#[test]
fn a_zone_that_would_expire_before_its_refresh_is_checked_before() {
    let mut clock = one();
    expiry(&mut clock, taken, Some(1000));
    assert_eq!(clock.wait(), SECOND * 500);
    assert_eq!(clock.visits(), [0]);
    clock.failed(0);
    // Never more often than the shortest retry time.
    expiry(&mut clock, taken, Some(100));
    assert_eq!(clock.wait(), SECOND * 60);
    assert_eq!(clock.visits(), [0]);
    clock.failed(0);
    assert_eq!(clock.wait(), SECOND * 40);
    assert_eq!(clock.due(), [Due::Expired(0)]);
}

#[test]
fn timers_that_ran_before_a_restart_go_on() {
    let mut clock = Clock::new(Slots::default());
    let soa = soa_buf(1);
    let ago = clock.now;
    clock.now += SECOND * 100;
    let start = |next_check, expires| Start::Held {
        soa: &soa,
        next_check,
        expires,
    };
    clock.insert(0, &[1], start(ago, Some(ago + SECOND * 200)));
    clock.insert(1, &[1], start(ago + SECOND * 150, Some(ago)));
    clock.insert(2, &[1], start(ago + SECOND * 150, None));
    clock.insert(3, &[1], start(ago + SECOND * 150, Some(ago + SECOND * 900)));
    assert_eq!(clock.schedule.poll(clock.now), Some(Due::Expired(1)));
    assert_eq!(clock.visits(), [0]);
    clock.now += SECOND * 50;
    let due = clock.due();
    assert!(matches!(
        due[..],
        [
            Due::Visit {
                zone: 1,
                expired: true,
                ..
            },
            Due::Visit {
                zone: 2,
                expired: true,
                ..
            },
            Due::Visit {
                zone: 3,
                expired: false,
                ..
            }
        ]
    ));
}

#[test]
fn jitter_is_up_to_a_tenth_the_same_after_a_restart_and_another_elsewhere() {
    let refresh_of = |node, zone| {
        let start = Instant::now();
        let mut schedule = Schedule::new(
            Timers::default(),
            Slots {
                per_primary: 0,
                all: 0,
            },
            node,
        );
        schedule.insert(zone, name(zone).as_name(), vec![], Start::Never, start);
        assert!(schedule.poll(start).is_some());
        schedule.finished(
            &zone,
            Finished::Current {
                soa: &soa_buf(1),
                expires: None,
            },
            start,
        );
        schedule.poll_timeout().unwrap() - start
    };
    let here: Vec<Duration> = (0..1000).map(|zone| refresh_of(1, zone)).collect();
    assert!(here.iter().all(|wait| about(*wait, SECOND * 3600)));
    assert!(
        here.iter().eq((0..1000)
            .map(|zone| refresh_of(1, zone))
            .collect::<Vec<_>>()
            .iter())
    );
    let elsewhere: Vec<Duration> = (0..1000).map(|zone| refresh_of(2, zone)).collect();
    let same = here
        .iter()
        .zip(&elsewhere)
        .filter(|(here, elsewhere)| here == elsewhere)
        .count();
    assert!(same < 10);
    // Spread over the whole tenth: each of ten parts has its share.
    let mut parts = HashMap::new();
    for wait in &here {
        *parts.entry((wait.as_secs() - 3240) / 36).or_insert(0) += 1;
    }
    assert!(
        (0..10).all(|part| parts
            .get(&part)
            .is_some_and(|count| (50..200).contains(count))),
        "{parts:?}"
    );
}

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

#[test]
fn a_hundred_thousand_zones_are_a_heap_and_not_a_storm() {
    let mut clock = Clock::new(Slots::default());
    let soa = soa_buf(1);
    for zone in 0..100_000 {
        let next_check = clock.now + SECOND * (zone as u32 % 3600);
        let expires = Some(next_check + SECOND * 86_400);
        clock.insert(
            zone,
            &[zone % 50],
            Start::Held {
                soa: &soa,
                next_check,
                expires,
            },
        );
    }
    let mut most = 0;
    let mut visits = 0;
    while visits < 100_000 {
        clock.wait();
        loop {
            let zones = clock.visits();
            if zones.is_empty() {
                break;
            }
            most = most.max(zones.len());
            visits += zones.len();
            for zone in zones {
                clock.current(zone, &soa);
            }
        }
    }
    assert!(most <= 200);
    assert!(clock.now - clock.start <= SECOND * 3600);
}

/// Where a visit asks that asks nobody any more.
const SETTLED: [usize; 1] = [99];

/// What may happen to a schedule.
#[derive(Clone, Debug)]
enum Happens {
    Insert(usize, Vec<usize>, bool),
    Remove(usize),
    Order(usize),
    Notify(usize, u32),
    Primaries(usize, Vec<usize>),
    Settle(prop::sample::Index),
    Finish(prop::sample::Index, bool),
    Wait,
}

fn happens() -> impl Strategy<Value = Happens> {
    let zone = 0..8_usize;
    let primaries = prop::collection::vec(1..4_usize, 0..3);
    prop_oneof![
        3 => (zone.clone(), primaries.clone(), any::<bool>()).prop_map(|(zone, at, held)| Happens::Insert(zone, at, held)),
        1 => zone.clone().prop_map(Happens::Remove),
        2 => zone.clone().prop_map(Happens::Order),
        2 => (zone.clone(), 0..4_u32).prop_map(|(zone, hint)| Happens::Notify(zone, hint)),
        1 => (zone, primaries).prop_map(|(zone, at)| Happens::Primaries(zone, at)),
        3 => any::<prop::sample::Index>().prop_map(Happens::Settle),
        6 => (any::<prop::sample::Index>(), any::<bool>()).prop_map(|(which, fine)| Happens::Finish(which, fine)),
        2 => Just(Happens::Wait),
    ]
}

proptest! {
    /// Whatever happens: one visit for a zone at a time, never more than the slots, and nobody is forgotten.
    #[test]
    fn every_zone_has_its_turn(story in prop::collection::vec(happens(), 0..120), per_primary in 1..3_usize, all in 1..5_usize) {
        let mut clock = Clock::new(Slots { per_primary, all });
        // Visits, and which primaries each asks.
        let mut running: Vec<(usize, Vec<usize>)> = Vec::new();
        let mut there: HashMap<usize, ()> = HashMap::new();
        let mut primaries: HashMap<usize, Vec<usize>> = HashMap::new();
        let start = |clock: &mut Clock, running: &mut Vec<(usize, Vec<usize>)>, primaries: &HashMap<usize, Vec<usize>>| -> Result<(), TestCaseError> {
            for zone in clock.visits() {
                prop_assert!(!running.iter().any(|(other, _)| *other == zone), "two visits for one zone");
                running.push((zone, primaries[&zone].clone()));
            }
            prop_assert!(running.iter().filter(|(_, at)| *at != SETTLED).count() <= all);
            for primary in 1..4 {
                let here = running.iter().filter(|(_, at)| at.contains(&primary)).count();
                prop_assert!(here <= per_primary, "{} at {}", here, primary);
            }
            prop_assert_eq!(running.len(), clock.schedule.visits());
            Ok(())
        };
        for happens in story {
            match happens {
                Happens::Insert(zone, at, true) => { clock.insert_held(zone, &at); there.insert(zone, ()); primaries.insert(zone, at); }
                Happens::Insert(zone, at, false) => { clock.insert(zone, &at, Start::Never); there.insert(zone, ()); primaries.insert(zone, at); }
                Happens::Remove(zone) => {
                    prop_assert_eq!(clock.schedule.remove(&zone), there.remove(&zone).is_some());
                }
                Happens::Order(zone) => prop_assert_eq!(clock.schedule.order(&zone, false), there.contains_key(&zone)),
                Happens::Notify(zone, hint) => { clock.schedule.notify(&zone, None, Some(Serial(hint))); }
                Happens::Primaries(zone, at) => {
                    clock.schedule.set_primaries(&zone, at.iter().map(|number| primary(*number)).collect());
                    primaries.insert(zone, at);
                }
                Happens::Settle(which) if !running.is_empty() => {
                    let place = which.index(running.len());
                    clock.schedule.settles(&running[place].0);
                    running[place].1 = SETTLED.to_vec();
                }
                Happens::Settle(_) => {}
                Happens::Finish(which, fine) if !running.is_empty() => {
                    let (zone, _) = running.swap_remove(which.index(running.len()));
                    if fine { clock.current(zone, &soa_buf(1)) } else { clock.failed(zone) }
                }
                Happens::Finish(..) => {}
                Happens::Wait => if clock.schedule.poll_timeout().is_some() { clock.wait(); },
            }
            start(&mut clock, &mut running, &primaries)?;
        }
        // From here on all goes well: every zone that is there is visited within its refresh time.
        let end = clock.now + SECOND * 3700;
        let mut seen: HashMap<usize, ()> = HashMap::new();
        loop {
            while let Some((zone, _)) = running.pop() {
                seen.insert(zone, ());
                clock.current(zone, &soa_buf(1));
                start(&mut clock, &mut running, &primaries)?;
            }
            if clock.schedule.poll_timeout().is_none_or(|next| next > end) {
                break;
            }
            clock.wait();
            start(&mut clock, &mut running, &primaries)?;
        }
        prop_assert!(there.keys().all(|zone| seen.contains_key(zone)), "{:?} of {:?}", seen, there);
    }
}
