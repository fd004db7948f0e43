//! What each client has of the connections, so that one cannot have them all.

use std::{
    collections::{HashMap, hash_map::Entry},
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, MutexGuard},
};

use crate::lock::lock;

/// Counts the connections of every client that has one.
pub(super) struct Shares {
    most: usize,
    taken: Mutex<HashMap<IpAddr, usize>>,
}

/// One connection of a client; given back when dropped.
pub(super) struct Share {
    shares: Arc<Shares>,
    client: IpAddr,
}

impl Shares {
    /// Gives every client `most` connections.
    pub(super) fn of(most: usize) -> Arc<Self> {
        Arc::new(Self {
            most,
            taken: Mutex::default(),
        })
    }

    /// One more for whoever has this address; none if that would be too many.
    pub(super) fn take(self: &Arc<Self>, address: IpAddr) -> Option<Share> {
        let client = client(address);
        let mut taken = self.taken();
        let count = taken.get(&client).copied().unwrap_or(0);
        if count >= self.most {
            return None;
        }
        taken.insert(client, count + 1);
        Some(Share {
            shares: Arc::clone(self),
            client,
        })
    }

    fn taken(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        lock(&self.taken)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        if let Entry::Occupied(mut entry) = self.shares.taken().entry(self.client) {
            *entry.get_mut() -= 1;
            if *entry.get() == 0 {
                entry.remove();
            }
        }
    }
}

/// Who is behind an address: an IPv4 host, or all of an IPv6 network of 64 bits, in which a host picks its address.
fn client(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into()
        }
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_a_host_of_ipv4_or_a_network_of_ipv6() {
        let shares = Shares::of(1);
        let take = |address: &str| shares.take(address.parse().unwrap());
        let held = [
            take("192.0.2.1"),
            take("192.0.2.2"),
            take("2001:db8:0:1::1"),
            take("2001:db8:0:2::1"),
        ];
        assert!(held.iter().all(Option::is_some));
        assert!(take("192.0.2.1").is_none());
        assert!(take("::ffff:192.0.2.1").is_none());
        assert!(take("2001:db8:0:1:ffff::2").is_none());
        drop(held);
        assert!(
            shares.taken().is_empty(),
            "nothing is kept of those who left"
        );
        assert!(take("192.0.2.1").is_some());
    }
}
