//! A change that has been looked over, and what it comes to.

use std::sync::Arc;

use crate::disk::{ContentRow, Extent, Plan, Result, Snapshot, Writing, ZoneRow};
use crate::table::Entry;
use crate::{Generation, HeldZone, Standing, Timers, Zone};

pub(crate) enum Act<'j> {
    Create(Arc<Entry>),
    Remove(Arc<Entry>),
    Timers(Arc<Entry>, Timers, Option<Standing>),
    Publish(Box<Publish<'j>>),
}

pub(crate) struct Publish<'j> {
    pub(crate) entry: Arc<Entry>,
    pub(crate) generation: Generation,
    pub(crate) zone: &'j Zone,
    pub(crate) step: &'j [u8],
    pub(crate) plan: Plan,
    /// What the snapshot is before, and the number of the next.
    pub(crate) before: Snapshot,
    pub(crate) number: u64,
    pub(crate) timers: Timers,
}

impl Act<'_> {
    pub(crate) fn entry(&self) -> &Arc<Entry> {
        match self {
            Act::Create(entry) | Act::Remove(entry) | Act::Timers(entry, ..) => entry,
            Act::Publish(publish) => &publish.entry,
        }
    }

    /// The zone of which the file has nothing afterwards but what this writes, and the number of its snapshot if that has
    /// been written already.
    pub(crate) fn replaced(&self) -> Option<(u64, Option<u64>)> {
        match self {
            Act::Remove(entry) => Some((entry.id, None)),
            Act::Publish(publish) if publish.plan.cut => {
                let staged = Some(publish.plan.after.snapshot.number);
                Some((publish.entry.id, staged.filter(|&number| number > 0)))
            }
            _ => None,
        }
    }

    /// Whether a snapshot is left to be written.
    pub(crate) fn lags(&self) -> bool {
        matches!(self, Act::Publish(publish) if publish.plan.lags)
    }

    pub(crate) fn write(&mut self, writing: &mut Writing<'_>) -> Result<()> {
        match self {
            Act::Create(entry) => {
                let row = ZoneRow {
                    generation: entry.head.load().generation,
                    extent: Extent::default(),
                    name: entry.shared_name(),
                    content: None,
                };
                writing.zone(entry.id, &row)?;
                writing.timers(entry.id, entry.file().timers, Standing::NeverLoaded)
            }
            Act::Remove(entry) => {
                let snapshot = entry.file().extent().snapshot.number;
                writing.remove_zone(entry.id, snapshot)
            }
            Act::Timers(entry, timers, standing) => {
                let standing = standing.unwrap_or_else(|| entry.head.load().standing);
                writing.timers(entry.id, *timers, standing)
            }
            Act::Publish(publish) => {
                let Publish {
                    entry,
                    generation,
                    zone,
                    step,
                    plan,
                    before,
                    number,
                    timers,
                } = &mut **publish;
                writing.publish(entry.id, plan, zone, step, *before, *number)?;
                let row = ZoneRow {
                    generation: *generation,
                    extent: plan.after,
                    name: entry.shared_name(),
                    content: Some(ContentRow::of(zone)),
                };
                writing.zone(entry.id, &row)?;
                writing.timers(entry.id, *timers, Standing::Current)
            }
        }
    }

    /// Shows the change to readers, the table aside; says which generation it made.
    pub(crate) fn make_visible(self) -> Option<Generation> {
        match self {
            Act::Create(entry) => Some(entry.head.load().generation),
            Act::Remove(_) => None,
            Act::Timers(entry, timers, standing) => {
                let mut file = entry.file();
                file.timers = timers;
                if let Some(standing) = standing {
                    let head = HeldZone::clone(&entry.head.load());
                    entry.head.store(Arc::new(HeldZone { standing, ..head }));
                }
                None
            }
            Act::Publish(publish) => {
                let entry = &publish.entry;
                let mut file = entry.file();
                publish.plan.apply(&mut file);
                file.timers = publish.timers;
                entry.head.store(Arc::new(HeldZone {
                    name: entry.shared_name(),
                    generation: publish.generation,
                    standing: Standing::Current,
                    zone: Some(publish.zone.clone()),
                }));
                Some(publish.generation)
            }
        }
    }
}
