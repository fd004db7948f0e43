//! The narrow rows: one for each zone, one for its timers.

use std::collections::VecDeque;
use std::sync::Arc;

use zonekit_wire::{Name, Serial};

use super::dirt::Dirt;
use super::seal;
use crate::{Generation, Standing, Timers, VersionMark, Zone};

/// What is in the file of a zone.
#[derive(Clone, Debug, Default)]
pub(crate) struct ZoneFile {
    snapshot: Snapshot,
    /// The number behind the newest step.
    next_step: u64,
    /// In a box: most of many zones have none.
    journal: Option<Box<Journal>>,
    pub(crate) timers: Timers,
    /// A commit failed late: what is in the file is not known until somebody has looked.
    pub(crate) doubtful: bool,
}

/// What is in the file of a zone beside its snapshot.
#[derive(Clone, Debug)]
struct Journal {
    extent: Extent,
    steps: VecDeque<Step>,
    dirt: Dirt,
}

/// Which pieces of a zone's in the file count. Steps of the journal have numbers that go up by one.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Extent {
    pub(crate) snapshot: Snapshot,
    /// The number of the oldest step.
    pub(crate) first_step: u64,
    /// The first step that comes on top of the snapshot; those before it are history.
    pub(crate) replay_from: u64,
    /// The number behind the newest step.
    pub(crate) next_step: u64,
    /// Octets of all steps, and of those on top of the snapshot.
    pub(crate) journal_octets: u64,
    pub(crate) replay_octets: u64,
}

/// The pages of a whole version in the file.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Snapshot {
    /// Different from every other that there ever was in the file; 0 when there is none.
    pub(crate) number: u64,
    /// How many parts its blocks have, and how many octets these.
    pub(crate) parts: u64,
    pub(crate) octets: u64,
}

/// A difference in the journal.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    pub(crate) from: Serial,
    pub(crate) to: Serial,
    pub(crate) octets: u64,
    /// When it was published, in seconds since 1970; 0 when nobody knew.
    pub(crate) at: u64,
}

/// The row that stands for a zone.
#[derive(Clone, Debug)]
pub(crate) struct ZoneRow {
    pub(crate) generation: Generation,
    pub(crate) extent: Extent,
    pub(crate) name: Arc<[u8]>,
    /// What the contents come to; `None` before the first transfer.
    pub(crate) content: Option<ContentRow>,
}

/// What is known of a zone's contents without a look at them.
#[derive(Clone, Debug)]
pub(crate) struct ContentRow {
    /// The name as the contents have it.
    pub(crate) apex: Arc<[u8]>,
    pub(crate) serial: Serial,
    pub(crate) records: u64,
}

impl ZoneFile {
    pub(crate) fn new(extent: Extent, steps: VecDeque<Step>, dirt: Dirt, timers: Timers) -> Self {
        let mut file = Self {
            timers,
            ..Self::default()
        };
        file.become_of(extent, steps, dirt);
        file
    }

    pub(crate) fn extent(&self) -> Extent {
        match &self.journal {
            Some(journal) => journal.extent,
            None => Extent::without_steps(self.snapshot, self.next_step),
        }
    }

    /// The steps that are kept, oldest first.
    pub(crate) fn steps(&self) -> impl DoubleEndedIterator<Item = &Step> + Clone {
        self.journal.iter().flat_map(|journal| &journal.steps)
    }

    pub(crate) fn take_steps(&mut self) -> VecDeque<Step> {
        let journal = self.journal.as_mut();
        journal.map_or_else(VecDeque::new, |journal| std::mem::take(&mut journal.steps))
    }

    /// Which pages the steps on top of the snapshot have changed.
    pub(crate) fn dirt(&self) -> Dirt {
        let journal = self.journal.as_ref();
        journal.map_or_else(Dirt::default, |journal| journal.dirt.clone())
    }

    /// Takes what is in the file by now.
    pub(crate) fn become_of(&mut self, extent: Extent, steps: VecDeque<Step>, dirt: Dirt) {
        self.snapshot = extent.snapshot;
        self.next_step = extent.next_step;
        let is_bare = extent == Extent::without_steps(extent.snapshot, extent.next_step);
        self.journal = (!is_bare).then(|| {
            Box::new(Journal {
                extent,
                steps,
                dirt,
            })
        });
    }
}

impl Extent {
    /// That of a zone of which there is a snapshot and nothing else.
    pub(crate) fn without_steps(snapshot: Snapshot, next_step: u64) -> Self {
        Self {
            snapshot,
            first_step: next_step,
            replay_from: next_step,
            next_step,
            journal_octets: 0,
            replay_octets: 0,
        }
    }
}

impl ContentRow {
    pub(crate) fn of(zone: &Zone) -> Self {
        Self {
            apex: zone.apex().as_octets().into(),
            serial: zone.serial(),
            records: zone.record_count(),
        }
    }

    pub(crate) fn apex(&self) -> Name<'_> {
        Name::from_octets(&self.apex).unwrap_or(Name::ROOT)
    }

    pub(crate) fn mark(&self) -> VersionMark {
        VersionMark {
            serial: self.serial,
            records: self.records,
        }
    }
}

