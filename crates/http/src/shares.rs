//! What each of many has of something that there is only so much of.

use std::{
    collections::HashMap,
    fmt,
    hash::Hash,
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Counts what each of many has, so that one cannot have it all. Clones count together.
///
/// ```
/// let shares = zonekit_http::Shares::new(1, 2);
/// let one = shares.take("one");
/// assert!(one.is_some() && shares.take("one").is_none()); // it has its share
/// let two = shares.take("two");
/// assert!(two.is_some() && shares.take("three").is_none()); // all is taken
/// drop(one);
/// assert!(shares.take("three").is_some());
/// ```
#[derive(Debug)]
pub struct Shares<K>(Arc<Inner<K>>);

#[derive(Debug)]
struct Inner<K> {
    each: usize,
    all: usize,
    taken: Mutex<Taken<K>>,
}

#[derive(Debug)]
struct Taken<K> {
    by: HashMap<K, usize>,
    all: usize,
}

/// One of them; given back when dropped.
pub struct Share<K: Eq + Hash>(Arc<Inner<K>>, K);

impl<K: Clone + Eq + Hash> Shares<K> {
    /// So many for each, and so many in all.
    pub fn new(each: usize, all: usize) -> Self {
        let taken = Mutex::new(Taken {
            by: HashMap::new(),
            all: 0,
        });
        Self(Arc::new(Inner { each, all, taken }))
    }

    /// One more for this one; none if that would be too many.
    pub fn take(&self, by: K) -> Option<Share<K>> {
        let mut taken = self.0.taken();
        let count = taken.by.get(&by).copied().unwrap_or(0);
        if count >= self.0.each || taken.all >= self.0.all {
            return None;
        }
        taken.all += 1;
        taken.by.insert(by.clone(), count + 1);
        Some(Share(Arc::clone(&self.0), by))
    }
}

impl<K> Clone for Shares<K> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<K> Inner<K> {
    fn taken(&self) -> MutexGuard<'_, Taken<K>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Eq + Hash> Drop for Share<K> {
    fn drop(&mut self) {
        let Self(shares, by) = self;
        let mut taken = shares.taken();
        taken.all -= 1;
        // Nothing is kept of whoever has none.
        if let Some(count) = taken.by.get_mut(by) {
            *count -= 1;
            if *count == 0 {
                taken.by.remove(by);
            }
        }
    }
}

impl<K: Eq + Hash + fmt::Debug> fmt::Debug for Share<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Share").field(&self.1).finish()
    }
}

/// Who is behind an address: an IPv4 host, or all of an IPv6 network of 64 bits, in which a host picks its address.
pub(crate) fn client(address: IpAddr) -> IpAddr {
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
        let shares = Shares::new(1, 4);
        let take = |address: &str| shares.take(client(address.parse().unwrap()));
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
        assert!(take("192.0.2.3").is_none(), "all is taken");
        drop(held);
        assert!(shares.0.taken().by.is_empty(), "nothing is kept");
        assert!(take("192.0.2.3").is_some());
    }
}
