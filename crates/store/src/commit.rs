//! Commits: changes that wait together are written together.
//!
//! Whoever changes something puts it into a queue. If nobody writes, that one takes all that is in the queue, writes it in
//! one transaction, makes it visible, and hands everybody the result; otherwise it waits until its result is there or
//! it is its turn to write. Changes of the same zone go one after the other.

use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use zonekit_wire::NameBuf;

use crate::act::{Act, Publish};
use crate::batch::ZoneChange;
use crate::disk::{Disk, Keep, Plan, Unwritten, ZoneFile};
use crate::job::{Job, Ready};
use crate::repair::{OldSettings, Repair};
use crate::table::{Entry, Table};
use crate::{
    Batch, Content, Generation, HeldZone, Publication, Standing, StorageFailure, StoreError, Timers,
};

/// No more changes than this in one transaction.
const GROUP: usize = 1_000;

pub(crate) struct Committer {
    waiting: Mutex<Waiting>,
    /// Something was committed: results may be there, and somebody else may write.
    committed: Condvar,
}

/// What a commit has to do with beside itself.
#[derive(Clone, Copy)]
pub(crate) struct Backing<'s> {
    pub(crate) table: &'s ArcSwap<Table>,
    pub(crate) disk: &'s Disk,
    pub(crate) dirty: &'s Dirty,
    pub(crate) keep: Keep,
    /// See [`Options::zones`](crate::Options::zones).
    pub(crate) most_zones: u64,
}

struct Waiting {
    queue: Vec<Arc<Job>>,
    /// `None` while somebody writes.
    pen: Option<Pen>,
    /// How often somebody has written.
    turns: u64,
}

/// Had by whoever writes.
pub(crate) struct Pen {
    last_id: u64,
    last_generation: Generation,
    pub(crate) repair: Repair,
}

/// What is to go into the file with the next commit: in the order of its tables, where neighbours share pages.
#[derive(Default)]
pub(crate) struct Dirty {
    /// Zones whose timers or standing in the file are behind.
    zones: Mutex<BTreeMap<u64, Arc<Entry>>>,
    /// Named values that were noted.
    settings: Mutex<NotedSettings>,
}

type NotedSettings = BTreeMap<String, Option<Vec<u8>>>;

impl Committer {
    pub(crate) fn new(last_id: u64, last_generation: Generation) -> Self {
        Self {
            waiting: Mutex::new(Waiting {
                queue: Vec::new(),
                pen: Some(Pen {
                    last_id,
                    last_generation,
                    repair: Repair::default(),
                }),
                turns: 0,
            }),
            committed: Condvar::new(),
        }
    }

    pub(crate) fn commit(
        &self,
        batch: Batch,
        backing: Backing<'_>,
    ) -> Result<Vec<Generation>, StoreError> {
        // What was staged for one that fails is of no use.
        let job = Job::new(batch, self, backing).inspect_err(|_| self.sweep(backing))?;
        let job = Arc::new(job);
        let result = self.wait_for(&job, backing);
        // All is visible by now; the rest only tidies up.
        let lags = job.lags.load(Ordering::Relaxed);
        if lags {
            let table = backing.table.load();
            let names = job.batch.zones.iter().map(|(name, _)| name.as_name());
            for entry in names.filter_map(|name| table.find(name)) {
                self.checkpoint(entry, backing);
            }
        }
        if lags || job.is_littered.load(Ordering::Relaxed) {
            self.sweep(backing);
        }
        result
    }

    /// Does something that nobody else writes beside. Whoever waits for a commit goes first, once.
    pub(crate) fn with_pen<T>(&self, work: impl FnOnce(&mut Pen) -> T) -> T {
        let mut waiting = lock(&self.waiting);
        let seen = waiting.turns;
        let pen = loop {
            let is_our_turn = waiting.queue.is_empty() || waiting.turns != seen;
            if is_our_turn && let Some(pen) = waiting.pen.take() {
                break pen;
            }
            waiting = self.wait(waiting);
        };
        drop(waiting);
        let mut turn = Turn {
            committer: self,
            pen: Some(pen),
            group: Vec::new(),
        };
        let pen = turn.pen.as_mut().expect("it was put there just now");
        work(pen)
    }

