//! What came of a visit, put into what the operator sees of the zone: status per primary and history.

use zonekit_model::{
    Failure, PrimaryOutcome, PrimaryStatus, Timestamp, TransferFigures, TransferKind, VisitCause,
    VisitOutcome, VisitRecord, ZoneStatus,
};
use zonekit_store::EditError;
use zonekit_wire::{Serial, SoaBuf};
use zonekit_xfr::{
    ErrorKind, Finished as Ended, Memory, Outcome, PrimaryReport, Report, Statistics, VisitError,
};

use crate::node::in_words;
use crate::sink::SinkError;
use crate::verify::VerifyError;

/// A visit that has ended, and everything that the status tells of it.
pub(crate) struct Finished<'r> {
    pub(crate) report: &'r Report,
    pub(crate) cause: VisitCause,
    /// The one primary that it was made to, if it was.
    pub(crate) only: Option<usize>,
    pub(crate) began: Timestamp,
    pub(crate) ended: Timestamp,
    /// The serial held when it began.
    pub(crate) from: Option<Serial>,
    /// Why the new version could not be kept here, though the primary had delivered it.
    pub(crate) unpublished: Option<Failure>,
}

impl Finished<'_> {
    /// Whether the zone is as a primary has it.
    pub(crate) fn is_good(&self) -> bool {
        self.unpublished.is_none()
            && matches!(
                self.outcome(),
                VisitOutcome::UpToDate | VisitOutcome::Transferred
            )
    }

    /// What the schedule is told of it; `soa` is of the version that is held now.
    pub(crate) fn how<'s>(&self, soa: Option<&'s SoaBuf>) -> Ended<'s> {
        let Some(soa) = soa.filter(|_| self.is_good()) else {
            return Ended::Failed;
        };
        let expires = self.report.expires(soa.serial);
        match self.report.outcome {
            Outcome::Transferred { .. } => Ended::Taken { soa, expires },
            Outcome::Confirmed { .. } => Ended::Confirmed { soa, expires },
            _ => Ended::Current { soa, expires },
        }
    }

    /// The serial that a primary offers and does not deliver, while another confirms the one held.
    pub(crate) fn undelivered(&self) -> Option<Serial> {
        match self.report.outcome {
            Outcome::Confirmed { offered } => Some(offered),
            _ => None,
        }
    }

    pub(crate) fn outcome(&self) -> VisitOutcome {
        match self.report.outcome {
            _ if self.unpublished.is_some() => VisitOutcome::Failed,
            Outcome::UpToDate | Outcome::Confirmed { .. } => VisitOutcome::UpToDate,
            Outcome::Transferred { .. } => VisitOutcome::Transferred,
            Outcome::NotTaken => VisitOutcome::NotTaken,
            Outcome::Failed => VisitOutcome::Failed,
        }
    }

    /// What was transferred, if a new version was published.
    pub(crate) fn figures(&self) -> Option<TransferFigures> {
        let Outcome::Transferred { serial, .. } = self.report.outcome else {
            return None;
        };
        let transfer = self
            .report
            .transfer()
            .filter(|_| self.unpublished.is_none())?;
        Some(figures(&transfer.statistics, serial, self.ended))
    }

    /// What went wrong: here, or at the first primary that failed.
    pub(crate) fn failure(&self) -> Option<Failure> {
        let here = self.unpublished.clone();
        here.or_else(|| self.errors().next().map(failure))
    }

    /// What went wrong at the primaries that it was made to.
    pub(crate) fn errors(&self) -> impl Iterator<Item = &VisitError> {
        self.visited()
            .filter_map(|(_, report)| report.error.as_ref())
    }

    /// The primaries that it was made to, each with its place.
    fn visited(&self) -> impl Iterator<Item = (usize, &PrimaryReport)> {
        let all = self.report.primaries.iter().enumerate();
        all.filter(|(index, _)| self.only.is_none_or(|only| only == *index))
    }

    /// What the next visit should know. A version that was not kept here has come from nobody.
    pub(crate) fn memory(&self, before: &[Memory]) -> Vec<Memory> {
        let mut memory = self.report.memory.clone();
        let is_taken = matches!(self.report.outcome, Outcome::Transferred { .. });
        if is_taken && self.unpublished.is_some() {
            for (memory, before) in memory.iter_mut().zip(before) {
                memory.gave = before.gave;
            }
        }
        memory
    }

    /// Enters the visit into the status of its zone, whose primaries must be those of the visit; gives what its history is
    /// to tell.
    pub(crate) fn enter(&self, status: &mut ZoneStatus) -> VisitRecord {
        let taken_from = match self.report.outcome {
            Outcome::Transferred { primary, .. } => Some(primary),
            _ => None,
        };
        for (index, (entry, report)) in status
            .primaries
            .iter_mut()
            .zip(&self.report.primaries)
            .enumerate()
        {
            if self.only.is_some_and(|only| only != index) {
                continue;
            }
            let figures = self.figures().filter(|_| taken_from == Some(index));
            self.enter_primary(entry, report, figures);
        }
        status.last_check = Some(self.ended);
        if self.is_good() {
            status.last_success = Some(self.ended);
            status.failures = 0;
        } else {
            status.failures = status.failures.saturating_add(1);
        }
        let decisive = taken_from.or_else(|| {
            let mut visited = self.visited();
            let found = visited.find(|(_, report)| report.error.is_some() != self.is_good());
            found.map(|(index, _)| index)
        });
        let primary = decisive.and_then(|index| self.report.primaries.get(index));
        VisitRecord {
            at: self.began,
            duration: self.ended.since(self.began),
            cause: self.cause,
            outcome: self.outcome(),
            from: self.from.map(|serial| serial.0),
            to: match self.figures() {
                Some(figures) => Some(figures.serial),
                None => self.from.map(|serial| serial.0),
            },
            primary: primary.map(|primary| primary.address),
            transfer: self.figures(),
            failure: self.failure(),
            clear_text: { self.visited() }.any(|(_, report)| report.clear_text.is_some()),
        }
    }

    /// Whether nobody was asked, since all primaries were out of reach for other zones a moment ago.
    pub(crate) fn is_unasked(&self) -> bool {
        let mut visited = self.visited();
        visited.all(|(_, primary)| matches!(primary.error, Some(VisitError::OutOfReach)))
    }

    fn enter_primary(
        &self,
        entry: &mut PrimaryStatus,
        report: &PrimaryReport,
        figures: Option<TransferFigures>,
    ) {
        let is_not_asked = matches!(report.error, Some(VisitError::OutOfReach));
        if is_not_asked && entry.failure.is_some() {
            entry.outcome = PrimaryOutcome::Error;
            return; // what it failed by when it was asked says more
        }
        if !is_not_asked {
            entry.last_check = Some(self.ended);
        }
        if report.is_reached == Some(true) {
            entry.clear_text = report.clear_text.map(|why| in_words(&why));
        }
        if let Some(serial) = report.serial() {
            entry.serial = Some(serial.0);
        }
        match &report.error {
            Some(error) => {
                entry.outcome = PrimaryOutcome::Error;
                entry.failure = Some(failure(error));
            }
            None => {
                entry.outcome = PrimaryOutcome::Ok;
                entry.failure = None;
                entry.last_success = Some(self.ended);
            }
        }
        if let Some(figures) = figures {
            entry.transfer = Some(figures);
        }
    }
}

