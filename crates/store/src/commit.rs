//! Commits: changes that wait together are written together.
//!
//! Whoever changes something puts it into a queue. If nobody writes, that one takes all that is in the queue, writes it in
//! one transaction, makes it visible, and hands everybody the result; otherwise it waits until its result is there or
//! it is its turn to write. Changes of the same zone go one after the other.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};

use arc_swap::ArcSwap;
use zonekit_wire::NameBuf;

use crate::batch::ZoneChange;
use crate::disk::{Disk, Extent, Plan, Unwritten, Writing, ZoneFile, ZoneRow, step_content};
use crate::repair::{OldSettings, Repair};
use crate::table::{Entry, Table};
use crate::{
    Batch, Content, Diff, Generation, HeldZone, JournalLimits, Publication, Standing,
    StorageFailure, StoreError, Timers, Zone,
};

/// No more changes than this in one transaction.
const GROUP: usize = 1_000;

pub(crate) struct Committer {
    waiting: Mutex<Waiting>,
    /// Something was committed: results may be there, and somebody else may write.
    committed: Condvar,
}

struct Waiting {
    queue: Vec<Arc<Job>>,
    /// `None` while somebody writes.
    pen: Option<Pen>,
}

/// Had by whoever writes.
struct Pen {
    last_id: u64,
    last_generation: Generation,
    repair: Repair,
}

/// Zones whose timers or standing in the file are behind.
#[derive(Default)]
pub(crate) struct Dirty(Mutex<HashMap<u64, Arc<Entry>>>);

struct Job {
    batch: Batch,
    /// For each publication of a difference, what goes into the journal.
    steps: Vec<Option<EncodedStep>>,
    done: OnceLock<Result<Vec<Generation>, StoreError>>,
}

struct EncodedStep {
    content: Vec<u8>,
    octets: u64,
    removed: u64,
    added: u64,
}

/// A change that has been looked over, and what it comes to.
enum Act<'j> {
    Create(Arc<Entry>),
    Remove(Arc<Entry>),
    Timers(Arc<Entry>, Timers, Option<Standing>),
    Publish(Box<Publish<'j>>),
}

struct Publish<'j> {
    entry: Arc<Entry>,
    generation: Generation,
    zone: &'j Zone,
    step: &'j [u8],
    plan: Plan,
    timers: Timers,
}

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
            }),
            committed: Condvar::new(),
        }
    }

    pub(crate) fn commit(
        &self,
        batch: Batch,
        table: &ArcSwap<Table>,
        disk: &Disk,
        dirty: &Dirty,
        limits: JournalLimits,
    ) -> Result<Vec<Generation>, StoreError> {
        let job = Arc::new(Job::new(batch)?);
        let mut waiting = lock(&self.waiting);
        waiting.queue.push(Arc::clone(&job));
        loop {
            if let Some(result) = job.done.get() {
                return result.clone();
            }
            let Some(pen) = waiting.pen.take() else {
                waiting = self
                    .committed
                    .wait(waiting)
                    .unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let mut turn = Turn {
                committer: self,
                pen: Some(pen),
                group: waiting.take_group(),
            };
            drop(waiting);
            turn.write(table, disk, dirty, limits);
            drop(turn);
            waiting = lock(&self.waiting);
        }
    }
}