    /// Puts a job into the queue and sees that it gets written.
    fn wait_for(
        &self,
        job: &Arc<Job>,
        backing: Backing<'_>,
    ) -> Result<Vec<Generation>, StoreError> {
        let mut waiting = lock(&self.waiting);
        waiting.queue.push(Arc::clone(job));
        loop {
            if let Some(result) = job.result() {
                return result;
            }
            let Some(pen) = waiting.pen.take() else {
                waiting = self.wait(waiting);
                continue;
            };
            let mut turn = Turn {
                committer: self,
                pen: Some(pen),
                group: waiting.take_group(backing.keep.piece),
            };
            drop(waiting);
            turn.write(backing);
            drop(turn);
            waiting = lock(&self.waiting);
        }
    }

    fn wait<'w>(&self, waiting: MutexGuard<'w, Waiting>) -> MutexGuard<'w, Waiting> {
        let woken = self.committed.wait(waiting);
        woken.unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    /// Takes changes from the front of the queue, up to one that touches a zone for the second time, or is too much beside
    /// the others.
    fn take_group(&mut self, most: u64) -> Vec<Arc<Job>> {
        let mut touched = HashSet::new();
        let mut octets = 0;
        let mut fits = |job: &Arc<Job>| {
            let names = || job.batch.zones.iter().map(|(name, _)| name);
            let is_first = octets == 0;
            octets += job.octets.max(1);
            (is_first || octets <= most) && !names().any(|name| touched.contains(name)) && {
                touched.extend(names().cloned());
                true
            }
        };
        let mut len = 0;
        while len < GROUP && self.queue.get(len).is_some_and(&mut fits) {
            len += 1;
        }
        self.queue.drain(..len).collect()
    }
}

/// The time in which somebody writes. However it ends, the pen goes back, and nobody is left waiting.
struct Turn<'c> {
    committer: &'c Committer,
    pen: Option<Pen>,
    group: Vec<Arc<Job>>,
}

impl Turn<'_> {
    fn write(&mut self, backing: Backing<'_>) {
        if let Some(pen) = &mut self.pen {
            pen.write(&self.group, backing);
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        for job in &self.group {
            // All are finished, unless the writer panicked.
            let failure = || StorageFailure::new(redb::Error::PreviousIo);
            if job.result().is_none() {
                job.finish(Err(failure().into()));
            }
        }
        let mut waiting = lock(&self.committer.waiting);
        waiting.pen = self.pen.take();
        waiting.turns += 1;
        drop(waiting);
        self.committer.committed.notify_all();
    }
}

