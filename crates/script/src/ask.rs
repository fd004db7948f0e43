//! A question, and what is at hand to answer it with, whatever zone it is about.

use zonekit_wire::{Message, NameBuf, RecordBuf};

use crate::record::{WHOLE, axfr_of, rr_of};
use crate::reply::{Reply, message, one_by_one};

/// A question that came.
#[derive(Clone, Debug)]
pub struct Ask<'r> {
    pub request: &'r [u8],
    /// The zone that it asks for.
    pub zone: NameBuf,
}

impl<'r> Ask<'r> {
    pub fn new(request: &'r [u8]) -> Self {
        let question = Message::new(request).unwrap().question().unwrap().unwrap();
        let zone = question.name.to_buf();
        Self { request, zone }
    }

    /// A record of the zone, as [`rr`](crate::rr) reads it.
    pub fn rr(&self, text: &str) -> RecordBuf {
        rr_of(&self.zone, text)
    }

    pub fn rrs(&self, texts: &[&str]) -> Vec<RecordBuf> {
        texts.iter().map(|text| self.rr(text)).collect()
    }

    pub fn soa(&self, serial: u32) -> RecordBuf {
        self.rr(&format!("@ SOA {serial}"))
    }

    /// The small zone with this serial, as AXFR sends it.
    pub fn zone(&self, serial: u32) -> Vec<RecordBuf> {
        axfr_of(&self.zone, serial, &WHOLE)
    }

    /// An answer without records.
    pub fn reply(&self) -> Reply {
        Reply::to(self.request)
    }

    /// One message with all of these.
    pub fn message(&self, records: &[RecordBuf]) -> Vec<u8> {
        message(self.request, records)
    }

    /// One message for each of these, the question in the first only.
    pub fn one_by_one(&self, records: &[RecordBuf]) -> Vec<Vec<u8>> {
        one_by_one(self.request, records)
    }
}
