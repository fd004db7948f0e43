//! What other implementations signed, octet for octet (`data/*.txt`, each made by the script of the same name).

use zonekit_tsig::{ClientStream, Key, KeyRing, Signed, TsigError, check_request, sign_request};
use zonekit_wire::{Message, Rtype};

#[test]
fn dnspython_signs_as_we_do() {
    let mut cases = cases(include_str!("data/dnspython.txt"));
    let too_long = cases.pop().unwrap();
    check(&cases, 21);

    // dnspython does not count; RFC 8945 §5.3.1 does.
    assert_eq!(too_long.name, "a run too long");
    let (mut request, _, time) = split(&too_long.request);
    let mut client = sign_request(&too_long.key, &mut request, time);
    let (last, run) = too_long.answers[..=100].split_last().unwrap();
    for (signed, message) in run {
        let expected = if *signed { Signed::Yes } else { Signed::NotYet };
        assert_eq!(client.check(message, time), Ok(expected));
    }
    assert_eq!(client.check(&last.1, time), Err(TsigError::TooManyUnsigned));
}

#[test]
fn bind_and_knot_sign_as_we_do() {
    check(&cases(include_str!("data/servers.txt")), 13);
}

struct Case {
    name: String,
    key: Key,
    now: u64,
    request: Vec<u8>,
    /// Each with whether it carries a TSIG.
    answers: Vec<(bool, Vec<u8>)>,
}

fn check(cases: &[Case], count: usize) {
    assert_eq!(cases.len(), count);
    for case in cases {
        check_as_server(case);
        check_as_client(case);
    }
}

/// We believe the request, and sign the answers with the very octets that they did.
fn check_as_server(case: &Case) {
    let name = &case.name;
    let keys: KeyRing = [case.key.clone()].into_iter().collect();
    let mut stream = check_request(&keys, &case.request, case.now)
        .unwrap_or_else(|rejected| panic!("{name}: {rejected}"))
        .unwrap_or_else(|| panic!("{name}: not signed"));
    for (number, (signed, theirs)) in case.answers.iter().enumerate() {
        if *signed {
            let (mut ours, tsig, time) = split(theirs);
            stream.sign(&mut ours, time);
            assert_eq!(split(&ours).1, tsig, "{name}, answer {number}");
        } else {
            assert!(stream.leave_unsigned(theirs), "{name}, answer {number}");
        }
    }
}

/// We sign the request with the very octets that they did, and believe the answers.
fn check_as_client(case: &Case) {
    let name = &case.name;
    let (mut request, tsig, time) = split(&case.request);
    let mut stream: ClientStream = sign_request(&case.key, &mut request, time);
    if cut(&split(&request).1) != cut(&tsig) {
        // dnspython calls the cut algorithms by their registered names, we as BIND does: nothing to compare.
        assert!(case.key.algorithm().mac_len() < case.key.algorithm().hash_len());
        return;
    }
    assert_eq!(split(&request).1, tsig, "{name}, request");
    for (number, (signed, theirs)) in case.answers.iter().enumerate() {
        let expected = if *signed { Signed::Yes } else { Signed::NotYet };
        let result = stream.check(theirs, case.now);
        assert_eq!(result, Ok(expected), "{name}, answer {number}");
    }
    assert_eq!(stream.finish(), Ok(()), "{name}");
}

/// The algorithm's name, for the octets behind the owner of a TSIG.
fn cut(tsig: &[u8]) -> &[u8] {
    let end = tsig[10..].iter().position(|&octet| octet == 0).unwrap();
    &tsig[10..10 + end]
}

/// A message as it was before it was signed, its TSIG without the owner, and when it was signed.
fn split(message: &[u8]) -> (Vec<u8>, Vec<u8>, u64) {
    let (_, tsig) = Message::new(message)
        .unwrap()
        .records()
        .unwrap()
        .last()
        .unwrap()
        .unwrap();
    assert_eq!(tsig.rtype(), Rtype(250));
    let mut before = message[..tsig.offset()].to_vec();
    before[11] -= 1;
    let behind_owner = message[tsig.rdata_offset() - 10..].to_vec();
    let time = tsig.rdata().iter().position(|&octet| octet == 0).unwrap() + 1;
    let time = tsig.rdata()[time..time + 6]
        .iter()
        .fold(0, |time, &octet| time << 8 | u64::from(octet));
    (before, behind_owner, time)
}

fn cases(text: &str) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    let mut name = "";
    for line in text.lines().filter(|line| !line.is_empty()) {
        let (word, value) = line.split_once(' ').unwrap();
        match word {
            "case" => name = value,
            "key" => cases.push(Case {
                name: name.to_owned(),
                key: value.parse().unwrap(),
                now: 0,
                request: Vec::new(),
                answers: Vec::new(),
            }),
            _ => {
                let case = cases.last_mut().unwrap();
                match word {
                    "now" => case.now = value.parse().unwrap(),
                    "request" => case.request = from_hex(value),
                    "signed" => case.answers.push((true, from_hex(value))),
                    "unsigned" => case.answers.push((false, from_hex(value))),
                    _ => panic!("no such line: {word}"),
                }
            }
        }
    }
    cases
}

fn from_hex(text: &str) -> Vec<u8> {
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}
