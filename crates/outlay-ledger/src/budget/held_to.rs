use std::sync::{Arc, PoisonError};

use super::BudgetCell;
use crate::sync::RwLock;

/// The budgets that hold a call in a scope, outermost first: of tasks, of rules, of agents and steps.
#[derive(Debug)]
pub(crate) enum HeldTo {
    /// Those that were in force when its task started.
    Then(Arc<[Arc<BudgetCell>]>),
    /// Those that are: of what is in no task, which never starts anew.
    Now(Box<RwLock<Arc<[Arc<BudgetCell>]>>>),
}

impl HeldTo {
    pub(crate) fn with<R>(&self, use_them: impl FnOnce(&[Arc<BudgetCell>]) -> R) -> R {
        match self {
            Self::Then(cells) => use_them(cells),
            Self::Now(_) => use_them(&self.shared()),
        }
    }

    pub(crate) fn shared(&self) -> Arc<[Arc<BudgetCell>]> {
        match self {
            Self::Then(cells) => cells.clone(),
            Self::Now(cells) => cells.read().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }

    /// Puts others in their place, where they are those that are in force.
    pub(crate) fn renew(&self, cells: Vec<Arc<BudgetCell>>) {
        if let Self::Now(now) = self {
            let before = std::mem::replace(&mut *now.write().unwrap_or_else(PoisonError::into_inner), cells.into());
            drop(before);
        }
    }
}
