//! PROTOCOL.md's tables "Message" and "TSIG", message by message.

mod common;

use common::{Copy, Reply, axfr, message, one_by_one, rr, rrs, soa_buf, zone};
use zonekit_tsig::{Key, KeyRing, ServerStream, TsigError, check_request};
use zonekit_wire::{Header, Opcode, Rcode, RecordBuf, Rtype, Section};
use zonekit_xfr::{
    AnswerError, Apply, ErrorKind, Incoming, LimitError, Limits, Query, Transfer, TransferError,
    VisitError,
};

const NOW: u64 = 1_700_000_000;
const ID: u16 = 0x1234;

/// Asks for the zone, with a key or without, and takes what the script answers to it.
fn ask(key: Option<&Key>, script: impl FnOnce(&[u8]) -> Vec<Vec<u8>>) -> Result<Copy, VisitError> {
    let mut query = Query::axfr(ID, &zone(), key, NOW);
    let messages = script(query.octets());
    take(&mut query, Transfer::axfr(zone().as_name()), &messages).0
}

fn take(
    query: &mut Query,
    transfer: Transfer,
    messages: &[Vec<u8>],
) -> (Result<Copy, VisitError>, Incoming) {
    let mut incoming = Incoming::new(query, transfer, &Limits::default(), 0);
    let mut copy = Copy::default();
    let mut run = || {
        for message in messages {
            incoming.message(message, NOW, &mut copy)?;
        }
        incoming.finish(&mut copy).map(drop)
    };
    let result = run();
    if result.is_err() {
        assert_eq!(copy.commits, 0);
        copy.abandon();
    }
    (result.map(|()| copy), incoming)
}

fn plain(script: impl FnOnce(&[u8]) -> Vec<Vec<u8>>) -> Result<Copy, VisitError> {
    ask(None, script)
}

fn is_the_zone(copy: &Copy) -> bool {
    copy.is(7, &["@ NS ns1", "ns1 A 192.0.2.1", "www A 192.0.2.80"])
}

fn error_of(result: Result<Copy, VisitError>) -> (u64, AnswerError) {
    match result {
        Err(VisitError::Answer { message, error }) => (message, error),
        other => panic!("{other:?}"),
    }
}

/// The zone in two messages, the second changed.
fn second(request: &[u8], change: impl FnOnce(Reply) -> Vec<u8>) -> Vec<Vec<u8>> {
    let (front, rest) = (&axfr(7)[..2], &axfr(7)[2..]);
    vec![
        message(request, front),
        change(Reply::to(request).with(rest)),
    ]
}

// Message

#[test]
fn a_wrong_id_is_rejected_in_any_message() {
    let wrong = |header: &mut Header| header.id ^= 1;
    let result = plain(|request| vec![Reply::to(request).with(&axfr(7)).header(wrong).octets()]);
    assert_eq!(error_of(result), (1, AnswerError::Id(ID ^ 1)));
    let result = plain(|request| second(request, |reply| reply.header(wrong).octets()));
    assert_eq!(error_of(result), (2, AnswerError::Id(ID ^ 1)));
}

#[test]
fn another_opcode_is_rejected() {
    let result = plain(|request| {
        second(request, |reply| {
            reply
                .header(|header| header.opcode = Opcode::NOTIFY)
                .octets()
        })
    });
    assert_eq!(error_of(result), (2, AnswerError::Opcode(Opcode::NOTIFY)));
}

#[test]
fn a_question_for_an_answer_is_rejected() {
    let result = plain(|request| {
        second(request, |reply| {
            reply.header(|header| header.qr = false).octets()
        })
    });
    assert_eq!(error_of(result), (2, AnswerError::NotAnswer));
}

