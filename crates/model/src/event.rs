//! What happens to zones, for whoever wants to be told.

use std::net::SocketAddr;

use serde::{Serialize, Serializer};
use uuid::Uuid;

use crate::{
    Contract, Failure, PrimaryOutcome, PrimaryStatus, SecondaryZone, Standing, Timestamp,
    VisitOutcome, ZoneName, ZoneStatus, date,
};

/// Something that happened to a zone. As JSON it is what streams of events and webhooks tell.
///
/// ```
/// use zonekit_model::EventKind;
///
/// assert_eq!("all_failing".parse(), Ok(EventKind::AllFailing));
/// ```
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Event {
    /// What.
    #[serde(rename = "event")]
    pub kind: EventKind,
    /// When.
    #[serde(with = "date")]
    pub at: Timestamp,
    /// To which zone.
    pub zone: EventZone,
    /// The serial held then.
    pub serial: Option<u32>,
    /// The primary that it is about, if it is about one.
    pub primary: Option<SocketAddr>,
    /// What went wrong, if something did.
    pub error: Option<Failure>,
    /// Whose zone it is; not told, since whoever is told knows.
    #[serde(skip)]
    pub contract: Option<Contract>,
}

/// The zone of an event.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EventZone {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub name: ZoneName,
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident = $word:literal,)*) => {
        /// What can happen to a zone.
        #[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
        #[non_exhaustive]
        pub enum EventKind {
            $($(#[$doc])* $kind,)*
        }

        impl EventKind {
            /// All there are.
            pub const ALL: &[Self] = &[$(Self::$kind,)*];

            /// The word for it.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$kind => $word,)*
                }
            }
        }
    };
}

kinds! {
    /// It was made.
    ZoneCreated = "zone_created",
    /// Its settings were changed.
    ZoneChanged = "zone_changed",
    /// It was removed.
    ZoneRemoved = "zone_removed",
    /// A new version was taken and published.
    Transferred = "transferred",
    /// A primary that did well before failed.
    PrimaryFailing = "primary_failing",
    /// By now no primary does well.
    AllFailing = "all_failing",
    /// The version held will not be good for much longer.
    Expiring = "expiring",
    /// The version held is no longer good.
    Expired = "expired",
    /// The primaries offer only versions older than the one held, or an older one was taken.
    SerialWentBack = "serial_went_back",
    /// All primaries do well again.
    Recovered = "recovered",
}

impl Serialize for EventKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// A text is no word for something that can happen.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("this is no word for an event")]
pub struct EventKindError;

impl std::str::FromStr for EventKind {
    type Err = EventKindError;

    fn from_str(word: &str) -> Result<Self, EventKindError> {
        let found = Self::ALL.iter().find(|kind| kind.as_str() == word);
        found.copied().ok_or(EventKindError)
    }
}

impl Event {
    /// Something that happened to a zone as a whole.
    pub fn of(kind: EventKind, at: Timestamp, zone: &SecondaryZone, serial: Option<u32>) -> Self {
        Self {
            kind,
            at,
            zone: EventZone {
                id: zone.id,
                name: zone.name.clone(),
            },
            serial,
            primary: None,
            error: None,
            contract: zone.contract.clone(),
        }
    }

    /// What a visit has changed, told from the status before it and after it, whose last visit it is.
    pub fn of_visit(
        zone: &SecondaryZone,
        before: &ZoneStatus,
        after: &ZoneStatus,
        at: Timestamp,
    ) -> Vec<Self> {
        let mut events = Vec::new();
        let plain = |kind| Self::of(kind, at, zone, after.serial);
        let visit = after.history.back();
        if let Some(visit) = visit.filter(|visit| visit.outcome == VisitOutcome::Transferred) {
            events.push(Self {
                primary: visit.primary,
                ..plain(EventKind::Transferred)
            });
        }
        if went_back(after) && !went_back(before) {
            events.push(Self {
                primary: visit.and_then(|visit| visit.primary),
                ..plain(EventKind::SerialWentBack)
            });
        }
        for primary in &after.primaries {
            let known = { before.primaries.iter() }
                .find(|known| known.address == primary.address)
                .is_some_and(has_failed);
            if has_failed(primary) && !known {
                events.push(Self {
                    primary: Some(primary.address),
                    error: primary.failure.clone(),
                    ..plain(EventKind::PrimaryFailing)
                });
            }
        }
        let all_fail = |status: &ZoneStatus| status.primaries.iter().all(has_failed);
        if all_fail(after) && !all_fail(before) {
            events.push(Self {
                error: { after.primaries.first() }.and_then(|primary| primary.failure.clone()),
                ..plain(EventKind::AllFailing)
            });
        }
        let was_well = before.failures == 0 && !before.primaries.iter().any(has_failed);
        let is_well = after.standing == Standing::Current
            && after.failures == 0
            && !after.primaries.iter().any(has_failed);
        if is_well && !was_well {
            events.push(plain(EventKind::Recovered));
        }
        events
    }
}

