//! Versions that are whole: made durable, then visible, then told onward; as many at a time as there are.

use std::time::Instant;

use tracing::{error, info};
use zonekit_model::{Failure, Standing, ZoneName};
use zonekit_store::{Batch, Content, Generation, Publication, StoreError, Timers};

use super::{Node, in_words};
use crate::clock;
use crate::sink::Candidate;

/// A version that a visit has brought.
pub(crate) struct Edition {
    pub(crate) name: ZoneName,
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
            if !is_done {
                let published = self.store.publish(publication);
                published.map_err(|error| not_published(edition, &error))?;
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
        } = edition;
        let is_current = self.zones.within(name, *term, |_| ()).is_some();
        let expected = { generation.filter(|_| is_current) }.ok_or_else(|| Failure {
            kind: "changed".to_owned(),
            text: "the zone was removed or changed meanwhile".to_owned(),
        })?;
        let zone = candidate.zone.clone();
        let timers = self.config().timers.for_schedule().of(&zone.soa());
        let now = clock::now().as_seconds();
        Ok(Publication {
            zone: name.to_name(),
            expected,
            content: match candidate.diff.clone() {
                Some(diff) => Content::Patch { zone, diff },
                None => Content::Next(zone),
            },
            // Those of the schedule follow when the visit is over; these are for a crash until then.
            timers: Some(Timers {
                next_check: now + timers.refresh.as_secs(),
                expires_at: now + timers.expire.as_secs(),
                failures: 0,
            }),
        })
    }

    /// Has everybody know of a version that is durable and visible.
    fn published(&self, edition: &Edition) {
        let Edition {
            name,
            term,
            candidate,
            ..
        } = edition;
        let zone = &candidate.zone;
        let soa = zone.soa();
        self.schedule().took(name, &soa, Instant::now());
        let id = self.zones.within(name, *term, |charge| {
            charge.alter(|status| {
                status.serial = Some(zone.serial().0);
                status.records = zone.record_count();
                status.octets = zone.octets();
                status.standing = Standing::Current;
            });
            charge.zone.zone_id()
        });
        if let Some(id) = id {
            self.book.registry().note_records(&id, zone.record_count());
        }
        let notes = &candidate.notes;
        if *notes != zonekit_store::Notes::default() {
            info!(zone = %name, serial = zone.serial().0, ?notes, "the records were not quite in order");
        }
        self.announce(name, &soa);
        if self.config().catalog(name).is_some() {
            self.catalogs_changed.notify_one();
        }
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
