//! The zones served, and what led to their versions.

use std::sync::Arc;

use arc_swap::ArcSwap;
use zonekit_serve::{Holding, Zones};
use zonekit_store::{Diff, Zone};
use zonekit_wire::{Name, Serial};

/// The zones served, swapped as a whole.
#[derive(Default)]
pub(super) struct Table(ArcSwap<Vec<Served>>);

/// A zone as it is, and the differences that led there, from the oldest to the newest. A clone shares them.
#[derive(Clone)]
struct Served {
    zone: Zone,
    steps: Arc<[Diff]>,
}

/// What became of a version that was put into the table.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Put {
    /// It is the first, or its serial is another than that of the version before.
    Version,
    /// It is what is there already.
    Same,
    /// It is something else under the serial of the version before: secondaries that have that will not ask for it.
    UnderTheSameSerial,
}

impl Table {
    /// Serves a version. If it follows the one before, the way from there is kept.
    pub(super) fn put(&self, zone: Zone) -> Put {
        let (served, what) = match self.find(zone.apex()) {
            Some(before) if is_same(&before.zone, &zone) => return Put::Same,
            Some(before) if before.zone.serial() == zone.serial() => {
                (before.followed_by(zone), Put::UnderTheSameSerial)
            }
            Some(before) => (before.followed_by(zone), Put::Version),
            None => {
                let steps = Arc::default();
                (Served { zone, steps }, Put::Version)
            }
        };
        self.0.rcu(|zones| {
            let others = zones
                .iter()
                .filter(|other| other.zone.apex() != served.zone.apex());
            others.chain([&served]).cloned().collect::<Vec<_>>()
        });
        what
    }

    pub(super) fn version(&self, apex: Name<'_>) -> Option<Zone> {
        self.find(apex).map(|served| served.zone)
    }

    fn find(&self, apex: Name<'_>) -> Option<Served> {
        let zones = self.0.load();
        zones
            .iter()
            .find(|served| served.zone.apex() == apex)
            .cloned()
    }
}

impl Served {
    /// The history goes on with the next version, as long as it is smaller than the zone: more than that nobody wants
    /// instead of the zone. A version whose serial is not higher begins a history of its own.
    fn followed_by(self, next: Zone) -> Self {
        let most = usize::try_from(next.octets()).unwrap_or(usize::MAX);
        let step = match next.serial().is_newer_than(self.zone.serial()) {
            true => Diff::between_within(&self.zone, &next, most),
            false => None,
        };
        let mut steps = match step {
            Some(step) => [&*self.steps, &[step]].concat(),
            None => Vec::new(),
        };
        let mut octets = 0;
        let kept = steps.iter().rev().take_while(|step| {
            octets += step.encode().len();
            octets <= most
        });
        let dropped = steps.len() - kept.count();
        Self {
            zone: next,
            steps: steps.split_off(dropped).into(),
        }
    }
}

fn is_same(zone: &Zone, other: &Zone) -> bool {
    if zone.serial() != other.serial() || zone.record_count() != other.record_count() {
        return false;
    }
    let change = Diff::between(zone, other);
    change.removed().next().is_none() && change.from() == change.to()
}

impl Zones for Table {
    fn enclosing(&self, name: Name<'_>) -> Option<Holding> {
        let zones = self.0.load();
        let above = zones
            .iter()
            .filter(|served| name.is_at_or_below(served.zone.apex()));
        let closest = above.max_by_key(|served| served.zone.apex().label_count())?;
        Some(Holding::Served(closest.zone.clone()))
    }

    fn zone(&self, apex: Name<'_>) -> Option<Holding> {
        self.version(apex).map(Holding::Served)
    }

    fn differences(&self, apex: Name<'_>, from: Serial) -> Option<Vec<Diff>> {
        let served = self.find(apex)?;
        let first = { served.steps.iter() }.position(|step| step.from().serial == from)?;
        Some(served.steps.get(first..)?.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use zonekit_store::{Checks, ZoneBuilder, ZoneLimits};
    use zonekit_wire::master;

    use super::*;

    fn version(serial: u32, hosts: std::ops::Range<u32>) -> Zone {
        let mut text = format!(
            "example. 60 IN SOA ns h {serial} 1 1 1 60\nexample. 60 IN NS ns.example.\nns.example. 60 IN A 192.0.2.1\n"
        );
        hosts.for_each(|host| text.push_str(&format!("host{host}.example. 60 IN A 192.0.2.1\n")));
        let mut builder = ZoneBuilder::new(apex(), ZoneLimits::NONE, Checks::Strict);
        let mut reader = master::Reader::new(text.as_bytes(), Name::ROOT);
        builder
            .begin(&reader.next_record().unwrap().unwrap())
            .unwrap();
        while let Some(record) = reader.next_record().unwrap() {
            builder.add(&record).unwrap();
        }
        builder.finish().unwrap().0
    }

    fn apex() -> Name<'static> {
        Name::from_octets(b"\x07example\0").unwrap()
    }

    #[test]
    fn whether_a_version_is_new_the_same_or_something_else_under_its_serial_is_told() {
        let table = Table::default();
        for (serial, hosts, what) in [
            (1, 0..50, Put::Version),
            (1, 0..50, Put::Same),
            (2, 1..50, Put::Version),
            (2, 0..50, Put::UnderTheSameSerial),
            (2, 0..50, Put::Same),
        ] {
            assert_eq!(
                table.put(version(serial, hosts.clone())),
                what,
                "{serial} {hosts:?}"
            );
        }
        assert!(
            table.differences(apex(), Serial(1)).is_none(),
            "not to the other"
        );
    }

    #[test]
    fn a_question_copies_no_history() {
        let table = Table::default();
        (1..=5).for_each(|serial| _ = table.put(version(serial, serial..serial + 50)));
        let [one, other] = [(); 2].map(|()| table.find(apex()).unwrap());
        assert_eq!(one.steps.len(), 4);
        assert!(Arc::ptr_eq(&one.steps, &other.steps));
    }
}
