//! Whole zones.

use zonekit_wire::RecordBuf;

use super::rows;
use crate::row::{Expected, Level, axfr, says};
use crate::{Act, Ask, Row, WHOLE, framed};

/// The records of the small zone, changed, in one message.
fn records(change: impl Fn(&Ask<'_>, &mut Vec<RecordBuf>) + Send + Sync + 'static) -> Row {
    axfr(move |ask| {
        let mut records = ask.zone(7);
        change(ask, &mut records);
        says(vec![ask.message(&records)])
    })
}

/// The small zone and these records behind its SOA.
fn also(texts: &'static [&'static str]) -> Row {
    records(|ask, records| drop(records.splice(1..1, ask.rrs(texts))))
}

/// A zone of these records beside the SOA.
fn of(texts: &'static [&'static str]) -> Row {
    records(|ask, records| {
        let last = records.len() - 1;
        drop(records.splice(1..last, ask.rrs(texts)));
    })
}

/// The closing SOA with an octet changed, counted from its end.
fn closing(from_end: usize) -> Row {
    records(move |_, records| {
        let closing = records.last_mut().unwrap();
        let place = closing.rdata.len() - from_end;
        closing.rdata[place] ^= 1;
    })
    .fails("out of place", "closing SOA")
}

/// So many messages of one record each, then something else.
fn broken(then: fn() -> Vec<Act>) -> Row {
    axfr(move |ask| {
        let mut acts = says(ask.one_by_one(&ask.zone(7)));
        acts.truncate(3);
        acts.extend(then());
        acts
    })
}

/// One write, so that all of it has arrived when the closing SOA has.
fn at_once(messages: &[Vec<u8>]) -> Vec<Act> {
    vec![Act::Raw(
        messages
            .iter()
            .flat_map(|message| framed(message))
            .collect(),
    )]
}

const CNAME_BESIDE: &[&str] = &[
    "@ NS ns1",
    "ns1 A 192.0.2.1",
    "www A 192.0.2.80",
    "www CNAME ns1",
];
const TWO_CNAMES: &[&str] = &[
    "@ NS ns1",
    "ns1 A 192.0.2.1",
    "www CNAME ns1",
    "www CNAME ns2",
];
const NO_NS: &[&str] = &["ns1 A 192.0.2.1"];
const BELOW: &[&str] = &[
    "@ NS ns1",
    "ns1 A 192.0.2.1",
    "sub NS ns.sub",
    "ns.sub A 192.0.2.2",
    "deep.ns.sub TXT glue",
    "alias DNAME sub",
    "below.alias A 192.0.2.3",
];
const ODD: &[&str] = &[
    "@ NS ns1",
    "ns1 A 192.0.2.1",
    "*.Wild TXT x",
    "* NS ns1",
    "*.a.* CNAME ns1",
    "a\\.b\\000 TXT x",
    "MiXed.CASE TXT Y",
    "deep.below.nothing A 192.0.2.1",
];

