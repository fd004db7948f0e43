//! What processes have used: those that work in one directory, whoever their parent is by now.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::time::{clock_getcpuclockid, clock_gettime};
use nix::unistd::Pid;

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

/// CPU of a process: what the scheduler has counted for its threads, those that have ended with them, whose account
/// /proc/PID/task/*/schedstat has no more.
fn nanoseconds(id: u32) -> Option<u64> {
    let clock = clock_getcpuclockid(Pid::from_raw(id.try_into().ok()?)).ok()?;
    let spent = Duration::from(clock_gettime(clock).ok()?);
    u64::try_from(spent.as_nanos()).ok()
}

/// The number behind `word` in a file of /proc; 0 if there is none.
fn kibibytes(path: &str, word: &str) -> u64 {
    let text = fs::read_to_string(path).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(word));
    let number = line.and_then(|rest| rest.split_ascii_whitespace().next()?.parse().ok());
    number.unwrap_or(0)
}
