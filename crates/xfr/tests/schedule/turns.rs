//! Whatever happens, in whatever order: every zone has its turn.

use std::collections::HashMap;

use proptest::prelude::*;
use zonekit_wire::Serial;

use super::*;

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
