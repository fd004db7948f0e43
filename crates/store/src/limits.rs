//! What an edit may do, what it is told about, and why it is refused.

use zonekit_wire::{Class, NameBuf, Rtype, Serial};

/// How much a zone may hold. Zero means no limit.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ZoneLimits {
    /// Octets in wire form, as received, without compression. 16 GiB by default.
    pub octets: u64,
    /// Records. 200 million by default.
    pub records: u64,
    /// Records of one owner and type; RRSIGs are counted for each type they cover. 4,000 by default.
    pub records_per_rrset: u32,
    /// Types at one name. 200 by default.
    pub types_per_name: u32,
}

impl ZoneLimits {
    /// No limit at all.
    pub const NONE: Self = Self {
        octets: 0,
        records: 0,
        records_per_rrset: 0,
        types_per_name: 0,
    };

    /// Whether a zone of this size is too much.
    pub(crate) fn check(&self, records: u64, octets: u64) -> Result<(), EditError> {
        if self.octets != 0 && octets > self.octets {
            return Err(EditError::TooManyOctets { limit: self.octets });
        }
        if self.records != 0 && records > self.records {
            return Err(EditError::TooManyRecords {
                limit: self.records,
            });
        }
        Ok(())
    }
}

impl Default for ZoneLimits {
    fn default() -> Self {
        Self {
            octets: 16 << 30,
            records: 200_000_000,
            records_per_rrset: 4_000,
            types_per_name: 200,
        }
    }
}

/// What happens to a zone whose contents make no sense.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Checks {
    /// It is refused.
    #[default]
    Strict,
    /// It is taken, and [`Notes`] tell of it.
    Lenient,
}

/// What was done to the records on their way in, in numbers; and under [`Checks::Lenient`], what is wrong with them.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Notes {
    /// Records outside the zone, skipped.
    pub out_of_zone: u64,
    /// Records that came more than once; one of each was kept.
    pub duplicates: u64,
    /// RRsets (and sets of RRSIGs) whose records had different TTLs; all got the lowest
    /// ([RFC 2181 §5.2](https://www.rfc-editor.org/rfc/rfc2181#section-5.2)).
    pub ttls_lowered: u64,
    /// Names that have a CNAME beside other data.
    pub cnames_beside_data: u64,
    /// Names that have more than one CNAME.
    pub several_cnames: u64,
    /// SOA records below the apex.
    pub soas_below_apex: u64,
    /// The apex has no NS record.
    pub no_apex_ns: bool,
    /// The zone is its SOA record and nothing else.
    pub only_soa: bool,
}

/// Why records do not become a version of a zone.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum EditError {
    /// The record that stands for the version is not an SOA record at the zone's apex.
    #[error("record that opens the version is {owner} {rtype}, not the SOA of the zone")]
    NotTheSoa {
        /// Whose record it is.
        owner: NameBuf,
        /// Its type.
        rtype: Rtype,
    },
    /// The RDATA of the SOA record is not that of an SOA.
    #[error("SOA record has malformed RDATA")]
    MalformedSoa,
    /// Records came before the SOA that opens the version, or after a step without the SOA that it reaches.
    #[error("record where an SOA was due")]
    SoaDue,
    /// An SOA record at the apex among the other records.
    #[error("another SOA at the apex")]
    SecondSoa,
    /// An SOA record below the apex.
    #[error("SOA below the apex, at {owner}")]
    SoaBelowApex {
        /// Where.
        owner: NameBuf,
    },
    /// A CNAME and other data at one name ([RFC 2181 §10.1](https://www.rfc-editor.org/rfc/rfc2181#section-10.1)).
    #[error("CNAME beside other data at {owner}")]
    CnameBesideData {
        /// Where.
        owner: NameBuf,
    },
    /// More than one CNAME at a name.
    #[error("several CNAMEs at {owner}")]
    SeveralCnames {
        /// Where.
        owner: NameBuf,
    },
    /// The apex has no NS record.
    #[error("no NS record at the apex")]
    NoApexNs,
    /// The zone is its SOA record and nothing else.
    #[error("zone has nothing but its SOA")]
    OnlySoa,
    /// A class other than IN.
    #[error("{owner} {rtype} is of class {class}")]
    ClassNotIn {
        /// Whose record it is.
        owner: NameBuf,
        /// Its type.
        rtype: Rtype,
        /// Its class.
        class: Class,
    },
    /// A type that is no data: OPT, TSIG, ANY and the like.
    #[error("{owner} has a record of the meta type {rtype}")]
    MetaType {
        /// Whose record it is.
        owner: NameBuf,
        /// Its type.
        rtype: Rtype,
    },
    /// RDATA that no message could carry.
    #[error("{owner} {rtype} has {octets} octets of RDATA")]
    RdataTooLong {
        /// Whose record it is.
        owner: NameBuf,
        /// Its type.
        rtype: Rtype,
        /// How long its RDATA is.
        octets: usize,
    },
    /// More octets than the zone may have.
    #[error("zone has more than {limit} octets")]
    TooManyOctets {
        /// [`ZoneLimits::octets`].
        limit: u64,
    },
    /// More records than the zone may have.
    #[error("zone has more than {limit} records")]
    TooManyRecords {
        /// [`ZoneLimits::records`].
        limit: u64,
    },
    /// More records in an RRset than it may have.
    #[error("{owner} {rtype} has more than {limit} records")]
    TooManyRecordsInRrset {
        /// Whose records they are.
        owner: NameBuf,
        /// Their type; of signatures, the type that they cover.
        rtype: Rtype,
        /// [`ZoneLimits::records_per_rrset`].
        limit: u32,
    },
    /// More types at a name than it may have.
    #[error("{owner} has more than {limit} types")]
    TooManyTypes {
        /// Where.
        owner: NameBuf,
        /// [`ZoneLimits::types_per_name`].
        limit: u32,
    },
    /// A step starts from a version that is not the one at hand: their SOA records differ.
    #[error("step starts from serial {step}, the version at hand is {held} or has another SOA")]
    OtherVersion {
        /// Of the version at hand.
        held: Serial,
        /// That the step starts from.
        step: Serial,
    },
    /// A record to be removed is not there.
    #[error("{owner} {rtype} is to be removed and is not there")]
    NotThere {
        /// Whose record it is.
        owner: NameBuf,
        /// Its type.
        rtype: Rtype,
    },
    /// A record to be added is there already.
    #[error("{owner} {rtype} is to be added and is there already")]
    AlreadyThere {
        /// Whose record it is.
        owner: NameBuf,
        /// Its type.
        rtype: Rtype,
    },
}
