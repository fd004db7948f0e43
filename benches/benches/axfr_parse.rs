//! How fast the messages of an AXFR become records.
//!
//!     cargo bench -p benches --bench axfr_parse
//!
//! Ids are `operation/corpus/library`; throughput is in records. `walk` finds every record and looks at its type, and
//! hickory-proto, which has no such thing, stands in `unpack` only. `unpack` also checks the RDATA and makes names usable:
//! zonekit expands them into reused memory and writes the owner's sort key beside them, hickory-proto makes owned
//! records of the whole message, domain parses the RDATA and leaves names where they lie. `unpack/…/zonekit-one` is
//! zonekit where nothing is remembered from record to record, and without sort keys.

use std::hint::black_box;

use benches::{Corpus, corpora};
use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use domain::base::{Message as DomainMessage, ParsedName};
use domain::rdata::AllRecordData;
use hickory_proto::op::Message as HickoryMessage;
use zonekit_wire::{Message, Unpacker};

const RECORDS: usize = 1_000_000;

fn unpack(c: &mut Criterion) {
    for corpus in corpora(RECORDS) {
        let mut group = c.benchmark_group(format!("unpack/{}", corpus.name));
        group.sample_size(10);
        group.throughput(Throughput::Elements(corpus.records as u64));
        let (mut unpacker, mut unpacker_of_one) = (Unpacker::new(), Unpacker::new());
        let mut bench = |library: &str, count: &mut dyn FnMut(&[u8]) -> usize| {
            group.bench_function(library, |b| b.iter(|| over_all(&corpus, count)));
        };
        bench("zonekit", &mut |octets| {
            let mut answers = unpacker.answers(Message::new(octets).unwrap()).unwrap();
            let mut records = 0;
            while let Some(unpacked) = answers.next_record().unwrap() {
                black_box(unpacked);
                records += 1;
            }
            records
        });
        bench("zonekit-one", &mut |octets| {
            let mut records = 0;
            for item in Message::new(octets).unwrap().records().unwrap() {
                black_box(unpacker_of_one.unpack(item.unwrap().1).unwrap());
                records += 1;
            }
            records
        });
        bench("domain", &mut |octets| {
            let message = DomainMessage::from_octets(octets).unwrap();
            let mut records = 0;
            for record in message
                .answer()
                .unwrap()
                .limit_to::<AllRecordData<&[u8], ParsedName<&[u8]>>>()
            {
                black_box(record.unwrap());
                records += 1;
            }
            records
        });
        bench("domain-bytes", &mut |octets| {
            // As its transfer client has it: records that own their share of the message.
            let message = DomainMessage::from_octets(Bytes::copy_from_slice(octets)).unwrap();
            let mut records = 0;
            for record in message
                .answer()
                .unwrap()
                .limit_to::<AllRecordData<Bytes, ParsedName<Bytes>>>()
            {
                black_box(record.unwrap());
                records += 1;
            }
            records
        });
        bench("hickory-proto", &mut |octets| {
            black_box(HickoryMessage::from_vec(octets).unwrap())
                .answers
                .len()
        });
        group.finish();
    }
}

fn walk(c: &mut Criterion) {
    for corpus in corpora(RECORDS) {
        let mut group = c.benchmark_group(format!("walk/{}", corpus.name));
        group.sample_size(10);
        group.throughput(Throughput::Elements(corpus.records as u64));
        let mut bench = |library: &str, count: &mut dyn FnMut(&[u8]) -> usize| {
            group.bench_function(library, |b| b.iter(|| over_all(&corpus, count)));
        };
        bench("zonekit", &mut |octets| {
            let mut records = 0;
            for item in Message::new(octets).unwrap().records().unwrap() {
                black_box(item.unwrap().1.rtype());
                records += 1;
            }
            records
        });
        bench("domain", &mut |octets| {
            let message = DomainMessage::from_octets(octets).unwrap();
            let mut records = 0;
            for record in message.answer().unwrap() {
                black_box(record.unwrap().rtype());
                records += 1;
            }
            records
        });
        group.finish();
    }
}

/// Runs `count` on every message; the sum must be all records.
fn over_all(corpus: &Corpus, count: &mut dyn FnMut(&[u8]) -> usize) {
    let records: usize = corpus
        .messages
        .iter()
        .map(|octets| count(black_box(octets)))
        .sum();
    assert_eq!(records, corpus.records);
}

criterion_group!(benches, unpack, walk);
criterion_main!(benches);
