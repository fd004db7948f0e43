//! What is in order and counted: the thousandth of a hundred thousand is found without passing by those before it.

/// Entries that lie side by side, at most.
const PAGE: usize = 256;

/// A map in the order of its keys, in pages whose lengths are added up to find a place. With a hundred thousand entries that
/// is four hundred additions.
#[derive(Debug)]
pub(crate) struct Ranked<K, V> {
    /// None of them empty.
    pages: Vec<Vec<(K, V)>>,
    len: usize,
}

impl<K, V> Default for Ranked<K, V> {
    fn default() -> Self {
        Self {
            pages: Vec::new(),
            len: 0,
        }
    }
}

impl<K: Ord, V> Ranked<K, V> {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Puts a value in its place, in that of the one of the same key if there is one.
    pub(crate) fn insert(&mut self, key: K, value: V) {
        let index = self.page_of(&key);
        let is_last = index + 1 >= self.pages.len();
        let Some(page) = self.pages.get_mut(index) else {
            self.pages.push(vec![(key, value)]);
            self.len = 1;
            return;
        };
        match page.binary_search_by(|(other, _)| other.cmp(&key)) {
            Ok(place) => {
                if let Some((_, held)) = page.get_mut(place) {
                    *held = value;
                }
                return;
            }
            // What comes in order leaves full pages behind.
            Err(place) if is_last && place == PAGE => self.pages.push(vec![(key, value)]),
            Err(place) => {
                page.insert(place, (key, value));
                if page.len() > PAGE {
                    let behind = page.split_off(PAGE / 2);
                    page.shrink_to_fit();
                    self.pages.insert(index + 1, behind);
                }
            }
        }
        self.len += 1;
    }

    pub(crate) fn remove(&mut self, key: &K) {
        let index = self.page_of(key);
        let Some(page) = self.pages.get_mut(index) else {
            return;
        };
        if let Ok(place) = page.binary_search_by(|(other, _)| other.cmp(key)) {
            page.remove(place);
            self.len -= 1;
            if page.is_empty() {
                self.pages.remove(index);
            }
        }
    }

    /// How many keys are less than this one.
    pub(crate) fn rank(&self, key: &K) -> usize {
        self.count(key, |other, key| other < key)
    }

    /// How many keys are not greater.
    pub(crate) fn rank_behind(&self, key: &K) -> usize {
        self.count(key, |other, key| other <= key)
    }

    /// All values in order but for that many.
    pub(crate) fn from(&self, rank: usize) -> impl Iterator<Item = &V> {
        let (index, place) = self.place(rank);
        let values = self.pages.get(index..).unwrap_or_default();
        { values.iter().flatten() }
            .skip(place)
            .map(|(_, value)| value)
    }

    /// That many values, the last first.
    pub(crate) fn back_from(&self, rank: usize) -> impl Iterator<Item = &V> {
        let (index, place) = self.place(rank);
        let here = self.pages.get(index).and_then(|page| page.get(..place));
        let here = here.unwrap_or_default().iter().rev();
        let before = self.pages.get(..index).unwrap_or_default();
        { here.chain(before.iter().rev().flat_map(|page| page.iter().rev())) }
            .map(|(_, value)| value)
    }

    fn count(&self, key: &K, is_before: impl Fn(&K, &K) -> bool) -> usize {
        let index = self.page_of(key);
        let before = self.pages.get(..index).unwrap_or_default();
        let here = self.pages.get(index).map_or(0, |page| {
            page.partition_point(|(other, _)| is_before(other, key))
        });
        before.iter().map(Vec::len).sum::<usize>() + here
    }

    /// The page in which a key is, or would be.
    fn page_of(&self, key: &K) -> usize {
        let begins = |page: &Vec<(K, V)>| page.first().is_some_and(|(first, _)| first <= key);
        self.pages.partition_point(begins).saturating_sub(1)
    }

    /// The page in which the entry is that has that many before it, and how many are before it there.
    fn place(&self, rank: usize) -> (usize, usize) {
        let mut left = rank;
        for (index, page) in self.pages.iter().enumerate() {
            if left < page.len() {
                return (index, left);
            }
            left -= page.len();
        }
        (self.pages.len(), 0)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn every_place_is_that_of_a_map() {
        let (mut ranked, mut map) = (Ranked::default(), BTreeMap::new());
        // In order, then between those, then some taken out again.
        let keys = (0..2_000_u32).map(|n| n * 10);
        let between = (0..3_000_u32).map(|n| n * 7_919 % 20_011);
        for (number, key) in keys.chain(between).enumerate() {
            ranked.insert(key, number);
            map.insert(key, number);
        }
        for key in (0..21_000).filter(|key| key % 3 == 0 || (5_000..9_000).contains(key)) {
            ranked.remove(&key);
            map.remove(&key);
        }
        let all: Vec<_> = map.iter().collect();
        assert_eq!(ranked.len(), all.len());
        for rank in (0..=all.len() + 1).step_by(7) {
            let three =
                |values: Vec<&usize>| values.into_iter().take(3).copied().collect::<Vec<_>>();
            let behind = all.iter().skip(rank).map(|(_, value)| *value).collect();
            assert_eq!(three(ranked.from(rank).take(3).collect()), three(behind));
            let before = all
                .iter()
                .take(rank)
                .rev()
                .map(|(_, value)| *value)
                .collect();
            assert_eq!(
                three(ranked.back_from(rank).take(3).collect()),
                three(before)
            );
        }
        for key in (0..21_000).step_by(11) {
            assert_eq!(ranked.rank(&key), map.range(..key).count());
            assert_eq!(ranked.rank_behind(&key), map.range(..=key).count());
        }
    }

    #[test]
    fn of_nothing_there_is_nothing() {
        let mut ranked: Ranked<u32, ()> = Ranked::default();
        ranked.remove(&1);
        assert_eq!(
            (
                ranked.len(),
                ranked.from(0).count(),
                ranked.back_from(0).count()
            ),
            (0, 0, 0)
        );
        ranked.insert(1, ());
        ranked.remove(&1);
        assert_eq!(
            (ranked.len(), ranked.rank(&1), ranked.from(0).count()),
            (0, 0, 0)
        );
    }
}
