use std::sync::Arc;

use crate::{Dimensions, ReceiptId, TaskId};

/// The identity of a task, for events and alerts. It does not keep the task alive.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TaskFacts {
    /// The task's id. All parts of a task that spans several processes share it.
    pub id: TaskId,
    /// The id of this run. Each part of a task has its own.
    pub run: ReceiptId,
    /// The task's name.
    pub name: Arc<str>,
    /// The task's dimensions.
    pub dimensions: Arc<Dimensions>,
}
