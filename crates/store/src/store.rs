//! All zones, in memory to be read and in a file to survive.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use redb::StorageBackend;
use redb::backends::{FileBackend, InMemoryBackend};
use zonekit_wire::{Name, Serial};

use crate::commit::{Backing, Committer, Dirty};
use crate::disk::{Disk, Keep, Loaded, Step};
use crate::table::{Entry, Table};
use crate::{
    BackupError, Batch, Damage, Diff, Generation, Held, HeldZone, JournalLimits, OpenError,
    Options, Publication, Standing, StorageFailure, StoreError, Timers, Zone,
};

/// All zones of a node, and whatever else it has to remember: the versions in memory, to be read without waiting, and
/// all of it in one file.
///
/// A change is durable before it is visible: [`publish`](Self::publish) returns, and readers see the version, once it
/// is safe on the disk. Changes made from several threads at once share a commit. Methods that change something wait for
/// the disk; an asynchronous program calls them from a thread that may.
///
/// ```
/// use zonekit_store::{Checks, Content, Publication, Standing, Store, ZoneBuilder, ZoneLimits};
/// use zonekit_wire::{Class, Name, NameBuf, Record, Rtype};
/// # let soa = b"\x02ns\0\x02ns\0\0\0\0\x07\0\0\x0e\x10\0\0\x02\x58\0\x01\x51\x80\0\0\x01\x2c";
///
/// let store = Store::in_memory();
/// let apex: NameBuf = "example.org".parse()?;
/// let generation = store.create_zone(apex.as_name())?;
/// assert_eq!(store.zone(apex.as_name()).unwrap().standing, Standing::NeverLoaded);
///
/// # let record = |rtype, rdata| Record { owner: apex.as_name(), rtype, class: Class::IN, ttl: 3600, rdata };
/// let mut builder = ZoneBuilder::new(apex.as_name(), ZoneLimits::default(), Checks::Strict);
/// builder.begin(&record(Rtype::SOA, soa))?;
/// builder.add(&record(Rtype::NS, b"\x02ns\0"))?;
/// let (zone, _notes) = builder.finish()?;
/// store.publish(Publication {
///     zone: apex.clone(),
///     expected: generation,
///     content: Content::Replace(zone),
///     timers: None,
/// })?;
///
/// let host: NameBuf = "www.example.org".parse()?;
/// let held = store.enclosing(host.as_name()).expect("the zone above");
/// assert_eq!(held.servable().unwrap().serial().0, 7);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Store {
    table: ArcSwap<Table>,
    disk: Disk,
    committer: Committer,
    dirty: Dirty,
    journal: Mutex<JournalLimits>,
    /// See [`Options::zones`].
    most_zones: u64,
    damage: Vec<Damage>,
    /// Seconds since 1970, as far as we were told.
    now: AtomicU64,
}

impl Store {
    /// A store that forgets everything when it goes. What it would write to a file it keeps in memory as well.
    pub fn in_memory() -> Self {
        Self::open_on(InMemoryBackend::new(), Options::default())
            .expect("new memory is neither full nor damaged")
    }

