//! What a primary says, well or badly. Whatever it says that is not so shows: a stream that is whole, in order and fits
//! what is held is the truth here, since nobody could tell otherwise.

use zonekit_tsig::{KeyRing, check_request};
use zonekit_wire::{
    Class, Compressor, Header, Message, MessageWriter, Rcode, RecordBuf, Rtype, Section, Soa,
    Unpacker,
};

use super::origin::{Copy, Edns, Health, Host, Origin};
use super::random::Random;

/// An answer: its messages, and what to call it in the story.
pub(super) struct Answer {
    pub(super) messages: Vec<Vec<u8>>,
    pub(super) name: &'static str,
    /// The version that it speaks of truly.
    pub(super) version: Option<usize>,
}

/// What a server is asked, and what it is like to ask it.
pub(super) struct Asked<'w> {
    pub(super) host: &'w Host,
    pub(super) copy: &'w Copy,
    pub(super) origin: &'w Origin,
    pub(super) request: &'w [u8],
    pub(super) over_tcp: bool,
    /// Everything is as it should be.
    pub(super) is_calm: bool,
    /// Seconds since 1970.
    pub(super) unix: u64,
}

/// What a server answers: signed if the question is.
pub(super) fn answer(asked: &Asked<'_>, random: &mut Random) -> Answer {
    let Asked {
        host,
        request,
        is_calm,
        ..
    } = *asked;
    let clock = asked.unix.saturating_add_signed(host.skew);
    let message = Message::new(request).unwrap();
    let has_edns = message.opt().unwrap().is_some();
    if has_edns && host.edns == Edns::Refused {
        let rcode = random.pick(&[Rcode::FORMERR, Rcode::NOTIMP]);
        return Answer {
            messages: vec![write(request, &[], |header| header.rcode = rcode)],
            name: "no EDNS",
            version: None,
        };
    }
    let ring = KeyRing::from_iter(asked.copy.keys.iter().cloned());
    let mut stream = match check_request(&ring, request, clock) {
        Ok(None) => return unsigned(asked, random),
        Ok(Some(stream)) => stream,
        Err(rejected) => {
            let rcode = rejected.rcode();
            let mut reply = write(request, &[], |header| header.rcode = rcode);
            rejected.sign_reply(&mut reply, clock);
            return Answer {
                messages: vec![reply],
                name: "bad TSIG",
                version: None,
            };
        }
    };
    let mut answer = unsigned(asked, random);
    let last = answer.messages.len() - 1;
    let flaw = if is_calm || !random.percent(15) {
        4
    } else {
        random.below(4)
    };
    let spared = random.pick(&[1, 1, 3]);
    for (number, message) in answer.messages.iter_mut().enumerate() {
        let is_whole = Message::new(message).is_ok_and(|message| message.records().is_ok());
        if !is_whole || (number > 0 && number < last && number % spared > 0) {
            let _ = stream.leave_unsigned(message);
            continue;
        }
        stream.sign(message, clock);
        if flaw == 0 && number == last {
            message[2] ^= 0x04; // AA, which the MAC covers
        }
    }
    // Whoever stops at the end of a stream that goes on behind it does not see that the last message is altered.
    let is_seen = flaw == 1 || !answer.name.ends_with("and more");
    match flaw {
        0 => answer.name = "a wrong MAC",
        1 => {
            answer = unsigned(asked, random);
            answer.name = "no TSIG";
        }
        _ => {}
    }
    if flaw < 2 && is_seen {
        answer.version = None;
    }
    answer
}

