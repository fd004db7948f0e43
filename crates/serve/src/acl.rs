//! Who may have a copy of a zone.

use std::{net::IpAddr, str::FromStr};

use ipnet::IpNet;
use zonekit_wire::{Name, NameBuf};

/// A list of networks and TSIG keys; whoever matches one entry is admitted. Empty: nobody is.
///
/// ```
/// # use zonekit_serve::Acl;
/// let acl: Acl = ["192.0.2.0/24", "key:transfer.example."].iter().map(|text| text.parse().unwrap()).collect();
/// assert!(acl.admits("192.0.2.7".parse().unwrap(), None));
/// assert!(!acl.admits("198.51.100.7".parse().unwrap(), None));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Acl {
    networks: Vec<IpNet>,
    keys: Vec<NameBuf>,
}

impl Acl {
    /// Says whether a request from this address, signed (and checked) with the key of this name, is admitted.
    ///
    /// An entry of either kind is enough: a network admits signed and unsigned requests alike.
    pub fn admits(&self, address: IpAddr, key: Option<Name<'_>>) -> bool {
        let address = address.to_canonical();
        self.networks
            .iter()
            .any(|network| network.contains(&address))
            || key.is_some_and(|key| self.keys.iter().any(|listed| listed.as_name() == key))
    }
}

impl FromIterator<AclEntry> for Acl {
    fn from_iter<I: IntoIterator<Item = AclEntry>>(entries: I) -> Self {
        let mut acl = Self::default();
        acl.extend(entries);
        acl
    }
}

impl Extend<AclEntry> for Acl {
    fn extend<I: IntoIterator<Item = AclEntry>>(&mut self, entries: I) {
        for entry in entries {
            match entry {
                AclEntry::Network(network) => self.networks.push(network),
                AclEntry::Key(name) => self.keys.push(name),
            }
        }
    }
}

/// One line of an [`Acl`]: `192.0.2.1`, `192.0.2.0/24`, `2001:db8::/32` or `key:NAME`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum AclEntry {
    /// Whoever asks from this network.
    Network(IpNet),
    /// Whoever signs with the key of this name.
    Key(NameBuf),
}

impl FromStr for AclEntry {
    type Err = AclEntryError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(name) = text.strip_prefix("key:") {
            return name
                .parse()
                .map(Self::Key)
                .map_err(|_| AclEntryError::KeyName);
        }
        text.parse()
            .or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
            .map(Self::Network)
            .map_err(|_| AclEntryError::Network)
    }
}

/// Why a text is no entry of an access list.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum AclEntryError {
    /// What follows `key:` is no domain name.
    #[error("not a key name behind `key:`")]
    KeyName,
    /// Neither an address nor a network in prefix notation.
    #[error("neither an address, a network such as 192.0.2.0/24, nor key:NAME")]
    Network,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn acl(entries: &[&str]) -> Acl {
        entries
            .iter()
            .map(|text| text.parse::<AclEntry>().unwrap())
            .collect()
    }

    #[test]
    fn an_empty_list_admits_nobody() {
        assert!(!acl(&[]).admits("127.0.0.1".parse().unwrap(), None));
    }

    #[test]
    fn an_ipv4_mapped_address_is_the_ipv4_address() {
        assert!(acl(&["127.0.0.0/8"]).admits("::ffff:127.0.0.1".parse().unwrap(), None));
    }

    #[test]
    fn an_address_alone_is_a_network_of_one() {
        let acl = acl(&["192.0.2.1", "2001:db8::1"]);
        assert!(acl.admits("192.0.2.1".parse().unwrap(), None));
        assert!(acl.admits("2001:db8::1".parse().unwrap(), None));
        assert!(!acl.admits("192.0.2.2".parse().unwrap(), None));
    }

    #[test]
    fn a_key_admits_from_anywhere_and_its_name_has_no_case() {
        let acl = acl(&["key:Transfer.Example"]);
        let key: NameBuf = "transfer.example.".parse().unwrap();
        let other: NameBuf = "other.example.".parse().unwrap();
        assert!(acl.admits("192.0.2.1".parse().unwrap(), Some(key.as_name())));
        assert!(!acl.admits("192.0.2.1".parse().unwrap(), Some(other.as_name())));
        assert!(!acl.admits("192.0.2.1".parse().unwrap(), None));
    }

    #[test]
    fn entries_that_are_neither_say_so() {
        assert_eq!(
            "192.0.2.0/33".parse::<AclEntry>(),
            Err(AclEntryError::Network)
        );
        assert_eq!("key:a..b".parse::<AclEntry>(), Err(AclEntryError::KeyName));
    }
}
