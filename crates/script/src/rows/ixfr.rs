//! Differences. What is held is serial 1; what is rejected is followed by AXFR on a connection of its own.

use zonekit_wire::{Class, Rcode, RecordBuf};

use super::rows;
use crate::row::{Asks, Expected, Level, ixfr, says};
use crate::{Act, Ask, HELD, Row, STEPS, WHOLE, failure};

/// What the two steps lead to.
const REACHED: &[&str] = &[
    "@ NS ns1",
    "ns1 A 192.0.2.1",
    "www A 192.0.2.81",
    "new TXT new",
];

/// These records in one message.
fn of(texts: &'static [&'static str]) -> Row {
    ixfr(|ask| says(vec![ask.message(&ask.rrs(texts))]))
}

/// The two steps, changed.
fn steps(change: impl Fn(&Ask<'_>, &mut Vec<RecordBuf>) + Send + Sync + 'static) -> Row {
    ixfr(move |ask| {
        let mut records = ask.rrs(&STEPS);
        change(ask, &mut records);
        says(vec![ask.message(&records)])
    })
}

fn rcode(rcode: Rcode) -> Row {
    ixfr(move |ask| says(vec![failure(ask.request, rcode)]))
}

/// Half of the steps, then something else.
fn broken(then: fn() -> Vec<Act>) -> Row {
    ixfr(move |ask| {
        let mut acts = says(vec![ask.message(&ask.rrs(&STEPS[..5]))]);
        acts.extend(then());
        acts
    })
}

fn gap(texts: &'static [&'static str]) -> Row {
    of(texts).fails("out of place", "serial")
}

fn from(held: u32, goal: u32, texts: &'static [&'static str]) -> Row {
    let mut row = of(texts).to(goal);
    row.asks = Asks::Ixfr(held);
    row
}

const CNAME: &[&str] = &["@ SOA 3", "@ SOA 1", "@ SOA 3", "www CNAME ns1", "@ SOA 3"];
const NO_NS: &[&str] = &["@ SOA 3", "@ SOA 1", "@ NS ns1", "@ SOA 3", "@ SOA 3"];

