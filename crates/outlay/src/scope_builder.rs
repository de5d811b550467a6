use std::fmt;
use std::future::Future;
use std::panic::Location;

use outlay_ledger::{Budget, Hold, StepKind};
use outlay_otel::{OpenScope, OwnedEnteredScope, TracedScope, current};

use crate::default_outlay::current_or_outside;
use crate::run::{RETURNED_AN_ERROR, Run, TryRun};

/// A builder for an agent or a step. Returned by [`agent`](crate::agent), [`plan`](crate::plan), [`tool`](crate::tool),
/// [`step`](crate::step) and [`retry`](crate::retry).
///
/// The agent or step belongs to the scope in which the builder was created, even if it runs elsewhere, as in a spawned
/// task.
#[derive(Debug)]
#[must_use = "a scope opens only when it runs: call run, try_run, run_sync, try_run_sync or enter"]
pub struct ScopeBuilder {
    kind: Kind,
    name: Box<str>,
    tool_call: Option<Box<str>>,
    budgets: Vec<Budget>,
    parent: Option<TracedScope>,
    /// Where the application created it.
    made_at: &'static Location<'static>,
    /// Keeps the parent open until this scope opens, so that the caller's receipt includes its cost.
    _hold: Option<Hold>,
}

#[derive(Debug)]
enum Kind {
    Agent,
    Step(StepKind),
}

impl Kind {
    /// Returns the name of the function that creates such scopes.
    const fn function(&self) -> &'static str {
        match self {
            Self::Agent => "outlay::agent",
            Self::Step(StepKind::Plan) => "outlay::plan",
            Self::Step(StepKind::Tool) => "outlay::tool",
            Self::Step(StepKind::Retry) => "outlay::retry",
            Self::Step(_) => "outlay::step",
        }
    }
}

impl ScopeBuilder {
    #[track_caller]
    pub(crate) fn agent(name: &str) -> Self {
        Self::new(Kind::Agent, name)
    }

    #[track_caller]
    pub(crate) fn step(kind: StepKind, name: &str) -> Self {
        Self::new(Kind::Step(kind), name)
    }

    #[track_caller]
    fn new(kind: Kind, name: &str) -> Self {
        let parent = current();
        let _hold = parent.as_ref().and_then(|scope| scope.in_ledger().hold());
        Self {
            kind,
            name: name.into(),
            tool_call: None,
            budgets: Vec::new(),
            parent,
            made_at: Location::caller(),
            _hold,
        }
    }

    /// Adds a budget for the agent or step: an amount, or a [`Budget`]. Several budgets apply together. Defaults to no
    /// budget of its own.
    ///
    /// ```
    /// # async fn f(client: aws_sdk_bedrockruntime::Client) {
    /// use outlay::{Budget, Usd};
    ///
    /// let research = outlay::agent("researcher").budget(Usd::from_cents(10)).budget(Budget::turns(8));
    /// research.run(async { /* ... */ }).await;
    /// # }
    /// ```
    pub fn budget(mut self, budget: impl Into<Budget>) -> Self {
        self.budgets.push(budget.into());
        self
    }

    /// Sets the model's id of the tool call that this step answers: `gen_ai.tool.call.id`. Defaults to none.
    pub fn tool_call_id(mut self, id: &str) -> Self {
        self.tool_call = Some(id.into());
        self
    }

    /// Runs a future in the scope, and returns its output unchanged. The scope ends with the future, even if the future is
    /// dropped.
    pub fn run<F: Future>(self, future: F) -> Run<F> {
        Run::new(self, future)
    }

    /// Like [`run`](Self::run), but marks the scope as failed on `Err`.
    pub fn try_run<F: Future<Output = Result<T, E>>, T, E>(self, future: F) -> TryRun<F> {
        TryRun::new(self, future)
    }

    /// Runs a closure in the scope, and returns its output unchanged.
    pub fn run_sync<T>(self, f: impl FnOnce() -> T) -> T {
        let _entered = self.enter();
        f()
    }

    /// Like [`run_sync`](Self::run_sync), but marks the scope as failed on `Err`.
    pub fn try_run_sync<T, E>(self, f: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        let entered = self.enter();
        let result = f();
        if result.is_err() {
            entered.fail(RETURNED_AN_ERROR);
        }
        result
    }

    /// Makes the scope current on this thread until the guard is dropped, which ends the scope. The guard is not `Send`: do
    /// not hold it across an `.await`.
    pub fn enter(self) -> ScopeEntered {
        ScopeEntered { entered: self.open().map(OpenScope::entered) }
    }

    /// Opens the scope. Returns `None` before any `Outlay` is built: the code then runs without being counted.
    pub(crate) fn open(&self) -> Option<OpenScope> {
        let outside = || current_or_outside(self.kind.function(), self.made_at);
        let parent = self.parent.clone().or_else(outside)?;
        Some(match &self.kind {
            Kind::Agent => OpenScope::agent(&parent, &self.name, &self.budgets),
            Kind::Step(kind) => {
                OpenScope::step(&parent, kind.clone(), &self.name, &self.budgets, self.tool_call.as_deref())
            }
        })
    }
}

/// A guard for a scope that is current on this thread. Dropping it ends the scope.
#[must_use = "the scope ends when the guard is dropped"]
pub struct ScopeEntered {
    entered: Option<OwnedEnteredScope>,
}

impl ScopeEntered {
    /// Marks the scope as failed: what was spent in it counts as wasted. Only the first reason is kept.
    pub fn fail(&self, reason: &str) {
        if let Some(entered) = &self.entered {
            entered.open_scope().fail(reason);
        }
    }
}

impl fmt::Debug for ScopeEntered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScopeEntered").finish_non_exhaustive()
    }
}
