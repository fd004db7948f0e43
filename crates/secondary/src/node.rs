//! The running whole: everything that the tasks of a node share, and what may be done with it.

mod commands;
mod notes;
mod publish;
mod settings;
mod visits;

use self::commands::Commands;
pub(crate) use self::publish::Edition;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use arc_swap::ArcSwap;
use tracing::error;
use zonekit_http::{
    Access, Commanded, MetricsAccess, MetricsReaders, OciKey, OciKeys, Readiness, Shares, Token,
    Tokens, ZoneView,
};
use zonekit_model::{
    ContentVersion, Contract, KeyName, SecondaryZone, Timestamp, TsigKey, ZoneName, ZoneState,
};
use zonekit_serve::{CookieSecret, Notifier, NotifyRetry, Responder};
use zonekit_store::{BackupError, Batch, Diff, Held, Options, Store, StoreError, Zone};
use zonekit_tsig::Key;
use zonekit_wire::{Serial, SoaBuf};
use zonekit_xfr::{Lines, Schedule, Slots};

use crate::answering::{SharedSchedule, Table};
use crate::book::Book;
use crate::catalogs::HeldBack;
use crate::delegation::Delegations;
use crate::events::Hub;
use crate::metrics::Counts;
use crate::primaries::{KeyTurns, Unready, is_settled, resolve};
use crate::reaches::Reaches;
use crate::tell::Teller;
use crate::visits::Press;
use crate::webhooks::Webhooks;
use crate::zones::Zones;
use crate::{Config, StartError, clock};

/// The file in `data_dir`.
pub(crate) const FILE: &str = "zonekit.redb";

/// Settings that tell what was known of zones begin with this, followed by their [`ZoneId`].
const PAST: &str = "past/";

/// Searches of zones and differences of one contract, and of all, at a time: each takes a thread for as long as the zone is
/// large, and versions are written by threads from among the same.
const READS: usize = 4;
const ALL_READS: usize = 16;

/// What all tasks of a node share.
pub(crate) struct Node {
    config: ArcSwap<Config>,
    store: Arc<Store>,
    pub(crate) book: Book,
    pub(crate) zones: Zones,
    keys: ArcSwap<HashMap<KeyName, Key>>,
    schedule: SharedSchedule,
    /// Which primaries are down, as one of their zones found out.
    reaches: Reaches,
    /// Connections with primaries, which visits share.
    pub(crate) lines: Lines,
    /// Versions that wait to be published together.
    pub(crate) press: Press,
    /// Kept over changes of the configuration, so that clients' cookies stay good.
    cookie_secret: CookieSecret,
    /// Something new may be due.
    pub(crate) wake: tokio::sync::Notify,
    /// Something was noted that is not in the file yet.
    pub(crate) noted: tokio::sync::Notify,
    /// Zones taken in and visits ended since it was last said that all rest.
    pub(crate) stirred: AtomicUsize,
    /// All zones rest, after much was done.
    pub(crate) rested: tokio::sync::Notify,
    /// A catalog may have a new version, or ours may have to.
    pub(crate) catalogs_changed: tokio::sync::Notify,
    /// Catalogs that take away too much to be followed without an order.
    pub(crate) held_back: HeldBack,
    pub(crate) responder: Responder,
    notifier: Notifier,
    pub(crate) access: Access,
    pub(crate) counts: Counts,
    pub(crate) teller: Teller,
    /// Where it is told what happens to zones.
    pub(crate) hub: Hub,
    pub(crate) delegations: Delegations,
    /// Searches and differences under way.
    pub(crate) reads: Shares<Contract>,
    /// Commands that wait to be carried out.
    commands: Commands,
    is_ending: AtomicBool,
    /// Where versions are counted from: the store's count begins anew with every start.
    began: Timestamp,
}

/// What a command was about: a zone, a key, or all that the configuration declares.
pub(crate) struct About {
    pub(crate) zone: Option<Arc<SecondaryZone>>,
    pub(crate) key: Option<Arc<TsigKey>>,
    /// What its receipt was made of, if it had one.
    pub(crate) told: Option<Commanded>,
}

impl std::fmt::Debug for Node {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Node").finish_non_exhaustive()
    }
}

