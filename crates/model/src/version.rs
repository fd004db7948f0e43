//! Which version of a zone's content is held.

use std::fmt;

/// Which version of a zone's content is held: never the same twice, and greater for later ones, as text too.
///
/// Serials do not do: they repeat, and go back.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ContentVersion {
    /// When whoever counts began to, in milliseconds since 1970.
    pub epoch: u64,
    /// How far the count is.
    pub count: u64,
}

impl fmt::Display for ContentVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:012x}{:012x}", self.epoch, self.count)
    }
}
