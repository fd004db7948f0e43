//! What servers answer to a TSIG that is not good enough (`data/errors.txt`, made by `data/errors.py`): our client reads
//! it as what it is, and our server says the same, or differs where RFC 8945 says so.

use zonekit_tsig::{
    Key, RequestRejected, Signed, TsigError, TsigRcode, check_request, sign_request,
};
use zonekit_wire::Message;

#[test]
fn bind_says_what_we_say() {
    check("named: unknown key", told("BADKEY"), "BADKEY", Alike);
    check("named: another algorithm", told("BADKEY"), "BADKEY", Alike);
    check("named: wrong secret", told("BADSIG"), "BADSIG", Alike);
    check(
        "named: signed an hour ago",
        told("signed BADTIME"),
        "BADTIME",
        Alike,
    );
    check(
        "named: signed an hour ahead",
        told("signed BADTIME"),
        "BADTIME",
        Alike,
    );
    check(
        "named: 16 octets of MAC",
        told("signed BADTRUNC"),
        "BADTRUNC",
        Alike,
    );
    check(
        "named: 15 octets of MAC",
        told("BADSIG"),
        "FORMERR",
        NO_TSIG,
    );
    check("named: no MAC", told("BADSIG"), "FORMERR", NO_TSIG);
}

#[test]
fn knot_says_what_we_say_except_to_short_macs() {
    check("knotd: unknown key", told("BADKEY"), "BADKEY", Alike);
    check("knotd: another algorithm", told("BADKEY"), "BADKEY", Alike);
    check("knotd: wrong secret", told("BADSIG"), "BADSIG", Alike);
    check(
        "knotd: signed an hour ago",
        told("signed BADTIME"),
        "BADTIME",
        Alike,
    );
    check(
        "knotd: signed an hour ahead",
        told("signed BADTIME"),
        "BADTIME",
        Alike,
    );
    check(
        "knotd: 16 octets of MAC",
        told("BADSIG"),
        "BADTRUNC",
        POLICY,
    );
    check(
        "knotd: 15 octets of MAC",
        told("BADSIG"),
        "FORMERR",
        NO_TSIG,
    );
    check("knotd: no MAC", told("BADSIG"), "FORMERR", NO_TSIG);
}

#[test]
fn nsd_signs_no_refusal() {
    check("nsd: unknown key", told("BADKEY"), "BADKEY", Alike);
    check("nsd: wrong secret", told("BADSIG"), "BADSIG", Alike);
    check(
        "nsd: signed an hour ago",
        told("BADTIME"),
        "BADTIME",
        SIGNED,
    );
    check(
        "nsd: signed an hour ahead",
        told("BADTIME"),
        "BADTIME",
        SIGNED,
    );
    check("nsd: 16 octets of MAC", told("BADSIG"), "BADTRUNC", POLICY);
    check("nsd: 15 octets of MAC", told("BADSIG"), "FORMERR", NO_TSIG);
    check("nsd: no MAC", told("BADSIG"), "FORMERR", NO_TSIG);
}

#[test]
fn nsd_knows_a_key_by_its_name_whatever_the_algorithm_and_we_do_not() {
    let case = case("nsd: another algorithm");
    let (mut request, _) = split(&case.request);
    let mut client = sign_request(&case.key, &mut request, case.signed_at);
    let answer = client.check(&case.reply, case.signed_at);
    assert_eq!(answer, Ok(Signed::Yes));
    // RFC 8945 §5.2.1, and what BIND and Knot do.
    assert_eq!(case.rejection().error(), TsigError::BadKey);
}

#[test]
fn a_bad_time_gives_back_the_fudge_of_the_request() {
    let fudge = |reply: &[u8]| {
        let (_, tsig) = split(reply);
        let at = times(&tsig) + 6;
        u16::from_be_bytes([tsig[at], tsig[at + 1]])
    };
    for (server, theirs) in [("named", 300), ("knotd", 300), ("nsd", 600)] {
        let case = case(&format!("{server}: signed an hour ago, fudge 600"));
        assert_eq!(fudge(&case.reply), theirs, "{server}");
        assert_eq!(fudge(&case.our_reply()), 600, "{server}"); // RFC 8945 §5.2.3
    }
}

/// What the server tells of.
struct Told {
    error: TsigRcode,
    signed: bool,
}

