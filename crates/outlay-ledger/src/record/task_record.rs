use std::sync::Arc;
use std::time::{Duration, SystemTime};

use outlay_price::Usd;

use super::call_record::{CallRecord, ChargeRecord};
use crate::{BudgetExceeded, BudgetStatus, Dimensions, Outcome, RefusedCalls, ScopeKind, TaskId, Totals};

/// A task as it stood when its report was made.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TaskRecord {
    /// This run's id.
    pub id: TaskId,
    /// The task's tree.
    pub root: ScopeRecord,
    /// Whose it is.
    pub dimensions: Dimensions,
    /// How it ended.
    pub outcome: Outcome,
    /// Its budget, where it has one.
    pub budget: Option<BudgetStatus>,
    /// Calls that its budgets refused; the first 100.
    pub refusals: Vec<BudgetExceeded>,
    /// The number of this task's calls that budgets refused.
    pub refused_by_budgets: u64,
    /// Calls that were refused by other than budgets: because it was stopped, or by the policy.
    pub refused_otherwise: Option<RefusedCalls>,
}

/// One scope of a task, with what it held.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ScopeRecord {
    /// What the scope is.
    pub kind: ScopeKind,
    /// Its name.
    pub name: Arc<str>,
    /// When it started.
    pub started: SystemTime,
    /// When its own code ended; `None` while it runs.
    pub ended: Option<SystemTime>,
    /// Why it failed, if it did.
    pub failure: Option<Arc<str>>,
    /// What it and all below it cost.
    pub totals: Totals,
    /// What it held, in the order in which it settled.
    pub children: Vec<Record>,
    /// What it held beyond what a report keeps.
    pub elided: Elided,
}

/// Something that a scope held.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Record {
    /// A scope of its own.
    Scope(Arc<ScopeRecord>),
    /// A model call.
    Call(Box<CallRecord>),
    /// An external charge.
    Charge(ChargeRecord),
    /// Work that another process did.
    Remote(Box<RemoteRecord>),
}

/// Work that another process did, as its receipt says.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RemoteRecord {
    /// The name that it goes by here.
    pub name: Arc<str>,
    /// What it cost; `None` where the receipt was lost.
    pub totals: Option<Totals>,
    /// When it was asked for.
    pub started: SystemTime,
    /// When its receipt came, or was given up.
    pub ended: SystemTime,
}

/// How much a report leaves out of a scope that held very much. The totals hold it all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Elided {
    /// Calls, charges and scopes left out.
    pub records: u64,
    /// The known part of their cost.
    pub cost: Usd,
}

impl ScopeRecord {
    /// How long the scope's own code ran; `None` while it runs.
    pub fn duration(&self) -> Option<Duration> {
        self.ended.map(|ended| ended.duration_since(self.started).unwrap_or_default())
    }
}

impl Record {
    /// The known part of the cost.
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
