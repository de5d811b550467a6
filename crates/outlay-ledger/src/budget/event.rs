use std::fmt;
use std::sync::Arc;

use super::{BudgetCell, BudgetExceeded, BudgetStatus};
use crate::Scope;

/// Something that a budget tells.
#[derive(Debug)]
#[non_exhaustive]
pub struct BudgetEvent<'a> {
    /// The name that the budget goes by: that of its scope, or of its rule.
    pub budget: &'a str,
    /// The scope in which it happened.
    pub scope: &'a Scope,
    /// What happened.
    pub kind: &'a BudgetEventKind,
}

/// What a budget tells.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BudgetEventKind {
    /// So much of the limit is spent as its soft limit says; told once in a period.
    SoftLimit(BudgetStatus),
    /// It refused a call.
    Refused(BudgetExceeded),
    /// It would have refused a call, if it did more than observe.
    WouldRefuse(BudgetExceeded),
}

/// Told of what budgets tell, without any lock held.
pub(crate) struct Observer(pub(crate) Box<dyn Fn(&BudgetEvent<'_>) + Send + Sync>);

impl fmt::Debug for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Observer")
    }
}

/// What is to be told once the locks are gone; nearly always nothing.
#[derive(Debug, Default)]
pub(crate) struct Events(Vec<(Arc<BudgetCell>, BudgetEventKind)>);

impl Events {
    pub(crate) fn push(&mut self, cell: &Arc<BudgetCell>, kind: BudgetEventKind) {
        self.0.push((cell.clone(), kind));
    }

    /// Tells them, as of `scope`.
    pub(crate) fn tell(self, scope: &Scope) {
        if self.0.is_empty() {
            return;
        }
        let Some(observer) = scope.budget_observer() else { return };
        for (cell, kind) in &self.0 {
            (observer.0)(&BudgetEvent { budget: &cell.name, scope, kind });
        }
    }
}
