//! What must be so at any moment.

use super::*;

impl World {
    /// Whether of every zone the newest version is served.
    pub(super) fn has_newest(&self) -> bool {
        let served = |place: &Place| {
            let held = self.node.as_ref()?.store.zone(place.apex.as_name())?;
            Some(held.servable()?.serial())
        };
        let mut places = self.places.iter();
        places.all(|place| served(place) == Some(place.origin.newest().soa.serial))
    }

    /// What must be so at any moment, of every zone.
    pub(super) fn check(&mut self) -> Result<(), String> {
        for zone in 0..self.places.len() {
            { self.check_zone(zone) }.map_err(|why| format!("zone {zone}: {why}"))?;
        }
        Ok(())
    }

    fn check_zone(&mut self, zone: usize) -> Result<(), String> {
        const SECOND: Duration = Duration::from_secs(1); // the file knows no shorter times
        let (now, healed) = (self.now, self.healed);
        let Some(node) = &self.node else {
            return Ok(());
        };
        let place = &mut self.places[zone];
        let held = node.store.zone(place.apex.as_name());
        if !place.is_here {
            return match held {
                None => Ok(()),
                Some(_) => Err("it was removed, and is in the store".to_owned()),
            };
        }
        let held = held.ok_or("it is gone from the store")?;
        let (seen, origin) = (&mut place.seen, &place.origin);
        if seen.generation != Some(held.generation) {
            let version = held.zone.as_ref().map(|zone| origin.identify(zone));
            let version = version.transpose()?;
            if seen.generation.is_none() && version != seen.held {
                // After a restart it is what was visible before, or what was just about to be.
                let serial = held.zone.as_ref().map(Zone::serial);
                if !serial.is_some_and(|serial| seen.in_flight.contains(&serial)) {
                    return Err(format!(
                        "a restart makes of version {:?} {version:?}",
                        seen.held
                    ));
                }
                seen.good_until = None;
            }
            seen.generation = Some(held.generation);
            seen.in_flight.clear();
            seen.held = version;
        }
        match (held.servable(), seen.served) {
            (Some(zone), Some(before)) if zone.serial() != before => {
                if !zone.serial().is_newer_than(before) && !seen.is_forced {
                    return Err(format!("serial {} follows {}", zone.serial().0, before.0));
                }
                seen.served = Some(zone.serial());
            }
            (Some(zone), _) => {
                let serial = zone.serial();
                let is_lower = |before: Serial| before != serial && !serial.is_newer_than(before);
                self.tally.revived_lower += u64::from(seen.expired.take().is_some_and(is_lower));
                seen.served = Some(serial);
            }
            (None, Some(before)) => {
                if seen.is_certain && seen.good_until.is_some_and(|good| now + SECOND < good) {
                    return Err(format!(
                        "serial {} is no longer served, too early",
                        before.0
                    ));
                }
                (seen.expired, seen.served) = (Some(before), None);
            }
            (None, None) => {}
        }
        if held.servable().is_some() && seen.good_until.is_some_and(|good| now > good + SECOND) {
            return Err("a version is served that nobody has confirmed for too long".to_owned());
        }
        seen.is_forced &= seen.is_ordered || !seen.was_forced;
        seen.was_forced = false;
        let newest = origin.newest().soa.serial;
        let is_newest = held.servable().is_some_and(|zone| zone.serial() == newest);
        if let Some(healed) = healed.filter(|_| !is_newest) {
            if place.deadline.is_some_and(|deadline| now > deadline) {
                let waited = (now - healed).as_secs();
                return Err(format!("the newest version is not served after {waited} s"));
            }
            place.deadline =
                Some(healed + LAST_VISIT + OUT_OF_REACH + place.allowed(held.zone.as_ref()));
        }
        Ok(())
    }
}

impl Place {
    /// How long timers may let the newest version wait when this one is held.
    fn allowed(&self, held: Option<&Zone>) -> Duration {
        let Some(soa) = held.map(Zone::soa) else {
            return Duration::from_secs(3600); // the longest back-off
        };
        let timers = Bounds::default().of(&soa);
        let next = timers.refresh.max(timers.retry);
        if self.origin.newest().soa.serial.is_newer_than(soa.serial) {
            next
        } else {
            timers.expire + next
        }
    }
}
