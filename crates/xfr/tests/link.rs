//! Who may ask what on one connection, and who is sent away from it, under a made-up clock.

use std::time::{Duration, Instant};

use zonekit_xfr::{Arrival, Link, Manners};

const SECOND: Duration = Duration::from_secs(1);

fn message(id: u16, octets: usize) -> Vec<u8> {
    let mut message = vec![0; octets.max(12)];
    message[..2].copy_from_slice(&id.to_be_bytes());
    message
}

/// A link on which these have asked, each with its number as the ID and so much patience.
fn link(askers: u16, patience: Duration, now: Instant) -> Link<u16> {
    let mut link = Link::new(now);
    for number in 0..askers {
        link.ask(number, number, Some(now + patience)).unwrap();
    }
    link
}

#[test]
fn no_more_than_32_wait_on_a_connection() {
    let now = Instant::now();
    let mut link = link(32, SECOND, now);
    assert!(!link.has_room());
    assert_eq!(link.ask(99, 99, None), Err(99));
    link.done(7, now);
    assert_eq!(link.ask(99, 99, None), Ok(()));
}

#[test]
fn what_comes_for_one_who_gave_up_is_dropped_and_its_id_not_used_again() {
    let now = Instant::now();
    let mut link = link(2, SECOND, now);
    assert_eq!(link.give_up(1), Some(1));
    assert_eq!(link.arrived(&message(1, 100), now), Arrival::GivenUp);
    assert_eq!(link.arrived(&message(0, 100), now), Arrival::For(&mut 0));
    assert_eq!(link.arrived(&message(5, 100), now), Arrival::Stray);
    assert_eq!(link.arrived(&[1], now), Arrival::Stray);
    assert_eq!(link.only(), None, "what comes may be for the other");
    // Nobody has to wait behind an answer that nobody wants.
    assert_eq!(link.ask(2, 2, None), Err(2));
    assert!(!link.is_over(now));
    link.done(0, now);
    assert!(link.is_over(now));
}

#[test]
fn who_waits_in_vain_behind_others_is_sent_away_when_its_patience_is_over() {
    let now = Instant::now();
    let mut link = link(3, SECOND, now);
    link.arrived(&message(0, 100), now);
    assert_eq!(link.poll_timeout(), Some(now + SECOND));
    assert!(link.impatient(now).is_empty());
    let mut sent = link.impatient(now + SECOND);
    sent.sort();
    assert_eq!(sent, [1, 2]);
    assert_eq!((link.len(), link.poll_timeout()), (1, None));
}

#[test]
fn who_is_alone_waits_as_long_as_it_likes() {
    let now = Instant::now();
    let mut link = link(1, SECOND, now);
    assert_eq!(link.poll_timeout(), None);
    assert!(link.impatient(now + 100 * SECOND).is_empty());
}

#[test]
fn nobody_waits_behind_a_large_answer() {
    let now = Instant::now();
    let mut link = link(3, SECOND, now);
    link.arrived(&message(2, 100), now);
    for _ in 0..4 {
        link.arrived(&message(0, 65_535), now);
    }
    assert!(link.crowded_out().is_empty());
    link.arrived(&message(0, 65_535), now);
    assert_eq!(link.crowded_out(), [1]);
    assert!(link.is_closing() && !link.is_given());
}

#[test]
fn a_large_answer_that_is_alone_may_have_the_connection() {
    let now = Instant::now();
    let mut link = link(1, SECOND, now);
    for _ in 0..5 {
        link.arrived(&message(0, 65_535), now);
    }
    assert!(link.is_given());
}

#[test]
fn a_connection_stays_open_for_two_seconds_or_as_the_primary_says() {
    let check = |keep_alive: Option<u16>, milliseconds: u64| {
        let now = Instant::now();
        let mut link = link(1, SECOND, now);
        keep_alive
            .into_iter()
            .for_each(|tenths| link.keep_alive(tenths));
        assert!(!link.is_over(now + 1000 * SECOND));
        link.done(0, now);
        let end = now + Duration::from_millis(milliseconds);
        assert_eq!(link.poll_timeout(), Some(end));
        assert!(link.is_over(end));
        assert!(milliseconds == 0 || !link.is_over(end - Duration::from_millis(1)));
    };
    check(None, 2000);
    check(Some(0), 0);
    check(Some(5), 500);
    check(Some(50), 5000);
    check(Some(u16::MAX), 30_000);
}

#[test]
fn only_a_loss_in_the_middle_of_things_is_held_against_sharing() {
    let now = Instant::now();
    let check = |askers: u16, answered: u16, after: Duration, is_held_against: bool| {
        let mut link = link(askers, 100 * SECOND, now);
        for number in 0..answered {
            link.arrived(&message(number, 100), now);
            link.done(number, now);
        }
        assert_eq!(link.is_lost_to_sharing(now + after), is_held_against);
        assert_eq!(link.lost().count(), usize::from(askers - answered));
    };
    check(2, 1, SECOND / 2, true);
    check(2, 0, SECOND / 2, true);
    check(1, 0, SECOND / 2, false); // nobody shared it
    check(2, 2, SECOND / 2, false); // nobody waited
    check(2, 1, 2 * SECOND, false); // it may have been closed for being idle
}

#[test]
fn a_primary_is_tried_again_after_ten_minutes_and_twice_as_long_each_time_up_to_a_day() {
    let mut manners = Manners::default();
    let mut now = Instant::now();
    for minutes in [10, 20, 40, 80, 160, 320, 640, 1280, 1440, 1440] {
        manners.note("primary", now);
        manners.note("primary", now + SECOND); // another connection: the same news
        now += minutes * 60 * SECOND;
        assert!(!manners.may_share(&"primary", now - SECOND));
        assert!(manners.may_share(&"primary", now));
        assert!(manners.may_share(&"another", now - SECOND));
    }
}
