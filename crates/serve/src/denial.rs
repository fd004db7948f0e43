//! Proofs that something is not there, from a zone's own NSEC ([RFC 4035 §3.1.3]) or NSEC3 records ([RFC 5155 §7.2]).
//!
//! Every proof is a handful of records which each either *match* a name (and list its types) or *cover* it (and so say
//! that it does not exist):
//!
//! | claim | NSEC | NSEC3 |
//! |---|---|---|
//! | no data | match the name | match the name, or the closest encloser and (opt-out) cover the next closer name |
//! | no name | cover the name, cover the wildcard | match the closest encloser, cover the next closer name, cover the wildcard |
//! | no closer match | cover the name | cover the next closer name |
//! | no data at wildcard | cover the name, match the wildcard | as no name, but match the wildcard |
//!
//! A zone whose names are too costly to hash is not proven anything of, but shows one of its NSEC3 records: a validator
//! that sees so many iterations takes the zone for an unsigned one ([RFC 9276 §3.2]), and for a forged one if it sees none.
//!
//! [RFC 4035 §3.1.3]: https://www.rfc-editor.org/rfc/rfc4035#section-3.1.3
//! [RFC 5155 §7.2]: https://www.rfc-editor.org/rfc/rfc5155#section-7.2
//! [RFC 9276 §3.2]: https://www.rfc-editor.org/rfc/rfc9276#section-3.2

use zonekit_store::{Nsec3Parameters, RrSet, Zone};
use zonekit_wire::{MessageFull, Name, NameBuf, Rtype, Section};

use crate::{
    names::NameList,
    nsec3::{self, Budget},
    reply::Reply,
};

/// Adds proofs from one zone to the authority section, each record once.
pub(crate) struct Denial<'d, 'b> {
    zone: &'d Zone,
    chain: Chain<'d>,
    reply: &'d mut Reply<'b>,
    memory: &'d mut Memory,
}

/// What the proofs of one answer have in common.
#[derive(Default)]
pub(crate) struct Memory {
    /// Owners of the records added.
    written: NameList,
    /// The owner of one of them.
    owner: NameBuf,
    budget: Budget,
}

impl Memory {
    /// Begins another answer.
    pub(crate) fn clear(&mut self) {
        self.written.clear();
        self.budget = Budget::default();
    }
}