    /// Opens a file, or makes it. Zones are in memory when this returns; nothing is parsed or transferred for that: what
    /// matches its checksum is taken as it was written. [`check`](crate::check) proves it entry by entry.
    ///
    /// # Errors
    ///
    /// When the file itself cannot be used. Single zones that are damaged do not hinder the others: they come without
    /// contents, or without history where only that is damaged, and [`damage`](Self::damage) tells of them.
    pub fn open(path: impl AsRef<Path>, options: Options) -> Result<Self, OpenError> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(StorageFailure::new)?;
        Self::open_on(
            FileBackend::new(file).map_err(StorageFailure::new)?,
            options,
        )
    }

    /// Opens a store on anything that redb can use. After a failed write the backend is closed and used again; after a failed
    /// sync it is not, zones are served on from memory, and every change is refused.
    pub fn open_on(backend: impl StorageBackend, options: Options) -> Result<Self, OpenError> {
        let disk = Disk::open(backend, &options)?;
        let mut table = Table::new();
        let mut damage = Vec::new();
        let mut last_id = 0;
        let mut last_generation = Generation::default();
        disk.load(
            |loaded| {
                last_id = last_id.max(loaded.id);
                last_generation = last_generation.max(loaded.row.generation);
                table.insert(Arc::new(entry(loaded)));
            },
            &mut damage,
        )?;
        if let Some(Damage::Row(id)) = damage.iter().max_by_key(|damage| match damage {
            Damage::Row(id) => *id,
            _ => 0,
        }) {
            last_id = last_id.max(*id);
        }
        let store = Self {
            table: ArcSwap::from_pointee(table),
            disk,
            committer: Committer::new(last_id, last_generation),
            dirty: Dirty::default(),
            journal: Mutex::new(options.journal),
            most_zones: options.zones,
            damage,
            now: AtomicU64::new(0),
        };
        if store.disk.is_littered()? {
            store.committer.sweep(store.backing());
        }
        Ok(store)
    }

    /// What was found damaged when the store was opened.
    pub fn damage(&self) -> &[Damage] {
        &self.damage
    }

    /// Why nothing can be written any more before the store has been opened again, if that is so: a failure that
    /// [needs a restart](StorageFailure::needs_restart). What was served is served on.
    pub fn failure(&self) -> Option<StorageFailure> {
        self.disk.failure()
    }

    /// What there is of the zone of exactly this name.
    pub fn zone(&self, name: Name<'_>) -> Option<Held> {
        self.table.load().find(name).map(|entry| entry.held())
    }

    /// What there is of the closest zone at or above a name: the one that answers for it.
    pub fn enclosing(&self, name: Name<'_>) -> Option<Held> {
        self.table.load().enclosing(name).map(|entry| entry.held())
    }

    /// All zones, as they are when the iterator comes to them, in no order.
    pub fn zones(&self) -> impl Iterator<Item = Held> + use<> {
        let entries: Vec<_> = self.table.load().iter().cloned().collect();
        entries.into_iter().map(|entry| entry.held())
    }

    /// How many zones there are.
    pub fn zone_count(&self) -> usize {
        self.table.load().len()
    }

    /// When a zone is looked after next.
    pub fn timers(&self, name: Name<'_>) -> Option<Timers> {
        self.table
            .load()
            .find(name)
            .map(|entry| entry.file().timers)
    }

    /// Makes a zone without contents.
    pub fn create_zone(&self, name: Name<'_>) -> Result<Generation, StoreError> {
        let mut batch = Batch::new();
        batch.create_zone(name, Timers::default());
        self.commit_one(batch)
    }

    /// Takes a zone away, with all that is kept of it. Whoever reads it reads on.
    pub fn remove_zone(&self, name: Name<'_>) -> Result<(), StoreError> {
        let mut batch = Batch::new();
        batch.remove_zone(name);
        self.commit(batch)
    }

    /// Makes a version the one that is served, once it is durable.
    pub fn publish(&self, publication: Publication) -> Result<Generation, StoreError> {
        let mut batch = Batch::new();
        batch.publish(publication);
        self.commit_one(batch)
    }

    /// Makes changes together: all are durable and visible when this returns, or none.
    pub fn commit(&self, batch: Batch) -> Result<(), StoreError> {
        self.commit_all(batch).map(drop)
    }

    /// Says when to look after a zone next. That is in memory at once, and in the file with the next commit of anything,
    /// or [`flush`](Self::flush): a crash may bring earlier timers back, which does no harm.
    pub fn note_timers(&self, name: Name<'_>, timers: Timers) -> Result<(), StoreError> {
        let entry = self.entry(name)?;
        entry.file().timers = timers;
        self.dirty.add(entry);
        Ok(())
    }

    /// Keeps a named value, as [`Batch::put`] does, or forgets it: in the file, where [`setting`](Self::setting) finds it, with
    /// the next commit of anything, or [`flush`](Self::flush). A crash may bring the one before back.
    pub fn note_setting(&self, key: impl Into<String>, value: Option<Vec<u8>>) {
        self.dirty.add_setting(key.into(), value);
    }

    /// From now on, histories are kept within other limits; each is cut down when its zone changes next.
    pub fn set_journal_limits(&self, limits: JournalLimits) {
        *self.journal.lock().unwrap_or_else(PoisonError::into_inner) = limits;
    }

    /// Tells the time, in seconds since 1970: steps of the journal that come from now on are that old, and those before are
    /// held against [`JournalLimits::age`]. The store has no clock of its own.
    pub fn note_time(&self, now: u64) {
        self.now.store(now, Ordering::Relaxed);
    }

    /// Says how a zone stands. That is visible at once, and in the file as [`note_timers`](Self::note_timers) says.
    pub fn set_standing(&self, name: Name<'_>, standing: Standing) -> Result<(), StoreError> {
        let entry = self.entry(name)?;
        {
            let _file = entry.file();
            let head = entry.head.load_full();
            if head.standing == standing {
                return Ok(());
            }
            entry.head.store(Arc::new(HeldZone {
                standing,
                ..HeldZone::clone(&head)
            }));
        }
        self.dirty.add(entry);
        Ok(())
    }

    /// Brings timers, standings and named values that were noted into the file.
    pub fn flush(&self) -> Result<(), StoreError> {
        if self.dirty.is_empty() {
            return Ok(());
        }
        self.commit(Batch::new())
    }

    /// The differences that lead from a version to the one held: none when it is that one, `None` when the history does
    /// not go back so far.
    pub fn journal(&self, name: Name<'_>, from: Serial) -> Result<Option<Vec<Diff>>, StoreError> {
        let entry = self.entry(name)?;
        let Some(History { numbers, .. }) = history(&entry, from, self.keep()) else {
            return Ok(None);
        };
        if numbers.is_empty() {
            return Ok(Some(Vec::new()));
        }
        trimmed_is_none(self.disk.steps(entry.id, name, numbers, usize::MAX))
    }

    /// The numbers of the steps that the [`journal`](Self::journal) from a version on consists of, for
    /// [`journal_steps`](Self::journal_steps); `None` when there is none. Known from memory.
    pub fn journal_numbers(&self, name: Name<'_>, from: Serial) -> Option<Range<u64>> {
        let table = self.table.load();
        history(table.find(name)?, from, self.keep()).map(|history| history.numbers)
    }

    /// The first of these steps of the journal, as many as have `octets` octets together, but one at least: a journal can be
    /// read piece by piece. `None` when it does not go back so far any more.
    pub fn journal_steps(
        &self,
        name: Name<'_>,
        numbers: Range<u64>,
        octets: usize,
    ) -> Result<Option<Vec<Diff>>, StoreError> {
        let entry = self.entry(name)?;
        trimmed_is_none(self.disk.steps(entry.id, name, numbers, octets))
    }

    /// The serials that a [`journal`](Self::journal) can begin with, oldest first; the last is that of the version held.
    /// Empty while there is none. Known from memory.
    pub fn journal_serials(&self, name: Name<'_>) -> Vec<Serial> {
        let table = self.table.load();
        let Some(entry) = table.find(name) else {
            return Vec::new();
        };
        let (file, keep) = (entry.file(), self.keep());
        let mut serials: Vec<_> = match file.doubtful {
            true => Vec::new(),
            false => { file.steps().rev() }
                .take_while(|step| !keep.is_old(step))
                .map(|step| step.from)
                .collect(),
        };
        serials.reverse();
        serials.extend(entry.head.load().zone.as_ref().map(Zone::serial));
        serials
    }

    /// How many octets the [`journal`](Self::journal) from a version on takes in the file, which is about the length of its
    /// records in wire form; `None` when there is none. Known from memory, so that one that is too long need not be read.
    pub fn journal_octets(&self, name: Name<'_>, from: Serial) -> Option<u64> {
        let table = self.table.load();
        history(table.find(name)?, from, self.keep()).map(|history| history.octets)
    }

    /// A named value.
    pub fn setting(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.disk.setting(key)
    }

    /// All named values whose names begin with `prefix`, by name.
    pub fn settings(&self, prefix: &str) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        self.disk.settings(prefix)
    }

    /// Copies the file into an empty one.
    pub(crate) fn copy_into(&self, file: File) -> Result<(), BackupError> {
        // Timers that were noted come along if they can; older ones do no harm.
        let _ = self.flush();
        self.disk.copy_into(file)
    }

    fn entry(&self, name: Name<'_>) -> Result<Arc<Entry>, StoreError> {
        self.table
            .load()
            .find(name)
            .cloned()
            .ok_or_else(|| StoreError::NoSuchZone(name.to_buf()))
    }

    fn commit_one(&self, batch: Batch) -> Result<Generation, StoreError> {
        let generations = self.commit_all(batch)?;
        Ok(generations.first().copied().unwrap_or_default())
    }

    fn commit_all(&self, batch: Batch) -> Result<Vec<Generation>, StoreError> {
        self.committer.commit(batch, self.backing())
    }

    fn backing(&self) -> Backing<'_> {
        Backing {
            table: &self.table,
            disk: &self.disk,
            dirty: &self.dirty,
            keep: self.keep(),
            most_zones: self.most_zones,
        }
    }

    fn keep(&self) -> Keep {
        Keep {
            limits: *self.journal.lock().unwrap_or_else(PoisonError::into_inner),
            now: self.now.load(Ordering::Relaxed),
            piece: self.disk.piece_octets,
        }
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store")
            .field("zones", &self.zone_count())
            .finish_non_exhaustive()
    }
}

