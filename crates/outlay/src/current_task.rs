use outlay_ledger::{Dimensions, TaskId, Totals};
use outlay_otel::{OutcomeToken, TracedScope, current};

/// The task that the calling code runs in. Returned by [`current_task`].
///
/// It may be kept and sent to other threads. It does not keep the task open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CurrentTask {
    scope: TracedScope,
}

/// Returns the innermost task that the calling code runs in, or `None` outside any task.
///
/// ```
/// use outlay::{Outlay, Usd};
///
/// fn search() {
///     outlay::charge("serp-api", Usd::from_cents(1));
///     if let Some(task) = outlay::current_task() {
///         println!("{} has cost {} so far", task.id(), task.totals().cost());
///     }
/// }
///
/// let outlay = Outlay::builder().build();
/// let task = outlay.task("resolve-ticket").team("support").start();
/// task.run_sync(|| outlay::tool("search").run_sync(search));
/// ```
pub fn current_task() -> Option<CurrentTask> {
    current()?.nearest_task().map(|scope| CurrentTask { scope })
}

impl CurrentTask {
    #[cfg(feature = "tower")]
    pub(crate) const fn new(scope: TracedScope) -> Self {
        Self { scope }
    }

    /// Returns the task's id.
    pub fn id(&self) -> TaskId {
        self.scope.in_ledger().task_id()
    }

    /// Returns the task's name.
    pub fn name(&self) -> &str {
        self.scope.in_ledger().task_name()
    }

    /// Returns what the task has cost so far.
    pub fn totals(&self) -> Totals {
        self.scope.in_ledger().totals()
    }

    /// Returns the task's dimensions, with those that it inherits.
    pub fn dimensions(&self) -> &Dimensions {
        self.scope.in_ledger().dimensions()
    }

    /// Returns a token with which any process can set the task's outcome later, see
    /// [`Outlay::record_outcome`](crate::Outlay::record_outcome).
    pub fn outcome_token(&self) -> OutcomeToken {
        self.scope.outcome_token()
    }

    /// Marks the task as failed: what was spent in it counts as wasted, and its outcome is a failure unless
    /// [`Task::finish`](crate::Task::finish) is called with another one. Only the first reason is kept.
    ///
    /// The reason is recorded on the span, so it should contain no prompt or completion text.
    pub fn fail(&self, reason: &str) {
        self.scope.in_ledger().fail(reason);
    }
}
