//! A command that has the last word on a version before it is served.
//!
//! It gets the version on its standard input as a master file, and what it is about in its environment:
//!
//! | variable | value |
//! |---|---|
//! | `ZONEKIT_ZONE` | the zone's name, without final dot |
//! | `ZONEKIT_SERIAL` | the serial of the new version |
//! | `ZONEKIT_OLD_SERIAL` | that of the version held; not there if none is |
//! | `ZONEKIT_RECORDS` | how many records the new version has |
//! | `ZONEKIT_TRANSFER` | `AXFR` or `IXFR`: how the version came |
//!
//! Status 0 takes the version. Anything else, a signal, or no end in time leaves the one before in its place; the last lines
//! of standard error say why. The command runs in a process group of its own, of which nothing is left when its time is up,
//! when it has ended, or when its visit is called off.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{ChildStderr, ChildStdin, Command};
use zonekit_model::ZoneName;
use zonekit_store::Zone;
use zonekit_wire::Serial;

use crate::config::Verify;
use crate::records;
use crate::sink::Candidate;

/// Octets of standard error that are kept: the last.
const KEPT: usize = 1_024;
/// Lines of them that are told.
const LINES: usize = 5;

/// Why a command has not taken a version.
#[derive(Debug, thiserror::Error)]
pub(crate) enum VerifyError {
    /// It could not be run at all.
    #[error("{command} cannot be run")]
    Run {
        /// The program.
        command: String,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// It says no.
    #[error("{command} ended with status {status}{said}")]
    Status {
        /// The program.
        command: String,
        /// What it ended with.
        status: i32,
        /// The end of its standard error.
        said: Said,
    },
    /// Something ended it.
    #[error("{command} was ended by signal {signal}{said}")]
    Signal {
        /// The program.
        command: String,
        /// Which signal.
        signal: i32,
        /// The end of its standard error.
        said: Said,
    },
    /// It took too long.
    #[error("{command} was not done after {} s (timeout)", .timeout.as_secs())]
    Timeout {
        /// The program.
        command: String,
        /// The time that it has.
        timeout: Duration,
    },
}

impl VerifyError {
    /// What the status calls it.
    pub(crate) const KIND: &str = "verify";
}

/// Runs the command of a zone on a version that is about to be published in the place of `held`.
pub(crate) async fn verify(
    hook: &Verify,
    name: &ZoneName,
    held: Option<Serial>,
    candidate: &Candidate,
) -> Result<(), VerifyError> {
    let program = || hook.command.first().cloned().unwrap_or_default();
    let run = |source| VerifyError::Run {
        command: program(),
        source,
    };
    let mut child = command(hook, name, held, candidate).spawn().map_err(run)?;
    let mut group = Group(child.id().and_then(|id| Pid::from_raw(id.try_into().ok()?)));
    let (input, errors) = (child.stdin.take(), child.stderr.take());
    let waiting = async {
        let status = child.wait().await;
        group.end(); // what it has left running holds the other ends of our pipes
        status
    };
    let whole = async {
        tokio::join!(
            feed(input, candidate.zone.clone()),
            last_lines(errors),
            waiting
        )
    };
    let Ok(((), said, status)) = tokio::time::timeout(hook.timeout, whole).await else {
        return Err(VerifyError::Timeout {
            command: program(),
            timeout: hook.timeout,
        });
    };
    judge(status.map_err(run)?, said, program())
}

fn command(hook: &Verify, name: &ZoneName, held: Option<Serial>, candidate: &Candidate) -> Command {
    let mut words = hook.command.iter();
    let mut command = Command::new(words.next().map_or("", String::as_str));
    command
        .args(words)
        .env("ZONEKIT_ZONE", name.to_string())
        .env("ZONEKIT_SERIAL", candidate.zone.serial().0.to_string())
        .env("ZONEKIT_RECORDS", candidate.zone.record_count().to_string())
        .env(
            "ZONEKIT_TRANSFER",
            candidate.diff.as_ref().map_or("AXFR", |_| "IXFR"),
        )
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true);
    match held {
        Some(held) => command.env("ZONEKIT_OLD_SERIAL", held.0.to_string()),
        None => command.env_remove("ZONEKIT_OLD_SERIAL"),
    };
    command
}

