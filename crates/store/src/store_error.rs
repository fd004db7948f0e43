//! What can go wrong between a store and its file.

use std::io::ErrorKind;
use std::sync::Arc;

use zonekit_wire::{NameBuf, RdataError, Rtype, Serial};

use crate::Generation;

/// Why a change was not made. Nothing of it is visible then, and what was served is served on.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// There is no zone of this name.
    #[error("no zone {0}")]
    NoSuchZone(NameBuf),
    /// There is a zone of this name already.
    #[error("zone {0} exists")]
    ZoneExists(NameBuf),
    /// There are as many zones as there may be.
    #[error("there are {limit} zones already, and may not be more")]
    TooManyZones {
        /// [`Options::zones`](crate::Options::zones).
        limit: u64,
    },
    /// One batch changes a zone twice.
    #[error("zone {0} is changed twice in one batch")]
    NamedTwice(NameBuf),
    /// Somebody else has published since.
    #[error("zone {zone} has moved on to generation {found} from {expected}")]
    Conflict {
        /// Whose publication it was.
        zone: NameBuf,
        /// What the publication was made on top of.
        expected: Generation,
        /// What is there now.
        found: Generation,
    },
    /// The content belongs to another zone.
    #[error("content of {apex} for zone {zone}")]
    WrongApex {
        /// Where it was to be published.
        zone: NameBuf,
        /// Its own apex.
        apex: NameBuf,
    },
    /// The difference does not begin with the version held, or does not lead to the version given with it.
    #[error("difference from serial {} to {} does not fit zone {zone}", from.0, to.0)]
    WrongDifference {
        /// Whose publication it was.
        zone: NameBuf,
        /// Where the difference begins.
        from: Serial,
        /// Where it ends.
        to: Serial,
    },
    /// The file cannot be read or written: disk full, I/O error. Trying again makes sense once the cause is gone, unless it
    /// [needs a restart](StorageFailure::needs_restart).
    #[error("storage failed")]
    Storage(#[from] StorageFailure),
    /// What was read back is not what was written.
    #[error(transparent)]
    Damaged(#[from] Damage),
}

/// Why a store cannot be opened at all.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The file cannot be opened, read or written.
    #[error("storage failed")]
    Storage(#[from] StorageFailure),
    /// The file was written by another release.
    #[error("the file has format {found}, this release knows format {known}")]
    Format {
        /// What the file says.
        found: u32,
        /// The one that we can read.
        known: u32,
    },
}

/// What the layer below said.
#[derive(Clone, Debug, thiserror::Error)]
#[error(transparent)]
pub struct StorageFailure(Arc<Cause>);

#[derive(Debug, thiserror::Error)]
enum Cause {
    #[error(transparent)]
    File(redb::Error),
    #[error("a sync of the file failed, nothing more is written until the store is opened again")]
    Sync(#[source] std::io::Error),
    #[error("the structure of the file is damaged: {0}")]
    Damaged(String),
}

/// Something in the file is not as it was written.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Damage {
    /// A piece does not match its checksum, or has an unknown format.
    #[error("{piece} of zone {zone} does not match its checksum")]
    Checksum {
        /// Whose it is.
        zone: NameBuf,
        /// Which piece.
        piece: Piece,
    },
    /// A piece is not there.
    #[error("{piece} of zone {zone} is missing")]
    Missing {
        /// Whose it is.
        zone: NameBuf,
        /// Which piece.
        piece: Piece,
    },
    /// The pages do not make a zone.
    #[error("the pages of zone {zone} are corrupt")]
    Pages {
        /// Whose they are.
        zone: NameBuf,
        /// What is wrong.
        #[source]
        source: crate::Corrupt,
    },
    /// A difference of the journal cannot be read, or does not fit the version before it.
    #[error("step {step} in the journal of zone {zone} does not fit")]
    Step {
        /// Whose it is.
        zone: NameBuf,
        /// Its number.
        step: u64,
    },
    /// The row that stands for a zone cannot be read, so that not even its name is known.
    #[error("row {0} in the table of zones does not match its checksum")]
    Row(u64),
    /// When a zone is due, and how it stands, does not match its checksum. It is due at once then.
    #[error("timers of zone {0} do not match their checksum")]
    Timers(NameBuf),
    /// The pages make another version than the row of the zone speaks of.
    #[error("the pages of zone {zone} make {found}, not {expected}")]
    OtherVersion {
        /// Whose they are.
        zone: NameBuf,
        /// What the row says.
        expected: VersionMark,
        /// What they make.
        found: VersionMark,
    },
    /// The octets of a record are not those of its type.
    #[error("record {owner} {rtype} in zone {zone} is malformed")]
    Record {
        /// Whose it is.
        zone: NameBuf,
        /// Its owner.
        owner: NameBuf,
        /// Its type.
        rtype: Rtype,
        /// What is wrong.
        #[source]
        source: RdataError,
    },
    /// Pieces belong to no zone that there is.
    #[error("table {table} has pieces of a zone number {zone} that is not there")]
    Stray {
        /// Which table of the file.
        table: &'static str,
        /// The zone's number in the file.
        zone: u64,
    },
    /// The structure of the file does not match its checksums.
    #[error("the structure of the file does not match its checksums")]
    File,
    /// A setting does not match its checksum.
    #[error("setting {0:?} does not match its checksum")]
    Setting(String),
}

/// What a version is known by.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("serial {} with {records} records", serial.0)]
pub struct VersionMark {
    /// Its serial.
    pub serial: Serial,
    /// How many records it has.
    pub records: u64,
}

/// A piece of a zone in the file.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Piece {
    /// Some pages.
    #[error("block {0} of the pages")]
    Block(u64),
    /// A difference.
    #[error("step {0} of the journal")]
    Step(u64),
}

impl StorageFailure {
    /// Whether there is no room left: the disk is full, a quota used up, or the file as large as a file may be here.
    pub fn is_disk_full(&self) -> bool {
        match &*self.0 {
            Cause::File(redb::Error::Io(error)) => matches!(
                error.kind(),
                ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge
            ),
            _ => false,
        }
    }

    /// Whether trying again makes no sense before the store has been opened again: a sync has failed, and what the disk
    /// has is not known. Systems may read back what never reached the disk; it is safest to start the machine again too.
    pub fn needs_restart(&self) -> bool {
        matches!(*self.0, Cause::Sync(_))
    }

    /// Whether the file's structure itself is damaged: it can be brought back from a [backup](crate::Store::backup), or made
    /// anew by a transfer of every zone.
    pub fn is_damage(&self) -> bool {
        matches!(
            &*self.0,
            Cause::Damaged(_) | Cause::File(redb::Error::Corrupted(_))
        )
    }

    pub(crate) fn new(error: impl Into<redb::Error>) -> Self {
        Self(Arc::new(Cause::File(error.into())))
    }

    pub(crate) fn of_panic(said: String) -> Self {
        Self(Arc::new(Cause::Damaged(said)))
    }

    pub(crate) fn of_sync(error: std::io::Error) -> Self {
        Self(Arc::new(Cause::Sync(error)))
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn no_room_is_told_from_other_failures() {
        let check = |errno, expected| {
            let failure = StorageFailure::new(io::Error::from_raw_os_error(errno));
            assert_eq!(failure.is_disk_full(), expected, "{failure}");
        };
        check(28, true); // ENOSPC
        check(122, true); // EDQUOT
        check(27, true); // EFBIG: of the file system, or a limit of the process
        check(5, false); // EIO
        check(30, false); // EROFS
    }
}
