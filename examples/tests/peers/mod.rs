//! The real name servers from Debian's packages, each started as the primary of one zone on loopback.
//!
//! A test says what it wants (which server, which key, whom to notify), gets a running [`Primary`], and changes
//! the zone under it with [`Primary::replace`]. Everything lives in a temporary directory and ends with the value.

#![allow(dead_code, unreachable_pub, unused_imports)] // each test file uses a part of this

mod secondary;

pub use secondary::{Secondary, Taken};

use std::fmt;
use std::fs::{self, File};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::support::{PATIENCE, free_port, peer_program};

/// Which server.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    Nsd,
    Knot,
    Bind,
    PowerDns,
}

impl Kind {
    pub const ALL: [Self; 4] = [Self::Nsd, Self::Knot, Self::Bind, Self::PowerDns];

    /// The daemon, and the programs that control it.
    fn programs(self) -> &'static [&'static str] {
        match self {
            Self::Nsd => &["nsd", "nsd-control"],
            Self::Knot => &["knotd", "knotc"],
            Self::Bind => &["named", "rndc"],
            Self::PowerDns => &["pdns_server", "pdns_control", "pdnsutil"],
        }
    }

    /// Whether all of its programs are there; what is missing was said aloud, or has failed the test.
    pub fn is_installed(self) -> bool {
        self.programs()
            .iter()
            .all(|program| peer_program(program).is_some())
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nsd => "NSD",
            Self::Knot => "Knot",
            Self::Bind => "BIND",
            Self::PowerDns => "PowerDNS",
        })
    }
}

/// A TSIG key as configuration files spell it.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    pub name: &'static str,
    pub algorithm: &'static str,
    pub secret: &'static str,
}

/// Two keys of different lengths, for the tests alone.
pub const SHA256: Key = Key {
    name: "transfer.example",
    algorithm: "hmac-sha256",
    secret: "dGhlIGtleSBvZiB0aGUgdGVzdHMsIG5vdCBhIHNlY3JldA==",
};
pub const SHA512: Key = Key {
    name: "transfer512.example",
    algorithm: "hmac-sha512",
    secret: "YW5vdGhlciBrZXkgb2YgdGhlIHRlc3RzLCBub3QgYSBzZWNyZXQgZWl0aGVyLCBidXQgbG9uZ2VyIHRoYW4gdGhlIG9uZQ==",
};

/// A zone of a primary.
#[derive(Clone, Copy, Debug)]
pub struct Hosted<'a> {
    /// The zone's name with its final dot.
    pub zone: &'a str,
    /// The master file's text.
    pub text: &'a str,
    /// Transfers are allowed to holders of this key only; to everyone on loopback without one.
    pub key: Option<Key>,
}

impl Hosted<'_> {
    /// The name of its key, as NSD wants it.
    fn nsd_key(&self) -> &str {
        self.key.map_or("NOKEY", |key| key.name)
    }
}

/// What a test wants of its primary.
#[derive(Clone, Copy, Debug)]
pub struct Setup<'a> {
    pub kind: Kind,
    /// What it has; at least one zone.
    pub zones: &'a [Hosted<'a>],
    /// Who is told of new versions.
    pub notify: Option<SocketAddr>,
    /// From [`free_port`](crate::support::free_port).
    pub port: u16,
}

/// Where NSD or BIND is to speak TLS beside that, and the PEM files that it shows who it is with.
#[derive(Clone, Copy, Debug)]
pub struct Encrypted<'a> {
    /// From [`free_port`](crate::support::free_port).
    pub port: u16,
    pub certificate: &'a Path,
    pub key: &'a Path,
}

/// A running primary. Dropped, it ends.
#[derive(Debug)]
pub struct Primary {
    kind: Kind,
    zones: Vec<String>,
    directory: TempDir,
    port: u16,
    process: Child,
}

impl Primary {
    /// Starts the server and waits until it answers for the zone's SOA.
    pub fn start(setup: Setup<'_>) -> io::Result<Self> {
        Self::start_with(setup, None)
    }

    /// The same, with TLS on a port of its own.
    pub fn start_with(setup: Setup<'_>, encrypted: Option<Encrypted<'_>>) -> io::Result<Self> {
        let directory = tempfile::tempdir()?;
        let files = Files {
            setup,
            encrypted,
            directory: directory.path(),
        };
        for hosted in setup.zones {
            fs::write(directory.path().join(file_of(hosted.zone)), hosted.text)?;
        }
        let mut command = match setup.kind {
            Kind::Nsd => files.nsd()?,
            Kind::Knot => files.knot()?,
            Kind::Bind => files.bind()?,
            Kind::PowerDns => files.powerdns()?,
        };
        let output = File::create(directory.path().join("output"))?;
        let process = command
            .current_dir(directory.path())
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()?;
        let mut primary = Self {
            kind: setup.kind,
            zones: { setup.zones.iter() }
                .map(|hosted| hosted.zone.to_owned())
                .collect(),
            directory,
            port: setup.port,
            process,
        };
        primary.wait_until_it_answers()?;
        Ok(primary)
    }

