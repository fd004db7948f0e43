//! A request, read as far as every kind of request needs it.

use crate::cookie::InvalidLength;
use zonekit_wire::{Message, Opt, PackedRecord, ReadError, Rtype, Section};

/// What a request holds beside its question.
#[derive(Clone, Copy, Default)]
pub(crate) struct Extras<'m> {
    /// EDNS.
    pub(crate) opt: Option<Opt<'m>>,
    /// Whether there is a TSIG, to be checked.
    pub(crate) signed: bool,
    /// The first SOA of the answer section, where NOTIFY puts what it has in mind.
    pub(crate) answer_soa: Option<PackedRecord<'m>>,
    /// The first SOA of the authority section, where IXFR puts what the client holds.
    pub(crate) authority_soa: Option<PackedRecord<'m>>,
}

impl<'m> Extras<'m> {
    /// Walks the whole message.
    ///
    /// # Errors
    ///
    /// When it is not well-formed, or has OPT where or as often as it must not (RFC 6891 §6.1.1).
    pub(crate) fn read(message: Message<'m>) -> Result<Self, Malformed> {
        let mut extras = Self::default();
        for record in message.records()? {
            let (section, record) = record?;
            match (section, record.rtype()) {
                (Section::Answer, Rtype::SOA) => _ = extras.answer_soa.get_or_insert(record),
                (Section::Authority, Rtype::SOA) => _ = extras.authority_soa.get_or_insert(record),
                (Section::Additional, Rtype::OPT) if extras.opt.is_none() => {
                    extras.opt = Some(Opt::read(record)?)
                }
                (_, Rtype::OPT) => return Err(Malformed),
                (_, Rtype::TSIG) => extras.signed = true,
                _ => {}
            }
        }
        Ok(extras)
    }
}

/// The request is to be answered with FORMERR.
pub(crate) struct Malformed;

impl From<InvalidLength> for Malformed {
    fn from(_: InvalidLength) -> Self {
        Self
    }
}

impl From<ReadError> for Malformed {
    fn from(_: ReadError) -> Self {
        Self
    }
}
