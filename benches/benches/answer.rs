//! How long an answer takes, from the octets of the request to those of the answer, without sockets.
//!
//!     cargo bench -p benches --bench answer
//!
//! Ids are `answer/zone/kind`; the zone is the root as it was on 19 October 2020. `referral` names six servers of `org`,
//! all with glue; `+do` asks for proofs and signatures too.

use std::{fs, hint::black_box, sync::Arc};

use criterion::{Criterion, criterion_group, criterion_main};
use zonekit_serve::{Action, Config, Holding, Peer, Responder, Transport, Zones};
use zonekit_store::{Checks, Zone, ZoneBuilder, ZoneLimits};
use zonekit_wire::{
    Class, Compressor, Message, MessageWriter, Name, NameBuf, OptRepr, Rcode, Rtype, master,
};

const ROOT_ZONE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/data/root.zone");
const NOW: u64 = 1_800_000_000;

/// The root and nothing else.
struct Root(Zone);

impl Zones for Root {
    fn enclosing(&self, _: Name<'_>) -> Option<Holding> {
        Some(Holding::Served(self.0.clone()))
    }

    fn zone(&self, apex: Name<'_>) -> Option<Holding> {
        apex.is_root().then(|| Holding::Served(self.0.clone()))
    }
}

impl Root {
    fn load() -> Self {
        let text = fs::read(ROOT_ZONE).unwrap();
        let mut reader = master::Reader::new(&text[..], Name::ROOT);
        let mut builder = ZoneBuilder::new(Name::ROOT, ZoneLimits::default(), Checks::Strict);
        builder
            .begin(&reader.next_record().unwrap().unwrap())
            .unwrap();
        while let Some(record) = reader.next_record().unwrap() {
            builder.add(&record).unwrap();
        }
        Self(builder.finish().unwrap().0)
    }
}

fn request(name: &str, rtype: Rtype, dnssec: bool) -> Vec<u8> {
    let name: NameBuf = name.parse().unwrap();
    let (mut octets, mut compressor) = (Vec::new(), Compressor::new());
    let mut writer = MessageWriter::new(&mut octets, 512, &mut compressor);
    writer.question(name.as_name(), rtype, Class::IN).unwrap();
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

fn answer(c: &mut Criterion) {
    let responder = Responder::new(Arc::new(Root::load()), Config::default());
    let peer = Peer {
        address: "192.0.2.1:53000".parse().unwrap(),
        transport: Transport::Udp,
    };
    let mut group = c.benchmark_group("answer/root");
    for (id, name, rtype, dnssec, rcode) in [
        ("apex", ".", Rtype::SOA, false, Rcode::NOERROR),
        ("priming", ".", Rtype::NS, false, Rcode::NOERROR),
        (
            "referral",
            "www.example.org",
            Rtype::A,
            false,
            Rcode::NOERROR,
        ),
        (
            "referral+do",
            "www.example.org",
            Rtype::A,
            true,
            Rcode::NOERROR,
        ),
        ("nxdomain", "host.invalid", Rtype::A, false, Rcode::NXDOMAIN),
        (
            "nxdomain+do",
            "host.invalid",
            Rtype::A,
            true,
            Rcode::NXDOMAIN,
        ),
    ] {
        let request = request(name, rtype, dnssec);
        let (mut worker, mut out) = (responder.worker(), Vec::new());
        let action = worker.respond(&request, peer, NOW, &mut out);
        assert!(matches!(action, Action::Reply));
        assert_eq!(Message::new(&out).unwrap().header().rcode, rcode, "{id}");
        group.bench_function(id, |b| {
            b.iter(|| {
                worker.respond(black_box(&request), peer, NOW, &mut out);
                out.len()
            });
        });
    }
    group.finish();
}

criterion_group!(benches, answer);
criterion_main!(benches);
