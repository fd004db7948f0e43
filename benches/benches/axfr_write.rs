//! How fast records become the messages of an AXFR, and how small these are.
//!
//!     cargo bench -p benches --bench axfr_write
//!
//! Ids are `operation/corpus/library`; throughput is in records. `write16k` and `write64k` fill messages of 16 KiB and of
//! the longest there are from records that lie ready in each library's own form, names compressed. What all messages come
//! to is printed once.

use std::hint::black_box;

use benches::{Corpus, corpora};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use domain::base::message_builder::HashCompressor;
use domain::base::{Message as DomainMessage, MessageBuilder, ParsedName, Record as DomainRecord};
use domain::rdata::AllRecordData;
use zonekit_wire::{Compressor, Message, MessageWriter, RecordBuf, Section, Unpacker};

const RECORDS: usize = 1_000_000;

fn write(c: &mut Criterion) {
    for corpus in corpora(RECORDS) {
        for (operation, limit) in [("write16k", 16 * 1024), ("write64k", 65_535)] {
            let mut group = c.benchmark_group(format!("{operation}/{}", corpus.name));
            group.sample_size(10);
            group.throughput(Throughput::Elements(corpus.records as u64));
            let zone = records(&corpus);
            let (mut octets, mut compressor) = (Vec::new(), Compressor::new());
            let mut sum = 0;
            group.bench_function("zonekit", |b| {
                b.iter(|| {
                    let (mut rest, mut written) = (zone.iter().peekable(), 0);
                    sum = 0;
                    while rest.peek().is_some() {
                        let mut writer = MessageWriter::new(&mut octets, limit, &mut compressor);
                        let mut write = |record: &RecordBuf| {
                            writer.record(Section::Answer, &record.as_record()).is_ok()
                        };
                        while rest.next_if(|record| write(record)).is_some() {
                            written += 1;
                        }
                        sum += black_box(writer.finish());
                    }
                    assert_eq!(written, corpus.records);
                });
            });
            println!("{operation}/{}/zonekit: {sum} octets", corpus.name);
            drop(zone);
            let messages: Vec<_> = corpus
                .messages
                .iter()
                .map(|octets| DomainMessage::from_octets(&octets[..]).unwrap())
                .collect();
            let zone: Vec<DomainRecord<_, AllRecordData<_, ParsedName<_>>>> = messages
                .iter()
                .flat_map(|message| message.answer().unwrap().limit_to())
                .map(Result::unwrap)
                .collect();
            group.bench_function("domain", |b| {
                b.iter(|| {
                    let (mut rest, mut written) = (zone.iter().peekable(), 0);
                    sum = 0;
                    while rest.peek().is_some() {
                        let target = HashCompressor::new(Vec::with_capacity(limit));
                        let mut builder = MessageBuilder::from_target(target).unwrap();
                        builder.set_push_limit(limit);
                        let mut builder = builder.answer();
                        while rest
                            .next_if(|record| builder.push(*record).is_ok())
                            .is_some()
                        {
                            written += 1;
                        }
                        sum += black_box(builder.finish().into_target()).len();
                    }
                    assert_eq!(written, corpus.records);
                });
            });
            println!("{operation}/{}/domain: {sum} octets", corpus.name);
            group.finish();
        }
    }
}

fn records(corpus: &Corpus) -> Vec<RecordBuf> {
    let mut unpacker = Unpacker::new();
    let mut zone = Vec::new();
    for octets in &corpus.messages {
        let mut answers = unpacker.answers(Message::new(octets).unwrap()).unwrap();
        while let Some(unpacked) = answers.next_record().unwrap() {
            zone.push(unpacked.record.to_buf());
        }
    }
    zone
}

criterion_group!(benches, write);
criterion_main!(benches);
