use std::fmt;
use std::future::Future;
use std::sync::atomic::{AtomicU8, Ordering};

use opentelemetry::trace::TraceContextExt as _;
use outlay_ledger::{BudgetExceeded, Outcome, OutcomeKind, Receipt, RefusedCalls, TaskId, Totals};
use outlay_otel::{OpenScope, ScopeEntered};
use outlay_price::Usd;
use outlay_report::Report;

use crate::run::TaskRun;

/// One request to an agent, from its start to its outcome: the unit of a total.
///
/// Dropped without [`finish`](Self::finish), it takes the outcome of its last [`try_run`](Self::try_run); with none it
/// is abandoned.
pub struct Task {
    open: OpenScope,
    last: LastRun,
}

/// The result of the last `try_run`.
#[derive(Default)]
struct LastRun(AtomicU8);

impl LastRun {
    const OK: u8 = 1;
    const ERR: u8 = 2;

    fn set(&self, ok: bool) {
        self.0.store(if ok { Self::OK } else { Self::ERR }, Ordering::Relaxed);
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
        Self { open, last: LastRun::default() }
    }

    /// This run's id.
    pub fn id(&self) -> TaskId {
        self.open.scope().in_ledger().task_id()
    }

    /// Runs a future in the task, and returns its output untouched, whatever it is. The task goes on after it.
    pub fn run<F: Future>(&self, future: F) -> TaskRun<'_, F, impl Fn(&Self, &F::Output) + use<F>> {
        TaskRun::new(self, future, |_: &Self, _: &F::Output| {})
    }

    /// The same for a future of a `Result`, which decides the task's outcome where nobody says another.
    pub fn try_run<F, T, E>(&self, future: F) -> TaskRun<'_, F, impl Fn(&Self, &Result<T, E>) + use<F, T, E>>
    where
        F: Future<Output = Result<T, E>>,
    {
        TaskRun::new(self, future, |task: &Self, result: &Result<T, E>| task.last.set(result.is_ok()))
    }

    /// Runs a closure in the task, and returns its output untouched.
    pub fn run_sync<T>(&self, f: impl FnOnce() -> T) -> T {
        let _entered = self.enter();
        f()
    }

    /// The same for a closure that returns a `Result`, which decides the task's outcome where nobody says another.
    pub fn try_run_sync<T, E>(&self, f: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        let result = self.run_sync(f);
        self.last.set(result.is_ok());
        result
    }

    /// Makes the task current on this thread until the guard is dropped. The guard is not `Send`: do not hold it over
    /// an `.await`.
    pub fn enter(&self) -> TaskEntered<'_> {
        TaskEntered { _entered: self.open.enter() }
    }

    /// Charges the task for something that is no model call. It acts at once.
    pub fn charge(&self, name: &str, amount: Usd) {
        let _entered = self.enter();
        self.open.scope().charge(name, amount);
    }

    /// What the task has cost so far.
    pub fn totals(&self) -> Totals {
        self.open.scope().in_ledger().totals()
    }

    /// What the task cost, for the process that asked for it: JSON in one line, as `Display` writes it. It is final once
    /// the task has finished and nothing in it is open; before, it only says which run it is of.
    ///
    /// Work that goes on in a spawned task is waited for, up to the late limit, where it has the scope by
    /// [`in_scope`](crate::in_scope), or is an agent or a step that was made here; where it has it by its `tracing` span
    /// alone, it is not.
    pub fn receipt(&self) -> Receipt {
        self.open.scope().in_ledger().receipt()
    }

    /// The calls that the task's budget refused, whatever a framework made of the error; the first 100.
    pub fn refusals(&self) -> Vec<BudgetExceeded> {
        self.open.scope().in_ledger().refusals()
    }

    /// The calls that were refused by other than budgets: because the task was stopped, or by the policy.
    pub fn refused_otherwise(&self) -> Option<RefusedCalls> {
        self.open.scope().in_ledger().refused_otherwise()
    }

    /// Ends the task with an outcome, and returns its report. It returns at once: what is still open settles in the
    /// background, and the report says how many calls that are. Finishing again only changes the outcome of a task
    /// whose span has not ended.
    pub fn finish(&self, outcome: Outcome) -> Report {
        self.end(outcome);
        let report = Report::new(self.open.scope().in_ledger().task_record());
        let span = self.open.context().span().span_context().clone();
        if span.is_valid() { report.with_trace_id(&span.trace_id().to_string()) } else { report }
    }

    /// The same without a report.
    pub(crate) fn end(&self, outcome: Outcome) {
        self.open.set_outcome(outcome);
        if outcome.kind() == OutcomeKind::Failure {
            self.open.fail("its outcome is a failure");
        }
        self.open.finish();
    }

    pub(crate) fn open_scope(&self) -> &OpenScope {
        &self.open
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        let books = self.open.scope().in_ledger();
        if books.outcome().is_none() {
            let outcome = self.last.outcome();
            books.set_outcome(outcome);
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

/// A task that is current on this thread.
#[derive(Debug)]
#[must_use = "the task is current only while the guard lives"]
pub struct TaskEntered<'a> {
    _entered: ScopeEntered<'a>,
}
