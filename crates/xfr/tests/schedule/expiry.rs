//! When a version expires, by its SOA and by the word of its primary (RFC 7314).

use super::*;

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
