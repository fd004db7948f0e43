//! How fast the messages of an AXFR become records.
//!
//!     cargo bench -p benches --bench axfr_parse
//!
//! Ids are `operation/corpus/library`; throughput is in records. `walk` finds every record and looks at its type;
//! `unpack` also checks the RDATA and makes names usable: zonekit expands them into reused memory, hickory-proto makes
//! owned records of the whole message, domain parses the RDATA and leaves names where they lie.

use std::hint::black_box;

use benches::{Corpus, corpora};
use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use domain::base::{Message as DomainMessage, ParsedName};
use domain::rdata::AllRecordData;
use hickory_proto::op::Message as HickoryMessage;
use zonekit_wire::{Compressor, Message, MessageWriter, RecordBuf, Section, Unpacker};

const RECORDS: usize = 100_000;

fn unpack(c: &mut Criterion) {
    for corpus in corpora(RECORDS) {
        let mut group = c.benchmark_group(format!("unpack/{}", corpus.name));
        group.throughput(Throughput::Elements(corpus.records as u64));
        let mut unpacker = Unpacker::new();
        let mut bench = |library: &str, count: &mut dyn FnMut(&[u8]) -> usize| {
            group.bench_function(library, |b| b.iter(|| over_all(&corpus, count)));
        };
        bench("zonekit", &mut |octets| {
            let mut records = 0;
            for item in Message::new(octets).unwrap().records().unwrap() {
                black_box(unpacker.unpack(item.unwrap().1).unwrap());
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

fn write(c: &mut Criterion) {
    for corpus in corpora(RECORDS) {
        let mut group = c.benchmark_group(format!("write/{}", corpus.name));
        group.throughput(Throughput::Elements(corpus.records as u64));
        let zone = records(&corpus);
        let (mut octets, mut compressor) = (Vec::new(), Compressor::new());
        group.bench_function("zonekit", |b| {
            b.iter(|| {
                let mut rest = zone.iter().peekable();
                let mut written = 0;
                while rest.peek().is_some() {
                    let mut writer = MessageWriter::new(&mut octets, 16 * 1024, &mut compressor);
                    while rest
                        .next_if(|record| {
                            writer.record(Section::Answer, &record.as_record()).is_ok()
                        })
                        .is_some()
                    {
                        written += 1;
                    }
                    black_box(writer.finish());
                }
                assert_eq!(written, corpus.records);
            });
        });
        group.finish();
    }
}

fn records(corpus: &Corpus) -> Vec<RecordBuf> {
    let mut unpacker = Unpacker::new();
    let mut zone = Vec::new();
    for octets in &corpus.messages {
        for item in Message::new(octets).unwrap().records().unwrap() {
            zone.push(unpacker.unpack(item.unwrap().1).unwrap().to_buf());
        }
    }
    zone
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

criterion_group!(benches, unpack, walk, write);
criterion_main!(benches);
