//! Signatures, of whole zones.

use zonekit_tsig::{Key, KeyRing, ServerStream, check_request, sign_request};
use zonekit_wire::{Rcode, RecordBuf};

use super::rows;
use crate::row::{axfr, says};
use crate::{Ask, Row, failure, unix_now};

const KEY: &str = "hmac-sha256:transfer.example.:c2VjcmV0IHNlY3JldCBzZWNyZXQ=";

fn key(text: &str) -> Key {
    text.parse().unwrap()
}

/// A server with this key, which has seen the question.
///
/// Where it has another key than who asks, it signs as if the question had been right.
fn server(has: &str, ask: &Ask<'_>) -> ServerStream {
    let has = key(has);
    let ring = KeyRing::from_iter([has.clone()]);
    if let Ok(Some(stream)) = check_request(&ring, ask.request, unix_now()) {
        return stream;
    }
    let name = ask.zone.as_name().as_octets().len();
    let mut question = ask.request[..12 + name + 4].to_vec();
    question[6..12].fill(0);
    let _ = sign_request(&has, &mut question, unix_now());
    check_request(&ring, &question, unix_now())
        .unwrap()
        .unwrap()
}

/// The zone one record a message; `is_signed` says which are, by their number and how many there are.
fn signed(is_signed: fn(usize, usize) -> bool) -> Row {
    with(move |ask| ask.zone(7), is_signed)
}

