//! A program that a test runs: its lines are kept, and it ends with the test.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Instant;

use super::PATIENCE;

/// A running child process; dropping it kills it.
pub struct Program {
    name: String,
    child: Child,
    lines: Arc<(Mutex<Vec<String>>, Condvar)>,
}

impl Program {
    /// Starts one of our own binaries.
    pub fn ours(name: &str, arguments: &[&str]) -> Self {
        let path = match name {
            "axfr" => env!("CARGO_BIN_EXE_axfr"),
            "notify" => env!("CARGO_BIN_EXE_notify"),
            "primary" => env!("CARGO_BIN_EXE_primary"),
            "secondary" => env!("CARGO_BIN_EXE_secondary"),
            _ => panic!("no binary {name}"),
        };
        Self::start(Command::new(path).args(arguments))
    }

    /// Starts any command; standard output and standard error are gathered line by line.
    pub fn start(command: &mut Command) -> Self {
        let name = Path::new(command.get_program())
            .file_name()
            .unwrap_or(OsStr::new("?"))
            .to_string_lossy()
            .into_owned();
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{name} does not start: {error}"));
        let lines = Arc::new((Mutex::new(Vec::new()), Condvar::new()));
        gather(child.stdout.take().unwrap(), Arc::clone(&lines));
        gather(child.stderr.take().unwrap(), Arc::clone(&lines));
        Self { name, child, lines }
    }

    /// Waits for the first line that `read` makes something of.
    #[track_caller]
    pub fn wait_for<T>(&mut self, what: &str, mut read: impl FnMut(&str) -> Option<T>) -> T {
        let begin = Instant::now();
        let (lines, more) = &*self.lines;
        let mut lines = lines.lock().unwrap();
        let mut seen = 0;
        loop {
            while let Some(line) = lines.get(seen) {
                if let Some(found) = read(line) {
                    return found;
                }
                seen += 1;
            }
            let left = PATIENCE.checked_sub(begin.elapsed());
            let ended = self.child.try_wait().unwrap();
            match (left, ended) {
                (Some(left), None) => {
                    // Also wake up now and then, to notice an end without a last line.
                    let pause = left.min(std::time::Duration::from_millis(100));
                    lines = more.wait_timeout(lines, pause).unwrap().0;
                }
                (_, ended) => panic!(
                    "{}: waited in vain for {what} (ended: {ended:?}); it said:\n{}",
                    self.name,
                    lines.join("\n")
                ),
            }
        }
    }

    /// The address behind the word `of` in the log line in which our programs say where they listen.
    #[track_caller]
    pub fn address(&mut self, of: &str) -> SocketAddr {
        let field = format!("\"{of}\":\"");
        self.wait_for(&format!("the {of} address"), |line| {
            if !line.contains("\"listening\"") {
                return None;
            }
            let (_, rest) = line.split_once(&field)?;
            rest.split('"').next()?.split(' ').next()?.parse().ok()
        })
    }

    /// Everything that it has said so far.
    pub fn said(&self) -> String {
        self.lines.0.lock().unwrap().join("\n")
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it is still there.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Sends a signal by name, such as `HUP`.
    pub fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let status = Command::new("kill").args(["-s", name, &id]).status();
        assert!(status.unwrap().success(), "kill -s {name}");
    }

    /// Ends it as a crash would, at once (SIGKILL), and waits until it is gone.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits until it ends by itself; gives what it said too.
    #[track_caller]
    pub fn wait(mut self) -> (ExitStatus, String) {
        let begin = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                // The readers see the end of the pipes a moment later than we see the end of the process.
                while Arc::strong_count(&self.lines) > 1 {
                    thread::sleep(std::time::Duration::from_millis(5));
                }
                return (status, self.said());
            }
            assert!(
                begin.elapsed() < PATIENCE * 3,
                "{} does not end; it said:\n{}",
                self.name,
                self.said()
            );
            thread::sleep(std::time::Duration::from_millis(10));
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            eprintln!("--- {} said:\n{}\n---", self.name, self.said());
        }
    }
}

/// A port that is free for UDP and TCP on 127.0.0.1: for programs that cannot say which one they got. It stays free until it
/// is used: it is none of those that systems give to sockets that want any, and no two of a process are the same.
pub fn free_port() -> u16 {
    const FROM: u32 = 10_000;
    const BELOW: u32 = 32_768;
    static GIVEN: AtomicU32 = AtomicU32::new(0);
    loop {
        // Tests that run at the same time begin at different places.
        let place = std::process::id().wrapping_mul(101);
        let place = place.wrapping_add(GIVEN.fetch_add(1, Ordering::Relaxed));
        let port = (FROM + place % (BELOW - FROM)) as u16;
        let is_free = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
            && UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).is_ok();
        if is_free {
            return port;
        }
    }
}

/// Where a name server or tool is installed. Without it the test says so and skips; under `ZONEKIT_REQUIRE_PEERS`
/// it fails.
pub fn peer_program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let directories = std::env::split_paths(&path)
        .chain(["/usr/sbin", "/sbin", "/usr/local/sbin"].map(PathBuf::from));
    let found = { directories }
        .map(|directory| directory.join(name))
        .find(|path| path.is_file());
    if found.is_none() {
        assert!(
            std::env::var_os("ZONEKIT_REQUIRE_PEERS").is_none(),
            "{name} is not installed, and ZONEKIT_REQUIRE_PEERS is set"
        );
        eprintln!("SKIPPED: {name} is not installed");
    }
    found
}

fn gather(pipe: impl Read + Send + 'static, lines: Arc<(Mutex<Vec<String>>, Condvar)>) {
    thread::spawn(move || {
        for line in BufReader::new(pipe).split(b'\n') {
            let Ok(line) = line else { break };
            let line = String::from_utf8_lossy(&line).into_owned();
            lines.0.lock().unwrap().push(line);
            lines.1.notify_all();
        }
    });
}
