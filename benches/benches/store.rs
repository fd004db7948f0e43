//! What it costs to make versions of zones and to look things up in them.
//!
//!     cargo bench -p benches --bench store
//!
//! Ids are `operation/corpus/case`. Throughput is in records for `build`, `patch` (those changed) and `iterate`, in lookups for the
//! others: random names of the whole zone, so that each is met cold where the zone is larger than the caches.

use std::hint::black_box;

use benches::{Corpus, corpora};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use zonekit_store::{Checks, Nsec3Parameters, Place, Zone, ZoneBuilder, ZoneLimits, ZonePatch};
use zonekit_wire::{Message, NameBuf, Record, RecordBuf, Rtype, Unpacker};

const RECORDS: usize = 1_000_000;

/// Lookups in one round.
const LOOKUPS: usize = 100_000;

/// A zone's records, the SOA first and not repeated.
struct Records {
    name: &'static str,
    soa: RecordBuf,
    others: Vec<RecordBuf>,
}

fn versions(c: &mut Criterion) {
    for corpus in corpora(RECORDS) {
        let mut records = Records::of(&corpus);
        drop(corpus);
        build(c, &records, "unordered");
        records.others.sort_by(|a, b| a.owner.cmp(&b.owner));
        build(c, &records, "canonical");
        let zone = records.zone();
        patch(c, &records, &zone, "one-percent", 100);
        let third = records.others.len() / 3;
        patch(c, &records, &zone, "three-names", third);
        iterate(c, &records, &zone);
        find(c, &records, &zone);
        nsec3(c, &records, &zone);
    }
}

fn build(c: &mut Criterion, records: &Records, case: &str) {
    let mut group = c.benchmark_group(format!("build/{}", records.name));
    group.sample_size(10);
    group.throughput(Throughput::Elements(records.others.len() as u64));
    group.bench_function(case, |b| {
        b.iter(|| {
            let zone = records.zone();
            assert_eq!(zone.record_count(), records.others.len() as u64 + 1);
            zone
        })
    });
}

/// The first record of every so manieth gives way to another.
fn patch(c: &mut Criterion, records: &Records, zone: &Zone, case: &str, every: usize) {
    let mut next = records.soa.clone();
    let serial = next.rdata.len() - 20; // behind the two names, five numbers stand
    next.rdata[serial + 3] += 1;
    let gone: Vec<&RecordBuf> = records
        .others
        .iter()
        .skip(every / 2)
        .step_by(every)
        .collect();
    let mut group = c.benchmark_group(format!("patch/{}", records.name));
    group.sample_size(10);
    group.throughput(Throughput::Elements(2 * gone.len() as u64));
    group.bench_function(case, |b| {
        b.iter(|| {
            let mut patch = ZonePatch::new(zone, ZoneLimits::default(), Checks::Lenient);
            patch.step(&records.soa.as_record()).unwrap();
            for record in &gone {
                patch.remove(&record.as_record()).unwrap();
            }
            patch.reach(&next.as_record()).unwrap();
            for (number, record) in (0_u32..).zip(&gone) {
                let other = Record {
                    rtype: Rtype(65_280),
                    rdata: &number.to_be_bytes(),
                    ..record.as_record()
                };
                patch.add(&other).unwrap();
            }
            let (version, ..) = patch.finish().unwrap();
            assert_eq!(version.record_count(), zone.record_count());
            version
        })
    });
}

fn iterate(c: &mut Criterion, records: &Records, zone: &Zone) {
    let mut group = c.benchmark_group(format!("iterate/{}", records.name));
    group.sample_size(10);
    group.throughput(Throughput::Elements(zone.record_count()));
    group.bench_function("all", |b| {
        b.iter(|| {
            let (mut seen, mut all) = (0, zone.iter());
            while let Some(record) = all.next() {
                black_box(record);
                seen += 1;
            }
            assert_eq!(seen, zone.record_count());
        })
    });
}

/// Names that are there, and names that are not and would stand beside them.
fn find(c: &mut Criterion, records: &Records, zone: &Zone) {
    let owners = records.others.iter().map(|record| &record.owner);
    let all: Vec<&NameBuf> = owners
        .filter(|owner| zone.node(owner.as_name()).is_some()) // hashes are no names
        .collect();
    let hits: Vec<NameBuf> = { scattered(all.len()) }.map(|at| all[at].clone()).collect();
    let misses: Vec<NameBuf> = { hits.iter() }
        .map(|name| {
            let label = name.as_name().labels().next().expect("below the apex");
            let mut beside = name.as_name().parent().expect("below the apex").to_buf();
            beside
                .prepend_label(&[label, b"-"].concat())
                .expect("short names");
            beside
        })
        .collect();
    let mut group = c.benchmark_group(format!("find/{}", records.name));
    group.throughput(Throughput::Elements(LOOKUPS as u64));
    for (case, names, found) in [("hit", &hits, LOOKUPS), ("miss", &misses, 0)] {
        group.bench_function(case, |b| {
            b.iter(|| {
                let is_there = |name: &&NameBuf| {
                    let finding = black_box(zone.find(name.as_name()));
                    matches!(finding.place, Place::Node(_))
                };
                assert_eq!(names.iter().filter(is_there).count(), found);
            })
        });
    }
}

fn nsec3(c: &mut Criterion, records: &Records, zone: &Zone) {
    if !records
        .others
        .iter()
        .any(|record| record.rtype == Rtype::NSEC3)
    {
        return;
    }
    let parameters = Nsec3Parameters {
        algorithm: 1,
        iterations: 0,
        salt: b"",
    };
    let hashes: Vec<[u8; 20]> = scattered(usize::MAX)
        .map(|number| {
            let mut hash = [0; 20];
            hash[..8].copy_from_slice(&(number as u64).to_le_bytes());
            hash
        })
        .collect();
    let mut group = c.benchmark_group(format!("nsec3/{}", records.name));
    group.throughput(Throughput::Elements(LOOKUPS as u64));
    group.bench_function("cover", |b| {
        b.iter(|| {
            let covers = |hash: &&[u8; 20]| {
                let found = black_box(zone.nsec3_covering(&parameters, *hash));
                found.is_some_and(|found| !found.is_match())
            };
            assert_eq!(hashes.iter().filter(covers).count(), LOOKUPS);
        })
    });
}

/// So many numbers below `end`, far from each other.
fn scattered(end: usize) -> impl Iterator<Item = usize> {
    (1..=LOOKUPS as u64).map(move |number| {
        let mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        ((mixed ^ mixed >> 29) % end as u64) as usize
    })
}

impl Records {
    fn of(corpus: &Corpus) -> Self {
        let (mut unpacker, mut all) = (Unpacker::new(), Vec::with_capacity(corpus.records));
        for octets in &corpus.messages {
            let message = Message::new(octets).expect("made by the generator");
            let mut answers = unpacker.answers(message).expect("an answer");
            while let Some(unpacked) = answers.next_record().expect("a record") {
                all.push(unpacked.record.to_buf());
            }
        }
        let soa = all.pop().expect("the closing SOA");
        all.remove(0);
        Self {
            name: corpus.name,
            soa,
            others: all,
        }
    }

    fn zone(&self) -> Zone {
        let apex = self.soa.owner.as_name();
        let mut builder = ZoneBuilder::new(apex, ZoneLimits::default(), Checks::Lenient);
        builder.begin(&self.soa.as_record()).unwrap();
        for record in &self.others {
            builder.add(&record.as_record()).unwrap();
        }
        builder.finish().unwrap().0
    }
}

criterion_group!(benches, versions);
criterion_main!(benches);
