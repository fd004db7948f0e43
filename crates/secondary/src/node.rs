//! The running whole: everything that the tasks of a node share, and what may be done with it.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::time::Instant;

use arc_swap::ArcSwap;
use tracing::{debug, error, info, warn};
use zonekit_http::{Readiness, ServiceError, Token, Tokens};
use zonekit_model::{
    Change, Changes, Command, Failure, KeyName, Primary, PrimaryOutcome, PrimaryStatus,
    SecondaryZone, Standing, Timestamp, ZoneName, ZoneStatus,
};
use zonekit_serve::{Notification, Notifier, NotifyRetry, NotifySources, NotifyTarget, Responder};
use zonekit_store::{
    Batch, Content, Generation, Held, Options, Publication, Store, StoreError, Timers, Zone,
};
use zonekit_tsig::Key;
use zonekit_wire::Name;
use zonekit_xfr::{Due, Notified, Schedule, Slots, Start, Timing};

use crate::book::{self, Book};
use crate::history::Finished;
use crate::metrics::Counts;
use crate::sink::Candidate;
use crate::zones::{Charge, Zones};
use crate::{Config, StartError, clock};

/// The file in `data_dir`.
const FILE: &str = "zonekit.redb";

/// What all tasks of a node share.
pub(crate) struct Node {
    config: ArcSwap<Config>,
    store: Arc<Store>,
    pub(crate) book: Book,
    pub(crate) zones: Zones,
    keys: ArcSwap<HashMap<KeyName, Key>>,
    schedule: Mutex<Schedule<ZoneName>>,
    /// Something new may be due.
    pub(crate) wake: tokio::sync::Notify,
    pub(crate) responder: Responder,
    notifier: Notifier,
    pub(crate) tokens: Tokens,
    pub(crate) counts: Counts,
    /// Held by whoever changes the registry: judged, made durable, applied, one after the other.
    writer: tokio::sync::Mutex<()>,
    is_ending: AtomicBool,
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
        let store = Arc::new(Store::open(directory.join(FILE), Options::default())?);
        for damage in store.damage() {
            error!(%damage, "damaged on disk; what cannot be read is transferred anew");
        }
        let book = Book::open(&store, config.quota)?;
        let identity = identity(&store)?;
        let slots = Slots {
            per_primary: config.limits.transfers_per_primary,
            all: config.limits.transfers,
        };
        let schedule = Schedule::new(config.timers.for_schedule(), slots, identity);
        let responder = Responder::new(
            Arc::clone(&store) as Arc<dyn zonekit_serve::Zones>,
            zonekit_serve::Config::default(),
        );
        let counters = Arc::clone(responder.counters());
        let notifier = Notifier::new(targets(&config), NotifyRetry::default(), counters);
        let node = Arc::new(Self {
            tokens: Tokens::new(tokens(&config)),
            config: ArcSwap::from_pointee(config),
            store,
            book,
            zones: Zones::default(),
            keys: ArcSwap::default(),
            schedule: Mutex::new(schedule),
            wake: tokio::sync::Notify::new(),
            responder,
            notifier,
            counts: Counts::default(),
            writer: tokio::sync::Mutex::new(()),
            is_ending: AtomicBool::new(false),
        });
        node.restore()?;
        Ok(node)
    }

    /// Puts what the store has beside what the registry has, and takes all zones in.
    fn restore(self: &Arc<Self>) -> Result<(), StartError> {
        let declaration = book::declaration(&self.config());
        let changes = self.book.registry().judge(declaration, clock::now())?;
        self.book.store(&self.store, &changes)?;
        let _ = self.book.registry().apply(changes);
        self.renew_keys();

        // Settings and zones change in one commit, so that one without the other is damage; the settings are right.
        for held in self.store.zones() {
            if self
                .book
                .registry()
                .zone_named(&ZoneName::from(held.name()))
                .is_none()
            {
                warn!(zone = %held.name(), "in no settings: taken away");
                self.store.remove_zone(held.name())?;
            }
        }
        let zones: Vec<Arc<SecondaryZone>> = self.book.registry().zones().cloned().collect();
        for zone in zones {
            let name = zone.name.to_name();
            if self.store.zone(name.as_name()).is_none() {
                self.store.create_zone(name.as_name())?;
            }
            self.admit(zone);
        }
        Ok(())
    }

    /// The configuration in force.
    pub(crate) fn config(&self) -> Arc<Config> {
        self.config.load_full()
    }

    /// The version held and served, if there is one.
    pub(crate) fn version(&self, name: &ZoneName) -> Option<Zone> {
        self.held(name)?.zone.clone()
    }

    /// What the store has of a zone.
    pub(crate) fn held(&self, name: &ZoneName) -> Option<Held> {
        self.store.zone(name.to_name().as_name())
    }

    /// Whether requests and queries are answered.
    pub(crate) fn readiness(&self) -> Readiness {
        match self.is_ending.load(Ordering::Relaxed) {
            true => Readiness::Waiting("ending"),
            false => Readiness::Ready,
        }
    }

    /// No more visits begin, and those under way end without trace.
    pub(crate) fn end(&self) {
        self.is_ending.store(true, Ordering::Relaxed);
        for charge in self.zones.lock().values_mut() {
            charge.call_off();
        }
    }

    /// Judges a command, makes what it changes durable, and puts it into effect.
    pub(crate) async fn write(
        self: Arc<Self>,
        command: Command,
    ) -> Result<Arc<SecondaryZone>, ServiceError> {
        let about = self.change(command).await?;
        about.ok_or_else(|| ServiceError::Internal("a command without a zone".to_owned()))
    }

    async fn change(
        self: &Arc<Self>,
        command: Command,
    ) -> Result<Option<Arc<SecondaryZone>>, ServiceError> {
        if self.is_ending.load(Ordering::Relaxed) {
            return Err(ServiceError::Unavailable);
        }
        let _writer = self.writer.lock().await;
        let about = match &command {
            Command::EnsureZone { contract, id, .. } => {
                self.book.registry().zone(contract, *id).cloned()
            }
            _ => None,
        };
        let changes = self.book.registry().judge(command, clock::now())?;
        let about = changes.zone().cloned().or(about);
        let node = Arc::clone(self);
        let effects = changes.clone();
        tokio::task::spawn_blocking(move || node.book.store(&node.store, &changes))
            .await
            .map_err(|error| ServiceError::Internal(error.to_string()))?
            .map_err(|error| ServiceError::Internal(in_words(&error)))?;
        // Durable by now: there is no way back, and what could be undone by is not needed.
        let _ = self.book.registry().apply(effects.clone());
        self.take_effect(effects);
        Ok(about)
    }

    /// Follows the registry after a change of it.
    fn take_effect(self: &Arc<Self>, changes: Changes) {
        let mut keys_changed = false;
        for change in changes {
            match change {
                Change::PutZone(zone) => {
                    let name = zone.name.clone();
                    match self.zones.with(&name, |_| ()) {
                        Some(()) => self.resettle(zone),
                        None => self.admit(zone),
                    }
                }
                Change::RemoveZone(zone) => self.dismiss(&zone.name),
                Change::PutKey(_) | Change::RemoveKey(_) => keys_changed = true,
            }
        }
        if keys_changed {
            self.renew_keys();
        }
        self.wake.notify_one();
    }

    /// Takes a zone in that was not here: as it was left, or new.
    fn admit(&self, zone: Arc<SecondaryZone>) {
        let config = self.config();
        let name = zone.name.to_name();
        let addresses = self.addresses_of(&config, &zone);
        let mut status = ZoneStatus {
            primaries: addresses
                .iter()
                .copied()
                .map(PrimaryStatus::pending)
                .collect(),
            ..ZoneStatus::default()
        };
        let version = self.version(&zone.name);
        let soa = version.as_ref().map(Zone::soa);
        let start = match (&version, &soa) {
            (Some(version), Some(soa)) => {
                let now = clock::now().as_seconds();
                let timers = self.store.timers(name.as_name()).unwrap_or_default();
                let expires = Some(timers.expires_at).filter(|&expires| expires > now);
                let standing = match expires {
                    Some(_) if timers.failures > 0 => Standing::Stale,
                    Some(_) => Standing::Current,
                    None => Standing::Expired,
                };
                self.note_standing(&zone.name, standing, timers.expires_at);
                status.standing = standing;
                status.serial = Some(version.serial().0);
                status.records = version.record_count();
                status.octets = version.octets();
                status.failures = timers.failures;
                status.next_try = Some(Timestamp::from_seconds(timers.next_check));
                status.expires_at = expires.map(Timestamp::from_seconds);
                self.book
                    .registry()
                    .note_records(&zone.zone_id(), version.record_count());
                Start::Held {
                    soa,
                    next_check: clock::instant(timers.next_check),
                    expires: expires.map(clock::instant),
                }
            }
            _ => Start::Never,
        };
        let key = zone.name.clone();
        self.zones
            .lock()
            .insert(key.clone(), Charge::new(zone, status));
        self.schedule()
            .insert(key, name.as_name(), addresses, start, Instant::now());
    }

    /// Puts other settings of a zone in force. A visit to primaries that are no longer its own ends without trace.
    fn resettle(&self, zone: Arc<SecondaryZone>) {
        let config = self.config();
        let addresses = self.addresses_of(&config, &zone);
        let name = zone.name.clone();
        let moved = self.zones.with(&name, |charge| {
            let moved = charge.zone.primaries != zone.primaries;
            if moved {
                let primaries = addresses.iter().copied().map(PrimaryStatus::pending);
                charge.change(zone, primaries.collect());
            } else {
                charge.zone = zone;
            }
            moved
        });
        if moved == Some(true) {
            self.schedule().set_primaries(&name, addresses);
        }
    }

    /// Lets a zone go. What was held of it is gone from the store already, with its settings.
    fn dismiss(&self, name: &ZoneName) {
        if let Some(mut charge) = self.zones.lock().remove(name) {
            charge.call_off();
        }
        self.schedule().remove(name);
    }

    /// Takes another configuration. Where DNS and HTTP listen, where the data is and the bounds of timers and slots stay
    /// as they are until the next start.
    pub(crate) async fn reload(self: &Arc<Self>, config: Config) -> Result<(), ServiceError> {
        let before = self.config();
        for (what, changed) in [
            ("data_dir", before.data_dir != config.data_dir),
            ("dns.listen", before.dns.listen != config.dns.listen),
            ("dns.workers", before.dns.workers != config.dns.workers),
            (
                "http.listen",
                before.http.as_ref().map(|http| http.listen)
                    != config.http.as_ref().map(|http| http.listen),
            ),
            ("timers", before.timers != config.timers),
        ] {
            if changed {
                warn!(entry = what, "changes at the next start only");
            }
        }
        let old_keys = self.keys.load_full();
        let declaration = book::declaration(&config);
        // Refused as a whole, if it is, before anything has changed.
        let _ = self
            .book
            .registry()
            .judge(declaration.clone(), clock::now())?;
        self.book.registry().set_limits(config.quota);
        self.notifier.retarget(targets(&config));
        self.tokens.replace(tokens(&config));
        self.config.store(Arc::new(config));
        self.change(declaration).await?;
        self.renew_keys();

        // Whose primaries are now other servers, or are asked with another key, is visited anew.
        let (config, keys) = (self.config(), self.keys.load_full());
        let zones: Vec<Arc<SecondaryZone>> = self.book.registry().zones().cloned().collect();
        for zone in zones {
            let was = resolve(&before, &old_keys, &zone);
            let is = resolve(&config, &keys, &zone);
            if !same(&was, &is) {
                let addresses = self.addresses_of(&config, &zone);
                let pending = addresses
                    .iter()
                    .copied()
                    .map(PrimaryStatus::pending)
                    .collect();
                let name = zone.name.clone();
                self.zones
                    .with(&name, |charge| charge.change(zone, pending));
                self.schedule().set_primaries(&name, addresses);
            }
        }
        self.wake.notify_one();
        Ok(())
    }

    /// Has the name server side know the keys there are, and who may do what.
    fn renew_keys(self: &Arc<Self>) {
        let mut keys = HashMap::new();
        for key in self.book.registry().keys() {
            match key.to_key() {
                Ok(made) => {
                    keys.insert(key.name.clone(), made);
                }
                Err(error) => error!(key = %key.name, %error, "not usable"),
            }
        }
        let config = self.config();
        self.responder.configure(zonekit_serve::Config {
            keys: keys.values().cloned().collect(),
            allow_transfer: config.dns.allow_transfer.iter().cloned().collect(),
            notify_sources: Arc::new(Judge(Arc::downgrade(self))),
            ..zonekit_serve::Config::default()
        });
        self.keys.store(Arc::new(keys));
    }

    /// The zone's primaries as a visit needs them; the name of the key that is missing, if one is.
    pub(crate) fn primaries_of(
        &self,
        config: &Config,
        zone: &SecondaryZone,
    ) -> Result<Vec<zonekit_xfr::Primary>, KeyName> {
        resolve(config, &self.keys.load(), zone)
    }

    fn addresses_of(&self, config: &Config, zone: &SecondaryZone) -> Vec<SocketAddr> {
        { zone.primaries.iter() }
            .map(|primary| address(config, primary))
            .collect()
    }

    fn schedule(&self) -> MutexGuard<'_, Schedule<ZoneName>> {
        self.schedule
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// What is due now, if anything is and there is a slot for it.
    pub(crate) fn next_due(&self) -> Option<Due<ZoneName>> {
        self.schedule().poll(Instant::now())
    }

    pub(crate) fn next_timer(&self) -> Option<Instant> {
        self.schedule().poll_timeout()
    }

    pub(crate) fn visits_running(&self) -> usize {
        self.schedule().visits()
    }

    /// Has a zone's primaries visited at once.
    pub(crate) fn request_visit(&self, name: &ZoneName) {
        // Whoever asks what came of it is not shown what came of the visit before.
        self.zones.with(name, |charge| {
            for primary in &mut charge.status.primaries {
                if primary.outcome != PrimaryOutcome::InProgress {
                    primary.outcome = PrimaryOutcome::Pending;
                }
            }
        });
        self.schedule().order(name, false);
        self.wake.notify_one();
    }

    /// A visit is over; says when the next one is due.
    pub(crate) fn finished(
        &self,
        name: &ZoneName,
        how: zonekit_xfr::Finished<'_>,
    ) -> Option<Timing> {
        let timing = {
            let mut schedule = self.schedule();
            schedule.finished(name, how, Instant::now());
            schedule.timing(name)
        };
        self.wake.notify_one();
        timing
    }

    /// Enters a version that is whole: durable, then visible, then told onward. Waits for the disk.
    pub(crate) fn publish(
        &self,
        name: &ZoneName,
        term: u64,
        generation: Option<Generation>,
        candidate: Candidate,
    ) -> Result<(), Failure> {
        let gone = || Failure {
            kind: "changed".to_owned(),
            text: "the zone was removed or changed meanwhile".to_owned(),
        };
        if self.zones.within(name, term, |_| ()).is_none() {
            return Err(gone());
        }
        let Some(expected) = generation else {
            return Err(gone());
        };
        let Candidate { zone, diff, notes } = candidate;
        let soa = zone.soa();
        let timers = self.config().timers.for_schedule().of(&soa);
        let now = clock::now().as_seconds();
        let publication = Publication {
            zone: name.to_name(),
            expected,
            content: match diff {
                Some(diff) => Content::Patch {
                    zone: zone.clone(),
                    diff,
                },
                None => Content::Replace(zone.clone()),
            },
            // Those of the schedule follow when the visit is over; these are for a crash until then.
            timers: Some(Timers {
                next_check: now + timers.refresh.as_secs(),
                expires_at: now + timers.expire.as_secs(),
                failures: 0,
            }),
        };
        if let Err(error) = self.store.publish(publication) {
            error!(zone = %name, error = in_words(&error), "not published: the version before stays");
            return Err(Failure {
                kind: match &error {
                    StoreError::Storage(failure) if failure.is_disk_full() => "disk full",
                    StoreError::Conflict { .. } | StoreError::NoSuchZone(_) => "changed",
                    _ => "store",
                }
                .to_owned(),
                text: format!("not kept here: {}", in_words(&error)),
            });
        }
        let id = self.zones.within(name, term, |charge| {
            charge.status.serial = Some(zone.serial().0);
            charge.status.records = zone.record_count();
            charge.status.octets = zone.octets();
            charge.status.standing = Standing::Current;
            charge.zone.zone_id()
        });
        if let Some(id) = id {
            self.book.registry().note_records(&id, zone.record_count());
        }
        if notes != zonekit_store::Notes::default() {
            info!(zone = %name, serial = zone.serial().0, ?notes, "the records were not quite in order");
        }
        self.notifier.announce(zone.apex(), &soa);
        Ok(())
    }

    /// Has those who answer know how a zone stands; in the file with the next commit.
    pub(crate) fn note_standing(&self, name: &ZoneName, standing: Standing, expires_at: u64) {
        let standing = match standing {
            Standing::NeverLoaded => return,
            Standing::Current => zonekit_store::Standing::Current,
            Standing::Stale => zonekit_store::Standing::Stale { until: expires_at },
            Standing::Expired => zonekit_store::Standing::Expired,
        };
        if let Err(error) = self.store.set_standing(name.to_name().as_name(), standing) {
            debug!(zone = %name, %error, "noting how it stands"); // it was removed a moment ago
        }
    }

    /// Notes a zone's timers for the next start; in the file with the next commit.
    pub(crate) fn note_timers(&self, name: &ZoneName, timers: Timers) {
        if let Err(error) = self.store.note_timers(name.to_name().as_name(), timers) {
            debug!(zone = %name, %error, "noting its timers"); // it was removed a moment ago
        }
    }

    /// Brings timers and standings that were noted into the file. Waits for the disk.
    pub(crate) fn flush(&self) {
        if let Err(error) = self.store.flush() {
            error!(error = in_words(&error), "keeping timers");
        }
    }

    /// Counts what came of a visit.
    pub(crate) fn count(&self, finished: &Finished<'_>) {
        let errors = finished
            .report
            .primaries
            .iter()
            .filter_map(|primary| primary.error.as_ref());
        let kinds = errors.map(|error| crate::history::failure(error).kind);
        self.counts.visit(finished.outcome(), kinds);
        if let Some(figures) = finished.figures() {
            self.counts.transfer(&figures);
        }
    }

    /// Somebody entitled to says that a zone has changed.
    pub(crate) fn notified(&self, notification: &Notification) {
        let name = ZoneName::from(notification.zone.as_name());
        let from = notification.source.ip();
        let told = self
            .schedule()
            .notify(&name, Some(from), notification.serial);
        debug!(zone = %name, %from, serial = notification.serial.map(|serial| serial.0), ?told, "NOTIFY");
        if matches!(told, Notified::Queued | Notified::Coalesced) {
            self.wake.notify_one();
        }
    }
}

