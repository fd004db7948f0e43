//! Several differences as one step.

use std::collections::HashMap;

use zonekit_wire::Record;

use crate::Diff;
use crate::diff::{ADDED, DiffWriter, FROM, REMOVED, TO};

impl Diff {
    /// Differences that follow one another, as one of one step: what goes and comes back on the way, or comes and goes, is
    /// left out. None if there are none, or one does not start where the one before ends.
    ///
    /// This is what [RFC 1995 §5] calls condensation. It leads to the same version, record by record and octet by octet, and
    /// past all those between. Costs time and memory as the differences have records.
    ///
    /// [RFC 1995 §5]: https://www.rfc-editor.org/rfc/rfc1995#section-5
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
    all: Vec<Option<(u8, Record<'d>)>>,
    /// Where the change to a record is: spelled otherwise, or with another TTL, it is another record.
    places: HashMap<Exactly<'d>, usize>,
}

/// Owner, type, TTL, RDATA.
type Exactly<'d> = (&'d [u8], u16, u32, &'d [u8]);

impl<'d> Changes<'d> {
    /// Adds a change, or takes its contrary back.
    fn note(&mut self, tag: u8, record: Record<'d>) {
        let key = (
            record.owner.as_octets(),
            record.rtype.0,
            record.ttl,
            record.rdata,
        );
        let place = self.places.remove(&key);
        let before = place.and_then(|place| self.all.get_mut(place)?.take());
        if before.is_none_or(|(before, _)| before == tag) {
            self.places.insert(key, self.all.len());
            self.all.push(Some((tag, record)));
        }
    }

    fn write(&self, tag: u8, out: &mut DiffWriter) {
        for (_, record) in self.all.iter().flatten().filter(|(this, _)| *this == tag) {
            out.push(tag, *record);
        }
    }
}
