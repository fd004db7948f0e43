//! The narrow rows: one for each zone, one for its timers.

use std::collections::VecDeque;
use std::sync::Arc;

use zonekit_wire::{Name, Serial};

use super::seal;
use crate::{Generation, Standing, Timers};

/// What is in the file of a zone.
#[derive(Clone, Debug, Default)]
pub(crate) struct ZoneFile {
    pub(crate) extent: Extent,
    /// The steps that are kept, oldest first.
    pub(crate) steps: VecDeque<Step>,
    pub(crate) timers: Timers,
    /// A commit failed late: what is in the file is not known until somebody has looked.
    pub(crate) doubtful: bool,
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
    /// Different from every other of this zone.
    pub(crate) number: u64,
    pub(crate) blocks: u32,
    pub(crate) octets: u64,
}

/// A difference in the journal.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    pub(crate) from: Serial,
    pub(crate) to: Serial,
    pub(crate) octets: u64,
}

/// The row that stands for a zone.
#[derive(Clone, Debug)]
pub(crate) struct ZoneRow {
    pub(crate) generation: Generation,
    pub(crate) extent: Extent,
    pub(crate) name: Arc<[u8]>,
    /// The name as the contents have it; `None` before the first transfer.
    pub(crate) apex: Option<Arc<[u8]>>,
}

impl ZoneRow {
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
            u64::from(snapshot.blocks),
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
        out.extend_from_slice(self.apex.as_deref().unwrap_or_default());
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
                blocks: number()?.try_into().ok()?,
                octets: number()?,
            },
            first_step: number()?,
            replay_from: number()?,
            next_step: number()?,
            journal_octets: number()?,
            replay_octets: number()?,
        };
        let (name, rest) = Name::split_from(rest).ok()?;
        let apex = match rest {
            [] => None,
            _ => Some(Name::from_octets(rest).ok()?.as_octets().into()),
        };
        Some(Self {
            generation,
            extent,
            name: name.as_octets().into(),
            apex,
        })
    }
}

/// Next check, expires at, stale until, failures, standing.
pub(crate) type TimerRow = (u64, u64, u64, u32, u8);

pub(crate) fn write_timers(timers: Timers, standing: Standing) -> TimerRow {
    let (code, until) = match standing {
        Standing::Current => (0, 0),
        Standing::Stale { until } => (1, until),
        Standing::Expired => (2, 0),
        Standing::NeverLoaded => (3, 0),
    };
    (
        timers.next_check,
        timers.expires_at,
        until,
        timers.failures,
        code,
    )
}

pub(crate) fn read_timers(row: TimerRow) -> (Timers, Standing) {
    let (next_check, expires_at, until, failures, code) = row;
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
    (timers, standing)
}

impl Step {
    /// Octets of what stands before a difference in the journal.
    pub(crate) const HEAD: usize = 16;

    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.from.0.to_be_bytes());
        out.extend_from_slice(&self.to.0.to_be_bytes());
        out.extend_from_slice(&self.octets.to_be_bytes());
    }

    /// Reads what stands before a difference; gives the rest back.
    pub(crate) fn split_from(content: &[u8]) -> Option<(Self, &[u8])> {
        let (from, rest) = content.split_first_chunk()?;
        let (to, rest) = rest.split_first_chunk()?;
        let (octets, rest) = rest.split_first_chunk()?;
        let step = Self {
            from: Serial(u32::from_be_bytes(*from)),
            to: Serial(u32::from_be_bytes(*to)),
            octets: u64::from_be_bytes(*octets),
        };
        Some((step, rest))
    }
}
