//! PROTOCOL.md's tables "AXFR" and "IXFR", record by record.

mod common;

use common::{Copy, HELD, STEPS, ZONE, axfr, rr, rrs, soa, soa_buf, zone};
use zonekit_wire::{Class, RecordBuf, Serial};
use zonekit_xfr::{Apply, Transfer, TransferError, TransferKind};

/// Runs records through `transfer` into a copy of the zone; the last change only if the stream is whole.
fn run(
    transfer: &mut Transfer,
    records: &[RecordBuf],
    copy: &mut Copy,
) -> Result<(), TransferError> {
    for record in records {
        for change in transfer.step(record.as_record())? {
            copy.apply(change).unwrap();
        }
    }
    copy.apply(transfer.finish()?).unwrap();
    Ok(())
}

fn whole(records: &[RecordBuf]) -> Result<Copy, TransferError> {
    let mut copy = Copy::default();
    run(&mut Transfer::axfr(zone().as_name()), records, &mut copy)?;
    assert_eq!(copy.commits, 1);
    Ok(copy)
}

fn differences(records: &[RecordBuf]) -> Result<Copy, TransferError> {
    let mut copy = Copy::of(1, &HELD);
    run(
        &mut Transfer::ixfr(zone().as_name(), soa_buf(1)),
        records,
        &mut copy,
    )?;
    Ok(copy)
}

// AXFR

#[test]
fn a_whole_zone_lies_between_two_copies_of_its_soa() {
    let copy = whole(&axfr(7)).unwrap();
    assert!(copy.is(7, &["@ NS ns1", "ns1 A 192.0.2.1", "www A 192.0.2.80"]));
}

#[test]
fn first_record_must_be_an_soa() {
    let error = whole(&axfr(7)[1..]).unwrap_err();
    assert!(matches!(error, TransferError::FirstNotSoa(rtype) if rtype.to_string() == "NS"));
    assert_eq!(error.rfc(), "RFC 5936 §2.2");
}

#[test]
fn first_soa_must_be_at_the_apex() {
    let error = whole(&rrs(&["www SOA 7"])).unwrap_err();
    assert!(matches!(error, TransferError::SoaElsewhere(_)));
    let error = whole(&rrs(&["org. SOA 7"])).unwrap_err();
    assert!(matches!(error, TransferError::SoaElsewhere(_)));
}

#[test]
fn closing_soa_must_equal_the_opening_one_in_every_field() {
    let last = axfr(7).len() - 1;
    let fields = soa(7).rdata.len() - 20;
    for field in 0..5 {
        let mut records = axfr(7);
        records[last].rdata[fields + 4 * field + 3] ^= 1;
        assert!(
            matches!(whole(&records), Err(TransferError::ClosingDiffers { .. })),
            "number {field}"
        );
    }
    let mut records = axfr(7);
    records[last].rdata[1] = b'm'; // the first label of MNAME
    assert!(matches!(
        whole(&records),
        Err(TransferError::ClosingDiffers { .. })
    ));
}

#[test]
fn names_in_the_closing_soa_are_compared_without_case() {
    let mut records = axfr(7);
    let last = records.last_mut().unwrap();
    last.rdata[1].make_ascii_uppercase();
    last.owner = "EXAMPLE.org".parse().unwrap();
    last.ttl = 0;
    assert!(whole(&records).is_ok());
}

#[test]
fn another_soa_at_the_apex_in_between_is_rejected() {
    let mut records = axfr(7);
    records.insert(2, soa(6));
    assert!(matches!(
        whole(&records),
        Err(TransferError::ClosingDiffers { .. })
    ));
    let mut records = axfr(7);
    records.insert(2, soa(7));
    assert!(matches!(
        whole(&records),
        Err(TransferError::AfterClosing(_))
    ));
}

#[test]
fn an_soa_below_the_apex_is_rejected() {
    let mut records = axfr(7);
    records.insert(2, rr("www SOA 7"));
    assert!(matches!(
        whole(&records),
        Err(TransferError::SoaElsewhere(_))
    ));
}

