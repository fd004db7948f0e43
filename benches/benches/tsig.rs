//! What TSIG adds to the hash that it is made of.
//!
//!     cargo bench -p benches --bench tsig
//!
//! Ids are `operation/corpus/library`; throughput is in octets. Messages are of 16 KiB, each with a TSIG of HMAC-SHA256.
//! `opaque` is one record a message, so that nearly all is hashing; in `tld`, as in any transfer of a zone, the TSIG has
//! to be found behind hundreds of records. `hmac+sha2` is one MAC over the same octets, and no more.

use std::hint::black_box;

use benches::corpora;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zonekit_tsig::{Key, KeyRing, ServerStream, Signed, check_request, sign_request};
use zonekit_wire::{Class, Compressor, Header, MessageWriter, NameBuf, Record, Rtype, Section};

const MESSAGES: usize = 64;
const SECRET: [u8; 32] = [7; 32];
const NOW: u64 = 1_800_000_000;

fn tsig(c: &mut Criterion) {
    let name: NameBuf = "transfer.example".parse().unwrap();
    let key = Key::new(name.as_name(), zonekit_tsig::Algorithm::HmacSha256, &SECRET).unwrap();
    let tld = corpora(100_000).swap_remove(0);
    assert!(tld.messages.len() > MESSAGES);
    for (corpus, messages) in [
        ("opaque", vec![opaque(); MESSAGES]),
        (tld.name, tld.messages[..MESSAGES].to_vec()),
    ] {
        let signed = sign(server(&key), &messages);
        let octets = signed.iter().map(Vec::len).sum::<usize>() as u64;
        let mut group = c.benchmark_group(format!("check/{corpus}"));
        group.throughput(Throughput::Bytes(octets));
        group.bench_function("zonekit", |b| {
            b.iter(|| {
                let mut stream = sign_request(&key, &mut request(), NOW);
                for message in &signed {
                    assert_eq!(stream.check(black_box(message), NOW), Ok(Signed::Yes));
                }
                stream.finish().unwrap();
            });
        });
        group.bench_function("hmac+sha2", |b| b.iter(|| one_shots(&signed)));
        group.finish();

        let mut group = c.benchmark_group(format!("sign/{corpus}"));
        group.throughput(Throughput::Bytes(octets));
        let (mut out, room) = (Vec::new(), signed[0].len() + 512);
        group.bench_function("zonekit", |b| {
            b.iter(|| {
                let mut stream = server(&key);
                for message in &messages {
                    out.clear();
                    out.reserve(room);
                    out.extend_from_slice(black_box(message));
                    stream.sign(&mut out, NOW);
                }
                assert_eq!(out, signed[MESSAGES - 1]);
            });
        });
        group.bench_function("hmac+sha2", |b| b.iter(|| one_shots(&signed)));
        group.finish();
    }
}

/// A MAC of each message.
fn one_shots(messages: &[Vec<u8>]) {
    for message in messages {
        let mut mac = Hmac::<Sha256>::new_from_slice(&SECRET).unwrap();
        mac.update(black_box(message));
        black_box(mac.finalize());
    }
}

fn sign(mut stream: ServerStream, messages: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let sign = |message: &Vec<u8>| {
        let mut message = message.clone();
        stream.sign(&mut message, NOW);
        message
    };
    messages.iter().map(sign).collect()
}

fn server(key: &Key) -> ServerStream {
    let mut request = request();
    let _ = sign_request(key, &mut request, NOW);
    let keys: KeyRing = [key.clone()].into_iter().collect();
    check_request(&keys, &request, NOW)
        .unwrap()
        .expect("the request is signed")
}

fn request() -> Vec<u8> {
    let header = Header {
        id: 4711,
        ..Header::default()
    };
    header.to_octets().to_vec()
}

fn opaque() -> Vec<u8> {
    let (mut octets, mut compressor) = (Vec::new(), Compressor::new());
    let mut writer = MessageWriter::new(&mut octets, 16 * 1024, &mut compressor);
    writer.set_header(Header {
        id: 4711,
        qr: true,
        ..Header::default()
    });
    let rdata = vec![42; 16 * 1024 - 200];
    let record = Record {
        owner: zonekit_wire::Name::ROOT,
        rtype: Rtype(65_280),
        class: Class::IN,
        ttl: 0,
        rdata: &rdata,
    };
    writer.record(Section::Answer, &record).unwrap();
    writer.finish();
    octets
}

criterion_group!(benches, tsig);
criterion_main!(benches);
