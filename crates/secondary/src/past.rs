//! What was: the last visits of a zone, and what is known of it and its primaries, in as few octets as can be.
//!
//! In memory all of it is kept as it lies in the file: most zones are never looked at, and there may be hundreds of thousands.
//! Texts that come again among the visits (addresses, failures) stand there once:
//!
//! ```text
//!  Visits:  count, texts · count, visits, oldest first
//!  Past:    version · times, failures · count, primaries with what is remembered of them · Visits
//! ```

use std::net::SocketAddr;

use zonekit_model::{
    Failure, PrimaryOutcome, PrimaryStatus, Timestamp, TransferFigures, TransferKind, VisitCause,
    VisitOutcome, VisitRecord, ZoneStatus,
};
use zonekit_xfr::Memory;

use crate::octets::{Reader, Writer};

/// The form of a [`Past`]; another is not read.
const VERSION: u64 = 1;
/// Octets that the visits of a zone take, at most: the oldest go.
const MOST: usize = 1_000;
/// Characters of a failure's text that are kept.
const TEXT: usize = 300;

/// The last visits of a zone, at most [`ZoneStatus::HISTORY`].
#[derive(Clone, Debug, Default)]
pub(crate) struct Visits(Box<[u8]>);

impl Visits {
    /// Adds a visit; the oldest go where there are too many.
    pub(crate) fn add(&mut self, visit: VisitRecord) {
        let mut all = self.all();
        all.push(visit);
        let surplus = all.len().saturating_sub(ZoneStatus::HISTORY);
        let mut kept = all.get(surplus..).unwrap_or_default();
        loop {
            let octets = write_visits(kept);
            match kept.split_first() {
                Some((_, rest)) if octets.len() > MOST && !rest.is_empty() => {
                    // By about as many as are too much.
                    let each = octets.len() / kept.len();
                    let surplus = (octets.len() - MOST) / each.max(1);
                    kept = rest.get(surplus.min(rest.len() - 1)..).unwrap_or(rest);
                }
                _ => {
                    self.0 = octets.into();
                    return;
                }
            }
        }
    }

    /// All of them, oldest first.
    pub(crate) fn all(&self) -> Vec<VisitRecord> {
        read_visits(&self.0).unwrap_or_default()
    }
}

/// What of a zone outlives a restart, beside its version and its timers.
#[derive(Debug, Default)]
pub(crate) struct Past {
    pub(crate) last_check: Option<Timestamp>,
    pub(crate) last_success: Option<Timestamp>,
    pub(crate) failures: u32,
    pub(crate) primaries: Vec<(PrimaryStatus, Memory)>,
    pub(crate) visits: Visits,
}

/// A [`Past`] in the octets that stand for it in the file.
#[derive(Debug)]
pub(crate) struct Packed(Box<[u8]>);

impl Packed {
    /// The octets for what is known of a zone now.
    pub(crate) fn new(status: &ZoneStatus, memory: &[Memory], visits: &Visits) -> Self {
        let mut writer = Writer::default();
        writer.number(VERSION);
        write_time(&mut writer, status.last_check);
        write_time(&mut writer, status.last_success);
        writer.number(status.failures.into());
        writer.number(status.primaries.len() as u64);
        for (place, primary) in status.primaries.iter().enumerate() {
            write_primary(&mut writer, primary);
            write_memory(&mut writer, &memory.get(place).copied().unwrap_or_default());
        }
        writer.octets(&visits.0);
        Self(writer.0.into())
    }

    pub(crate) fn octets(&self) -> &[u8] {
        &self.0
    }

    pub(crate) fn unpack(&self) -> Past {
        Past::unpack(&self.0).unwrap_or_default() // `new` has written it
    }
}

impl Past {
    /// What was written; `None` where it is in another form.
    pub(crate) fn read(octets: &[u8]) -> Option<Self> {
        let past = Self::unpack(octets)?;
        read_visits(&past.visits.0)?;
        Some(past)
    }

    /// The same without a look at the visits.
    fn unpack(octets: &[u8]) -> Option<Self> {
        let mut reader = Reader(octets);
        if reader.number()? != VERSION {
            return None;
        }
        let (last_check, last_success) = (read_time(&mut reader)?, read_time(&mut reader)?);
        let failures = reader.number()?.try_into().ok()?;
        let primaries = (0..reader.number()?)
            .map(|_| Some((read_primary(&mut reader)?, read_memory(&mut reader)?)))
            .collect::<Option<_>>()?;
        Some(Self {
            last_check,
            last_success,
            failures,
            primaries,
            visits: Visits(reader.octets()?.into()),
        })
    }

