//! Digests of zones: those of the RFC, those that prove nothing, and any zone's against the plainest way to make it.

mod common;

use common::{build, name, names, record, records, soa};
use proptest::prelude::*;
use sha2::{Digest, Sha384, Sha512};
use zonekit_store::{Checks, Zone, ZoneBuilder, ZoneLimits, ZonePatch, ZonemdError, ZonemdHash};
use zonekit_wire::{NameBuf, RecordBuf, Rtype, Serial, master::Reader, rdata};

const SIMPLE: &str = include_str!("data/rfc8976/simple.zone");
const COMPLEX: &str = include_str!("data/rfc8976/complex.zone");
const MULTIPLE: &str = include_str!("data/rfc8976/multiple.zone");
const URI_ARPA: &str = include_str!("data/rfc8976/uri.arpa.zone");
const ROOT_SERVERS: &str = include_str!("data/rfc8976/root-servers.net.zone");

fn read(apex: &str, text: &str) -> Zone {
    let apex = name(apex);
    let mut reader = Reader::new(text.as_bytes(), apex.as_name());
    let mut builder = ZoneBuilder::new(apex.as_name(), ZoneLimits::default(), Checks::Lenient);
    let mut is_first = true;
    while let Some(record) = reader.next_record().unwrap() {
        if is_first {
            builder.begin(&record).unwrap();
        } else {
            builder.add(&record).unwrap();
        }
        is_first = false;
    }
    builder.finish().unwrap().0
}

#[test]
fn the_zones_of_the_rfc_are_proven_whole() {
    for (apex, text) in [
        ("example", SIMPLE),
        ("example", COMPLEX),
        ("example", MULTIPLE),
        ("uri.arpa", URI_ARPA),
        ("root-servers.net", ROOT_SERVERS),
    ] {
        assert_eq!(read(apex, text).verify_zonemd(), Ok(ZonemdHash::Sha384));
    }
    let only_512: String = { MULTIPLE.lines() }
        .filter(|line| !line.contains(" 1 1 "))
        .map(|line| format!("{line}\n"))
        .collect();
    let zone = read("example", &only_512);
    assert_eq!(zone.verify_zonemd(), Ok(ZonemdHash::Sha512));
}

#[test]
fn what_proves_nothing_is_told() {
    let check = |changes: &[(&str, &str)], error| {
        let mut text = MULTIPLE.to_owned();
        for (from, to) in changes {
            assert!(text.contains(from), "{from}");
            text = text.replace(from, to);
        }
        assert_eq!(read("example", &text).verify_zonemd(), error);
    };
    let mismatch = |hash| Err(ZonemdError::Mismatch(hash));
    let (sha384, sha512) = (ZonemdHash::Sha384, ZonemdHash::Sha512);

    // Anything else in the zone, however small.
    check(&[("203.0.113.63", "203.0.113.64")], mismatch(sha384));
    check(&[("3600   IN  A ", "3601   IN  A ")], mismatch(sha384));
    check(&[("multiple", "Multiple")], mismatch(sha384));
    // One that matches is enough.
    check(&[("62e6cf51", "62e6cf52")], Ok(sha512));
    check(&[("2018031900 1 1", "2018031899 1 1")], Ok(sha512));
    check(
        &[("62e6cf51", "62e6cf52"), ("08cfa111", "08cfa112")],
        mismatch(sha384),
    );

    let (zonemd, soa) = (Serial(2018031899), Serial(2018031900));
    check(
        &[("2018031900 1 ", "2018031899 1 ")],
        Err(ZonemdError::OtherSerial { zonemd, soa }),
    );
    check(
        &[(" 1 1 62", " 241 1 62"), (" 1 2 08", " 1 3 08")],
        Err(ZonemdError::Unsupported { scheme: 1, hash: 3 }),
    );
    check(
        &[(" 1 1 62", " 2 1 62"), (" 1 2 08", " 1 3 08")],
        Err(ZonemdError::Unsupported { scheme: 1, hash: 3 }),
    );

    let check = |text: &str, error| assert_eq!(read("example", text).verify_zonemd(), error);
    let without: String = { SIMPLE.lines() }
        .filter(|line| !line.contains("ZONEMD"))
        .map(|line| format!("{line}\n"))
        .collect();
    check(&without, Err(ZonemdError::Missing));
    let other = "@ 86400 ZONEMD 2018031900 1 1 ".to_owned();
    let second = SIMPLE.to_owned() + &other + &"00".repeat(48) + "\n";
    let (scheme, hash) = (1, 1);
    check(&second, Err(ZonemdError::Repeated { scheme, hash }));
    // None of those that are alike counts, however right; another one does.
    let second = MULTIPLE.to_owned() + &other + &"00".repeat(48) + "\n";
    check(&second, Ok(sha512));
    let second = MULTIPLE.replace("08cfa111", "08cfa112") + &other + &"00".repeat(48) + "\n";
    check(&second, mismatch(sha512));
}

