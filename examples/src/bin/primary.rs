//! Serves zones from master files: SOA and everything else over UDP and TCP, AXFR, IXFR, NOTIFY.
//!
//!     cargo run --release --bin primary -- --listen 127.0.0.1:5301 --zone example.org=example.org.zone
//!     dig @127.0.0.1 -p 5301 example.org AXFR
//!
//! SIGHUP reads the files again, certificates too; SIGTERM and Ctrl-C end the program.

#![allow(rustdoc::broken_intra_doc_links)] // doc comments are the text of --help: brackets are no links there

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};
use tracing::{info, warn};
use zonekit_examples::primary::{Options, Primary, ZoneSource};
use zonekit_examples::{key_file, log, server};
use zonekit_serve::{AclEntry, Authorities, Identity, ServerTls};
use zonekit_tsig::Key;
use zonekit_wire::NameBuf;

/// A small primary: serves zones from master files, gives them by AXFR and what changes by IXFR, and tells secondaries when they change.
///
/// It is there to try secondaries with. Change a file (the serial, too) and send SIGHUP: the file is read again, and
/// everybody named with --notify gets a NOTIFY, at the start as well. A file with a mistake in it is told with its line
/// and column, and leaves the zone as it was. The files for TLS are read again, too.
#[derive(Parser)]
#[command(version, after_help = EXAMPLES)]
struct Arguments {
    /// An address for UDP and TCP; port 0 lets the system pick one, which the first log line tells. May be repeated.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:5301")]
    listen: Vec<SocketAddr>,
    /// A zone and its master file. May be repeated.
    #[arg(long, value_name = "ZONE=FILE", value_parser = zone_and_file, required = true)]
    zone: Vec<(NameBuf, PathBuf)>,
    /// A TSIG key that requests may be signed with; hmac-sha256 if no algorithm is said. May be repeated.
    #[arg(long, value_name = "[ALG:]NAME:SECRET")]
    key: Vec<Key>,
    /// A file with a TSIG key: as tsig-keygen writes it, or one line [ALG:]NAME:SECRET. May be repeated.
    #[arg(long, value_name = "FILE")]
    key_file: Vec<PathBuf>,
    /// Who may have the zones by AXFR: an address, a network, key:NAME, or one of them over TLS: tls:…. May be repeated. Without it, whoever signs
    /// with one of the keys, if there are any; else everybody on this machine.
    #[arg(long, value_name = "[tls:]NETWORK|[tls:]key:NAME")]
    allow: Vec<AclEntry>,
    /// An address for TLS; port 0 lets the system pick one, which the first log line tells. May be repeated.
    #[arg(long, value_name = "ADDRESS:PORT", requires = "tls_cert")]
    tls_listen: Vec<SocketAddr>,
    /// The certificate that is shown there (PEM), those that lead to its authority behind it ...
    #[arg(long, value_name = "FILE", requires_all = ["tls_key", "tls_listen"])]
    tls_cert: Option<PathBuf>,
    /// ... and its private key.
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Talk over TLS only to clients with a certificate from one of the authorities in this file (PEM).
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_client_ca: Option<PathBuf>,
    /// A secondary to send NOTIFY to, port 53 if none is given. May be repeated.
    #[arg(long, value_name = "ADDRESS[:PORT]", value_parser = server::parse)]
    notify: Vec<SocketAddr>,
}

const EXAMPLES: &str = "\
Examples:
  primary --zone example.org=example.org.zone
  primary --listen 127.0.0.1:0 --zone .=root.zone --key-file transfer.key --notify 127.0.0.1:5300";

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    log::start();
    match run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("primary: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The whole program as a plan: load, serve, then wait for signals until asked to stop.
#[tokio::main]
async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let mut hangup = signal(SignalKind::hangup())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let identity = Identification::of(&arguments);
    let options = options(arguments, identity.as_ref())?;
    let shown = options.tls.as_ref().map(|(_, tls)| tls.clone());
    let primary = Primary::start(options).await?;
    let tls = Some(primary.tls_addresses()).filter(|tls| !tls.is_empty());
    info!(
        dns = log::listed(primary.addresses()),
        tls = tls.map(log::listed),
        "listening"
    );
    loop {
        tokio::select! {
            _ = hangup.recv() => {
                primary.reload();
                if let (Some(identity), Some(shown)) = (&identity, &shown) {
                    identity.renew(shown);
                }
            }
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
        }
    }
    Ok(())
}

fn options(arguments: Arguments, identity: Option<&Identification>) -> anyhow::Result<Options> {
    let mut keys = arguments.key;
    for path in &arguments.key_file {
        keys.push(key_file::load(path)?);
    }
    let mut allow = arguments.allow;
    if allow.is_empty() {
        allow.extend(keys.iter().map(|key| AclEntry::Key(key.name().to_buf())));
    }
    if allow.is_empty() {
        for network in ["127.0.0.0/8", "::1"] {
            allow.push(network.parse().context("loopback")?);
        }
    }
    let tls = match identity {
        Some(identity) => Some((arguments.tls_listen, identity.load()?)),
        None => None,
    };
    let zones = arguments.zone.into_iter();
    Ok(Options {
        tls,
        listen: arguments.listen,
        zones: zones
            .map(|(apex, path)| ZoneSource::file(apex, path))
            .collect(),
        keys,
        allow,
        notify: arguments.notify,
    })
}

/// The files that say who we are over TLS, and whom we talk to.
struct Identification {
    certificate: PathBuf,
    key: PathBuf,
    clients: Option<PathBuf>,
}

impl Identification {
    fn of(arguments: &Arguments) -> Option<Self> {
        Some(Self {
            certificate: arguments.tls_cert.clone()?,
            key: arguments.tls_key.clone()?,
            clients: arguments.tls_client_ca.clone(),
        })
    }

    fn load(&self) -> anyhow::Result<ServerTls> {
        let ours = Identity::from_pem(&read(&self.certificate)?, &read(&self.key)?)?;
        Ok(match &self.clients {
            None => ServerTls::new(&ours)?,
            Some(clients) => ServerTls::mutual(&ours, &Authorities::from_pem(&read(clients)?)?)?,
        })
    }

    /// Puts what the files have now in the place of what is shown; where they are broken, that stays.
    fn renew(&self, shown: &ServerTls) {
        match self.load() {
            Ok(fresh) => {
                shown.replace(&fresh);
                info!("certificate read again");
            }
            Err(error) => {
                let error = format!("{error:#}");
                warn!(error, "certificate not read; the one before stays");
            }
        }
    }
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("reading {}", path.display()))
}

fn zone_and_file(text: &str) -> anyhow::Result<(NameBuf, PathBuf)> {
    let (zone, file) = text.split_once('=').context("ZONE=FILE is expected")?;
    let zone = zone
        .parse()
        .with_context(|| format!("{zone:?} is not a domain name"))?;
    Ok((zone, file.into()))
}
