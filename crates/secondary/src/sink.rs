//! Where the records of a transfer go: into a new zone, or into a patch of the one held.
//!
//! Nothing of it is seen by anybody before the transfer is whole, and the zone's command has taken it. Then the finished
//! version is handed to whoever waits for it, at once: a visit may go on for a while, asking other primaries.

use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::oneshot;
use tokio::task::block_in_place;
use zonekit_model::{ZoneName, ZonemdPolicy};
use zonekit_store::{
    Checks, Diff, EditError, Notes, Zone, ZoneBuilder, ZoneLimits, ZonePatch, ZonemdError,
};
use zonekit_wire::{NameBuf, Unpacked};
use zonekit_xfr::{Apply, Change};

use crate::config::Verify;
use crate::verify::{VerifyError, verify};

/// What a transfer made of the zone, not yet kept or served.
pub(crate) struct Candidate {
    pub(crate) zone: Zone,
    /// The way from the version held, if the transfer told it.
    pub(crate) diff: Option<Diff>,
    pub(crate) notes: Notes,
}

/// Takes the changes of one visit.
pub(crate) struct Sink<Q> {
    apex: NameBuf,
    held: Option<Zone>,
    limits: ZoneLimits,
    checks: Checks,
    zonemd: ZonemdPolicy,
    /// Says whether the contract may have a zone of that many records.
    quota: Q,
    edit: Edit,
    /// The command that has the last word, and what it knows the zone by.
    hook: Option<(Verify, ZoneName)>,
    /// What it is to judge.
    whole: Option<Candidate>,
    finished: Option<oneshot::Sender<Candidate>>,
}

enum Edit {
    None,
    Whole(Box<ZoneBuilder>),
    Steps(Box<ZonePatch>),
}

