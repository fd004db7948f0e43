//! Any octets at all as the answer to a transfer: the seeds of the fuzz targets, and what proptest makes of them.

mod common;

use common::{STEPS, axfr, claims, message, one_by_one, rrs, soa, zone};
use proptest::prelude::*;
use zonekit_xfr::Query;

type Claim = fn(&[u8]);

const CLAIMS: [(&str, Claim); 2] = [
    ("axfr_stream", claims::axfr_stream as Claim),
    ("ixfr_stream", claims::ixfr_stream as Claim),
];

fn stream(messages: &[Vec<u8>]) -> Vec<u8> {
    let frames = messages.iter().map(|message| {
        let length = u16::try_from(message.len()).unwrap().to_be_bytes();
        [&length, &message[..]].concat()
    });
    frames.flatten().collect()
}

/// Streams that are whole, as seeds: AXFR, and IXFR from serial 1.
fn seeds() -> Vec<(&'static str, &'static str, Vec<u8>)> {
    let whole = Query::axfr(0, &zone(), None, 0);
    let since = Query::ixfr(0, &zone(), &claims::held(), None, 0);
    let (whole, since) = (whole.octets(), since.octets());
    let steps = rrs(&STEPS);
    vec![
        (
            "axfr_stream",
            "one-message",
            stream(&[message(whole, &axfr(7))]),
        ),
        (
            "axfr_stream",
            "one-record-a-message",
            stream(&one_by_one(whole, &axfr(7))),
        ),
        (
            "ixfr_stream",
            "two-steps",
            stream(&[message(since, &steps)]),
        ),
        (
            "ixfr_stream",
            "one-record-a-message",
            stream(&one_by_one(since, &steps)),
        ),
        (
            "ixfr_stream",
            "whole-zone",
            stream(&[message(since, &axfr(7))]),
        ),
        (
            "ixfr_stream",
            "current",
            stream(&[message(since, &[soa(1)])]),
        ),
    ]
}

/// The seeds are what this file makes; `SEEDS=write` writes them anew.
#[test]
fn seeds_are_kept_beside_the_fuzz_targets() {
    let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/corpus");
    for (target, name, octets) in seeds() {
        let path = format!("{corpus}/{target}/seed-{name}");
        if std::env::var("SEEDS").is_ok_and(|what| what == "write") {
            std::fs::create_dir_all(format!("{corpus}/{target}")).unwrap();
            std::fs::write(&path, &octets).unwrap();
        }
        if std::path::Path::new(corpus).exists() {
            assert_eq!(std::fs::read(&path).ok(), Some(octets), "{path}");
        }
    }
}

#[test]
fn claims_hold_for_every_seed_and_every_beginning_of_one() {
    for (_, claim) in CLAIMS {
        for (_, _, octets) in seeds() {
            for end in 0..=octets.len() {
                claim(&octets[..end]);
            }
        }
    }
}

proptest! {
    /// Octets of a seed changed, cut out and doubled.
    #[test]
    fn claims_hold_for_spoiled_streams(
        seed in 0..6_usize,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        cut in any::<(prop::sample::Index, prop::sample::Index)>(),
        doubles in any::<bool>(),
    ) {
        let (_, _, mut octets) = seeds().swap_remove(seed);
        for (place, octet) in changes {
            let place = place.index(octets.len());
            octets[place] ^= octet;
        }
        let (from, to) = (cut.0.index(octets.len()), cut.1.index(octets.len()));
        if from < to && doubles {
            let piece = octets[from..to].to_vec();
            octets.splice(from..from, piece);
        } else if from < to && to - from < 64 {
            octets.drain(from..to);
        }
        for (_, claim) in CLAIMS {
            claim(&octets);
        }
    }

    /// Messages of whole streams in any order and number: the machine sees all its states and most of its errors.
    #[test]
    fn claims_hold_for_shuffled_messages(
        order in prop::collection::vec((any::<bool>(), 0..10_usize), 0..14),
        is_since in any::<bool>(),
    ) {
        let (whole, since) = (Query::axfr(0, &zone(), None, 0), Query::ixfr(0, &zone(), &claims::held(), None, 0));
        let query = if is_since { since.octets() } else { whole.octets() };
        let steps = rrs(&[
            "@ SOA 3", "@ SOA 1", "old TXT old", "@ SOA 2", "new TXT new", "@ SOA 2", "www A 192.0.2.80", "@ SOA 3",
            "www A 192.0.2.81", "example.net. A 192.0.2.1",
        ]);
        let records: Vec<_> = order.into_iter().map(|(is_soa, number)| {
            if is_soa { steps[[0, 1, 3, 5][number % 4]].clone() } else { steps[number].clone() }
        }).collect();
        let octets = stream(&one_by_one(query, &records));
        for (_, claim) in CLAIMS {
            claim(&octets);
        }
    }
}
