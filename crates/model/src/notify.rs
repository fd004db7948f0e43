//! Who may say that a zone has changed, beside its primaries.

use std::{fmt, net::IpAddr, str::FromStr};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// A host or a network that NOTIFY is believed from.
///
/// ```
/// use zonekit_model::NotifySource;
///
/// let network: NotifySource = "192.0.2.0/28".parse()?;
/// assert!(network.admits("192.0.2.15".parse()?));
/// assert!(!network.admits("192.0.2.16".parse()?));
/// assert_eq!("192.0.2.1/32".parse::<NotifySource>()?.to_string(), "192.0.2.1");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct NotifySource(IpNet);

/// A text is neither an address nor a network.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("an address or a network such as 192.0.2.0/24 is needed")]
pub struct NotifySourceError;

impl NotifySource {
    /// Whether NOTIFY from that address is meant.
    pub fn admits(&self, address: IpAddr) -> bool {
        self.0.contains(&address)
    }
}

impl FromStr for NotifySource {
    type Err = NotifySourceError;

    /// Reads an address or a network; of a network's address, what is no part of its prefix does not count.
    fn from_str(text: &str) -> Result<Self, NotifySourceError> {
        match text.parse::<IpAddr>() {
            Ok(address) => Ok(Self(address.into())),
            Err(_) => match text.parse::<IpNet>() {
                Ok(network) => Ok(Self(network.trunc())),
                Err(_) => Err(NotifySourceError),
            },
        }
    }
}

impl fmt::Display for NotifySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.prefix_len() == self.0.max_prefix_len() {
            true => self.0.addr().fmt(f),
            false => self.0.fmt(f),
        }
    }
}

impl TryFrom<String> for NotifySource {
    type Error = NotifySourceError;

    fn try_from(text: String) -> Result<Self, NotifySourceError> {
        text.parse()
    }
}

impl From<NotifySource> for String {
    fn from(source: NotifySource) -> Self {
        source.to_string()
    }
}

/// Those of one zone: at most [`NotifySources::MAX`].
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Vec<NotifySource>", into = "Vec<NotifySource>")]
pub struct NotifySources(Box<[NotifySource]>);

/// There are more than [`NotifySources::MAX`].
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0} sources of NOTIFY are too many: at most {max} are taken", max = NotifySources::MAX)]
pub struct NotifySourcesError(pub usize);

impl NotifySources {
    /// The most that one zone can have.
    pub const MAX: usize = 64;

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Those there are, in the order given.
    pub fn iter(&self) -> std::slice::Iter<'_, NotifySource> {
        self.0.iter()
    }

    /// Whether one of them is that address, or has it in its network.
    pub fn admit(&self, address: IpAddr) -> bool {
        self.iter().any(|source| source.admits(address))
    }
}

impl TryFrom<Vec<NotifySource>> for NotifySources {
    type Error = NotifySourcesError;

    fn try_from(sources: Vec<NotifySource>) -> Result<Self, NotifySourcesError> {
        match sources.len() {
            0..=Self::MAX => Ok(Self(sources.into())),
            more => Err(NotifySourcesError(more)),
        }
    }
}

impl From<NotifySources> for Vec<NotifySource> {
    fn from(sources: NotifySources) -> Self {
        sources.0.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_networks_are_read_and_written() {
        let check = |text: &str| { text.parse() }.map(|source: NotifySource| source.to_string());
        assert_eq!(check("192.0.2.1").as_deref(), Ok("192.0.2.1"));
        assert_eq!(check("192.0.2.77/24").as_deref(), Ok("192.0.2.0/24"));
        assert_eq!(check("2001:DB8::/32").as_deref(), Ok("2001:db8::/32"));
        for text in ["", "192.0.2", "192.0.2.0/33", "example.org", "192.0.2.1:53"] {
            assert_eq!(check(text), Err(NotifySourceError), "{text}");
        }
    }

    #[test]
    fn more_than_a_zone_can_have_are_refused() {
        let many = vec!["::1".parse().unwrap(); NotifySources::MAX + 1];
        assert_eq!(NotifySources::try_from(many), Err(NotifySourcesError(65)));
    }
}
