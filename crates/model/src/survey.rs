//! How many zones do at once.

use crate::{
    Compartment, Cursor, Order, PrimaryOutcome, SecondaryZone, Standing, Timestamp, ZoneName,
    ZoneStatus,
};

/// Which zones are asked for by how they do, and from where on.
///
/// ```
/// use zonekit_model::{SurveyQuery, Trouble};
///
/// let query = SurveyQuery { troubles: vec![Trouble::Failing, Trouble::Behind], ..SurveyQuery::default() };
/// assert_eq!(query.limit, 100);
/// assert_eq!("behind".parse(), Ok(Trouble::Behind));
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SurveyQuery {
    /// Those whose name contains this, in any letter case.
    pub name_contains: Option<String>,
    /// Those in this compartment.
    pub compartment: Option<Compartment>,
    /// Those in at least one of these troubles; none given: whether they are in trouble or not.
    pub troubles: Vec<Trouble>,
    /// Milliseconds before its expiry from which on a zone is about to expire.
    pub horizon: u64,
    /// In which order.
    pub order: Order,
    /// Those behind this place only.
    pub after: Option<Cursor>,
    /// How many to give at most.
    pub limit: usize,
}

impl Default for SurveyQuery {
    /// The first hundred zones by age; a day before it expires, one is about to.
    fn default() -> Self {
        Self {
            name_contains: None,
            compartment: None,
            troubles: Vec::new(),
            horizon: 86_400_000,
            order: Order::default(),
            after: None,
            limit: 100,
        }
    }
}

impl SurveyQuery {
    /// Whether a zone is asked for, wherever it stands in the list.
    pub fn means(&self, zone: &SecondaryZone, status: &ZoneStatus, now: Timestamp) -> bool {
        let compartment = self.compartment.as_ref();
        self.means_name(&zone.name)
            && compartment.is_none_or(|wanted| zone.labels.compartment.as_ref() == Some(wanted))
            && (self.troubles.is_empty() || { self.troubles.iter() }
                .any(|trouble| trouble.is_that_of(status, now, self.horizon)))
    }

    /// The same as far as the name tells.
    pub fn means_name(&self, name: &ZoneName) -> bool {
        let part = self.name_contains.as_ref();
        part.is_none_or(|part| name.as_str().contains(&part.to_ascii_lowercase()))
    }
}

/// What a zone can be in.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Trouble {
    /// The last visit failed.
    Failing,
    /// A primary failed when it was last asked, though another may have done well.
    PrimaryFailing,
    /// The last visit failed; the version held is still good.
    Stale,
    /// The version held will not be good for much longer.
    Expiring,
    /// The version held is no longer good.
    Expired,
    /// No version was ever transferred.
    NeverLoaded,
    /// A primary offers a newer version than is held.
    Behind,
}

impl Trouble {
    /// All there are.
    pub const ALL: [Self; 7] = [
        Self::Failing,
        Self::PrimaryFailing,
        Self::Stale,
        Self::Expiring,
        Self::Expired,
        Self::NeverLoaded,
        Self::Behind,
    ];

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Failing => "failing",
            Self::PrimaryFailing => "primary_failing",
            Self::Stale => "stale",
            Self::Expiring => "expiring",
            Self::Expired => "expired",
            Self::NeverLoaded => "never_loaded",
            Self::Behind => "behind",
        }
    }

    /// Whether a zone of that status is in it; `horizon`: milliseconds before its expiry from which on it is about to expire.
    pub fn is_that_of(self, status: &ZoneStatus, now: Timestamp, horizon: u64) -> bool {
        match self {
            Self::Failing => status.failures > 0,
            Self::PrimaryFailing => {
                { status.primaries.iter() }.any(|primary| primary.outcome == PrimaryOutcome::Error)
            }
            Self::Stale => status.standing == Standing::Stale,
            Self::Expiring => { status.expires_at }
                .is_some_and(|expires| now < expires && expires.since(now) <= horizon),
            Self::Expired => status.standing == Standing::Expired,
            Self::NeverLoaded => status.standing == Standing::NeverLoaded,
            Self::Behind => status.is_behind(),
        }
    }
}

/// A text is no word for a trouble.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("this is no word for a trouble")]
pub struct TroubleError;

impl std::str::FromStr for Trouble {
    type Err = TroubleError;

    fn from_str(word: &str) -> Result<Self, TroubleError> {
        let mut all = Self::ALL.into_iter();
        all.find(|trouble| trouble.as_str() == word)
            .ok_or(TroubleError)
    }
}

impl ZoneStatus {
    /// Whether a primary offered a newer version than is held when it was last asked.
    pub fn is_behind(&self) -> bool {
        let Some(held) = self.serial else {
            return false;
        };
        { self.primaries.iter() }
            .filter_map(|primary| primary.serial)
            .any(|offered| zonekit_wire::Serial(offered).is_newer_than(zonekit_wire::Serial(held)))
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;
    use crate::PrimaryStatus;

    fn check(status: &ZoneStatus) -> Vec<&'static str> {
        let now = Timestamp::from_seconds(1_000_000);
        { Trouble::ALL.into_iter() }
            .filter(|trouble| trouble.is_that_of(status, now, 3_600_000))
            .map(Trouble::as_str)
            .collect()
    }

    #[test]
    fn each_trouble_is_told_from_the_status() {
        let status = |standing, serial| ZoneStatus {
            standing,
            serial,
            ..ZoneStatus::default()
        };
        assert_eq!(check(&ZoneStatus::default()), ["never_loaded"]);
        let well = status(Standing::Current, Some(7));
        assert_eq!(check(&well), [""; 0]);
        let stale = ZoneStatus {
            failures: 1,
            expires_at: Some(Timestamp::from_seconds(1_003_600)),
            ..status(Standing::Stale, Some(7))
        };
        assert_eq!(check(&stale), ["failing", "stale", "expiring"]);
        let gone = ZoneStatus {
            failures: 9,
            ..status(Standing::Expired, Some(7))
        };
        assert_eq!(check(&gone), ["failing", "expired"]);
        let primary = |serial, outcome| PrimaryStatus {
            serial: Some(serial),
            outcome,
            ..PrimaryStatus::pending(SocketAddr::from(([192, 0, 2, 1], 53)))
        };
        let behind = ZoneStatus {
            primaries: vec![primary(8, PrimaryOutcome::Error)],
            ..well.clone()
        };
        assert_eq!(check(&behind), ["primary_failing", "behind"]);
        let ahead = ZoneStatus {
            primaries: vec![primary(u32::MAX, PrimaryOutcome::Ok)],
            ..well
        };
        assert_eq!(check(&ahead), [""; 0]); // older, as serials go
    }

    #[test]
    fn words_read_back() {
        for trouble in Trouble::ALL {
            assert_eq!(trouble.as_str().parse(), Ok(trouble));
        }
        assert_eq!("Failing".parse::<Trouble>(), Err(TroubleError));
    }
}
