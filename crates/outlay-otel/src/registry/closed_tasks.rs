//! The closed tasks, for outcomes that are set later.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hashbrown::HashMap;
use opentelemetry::trace::SpanContext;
use outlay_ledger::{Dimensions, Outcome, Scope, TaskId};
use outlay_price::{CostStatus, Usd};

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
    pub(crate) conversation: Option<Arc<str>>,
    /// `None` if it is a task of another process, and its outcome there is not known.
    pub(crate) outcome: Option<Outcome>,
    pub(crate) span: Option<SpanContext>,
    /// What the task has cost, if another process has told it.
    pub(crate) cost: Option<(Option<Usd>, CostStatus)>,
}

impl ClosedTasks {
    pub(crate) fn add(&self, task: &Scope, span: Option<SpanContext>, outcome: Outcome) {
        let (name, dimensions) = (task.task_name().clone(), task.dimensions().clone());
        let conversation = task.conversation().cloned();
        let closed = ClosedTask { name, dimensions, conversation, outcome: Some(outcome), span, cost: None };
        self.lock().insert(task.task_id(), closed);
    }

    /// Sets the outcome of a closed task. Returns the task as it was before.
    pub(crate) fn revise(&self, id: TaskId, outcome: Outcome) -> Option<ClosedTask> {
        self.lock().revise(id, outcome)
    }

    /// Sets the outcome of a task of another process. Returns the task as it was before: as this process knows it, else as
    /// the other process has told.
    pub(crate) fn revise_foreign(&self, id: TaskId, told: ClosedTask, outcome: Outcome) -> ClosedTask {
        let mut remembered = self.lock();
        if let Some(before) = remembered.revise(id, outcome) {
            return before;
        }
        remembered.insert(id, ClosedTask { outcome: Some(outcome), ..told.clone() });
        told
    }

    fn lock(&self) -> MutexGuard<'_, Remembered> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Remembered {
    fn insert(&mut self, id: TaskId, task: ClosedTask) {
        if self.tasks.insert(id, task).is_none() {
            self.order.push_back(id);
        }
        if self.order.len() > MAX_TASKS
            && let Some(oldest) = self.order.pop_front()
        {
            self.tasks.remove(&oldest);
        }
    }

    fn revise(&mut self, id: TaskId, outcome: Outcome) -> Option<ClosedTask> {
        let task = self.tasks.get_mut(&id)?;
        let before = task.clone();
        task.outcome = Some(outcome);
        Some(before)
    }
}

impl fmt::Debug for ClosedTasks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClosedTasks")
    }
}
