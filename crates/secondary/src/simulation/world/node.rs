//! What the secondary does: as [`visits`](crate::visits) and [`node`](crate::node), step by step.

use super::*;

impl World {
    /// The node starts, with what the disk has.
    pub(super) fn restart(&mut self) -> Result<(), String> {
        if self.node.is_some() {
            return Ok(());
        }
        let store = Store::open_on(self.disk.clone(), Options::default())
            .map_err(|error| format!("the store cannot be opened: {error}"))?;
        if !store.damage().is_empty() {
            return Err(format!("the store is damaged: {:?}", store.damage()));
        }
        store.note_time(self.unix());
        self.tally.restarts += 1;
        tell!(self, "the node starts");
        let zones = self.places.len();
        let mut node = Node {
            store,
            schedule: Schedule::new(Bounds::default(), self.slots, 1),
            reach: Reach::default(),
            memory: vec![Vec::new(); zones],
            visits: (0..zones).map(|_| None).collect(),
        };
        for zone in 0..zones {
            if self.places[zone].is_here {
                self.admit(&mut node, zone)?;
            }
            self.places[zone].seen.generation = None;
        }
        self.node = Some(node);
        Ok(())
    }

    /// Takes a zone in as it was left, or new.
    fn admit(&mut self, node: &mut Node, zone: usize) -> Result<(), String> {
        let (now, unix) = (self.now, self.unix());
        let name = self.places[zone].apex.as_name();
        if node.store.zone(name).is_none() {
            { node.store.create_zone(name) }.map_err(|error| error.to_string())?;
        }
        let held = node.store.zone(name).and_then(|held| held.zone.clone());
        let soa = held.as_ref().map(Zone::soa);
        let timers = node.store.timers(name).unwrap_or_default();
        let at = |time: u64| now + Duration::from_secs(time.saturating_sub(unix));
        let start = match &soa {
            Some(soa) => {
                let expires = Some(timers.expires_at).filter(|&expires| expires > unix);
                let standing = match expires {
                    Some(until) if timers.failures > 0 => Standing::Stale { until },
                    Some(_) => Standing::Current,
                    None => Standing::Expired,
                };
                note(node.store.set_standing(name, standing))?;
                Start::Held {
                    soa,
                    next_check: at(timers.next_check),
                    expires: expires.map(at),
                }
            }
            None => Start::Never,
        };
        let primaries = self.addresses(zone);
        node.schedule.insert(zone, name, primaries, start, now);
        let serial = soa.map(|soa| soa.serial.0);
        tell!(self, "  zone {zone} has serial {serial:?} and {timers:?}");
        Ok(())
    }

    pub(super) fn fall_due(&mut self, due: Due<usize>) -> Result<(), String> {
        match due {
            Due::Visit {
                zone,
                reason,
                force,
                notifier,
                expired,
            } => self.begin(zone, reason, force, notifier, expired),
            Due::Expired(zone) => {
                tell!(self, "zone {zone} expires");
                self.tally.expired += 1;
                if let Some(node) = &self.node {
                    let name = self.places[zone].apex.as_name();
                    note(node.store.set_standing(name, Standing::Expired))?;
                }
            }
        }
        Ok(())
    }

