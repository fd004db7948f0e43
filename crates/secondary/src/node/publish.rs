//! Versions that are whole: made durable, then visible, then told onward; as many at a time as there are.

use std::time::Instant;

use tracing::{error, info};
use zonekit_model::{Failure, Standing, ZoneId, ZoneName};
use zonekit_store::{Batch, Content, Generation, Publication, StoreError, Timers};

use super::{Node, in_words};
use crate::clock;
use crate::sink::Candidate;

/// A version that a visit has brought.
pub(crate) struct Edition {
    pub(crate) name: ZoneName,
    /// Which zone of that name.
    pub(crate) id: ZoneId,
    /// The term of the zone's settings that it belongs to.
    pub(crate) term: u64,
    /// What it follows.
    pub(crate) generation: Option<Generation>,
    pub(crate) candidate: Candidate,
}

impl Node {
    /// Publishes versions of different zones, in one commit if that can be; one that cannot be published leaves the others
    /// alone. Waits for the disk.
    pub(crate) fn publish(&self, editions: &[Edition]) -> Vec<Result<(), Failure>> {
        self.note_time();
        let publications = { editions.iter() }.map(|edition| self.publication(edition));
        let publications: Vec<_> = publications.collect();
        let mut batch = Batch::new();
        for publication in publications.iter().flatten() {
            batch.publish(publication.clone());
        }
        let has_several = publications.iter().flatten().count() > 1;
        let is_done = has_several && self.store.commit(batch).is_ok();
        let results = { editions.iter().zip(publications) }.map(|(edition, publication)| {
            let publication = publication?;
            if !is_done && let Err(error) = self.store.publish(publication) {
                self.count_records(edition); // those of the version before are there, not those that were reserved
                return Err(not_published(edition, &error));
            }
            self.published(edition);
            Ok(())
        });
        results.collect()
    }

    fn publication(&self, edition: &Edition) -> Result<Publication, Failure> {
        let Edition {
            name,
            term,
            generation,
            candidate,
            ..
        } = edition;
        let is_current = self.zones.within(name, *term, |_| ()).is_some();
        let expected = { generation.filter(|_| is_current) }.ok_or_else(|| Failure {
            kind: "changed".to_owned(),
            text: "the zone was removed or changed meanwhile".to_owned(),
        })?;
        let zone = candidate.zone.clone();
        // Many zones of a contract may have come so far at the same time: each finds what the others leave.
        let reserved = { self.book.registry() }.reserve_records(&edition.id, zone.record_count());
        reserved.map_err(|refusal| Failure {
            kind: "quota".to_owned(),
            text: format!("not kept here: {refusal}"),
        })?;
        let soa = zone.soa();
        let timers = self.config().timers.for_schedule().of(&soa);
        let refresh = self.schedule().refresh(name, &soa);
        let now = clock::now().as_seconds();
        Ok(Publication {
            zone: name.to_name(),
            expected,
            content: match candidate.diff.clone() {
                Some(diff) => Content::Patch { zone, diff },
                None => Content::Next(zone),
            },
            // As the schedule will have them when the visit is over, unless it finds out more.
            timers: Some(Timers {
                next_check: now + refresh.unwrap_or(timers.refresh).as_secs(),
                expires_at: now + timers.expire.as_secs(),
                failures: 0,
            }),
        })
    }

    /// Has everybody know of a version that is durable and visible. Whether the settings are others by now makes no
    /// difference to that: what is served is what is told.
    fn published(&self, edition: &Edition) {
        let Edition {
            name,
            id,
            candidate,
            ..
        } = edition;
        let zone = &candidate.zone;
        let soa = zone.soa();
        self.schedule().took(name, &soa, Instant::now());
        self.zones.with(name, |charge| {
            // With the table in hand: of two versions that follow each other, the later one is told last.
            let served = { self.version(name) }.filter(|_| charge.zone.zone_id() == *id);
            let Some(served) = served else {
                return; // removed a moment ago
            };
            if charge.brief().standing == Standing::Expired {
                self.note_standing(name, Standing::Current, 0); // it may have been noted a moment ago that it is not
            }
            charge.alter(|status| {
                status.serial = Some(served.serial().0);
                status.records = served.record_count();
                status.octets = served.octets();
                status.standing = Standing::Current;
            });
        });
        self.count_records(edition);
        let notes = &candidate.notes;
        if *notes != zonekit_store::Notes::default() {
            info!(zone = %name, serial = zone.serial().0, ?notes, "the records were not quite in order");
        }
        self.announce(name, &soa);
        if self.config().catalog(name).is_some() {
            self.catalogs_changed.notify_one();
        }
    }

