//! Room in the file: what is replaced and removed is used again.

mod support;

use redb::StorageBackend;
use support::*;
use zonekit_store::{Options, Store};

/// Replaces and removes versions of changing size again and again: after the first rounds the file grows no more.
#[test]
fn a_file_does_not_grow_without_need() {
    for piece_octets in [8 << 20, 30_000] {
        let disk = FaultyDisk::default();
        let mut options = Options::default();
        options.piece_octets = piece_octets;
        let store = Store::open_on(disk.clone(), options).unwrap();
        let apexes = [apex(0), apex(1), apex(2)];
        let mut sizes = Vec::new();
        for round in 0..30_u32 {
            for (number, apex) in (0..).zip(&apexes) {
                if store.zone(apex.as_name()).is_none() {
                    store.create_zone(apex.as_name()).unwrap();
                }
                let expected = store.zone(apex.as_name()).unwrap().generation;
                let hosts = 1_500 + (round * 7 + number * 5) % 11 * 100;
                let version = large_zone(apex, 2 * round + 1, hosts);
                store.publish(replacement(apex, expected, version)).unwrap();
                patch_to(&store, apex, large_zone(apex, 2 * round + 2, hosts + 1));
            }
            store
                .remove_zone(apexes[round as usize % 3].as_name())
                .unwrap();
            sizes.push(disk.len().unwrap());
        }
        let (first, last) = sizes.split_at(8);
        let (first, last) = (first.iter().max(), last.iter().max());
        assert!(last <= first, "pieces of {piece_octets}: {sizes:?}");
    }
}
