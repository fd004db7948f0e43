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
    pub(super) refused: u64,
    pub(super) unpublished: u64,
    pub(super) expired: u64,
    pub(super) revived_lower: u64,
    pub(super) restarts: u64,
    pub(super) forged: u64,
    pub(super) notifies: u64,
    pub(super) bad_keys: u64,
    pub(super) no_edns: u64,
    pub(super) storms: u64,
    pub(super) moved: u64,
    pub(super) rekeyed: u64,
    pub(super) left: u64,
    pub(super) came: u64,
    pub(super) called_off: u64,
    pub(super) back: u64,
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
            refused,
            unpublished,
            expired,
            revived_lower,
            restarts,
            forged,
            notifies,
            bad_keys,
            no_edns,
            storms,
            moved,
            rekeyed,
            left,
            came,
            called_off,
            back,
        } = other;
        self.visits += visits;
        self.failed += failed;
        self.up_to_date += up_to_date;
        self.confirmed += confirmed;
        self.whole += whole;
        self.differences += differences;
        self.not_taken += not_taken;
        self.refused += refused;
        self.unpublished += unpublished;
        self.expired += expired;
        self.revived_lower += revived_lower;
        self.restarts += restarts;
        self.forged += forged;
        self.notifies += notifies;
        self.bad_keys += bad_keys;
        self.no_edns += no_edns;
        self.storms += storms;
        self.moved += moved;
        self.rekeyed += rekeyed;
        self.left += left;
        self.came += came;
        self.called_off += called_off;
        self.back += back;
    }

    /// What never happened.
    pub(super) fn missing(&self) -> Option<String> {
        let text = format!("{self:?}");
        text.contains(": 0").then_some(text)
    }
}
