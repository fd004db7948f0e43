//! Lists of primaries: most zones of a service have the same one, and share it.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::Arc;

use foldhash::fast::RandomState;

/// Each list that some zone has, once.
#[derive(Debug, Default)]
pub(super) struct Lists(HashSet<Arc<[SocketAddr]>, RandomState>);

impl Lists {
    /// The list that all zones with these primaries have.
    pub(super) fn share(&mut self, primaries: Vec<SocketAddr>) -> Arc<[SocketAddr]> {
        if let Some(list) = self.0.get(primaries.as_slice()) {
            return Arc::clone(list);
        }
        let list: Arc<[SocketAddr]> = primaries.into();
        self.0.insert(Arc::clone(&list));
        list
    }

    /// A zone does not have this list any more; it goes with the last.
    pub(super) fn leave(&mut self, list: Arc<[SocketAddr]>) {
        if Arc::strong_count(&list) == 2 {
            self.0.remove(&list);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_there_once_and_as_long_as_a_zone_has_it() {
        let at = |ports: &[u16]| -> Vec<SocketAddr> {
            let address = |port: &u16| ([192, 0, 2, 1], *port).into();
            ports.iter().map(address).collect()
        };
        let mut lists = Lists::default();
        let first = lists.share(at(&[53, 54]));
        let second = lists.share(at(&[53, 54]));
        let other = lists.share(at(&[54, 53]));
        assert!(Arc::ptr_eq(&first, &second));
        assert_eq!(other[..], at(&[54, 53]));
        assert_eq!(lists.0.len(), 2);
        lists.leave(first);
        assert_eq!(lists.0.len(), 2);
        lists.leave(second);
        lists.leave(other);
        assert_eq!(lists.0.len(), 0);
    }
}
