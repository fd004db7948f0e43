//! Copying the file while it is in use.

use std::fs::File;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use redb::backends::FileBackend;
use redb::{Builder, Database, Key, ReadTransaction, ReadableDatabase, ReadableTable};
use redb::{TableDefinition, Value};

use super::{BLOCKS, DOOMED, Disk, JOURNAL, META, SETTINGS, TIMERS, ZONES, closed};
use crate::{BackupError, StorageFailure};

/// Octets in one transaction of the copy, and of memory for its parts.
const PIECE: usize = 8 << 20;

impl Disk {
    /// Copies everything, as the last commit left it, into an empty file. Others go on reading and writing; the room of what
    /// they replace is not used again before this is over. Ends with an error when the file is to be closed.
    pub(crate) fn copy_into(&self, file: File) -> Result<(), BackupError> {
        self.reopen_if_closed()?;
        let database = self.database.read().unwrap_or_else(PoisonError::into_inner);
        let database = database.as_ref().ok_or_else(closed)?;
        let from = &database.begin_read().map_err(StorageFailure::new)?;
        let backend = FileBackend::new(file).map_err(BackupError::target)?;
        let to = Builder::new()
            .set_cache_size(PIECE)
            .create_with_backend(backend)
            .map_err(BackupError::target)?;
        self.copy(from, &to, META)?;
        self.copy(from, &to, ZONES)?;
        self.copy(from, &to, BLOCKS)?;
        self.copy(from, &to, DOOMED)?;
        self.copy(from, &to, JOURNAL)?;
        self.copy(from, &to, TIMERS)?;
        self.copy(from, &to, SETTINGS)?;
        to.close().map_err(BackupError::target)
    }

    fn copy<K: Key + 'static, V: Value + 'static>(
        &self,
        from: &ReadTransaction,
        to: &Database,
        table: TableDefinition<'_, K, V>,
    ) -> Result<(), BackupError> {
        let source = from.open_table(table).map_err(StorageFailure::new)?;
        let mut rows = source.iter().map_err(StorageFailure::new)?;
        loop {
            let mut transaction = to.begin_write().map_err(BackupError::target)?;
            transaction.set_quick_repair(true);
            let mut copy = transaction.open_table(table).map_err(BackupError::target)?;
            let mut octets = 0;
            let mut is_over = false;
            while octets < PIECE && !is_over {
                if self.is_closing.load(Ordering::Relaxed) {
                    return Err(closed().into());
                }
                match rows.next().transpose().map_err(StorageFailure::new)? {
                    None => is_over = true,
                    Some((key, value)) => {
                        octets += K::as_bytes(&key.value()).as_ref().len();
                        octets += V::as_bytes(&value.value()).as_ref().len();
                        copy.insert(key.value(), value.value())
                            .map_err(BackupError::target)?;
                    }
                }
            }
            drop(copy);
            transaction.commit().map_err(BackupError::target)?;
            if is_over {
                return Ok(());
            }
        }
    }
}
