//! Records out of a line of text, and the zones that the scripts are about.

use std::net::Ipv4Addr;

use zonekit_wire::{Class, NameBuf, RecordBuf, Rtype, Serial, SoaBuf};

use crate::message;

/// The zone that everything is about.
pub const ZONE: &str = "example.org";

pub fn zone() -> NameBuf {
    ZONE.parse().unwrap()
}

/// A record of the zone from `owner [ttl] type rdata`: owners without a final dot are below the zone, `@` is its apex. RDATA
/// of `TYPEn` is hexadecimal, `@` in it the apex. `owner FILL` is a record that makes the answer to AXFR with the SOA and
/// itself 65,535 octets long.
pub fn rr(text: &str) -> RecordBuf {
    rr_of(&zone(), text)
}

/// As [`rr`], of another zone.
pub fn rr_of(zone: &NameBuf, text: &str) -> RecordBuf {
    let name = |text: &str| name(zone, text);
    let mut words = text.split_whitespace().peekable();
    let owner = name(words.next().unwrap());
    if words.next_if_eq(&"FILL").is_some() {
        return fill(zone, owner);
    }
    let ttl = words.next_if(|word| word.bytes().all(|octet| octet.is_ascii_digit()));
    let rtype = words.next().unwrap();
    let rest: Vec<&str> = words.collect();
    let flat = |text| name(text).as_name().as_octets().to_vec();
    let (rtype, rdata) = match rtype {
        "A" => {
            let address: Ipv4Addr = rest[0].parse().unwrap();
            (Rtype::A, address.octets().to_vec())
        }
        "NS" => (Rtype::NS, flat(rest[0])),
        "CNAME" => (Rtype::CNAME, flat(rest[0])),
        "DNAME" => (Rtype::DNAME, flat(rest[0])),
        "TXT" => {
            let length = rest[0].len() as u8;
            (Rtype::TXT, [&[length], rest[0].as_bytes()].concat())
        }
        "MX" => {
            let preference: u16 = rest[0].parse().unwrap();
            let octets = [&preference.to_be_bytes()[..], &flat(rest[1])].concat();
            (Rtype::MX, octets)
        }
        "SOA" => {
            let mut rdata = Vec::new();
            let soa = soa_of(zone, rest[0].parse().unwrap());
            soa.as_soa().write(&mut rdata);
            (Rtype::SOA, rdata)
        }
        other => {
            let number = other.strip_prefix("TYPE").unwrap().parse().unwrap();
            let mut rdata = Vec::new();
            for (place, digits) in rest.first().unwrap_or(&"").split('@').enumerate() {
                if place > 0 {
                    rdata.extend(flat("@"));
                }
                rdata.extend(hex(digits));
            }
            (Rtype(number), rdata)
        }
    };
    RecordBuf {
        owner,
        rtype,
        class: Class::IN,
        ttl: ttl.map_or(3600, |ttl| ttl.parse().unwrap()),
        rdata,
    }
}

fn fill(zone: &NameBuf, owner: NameBuf) -> RecordBuf {
    let mut request = vec![0; 12];
    request[5] = 1;
    request.extend(zone.as_name().as_octets());
    request.extend([0, Rtype::AXFR.0 as u8, 0, 1]);
    let begins = message(&request, &[rr_of(zone, "@ SOA 0")]).len();
    // A label and a pointer, ten octets, RDATA.
    let name = owner.as_name().as_octets().len() - zone.as_name().as_octets().len() + 2;
    RecordBuf {
        owner,
        rtype: Rtype(65_280),
        class: Class::IN,
        ttl: 3600,
        rdata: vec![7; 65_535 - begins - name - 10],
    }
}

pub fn rrs(texts: &[&str]) -> Vec<RecordBuf> {
    texts.iter().map(|text| rr(text)).collect()
}

fn name(zone: &NameBuf, text: &str) -> NameBuf {
    match text.strip_suffix('.') {
        Some(_) => text.parse().unwrap(),
        None if text == "@" => zone.clone(),
        None => format!("{text}.{}", zone.as_name()).parse().unwrap(),
    }
}

pub fn hex(digits: &str) -> Vec<u8> {
    let digit = |place: usize| u8::from_str_radix(&digits[place..place + 2], 16).unwrap();
    (0..digits.len()).step_by(2).map(digit).collect()
}

pub fn soa_buf(serial: u32) -> SoaBuf {
    soa_of(&zone(), serial)
}

/// The SOA of another zone.
pub fn soa_of(zone: &NameBuf, serial: u32) -> SoaBuf {
    SoaBuf {
        mname: name(zone, "ns1"),
        rname: name(zone, "hostmaster"),
        serial: Serial(serial),
        refresh: 3600,
        retry: 600,
        expire: 86_400,
        minimum: 300,
    }
}

pub fn soa(serial: u32) -> RecordBuf {
    rr(&format!("@ SOA {serial}"))
}

/// What is held before differences come, at serial 1.
pub const HELD: [&str; 4] = [
    "@ NS ns1",
    "ns1 A 192.0.2.1",
    "www A 192.0.2.80",
    "old TXT old",
];

/// One step from what is held to serial 2, and one from there to 3, as IXFR sends them.
pub const STEPS: [&str; 10] = [
    "@ SOA 3",
    "@ SOA 1",
    "old TXT old",
    "@ SOA 2",
    "new TXT new",
    "@ SOA 2",
    "www A 192.0.2.80",
    "@ SOA 3",
    "www A 192.0.2.81",
    "@ SOA 3",
];

/// What a small whole zone has beside its SOA.
pub const WHOLE: [&str; 3] = ["@ NS ns1", "ns1 A 192.0.2.1", "www A 192.0.2.80"];

/// A small whole zone as AXFR sends it.
pub fn axfr(serial: u32) -> Vec<RecordBuf> {
    axfr_of(&zone(), serial, &WHOLE)
}

/// A whole zone of these records, as AXFR sends it.
pub fn axfr_of(zone: &NameBuf, serial: u32, texts: &[&str]) -> Vec<RecordBuf> {
    let soa = rr_of(zone, &format!("@ SOA {serial}"));
    let middle = texts.iter().map(|text| rr_of(zone, text));
    let ends = [soa.clone()];
    { ends.into_iter() }.chain(middle).chain([soa]).collect()
}