    fn begin(
        &mut self,
        zone: usize,
        reason: Reason,
        force: bool,
        notifier: Option<std::net::IpAddr>,
        expired: bool,
    ) {
        let now = self.now;
        let place = &self.places[zone];
        let Some(node) = &mut self.node else {
            return;
        };
        let Some(held) = node.store.zone(place.apex.as_name()) else {
            return;
        };
        let version = held.zone.clone();
        let addresses: Vec<SocketAddr> =
            place.primaries.iter().map(|&host| address(host)).collect();
        let preferred =
            notifier.and_then(|from| addresses.iter().position(|address| address.ip() == from));
        let out_of_reach = match reason {
            Reason::Operator => Vec::new(),
            _ => { 0..addresses.len() }
                .filter(|&primary| !node.reach.may_ask(&zone, addresses[primary], now))
                .filter(|&primary| Some(primary) != preferred)
                .collect(),
        };
        let primaries = addresses.into_iter().map(|address| Primary {
            key: place.key.clone(),
            ..Primary::new(address)
        });
        let visit = Visit {
            held: version.as_ref().map(Zone::soa),
            held_records: version.as_ref().map_or(0, Zone::record_count),
            preferred,
            force,
            accept_lower: expired,
            straight: true,
            memory: node.memory[zone].clone(),
            out_of_reach,
            limits: Limits {
                max_ixfr_changes: Some(0), // the zones are smaller than their differences
                ..Limits::default()
            },
            ..Visit::new(place.apex.clone(), primaries.collect())
        };
        let limit = place.quota;
        let (sink, candidate) = Sink::new(
            place.apex.clone(),
            version.clone(),
            ZoneLimits::default(),
            Checks::Strict,
            Default::default(),
            Box::new(move |wanted| match wanted <= limit {
                true => Ok(()),
                false => Err(Refusal::TooManyRecords { limit, wanted }),
            }) as Quota,
        );
        let from = version.as_ref().map(Zone::serial);
        self.tally.visits += 1;
        let number = self.tally.visits;
        let unix = BEGINNING + (self.now - self.start).as_secs();
        let exchange = Exchange::new(visit, self.now, unix, self.random.draw());
        node.visits[zone] = Some(Running {
            number,
            zone,
            primaries: place.primaries.clone(),
            key: place.key.clone(),
            quota: limit,
            is_forced: force,
            exchange,
            sink,
            candidate,
            streams: BTreeMap::new(),
            generation: held.generation,
            from,
            unpublished: None,
            heard: Vec::new(),
        });
        if force {
            // The end of the one before, if that has not been looked at yet, says nothing about this one.
            let seen = &mut self.places[zone].seen;
            (seen.is_ordered, seen.was_forced) = (false, false);
        }
        tell!(
            self,
            "visit {number} of zone {zone} begins: {reason:?}, held {:?}, expired: {expired}",
            from.map(|serial| serial.0)
        );
    }

    /// A version is whole: durable, then visible.
    pub(super) fn publish(&mut self, index: usize, candidate: Candidate) -> Result<(), String> {
        let (now, unix) = (self.now, self.unix());
        let Some(node) = &mut self.node else {
            return Ok(());
        };
        let place = &mut self.places[index];
        let Some(visit) = &mut node.visits[index] else {
            return Ok(());
        };
        let Candidate { zone, diff, .. } = candidate;
        if zone.record_count() > visit.quota {
            return Err("a version beyond the quota is handed over".to_owned());
        }
        let soa = zone.soa();
        let timers = Bounds::default().of(&soa);
        let publication = Publication {
            zone: place.apex.clone(),
            expected: visit.generation,
            content: match diff {
                Some(diff) => Content::Patch { zone, diff },
                None => Content::Next(zone),
            },
            timers: Some(Timers {
                next_check: unix + timers.refresh.as_secs(),
                expires_at: unix + timers.expire.as_secs(),
                failures: 0,
            }),
        };
        place.seen.in_flight.push(soa.serial);
        match node.store.publish(publication) {
            Ok(_) => {
                place.seen.in_flight.clear();
                place.seen.good_until = Some(now + timers.expire);
                place.seen.is_certain = true;
                node.schedule.took(&index, &soa, now);
                tell!(
                    self,
                    "  serial {} of zone {index} is published",
                    soa.serial.0
                );
            }
            Err(error) => {
                visit.unpublished = Some(Failure {
                    kind: "store".to_owned(),
                    text: error.to_string(),
                });
                self.tally.unpublished += 1;
                return self.disk_failed(&error);
            }
        }
        Ok(())
    }

    /// The store says that it cannot write; then the node goes down in a while, and meanwhile serves what it served.
    pub(super) fn disk_failed(&mut self, error: &zonekit_store::StoreError) -> Result<(), String> {
        tell!(self, "  the disk fails: {error}");
        match self.disk_fails {
            true => self.sometime(FLUSH, Happening::Crash),
            false => return Err(format!("the disk is good, and yet: {error}")),
        }
        Ok(())
    }

