//! A part of a list.

use crate::ZoneState;

/// Which part of a list is asked for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PageRequest {
    /// How many to pass over.
    pub offset: u64,
    /// How many to give at most.
    pub limit: u32,
}

impl PageRequest {
    /// Everything there is.
    pub const ALL: Self = Self {
        offset: 0,
        limit: u32::MAX,
    };
}

/// Part of a list, and how long the whole is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Page<T> {
    /// The part asked for; shorter than the limit only at the end of the list.
    pub items: Vec<T>,
    /// How many there are in all, from the beginning of the list.
    pub total: u64,
}

impl<T> Page<T> {
    /// The same page of something made from each item.
    pub fn map<U>(self, each: impl FnMut(T) -> U) -> Page<U> {
        Page {
            items: self.items.into_iter().map(each).collect(),
            total: self.total,
        }
    }
}

/// Which zones are asked for; the default is all.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ZoneFilter {
    /// Zones whose name contains this, in any letter case. A zone named exactly this comes first.
    pub name: Option<String>,
    /// Zones in this state.
    pub state: Option<ZoneState>,
}
