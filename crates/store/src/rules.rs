//! What records, names and versions are held against before they are taken.

use zonekit_wire::{Class, NameBuf, Record, Rtype};

use crate::draft::Draft;
use crate::key;
use crate::page::{Flags, Totals};
use crate::rrset::Owner;
use crate::{Checks, EditError, Notes, Zone, ZoneLimits};

/// What the records of a name are held against.
pub(crate) struct Rules<'r> {
    pub(crate) apex: &'r [u8],
    pub(crate) limits: &'r ZoneLimits,
    pub(crate) checks: Checks,
}

impl Rules<'_> {
    /// Holds tidy records against limits and checks, packs them, and says what they come to.
    pub(crate) fn pack(
        &self,
        key: &[u8],
        draft: &Draft,
        owner: Owner<'_>,
        notes: &mut Notes,
        out: &mut Vec<u8>,
    ) -> Result<Totals, EditError> {
        let name = || {
            let mut name = NameBuf::new();
            key::write_name(key, self.apex, key::Spelling::Lower, &mut name);
            name
        };
        let flags = draft.check(name, key.is_empty(), self.limits, self.checks, notes)?;
        draft.write(owner, out);
        let records = draft.len() as u64;
        let octets =
            draft.rdata_octets() + records * (key::name_octets(key) + self.apex.len() + 10) as u64;
        Ok(Totals {
            records,
            octets,
            flags: flags.or(Flags::of_key(key)),
        })
    }

    /// Takes back what was noted of tidy records that are about to be held against the checks again, with others.
    pub(crate) fn forget(&self, key: &[u8], draft: &Draft, notes: &mut Notes) {
        let mut noted = Notes::default();
        let no_limits = ZoneLimits::NONE;
        let _ = draft.check(
            NameBuf::new,
            key.is_empty(),
            &no_limits,
            Checks::Lenient,
            &mut noted,
        ); // lenient: no error
        notes.cnames_beside_data -= noted.cnames_beside_data.min(notes.cnames_beside_data);
        notes.several_cnames -= noted.several_cnames.min(notes.several_cnames);
        notes.soas_below_apex -= noted.soas_below_apex.min(notes.soas_below_apex);
    }
}

/// Whether a record may be data of a zone at all.
pub(crate) fn check_record(record: &Record<'_>) -> Result<(), EditError> {
    let (owner, rtype, class) = (record.owner, record.rtype, record.class);
    if class != Class::IN {
        return Err(EditError::ClassNotIn {
            owner: owner.to_buf(),
            rtype,
            class,
        });
    }
    if rtype.is_meta() {
        return Err(EditError::MetaType {
            owner: owner.to_buf(),
            rtype,
        });
    }
    if record.rdata.len() > usize::from(u16::MAX) {
        return Err(EditError::RdataTooLong {
            owner: owner.to_buf(),
            rtype,
            octets: record.rdata.len(),
        });
    }
    Ok(())
}

/// Whether the apex of a version has what it must have.
pub(crate) fn check_apex(zone: &Zone, checks: Checks, notes: &mut Notes) -> Result<(), EditError> {
    if zone.record_count() <= 1 {
        notes.only_soa = true;
        if checks == Checks::Strict {
            return Err(EditError::OnlySoa);
        }
    }
    if zone.rrset(zone.apex(), Rtype::NS).is_none() {
        notes.no_apex_ns = true;
        if checks == Checks::Strict {
            return Err(EditError::NoApexNs);
        }
    }
    Ok(())
}
