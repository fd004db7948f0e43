//! Making a version of another one and the changes to it.

use smallvec::SmallVec;
use zonekit_wire::{Class, NameBuf, Record, Rtype, Soa, SoaBuf};

use crate::diff::{ADDED, DiffWriter, FROM, ItemPlace, REMOVED, TO};
use crate::draft::{Draft, Edit, is_nsec3, spelling};
use crate::key::KeyBuf;
use crate::page::Flags;
use crate::rrset::{Body, Owner};
use crate::rules::{Rules, check_apex, check_record};
use crate::tally::Tally;
use crate::tree::Tree;
use crate::{Checks, Diff, EditError, Notes, Zone, ZoneLimits};

/// Makes a version of the one that is held and of changes as IXFR brings them ([RFC 1995 §4]): steps, each from one SOA
/// to another, that remove records and then add some.
///
/// What is to be removed must be there, what is to be added must not: by owner, type and RDATA, names without
/// case, never by TTL. All steps become one version, at a cost that follows the changes and not the zone; the version
/// they start from stays as it is. Changes are gathered first, and carried out and held against
/// what is there by [`finish`](Self::finish). Limits are those of the version that each step reaches, and are watched as
/// records come.
///
/// ```
/// use zonekit_store::{Checks, ZoneLimits, ZonePatch};
/// # use zonekit_store::ZoneBuilder;
/// # use zonekit_wire::master::Reader;
/// use zonekit_wire::{Class, NameBuf, Record, Rtype, Serial};
///
/// # let text = "@ 300 SOA ns mail 7 3600 600 86400 300\n@ 300 NS ns\nns 300 A 192.0.2.1\n";
/// # let apex: NameBuf = "example.org".parse()?;
/// # let mut reader = Reader::new(text.as_bytes(), apex.as_name());
/// # let mut builder = ZoneBuilder::new(apex.as_name(), ZoneLimits::default(), Checks::Strict);
/// # builder.begin(&reader.next_record()?.expect("the SOA"))?;
/// # while let Some(record) = reader.next_record()? {
/// #     builder.add(&record)?;
/// # }
/// # let (zone, _) = builder.finish()?;
/// // `zone` is serial 7 of example.org. In serial 8 ns.example.org has another address.
/// let host: NameBuf = "ns.example.org".parse()?;
/// let record = |owner, rtype, rdata| Record { owner, rtype, class: Class::IN, ttl: 300, rdata };
/// let (mut old, mut new) = (Vec::new(), Vec::new());
/// let mut soa = zone.soa();
/// soa.as_soa().write(&mut old);
/// soa.serial = Serial(8);
/// soa.as_soa().write(&mut new);
///
/// let mut patch = ZonePatch::new(&zone, ZoneLimits::default(), Checks::Strict);
/// patch.step(&record(apex.as_name(), Rtype::SOA, &old))?;
/// patch.remove(&record(host.as_name(), Rtype::A, &[192, 0, 2, 1]))?;
/// patch.reach(&record(apex.as_name(), Rtype::SOA, &new))?;
/// patch.add(&record(host.as_name(), Rtype::A, &[192, 0, 2, 2]))?;
/// let (next, diff, _notes) = patch.finish()?;
/// assert_eq!((zone.serial(), next.serial()), (Serial(7), Serial(8)));
/// assert_eq!((diff.removed().count(), diff.added().count()), (1, 1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// [RFC 1995 §4]: https://www.rfc-editor.org/rfc/rfc1995#section-4
#[derive(Debug)]
pub struct ZonePatch {
    zone: Zone,
    limits: ZoneLimits,
    tally: Tally,
    checks: Checks,
    notes: Notes,
    /// The SOA reached so far.
    soa: SoaBuf,
    phase: Phase,
    log: DiffWriter,
    /// The SOA record reached last.
    reached: Option<ItemPlace>,
    /// Keys of the owners, one behind the other.
    keys: Vec<u8>,
    names: Vec<Op>,
    hashes: Vec<Op>,
    owner: NameBuf,
    /// The key of `owner`; `None` when it is outside the zone.
    owner_key: Option<(usize, usize)>,
}

/// What may come next.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Phase {
    Start,
    Removing,
    Adding,
}

