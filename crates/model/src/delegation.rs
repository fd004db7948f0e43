//! Whether a zone is delegated to the name servers of the service.

use std::net::SocketAddr;

use crate::{Failure, Timestamp, ZoneName};

/// What servers that were asked, and the zone itself, say of who serves a zone.
///
/// ```
/// use zonekit_model::{Delegation, NamedServers, ServerAnswer, ServerSaid, Timestamp, Verdict};
///
/// let delegation = Delegation {
///     at: Timestamp(1_700_000_000_000),
///     wanted: vec!["ns1.example.net".parse()?, "ns2.example.net".parse()?],
///     answers: vec![ServerAnswer {
///         server: "192.0.2.53:53".parse()?,
///         said: Ok(ServerSaid::Referral(NamedServers::new(["ns1.example.net".parse()?]))),
///     }],
///     apex: None,
/// };
/// assert_eq!(delegation.verdict(), Verdict::Incomplete);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Delegation {
    /// When they were asked.
    pub at: Timestamp,
    /// The name servers that the zone is to be delegated to.
    pub wanted: Vec<ZoneName>,
    /// What each server said that was asked.
    pub answers: Vec<ServerAnswer>,
    /// The NS records at the apex, as the primaries gave them with the version held; none while nothing is held.
    pub apex: Option<NamedServers>,
}

/// What one server said.
#[derive(Clone, Debug, PartialEq)]
pub struct ServerAnswer {
    /// Which server.
    pub server: SocketAddr,
    /// What it said, or why it said nothing of use.
    pub said: Result<ServerSaid, Failure>,
}

/// Who serves a zone, as a server that was asked knows it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ServerSaid {
    /// It refers to these, as a server of the parent zone does: the delegation itself.
    Referral(NamedServers),
    /// It answers with these, as a resolver does: what it has found, in which the zone's own servers have the last word.
    Answer(NamedServers),
    /// There is no such delegation.
    Nothing,
}

impl ServerSaid {
    /// The servers that it named.
    pub fn servers(&self) -> &[ZoneName] {
        match self {
            Self::Referral(servers) | Self::Answer(servers) => servers.as_slice(),
            Self::Nothing => &[],
        }
    }
}

/// The name servers of an NS set: each once, sorted.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct NamedServers(Vec<ZoneName>);

impl NamedServers {
    /// These.
    pub fn new(servers: impl IntoIterator<Item = ZoneName>) -> Self {
        let mut servers: Vec<_> = servers.into_iter().collect();
        servers.sort_unstable();
        servers.dedup();
        Self(servers)
    }

    /// All of them.
    pub fn as_slice(&self) -> &[ZoneName] {
        &self.0
    }
}

/// What all of it comes to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// All who answered name all servers that are wanted, and so does the zone.
    Complete,
    /// Some are named, but not by all, or not all of them.
    Incomplete,
    /// None of those who answered names one of them.
    Absent,
    /// Nobody answered.
    Unknown,
}

impl Verdict {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Incomplete => "incomplete",
            Self::Absent => "absent",
            Self::Unknown => "unknown",
        }
    }
}

impl Delegation {
    /// What all of it comes to.
    pub fn verdict(&self) -> Verdict {
        let said: Vec<_> = { self.answers.iter() }
            .filter_map(|answer| answer.said.as_ref().ok())
            .map(ServerSaid::servers)
            .collect();
        let has_all = |servers: &[ZoneName]| self.missing(servers).is_empty();
        let has_some = |servers: &[ZoneName]| servers.iter().any(|name| self.wanted.contains(name));
        if said.is_empty() {
            Verdict::Unknown
        } else if !said.iter().any(|servers| has_some(servers)) {
            Verdict::Absent
        } else if said.iter().all(|servers| has_all(servers))
            && self
                .apex
                .as_ref()
                .is_none_or(|apex| has_all(apex.as_slice()))
        {
            Verdict::Complete
        } else {
            Verdict::Incomplete
        }
    }

    /// Those that are wanted and are not among these.
    pub fn missing(&self, servers: &[ZoneName]) -> Vec<&ZoneName> {
        { self.wanted.iter() }
            .filter(|name| !servers.contains(name))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<ZoneName> {
        let names = text.split_whitespace();
        names.map(|name| name.parse().unwrap()).collect()
    }

    /// Of `a` and `b`, which are wanted, what do servers with these sets and a zone with that one come to?
    #[track_caller]
    fn check(answers: &[Option<&str>], apex: Option<&str>, verdict: Verdict) {
        let answers = answers.iter().map(|servers| ServerAnswer {
            server: "192.0.2.53:53".parse().unwrap(),
            said: match servers {
                Some("") => Ok(ServerSaid::Nothing),
                Some(text) => Ok(ServerSaid::Referral(NamedServers::new(names(text)))),
                None => Err(Failure {
                    kind: "timeout".into(),
                    text: "no answer".into(),
                }),
            },
        });
        let delegation = Delegation {
            at: Timestamp(1),
            wanted: names("a b"),
            answers: answers.collect(),
            apex: apex.map(|text| NamedServers::new(names(text))),
        };
        assert_eq!(delegation.verdict(), verdict, "{delegation:?}");
    }

    #[test]
    fn a_delegation_is_complete_if_all_who_answer_and_the_zone_name_all() {
        check(&[Some("a b")], Some("a b c"), Verdict::Complete);
        check(&[Some("c b a"), None], None, Verdict::Complete);
        check(&[Some("a b")], Some("a"), Verdict::Incomplete);
        check(&[Some("a b"), Some("a")], Some("a b"), Verdict::Incomplete);
        check(&[Some("a b"), Some("")], Some("a b"), Verdict::Incomplete);
        check(&[Some("c d")], Some("a b"), Verdict::Absent);
        check(&[Some(""), None], Some("a b"), Verdict::Absent);
        check(&[None, None], Some("a b"), Verdict::Unknown);
    }
}
