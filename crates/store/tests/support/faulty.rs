//! A disk that does what disks do when the power goes: it forgets what was not synced, wholly, partly or in torn blocks,
//! and fails when told to.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use std::{io, mem, thread};

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
    /// The first operation that fails is made all the same.
    fails_late: bool,
    /// A sync has failed: what was not synced may be on the disk or not, and no later sync brings it there.
    lost: bool,
    /// The length that the file cannot grow beyond.
    room: Option<usize>,
    /// How long a sync takes.
    sync_time: Duration,
    /// How many octets were written; and between two syncs, at most.
    written: usize,
    most_unsynced: usize,
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

    /// As [`fail_after`](Self::fail_after), but the first that fails is made all the same.
    pub(crate) fn fail_late_after(&self, operations: u64) {
        self.fail_after(operations);
        self.state().fails_late = true;
    }

    /// Operations succeed again.
    pub(crate) fn heal(&self) {
        let mut state = self.state();
        (state.fails_after, state.fails_late) = (None, false);
    }

    /// From now on every sync takes so long.
    pub(crate) fn slow_down(&self, sync_time: Duration) {
        self.state().sync_time = sync_time;
    }

    /// Lets the file grow by so many octets and no further.
    pub(crate) fn fill_up(&self, room: usize) {
        let mut state = self.state();
        state.room = Some(state.current.len() + room);
    }

    /// How many octets have been written so far.
    pub(crate) fn written(&self) -> usize {
        self.state().written
    }

    /// How many octets were written between two syncs, at most; forgets it.
    pub(crate) fn take_most_unsynced(&self) -> usize {
        mem::take(&mut self.state().most_unsynced)
    }

    /// Whether a sync has failed. The disk wants nothing more to be written then.
    pub(crate) fn has_lost(&self) -> bool {
        self.state().lost
    }

    /// What is left after the power went: of what was not synced, `choose` says how many octets reached the disk. Blocks
    /// of 512 octets are whole or not there.
    pub(crate) fn after_crash(&self, mut choose: impl FnMut(usize) -> usize) -> Self {
        let state = self.state();
        let mut durable = state.durable.clone();
        for operation in &state.unsynced {
            match operation {
                Operation::SetLen(len) if choose(1) == 1 => resize(&mut durable, *len),
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

    /// Makes an operation that changes the disk, unless it is to fail.
    fn change(&self, make: impl FnOnce(&mut State)) -> io::Result<()> {
        let mut state = self.state();
        assert!(!state.lost, "something happens after a sync that failed");
        match &mut state.fails_after {
            Some(0) => {
                if mem::take(&mut state.fails_late) {
                    make(&mut state);
                }
                return Err(io::ErrorKind::StorageFull.into());
            }
            Some(left) => *left -= 1,
            None => {}
        }
        make(&mut state);
        Ok(())
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
        let len = len as usize;
        if self.state().room.is_some_and(|room| len > room) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.change(|state| {
            resize(&mut state.current, len);
            state.unsynced.push(Operation::SetLen(len));
        })
    }

    fn sync_data(&self) -> io::Result<()> {
        let sync_time = self.state().sync_time;
        thread::sleep(sync_time);
        let synced = self.change(|state| {
            let unsynced = { state.unsynced.iter() }.map(|operation| match operation {
                Operation::SetLen(_) => 0,
                Operation::Write(_, octets) => octets.len(),
            });
            state.most_unsynced = state.most_unsynced.max(unsynced.sum());
            for operation in state.unsynced.drain(..) {
                match operation {
                    Operation::SetLen(len) => resize(&mut state.durable, len),
                    Operation::Write(at, octets) => {
                        state.durable[at..at + octets.len()].copy_from_slice(&octets);
                    }
                }
            }
        });
        self.state().lost |= synced.is_err();
        synced
    }

    fn write(&self, offset: u64, octets: &[u8]) -> io::Result<()> {
        let at = offset as usize;
        self.change(|state| {
            state.current[at..at + octets.len()].copy_from_slice(octets);
            state.unsynced.push(Operation::Write(at, octets.to_vec()));
            state.written += octets.len();
        })
    }
}

/// As `Vec::resize` with zeros, which goes octet by octet where nothing is optimised. What is asked of the system all at once
/// costs nothing before it is touched.
fn resize(octets: &mut Vec<u8>, len: usize) {
    let kept = octets.len().min(len);
    let mut resized = vec![0; len];
    resized[..kept].copy_from_slice(&octets[..kept]);
    *octets = resized;
}
