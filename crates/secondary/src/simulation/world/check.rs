//! What must be so at any moment.

use super::*;

impl World {
    pub(super) fn has_newest(&self) -> bool {
        let name = self.apex.as_name();
        let held = self.node.as_ref().and_then(|node| node.store.zone(name));
        let newest = self.origin.newest().soa.serial;
        held.is_some_and(|held| held.servable().is_some_and(|zone| zone.serial() == newest))
    }

    /// What must be so at any moment.
    pub(super) fn check(&mut self) -> Result<(), String> {
        const SECOND: Duration = Duration::from_secs(1); // the file knows no shorter times
        let now = self.now;
        let Some(node) = &self.node else {
            return Ok(());
        };
        let held = node.store.zone(self.apex.as_name());
        let held = held.ok_or("the zone is gone from the store")?;
        if self.seen.generation != Some(held.generation) {
            let version = held.zone.as_ref().map(|zone| self.origin.identify(zone));
            let version = version.transpose()?;
            if self.seen.generation.is_none() && version != self.seen.held {
                // After a restart it is what was visible before, or what was just about to be.
                let serial = held.zone.as_ref().map(Zone::serial);
                if !serial.is_some_and(|serial| self.seen.in_flight.contains(&serial)) {
                    return Err(format!(
                        "a restart makes of version {:?} {version:?}",
                        self.seen.held
                    ));
                }
                self.seen.good_until = None;
            }
            self.seen.generation = Some(held.generation);
            self.seen.in_flight.clear();
            self.seen.held = version;
        }
        match (held.servable(), self.seen.served) {
            (Some(zone), Some(before)) if zone.serial() != before => {
                if !zone.serial().is_newer_than(before) {
                    return Err(format!("serial {} follows {}", zone.serial().0, before.0));
                }
                self.seen.served = Some(zone.serial());
            }
            (Some(zone), _) => {
                let serial = zone.serial();
                let is_lower = |before: Serial| before != serial && !serial.is_newer_than(before);
                self.tally.revived_lower +=
                    u64::from(self.seen.expired.take().is_some_and(is_lower));
                self.seen.served = Some(serial);
            }
            (None, Some(before)) => {
                if self.seen.is_certain
                    && self.seen.good_until.is_some_and(|good| now + SECOND < good)
                {
                    return Err(format!(
                        "serial {} is no longer served, too early",
                        before.0
                    ));
                }
                (self.seen.expired, self.seen.served) = (Some(before), None);
            }
            (None, None) => {}
        }
        if held.servable().is_some() && self.seen.good_until.is_some_and(|good| now > good + SECOND)
        {
            return Err("a version is served that nobody has confirmed for too long".to_owned());
        }
        if let Some(healed) = self.healed {
            if self.deadline.is_some_and(|deadline| now > deadline) {
                let waited = (now - healed).as_secs();
                return Err(format!("the newest version is not served after {waited} s"));
            }
            self.deadline = Some(healed + LAST_VISIT + self.allowed(held.zone.as_ref()));
        }
        Ok(())
    }

    /// How long timers may let the newest version wait when this one is held.
    pub(super) fn allowed(&self, held: Option<&Zone>) -> Duration {
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
