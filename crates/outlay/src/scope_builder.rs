use std::fmt;
use std::future::Future;
use std::panic::Location;

use outlay_ledger::{Budget, Hold, StepKind};
use outlay_otel::{OpenScope, OwnedScopeEntered, TracedScope, current};

use crate::default_outlay::current_or_outside;
use crate::run::{RETURNED_AN_ERROR, Run, TryRun};

/// An agent or a step that is about to run. Made by [`agent`](crate::agent), [`plan`](crate::plan),
/// [`tool`](crate::tool), [`step`](crate::step) and [`retry`](crate::retry).
///
/// It belongs to the scope in which it is made, also if it runs elsewhere, as in a spawned task.
#[derive(Debug)]
#[must_use = "a scope holds what runs in it: call run, try_run, run_sync, try_run_sync or enter"]
pub struct ScopeBuilder {
    kind: Kind,
    name: Box<str>,
    tool_call: Option<Box<str>>,
    budgets: Vec<Budget>,
    parent: Option<TracedScope>,
    /// Where the application made it.
    made_at: &'static Location<'static>,
    /// Until it is open: what it will spend is to be in the receipt of who asked.
    _hold: Option<Hold>,
}

#[derive(Debug)]
enum Kind {
    Agent,
    Step(StepKind),
}

impl Kind {
    /// The function that makes such scopes.
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

    /// What the agent or step may spend: an amount, or a [`Budget`]. Several limits hold side by side. Defaults to none
    /// of its own.
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

    /// The id that the model gave the tool call that this step answers: `gen_ai.tool.call.id`.
    pub fn tool_call_id(mut self, id: &str) -> Self {
        self.tool_call = Some(id.into());
        self
    }

    /// Runs a future in the scope, and returns its output untouched, whatever it is. The scope ends with the future,
    /// also where that is dropped.
    pub fn run<F: Future>(self, future: F) -> Run<F> {
        Run::new(self, future)
    }

    /// The same for a future of a `Result`: an error marks the scope as failed.
    pub fn try_run<F: Future<Output = Result<T, E>>, T, E>(self, future: F) -> TryRun<F> {
        TryRun::new(self, future)
    }

    /// Runs a closure in the scope, and returns its output untouched.
    pub fn run_sync<T>(self, f: impl FnOnce() -> T) -> T {
        let _entered = self.enter();
        f()
    }

    /// The same for a closure that returns a `Result`: an error marks the scope as failed.
    pub fn try_run_sync<T, E>(self, f: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        let entered = self.enter();
        let result = f();
        if result.is_err() {
            entered.fail(RETURNED_AN_ERROR);
        }
        result
    }

    /// Makes the scope current on this thread until the guard is dropped, which ends it. The guard is not `Send`: do
    /// not hold it over an `.await`.
    pub fn enter(self) -> ScopeEntered {
        ScopeEntered { entered: self.open().map(OpenScope::entered) }
    }

    /// `None` before any `Outlay` is built: there is nothing to count in, and what runs does so all the same.
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

/// A scope that is current on this thread. Dropped, it ends.
#[must_use = "the scope ends when the guard is dropped"]
pub struct ScopeEntered {
    entered: Option<OwnedScopeEntered>,
}

impl ScopeEntered {
    /// Marks the scope as failed; what was spent in it was wasted. The first reason holds.
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
