use std::sync::Arc;

use crate::{Dimensions, ReceiptId, TaskId};

/// Which task it is: what events and alerts say of it, without keeping it alive.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TaskFacts {
    /// The task's id. All parts of a task that several processes work on have the same.
    pub id: TaskId,
    /// This run's id. Each part of a task has its own.
    pub run: ReceiptId,
    /// The task's name.
    pub name: Arc<str>,
    /// Who owns the task.
    pub dimensions: Arc<Dimensions>,
}
