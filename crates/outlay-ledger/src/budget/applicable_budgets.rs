use std::sync::{Arc, PoisonError};

use super::BudgetCell;
use crate::sync::RwLock;

/// The budgets that apply to a call in a scope, outermost first: of tasks, rules, agents and steps.
#[derive(Debug)]
pub(crate) enum HeldBy {
    /// The budgets in force when the task started.
    Snapshot(Arc<[Arc<BudgetCell>]>),
    /// The budgets in force now, for work outside tasks.
    Live(Box<RwLock<Arc<[Arc<BudgetCell>]>>>),
}

impl HeldBy {
    pub(crate) fn with<R>(&self, read: impl FnOnce(&[Arc<BudgetCell>]) -> R) -> R {
        match self {
            Self::Snapshot(cells) => read(cells),
            Self::Live(_) => read(&self.shared()),
        }
    }

    pub(crate) fn shared(&self) -> Arc<[Arc<BudgetCell>]> {
        match self {
            Self::Snapshot(cells) => cells.clone(),
            Self::Live(cells) => cells.read().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }

    /// Replaces the budgets, if they are live.
    pub(crate) fn renew(&self, cells: Vec<Arc<BudgetCell>>) {
        if let Self::Live(live) = self {
            let before = std::mem::replace(&mut *live.write().unwrap_or_else(PoisonError::into_inner), cells.into());
            drop(before);
        }
    }
}
