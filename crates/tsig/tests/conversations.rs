//! Both roles against each other: what passes, what does not, and what each failure is called.

use proptest::prelude::*;
use zonekit_tsig::{
    Algorithm, ClientStream, Key, KeyRing, Malformed, RequestRejected, ServerStream, Signed,
    TsigError, TsigRcode, check_request, sign_request,
};
use zonekit_wire::{NameBuf, Rcode};

const NOW: u64 = 1_700_000_000;

#[test]
fn every_algorithm_passes_both_ways() {
    for algorithm in Algorithm::ALL {
        let key = key_of("transfer.example.", algorithm);
        let (mut client, mut server) = conversation(&key, &key);
        assert_eq!(server.key(), &key);
        for number in 0..5 {
            let mut message = answer(number);
            let before = message.len();
            server.sign(&mut message, NOW);
            assert!(message.len() - before <= key.tsig_len());
            assert_eq!(client.check(&message, NOW), Ok(Signed::Yes), "{algorithm}");
        }
        assert_eq!(client.finish(), Ok(()));
    }
}

#[test]
fn names_of_keys_have_no_case() {
    let theirs = key_of("TransFER.Example.", Algorithm::HmacSha256);
    let ours = key_of("transfer.example.", Algorithm::HmacSha256);
    let (mut client, mut server) = conversation(&theirs, &ours);
    let mut message = answer(0);
    server.sign(&mut message, NOW);
    assert_eq!(client.check(&message, NOW), Ok(Signed::Yes));
}

#[test]
fn runs_of_up_to_99_unsigned_messages_pass() {
    let key = key();
    for run in [0, 1, 98, 99] {
        let (mut client, mut server) = conversation(&key, &key);
        for _ in 0..2 {
            let mut message = answer(0);
            server.sign(&mut message, NOW);
            assert_eq!(client.check(&message, NOW), Ok(Signed::Yes));
            for number in 0..run {
                let message = answer(number);
                assert!(server.leave_unsigned(&message), "{number} of {run}");
                assert_eq!(client.check(&message, NOW), Ok(Signed::NotYet));
            }
        }
        let mut last = answer(0);
        server.sign(&mut last, NOW);
        assert_eq!(client.check(&last, NOW), Ok(Signed::Yes));
        assert_eq!(client.finish(), Ok(()));
    }
}

#[test]
fn the_hundredth_message_in_a_row_must_be_signed() {
    let key = key();
    let (mut client, mut server) = conversation(&key, &key);
    let mut first = answer(0);
    server.sign(&mut first, NOW);
    assert_eq!(client.check(&first, NOW), Ok(Signed::Yes));
    for number in 0..99 {
        assert!(server.leave_unsigned(&answer(number)));
        assert_eq!(client.check(&answer(number), NOW), Ok(Signed::NotYet));
    }
    assert!(!server.leave_unsigned(&answer(99)));
    assert_eq!(
        client.check(&answer(99), NOW),
        Err(TsigError::TooManyUnsigned)
    );
    let mut message = answer(99);
    server.sign(&mut message, NOW);
    assert_eq!(client.check(&message, NOW), Ok(Signed::Yes));
}

#[test]
fn the_first_and_the_last_message_must_be_signed() {
    let key = key();
    let (mut client, mut server) = conversation(&key, &key);
    assert!(!server.leave_unsigned(&answer(0)));
    assert_eq!(client.check(&answer(0), NOW), Err(TsigError::Unsigned));
    assert_eq!(client.clone().finish(), Err(TsigError::Unsigned));
    let mut first = answer(0);
    server.sign(&mut first, NOW);
    assert_eq!(client.check(&first, NOW), Ok(Signed::Yes));
    assert_eq!(client.check(&answer(1), NOW), Ok(Signed::NotYet));
    assert_eq!(client.finish(), Err(TsigError::NotLast));
}

#[test]
fn a_wrong_octet_anywhere_in_a_stream_is_found() {
    let key = key();
    // Which messages carry a TSIG, which one is changed on the way, and which one shows it.
    for (signed, changed, shown) in [
        ("sss", 0, 0),
        ("sss", 1, 1),
        ("sss", 2, 2),
        ("suus", 1, 3),
        ("suus", 2, 3),
        ("suusus", 3, 3),
        ("suusus", 4, 5),
    ] {
        let (mut client, mut server) = conversation(&key, &key);
        for (number, letter) in signed.bytes().enumerate() {
            let mut message = answer(number as u8);
            if letter == b's' {
                server.sign(&mut message, NOW);
            } else {
                assert!(server.leave_unsigned(&message));
            }
            if number == changed {
                message[19] ^= 1; // inside the question's name
            }
            let result = client.check(&message, NOW);
            if number == shown {
                assert_eq!(result, Err(TsigError::BadSig), "{signed} {changed}");
                break;
            }
            assert!(result.is_ok(), "{signed} {changed} at {number}");
        }
    }
}

