//! Where a zone comes from.

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::KeyName;

/// One server that a zone may be taken from.
#[derive(Clone, Debug, Eq, Hash, PartialEq, Serialize, Deserialize)]
pub struct Primary {
    /// Its address.
    pub address: IpAddr,
    /// Its port; the service's own default where none is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// The TSIG key that every exchange with it is signed with; unsigned where none is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<KeyName>,
    /// The key that is tried where the first is refused, and the other way round: while a key is rolled over, both are known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_key: Option<KeyName>,
}

impl Primary {
    /// The names of the keys that it may be asked with, and that its NOTIFYs may be signed with.
    pub fn keys(&self) -> impl Iterator<Item = &KeyName> {
        self.key.iter().chain(&self.next_key)
    }
}

impl From<IpAddr> for Primary {
    fn from(address: IpAddr) -> Self {
        Self {
            address,
            port: None,
            key: None,
            next_key: None,
        }
    }
}

/// The primaries of a zone, in the order given: 1 to [`Primaries::MAX`], no two at the same address and port. Clones share
/// one list.
///
/// ```
/// use std::net::IpAddr;
/// use zonekit_model::{Primaries, PrimariesError, Primary};
///
/// let address: IpAddr = "192.0.2.1".parse()?;
/// let signed = Primary { key: Some("transfer.example".parse()?), ..Primary::from(address) };
/// let primaries = Primaries::new([signed.clone()])?;
/// assert_eq!(primaries.as_slice(), [signed.clone()]);
/// assert_eq!(Primaries::new([signed.clone(), signed]), Err(PrimariesError::Twice(address)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Eq, Hash, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Primary>", into = "Vec<Primary>")]
pub struct Primaries(Arc<[Primary]>);

/// Why a list of primaries cannot be a zone's.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PrimariesError {
    /// A secondary zone has at least one primary.
    #[error("at least one primary is needed")]
    Empty,
    /// More than [`Primaries::MAX`].
    #[error("{0} primaries are too many: at most {max} are taken", max = Primaries::MAX)]
    TooMany(usize),
    /// The same address (and port) twice.
    #[error("the primary {0} is listed twice")]
    Twice(IpAddr),
    /// An address that no single host can have: unspecified, multicast, broadcast, or an IPv4 one in IPv6 form.
    #[error("{0} is not the address of a host")]
    NotAHost(IpAddr),
    /// Port 0.
    #[error("the primary {0} cannot have port 0")]
    PortZero(IpAddr),
    /// A next key without a first one, or the same again.
    #[error("the primary {0} needs a key beside its next key, and another one")]
    NextKey(IpAddr),
}

impl Primaries {
    /// The most primaries that one zone can have.
    pub const MAX: usize = 64;

    /// Takes a list as a zone's primaries.
    ///
    /// # Errors
    ///
    /// If the list is empty or too long, names an address and port twice, or an address that no host can have.
    pub fn new(primaries: impl Into<Vec<Primary>>) -> Result<Self, PrimariesError> {
        let primaries = primaries.into();
        if primaries.is_empty() {
            return Err(PrimariesError::Empty);
        }
        if primaries.len() > Self::MAX {
            return Err(PrimariesError::TooMany(primaries.len()));
        }
        for (position, primary) in primaries.iter().enumerate() {
            let same =
                |other: &Primary| other.address == primary.address && other.port == primary.port;
            if !is_host(primary.address) {
                return Err(PrimariesError::NotAHost(primary.address));
            }
            if primary.port == Some(0) {
                return Err(PrimariesError::PortZero(primary.address));
            }
            if primary.next_key.is_some()
                && (primary.key.is_none() || primary.key == primary.next_key)
            {
                return Err(PrimariesError::NextKey(primary.address));
            }
            if primaries.iter().take(position).any(same) {
                return Err(PrimariesError::Twice(primary.address));
            }
        }
        Ok(Self(primaries.into()))
    }

    /// The primaries in the order given.
    pub fn iter(&self) -> std::slice::Iter<'_, Primary> {
        self.0.iter()
    }

    /// The primaries in the order given.
    pub fn as_slice(&self) -> &[Primary] {
        &self.0
    }
}

impl<'p> IntoIterator for &'p Primaries {
    type Item = &'p Primary;
    type IntoIter = std::slice::Iter<'p, Primary>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl TryFrom<Vec<Primary>> for Primaries {
    type Error = PrimariesError;

