//! What happens to a world, and what it does.

use super::*;

/// Something that is to happen at its time.
pub(super) enum Happening {
    Change(usize),
    Adopt(usize, usize),
    Health(usize),
    Weather,
    Notify(usize, Option<usize>, Option<Serial>),
    Datagram(u64, usize, Vec<u8>),
    Undeliverable(u64, usize),
    Connected(u64, Connection),
    Octets(u64, Connection, Vec<u8>),
    Lost(u64, Connection, Loss),
    /// Other settings of a zone.
    Settings(usize),
    /// The servers of a zone take another key too.
    Rekeyed(usize, Key),
    /// A visit that was called off gives back its place in the schedule.
    CalledOff(usize),
    Flush,
    Crash,
    Restart,
    Heal,
}

impl World {
    /// Has it happen.
    pub(super) fn happen(&mut self, happening: Happening) -> Result<(), String> {
        let now = self.now;
        match happening {
            Happening::Change(_) if self.is_calm() => {}
            Happening::Change(zone) => {
                let place = &mut self.places[zone];
                place.origin.advance(&mut self.random);
                let soa = place.origin.newest().soa.clone();
                let (serial, refresh, retry) = (soa.serial.0, soa.refresh, soa.retry);
                tell!(
                    self,
                    "serial {serial} of zone {zone} is made (refresh {refresh}, retry {retry}, expire {})",
                    soa.expire
                );
                for host in 0..self.hosts.len() {
                    let wait = self.random.pick(&[1, 1, 10, 600, 3600]);
                    self.sometime(Duration::from_secs(wait), Happening::Adopt(zone, host));
                }
            }
            Happening::Adopt(zone, host) => self.adopt(zone, host),
            Happening::Health(_) | Happening::Weather if self.is_calm() => {}
            Happening::Health(host) => {
                let health = [Health::Up, Health::Gone, Health::Closed, Health::Expired];
                let health = self.random.pick(&health);
                tell!(self, "primary {host} is {health:?}");
                self.hosts[host].health = health;
                if health != Health::Up && self.random.percent(80) {
                    self.sometime(Duration::from_secs(3600), Happening::Health(host));
                }
            }
            Happening::Weather => {
                self.weather = Weather::foul(&mut self.random);
                tell!(self, "{:?}", self.weather);
            }
            Happening::Notify(zone, from, hint) => self.notify(zone, from, hint),
            Happening::Settings(_) if self.is_calm() || self.disk_fails => {}
            Happening::Settings(zone) => self.change_settings(zone)?,
            Happening::Rekeyed(zone, key) => self.rekey(zone, &key),
            Happening::CalledOff(zone) => self.give_back(zone),
            Happening::Flush => {
                self.after(FLUSH, Happening::Flush);
                if let Some(node) = &self.node {
                    node.store.note_time(self.unix());
                    if let Err(error) = node.store.flush() {
                        return self.disk_failed(&error);
                    }
                }
            }
            Happening::Crash if self.is_calm() => {}
            Happening::Crash => self.crash(),
            Happening::Restart => self.restart()?,
            Happening::Heal => self.heal()?,
            Happening::Datagram(number, primary, octets) => {
                self.tell_visit(number, |visit| {
                    let octets = &octets;
                    let event = Event::Datagram { primary, octets };
                    visit.exchange.handle_event(event, now, &mut visit.sink);
                });
            }
            Happening::Undeliverable(number, primary) => {
                let loss = Loss::Refused;
                self.tell_visit(number, |visit| {
                    let event = Event::Undeliverable { primary, loss };
                    visit.exchange.handle_event(event, now, &mut visit.sink);
                });
            }
            Happening::Connected(number, connection) => {
                self.tell_visit(number, |visit| visit.is_connected(connection, now));
            }
            Happening::Octets(number, connection, octets) => {
                self.tell_visit(number, |visit| visit.takes(connection, &octets, now));
            }
            Happening::Lost(number, connection, loss) => {
                self.tell_visit(number, |visit| visit.loses(connection, loss, now));
            }
        }
        Ok(())
    }

