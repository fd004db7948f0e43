//! The file that zones survive in: tables of redb, and how they are read and written.
//!
//! | table | key | value |
//! |---|---|---|
//! | `meta` | word | number: `format` |
//! | `zones` | zone | generation, which snapshot and steps count, name, serial ([`ZoneRow`]) |
//! | `blocks` | zone, snapshot, place, part | pages of a whole version ([`blocks`]) |
//! | `doomed` | zone, snapshot | nothing: the snapshot does not count, not yet or no longer |
//! | `journal` | zone, step, part | a difference |
//! | `timers` | zone | next check, expires at, standing |
//! | `settings` | word, part | a named value |
//!
//! A zone goes by a number here, never used twice; so does a snapshot. What a version is on disk: the pages of its snapshot,
//! and the steps of the journal on top of it. A patch writes its difference and its row; when the steps on top have grown to
//! half of the snapshot, the blocks whose pages have changed are written anew. Steps below the snapshot are kept as history
//! for IXFR while the limits allow.
//!
//! A large snapshot is written piece by piece before it counts, each piece in a transaction of its own, so that nobody waits
//! for more than a piece; then one small transaction makes it the zone's. Until then it is doomed, as the one before it is
//! from then on: what is doomed, and not [under way](UnderWay), is taken out piece by piece too, and by whoever opens the file
//! next if it is still there.

mod blocks;
mod copy;
mod dirt;
mod load;
mod plan;
mod prove;
mod read_only;
mod rows;
mod seal;
mod shared;
mod under_way;
mod write;

use std::ops::DerefMut;
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};

use redb::{
    Builder, Database, Durability, ReadTransaction, ReadableDatabase, ReadableTable,
    StorageBackend, TableDefinition, WriteTransaction,
};

pub(crate) use dirt::Dirt;
pub(crate) use load::Loaded;
pub(crate) use plan::{Keep, Plan};
pub(crate) use read_only::ReadOnlyFile;
pub(crate) use rows::{ContentRow, Extent, Snapshot, Step, ZoneFile, ZoneRow};
pub(crate) use under_way::Reserved;
pub(crate) use write::{SettingParts, StagedPiece, Staging, Writing, WrittenPiece, step_content};

use crate::{OpenError, Options, StorageFailure};
use blocks::BlockKey;
use rows::TimerRow;
use shared::SharedBackend;
use under_way::UnderWay;

const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");
const ZONES: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("zones");
const BLOCKS: TableDefinition<'_, BlockKey<'static>, &[u8]> = TableDefinition::new("blocks");
const DOOMED: TableDefinition<'_, (u64, u64), ()> = TableDefinition::new("doomed");
const JOURNAL: TableDefinition<'_, (u64, u64, u32), &[u8]> = TableDefinition::new("journal");
const TIMERS: TableDefinition<'_, u64, TimerRow> = TableDefinition::new("timers");
const SETTINGS: TableDefinition<'_, (&str, u32), &[u8]> = TableDefinition::new("settings");

/// The format that we write and read.
const FORMAT: u32 = 2;

pub(crate) type Result<T, E = StorageFailure> = std::result::Result<T, E>;

/// The part of redb's memory that a transaction of a staged piece takes: half of it is for what is to be written, and what
/// goes when that is full may be of the transaction at hand as well as of those before it.
const PORTIONS: usize = 8;

/// The open file.
pub(crate) struct Disk {
    backend: SharedBackend,
    cache_octets: usize,
    /// See [`Options::piece_octets`].
    pub(crate) piece_octets: u64,
    /// `None` between a failure and the next attempt to open it again.
    database: RwLock<Option<Database>>,
    /// Somebody waits to close it: whoever reads for long had better stop.
    is_closing: AtomicBool,
    /// The highest number that a snapshot in the file has, or was given.
    last_snapshot: AtomicU64,
    under_way: UnderWay,
}

/// Why a transaction was not made.
pub(crate) struct Unwritten<E> {
    pub(crate) error: E,
    /// It failed so late that it may have reached the file all the same.
    pub(crate) is_doubtful: bool,
}