impl Pen {
    fn write(&mut self, group: &[Arc<Job>], backing: Backing<'_>) {
        let Backing {
            table,
            disk,
            dirty,
            keep,
            most_zones,
        } = backing;
        let compared = self.repair.compare(disk, dirty);
        if let Err(failure) = compared.and_then(|()| self.repair.stage(disk)) {
            for job in group {
                job.finish(Err(failure.clone().into()));
            }
            return;
        }
        let mut accepted: Vec<(&Job, Vec<Act<'_>>)> = Vec::with_capacity(group.len());
        let mut zones = table.load().len() as u64;
        for job in group {
            let acts = self.look_over(job, &table.load(), disk, keep);
            match acts.and_then(|acts| Ok((zones_after(&acts, zones, most_zones)?, acts))) {
                Ok((after, acts)) => {
                    zones = after;
                    accepted.push((job, acts));
                }
                Err(error) => job.finish(Err(error)),
            }
        }
        let (stale, noted) = (dirty.take(), dirty.take_settings());
        let nothing_noted = stale.is_empty() && noted.is_empty();
        if accepted.is_empty() && nothing_noted && self.repair.is_empty() {
            return;
        }
        let mut old_settings = OldSettings::new();
        let written = disk.change(|writing| {
            let acts = || accepted.iter().flat_map(|(_, acts)| acts);
            let replaced = acts().filter_map(Act::replaced).collect();
            let repaired = self.repair.write(writing, &replaced, disk)?;
            for entry in stale.values() {
                let is_there = |found: &Arc<Entry>| found.id == entry.id;
                if table.load().find(entry.name()).is_some_and(is_there) {
                    let timers = entry.file().timers;
                    writing.timers(entry.id, timers, entry.head.load().standing)?;
                }
            }
            for (key, value) in &noted {
                match value {
                    Some(value) => writing.replace_setting(key, value)?,
                    None => drop(writing.take_setting(key)?),
                }
            }
            for (job, acts) in &mut accepted {
                for act in acts {
                    act.write(writing)?;
                }
                for (key, value) in &job.batch.settings {
                    let old = writing.take_setting(key)?;
                    old_settings.entry(key.clone()).or_insert(old);
                    if let Some(value) = value {
                        writing.put_setting(key, value)?;
                    }
                }
            }
            Ok::<_, StorageFailure>((repaired, writing.is_littered))
        });
        match written {
            Ok((repaired, is_littered)) => {
                self.repair.done(repaired);
                for (job, acts) in &accepted {
                    job.note(acts.iter().any(Act::lags), is_littered);
                }
                self.make_visible(accepted, table);
            }
            Err(Unwritten { error, is_doubtful }) => {
                dirty.put_back(stale, noted);
                if is_doubtful {
                    self.repair.settings(old_settings);
                    for act in accepted.iter().flat_map(|(_, acts)| acts) {
                        match act {
                            Act::Create(entry) => self.repair.created(entry.id),
                            _ => self.repair.touched(act.entry()),
                        }
                    }
                }
                for (job, _) in accepted {
                    job.finish(Err(error.clone().into()));
                }
            }
        }
    }

    /// Looks whether the changes can be made, and what they come to.
    fn look_over<'j>(
        &mut self,
        job: &'j Job,
        table: &Table,
        disk: &Disk,
        keep: Keep,
    ) -> Result<Vec<Act<'j>>, StoreError> {
        let find = |name: &NameBuf| {
            table
                .find(name.as_name())
                .cloned()
                .ok_or_else(|| StoreError::NoSuchZone(name.clone()))
        };
        let mut acts = Vec::with_capacity(job.batch.zones.len());
        for ((name, change), ready) in job.batch.zones.iter().zip(&job.ready) {
            let act = match change {
                ZoneChange::Create(timers) => {
                    if table.find(name.as_name()).is_some() {
                        return Err(StoreError::ZoneExists(name.clone()));
                    }
                    Act::Create(Arc::new(self.new_entry(name, *timers)))
                }
                ZoneChange::Remove => Act::Remove(find(name)?),
                ZoneChange::Reset(timers) => {
                    // Out of the table before the other one comes in.
                    acts.push(Act::Remove(find(name)?));
                    Act::Create(Arc::new(self.new_entry(name, *timers)))
                }
                ZoneChange::Timers(timers, standing) => {
                    Act::Timers(find(name)?, *timers, *standing)
                }
                ZoneChange::Publish(publication) => {
                    let entry = find(name)?;
                    let publish = self.publish(entry, publication, ready, disk, keep)?;
                    Act::Publish(Box::new(publish))
                }
            };
            acts.push(act);
        }
        Ok(acts)
    }

    fn new_entry(&mut self, name: &NameBuf, timers: Timers) -> Entry {
        self.last_id += 1;
        let head = HeldZone {
            name: name.as_name().as_octets().into(),
            generation: self.next_generation(),
            standing: Standing::NeverLoaded,
            zone: None,
        };
        let mut file = ZoneFile::default();
        file.timers = timers;
        Entry::new(self.last_id, head, file)
    }

    fn publish<'j>(
        &mut self,
        entry: Arc<Entry>,
        publication: &'j Publication,
        ready: &'j Ready,
        disk: &Disk,
        keep: Keep,
    ) -> Result<Publish<'j>, StoreError> {
        let name = || publication.zone.clone();
        let head = entry.head.load();
        if head.generation != publication.expected {
            return Err(StoreError::Conflict {
                zone: name(),
                expected: publication.expected,
                found: head.generation,
            });
        }
        let zone = publication.content.zone();
        if zone.apex() != entry.name() {
            return Err(StoreError::WrongApex {
                zone: name(),
                apex: zone.apex().to_buf(),
            });
        }
        let file = entry.file();
        let (plan, content) = match ready {
            Ready::Step(step) => {
                if !head
                    .zone
                    .as_ref()
                    .is_some_and(|held| step.leads(held, zone))
                {
                    return Err(StoreError::WrongDifference {
                        zone: name(),
                        from: step.step.from,
                        to: step.step.to,
                    });
                }
                match file.doubtful {
                    true => (Plan::replace(&file, None), &[][..]),
                    false => {
                        let plan = Plan::patch(&file, step.step, &step.dirt, keep);
                        (plan, &step.content[..])
                    }
                }
            }
            Ready::Staged(id, snapshot) if *id == entry.id => {
                (Plan::replace(&file, Some(*snapshot)), &[][..])
            }
            Ready::Staged(..) | Ready::Plain => {
                if let Content::Patch { diff, .. } = &publication.content {
                    // A difference, and nothing that it could lead from.
                    return Err(StoreError::WrongDifference {
                        zone: name(),
                        from: diff.from().serial,
                        to: diff.to().serial,
                    });
                }
                (Plan::replace(&file, None), &[][..])
            }
        };
        let timers = publication.timers.unwrap_or(file.timers);
        let before = file.extent().snapshot;
        drop(file);
        drop(head);
        Ok(Publish {
            entry,
            generation: self.next_generation(),
            zone,
            step: content,
            number: if plan.is_whole() {
                disk.number_snapshot()
            } else {
                0
            },
            plan,
            before,
            timers,
        })
    }

    fn next_generation(&mut self) -> Generation {
        self.last_generation.0 += 1;
        self.last_generation
    }

    /// Shows readers what has been committed.
    fn make_visible(&self, accepted: Vec<(&Job, Vec<Act<'_>>)>, table: &ArcSwap<Table>) {
        let changes_table = |act: &Act<'_>| matches!(act, Act::Create(_) | Act::Remove(_));
        if accepted
            .iter()
            .any(|(_, acts)| acts.iter().any(changes_table))
        {
            let mut next = Table::clone(&table.load());
            for act in accepted.iter().flat_map(|(_, acts)| acts) {
                match act {
                    Act::Create(entry) => next.insert(Arc::clone(entry)),
                    Act::Remove(entry) => next.remove(entry.name()),
                    Act::Timers(..) | Act::Publish(_) => {}
                }
            }
            table.store(Arc::new(next));
        }
        for (job, acts) in accepted {
            let generations = acts.into_iter().filter_map(Act::make_visible).collect();
            job.finish(Ok(generations));
        }
    }
}