/// A visit's error in the words of the status: the mnemonic of RFC 8945 where a signature is the matter, and a kind of
/// its own where the zone's digest or a contract's quota is. A limit is called what the configuration calls it.
pub(crate) fn failure(error: &VisitError) -> Failure {
    let sink_error = match error {
        VisitError::Rejected(error) => error.downcast_ref(),
        _ => None,
    };
    let limit = sink_error.and_then(limit);
    let kind = match (error, sink_error) {
        (
            VisitError::Answer {
                error: zonekit_xfr::AnswerError::Tsig(tsig),
                ..
            },
            _,
        ) => tsig.kind(),
        (_, Some(SinkError::Zonemd(_))) => "zonemd",
        (_, Some(SinkError::Quota(_))) => "quota",
        (_, Some(SinkError::Verify(_))) => VerifyError::KIND,
        _ if limit.is_some() => ErrorKind::Limit.as_str(),
        _ => error.kind().as_str(),
    };
    let text = match sink_error {
        Some(SinkError::Verify(error)) => in_words(error), // it says by itself who has rejected the version
        _ => error.in_words(),
    };
    Failure {
        kind: kind.to_owned(),
        text: match limit {
            Some(limit) => format!("{text} ({limit})"),
            None => text,
        },
    }
}

/// The entry of `[limits]` that a zone's content is over.
fn limit(error: &SinkError) -> Option<&'static str> {
    let SinkError::Edit(error) = error else {
        return None;
    };
    match error {
        EditError::TooManyOctets { .. } => Some("max_zone_octets"),
        EditError::TooManyRecords { .. } => Some("max_zone_records"),
        EditError::TooManyRecordsInRrset { .. } => Some("max_records_per_rrset"),
        EditError::TooManyTypes { .. } => Some("max_types_per_name"),
        _ => None,
    }
}