/// The steps of a journal that lead to the version held.
struct History {
    numbers: Range<u64>,
    octets: u64,
}

fn history(entry: &Entry, from: Serial, keep: Keep) -> Option<History> {
    let file = entry.file();
    let next = file.extent().next_step;
    let head = entry.head.load();
    let mut octets = 0;
    let mut first = next;
    if head.zone.as_ref().map(Zone::serial) != Some(from) {
        if file.doubtful {
            return None;
        }
        // From the newest back: after a wrap of serials, the same number can stand in the history twice.
        let is_kept = |step: &&Step| !keep.is_old(step);
        let mut newest_first = file.steps().rev().take_while(is_kept);
        newest_first.find(|step| {
            first -= 1;
            octets += step.octets;
            step.from == from
        })?;
    }
    Some(History {
        numbers: first..next,
        octets,
    })
}

/// Steps that are missing have been trimmed in the meantime.
fn trimmed_is_none(steps: Result<Vec<Diff>, StoreError>) -> Result<Option<Vec<Diff>>, StoreError> {
    match steps {
        Ok(steps) => Ok(Some(steps)),
        Err(StoreError::Damaged(Damage::Missing { .. })) => Ok(None),
        Err(error) => Err(error),
    }
}

fn entry(loaded: Loaded) -> Entry {
    let head = HeldZone {
        name: loaded.row.name,
        generation: loaded.row.generation,
        standing: loaded.standing,
        zone: loaded.zone,
    };
    Entry::new(loaded.id, head, loaded.file)
}
