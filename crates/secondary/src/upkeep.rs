//! Looking after the data of a node: backing it up, and bringing a backup back.

use std::io;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use zonekit_model::{Contract, ZoneName};
use zonekit_store::{BackupError, Checked, OpenError, Options, RestoreError, Store, Summary};

use crate::Config;
use crate::control::{ask_about_catalog, ask_for_access, ask_for_backup, connect_to_api};
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

    /// Asks the node that runs on this machine with this configuration for its HTTP API, for a few minutes. Whoever asks must be
    /// the user that it runs as, or root. Waits for it.
    pub fn ask_for_access(&self, contract: &Contract) -> Result<Access, UpkeepError> {
        match ask_for_access(&self.data_dir, contract).map_err(UpkeepError::Asking)? {
            Some(Ok(token)) => Ok(Access {
                directory: self.data_dir.clone(),
                token,
            }),
            Some(Err(why)) => Err(UpkeepError::Refused(why)),
            None => Err(UpkeepError::NotRunning(self.data_dir.clone())),
        }
    }

    /// Asks the node that runs on this machine with this configuration how a catalog stands that it follows, in words; or has it
    /// follow the version that is held back, since it takes away too many members ([`CatalogEntry::max_removed`]): that version,
    /// and none that comes after it. Whoever asks must be the user that the node runs as, or root. Waits for it.
    ///
    /// [`CatalogEntry::max_removed`]: crate::CatalogEntry::max_removed
    pub fn ask_about_catalog(
        &self,
        catalog: &ZoneName,
        follow: bool,
    ) -> Result<String, UpkeepError> {
        match ask_about_catalog(&self.data_dir, catalog, follow).map_err(UpkeepError::Asking)? {
            Some(Ok(words)) => Ok(words),
            Some(Err(why)) => Err(UpkeepError::Refused(why)),
            None => Err(UpkeepError::NotRunning(self.data_dir.clone())),
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

/// The way to the HTTP API of a node on this machine, and what opens it.
pub struct Access {
    directory: PathBuf,
    /// A bearer token that is good for a few minutes.
    pub token: String,
}

impl Access {
    /// A connection with the API, which speaks HTTP/1.1 in clear text, whatever address and certificate it has elsewhere: it
    /// does not leave the machine, and no other user can open it.
    pub fn connect(&self) -> io::Result<UnixStream> {
        connect_to_api(&self.directory)
    }
}

impl std::fmt::Debug for Access {
    /// Without the token.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Access")
            .field("directory", &self.directory)
            .finish_non_exhaustive()
    }
}

/// Why a node's data is not backed up, or its API not opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UpkeepError {
    /// There is no data.
    #[error("there is nothing to back up: {} does not exist", .0.display())]
    NoData(PathBuf),
    /// There is nobody to ask.
    #[error("nothing runs on the data in {}", .0.display())]
    NotRunning(PathBuf),
    /// The node that runs cannot be asked.
    #[error("asking the program that runs")]
    Asking(#[source] io::Error),
    /// The node that runs does not do it.
    #[error("the program that runs says: {0}")]
    Refused(String),
    /// No node runs, and the data cannot be opened.
    #[error("opening the data")]
    Open(#[from] OpenError),
    /// No node runs, and the backup is not written.
    #[error(transparent)]
    Backup(#[from] BackupError),
}
