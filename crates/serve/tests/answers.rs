//! What is answered to what: unsigned zones.

mod common;

use common::{Table, ask, check, zone};

const EXAMPLE: &str = "
$ORIGIN example.
@          3600 IN SOA ns1 hostmaster 7 3600 900 604800 300
@          3600 IN NS  ns1
@          3600 IN NS  ns.elsewhere.
@          3600 IN MX  10 mail
ns1        3600 IN A   192.0.2.1
ns1        3600 IN AAAA 2001:db8::1
mail       3600 IN A   192.0.2.2
www        3600 IN CNAME web
web        3600 IN A   192.0.2.3
dangling   3600 IN CNAME nowhere
away       3600 IN CNAME www.elsewhere.
loop       3600 IN CNAME pool
pool       3600 IN CNAME loop
into       3600 IN CNAME host.sub
across     3600 IN CNAME www.other.
b.a.ent    3600 IN TXT here
*.wild     3600 IN TXT any
*.wild     3600 IN MX  5 mail
host.wild  3600 IN A   192.0.2.4
sub.*.odd  3600 IN TXT odd
*.alias    3600 IN CNAME web
old        3600 IN DNAME new
host.new   3600 IN A   192.0.2.5
out        3600 IN DNAME elsewhere.
sub        3600 IN NS  ns.sub
sub        3600 IN NS  ns1
sub        3600 IN NS  ns.elsewhere.
ns.sub     3600 IN A   192.0.2.6
ns.sub     3600 IN AAAA 2001:db8::6
host.sub   3600 IN A   192.0.2.7
sibling    3600 IN NS  ns.sub
UPPER      3600 IN A   192.0.2.8
";

fn table() -> Table {
    let other = "
@   60 IN SOA ns hostmaster 1 3600 900 604800 30
@   60 IN NS  ns
ns  60 IN A   198.51.100.1
www 60 IN A   198.51.100.2
";
    Table::of(&[zone("example.", EXAMPLE), zone("other.", other)])
}

const SOA: &str = "example. 300 IN SOA ns1.example. hostmaster.example. 7 3600 900 604800 300";

#[test]
fn what_is_there_is_answered_with_authority() {
    check(
        &table(),
        "mail.example. A",
        "NOERROR aa\nmail.example. 3600 IN A 192.0.2.2",
    );
}

#[test]
fn the_apex_answers_like_any_name_and_ns_brings_addresses() {
    check(
        &table(),
        "example. NS",
        "NOERROR aa
         example. 3600 IN NS ns.elsewhere.
         example. 3600 IN NS ns1.example.
         ; additional
         ns1.example. 3600 IN A 192.0.2.1
         ns1.example. 3600 IN AAAA 2001:db8::1",
    );
}

#[test]
fn a_missing_type_is_no_data_with_the_soa_at_its_minimum() {
    check(
        &table(),
        "mail.example. AAAA",
        &format!("NOERROR aa\n; authority\n{SOA}"),
    );
}

#[test]
fn a_missing_name_is_nxdomain_with_the_soa() {
    check(
        &table(),
        "nothing.example. A",
        &format!("NXDOMAIN aa\n; authority\n{SOA}"),
    );
    check(
        &table(),
        "x.mail.example. A",
        &format!("NXDOMAIN aa\n; authority\n{SOA}"),
    );
}

#[test]
fn an_empty_non_terminal_is_no_data() {
    check(
        &table(),
        "ent.example. A",
        &format!("NOERROR aa\n; authority\n{SOA}"),
    );
    check(
        &table(),
        "a.ent.example. TXT",
        &format!("NOERROR aa\n; authority\n{SOA}"),
    );
    check(
        &table(),
        "c.a.ent.example. TXT",
        &format!("NXDOMAIN aa\n; authority\n{SOA}"),
    );
}

#[test]
fn a_cname_is_followed_within_the_zone() {
    check(
        &table(),
        "www.example. A",
        "NOERROR aa
         www.example. 3600 IN CNAME web.example.
         web.example. 3600 IN A 192.0.2.3",
    );
}

#[test]
fn a_cname_is_followed_into_another_zone_that_we_hold() {
    check(
        &table(),
        "across.example. A",
        "NOERROR aa
         across.example. 3600 IN CNAME www.other.
         www.other. 60 IN A 198.51.100.2",
    );
    check(
        &table(),
        "across.example. TXT",
        "NOERROR aa
         across.example. 3600 IN CNAME www.other.
         ; authority
         other. 30 IN SOA ns.other. hostmaster.other. 1 3600 900 604800 30",
    );
}

