//! The model's words in our own spelling.

use serde::Serialize;
use utoipa::ToSchema;
use zonekit_model as model;

macro_rules! words {
    ($(#[$doc:meta])* $name:ident of $of:path { $($(#[$each:meta])* $word:ident,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Serialize, ToSchema)]
        #[serde(rename_all = "snake_case")]
        pub(super) enum $name {
            $($(#[$each])* $word,)*
        }

        impl From<$of> for $name {
            fn from(word: $of) -> Self {
                match word {
                    $(<$of>::$word => Self::$word,)*
                }
            }
        }
    };
}

words! {
    /// Whether a zone can be answered from.
    Standing of model::Standing {
        /// No version was ever transferred.
        NeverLoaded,
        /// The last visit confirmed the version held.
        Current,
        /// The last visit failed; the version held is still good.
        Stale,
        /// No primary confirmed the version held for longer than its SOA allows.
        Expired,
    }
}

words! {
    /// How the last exchange with a primary went.
    Outcome of model::PrimaryOutcome {
        /// It answered, and what it delivered was good.
        Ok,
        /// Not asked yet.
        Pending,
        /// Being asked now.
        InProgress,
        /// It did not answer, refused, or sent what could not be taken.
        Error,
    }
}

words! {
    /// Why a visit was made.
    Cause of model::VisitCause {
        /// The zone was new or its primaries were changed.
        Bootstrap,
        /// The SOA's refresh or retry time had come.
        Refresh,
        /// A primary sent NOTIFY.
        Notify,
        /// An operator asked for it.
        Operator,
    }
}

words! {
    /// How a visit ended.
    VisitOutcome of model::VisitOutcome {
        /// The version held is the newest.
        UpToDate,
        /// A newer version was taken and published.
        Transferred,
        /// The primaries offered only versions older than the one held.
        NotTaken,
        /// No primary could be used.
        Failed,
    }
}

words! {
    /// Whole zone or difference.
    Kind of model::TransferKind {
        /// The whole zone (RFC 5936).
        Axfr,
        /// The difference to the version held (RFC 1995).
        Ixfr,
    }
}

words! {
    /// What is made of the digest of a zone, its ZONEMD records, before a version is served.
    Zonemd of model::ZonemdPolicy {
        /// It is not looked at.
        Off,
        /// A version whose digest is wrong is not taken.
        IfPresent,
        /// A version is taken if a digest in it is right.
        Required,
    }
}

words! {
    /// Whether a zone is delegated to the service's name servers.
    Verdict of model::Verdict {
        /// All who answered name all of them, and so does the zone.
        Complete,
        /// Some are named, but not by all, or not all of them.
        Incomplete,
        /// None of those who answered names one of them.
        Absent,
        /// Nobody answered.
        Unknown,
    }
}
