use std::sync::{Arc, PoisonError};

use super::BudgetCell;
use crate::sync::RwLock;

/// The budgets that hold a call in a scope, outermost first: of tasks, of rules, of agents and steps.
#[derive(Debug)]
pub(crate) enum HeldBy {
    /// Those that were in force when the task started.
    Snapshot(Arc<[Arc<BudgetCell>]>),
    /// Those that are in force now. This is for work outside tasks.
    Live(Box<RwLock<Arc<[Arc<BudgetCell>]>>>),
}

impl HeldBy {
    pub(crate) fn with<R>(&self, use_them: impl FnOnce(&[Arc<BudgetCell>]) -> R) -> R {
        match self {
            Self::Snapshot(cells) => use_them(cells),
            Self::Live(_) => use_them(&self.shared()),
        }
    }

    pub(crate) fn shared(&self) -> Arc<[Arc<BudgetCell>]> {
        match self {
            Self::Snapshot(cells) => cells.clone(),
            Self::Live(cells) => cells.read().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }

    /// Puts others in their place, where they are those that are in force.
    pub(crate) fn renew(&self, cells: Vec<Arc<BudgetCell>>) {
        if let Self::Live(live) = self {
            let before = std::mem::replace(&mut *live.write().unwrap_or_else(PoisonError::into_inner), cells.into());
            drop(before);
        }
    }
}
