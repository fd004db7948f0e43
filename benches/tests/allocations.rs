//! That nothing is allocated per record, once memory has grown to what a message needs.

#![allow(unsafe_code)] // an allocator cannot be written without

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::Arc;

use benches::{Corpus, corpora};
use zonekit_serve::{Action, Config, Holding, Peer, Responder, Transport, Zones};
use zonekit_store::{Checks, Zone, ZoneBuilder, ZoneLimits};
use zonekit_wire::master::Reader;
use zonekit_wire::{
    Class, Compressor, Message, MessageWriter, Name, NameBuf, OptRepr, RecordBuf, Rtype, Section,
    Unpacker, text,
};

/// The system's allocator, which counts what each thread asks it for.
struct Counting;

thread_local! {
    static ASKED: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: everything is passed on to the system's allocator as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ASKED.set(ASKED.get() + 1);
        unsafe { System.alloc(layout) }
    }

    unsafe fn realloc(&self, octets: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ASKED.set(ASKED.get() + 1);
        unsafe { System.realloc(octets, layout, size) }
    }

    unsafe fn dealloc(&self, octets: *mut u8, layout: Layout) {
        unsafe { System.dealloc(octets, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

fn allocations(work: &mut dyn FnMut()) -> usize {
    let before = ASKED.get();
    work();
    ASKED.get() - before
}

/// Does `work` on each corpus twice: the second time, with all memory there, it may allocate `fixed` times.
fn check(fixed: usize, mut work: impl FnMut(&Corpus, &[RecordBuf])) {
    for corpus in corpora(5_000) {
        let zone = records(&corpus);
        work(&corpus, &zone);
        let count = allocations(&mut || work(&corpus, &zone));
        assert!(count <= fixed, "{}: {count} allocations", corpus.name);
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

#[test]
fn the_allocator_counts() {
    assert_eq!(
        allocations(&mut || drop(std::hint::black_box(vec![0_u8; 100]))),
        1
    );
}

#[test]
fn walking_allocates_nothing() {
    check(0, |corpus, _| {
        let messages = corpus.messages.iter().map(|octets| Message::new(octets));
        let records = messages.flat_map(|message| message.unwrap().records().unwrap());
        assert_eq!(records.filter(Result::is_ok).count(), corpus.records);
    });
}

#[test]
fn unpacking_allocates_nothing() {
    let mut unpacker = Unpacker::new();
    check(0, |corpus, _| {
        let mut records = 0;
        for octets in &corpus.messages {
            let mut answers = unpacker.answers(Message::new(octets).unwrap()).unwrap();
            while answers.next_record().unwrap().is_some() {
                records += 1;
            }
        }
        assert_eq!(records, corpus.records);
    });
}

#[test]
fn unpacking_one_by_one_allocates_nothing() {
    let mut unpacker = Unpacker::new();
    check(0, |corpus, _| {
        for octets in &corpus.messages {
            for item in Message::new(octets).unwrap().records().unwrap() {
                unpacker.unpack(item.unwrap().1).unwrap();
            }
        }
    });
}

#[test]
fn writing_allocates_nothing() {
    let (mut octets, mut compressor) = (Vec::new(), Compressor::new());
    for limit in [16 * 1024, 65_535] {
        check(0, |_, zone| {
            let mut rest = zone.iter().peekable();
            while rest.peek().is_some() {
                let mut writer = MessageWriter::new(&mut octets, limit, &mut compressor);
                let mut write =
                    |record: &RecordBuf| writer.record(Section::Answer, &record.as_record());
                while rest.next_if(|record| write(record).is_ok()).is_some() {}
                writer.finish();
            }
        });
    }
}

#[test]
fn printing_allocates_nothing() {
    let mut line = Vec::new();
    check(0, |_, zone| {
        for record in zone {
            line.clear();
            text::write_record(&record.as_record(), &mut line);
        }
    });
}

/// A reader is made for a file, and its memory with it; none of that grows with the records.
#[test]
fn reading_text_allocates_for_the_file_and_not_for_its_records() {
    for corpus in corpora(5_000) {
        let read = |records: &[RecordBuf]| {
            let mut file = Vec::new();
            for record in records {
                text::write_record(&record.as_record(), &mut file);
                file.push(b'\n');
            }
            allocations(&mut || {
                let mut reader = Reader::new(&file[..], Name::ROOT);
                let mut read = 0;
                while reader.next_record().unwrap().is_some() {
                    read += 1;
                }
                assert_eq!(read, records.len());
            })
        };
        let zone = records(&corpus);
        let (half, whole) = (read(&zone[..zone.len() / 2]), read(&zone));
        assert!(whole <= half + 2 && half < 30, "{half}, {whole}"); // 2: memory grown by a longer line
    }
}

/// One zone, whatever is asked for.
struct Single(Zone);

impl Zones for Single {
    fn enclosing(&self, _: Name<'_>) -> Option<Holding> {
        Some(Holding::Served(self.0.clone()))
    }

    fn zone(&self, apex: Name<'_>) -> Option<Holding> {
        (apex == self.0.apex()).then(|| Holding::Served(self.0.clone()))
    }
}

#[test]
fn answering_allocates_nothing() {
    let lines = [
        "@ 300 SOA ns mail 7 3600 600 86400 300",
        "@ 300 NS ns",
        "ns 300 A 192.0.2.1",
        "alias 300 CNAME ns",
        "host.wild 300 A 192.0.2.3",
        "sub 300 NS ns1.sub",
        "sub 300 NS ns2.SUB",
        "sub 300 NS ns",
        "sub 300 NS ns.example.net.",
        "ns1.sub 300 A 192.0.2.2",
        "ns2.sub 300 AAAA 2001:db8::2\n",
    ];
    let lines = lines.join("\n");
    let apex: NameBuf = "example.org".parse().unwrap();
    let mut reader = Reader::new(lines.as_bytes(), apex.as_name());
    let mut builder = ZoneBuilder::new(apex.as_name(), ZoneLimits::default(), Checks::Strict);
    builder
        .begin(&reader.next_record().unwrap().unwrap())
        .unwrap();
    while let Some(record) = reader.next_record().unwrap() {
        builder.add(&record).unwrap();
    }
    let zone = builder.finish().unwrap().0;
    let responder = Responder::new(Arc::new(Single(zone)), Config::default());
    let peer = Peer {
        address: "192.0.2.9:53000".parse().unwrap(), // so that its rate is counted too
        transport: Transport::Udp,
    };
    let (mut worker, mut out) = (responder.worker(), Vec::new());
    for (name, records) in [
        ("ns", 1),
        ("alias", 2),
        ("wild", 1),
        ("www.sub", 7),
        ("missing", 1),
    ] {
        for dnssec in [false, true] {
            let request = request(&format!("{name}.example.org"), dnssec);
            let mut answer = || {
                let action = worker.respond(&request, peer, 1_800_000_000, &mut out);
                assert!(matches!(action, Action::Reply));
            };
            (0..3).for_each(|_| answer()); // memory that takes turns grows in turn
            assert_eq!(allocations(&mut answer), 0, "{name}, {dnssec}");
            let header = Message::new(&out).unwrap().header();
            let held = header.answers + header.authorities + header.additionals;
            assert!(usize::from(held) >= records, "{name}: {held} records");
        }
    }
}

fn request(name: &str, dnssec: bool) -> Vec<u8> {
    let name: NameBuf = name.parse().unwrap();
    let (mut octets, mut compressor) = (Vec::new(), Compressor::new());
    let mut writer = MessageWriter::new(&mut octets, 512, &mut compressor);
    writer
        .question(name.as_name(), Rtype::A, Class::IN)
        .unwrap();
    if dnssec {
        let opt = OptRepr {
            do_bit: true,
            ..OptRepr::default()
        };
        writer.opt(&opt).unwrap();
    }
    writer.finish();
    octets
}
