//! Zones, keys and primaries that change while everything goes on: as [`settings`](crate::node), step by step.

use super::*;

/// Keys that zones are asked for with: each has a name of its own, or another secret or algorithm under the same name.
pub(super) fn key(random: &mut Random) -> Key {
    let algorithm = random.pick(&["hmac-sha1", "hmac-sha256", "hmac-sha512"]);
    let name = random.pick(&["one", "two"]);
    let secret = random.pick(&["c2VjcmV0", "b3RoZXI="]);
    format!("{algorithm}:{name}:{secret}").parse().unwrap()
}

/// How many records a zone may have: mostly as many as it likes, at times fewer than many of its versions have.
pub(super) fn quota(random: &mut Random) -> u64 {
    random.pick(&[u64::MAX, u64::MAX, u64::MAX, 12, 5])
}

impl World {
    /// An operator changes something about a zone.
    pub(super) fn change_settings(&mut self, zone: usize) -> Result<(), String> {
        if self.node.is_none() {
            return Ok(());
        }
        match self.random.below(5) {
            _ if !self.places[zone].is_here => self.come(zone)?,
            0 => {
                self.leave(zone)?;
                if self.random.percent(80) {
                    self.sometime(Duration::from_secs(300), Happening::Settings(zone));
                }
            }
            1 => {
                // Some of the servers, in some order; never nobody.
                let mut left: Vec<usize> = (0..self.hosts.len()).collect();
                let count = 1 + self.random.below(left.len());
                let places = (0..count).map(|_| left.swap_remove(self.random.below(left.len())));
                let primaries: Vec<usize> = places.collect();
                tell!(self, "zone {zone} is taken from {primaries:?}");
                self.places[zone].primaries = primaries;
                self.tally.moved += 1;
                self.resettle(zone);
            }
            2 => {
                // Those that come from now on are held against it; what is there, stays.
                self.places[zone].quota = quota(&mut self.random);
                tell!(
                    self,
                    "zone {zone} may have {} records",
                    self.places[zone].quota
                );
            }
            3 => {
                if let Some(node) = &mut self.node {
                    let force = self.random.percent(30);
                    tell!(self, "zone {zone} is ordered, by force: {force}");
                    node.schedule.order(&zone, force);
                    let seen = &mut self.places[zone].seen;
                    seen.is_forced |= force;
                    seen.is_ordered |= force;
                }
            }
            _ => {
                let key = Some(key(&mut self.random)).filter(|_| self.random.percent(80));
                tell!(
                    self,
                    "zone {zone} is asked for with {:?}",
                    key.as_ref().map(Key::name)
                );
                self.places[zone].key.clone_from(&key);
                self.tally.rekeyed += 1;
                if let Some(key) = key {
                    let wait = self.random.pick(&[1, 60, 1200]);
                    self.sometime(Duration::from_secs(wait), Happening::Rekeyed(zone, key));
                }
                self.resettle(zone);
            }
        }
        Ok(())
    }

    /// The servers of a zone learn a key, and some forget the others. Those of one name are one.
    pub(super) fn rekey(&mut self, zone: usize, key: &Key) {
        if self.is_calm() {
            return;
        }
        tell!(self, "the primaries of zone {zone} take {}", key.name());
        let forgets = self.random.percent(50);
        for copy in &mut self.places[zone].copies {
            copy.keys
                .retain(|known| !forgets && known.name() != key.name());
            copy.keys.push(key.clone());
        }
    }

    /// Other primaries, or another key: the visit under way ends without trace, and another begins.
    fn resettle(&mut self, zone: usize) {
        self.call_off(zone);
        let primaries = self.addresses(zone);
        if let Some(node) = &mut self.node {
            node.memory[zone].clear();
            node.schedule.set_primaries(&zone, primaries);
        }
    }

    pub(super) fn addresses(&self, zone: usize) -> Vec<SocketAddr> {
        let hosts = self.places[zone].primaries.iter();
        hosts.map(|&host| address(host)).collect()
    }

    /// The task of a visit is told to end, and says so to the schedule a moment later.
    fn call_off(&mut self, zone: usize) {
        if let Some(visit) = self.node.as_mut().and_then(|node| node.visits[zone].take()) {
            tell!(self, "visit {} is called off", visit.number);
            self.tally.called_off += 1;
            self.sometime(Duration::from_millis(20), Happening::CalledOff(zone));
        }
    }

    pub(super) fn give_back(&mut self, zone: usize) {
        let now = self.now;
        if let Some(node) = &mut self.node
            && node.visits[zone].is_none()
            && { node.schedule.timing(&zone) }.is_none_or(|timing| timing.is_visited)
        {
            node.schedule.finished(&zone, Ended::Failed, now);
        }
    }

    /// A zone is taken out of the settings: nothing of it is left.
    fn leave(&mut self, zone: usize) -> Result<(), String> {
        tell!(self, "zone {zone} is removed");
        self.call_off(zone);
        self.tally.left += 1;
        let place = &mut self.places[zone];
        place.is_here = false;
        place.seen = Seen::default();
        if let Some(node) = &mut self.node {
            let removed = node.store.remove_zone(place.apex.as_name());
            node.schedule.remove(&zone);
            node.memory[zone].clear();
            removed.map_err(|error| format!("not removed: {error}"))?;
        }
        Ok(())
    }

    /// It is there again, or for the first time, and new.
    pub(super) fn come(&mut self, zone: usize) -> Result<(), String> {
        let (now, primaries) = (self.now, self.addresses(zone));
        tell!(self, "zone {zone} is created");
        self.tally.came += 1;
        let place = &mut self.places[zone];
        place.is_here = true;
        place.seen = Seen::default();
        if let Some(node) = &mut self.node {
            let name = place.apex.as_name();
            { node.store.create_zone(name) }.map_err(|error| format!("not created: {error}"))?;
            node.schedule
                .insert(zone, name, primaries, Start::Never, now);
        }
        Ok(())
    }
}