    /// A primary takes over the newest version, and mostly says so, more or less truly, now and then often.
    fn adopt(&mut self, zone: usize, host: usize) {
        let place = &mut self.places[zone];
        place.copies[host].adopt(&mut place.origin);
        let serial = place.origin.newest().soa.serial;
        tell!(
            self,
            "primary {host} has serial {} of zone {zone}",
            serial.0
        );
        if self.is_calm() || self.random.percent(30) {
            return;
        }
        let storm = self.random.percent(10);
        self.tally.storms += u64::from(storm);
        for _ in 0..if storm { 50 } else { 1 } {
            let hint = match self.random.below(6) {
                0 => None,
                1 => {
                    let ahead = 1 + self.random.below(9) as u32;
                    Some(Serial(serial.0.wrapping_add(ahead)))
                }
                _ => Some(serial),
            };
            let from = Some(host).filter(|_| !self.random.percent(10));
            for wait in self.weather.copies(&mut self.random) {
                self.after(wait, Happening::Notify(zone, from, hint));
            }
        }
    }

    fn notify(&mut self, zone: usize, from: Option<usize>, hint: Option<Serial>) {
        let now = self.now;
        // Nobody but a primary of the zone is listened to.
        let is_primary = |host: usize| self.places[zone].primaries.contains(&host);
        let Some(node) = self.node.as_mut().filter(|_| from.is_none_or(is_primary)) else {
            return;
        };
        let address = from.map(|host| address(host).ip());
        let told = node.schedule.notify(&zone, address, hint);
        if matches!(told, Notified::Queued | Notified::Coalesced)
            && let Some(visit) = &mut node.visits[zone]
        {
            visit.exchange.hurry(now);
        }
        self.tally.notifies += 1;
        tell!(
            self,
            "NOTIFY of zone {zone} from {from:?}, {hint:?}: {told:?}"
        );
    }

    /// From here on, everything works and nothing changes.
    fn heal(&mut self) -> Result<(), String> {
        for host in &mut self.hosts {
            host.health = Health::Up;
            host.skew = 0;
        }
        for place in &mut self.places {
            for copy in &mut place.copies {
                copy.adopt(&mut place.origin);
                copy.keys = place.key.iter().cloned().collect();
            }
            place.quota = u64::MAX;
        }
        self.weather = Weather::CALM;
        self.healed = Some(self.now);
        tell!(self, "all is well");
        if self.disk_fails {
            self.go_down();
        }
        self.restart()?;
        for zone in 0..self.places.len() {
            if !self.places[zone].is_here {
                self.come(zone)?;
            }
        }
        Ok(())
    }

    /// The power goes: now, or a few operations of the disk from now.
    fn crash(&mut self) {
        if self.node.is_some() && !self.disk_fails && self.random.percent(50) {
            let operations = self.random.below(40) as u64;
            tell!(self, "the disk fails after {operations} operations");
            self.disk_fails = true;
            self.disk.fail_after(operations);
            self.after(2 * FLUSH, Happening::Crash);
        } else if self.node.is_some() {
            self.go_down();
            let wait = self.random.pick(&[1, 60, 1200]);
            self.sometime(Duration::from_secs(wait), Happening::Restart);
        }
    }

    fn go_down(&mut self) {
        let is_clean = !self.disk_fails && self.random.percent(30);
        tell!(
            self,
            "the node {}",
            if is_clean { "ends" } else { "crashes" }
        );
        let node = self.node.take();
        let is_kept = is_clean && node.is_some_and(|node| node.store.flush().is_ok());
        for place in &mut self.places {
            place.seen.is_certain &= is_kept;
        }
        let random = &mut self.random;
        self.disk = self.disk.after_crash(|most| random.below(most + 1));
        self.disk_fails = false;
    }
}
