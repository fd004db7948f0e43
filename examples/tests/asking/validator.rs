//! An independent judge of proofs: unbound, which asks one server only and trusts one zone's keys.

use std::fs::{self, File};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::support::{PATIENCE, free_port, peer_program};

/// A running validator. Dropped, it ends.
pub struct Validator {
    pub address: SocketAddr,
    process: Child,
    directory: TempDir,
}

impl Validator {
    /// One that asks `server` about the zone and believes what its `anchors` sign, at the moment `date` (14 digits), or now.
    pub fn start(
        zone: &str,
        server: SocketAddr,
        anchors: &str,
        date: Option<&str>,
    ) -> io::Result<Self> {
        let directory = tempfile::tempdir()?;
        let place = directory.path();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
        fs::write(place.join("anchors"), anchors)?;
        let date = date.map_or(String::new(), |date| {
            format!("  val-override-date: \"{date}\"\n")
        });
        let text = format!(
            r#"server:
  interface: 127.0.0.1@{port}
  access-control: 127.0.0.0/8 allow
  username: ""
  chroot: ""
  pidfile: ""
  use-syslog: no
  verbosity: 1
  val-log-level: 2
  num-threads: 1
  do-not-query-localhost: no
  module-config: "validator iterator"
  trust-anchor-file: "{place}/anchors"
  aggressive-nsec: no
  qname-minimisation: no
  cache-max-ttl: 0
  cache-max-negative-ttl: 0
  infra-host-ttl: 0
  harden-dnssec-stripped: yes
  local-zone: "test." nodefault
{date}remote-control:
  control-enable: no
stub-zone:
  name: "{zone}"
  stub-addr: {ip}@{at}
"#,
            port = address.port(),
            place = place.display(),
            ip = server.ip(),
            at = server.port(),
        );
        let configuration = place.join("unbound.conf");
        fs::write(&configuration, text)?;
        let path = peer_program("unbound").ok_or_else(|| io::Error::other("not installed"))?;
        let output = File::create(place.join("log"))?;
        let process = Command::new(path)
            .args(["-d", "-c"])
            .arg(configuration)
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()?;
        let mut validator = Self {
            address,
            process,
            directory,
        };
        validator.wait_until_it_listens()?;
        Ok(validator)
    }

    /// What it has written to its log so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.directory.path().join("log")).unwrap_or_default()
    }

    fn wait_until_it_listens(&mut self) -> io::Result<()> {
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until && self.process.try_wait()?.is_none() {
            if std::net::TcpStream::connect(self.address).is_ok() {
                return Ok(());
            }
            sleep(Duration::from_millis(20));
        }
        Err(io::Error::other(self.log()))
    }
}

impl Drop for Validator {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