rows! { each_axfr_row:
    a_whole_zone_in_one_message_is_taken = records(|_, _| ());
    a_first_record_that_is_no_soa_is_rejected =
        records(|_, records| drop(records.remove(0))).fails("out of place", "not the zone's SOA");
    a_first_soa_below_the_apex_is_rejected =
        records(|ask, records| records[0] = ask.rr("www SOA 7")).fails("out of place", "which is not the apex");
    a_first_soa_above_the_apex_is_rejected =
        records(|ask, records| records[0] = ask.rr("test. SOA 7")).fails("out of place", "which is not the apex");
    a_closing_soa_with_another_serial_is_rejected = closing(17);
    a_closing_soa_with_another_refresh_is_rejected = closing(13);
    a_closing_soa_with_another_retry_is_rejected = closing(9);
    a_closing_soa_with_another_expire_is_rejected = closing(5);
    a_closing_soa_with_another_minimum_is_rejected = closing(1);
    a_closing_soa_with_another_mname_is_rejected = records(|_, records| {
        records.last_mut().unwrap().rdata[1] = b'm';
    }).fails("out of place", "closing SOA");
    a_closing_soa_with_another_rname_is_rejected = records(|ask, records| {
        let rname = 1 + ask.rr("ns1 NS ns1").rdata.len();
        records.last_mut().unwrap().rdata[rname] = b'm';
    }).fails("out of place", "closing SOA");
    names_in_the_closing_soa_are_compared_without_case = records(|_, records| {
        let closing = records.last_mut().unwrap();
        closing.rdata[1].make_ascii_uppercase();
        closing.owner = closing.owner.to_string().to_ascii_uppercase().parse().unwrap();
    });
    another_soa_at_the_apex_in_between_is_rejected =
        records(|ask, records| records.insert(2, ask.soa(6))).fails("out of place", "closing SOA");
    the_same_soa_in_between_is_rejected =
        records(|ask, records| records.insert(2, ask.soa(7))).fails("out of place", "after the closing SOA");
    an_soa_below_the_apex_is_rejected =
        records(|ask, records| records.insert(2, ask.rr("www SOA 7"))).fails("out of place", "which is not the apex");
    a_record_after_the_closing_soa_is_rejected =
        records(|ask, records| records.push(ask.rr("new A 192.0.2.1"))).fails("out of place", "after the closing SOA");
    the_soa_once_more_after_the_closing_soa_is_rejected =
        records(|ask, records| records.push(ask.soa(7))).fails("out of place", "after the closing SOA");
    a_record_outside_the_zone_after_the_closing_soa_is_rejected =
        records(|ask, records| records.push(ask.rr("elsewhere.invalid. A 192.0.2.1")))
            .fails("out of place", "after the closing SOA");
    a_message_after_the_one_with_the_closing_soa_is_rejected =
        axfr(|ask| at_once(&[ask.message(&ask.zone(7)), ask.message(&ask.rrs(&["new A 192.0.2.1"]))]))
            .fails("out of place", "after the message with the closing SOA");
    an_empty_message_after_the_one_with_the_closing_soa_is_rejected =
        axfr(|ask| at_once(&[ask.message(&ask.zone(7)), ask.reply().octets()]))
            .fails("out of place", "after the message with the closing SOA");
    half_a_message_after_the_one_with_the_closing_soa_is_rejected = axfr(|ask| {
        let mut octets = framed(&ask.message(&ask.zone(7)));
        octets.extend([0, 40, 1]);
        vec![Act::Raw(octets)]
    }).fails("out of place", "after the message with the closing SOA")
        .but(Level::Alone, zone_7(), "there are no frames here, only messages");
    a_close_between_messages_is_rejected = broken(|| vec![Act::Close]).fails("broken stream", "after 3 records");
    a_close_inside_a_message_is_rejected =
        broken(|| vec![Act::Raw(vec![0, 40, 1, 2, 3]), Act::Close]).fails("broken stream", "after 3 records");
    a_close_inside_a_length_is_rejected =
        broken(|| vec![Act::Raw(vec![0]), Act::Close]).fails("broken stream", "after 3 records");
    a_reset_is_rejected = broken(|| vec![Act::Wait(MOMENT), Act::Reset]).fails("broken stream", "records");
    a_close_without_a_word_is_rejected = axfr(|_| vec![Act::Close]).fails("broken stream", "after 0 records");
    silence_before_the_closing_soa_is_rejected = broken(Vec::new).fails("timeout", "idle_timeout")
        .but(Level::Alone, STREAM_ENDS, NO_CLOCK);
    silence_from_the_beginning_is_rejected = axfr(|_| Vec::new()).fails("timeout", "idle_timeout")
        .but(Level::Alone, STREAM_ENDS, NO_CLOCK);
    records_outside_the_zone_are_skipped =
        also(&["elsewhere.invalid. A 192.0.2.1", "test. NS ns1", ". NS ns1", "elsewhere.invalid. CNAME ns1"]);
    the_same_record_twice_is_kept_once =
        also(&["www A 192.0.2.80", "WWW A 192.0.2.80", "www A 192.0.2.80"]);
    an_rrset_with_different_ttls_keeps_the_lowest =
        of(&["@ NS ns1", "ns1 300 A 192.0.2.1", "ns1 200 A 192.0.2.2", "ns1 400 A 192.0.2.3"])
            .gives(&["@ NS ns1", "ns1 200 A 192.0.2.1", "ns1 200 A 192.0.2.2", "ns1 200 A 192.0.2.3"])
            .only_kept_by_the_store(
                &["@ NS ns1", "ns1 300 A 192.0.2.1", "ns1 200 A 192.0.2.2", "ns1 400 A 192.0.2.3"]);
    rrsigs_with_different_ttls_keep_the_lowest_of_their_type_covered = of(SIGNED)
        .gives(&["@ NS ns1", "ns1 A 192.0.2.1", A_SIG_LOW, A_SIG_2_LOW, NS_SIG])
        .only_kept_by_the_store(SIGNED);
    a_cname_beside_other_data_is_rejected = of(CNAME_BESIDE).fails("rejected", "CNAME beside other data")
        .only_kept_by_the_store(CNAME_BESIDE);
    a_cname_beside_other_data_is_taken_where_checks_are_lenient = of(CNAME_BESIDE).gives(CNAME_BESIDE).with(LENIENT);
    two_cnames_at_a_name_are_rejected = of(TWO_CNAMES).fails("rejected", "several CNAMEs")
        .only_kept_by_the_store(TWO_CNAMES);
    two_cnames_at_a_name_are_taken_where_checks_are_lenient = of(TWO_CNAMES).gives(TWO_CNAMES).with(LENIENT);
    no_ns_at_the_apex_is_rejected = of(NO_NS).fails("rejected", "no NS record at the apex")
        .only_kept_by_the_store(NO_NS);
    no_ns_at_the_apex_is_taken_where_checks_are_lenient = of(NO_NS).gives(NO_NS).with(LENIENT);
    nothing_but_an_soa_is_rejected = of(&[]).fails("rejected", "nothing but its SOA").only_kept_by_the_store(&[]);
    nothing_but_an_soa_is_taken_where_checks_are_lenient = of(&[]).gives(&[]).with(LENIENT);
    names_below_a_dname_or_a_delegation_are_kept = of(BELOW).gives(BELOW);
    wildcards_escapes_case_and_empty_non_terminals_are_kept = of(ODD).gives(ODD);
    no_digest_where_one_is_required_is_rejected = records(|_, _| ()).with("zonemd = \"required\"\n")
        .fails("rejected", "no ZONEMD record").only_kept_by_the_store(&WHOLE);
    a_wrong_digest_is_rejected = also(&[WRONG_DIGEST]).with("zonemd = \"if-present\"\n")
        .fails("rejected", "is not that of the zone").only_kept_by_the_store(&WITH_WRONG_DIGEST);
    a_wrong_digest_is_taken_where_nobody_looks = also(&[WRONG_DIGEST]).gives_also(&[WRONG_DIGEST]);
}

