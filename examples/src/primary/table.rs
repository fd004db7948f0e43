//! The zones served, and what led to their versions.

use arc_swap::ArcSwap;
use zonekit_serve::{Holding, Zones};
use zonekit_store::{Diff, Zone};
use zonekit_wire::{Name, Serial};

/// The zones served, swapped as a whole.
#[derive(Default)]
pub(super) struct Table(ArcSwap<Vec<Served>>);

/// A zone as it is, and the differences that led there, from the oldest to the newest.
#[derive(Clone)]
struct Served {
    zone: Zone,
    steps: Vec<Diff>,
}

impl Table {
    /// Serves a version. If it follows the one before, the way from there is kept.
    pub(super) fn put(&self, zone: Zone) {
        let served = match self.find(zone.apex()) {
            Some(before) => before.followed_by(zone),
            None => Served {
                zone,
                steps: Vec::new(),
            },
        };
        self.0.rcu(|zones| {
            let others = zones
                .iter()
                .filter(|other| other.zone.apex() != served.zone.apex());
            others.chain([&served]).cloned().collect::<Vec<_>>()
        });
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
    fn followed_by(mut self, next: Zone) -> Self {
        if is_same(&self.zone, &next) {
            return self; // read again, and found as it was
        }
        let most = usize::try_from(next.octets()).unwrap_or(usize::MAX);
        let step = match next.serial().is_newer_than(self.zone.serial()) {
            true => Diff::between_within(&self.zone, &next, most),
            false => None,
        };
        match step {
            Some(step) => self.steps.push(step),
            None => self.steps.clear(),
        }
        let mut octets = 0;
        let kept = self.steps.iter().rev().take_while(|step| {
            octets += step.encode().len();
            octets <= most
        });
        let dropped = self.steps.len() - kept.count();
        self.steps.drain(..dropped);
        Self { zone: next, ..self }
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
