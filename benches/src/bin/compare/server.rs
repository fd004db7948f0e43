//! The servers: their configuration, their life and their end.

use std::fmt;
use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use clap::ValueEnum;

use crate::probe;
use crate::usage::{Memory, Usage};

const KEY: &str = "transfer.example";
const SECRET: &str = "c2VjcmV0LWtleS1vZi0zMi1vY3RldHMtZm9yLWJlbmNoISE=";
/// Nothing here takes longer.
const LIMIT: Duration = Duration::from_secs(900);

/// Which server.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Kind {
    Nsd,
    Knot,
    Bind,
    Zonekit,
}

impl Kind {
    pub(crate) fn daemon(self) -> &'static str {
        match self {
            Self::Nsd => "nsd",
            Self::Knot => "knotd",
            Self::Bind => "named",
            Self::Zonekit => "secondary",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nsd => "NSD",
            Self::Knot => "Knot",
            Self::Bind => "BIND",
            Self::Zonekit => "Zonekit",
        })
    }
}

/// What it is there for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Role {
    /// It reads its zones from files.
    Primary,
    /// It takes them from the server at this port.
    Secondary(u16),
}

/// A zone and its master file.
#[derive(Clone, Debug)]
pub(crate) struct Served {
    pub(crate) name: String,
    pub(crate) file: PathBuf,
}

/// A running server.
#[derive(Debug)]
pub(crate) struct Server {
    kind: Kind,
    child: Child,
    directory: PathBuf,
    port: u16,
    usage: Usage,
}

/// Where a program is installed.
pub(crate) fn installed(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin", "/sbin", "/usr/local/sbin"].map(PathBuf::from))
        .map(|directory| directory.join(name))
        .find(|path| path.is_file())
}