const MOMENT: std::time::Duration = std::time::Duration::from_millis(50);
const LENIENT: &str = "checks = \"lenient\"\n";
const NO_CLOCK: &str = "time is the matter of whoever runs it: the stream ends";
const STREAM_ENDS: Expected = Expected::Rejected("broken stream", "before the closing SOA");

// Type covered, algorithm, labels, TTL, two times, key tag, signer, one octet of signature.
const A_SIG_LOW: &str = "ns1 200 TYPE46 000108030000003c000000000000000000010001";
const A_SIG: &str = "ns1 300 TYPE46 000108030000003c000000000000000000010001";
const A_SIG_2_LOW: &str = "ns1 200 TYPE46 000108030000003c000000000000000000020001";
const NS_SIG: &str = "ns1 400 TYPE46 000208030000003c000000000000000000010001";
const SIGNED: &[&str] = &["@ NS ns1", "ns1 A 192.0.2.1", A_SIG, A_SIG_2_LOW, NS_SIG];
/// For serial 7, SIMPLE, SHA-384, and any 48 octets.
const WRONG_DIGEST: &str = "@ TYPE63 000000070101070707070707070707070707070707070707070707070707070707070707070707070707070707070707070707070707";
const WITH_WRONG_DIGEST: [&str; 4] = [WHOLE[0], WHOLE[1], WHOLE[2], WRONG_DIGEST];

fn zone_7() -> Expected {
    crate::row::zone(7, &WHOLE)
}