    /// A visit is over.
    pub(super) fn conclude(
        &mut self,
        zone: usize,
        report: &zonekit_xfr::Report,
    ) -> Result<(), String> {
        let (now, unix) = (self.now, self.unix());
        let Some(node) = &mut self.node else {
            return Ok(());
        };
        let Some(visit) = node.visits[zone].take() else {
            return Ok(());
        };
        let place = &mut self.places[zone];
        match report.outcome {
            Outcome::UpToDate => self.tally.up_to_date += 1,
            Outcome::Confirmed { .. } => self.tally.confirmed += 1,
            Outcome::Transferred {
                kind: TransferKind::Axfr,
                ..
            } => self.tally.whole += 1,
            Outcome::Transferred { .. } => self.tally.differences += 1,
            Outcome::NotTaken => self.tally.not_taken += 1,
            Outcome::Failed => self.tally.failed += 1,
        }
        let errors = report
            .primaries
            .iter()
            .filter_map(|primary| primary.error.as_ref());
        self.tally.refused += errors.filter(|error| is_beyond_quota(error)).count() as u64;
        let name = place.apex.as_name();
        let held = node.store.zone(name).and_then(|held| held.zone.clone());
        let soa = held.as_ref().map(Zone::soa);
        let finished = Finished {
            report,
            cause: VisitCause::Refresh,
            only: None,
            began: Timestamp::from_seconds(unix),
            ended: Timestamp::from_seconds(unix),
            from: visit.from,
            unpublished: visit.unpublished,
        };
        let good = finished.is_good();
        let how = finished.how(soa.as_ref());
        if let Some(soa) = soa.as_ref().filter(|_| good) {
            if !visit.heard.contains(&soa.serial) {
                let number = visit.number;
                return Err(format!("nobody vouched for the zone in visit {number}"));
            }
            if matches!(
                report.outcome,
                Outcome::UpToDate | Outcome::Confirmed { .. }
            ) {
                let good = Bounds::default().of(soa).expire;
                place.seen.good_until = Some(now + good);
            }
        }
        let mut ask_again = None;
        for primary in &report.primaries {
            let Some(is_reached) = primary.is_reached else {
                continue;
            };
            match node.reach.note(&zone, primary.address, is_reached, now) {
                Noted::Nothing => {}
                Noted::AskAgain(by) => ask_again = ask_again.into_iter().chain([by]).min(),
                Noted::Back => {
                    self.tally.back += 1;
                    node.schedule.hasten(primary.address, now);
                }
            }
        }
        node.schedule.finished(&zone, how, now);
        if let Some(by) = ask_again {
            node.schedule.check_by(&zone, by);
        }
        place.seen.was_forced |= visit.is_forced;
        node.memory[zone].clone_from(&report.memory);
        let timing = node.schedule.timing(&zone).ok_or("the zone is gone")?;
        let at = |time: Instant| BEGINNING + (time - self.start).as_secs();
        let expires_at = timing.expires.map_or(0, at);
        if good {
            // The schedule counts from the end of the visit.
            place.seen.good_until = timing.expires;
            place.seen.is_certain = true;
        }
        let standing = match (soa.is_some(), good) {
            (false, _) => None,
            (true, true) => Some(Standing::Current),
            (true, false) if timing.expires.is_none_or(|expires| expires <= now) => {
                Some(Standing::Expired)
            }
            (true, false) => Some(Standing::Stale { until: expires_at }),
        };
        if let Some(standing) = standing {
            note(node.store.set_standing(name, standing))?;
            let failures = timing.failures;
            let next_check = timing.next_check.map_or(unix, at);
            let timers = Timers {
                next_check,
                expires_at,
                failures,
            };
            note(node.store.note_timers(name, timers))?;
        }
        let error = report.error().map(|error| error.in_words());
        tell!(
            self,
            "visit {} ends: {:?} {}; {standing:?}",
            visit.number,
            report.outcome,
            error.unwrap_or_default()
        );
        Ok(())
    }
}

fn is_beyond_quota(error: &VisitError) -> bool {
    let VisitError::Rejected(why) = error else {
        return false;
    };
    matches!(why.downcast_ref(), Some(SinkError::Quota(_)))
}

fn note(result: Result<(), zonekit_store::StoreError>) -> Result<(), String> {
    result.map_err(|error| format!("not noted: {error}"))
}
