//! A file that is looked at and left as it is.

use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use redb::StorageBackend;

const PAGE: u64 = 4096;

/// Reads a file; what is written, as redb does when it opens one, goes into memory and is forgotten.
#[derive(Debug)]
pub(crate) struct ReadOnlyFile(Mutex<State>);

#[derive(Debug)]
struct State {
    file: File,
    /// Octets that the file has, and that it would have.
    in_file: u64,
    len: u64,
    /// Pages that were written, by number.
    written: BTreeMap<u64, Vec<u8>>,
}

impl ReadOnlyFile {
    /// Opens a file that nobody writes to; an error of kind [`WouldBlock`](io::ErrorKind::WouldBlock) when somebody does.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        match file.try_lock_shared() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(io::ErrorKind::WouldBlock.into()),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        let in_file = file.metadata()?.len();
        Ok(Self(Mutex::new(State {
            file,
            in_file,
            len: in_file,
            written: BTreeMap::new(),
        })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn read_page(&mut self, number: u64) -> io::Result<Vec<u8>> {
        if let Some(page) = self.written.get(&number) {
            return Ok(page.clone());
        }
        let mut page = vec![0; PAGE as usize];
        let at = number * PAGE;
        let there = self.in_file.saturating_sub(at).min(PAGE) as usize;
        if let Some(front) = page.get_mut(..there) {
            self.file.seek(SeekFrom::Start(at))?;
            self.file.read_exact(front)?;
        }
        Ok(page)
    }
}

impl StorageBackend for ReadOnlyFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.state().len)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let mut state = self.state();
        let end = offset + out.len() as u64;
        if end > state.len {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let touched = offset / PAGE..=end / PAGE;
        if state.written.range(touched).next().is_none() && end <= state.in_file {
            state.file.seek(SeekFrom::Start(offset))?;
            return state.file.read_exact(out);
        }
        let mut at = offset;
        for part in pieces(offset, out) {
            let page = state.read_page(at / PAGE)?;
            let from = (at % PAGE) as usize;
            if let Some(octets) = page.get(from..from + part.len()) {
                part.copy_from_slice(octets);
            }
            at += part.len() as u64;
        }
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.state().len = len;
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut state = self.state();
        let (mut at, mut rest) = (offset, data);
        while !rest.is_empty() {
            let from = (at % PAGE) as usize;
            let (part, behind) = rest.split_at(rest.len().min(PAGE as usize - from));
            let mut page = state.read_page(at / PAGE)?;
            if let Some(octets) = page.get_mut(from..from + part.len()) {
                octets.copy_from_slice(part);
            }
            state.written.insert(at / PAGE, page);
            at += part.len() as u64;
            rest = behind;
        }
        Ok(())
    }
}

/// Cuts what begins at `offset` at the ends of pages.
fn pieces(offset: u64, out: &mut [u8]) -> impl Iterator<Item = &mut [u8]> {
    let first = out.len().min((PAGE - offset % PAGE) as usize);
    let (first, rest) = out.split_at_mut(first);
    std::iter::once(first).chain(rest.chunks_mut(PAGE as usize))
}
