//! Visits, under a made-up clock and without sockets.

#[path = "../common/mod.rs"]
mod common;
mod datagrams;
mod edns;
mod expire;
mod ixfr;
mod keys;
mod limits;
mod primaries;
mod serials;
mod visit;

use std::slice;
use std::time::Duration;

use common::{Copy, HELD, Host, World, primaries, rrs, soa_buf, zone};
use zonekit_wire::RecordBuf;
use zonekit_xfr::TransferKind::{Axfr, Ixfr};
use zonekit_xfr::{ErrorKind, Exchange, Outcome, Report, TransferKind, Visit, VisitError};

const NOW: u64 = 1_700_000_000;
const SECOND: Duration = Duration::from_secs(1);

/// Visits these hosts, nothing held.
fn first(hosts: &[Host]) -> (Report, Copy, World) {
    run(
        hosts,
        Visit::new(zone(), primaries(hosts.len())),
        Copy::default(),
    )
}

/// Visits these hosts, serial 1 held with the records of [`HELD`].
fn again(hosts: &[Host]) -> (Report, Copy, World) {
    run(hosts, held(hosts), Copy::of(1, &HELD))
}

fn held(hosts: &[Host]) -> Visit {
    Visit {
        held: Some(soa_buf(1)),
        held_records: 5,
        ..Visit::new(zone(), primaries(hosts.len()))
    }
}

fn run(hosts: &[Host], visit: Visit, mut copy: Copy) -> (Report, Copy, World) {
    let mut world = World::new(hosts);
    let mut exchange = Exchange::new(visit, world.now, NOW, 1);
    let report = world.run(&mut exchange, &mut copy);
    (report, copy, world)
}

/// From serial 1 to this one.
fn step_to(serial: u32) -> Vec<RecordBuf> {
    let to = format!("@ SOA {serial}");
    rrs(&[&to, "@ SOA 1", "old TXT old", &to, "new TXT new", &to])
}

fn taken(kind: TransferKind, serial: u32, primary: usize) -> Outcome {
    let serial = zonekit_wire::Serial(serial);
    Outcome::Transferred {
        kind,
        serial,
        primary,
    }
}

fn kind(report: &Report, primary: usize) -> Option<ErrorKind> {
    report.primaries[primary]
        .error
        .as_ref()
        .map(VisitError::kind)
}

/// What a primary answers to a question.
type Answers = fn(&[u8]) -> Vec<u8>;