fn unsigned(asked: &Asked<'_>, random: &mut Random) -> Answer {
    let Asked {
        host,
        copy,
        origin,
        request,
        over_tcp,
        is_calm,
        ..
    } = *asked;
    let message = Message::new(request).unwrap();
    let rtype = message.question().unwrap().unwrap().rtype;
    let say = |name, records: &[RecordBuf]| Answer {
        messages: vec![write(request, records, |_| ())],
        name,
        version: None,
    };
    let refuse = |name, rcode| Answer {
        messages: vec![write(request, &[], |header| header.rcode = rcode)],
        name,
        version: None,
    };
    let Some(&has) = copy.history.last().filter(|_| host.health == Health::Up) else {
        return refuse("SERVFAIL", Rcode::SERVFAIL);
    };
    let version = &origin.versions[has];
    let soa = &version.soa_record;
    if !is_calm && random.percent(25) {
        match random.below(8) {
            0 => return refuse("SERVFAIL", Rcode::SERVFAIL),
            1 => return refuse("REFUSED", Rcode::REFUSED),
            2 => return refuse("FORMERR", Rcode::FORMERR),
            3 => return refuse("NOTIMP", Rcode::NOTIMP),
            4 => {
                let length = 1 + random.below(40);
                let garbage = (0..length).map(|_| random.draw() as u8).collect();
                return Answer {
                    messages: vec![garbage],
                    name: "garbage",
                    version: None,
                };
            }
            5 => return say("nothing", &[]),
            6 => {
                let mut answer = say("another ID", std::slice::from_ref(soa));
                answer.messages[0][0] ^= 1;
                return answer;
            }
            _ => {
                let mut answer = say("cut off", std::slice::from_ref(soa));
                answer.messages[0].pop();
                return answer;
            }
        }
    }
    if rtype == Rtype::SOA {
        if !over_tcp && !is_calm && random.percent(10) {
            let truncate = |header: &mut Header| header.tc = true;
            return Answer {
                messages: vec![write(request, &[], truncate)],
                name: "TC",
                version: None,
            };
        }
        return Answer {
            version: Some(has),
            ..say("SOA", std::slice::from_ref(soa))
        };
    }
    let whole = || -> Vec<RecordBuf> {
        let ends = [soa.clone()];
        { ends.iter().chain(&version.records).chain(&ends) }
            .cloned()
            .collect()
    };
    let (name, records) = match (rtype, held(message)) {
        (Rtype::IXFR, Some(from)) => {
            let place = |version: &usize| origin.versions[*version].soa.serial == from;
            let known = copy.history.iter().position(place);
            if !version.soa.serial.is_newer_than(from) {
                ("up to date", vec![soa.clone()])
            } else if let Some(known) = known.filter(|_| is_calm || !random.percent(15)) {
                let skip = !is_calm && random.percent(30);
                let mut steps = copy.history[known..].to_vec();
                if skip {
                    steps.drain(1..steps.len() - 1); // condensed (RFC 1995 §5)
                }
                differences(origin, &steps, is_calm, random)
            } else {
                ("AXFR for IXFR", whole())
            }
        }
        _ if !is_calm && random.percent(20) => {
            let mut records = whole();
            match random.below(4) {
                0 => {
                    records.truncate(1 + random.below(records.len() - 1));
                    ("AXFR without end", records)
                }
                1 if has > 0 => {
                    // It changed meanwhile, and goes on with what it had before.
                    records.truncate(1 + random.below(records.len() - 1));
                    records.push(origin.versions[random.below(has)].soa_record.clone());
                    ("AXFR with another end", records)
                }
                2 => {
                    records.push(soa.clone());
                    ("AXFR and more", records)
                }
                _ => {
                    records.remove(0);
                    ("AXFR without beginning", records)
                }
            }
        }
        _ => ("AXFR", whole()),
    };
    let piece = if is_calm {
        records.len()
    } else {
        random.pick(&[1, 2, 5, 100])
    };
    let pieces = records.chunks(piece);
    Answer {
        messages: pieces.map(|piece| write(request, piece, |_| ())).collect(),
        name,
        version: Some(has),
    }
}

/// IXFR along these versions, or something that is not quite that.
fn differences(
    origin: &Origin,
    steps: &[usize],
    is_calm: bool,
    random: &mut Random,
) -> (&'static str, Vec<RecordBuf>) {
    let soa = |version: usize| origin.versions[version].soa_record.clone();
    let goal = steps[steps.len() - 1];
    let mut records = vec![soa(goal)];
    let flaw = if is_calm || !random.percent(35) {
        usize::MAX
    } else {
        random.below(7)
    };
    let last = steps.len().saturating_sub(2);
    for (place, step) in steps.windows(2).enumerate() {
        let (from, to) = (step[0], step[1]);
        let [mut gone, mut new] = origin.difference(from, to);
        match flaw {
            0 if place == 0 => gone.insert(0, origin.absent(from)),
            1 if place == last => new.push(origin.versions[to].records[0].clone()),
            2 if place == last && steps.len() > 2 => continue,
            3 if place == 0 && steps.len() > 2 => continue,
            _ => {}
        }
        records.push(soa(from));
        records.extend(gone);
        records.push(soa(to));
        records.extend(new);
    }
    let name = match flaw {
        0 => "IXFR that removes what is not there",
        1 => "IXFR that adds what is there",
        2 if steps.len() > 2 => "IXFR that ends early",
        3 if steps.len() > 2 => "IXFR that begins late",
        4 => return ("IXFR without end", records),
        5 => return ("lone SOA", vec![soa(goal)]),
        6 => {
            records.extend([soa(goal), origin.absent(goal)]);
            return ("IXFR and more", records);
        }
        _ => "IXFR",
    };
    records.push(soa(goal));
    (name, records)
}

/// The serial that a request for differences starts from.
fn held(request: Message<'_>) -> Option<zonekit_wire::Serial> {
    let mut unpacker = Unpacker::new();
    for item in request.records().ok()? {
        let (section, packed) = item.ok()?;
        if section == Section::Authority && packed.rtype() == Rtype::SOA {
            let record = unpacker.unpack(packed).ok()?;
            return Some(Soa::read(record.rdata).ok()?.serial);
        }
    }
    None
}

/// A message with these answers to a request.
pub(super) fn write(
    request: &[u8],
    records: &[RecordBuf],
    change: impl FnOnce(&mut Header),
) -> Vec<u8> {
    let message = Message::new(request).unwrap();
    let question = message.question().unwrap().unwrap();
    let mut header = Header {
        aa: true,
        ..message.header().reply()
    };
    change(&mut header);
    let (mut octets, mut compressor) = (Vec::new(), Compressor::new());
    let mut writer = MessageWriter::new(&mut octets, 65_535, &mut compressor);
    writer.set_header(header);
    let name = question.name.to_buf();
    writer
        .question(name.as_name(), question.rtype, Class::IN)
        .unwrap();
    for record in records {
        writer.record(Section::Answer, &record.as_record()).unwrap();
    }
    writer.finish();
    octets
}