#[test]
fn a_digest_of_another_length_is_malformed() {
    let apex = name("example");
    for octets in [0, 3, 5, 6, 6 + 12, 6 + 47, 6 + 49, 6 + 64] {
        let rdata = [&9_u32.to_be_bytes()[..], &[1, 1], &[0; 64]].concat();
        let zonemd = record(&apex, Rtype::ZONEMD, 60, &rdata[..octets]);
        let (zone, _) = build(&apex, &soa(&apex, 9), &[zonemd]).unwrap();
        assert_eq!(
            zone.verify_zonemd(),
            Err(ZonemdError::Malformed),
            "{octets}"
        );
    }
}

#[test]
fn the_apex_records_may_come_and_go_and_the_digest_stays() {
    let zone = read("example", SIMPLE);
    let digest = zone.zonemd_digest(ZonemdHash::Sha384);
    let apex = name("example");
    let soa = zone.soa();
    let mut patch = ZonePatch::new(&zone, ZoneLimits::default(), Checks::Strict);
    let mut rdata = Vec::new();
    soa.as_soa().write(&mut rdata);
    let soa = record(&apex, Rtype::SOA, 86_400, &rdata);
    let held = zone.rrset(apex.as_name(), Rtype::ZONEMD).unwrap();
    let held = record(&apex, Rtype::ZONEMD, 0, held.rdatas().next().unwrap());
    let covers = [
        &Rtype::ZONEMD.0.to_be_bytes()[..],
        &[8, 1],
        &[0; 14],
        &[0, 7],
    ]
    .concat();
    patch.step(&soa.as_record()).unwrap();
    patch.remove(&held.as_record()).unwrap();
    patch.reach(&soa.as_record()).unwrap();
    for (rtype, rdata) in [(Rtype::ZONEMD, &[0; 18][..]), (Rtype::RRSIG, &covers)] {
        let added = record(&apex, rtype, 7, rdata);
        patch.add(&added.as_record()).unwrap();
    }
    let (zone, ..) = patch.finish().unwrap();
    assert_eq!(zone.zonemd_digest(ZonemdHash::Sha384), digest);
}

/// Records with NSEC3 among them, at hashes and at names that others are at as well.
fn zones() -> impl Strategy<Value = (NameBuf, Vec<RecordBuf>)> {
    prop::sample::select(vec!["", "example", "Sub.Example"]).prop_flat_map(|apex| {
        let apex = name(&format!("{apex}."));
        let nsec3 = (names(apex.clone()), any::<bool>(), 0..3_u8).prop_map(
            |(owner, is_signature, salt)| {
                if is_signature {
                    let rdata = [&[0, 50, 8, 1][..], &[0; 14], &[0, salt]].concat();
                    record(&owner, Rtype::RRSIG, 60, &rdata)
                } else {
                    let rdata = [&[1, 0, 0, 0, 1, salt, 20][..], &[7; 20]].concat();
                    record(&owner, Rtype::NSEC3, 60, &rdata)
                }
            },
        );
        let mixed_case = names(apex.clone()).prop_map(|owner| {
            let owner = name(&owner.to_string().to_uppercase());
            record(&owner, Rtype::MX, 60, b"\0\x0AA\x04MaIl\x04ZONE\0")
        });
        let all = prop_oneof![6 => records(apex.clone()), 2 => nsec3, 1 => mixed_case];
        (Just(apex), prop::collection::vec(all, 0..60))
    })
}

/// The records in canonical form and order, by the plainest means.
fn canonical(zone: &Zone) -> Vec<u8> {
    let apex = zone.apex().to_buf();
    let mut all = Vec::new();
    let mut walk = zone.iter();
    while let Some(record) = walk.next() {
        let covered = Rtype(u16::from_be_bytes([
            *record.rdata.first().unwrap_or(&0),
            *record.rdata.get(1).unwrap_or(&0),
        ]));
        let is_digest = record.rtype == Rtype::ZONEMD
            || record.rtype == Rtype::RRSIG && covered == Rtype::ZONEMD;
        if is_digest && record.owner == apex {
            continue;
        }
        let mut form = Vec::new();
        rdata::canonical(record.rtype, record.rdata, &mut form);
        all.push((
            record.owner.to_buf().to_lowercase(),
            record.rtype,
            form,
            record.ttl,
        ));
    }
    all.sort();
    let mut octets = Vec::new();
    for (owner, rtype, form, ttl) in all {
        octets.extend_from_slice(owner.as_name().as_octets());
        octets.extend(rtype.0.to_be_bytes());
        octets.extend([0, 1]);
        octets.extend(ttl.to_be_bytes());
        octets.extend((form.len() as u16).to_be_bytes());
        octets.extend(form);
    }
    octets
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// The digest is that of all records, sorted.
    #[test]
    fn the_digest_is_that_of_all_records_in_canonical_order((apex, records) in zones()) {
        let (zone, _) = build(&apex, &soa(&apex, 7), &records).unwrap();
        let octets = canonical(&zone);
        prop_assert_eq!(&*zone.zonemd_digest(ZonemdHash::Sha384), &Sha384::digest(&octets)[..]);
        prop_assert_eq!(&*zone.zonemd_digest(ZonemdHash::Sha512), &Sha512::digest(&octets)[..]);
    }
}
