//! A small primary: zones from master files, served with AXFR, and with IXFR and NOTIFY when they change.
//!
//! Used by the program `primary` and by the demo of `secondary`. It signs nothing and edits nothing: whoever keeps the
//! files does.

mod table;

use std::io::BufRead;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};
use tokio::sync::mpsc;
use tracing::{info, warn};
use zonekit_serve::{
    Acl, AclEntry, Config, Notifier, NotifyRetry, NotifyTarget, Responder, Server, ServerTls,
    Stopper, Zones,
};
use zonekit_store::{Checks, Zone, ZoneBuilder, ZoneLimits};
use zonekit_tsig::Key;
use zonekit_wire::{Name, NameBuf, RecordBuf, Rtype, master};

use self::table::{Put, Table};

/// What a primary is to do.
pub struct Options {
    /// Addresses for UDP and TCP; port 0 lets the system pick one.
    pub listen: Vec<SocketAddr>,
    /// Addresses for TLS, and what to show there.
    pub tls: Option<(Vec<SocketAddr>, ServerTls)>,
    /// The zones, each with its master file.
    pub zones: Vec<ZoneSource>,
    /// TSIG keys that requests may be signed with.
    pub keys: Vec<Key>,
    /// Who may have the zones by AXFR and IXFR.
    pub allow: Vec<AclEntry>,
    /// Whom to tell that a zone is there, or has changed.
    pub notify: Vec<SocketAddr>,
}

/// A zone and where its records are.
pub struct ZoneSource {
    apex: NameBuf,
    text: Text,
}

enum Text {
    File(PathBuf),
    Held {
        name: &'static str,
        text: &'static [u8],
    },
}

impl ZoneSource {
    /// A zone in a master file, which is read again when the primary is told to.
    pub fn file(apex: NameBuf, path: PathBuf) -> Self {
        Self {
            apex,
            text: Text::File(path),
        }
    }

    /// A zone whose master file is part of the program; errors call it `name`.
    pub fn held(name: &'static str, apex: NameBuf, text: &'static [u8]) -> Self {
        Self {
            apex,
            text: Text::Held { name, text },
        }
    }

    fn load(&self) -> anyhow::Result<Zone> {
        let apex = self.apex.as_name();
        match &self.text {
            Text::Held { name, text } => {
                build(master::Reader::new(*text, apex), Path::new(name), apex)
            }
            Text::File(path) => build(master::Reader::open(path, apex)?, path, apex),
        }
    }
}

/// A primary that runs until it is dropped.
pub struct Primary {
    addresses: Vec<SocketAddr>,
    tls_addresses: Vec<SocketAddr>,
    sources: Vec<ZoneSource>,
    table: Arc<Table>,
    notifier: Notifier,
    stopper: Stopper,
}

impl Primary {
    /// Loads all zones, then serves them and tells of them.
    pub async fn start(options: Options) -> anyhow::Result<Self> {
        let table = Arc::new(Table::default());
        for source in &options.zones {
            table.put(source.load()?);
        }
        let config = Config {
            keys: options.keys.into_iter().collect(),
            allow_transfer: options.allow.into_iter().collect::<Acl>(),
            ..Config::default()
        };
        let responder = Responder::new(Arc::clone(&table) as Arc<dyn Zones>, config);
        let targets = options.notify.into_iter().map(|address| NotifyTarget {
            address,
            key: None,
            source: None,
            per_second: 0,
        });
        let counters = Arc::clone(responder.counters());
        let notifier = Notifier::new(targets.collect(), NotifyRetry::default(), counters);
        let mut server = Server::bind(
            &options.listen,
            responder,
            zonekit_serve::Options::default(),
        )?;
        let addresses = server.local_addresses().to_vec();
        let tls_addresses = match &options.tls {
            None => Vec::new(),
            Some((listen, tls)) => server.bind_tls(listen, tls)?,
        };
        let stopper = server.stopper();
        // Nobody notifies a primary: what comes is refused before it gets here.
        let (notifications, _) = mpsc::channel(1);
        tokio::spawn(async move {
            if let Err(error) = server.serve(notifications).await {
                warn!(%error, "serving");
            }
        });
        let primary = Self {
            addresses,
            tls_addresses,
            sources: options.zones,
            table,
            notifier,
            stopper,
        };
        for source in &primary.sources {
            primary.tell(source.apex.as_name());
        }
        Ok(primary)
    }