    /// Has the quota know how many records a zone holds.
    fn count_records(&self, edition: &Edition) {
        let mut registry = self.book.registry();
        let held = { self.version(&edition.name) }.map_or(0, |version| version.record_count());
        registry.note_records(&edition.id, held);
    }
}

fn not_published(edition: &Edition, error: &StoreError) -> Failure {
    error!(zone = %edition.name, error = in_words(error), "not published: the version before stays");
    let kind = match error {
        StoreError::Storage(failure) if failure.is_disk_full() => "disk full",
        StoreError::Conflict { .. } | StoreError::NoSuchZone(_) => "changed",
        _ => "store",
    };
    Failure {
        kind: kind.to_owned(),
        text: format!("not kept here: {}", in_words(error)),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tempfile::TempDir;
    use zonekit_model::Contract;
    use zonekit_store::{Checks, Notes, ZoneBuilder, ZoneLimits};
    use zonekit_wire::NameBuf;

    use super::*;
    use crate::Config;

    /// A node with these zones, which nobody visits.
    fn node(directory: &TempDir, tables: &str, zones: &[&str]) -> Arc<Node> {
        let text = zones.iter().fold(
            format!("data_dir = \"var\"\n[dns]\nlisten = [\"127.0.0.1:0\"]\n{tables}"),
            |text, zone| {
                format!("{text}[[zone]]\nname = \"{zone}\"\ncontract = \"tests\"\nprimaries = [{{ address = \"127.0.0.1\" }}]\n")
            },
        );
        let config = Config::parse(&text, &directory.path().join("secondary.toml")).unwrap();
        Node::open(config).unwrap()
    }

    /// A version of four records that a visit under the settings of now has brought.
    fn edition(node: &Node, zone: &str, serial: u32) -> Edition {
        let (name, apex): (ZoneName, NameBuf) = (zone.parse().unwrap(), zone.parse().unwrap());
        let mut builder = ZoneBuilder::new(apex.as_name(), ZoneLimits::default(), Checks::Strict);
        let records = zonekit_script::axfr_of(&apex, serial, &zonekit_script::WHOLE);
        builder.begin(&records[0].as_record()).unwrap();
        for record in &records[1..4] {
            builder.add(&record.as_record()).unwrap();
        }
        let settings = |charge: &mut crate::charge::Charge| (charge.zone.zone_id(), charge.term);
        let (id, term) = node.zones.with(&name, settings).unwrap();
        Edition {
            id,
            term,
            generation: node.held(&name).map(|held| held.generation),
            candidate: Candidate {
                zone: builder.finish().unwrap().0,
                diff: None,
                notes: Notes::default(),
            },
            name,
        }
    }

    fn records_of(node: &Node) -> u64 {
        let contract: Contract = "tests".parse().unwrap();
        node.book.registry().quota(&contract).usage.records
    }

    #[tokio::test]
    async fn what_is_served_is_told_though_the_settings_changed_while_it_was_kept() {
        let directory = tempfile::tempdir().unwrap();
        let node = node(&directory, "", &["example.org"]);
        let edition = edition(&node, "example.org", 7);
        let publication = node.publication(&edition).unwrap();
        node.store.publish(publication).unwrap();
        node.zones.with(&edition.name, |charge| charge.call_off());
        node.published(&edition);
        let status = node.zones.status(&edition.name).unwrap();
        let told = (status.serial, status.records, status.standing);
        assert_eq!(told, (Some(7), 4, Standing::Current));
        assert_eq!(records_of(&node), 4);
    }

    #[tokio::test]
    async fn zones_that_come_together_share_what_their_contract_may_have() {
        let directory = tempfile::tempdir().unwrap();
        let names = ["a.example", "b.example", "c.example"];
        let node = node(&directory, "[quota]\nrecords = 8\n", &names);
        let mut editions = names.map(|name| edition(&node, name, 7));
        let results = node.publish(&editions);
        let kinds = |results: Vec<Result<(), Failure>>| {
            let kind = |result: Result<(), Failure>| result.map_err(|failure| failure.kind);
            results.into_iter().map(kind).collect::<Vec<_>>()
        };
        let quota = || Err("quota".to_owned());
        assert_eq!(kinds(results), [Ok(()), Ok(()), quota()]);
        assert_eq!(records_of(&node), 8);

        // What is not kept gives back what it would have taken.
        let name = &editions[1].name;
        node.store.remove_zone(name.to_name().as_name()).unwrap();
        editions[1].generation = Some(Generation::default());
        assert_eq!(
            kinds(node.publish(&editions[1..2])),
            [Err("changed".to_owned())]
        );
        assert_eq!(records_of(&node), 4);
        assert_eq!(kinds(node.publish(&editions[2..])), [Ok(())]);
    }
}
