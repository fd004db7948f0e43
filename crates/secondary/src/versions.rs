//! What changed between two versions of a zone, as text.

use std::collections::HashMap;

use zonekit_model::RecordView;
use zonekit_store::Diff;
use zonekit_wire::{Record, Serial, Soa};

/// What leads from the version with the serial `from` to the one with `to`, where `steps` lead from the first; `None` if they
/// do not come by the other.
///
/// A line for each record: `-` before those that are gone, `+` before those that are new. What came and went in between is
/// not told.
pub(crate) fn difference(steps: &[Diff], from: Serial, to: Serial) -> Option<String> {
    let mut lines = Lines::default();
    let mut steps = steps.iter().flat_map(Diff::steps);
    let mut at = from;
    while at != to {
        let step = steps.next()?;
        lines.gone(&step.from);
        step.removed().for_each(|record| lines.gone(&record));
        lines.come(&step.to);
        step.added().for_each(|record| lines.come(&record));
        at = Soa::read(step.to.rdata).ok()?.serial;
    }
    let mut text = format!("; from {} to {}\n", from.0, to.0);
    lines.write('-', |count| -count, &mut text);
    lines.write('+', |count| count, &mut text);
    Some(text)
}

/// Records as lines of text, each with how many more of it there are now.
#[derive(Default)]
struct Lines {
    places: HashMap<String, usize>,
    counts: Vec<(String, i64)>,
}

impl Lines {
    fn gone(&mut self, record: &Record<'_>) {
        self.count(record, -1);
    }

    fn come(&mut self, record: &Record<'_>) {
        self.count(record, 1);
    }

    fn count(&mut self, record: &Record<'_>, more: i64) {
        let RecordView {
            owner,
            rtype,
            ttl,
            rdata,
        } = RecordView::from(*record);
        let line = format!("{owner}\t{ttl}\tIN\t{rtype}\t{rdata}\n");
        let place = *{ self.places.entry(line) }.or_insert_with_key(|line| {
            self.counts.push((line.clone(), 0));
            self.counts.len() - 1
        });
        if let Some((_, count)) = self.counts.get_mut(place) {
            *count += more;
        }
    }

    fn write(&self, mark: char, times: impl Fn(i64) -> i64, text: &mut String) {
        for (line, count) in &self.counts {
            if times(*count) > 0 {
                text.push(mark);
                text.push_str(line);
            }
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
        let check = |to: u32| difference(&steps, Serial(1), Serial(to));
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
}
