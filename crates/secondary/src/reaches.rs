//! Which primaries are down, as the zones of each contract found out.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use zonekit_model::{Contract, ZoneName};
use zonekit_xfr::{Noted, Reach};

/// Nobody is told by the zones of another contract: a primary may be silent about those alone, and whoever names a primary
/// does not thereby speak for all who have zones there.
#[derive(Default)]
pub(crate) struct Reaches(Mutex<HashMap<Option<Contract>, Reach<ZoneName>>>);

impl Reaches {
    /// As [`Reach::may_ask`].
    pub(crate) fn may_ask(
        &self,
        contract: &Option<Contract>,
        zone: &ZoneName,
        primary: SocketAddr,
        now: Instant,
    ) -> bool {
        self.with(contract, |reach| reach.may_ask(zone, primary, now))
    }

    /// As [`Reach::note`].
    pub(crate) fn note(
        &self,
        contract: &Option<Contract>,
        zone: &ZoneName,
        primary: SocketAddr,
        is_reached: bool,
        now: Instant,
    ) -> Noted {
        self.with(contract, |reach| reach.note(zone, primary, is_reached, now))
    }

    fn with<T>(
        &self,
        contract: &Option<Contract>,
        work: impl FnOnce(&mut Reach<ZoneName>) -> T,
    ) -> T {
        let mut reaches = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match reaches.get_mut(contract) {
            Some(reach) => work(reach),
            None => work(reaches.entry(contract.clone()).or_default()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_primary_that_is_silent_about_the_zones_of_one_contract_is_asked_for_those_of_others() {
        let (reaches, now) = (Reaches::default(), Instant::now());
        let primary = "192.0.2.1:53".parse().unwrap();
        let [ours, theirs] = ["a", "b"].map(|contract| Some(contract.parse::<Contract>().unwrap()));
        let [one, two, three] = ["one.example", "two.example", "three.example"]
            .map(|zone| zone.parse::<ZoneName>().unwrap());
        assert!(matches!(
            reaches.note(&theirs, &one, primary, false, now),
            Noted::AskAgain(_)
        ));
        assert!(!reaches.may_ask(&theirs, &two, primary, now));
        assert!(reaches.may_ask(&ours, &three, primary, now));
        assert!(reaches.may_ask(&None, &three, primary, now));
        assert_eq!(
            reaches.note(&ours, &three, primary, true, now),
            Noted::Nothing
        );
        assert!(!reaches.may_ask(&theirs, &two, primary, now));
        assert_eq!(reaches.note(&theirs, &two, primary, true, now), Noted::Back);
        assert!(reaches.may_ask(&theirs, &one, primary, now));
    }
}
