/// What happens to calls while Redis is unreachable or slower than the time limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WhenDown {
    /// Refuses calls, with [`RefusalReason::StoreUnavailable`](outlay_ledger::RefusalReason::StoreUnavailable). No limit is
    /// exceeded.
    Refuse,
    /// Lets each process spend up to a share of a budget's limit, or what was left of it when Redis last reported it; then
    /// refuses calls. What counts is the spending that Redis does not know of yet. In an outage, all processes together
    /// exceed a limit by at most the share times the number of processes.
    Lease {
        /// The share, in percent of each budget's limit.
        percent: u8,
    },
    /// Lets calls through and marks them: `outlay.budget.store` = `down` on the call's span. A limit is exceeded by
    /// whatever is spent in the meantime.
    AllowAndMark,
}

impl Default for WhenDown {
    /// Returns a lease of 10 percent of each budget for each process.
    fn default() -> Self {
        Self::Lease { percent: 10 }
    }
}
