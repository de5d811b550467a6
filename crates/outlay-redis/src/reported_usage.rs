use std::time::Duration;

/// The usage of a budget, as reported by Redis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ReportedUsage {
    /// The index of the budget in the ask.
    pub(crate) hold: usize,
    /// The units spent and settled by all processes.
    pub(crate) spent: i128,
    /// The units used by all processes: spent, or reserved.
    pub(crate) used: i128,
    /// The time until the budget's period ends, after which the report no longer applies.
    pub(crate) left: Option<Duration>,
}