#[test]
fn an_rcode_is_rejected_in_any_message() {
    for rcode in [
        Rcode::SERVFAIL,
        Rcode::REFUSED,
        Rcode::NOTAUTH,
        Rcode::NOTIMP,
        Rcode::FORMERR,
    ] {
        let result = plain(|request| {
            vec![
                Reply::to(request)
                    .header(|header| header.rcode = rcode)
                    .octets(),
            ]
        });
        assert_eq!(error_of(result), (1, AnswerError::Rcode(rcode)));
        let result = plain(|request| {
            second(request, |reply| {
                reply.header(|header| header.rcode = rcode).octets()
            })
        });
        assert_eq!(error_of(result), (2, AnswerError::Rcode(rcode)));
    }
    let kind = |rcode| AnswerError::Rcode(rcode).kind();
    assert_eq!(kind(Rcode::REFUSED), ErrorKind::Refused);
    assert_eq!(kind(Rcode::NOTAUTH), ErrorKind::NotAuthoritative);
    assert_eq!(kind(Rcode::SERVFAIL), ErrorKind::Rcode);
}

#[test]
fn a_truncated_message_is_rejected() {
    let result = plain(|request| {
        second(request, |reply| {
            reply.header(|header| header.tc = true).octets()
        })
    });
    assert_eq!(error_of(result), (2, AnswerError::Truncated));
}

#[test]
fn messages_without_aa_are_taken_and_counted() {
    let mut query = Query::axfr(ID, &zone(), None, NOW);
    let messages = second(query.octets(), |reply| {
        reply.header(|header| header.aa = false).octets()
    });
    let (copy, incoming) = take(&mut query, Transfer::axfr(zone().as_name()), &messages);
    assert!(is_the_zone(&copy.unwrap()));
    assert_eq!(incoming.answer().not_authoritative(), 1);
}

#[test]
fn the_first_message_must_repeat_the_question() {
    let result = plain(|request| {
        vec![
            Reply::to(request)
                .with(&axfr(7))
                .without_question()
                .octets(),
        ]
    });
    assert_eq!(error_of(result), (1, AnswerError::NoQuestion));
}

#[test]
fn later_messages_may_leave_out_the_question() {
    let copy = plain(|request| second(request, |reply| reply.without_question().octets())).unwrap();
    assert!(is_the_zone(&copy));
}

#[test]
fn another_question_is_rejected_in_any_message() {
    let other = |mut reply: Reply, name: &str, rtype| {
        reply.question = Some((name.parse().unwrap(), rtype));
        reply.octets()
    };
    for (name, rtype) in [("example.net", Rtype::AXFR), ("example.org", Rtype::SOA)] {
        let result = plain(|request| vec![other(Reply::to(request).with(&axfr(7)), name, rtype)]);
        assert_eq!(error_of(result), (1, AnswerError::Question));
        let result = plain(|request| second(request, |reply| other(reply, name, rtype)));
        assert_eq!(error_of(result), (2, AnswerError::Question));
    }
    let copy = plain(|request| second(request, |reply| other(reply, "EXAMPLE.Org", Rtype::AXFR)));
    assert!(is_the_zone(&copy.unwrap()));
}

#[test]
fn octets_after_the_last_counted_record_are_rejected() {
    let result = plain(|request| {
        let mut reply = Reply::to(request).with(&axfr(7));
        reply.tail = vec![0];
        vec![reply.octets()]
    });
    assert!(matches!(error_of(result), (1, AnswerError::Malformed(_))));
}

#[test]
fn a_first_message_without_answers_is_rejected() {
    let result = plain(|request| vec![Reply::to(request).octets(), message(request, &axfr(7))]);
    assert_eq!(error_of(result), (1, AnswerError::Empty));
}

#[test]
fn a_hundred_messages_without_answers_in_a_row_are_put_up_with() {
    let with_empty = |count: usize| {
        plain(move |request| {
            let mut messages = one_by_one(request, &axfr(7));
            let empty = Reply::to(request).octets();
            messages.splice(1..1, vec![empty.clone(); count]);
            messages.splice(count + 3..count + 3, vec![empty; 100]);
            messages
        })
    };
    assert!(is_the_zone(&with_empty(100).unwrap()));
    let error = with_empty(101).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limit);
    let (number, error) = error_of(Err(error));
    assert_eq!(
        (number, error),
        (102, AnswerError::Limit(LimitError::EmptyMessages(100)))
    );
}