/// Whether a primary failed when it was last asked, also if it is being asked again.
fn has_failed(primary: &PrimaryStatus) -> bool {
    primary.outcome != PrimaryOutcome::Ok && primary.failure.is_some()
}

fn went_back(status: &ZoneStatus) -> bool {
    let Some(visit) = status.history.back() else {
        return false;
    };
    visit.outcome == VisitOutcome::NotTaken
        || visit.outcome == VisitOutcome::Transferred
            && visit.from.zip(visit.to).is_some_and(|(from, to)| {
                zonekit_wire::Serial(from).is_newer_than(zonekit_wire::Serial(to))
            })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Command, Registry, VisitCause, VisitRecord, ZoneDraft};

    fn zone() -> SecondaryZone {
        let address = "192.0.2.1".parse().unwrap();
        let draft = ZoneDraft::at_addresses("example.org".parse().unwrap(), [address]);
        let command = Command::create(&"one".parse().unwrap(), Uuid::from_u128(1), draft);
        let changes = Registry::default().judge(command, Timestamp(1)).unwrap();
        SecondaryZone::clone(changes.zone().unwrap())
    }

    /// A status in which each primary has failed or not, after a visit with these serials.
    fn status(
        failed: &[bool],
        outcome: VisitOutcome,
        serials: (Option<u32>, Option<u32>),
    ) -> ZoneStatus {
        let primary = |(n, failed): (usize, &bool)| {
            let mut primary = PrimaryStatus::pending(([192, 0, 2, n as u8], 53).into());
            primary.outcome = PrimaryOutcome::Ok;
            if *failed {
                primary.outcome = PrimaryOutcome::Error;
                primary.failure = Some(Failure {
                    kind: "timeout".into(),
                    text: "no answer".into(),
                });
            }
            primary
        };
        let is_good = matches!(outcome, VisitOutcome::UpToDate | VisitOutcome::Transferred);
        let mut status = ZoneStatus {
            standing: if is_good {
                Standing::Current
            } else {
                Standing::Stale
            },
            failures: u32::from(!is_good),
            serial: serials.1,
            primaries: failed.iter().enumerate().map(primary).collect(),
            ..ZoneStatus::default()
        };
        status.remember(VisitRecord {
            at: Timestamp(1),
            duration: 1,
            cause: VisitCause::Refresh,
            outcome,
            from: serials.0,
            to: serials.1,
            primary: None,
            transfer: None,
            failure: None,
            clear_text: false,
        });
        status
    }

    #[test]
    fn a_visit_tells_what_it_changed_and_nothing_twice() {
        use VisitOutcome::{Failed, NotTaken, Transferred, UpToDate};
        let zone = zone();
        let check = |before: &ZoneStatus, after: &ZoneStatus| {
            let events = Event::of_visit(&zone, before, after, Timestamp(2));
            let words: Vec<_> = events.iter().map(|event| event.kind.as_str()).collect();
            words.join(" ")
        };
        let held = (Some(7), Some(7));
        let well = status(&[false, false], UpToDate, held);
        let one = status(&[false, true], UpToDate, held);
        let all = status(&[true, true], Failed, held);
        assert_eq!(check(&well, &well), "");
        assert_eq!(check(&well, &one), "primary_failing");
        assert_eq!(check(&one, &one), "");
        assert_eq!(check(&one, &all), "primary_failing all_failing");
        assert_eq!(
            check(&well, &all),
            "primary_failing primary_failing all_failing"
        );
        assert_eq!(check(&all, &all), "");
        assert_eq!(check(&all, &one), "");
        assert_eq!(check(&all, &well), "recovered");
        let newer = status(&[false, false], Transferred, (Some(7), Some(8)));
        assert_eq!(check(&well, &newer), "transferred");
        assert_eq!(check(&all, &newer), "transferred recovered");
        let older = status(&[false, false], Transferred, (Some(7), Some(6)));
        assert_eq!(check(&well, &older), "transferred serial_went_back");
        let refused = status(&[false, false], NotTaken, held);
        assert_eq!(check(&well, &refused), "serial_went_back");
        assert_eq!(check(&refused, &refused), "");
        let fresh = ZoneStatus {
            primaries: vec![PrimaryStatus::pending(([192, 0, 2, 0], 53).into())],
            ..ZoneStatus::default()
        };
        let first = status(&[false], Transferred, (None, Some(1)));
        assert_eq!(check(&fresh, &first), "transferred");
    }

    #[test]
    fn an_event_is_told_without_its_contract() {
        let event = Event::of(EventKind::Expired, Timestamp(0), &zone(), Some(7));
        assert_eq!(
            serde_json::to_string(&event).unwrap(),
            r#"{"event":"expired","at":"1970-01-01T00:00:00.000Z","zone":{"id":"00000000-0000-0000-0000-000000000001","name":"example.org"},"serial":7,"primary":null,"error":null}"#
        );
    }
}
