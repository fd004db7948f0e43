//! What a zone tells of itself: standing, the word of each primary, and what became of the last visits.

use std::{collections::VecDeque, net::SocketAddr};

use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// Everything there is to see of a zone beside its settings.
///
/// ```
/// use zonekit_model::{Standing, ZoneState, ZoneStatus};
///
/// let mut status = ZoneStatus::default();
/// assert_eq!(status.state(), ZoneState::Provisioning); // never loaded yet
/// status.standing = Standing::Current;
/// status.serial = Some(7);
/// assert_eq!(status.state().as_str(), "AVAILABLE");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ZoneStatus {
    /// Whether the zone can be answered from.
    pub standing: Standing,
    /// Serial of the version held.
    pub serial: Option<u32>,
    /// Records held.
    pub records: u64,
    /// Octets of the version held, in wire form.
    pub octets: u64,
    /// When a primary was last asked.
    pub last_check: Option<Timestamp>,
    /// When a primary last confirmed or delivered the newest version.
    pub last_success: Option<Timestamp>,
    /// When the primaries will be asked next, if nothing happens before.
    pub next_try: Option<Timestamp>,
    /// When the version held stops being answered from, if no primary confirms it before.
    pub expires_at: Option<Timestamp>,
    /// Visits failed in a row since the last good one.
    pub failures: u32,
    /// Whether the zone is being removed.
    pub leaving: bool,
    /// One entry for each primary of the zone, in the zone's order.
    pub primaries: Vec<PrimaryStatus>,
    /// The last visits, oldest first; at most [`ZoneStatus::HISTORY`].
    pub history: VecDeque<VisitRecord>,
}

impl ZoneStatus {
    /// How many visits the history keeps.
    pub const HISTORY: usize = 32;

    /// How many visits in a row must fail before a zone that was never loaded counts as [`ZoneState::Failed`]. A
    /// primary is often made ready a moment after its secondary; and a client that waits gives up at `FAILED`.
    pub const FAILED_AFTER: u32 = 3;

    /// The state in the words of the management APIs. There is none for "expired" or "primary out of reach": those
    /// stand in the status of the primaries.
    pub fn state(&self) -> ZoneState {
        match self.standing {
            _ if self.leaving => ZoneState::Destroying,
            Standing::NeverLoaded if self.failures >= Self::FAILED_AFTER => ZoneState::Failed,
            Standing::NeverLoaded => ZoneState::Provisioning,
            Standing::Current | Standing::Stale | Standing::Expired => ZoneState::Available,
        }
    }

    /// Adds a visit to the history; the oldest goes when it is full.
    pub fn remember(&mut self, visit: VisitRecord) {
        while self.history.len() >= Self::HISTORY {
            self.history.pop_front();
        }
        self.history.push_back(visit);
    }
}

/// Whether a zone can be answered from.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Standing {
    /// No version was ever transferred.
    #[default]
    NeverLoaded,
    /// The last visit confirmed the version held.
    Current,
    /// The last visit failed; the version held is still good.
    Stale,
    /// No primary confirmed the version held for longer than its SOA allows.
    Expired,
}

/// A zone's state in the words of the management APIs. The set is closed: known clients fail on any other.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ZoneState {
    /// Being created: nothing was transferred yet.
    Provisioning,
    /// There, with a version held.
    Available,
    /// Being removed.
    Destroying,
    /// Nothing was transferred yet, and several visits have failed.
    Failed,
}

impl ZoneState {
    /// All states.
    pub const ALL: [Self; 4] = [
        Self::Provisioning,
        Self::Available,
        Self::Destroying,
        Self::Failed,
    ];

    /// The word for it, in capitals.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Provisioning => "PROVISIONING",
            Self::Available => "AVAILABLE",
            Self::Destroying => "DESTROYING",
            Self::Failed => "FAILED",
        }
    }

    /// The state of that word, which must be written exactly so.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }
}

/// The last word of one primary.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PrimaryStatus {
    /// Where it is asked.
    pub address: SocketAddr,
    /// How the last exchange with it went.
    pub outcome: PrimaryOutcome,
    /// What went wrong, when the outcome is [`PrimaryOutcome::Error`].
    #[serde(default)]
    pub failure: Option<Failure>,
    /// The serial that it last offered.
    #[serde(default)]
    pub serial: Option<u32>,
    /// When it was last asked.
    #[serde(default)]
    pub last_check: Option<Timestamp>,
    /// When it last answered as a primary should.
    #[serde(default)]
    pub last_success: Option<Timestamp>,
    /// The last transfer taken from it.
    #[serde(default)]
    pub transfer: Option<TransferFigures>,
    /// Why clear text is spoken with it though TLS is wanted, where that is allowed.
    #[serde(default)]
    pub clear_text: Option<String>,
}