impl Node {
    /// Opens what is on disk and makes it what the configuration declares. Reads and writes files.
    pub(crate) fn open(config: Config) -> Result<Arc<Self>, StartError> {
        let directory = &config.data_dir;
        std::fs::create_dir_all(directory).map_err(|source| StartError::Directory {
            path: directory.clone(),
            source,
        })?;
        let mut options = Options::default();
        options.journal = config.limits.for_journals();
        options.zones = config.limits.max_zones;
        let store = Arc::new(Store::open(directory.join(FILE), options)?);
        store.note_time(clock::now().as_seconds());
        for damage in store.damage() {
            error!(%damage, "damaged on disk; what cannot be read is transferred anew");
        }
        let book = Book::open(&store, config.quota)?;
        let identity = identity(&store)?;
        let schedule = Schedule::new(config.timers.for_schedule(), slots(&config), identity);
        let schedule = Arc::new(Mutex::new(schedule));
        let table = Table {
            store: Arc::clone(&store),
            schedule: Arc::clone(&schedule),
        };
        let responder = Responder::new(Arc::new(table), zonekit_serve::Config::default());
        let counters = Arc::clone(responder.counters());
        // Whom it tells follows with the keys.
        let notifier = Notifier::new(Vec::new(), NotifyRetry::default(), counters);
        let node = Arc::new(Self {
            access: Access {
                tokens: Tokens::new(tokens(&config)),
                oci_keys: OciKeys::new(oci_keys(&config)),
                metrics: MetricsAccess::new(metrics_readers(&config)),
            },
            began: clock::now(),
            config: ArcSwap::from_pointee(config),
            store,
            book,
            zones: Zones::default(),
            keys: ArcSwap::default(),
            schedule,
            reaches: Reaches::default(),
            lines: Lines::default(),
            press: Press::default(),
            cookie_secret: CookieSecret::random(),
            wake: tokio::sync::Notify::new(),
            noted: tokio::sync::Notify::new(),
            stirred: AtomicUsize::new(0),
            rested: tokio::sync::Notify::new(),
            catalogs_changed: tokio::sync::Notify::new(),
            held_back: HeldBack::default(),
            responder,
            notifier,
            counts: Counts::default(),
            teller: Teller::default(),
            hub: Hub::default(),
            delegations: Delegations::default(),
            reads: Shares::new(READS, ALL_READS),
            commands: Commands::default(),
            is_ending: AtomicBool::new(false),
        });
        node.restore()?;
        Ok(node)
    }

    /// The configuration in force.
    pub(crate) fn config(&self) -> Arc<Config> {
        self.config.load_full()
    }

    /// The version held and served, if there is one.
    pub(crate) fn version(&self, name: &ZoneName) -> Option<Zone> {
        self.held(name)?.zone.clone()
    }

    /// The version held, if there is one, and which it is.
    pub(crate) fn content(&self, name: &ZoneName) -> (ContentVersion, Option<Zone>) {
        let held = self.held(name);
        let count = held.as_ref().map_or(0, |held| held.generation.as_u64());
        let version = ContentVersion {
            epoch: self.began.0,
            count,
        };
        (version, held.and_then(|held| held.zone.clone()))
    }

    /// A zone as the routes are told of it.
    pub(crate) fn view(&self, zone: Arc<SecondaryZone>) -> ZoneView {
        let known =
            { &self.zones }.with(&zone.name, |charge| (charge.state(), charge.brief().serial));
        let (state, serial) = known.unwrap_or((ZoneState::Provisioning, None));
        let has_keys = zone.primaries.iter().any(|primary| primary.key.is_some());
        ZoneView {
            state,
            serial,
            version: self.content(&zone.name).0,
            keys: match has_keys {
                true => self.book.registry().key_ids(&zone),
                false => Vec::new(),
            },
            zone,
        }
    }

    /// The serials of the versions that the history of a zone knows, oldest first.
    pub(crate) fn serials(&self, name: &ZoneName) -> Vec<Serial> {
        self.store.journal_serials(name.to_name().as_name())
    }

    /// The differences that lead from a version to the one held, if they are known. Reads the disk.
    pub(crate) fn journal(
        &self,
        name: &ZoneName,
        from: Serial,
    ) -> Result<Option<Vec<Diff>>, StoreError> {
        self.store.journal(name.to_name().as_name(), from)
    }

    /// What the store has of a zone.
    pub(crate) fn held(&self, name: &ZoneName) -> Option<Held> {
        self.store.zone(name.to_name().as_name())
    }