    /// Puts what was into the status of a zone that is taken in again; gives what is remembered of its primaries.
    pub(crate) fn restore(&self, status: &mut ZoneStatus) -> Vec<Memory> {
        status.last_check = self.last_check;
        status.last_success = self.last_success;
        status.failures = status.failures.max(self.failures);
        let mut memory = Vec::with_capacity(status.primaries.len());
        for primary in &mut status.primaries {
            let mut known = self.primaries.iter();
            let known = known.find(|(known, _)| known.address == primary.address);
            memory.push(known.map_or_else(Memory::default, |(_, memory)| *memory));
            if let Some((known, _)) = known {
                primary.clone_from(known);
            }
        }
        memory
    }
}

/// Texts, each with its place.
#[derive(Default)]
struct Texts(Vec<String>);

impl Texts {
    fn place(&mut self, text: &str) -> u64 {
        let place = self.0.iter().position(|known| known == text);
        place.unwrap_or_else(|| {
            self.0.push(text.to_owned());
            self.0.len() - 1
        }) as u64
    }
}

fn write_visits(visits: &[VisitRecord]) -> Vec<u8> {
    let (mut texts, mut body) = (Texts::default(), Writer::default());
    let (mut before, mut held) = (0, None);
    for visit in visits {
        // A clock that was put back makes two visits begin at the same time, no more.
        body.number(visit.at.0.saturating_sub(before));
        before = before.max(visit.at.0);
        body.number(visit.duration);
        let clear_text = u64::from(visit.clear_text);
        body.number(cause(visit.cause) | outcome(visit.outcome) << 2 | clear_text << 4);
        write_serial(&mut body, visit.from, held);
        write_serial(&mut body, visit.to, visit.from);
        held = visit.to;
        body.optional(
            visit
                .primary
                .map(|address| texts.place(&address.to_string())),
        );
        write_figures(&mut body, visit.transfer.as_ref());
        body.optional(
            visit
                .failure
                .as_ref()
                .map(|failure| texts.place(&failure.kind)),
        );
        if let Some(failure) = &visit.failure {
            let end = { failure.text.char_indices() }.nth(TEXT);
            let text = end.map_or(failure.text.as_str(), |(end, _)| &failure.text[..end]);
            body.number(texts.place(text));
        }
    }
    let mut writer = Writer::default();
    writer.number(texts.0.len() as u64);
    texts.0.iter().for_each(|text| writer.text(text));
    writer.number(visits.len() as u64);
    writer.0.extend(body.0);
    writer.0
}

fn read_visits(octets: &[u8]) -> Option<Vec<VisitRecord>> {
    let mut reader = Reader(octets);
    if octets.is_empty() {
        return Some(Vec::new());
    }
    let texts: Vec<&str> = (0..reader.number()?)
        .map(|_| reader.text())
        .collect::<Option<_>>()?;
    let text = |place: u64| texts.get(usize::try_from(place).ok()?).copied();
    let (mut before, mut held) = (0_u64, None);
    (0..reader.number()?)
        .map(|_| {
            before = before.checked_add(reader.number()?)?;
            let duration = reader.number()?;
            let kind = reader.number()?;
            let from = read_serial(&mut reader, held)?;
            held = read_serial(&mut reader, from)?;
            Some(VisitRecord {
                at: Timestamp(before),
                duration,
                cause: *CAUSES.get(usize::try_from(kind & 3).ok()?)?,
                outcome: *OUTCOMES.get(usize::try_from(kind >> 2 & 3).ok()?)?,
                clear_text: kind >> 4 & 1 != 0,
                from,
                to: held,
                primary: match reader.optional()? {
                    Some(place) => Some(text(place)?.parse().ok()?),
                    None => None,
                },
                transfer: read_figures(&mut reader)?,
                failure: match reader.optional()? {
                    Some(place) => Some(Failure {
                        kind: text(place)?.to_owned(),
                        text: text(reader.number()?)?.to_owned(),
                    }),
                    None => None,
                },
            })
        })
        .collect()
}

fn write_primary(writer: &mut Writer, primary: &PrimaryStatus) {
    writer.text(&primary.address.to_string());
    writer.number(match primary.outcome {
        PrimaryOutcome::Ok => 1,
        PrimaryOutcome::Error => 2,
        PrimaryOutcome::Pending | PrimaryOutcome::InProgress => 0,
    });
    writer.optional(primary.serial.map(u64::from));
    write_time(writer, primary.last_check);
    write_time(writer, primary.last_success);
    write_figures(writer, primary.transfer.as_ref());
    // What is there, bit by bit: it was the first alone for a while.
    let (failure, clear_text) = (&primary.failure, &primary.clear_text);
    writer.number(u64::from(failure.is_some()) | u64::from(clear_text.is_some()) << 1);
    if let Some(failure) = failure {
        writer.text(&failure.kind);
        writer.text(&failure.text);
    }
    if let Some(why) = clear_text {
        writer.text(why);
    }
}

