//! Slow and endless answers. At every level [`RECORDS`](crate::RECORDS) records and [`OCTETS`](crate::OCTETS) octets are
//! allowed, and a few seconds.

use std::time::Duration;

use zonekit_wire::RecordBuf;

use super::rows;
use crate::row::{Expected, Level, axfr, says};
use crate::{Act, Ask, OCTETS, RECORDS, Row, framed};

/// A zone that goes on and on, in messages of 50 records.
fn endless(record: fn(&Ask<'_>, usize) -> RecordBuf, count: u64) -> Row {
    axfr(move |ask| {
        let mut messages = vec![ask.message(&ask.zone(7)[..2])];
        let records: Vec<RecordBuf> = (0..count as usize)
            .map(|number| record(ask, number))
            .collect();
        messages.extend(records.chunks(50).map(|records| ask.message(records)));
        says(messages)
    })
}

const NO_CLOCK: &str = "time is the matter of whoever runs it: the stream ends";

rows! { each_slow_row:
    an_endless_zone_is_ended_by_max_zone_records =
        endless(|ask, number| ask.rr(&format!("n{number} A 192.0.2.1")), RECORDS + 100)
            .fails("limit", "max_zone_records");
    an_endless_zone_is_ended_by_max_zone_octets =
        endless(|ask, number| RecordBuf { rdata: vec![7; 1000], ..ask.rr(&format!("n{number} TYPE65280 00")) }, OCTETS / 1000)
            .fails("limit", "max_zone_octets");
    the_same_record_for_ever_is_ended_by_max_zone_records =
        endless(|ask, _| ask.rr("www A 192.0.2.80"), RECORDS + 100).fails("limit", "max_zone_records");
    nothing_but_records_elsewhere_is_ended_by_max_zone_octets = endless(
        |ask, number| RecordBuf { rdata: vec![7; 1000], ..ask.rr(&format!("n{number}.invalid. TYPE65280 00")) },
        OCTETS / 1000,
    ).fails("limit", "max_zone_octets");
    an_octet_now_and_then_is_ended_by_max_transfer_time = axfr(|ask| {
        let octets = framed(&ask.message(&ask.zone(7)));
        octets.into_iter().flat_map(|octet| [Act::Raw(vec![octet]), Act::Wait(Duration::from_millis(200))]).collect()
    }).fails("limit", "max_transfer_time").but(Level::Alone, crate::row::zone(7, &crate::WHOLE), NO_CLOCK);
    silence_after_the_first_soa_is_ended_by_idle_timeout =
        axfr(|ask| says(vec![ask.message(&[ask.soa(7)])])).fails("timeout", "idle_timeout")
            .but(Level::Alone, Expected::Rejected("broken stream", "before the closing SOA"), NO_CLOCK);
}
