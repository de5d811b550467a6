//! The tasks that are open now, so that a runaway is found while it runs.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use hashbrown::HashMap;
use opentelemetry::TraceId;
use opentelemetry::trace::SpanContext;
use outlay_ledger::{Dimensions, ReceiptId, Scope, TaskId, Totals, WeakScope};
use outlay_price::Usd;
use serde::{Serialize, Serializer};

use crate::metrics::OpenByName;

/// A snapshot of an open task.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct OpenTask {
    /// The id of the task.
    pub id: TaskId,
    /// The name of the task.
    #[serde(serialize_with = "by_reference")]
    pub name: Arc<str>,
    /// The dimensions of the task.
    #[serde(serialize_with = "by_reference")]
    pub dimensions: Arc<Dimensions>,
    /// The totals so far, with the number of turns.
    pub totals: Totals,
    /// How long the task has been open.
    #[serde(rename = "age_seconds", serialize_with = "seconds")]
    pub age: Duration,
    /// Why the task is stopped, if it is. `None` if only its kind of tasks is stopped.
    #[serde(serialize_with = "optional_text")]
    pub stopped: Option<Arc<str>>,
    /// The id of the trace, as 32 hexadecimal digits.
    pub trace_id: Option<String>,
}

fn by_reference<T: Serialize + ?Sized, S: Serializer>(value: &Arc<T>, serializer: S) -> Result<S::Ok, S::Error> {
    (**value).serialize(serializer)
}

fn optional_text<S: Serializer>(text: &Option<Arc<str>>, serializer: S) -> Result<S::Ok, S::Error> {
    text.as_deref().serialize(serializer)
}

fn seconds<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(duration.as_secs_f64())
}

/// The open tasks. A task that several processes work on may have several parts here.
#[derive(Default)]
pub(crate) struct OpenTasks(Mutex<HashMap<TaskId, Vec<Part>>>);

struct Part {
    run: ReceiptId,
    scope: WeakScope,
    span: Option<SpanContext>,
}

impl OpenTasks {
    pub(crate) fn add(&self, task: &Scope, span: Option<SpanContext>) {
        let part = Part { run: task.run_id(), scope: task.downgrade(), span };
        let mut open = self.lock();
        let parts = open.entry(task.task_id()).or_default();
        parts.reserve_exact(1);
        parts.push(part);
    }

    pub(crate) fn remove(&self, task: &Scope) {
        let mut open = self.lock();
        if let Some(parts) = open.get_mut(&task.task_id()) {
            parts.retain(|part| part.run != task.run_id());
            if parts.is_empty() {
                open.remove(&task.task_id());
            }
        }
    }

    /// Returns the trace of an open task.
    pub(crate) fn trace_of(&self, task: TaskId) -> Option<TraceId> {
        // The scope is dropped without the lock: if it is the last reference, its span ends.
        let (_scope, span) = self.find_part(task)?;
        span.map(|span| span.trace_id())
    }

    /// Returns all parts of a task.
    pub(crate) fn find(&self, task: TaskId) -> Vec<Scope> {
        self.lock().get(&task).into_iter().flatten().filter_map(|part| part.scope.upgrade()).collect()
    }

    /// Returns the number of open tasks. Several parts of one task count once.
    pub(crate) fn count(&self) -> usize {
        self.lock().values().filter(|parts| parts.iter().any(|part| part.scope.upgrade().is_some())).count()
    }

    /// Returns the open tasks, the most expensive first.
    pub(crate) fn list(&self, now: SystemTime) -> Vec<OpenTask> {
        let mut open: Vec<OpenTask> =
            self.all().iter().map(|(task, span)| describe(task, span.as_ref(), now)).collect();
        open.sort_by_key(|task| std::cmp::Reverse(task.totals.cost().usd()));
        open
    }

    fn find_part(&self, task: TaskId) -> Option<(Scope, Option<SpanContext>)> {
        self.lock().get(&task)?.iter().find_map(|part| Some((part.scope.upgrade()?, part.span.clone())))
    }

    /// Returns all open tasks. They are used without the lock, because a task takes locks of its own.
    fn all(&self) -> Vec<(Scope, Option<SpanContext>)> {
        let upgrade = |part: &Part| Some((part.scope.upgrade()?, part.span.clone()));
        self.lock().values().flatten().filter_map(upgrade).collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<TaskId, Vec<Part>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for OpenTasks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OpenTasks").field(&self.lock().len()).finish()
    }
}

impl OpenByName for OpenTasks {
    fn by_name(&self) -> HashMap<Arc<str>, (u64, Usd)> {
        let mut names: HashMap<Arc<str>, (u64, Usd)> = HashMap::new();
        // A task of another process that continues here is counted as open there.
        for (task, _) in self.all().iter().filter(|(task, _)| task.joined().is_none()) {
            let (count, max_cost) = names.entry(task.task_name().clone()).or_default();
            *count += 1;
            *max_cost = (*max_cost).max(task.running().0);
        }
        names
    }
}

fn describe(task: &Scope, span: Option<&SpanContext>, now: SystemTime) -> OpenTask {
    OpenTask {
        id: task.task_id(),
        name: task.task_name().clone(),
        dimensions: task.dimensions().clone(),
        totals: task.totals(),
        age: now.duration_since(task.started()).unwrap_or_default(),
        stopped: task.stop_reason(),
        trace_id: span.map(SpanContext::trace_id).filter(|id| *id != TraceId::INVALID).map(|id| id.to_string()),
    }
}