    /// Whether requests and queries are answered, and zones kept in step.
    pub(crate) fn readiness(&self) -> Readiness {
        if self.is_ending.load(Ordering::Relaxed) {
            return Readiness::Waiting("ending");
        }
        match self.store.failure() {
            // What is held is answered on, but grows old: nothing new can be kept, and so nothing new is served.
            Some(_) => {
                Readiness::Waiting("the disk failed at a sync: see the log, then start again")
            }
            None => Readiness::Ready,
        }
    }

    /// No more visits begin, and those under way end without trace.
    pub(crate) fn end(&self) {
        self.is_ending.store(true, Ordering::Relaxed);
        self.zones.lock().call_off();
        self.hub.end();
    }

    /// Has the webhooks of the configuration told from now on. To be called on a runtime.
    pub(crate) fn renew_webhooks(&self) {
        let config = self.config();
        let settings = { config.http.as_ref() }.map_or(&[][..], |http| &http.webhooks);
        let webhooks = Webhooks::start(settings, &self.hub.webhooks.load());
        self.hub.webhooks.store(Arc::new(webhooks));
    }

    /// Tells whom the configuration names of a version that is visible. Must be called within a runtime.
    pub(crate) fn announce(&self, name: &ZoneName, soa: &SoaBuf) {
        self.notifier.announce(name.to_name().as_name(), soa);
    }

    /// The same to one of them only.
    pub(crate) fn announce_to(&self, target: SocketAddr, name: &ZoneName, soa: &SoaBuf) {
        { &self.notifier }.announce_to(target, name.to_name().as_name(), soa);
    }

    /// Of how many zones one of them is being told, or waits to be.
    pub(crate) fn told_under_way(&self, target: SocketAddr) -> usize {
        self.notifier.under_way_to(target)
    }

    /// Where all zones are, those too that nobody has charged us with.
    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    /// The same, to be held on to.
    pub(crate) fn shared_store(&self) -> Arc<Store> {
        Arc::clone(&self.store)
    }

    /// The zone's primaries as a visit needs them.
    pub(crate) fn primaries_of(
        &self,
        config: &Config,
        zone: &SecondaryZone,
        turns: &KeyTurns,
    ) -> Result<Vec<zonekit_xfr::Primary>, Unready> {
        match is_settled(config, zone) {
            true => resolve(config, &self.keys.load(), zone, turns).map_err(Unready::NoKey),
            false => Err(Unready::Unsettled),
        }
    }

    /// Copies all that is durable into a new file. Waits for the disk.
    pub(crate) fn backup(&self, path: &Path) -> Result<u64, BackupError> {
        self.store.backup(path)
    }
}

/// A number that tells this node's timers from those of others with the same zones: drawn once, then kept.
fn identity(store: &Store) -> Result<u64, StoreError> {
    const KEY: &str = "node";
    if let Some(octets) = store.setting(KEY)?.and_then(|value| value.try_into().ok()) {
        return Ok(u64::from_be_bytes(octets));
    }
    let drawn = getrandom::u64().unwrap_or_else(|_| clock::now().0);
    let mut batch = Batch::new();
    batch.put(KEY, drawn.to_be_bytes());
    store.commit(batch)?;
    Ok(drawn)
}

/// How many visits may go on at a time.
fn slots(config: &Config) -> Slots {
    Slots {
        per_primary: config.limits.transfers_per_primary,
        all: config.limits.transfers,
    }
}

fn tokens(config: &Config) -> Vec<Token> {
    let tokens = config.http.iter().flat_map(|http| &http.tokens);
    tokens
        .map(|token| Token::new(token.contract.clone(), token.sha256))
        .collect()
}

/// Who reads the metrics: on a loopback address, without a token, whoever is on this host.
fn metrics_readers(config: &Config) -> MetricsReaders {
    match &config.http {
        Some(http) => match http.metrics_token {
            Some(sha256) => MetricsReaders::Bearer(sha256),
            None if http.listen.ip().is_loopback() => MetricsReaders::Everybody,
            None => MetricsReaders::Nobody,
        },
        None => MetricsReaders::Nobody,
    }
}

fn oci_keys(config: &Config) -> Vec<OciKey> {
    let keys = config.http.iter().flat_map(|http| &http.oci_keys);
    keys.cloned().collect()
}

/// An error and what caused it, as one line.
pub(crate) fn in_words(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        words = format!("{words}: {error}");
        next = error.source();
    }
    words
}