fn read_primary(reader: &mut Reader<'_>) -> Option<PrimaryStatus> {
    let address: SocketAddr = reader.text()?.parse().ok()?;
    let outcome = match reader.number()? {
        1 => PrimaryOutcome::Ok,
        2 => PrimaryOutcome::Error,
        _ => PrimaryOutcome::Pending,
    };
    let (serial, last_check) = (read_u32(reader)?, read_time(reader)?);
    let (last_success, transfer) = (read_time(reader)?, read_figures(reader)?);
    let there = reader.number()?;
    Some(PrimaryStatus {
        outcome,
        serial,
        last_check,
        last_success,
        transfer,
        failure: match there & 1 {
            0 => None,
            _ => Some(Failure {
                kind: reader.text()?.to_owned(),
                text: reader.text()?.to_owned(),
            }),
        },
        clear_text: match there & 2 {
            0 => None,
            _ => Some(reader.text()?.to_owned()),
        },
        ..PrimaryStatus::pending(address)
    })
}

fn write_memory(writer: &mut Writer, memory: &Memory) {
    writer.optional(memory.no_ixfr_until);
    writer.number(memory.ixfr_failures.into());
    writer.optional(memory.no_edns_until);
    writer.number(memory.gave.into());
    writer.optional(memory.ahead_since);
}

fn read_memory(reader: &mut Reader<'_>) -> Option<Memory> {
    Some(Memory {
        no_ixfr_until: reader.optional()?,
        ixfr_failures: reader.number()?.try_into().ok()?,
        no_edns_until: reader.optional()?,
        gave: reader.number()? != 0,
        ahead_since: reader.optional()?,
    })
}

fn write_figures(writer: &mut Writer, figures: Option<&TransferFigures>) {
    let Some(figures) = figures else {
        return writer.number(0);
    };
    writer.number(match figures.kind {
        TransferKind::Axfr => 1,
        TransferKind::Ixfr => 2,
    });
    writer.number(figures.serial.into());
    writer.number(figures.at.0);
    writer.number(figures.octets);
    writer.number(figures.messages);
    writer.number(figures.records);
    writer.number(figures.duration);
}

fn read_figures(reader: &mut Reader<'_>) -> Option<Option<TransferFigures>> {
    let kind = match reader.number()? {
        0 => return Some(None),
        1 => TransferKind::Axfr,
        _ => TransferKind::Ixfr,
    };
    Some(Some(TransferFigures {
        kind,
        serial: reader.number()?.try_into().ok()?,
        at: Timestamp(reader.number()?),
        octets: reader.number()?,
        messages: reader.number()?,
        records: reader.number()?,
        duration: reader.number()?,
    }))
}

fn write_time(writer: &mut Writer, time: Option<Timestamp>) {
    writer.optional(time.map(|time| time.0));
}

fn read_time(reader: &mut Reader<'_>) -> Option<Option<Timestamp>> {
    Some(reader.optional()?.map(Timestamp))
}

/// The serial held at one moment: mostly the one of the moment before.
fn write_serial(writer: &mut Writer, serial: Option<u32>, before: Option<u32>) {
    writer.number(match serial {
        None => 0,
        Some(_) if serial == before => 1,
        Some(serial) => u64::from(serial) + 2,
    });
}

fn read_serial(reader: &mut Reader<'_>, before: Option<u32>) -> Option<Option<u32>> {
    match reader.number()? {
        0 => Some(None),
        1 => Some(Some(before?)),
        other => u32::try_from(other - 2).ok().map(Some),
    }
}

/// A serial that may be missing.
fn read_u32(reader: &mut Reader<'_>) -> Option<Option<u32>> {
    match reader.optional()? {
        Some(number) => number.try_into().ok().map(Some),
        None => Some(None),
    }
}

/// In the order of their numbers in the file.
const CAUSES: [VisitCause; 4] = [
    VisitCause::Bootstrap,
    VisitCause::Refresh,
    VisitCause::Notify,
    VisitCause::Operator,
];

/// In the order of their numbers in the file.
const OUTCOMES: [VisitOutcome; 4] = [
    VisitOutcome::UpToDate,
    VisitOutcome::Transferred,
    VisitOutcome::NotTaken,
    VisitOutcome::Failed,
];

fn cause(cause: VisitCause) -> u64 {
    CAUSES.iter().position(|&known| known == cause).unwrap_or(0) as u64
}

