use std::sync::Arc;
use std::time::{Duration, SystemTime};

use outlay_price::Usd;

use super::call_record::{CallRecord, ChargeRecord};
use crate::{BudgetExceeded, BudgetStatus, Dimensions, Outcome, RefusedCalls, ScopeKind, TaskId, Totals};

/// A snapshot of a task for its report.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TaskRecord {
    /// The task's id.
    pub id: TaskId,
    /// The root of the task's tree.
    pub root: ScopeRecord,
    /// The task's dimensions.
    pub dimensions: Dimensions,
    /// The outcome.
    pub outcome: Outcome,
    /// The task's budget, if it has one.
    pub budget: Option<BudgetStatus>,
    /// The calls that budgets refused, as [`Scope::refusals`](crate::Scope::refusals) returns them.
    pub refusals: Vec<BudgetExceeded>,
    /// The number of this task's calls that budgets refused.
    pub refused_by_budgets: u64,
    /// The calls that something other than a budget refused: a stop, or the policy.
    pub non_budget_refusals: Option<RefusedCalls>,
}

/// A scope of a task with its records.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ScopeRecord {
    /// The kind of scope.
    pub kind: ScopeKind,
    /// Its name.
    pub name: Arc<str>,
    /// When it started.
    pub started: SystemTime,
    /// When its own code ended; `None` while it runs.
    pub ended: Option<SystemTime>,
    /// The reason of its failure, if it failed.
    pub failure: Option<Arc<str>>,
    /// The totals of the scope and all scopes below it.
    pub totals: Totals,
    /// The records in the scope, in the order in which they settled.
    pub children: Vec<Record>,
    /// The records that the report leaves out.
    pub elided: Elided,
}

/// An entry in a scope.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Record {
    /// A child scope.
    Scope(Arc<ScopeRecord>),
    /// A model call.
    Call(Box<CallRecord>),
    /// An external charge.
    Charge(ChargeRecord),
    /// Remote work.
    Remote(Box<RemoteRecord>),
}

/// Remote work, from its receipt.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RemoteRecord {
    /// The name of the work in this process.
    pub name: Arc<str>,
    /// The cost; `None` if the receipt was lost.
    pub totals: Option<Totals>,
    /// When the work was requested.
    pub started: SystemTime,
    /// When its receipt arrived or was given up.
    pub ended: SystemTime,
}

/// How much a report leaves out of a scope with very many records. The totals include everything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Elided {
    /// The number of calls, charges and scopes left out.
    pub records: u64,
    /// The known part of their cost.
    pub cost: Usd,
}

impl ScopeRecord {
    /// Returns how long the scope's own code ran, or `None` while it runs.
    pub fn duration(&self) -> Option<Duration> {
        self.ended.map(|ended| ended.duration_since(self.started).unwrap_or_default())
    }
}

impl Record {
    /// Returns the known part of the cost.
    pub fn cost(&self) -> Usd {
        match self {
            Self::Scope(scope) => scope.totals.known(),
            Self::Call(call) => call.charge.total(),
            Self::Charge(charge) => charge.charge.total(),
            Self::Remote(remote) => remote.totals.as_ref().map(Totals::known).unwrap_or_default(),
        }
    }
}

impl Elided {
    pub(crate) fn add(&mut self, cost: Usd) {
        self.records += 1;
        self.cost = self.cost.saturating_add(cost);
    }
}
