use outlay_price::Usd;

use super::attribution::Spend;
use super::cost_series::CostSeries;
use super::counter::{Counters, Sum};
use super::labels::{CallLabels, GraduationLabels, KindLabels, NamedLabels, TaskLabels};

/// The exact sums of the counters. They start at 0 and are reported when metrics are collected.
#[derive(Debug, Default)]
pub(super) struct Sums {
    pub(super) cost: CostSeries,
    pub(super) spend: Spend,
    pub(super) phase_cost: Counters<KindLabels, Usd>,
    pub(super) tasks: Counters<TaskLabels, u64>,
    pub(super) outcome_value: Counters<TaskLabels, Usd>,
    pub(super) withdrawn_value: Counters<TaskLabels, Usd>,
    pub(super) outcomes_revised: Counters<TaskLabels, u64>,
    pub(super) wasted: Counters<TaskLabels, Usd>,
    pub(super) calls: Counters<CallLabels, CallSums>,
    pub(super) budget_refused: Counters<NamedLabels, u64>,
    pub(super) budget_would_refuse: Counters<NamedLabels, u64>,
    pub(super) budget_forgotten: Counters<NamedLabels, u64>,
    pub(super) policy_violations: Counters<NamedLabels, u64>,
    pub(super) graduations: Counters<GraduationLabels, u64>,
}

/// The counts of calls, which share one lookup.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct CallSums {
    pub(super) calls: u64,
    /// The HTTP attempts; `None` for refused calls, which have none.
    pub(super) attempts: Option<u64>,
    /// The calls with a part that has no price; `None` for refused calls.
    pub(super) unpriced: Option<u64>,
    /// The cost outside any task; `None` if there was no such call.
    pub(super) unattributed: Option<Usd>,
    /// The calls that the store of shared budgets could not check; `None` if there is no store.
    pub(super) unchecked: Option<u64>,
}

impl Sum for CallSums {
    fn add(self, other: Self) -> Self {
        Self {
            calls: self.calls.saturating_add(other.calls),
            attempts: add_known(self.attempts, other.attempts),
            unpriced: add_known(self.unpriced, other.unpriced),
            unattributed: add_known(self.unattributed, other.unattributed),
            unchecked: add_known(self.unchecked, other.unchecked),
        }
    }
}

fn add_known<T: Sum>(sum: Option<T>, more: Option<T>) -> Option<T> {
    match (sum, more) {
        (Some(sum), Some(more)) => Some(sum.add(more)),
        (sum, more) => sum.or(more),
    }
}
