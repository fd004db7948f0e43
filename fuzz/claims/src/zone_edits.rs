//! A zone that is built, patched, and patched back is what a plain map says it is.

use std::collections::{BTreeMap, BTreeSet};

use zonekit_store::{Checks, Diff, EditError, Zone, ZoneBuilder, ZoneLimits, ZonePatch};
use zonekit_wire::{Class, Name, NameBuf, RecordBuf, Rtype};

/// The octets are operations: records to build a zone of, then steps that remove and add. Versions follow a plain map,
/// what is not there cannot be removed, what is there cannot be added, and differences lead from each version to the next.
pub fn zone_edits(octets: &[u8]) {
    let mut script = Script(octets);
    let mut model = Model::new();
    let mut builder = ZoneBuilder::new(apex().as_name(), ZoneLimits::default(), Checks::Lenient);
    builder.begin(&soa(1).as_record()).expect("an SOA");
    while let Some((does, record)) = script.next()
        && does != Does::Commit
    {
        builder.add(&record.as_record()).expect("no limit in reach");
        insert(&mut model, &record);
    }
    let (mut zone, _) = builder.finish().expect("nothing is checked");
    assert_eq!(lines(&zone), expected(&model, 1));

    let (first, mut way) = (zone.clone(), Vec::new());
    for serial in 1.. {
        let (next, to) = (model.clone(), serial + 1);
        let Some(step) = Step::read(&mut script, next) else {
            return;
        };
        match step.carry_out(&zone, serial) {
            Err(error) => assert!(
                step.fails
                    && matches!(
                        error,
                        EditError::NotThere { .. } | EditError::AlreadyThere { .. }
                    ),
                "{error}"
            ),
            Ok((next, difference)) => {
                assert!(!step.fails);
                assert_eq!(lines(&next), expected(&step.model, to));
                check(&zone, &next, &difference);
                way.push(difference);
                let condensed = Diff::condensed(&way).expect("they follow one another");
                let led_to = condensed.apply(&first).expect("its own");
                assert_eq!(without_ttls(&led_to), without_ttls(&next));
                (zone, model) = (next, step.model);
                continue;
            }
        }
        return;
    }
}

/// All ways from one version to the other come out the same.
fn check(old: &Zone, new: &Zone, difference: &Diff) {
    assert_eq!(lines(&difference.apply(old).expect("its own")), lines(new));
    let between = Diff::between(old, new);
    let decoded = Diff::decode(between.encode()).expect("what we encoded");
    assert_eq!(decoded, between);
    assert_eq!(lines(&between.apply(old).expect("its own")), lines(new));
    let back = Diff::between(new, old);
    assert_eq!(lines(&back.apply(new).expect("its own")), lines(old));
    let loaded = Zone::from_pages(new.apex(), new.pages().cloned()).expect("its own pages");
    assert_eq!(lines(&loaded), lines(new));
    assert_eq!(loaded.record_count(), lines(new).len() as u64);
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Does {
    Add,
    Remove,
    Commit,
}

/// One step from a version to the next, and what becomes of the map.
struct Step {
    removed: Vec<RecordBuf>,
    added: Vec<RecordBuf>,
    model: Model,
    /// Whether something is removed that is not there, or added that is.
    fails: bool,
}

impl Step {
    fn read(script: &mut Script<'_>, model: Model) -> Option<Self> {
        let mut step = Self {
            removed: Vec::new(),
            added: Vec::new(),
            model,
            fails: false,
        };
        loop {
            match script.next() {
                None if step.removed.is_empty() && step.added.is_empty() => return None,
                None | Some((Does::Commit, _)) => return Some(step),
                // A step removes first.
                Some((Does::Remove, record)) if step.added.is_empty() => {
                    step.fails |= !remove(&mut step.model, &record);
                    step.removed.push(record);
                }
                Some((_, record)) => {
                    step.fails |= has(&step.model, &record);
                    insert(&mut step.model, &record);
                    step.added.push(record);
                }
            }
        }
    }

    fn carry_out(&self, zone: &Zone, serial: u32) -> Result<(Zone, Diff), EditError> {
        let mut patch = ZonePatch::new(zone, ZoneLimits::default(), Checks::Lenient);
        patch.step(&soa(serial).as_record())?;
        for record in &self.removed {
            patch.remove(&record.as_record())?;
        }
        patch.reach(&soa(serial + 1).as_record())?;
        for record in &self.added {
            patch.add(&record.as_record())?;
        }
        patch
            .finish()
            .map(|(zone, difference, _)| (zone, difference))
    }
}

/// Operations of four octets each: what to do, owner, type and TTL, RDATA.
struct Script<'s>(&'s [u8]);

