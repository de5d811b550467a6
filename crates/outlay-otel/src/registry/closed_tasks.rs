//! The tasks that have closed, for outcomes that are set later.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use hashbrown::HashMap;
use opentelemetry::trace::SpanContext;
use outlay_ledger::{Dimensions, Outcome, Scope, TaskId};

/// As many tasks that have closed are remembered; beyond it the one that closed first is forgotten.
const MAX_TASKS: usize = 10_000;

/// The tasks that have closed, and how.
#[derive(Default)]
pub(crate) struct ClosedTasks(Mutex<Remembered>);

#[derive(Default)]
struct Remembered {
    tasks: HashMap<TaskId, ClosedTask>,
    /// In the order in which they closed.
    order: VecDeque<TaskId>,
}

/// What is remembered of one: no more than what a late outcome needs.
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

    /// The task as it was before; from now on it has ended so.
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
