use std::sync::Arc;

use outlay_ledger::{AlertKind, TaskId};

/// An alert, with where to look.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Notice {
    /// The name of what tells it: that of a budget's scope or rule, of what is stopped, of a task.
    pub name: String,
    /// What happened.
    pub kind: AlertKind,
    /// The task in which it happened.
    pub task_id: TaskId,
    /// That task's name.
    pub task: Arc<str>,
    /// The trace that it is in, as 32 hexadecimal digits.
    pub trace_id: Option<String>,
}
