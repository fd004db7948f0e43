//! What the whole secondary does with what it is sent, by scripted primaries: rows of the table, NOTIFY, and crowds.

mod crowds;
mod live;
mod notify;
mod refusals;
mod rows;
#[path = "../support/mod.rs"]
mod support;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use support::{Api, Settings, TOKEN};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use zonekit_script::{Act, Ask, Host};
use zonekit_secondary::{Config, Secondary};
use zonekit_wire::{RecordBuf, Rtype, Soa};
use zonekit_xfr::Client;

/// A secondary inside the process of the test.
struct Inside {
    runtime: Runtime,
    dns: SocketAddr,
    api: Api,
    _node: Secondary,
    _directory: TempDir,
}

impl Inside {
    fn start(settings: &Settings<'_>) -> Self {
        let directory = TempDir::new().unwrap();
        let runtime = Runtime::new().unwrap();
        let path = settings.write(directory.path());
        let starting = Secondary::start(Config::load(&path).unwrap());
        let node = runtime.block_on(starting).unwrap();
        Self {
            dns: node.dns_addresses()[0],
            api: Api::new(node.http_address().unwrap(), TOKEN),
            runtime,
            _node: node,
            _directory: directory,
        }
    }

    /// What it hands out of the zone: the serial, and the records beside the SOA.
    fn held(&self, zone: &str) -> Option<(u32, Vec<RecordBuf>)> {
        self.runtime.block_on(async {
            let mut transfer = Client::new(self.dns).axfr(zone).await.ok()?;
            let mut records = Vec::new();
            while let Some(record) = transfer.next().await.ok()? {
                records.push(record.to_buf());
            }
            let soa = records.remove(0);
            Some((Soa::read(&soa.rdata).ok()?.serial.0, records))
        })
    }

    fn serial(&self, zone: &str) -> Option<u32> {
        self.held(zone).map(|(serial, _)| serial)
    }
}

/// A primary of any zone with the serial of the moment, by AXFR only.
fn well(serial: &Arc<AtomicU32>) -> Host {
    let answer = |rtype: Rtype| {
        let serial = Arc::clone(serial);
        move |request: &[u8]| {
            let ask = Ask::new(request);
            let whole = ask.zone(serial.load(Ordering::SeqCst));
            let records = if rtype == Rtype::SOA {
                &whole[..1]
            } else {
                &whole[..]
            };
            vec![Act::Say(ask.message(records))]
        }
    };
    let mut host = Host::silent().udp(Rtype::SOA, answer(Rtype::SOA));
    for rtype in [Rtype::SOA, Rtype::AXFR, Rtype::IXFR] {
        host = host.tcp(rtype, answer(rtype));
    }
    host
}
