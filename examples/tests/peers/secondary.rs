//! The real name servers as secondaries: each takes zones from one primary, every zone under a key of its own.

use std::fs::{self, File};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::{Kind, end, run};
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
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
        Self::start_at(kind, address, primary, zones)
    }

    /// The same, at this address. Whoever signs NOTIFY with the key of a zone is believed.
    pub fn start_at(
        kind: Kind,
        address: SocketAddr,
        primary: SocketAddr,
        zones: &[Taken],
    ) -> io::Result<Self> {
        let configuration = match kind {
            Kind::Nsd => nsd,
            Kind::Knot => knot,
            Kind::Bind => bind,
            Kind::PowerDns => powerdns,
        };
        let directory = tempfile::tempdir()?;
        let text = configuration(directory.path(), address.port(), primary, zones);
        fs::write(directory.path().join(configuration_file(kind)), text)?;
        if kind == Kind::PowerDns {
            fill_database(directory.path(), primary, zones)?;
        }
        Self::run(kind, address, directory)
    }

    /// Whether PowerDNS can be a secondary that takes IXFR: of its backends not each can. Without it the test says so and
    /// skips; under `ZONEKIT_REQUIRE_PEERS` it fails.
    pub fn has_backend() -> bool {
        let found = Path::new("/usr/share/doc/pdns-backend-lmdb").exists();
        if !found {
            assert!(
                std::env::var_os("ZONEKIT_REQUIRE_PEERS").is_none(),
                "pdns-backend-lmdb is not installed, and ZONEKIT_REQUIRE_PEERS is set"
            );
            eprintln!("SKIPPED: pdns-backend-lmdb is not installed");
        }
        found
    }

    /// Starts the server with a configuration that is made for its directory, and has it listen at `address`.
    pub fn configured(
        kind: Kind,
        address: SocketAddr,
        configuration: impl FnOnce(&Path) -> String,
    ) -> io::Result<Self> {
        let directory = tempfile::tempdir()?;
        let text = configuration(directory.path());
        fs::write(directory.path().join(configuration_file(kind)), text)?;
        Self::run(kind, address, directory)
    }

    fn run(kind: Kind, address: SocketAddr, directory: TempDir) -> io::Result<Self> {
        let (program, flags) = match kind {
            Kind::Nsd => ("nsd", ["-d", "-c", "configuration"].as_slice()),
            Kind::Knot => ("knotd", ["-c", "configuration"].as_slice()),
            Kind::Bind => ("named", ["-f", "-n", "1", "-c", "configuration"].as_slice()),
            Kind::PowerDns => ("pdns_server", ["--config-dir=."].as_slice()),
        };
        let path = peer_program(program).ok_or_else(|| io::Error::other("not installed"))?;
        let output = File::create(directory.path().join("log"))?;
        let process = Command::new(path)
            .args(flags)
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
             allow-notify: 127.0.0.1 NOKEY\n  allow-notify: 127.0.0.1 \"{name}\"\n  request-xfr: {}@{} \"{name}\"\n  max-retry-time: 1\n",
            primary.ip(),
            primary.port()
        );
    }
    text
}

fn knot(directory: &Path, port: u16, primary: SocketAddr, zones: &[Taken]) -> String {
    let directory = directory.display();
    let mut text = format!(
        "server:\n  rundir: {directory}\n  listen: 127.0.0.1@{port}\n  udp-workers: 1\n  tcp-workers: 1\n  background-workers: 2\n  \
         tcp-remote-io-timeout: 60000\n\
         log:\n  - target: stderr\n    any: info\ndatabase:\n  storage: {directory}\n\
         acl:\n  - id: transfer\n    address: 127.0.0.0/8\n    action: transfer\nkey:\n"
    );
    for Taken { key, .. } in zones {
        let [name, algorithm, secret] = key;
        text += &format!("  - id: {name}\n    algorithm: {algorithm}\n    secret: {secret}\n");
    }
    text += "acl:\n";
    for (number, Taken { key, .. }) in zones.iter().enumerate() {
        let [name, ..] = key;
        text += &format!(
            "  - id: told{number}\n    address: 127.0.0.0/8\n    key: {name}\n    action: notify\n"
        );
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
            "  - domain: {zone}\n    storage: {directory}\n    acl: [transfer, told{number}]\n    master: p{number}\n    \
             retry-max-interval: 2\n"
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
  dnssec-validation no; empty-zones-enable no; max-retry-time 1;
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

fn powerdns(directory: &Path, port: u16, _: SocketAddr, _: &[Taken]) -> String {
    let directory = directory.display();
    format!(
        "setuid=\nsetgid=\nlocal-address=127.0.0.1\nlocal-port={port}\nsocket-dir={directory}\nsecondary=yes\ndaemon=no\n\
         guardian=no\nwrite-pid=no\nloglevel=6\nsecurity-poll-suffix=\nreceiver-threads=1\nallow-axfr-ips=127.0.0.0/8\n\
         only-notify=\nxfr-cycle-interval=1\nlaunch=lmdb\nlmdb-filename={directory}/zones\nlmdb-shards=1\n"
    )
}

/// PowerDNS has its zones and keys in its database.
fn fill_database(directory: &Path, primary: SocketAddr, zones: &[Taken]) -> io::Result<()> {
    let config = format!("--config-dir={}", directory.display());
    let primary = primary.to_string();
    for Taken {
        zone,
        key: [name, algorithm, secret],
    } in zones
    {
        for arguments in [
            ["create-secondary-zone", zone, &primary].as_slice(),
            &["import-tsig-key", name, algorithm, secret],
            &["activate-tsig-key", zone, name, "secondary"],
            &["set-meta", zone, "IXFR", "1"],
        ] {
            run("pdnsutil", &[&[config.as_str()], arguments].concat())?;
        }
    }
    Ok(())
}

fn configuration_file(kind: Kind) -> &'static str {
    match kind {
        Kind::PowerDns => "pdns.conf",
        _ => "configuration",
    }
}
