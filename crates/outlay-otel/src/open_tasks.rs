//! The tasks that are open now: a runaway is found while it burns.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hashbrown::HashMap;
use opentelemetry::TraceId;
use outlay_ledger::{Dimensions, Outcome, ReceiptId, TaskId, Totals};
use outlay_price::Usd;

use crate::metrics::{self, ClosedTask};
use crate::scope::WeakScope;
use crate::{Engine, Scope};

/// A task that is open, as of now.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct OpenTask {
    /// This run's id.
    pub id: TaskId,
    /// Its name.
    pub name: Arc<str>,
    /// Whose it is.
    pub dimensions: Arc<Dimensions>,
    /// What it has cost so far, and in how many turns.
    pub totals: Totals,
    /// How long it has been open.
    pub age: Duration,
    /// Why it is stopped, if it is. Where all tasks of its kind are, it says nothing.
    pub stopped: Option<Arc<str>>,
    /// The trace that it is in, as 32 hexadecimal digits.
    pub trace_id: Option<String>,
}

/// The tasks that have started and not closed. Of a task that another process asked for there may be several parts.
#[derive(Default)]
pub(crate) struct OpenTasks(Mutex<HashMap<TaskId, Vec<(ReceiptId, WeakScope)>>>);

impl OpenTasks {
    pub(crate) fn add(&self, task: &Scope) {
        let books = task.books();
        let part = (books.run_id(), task.downgrade());
        let mut open = self.lock();
        let parts = open.entry(books.task_id()).or_default();
        parts.reserve_exact(1);
        parts.push(part);
    }

    pub(crate) fn remove(&self, task: &outlay_ledger::Scope) {
        let mut open = self.lock();
        if let Some(parts) = open.get_mut(&task.task_id()) {
            parts.retain(|(run, _)| *run != task.run_id());
            if parts.is_empty() {
                open.remove(&task.task_id());
            }
        }
    }

    /// The trace that an open task is in.
    pub(crate) fn trace_of(&self, task: TaskId) -> Option<TraceId> {
        self.find(task)?.span_context().map(|span| span.trace_id())
    }

    pub(crate) fn find(&self, task: TaskId) -> Option<Scope> {
        self.lock().get(&task)?.iter().find_map(|(_, part)| part.upgrade())
    }

    /// All parts of it.
    pub(crate) fn find_all(&self, task: TaskId) -> Vec<Scope> {
        self.lock().get(&task).into_iter().flatten().filter_map(|(_, part)| part.upgrade()).collect()
    }

    /// Taken out of the lock: what is asked of a task takes locks of its own.
    fn all(&self) -> Vec<Scope> {
        self.lock().values().flatten().filter_map(|(_, part)| part.upgrade()).collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<TaskId, Vec<(ReceiptId, WeakScope)>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for OpenTasks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OpenTasks").field(&self.lock().len()).finish()
    }
}

impl metrics::OpenByName for OpenTasks {
    fn by_name(&self) -> HashMap<Arc<str>, (u64, Usd)> {
        let mut names: HashMap<Arc<str>, (u64, Usd)> = HashMap::new();
        // A task that goes on here is open where it started.
        for task in self.all().into_iter().filter(|task| task.books().joined().is_none()) {
            let (count, most) = names.entry(task.books().task_name().clone()).or_default();
            *count += 1;
            *most = (*most).max(task.books().running().0);
        }
        names
    }
}

impl Engine {
    /// The tasks that are open, the dearest first.
    pub fn open_tasks(&self) -> Vec<OpenTask> {
        let now = self.now();
        let mut open: Vec<OpenTask> = self.inner().open_tasks.all().iter().map(|task| describe(task, now)).collect();
        open.sort_by_key(|task| std::cmp::Reverse(task.totals.cost().usd()));
        open
    }

    pub(crate) fn open_tasks_on_metrics(&self) -> Arc<dyn metrics::OpenByName> {
        self.inner().open_tasks.clone()
    }
}

impl Scope {
    /// The task has closed, with these totals.
    pub(crate) fn closed(&self, totals: &Totals) {
        let (books, engine) = (self.books(), self.engine().inner());
        engine.waiting.task_closed(books.run_id());
        engine.issued.close(self);
        if books.joined().is_some() {
            // How the task ends is for its own process to say.
            engine.open_tasks.remove(books);
            return;
        }
        let outcome = books.outcome().unwrap_or(Outcome::abandoned());
        // In one of the two at any time: an outcome that comes now finds it.
        engine.closed_tasks.add(self, outcome);
        engine.open_tasks.remove(books);
        let ended = books.ended().unwrap_or_else(|| self.engine().now());
        engine.metrics.task_closed(&ClosedTask {
            scope: self,
            totals,
            outcome,
            duration: ended.duration_since(books.started()).unwrap_or_default(),
        });
    }
}

fn describe(task: &Scope, now: std::time::SystemTime) -> OpenTask {
    let books = task.books();
    OpenTask {
        id: books.task_id(),
        name: books.task_name().clone(),
        dimensions: books.dimensions().clone(),
        totals: books.totals(),
        age: now.duration_since(books.started()).unwrap_or_default(),
        stopped: books.stop_reason(),
        trace_id: task
            .span_context()
            .map(|span| span.trace_id())
            .filter(|id| *id != TraceId::INVALID)
            .map(|id| id.to_string()),
    }
}
