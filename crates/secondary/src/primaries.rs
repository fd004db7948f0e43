//! A zone's primaries as they are asked: with the port, the key and the transport that the configuration has for them.

use std::collections::HashMap;
use std::net::SocketAddr;

use zonekit_model::{KeyName, Primaries, Primary, SecondaryZone};
use zonekit_tsig::Key;
use zonekit_xfr::{ErrorKind, PrimaryReport};

use crate::Config;

/// Where a zone's primaries listen.
pub(crate) fn addresses(config: &Config, zone: &SecondaryZone) -> Vec<SocketAddr> {
    { zone.primaries.iter().enumerate() }
        .map(|(place, primary)| config.way_to(zone, place, primary).0)
        .collect()
}

/// The name of the key that goes with a primary: its own, or that of a `[[primary]]` rule. These know it by its own port or
/// by that of clear text, whether it is spoken with there or not.
pub(crate) fn key_name<'a>(config: &'a Config, primary: &'a Primary) -> Option<&'a KeyName> {
    let port = primary.port.unwrap_or(config.dns.primary_port);
    let own = primary.key.as_ref();
    own.or_else(|| config.key_for(SocketAddr::new(primary.address, port)))
}

/// Which of its two keys each primary of a zone is asked with, while one is rolled over.
#[derive(Clone, Debug, Default)]
pub(crate) struct KeyTurns(Vec<KeyTurn>);

#[derive(Clone, Copy, Debug, Default)]
struct KeyTurn {
    is_next: bool,
    /// The other one was refused a moment ago.
    is_fresh: bool,
}

impl KeyTurns {
    fn is_next(&self, index: usize) -> bool {
        self.0.get(index).is_some_and(|turn| turn.is_next)
    }

    /// Turns to the other key where one was refused. Says whether a visit that is made at once could do better: not if both
    /// were refused one after the other.
    pub(crate) fn follow(&mut self, primaries: &Primaries, reports: &[PrimaryReport]) -> bool {
        if primaries.iter().all(|primary| primary.next_key.is_none()) {
            self.0 = Vec::new(); // as almost all zones have it: there is nothing to remember
            return false;
        }
        let mut is_worthwhile = false;
        self.0
            .resize(primaries.as_slice().len(), KeyTurn::default());
        let turns = self.0.iter_mut().zip(primaries).zip(reports);
        for ((turn, primary), report) in turns {
            match &report.error {
                _ if primary.next_key.is_none() => {}
                None => turn.is_fresh = false,
                Some(error) if may_be_the_key(error.kind()) => {
                    is_worthwhile |= !turn.is_fresh;
                    *turn = KeyTurn {
                        is_next: !turn.is_next,
                        is_fresh: !turn.is_fresh,
                    };
                }
                Some(_) => {}
            }
        }
        is_worthwhile
    }
}

/// Whether another key could help. Servers do not all say it in the same way.
fn may_be_the_key(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::BadKey
            | ErrorKind::BadSignature
            | ErrorKind::Unsigned
            | ErrorKind::Refused
            | ErrorKind::NotAuthoritative
    )
}

/// Whether a configuration says of a zone what its settings are. It does not for a moment while another configuration comes
/// into force: then the primaries of before must not be asked in the ways of those in their places, or in none.
pub(crate) fn is_settled(config: &Config, zone: &SecondaryZone) -> bool {
    match config.declared(&zone.name) {
        Some(entry) => zone.declared && zone.member.is_none() && entry.primaries == zone.primaries,
        None => !zone.declared || zone.member.is_some(),
    }
}

/// Why the primaries of a zone are not asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unready {
    /// Nothing is ever asked unsigned where a key is configured.
    #[error("there is no key named {0}")]
    NoKey(KeyName),
    /// The zone is visited as soon as that is over.
    #[error("its settings are about to change")]
    Unsettled,
}

/// The primaries of a zone as a visit needs them; or the name of the key that is missing, if one is.
pub(crate) fn resolve(
    config: &Config,
    keys: &HashMap<KeyName, Key>,
    zone: &SecondaryZone,
    turns: &KeyTurns,
) -> Result<Vec<zonekit_xfr::Primary>, KeyName> {
    let resolve = |(place, primary): (usize, &Primary)| {
        let (address, transport) = config.way_to(zone, place, primary);
        let next = primary.next_key.as_ref();
        let next = next.filter(|_| turns.is_next(place));
        let key = match next.or_else(|| key_name(config, primary)) {
            None => None,
            Some(name) => Some(keys.get(name).ok_or_else(|| name.clone())?.clone()),
        };
        Ok(zonekit_xfr::Primary {
            transport,
            key,
            source: config.source_of(zone, place, address),
            ixfr_over_udp: config.has_ixfr_over_udp(address),
            ..zonekit_xfr::Primary::new(address)
        })
    };
    zone.primaries.iter().enumerate().map(resolve).collect()
}