#[test]
fn a_wrong_mac_at_each_position_of_a_stream_is_found_there() {
    let key = key();
    for signed in ["s", "ssss", "suus", "suusus"] {
        for wrong in (0..signed.len()).filter(|&at| signed.as_bytes()[at] == b's') {
            for octet in [0, 15, 31] {
                let (mut client, mut server) = conversation(&key, &key);
                for (number, letter) in signed.bytes().enumerate().take(wrong + 1) {
                    let mut message = answer(number as u8);
                    if letter == b'u' {
                        assert!(server.leave_unsigned(&message));
                        assert_eq!(client.check(&message, NOW), Ok(Signed::NotYet));
                        continue;
                    }
                    server.sign(&mut message, NOW);
                    let mac = message.len() - 6 - 32; // before the original ID, the error and the other data
                    if number == wrong {
                        message[mac + octet] ^= 1;
                        assert_eq!(client.check(&message, NOW), Err(TsigError::BadSig));
                        message[mac + octet] ^= 1;
                    }
                    assert_eq!(client.check(&message, NOW), Ok(Signed::Yes), "{signed}");
                }
            }
        }
    }
}

#[test]
fn a_message_left_out_or_said_twice_is_found() {
    let key = key();
    for skipped in [true, false] {
        let (mut client, mut server) = conversation(&key, &key);
        let mut messages: Vec<_> = (0..4)
            .map(|number| {
                let mut message = answer(number);
                server.sign(&mut message, NOW);
                message
            })
            .collect();
        if skipped {
            messages.remove(1);
        } else {
            messages.insert(1, messages[0].clone());
        }
        assert_eq!(client.check(&messages[0], NOW), Ok(Signed::Yes));
        assert_eq!(client.check(&messages[1], NOW), Err(TsigError::BadSig));
    }
}

#[test]
fn a_forged_message_leaves_no_trace() {
    let key = key();
    let (mut client, mut server) = conversation(&key, &key);
    for number in 0..3 {
        let mut message = answer(number);
        server.sign(&mut message, NOW);
        let mut forged = message.clone();
        forged[3] ^= 1;
        assert_eq!(client.check(&forged, NOW), Err(TsigError::BadSig));
        assert_eq!(client.check(&message, NOW), Ok(Signed::Yes));
    }
}

#[test]
fn times_within_the_fudge_pass_and_no_others() {
    let key = key();
    for (signed, now, passes) in [
        (NOW, NOW + 300, true),
        (NOW, NOW - 300, true),
        (NOW, NOW + 301, false),
        (NOW, NOW - 301, false),
        (0, 0, true),
        ((1 << 48) - 1, (1 << 48) - 1, true),
        (1 << 32, 1 << 32, true),
        (1 << 32, 0, false),
    ] {
        let mut request = query();
        let mut client = sign_request(&key, &mut request, signed);
        let result = check_request(&ring(&key), &request, now);
        assert_eq!(result.is_ok(), passes, "{signed} at {now}");
        if let Ok(Some(mut server)) = result {
            let mut message = answer(0);
            server.sign(&mut message, now);
            assert_eq!(client.check(&message, signed), Ok(Signed::Yes));
            let mut message = answer(1);
            server.sign(&mut message, now);
            let late = TsigError::BadTime {
                signed: now,
                now: now + 301,
                fudge: 300,
            };
            assert_eq!(client.check(&message, now + 301), Err(late));
        }
    }
}

#[test]
fn the_times_of_each_message_of_a_stream_are_held_against_the_clock() {
    let key = key();
    for late in 0..3 {
        let (mut client, mut server) = conversation(&key, &key);
        for number in 0..late {
            let mut message = answer(number);
            server.sign(&mut message, NOW);
            assert_eq!(client.check(&message, NOW), Ok(Signed::Yes));
        }
        let mut message = answer(late);
        server.sign(&mut message, NOW);
        for (now, passes) in [
            (NOW - 301, false),
            (NOW + 301, false),
            (NOW - 300, true),
            (NOW + 300, true),
        ] {
            let result = client.clone().check(&message, now);
            if passes {
                assert_eq!(result, Ok(Signed::Yes), "{late}");
            } else {
                assert_eq!(result.unwrap_err().kind(), "BADTIME", "{late}");
            }
        }
    }
}

