//! A backend that outlives the database on top of it.
//!
//! After a failed write, redb wants to be opened again. This lets it, on the same backend; but not after a failed sync.
//! What a system could not write out at a sync it may forget and read back all the same, and the next sync reports
//! success: whatever were written on top of that would be lost with it when the power goes. So a sync that fails is the
//! last thing that happens to the file.

use std::io;
use std::ops::Bound;
use std::sync::{Arc, OnceLock};

use redb::{BackendError, StorageBackend};

use crate::StorageFailure;

/// Clones are the same backend.
#[derive(Clone, Debug)]
pub(crate) struct SharedBackend(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    backend: Box<dyn StorageBackend>,
    sync_failure: OnceLock<StorageFailure>,
}

impl SharedBackend {
    pub(crate) fn new(backend: impl StorageBackend) -> Self {
        Self(Arc::new(Shared {
            backend: Box::new(backend),
            sync_failure: OnceLock::new(),
        }))
    }

    /// Fails once a sync has failed.
    pub(crate) fn check(&self) -> Result<(), StorageFailure> {
        match self.0.sync_failure.get() {
            Some(failure) => Err(failure.clone()),
            None => Ok(()),
        }
    }

    /// Why something failed: not what redb says, if a sync has failed.
    pub(crate) fn cause(&self, error: impl Into<redb::Error>) -> StorageFailure {
        match self.check() {
            Err(failure) => failure,
            Ok(()) => StorageFailure::new(error),
        }
    }

    /// The backend, to be changed.
    fn writable(&self) -> io::Result<&dyn StorageBackend> {
        self.check().map_err(io::Error::other)?;
        Ok(&*self.0.backend)
    }
}

impl StorageBackend for SharedBackend {
    fn len(&self) -> io::Result<u64> {
        self.0.backend.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.backend.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.writable()?.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.writable()?.sync_data().map_err(|error| {
            let kind = error.kind();
            self.0
                .sync_failure
                .get_or_init(|| StorageFailure::of_sync(error));
            kind.into()
        })
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.writable()?.write(offset, data)
    }

    fn close(&self) -> io::Result<()> {
        self.0.backend.close()
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.0.backend.try_lock_range(start, end)
    }

    fn try_lock_shared_range(
        &self,
        start: Bound<u64>,
        end: Bound<u64>,
    ) -> Result<bool, BackendError> {
        self.0.backend.try_lock_shared_range(start, end)
    }

    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.0.backend.lock_range(start, end)
    }

    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.0.backend.lock_shared_range(start, end)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.0.backend.unlock_range(start, end)
    }

    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.0.backend.query_lock_range(start, end)
    }
}
