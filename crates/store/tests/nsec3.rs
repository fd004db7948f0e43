//! NSEC3 records by hash, against a list that is searched from its front.

mod common;

use std::collections::BTreeSet;

use common::{build, name, record, soa};
use proptest::prelude::*;
use zonekit_store::Nsec3Parameters;
use zonekit_wire::{NameBuf, RecordBuf, Rtype};

/// The chain that the zone says it has, and one that is in its place in parts, as while a salt is being changed.
const SALTS: [&[u8]; 2] = [b"", b"\xAB\xCD"];

/// The hashes of a chain, and which of the two it belongs to.
type Owners = BTreeSet<([u8; 20], usize)>;

fn owner(hash: &[u8; 20], apex: &NameBuf, is_upper: bool) -> NameBuf {
    let digits = b"0123456789abcdefghijklmnopqrstuv";
    let bit = |at: usize| usize::from(hash[at / 8] >> (7 - at % 8) & 1);
    let mut label: Vec<u8> = (0..32)
        .map(|digit| digits[(0..5).fold(0, |value, at| value << 1 | bit(digit * 5 + at))])
        .collect();
    if is_upper {
        label.make_ascii_uppercase();
    }
    let mut name = apex.clone();
    name.prepend_label(&label).unwrap();
    name
}

fn rdata(salt: &[u8]) -> Vec<u8> {
    let next = [&[20][..], &[7; 20], &[0, 1, 0x22]].concat();
    [&[1, 0, 0, 5, salt.len() as u8], salt, &next].concat()
}

/// Few octets, so that hashes meet, follow each other, and stand at both ends.
fn hash() -> impl Strategy<Value = [u8; 20]> {
    let octet = || prop_oneof![Just(0_u8), Just(255), any::<u8>()];
    (
        octet(),
        octet(),
        prop_oneof![Just(0_u8), Just(1), Just(255)],
    )
        .prop_map(|(a, b, end)| {
            let mut hash = [a; 20];
            hash[1] = b;
            hash[19] = end;
            hash
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(80))]

    #[test]
    fn a_hash_is_matched_or_covered_as_a_scan_tells(
        owners in prop_oneof![
            3 => prop::collection::btree_set((hash(), prop_oneof![9 => Just(0_usize), 1 => Just(1)]), 0..60),
            1 => prop::collection::btree_set((hash(), Just(0_usize)), 100..400),
        ],
        sought in prop::collection::vec(hash(), 30),
        is_upper in any::<bool>(),
    ) {
        let owners: Owners = owners;
        let apex = name("Example.org");
        let mut records: Vec<RecordBuf> = vec![
            record(&apex, Rtype::NS, 5, b"\x02ns\0"),
            record(&apex, Rtype::NSEC3PARAM, 0, &[1, 0, 0, 5, 0]),
        ];
        for (hash, chain) in &owners {
            records.push(record(&owner(hash, &apex, is_upper), Rtype::NSEC3, 5, &rdata(SALTS[*chain])));
        }
        // Names that look like hashes are none.
        records.push(record(&owner(&[0x55; 20], &apex, false), Rtype::A, 5, &[1; 4]));
        let (zone, _) = build(&apex, &soa(&apex, 1), &records).unwrap();
        prop_assert_eq!(zone.nsec3_parameters().map(|found| found.salt), Some(SALTS[0]));
        for (chain, salt) in SALTS.iter().enumerate() {
            let parameters = Nsec3Parameters { algorithm: 1, iterations: 5, salt };
            let in_chain = || owners.iter().filter(move |(_, of)| *of == chain).map(|(hash, _)| hash);
            for hash in sought.iter().chain(owners.iter().map(|(hash, _)| hash)) {
                let expected = in_chain().rfind(|held| *held <= hash).or(in_chain().next_back());
                let expected = expected.map(|held| (owner(held, &apex, is_upper).to_string(), held == hash));
                let found = zone.nsec3_covering(&parameters, hash);
                let found = found.map(|found| (found.owner().to_string(), found.is_match()));
                prop_assert_eq!(found, expected, "{:?}", hash);
            }
        }
    }
}