impl ZoneRow {
    pub(crate) fn name(&self) -> Name<'_> {
        Name::from_octets(&self.name).unwrap_or(Name::ROOT)
    }

    pub(crate) fn write(&self, id: u64, out: &mut Vec<u8>) {
        let Extent {
            snapshot,
            first_step,
            replay_from,
            next_step,
            journal_octets,
            replay_octets,
        } = self.extent;
        seal::begin(out);
        for number in [
            self.generation.0,
            snapshot.number,
            snapshot.parts,
            snapshot.octets,
            first_step,
            replay_from,
            next_step,
            journal_octets,
            replay_octets,
        ] {
            out.extend_from_slice(&number.to_be_bytes());
        }
        out.extend_from_slice(&self.name);
        if let Some(content) = &self.content {
            out.extend_from_slice(&content.serial.0.to_be_bytes());
            out.extend_from_slice(&content.records.to_be_bytes());
            out.extend_from_slice(&content.apex);
        }
        seal::close(&id.to_be_bytes(), out);
    }

    pub(crate) fn read(id: u64, value: &[u8]) -> Option<Self> {
        let mut rest = seal::open(&id.to_be_bytes(), value)?;
        let mut number = || {
            let (octets, behind) = rest.split_first_chunk()?;
            rest = behind;
            Some(u64::from_be_bytes(*octets))
        };
        let generation = Generation(number()?);
        let extent = Extent {
            snapshot: Snapshot {
                number: number()?,
                parts: number()?,
                octets: number()?,
            },
            first_step: number()?,
            replay_from: number()?,
            next_step: number()?,
            journal_octets: number()?,
            replay_octets: number()?,
        };
        let (name, rest) = Name::split_from(rest).ok()?;
        let name = name.as_octets().into();
        let content = match rest {
            [] => None,
            _ => {
                let (serial, rest) = rest.split_first_chunk()?;
                let (records, apex) = rest.split_first_chunk()?;
                Some(ContentRow {
                    apex: Name::from_octets(apex).ok()?.as_octets().into(),
                    serial: Serial(u32::from_be_bytes(*serial)),
                    records: u64::from_be_bytes(*records),
                })
            }
        };
        Some(Self {
            generation,
            extent,
            name,
            content,
        })
    }
}

/// Next check, expires at, stale until, failures, standing, checksum.
pub(crate) type TimerRow = (u64, u64, u64, u32, u8, u32);

pub(crate) fn write_timers(id: u64, timers: Timers, standing: Standing) -> TimerRow {
    let (code, until) = match standing {
        Standing::Current => (0, 0),
        Standing::Stale { until } => (1, until),
        Standing::Expired => (2, 0),
        Standing::NeverLoaded => (3, 0),
    };
    let Timers {
        next_check,
        expires_at,
        failures,
    } = timers;
    let sum = timer_sum(id, next_check, expires_at, until, failures, code);
    (next_check, expires_at, until, failures, code, sum)
}

/// Reads a row; `None` when it does not match its checksum.
pub(crate) fn read_timers(id: u64, row: TimerRow) -> Option<(Timers, Standing)> {
    let (next_check, expires_at, until, failures, code, sum) = row;
    let standing = match code {
        0 => Standing::Current,
        1 => Standing::Stale { until },
        2 => Standing::Expired,
        _ => Standing::NeverLoaded,
    };
    let timers = Timers {
        next_check,
        expires_at,
        failures,
    };
    let is_whole = sum == timer_sum(id, next_check, expires_at, until, failures, code);
    is_whole.then_some((timers, standing))
}

fn timer_sum(id: u64, check: u64, expires: u64, until: u64, failures: u32, code: u8) -> u32 {
    let mut octets = Vec::with_capacity(29);
    for number in [check, expires, until] {
        octets.extend_from_slice(&number.to_be_bytes());
    }
    octets.extend_from_slice(&failures.to_be_bytes());
    octets.push(code);
    seal::checksum(&id.to_be_bytes(), &octets)
}

impl Step {
    /// Octets of what stands before a difference in the journal.
    pub(crate) const HEAD: usize = 24;

    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.from.0.to_be_bytes());
        out.extend_from_slice(&self.to.0.to_be_bytes());
        out.extend_from_slice(&self.octets.to_be_bytes());
        out.extend_from_slice(&self.at.to_be_bytes());
    }

    /// Reads what stands before a difference; gives the rest back.
    pub(crate) fn split_from(content: &[u8]) -> Option<(Self, &[u8])> {
        let (from, rest) = content.split_first_chunk()?;
        let (to, rest) = rest.split_first_chunk()?;
        let (octets, rest) = rest.split_first_chunk()?;
        let (at, rest) = rest.split_first_chunk()?;
        let step = Self {
            from: Serial(u32::from_be_bytes(*from)),
            to: Serial(u32::from_be_bytes(*to)),
            octets: u64::from_be_bytes(*octets),
            at: u64::from_be_bytes(*at),
        };
        Some((step, rest))
    }
}