#[test]
fn a_clock_that_is_put_back_shows_in_no_stream() {
    let key = key();
    let signed_at = |message: &[u8]| {
        let times = message.len() - 6 - 32 - 2 - 8;
        u64::from_be_bytes([
            0,
            0,
            message[times],
            message[times + 1],
            message[times + 2],
            message[times + 3],
            message[times + 4],
            message[times + 5],
        ])
    };
    let (mut client, mut server) = conversation(&key, &key);
    for (now, shown) in [(5, 5), (9, 9), (7, 9), (8, 9), (10, 10)] {
        let mut message = answer(0);
        server.sign(&mut message, NOW + now);
        assert_eq!(signed_at(&message), NOW + shown);
        assert_eq!(client.check(&message, NOW + now), Ok(Signed::Yes));
    }
}

#[test]
fn bad_time_is_told_with_a_signature_and_the_servers_clock() {
    let key = key();
    let mut request = query();
    let mut client = sign_request(&key, &mut request, NOW);
    let rejected = rejection(&ring(&key), &request, NOW + 4000);
    assert_eq!(rejected.error().kind(), "BADTIME");
    let reply = error_reply(&rejected, NOW + 4000);
    let error = client.check(&reply, NOW).unwrap_err();
    let told = TsigError::Peer {
        error: TsigRcode::BADTIME,
        server_time: Some(NOW + 4000),
        signed: true,
    };
    assert_eq!(error, told);
    assert_eq!(
        error.to_string(),
        "the other side answers BADTIME, its clock is at 1700004000"
    );

    let mut forged = reply;
    *forged.last_mut().unwrap() ^= 1;
    assert_eq!(client.check(&forged, NOW), Err(TsigError::BadSig));
}

#[test]
fn an_unknown_key_is_told_without_a_signature() {
    let mut request = query();
    let mut client = sign_request(&key(), &mut request, NOW);
    for other in [
        key_of("other.example.", Algorithm::HmacSha256),
        key_of("transfer.example.", Algorithm::HmacSha512),
    ] {
        let rejected = rejection(&ring(&other), &request, NOW);
        assert_eq!(rejected.error(), TsigError::BadKey);
        let reply = error_reply(&rejected, NOW);
        let error = client.check(&reply, NOW).unwrap_err();
        assert_eq!(error, unsigned(TsigRcode::BADKEY));
        assert_eq!(error.kind(), "BADKEY");
    }
}

#[test]
fn a_wrong_secret_is_told_without_a_signature() {
    let mut request = query();
    let mut client = sign_request(&key(), &mut request, NOW);
    let name: NameBuf = "transfer.example.".parse().unwrap();
    let other = Key::new(name.as_name(), Algorithm::HmacSha256, b"other").unwrap();
    let rejected = rejection(&ring(&other), &request, NOW);
    assert_eq!(rejected.error(), TsigError::BadSig);
    let reply = error_reply(&rejected, NOW);
    let error = client.check(&reply, NOW).unwrap_err();
    assert_eq!(error, unsigned(TsigRcode::BADSIG));
}

#[test]
fn an_answer_under_another_key_is_a_bad_key() {
    let (mut client, _) = conversation(&key(), &key());
    let other = key_of("other.example.", Algorithm::HmacSha256);
    let (_, mut server) = conversation(&other, &other);
    let mut message = answer(0);
    server.sign(&mut message, NOW);
    assert_eq!(client.check(&message, NOW), Err(TsigError::BadKey));
}

#[test]
fn short_macs_pass_only_where_the_key_says_so() {
    let cut = key_of("transfer.example.", Algorithm::HmacSha256_128);
    let whole = key_of("transfer.example.", Algorithm::HmacSha256);

    // The key for the whole hash, asked by somebody who cuts: a signed BADTRUNC.
    let mut request = query();
    let mut client = sign_request(&cut, &mut request, NOW);
    let rejected = rejection(&ring(&whole), &request, NOW);
    assert_eq!(rejected.error(), TsigError::BadTrunc { octets: 16 });
    let error = client.check(&error_reply(&rejected, NOW), NOW).unwrap_err();
    let told = TsigError::Peer {
        error: TsigRcode::BADTRUNC,
        server_time: None,
        signed: true,
    };
    assert_eq!(error, told);

    // The same, but told to put up with it: the answer has the whole MAC, which is good enough for everybody.
    let lenient = whole.clone().accept_truncated(16).unwrap();
    let (mut client, mut server) = conversation(&cut, &lenient);
    let mut message = answer(0);
    server.sign(&mut message, NOW);
    assert_eq!(client.check(&message, NOW), Ok(Signed::Yes));
}