/// How many zones there are after these changes; none is added to as many as there may be.
fn zones_after(acts: &[Act<'_>], zones: u64, most: u64) -> Result<u64, StoreError> {
    let mut after = zones;
    for act in acts {
        match act {
            Act::Create(_) => after += 1,
            Act::Remove(_) => after = after.saturating_sub(1),
            Act::Timers(..) | Act::Publish(_) => {}
        }
    }
    if most != 0 && after > most.max(zones) {
        return Err(StoreError::TooManyZones { limit: most });
    }
    Ok(after)
}

impl Dirty {
    pub(crate) fn add(&self, entry: Arc<Entry>) {
        lock(&self.zones).insert(entry.id, entry);
    }

    pub(crate) fn add_setting(&self, key: String, value: Option<Vec<u8>>) {
        lock(&self.settings).insert(key, value);
    }

    pub(crate) fn is_empty(&self) -> bool {
        lock(&self.zones).is_empty() && lock(&self.settings).is_empty()
    }

    fn take(&self) -> BTreeMap<u64, Arc<Entry>> {
        std::mem::take(&mut lock(&self.zones))
    }

    fn take_settings(&self) -> NotedSettings {
        std::mem::take(&mut lock(&self.settings))
    }

    /// What was not written after all, unless there is something newer by now.
    fn put_back(&self, entries: BTreeMap<u64, Arc<Entry>>, noted: NotedSettings) {
        lock(&self.zones).extend(entries);
        let mut settings = lock(&self.settings);
        for (key, value) in noted {
            settings.entry(key).or_insert(value);
        }
    }
}

/// A thread that panicked with a lock in hand has not left anything half done: what is changed under these is changed in
/// one step.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