/// How our server's TSIG compares with theirs: octet for octet, or not, and why.
enum Compared {
    Alike,
    Unlike(&'static str),
}
use Compared::{Alike, Unlike};

const NO_TSIG: Compared = Unlike("§5.2.2.1: as short a MAC is a FORMERR; §5.2: without a TSIG");
const POLICY: Compared = Unlike("§5.2.4: a right MAC, too short for us alone: BADTRUNC, signed");
const SIGNED: Compared = Unlike("§5.2.3: a BADTIME is signed");

/// `told` is what our client makes of the server's reply; `ours` is what our server calls the same request.
#[track_caller]
fn check(name: &str, told: Told, ours: &str, compared: Compared) {
    let case = case(name);
    let (mut request, tsig) = split(&case.request);
    let mut client = sign_request(&case.key, &mut request, case.signed_at);
    // Our client asks with the very octets of the capture, except that it never cuts a MAC so short.
    assert_eq!(split(&request).1 == tsig, ours != "FORMERR", "{name}");
    let error = client.check(&case.reply, case.signed_at);
    let told = TsigError::Peer {
        error: told.error,
        server_time: (told.error == TsigRcode::BADTIME).then(|| case.server_time()),
        signed: told.signed,
    };
    assert_eq!(error, Err(told), "{name}");

    assert_eq!(case.rejection().error().kind(), ours, "{name}");
    let (before, theirs) = split(&case.reply);
    let reply = case.our_reply();
    match compared {
        Alike => assert_eq!(split(&reply).1, theirs, "{name}"),
        Unlike(_) if ours == "FORMERR" => assert_eq!(reply, before, "{name}"),
        Unlike(why) => assert_ne!(split(&reply).1, theirs, "{name}: {why}"),
    }
}

/// An error by its mnemonic, `signed` in front of it or not.
fn told(text: &str) -> Told {
    let mnemonic = text.strip_prefix("signed ");
    let error = match mnemonic.unwrap_or(text) {
        "BADSIG" => TsigRcode::BADSIG,
        "BADKEY" => TsigRcode::BADKEY,
        "BADTIME" => TsigRcode::BADTIME,
        "BADTRUNC" => TsigRcode::BADTRUNC,
        other => panic!("no such error: {other}"),
    };
    Told {
        error,
        signed: mnemonic.is_some(),
    }
}

/// One exchange of the file.
struct Case {
    key: Key,
    server_key: Key,
    signed_at: u64,
    request: Vec<u8>,
    reply: Vec<u8>,
}

impl Case {
    /// What our server with the same key thinks of the request.
    fn rejection(&self) -> RequestRejected {
        let keys = [self.server_key.clone()].into_iter().collect();
        check_request(&keys, &self.request, self.server_time())
            .expect_err("the request is not good enough")
    }

    /// Their reply with our TSIG in place of theirs.
    fn our_reply(&self) -> Vec<u8> {
        let rejected = self.rejection();
        let (mut reply, _) = split(&self.reply);
        rejected.sign_reply(&mut reply, self.server_time());
        reply
    }

    /// The server's clock: the other data of a BADTIME, else when it signed.
    fn server_time(&self) -> u64 {
        let (_, tsig) = split(&self.reply);
        let octets = match tsig[tsig.len() - 8..] {
            [0, 6, ..] => &tsig[tsig.len() - 6..],
            _ => &tsig[times(&tsig)..times(&tsig) + 6],
        };
        octets
            .iter()
            .fold(0, |time, &octet| time << 8 | u64::from(octet))
    }
}

/// A message as it was before its TSIG, and the TSIG behind its owner.
fn split(message: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let records = Message::new(message).unwrap().records().unwrap();
    let (_, tsig) = records.last().unwrap().unwrap();
    let mut before = message[..tsig.offset()].to_vec();
    before[11] -= 1;
    (before, message[tsig.rdata_offset() - 10..].to_vec())
}

/// Where the times are in a TSIG without its owner: behind the algorithm's name.
fn times(tsig: &[u8]) -> usize {
    10 + tsig[10..].iter().position(|&octet| octet == 0).unwrap() + 1
}

#[track_caller]
fn case(name: &str) -> Case {
    let text = include_str!("data/errors.txt");
    let mut lines = text
        .lines()
        .skip_while(|line| line.strip_prefix("case ") != Some(name));
    assert!(lines.next().is_some(), "no such case: {name}");
    let mut value = |word: &str| {
        let line = lines.next().unwrap_or_default();
        let (found, value) = line.split_once(' ').unwrap_or_default();
        assert_eq!(found, word, "{name}");
        value
    };
    Case {
        key: value("key").parse().unwrap(),
        server_key: value("server-key").parse().unwrap(),
        signed_at: value("signed-at").parse().unwrap(),
        request: from_hex(value("request")),
        reply: from_hex(value("reply")),
    }
}

fn from_hex(text: &str) -> Vec<u8> {
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}
