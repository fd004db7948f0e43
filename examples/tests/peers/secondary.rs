//! The real name servers as secondaries: each takes zones from one primary, every zone under a key of its own.

use std::fs::{self, File};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::{Kind, end};
use crate::support::{free_port, peer_program};

/// A zone to take, and the key to ask for it with: name, algorithm, secret.
#[derive(Clone, Debug)]
pub struct Taken {
    pub zone: String,
    pub key: [String; 3],
}

/// A running secondary, whose zones everybody on loopback may transfer. Dropped, it ends.
#[derive(Debug)]
pub struct Secondary {
    pub address: SocketAddr,
    process: Child,
    directory: TempDir,
}

impl Secondary {
    /// Starts the server, which asks `primary` for its zones at once.
    pub fn start(kind: Kind, primary: SocketAddr, zones: &[Taken]) -> io::Result<Self> {
        let configuration = match kind {
            Kind::Nsd => nsd,
            Kind::Knot => knot,
            Kind::Bind => bind,
            Kind::PowerDns => {
                return Err(io::Error::other("PowerDNS is not set up as a secondary"));
            }
        };
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
        Self::configured(kind, address, |directory| {
            configuration(directory, address.port(), primary, zones)
        })
    }

    /// Starts the server with a configuration that is made for its directory, and has it listen at `address`.
    pub fn configured(
        kind: Kind,
        address: SocketAddr,
        configuration: impl FnOnce(&Path) -> String,
    ) -> io::Result<Self> {
        let directory = tempfile::tempdir()?;
        let configuration = configuration(directory.path());
        let (program, flags) = match kind {
            Kind::Nsd => ("nsd", ["-d", "-c"].as_slice()),
            Kind::Knot => ("knotd", ["-c"].as_slice()),
            _ => ("named", ["-f", "-n", "1", "-c"].as_slice()),
        };
        let file = directory.path().join("configuration");
        fs::write(&file, configuration)?;
        let path = peer_program(program).ok_or_else(|| io::Error::other("not installed"))?;
        let output = File::create(directory.path().join("log"))?;
        let process = Command::new(path)
            .args(flags)
            .arg(file)
            .current_dir(directory.path())
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()?;
        Ok(Self {
            address,
            process,
            directory,
        })
    }

    /// Gives it another configuration, which it reads at once (SIGHUP).
    pub fn reconfigure(&self, configuration: impl FnOnce(&Path) -> String) -> io::Result<()> {
        let directory = self.directory.path();
        fs::write(directory.join("configuration"), configuration(directory))?;
        let id = self.process.id().to_string();
        Command::new("kill")
            .args(["-s", "HUP", &id])
            .status()
            .map(drop)
    }

    /// What it has written to its log so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.directory.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Secondary {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- it said:\n{}\n---", self.log());
        }
        end(&mut self.process);
    }
}

fn nsd(directory: &Path, port: u16, primary: SocketAddr, zones: &[Taken]) -> String {
    let directory = directory.display();
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
  server-count: 1
  xfrd-reload-timeout: 0
remote-control:
  control-enable: no
"#
    );
    for Taken { zone, key } in zones {
        let [name, algorithm, secret] = key;
        text += &format!(
            "key:\n  name: \"{name}\"\n  algorithm: {algorithm}\n  secret: \"{secret}\"\n\
             zone:\n  name: \"{zone}\"\n  zonefile: \"{zone}zone\"\n  provide-xfr: 127.0.0.1 NOKEY\n  \
             allow-notify: 127.0.0.1 NOKEY\n  request-xfr: AXFR {}@{} \"{name}\"\n",
            primary.ip(),
            primary.port()
        );
    }
    text
}

fn knot(directory: &Path, port: u16, primary: SocketAddr, zones: &[Taken]) -> String {
    let directory = directory.display();
    let mut text = format!(
        "server:\n  rundir: {directory}\n  listen: 127.0.0.1@{port}\n  udp-workers: 1\n  tcp-workers: 1\n  background-workers: 2\n\
         log:\n  - target: stderr\n    any: info\ndatabase:\n  storage: {directory}\n\
         acl:\n  - id: transfer\n    address: 127.0.0.0/8\n    action: transfer\nkey:\n"
    );
    for Taken { key, .. } in zones {
        let [name, algorithm, secret] = key;
        text += &format!("  - id: {name}\n    algorithm: {algorithm}\n    secret: {secret}\n");
    }
    text += "remote:\n";
    for (number, Taken { key, .. }) in zones.iter().enumerate() {
        let (address, at) = (primary.ip(), primary.port());
        let [name, ..] = key;
        text += &format!("  - id: p{number}\n    address: {address}@{at}\n    key: {name}\n");
    }
    text += "zone:\n";
    for (number, Taken { zone, .. }) in zones.iter().enumerate() {
        text += &format!(
            "  - domain: {zone}\n    storage: {directory}\n    acl: transfer\n    master: p{number}\n"
        );
    }
    text
}

fn bind(directory: &Path, port: u16, primary: SocketAddr, zones: &[Taken]) -> String {
    let directory = directory.display();
    let mut text = format!(
        r#"options {{
  directory "{directory}"; pid-file none; session-keyfile none; lock-file none;
  listen-on port {port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }};
  recursion no; allow-query {{ any; }}; allow-transfer {{ 127.0.0.1; }}; notify no;
  dnssec-validation no; empty-zones-enable no;
}};
controls {{ }};
logging {{ channel here {{ stderr; severity info; }}; category default {{ here; }}; }};
"#
    );
    for Taken { zone, key } in zones {
        let [name, algorithm, secret] = key;
        text += &format!(
            "key \"{name}\" {{ algorithm {algorithm}; secret \"{secret}\"; }};\n\
             zone \"{zone}\" {{ type secondary; file \"{zone}zone\"; primaries {{ {} port {} key \"{name}\"; }}; }};\n",
            primary.ip(),
            primary.port()
        );
    }
    text
}