    /// Where it answers.
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// Puts another version of its first zone in place and has the server load it; the server then sends its NOTIFY.
    pub fn replace(&self, text: &str) -> io::Result<()> {
        self.replace_zone(&self.zones[0], text)
    }

    /// As [`replace`](Self::replace), of the zone of this name.
    pub fn replace_zone(&self, zone: &str, text: &str) -> io::Result<()> {
        let directory = self.directory.path();
        fs::write(directory.join("new"), text)?;
        fs::rename(directory.join("new"), directory.join(file_of(zone)))?;
        let file = |name: &str| directory.join(name).display().to_string();
        match self.kind {
            Kind::Nsd => run("nsd-control", &["-c", &file("nsd.conf"), "reload", zone]),
            Kind::Knot => run(
                "knotc",
                &["-c", &file("knot.conf"), "-b", "zone-reload", zone],
            ),
            Kind::Bind => run("rndc", &["-c", &file("rndc.conf"), "reload", zone]),
            Kind::PowerDns => {
                let config = format!("--config-dir={}", directory.display());
                run("pdns_control", &[&config, "bind-reload-now", zone])?;
                run("pdns_control", &[&config, "purge"])?;
                run("pdns_control", &[&config, "notify", zone])
            }
        }
    }

    /// What it has written to its log and its output so far.
    pub fn log(&self) -> String {
        ["log", "output"]
            .iter()
            .filter_map(|name| fs::read_to_string(self.directory.path().join(name)).ok())
            .collect()
    }

    fn wait_until_it_answers(&mut self) -> io::Result<()> {
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            if let Some(status) = self.process.try_wait()? {
                let log = self.log();
                return Err(io::Error::other(format!(
                    "{} ended ({status}): {log}",
                    self.kind
                )));
            }
            if { self.zones.iter() }.all(|zone| answers_soa(self.address(), zone)) {
                return Ok(());
            }
            sleep(Duration::from_millis(20));
        }
        let log = self.log();
        Err(io::Error::other(format!(
            "{} does not answer: {log}",
            self.kind
        )))
    }
}

impl Drop for Primary {
    fn drop(&mut self) {
        end(&mut self.process);
    }
}

/// Asks a server to end, and kills it when it does not.
fn end(process: &mut Child) {
    // NSD is a family of processes and takes its children along only when it is asked to end.
    let id = process.id().to_string();
    let _ = Command::new("kill").arg(&id).status();
    let until = Instant::now() + Duration::from_secs(5);
    while Instant::now() < until {
        if let Ok(Some(_)) = process.try_wait() {
            return;
        }
        sleep(Duration::from_millis(10));
    }
    let _ = process.kill();
    let _ = process.wait();
}

/// Whether the server at `address` answers for the SOA of `zone` with NOERROR and an answer.
fn answers_soa(address: SocketAddr, zone: &str) -> bool {
    let mut query = vec![0x5a, 0x6b, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in zone.split('.').filter(|label| !label.is_empty()) {
        query.push(label.len() as u8);
        query.extend_from_slice(label.as_bytes());
    }
    query.extend_from_slice(&[0, 0, 6, 0, 1]);
    let ask = || -> io::Result<bool> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        socket.set_read_timeout(Some(Duration::from_millis(300)))?;
        socket.connect(address)?;
        socket.send(&query)?;
        let mut answer = [0; 4096];
        let length = socket.recv(&mut answer)?;
        Ok(length > 12 && answer[..2] == query[..2] && answer[3] & 15 == 0 && answer[7] > 0)
    };
    ask().unwrap_or(false)
}