#[test]
fn macs_that_nobody_may_accept_are_malformed() {
    let lenient = key().accept_truncated(16).unwrap();
    let mut request = query();
    sign_request(&key(), &mut request, NOW);
    let mac = request.len() - 6 - 32;
    for len in [0, 1, 9, 15, 33] {
        let mut changed = request[..mac].to_vec();
        changed.extend((0..len).map(|octet| octet as u8));
        changed.extend_from_slice(&request[request.len() - 6..]);
        changed[mac - 2..mac].copy_from_slice(&(len as u16).to_be_bytes());
        let rdlen_at = mac - 2 - 8 - 13 - 2;
        changed[rdlen_at..rdlen_at + 2].copy_from_slice(&(13 + 16 + len as u16).to_be_bytes());
        let rejected = rejection(&ring(&lenient), &changed, NOW);
        let error = TsigError::Malformed(Malformed::MacLength(len as u16));
        assert_eq!(rejected.error(), error, "{len}");
        assert_eq!(rejected.rcode(), Rcode::FORMERR);
    }
}

#[test]
fn the_registered_name_of_a_cut_form_says_how_long_the_mac_is() {
    // dnspython's, which calls the algorithm so. Its TSIG ends with MAC, original ID, error and other length.
    let text = include_str!("data/dnspython.txt");
    let case = text
        .split("\n\n")
        .find(|case| case.contains("hmac-sha256-128, one"));
    let value = |word: &str| {
        let line = case.unwrap().lines().find(|line| line.starts_with(word));
        line.unwrap()[word.len()..].to_owned()
    };
    let key: Key = value("key ").parse().unwrap();
    let request: Vec<u8> = (0..value("request ").len() / 2)
        .map(|at| u8::from_str_radix(&value("request ")[2 * at..2 * at + 2], 16).unwrap())
        .collect();
    assert!(check_request(&ring(&key), &request, NOW).unwrap().is_some());
    for len in [15, 17, 32] {
        let tail = request.len() - 6;
        let mac = tail - 16;
        let mut changed = request[..mac].to_vec();
        changed.resize(mac + len, 0);
        changed.extend_from_slice(&request[tail..]);
        changed[mac - 1] = len as u8;
        changed[mac - 2 - 8 - 17 - 1] = (17 + 16 + len) as u8; // RDLENGTH
        let error = TsigError::Malformed(Malformed::MacLength(len as u16));
        assert_eq!(rejection(&ring(&key), &changed, NOW).error(), error);
    }
}

#[test]
fn a_tsig_that_is_not_the_last_record_is_malformed() {
    let key = key();
    let mut twice = query();
    sign_request(&key, &mut twice, NOW);
    sign_request(&key, &mut twice, NOW);
    let error = |message: &[u8]| rejection(&ring(&key), message, NOW).error();
    assert_eq!(
        error(&twice),
        TsigError::Malformed(Malformed::TsigNotLast(query().len()))
    );

    let mut trailing = query();
    sign_request(&key, &mut trailing, NOW);
    let mut in_answer = trailing.clone();
    trailing.push(0);
    assert_eq!(
        error(&trailing),
        TsigError::Malformed(Malformed::TrailingOctets)
    );

    in_answer.swap(7, 11); // counts one answer, no additional
    assert_eq!(
        error(&in_answer),
        TsigError::Malformed(Malformed::TsigNotLast(query().len()))
    );
}

#[test]
fn class_and_ttl_of_a_tsig_are_fixed() {
    let key = key();
    let mut request = query();
    sign_request(&key, &mut request, NOW);
    let fields = query().len() + "transfer.example.".len() + 1;
    for at in fields + 2..fields + 8 {
        let mut changed = request.clone();
        changed[at] ^= 1;
        assert_eq!(
            rejection(&ring(&key), &changed, NOW).error(),
            TsigError::Malformed(Malformed::ClassOrTtl)
        );
    }
}

/// Records are read where they are wanted; here it is only asked who sent the octets.
#[test]
fn what_is_no_record_is_found_in_the_first_message_and_left_to_the_reader_in_later_ones() {
    let key = key();
    let (mut client, mut server) = conversation(&key, &key);
    let odd = [&[0, 7, 0x84, 0, 0, 0, 0, 1, 0, 0, 0, 0][..], &[0x80; 40]].concat();
    let mut signed = odd.clone();
    server.clone().sign(&mut signed, NOW);
    assert_eq!(
        client.check(&signed, NOW),
        Err(TsigError::Malformed(Malformed::Truncated(
            "owner of a record"
        )))
    );
    let mut first = answer(0);
    server.sign(&mut first, NOW);
    assert_eq!(client.check(&first, NOW), Ok(Signed::Yes));
    let mut signed = odd;
    server.sign(&mut signed, NOW);
    for position in 2..signed.len() {
        let mut forged = signed.clone();
        forged[position] ^= 1;
        assert!(client.check(&forged, NOW).is_err(), "{position}");
    }
    assert_eq!(client.check(&signed, NOW), Ok(Signed::Yes));
}