#[test]
fn anything_after_the_closing_soa_is_rejected() {
    for after in ["www A 192.0.2.1", "@ SOA 7", "elsewhere.net. A 192.0.2.1"] {
        let mut records = axfr(7);
        records.push(rr(after));
        assert!(
            matches!(whole(&records), Err(TransferError::AfterClosing(_))),
            "{after}"
        );
    }
}

#[test]
fn a_stream_that_ends_before_its_closing_soa_is_never_committed() {
    for count in 0..axfr(7).len() {
        let error = whole(&axfr(7)[..count]).unwrap_err();
        assert_eq!(
            error,
            TransferError::Unfinished {
                records: count as u64
            }
        );
    }
}

#[test]
fn records_outside_the_zone_are_skipped_and_counted() {
    let mut records = axfr(7);
    records.insert(1, rr("example.net. A 192.0.2.1"));
    records.insert(3, rr("badexample.org. A 192.0.2.1"));
    records.insert(3, rr("org. NS ns1"));
    let mut copy = Copy::default();
    let mut transfer = Transfer::axfr(zone().as_name());
    run(&mut transfer, &records, &mut copy).unwrap();
    assert!(copy.is(7, &["@ NS ns1", "ns1 A 192.0.2.1", "www A 192.0.2.80"]));
    assert_eq!((transfer.skipped(), transfer.records()), (3, 4));
}

#[test]
fn wildcards_escapes_and_case_are_taken_as_they_are() {
    let mut records = axfr(7);
    records.insert(1, rr("*.Wild TXT x"));
    records.insert(1, rr("a\\.b\\000 TXT x"));
    records.insert(1, rr("deep.below.nothing TXT x"));
    let mut owners = Vec::new();
    let mut transfer = Transfer::axfr(zone().as_name());
    for record in &records {
        for change in transfer.step(record.as_record()).unwrap() {
            if let zonekit_xfr::Change::Add(record) = change {
                owners.push(record.owner.to_string());
            }
        }
    }
    assert!(owners.contains(&format!("*.Wild.{ZONE}.")));
    assert!(owners.contains(&format!("a\\.b\\000.{ZONE}.")));
}

#[test]
fn serial_equal_to_ours_is_done_at_the_first_record() {
    let mut transfer = Transfer::axfr_newer_than(zone().as_name(), soa_buf(7));
    let mut copy = Copy::of(7, &HELD);
    run(&mut transfer, &axfr(7), &mut copy).unwrap();
    assert_eq!((copy.up_to_date, copy.commits), (1, 0));
}

#[test]
fn serial_lower_than_ours_is_not_taken() {
    for (held, offered) in [(7, 6), (5, 0xffff_fff0), (0x8000_0001, 3)] {
        let mut transfer = Transfer::axfr_newer_than(zone().as_name(), soa_buf(held));
        let error = run(&mut transfer, &axfr(offered), &mut Copy::default()).unwrap_err();
        let (held, offered) = (Serial(held), Serial(offered));
        assert_eq!(error, TransferError::Behind { held, offered });
    }
}

#[test]
fn meta_types_are_no_zone_data() {
    for rtype in [
        "TYPE0", "TYPE41", "TYPE128", "TYPE249", "TYPE250", "TYPE251", "TYPE252", "TYPE255",
    ] {
        for place in 0..=axfr(7).len() {
            let mut records = axfr(7);
            records.insert(place, rr(&format!("www {rtype} 00")));
            assert!(
                matches!(whole(&records), Err(TransferError::MetaType(_))),
                "{rtype} at {place}"
            );
        }
    }
}

#[test]
fn other_classes_are_rejected() {
    for place in 0..axfr(7).len() {
        let mut records = axfr(7);
        records[place].class = Class(3);
        assert_eq!(whole(&records).unwrap_err(), TransferError::Class(Class(3)));
    }
}

#[test]
fn unknown_types_are_kept() {
    let mut records = axfr(7);
    records.insert(1, rr("www TYPE65280 00ff"));
    assert!(whole(&records).unwrap().has("www TYPE65280 00ff"));
}