#[test]
fn a_cname_out_of_our_zones_stands_alone() {
    check(
        &table(),
        "away.example. A",
        "NOERROR aa\naway.example. 3600 IN CNAME www.elsewhere.",
    );
}

#[test]
fn a_question_for_the_cname_is_answered_with_it_alone() {
    check(
        &table(),
        "www.example. CNAME",
        "NOERROR aa\nwww.example. 3600 IN CNAME web.example.",
    );
}

#[test]
fn the_rcode_is_that_of_the_last_name_of_a_chain() {
    check(
        &table(),
        "dangling.example. A",
        &format!(
            "NXDOMAIN aa\ndangling.example. 3600 IN CNAME nowhere.example.\n; authority\n{SOA}"
        ),
    );
}

#[test]
fn a_chain_that_bites_its_tail_is_said_once() {
    check(
        &table(),
        "loop.example. A",
        "NOERROR aa
         loop.example. 3600 IN CNAME pool.example.
         pool.example. 3600 IN CNAME loop.example.",
    );
}

#[test]
fn a_chain_that_leads_below_a_cut_ends_in_a_referral() {
    check(
        &table(),
        "into.example. A",
        "NOERROR aa
         into.example. 3600 IN CNAME host.sub.example.
         ; authority
         sub.example. 3600 IN NS ns.sub.example.
         sub.example. 3600 IN NS ns.elsewhere.
         sub.example. 3600 IN NS ns1.example.
         ; additional
         ns.sub.example. 3600 IN A 192.0.2.6
         ns.sub.example. 3600 IN AAAA 2001:db8::6
         ns1.example. 3600 IN A 192.0.2.1
         ns1.example. 3600 IN AAAA 2001:db8::1",
    );
}

#[test]
fn below_a_cut_the_client_is_referred_without_authority() {
    let referral = "NOERROR
         ; authority
         sub.example. 3600 IN NS ns.sub.example.
         sub.example. 3600 IN NS ns.elsewhere.
         sub.example. 3600 IN NS ns1.example.
         ; additional
         ns.sub.example. 3600 IN A 192.0.2.6
         ns.sub.example. 3600 IN AAAA 2001:db8::6
         ns1.example. 3600 IN A 192.0.2.1
         ns1.example. 3600 IN AAAA 2001:db8::1";
    for question in [
        "host.sub.example. A",
        "sub.example. NS",
        "sub.example. A",
        "x.y.sub.example. TXT",
        "ns.sub.example. A",
        "host.sub.example. DS", // only of the cut itself does the zone above know it
        "host.sub.example. ANY",
        "sub.example. RRSIG",
    ] {
        check(&table(), question, referral);
    }
}

#[test]
fn glue_of_a_sibling_zone_is_added() {
    check(
        &table(),
        "www.sibling.example. A",
        "NOERROR
         ; authority
         sibling.example. 3600 IN NS ns.sub.example.
         ; additional
         ns.sub.example. 3600 IN A 192.0.2.6
         ns.sub.example. 3600 IN AAAA 2001:db8::6",
    );
}

#[test]
fn ds_at_a_cut_is_the_parents_to_deny() {
    check(
        &table(),
        "sub.example. DS",
        &format!("NOERROR aa\n; authority\n{SOA}"),
    );
}

#[test]
fn ds_of_a_zone_of_ours_comes_from_the_parent_if_that_is_ours_too() {
    let child = zone(
        "sub.example.",
        "@ 60 IN SOA ns h 1 1 1 1 60\n@ 60 IN NS ns\nns 60 IN A 192.0.2.6",
    );
    let both = Table::of(&[zone("example.", EXAMPLE), child.clone()]);
    check(
        &both,
        "sub.example. DS",
        &format!("NOERROR aa\n; authority\n{SOA}"),
    );
    let alone = Table::of(&[child]);
    check(
        &alone,
        "sub.example. DS",
        "NOERROR aa\n; authority\nsub.example. 60 IN SOA ns.sub.example. h.sub.example. 1 1 1 1 60",
    );
}

#[test]
fn ds_of_a_zone_of_ours_is_not_sought_above_its_parent() {
    let grandchild = zone(
        "a.sub.example.",
        "@ 60 IN SOA ns h 1 1 1 1 60\n@ 60 IN NS ns\nns 60 IN A 192.0.2.6",
    );
    check(
        &Table::of(&[zone("example.", EXAMPLE), grandchild]),
        "a.sub.example. DS",
        "NOERROR aa\n; authority\n\
         a.sub.example. 60 IN SOA ns.a.sub.example. h.a.sub.example. 1 1 1 1 60",
    );
}

