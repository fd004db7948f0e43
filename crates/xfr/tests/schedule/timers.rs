//! Refresh, retry, back-off and jitter.

use std::collections::HashMap;

use zonekit_xfr::Reason;

use super::*;

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