/// Says whose NOTIFY is believed: that of a zone's primary, or one signed with the key of one.
struct Judge(Weak<Node>);

impl NotifySources for Judge {
    fn may_notify(&self, zone: Name<'_>, source: IpAddr, key: Option<&Key>) -> bool {
        let Some(node) = self.0.upgrade() else {
            return false;
        };
        let name = ZoneName::from(zone);
        let Some(zone) = node.zones.with(&name, |charge| Arc::clone(&charge.zone)) else {
            return false;
        };
        let config = node.config();
        let signer = key.map(|key| KeyName::from(key.name()));
        zone.primaries.iter().any(|primary| {
            primary.address == source
                || signer.is_some() && signer.as_ref() == key_name(&config, primary)
        })
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

fn address(config: &Config, primary: &Primary) -> SocketAddr {
    SocketAddr::new(
        primary.address,
        primary.port.unwrap_or(config.dns.primary_port),
    )
}

fn key_name<'a>(config: &'a Config, primary: &'a Primary) -> Option<&'a KeyName> {
    let own = primary.key.as_ref();
    own.or_else(|| config.key_for(address(config, primary)))
}

fn resolve(
    config: &Config,
    keys: &HashMap<KeyName, Key>,
    zone: &SecondaryZone,
) -> Result<Vec<zonekit_xfr::Primary>, KeyName> {
    let resolve = |primary: &Primary| {
        let key = match key_name(config, primary) {
            None => None,
            Some(name) => Some(keys.get(name).ok_or_else(|| name.clone())?.clone()),
        };
        Ok(zonekit_xfr::Primary {
            address: address(config, primary),
            key,
            source: config.source_for(primary.address),
        })
    };
    zone.primaries.iter().map(resolve).collect()
}

fn same(
    was: &Result<Vec<zonekit_xfr::Primary>, KeyName>,
    is: &Result<Vec<zonekit_xfr::Primary>, KeyName>,
) -> bool {
    match (was, is) {
        (Ok(was), Ok(is)) => {
            let pairs = was.iter().zip(is);
            let alike = |(was, is): (&zonekit_xfr::Primary, &zonekit_xfr::Primary)| {
                (was.address, &was.key, was.source) == (is.address, &is.key, is.source)
            };
            was.len() == is.len() && { pairs }.all(alike)
        }
        (Err(was), Err(is)) => was == is,
        _ => false,
    }
}

fn targets(config: &Config) -> Vec<NotifyTarget> {
    let target = |&address: &SocketAddr| NotifyTarget {
        address,
        key: None,
        source: config.source_for(address.ip()),
    };
    config.dns.notify.iter().map(target).collect()
}

fn tokens(config: &Config) -> Vec<Token> {
    let tokens = config.http.iter().flat_map(|http| &http.tokens);
    tokens
        .map(|token| Token::new(token.contract.clone(), token.sha256))
        .collect()
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