/// The keys that a zone's primaries are asked with where the first is refused.
pub(crate) fn next_keys<'k>(
    keys: &'k HashMap<KeyName, Key>,
    zone: &SecondaryZone,
) -> Vec<Option<&'k Key>> {
    let next = |primary: &Primary| keys.get(primary.next_key.as_ref()?);
    zone.primaries.iter().map(next).collect()
}

/// Whether two ways to a zone's primaries are the same.
pub(crate) fn same(
    was: &Result<Vec<zonekit_xfr::Primary>, KeyName>,
    is: &Result<Vec<zonekit_xfr::Primary>, KeyName>,
) -> bool {
    match (was, is) {
        (Ok(was), Ok(is)) => {
            let pairs = was.iter().zip(is);
            let alike = |(was, is): (&zonekit_xfr::Primary, &zonekit_xfr::Primary)| {
                (was.address, &was.key, was.source) == (is.address, &is.key, is.source)
                    && was.transport == is.transport
            };
            was.len() == is.len() && { pairs }.all(alike)
        }
        (Err(was), Err(is)) => was == is,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_asked_in_the_way_of_somebody_else_while_the_configuration_changes() {
        let config = |zones: &str| {
            let text = format!(
                "data_dir = \"var\"\n[dns]\nlisten = [\"127.0.0.1:0\"]\n\
                 [[tls]]\nname = \"any\"\nopportunistic = true\n{zones}"
            );
            Config::parse(&text, "secondary.toml".as_ref()).unwrap()
        };
        let zone = |primaries: &str| {
            config(&format!(
                "[[zone]]\nname = \"example.org\"\nprimaries = [{primaries}]\n"
            ))
        };
        let (tls, clear) = (
            "{ address = \"192.0.2.1\", tls = \"any\" }",
            "{ address = \"192.0.2.2\" }",
        );
        let before = zone(&format!("{tls}, {clear}"));
        let settings = crate::config::declared_zone(&before);
        let check = |config: &Config, is_so| assert_eq!(is_settled(config, &settings), is_so);
        check(&before, true);
        check(&zone(&format!("{clear}, {tls}")), false);
        check(&zone(clear), false);
        check(&config(""), false);
        // How one is spoken with may change: it is the same one.
        check(
            &zone(&format!("{}, {clear}", tls.replace(", tls = \"any\"", ""))),
            true,
        );
    }

    #[test]
    fn another_key_is_tried_at_once_but_not_for_ever() {
        let primary = Primary {
            key: "old".parse().ok(),
            next_key: "new".parse().ok(),
            ..Primary::from(std::net::IpAddr::from([192, 0, 2, 1]))
        };
        let primaries = zonekit_model::Primaries::new([primary]).unwrap();
        let report = |error| PrimaryReport {
            address: ([192, 0, 2, 1], 53).into(),
            soa: None,
            expires: None,
            is_reached: Some(true),
            answered_in: None,
            clear_text: None,
            error,
            transfers: Vec::new(),
        };
        let refused = || {
            let error = zonekit_xfr::AnswerError::Rcode(zonekit_wire::Rcode::REFUSED);
            zonekit_xfr::VisitError::Answer { message: 1, error }
        };
        let mut turns = KeyTurns::default();
        let mut check = |error| {
            let is_worthwhile = turns.follow(&primaries, &[report(error)]);
            (is_worthwhile, turns.is_next(0))
        };
        assert_eq!(check(None), (false, false));
        assert_eq!(check(Some(refused())), (true, true));
        assert_eq!(check(Some(refused())), (false, false)); // neither: that is for the next visit
        assert_eq!(check(Some(refused())), (true, true));
        assert_eq!(check(None), (false, true)); // it is, and stays
        let timeout = zonekit_xfr::VisitError::OutOfReach;
        assert_eq!(check(Some(timeout)), (false, true));
        assert_eq!(check(Some(refused())), (true, false));
    }
}
