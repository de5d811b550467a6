//! Whose alert it is that a store tells later, without keeping what the task was.

use std::sync::{Arc, Weak};

use crate::ledger::Inner as LedgerInner;
use crate::scope::Inner as ScopeInner;
use crate::{Caller, Dimensions, Scope, TaskId, TaskSpec};

/// A scope, as long as it is there, and then a stand-in of the same task. A settlement may wait for long: the task would
/// stay with all its records, and with the ledger the store that waits to end.
#[derive(Debug)]
pub(super) struct Whose {
    scope: Weak<ScopeInner>,
    ledger: Weak<LedgerInner>,
    task: TaskId,
    name: Arc<str>,
    dimensions: Arc<Dimensions>,
    conversation: Option<Arc<str>>,
}

impl Whose {
    pub(super) fn of(scope: &Scope) -> Self {
        Self {
            scope: Arc::downgrade(&scope.0),
            ledger: Arc::downgrade(&scope.0.task.ledger),
            task: scope.task_id(),
            name: scope.task_name().clone(),
            dimensions: scope.dimensions().clone(),
            conversation: scope.conversation().cloned(),
        }
    }

    /// `None` where nobody has the ledger any more.
    pub(super) fn scope(&self) -> Option<Scope> {
        if let Some(scope) = self.scope.upgrade() {
            return Some(Scope(scope));
        }
        let ledger = self.ledger.upgrade()?;
        // What joins a task has its id.
        let spec = TaskSpec::join(Caller::new(self.task, &self.name)).dimensions((*self.dimensions).clone());
        let spec = TaskSpec { watched: false, conversation: self.conversation.clone(), ..spec };
        Some(Scope::new_task(&ledger, spec, 0))
    }
}
