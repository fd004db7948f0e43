//! The table of all zones, to be found by name without waiting.
//!
//! A hash table in parts. Whoever changes it copies the list of parts and the one part that changes, and swaps; whoever
//! reads holds the table as it was. The zone closest above a name is found by trying its ancestors, longest first, no
//! longer than the longest name in the table.

use std::hash::{BuildHasher, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use foldhash::fast::RandomState;
use hashbrown::HashTable;
use zonekit_wire::Name;

use crate::disk::ZoneFile;
use crate::key::NearName;
use crate::{Held, HeldZone};

/// So many that a part stays small, so few that a list of them is copied in a moment.
const PARTS: usize = 256;

/// A zone's place in the table, for as long as the zone exists.
///
/// Among many zones, those that are asked for are in no cache. So what a lookup reads lies together.
#[repr(C)]
pub(crate) struct Entry {
    pub(crate) head: ArcSwap<HeldZone>,
    name: NearName,
    /// Its number in the file; never used twice.
    pub(crate) id: u64,
    /// What is in the file of it. Whoever changes `head` holds this.
    file: Mutex<ZoneFile>,
}

#[derive(Clone)]
pub(crate) struct Table {
    parts: Box<[Arc<HashTable<Arc<Entry>>>]>,
    hasher: RandomState,
    len: usize,
    /// The number of labels of the longest name that ever was in it.
    deepest: usize,
}

impl Entry {
    pub(crate) fn new(id: u64, head: HeldZone, file: ZoneFile) -> Self {
        Self {
            name: NearName::from_slice(&head.name),
            head: ArcSwap::from_pointee(head),
            id,
            file: Mutex::new(file),
        }
    }

    pub(crate) fn name(&self) -> Name<'_> {
        Name::from_octets(&self.name).unwrap_or(Name::ROOT)
    }

    /// The same as all versions share it.
    pub(crate) fn shared_name(&self) -> Arc<[u8]> {
        Arc::clone(&self.head.load().name)
    }

    pub(crate) fn held(&self) -> Held {
        Held(self.head.load())
    }

    pub(crate) fn file(&self) -> MutexGuard<'_, ZoneFile> {
        self.file.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    pub(crate) fn new() -> Self {
        Self {
            parts: (0..PARTS).map(|_| Arc::default()).collect(),
            hasher: RandomState::default(),
            len: 0,
            deepest: 0,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn find(&self, name: Name<'_>) -> Option<&Arc<Entry>> {
        self.probe(Lower::new(name).as_slice())
    }

    /// The closest zone at or above a name.
    pub(crate) fn enclosing(&self, name: Name<'_>) -> Option<&Arc<Entry>> {
        let lower = Lower::new(name);
        let mut rest = lower.as_slice();
        let mut labels = name.label_count();
        loop {
            if labels <= self.deepest
                && let Some(entry) = self.probe(rest)
            {
                return Some(entry);
            }
            let (&length, behind) = rest.split_first()?;
            rest = behind.get(length.into()..).filter(|_| length > 0)?;
            labels -= 1;
        }
    }

    /// All zones, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Entry>> {
        self.parts.iter().flat_map(|part| part.iter())
    }

    /// Adds a zone whose name must not be there yet.
    pub(crate) fn insert(&mut self, entry: Arc<Entry>) {
        let hasher = self.hasher.clone();
        let hash = hash(&hasher, Lower::new(entry.name()).as_slice());
        self.deepest = self.deepest.max(entry.name().label_count());
        self.len += 1;
        if let Some(part) = self.parts.get_mut(part_of(hash)) {
            Arc::make_mut(part).insert_unique(hash, entry, |entry| {
                self::hash(&hasher, Lower::new(entry.name()).as_slice())
            });
        }
    }

    /// Takes a zone out.
    pub(crate) fn remove(&mut self, name: Name<'_>) {
        let hash = hash(&self.hasher, Lower::new(name).as_slice());
        let Some(part) = self.parts.get_mut(part_of(hash)) else {
            return;
        };
        let is_it = |entry: &Arc<Entry>| entry.name() == name;
        if let Ok(occupied) = Arc::make_mut(part).find_entry(hash, is_it) {
            occupied.remove();
            self.len -= 1;
        }
    }

    fn probe(&self, lower: &[u8]) -> Option<&Arc<Entry>> {
        let hash = hash(&self.hasher, lower);
        self.parts.get(part_of(hash))?.find(hash, |entry| {
            // Most zones are named in lower case, which is compared many octets at a time.
            *entry.name == *lower || entry.name.eq_ignore_ascii_case(lower)
        })
    }
}

/// The low bits choose the part; the table inside looks at the high ones first.
fn part_of(hash: u64) -> usize {
    (hash >> 24) as usize % PARTS
}

fn hash(hasher: &RandomState, lower: &[u8]) -> u64 {
    let mut hasher = hasher.build_hasher();
    hasher.write(lower);
    hasher.finish()
}

/// A name in lower case, on the stack.
struct Lower {
    octets: [u8; 255],
    len: usize,
}

impl Lower {
    fn new(name: Name<'_>) -> Self {
        let mut octets = [0; 255];
        let name = name.as_octets();
        if let Some(front) = octets.get_mut(..name.len()) {
            front.copy_from_slice(name);
            front.make_ascii_lowercase(); // lengths of labels are below every letter
        }
        Self {
            octets,
            len: name.len(),
        }
    }

    fn as_slice(&self) -> &[u8] {
        self.octets.get(..self.len).unwrap_or_default()
    }
}