/// Writes the text of the version, piece by piece, as fast as it is read. Whoever does not want it all need not read it.
async fn feed(input: Option<ChildStdin>, version: Zone) {
    let Some(mut input) = input else {
        return;
    };
    let mut pieces = records::text(Some(version));
    while let Some(Some(piece)) = pieces.recv().await {
        if input.write_all(&piece).await.is_err() {
            return;
        }
    }
}

/// Reads all that is said, and keeps the end of it.
async fn last_lines(errors: Option<ChildStderr>) -> Said {
    let mut kept = Vec::with_capacity(2 * KEPT);
    if let Some(mut errors) = errors {
        while errors
            .read_buf(&mut kept)
            .await
            .is_ok_and(|octets| octets > 0)
        {
            if kept.len() > 2 * KEPT - KEPT / 4 {
                kept.drain(..kept.len() - KEPT);
            }
        }
    }
    Said(kept.split_off(kept.len().saturating_sub(KEPT)))
}

fn judge(status: ExitStatus, said: Said, command: String) -> Result<(), VerifyError> {
    match (status.code(), status.signal()) {
        (Some(0), _) => Ok(()),
        (Some(status), _) => Err(VerifyError::Status {
            command,
            status,
            said,
        }),
        (None, signal) => Err(VerifyError::Signal {
            command,
            signal: signal.unwrap_or_default(),
            said,
        }),
    }
}

/// The end of what a command says on standard error, on one line.
#[derive(Debug)]
pub(crate) struct Said(Vec<u8>);

impl std::fmt::Display for Said {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = String::from_utf8_lossy(&self.0);
        let lines: Vec<&str> = { text.lines() }
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .collect();
        let from = lines.len().saturating_sub(LINES);
        let said = lines.get(from..).unwrap_or_default().join(" / ");
        if !said.is_empty() {
            write!(f, ": {}", said.replace(char::is_control, " "))?;
        }
        Ok(())
    }
}

/// A process group that is ended when nobody waits for it any more.
struct Group(Option<Pid>);