impl Disk {
    pub(crate) fn open(backend: impl StorageBackend, options: &Options) -> Result<Self, OpenError> {
        let backend = SharedBackend::new(backend);
        let database = open(&backend, options.cache_octets)?;
        let disk = Self {
            backend,
            cache_octets: options.cache_octets,
            piece_octets: options.piece_octets,
            database: RwLock::new(Some(database)),
            is_closing: AtomicBool::new(false),
            last_snapshot: AtomicU64::new(0),
            under_way: UnderWay::default(),
        };
        disk.write(|transaction| {
            let mut meta = transaction.open_table(META).map_err(StorageFailure::new)?;
            let found = meta
                .get("format")
                .map_err(StorageFailure::new)?
                .map(|number| number.value());
            match found {
                Some(found) if found == sealed_format() => {}
                Some(found) => {
                    return Err(OpenError::Format {
                        found: found as u32, // the checksum stands above it
                        known: FORMAT,
                    });
                }
                None => {
                    meta.insert("format", sealed_format())
                        .map_err(StorageFailure::new)?;
                }
            }
            transaction
                .open_table(BLOCKS)
                .map_err(StorageFailure::new)?;
            transaction
                .open_table(DOOMED)
                .map_err(StorageFailure::new)?;
            transaction
                .open_table(JOURNAL)
                .map_err(StorageFailure::new)?;
            transaction.open_table(ZONES).map_err(StorageFailure::new)?;
            transaction
                .open_table(TIMERS)
                .map_err(StorageFailure::new)?;
            transaction
                .open_table(SETTINGS)
                .map_err(StorageFailure::new)?;
            Ok(())
        })
        .map_err(|unwritten: Unwritten<OpenError>| unwritten.error)?;
        Ok(disk)
    }