#[test]
fn a_wildcard_stands_in_for_what_is_missing() {
    check(
        &table(),
        "x.wild.example. TXT",
        "NOERROR aa\nx.wild.example. 3600 IN TXT \"any\"",
    );
    check(
        &table(),
        "y.x.wild.example. TXT",
        "NOERROR aa\ny.x.wild.example. 3600 IN TXT \"any\"",
    );
    check(
        &table(),
        "*.wild.example. TXT",
        "NOERROR aa\n*.wild.example. 3600 IN TXT \"any\"",
    );
}

#[test]
fn a_wildcard_without_the_type_is_no_data() {
    check(
        &table(),
        "x.wild.example. A",
        &format!("NOERROR aa\n; authority\n{SOA}"),
    );
}

#[test]
fn a_wildcard_without_records_is_no_data_where_names_are_below_it() {
    for name in ["x.odd.example.", "b.a.odd.example.", "*.odd.example."] {
        check(
            &table(),
            &format!("{name} TXT"),
            &format!("NOERROR aa\n; authority\n{SOA}"),
        );
    }
    check(
        &table(),
        "x.*.odd.example. TXT",
        &format!("NXDOMAIN aa\n; authority\n{SOA}"),
    );
}

#[test]
fn a_wildcard_does_not_stand_in_beside_or_below_what_exists() {
    check(
        &table(),
        "host.wild.example. TXT",
        &format!("NOERROR aa\n; authority\n{SOA}"),
    );
    check(
        &table(),
        "x.host.wild.example. TXT",
        &format!("NXDOMAIN aa\n; authority\n{SOA}"),
    );
    check(
        &table(),
        "wild.example. TXT",
        &format!("NOERROR aa\n; authority\n{SOA}"),
    );
}

#[test]
fn a_wildcard_alias_is_followed() {
    check(
        &table(),
        "x.alias.example. A",
        "NOERROR aa
         x.alias.example. 3600 IN CNAME web.example.
         web.example. 3600 IN A 192.0.2.3",
    );
}

#[test]
fn a_dname_redirects_what_is_below_it() {
    check(
        &table(),
        "host.old.example. A",
        "NOERROR aa
         old.example. 3600 IN DNAME new.example.
         host.old.example. 3600 IN CNAME host.new.example.
         host.new.example. 3600 IN A 192.0.2.5",
    );
    check(
        &table(),
        "a.b.out.example. A",
        "NOERROR aa
         out.example. 3600 IN DNAME elsewhere.
         a.b.out.example. 3600 IN CNAME a.b.elsewhere.",
    );
    check(
        &table(),
        "old.example. DNAME",
        "NOERROR aa\nold.example. 3600 IN DNAME new.example.",
    );
    check(
        &table(),
        "old.example. A",
        &format!("NOERROR aa\n; authority\n{SOA}"),
    );
}

#[test]
fn a_dname_whose_result_is_too_long_is_yxdomain() {
    let long = ["a".repeat(63), "b".repeat(63), "c".repeat(63)].join(".");
    let text = format!("@ 60 IN SOA n h 1 1 1 1 1\n@ 60 IN NS n.\nd 60 IN DNAME {long}.\n");
    let answer = ask(
        &Table::of(&[zone("e.", &text)]),
        &format!("{}.d.e. A", ["d".repeat(63), "e".to_string()].join(".")),
    );
    assert!(
        answer.starts_with("YXDOMAIN aa\nd.e. 60 IN DNAME"),
        "{answer}"
    );
}

#[test]
fn a_cname_is_followed_for_nsec_and_rrsig_where_there_are_none() {
    for rtype in ["NSEC", "RRSIG"] {
        check(
            &table(),
            &format!("away.example. {rtype}"),
            "NOERROR aa\naway.example. 3600 IN CNAME www.elsewhere.",
        );
    }
}

#[test]
fn a_ds_without_signature_is_left_out_of_a_referral() {
    let table = Table::of(&[zone(
        "example.",
        "@ 60 SOA ns host 1 2 3 4 5\n@ NS ns\nsub NS ns.other.\nsub DS 1 13 2 0102030405060708091011121314151617181920212223242526272829303132\n",
    )]);
    check(
        &table,
        "www.sub.example. A +do",
        "NOERROR edns do
         ; authority
         sub.example. 60 IN NS ns.other.",
    );
}