#[test]
fn more_records_than_allowed_end_a_transfer() {
    let mut transfer = Transfer::axfr(zone().as_name()).limited_to(4, 0);
    assert!(run(&mut transfer, &axfr(7), &mut Copy::default()).is_ok());
    let mut transfer = Transfer::axfr(zone().as_name()).limited_to(3, 0);
    let error = run(&mut transfer, &axfr(7), &mut Copy::default()).unwrap_err();
    assert_eq!(error.to_string(), "more than 3 records (max_zone_records)");
}

// IXFR

#[test]
fn one_soa_of_our_serial_or_older_is_up_to_date() {
    for serial in [1, 0, 0xffff_ff00] {
        let copy = differences(&[soa(serial)]).unwrap();
        assert_eq!((copy.up_to_date, copy.commits), (1, 0), "{serial}");
    }
}

#[test]
fn one_newer_soa_and_nothing_else_is_no_answer_yet() {
    let mut transfer = Transfer::ixfr(zone().as_name(), soa_buf(1));
    assert!(transfer.step(soa(2).as_record()).unwrap().next().is_none());
    assert!(transfer.is_lone_soa() && !transfer.is_complete());
    assert_eq!(
        transfer.finish(),
        Err(TransferError::Unfinished { records: 1 })
    );
}

#[test]
fn a_whole_zone_in_answer_to_ixfr_is_taken_as_one() {
    let mut transfer = Transfer::ixfr(zone().as_name(), soa_buf(1));
    let mut copy = Copy::default();
    run(&mut transfer, &axfr(7), &mut copy).unwrap();
    assert_eq!(
        (transfer.kind(), copy.commits, copy.serial),
        (TransferKind::Axfr, 1, Some(7))
    );
}

#[test]
fn several_steps_are_one_publication() {
    let copy = differences(&rrs(&STEPS)).unwrap();
    assert!(copy.is(
        3,
        &[
            "@ NS ns1",
            "ns1 A 192.0.2.1",
            "www A 192.0.2.81",
            "new TXT new"
        ]
    ));
    assert_eq!(copy.commits, 1);
}

#[test]
fn condensed_differences_are_taken() {
    let copy = differences(&rrs(&[
        "@ SOA 3",
        "@ SOA 1",
        "@ SOA 3",
        "new TXT new",
        "@ SOA 3",
    ]))
    .unwrap();
    assert!(copy.has("new TXT new"));
    assert_eq!(copy.serial, Some(3));
}

#[test]
fn a_first_step_from_another_soa_than_ours_is_rejected() {
    for serial in [0, 2] {
        let start = format!("@ SOA {serial}");
        let error = differences(&rrs(&["@ SOA 3", &start, "@ SOA 3", "@ SOA 3"])).unwrap_err();
        assert_eq!(error, TransferError::NotFromHeld(Serial(serial)));
    }
    let mut records = rrs(&STEPS);
    *records[1].rdata.last_mut().unwrap() ^= 1; // serial 1, another minimum
    assert_eq!(
        differences(&records).unwrap_err(),
        TransferError::NotFromHeld(Serial(1))
    );
}

#[test]
fn the_last_soa_must_equal_the_first() {
    let mut records = rrs(&STEPS);
    *records.last_mut().unwrap().rdata.last_mut().unwrap() ^= 1;
    assert!(matches!(
        differences(&records),
        Err(TransferError::Gap { .. })
    ));
    let mut records = rrs(&STEPS);
    *records[7].rdata.last_mut().unwrap() ^= 1; // reaches serial 3, but not the one announced
    assert!(matches!(
        differences(&records),
        Err(TransferError::StepBeyond { .. })
    ));
}

#[test]
fn a_chain_with_a_gap_is_rejected() {
    let records = rrs(&[
        "@ SOA 5", "@ SOA 1", "@ SOA 2", "@ SOA 3", "@ SOA 5", "@ SOA 5",
    ]);
    let (reached, next) = (Serial(2), Serial(3));
    assert_eq!(
        differences(&records).unwrap_err(),
        TransferError::Gap { reached, next }
    );
}

#[test]
fn a_chain_with_a_repeat_is_rejected() {
    let records = rrs(&[
        "@ SOA 3", "@ SOA 1", "@ SOA 2", "@ SOA 1", "@ SOA 2", "@ SOA 3",
    ]);
    assert!(matches!(
        differences(&records),
        Err(TransferError::Gap { .. })
    ));
    let records = rrs(&["@ SOA 3", "@ SOA 1", "@ SOA 1", "@ SOA 3"]);
    assert!(matches!(
        differences(&records),
        Err(TransferError::StepBackward { .. })
    ));
}

