//! What changed between two versions of a zone, as text.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;
use zonekit_model::RecordView;
use zonekit_store::Diff;
use zonekit_wire::{Record, Serial, Soa};

/// How many records a difference may tell of: what is told is in memory until it is taken.
pub(crate) const MOST: usize = 500_000;

/// What leads from the version with the serial `from` to the one with `to`, where `steps` lead from the first; `None` if they
/// do not come by the other.
///
/// A line for each record: `-` before those that are gone, `+` before those that are new. What came and went in between is
/// not told.
pub(crate) fn difference(
    steps: &[Diff],
    from: Serial,
    to: Serial,
    most: usize,
) -> Result<Option<Difference>, TooMany> {
    let mut lines = Lines::default();
    let mut steps = steps.iter().flat_map(Diff::steps);
    let mut at = from;
    while at != to {
        let Some(step) = steps.next() else {
            return Ok(None);
        };
        lines.count(&step.from, -1);
        lines.count(&step.to, 1);
        for (record, more) in { step.removed().map(|record| (record, -1)) }
            .chain(step.added().map(|record| (record, 1)))
        {
            lines.count(&record, more);
            if lines.counts.len() > most {
                return Err(TooMany);
            }
        }
        let Ok(soa) = Soa::read(step.to.rdata) else {
            return Ok(None);
        };
        at = soa.serial;
    }
    let mut lines = lines.counts;
    lines.retain(|(_, count)| *count != 0);
    Ok(Some(Difference {
        head: format!("; from {} to {}\n", from.0, to.0),
        lines,
    }))
}

/// A difference tells of more records than it may.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct TooMany;

/// What changed: a text that is made as it is taken.
#[derive(Debug)]
pub(crate) struct Difference {
    head: String,
    /// Records as lines, each with how many more of it there are now.
    lines: Vec<(Arc<str>, i64)>,
}

impl Difference {
    /// Its text in pieces of so many octets or a little more.
    pub(crate) fn pieces(self, octets: usize) -> impl Iterator<Item = String> + Send {
        let Self { mut head, lines } = self;
        let mut next = 0;
        std::iter::from_fn(move || {
            let mut text = std::mem::take(&mut head);
            while text.len() < octets && next < 2 * lines.len() {
                // First those that are gone, then those that are new.
                let (mark, sign) = if next < lines.len() {
                    ('-', -1)
                } else {
                    ('+', 1)
                };
                if let Some((line, count)) = lines.get(next % lines.len())
                    && count * sign > 0
                {
                    text.push(mark);
                    text.push_str(line);
                }
                next += 1;
            }
            (!text.is_empty()).then_some(text)
        })
    }
}

/// Records as lines of text, each once, and with how many more of it there are now.
#[derive(Default)]
struct Lines {
    places: HashMap<Arc<str>, usize, RandomState>,
    counts: Vec<(Arc<str>, i64)>,
}

impl Lines {
    fn count(&mut self, record: &Record<'_>, more: i64) {
        let RecordView {
            owner,
            rtype,
            ttl,
            rdata,
        } = RecordView::from(*record);
        let line = Arc::from(format!("{owner}\t{ttl}\tIN\t{rtype}\t{rdata}\n"));
        let place = *{ self.places.entry(line) }.or_insert_with_key(|line| {
            self.counts.push((Arc::clone(line), 0));
            self.counts.len() - 1
        });
        if let Some((_, count)) = self.counts.get_mut(place) {
            *count += more;
        }
    }
}

#[cfg(test)]
mod tests {
    use zonekit_store::{Checks, Zone, ZoneBuilder, ZoneLimits};
    use zonekit_wire::{Class, NameBuf, Rtype};

    use super::*;

    fn version(serial: u8, hosts: &[u8]) -> Zone {
        let apex: NameBuf = "example".parse().unwrap();
        fn record<'r>(apex: &'r NameBuf, rtype: Rtype, rdata: &'r [u8]) -> Record<'r> {
            Record {
                owner: apex.as_name(),
                rtype,
                class: Class::IN,
                ttl: 60,
                rdata,
            }
        }
        let soa = [&[0, 0, 0, 0, 0, serial][..], &[0; 16]].concat();
        let mut builder = ZoneBuilder::new(apex.as_name(), ZoneLimits::default(), Checks::Strict);
        builder.begin(&record(&apex, Rtype::SOA, &soa)).unwrap();
        builder
            .add(&record(&apex, Rtype::NS, b"\x02ns\x00"))
            .unwrap();
        for &host in hosts {
            let rdata = [192, 0, 2, host];
            builder.add(&record(&apex, Rtype::A, &rdata)).unwrap();
        }
        builder.finish().unwrap().0
    }

    #[test]
    fn what_came_and_went_in_between_is_not_told() {
        let (one, two, three) = (version(1, &[1]), version(2, &[1, 2]), version(3, &[3]));
        let steps = [Diff::between(&one, &two), Diff::between(&two, &three)];
        let check = |to: u32| {
            let found = difference(&steps, Serial(1), Serial(to), MOST).unwrap()?;
            Some(found.pieces(65_536).collect::<String>())
        };
        let soa = |serial: u32| format!("example.\t60\tIN\tSOA\t. . {serial} 0 0 0 0\n");
        assert_eq!(
            check(2),
            Some(format!(
                "; from 1 to 2\n-{}+{}+example.\t60\tIN\tA\t192.0.2.2\n",
                soa(1),
                soa(2)
            ))
        );
        assert_eq!(
            check(3),
            Some(format!(
                "; from 1 to 3\n-{}-example.\t60\tIN\tA\t192.0.2.1\n+{}+example.\t60\tIN\tA\t192.0.2.3\n",
                soa(1),
                soa(3)
            ))
        );
        assert_eq!(check(1), Some("; from 1 to 1\n".to_owned()));
        assert_eq!(check(4), None);
    }
    #[test]
    fn a_difference_comes_in_pieces_and_has_an_end() {
        let (one, two) = (version(1, &[1, 2, 3]), version(2, &[4, 5]));
        let steps = [Diff::between(&one, &two)];
        let check = |most: usize| difference(&steps, Serial(1), Serial(2), most);
        let pieces: Vec<_> = { check(7).unwrap().unwrap() }.pieces(1).collect();
        assert_eq!(pieces.len(), 8, "{pieces:?}"); // the head, two SOA and five addresses
        let whole: Vec<_> = { check(7).unwrap().unwrap() }.pieces(65_536).collect();
        assert_eq!(whole, [pieces.concat()]);
        assert_eq!(check(6).unwrap_err(), TooMany);
    }
}