/// A change to one record.
#[derive(Clone, Copy, Debug)]
struct Op {
    key: (usize, usize),
    change: Change,
    item: ItemPlace,
}

#[derive(Clone, Copy, Debug)]
enum Change {
    Remove,
    Add,
    /// The SOA record takes the place of the one that is there.
    Soa,
}

impl ZonePatch {
    /// Starts from this version.
    pub fn new(zone: &Zone, limits: ZoneLimits, checks: Checks) -> Self {
        Self {
            zone: zone.clone(),
            limits,
            tally: Tally::new(zone, limits),
            checks,
            notes: Notes::default(),
            soa: zone.soa(),
            phase: Phase::Start,
            log: DiffWriter::new(),
            reached: None,
            keys: Vec::new(),
            names: Vec::new(),
            hashes: Vec::new(),
            owner: zone.apex().to_buf(),
            owner_key: Some((0, 0)),
        }
    }

    /// Begins a step from the version with this SOA, which must be, in all its fields, the one held or reached so far.
    pub fn step(&mut self, old_soa: &Record<'_>) -> Result<(), EditError> {
        if self.phase == Phase::Removing {
            return Err(EditError::SoaDue);
        }
        let soa = self.read_soa(old_soa)?;
        if soa != self.soa.as_soa() {
            return Err(EditError::OtherVersion {
                held: self.soa.serial,
                step: soa.serial,
            });
        }
        self.phase = Phase::Removing;
        self.log.push(FROM, *old_soa);
        Ok(())
    }

    /// Removes a record, whatever its TTL.
    pub fn remove(&mut self, record: &Record<'_>) -> Result<(), EditError> {
        if self.phase != Phase::Removing {
            return Err(EditError::SoaDue);
        }
        self.change(Change::Remove, record)
    }

    /// Says which version the step reaches: all that follows, up to the next step, is added.
    pub fn reach(&mut self, new_soa: &Record<'_>) -> Result<(), EditError> {
        if self.phase != Phase::Removing {
            return Err(EditError::SoaDue);
        }
        self.soa = self.read_soa(new_soa)?.to_buf();
        self.tally.reach(new_soa)?;
        self.phase = Phase::Adding;
        self.reached = Some(self.log.push(TO, *new_soa));
        Ok(())
    }

    /// Adds a record.
    pub fn add(&mut self, record: &Record<'_>) -> Result<(), EditError> {
        if self.phase != Phase::Adding {
            return Err(EditError::SoaDue);
        }
        self.change(Change::Add, record)
    }

    /// Makes the version that the last step reaches, and the difference to the one it started from, step by step as
    /// it came.
    pub fn finish(mut self) -> Result<(Zone, Diff, Notes), EditError> {
        let Some(item) = self.reached.filter(|_| self.phase == Phase::Adding) else {
            return Err(EditError::SoaDue);
        };
        self.names.push(Op {
            key: (0, 0),
            change: Change::Soa,
            item,
        });
        let rules = Rules {
            apex: self.zone.apex().as_octets(),
            limits: &self.limits,
            checks: self.checks,
        };
        let mut batch = Batch {
            rules,
            keys: &self.keys,
            log: &self.log,
            notes: &mut self.notes,
        };
        let names = batch.carry_out(self.zone.names(), Flags::default(), &mut self.names)?;
        let hashes = batch.carry_out(self.zone.hashes(), Flags::NSEC3, &mut self.hashes)?;
        let zone = Zone::new(self.zone.apex(), names, hashes).ok_or(EditError::MalformedSoa)?;
        self.limits.check(zone.record_count(), zone.octets())?;
        check_apex(&zone, self.checks, &mut self.notes)?;
        Ok((zone, self.log.finish(), self.notes))
    }

    /// Notes a change, to be carried out at the end.
    fn change(&mut self, change: Change, record: &Record<'_>) -> Result<(), EditError> {
        check_record(record)?;
        if record.owner != self.owner {
            self.tally.turn();
            self.owner.assign(record.owner);
            self.owner_key = self.zone.key(record.owner).map(|key: KeyBuf| {
                let start = self.keys.len();
                self.keys.extend_from_slice(&key);
                (start, self.keys.len())
            });
        }
        let Some(key) = self.owner_key else {
            self.notes.out_of_zone += 1;
            return Ok(());
        };
        if record.rtype == Rtype::SOA && key.0 == key.1 {
            return Err(EditError::SecondSoa);
        }
        let tag = if matches!(change, Change::Remove) {
            self.tally.remove(record)?;
            REMOVED
        } else {
            self.tally.add(record)?;
            ADDED
        };
        let item = self.log.push(tag, *record);
        let ops = if is_nsec3(record.rtype, record.rdata) {
            &mut self.hashes
        } else {
            &mut self.names
        };
        ops.push(Op { key, change, item });
        Ok(())
    }

