//! Looking after the data of a node: backing it up, and bringing a backup back.

use std::io;
use std::path::{Path, PathBuf};

use zonekit_store::{BackupError, Checked, OpenError, Options, RestoreError, Store, Summary};

use crate::Config;
use crate::control::ask_for_backup;
use crate::node::FILE;

impl Config {
    /// The one file in `data_dir` that everything durable is in. While no node runs, [`zonekit_store::check`] proves it.
    pub fn data_file(&self) -> PathBuf {
        self.data_dir.join(FILE)
    }

    /// Writes a backup of a node's data into a new file, whether the node runs or not; returns its octets. A node that runs
    /// goes on meanwhile. See [`Store::backup`]. Waits for the disk.
    pub fn back_up_data(&self, file: &Path) -> Result<u64, UpkeepError> {
        let file = std::path::absolute(file).map_err(UpkeepError::Asking)?;
        match ask_for_backup(&self.data_dir, &file).map_err(UpkeepError::Asking)? {
            Some(Ok(octets)) => Ok(octets),
            Some(Err(why)) => Err(UpkeepError::Refused(why)),
            None => {
                let path = self.data_file();
                if !path.try_exists().map_err(UpkeepError::Asking)? {
                    return Err(UpkeepError::NoData(path));
                }
                let store = Store::open(path, Options::default())?;
                Ok(store.backup(file)?)
            }
        }
    }

    /// Puts a backup in the place of the data of a node that does not run; see [`zonekit_store::restore`]. Waits for the disk.
    pub fn restore_data(
        &self,
        backup: &Path,
        replace: bool,
        show: impl FnMut(&Checked),
    ) -> Result<Summary, RestoreError> {
        std::fs::create_dir_all(&self.data_dir).map_err(RestoreError::Write)?;
        zonekit_store::restore(backup, &self.data_file(), replace, show)
    }
}

/// Why there is no backup of a node's data.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UpkeepError {
    /// There is no data.
    #[error("there is nothing to back up: {} does not exist", .0.display())]
    NoData(PathBuf),
    /// The node that runs cannot be asked.
    #[error("asking the program that runs")]
    Asking(#[source] io::Error),
    /// The node that runs has not written it.
    #[error("the program that runs says: {0}")]
    Refused(String),
    /// No node runs, and the data cannot be opened.
    #[error("opening the data")]
    Open(#[from] OpenError),
    /// No node runs, and the backup is not written.
    #[error(transparent)]
    Backup(#[from] BackupError),
}
