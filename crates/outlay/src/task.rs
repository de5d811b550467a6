use std::fmt;
use std::future::Future;
use std::sync::atomic::{AtomicU8, Ordering};

use opentelemetry::trace::TraceContextExt as _;
use outlay_ledger::{BudgetExceeded, Outcome, OutcomeKind, Receipt, RefusedCalls, TaskId, Totals};
use outlay_otel::{EnteredScope, OpenScope, OutcomeToken};
use outlay_price::Usd;
use outlay_report::Report;

#[cfg(doc)]
use crate::CurrentTask;
use crate::run::TaskRun;

/// One request to an agent, from its start to its outcome. Each task has a total of its own.
///
/// If it is dropped without [`finish`](Self::finish), its last [`try_run`](Self::try_run) decides the outcome. Without one,
/// the task is abandoned. If it was marked as failed, by [`fail`](crate::fail) or [`CurrentTask::fail`], it is a failure.
pub struct Task {
    open: OpenScope,
    last_result: LastResult,
}

/// The result of the last `try_run`, if any.
#[derive(Default)]
struct LastResult(AtomicU8);

impl LastResult {
    const OK: u8 = 1;
    const ERR: u8 = 2;

    fn set(&self, is_ok: bool) {
        self.0.store(if is_ok { Self::OK } else { Self::ERR }, Ordering::Relaxed);
    }

    fn outcome(&self) -> Outcome {
        match self.0.load(Ordering::Relaxed) {
            Self::OK => Outcome::success(),
            Self::ERR => Outcome::failure(),
            _ => Outcome::abandoned(),
        }
    }
}

impl Task {
    pub(crate) fn new(open: OpenScope) -> Self {
        Self { open, last_result: LastResult::default() }
    }

    /// Returns the task's id.
    pub fn id(&self) -> TaskId {
        self.open.scope().in_ledger().task_id()
    }

    /// Runs a future in the task, and returns its output unchanged. The task stays open afterwards.
    pub fn run<F: Future>(&self, future: F) -> TaskRun<'_, F, impl Fn(&Self, &F::Output) + use<F>> {
        TaskRun::new(self, future, |_: &Self, _: &F::Output| {})
    }

    /// Like [`run`](Self::run), but the `Result` decides the task's outcome unless another outcome is set.
    pub fn try_run<F, T, E>(&self, future: F) -> TaskRun<'_, F, impl Fn(&Self, &Result<T, E>) + use<F, T, E>>
    where
        F: Future<Output = Result<T, E>>,
    {
        TaskRun::new(self, future, |task: &Self, result: &Result<T, E>| task.last_result.set(result.is_ok()))
    }

    /// Runs a closure in the task, and returns its output unchanged.
    pub fn run_sync<T>(&self, f: impl FnOnce() -> T) -> T {
        let _entered = self.enter();
        f()
    }

    /// Like [`run_sync`](Self::run_sync), but the `Result` decides the task's outcome unless another outcome is set.
    pub fn try_run_sync<T, E>(&self, f: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        let result = self.run_sync(f);
        self.last_result.set(result.is_ok());
        result
    }

    /// Makes the task current on this thread until the guard is dropped. The guard is not `Send`: do not hold it across
    /// an `.await`.
    pub fn enter(&self) -> TaskEntered<'_> {
        TaskEntered { _entered: self.open.enter() }
    }

    /// Charges the task for something other than a model call. The charge is recorded at once.
    pub fn charge(&self, name: &str, amount: Usd) {
        let _entered = self.enter();
        self.open.scope().charge(name, amount);
    }

    /// Returns what the task has cost so far.
    pub fn totals(&self) -> Totals {
        self.open.scope().in_ledger().totals()
    }

    /// Returns the task's cost for the process that asked for it. `Display` writes the receipt as JSON in one line. It is
    /// final once the task has finished and nothing in it is open. Until then it only identifies the run.
    ///
    /// Work in a spawned task is waited for, up to the late limit, if it carries the scope by
    /// [`in_scope`](crate::in_scope), or is an agent or a step that was created here. It is not waited for if only its
    /// `tracing` span ties it to the scope.
    pub fn receipt(&self) -> Receipt {
        self.open.scope().in_ledger().receipt()
    }

    /// Returns a token with which any process can set the task's outcome later, see
    /// [`Outlay::record_outcome`](crate::Outlay::record_outcome).
    pub fn outcome_token(&self) -> OutcomeToken {
        self.open.scope().outcome_token()
    }

    /// Returns the first 100 calls that the task's budget refused, even if a framework replaced their errors.
    pub fn refusals(&self) -> Vec<BudgetExceeded> {
        self.open.scope().in_ledger().refusals()
    }

    /// Returns the calls that were refused because the task was stopped, or by the policy.
    pub fn non_budget_refusals(&self) -> Option<RefusedCalls> {
        self.open.scope().in_ledger().non_budget_refusals()
    }

    /// Ends the task with an outcome, and returns its report at once. Calls that are still open settle in the background,
    /// and the report says how many there are. Finishing again only changes the outcome, and only until the task's span
    /// ends.
    pub fn finish(&self, outcome: Outcome) -> Report {
        self.end(outcome);
        let report = Report::new(self.open.scope().in_ledger().task_record());
        let span = self.open.context().span().span_context().clone();
        if span.is_valid() { report.with_trace_id(&span.trace_id().to_string()) } else { report }
    }

    /// Ends the task like [`finish`](Self::finish), without a report.
    pub(crate) fn end(&self, outcome: Outcome) {
        self.open.set_outcome(outcome);
        if outcome.kind() == OutcomeKind::Failure {
            self.open.fail("its outcome is a failure");
        }
        self.open.finish();
    }

    /// Returns a failure if the task was marked as failed, else the given outcome.
    pub(crate) fn failure_or_else(&self, outcome: impl FnOnce() -> Outcome) -> Outcome {
        let has_failed = self.open.scope().in_ledger().failure().is_some();
        if has_failed { Outcome::failure() } else { outcome() }
    }

    pub(crate) fn open_scope(&self) -> &OpenScope {
        &self.open
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        let scope = self.open.scope().in_ledger();
        if scope.outcome().is_none() {
            let outcome = self.failure_or_else(|| self.last_result.outcome());
            scope.set_outcome(outcome);
            if outcome.kind() == OutcomeKind::Failure {
                self.open.fail(crate::run::RETURNED_AN_ERROR);
            }
        }
    }
}

impl fmt::Debug for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Task").field("id", &self.id()).finish_non_exhaustive()
    }
}

/// A guard for a task that is current on this thread.
#[derive(Debug)]
#[must_use = "the task is current only while the guard lives"]
pub struct TaskEntered<'a> {
    _entered: EnteredScope<'a>,
}