fn figures(statistics: &Statistics, serial: Serial, at: Timestamp) -> TransferFigures {
    TransferFigures {
        kind: match statistics.kind {
            zonekit_xfr::TransferKind::Axfr => TransferKind::Axfr,
            zonekit_xfr::TransferKind::Ixfr => TransferKind::Ixfr,
        },
        serial: serial.0,
        at,
        octets: statistics.octets,
        messages: statistics.messages,
        records: statistics.records,
        duration: u64::try_from(statistics.duration.as_millis()).unwrap_or(u64::MAX),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use zonekit_store::{Checks, ZoneBuilder};
    use zonekit_wire::{Class, NameBuf, Record, Rtype};

    use super::*;
    use crate::Limits;

    /// What the status says of a zone with an SOA, two TXT records and an NS at its apex under these limits.
    fn check(limits: Limits, text: &str) {
        let apex: NameBuf = "example.org".parse().unwrap();
        let record = |rtype, rdata| Record {
            owner: apex.as_name(),
            rtype,
            class: Class::IN,
            ttl: 60,
            rdata,
        };
        let soa = [&[0, 0][..], &[0, 0, 0, 7], &[0; 16]].concat();
        let builder = ZoneBuilder::new(apex.as_name(), limits.for_zones(), Checks::Strict);
        let records = [
            (Rtype::NS, &b"\x02ns\0"[..]),
            (Rtype::TXT, b"\x01a"),
            (Rtype::TXT, b"\x01b"),
        ];
        let build = |mut builder: ZoneBuilder| {
            builder.begin(&record(Rtype::SOA, &soa))?;
            for (rtype, rdata) in records {
                builder.add(&record(rtype, rdata))?;
            }
            builder.finish().map(drop)
        };
        let error: SinkError = build(builder).unwrap_err().into();
        let failure = failure(&VisitError::Rejected(Arc::new(error)));
        assert_eq!(
            (failure.kind.as_str(), failure.text.as_str()),
            ("limit", text)
        );
    }

    #[test]
    fn what_a_zone_may_hold_is_called_what_the_configuration_calls_it() {
        let limits = Limits::default();
        check(
            Limits {
                max_zone_octets: 30,
                ..limits
            },
            "rejected: zone has more than 30 octets (max_zone_octets)",
        );
        check(
            Limits {
                max_zone_records: 3,
                ..limits
            },
            "rejected: zone has more than 3 records (max_zone_records)",
        );
        check(
            Limits {
                max_records_per_rrset: 1,
                ..limits
            },
            "rejected: example.org. TXT has more than 1 records (max_records_per_rrset)",
        );
        check(
            Limits {
                max_types_per_name: 2,
                ..limits
            },
            "rejected: example.org. has more than 2 types (max_types_per_name)",
        );
    }
}
