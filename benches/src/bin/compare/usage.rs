//! What processes have used: those that work in one directory, whoever their parent is by now.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The processes of one server, past and present.
#[derive(Debug)]
pub(crate) struct Usage {
    directory: PathBuf,
    /// Nanoseconds of CPU of each, when it was last seen.
    cpu: HashMap<u32, u64>,
}

/// Octets of memory.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Memory {
    /// Of all processes, what they share counted once.
    pub(crate) pss: u64,
    /// The most that the largest of them ever had.
    pub(crate) peak: u64,
}

impl Usage {
    pub(crate) fn new(directory: &Path) -> Self {
        Self {
            directory: directory.to_owned(),
            cpu: HashMap::new(),
        }
    }

    /// The processes that work in the directory now.
    pub(crate) fn processes(&self) -> Vec<u32> {
        let numbers = fs::read_dir("/proc").into_iter().flatten().flatten();
        numbers
            .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
            .filter(|id| {
                fs::read_link(format!("/proc/{id}/cwd")).is_ok_and(|cwd| cwd == self.directory)
            })
            .collect()
    }

    /// Seconds of CPU of all processes so far, as of those that have ended they were seen last.
    pub(crate) fn cpu(&mut self) -> f64 {
        for id in self.processes() {
            if let Some(now) = nanoseconds(id) {
                let seen = self.cpu.entry(id).or_default();
                *seen = now.max(*seen);
            }
        }
        self.cpu.values().sum::<u64>() as f64 / 1e9
    }

    pub(crate) fn memory(&self) -> Memory {
        let mut memory = Memory::default();
        for id in self.processes() {
            memory.pss += kibibytes(&format!("/proc/{id}/smaps_rollup"), "Pss:") << 10;
            let peak = kibibytes(&format!("/proc/{id}/status"), "VmHWM:") << 10;
            memory.peak = memory.peak.max(peak);
        }
        memory
    }

    /// Lets peaks begin again from what is held now.
    pub(crate) fn forget_peak(&self) {
        for id in self.processes() {
            let _ = fs::write(format!("/proc/{id}/clear_refs"), "5"); // one that has ended has no peak
        }
    }
}

/// CPU of a process: the scheduler's account of its threads, or, where threads have ended that are in it no more, the
/// ticks of the whole.
fn nanoseconds(id: u32) -> Option<u64> {
    let tasks = fs::read_dir(format!("/proc/{id}/task")).ok()?;
    let threads: u64 = { tasks.flatten() }
        .filter_map(|task| {
            let text = fs::read_to_string(task.path().join("schedstat")).ok()?;
            text.split_ascii_whitespace().next()?.parse::<u64>().ok()
        })
        .sum();
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    let (_, fields) = stat.rsplit_once(')')?; // the name before may have anything in it
    let mut ticks = fields.split_ascii_whitespace().skip(11);
    let user: u64 = ticks.next()?.parse().ok()?;
    let system: u64 = ticks.next()?.parse().ok()?;
    // A tick is 10 ms; the last one may not be over.
    Some(threads.max((user + system).saturating_sub(1) * 10_000_000))
}

/// The number behind `word` in a file of /proc; 0 if there is none.
fn kibibytes(path: &str, word: &str) -> u64 {
    let text = fs::read_to_string(path).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(word));
    let number = line.and_then(|rest| rest.split_ascii_whitespace().next()?.parse().ok());
    number.unwrap_or(0)
}