    fn try_from(primaries: Vec<Primary>) -> Result<Self, PrimariesError> {
        Self::new(primaries)
    }
}

impl From<Primaries> for Vec<Primary> {
    fn from(primaries: Primaries) -> Self {
        primaries.0.to_vec()
    }
}

/// Has many zones share the lists that are equal: most zones of a service come from the same servers.
///
/// ```
/// use std::net::IpAddr;
/// use zonekit_model::{Primaries, Primary, SharedPrimaries};
///
/// let primary = Primary::from("192.0.2.1".parse::<IpAddr>()?);
/// let mut shared = SharedPrimaries::default();
/// let one = shared.share(Primaries::new([primary.clone()])?);
/// let other = shared.share(Primaries::new([primary])?);
/// assert!(std::ptr::eq(one.as_slice(), other.as_slice()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Default)]
pub struct SharedPrimaries(HashSet<Primaries>);

impl SharedPrimaries {
    /// The first list that was equal to this one.
    pub fn share(&mut self, primaries: Primaries) -> Primaries {
        if let Some(known) = self.0.get(&primaries) {
            return known.clone();
        }
        self.0.insert(primaries.clone());
        primaries
    }
}

/// Whether one host can have this address. An IPv4 address in IPv6 form would be a second text for the same host.
pub(crate) fn is_host(address: IpAddr) -> bool {
    let mapped = matches!(address, IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some());
    let broadcast = matches!(address, IpAddr::V4(v4) if v4.is_broadcast());
    !(address.is_unspecified() || address.is_multicast() || mapped || broadcast)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(addresses: &[&str]) -> Result<Primaries, PrimariesError> {
        Primaries::new(
            addresses
                .iter()
                .map(|text| Primary::from(text.parse::<IpAddr>().unwrap()))
                .collect::<Vec<_>>(),
        )
    }

    #[test]
    fn order_is_kept() {
        let primaries = check(&["192.0.2.9", "2001:db8::1", "192.0.2.1"]).unwrap();
        let addresses: Vec<_> = primaries
            .iter()
            .map(|primary| primary.address.to_string())
            .collect();
        assert_eq!(addresses, ["192.0.2.9", "2001:db8::1", "192.0.2.1"]);
    }

    #[test]
    fn none_too_many_and_twice_are_refused() {
        let many: Vec<_> = (1..=65)
            .map(|n| Primary::from(IpAddr::from([192, 0, 2, n])))
            .collect();
        assert_eq!(check(&[]), Err(PrimariesError::Empty));
        assert_eq!(Primaries::new(many), Err(PrimariesError::TooMany(65)));
        assert_eq!(
            check(&["::1", "0:0::1"]),
            Err(PrimariesError::Twice("::1".parse().unwrap()))
        );
    }

    #[test]
    fn two_ports_of_one_address_are_two_primaries() {
        let at = |port| Primary {
            port: Some(port),
            ..Primary::from(IpAddr::from([127, 0, 0, 1]))
        };
        assert!(Primaries::new([at(53), at(5300)]).is_ok());
        assert_eq!(
            Primaries::new([at(0)]),
            Err(PrimariesError::PortZero(IpAddr::from([127, 0, 0, 1])))
        );
    }

    #[test]
    fn a_next_key_is_another_beside_the_first() {
        let check = |key: Option<&str>, next_key: Option<&str>| {
            let name = |text: &str| text.parse().unwrap();
            Primaries::new([Primary {
                key: key.map(name),
                next_key: next_key.map(name),
                ..Primary::from(IpAddr::from([192, 0, 2, 1]))
            }])
            .is_ok()
        };
        assert!(check(Some("old"), Some("new")));
        assert!(!check(Some("old"), Some("OLD.")));
        assert!(!check(None, Some("new")));
    }

    #[test]
    fn addresses_that_no_host_has_are_refused() {
        for text in [
            "0.0.0.0",
            "::",
            "224.0.0.1",
            "ff02::1",
            "255.255.255.255",
            "::ffff:192.0.2.1",
        ] {
            assert_eq!(
                check(&[text]),
                Err(PrimariesError::NotAHost(text.parse().unwrap()))
            );
        }
    }
}