impl Script<'_> {
    fn next(&mut self) -> Option<(Does, RecordBuf)> {
        let (&[does, owner, kind, data], rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        let does = match does % 8 {
            0 => Does::Commit,
            1..=3 => Does::Remove,
            _ => Does::Add,
        };
        let (rtype, rdata) = match kind % 8 {
            0 => (Rtype::A, vec![192, 0, 2, data]),
            1 => (Rtype::NS, vec![1, b"aAbB"[usize::from(data % 4)], 0]),
            2 => (Rtype::TXT, [&[data][..], &vec![b'x'; data.into()]].concat()),
            3 => {
                let size = if data > 250 { 5000 } else { data.into() }; // more than a page, or less
                (Rtype(65_280), vec![data; size])
            }
            4 => (Rtype::DNAME, vec![1, b"aAbB"[usize::from(data % 4)], 0]),
            5 => {
                let front = [&[0, data % 3][..], &[13, 1], &[0; 14]].concat();
                (Rtype::RRSIG, [&front[..], &[0, data]].concat())
            }
            6 => (Rtype::NSEC3, vec![1, 0, 0, 0, 0, 1, data]),
            _ => (Rtype::CNAME, vec![1, b"aAbB"[usize::from(data % 4)], 0]),
        };
        let record = RecordBuf {
            owner: owner_of(owner),
            rtype,
            class: Class::IN,
            ttl: u32::from(kind >> 3) + 1,
            rdata,
        };
        Some((does, record))
    }
}

/// Few names, near each other: at the apex, below it, below one another, in both cases, and outside.
fn owner_of(octet: u8) -> NameBuf {
    let mut name = apex();
    if octet == u8::MAX {
        return "outside".parse().expect("a name");
    }
    let labels = [
        &b""[..],
        b"a",
        b"A",
        b"b",
        b"*",
        b"\0",
        b"\x01\x02",
        b"longer-than-the-others",
    ];
    for place in [octet & 7, octet >> 3 & 7, octet >> 6] {
        let label = labels[usize::from(place)];
        if !label.is_empty() {
            name.prepend_label(label).expect("short names");
        }
    }
    name
}

/// RRsets by owner, type and (of RRSIGs) type covered: their TTL and RDATA. That is in lower case, as no RDATA here has
/// letters outside its names.
type Model = BTreeMap<(NameBuf, u16, Option<[u8; 2]>), (u32, BTreeSet<Vec<u8>>)>;

fn set_of(record: &RecordBuf) -> (NameBuf, u16, Option<[u8; 2]>) {
    let covered = record.rdata.first_chunk().copied();
    let covered = covered.filter(|_| record.rtype == Rtype::RRSIG);
    (record.owner.clone(), record.rtype.0, covered)
}

fn is_inside(record: &RecordBuf) -> bool {
    record.owner.as_name().is_at_or_below(apex().as_name())
}

fn has(model: &Model, record: &RecordBuf) -> bool {
    let rdata = record.rdata.to_ascii_lowercase();
    model
        .get(&set_of(record))
        .is_some_and(|(_, rdatas)| rdatas.contains(&rdata))
}

/// Adds a record unless it is there or outside; its set gets the lowest of all TTLs (RFC 2181 §5.2).
fn insert(model: &mut Model, record: &RecordBuf) {
    if is_inside(record) {
        let (ttl, rdatas) = model
            .entry(set_of(record))
            .or_insert((u32::MAX, BTreeSet::new()));
        *ttl = record.ttl.min(*ttl);
        rdatas.insert(record.rdata.to_ascii_lowercase());
    }
}

/// Removes a record; false if there is none inside the zone.
fn remove(model: &mut Model, record: &RecordBuf) -> bool {
    let key = set_of(record);
    let Some((_, rdatas)) = model.get_mut(&key) else {
        return !is_inside(record);
    };
    let was_there = rdatas.remove(&record.rdata.to_ascii_lowercase());
    if rdatas.is_empty() {
        model.remove(&key);
    }
    was_there
}

/// All records of the map, and the SOA.
fn expected(model: &Model, serial: u32) -> Vec<(NameBuf, u16, u32, Vec<u8>)> {
    let soa = soa(serial);
    let mut all = vec![(
        soa.owner,
        soa.rtype.0,
        soa.ttl,
        soa.rdata.to_ascii_lowercase(),
    )];
    for ((owner, rtype, _), (ttl, rdatas)) in model {
        let records = rdatas
            .iter()
            .map(|rdata| (owner.clone(), *rtype, *ttl, rdata.clone()));
        all.extend(records);
    }
    all.sort();
    all
}

/// All records of a zone, in an order of their own.
fn lines(zone: &Zone) -> Vec<(NameBuf, u16, u32, Vec<u8>)> {
    let mut all = Vec::new();
    let mut records = zone.iter();
    while let Some(record) = records.next() {
        let rdata = record.rdata.to_ascii_lowercase();
        all.push((record.owner.to_buf(), record.rtype.0, record.ttl, rdata));
    }
    all.sort();
    all
}

/// The same without TTLs: RRsets here have several, and what is left out on the way may have lowered those of the rest.
fn without_ttls(zone: &Zone) -> Vec<(NameBuf, u16, Vec<u8>)> {
    let lines = lines(zone).into_iter();
    let mut all: Vec<_> = lines
        .map(|(owner, rtype, _, rdata)| (owner, rtype, rdata))
        .collect();
    all.sort();
    all
}

fn apex() -> NameBuf {
    "example.org".parse().expect("a name")
}

fn soa(serial: u32) -> RecordBuf {
    let names: [&[u8]; 2] = [Name::ROOT.as_octets(), Name::ROOT.as_octets()];
    let rdata = [&names.concat()[..], &serial.to_be_bytes(), &[0; 16]].concat();
    RecordBuf {
        owner: apex(),
        rtype: Rtype::SOA,
        class: Class::IN,
        ttl: 3600,
        rdata,
    }
}
