//! A disk that does what disks do when the power goes: it forgets what was not synced, wholly, partly or in torn blocks,
//! and fails when told to.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use redb::StorageBackend;

/// Clones are the same disk.
#[derive(Clone, Debug, Default)]
pub(crate) struct FaultyDisk(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    /// What a crash cannot take away.
    durable: Vec<u8>,
    /// What is read back.
    current: Vec<u8>,
    /// What has come since the last sync.
    unsynced: Vec<Operation>,
    /// How many more operations succeed.
    fails_after: Option<u64>,
}

#[derive(Debug)]
enum Operation {
    SetLen(usize),
    Write(usize, Vec<u8>),
}

impl FaultyDisk {
    /// From so many more changing operations on, every one fails.
    pub(crate) fn fail_after(&self, operations: u64) {
        self.state().fails_after = Some(operations);
    }

    /// Operations succeed again.
    pub(crate) fn heal(&self) {
        self.state().fails_after = None;
    }

    /// What is left after the power went: of what was not synced, `choose` says how many octets reached the disk. Blocks
    /// of 512 octets are whole or not there.
    pub(crate) fn after_crash(&self, mut choose: impl FnMut(usize) -> usize) -> Self {
        let state = self.state();
        let mut durable = state.durable.clone();
        for operation in &state.unsynced {
            match operation {
                Operation::SetLen(len) if choose(1) == 1 => durable.resize(*len, 0),
                Operation::SetLen(_) => {}
                Operation::Write(at, octets) => {
                    let reached = match choose(octets.len()) {
                        all if all == octets.len() => all,
                        some => some / 512 * 512,
                    };
                    let octets = &octets[..reached];
                    if durable.len() < at + octets.len() {
                        continue; // the file had not grown
                    }
                    durable[*at..at + octets.len()].copy_from_slice(octets);
                }
            }
        }
        Self(Arc::new(Mutex::new(State {
            current: durable.clone(),
            durable,
            ..State::default()
        })))
    }

    /// Changes octets behind everybody's back: every place where `octets` stand gets `instead`. Says how many there were.
    pub(crate) fn damage(&self, octets: &[u8], instead: &[u8]) -> usize {
        let mut state = self.state();
        let places: Vec<usize> = state
            .current
            .windows(octets.len())
            .enumerate()
            .filter(|(_, window)| window == &octets)
            .map(|(at, _)| at)
            .collect();
        for &at in &places {
            state.current[at..at + instead.len()].copy_from_slice(instead);
            state.durable[at..at + instead.len()].copy_from_slice(instead);
        }
        places.len()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// The disk, for an operation that changes it.
    fn change(&self) -> io::Result<MutexGuard<'_, State>> {
        let mut state = self.state();
        match &mut state.fails_after {
            Some(0) => return Err(io::ErrorKind::StorageFull.into()),
            Some(left) => *left -= 1,
            None => {}
        }
        Ok(state)
    }
}

impl StorageBackend for FaultyDisk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.state().current.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let state = self.state();
        let from = offset as usize;
        let octets = state
            .current
            .get(from..from + out.len())
            .ok_or(io::ErrorKind::UnexpectedEof)?;
        out.copy_from_slice(octets);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut state = self.change()?;
        state.current.resize(len as usize, 0);
        state.unsynced.push(Operation::SetLen(len as usize));
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut state = self.change()?;
        let state = &mut *state;
        for operation in state.unsynced.drain(..) {
            match operation {
                Operation::SetLen(len) => state.durable.resize(len, 0),
                Operation::Write(at, octets) => {
                    state.durable[at..at + octets.len()].copy_from_slice(&octets);
                }
            }
        }
        Ok(())
    }

    fn write(&self, offset: u64, octets: &[u8]) -> io::Result<()> {
        let mut state = self.change()?;
        let at = offset as usize;
        state.current[at..at + octets.len()].copy_from_slice(octets);
        state.unsynced.push(Operation::Write(at, octets.to_vec()));
        Ok(())
    }
}
