//! Zones and keys that come, change and go: judged by the registry, made durable, put in force.

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use foldhash::quality::FixedState;
use tracing::{error, warn};
use zonekit_http::{Receipt, ServiceError};
use zonekit_model::{
    Change, Changes, Command, Contract, Event, EventKind, PrimaryStatus, SecondaryZone, Standing,
    Timestamp, ZoneName, ZoneStatus,
};
use zonekit_store::{StoreError, Zone};
use zonekit_xfr::Start;

use super::{About, Node, PAST, in_words, metrics_readers, oci_keys, slots, tokens};
use crate::charge::{Charge, Known};
use crate::notify::{Judge, targets};
use crate::past::Past;
use crate::primaries::{KeyTurns, addresses, next_keys, resolve, same};
use crate::visits::Rules;
use crate::{Config, StartError, answering, book, clock};

impl Node {
    /// Puts what the store has beside what the registry has, and takes all zones in.
    pub(super) fn restore(self: &Arc<Self>) -> Result<(), StartError> {
        let ours = self.config().dns.catalog.clone();
        self.book.reserve(ours.as_ref())?;
        let declaration = book::declaration(&self.config());
        let changes = self.book.registry().judge(declaration, clock::now())?;
        self.book.store(&self.store, [(&changes, &[][..])])?;
        let _ = self.book.registry().apply(changes);
        self.renew_keys();

        // Settings and zones change in one commit, so that one without the other is damage; the settings are right.
        for held in self.store.zones() {
            if { ours.as_ref() }.is_some_and(|ours| ours.to_name().as_name() == held.name()) {
                continue; // the catalog of them all
            }
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
        let mut zones: Vec<_> = self.book.registry().zones().cloned().collect();
        // In the order in which they were made, which is that of the file: zones that are kept together lie together there.
        zones.sort_unstable_by_key(|zone| (zone.created, zone.id));
        let mut past: HashMap<String, Vec<u8>> = self.store.settings(PAST)?.into_iter().collect();
        for zone in zones {
            let name = zone.name.to_name();
            if self.store.zone(name.as_name()).is_none() {
                self.store.create_zone(name.as_name())?;
            }
            let past = past.remove(&format!("{PAST}{}", zone.zone_id()));
            self.admit(zone, past.and_then(|octets| Past::read(&octets)));
        }
        Ok(())
    }

    /// Judges a command, makes what it changes durable, and puts it into effect; gives what it was about. Whoever is no
    /// longer there for the answer has it carried out all the same.
    pub(crate) async fn change(self: &Arc<Self>, command: Command) -> Result<About, ServiceError> {
        self.change_with(command, None).await
    }

    /// The same, with what is to be kept in the same commit.
    pub(crate) async fn change_with(
        self: &Arc<Self>,
        command: Command,
        receipt: Option<Receipt>,
    ) -> Result<About, ServiceError> {
        if self.is_ending.load(Ordering::Relaxed) {
            return Err(ServiceError::Unavailable);
        }
        self.commands.carry_out(self, command, receipt, None).await
    }

    /// Follows the registry after a change of it.
    pub(super) fn take_effect(self: &Arc<Self>, changes: Changes) {
        if changes.is_empty() {
            return;
        }
        let mut keys_changed = false;
        for change in changes {
            match change {
                Change::PutZone(zone) => {
                    let serial = self.zones.with(&zone.name, |charge| charge.brief().serial);
                    let kind = match serial {
                        Some(_) => EventKind::ZoneChanged,
                        None => EventKind::ZoneCreated,
                    };
                    let event = Event::of(kind, clock::now(), &zone, serial.flatten());
                    match serial {
                        Some(_) => self.resettle(zone),
                        None => self.admit(zone, None),
                    }
                    self.hub.tell(event);
                }
                Change::RemoveZone(zone) => {
                    self.dismiss(&zone.name);
                    let kind = EventKind::ZoneRemoved;
                    self.hub.tell(Event::of(kind, clock::now(), &zone, None));
                }
                Change::PutKey(_) | Change::RemoveKey(_) => keys_changed = true,
            }
        }
        self.catalogs_changed.notify_one();
        if keys_changed {
            self.renew_keys();
        }
        self.wake.notify_one();
    }

    /// Takes a zone in that was not here: as it was left, or new.
    fn admit(&self, zone: Arc<SecondaryZone>, past: Option<Past>) {
        let config = self.config();
        let name = zone.name.to_name();
        let addresses = addresses(&config, &zone);
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
        let (key, owner) = (zone.name.clone(), zone.contract.as_ref().map(owner_of));
        let past = past.unwrap_or_default();
        let memory = past.restore(&mut status);
        let known = Known {
            status,
            memory,
            visits: past.visits,
        };
        let charge = Charge::new(zone, &known);
        self.stirred.fetch_add(1, Ordering::Relaxed);
        self.zones.lock().insert(key.clone(), charge);
        let mut schedule = self.schedule();
        schedule.insert(
            key.clone(),
            name.as_name(),
            addresses,
            start,
            Instant::now(),
        );
        schedule.set_owner(&key, owner);
    }

    /// Puts other settings of a zone in force. A visit to primaries that are no longer its own, or under rules that are no
    /// longer its own, ends without trace.
    fn resettle(&self, zone: Arc<SecondaryZone>) {
        let config = self.config();
        let addresses = addresses(&config, &zone);
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
        self.review(&config, &name);
    }

    /// Has a zone visited anew if a visit of it goes on under other rules than those of now.
    fn review(&self, config: &Config, name: &ZoneName) {
        let recalled = self
            .zones
            .with(name, |charge| charge.recall(|zone| Rules::of(config, zone)));
        if let Some(force) = recalled.flatten() {
            self.schedule().order(name, force);
        }
    }

    /// Lets a zone go. What was held of it is gone from the store already, with its settings.
    fn dismiss(&self, name: &ZoneName) {
        if let Some(mut charge) = self.zones.lock().remove(name) {
            charge.call_off();
            self.note_past(&charge.zone.zone_id(), None);
        }
        self.teller.forget(name);
        self.schedule().remove(name);
    }

    /// Takes another configuration. Where DNS and HTTP listen and where the data is stays as it is until the next start.
    /// When it cannot be kept what it declares, all stays as it is.
    pub(crate) async fn reload(self: &Arc<Self>, config: Config) -> Result<(), ServiceError> {
        if self.is_ending.load(Ordering::Relaxed) {
            return Err(ServiceError::Unavailable);
        }
        let before = self.config();
        for (what, changed) in [
            ("data_dir", before.data_dir != config.data_dir),
            ("dns.listen", before.dns.listen != config.dns.listen),
            (
                "dns.tls.listen",
                before.dns.tls.as_ref().map(|tls| &tls.listen)
                    != config.dns.tls.as_ref().map(|tls| &tls.listen),
            ),
            (
                "http.tls: with or without",
                { before.http.as_ref() }.is_some_and(|http| http.tls.is_some()) != {
                    config.http.as_ref()
                }
                .is_some_and(|http| http.tls.is_some()),
            ),
            ("dns.workers", before.dns.workers != config.dns.workers),
            (
                "http.listen",
                before.http.as_ref().map(|http| http.listen)
                    != config.http.as_ref().map(|http| http.listen),
            ),
            (
                "dns.clients: connections and transfers",
                !before.dns.clients.has_sockets_of(&config.dns.clients),
            ),
            (
                "limits.max_zones",
                before.limits.max_zones != config.limits.max_zones,
            ),
        ] {
            if changed {
                warn!(entry = what, "changes at the next start only");
            }
        }
        let old_keys = self.keys.load_full();
        let declaration = book::declaration(&config);
        // Refused as a whole, if it is, before anything has changed.
        let (was_ours, ours) = (before.dns.catalog.as_ref(), config.dns.catalog.clone());
        self.book.reserve(ours.as_ref())?;
        let judged = { self.book.registry() }.judge(declaration.clone(), clock::now());
        if let Err(refusal) = judged {
            self.book.reserve(was_ours)?;
            return Err(refusal.into());
        }
        if let Some(was_ours) = was_ours.filter(|&was_ours| Some(was_ours) != ours.as_ref()) {
            let name = was_ours.to_name();
            match self.store.remove_zone(name.as_name()) {
                Ok(()) | Err(StoreError::NoSuchZone(_)) => {} // it may not have been made yet
                Err(error) => {
                    self.book.reserve(Some(was_ours))?;
                    return Err(ServiceError::Internal(in_words(&error)));
                }
            }
        }
        let declared = self
            .commands
            .carry_out(self, declaration, None, Some(Box::new(config)));
        if let Err(error) = declared.await {
            // All is as it was, and so is our catalog in a moment, unless somebody was faster and has its name.
            let _ = self.book.reserve(was_ours);
            self.catalogs_changed.notify_one();
            return Err(error);
        }
        self.renew_keys();

        // Whose primaries are now other servers, or are asked with another key, is visited anew.
        let (config, keys) = (self.config(), self.keys.load_full());
        let zones: Vec<Arc<SecondaryZone>> = self.book.registry().zones().cloned().collect();
        for zone in zones {
            let was = resolve(&before, &old_keys, &zone, &KeyTurns::default());
            let is = resolve(&config, &keys, &zone, &KeyTurns::default());
            if !same(&was, &is) || next_keys(&old_keys, &zone) != next_keys(&keys, &zone) {
                let addresses = addresses(&config, &zone);
                let pending = addresses
                    .iter()
                    .copied()
                    .map(PrimaryStatus::pending)
                    .collect();
                let name = zone.name.clone();
                self.zones
                    .with(&name, |charge| charge.change(zone, pending));
                self.schedule().set_primaries(&name, addresses);
            } else {
                self.review(&config, &zone.name);
            }
        }
        self.wake.notify_one();
        Ok(())
    }

    /// Puts a configuration in force whose zones and keys are durable, and about to be put in force as well.
    pub(super) fn adopt(self: &Arc<Self>, mut config: Config) {
        let before = self.config();
        self.book.registry().set_limits(config.quota);
        self.store.set_journal_limits(config.limits.for_journals());
        self.schedule()
            .set_bounds(config.timers.for_schedule(), slots(&config));
        renew_certificates(&before, &mut config);
        self.access.tokens.replace(tokens(&config));
        self.access.oci_keys.replace(oci_keys(&config));
        self.access.metrics.replace(metrics_readers(&config));
        self.config.store(Arc::new(config));
        self.catalogs_changed.notify_one(); // it may name others
        self.renew_webhooks();
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
            notify_sources: Arc::new(Judge {
                node: Arc::downgrade(self),
                anywhere: config.dns.allow_notify.iter().cloned().collect(),
            }),
            ..answering::config(&config, self.cookie_secret)
        });
        self.notifier.retarget(targets(&config, &keys));
        self.keys.store(Arc::new(keys));
    }
}

/// The number by which the schedule tells the zones of a contract from those of others. Should two contracts ever have the
/// same, they share their slots.
fn owner_of(contract: &Contract) -> NonZeroU32 {
    let number = FixedState::default().hash_one(contract.as_str()) as u32;
    NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN)
}

/// Has those who listen show the certificates of the new configuration, which then has what they listen with.
fn renew_certificates(before: &Config, config: &mut Config) {
    if let (Some(was), Some(is)) = (&before.dns.tls, &mut config.dns.tls) {
        was.tls.replace(&is.tls);
        is.tls = was.tls.clone();
    }
    let of = |http: &crate::Http| http.tls.clone();
    if let Some(was) = before.http.as_ref().and_then(of)
        && let Some(is) = config.http.as_mut().and_then(|http| http.tls.as_mut())
    {
        was.replace(is);
        *is = was;
    }
}