impl Group {
    fn end(&mut self) {
        if let Some(group) = self.0.take() {
            let _ = kill_process_group(group, Signal::KILL); // nobody is left in it
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.end();
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use zonekit_script::{axfr, zone};
    use zonekit_store::{Checks, ZoneBuilder, ZoneLimits};

    use super::*;

    /// The zone of the scripts, with so many more records.
    fn candidate(more: u32) -> Candidate {
        let apex = zone();
        let mut builder = ZoneBuilder::new(apex.as_name(), ZoneLimits::default(), Checks::Strict);
        let (soa, records) = (&axfr(7)[0], &axfr(7)[1..4]);
        builder.begin(&soa.as_record()).unwrap();
        for record in records {
            builder.add(&record.as_record()).unwrap();
        }
        for number in 0..more {
            let record = zonekit_script::rr(&format!("n{number} A 192.0.2.1"));
            builder.add(&record.as_record()).unwrap();
        }
        let (zone, notes) = builder.finish().unwrap();
        Candidate {
            zone,
            diff: None,
            notes,
        }
    }

    fn shell(script: &str, argument: &Path, seconds: u64) -> Verify {
        let argument = argument.to_str().unwrap();
        Verify {
            command: ["sh", "-c", script, "sh", argument]
                .map(str::to_owned)
                .into(),
            timeout: Duration::from_secs(seconds),
        }
    }

    async fn run(hook: &Verify, more: u32, held: Option<u32>) -> Result<(), VerifyError> {
        let name = "example.org".parse().unwrap();
        verify(hook, &name, held.map(Serial), &candidate(more)).await
    }

    /// What comes of a script that is given the name of a file.
    async fn check(script: &str, result: Result<(), &str>) {
        let directory = tempfile::tempdir().unwrap();
        let hook = shell(script, &directory.path().join("file"), 60);
        let ended = run(&hook, 10_000, None).await;
        assert_eq!(
            ended.map_err(|error| error.to_string()),
            result.map_err(str::to_owned)
        );
    }

    #[tokio::test]
    async fn the_version_comes_on_standard_input_and_what_it_is_about_in_the_environment() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("file");
        let script = r#"env | grep -E '^ZONEKIT_(OLD_SERIAL|RECORDS|SERIAL|TRANSFER|ZONE)=' | sort > "$1"; cat >> "$1"; echo not heard"#;
        run(&shell(script, &file, 60), 5_000, Some(6))
            .await
            .unwrap();
        let text = fs::read_to_string(&file).unwrap();
        let mut lines = text.lines();
        let environment: Vec<&str> = lines.by_ref().take(5).collect();
        assert_eq!(
            environment,
            [
                "ZONEKIT_OLD_SERIAL=6",
                "ZONEKIT_RECORDS=5004",
                "ZONEKIT_SERIAL=7",
                "ZONEKIT_TRANSFER=AXFR",
                "ZONEKIT_ZONE=example.org",
            ]
        );
        assert!(
            lines
                .next()
                .unwrap()
                .starts_with("example.org.\t3600\tIN\tSOA\t")
        );
        assert_eq!(lines.count(), 5_003);
    }

    #[tokio::test]
    async fn whoever_has_seen_enough_need_not_read_it_all() {
        check("exit 0", Ok(())).await;
        check("head -1 >/dev/null", Ok(())).await;
        // Nor is one waited for who is left behind with our pipes in hand.
        check("sleep 1000 <&0 & exit 0", Ok(())).await;
    }

    #[tokio::test]
    async fn another_end_than_status_0_is_told_with_the_last_lines() {
        check("exit 3", Err("sh ended with status 3")).await;
        check(
            "cat >/dev/null; seq 1 100000 >&2; printf 'no\\n\\n\\033[1mgood\\n' >&2; exit 1",
            Err("sh ended with status 1: 99998 / 99999 / 100000 / no /  [1mgood"),
        )
        .await;
        check("kill -9 $$", Err("sh was ended by signal 9")).await;
        let hook = Verify {
            command: vec!["/nowhere/verify".to_owned()],
            timeout: Duration::from_secs(1),
        };
        let error = run(&hook, 0, None).await.unwrap_err();
        let words = crate::node::in_words(&error);
        assert!(
            words.starts_with("/nowhere/verify cannot be run: No such file"),
            "{words}"
        );
    }

    /// The process whose number stands in the file is not there any more, or is about to go.
    async fn is_gone(file: &Path) -> bool {
        let pid = fs::read_to_string(file).unwrap();
        for _ in 0..6_000 {
            // What has ended is a zombie until whoever inherits it looks.
            let status = fs::read_to_string(format!("/proc/{}/stat", pid.trim()));
            if status.is_err() || status.is_ok_and(|stat| stat.contains(") Z ")) {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        false
    }

    const HANGS: &str = r#"sleep 1000 & echo $! > "$1.new"; mv "$1.new" "$1"; sleep 1000"#;

    /// It says so in this file.
    async fn has_begun(file: &Path) {
        while !file.exists() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    #[tokio::test]
    async fn when_time_is_up_nothing_of_it_is_left() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("pid");
        let hook = shell(HANGS, &file, 1_000);
        let time_passes = async {
            has_begun(&file).await;
            tokio::time::pause();
            tokio::time::advance(hook.timeout).await;
            tokio::time::resume();
        };
        let (ended, ()) = tokio::join!(run(&hook, 100_000, None), time_passes);
        let error = ended.unwrap_err();
        assert_eq!(error.to_string(), "sh was not done after 1000 s (timeout)");
        assert!(is_gone(&file).await);
    }

    #[tokio::test]
    async fn when_nobody_waits_any_more_nothing_of_it_is_left() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("pid");
        let hook = shell(HANGS, &file, 1_000);
        tokio::select! {
            _ = run(&hook, 0, None) => panic!("it hangs"),
            () = has_begun(&file) => {}
        }
        assert!(is_gone(&file).await);
    }
}