impl PrimaryStatus {
    /// A primary that was not asked yet.
    pub fn pending(address: SocketAddr) -> Self {
        Self {
            address,
            outcome: PrimaryOutcome::Pending,
            failure: None,
            serial: None,
            last_check: None,
            last_success: None,
            transfer: None,
            clear_text: None,
        }
    }
}

/// How the last exchange with a primary went.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PrimaryOutcome {
    /// It answered, and what it delivered was good.
    Ok,
    /// Not asked yet.
    Pending,
    /// Being asked now.
    InProgress,
    /// It did not answer, refused, or sent what could not be taken.
    Error,
}

impl PrimaryOutcome {
    /// The word for it, in capitals.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Pending => "PENDING",
            Self::InProgress => "IN_PROGRESS",
            Self::Error => "ERROR",
        }
    }
}

/// What went wrong, for programs and for people.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    /// A short fixed word: `refused`, `timeout`, `BADKEY` and the like.
    pub kind: String,
    /// A sentence that an operator can act on.
    pub text: String,
}

/// What a transfer was like.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct TransferFigures {
    /// Whole zone or difference.
    pub kind: TransferKind,
    /// The serial that it brought.
    pub serial: u32,
    /// When it was published.
    pub at: Timestamp,
    /// Octets received.
    pub octets: u64,
    /// Messages received.
    pub messages: u64,
    /// Records received.
    pub records: u64,
    /// How long it took, in milliseconds.
    pub duration: u64,
}

/// Whole zone or difference.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum TransferKind {
    /// The whole zone (RFC 5936).
    Axfr,
    /// The difference to the version held (RFC 1995).
    Ixfr,
}

impl TransferKind {
    /// The word for it, in capitals.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Axfr => "AXFR",
            Self::Ixfr => "IXFR",
        }
    }
}

/// One visit to the primaries of a zone, as the history keeps it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VisitRecord {
    /// When it began.
    pub at: Timestamp,
    /// How long it took, in milliseconds.
    pub duration: u64,
    /// Why it was made.
    pub cause: VisitCause,
    /// How it ended.
    pub outcome: VisitOutcome,
    /// Serial held when it began.
    #[serde(default)]
    pub from: Option<u32>,
    /// Serial held when it ended.
    #[serde(default)]
    pub to: Option<u32>,
    /// The primary that decided the outcome.
    #[serde(default)]
    pub primary: Option<SocketAddr>,
    /// What was transferred, if anything was.
    #[serde(default)]
    pub transfer: Option<TransferFigures>,
    /// What went wrong, if anything did: also of a visit that ended well after a first primary failed.
    #[serde(default)]
    pub failure: Option<Failure>,
    /// Whether clear text was spoken with a primary with which TLS is wanted.
    #[serde(default)]
    pub clear_text: bool,
}

/// Why a visit was made.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VisitCause {
    /// The zone was new or its primaries were changed.
    Bootstrap,
    /// The SOA's refresh or retry time had come.
    Refresh,
    /// A primary sent NOTIFY.
    Notify,
    /// An operator asked for it.
    Operator,
}

/// How a visit ended.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VisitOutcome {
    /// The version held is the newest.
    UpToDate,
    /// A newer version was taken and published.
    Transferred,
    /// The primaries offered only versions older than the one held.
    NotTaken,
    /// No primary could be used.
    Failed,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_is_failed_only_after_several_failures_before_the_first_load() {
        let mut status = ZoneStatus::default();
        assert_eq!(status.state(), ZoneState::Provisioning);
        status.failures = ZoneStatus::FAILED_AFTER - 1;
        assert_eq!(status.state(), ZoneState::Provisioning);
        status.failures = ZoneStatus::FAILED_AFTER;
        assert_eq!(status.state(), ZoneState::Failed);
        status.standing = Standing::Expired;
        assert_eq!(status.state(), ZoneState::Available);
        status.leaving = true;
        assert_eq!(status.state(), ZoneState::Destroying);
    }

    #[test]
    fn words_and_json_of_the_states_agree() {
        for state in ZoneState::ALL {
            assert_eq!(serde_json::to_value(state).unwrap(), state.as_str());
            assert_eq!(ZoneState::from_word(state.as_str()), Some(state));
        }
        assert_eq!(ZoneState::from_word("available"), None);
    }

    #[test]
    fn history_forgets_the_oldest() {
        let mut status = ZoneStatus::default();
        for n in 0..40 {
            status.remember(VisitRecord {
                at: Timestamp(n),
                duration: 1,
                cause: VisitCause::Refresh,
                outcome: VisitOutcome::UpToDate,
                from: None,
                to: None,
                primary: None,
                transfer: None,
                failure: None,
                clear_text: false,
            });
        }
        assert_eq!(status.history.len(), ZoneStatus::HISTORY);
        assert_eq!(status.history.back().unwrap().at, Timestamp(39));
    }
}