#[test]
fn one_record_in_each_message_is_taken() {
    assert!(is_the_zone(
        &plain(|request| one_by_one(request, &axfr(7))).unwrap()
    ));
}

#[test]
fn messages_of_65535_octets_are_taken() {
    let copy = plain(|request| {
        let mut reply = Reply::to(request).with(&[axfr(7)[0].clone()]);
        let room = 65_535 - reply.octets().len();
        // A record of unknown type that fills the message to the last octet: pointer, ten octets, RDATA.
        reply.records.push((
            Section::Answer,
            RecordBuf {
                rdata: vec![7; room - 12],
                ..rr("@ TYPE65280 00")
            },
        ));
        let first = reply.octets();
        assert_eq!(first.len(), 65_535);
        vec![first, message(request, &axfr(7)[1..])]
    });
    assert_eq!(copy.unwrap().records.len(), 4);
}

#[test]
fn records_in_authority_and_additional_are_ignored() {
    let copy = plain(|request| {
        let mut reply = Reply::to(request).with(&axfr(7));
        reply
            .records
            .push((Section::Authority, rr("other A 192.0.2.9")));
        reply.records.push((Section::Additional, rr("@ SOA 9")));
        reply.records.push((Section::Additional, rr(". TYPE41 ")));
        vec![reply.octets()]
    });
    assert!(is_the_zone(&copy.unwrap()));
}

/// A message whose second answer is these octets.
fn raw(record: &[u8]) -> Result<Copy, VisitError> {
    plain(|request| {
        let front = Reply::to(request).with(&axfr(7)[..1]);
        vec![front.octets_with(record), message(request, &axfr(7)[1..])]
    })
}

#[test]
fn names_that_cannot_be_are_rejected() {
    let fixed = [0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 1];
    let start = Reply::to(Query::axfr(ID, &zone(), None, NOW).octets())
        .with(&axfr(7)[..1])
        .octets()
        .len() as u16;
    let pointer = |to: u16| (0xc000 | to).to_be_bytes().to_vec();
    let long_label = [[63; 64].repeat(3), vec![62; 63], vec![0]].concat();
    let names = [
        ("pointer to itself", pointer(start)),
        ("pointer forward", pointer(start + 20)),
        ("pointer into the header", pointer(4)),
        (
            "two pointers in a loop",
            [&[1, b'a'][..], &pointer(start)].concat(),
        ),
        ("name of 256 octets", long_label),
        (
            "label of 64 octets",
            [vec![64], vec![b'a'; 64], vec![0]].concat(),
        ),
        ("label type 0x80", vec![0x80, 0]),
    ];
    for (what, name) in names {
        let (_, error) = error_of(raw(&[&name[..], &fixed].concat()));
        assert!(
            matches!(
                error,
                AnswerError::Malformed(_) | AnswerError::Record { .. }
            ),
            "{what}: {error}"
        );
    }
    let known = [&pointer(12)[..], &fixed].concat();
    assert!(raw(&known).unwrap().has("@ A 192.0.2.1"));
}

/// Owner by pointer to the question, type, IN, TTL, RDATA.
fn octets_of(rtype: u16, rdata: &[u8]) -> Vec<u8> {
    let length = rdata.len() as u16;
    [
        &[0xc0, 12],
        &rtype.to_be_bytes()[..],
        &[0, 1, 0, 0, 0, 60],
        &length.to_be_bytes(),
        rdata,
    ]
    .concat()
}

