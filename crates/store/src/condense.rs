//! Several differences as one step.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use zonekit_wire::{Record, rdata};

use crate::Diff;
use crate::diff::{ADDED, DiffWriter, FROM, REMOVED, TO};

impl Diff {
    /// Differences that follow one another, as one of one step: what goes and comes back on the way, or comes and goes, is
    /// left out. None if there are none, or one does not start where the one before ends.
    ///
    /// This is what [RFC 1995 §5] calls condensation. It leads to the same version, record by record, and past all those
    /// between. Letters may differ in case where a removal spelled a name otherwise than the version had it, and TTLs in
    /// an RRset that was ever sent with several at once, against [RFC 2181 §5.2]. Costs time and memory as the differences
    /// have records.
    ///
    /// [RFC 1995 §5]: https://www.rfc-editor.org/rfc/rfc1995#section-5
    /// [RFC 2181 §5.2]: https://www.rfc-editor.org/rfc/rfc2181#section-5.2
    pub fn condensed(differences: &[Self]) -> Option<Self> {
        let (first, last) = (differences.first()?, differences.last()?);
        let follow = |pair: &[Self]| matches!(pair, [a, b] if a.to() == b.from());
        if !differences.windows(2).all(follow) {
            return None;
        }
        let mut changes = Changes::default();
        let items = differences.iter().flat_map(Self::items);
        for (tag, record) in items.filter(|(tag, _)| matches!(*tag, REMOVED | ADDED)) {
            changes.note(tag, record);
        }
        let mut whole = DiffWriter::new();
        whole.push(FROM, first.items().next()?.1);
        changes.write(REMOVED, &mut whole);
        whole.push(TO, last.items().filter(|(tag, _)| *tag == TO).last()?.1);
        changes.write(ADDED, &mut whole);
        Some(whole.finish())
    }
}

/// What remains of the changes so far, in the order in which they came.
#[derive(Default)]
struct Changes<'d> {
    removed: Vec<Option<Record<'d>>>,
    added: Vec<Option<Record<'d>>>,
    /// Where the changes to a record are.
    places: BTreeMap<Same<'d>, Places>,
}

/// Of one record. Both where it comes back otherwise than it went.
#[derive(Default)]
struct Places {
    removed: Option<usize>,
    added: Option<usize>,
}

impl<'d> Changes<'d> {
    /// Adds a change, or takes its contrary back.
    fn note(&mut self, tag: u8, record: Record<'d>) {
        let places = self.places.entry(Same(record)).or_default();
        if tag == REMOVED {
            match places.added.take() {
                Some(place) => self.added[place] = None,
                None => places.removed = Some(put(&mut self.removed, record)),
            }
            return;
        }
        let went = places.removed.and_then(|place| self.removed[place]);
        if went.is_some_and(|went| is_spelled_alike(&went, &record)) {
            let place = places.removed.take();
            place
                .into_iter()
                .for_each(|place| self.removed[place] = None);
        } else {
            places.added = Some(put(&mut self.added, record));
        }
    }

    fn write(&self, tag: u8, out: &mut DiffWriter) {
        let all = if tag == REMOVED {
            &self.removed
        } else {
            &self.added
        };
        for record in all.iter().flatten() {
            out.push(tag, *record);
        }
    }
}

fn put<'d>(all: &mut Vec<Option<Record<'d>>>, record: Record<'d>) -> usize {
    all.push(Some(record));
    all.len() - 1
}

/// To the letter, and with the same TTL.
fn is_spelled_alike(a: &Record<'_>, b: &Record<'_>) -> bool {
    (a.ttl, a.rdata, a.owner.as_octets()) == (b.ttl, b.rdata, b.owner.as_octets())
}

/// A record as whoever removes it names it: its TTL does not count, nor the case of names.
struct Same<'d>(Record<'d>);

impl Ord for Same<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        let (a, b) = (&self.0, &other.0);
        (a.owner, a.rtype.0)
            .cmp(&(b.owner, b.rtype.0))
            .then_with(|| rdata::cmp_without_case(a.rtype, a.rdata, b.rdata))
    }
}

impl PartialOrd for Same<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Same<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Same<'_> {}