/// Runs a control program to its end; what it printed is the error's text if it fails.
fn run(program: &str, arguments: &[&str]) -> io::Result<()> {
    let path =
        peer_program(program).ok_or_else(|| io::Error::other(format!("{program} not found")))?;
    let output = Command::new(path).args(arguments).output()?;
    if output.status.success() {
        return Ok(());
    }
    Err(io::Error::other(format!(
        "{program} {arguments:?}: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )))
}

/// The name of a zone's master file.
fn file_of(zone: &str) -> String {
    format!("{zone}zone")
}

/// The configuration files of each server, and the command that starts it in the foreground.
struct Files<'a> {
    setup: Setup<'a>,
    encrypted: Option<Encrypted<'a>>,
    directory: &'a Path,
}

impl Files<'_> {
    fn command(program: &str) -> io::Result<Command> {
        peer_program(program)
            .map(Command::new)
            .ok_or_else(|| io::Error::other(format!("{program} not found")))
    }

    fn write(&self, name: &str, text: &str) -> io::Result<PathBuf> {
        let path = self.directory.join(name);
        fs::write(&path, text)?;
        Ok(path)
    }

    /// The keys of all zones, each once.
    fn keys(&self) -> Vec<Key> {
        let mut keys: Vec<Key> = Vec::new();
        for key in self.setup.zones.iter().filter_map(|hosted| hosted.key) {
            if keys.iter().all(|known| known.name != key.name) {
                keys.push(key);
            }
        }
        keys
    }

    fn nsd(&self) -> io::Result<Command> {
        let Setup {
            zones,
            port,
            notify,
            ..
        } = self.setup;
        let directory = self.directory.display();
        let mut text = format!(
            r#"server:
  ip-address: 127.0.0.1@{port}
  username: ""
  chroot: ""
  zonesdir: "{directory}"
  database: ""
  pidfile: "{directory}/nsd.pid"
  xfrdfile: "{directory}/xfrd.state"
  xfrdir: "{directory}"
  zonelistfile: "{directory}/zone.list"
  logfile: "{directory}/log"
  server-count: 1
  rrl-ratelimit: 0
  minimal-responses: yes
  xfrd-reload-timeout: 0
"#
        );
        if let Some(tls) = self.encrypted {
            let Encrypted {
                port,
                certificate,
                key,
            } = tls;
            text += &format!(
                "  ip-address: 127.0.0.1@{port}\n  tls-port: {port}\n  tls-service-pem: {certificate:?}\n  \
                 tls-service-key: {key:?}\n"
            );
        }
        text += &format!(
            "remote-control:\n  control-enable: yes\n  control-interface: \"{directory}/control\"\n"
        );
        for Key {
            name,
            algorithm,
            secret,
        } in self.keys()
        {
            text += &format!(
                "key:\n  name: \"{name}\"\n  algorithm: {algorithm}\n  secret: \"{secret}\"\n"
            );
        }
        for hosted in zones {
            let (zone, key, file) = (hosted.zone, hosted.nsd_key(), file_of(hosted.zone));
            text += &format!(
                "zone:\n  name: \"{zone}\"\n  zonefile: \"{file}\"\n  provide-xfr: 127.0.0.1 {key}\n"
            );
            if let Some(target) = notify {
                text += &format!("  notify: {}@{} {key}\n", target.ip(), target.port());
            }
        }
        let config = self.write("nsd.conf", &text)?;
        let mut command = Self::command("nsd")?;
        command.arg("-d").arg("-c").arg(config);
        Ok(command)
    }

    fn knot(&self) -> io::Result<Command> {
        let Setup {
            zones,
            port,
            notify,
            ..
        } = self.setup;
        let directory = self.directory.display();
        let mut text = format!(
            "server:\n  rundir: {directory}\n  listen: 127.0.0.1@{port}\n  udp-workers: 1\n  tcp-workers: 1\n  background-workers: 1\n\
             log:\n  - target: {directory}/log\n    any: info\n\
             database:\n  storage: {directory}\n"
        );
        for Key {
            name,
            algorithm,
            secret,
        } in self.keys()
        {
            text += &format!(
                "key:\n  - id: {name}\n    algorithm: {algorithm}\n    secret: {secret}\n"
            );
        }
        for (number, hosted) in zones.iter().enumerate() {
            let (zone, file) = (hosted.zone, file_of(hosted.zone));
            let with_key = hosted
                .key
                .map_or(String::new(), |key| format!("    key: {}\n", key.name));
            text += &format!(
                "acl:\n  - id: transfer{number}\n    address: 127.0.0.0/8\n{with_key}    action: transfer\n"
            );
            if let Some(target) = notify {
                let (address, port) = (target.ip(), target.port());
                text += &format!(
                    "remote:\n  - id: us{number}\n    address: {address}@{port}\n{with_key}"
                );
            }
            text += &format!(
                "zone:\n  - domain: {zone}\n    file: {directory}/{file}\n    acl: transfer{number}\n    zonefile-load: difference\n    zonefile-sync: -1\n    journal-content: changes\n"
            );
            if notify.is_some() {
                text += &format!("    notify: us{number}\n");
            }
        }
        let config = self.write("knot.conf", &text)?;
        let mut command = Self::command("knotd")?;
        command.arg("-c").arg(config);
        Ok(command)
    }

    fn bind(&self) -> io::Result<Command> {
        let Setup {
            zones,
            port,
            notify,
            ..
        } = self.setup;
        let directory = self.directory.display();
        let control = free_port();
        let rndc =
            "key \"rndc\" { algorithm hmac-sha256; secret \"Y29udHJvbCBvZiB0aGUgdGVzdHM=\"; };\n";
        let (mut tls, mut listen) = (String::new(), String::new());
        if let Some(Encrypted {
            port,
            certificate,
            key,
        }) = self.encrypted
        {
            tls = format!(
                "tls ours {{ cert-file {certificate:?}; key-file {key:?}; protocols {{ TLSv1.3; }}; }};\n"
            );
            listen = format!("listen-on port {port} tls ours {{ 127.0.0.1; }};");
        }
        let mut text = format!(
            r#"{tls}options {{
  directory "{directory}"; pid-file "{directory}/pid"; session-keyfile "{directory}/session"; lock-file none;
  listen-on port {port} {{ 127.0.0.1; }}; {listen} listen-on-v6 {{ none; }};
  recursion no; allow-query {{ any; }}; dnssec-validation no; empty-zones-enable no; minimal-responses yes;
  notify explicit; notify-delay 0; startup-notify-rate 1000; notify-rate 1000;
  ixfr-from-differences yes;
}};
{rndc}controls {{ inet 127.0.0.1 port {control} allow {{ 127.0.0.1; }} keys {{ "rndc"; }}; }};
logging {{ channel file {{ file "{directory}/log"; severity info; print-time yes; }}; category default {{ file; }}; }};
"#
        );
        for Key {
            name,
            algorithm,
            secret,
        } in self.keys()
        {
            text += &format!("key \"{name}\" {{ algorithm {algorithm}; secret \"{secret}\"; }};\n");
        }
        for hosted in zones {
            let (zone, file) = (hosted.zone, file_of(hosted.zone));
            let name = hosted.key.map(|key| format!("key \"{}\"", key.name));
            let allowed = name.clone().unwrap_or("127.0.0.1".to_owned());
            let signed = name.unwrap_or_default();
            let also = notify.map_or(String::new(), |target| {
                format!(
                    "also-notify {{ {} port {} {signed}; }};",
                    target.ip(),
                    target.port()
                )
            });
            text += &format!(
                "zone \"{zone}\" {{ type primary; file \"{file}\"; allow-transfer {{ {allowed}; }}; {also} }};\n"
            );
        }
        self.write(
            "rndc.conf",
            &format!("{rndc}options {{ default-key \"rndc\"; default-server 127.0.0.1; default-port {control}; }};\n"),
        )?;
        let config = self.write("named.conf", &text)?;
        let mut command = Self::command("named")?;
        command.args(["-f", "-n", "1", "-c"]).arg(config);
        Ok(command)
    }

    fn powerdns(&self) -> io::Result<Command> {
        let Setup {
            zones,
            port,
            notify,
            ..
        } = self.setup;
        let directory = self.directory.display();
        let also = notify.map_or(String::new(), |target| format!("also-notify={target}\n"));
        // Without a key loopback may transfer; with one for each zone only their holders may.
        let is_open = zones.iter().any(|hosted| hosted.key.is_none());
        let allowed = if is_open { "127.0.0.0/8" } else { "" };
        self.write(
            "pdns.conf",
            &format!(
                "setuid=\nsetgid=\nlocal-address=127.0.0.1\nlocal-port={port}\nsocket-dir={directory}\nprimary=yes\ndaemon=no\nguardian=no\n\
                 write-pid=no\nloglevel=5\nsecurity-poll-suffix=\nreceiver-threads=1\nallow-axfr-ips={allowed}\nonly-notify=127.0.0.1/32\n{also}\
                 launch=bind\nbind-config={directory}/named.conf\nbind-dnssec-db={directory}/metadata.db\n"
            ),
        )?;
        // Of its backends this one gives a signed zone out exactly as its master file has it.
        let entries: String = { zones.iter() }
            .map(|Hosted { zone, .. }| {
                let file = file_of(zone);
                format!("zone \"{zone}\" {{ type master; file \"{directory}/{file}\"; }};\n")
            })
            .collect();
        self.write("named.conf", &entries)?;
        let config = format!("--config-dir={directory}");
        let metadata = self.directory.join("metadata.db").display().to_string();
        run("pdnsutil", &[&config, "create-bind-db", &metadata])?;
        for Hosted { zone, text, key } in zones {
            // It makes NSECs of its own for what it takes for signed.
            if text.contains("RRSIG") {
                run("pdnsutil", &[&config, "set-presigned", zone])?;
            }
            if let Some(Key {
                name,
                algorithm,
                secret,
            }) = *key
            {
                run(
                    "pdnsutil",
                    &[&config, "import-tsig-key", name, algorithm, secret],
                )?;
                run(
                    "pdnsutil",
                    &[&config, "activate-tsig-key", zone, name, "primary"],
                )?;
            }
        }
        let mut command = Self::command("pdns_server")?;
        command.arg(config);
        Ok(command)
    }
}
