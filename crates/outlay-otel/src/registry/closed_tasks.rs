//! The closed tasks, for outcomes that are set later.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use hashbrown::HashMap;
use opentelemetry::trace::SpanContext;
use outlay_ledger::{Dimensions, Outcome, Scope, TaskId};

/// The maximum number of closed tasks that are kept. The one that closed first is forgotten first.
const MAX_TASKS: usize = 10_000;

/// The closed tasks and their outcomes.
#[derive(Default)]
pub(crate) struct ClosedTasks(Mutex<Remembered>);

#[derive(Default)]
struct Remembered {
    tasks: HashMap<TaskId, ClosedTask>,
    /// The ids in the order in which the tasks closed.
    order: VecDeque<TaskId>,
}

/// The facts about a closed task that a late outcome needs.
#[derive(Clone)]
pub(crate) struct ClosedTask {
    pub(crate) name: Arc<str>,
    pub(crate) dimensions: Arc<Dimensions>,
    pub(crate) outcome: Outcome,
    pub(crate) span: Option<SpanContext>,
}

impl ClosedTasks {
    pub(crate) fn add(&self, task: &Scope, span: Option<SpanContext>, outcome: Outcome) {
        let (name, dimensions) = (task.task_name().clone(), task.dimensions().clone());
        let closed = ClosedTask { name, dimensions, outcome, span };
        let mut remembered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Remembered { tasks, order } = &mut *remembered;
        if tasks.insert(task.task_id(), closed).is_none() {
            order.push_back(task.task_id());
        }
        if order.len() > MAX_TASKS
            && let Some(oldest) = order.pop_front()
        {
            tasks.remove(&oldest);
        }
    }

    /// Sets the outcome of a closed task. Returns the task as it was before.
    pub(crate) fn revise(&self, id: TaskId, outcome: Outcome) -> Option<ClosedTask> {
        let mut remembered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let task = remembered.tasks.get_mut(&id)?;
        let before = task.clone();
        task.outcome = outcome;
        Some(before)
    }
}

impl fmt::Debug for ClosedTasks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClosedTasks")
    }
}