#[test]
fn names_in_rdata_are_decompressed_where_the_rfcs_allow_compression() {
    // NS and MX of RFC 1035; RP, AFSDB, SRV of RFC 3597 §4.
    let pointer = [0xc0, 12];
    let root_and_pointer = [0, 0xc0, 12];
    let fit: [(u16, Vec<u8>); 5] = [
        (2, pointer.to_vec()),
        (15, [&[0, 10], &pointer[..]].concat()),
        (17, root_and_pointer.to_vec()),
        (18, [&[0, 1], &pointer[..]].concat()),
        (33, [&[0, 1, 0, 2, 0, 3], &pointer[..]].concat()),
    ];
    for (rtype, rdata) in fit {
        let copy = raw(&octets_of(rtype, &rdata))
            .unwrap_or_else(|error| panic!("{rtype}: {}", error.in_words()));
        let flat = format!("{:02x?}", zone().as_name().as_octets());
        let tail = flat.trim_start_matches('[');
        assert!(
            copy.records.iter().any(|record| record.ends_with(tail)),
            "{rtype}"
        );
    }
    // DNAME, RRSIG, SVCB came later: what is compressed there is no name.
    let unfit: [(u16, Vec<u8>); 3] = [
        (39, pointer.to_vec()),
        (
            46,
            [
                &[0, 1, 8, 2, 0, 0, 0, 60, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0][..],
                &pointer,
                &[1],
            ]
            .concat(),
        ),
        (64, [&[0, 1], &pointer[..]].concat()),
    ];
    for (rtype, rdata) in unfit {
        let (_, error) = error_of(raw(&octets_of(rtype, &rdata)));
        assert!(
            matches!(error, AnswerError::Record { .. }),
            "{rtype}: {error}"
        );
    }
}

#[test]
fn an_rdlength_that_does_not_match_the_fields_is_rejected() {
    let name: Vec<u8> = zone().as_name().as_octets().to_vec();
    let cases: [(u16, Vec<u8>); 8] = [
        (1, vec![192, 0, 2]),
        (1, vec![192, 0, 2, 1, 0]),
        (1, vec![]),
        (28, vec![0; 15]),
        (2, [&name[..], &[0]].concat()),
        (2, name[..name.len() - 1].to_vec()),
        (15, vec![0]),
        (16, vec![5, b'a']),
    ];
    for (rtype, rdata) in cases {
        let (message, error) = error_of(raw(&octets_of(rtype, &rdata)));
        assert_eq!(message, 1);
        assert!(
            matches!(error, AnswerError::Record { offset, .. } if offset > 12)
                || matches!(error, AnswerError::Malformed(_)),
            "{rtype}: {error}"
        );
        assert_eq!(error.kind(), ErrorKind::Malformed);
    }
}

#[test]
fn unknown_types_are_kept_as_they_are() {
    assert!(
        raw(&octets_of(65_280, &[0xc0, 12, 255]))
            .unwrap()
            .has("@ TYPE65280 c00cff")
    );
}

#[test]
fn a_ttl_with_its_highest_bit_set_is_0() {
    let mut record = octets_of(1, &[192, 0, 2, 9]);
    record[6] = 0x80;
    assert!(
        raw(&record)
            .unwrap()
            .sent
            .values()
            .any(|record| record.ttl == 0)
    );
}

#[test]
fn a_message_cut_off_anywhere_is_rejected() {
    let whole = |request: &[u8]| message(request, &axfr(7));
    let length = whole(Query::axfr(ID, &zone(), None, NOW).octets()).len();
    for end in 0..length {
        let result = plain(|request| vec![whole(request)[..end].to_vec()]);
        assert!(result.is_err(), "{end}");
    }
}

#[test]
fn a_message_after_the_one_with_the_closing_soa_is_rejected() {
    for more in [vec![], rrs(&["www A 192.0.2.1"])] {
        let error =
            plain(|request| vec![message(request, &axfr(7)), message(request, &more)]).unwrap_err();
        assert!(
            matches!(
                error,
                VisitError::Transfer {
                    error: TransferError::DataAfterClosing,
                    ..
                }
            ),
            "{error:?}"
        );
    }
}

#[test]
fn more_octets_than_allowed_end_a_transfer() {
    let mut query = Query::axfr(ID, &zone(), None, NOW);
    let messages = second(query.octets(), |reply| reply.octets());
    let octets = messages.iter().map(Vec::len).sum::<usize>() as u64;
    for (max_zone_octets, is_fine) in [(0, true), (octets, true), (octets - 1, false)] {
        let limits = Limits {
            max_zone_octets,
            ..Limits::default()
        };
        let mut incoming = Incoming::new(&mut query, Transfer::axfr(zone().as_name()), &limits, 0);
        let mut copy = Copy::default();
        let result: Result<(), VisitError> = messages
            .iter()
            .try_for_each(|message| incoming.message(message, NOW, &mut copy));
        assert_eq!(result.is_ok(), is_fine);
    }
}