impl Waiting {
    /// Takes changes from the front of the queue, up to one that touches a zone for the second time.
    fn take_group(&mut self) -> Vec<Arc<Job>> {
        let mut touched = HashSet::new();
        let mut fits = |job: &Arc<Job>| {
            let names = || job.batch.zones.iter().map(|(name, _)| name);
            !names().any(|name| touched.contains(name)) && {
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
    fn write(&mut self, table: &ArcSwap<Table>, disk: &Disk, dirty: &Dirty, limits: JournalLimits) {
        if let Some(pen) = &mut self.pen {
            pen.write(&self.group, table, disk, dirty, limits);
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        for job in &self.group {
            // All are finished, unless the writer panicked.
            let failure = || StorageFailure::new(redb::Error::PreviousIo);
            job.done.get_or_init(|| Err(failure().into()));
        }
        lock(&self.committer.waiting).pen = self.pen.take();
        self.committer.committed.notify_all();
    }
}

impl Pen {
    fn write(
        &mut self,
        group: &[Arc<Job>],
        table: &ArcSwap<Table>,
        disk: &Disk,
        dirty: &Dirty,
        limits: JournalLimits,
    ) {
        if let Err(failure) = self.repair.compare(disk, dirty) {
            for job in group {
                job.finish(Err(failure.clone().into()));
            }
            return;
        }
        let mut accepted: Vec<(&Job, Vec<Act<'_>>)> = Vec::with_capacity(group.len());
        for job in group {
            match self.look_over(job, &table.load(), limits) {
                Ok(acts) => accepted.push((job, acts)),
                Err(error) => job.finish(Err(error)),
            }
        }
        let stale = dirty.take();
        if accepted.is_empty() && stale.is_empty() && self.repair.is_empty() {
            return;
        }
        let mut old_settings = OldSettings::new();
        let written = disk.write(|transaction| {
            let mut writing = Writing::new(transaction)?;
            let acts = || accepted.iter().flat_map(|(_, acts)| acts);
            let replaced = acts().filter_map(Act::replaced).collect();
            let repaired = self.repair.write(&mut writing, &replaced)?;
            for entry in stale.values() {
                let is_there = |found: &Arc<Entry>| found.id == entry.id;
                if table.load().find(entry.name()).is_some_and(is_there) {
                    let timers = entry.file().timers;
                    writing.timers(entry.id, timers, entry.head.load().standing)?;
                }
            }
            for (job, acts) in &mut accepted {
                for act in acts {
                    act.write(&mut writing)?;
                }
                for (key, value) in &job.batch.settings {
                    let old = writing.take_setting(key)?;
                    old_settings.entry(key.clone()).or_insert(old);
                    if let Some(value) = value {
                        writing.put_setting(key, value)?;
                    }
                }
            }
            Ok::<_, StorageFailure>(repaired)
        });
        match written {
            Ok(repaired) => {
                self.repair.done(repaired);
                self.make_visible(accepted, table);
            }
            Err(Unwritten { error, is_doubtful }) => {
                dirty.put_back(stale);
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
        limits: JournalLimits,
    ) -> Result<Vec<Act<'j>>, StoreError> {
        let find = |name: &NameBuf| {
            table
                .find(name.as_name())
                .cloned()
                .ok_or_else(|| StoreError::NoSuchZone(name.clone()))
        };
        let changes = job.batch.zones.iter().zip(&job.steps);
        changes
            .map(|((name, change), step)| match change {
                ZoneChange::Create(timers) => {
                    if table.find(name.as_name()).is_some() {
                        return Err(StoreError::ZoneExists(name.clone()));
                    }
                    Ok(Act::Create(Arc::new(self.new_entry(name, *timers))))
                }
                ZoneChange::Remove => find(name).map(Act::Remove),
                ZoneChange::Timers(timers, standing) => {
                    find(name).map(|entry| Act::Timers(entry, *timers, *standing))
                }
                ZoneChange::Publish(publication) => {
                    let entry = find(name)?;
                    let publish = self.publish(entry, publication, step.as_ref(), limits)?;
                    Ok(Act::Publish(Box::new(publish)))
                }
            })
            .collect()
    }

    fn new_entry(&mut self, name: &NameBuf, timers: Timers) -> Entry {
        self.last_id += 1;
        let head = HeldZone {
            name: name.as_name().as_octets().into(),
            generation: self.next_generation(),
            standing: Standing::NeverLoaded,
            zone: None,
        };
        let file = ZoneFile {
            timers,
            ..ZoneFile::default()
        };
        Entry::new(self.last_id, head, file)
    }

    fn publish<'j>(
        &mut self,
        entry: Arc<Entry>,
        publication: &'j Publication,
        step: Option<&'j EncodedStep>,
        limits: JournalLimits,
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
        let (Content::Replace(zone) | Content::Patch { zone, .. }) = &publication.content;
        if zone.apex() != entry.name() {
            return Err(StoreError::WrongApex {
                zone: name(),
                apex: zone.apex().to_buf(),
            });
        }
        let file = entry.file();
        let mut plan = Plan::replace(&file);
        let mut content = &[][..];
        if let (Content::Patch { diff, .. }, Some(step)) = (&publication.content, step) {
            let (from, to) = (diff.from().serial, diff.to().serial);
            if !head
                .zone
                .as_ref()
                .is_some_and(|held| step.leads(held, zone, diff))
            {
                return Err(StoreError::WrongDifference {
                    zone: name(),
                    from,
                    to,
                });
            }
            if !file.doubtful {
                plan = Plan::patch(&file, from, to, step.octets, limits);
                content = &step.content;
            }
        }
        let timers = publication.timers.unwrap_or(file.timers);
        drop(file);
        drop(head);
        Ok(Publish {
            entry,
            generation: self.next_generation(),
            zone,
            step: content,
            plan,
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
            let generations = acts.iter().filter_map(Act::make_visible).collect();
            job.finish(Ok(generations));
        }
    }
}

impl Job {
    /// Looks over what can be known without the pen, and does there what takes long.
    fn new(batch: Batch) -> Result<Self, StoreError> {
        let mut names = HashSet::new();
        let mut steps = Vec::with_capacity(batch.zones.len());
        for (name, change) in &batch.zones {
            if !names.insert(name) {
                return Err(StoreError::NamedTwice(name.clone()));
            }
            steps.push(match change {
                ZoneChange::Publish(publication) => encoded_step(&publication.content),
                _ => None,
            });
        }
        Ok(Self {
            batch,
            steps,
            done: OnceLock::new(),
        })
    }

    fn finish(&self, result: Result<Vec<Generation>, StoreError>) {
        let _ = self.done.set(result); // nobody else finishes it
    }
}

fn encoded_step(content: &Content) -> Option<EncodedStep> {
    let Content::Patch { diff, .. } = content else {
        return None;
    };
    let (content, octets) = step_content(diff.from().serial, diff.to().serial, diff.encode());
    Some(EncodedStep {
        content,
        octets,
        removed: diff.removed().count() as u64,
        added: diff.added().count() as u64,
    })
}

impl EncodedStep {
    /// Whether the difference can lead from one version to the other: what does not would be served, and missed at the next
    /// start, when it is applied. To apply it here would cost as much as to make it.
    fn leads(&self, held: &Zone, new: &Zone, diff: &Diff) -> bool {
        diff.from() == held.soa().as_soa()
            && diff.to() == new.soa().as_soa()
            && held.record_count() + self.added == new.record_count() + self.removed
    }
}

impl Act<'_> {
    fn entry(&self) -> &Arc<Entry> {
        match self {
            Act::Create(entry) | Act::Remove(entry) | Act::Timers(entry, ..) => entry,
            Act::Publish(publish) => &publish.entry,
        }
    }

    /// The zone of which the file has nothing afterwards but what this writes.
    fn replaced(&self) -> Option<u64> {
        match self {
            Act::Remove(entry) => Some(entry.id),
            Act::Publish(publish) if publish.plan.cut => Some(publish.entry.id),
            _ => None,
        }
    }

    fn write(&mut self, writing: &mut Writing<'_>) -> crate::disk::Result<()> {
        match self {
            Act::Create(entry) => {
                let row = ZoneRow {
                    generation: entry.head.load().generation,
                    extent: Extent::default(),
                    name: Arc::clone(&entry.name),
                    apex: None,
                };
                writing.zone(entry.id, &row)?;
                writing.timers(entry.id, entry.file().timers, Standing::NeverLoaded)
            }
            Act::Remove(entry) => writing.remove_zone(entry.id),
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
                    timers,
                } = &mut **publish;
                writing.publish(entry.id, plan, zone, step)?;
                let row = ZoneRow {
                    generation: *generation,
                    extent: plan.after,
                    name: Arc::clone(&entry.name),
                    apex: Some(zone.apex().as_octets().into()),
                };
                writing.zone(entry.id, &row)?;
                writing.timers(entry.id, *timers, Standing::Current)
            }
        }
    }

    /// Shows the change to readers, the table aside; says which generation it made.
    fn make_visible(&self) -> Option<Generation> {
        match self {
            Act::Create(entry) => Some(entry.head.load().generation),
            Act::Remove(_) => None,
            Act::Timers(entry, timers, standing) => {
                let mut file = entry.file();
                file.timers = *timers;
                if let Some(standing) = standing {
                    let head = HeldZone::clone(&entry.head.load());
                    let standing = *standing;
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
                    name: Arc::clone(&entry.name),
                    generation: publish.generation,
                    standing: Standing::Current,
                    zone: Some(publish.zone.clone()),
                }));
                Some(publish.generation)
            }
        }
    }
}

impl Dirty {
    pub(crate) fn add(&self, entry: Arc<Entry>) {
        lock(&self.0).insert(entry.id, entry);
    }

    pub(crate) fn is_empty(&self) -> bool {
        lock(&self.0).is_empty()
    }

    fn take(&self) -> HashMap<u64, Arc<Entry>> {
        std::mem::take(&mut lock(&self.0))
    }

    fn put_back(&self, entries: HashMap<u64, Arc<Entry>>) {
        lock(&self.0).extend(entries);
    }
}

/// A thread that panicked with a lock in hand has not left anything half done: what is changed under these is changed in
/// one step.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