fn with(
    records: impl Fn(&Ask<'_>) -> Vec<RecordBuf> + Send + Sync + 'static,
    is_signed: fn(usize, usize) -> bool,
) -> Row {
    row(move |ask| {
        let mut stream = server(KEY, ask);
        let mut messages = ask.one_by_one(&records(ask));
        let count = messages.len();
        for (number, message) in messages.iter_mut().enumerate() {
            if is_signed(number, count) {
                stream.sign(message, unix_now());
            } else {
                let _ = stream.leave_unsigned(message);
            }
        }
        messages
    })
}

/// A zone of so many messages.
fn long(ask: &Ask<'_>, count: usize) -> Vec<RecordBuf> {
    let mut records = ask.zone(7);
    while records.len() < count {
        records.insert(2, ask.rr("www A 192.0.2.80"));
    }
    records
}

fn row(script: impl Fn(&Ask<'_>) -> Vec<Vec<u8>> + Send + Sync + 'static) -> Row {
    axfr(move |ask| says(script(ask))).keyed(key(KEY))
}

/// The zone in one message, signed by a server that has this key.
fn by(has: &'static str) -> Row {
    at(has, 0)
}

/// The same, by a clock that is so many seconds ahead.
fn at(has: &'static str, ahead: u64) -> Row {
    row(move |ask| {
        let mut reply = ask.message(&ask.zone(7));
        server(has, ask).sign(&mut reply, unix_now() + ahead);
        vec![reply]
    })
}

/// Refused by a server that has this key only, by this clock.
fn refused(has: &'static str, ahead: u64) -> Row {
    row(move |ask| {
        let clock = unix_now() + ahead;
        let rejected = check_request(&KeyRing::from_iter([key(has)]), ask.request, clock);
        let rejected = rejected.map(|_| ()).unwrap_err();
        let mut reply = failure(ask.request, rejected.rcode());
        rejected.sign_reply(&mut reply, clock);
        vec![reply]
    })
}

/// Every message signed; then one of them is changed in an octet that the MAC covers.
fn spoiled(place: fn(usize) -> usize) -> Row {
    row(move |ask| {
        let mut stream = server(KEY, ask);
        let mut messages = ask.one_by_one(&ask.zone(7));
        for message in &mut messages {
            stream.sign(message, unix_now());
        }
        let place = place(messages.len());
        messages[place][2] ^= 0x04; // AA
        messages
    })
}

/// The zone in one message, signed; of the 32 octets of the MAC so many are left, and the lengths go with that.
fn cut_short(left: u8) -> Row {
    row(move |ask| {
        let mut reply = ask.message(&ask.zone(7));
        let begins = reply.len();
        server(KEY, ask).sign(&mut reply, unix_now());
        let tsig = reply.split_off(begins);
        let mac = tsig.len() - 6 - 32; // behind it: ID, error, no other data
        let mut cut = [&tsig[..mac + usize::from(left)], &tsig[mac + 32..]].concat();
        cut[mac - 2..mac].copy_from_slice(&[0, left]);
        let rdlength = "transfer.example.".len() + 1 + 2 + 2 + 4;
        let length = u16::from_be_bytes([cut[rdlength], cut[rdlength + 1]]) - u16::from(32 - left);
        cut[rdlength..rdlength + 2].copy_from_slice(&length.to_be_bytes());
        vec![[reply, cut].concat()]
    })
}

rows! { each_tsig_row:
    a_signed_zone_is_taken = signed(|_, _| true);
    messages_between_the_first_and_the_last_may_be_unsigned = signed(|number, count| number == 0 || number == count - 1);
    a_key_name_in_other_case_is_the_same_key =
        by("hmac-sha256:TRANSFER.Example.:c2VjcmV0IHNlY3JldCBzZWNyZXQ=");
    an_algorithm_name_in_other_case_is_the_same_key =
        by("HMAC-SHA256:transfer.example.:c2VjcmV0IHNlY3JldCBzZWNyZXQ=");
    another_key_is_rejected =
        by("hmac-sha256:other.example.:c2VjcmV0IHNlY3JldCBzZWNyZXQ=").fails("bad key", "BADKEY");
    another_algorithm_is_rejected =
        by("hmac-sha512:transfer.example.:c2VjcmV0IHNlY3JldCBzZWNyZXQ=").fails("bad key", "BADKEY");
    another_secret_is_rejected =
        by("hmac-sha256:transfer.example.:b3RoZXI=").fails("bad signature", "BADSIG");
    a_time_ahead_of_the_fudge_is_rejected = at(KEY, 4000).fails("bad time", "BADTIME");
    a_mac_of_4_octets_is_rejected = cut_short(4).fails("malformed", "TSIG");
    a_mac_of_half_its_length_is_rejected = cut_short(16).fails("bad signature", "BADTRUNC");
    an_unsigned_first_message_is_rejected = signed(|number, _| number > 0).fails("unsigned", "message 1: TSIG: not signed");
    an_unsigned_last_message_is_rejected =
        signed(|number, count| number < count - 1).fails("unsigned", "last message of the stream is not signed");
    no_signature_at_all_is_rejected = row(|ask| vec![ask.message(&ask.zone(7))]).fails("unsigned", "not signed");
    up_to_99_unsigned_messages_in_a_row_are_taken =
        with(|ask| long(ask, 101), |number, count| number == 0 || number == count - 1);
    more_than_99_unsigned_messages_in_a_row_are_rejected =
        with(|ask| long(ask, 102), |number, count| number == 0 || number == count - 1)
            .fails("unsigned", "more than 99 unsigned messages");
    a_tsig_that_is_not_the_last_record_is_rejected = row(|ask| {
        let mut reply = ask.message(&ask.zone(7));
        server(KEY, ask).sign(&mut reply, unix_now());
        reply.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 1]);
        reply[11] += 1;
        vec![reply]
    }).fails("malformed", "TSIG");
    two_tsigs_are_rejected = row(|ask| {
        let mut reply = ask.message(&ask.zone(7));
        let begins = reply.len();
        server(KEY, ask).sign(&mut reply, unix_now());
        let again = reply[begins..].to_vec();
        reply.extend(again);
        reply[11] += 1;
        vec![reply]
    }).fails("malformed", "TSIG");
    an_unsigned_reply_with_badkey_is_told_as_what_it_is =
        refused("hmac-sha256:stranger.example.:c2VjcmV0", 0).fails("bad key", "BADKEY");
    an_unsigned_reply_with_badsig_is_told_as_what_it_is =
        refused("hmac-sha256:transfer.example.:b3RoZXI=", 0).fails("bad signature", "BADSIG");
    a_signed_reply_with_badtime_is_told_as_what_it_is = refused(KEY, 4000).fails("bad time", "BADTIME");
    a_refusal_without_signature_is_told_as_a_refusal =
        row(|ask| vec![failure(ask.request, Rcode::REFUSED)]).fails("refused", "REFUSED");
    a_wrong_mac_in_the_first_message_is_rejected = spoiled(|_| 0).fails("bad signature", "message 1: TSIG");
    a_wrong_mac_in_the_middle_is_rejected = spoiled(|_| 2).fails("bad signature", "message 3: TSIG");
    a_wrong_mac_in_the_last_message_is_rejected = spoiled(|count| count - 1).fails("bad signature", "BADSIG");
}