// TSIG

fn key() -> Key {
    "hmac-sha256:transfer.example.:c2VjcmV0IHNlY3JldCBzZWNyZXQ="
        .parse()
        .unwrap()
}

/// Signs the answer as a server with this key would.
fn server(key: Key, request: &[u8]) -> ServerStream {
    check_request(&KeyRing::from_iter([key]), request, NOW)
        .unwrap()
        .unwrap()
}

/// The zone, one record a message; `is_signed` says which are.
fn signed(request: &[u8], is_signed: impl Fn(usize) -> bool) -> Vec<Vec<u8>> {
    let mut stream = server(key(), request);
    let mut messages = one_by_one(request, &axfr(7));
    for (place, message) in messages.iter_mut().enumerate() {
        if is_signed(place) {
            stream.sign(message, NOW);
        } else {
            let _ = stream.leave_unsigned(message);
        }
    }
    messages
}

fn tsig_error(result: Result<Copy, VisitError>) -> (u64, TsigError) {
    match error_of(result) {
        (message, AnswerError::Tsig(error)) => (message, error),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_signed_zone_is_taken() {
    let copy = ask(Some(&key()), |request| signed(request, |_| true)).unwrap();
    assert!(is_the_zone(&copy));
}

#[test]
fn messages_between_the_first_and_the_last_may_be_unsigned() {
    let last = axfr(7).len() - 1;
    let copy = ask(Some(&key()), |request| {
        signed(request, |place| place == 0 || place == last)
    })
    .unwrap();
    assert!(is_the_zone(&copy));
}

#[test]
fn key_and_algorithm_names_are_compared_without_case() {
    let shouted: Key = "HMAC-SHA256:TRANSFER.Example.:c2VjcmV0IHNlY3JldCBzZWNyZXQ="
        .parse()
        .unwrap();
    let copy = ask(Some(&key()), |request| {
        let mut reply = message(request, &axfr(7));
        server(shouted, request).sign(&mut reply, NOW);
        vec![reply]
    });
    assert!(is_the_zone(&copy.unwrap()));
}

#[test]
fn an_unsigned_first_message_is_rejected() {
    let (message, error) = tsig_error(ask(Some(&key()), |request| {
        signed(request, |place| place > 0)
    }));
    assert_eq!((message, error), (1, TsigError::Unsigned));
}

#[test]
fn an_unsigned_last_message_is_never_committed() {
    let last = axfr(7).len() - 1;
    let error = ask(Some(&key()), |request| {
        signed(request, |place| place < last)
    })
    .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsigned);
    assert_eq!(tsig_error(Err(error)).1, TsigError::NotLast);
}

#[test]
fn more_than_99_unsigned_messages_in_a_row_are_rejected() {
    let many = |count: usize| {
        let mut records = axfr(7);
        for number in 0..count - 3 {
            records.insert(1, rr(&format!("n{number} A 192.0.2.1")));
        }
        records
    };
    for (unsigned, is_fine) in [(99, true), (100, false)] {
        let result = ask(Some(&key()), |request| {
            let records = many(unsigned);
            let mut stream = server(key(), request);
            let mut messages = one_by_one(request, &records);
            let last = messages.len() - 1;
            assert_eq!(last - 1, unsigned);
            for (place, message) in messages.iter_mut().enumerate() {
                if place == 0 || place == last {
                    stream.sign(message, NOW);
                } else {
                    let _ = stream.leave_unsigned(message);
                }
            }
            messages
        });
        assert_eq!(result.is_ok(), is_fine, "{unsigned}: {result:?}");
    }
}

#[test]
fn a_wrong_mac_at_any_place_ends_the_stream_at_once() {
    for place in 0..axfr(7).len() {
        let (message, error) = tsig_error(ask(Some(&key()), |request| {
            let mut messages = signed(request, |_| true);
            // AA, which the MAC covers: what came is not what was sent.
            messages[place][2] ^= 0x04;
            messages
        }));
        assert_eq!((message, error), (place as u64 + 1, TsigError::BadSig));
    }
}

#[test]
fn another_secret_key_or_algorithm_is_told_apart() {
    let with = |other: &str| {
        let other: Key = other.parse().unwrap();
        let result = ask(Some(&key()), |request| {
            // A server that has something else: it signs an answer as if the question had been right.
            let asked = Query::axfr(ID, &zone(), Some(&other), NOW);
            let mut reply = message(request, &axfr(7));
            server(other.clone(), asked.octets()).sign(&mut reply, NOW);
            vec![reply]
        });
        result.unwrap_err().kind()
    };
    assert_eq!(
        with("hmac-sha256:transfer.example.:b3RoZXI="),
        ErrorKind::BadSignature
    );
    assert_eq!(
        with("hmac-sha256:other.example.:c2VjcmV0IHNlY3JldCBzZWNyZXQ="),
        ErrorKind::BadKey
    );
    assert_eq!(
        with("hmac-sha512:transfer.example.:c2VjcmV0IHNlY3JldCBzZWNyZXQ="),
        ErrorKind::BadKey
    );
}

#[test]
fn a_time_outside_the_fudge_is_rejected() {
    let error = ask(Some(&key()), |request| {
        let mut stream = server(key(), request);
        let mut reply = message(request, &axfr(7));
        stream.sign(&mut reply, NOW + 301);
        vec![reply]
    })
    .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadTime);
}