#[test]
fn a_step_backward_is_rejected() {
    let records = rrs(&[
        "@ SOA 3", "@ SOA 1", "@ SOA 2", "@ SOA 2", "@ SOA 1", "@ SOA 3",
    ]);
    let (from, to) = (Serial(2), Serial(1));
    assert_eq!(
        differences(&records).unwrap_err(),
        TransferError::StepBackward { from, to }
    );
}

#[test]
fn a_step_past_the_announced_serial_is_rejected() {
    let records = rrs(&["@ SOA 3", "@ SOA 1", "@ SOA 4", "@ SOA 3"]);
    assert!(matches!(
        differences(&records),
        Err(TransferError::StepBeyond { .. })
    ));
}

#[test]
fn a_last_step_short_of_the_announced_serial_is_never_committed() {
    let records = rrs(&["@ SOA 3", "@ SOA 1", "@ SOA 2", "new TXT new"]);
    assert!(matches!(
        differences(&records),
        Err(TransferError::Unfinished { .. })
    ));
}

#[test]
fn changes_outside_the_zone_are_skipped_and_counted() {
    let mut records = rrs(&STEPS);
    records.insert(2, rr("example.net. A 192.0.2.1"));
    records.insert(5, rr("example.net. A 192.0.2.2"));
    let mut transfer = Transfer::ixfr(zone().as_name(), soa_buf(1));
    let mut copy = Copy::of(1, &HELD);
    run(&mut transfer, &records, &mut copy).unwrap();
    assert_eq!((transfer.skipped(), copy.serial), (2, Some(3)));
}

#[test]
fn an_soa_elsewhere_or_another_class_inside_differences_is_rejected() {
    for place in 1..STEPS.len() {
        let mut records = rrs(&STEPS);
        records.insert(place, rr("www SOA 2"));
        assert!(matches!(
            differences(&records),
            Err(TransferError::SoaElsewhere(_))
        ));
        let mut records = rrs(&STEPS);
        records[place].class = Class(4);
        assert!(matches!(
            differences(&records),
            Err(TransferError::Class(_))
        ));
    }
}

#[test]
fn data_after_the_final_soa_is_rejected() {
    for after in ["www A 192.0.2.1", "@ SOA 3"] {
        let mut records = rrs(&STEPS);
        records.push(rr(after));
        assert!(matches!(
            differences(&records),
            Err(TransferError::AfterClosing(_))
        ));
    }
}

#[test]
fn serials_wrap() {
    let held = 0xffff_fffe_u32;
    let mut copy = Copy::of(held, &HELD);
    let held_soa = format!("@ SOA {held}");
    let records = rrs(&[
        "@ SOA 1",
        &held_soa,
        "old TXT old",
        "@ SOA 0",
        "@ SOA 0",
        "@ SOA 1",
        "new TXT new",
        "@ SOA 1",
    ]);
    run(
        &mut Transfer::ixfr(zone().as_name(), soa_buf(held)),
        &records,
        &mut copy,
    )
    .unwrap();
    assert_eq!(
        (
            copy.serial,
            copy.has("new TXT new"),
            copy.has("old TXT old")
        ),
        (Some(1), true, false)
    );
}

#[test]
fn more_differences_than_allowed_end_a_transfer() {
    let mut copy = Copy::of(1, &HELD);
    let mut transfer = Transfer::ixfr(zone().as_name(), soa_buf(1)).limited_to(0, 4);
    assert!(run(&mut transfer, &rrs(&STEPS), &mut copy).is_ok());
    let mut copy = Copy::of(1, &HELD);
    let mut transfer = Transfer::ixfr(zone().as_name(), soa_buf(1)).limited_to(0, 3);
    let error = run(&mut transfer, &rrs(&STEPS), &mut copy).unwrap_err();
    assert_eq!(
        error.to_string(),
        "more than 3 differences (max_ixfr_changes)"
    );
}
