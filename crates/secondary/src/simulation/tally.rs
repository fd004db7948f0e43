//! What happened, counted: a promise that is never put to the test is worth nothing.

/// What happened in a world, counted.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    pub(super) visits: u64,
    pub(super) failed: u64,
    pub(super) up_to_date: u64,
    pub(super) confirmed: u64,
    pub(super) whole: u64,
    pub(super) differences: u64,
    pub(super) not_taken: u64,
    pub(super) unpublished: u64,
    pub(super) expired: u64,
    pub(super) revived_lower: u64,
    pub(super) restarts: u64,
    pub(super) forged: u64,
    pub(super) notifies: u64,
}

impl Tally {
    pub(super) fn add(&mut self, other: &Self) {
        let Self {
            visits,
            failed,
            up_to_date,
            confirmed,
            whole,
            differences,
            not_taken,
            unpublished,
            expired,
            revived_lower,
            restarts,
            forged,
            notifies,
        } = other;
        self.visits += visits;
        self.failed += failed;
        self.up_to_date += up_to_date;
        self.confirmed += confirmed;
        self.whole += whole;
        self.differences += differences;
        self.not_taken += not_taken;
        self.unpublished += unpublished;
        self.expired += expired;
        self.revived_lower += revived_lower;
        self.restarts += restarts;
        self.forged += forged;
        self.notifies += notifies;
    }

    /// What never happened.
    pub(super) fn missing(&self) -> Option<String> {
        let text = format!("{self:?}");
        text.contains(": 0").then_some(text)
    }
}