rows! { each_ixfr_row:
    one_soa_of_our_serial_is_up_to_date = of(&["@ SOA 1"]).gives_nothing_newer();
    one_soa_of_an_older_serial_is_up_to_date = of(&["@ SOA 0"]).gives_nothing_newer();
    one_newer_soa_and_nothing_else_is_rejected =
        of(&["@ SOA 3"]).fails("broken stream", "lone_soa_wait")
            .but(Level::Alone, Expected::Rejected("broken stream", "before the closing SOA"), NO_CLOCK);
    one_newer_soa_may_begin_a_whole_zone_in_the_next_message = ixfr(|ask| {
        let rest = ask.reply().with(&ask.zone(3)[1..]).octets();
        vec![Act::Say(ask.message(&[ask.soa(3)])), Act::Wait(MOMENT), Act::Say(rest)]
    });
    one_newer_soa_may_begin_differences_in_the_next_message = ixfr(|ask| {
        let rest = ask.reply().with(&ask.rrs(&STEPS)[1..]).octets();
        vec![Act::Say(ask.message(&[ask.soa(3)])), Act::Wait(MOMENT), Act::Say(rest)]
    }).gives(REACHED);
    a_whole_zone_in_one_message_is_taken_for_differences = ixfr(|ask| says(vec![ask.message(&ask.zone(3))]));
    a_whole_zone_in_many_messages_is_taken_for_differences = ixfr(|ask| says(ask.one_by_one(&ask.zone(3))));
    several_steps_are_one_version = steps(|_, _| ()).gives(REACHED);
    one_record_in_each_message_is_differences_too = ixfr(|ask| says(ask.one_by_one(&ask.rrs(&STEPS)))).gives(REACHED);
    condensed_differences_are_taken =
        of(&["@ SOA 3", "@ SOA 1", "@ SOA 3", "new TXT new", "@ SOA 3"])
            .gives(&["@ NS ns1", "ns1 A 192.0.2.1", "www A 192.0.2.80", "old TXT old", "new TXT new"]);
    differences_that_change_the_soa_alone_are_taken = of(&["@ SOA 3", "@ SOA 1", "@ SOA 3", "@ SOA 3"]).gives(&HELD);
    a_first_step_from_another_serial_is_rejected =
        gap(&["@ SOA 3", "@ SOA 0", "@ SOA 3", "@ SOA 3"]).fails("out of place", "not the one held");
    a_first_step_from_another_soa_of_our_serial_is_rejected =
        steps(|_, records| *records[1].rdata.last_mut().unwrap() ^= 1).fails("out of place", "not the one held");
    a_step_from_another_soa_than_was_reached_is_rejected =
        steps(|_, records| *records[5].rdata.last_mut().unwrap() ^= 1).fails("out of place", "serial 2");
    a_last_soa_that_is_not_the_first_is_rejected =
        steps(|_, records| *records[9].rdata.last_mut().unwrap() ^= 1).fails("out of place", "serial 3");
    a_last_step_to_another_soa_than_the_announced_is_rejected =
        steps(|_, records| *records[7].rdata.last_mut().unwrap() ^= 1).fails("out of place", "not on the way");
    a_gap_in_the_chain_is_rejected = gap(&["@ SOA 5", "@ SOA 1", "@ SOA 2", "@ SOA 3", "@ SOA 5", "@ SOA 5"]).to(5);
    a_repeat_in_the_chain_is_rejected = gap(&["@ SOA 3", "@ SOA 1", "@ SOA 2", "@ SOA 1", "@ SOA 2", "@ SOA 3"]);
    a_step_to_the_same_serial_is_rejected =
        gap(&["@ SOA 3", "@ SOA 1", "@ SOA 1", "@ SOA 3"]).fails("out of place", "not newer");
    a_step_backward_is_rejected =
        gap(&["@ SOA 3", "@ SOA 1", "@ SOA 2", "@ SOA 2", "@ SOA 1", "@ SOA 3"]).fails("out of place", "not newer");
    a_step_past_the_announced_serial_is_rejected =
        gap(&["@ SOA 3", "@ SOA 1", "@ SOA 4", "@ SOA 3"]).fails("out of place", "not on the way");
    a_last_step_short_of_the_announced_serial_is_rejected =
        gap(&["@ SOA 3", "@ SOA 1", "@ SOA 2", "new TXT new", "@ SOA 3"]);
    removing_what_is_not_there_is_rejected =
        of(&["@ SOA 3", "@ SOA 1", "nobody A 192.0.2.1", "@ SOA 3", "@ SOA 3"]).fails("rejected", "");
    removing_other_rdata_is_rejected =
        of(&["@ SOA 3", "@ SOA 1", "www A 192.0.2.81", "@ SOA 3", "@ SOA 3"]).fails("rejected", "");
    adding_what_is_there_is_rejected =
        of(&["@ SOA 3", "@ SOA 1", "@ SOA 3", "www A 192.0.2.80", "@ SOA 3"]).fails("rejected", "");
    adding_what_is_there_with_another_ttl_is_rejected =
        of(&["@ SOA 3", "@ SOA 1", "@ SOA 3", "www 60 A 192.0.2.80", "@ SOA 3"]).fails("rejected", "");
    a_record_is_removed_whatever_its_ttl_and_case =
        of(&["@ SOA 3", "@ SOA 1", "OLD 60 TXT old", "@ SOA 3", "@ SOA 3"]).gives(&WHOLE);
    changes_outside_the_zone_are_skipped = steps(|ask, records| {
        records.insert(6, ask.rr("elsewhere.invalid. A 192.0.2.1"));
        records.insert(2, ask.rr("elsewhere.invalid. A 192.0.2.2"));
    }).gives(REACHED);
    removing_the_last_ns_of_the_apex_is_rejected = of(NO_NS).fails("rejected", "")
        .only_kept_by_the_store(&["ns1 A 192.0.2.1", "www A 192.0.2.80", "old TXT old"]);
    a_result_with_a_cname_beside_other_data_is_rejected = of(CNAME).fails("rejected", "")
        .only_kept_by_the_store(&[HELD[0], HELD[1], HELD[2], HELD[3], "www CNAME ns1"]);
    an_soa_below_the_apex_in_a_step_is_rejected =
        steps(|ask, records| records.insert(4, ask.rr("www SOA 2"))).fails("out of place", "not the apex");
    another_class_in_a_step_is_rejected =
        steps(|_, records| records[4].class = Class(3)).fails("out of place", "class");
    a_meta_type_in_a_step_is_rejected =
        steps(|ask, records| records.insert(4, ask.rr("www TYPE255 "))).fails("out of place", "meta type");
    a_wrong_id_in_a_later_message_of_steps_is_rejected = ixfr(|ask| {
        let mut messages = ask.one_by_one(&ask.rrs(&STEPS));
        messages[4][0] ^= 1;
        says(messages)
    }).fails("out of place", "message 5: message ID");
    a_record_after_the_final_soa_is_rejected =
        steps(|ask, records| records.push(ask.rr("new A 192.0.2.1"))).fails("out of place", "after the closing SOA");
    the_soa_once_more_after_the_final_soa_is_rejected =
        steps(|ask, records| records.push(ask.soa(3))).fails("out of place", "after the closing SOA");
    notimp_is_followed_by_axfr = rcode(Rcode::NOTIMP).fails("error answer", "NOTIMP");
    formerr_is_followed_by_axfr = rcode(Rcode::FORMERR).fails("error answer", "FORMERR");
    servfail_is_followed_by_axfr = rcode(Rcode::SERVFAIL).fails("error answer", "SERVFAIL");
    refused_is_followed_by_axfr = rcode(Rcode::REFUSED).fails("refused", "REFUSED");
    any_other_rcode_is_followed_by_axfr = rcode(Rcode(11)).fails("error answer", "");
    an_empty_answer_is_followed_by_axfr =
        ixfr(|ask| says(vec![ask.reply().octets()])).fails("out of place", "no answer in the first message");
    a_close_is_followed_by_axfr = ixfr(|_| vec![Act::Close]).fails("broken stream", "");
    a_reset_is_followed_by_axfr = ixfr(|_| vec![Act::Reset]).fails("broken stream", "");
    a_close_in_the_middle_is_followed_by_axfr = broken(|| vec![Act::Close]).fails("broken stream", "");
    a_reset_in_the_middle_is_followed_by_axfr =
        broken(|| vec![Act::Wait(MOMENT), Act::Reset]).fails("broken stream", "");
    garbage_is_followed_by_axfr = ixfr(|_| says(vec![b"garbage".to_vec()])).fails("malformed", "message 1");
    a_header_of_zeros_is_followed_by_axfr = ixfr(|_| says(vec![vec![0; 12]])).fails("out of place", "");
    silence_is_followed_by_axfr = ixfr(|_| Vec::new()).fails("timeout", "idle_timeout")
        .but(Level::Alone, Expected::Rejected("broken stream", "before the closing SOA"), NO_CLOCK);
    silence_in_the_middle_is_followed_by_axfr = broken(Vec::new).fails("timeout", "idle_timeout")
        .but(Level::Alone, Expected::Rejected("broken stream", "before the closing SOA"), NO_CLOCK);
    a_serial_that_wraps_is_newer = from(0xffff_fffe, 1, &[
        "@ SOA 1", "@ SOA 4294967294", "old TXT old", "@ SOA 0", "@ SOA 0", "@ SOA 1", "new TXT new", "@ SOA 1",
    ]).gives(&["@ NS ns1", "ns1 A 192.0.2.1", "www A 192.0.2.80", "new TXT new"]);
    a_step_that_does_not_wrap_is_backward = from(0xffff_fffe, 1, &[
        "@ SOA 1", "@ SOA 4294967294", "@ SOA 2147483000", "@ SOA 1",
    ]).fails("out of place", "");
    more_differences_than_the_zone_has_records_are_rejected =
        of(&["@ SOA 3", "@ SOA 1", "@ SOA 3", "a A 192.0.2.1", "b A 192.0.2.1", "c A 192.0.2.1", "d A 192.0.2.1",
            "e A 192.0.2.1", "f A 192.0.2.1", "@ SOA 3"])
            .fails("limit", "max_ixfr_changes")
            .but(Level::Client, crate::row::zone(3, &[HELD[0], HELD[1], HELD[2], HELD[3], "a A 192.0.2.1",
                "b A 192.0.2.1", "c A 192.0.2.1", "d A 192.0.2.1", "e A 192.0.2.1", "f A 192.0.2.1"]),
                "the client does not know how large the zone is");
}

const MOMENT: std::time::Duration = std::time::Duration::from_millis(50);
const NO_CLOCK: &str = "time is the matter of whoever runs it: the stream ends";
