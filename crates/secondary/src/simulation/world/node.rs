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
        let unix = self.unix();
        store.note_time(unix);
        let name = self.apex.as_name();
        if store.zone(name).is_none() {
            store.create_zone(name).map_err(|error| error.to_string())?;
        }
        let held = store.zone(name).and_then(|held| held.zone.clone());
        let soa = held.as_ref().map(Zone::soa);
        let timers = store.timers(name).unwrap_or_default();
        let at = |time: u64| self.now + Duration::from_secs(time.saturating_sub(unix));
        let start = match &soa {
            Some(soa) => {
                let expires = Some(timers.expires_at).filter(|&expires| expires > unix);
                let standing = match expires {
                    Some(until) if timers.failures > 0 => Standing::Stale { until },
                    Some(_) => Standing::Current,
                    None => Standing::Expired,
                };
                note(store.set_standing(name, standing))?;
                Start::Held {
                    soa,
                    next_check: at(timers.next_check),
                    expires: expires.map(at),
                }
            }
            None => Start::Never,
        };
        let mut schedule = Schedule::new(Bounds::default(), Slots::default(), 1);
        let primaries = (0..self.hosts.len()).map(address).collect();
        schedule.insert((), name, primaries, start, self.now);
        self.tally.restarts += 1;
        tell!(
            self,
            "the node starts, with serial {:?} and {timers:?}",
            soa.map(|soa| soa.serial.0)
        );
        self.seen.generation = None;
        self.node = Some(Node {
            store,
            schedule,
            memory: Vec::new(),
            visit: None,
        });
        Ok(())
    }

    pub(super) fn fall_due(&mut self, due: Due<()>) -> Result<(), String> {
        match due {
            Due::Visit {
                reason,
                force,
                notifier,
                expired,
                ..
            } => {
                let preferred = notifier.and_then(|from| {
                    (0..self.hosts.len()).position(|host| address(host).ip() == from)
                });
                self.begin(reason, force, preferred, expired);
            }
            Due::Expired(()) => {
                tell!(self, "the zone expires");
                self.tally.expired += 1;
                if let Some(node) = &self.node {
                    let name = self.apex.as_name();
                    note(node.store.set_standing(name, Standing::Expired))?;
                }
            }
        }
        Ok(())
    }

    pub(super) fn begin(
        &mut self,
        reason: Reason,
        force: bool,
        preferred: Option<usize>,
        expired: bool,
    ) {
        let Some(node) = &mut self.node else {
            return;
        };
        let Some(held) = node.store.zone(self.apex.as_name()) else {
            return;
        };
        let version = held.zone.clone();
        let primaries = (0..self.hosts.len()).map(|host| Primary::new(address(host)));
        let visit = Visit {
            held: version.as_ref().map(Zone::soa),
            held_records: version.as_ref().map_or(0, Zone::record_count),
            preferred,
            force,
            accept_lower: expired,
            memory: node.memory.clone(),
            limits: Limits {
                max_ixfr_changes: Some(0), // the zones are smaller than their differences
                ..Limits::default()
            },
            ..Visit::new(self.apex.clone(), primaries.collect())
        };
        let (sink, candidate) = Sink::new(
            self.apex.clone(),
            version.clone(),
            ZoneLimits::default(),
            Checks::Strict,
            Default::default(),
            (|_| Ok(())) as Quota,
        );
        let from = version.as_ref().map(Zone::serial);
        self.tally.visits += 1;
        let number = self.tally.visits;
        let unix = BEGINNING + (self.now - self.start).as_secs();
        let exchange = Exchange::new(visit, self.now, unix, self.random.draw());
        node.visit = Some(Running {
            number,
            exchange,
            sink,
            candidate,
            streams: BTreeMap::new(),
            generation: held.generation,
            from,
            unpublished: None,
            heard: Vec::new(),
        });
        tell!(
            self,
            "visit {number} begins: {reason:?}, held {:?}, expired: {expired}",
            from.map(|serial| serial.0)
        );
    }

    /// A version is whole: durable, then visible.
    pub(super) fn publish(&mut self, candidate: Candidate) -> Result<(), String> {
        let (now, unix) = (self.now, self.unix());
        let Some(node) = &mut self.node else {
            return Ok(());
        };
        let Some(visit) = &mut node.visit else {
            return Ok(());
        };
        let Candidate { zone, diff, .. } = candidate;
        let soa = zone.soa();
        let timers = Bounds::default().of(&soa);
        let publication = Publication {
            zone: self.apex.clone(),
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
        self.seen.in_flight.push(soa.serial);
        match node.store.publish(publication) {
            Ok(_) => {
                self.seen.in_flight.clear();
                self.seen.good_until = Some(now + timers.expire);
                self.seen.is_certain = true;
                node.schedule.took(&(), &soa, now);
                tell!(self, "  serial {} is published", soa.serial.0);
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
    pub(super) fn conclude(&mut self, report: &zonekit_xfr::Report) -> Result<(), String> {
        let (now, unix) = (self.now, self.unix());
        let Some(node) = &mut self.node else {
            return Ok(());
        };
        let Some(visit) = node.visit.take() else {
            return Ok(());
        };
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
        let name = self.apex.as_name();
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
        let how = match soa.as_ref().filter(|_| good) {
            Some(soa) => {
                let expires = report.expires(soa.serial);
                match report.outcome {
                    Outcome::Transferred { .. } => Ended::Taken { soa, expires },
                    Outcome::Confirmed { .. } => Ended::Confirmed { soa, expires },
                    _ => Ended::Current { soa, expires },
                }
            }
            None => Ended::Failed,
        };
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
                self.seen.good_until = Some(now + good);
            }
        }
        node.schedule.finished(&(), how, now);
        node.memory.clone_from(&report.memory);
        let timing = node.schedule.timing(&()).ok_or("the zone is gone")?;
        let at = |time: Instant| BEGINNING + (time - self.start).as_secs();
        let expires_at = timing.expires.map_or(0, at);
        if good {
            // The schedule counts from the end of the visit.
            self.seen.good_until = timing.expires;
            self.seen.is_certain = true;
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

fn note(result: Result<(), zonekit_store::StoreError>) -> Result<(), String> {
    result.map_err(|error| format!("not noted: {error}"))
}