    /// The addresses that it answers on, with the ports that the system picked.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// The addresses that it answers on over TLS, likewise.
    pub fn tls_addresses(&self) -> &[SocketAddr] {
        &self.tls_addresses
    }

    /// Serial and number of records of a zone.
    pub fn version(&self, apex: Name<'_>) -> Option<(u32, u64)> {
        let zone = self.table.version(apex)?;
        Some((zone.serial().0, zone.record_count()))
    }

    /// Reads all master files again; tells of the zones whose serial has changed. A file that is broken leaves its zone
    /// as it was. Secondaries with an earlier version of this run get what has changed by IXFR.
    pub fn reload(&self) {
        for source in &self.sources {
            let apex = source.apex.as_name();
            let before = self.version(apex);
            match source.load() {
                Ok(zone) => {
                    let (serial, records) = (zone.serial().0, zone.record_count());
                    match self.table.put(zone) {
                        Put::UnderTheSameSerial => warn!(
                            zone = %apex, serial, records,
                            "loaded: it has changed, its serial has not, so that no secondary that has it will ask for it"
                        ),
                        Put::Version | Put::Same => {
                            info!(zone = %apex, serial, records, "loaded");
                        }
                    }
                    if before.is_none_or(|(before, _)| before != serial) {
                        self.tell(apex);
                    }
                }
                Err(error) => {
                    let error = format!("{error:#}");
                    warn!(zone = %apex, error, "not loaded; the version before stays");
                }
            }
        }
    }

    /// Sends NOTIFY for one zone to everybody who wants it.
    fn tell(&self, apex: Name<'_>) {
        if let Some(zone) = self.table.version(apex) {
            self.notifier.announce(apex, &zone.soa());
        }
    }
}

impl Drop for Primary {
    fn drop(&mut self) {
        self.stopper.stop();
    }
}

/// All records of a master file, in its order.
pub fn read(text: impl BufRead, apex: Name<'_>) -> anyhow::Result<Vec<RecordBuf>> {
    let mut records = Vec::new();
    let mut reader = master::Reader::new(text, apex);
    while let Some(record) = reader.next_record()? {
        records.push(record.to_buf());
    }
    Ok(records)
}

/// A version of the zone from its master file, which may have the SOA anywhere.
fn build<R: BufRead>(
    mut reader: master::Reader<R>,
    path: &Path,
    apex: Name<'_>,
) -> anyhow::Result<Zone> {
    let whose = || path.display().to_string();
    let mut builder = ZoneBuilder::new(apex, ZoneLimits::NONE, Checks::Strict);
    let mut before_soa: Vec<RecordBuf> = Vec::new();
    let mut begun = false;
    while let Some(record) = reader.next_record()? {
        if begun {
            builder.add(&record).with_context(whose)?;
        } else if record.rtype == Rtype::SOA {
            builder.begin(&record).with_context(whose)?;
            begun = true;
        } else {
            before_soa.push(record.to_buf());
        }
    }
    if !begun {
        bail!("{}: there is no SOA", path.display());
    }
    for record in &before_soa {
        builder.add(&record.as_record()).with_context(whose)?;
    }
    let (zone, notes) = builder.finish().with_context(whose)?;
    if notes.out_of_zone > 0 {
        warn!(zone = %apex, records = notes.out_of_zone, "records outside the zone are left out");
    }
    Ok(zone)
}