fn outcome(outcome: VisitOutcome) -> u64 {
    let place = OUTCOMES.iter().position(|&known| known == outcome);
    place.unwrap_or(0) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(serial: u32) -> TransferFigures {
        TransferFigures {
            kind: TransferKind::Ixfr,
            serial,
            at: Timestamp(1_800_000_000_500),
            octets: 123_456,
            messages: 7,
            records: 1_000,
            duration: 250,
        }
    }

    /// Visit number `n` of a zone, an hour after the one before.
    fn visit(n: u64, failure: Option<&str>) -> VisitRecord {
        VisitRecord {
            at: Timestamp(1_800_000_000_000 + n * 3_600_000),
            duration: 12 + n,
            cause: CAUSES[(n % 4) as usize],
            outcome: OUTCOMES[(n % 3) as usize],
            from: Some(2_026_112_200),
            to: n.is_multiple_of(2).then_some(2_026_112_201),
            primary: Some("[2001:db8::1]:53".parse().unwrap()),
            transfer: n.is_multiple_of(2).then(|| figures(2_026_112_201)),
            failure: failure.map(|text| Failure {
                kind: "timeout".to_owned(),
                text: text.to_owned(),
            }),
            clear_text: n.is_multiple_of(3),
        }
    }

    #[test]
    fn the_last_visits_are_kept_as_they_were() {
        let mut visits = Visits::default();
        assert_eq!(visits.all(), []);
        let all: Vec<VisitRecord> = (0..40).map(|n| visit(n, None)).collect();
        for visit in &all {
            visits.add(visit.clone());
        }
        assert_eq!(visits.all(), all[40 - ZoneStatus::HISTORY..]);
        assert!(visits.0.len() <= MOST, "{}", visits.0.len());
    }

    #[test]
    fn a_zone_that_does_not_change_takes_half_a_kilobyte() {
        let mut visits = Visits::default();
        for n in 0..40 {
            visits.add(VisitRecord {
                outcome: VisitOutcome::UpToDate,
                to: visit(n, None).from,
                transfer: None,
                ..visit(n, None)
            });
        }
        assert_eq!(visits.all().len(), ZoneStatus::HISTORY);
        assert!(visits.0.len() < 500, "{}", visits.0.len());
    }

    #[test]
    fn failures_that_come_again_take_little_and_those_that_do_not_push_the_oldest_out() {
        let text = "no answer from the primary after 10 s";
        let mut visits = Visits::default();
        for n in 0..40 {
            visits.add(visit(n, Some(text)));
        }
        assert_eq!(visits.all().len(), ZoneStatus::HISTORY);
        for n in 40..80 {
            visits.add(visit(n, Some(&format!("{n} {}", "long ".repeat(100)))));
        }
        let all = visits.all();
        assert!(visits.0.len() <= MOST, "{}", visits.0.len());
        assert!((2..4).contains(&all.len()), "{}", all.len());
        let last = all.last().unwrap();
        assert_eq!(last.at, visit(79, None).at);
        assert_eq!(last.failure.as_ref().unwrap().text.len(), TEXT);
    }

    #[test]
    fn a_zone_that_comes_back_has_its_past() {
        let mut primary = PrimaryStatus::pending("192.0.2.1:53".parse().unwrap());
        primary.outcome = PrimaryOutcome::Error;
        primary.failure = visit(1, Some("down")).failure;
        primary.serial = Some(7);
        primary.last_check = Some(Timestamp(9_000));
        primary.transfer = Some(figures(7));
        let mut memory = Memory::default();
        memory.ixfr_failed(1_800_000_000);
        memory.gave = true;
        let status = ZoneStatus {
            last_check: Some(Timestamp(9_000)),
            last_success: Some(Timestamp(8_000)),
            failures: 3,
            primaries: vec![primary.clone()],
            ..ZoneStatus::default()
        };
        let mut visits = Visits::default();
        visits.add(visit(1, Some("down")));
        let packed = Packed::new(&status, &[memory], &visits);
        let octets = packed.octets();
        let past = Past::read(octets).unwrap();
        assert_eq!(past.visits.all(), visits.all());

        // Another primary stands before it by now.
        let other = PrimaryStatus::pending("192.0.2.2:53".parse().unwrap());
        let mut fresh = ZoneStatus {
            primaries: vec![other.clone(), PrimaryStatus::pending(primary.address)],
            ..ZoneStatus::default()
        };
        assert_eq!(past.restore(&mut fresh), [Memory::default(), memory]);
        assert_eq!(fresh.primaries, [other, primary]);
        assert_eq!(
            (fresh.last_check, fresh.last_success, fresh.failures),
            (status.last_check, status.last_success, 3)
        );
        // What is cut off or of another form is as if it were not there.
        for end in 0..octets.len() {
            assert!(Past::read(&octets[..end]).is_none(), "{end}");
        }
        assert!(Past::read(&[&[2], &octets[1..]].concat()).is_none());
    }
}
