//! Proving a file that is not in use.

use std::io;
use std::path::Path;

use zonekit_wire::NameBuf;

use crate::disk::{Disk, Loaded, ReadOnlyFile};
use crate::{Damage, OpenError, Options, StorageFailure, VersionMark};

/// A zone that has been looked at.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Checked {
    /// Its name.
    pub name: NameBuf,
    /// The version there is; `None` before the first transfer, and when it cannot be read.
    pub version: Option<VersionMark>,
    /// Steps of its history.
    pub steps: u64,
    /// Octets that its pages and its history take in the file.
    pub octets: u64,
    /// What is wrong with it.
    pub damage: Vec<Damage>,
}

/// A file that has been looked at.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Summary {
    /// Zones, damaged ones included.
    pub zones: u64,
    /// Named values.
    pub settings: u64,
    /// Zones that are damaged.
    pub damaged: u64,
    /// What is wrong and belongs to no zone that is known by its name.
    pub damage: Vec<Damage>,
}

impl Summary {
    /// Whether everything is as it was written.
    pub fn is_sound(&self) -> bool {
        self.damaged == 0 && self.damage.is_empty()
    }
}

/// Reads everything in the file of a store and proves it: all checksums, the pages of each zone in their order, each
/// record, the serial and number of records that the zone is said to have, and a history that leads to it without a gap.
///
/// The file is only read. Each zone is shown once it has been read; memory is needed for one at a time.
///
/// # Errors
///
/// When the file cannot be read as a whole, or is in use: then a [backup](crate::Store::backup) can be checked.
pub fn check(path: &Path, mut show: impl FnMut(&Checked)) -> Result<Summary, CheckError> {
    let file = ReadOnlyFile::open(path).map_err(|error| match error.kind() {
        io::ErrorKind::WouldBlock => CheckError::InUse,
        _ => OpenError::Storage(StorageFailure::new(error)).into(),
    })?;
    let mut damaged = 0;
    let broken = |failure: StorageFailure| match failure.is_damage() {
        true => CheckError::Broken,
        false => OpenError::Storage(failure).into(),
    };
    let disk = Disk::open(file, &Options::default()).map_err(|error| match error {
        OpenError::Storage(failure) => broken(failure),
        error => error.into(),
    })?;
    let proof = disk.prove(|zone| {
        damaged += u64::from(!zone.damage.is_empty());
        show(&zone);
    });
    let proof = proof.map_err(broken)?;
    Ok(Summary {
        zones: proof.zones,
        settings: proof.settings,
        damaged,
        damage: proof.damage,
    })
}

/// Why a file cannot be checked.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckError {
    /// A program has it open.
    #[error("the file is in use")]
    InUse,
    /// Its structure is damaged in a way that lets nothing of it be read.
    #[error("the structure of the file is damaged")]
    Broken,
    /// It cannot be opened or read.
    #[error(transparent)]
    Open(#[from] OpenError),
}

impl Checked {
    pub(crate) fn of(loaded: &Loaded, damage: Vec<Damage>) -> Self {
        let extent = loaded.row.extent;
        let content = loaded.row.content.as_ref();
        Self {
            name: loaded.row.name().to_buf(),
            version: content
                .filter(|_| loaded.zone.is_some())
                .map(|row| row.mark()),
            steps: extent.next_step - extent.first_step,
            octets: extent.snapshot.octets + extent.journal_octets,
            damage,
        }
    }
}