#[test]
fn a_tsig_that_is_not_the_last_record_is_rejected() {
    for twice in [false, true] {
        let (_, error) = tsig_error(ask(Some(&key()), |request| {
            let mut reply = message(request, &axfr(7));
            let unsigned = reply.len();
            server(key(), request).sign(&mut reply, NOW);
            let more = if twice {
                reply[unsigned..].to_vec()
            } else {
                octets_of(1, &[192, 0, 2, 1])
            };
            reply.extend(more);
            reply[11] += 1;
            vec![reply]
        }));
        assert!(matches!(error, TsigError::Malformed(_)), "{error}");
    }
}

#[test]
fn an_error_reply_is_reported_as_what_it_is() {
    let stranger: Key = "hmac-sha256:stranger.example.:c2VjcmV0".parse().unwrap();
    let other: Key = "hmac-sha256:transfer.example.:b3RoZXI=".parse().unwrap();
    let answer = |keys: Key, clock: u64| {
        ask(Some(&key()), |request| {
            let rejected = check_request(&KeyRing::from_iter([keys]), request, clock)
                .map(|_| ())
                .unwrap_err();
            let mut reply = Reply::to(request)
                .header(|header| header.rcode = rejected.rcode())
                .octets();
            rejected.sign_reply(&mut reply, clock);
            vec![reply]
        })
        .unwrap_err()
        .kind()
    };
    assert_eq!(answer(stranger, NOW), ErrorKind::BadKey);
    assert_eq!(answer(other, NOW), ErrorKind::BadSignature);
    assert_eq!(answer(key(), NOW + 4000), ErrorKind::BadTime);
}

#[test]
fn a_refusal_without_signature_is_a_refusal() {
    let result = ask(Some(&key()), |request| {
        vec![
            Reply::to(request)
                .header(|header| header.rcode = Rcode::REFUSED)
                .octets(),
        ]
    });
    assert_eq!(error_of(result), (1, AnswerError::Rcode(Rcode::REFUSED)));
}

#[test]
fn an_unsigned_answer_to_a_signed_ixfr_is_rejected() {
    let mut query = Query::ixfr(ID, &zone(), &soa_buf(7), Some(&key()), NOW);
    let messages = [message(query.octets(), &rrs(&["@ SOA 7"]))];
    let (result, _) = take(
        &mut query,
        Transfer::ixfr(zone().as_name(), soa_buf(7)),
        &messages,
    );
    assert_eq!(tsig_error(result).1, TsigError::Unsigned);
}
