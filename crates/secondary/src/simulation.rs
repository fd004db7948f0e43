//! Whole worlds under a made-up clock, each decided by a seed.
//!
//! A secondary with up to four zones (the real [`Exchange`](zonekit_xfr::Exchange), [`Schedule`](zonekit_xfr::Schedule),
//! [`Reach`](zonekit_xfr::Reach), [`Sink`](crate::sink::Sink) and [`Store`](zonekit_store::Store)), which share few slots,
//! lives among one to three primaries that lag, expire, lie in ways that show, go back to older serials, know no EDNS, have
//! wrong clocks and other keys, and storm with NOTIFY; on a network that loses, doubles, reorders, forges, refuses, resets
//! and stalls; on a disk that fails. It crashes and starts again. Its operator adds and removes zones, gives them other
//! primaries, other keys and other quotas, which whole versions are refused for, and orders visits. After every event, of
//! each zone:
//!
//! - what is held is, record by record, a version that a primary had;
//! - what is served never goes back, but after it expired, or by order;
//! - it is not served for longer than somebody has vouched for it, nor given up sooner;
//! - a restart holds what was visible before, or what was just being published.
//!
//! Nothing is ever asked without the key of its zone, and nothing is left of a zone that was removed. In the end all is
//! well, and of each zone the newest version is served within the time that its timers allow.
//!
//! ```sh
//! ZONEKIT_SEEDS=1000000 cargo test --release -p zonekit-secondary simulation
//! ZONEKIT_SEED=4711 cargo test -p zonekit-secondary simulation -- --nocapture   # one of them, with its story
//! ```
//!
//! The steps between these parts are those of [`visits`](crate::visits) and [`node`](crate::node), told again without tasks
//! and sockets: who changes them there changes [`World`] too.

mod answers;
#[path = "../../store/tests/support/faulty.rs"]
#[allow(dead_code, reason = "the tests of the store use all of it")]
mod disk;
mod net;
mod origin;
mod random;
mod tally;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use tally::Tally;
use world::World;

/// How many worlds there are, unless the environment says otherwise: some 4 ms of processor time each, hardly optimised.
const SEEDS: u64 = 10_000;

#[test]
fn whatever_happens_each_zone_is_a_true_version_and_in_the_end_the_newest() {
    if let Some(seed) = number("ZONEKIT_SEED") {
        match live(seed, true) {
            Ok(tally) => println!("{tally:?}"),
            Err(why) => panic!("seed {seed}: {why}"),
        }
        return;
    }
    let seeds = number("ZONEKIT_SEEDS").unwrap_or(SEEDS);
    let (next, failed) = (AtomicU64::new(0), AtomicU64::new(u64::MAX));
    let is_over = AtomicBool::new(false);
    let work = || {
        let mut tally = Tally::default();
        while !is_over.load(Ordering::Relaxed) {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds {
                break;
            }
            match live(seed, false) {
                Ok(lived) => tally.add(&lived),
                Err(_) => {
                    failed.fetch_min(seed, Ordering::Relaxed);
                    is_over.store(true, Ordering::Relaxed);
                }
            }
        }
        tally
    };
    let mut tally = Tally::default();
    thread::scope(|scope| {
        let count = thread::available_parallelism().map_or(1, usize::from);
        let workers: Vec<_> = (0..count).map(|_| scope.spawn(work)).collect();
        for worker in workers {
            tally.add(&worker.join().expect("worlds that panic are caught"));
        }
    });
    let failed = failed.into_inner();
    if failed != u64::MAX {
        let why = live(failed, true).expect_err("it failed before");
        panic!(
            "seed {failed}: {why}\n\
             alone: ZONEKIT_SEED={failed} cargo test -p zonekit-secondary simulation -- --nocapture"
        );
    }
    println!("{seeds} worlds: {tally:?}");
    if seeds >= SEEDS {
        assert_eq!(tally.missing(), None, "something never happens");
    }
}

/// Runs one world; says what was not as it must be.
fn live(seed: u64, is_told: bool) -> Result<Tally, String> {
    let world = || World::new(seed, is_told).run();
    catch_unwind(AssertUnwindSafe(world)).unwrap_or_else(|_| Err("it panics".to_owned()))
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().expect("a number"))
}
