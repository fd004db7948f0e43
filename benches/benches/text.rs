//! How fast records become presentation text, and master files records.
//!
//!     cargo bench -p benches --bench text
//!
//! Ids are `operation/corpus/library`; throughput is in octets of the text that zonekit writes. `text_out` prints
//! records that lie ready in each library's own form, a line each; `text_in` reads the same lines back, hickory-proto
//! into its map of the zone, the others record by record.

use std::fmt::Write;
use std::hint::black_box;

use benches::{Corpus, corpora};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use domain::base::{Message as DomainMessage, ParsedName};
use domain::rdata::AllRecordData;
use domain::zonefile::inplace::Zonefile;
use hickory_proto::op::Message as HickoryMessage;
use hickory_proto::rr::Name as HickoryName;
use hickory_proto::serialize::txt::Parser as HickoryParser;
use zonekit_wire::master::{Reader, Writer};
use zonekit_wire::{Message, Name, RecordBuf, Unpacker, text};

const RECORDS: usize = 100_000;

fn text_out(c: &mut Criterion) {
    for corpus in corpora(RECORDS) {
        let zone = records(&corpus);
        let mut group = c.benchmark_group(format!("text_out/{}", corpus.name));
        group.throughput(Throughput::Bytes(master_file(&zone).len() as u64));
        let mut line = Vec::new();
        group.bench_function("zonekit", |b| {
            b.iter(|| {
                for record in &zone {
                    line.clear();
                    text::write_record(&record.as_record(), &mut line);
                    black_box(&line);
                }
            });
        });
        let mut line = String::new();
        group.bench_function("domain", |b| {
            let messages = corpus.messages.iter();
            let messages: Vec<_> = messages
                .map(|octets| DomainMessage::from_octets(octets).unwrap())
                .collect();
            let sections = messages.iter().map(|message| message.answer().unwrap());
            let zone: Vec<_> = sections
                .flat_map(|answer| answer.limit_to::<AllRecordData<_, ParsedName<_>>>())
                .map(Result::unwrap)
                .collect();
            assert_eq!(zone.len(), corpus.records);
            b.iter(|| {
                for record in &zone {
                    line.clear();
                    write!(line, "{record}").unwrap();
                    black_box(&line);
                }
            });
        });
        group.bench_function("hickory-proto", |b| {
            let messages = corpus
                .messages
                .iter()
                .map(|octets| HickoryMessage::from_vec(octets).unwrap());
            let zone: Vec<_> = messages.flat_map(|message| message.answers).collect();
            assert_eq!(zone.len(), corpus.records);
            b.iter(|| {
                for record in &zone {
                    line.clear();
                    write!(line, "{record}").unwrap();
                    black_box(&line);
                }
            });
        });
        group.finish();
    }
}

fn text_in(c: &mut Criterion) {
    for corpus in corpora(RECORDS) {
        let mut zone = records(&corpus);
        zone.pop(); // the closing SOA has no place in a file
        let file = master_file(&zone);
        let mut group = c.benchmark_group(format!("text_in/{}", corpus.name));
        group.sample_size(20);
        group.throughput(Throughput::Bytes(file.len() as u64));
        group.bench_function("zonekit", |b| {
            b.iter(|| {
                let mut reader = Reader::new(black_box(&file[..]), Name::ROOT);
                let mut records = 0;
                while let Some(record) = reader.next_record().unwrap() {
                    black_box(record);
                    records += 1;
                }
                assert_eq!(records, zone.len());
            });
        });
        group.bench_function("domain", |b| {
            b.iter(|| {
                let mut reader = Zonefile::load(&mut black_box(&file[..])).unwrap();
                let mut records = 0;
                while let Some(record) = reader.next_entry().unwrap() {
                    black_box(record);
                    records += 1;
                }
                assert_eq!(records, zone.len());
            });
        });
        let text = std::str::from_utf8(&file).unwrap();
        let read = || HickoryParser::new(black_box(text), None, Some(HickoryName::root())).parse();
        match read() {
            Ok(_) => drop(group.bench_function("hickory-proto", |b| b.iter(|| black_box(read())))),
            Err(error) => eprintln!("hickory-proto does not read {}: {error}", corpus.name), // DS, for one
        }
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

fn master_file(zone: &[RecordBuf]) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new());
    for record in zone {
        writer.write(&record.as_record()).unwrap();
    }
    writer.finish().unwrap()
}

criterion_group!(benches, text_out, text_in);
criterion_main!(benches);
