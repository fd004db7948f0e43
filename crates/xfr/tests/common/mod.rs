//! What the tests share: scripted primaries, a world without sockets for them, and a copy of a zone that takes changes.

#![allow(
    dead_code,
    unused_imports,
    unreachable_pub,
    reason = "every test file uses a part of this"
)]

#[path = "../../../../fuzz/claims/src/streams.rs"]
pub mod claims;
mod world;

pub use world::{World, primaries};
pub use zonekit_script::{
    Act, Asked, Door, HELD, Host, Reply, STEPS, ZONE, axfr, failure, framed, message, one_by_one,
    rr, rr_of, rrs, soa, soa_buf, unix_now, zone,
};

use std::collections::{BTreeMap, BTreeSet};

use zonekit_wire::{NameBuf, Record, RecordBuf, Soa};
use zonekit_xfr::{Apply, Change};

/// A copy of a zone: takes changes as strictly as a store does, shows what was committed.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Copy {
    pub serial: Option<u32>,
    pub records: BTreeSet<String>,
    pub pending: Option<(Option<u32>, BTreeSet<String>)>,
    pub replaces: bool,
    pub commits: usize,
    pub abandoned: usize,
    pub up_to_date: usize,
    /// Refuses to commit zones without an NS at the apex.
    pub is_strict: bool,
    /// What was added, as it was sent.
    pub sent: BTreeMap<String, RecordBuf>,
}

impl Copy {
    pub fn of(serial: u32, records: &[&str]) -> Self {
        Self::of_zone(&zone(), serial, records)
    }

    /// As [`of`](Self::of), of another zone.
    pub fn of_zone(zone: &NameBuf, serial: u32, records: &[&str]) -> Self {
        let records = records.iter().map(|text| rr_of(zone, text));
        let sent: BTreeMap<_, _> = { records }
            .map(|record| (key(&record.as_record()), record))
            .collect();
        Self {
            serial: Some(serial),
            records: sent.keys().cloned().collect(),
            sent,
            ..Self::default()
        }
    }

    /// The records beside the SOA as they were sent.
    pub fn as_sent(&self) -> Vec<RecordBuf> {
        let sent = |key| self.sent[key].clone();
        self.records.iter().map(sent).collect()
    }

    pub fn has(&self, text: &str) -> bool {
        self.records.contains(&key(&rr(text).as_record()))
    }

    /// Only the SOA and these records.
    pub fn is(&self, serial: u32, texts: &[&str]) -> bool {
        self.serial == Some(serial)
            && self.records
                == texts
                    .iter()
                    .map(|text| key(&rr(text).as_record()))
                    .collect::<BTreeSet<_>>()
    }
}

/// How a record is known in a [`Copy`]: never by its TTL, names without case.
fn key(record: &Record<'_>) -> String {
    let owner = record.owner.to_string().to_ascii_lowercase();
    format!("{owner} {} {:02x?}", record.rtype, record.rdata)
}

#[derive(Debug, Eq, PartialEq, thiserror::Error)]
pub enum CopyError {
    #[error("removes a record that is not there")]
    Missing,
    #[error("adds a record that is there")]
    Present,
    #[error("differences do not start from this version")]
    Base,
    #[error("no NS at the apex")]
    NoNs,
}

impl Apply for Copy {
    type Error = CopyError;

    fn apply(&mut self, change: Change<'_>) -> Result<(), CopyError> {
        let serial = |record: Record<'_>| Some(Soa::read(record.rdata).unwrap().serial.0);
        match change {
            Change::Replace(soa) => {
                self.replaces = true;
                self.pending = Some((serial(soa), BTreeSet::new()));
            }
            Change::Step(soa) => {
                let base = || (self.serial, self.records.clone());
                let pending = self.pending.get_or_insert_with(base);
                if pending.0 != serial(soa) {
                    return Err(CopyError::Base);
                }
            }
            Change::Reach(soa) => self.pending.as_mut().unwrap().0 = serial(soa),
            Change::Remove(record) => {
                let (_, pending) = self.pending.as_mut().unwrap();
                if !pending.remove(&key(&record)) {
                    return Err(CopyError::Missing);
                }
            }
            Change::Add(record) => {
                let (_, pending) = self.pending.as_mut().unwrap();
                self.sent.insert(key(&record), record.to_buf());
                if !pending.insert(key(&record)) && !self.replaces {
                    return Err(CopyError::Present);
                }
            }
            Change::Commit => {
                let (serial, records) = self.pending.take().unwrap();
                let apex = format!("{ZONE}. NS ");
                if self.is_strict && !records.iter().any(|record| record.starts_with(&apex)) {
                    return Err(CopyError::NoNs);
                }
                (self.serial, self.records) = (serial, records);
                self.commits += 1;
                self.replaces = false;
            }
            Change::UpToDate => self.up_to_date += 1,
            _ => unreachable!(),
        }
        Ok(())
    }

    fn abandon(&mut self) {
        self.pending = None;
        self.replaces = false;
        self.abandoned += 1;
    }
}
