//! Copies of a store's file: made while it is in use, and put in its place.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use crate::{CheckError, Checked, StorageFailure, Store, Summary, check};

impl Store {
    /// Copies everything that is durable into a new file, all of it as one commit left it, and returns its octets. Changes go
    /// on meanwhile; memory does not follow the size of the store.
    ///
    /// The copy is made beside `path`, synced, and gets its name at the end: what has the name is whole. It is a store's
    /// file like the original: it can be [checked](check), opened, and [put in the original's place](restore).
    pub fn backup(&self, path: impl AsRef<Path>) -> Result<u64, BackupError> {
        let path = path.as_ref();
        if path.try_exists().map_err(BackupError::Write)? {
            return Err(BackupError::Exists);
        }
        let part = part_of(path);
        let file = create(&part).map_err(|error| match error.kind() {
            io::ErrorKind::WouldBlock => BackupError::UnderWay,
            _ => BackupError::Write(error),
        })?;
        let made = file
            .try_clone()
            .map_err(BackupError::Write)
            .and_then(|clone| self.copy_into(clone))
            .and_then(|()| finish(&file, &part, path).map_err(BackupError::Write));
        if made.is_err() {
            let _ = fs::remove_file(&part); // the error that matters is the first
        }
        made
    }
}

/// Puts a backup in the place of a store's file, once it is [proven](check) to be sound; each zone is shown as that goes. An
/// existing file is replaced if `replace` says so, and nobody uses it.
pub fn restore(
    backup: &Path,
    path: &Path,
    replace: bool,
    show: impl FnMut(&Checked),
) -> Result<Summary, RestoreError> {
    let existing = match OpenOptions::new().read(true).write(true).open(path) {
        Ok(_) if !replace => return Err(RestoreError::Exists),
        Ok(file) => Some(file),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(RestoreError::Write(error)),
    };
    // Held until the other file has the name.
    match existing.as_ref().map(File::try_lock) {
        None | Some(Ok(())) => {}
        Some(Err(TryLockError::WouldBlock)) => return Err(RestoreError::InUse),
        Some(Err(TryLockError::Error(error))) => return Err(RestoreError::Write(error)),
    }
    let summary = check(backup, show)?;
    if !summary.is_sound() {
        return Err(RestoreError::Damaged(Box::new(summary)));
    }
    let part = part_of(path);
    let copied = create(&part).and_then(|mut file| {
        io::copy(&mut File::open(backup)?, &mut file)?;
        finish(&file, &part, path)
    });
    if let Err(error) = copied {
        let _ = fs::remove_file(&part); // the error that matters is the first
        return Err(RestoreError::Write(error));
    }
    Ok(summary)
}

/// Why there is no backup.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackupError {
    /// There is a file of that name; none is ever overwritten.
    #[error("the file exists")]
    Exists,
    /// Another backup is being written to that name.
    #[error("a backup to that file is under way")]
    UnderWay,
    /// The store cannot be read, or failed meanwhile.
    #[error("reading the store")]
    Read(#[from] StorageFailure),
    /// The copy cannot be written.
    #[error("writing the backup")]
    Write(#[source] io::Error),
    /// The copy cannot be written, says the layer above the file.
    #[error("writing the backup")]
    Target(#[source] StorageFailure),
}

impl BackupError {
    pub(crate) fn target(error: impl Into<redb::Error>) -> Self {
        Self::Target(StorageFailure::new(error))
    }
}

/// Why a backup is not put in place.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RestoreError {
    /// There is a store already.
    #[error("there is a store already")]
    Exists,
    /// The store that is there is in use.
    #[error("the store is in use")]
    InUse,
    /// The backup cannot be read.
    #[error("reading the backup")]
    Read(#[from] CheckError),
    /// The backup is not as it was written.
    #[error("the backup is damaged")]
    Damaged(Box<Summary>),
    /// The file cannot be written.
    #[error("writing the store")]
    Write(#[source] io::Error),
}

/// What a file is called until it is whole.
fn part_of(path: &Path) -> PathBuf {
    let mut name = path.file_name().map_or_else(OsString::new, OsString::from);
    name.push(".part");
    path.with_file_name(name)
}

/// Makes an empty file that only its owner may read, or empties one that was left behind.
fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path)?;
    file.try_lock().map_err(|error| match error {
        TryLockError::WouldBlock => io::ErrorKind::WouldBlock.into(),
        TryLockError::Error(error) => error,
    })?;
    file.set_len(0)?;
    Ok(file)
}

/// Gives a file its name once all of it is on the disk; says how large it is.
fn finish(file: &File, part: &Path, path: &Path) -> io::Result<u64> {
    file.sync_all()?;
    let octets = file.metadata()?.len();
    fs::rename(part, path)?;
    let directory = path.parent().filter(|parent| parent != &Path::new(""));
    File::open(directory.unwrap_or(Path::new(".")))?.sync_all()?;
    Ok(octets)
}