    fn read_soa<'r>(&self, record: &Record<'r>) -> Result<Soa<'r>, EditError> {
        if record.rtype != Rtype::SOA
            || record.owner != self.zone.apex()
            || record.class != Class::IN
        {
            return Err(EditError::NotTheSoa {
                owner: record.owner.to_buf(),
                rtype: record.rtype,
            });
        }
        Soa::read(record.rdata).map_err(|_| EditError::MalformedSoa)
    }
}

/// All changes to one tree at once.
struct Batch<'p> {
    rules: Rules<'p>,
    keys: &'p [u8],
    log: &'p DiffWriter,
    notes: &'p mut Notes,
}

impl Batch<'_> {
    fn carry_out(&mut self, tree: &Tree, flags: Flags, ops: &mut [Op]) -> Result<Tree, EditError> {
        let keys = self.keys;
        let key = |op: &Op| keys.get(op.key.0..op.key.1).unwrap_or_default();
        ops.sort_by(|a, b| key(a).cmp(key(b))); // stable: changes to one name stay in their order
        let groups: Vec<&[Op]> = ops.chunk_by(|a, b| key(a) == key(b)).collect();
        let touched: Vec<&[u8]> = groups
            .iter()
            .filter_map(|group| group.first())
            .map(key)
            .collect();
        let mut draft = Draft::default();
        tree.edit(
            &touched,
            flags,
            self.rules.apex.len(),
            |number, old, out| {
                let (Some(group), Some(key)) = (groups.get(number), touched.get(number)) else {
                    return Ok(None);
                };
                let (owner, lowered) =
                    change_name(self.log, self.rules.apex, group, old, &mut draft)?;
                self.notes.ttls_lowered += lowered;
                if draft.is_empty() {
                    return Ok(None);
                }
                self.rules
                    .pack(key, &draft, owner, self.notes, out)
                    .map(Some)
            },
        )
    }
}

/// Makes `draft` what a name has after the changes; returns how its owner is spelled, and in how many sets TTLs were lowered.
fn change_name<'o>(
    log: &'o DiffWriter,
    apex: &[u8],
    ops: &[Op],
    old: Option<Body<'o>>,
    draft: &mut Draft,
) -> Result<(Owner<'o>, u64), EditError> {
    draft.clear();
    let mut owner = Owner::Lower;
    if let Some(body) = old {
        owner = body.owner();
        draft.load(body);
    }
    let mut records = draft.len();
    let mut edits = SmallVec::<[Edit<'_>; 4]>::new();
    for op in ops {
        let Some(Record {
            owner: name,
            rtype,
            ttl,
            rdata,
            ..
        }) = log.record(op.item)
        else {
            continue;
        };
        match op.change {
            Change::Remove => records = records.saturating_sub(1),
            Change::Add => {
                if records == 0 {
                    owner = spelling(name, apex);
                }
                records += 1;
            }
            Change::Soa => draft.remove_type(Rtype::SOA),
        }
        edits.push(Edit {
            is_removal: matches!(op.change, Change::Remove),
            rtype,
            ttl,
            rdata,
        });
    }
    match draft.edit(&edits) {
        Ok(lowered) => Ok((owner, lowered)),
        Err(number) => Err(cannot(log, ops.get(number))),
    }
}

/// Why a change cannot be made.
fn cannot(log: &DiffWriter, op: Option<&Op>) -> EditError {
    let record = op.and_then(|op| Some((op.change, log.record(op.item)?)));
    let Some((change, Record { owner, rtype, .. })) = record else {
        return EditError::SoaDue; // not to be: what was logged can be read
    };
    let owner = owner.to_buf();
    match change {
        Change::Remove => EditError::NotThere { owner, rtype },
        Change::Add | Change::Soa => EditError::AlreadyThere { owner, rtype },
    }
}
