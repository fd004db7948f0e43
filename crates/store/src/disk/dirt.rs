//! What of a zone's pages has changed since they were written.

use std::collections::BTreeSet;

use super::blocks::{Place, place_of, trees};
use crate::Zone;

/// The pages that have changed since the snapshot was written; none at first.
#[derive(Clone, Debug)]
pub(crate) enum Dirt {
    /// Those at these places: pages that were there, and pages that are.
    Places(BTreeSet<Place>),
    /// So many that it is not worth telling which.
    Everything,
}

impl Dirt {
    /// So many places are told apart, at most: their blocks go into one transaction.
    pub(crate) const MOST: usize = 512;

    /// What has changed from a version to another.
    pub(crate) fn between(old: &Zone, new: &Zone) -> Self {
        let mut places = BTreeSet::new();
        for ((tree, old), (_, new)) in trees(old).into_iter().zip(trees(new)) {
            let changed = old.difference(new);
            if places.len() + changed.gone.len().max(changed.fresh.len()) > Self::MOST {
                return Self::Everything;
            }
            let pages = changed.gone.into_iter().chain(changed.fresh);
            places.extend(pages.map(|page| place_of(tree, page)));
        }
        Self::of(places)
    }

    /// This and what changed after it.
    pub(crate) fn and(&self, later: &Self) -> Self {
        match (self, later) {
            (Self::Places(places), Self::Places(more)) => Self::of(places | more),
            _ => Self::Everything,
        }
    }

    fn of(places: BTreeSet<Place>) -> Self {
        match places.len() {
            0..=Self::MOST => Self::Places(places),
            _ => Self::Everything,
        }
    }
}

impl Default for Dirt {
    fn default() -> Self {
        Self::Places(BTreeSet::new())
    }
}
