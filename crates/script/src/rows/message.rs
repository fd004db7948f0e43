//! Messages.

use zonekit_wire::{Header, Opcode, Rcode, Rtype, Section};

use super::rows;
use crate::row::{axfr, says};
use crate::{Act, Ask, Reply, Row, framed};

/// The zone in one message, which is changed.
fn first(change: impl Fn(Reply) -> Vec<u8> + Send + Sync + 'static) -> Row {
    axfr(move |ask| says(vec![change(ask.reply().with(&ask.zone(7)))]))
}

/// The zone in two messages, of which the second is changed.
fn second(change: impl Fn(Reply) -> Vec<u8> + Send + Sync + 'static) -> Row {
    axfr(move |ask| {
        let (front, rest) = (&ask.zone(7)[..2], &ask.zone(7)[2..]);
        says(vec![ask.message(front), change(ask.reply().with(rest))])
    })
}

fn header(change: fn(&mut Header)) -> impl Fn(Reply) -> Vec<u8> + Send + Sync + 'static {
    move |reply| reply.header(change).octets()
}

fn question(name: &'static str, rtype: Rtype) -> impl Fn(Reply) -> Vec<u8> + Send + Sync + 'static {
    move |mut reply| {
        reply.question = Some((name.parse().unwrap(), rtype));
        reply.octets()
    }
}

/// The zone with one more record behind its SOA, whose octets are given, name and all.
fn raw(octets: impl Fn(&Ask<'_>) -> Vec<u8> + Send + Sync + 'static) -> Row {
    axfr(move |ask| {
        let front = ask.reply().with(&ask.zone(7)[..1]);
        says(vec![
            front.octets_with(&octets(ask)),
            ask.message(&ask.zone(7)[1..]),
        ])
    })
}

/// As [`raw`], the owner's octets only; the rest is an address.
fn owner(octets: impl Fn(&Ask<'_>) -> Vec<u8> + Send + Sync + 'static) -> Row {
    raw(move |ask| {
        [
            &octets(ask)[..],
            &[0, 1, 0, 1, 0, 0, 14, 16, 0, 4, 192, 0, 2, 9],
        ]
        .concat()
    })
}

/// As [`raw`]: at the apex, of this type, with this RDATA.
fn apex(rtype: u16, rdata: &[u8]) -> Row {
    let octets = apex_record(rtype, rdata);
    raw(move |_| octets.clone())
}

fn apex_record(rtype: u16, rdata: &[u8]) -> Vec<u8> {
    let length = rdata.len() as u16;
    let class_and_ttl = [0, 1, 0, 0, 14, 16];
    [
        &QUESTION[..],
        &rtype.to_be_bytes(),
        &class_and_ttl,
        &length.to_be_bytes(),
        rdata,
    ]
    .concat()
}

/// A pointer to the name of the question.
const QUESTION: [u8; 2] = [0xc0, 12];

fn pointer(to: usize) -> Vec<u8> {
    (0xc000 | to as u16).to_be_bytes().to_vec()
}

/// Where the record begins that [`raw`] adds.
fn start(ask: &Ask<'_>) -> usize {
    ask.message(&ask.zone(7)[..1]).len()
}

/// The zone one record a message, and so many empty messages behind the first.
fn with_empty(count: usize) -> Row {
    axfr(move |ask| {
        let mut messages = ask.one_by_one(&ask.zone(7));
        messages.splice(1..1, vec![ask.reply().octets(); count]);
        says(messages)
    })
}

/// The zone with a record of this type among its own.
fn data(text: &'static str) -> Row {
    axfr(move |ask| {
        let mut records = ask.zone(7);
        records.insert(2, ask.rr(text));
        says(vec![ask.message(&records)])
    })
}

rows! { each_message_row:
    a_wrong_id_in_the_first_message_is_rejected =
        first(header(|header| header.id ^= 1)).fails("out of place", "message ID");
    a_wrong_id_in_a_later_message_is_rejected =
        second(header(|header| header.id ^= 1)).fails("out of place", "message 2: message ID");
    another_opcode_in_the_first_message_is_rejected =
        first(header(|header| header.opcode = Opcode::NOTIFY)).fails("out of place", "opcode NOTIFY");
    another_opcode_in_a_later_message_is_rejected =
        second(header(|header| header.opcode = Opcode::NOTIFY)).fails("out of place", "message 2: opcode");
    a_question_for_an_answer_is_rejected =
        first(header(|header| header.qr = false)).fails("out of place", "QR is not set");
    a_question_among_answers_is_rejected =
        second(header(|header| header.qr = false)).fails("out of place", "message 2: a question");
    servfail_in_the_first_message_is_rejected =
        first(header(|header| header.rcode = Rcode::SERVFAIL)).fails("error answer", "answered SERVFAIL");
    refused_in_the_first_message_is_rejected =
        first(header(|header| header.rcode = Rcode::REFUSED)).fails("refused", "answered REFUSED");
    notauth_in_the_first_message_is_rejected =
        first(header(|header| header.rcode = Rcode::NOTAUTH)).fails("not authoritative", "answered NOTAUTH");
    an_rcode_in_a_later_message_is_rejected =
        second(header(|header| header.rcode = Rcode::SERVFAIL)).fails("error answer", "message 2: answered SERVFAIL");
    a_truncated_message_over_tcp_is_rejected =
        second(header(|header| header.tc = true)).fails("out of place", "truncated (TC)");
    messages_without_aa_are_taken = second(header(|header| header.aa = false));
    no_question_in_the_first_message_is_rejected =
        first(|reply| reply.without_question().octets()).fails("out of place", "question is missing");
    no_question_in_a_later_message_is_taken = second(|reply| reply.without_question().octets());
    a_question_for_another_name_in_the_first_message_is_rejected =
        first(question("example.net", Rtype::AXFR)).fails("out of place", "question is not the one");
    a_question_for_another_type_in_the_first_message_is_rejected =
        first(question("example.net", Rtype::SOA)).fails("out of place", "question is not the one");
    a_question_for_another_name_in_a_later_message_is_rejected =
        second(question("example.net", Rtype::AXFR)).fails("out of place", "message 2: question");
    octets_after_the_last_counted_record_are_rejected = first(|mut reply| {
        reply.tail = vec![0];
        reply.octets()
    }).fails("malformed", "message 1");
    octets_after_the_last_counted_record_of_a_later_message_are_rejected = second(|mut reply| {
        reply.tail = vec![0; 40];
        reply.octets()
    }).fails("malformed", "message 2");
    a_zero_length_frame_at_the_beginning_is_rejected =
        axfr(|ask| vec![Act::Raw(vec![0, 0]), Act::Say(ask.message(&ask.zone(7)))])
            .fails("malformed", "zero-length message");
    a_zero_length_frame_between_messages_is_rejected = axfr(|ask| {
        let (front, rest) = (&ask.zone(7)[..2], &ask.zone(7)[2..]);
        vec![Act::Say(ask.message(front)), Act::Raw(vec![0, 0]), Act::Say(ask.message(rest))]
    }).fails("malformed", "zero-length message");
    a_first_message_without_answers_is_rejected =
        axfr(|ask| says(vec![ask.reply().octets(), ask.message(&ask.zone(7))]))
            .fails("out of place", "no answer in the first message");
    a_hundred_messages_without_answers_in_a_row_are_taken = with_empty(100);
    more_than_a_hundred_messages_without_answers_in_a_row_are_rejected =
        with_empty(101).fails("limit", "max_empty_messages");
    one_record_in_each_message_is_taken = axfr(|ask| says(ask.one_by_one(&ask.zone(7))));
    a_message_of_65535_octets_is_taken = axfr(|ask| {
        // The last record fills the message to the last octet.
        let first = ask.message(&[ask.soa(7), ask.rr("x FILL")]);
        assert_eq!(first.len(), 65_535);
        says(vec![first, ask.message(&ask.zone(7)[1..])])
    }).gives_also(&["x FILL"]);
    a_connection_cut_at_every_octet_is_taken = axfr(|ask| {
        let messages = ask.one_by_one(&ask.zone(7));
        let octets = messages.iter().flat_map(|message| framed(message));
        octets.map(|octet| Act::Raw(vec![octet])).collect()
    });
    records_in_authority_and_additional_are_ignored = axfr(|ask| {
        let mut reply = ask.reply().with(&ask.zone(7));
        reply.records.push((Section::Authority, ask.rr("other A 192.0.2.9")));
        reply.records.push((Section::Additional, ask.soa(9)));
        reply.records.push((Section::Additional, ask.rr(". TYPE41 ")));
        says(vec![reply.octets()])
    });
    a_pointer_to_itself_is_rejected =
        owner(|ask| pointer(start(ask))).fails("malformed", "message 1");
    a_pointer_loop_is_rejected =
        owner(|ask| [&[1, b'a'][..], &pointer(start(ask))].concat()).fails("malformed", "message 1");
    a_forward_pointer_is_rejected =
        owner(|ask| pointer(start(ask) + 20)).fails("malformed", "message 1");
    a_pointer_into_the_header_is_rejected =
        owner(|_| pointer(4)).fails("malformed", "message 1");
    a_name_over_255_octets_is_rejected =
        owner(|_| [[63; 64].repeat(3), vec![62; 63], vec![0]].concat()).fails("malformed", "message 1");
    a_label_over_63_octets_is_rejected =
        owner(|_| [vec![64], vec![b'a'; 64], vec![0]].concat()).fails("malformed", "message 1");
    compressed_names_in_rdata_of_rfc_1035_types_are_decompressed =
        apex(15, &[0, 10, 0xc0, 12]).gives_also(&["@ MX 10 @"]);
    compressed_names_in_rdata_that_rfc_3597_lists_are_decompressed = axfr(|ask| {
        let compressed = [
            apex_record(17, &[0xc0, 12, 0xc0, 12]),                       // RP
            apex_record(18, &[0, 1, 0xc0, 12]),                           // AFSDB
            apex_record(21, &[0, 1, 0xc0, 12]),                           // RT
            apex_record(26, &[0, 1, 0xc0, 12, 0xc0, 12]),                 // PX
            apex_record(33, &[0, 1, 0, 2, 0, 3, 0xc0, 12]),               // SRV
            apex_record(35, &[0, 1, 0, 2, 0, 0, 0, 0xc0, 12]),            // NAPTR
        ];
        let messages = compressed.iter().map(|record| ask.reply().octets_with(record));
        let mut all = vec![ask.message(&ask.zone(7)[..1])];
        all.extend(messages);
        all.push(ask.message(&ask.zone(7)[1..]));
        says(all)
    }).gives_also(&["@ TYPE17 @@", "@ TYPE18 0001@", "@ TYPE21 0001@", "@ TYPE26 0001@@", "@ TYPE33 000100020003@",
        "@ TYPE35 00010002000000@"]);
    a_compressed_name_in_dname_is_rejected = apex(39, &QUESTION).fails("malformed", "offset");
    a_compressed_name_in_rrsig_is_rejected =
        apex(46, &[&[0, 1, 8, 2, 0, 0, 0, 60, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0][..], &QUESTION, &[1]].concat())
            .fails("malformed", "offset");
    a_compressed_name_in_svcb_is_rejected =
        apex(64, &[&[0, 1][..], &QUESTION].concat()).fails("malformed", "offset");
    an_rdlength_one_octet_too_short_is_rejected = apex(1, &[192, 0, 2]).fails("malformed", "message 1");
    an_rdlength_one_octet_too_long_is_rejected = apex(1, &[192, 0, 2, 1, 0]).fails("malformed", "message 1");
    an_rdlength_many_octets_too_long_is_rejected = apex(28, &[0; 90]).fails("malformed", "message 1");
    an_rdlength_of_nothing_is_rejected = apex(1, &[]).fails("malformed", "message 1");
    a_string_running_past_rdlength_is_rejected = apex(16, &[5, b'a']).fails("malformed", "message 1");
    a_name_running_past_rdlength_is_rejected = apex(2, &[3, b'n', b's']).fails("malformed", "message 1");
    an_unknown_type_is_kept_opaque =
        apex(65_280, &[0xc0, 12, 255]).gives_also(&["@ TYPE65280 c00cff"]);
    opt_as_zone_data_is_rejected = data("www TYPE41 ").fails("out of place", "meta type OPT");
    tsig_as_zone_data_is_rejected = data("www TYPE250 00").fails("out of place", "meta type TSIG");
    any_as_zone_data_is_rejected = data("www TYPE255 ").fails("out of place", "meta type ANY");
    axfr_as_zone_data_is_rejected = data("www TYPE252 ").fails("out of place", "meta type AXFR");
    another_class_is_rejected = axfr(|ask| {
        let mut records = ask.zone(7);
        records[2].class = zonekit_wire::Class(3);
        says(vec![ask.message(&records)])
    }).fails("out of place", "class");
    a_ttl_with_bit_31_set_is_0 = raw(|_| {
        let mut record = apex_record(16, &[1, b'x']);
        record[6] = 0x80;
        record
    }).gives_also(&["@ 0 TXT x"]);
}