#[test]
fn any_over_udp_is_one_rrset_and_over_tcp_everything() {
    let udp = ask(&table(), "ns1.example. ANY");
    assert_eq!(udp, "NOERROR aa\nns1.example. 3600 IN A 192.0.2.1");
    check(
        &table(),
        "ns1.example. ANY +tcp",
        "NOERROR aa
         ns1.example. 3600 IN A 192.0.2.1
         ns1.example. 3600 IN AAAA 2001:db8::1",
    );
    check(
        &table(),
        "ent.example. ANY",
        &format!("NOERROR aa\n; authority\n{SOA}"),
    );
}

#[test]
fn the_spelling_of_the_question_comes_back() {
    check(
        &table(),
        "MaIl.ExAmPlE. A",
        "NOERROR aa\nMaIl.ExAmPlE. 3600 IN A 192.0.2.2",
    );
    check(
        &table(),
        "upper.example. A",
        "NOERROR aa\nupper.example. 3600 IN A 192.0.2.8",
    );
}

#[test]
fn zones_that_are_not_ours_are_refused() {
    check(&table(), "www.elsewhere. A", "REFUSED");
    check(
        &table(),
        "www.elsewhere. A +edns",
        "REFUSED edns option15=[0, 20]",
    );
}

#[test]
fn any_and_rrsig_over_tcp_give_what_fits_and_are_not_truncated() {
    let mut text = String::from("@ 60 IN SOA ns h 1 1 1 1 60\n@ 60 IN NS ns\n");
    for rtype in 65_280..65_283 {
        let data = "00".repeat(30_000);
        let signature = "AAAA".repeat(10_000);
        text.push_str(&format!(
            "any 60 IN TYPE{rtype} \\# 30000 {data}\n\
             rrsig 60 IN TYPE{rtype} \\# 1 00\n\
             rrsig 60 IN RRSIG TYPE{rtype} 13 2 60 20371101000000 20201101000000 1 example. {signature}\n"
        ));
    }
    let table = Table::of(&[zone("example.", &text)]);
    for question in ["any.example. ANY +tcp", "rrsig.example. RRSIG +tcp"] {
        let answer = ask(&table, question);
        let mut lines = answer.lines();
        assert_eq!(lines.next(), Some("NOERROR aa"), "{question}");
        assert_eq!(lines.count(), 2, "{question}");
    }
    let answer = ask(&table, "any.example. ANY");
    assert_eq!(
        answer, "NOERROR aa tc",
        "over UDP nothing fits, and TCP helps"
    );
}

#[test]
fn an_rrset_that_no_message_has_room_for_is_a_failure_and_not_truncated_over_tcp() {
    let mut text = String::from("@ 60 IN SOA ns h 1 1 1 1 60\n@ 60 IN NS ns\n");
    let filling = "x".repeat(240);
    (0..300).for_each(|n| text.push_str(&format!("large 60 IN TXT \"{n:03}{filling}\"\n")));
    let table = Table::of(&[zone("example.", &text)]);
    for (question, expected) in [
        ("large.example. TXT +tcp", "SERVFAIL"),
        (
            "large.example. TXT +tcp +edns",
            "SERVFAIL edns option15=[0, 0]",
        ),
        ("large.example. TXT", "NOERROR aa tc"),
    ] {
        assert_eq!(ask(&table, question), expected, "{question}");
    }
}

#[test]
fn dname_that_a_chain_passes_twice_is_said_once() {
    let table = Table::of(&[zone(
        "example.org.",
        "@ 60 SOA ns host 1 2 3 4 5\n@ NS ns\nold DNAME new\na.new CNAME b.old\nb.new CNAME old\n",
    )]);
    let chain = "NOERROR aa
        old.example.org. 60 IN DNAME new.example.org.
        a.old.example.org. 60 IN CNAME a.new.example.org.
        a.new.example.org. 60 IN CNAME b.old.example.org.
        b.old.example.org. 60 IN CNAME b.new.example.org.
        b.new.example.org. 60 IN CNAME old.example.org.";
    check(&table, "a.old.example.org. DNAME", chain);
    let nothing =
        "\n; authority\nexample.org. 5 IN SOA ns.example.org. host.example.org. 1 2 3 4 5";
    check(&table, "a.old.example.org. A", &format!("{chain}{nothing}"));
}
