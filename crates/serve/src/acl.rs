//! Who may have a copy of a zone.

use std::{net::IpAddr, str::FromStr};

use ipnet::IpNet;
use zonekit_wire::{Name, NameBuf};

use crate::{Peer, Transport};

/// A list of networks and TSIG keys; whoever matches one entry is admitted. Empty: nobody is.
///
/// ```
/// # use zonekit_serve::Acl;
/// let acl: Acl = ["192.0.2.0/24", "key:transfer.example."].iter().map(|text| text.parse().unwrap()).collect();
/// assert!(acl.admits("192.0.2.7".parse().unwrap(), None));
/// assert!(!acl.admits("198.51.100.7".parse().unwrap(), None));
/// ```
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Acl {
    networks: Vec<IpNet>,
    keys: Vec<NameBuf>,
    /// Whoever comes over TLS.
    any_over_tls: bool,
    /// Whoever matches one of these, over TLS.
    over_tls: Option<Box<Self>>,
}

impl Acl {
    /// Says whether a request from this peer, signed (and checked) with the key of this name, is admitted.
    pub fn admits_peer(&self, peer: Peer, key: Option<Name<'_>>) -> bool {
        let over_tls = || {
            let listed = { self.over_tls.as_ref() }.is_some_and(|acl| acl.admits(peer.ip(), key));
            peer.transport == Transport::Tls && (self.any_over_tls || listed)
        };
        self.admits(peer.ip(), key) || over_tls()
    }

    /// Says the same without entries that ask for TLS.
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
                AclEntry::Tls(None) => self.any_over_tls = true,
                AclEntry::Tls(Some(entry)) => {
                    self.over_tls.get_or_insert_default().extend([*entry])
                }
            }
        }
    }
}

/// One line of an [`Acl`]: `192.0.2.1`, `192.0.2.0/24`, `2001:db8::/32` or `key:NAME`; with `tls:` in front, only over TLS;
/// `tls` alone is whoever comes over TLS.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum AclEntry {
    /// Whoever asks from this network.
    Network(IpNet),
    /// Whoever signs with the key of this name.
    Key(NameBuf),
    /// Whoever comes over TLS, and from or with this, if there is something.
    Tls(Option<Box<Self>>),
}

impl AclEntry {
    /// The key that it names, if it names one.
    pub fn key(&self) -> Option<&NameBuf> {
        match self {
            Self::Key(name) => Some(name),
            Self::Tls(Some(entry)) => entry.key(),
            Self::Network(_) | Self::Tls(None) => None,
        }
    }
}

impl FromStr for AclEntry {
    type Err = AclEntryError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "tls" {
            return Ok(Self::Tls(None));
        }
        if let Some(text) = text.strip_prefix("tls:") {
            return match text.parse()? {
                Self::Tls(_) => Err(AclEntryError::Network),
                entry => Ok(Self::Tls(Some(Box::new(entry)))),
            };
        }
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
    #[error(
        "neither an address, a network such as 192.0.2.0/24, key:NAME, nor tls, alone or with one of these behind a colon"
    )]
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
    fn what_stands_behind_tls_counts_over_tls_only() {
        let key: NameBuf = "transfer.example.".parse().unwrap();
        let other: NameBuf = "other.example.".parse().unwrap();
        let check = |entries: &[&str], address: &str, key: Option<&NameBuf>, expected| {
            let acl = acl(entries);
            let admits = |transport| {
                let address = std::net::SocketAddr::new(address.parse().unwrap(), 5300);
                acl.admits_peer(Peer { address, transport }, key.map(NameBuf::as_name))
            };
            let found = (admits(Transport::Tls), admits(Transport::Tcp));
            assert_eq!(found, expected, "{entries:?} {address} {key:?}");
        };
        check(&["192.0.2.1"], "192.0.2.1", None, (true, true));
        check(&["tls:192.0.2.1"], "192.0.2.1", None, (true, false));
        check(&["tls:192.0.2.1"], "192.0.2.2", None, (false, false));
        check(
            &["tls:key:transfer.example"],
            "192.0.2.1",
            Some(&key),
            (true, false),
        );
        check(
            &["tls:key:transfer.example"],
            "192.0.2.1",
            Some(&other),
            (false, false),
        );
        check(&["tls"], "192.0.2.1", None, (true, false));
        let either = ["tls:192.0.2.1", "key:transfer.example"];
        check(&either, "192.0.2.1", None, (true, false));
        check(&either, "192.0.2.2", Some(&key), (true, true));
    }

    #[test]
    fn entries_that_are_neither_say_so() {
        for text in ["tls:", "tls:tls", "tls:tls:192.0.2.1"] {
            assert_eq!(text.parse::<AclEntry>(), Err(AclEntryError::Network));
        }
        assert_eq!(
            "192.0.2.0/33".parse::<AclEntry>(),
            Err(AclEntryError::Network)
        );
        assert_eq!("key:a..b".parse::<AclEntry>(), Err(AclEntryError::KeyName));
    }
}
