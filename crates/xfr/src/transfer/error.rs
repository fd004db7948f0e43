//! What can be wrong with the records of a transfer.

use zonekit_wire::{Class, NameBuf, ReadError, Rtype, Serial};

use crate::limits::LimitError;

/// Why records are not a transfer that we can take.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TransferError {
    /// The stream begins with something else than the zone's SOA.
    #[error("first record is {0}, not the zone's SOA")]
    FirstNotSoa(Rtype),
    /// An SOA whose owner is not the zone's apex.
    #[error("SOA at {0}, which is not the apex")]
    SoaElsewhere(NameBuf),
    /// An SOA whose RDATA cannot be read.
    #[error("SOA")]
    Soa(#[from] ReadError),
    /// A second SOA at the apex that is not the opening one in every field.
    #[error("closing SOA (serial {closing}) differs from the opening one (serial {opening})")]
    ClosingDiffers {
        /// Serial of the opening SOA.
        opening: Serial,
        /// Serial of the other.
        closing: Serial,
    },
    /// A record follows the closing SOA.
    #[error("{0} record after the closing SOA")]
    AfterClosing(Rtype),
    /// Octets follow the message with the closing SOA.
    #[error("more data after the message with the closing SOA")]
    DataAfterClosing,
    /// A record of another class than IN.
    #[error("record of class {0}")]
    Class(Class),
    /// A type that is no data: OPT, TSIG, ANY, AXFR and the like.
    #[error("record of meta type {0}")]
    MetaType(Rtype),
    /// The first step of an IXFR does not start from the SOA that we hold.
    #[error("differences start from an SOA (serial {0}) that is not the one held")]
    NotFromHeld(Serial),
    /// A step of an IXFR does not start from where the one before ended.
    #[error("differences reached serial {reached} and go on from serial {next}")]
    Gap {
        /// What the step before led to.
        reached: Serial,
        /// What the next one starts from, or what closes the stream.
        next: Serial,
    },
    /// A step of an IXFR leads to the same serial or an older one.
    #[error("step from serial {from} to {to}, which is not newer")]
    StepBackward {
        /// Where the step starts.
        from: Serial,
        /// Where it leads.
        to: Serial,
    },
    /// A step of an IXFR leads past the announced version, or to another one of its serial.
    #[error("step to serial {to}, which is not on the way to the announced {goal}")]
    StepBeyond {
        /// The opening SOA's serial.
        goal: Serial,
        /// Where the step leads.
        to: Serial,
    },
    /// The whole zone on offer is older than what we hold.
    #[error("offers serial {offered}, older than {held}")]
    Behind {
        /// Ours.
        held: Serial,
        /// Theirs.
        offered: Serial,
    },
    /// The stream ended before its closing SOA.
    #[error("stream ended after {records} records, before the closing SOA")]
    Unfinished {
        /// Records until then.
        records: u64,
    },
    /// The transfer is larger than we allow.
    #[error(transparent)]
    Limit(#[from] LimitError),
}

impl TransferError {
    /// Where the rule stands that was broken, for an operator to cite; empty for limits of our own.
    pub fn rfc(&self) -> &'static str {
        match self {
            Self::FirstNotSoa(_)
            | Self::ClosingDiffers { .. }
            | Self::AfterClosing(_)
            | Self::DataAfterClosing
            | Self::Unfinished { .. } => "RFC 5936 §2.2",
            Self::SoaElsewhere(_) => "RFC 1035 §5.2",
            Self::Soa(_) => "RFC 1035 §3.3.13",
            Self::Class(_) | Self::MetaType(_) => "RFC 5936 §2.2.1",
            Self::NotFromHeld(_) | Self::Gap { .. } | Self::StepBeyond { .. } => "RFC 1995 §4",
            Self::StepBackward { .. } | Self::Behind { .. } => "RFC 1982 §3",
            Self::Limit(_) => "",
        }
    }
}