impl Server {
    /// Starts a server that works in `directory`, with whatever it left there.
    pub(crate) fn start(
        kind: Kind,
        program: &Path,
        directory: &Path,
        role: Role,
        zones: &[Served],
        is_signed: bool,
    ) -> anyhow::Result<Self> {
        fs::create_dir_all(directory)?;
        let directory = fs::canonicalize(directory)?;
        let port = free_port()?;
        let settings = Settings {
            directory: directory.display().to_string(),
            port,
            role,
            zones,
            key: is_signed.then_some(KEY),
        };
        let text = match kind {
            Kind::Nsd => settings.nsd(),
            Kind::Knot => settings.knot(),
            Kind::Bind => settings.bind(),
            Kind::Zonekit => settings.zonekit()?,
        };
        let file = directory.join("conf");
        fs::write(&file, text)?;
        let mut command = Command::new(program);
        match kind {
            Kind::Nsd => command.args(["-d", "-c"]).arg(&file),
            Kind::Knot => command.arg("-c").arg(&file),
            Kind::Bind => command.args(["-f", "-n", "2", "-c"]).arg(&file),
            Kind::Zonekit => command.arg("--config").arg(&file),
        };
        let said = File::create(directory.join("said"))?;
        let child = command
            .current_dir(&directory)
            .stdin(Stdio::null())
            .stdout(said.try_clone()?)
            .stderr(said)
            .spawn()
            .with_context(|| format!("starting {}", program.display()))?;
        let usage = Usage::new(&directory);
        Ok(Self {
            kind,
            child,
            directory,
            port,
            usage,
        })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// What its secondaries are.
    pub(crate) fn as_primary(&self) -> Role {
        Role::Secondary(self.port)
    }

    /// Waits until it answers with the serial.
    pub(crate) fn wait_for(&mut self, zone: &str, serial: u32) -> anyhow::Result<()> {
        let began = Instant::now();
        while probe::serial(self.address(), zone) != Some(serial) {
            if let Some(status) = self.child.try_wait()? {
                let said = fs::read_to_string(self.directory.join("said")).unwrap_or_default();
                bail!("{} ended with {status}: {said}", self.kind);
            }
            if began.elapsed() > LIMIT {
                bail!("{} does not serve {zone} with serial {serial}", self.kind);
            }
            self.usage.cpu(); // so that processes that end are known
            sleep(Duration::from_millis(4));
        }
        Ok(())
    }

    /// Waits until it does next to nothing: less than 5 ms in half a second.
    pub(crate) fn settle(&mut self) {
        let began = Instant::now();
        let mut last = self.cpu();
        while began.elapsed() < LIMIT {
            for _ in 0..10 {
                sleep(Duration::from_millis(50));
                self.usage.cpu();
            }
            let now = self.cpu();
            if now - last < 0.005 {
                return;
            }
            last = now;
        }
    }

    /// Has it read its configuration and its files again.
    pub(crate) fn hang_up(&self) -> anyhow::Result<()> {
        signal(self.child.id(), "HUP")
    }

    pub(crate) fn cpu(&mut self) -> f64 {
        self.usage.cpu()
    }

    pub(crate) fn memory(&self) -> Memory {
        self.usage.memory()
    }

    pub(crate) fn forget_peak(&self) {
        self.usage.forget_peak();
    }

    /// Octets on disk, as they are allocated.
    pub(crate) fn disk(&self) -> u64 {
        allocated(&self.directory)
    }

    /// Ends it as its operator would.
    pub(crate) fn end(&mut self) -> anyhow::Result<()> {
        signal(self.child.id(), "TERM")?;
        let began = Instant::now();
        while self.child.try_wait()?.is_none() || !self.usage.processes().is_empty() {
            if began.elapsed() > Duration::from_secs(60) {
                self.kill();
            }
            sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// Ends it and removes what it has kept.
    pub(crate) fn end_and_forget(mut self) -> anyhow::Result<()> {
        self.end()?;
        fs::remove_dir_all(&self.directory)?;
        Ok(())
    }

    fn kill(&mut self) {
        let _ = self.child.kill(); // it may have ended in this moment
        let _ = self.child.wait();
        // Those that work in a directory of ours and were not told of its end: NSD leaves some.
        for id in self.usage.processes() {
            let _ = signal(id, "KILL");
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// What a configuration file says.
struct Settings<'s> {
    directory: String,
    port: u16,
    role: Role,
    zones: &'s [Served],
    key: Option<&'static str>,
}

impl Settings<'_> {
    fn primary(&self) -> Option<u16> {
        match self.role {
            Role::Primary => None,
            Role::Secondary(port) => Some(port),
        }
    }

    /// Where a zone's text is, or would be kept.
    fn file(&self, zone: &Served) -> String {
        match self.role {
            Role::Primary => zone.file.display().to_string(),
            Role::Secondary(_) => format!("{}/{}.zone", self.directory, zone.name),
        }
    }

    fn nsd(&self) -> String {
        let Self {
            directory, port, ..
        } = self;
        let mut text = format!(
            "server:\n  ip-address: 127.0.0.1@{port}\n  do-ip6: no\n  username: \"\"\n  chroot: \"\"\n  zonesdir: \"{directory}\"\n  \
             database: \"\"\n  pidfile: \"{directory}/pid\"\n  xfrdfile: \"{directory}/xfrd\"\n  xfrdir: \"{directory}\"\n  \
             zonelistfile: \"{directory}/list\"\n  server-count: 1\n  rrl-ratelimit: 0\n  tcp-count: 100\n\
             remote-control:\n  control-enable: no\n\
             key:\n  name: \"{KEY}\"\n  algorithm: hmac-sha256\n  secret: \"{SECRET}\"\n"
        );
        let key = self.key.unwrap_or("NOKEY");
        for zone in self.zones {
            let (name, file) = (&zone.name, self.file(zone));
            text += &format!("zone:\n  name: \"{name}\"\n  zonefile: \"{file}\"\n");
            text += &match self.primary() {
                Some(primary) => format!(
                    "  request-xfr: 127.0.0.1@{primary} {key}\n  allow-notify: 127.0.0.1 NOKEY\n"
                ),
                None => format!("  provide-xfr: 127.0.0.1 {key}\n"),
            };
        }
        text
    }

    fn knot(&self) -> String {
        let Self {
            directory, port, ..
        } = self;
        let mut text = format!(
            "server:\n  rundir: {directory}\n  listen: 127.0.0.1@{port}\n  udp-workers: 1\n  tcp-workers: 2\n  background-workers: 2\n\
             log:\n  - target: stderr\n    any: warning\n\
             database:\n  storage: {directory}\n\
             key:\n  - id: {KEY}\n    algorithm: hmac-sha256\n    secret: {SECRET}\n\
             acl:\n  - id: plain\n    address: 127.0.0.1\n    action: [transfer, notify]\n  \
             - id: keyed\n    address: 127.0.0.1\n    key: {KEY}\n    action: [transfer, notify]\n"
        );
        if let Some(primary) = self.primary() {
            text += &format!("remote:\n  - id: primary\n    address: 127.0.0.1@{primary}\n");
            if let Some(key) = self.key {
                text += &format!("    key: {key}\n");
            }
        }
        text += &format!(
            "template:\n  - id: default\n    storage: {directory}\n    acl: [plain, keyed]\n"
        );
        text += match self.role {
            Role::Primary => {
                "    zonefile-load: difference\n    zonefile-sync: -1\n    journal-content: changes\n"
            }
            Role::Secondary(_) => "    master: primary\n",
        };
        text += "zone:\n";
        for zone in self.zones {
            text += &format!("  - domain: {}\n    file: {}\n", zone.name, self.file(zone));
        }
        text
    }

    fn bind(&self) -> String {
        let Self {
            directory, port, ..
        } = self;
        let mut text = format!(
            "options {{ directory \"{directory}\"; pid-file \"{directory}/pid\"; session-keyfile \"{directory}/session\"; \
             lock-file none; listen-on port {port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }}; recursion no; \
             allow-transfer {{ any; }}; notify no; dnssec-validation no; empty-zones-enable no; \
             transfers-in 200; transfers-per-ns 100; serial-query-rate 5000; }};\n\
             controls {{ }};\n\
             key \"{KEY}\" {{ algorithm hmac-sha256; secret \"{SECRET}\"; }};\n"
        );
        let key = self
            .key
            .map_or(String::new(), |key| format!(" key \"{key}\""));
        for zone in self.zones {
            let (name, file) = (&zone.name, self.file(zone));
            text += &match self.primary() {
                Some(primary) => format!(
                    "zone \"{name}\" {{ type secondary; primaries port {primary} {{ 127.0.0.1{key}; }}; file \"{file}\"; }};\n"
                ),
                None => format!("zone \"{name}\" {{ type primary; file \"{file}\"; }};\n"),
            };
        }
        text
    }

    fn zonekit(&self) -> anyhow::Result<String> {
        let Self {
            directory, port, ..
        } = self;
        let primary = self.primary().context("Zonekit is no primary")?;
        let mut text = format!(
            "data_dir = \"{directory}/data\"\n[dns]\nlisten = [\"127.0.0.1:{port}\"]\nworkers = 1\n\
             [[key]]\nname = \"{KEY}\"\nalgorithm = \"hmac-sha256\"\nsecret = \"{SECRET}\"\n"
        );
        let key = self
            .key
            .map_or(String::new(), |key| format!(", key = \"{key}\""));
        for zone in self.zones {
            text += &format!(
                "[[zone]]\nname = \"{}\"\nprimaries = [{{ address = \"127.0.0.1:{primary}\"{key} }}]\n",
                zone.name
            );
        }
        Ok(text)
    }
}

/// A port that was free for UDP and TCP a moment ago.
fn free_port() -> anyhow::Result<u16> {
    for _ in 0..100 {
        let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let port = tcp.local_addr()?.port();
        if UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
    bail!("no port is free for UDP and TCP")
}

fn signal(id: u32, name: &str) -> anyhow::Result<()> {
    let status = Command::new("kill")
        .args(["-s", name, &id.to_string()])
        .status()?;
    if !status.success() {
        bail!("kill -s {name} {id}: {status}");
    }
    Ok(())
}

fn allocated(path: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt;
    let Ok(entries) = fs::read_dir(path) else {
        return 0;
    };
    { entries.flatten() }
        .map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => allocated(&entry.path()),
            Ok(metadata) => metadata.blocks() * 512,
            Err(_) => 0, // gone in the meantime
        })
        .sum()
}