/// Which records a zone denies with.
#[derive(Clone, Copy)]
enum Chain<'d> {
    Nsec,
    Nsec3(Nsec3Parameters<'d>),
    /// NSEC3, at too high a cost.
    Shown(Nsec3Parameters<'d>),
}

impl<'d, 'b> Denial<'d, 'b> {
    /// None if the zone has nothing to prove anything with.
    pub(crate) fn in_zone(
        zone: &'d Zone,
        reply: &'d mut Reply<'b>,
        memory: &'d mut Memory,
    ) -> Option<Self> {
        let chain = match zone.nsec3_parameters() {
            Some(parameters) if !nsec3::is_affordable(&parameters) => Chain::Shown(parameters),
            Some(parameters) => Chain::Nsec3(parameters),
            None => zone.rrset(zone.apex(), Rtype::NSEC).map(|_| Chain::Nsec)?,
        };
        Some(Self {
            zone,
            chain,
            reply,
            memory,
        })
    }

    /// The name exists, if only because of names below it, or is an unsigned delegation; the type does not.
    pub(crate) fn no_data(&mut self, name: Name<'_>) -> Result<(), MessageFull> {
        match self.chain {
            Chain::Nsec => self.nsec(name),
            Chain::Shown(parameters) => self.show(&parameters),
            Chain::Nsec3(_) => {
                if !self.nsec3(name, Relation::Matches)? {
                    self.closest_encloser(name, name.label_count().saturating_sub(1))?;
                }
                Ok(())
            }
        }
    }

    /// Neither the name exists nor a wildcard that would stand in for it.
    pub(crate) fn no_name(
        &mut self,
        name: Name<'_>,
        closest_encloser_labels: usize,
    ) -> Result<(), MessageFull> {
        match self.chain {
            Chain::Nsec => {
                self.nsec(name)?;
                wildcard_at(name.ancestor(closest_encloser_labels))
                    .map_or(Ok(()), |name| self.nsec(name.as_name()))
            }
            Chain::Shown(parameters) => self.show(&parameters),
            Chain::Nsec3(_) => {
                let encloser = self.closest_encloser(name, closest_encloser_labels)?;
                wildcard_at(encloser).map_or(Ok(()), |wildcard| {
                    self.nsec3(wildcard.as_name(), Relation::Covers).map(drop)
                })
            }
        }
    }

    /// A wildcard stood in for the name rightly: nothing between it and the name exists.
    pub(crate) fn no_closer_match(
        &mut self,
        name: Name<'_>,
        closest_encloser_labels: usize,
    ) -> Result<(), MessageFull> {
        match self.chain {
            Chain::Nsec => self.nsec(name),
            Chain::Shown(parameters) => self.show(&parameters),
            Chain::Nsec3(_) => self
                .nsec3(name.ancestor(closest_encloser_labels + 1), Relation::Covers)
                .map(drop),
        }
    }

    /// A wildcard stands in for the name, and lacks the type.
    pub(crate) fn no_data_at_wildcard(
        &mut self,
        name: Name<'_>,
        closest_encloser_labels: usize,
    ) -> Result<(), MessageFull> {
        let Some(wildcard) = wildcard_at(name.ancestor(closest_encloser_labels)) else {
            return Ok(());
        };
        match self.chain {
            Chain::Nsec => {
                self.nsec(wildcard.as_name())?;
                self.nsec(name)
            }
            Chain::Shown(parameters) => self.show(&parameters),
            Chain::Nsec3(_) => {
                self.closest_encloser(name, closest_encloser_labels)?;
                if !self.nsec3(wildcard.as_name(), Relation::Matches)? {
                    // Nothing but unsigned delegations below it, under opt-out.
                    self.nsec3(wildcard.as_name(), Relation::Covers)?;
                }
                Ok(())
            }
        }
    }

    /// Adds some record of the chain.
    fn show(&mut self, parameters: &Nsec3Parameters<'_>) -> Result<(), MessageFull> {
        let Some(record) = self.zone.nsec3_covering(parameters, &[]) else {
            return Ok(());
        };
        record.write_owner(&mut self.memory.owner);
        self.add(record.rrset())
    }

    /// Adds the NSEC that matches or covers a name.
    fn nsec(&mut self, name: Name<'_>) -> Result<(), MessageFull> {
        let Some(node) = self.zone.nsec_covering(name) else {
            return Ok(());
        };
        node.write_owner(&mut self.memory.owner);
        self.add(node.rrset(Rtype::NSEC))
    }

    /// Adds the NSEC3 that stands in this relation to a name, and says whether there is one. An answer whose names
    /// together are too much to hash is given with what has been proven until then.
    fn nsec3(&mut self, name: Name<'_>, relation: Relation) -> Result<bool, MessageFull> {
        let Chain::Nsec3(parameters) = self.chain else {
            return Ok(false);
        };
        let Some(hash) = self.memory.budget.hash(name, &parameters) else {
            return Ok(false);
        };
        let Some(record) = self.zone.nsec3_covering(&parameters, &hash) else {
            return Ok(false);
        };
        let found = record.is_match() == (relation == Relation::Matches);
        if found {
            record.write_owner(&mut self.memory.owner);
            self.add(record.rrset())?;
        }
        Ok(found)
    }

    /// Proves what the closest encloser of a name is, as far as NSEC3 shows it: under opt-out names that lead only to
    /// unsigned delegations have no record, and the proof starts further up.
    fn closest_encloser<'n>(
        &mut self,
        name: Name<'n>,
        at_most_labels: usize,
    ) -> Result<Name<'n>, MessageFull> {
        let apex = self.zone.apex().label_count();
        let mut labels = at_most_labels.max(apex);
        while !self.nsec3(name.ancestor(labels), Relation::Matches)? && labels > apex {
            labels -= 1;
        }
        if labels < name.label_count() {
            self.nsec3(name.ancestor(labels + 1), Relation::Covers)?;
        }
        Ok(name.ancestor(labels))
    }

    /// Adds the record of `memory.owner`, unless it is there already.
    fn add(&mut self, set: Option<RrSet<'_>>) -> Result<(), MessageFull> {
        let Memory { written, owner, .. } = &mut *self.memory;
        let owner = owner.as_name();
        match set {
            Some(set) if written.insert(owner) => self.reply.rrset(Section::Authority, owner, &set),
            _ => Ok(()),
        }
    }
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Relation {
    Matches,
    Covers,
}

/// The wildcard right below a name, unless that is too long to be one.
fn wildcard_at(encloser: Name<'_>) -> Option<NameBuf> {
    let mut wildcard = encloser.to_buf();
    wildcard.prepend_label(b"*").ok()?;
    Some(wildcard)
}