    /// A number for another snapshot.
    pub(crate) fn number_snapshot(&self) -> u64 {
        self.last_snapshot.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// The same, for one that is written piece by piece.
    pub(crate) fn reserve_snapshot(&self, zone: u64) -> Reserved {
        self.under_way.reserve(zone, self.number_snapshot())
    }

    /// Why nothing is written any more, if that is so.
    pub(crate) fn failure(&self) -> Option<StorageFailure> {
        self.backend.check().err()
    }

    /// Reads from the last commit.
    pub(crate) fn read<T, E: From<StorageFailure>>(
        &self,
        read: impl FnOnce(&ReadTransaction) -> Result<T, E>,
    ) -> Result<T, E> {
        self.reopen_if_closed()?;
        let database = self.database.read().unwrap_or_else(PoisonError::into_inner);
        let database = database.as_ref().ok_or_else(closed)?;
        contained(|| {
            let transaction = database.begin_read().map_err(StorageFailure::new)?;
            read(&transaction)
        })?
    }

    /// Changes what is there, as [`write`](Self::write) does.
    pub(crate) fn change<T>(
        &self,
        change: impl FnOnce(&mut Writing<'_>) -> Result<T>,
    ) -> Result<T, Unwritten<StorageFailure>> {
        self.write(|transaction| change(&mut self.writing(transaction)?))
    }

    /// Writes a piece of a snapshot that does not count yet: all of it is durable when this returns.
    ///
    /// That takes several transactions, of which only the last waits for the disk. redb sums up the pages of a transaction when
    /// it commits: those that it had no room for until then it has written already, reads back, and writes once more.
    /// What a failure leaves of them does not count, as ever.
    pub(crate) fn stage(&self, piece: &StagedPiece<'_>) -> Result<WrittenPiece> {
        let mut written = WrittenPiece::default();
        let mut portions = piece.portions(self.cache_octets / PORTIONS).peekable();
        while let Some(portion) = portions.next() {
            let durability = match portions.peek() {
                Some(_) => Durability::None,
                None => Durability::Immediate,
            };
            let more = self.write_with(durability, |transaction| {
                self.writing(transaction)?.stage(&portion)
            });
            written.add(more.map_err(|unwritten| unwritten.error)?);
        }
        Ok(written)
    }

    fn writing<'t>(&'t self, transaction: &'t WriteTransaction) -> Result<Writing<'t>> {
        Writing::new(transaction, self.piece_octets, &self.under_way)
    }

    /// Writes in one transaction: all of it is durable when this returns, or [nothing](Unwritten).
    fn write<T, E: From<StorageFailure>>(
        &self,
        write: impl FnOnce(&WriteTransaction) -> Result<T, E>,
    ) -> Result<T, Unwritten<E>> {
        self.write_with(Durability::Immediate, write)
    }

    /// Writes in one transaction: all of it is as durable as is asked when this returns, or nothing is.
    ///
    /// After a failure of the file, it is closed; the next to come opens it again, at the last commit. After a failed sync
    /// nobody does, and nothing is written any more.
    fn write_with<T, E: From<StorageFailure>>(
        &self,
        durability: Durability,
        write: impl FnOnce(&WriteTransaction) -> Result<T, E>,
    ) -> Result<T, Unwritten<E>> {
        self.backend.check()?;
        self.reopen_if_closed()?;
        let result = {
            let database = self.database.read().unwrap_or_else(PoisonError::into_inner);
            let database = database.as_ref().ok_or_else(closed)?;
            contained(|| self.commit(database, durability, write)).unwrap_or_else(|failure| {
                Err(Unwritten {
                    error: failure.into(),
                    is_doubtful: true,
                })
            })
        };
        result.map_err(|unwritten| {
            self.is_closing.store(true, Ordering::Relaxed);
            close({ self.database.write() }.unwrap_or_else(PoisonError::into_inner));
            self.is_closing.store(false, Ordering::Relaxed);
            match self.backend.check() {
                // Closing syncs too.
                Err(failure) => Unwritten {
                    error: failure.into(),
                    ..unwritten
                },
                Ok(()) => unwritten,
            }
        })
    }

    fn reopen_if_closed(&self) -> Result<()> {
        let is_open = |database: &Option<Database>| database.is_some();
        if is_open(&self.database.read().unwrap_or_else(PoisonError::into_inner)) {
            return Ok(());
        }
        let mut database = self
            .database
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        if database.is_none() {
            self.backend.check()?;
            *database = Some(open(&self.backend, self.cache_octets)?);
        }
        Ok(())
    }

    fn commit<T, E: From<StorageFailure>>(
        &self,
        database: &Database,
        durability: Durability,
        write: impl FnOnce(&WriteTransaction) -> Result<T, E>,
    ) -> Result<T, Unwritten<E>> {
        let mut transaction = database.begin_write().map_err(StorageFailure::new)?;
        transaction.set_quick_repair(true);
        transaction
            .set_durability(durability)
            .map_err(StorageFailure::new)?;
        let result = write(&transaction).map_err(|error| Unwritten {
            error,
            is_doubtful: false,
        })?;
        transaction.commit().map_err(|error| Unwritten {
            error: self.backend.cause(error).into(),
            is_doubtful: true,
        })?;
        Ok(result)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        close(
            self.database
                .write()
                .unwrap_or_else(PoisonError::into_inner),
        );
    }
}

fn open(backend: &SharedBackend, cache_octets: usize) -> Result<Database> {
    contained(|| {
        Builder::new()
            .set_cache_size(cache_octets)
            .create_with_backend(backend.clone())
            .map_err(|error| backend.cause(error))
    })?
}

/// What cannot be written when a file is closed was said before, or is mended when it is opened again.
fn close(mut database: impl DerefMut<Target = Option<Database>>) {
    let _ = contained(|| *database = None);
}

/// Makes a panic of redb a failure.
///
/// redb verifies checksums when a file was not closed properly, and otherwise takes its own pages at their word: where the disk
/// has changed one behind its back, it may meet what it never writes, and panics. What lies in its pages cannot be proven
/// from outside of it, short of reading the file twice. No broken state is left behind for anyone to see: a transaction that
/// unwinds changes nothing in the file; after one that was to write, the database is closed and opened anew; our own tables
/// change only after a transaction has returned.
fn contained<T>(work: impl FnOnce() -> T) -> Result<T> {
    panic::catch_unwind(AssertUnwindSafe(work)).map_err(|said| {
        let said = match (said.downcast_ref::<&str>(), said.downcast_ref::<String>()) {
            (Some(said), _) => (*said).to_owned(),
            (_, Some(said)) => said.clone(),
            _ => String::new(),
        };
        StorageFailure::of_panic(said)
    })
}

/// The format with its checksum above it.
fn sealed_format() -> u64 {
    let sum = seal::checksum(b"format", &FORMAT.to_be_bytes());
    u64::from(sum) << 32 | u64::from(FORMAT)
}

impl<E: From<StorageFailure>> From<StorageFailure> for Unwritten<E> {
    fn from(failure: StorageFailure) -> Self {
        Self {
            error: failure.into(),
            is_doubtful: false,
        }
    }
}

/// Somebody else closed it in the blink between opening and reading.
fn closed() -> StorageFailure {
    StorageFailure::new(redb::Error::PreviousIo)
}