/// Why a change is not made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SinkError {
    /// The content is not that of a zone, or differences do not fit the version held.
    #[error(transparent)]
    Edit(#[from] EditError),
    /// The contract's quota.
    #[error(transparent)]
    Quota(#[from] zonekit_model::Refusal),
    /// The zone has to prove itself whole and does not.
    #[error(transparent)]
    Zonemd(#[from] ZonemdError),
    /// The zone's command does not take it.
    #[error(transparent)]
    Verify(#[from] VerifyError),
    /// The changes come in no order that a transfer has.
    #[error("changes without a beginning")]
    OutOfOrder,
}

impl<Q: FnMut(u64) -> Result<(), zonekit_model::Refusal>> Sink<Q> {
    /// A sink for a visit that holds `held`; the finished version comes out of the receiver, if one is finished.
    pub(crate) fn new(
        apex: NameBuf,
        held: Option<Zone>,
        limits: ZoneLimits,
        checks: Checks,
        zonemd: ZonemdPolicy,
        quota: Q,
    ) -> (Self, oneshot::Receiver<Candidate>) {
        let (finished, candidate) = oneshot::channel();
        let sink = Self {
            apex,
            held,
            limits,
            checks,
            zonemd,
            quota,
            edit: Edit::None,
            hook: None,
            whole: None,
            finished: Some(finished),
        };
        (sink, candidate)
    }

    /// The same, where a command has the last word.
    pub(crate) fn verified_by(mut self, hook: Option<(Verify, ZoneName)>) -> Self {
        self.hook = hook;
        self
    }

    fn finish(&mut self) -> Result<(), SinkError> {
        let candidate = match std::mem::replace(&mut self.edit, Edit::None) {
            Edit::Whole(builder) => {
                let (zone, notes) = builder.finish()?;
                Candidate {
                    zone,
                    diff: None,
                    notes,
                }
            }
            Edit::Steps(patch) => {
                let (zone, diff, notes) = patch.finish()?;
                Candidate {
                    zone,
                    diff: Some(diff),
                    notes,
                }
            }
            Edit::None => return Err(SinkError::OutOfOrder),
        };
        (self.quota)(candidate.zone.record_count())?;
        prove(&candidate.zone, self.zonemd)?;
        match self.hook {
            Some(_) => self.whole = Some(candidate),
            None => self.hand_over(candidate),
        }
        Ok(())
    }

    fn hand_over(&mut self, candidate: Candidate) {
        if let Some(finished) = self.finished.take() {
            // Nobody waits any more when the visit was called off; then the version goes as if it had never come.
            let _ = finished.send(candidate);
        }
    }
}

impl<Q: FnMut(u64) -> Result<(), zonekit_model::Refusal> + Send> Apply for Sink<Q> {
    type Error = SinkError;

    fn apply(&mut self, change: Change<'_>) -> Result<(), SinkError> {
        match (change, &mut self.edit) {
            (Change::UpToDate, _) => {}
            (Change::Add(record), Edit::Whole(builder)) => builder.add(&record)?,
            (Change::Add(record), Edit::Steps(patch)) => patch.add(&record)?,
            (Change::Remove(record), Edit::Steps(patch)) => patch.remove(&record)?,
            (Change::Reach(record), Edit::Steps(patch)) => patch.reach(&record)?,
            (Change::Step(record), Edit::Steps(patch)) => patch.step(&record)?,
            (Change::Step(record), Edit::None) => {
                let held = self.held.as_ref().ok_or(SinkError::OutOfOrder)?;
                let mut patch = ZonePatch::new(held, self.limits, self.checks);
                patch.step(&record)?;
                self.edit = Edit::Steps(Box::new(patch));
            }
            (Change::Replace(record), _) => {
                let mut builder = ZoneBuilder::new(self.apex.as_name(), self.limits, self.checks);
                if let Some(held) = &self.held {
                    builder = builder.sharing(held);
                }
                builder.begin(&record)?;
                self.edit = Edit::Whole(Box::new(builder));
            }
            (Change::Commit, _) => self.finish()?,
            _ => return Err(SinkError::OutOfOrder),
        }
        Ok(())
    }

    #[inline]
    fn add(&mut self, unpacked: &Unpacked<'_>) -> Result<(), SinkError> {
        match &mut self.edit {
            Edit::Whole(builder) if unpacked.is_same_owner => {
                Ok(builder.add_beside(&unpacked.record)?)
            }
            Edit::Whole(builder) => Ok(builder.add_keyed(&unpacked.record, unpacked.sort_key)?),
            _ => self.apply(Change::Add(unpacked.record)),
        }
    }

    async fn judge(&mut self) -> Result<(), SinkError> {
        let Some(candidate) = self.whole.take() else {
            return Ok(());
        };
        if let Some((hook, name)) = &self.hook {
            let held = self.held.as_ref().map(Zone::serial);
            verify(hook, name, held, &candidate).await?;
        }
        self.hand_over(candidate);
        Ok(())
    }

    fn abandon(&mut self) {
        self.edit = Edit::None;
    }
}

/// Holds a version against its own digest, if its settings ask for that.
fn prove(zone: &Zone, policy: ZonemdPolicy) -> Result<(), ZonemdError> {
    if policy == ZonemdPolicy::Off {
        return Ok(());
    }
    // Reads the whole zone. Where there are other threads, what waits for this one goes on there.
    let flavor = Handle::try_current().map(|runtime| runtime.runtime_flavor());
    let verdict = match flavor {
        Ok(RuntimeFlavor::MultiThread) => block_in_place(|| zone.verify_zonemd()),
        _ => zone.verify_zonemd(),
    };
    match verdict {
        Err(ZonemdError::Missing | ZonemdError::Unsupported { .. })
            if policy == ZonemdPolicy::IfPresent =>
        {
            Ok(())
        }
        verdict => verdict.map(drop),
    }
}

#[cfg(test)]
mod tests {
    use zonekit_wire::{Class, Name, Record, Rtype, Soa};

    use super::*;

    type Quota = fn(u64) -> Result<(), zonekit_model::Refusal>;

    const APEX: &[u8] = b"\x07example\0";

    fn soa(serial: u32) -> Vec<u8> {
        let soa = Soa {
            mname: Name::ROOT,
            rname: Name::ROOT,
            serial: zonekit_wire::Serial(serial),
            refresh: 1,
            retry: 1,
            expire: 1,
            minimum: 1,
        };
        let mut rdata = Vec::new();
        soa.write(&mut rdata);
        rdata
    }

    fn record<'r>(rtype: Rtype, rdata: &'r [u8]) -> Record<'r> {
        Record {
            owner: Name::from_octets(APEX).unwrap(),
            rtype,
            class: Class::IN,
            ttl: 60,
            rdata,
        }
    }

    fn sink(held: Option<Zone>, quota: Quota) -> (Sink<Quota>, oneshot::Receiver<Candidate>) {
        let apex = Name::from_octets(APEX).unwrap().to_buf();
        let (limits, checks, zonemd) = Default::default();
        Sink::new(apex, held, limits, checks, zonemd, quota)
    }

    fn transfer(sink: &mut Sink<Quota>, serial: u32) -> Result<(), SinkError> {
        sink.apply(Change::Replace(record(Rtype::SOA, &soa(serial))))?;
        sink.apply(Change::Add(record(Rtype::NS, b"\x02ns\0")))?;
        sink.apply(Change::Commit)
    }

    #[test]
    fn a_whole_zone_comes_out_once_it_is_committed() {
        let (mut sink, mut candidate) = sink(None, |_| Ok(()));
        assert!(candidate.try_recv().is_err());
        transfer(&mut sink, 7).unwrap();
        let candidate = candidate.try_recv().unwrap();
        assert_eq!(
            (candidate.zone.serial().0, candidate.zone.record_count()),
            (7, 2)
        );
        assert!(candidate.diff.is_none());
    }

    #[test]
    fn differences_lead_from_the_version_held_to_the_next() {
        let (mut first, mut candidate) = sink(None, |_| Ok(()));
        transfer(&mut first, 7).unwrap();
        let held = candidate.try_recv().unwrap().zone;
        let (mut sink, mut candidate) = sink(Some(held), |_| Ok(()));
        for change in [
            Change::Step(record(Rtype::SOA, &soa(7))),
            Change::Remove(record(Rtype::NS, b"\x02ns\0")),
            Change::Reach(record(Rtype::SOA, &soa(8))),
            Change::Add(record(Rtype::NS, b"\x02nt\0")),
            Change::Commit,
        ] {
            sink.apply(change).unwrap();
        }
        let candidate = candidate.try_recv().unwrap();
        assert_eq!(
            (candidate.zone.serial().0, candidate.zone.record_count()),
            (8, 2)
        );
        assert_eq!(candidate.diff.unwrap().from().serial.0, 7);
    }

    #[test]
    fn what_was_abandoned_leaves_no_trace_in_what_follows() {
        let (mut sink, mut candidate) = sink(None, |_| Ok(()));
        sink.apply(Change::Replace(record(Rtype::SOA, &soa(6))))
            .unwrap();
        sink.apply(Change::Add(record(Rtype::TXT, b"\x01x")))
            .unwrap();
        sink.abandon();
        assert!(matches!(
            sink.apply(Change::Commit),
            Err(SinkError::OutOfOrder)
        ));
        transfer(&mut sink, 7).unwrap();
        assert_eq!(candidate.try_recv().unwrap().zone.record_count(), 2);
    }

    #[test]
    fn differences_without_a_version_to_start_from_are_refused() {
        let (mut sink, _candidate) = sink(None, |_| Ok(()));
        let step = sink.apply(Change::Step(record(Rtype::SOA, &soa(7))));
        assert!(matches!(step, Err(SinkError::OutOfOrder)));
    }

    #[test]
    fn a_zone_has_to_prove_itself_whole_where_it_is_asked_to() {
        use ZonemdPolicy::{IfPresent, Off, Required};
        let check = |digest: Option<&[u8]>, verdicts: [(ZonemdPolicy, bool); 3]| {
            for (policy, is_taken) in verdicts {
                let (mut sink, mut candidate) = sink(None, |_| Ok(()));
                sink.zonemd = policy;
                let added = digest.map(|rdata| {
                    sink.apply(Change::Replace(record(Rtype::SOA, &soa(7))))
                        .unwrap();
                    sink.apply(Change::Add(record(Rtype::NS, b"\x02ns\0")))
                        .unwrap();
                    sink.apply(Change::Add(record(Rtype::ZONEMD, rdata)))
                        .unwrap();
                    sink.apply(Change::Commit)
                });
                let result = added.unwrap_or_else(|| transfer(&mut sink, 7));
                assert_eq!(result.is_ok(), is_taken, "{policy:?} {result:?}");
                assert_eq!(candidate.try_recv().is_ok(), is_taken);
                assert!(is_taken || matches!(result, Err(SinkError::Zonemd(_))));
            }
        };
        let (mut sink, mut candidate) = sink(None, |_| Ok(()));
        transfer(&mut sink, 7).unwrap();
        let zone = candidate.try_recv().unwrap().zone;
        let digest = zone.zonemd_digest(zonekit_store::ZonemdHash::Sha384);
        let zonemd = |hash, digest: &[u8]| [&[0, 0, 0, 7, 1, hash], digest].concat();

        check(None, [(Off, true), (IfPresent, true), (Required, false)]);
        check(
            Some(&zonemd(1, &digest)),
            [(Off, true), (IfPresent, true), (Required, true)],
        );
        check(
            Some(&zonemd(1, &[7; 48])),
            [(Off, true), (IfPresent, false), (Required, false)],
        );
        check(
            Some(&zonemd(9, &[7; 48])),
            [(Off, true), (IfPresent, true), (Required, false)],
        );
    }

    #[test]
    fn a_zone_beyond_the_quota_does_not_come_out() {
        let refusal = |wanted| Err(zonekit_model::Refusal::TooManyRecords { limit: 1, wanted });
        let (mut sink, mut candidate) = sink(None, refusal);
        assert!(matches!(transfer(&mut sink, 7), Err(SinkError::Quota(_))));
        assert!(candidate.try_recv().is_err());
    }
}