#[test]
fn the_id_may_change_on_the_way() {
    let key = key();
    let (mut client, mut server) = conversation(&key, &key);
    let mut message = answer(0);
    server.sign(&mut message, NOW);
    message[0] ^= 0xFF; // a forwarder's own ID; the TSIG has the original
    assert_eq!(client.check(&message, NOW), Ok(Signed::Yes));
}

#[test]
fn a_request_without_tsig_is_not_signed() {
    assert!(
        check_request(&ring(&key()), &query(), NOW)
            .unwrap()
            .is_none()
    );
}

proptest! {
    /// Whatever single octet is changed in a signed request, it does not pass, except that the ID and the letters'
    /// case of the key's and the algorithm's name are not covered (RFC 8945 §4.3).
    #[test]
    fn a_changed_octet_does_not_pass(at in 2usize..1000, flip in 1u8..) {
        let key = key();
        let mut request = query();
        let names = request.len();
        sign_request(&key, &mut request, NOW);
        let at = 2 + at % (request.len() - 2);
        let was = request[at];
        request[at] ^= flip;
        let behind = names + 18 + 10 + 13;
        let only_case = (names..behind).contains(&at) && was.eq_ignore_ascii_case(&request[at]);
        let passed = matches!(check_request(&ring(&key), &request, NOW), Ok(Some(_)));
        prop_assert_eq!(passed, only_case);
    }

    /// Octets that are no message are turned down, not fallen over.
    #[test]
    fn any_octets_are_survived(octets in prop::collection::vec(any::<u8>(), 0..200), counts in 0u8..3) {
        let mut octets = octets;
        for (at, octet) in octets.iter_mut().enumerate().take(12).skip(4) {
            *octet = if at % 2 == 0 { 0 } else { *octet % (counts + 1) };
        }
        let key = key();
        let _ = check_request(&ring(&key), &octets, NOW);
        let (mut client, mut server) = conversation(&key, &key);
        let _ = client.check(&octets, NOW);
        server.sign(&mut octets, NOW);
    }
}

fn key() -> Key {
    key_of("transfer.example.", Algorithm::HmacSha256)
}

fn key_of(name: &str, algorithm: Algorithm) -> Key {
    let name: NameBuf = name.parse().unwrap();
    Key::new(name.as_name(), algorithm, b"0123456789abcdef").unwrap()
}

fn ring(key: &Key) -> KeyRing {
    [key.clone()].into_iter().collect()
}

/// The two sides of a request that passed.
fn conversation(asks: &Key, answers: &Key) -> (ClientStream, ServerStream) {
    let mut request = query();
    let client = sign_request(asks, &mut request, NOW);
    let server = check_request(&ring(answers), &request, NOW)
        .unwrap()
        .unwrap();
    (client, server)
}

fn rejection(keys: &KeyRing, request: &[u8], now: u64) -> RequestRejected {
    match check_request(keys, request, now) {
        Err(rejected) => rejected,
        Ok(_) => panic!("the request passed"),
    }
}

fn error_reply(rejected: &RequestRejected, now: u64) -> Vec<u8> {
    assert_eq!(rejected.rcode(), Rcode::NOTAUTH);
    let mut reply = query();
    reply[2] |= 0x80;
    reply[3] |= 9;
    rejected.sign_reply(&mut reply, now);
    reply
}

fn unsigned(error: TsigRcode) -> TsigError {
    TsigError::Peer {
        error,
        server_time: None,
        signed: false,
    }
}

/// `example.org. AXFR`
fn query() -> Vec<u8> {
    let mut message = vec![0x12, 0x34, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    message.extend_from_slice(b"\x07example\x03org\0\0\xfc\0\x01");
    message
}

/// An answer with one address record that says its number.
fn answer(number: u8) -> Vec<u8> {
    let mut message = query();
    message[2] = 0x84;
    message[7] = 1;
    message.extend_from_slice(b"\xc0\x0c\0\x01\0\x01\0\0\x0e\x10\0\x04\xc0\0\x02");
    message.push(number);
    message
}
