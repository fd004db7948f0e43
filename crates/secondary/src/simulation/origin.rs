//! What is true: the versions of a zone, and which primary has which.

use zonekit_store::Zone;
use zonekit_tsig::Key;
use zonekit_wire::{Class, NameBuf, RecordBuf, Rtype, Serial, SoaBuf};

use super::random::Random;

/// Hosts that records may be of, and addresses that each may have.
const HOSTS: usize = 6;
const ADDRESSES: u8 = 3;

/// A version of the zone.
pub(super) struct Version {
    pub(super) soa: SoaBuf,
    pub(super) soa_record: RecordBuf,
    /// All but the SOA, in an order of their own.
    pub(super) records: Vec<RecordBuf>,
    /// Whether a primary has ever had it.
    pub(super) was_had: bool,
}

/// All versions that there have been, the newest last. No serial is there twice: nobody could tell such versions apart.
pub(super) struct Origin {
    apex: NameBuf,
    all: Vec<RecordBuf>,
    pub(super) versions: Vec<Version>,
}

impl Origin {
    pub(super) fn new(apex: &NameBuf, random: &mut Random) -> Self {
        let a = |host: usize, address: u8| RecordBuf {
            owner: format!("h{host}.{apex}").parse().unwrap(),
            rtype: Rtype::A,
            class: Class::IN,
            ttl: 300,
            rdata: vec![192, 0, 2, address],
        };
        let all = (0..HOSTS).flat_map(|host| (0..ADDRESSES).map(move |address| a(host, address)));
        let mut origin = Self {
            all: all.collect(),
            apex: apex.clone(),
            versions: Vec::new(),
        };
        let first = random.pick(&[1, 7, u32::MAX - 2, u32::MAX, (1 << 31) - 1]);
        origin.add(Serial(first), random);
        origin
    }

    pub(super) fn newest(&self) -> &Version {
        &self.versions[self.versions.len() - 1]
    }

    /// Makes another version: a little newer, a lot, or by its serial an older one.
    pub(super) fn advance(&mut self, random: &mut Random) {
        let Serial(last) = self.newest().soa.serial;
        let step = match random.below(20) {
            0 => (1 << 31) - 1,
            1 => 1 << 30,
            2 => 0_u32.wrapping_sub(1 + random.below(1000) as u32),
            3 => 1 << 31, // neither newer nor older
            _ => 1 + random.below(3) as u32,
        };
        let mut serial = last.wrapping_add(step);
        while { self.versions.iter() }.any(|version| version.soa.serial.0 == serial) {
            serial = serial.wrapping_add(1);
        }
        self.add(Serial(serial), random);
    }

    fn add(&mut self, serial: Serial, random: &mut Random) {
        let soa = SoaBuf {
            mname: self.apex.clone(),
            rname: self.apex.clone(),
            serial,
            refresh: random.pick(&[1, 300, 300, 600, 1800]),
            retry: random.pick(&[1, 60, 60, 300]),
            expire: random.pick(&[1, 600, 1800, 7200]),
            minimum: 60,
        };
        let mut rdata = Vec::new();
        soa.as_soa().write(&mut rdata);
        let at_apex = |rtype, rdata| RecordBuf {
            owner: self.apex.clone(),
            rtype,
            class: Class::IN,
            ttl: 300,
            rdata,
        };
        let soa_record = at_apex(Rtype::SOA, rdata);
        let mut records = match self.versions.last() {
            Some(last) => last.records.clone(),
            None => vec![at_apex(Rtype::NS, b"\x02ns\0".to_vec())],
        };
        for _ in 0..=random.below(4) {
            let change = &self.all[random.below(self.all.len())];
            match records.iter().position(|record| record == change) {
                Some(place) => drop(records.remove(place)),
                None => records.push(change.clone()),
            }
        }
        self.versions.push(Version {
            soa,
            soa_record,
            records,
            was_had: false,
        });
    }

    /// What went and what came from one version to another.
    pub(super) fn difference(&self, from: usize, to: usize) -> [Vec<RecordBuf>; 2] {
        let without = |these: &[RecordBuf], those: &[RecordBuf]| {
            let left = these.iter().filter(|record| !those.contains(record));
            left.cloned().collect()
        };
        let [from, to] = [from, to].map(|version| &self.versions[version].records[..]);
        [without(from, to), without(to, from)]
    }

    /// A record that a version does not have.
    pub(super) fn absent(&self, version: usize) -> RecordBuf {
        let records = &self.versions[version].records;
        let absent = self.all.iter().find(|record| !records.contains(record));
        absent.unwrap_or(&self.all[0]).clone()
    }

    /// Which version a zone is, record by record.
    pub(super) fn identify(&self, zone: &Zone) -> Result<usize, String> {
        let mut found = Vec::new();
        let mut records = zone.iter();
        while let Some(record) = records.next() {
            found.push(record.to_buf());
        }
        let serial = zone.serial();
        let place = { self.versions.iter() }.position(|version| version.soa.serial == serial);
        let place = place.ok_or_else(|| format!("there never was a serial {}", serial.0))?;
        let version = &self.versions[place];
        let has = |record: &RecordBuf| found.contains(record);
        let is_it = found.len() == version.records.len() + 1
            && version.records.iter().all(has)
            && has(&version.soa_record);
        if !is_it {
            let lines: Vec<String> = found.iter().map(ToString::to_string).collect();
            return Err(format!(
                "serial {} never had these records: {lines:#?}",
                serial.0
            ));
        }
        if !version.was_had {
            return Err(format!("no primary ever had serial {}", serial.0));
        }
        Ok(place)
    }
}

/// A server, whatever zones it has.
pub(super) struct Host {
    pub(super) health: Health,
    pub(super) edns: Edns,
    /// How many seconds its clock is ahead.
    pub(super) skew: i64,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Health {
    Up,
    /// Hears nothing and says nothing.
    Gone,
    /// Nobody listens.
    Closed,
    /// Its own copies have expired: SERVFAIL.
    Expired,
}

/// What a server makes of EDNS.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Edns {
    Known,
    /// FORMERR, or NOTIMP.
    Refused,
    /// Datagrams that have it are lost on the way.
    Lost,
}

/// A zone at one server.
#[derive(Default)]
pub(super) struct Copy {
    /// The versions that it can tell the differences of; the last is the one it has.
    pub(super) history: Vec<usize>,
    /// What it takes questions signed with, beside those without signature.
    pub(super) keys: Vec<Key>,
}

impl Copy {
    /// Has the newest version from now on.
    pub(super) fn adopt(&mut self, origin: &mut Origin) {
        let newest = origin.versions.len() - 1;
        let serial = |version: usize| origin.versions[version].soa.serial;
        match self.history.last() {
            Some(&last) if last == newest => return,
            // No difference leads to a lower serial.
            Some(&last) if !serial(newest).is_newer_than(serial(last)) => self.history.clear(),
            _ => {}
        }
        self.history.push(newest);
        origin.versions[newest].was_had = true;
    }
}
