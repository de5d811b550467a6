use std::sync::Arc;

use opentelemetry::{Context, ContextGuard};
use outlay_ledger::{Budget, Outcome, ScopeKind, StepKind, TaskSpec};
use tracing::span::{Entered, EnteredSpan};

use super::current::{ScopeGuard, current};
use super::scope_span::{self, ScopeSpan};
use super::traced_scope::TracedScope;
use crate::core::Core;
use crate::propagation::Incoming;

/// A task, agent or step that is running. It is finished when it is dropped.
#[derive(Debug)]
pub struct OpenScope {
    scope: TracedScope,
    span: ScopeSpan,
}

impl OpenScope {
    /// Opens a task: inside the current scope if that belongs to the same engine and to a task, else as a root.
    pub(crate) fn task(core: &Arc<Core>, spec: TaskSpec) -> Self {
        match current().filter(|scope| scope.belongs_to(core) && !scope.is_unattributed()) {
            Some(outer) => Self::inside(&outer, None, |parent| parent.task(spec)),
            None => Self::start(TracedScope::new(core.clone(), core.ledger.task(spec), None), None),
        }
    }

    /// Opens a task that another process asked for: inside the current scope if that is part of the same work, which
    /// has one receipt, else as a root.
    pub(crate) fn task_for(core: &Arc<Core>, spec: TaskSpec, incoming: &Incoming) -> Self {
        let spec = spec.dimensions_else(incoming.dimensions());
        let asked = incoming.caller().remote_id();
        let same_work =
            |scope: &TracedScope| scope.belongs_to(core) && asked.is_some_and(|id| scope.in_ledger().answers(id));
        if let Some(outer) = current().filter(same_work) {
            return Self::inside(&outer, None, |parent| parent.task(spec.without_caller()));
        }
        let in_ledger = core.ledger.task(spec);
        Self::start(TracedScope::for_caller(core.clone(), in_ledger, incoming.parent().cloned()), None)
    }

    /// Opens an agent with these budgets inside `parent`.
    pub fn agent(parent: &TracedScope, name: &str, budgets: &[Budget]) -> Self {
        Self::inside(parent, None, |parent| parent.child(ScopeKind::Agent, name, budgets))
    }

    /// Opens a step with these budgets inside `parent`. `tool_call` is the id of the model's tool call.
    pub fn step(parent: &TracedScope, kind: StepKind, name: &str, budgets: &[Budget], tool_call: Option<&str>) -> Self {
        Self::inside(parent, tool_call, |parent| parent.child(ScopeKind::Step(kind), name, budgets))
    }

    fn inside(
        parent: &TracedScope,
        tool_call: Option<&str>,
        open: impl FnOnce(&outlay_ledger::Scope) -> outlay_ledger::Scope,
    ) -> Self {
        let in_ledger = open(parent.in_ledger());
        // The ledger opens it in an outer scope if the parent has closed.
        let holder = in_ledger.parent().map_or_else(|| parent.clone(), |holder| parent.self_or_ancestor(holder));
        Self::start(TracedScope::new(parent.core().clone(), in_ledger, Some(holder)), tool_call)
    }

    fn start(scope: TracedScope, tool_call: Option<&str>) -> Self {
        let span = scope_span::start(&scope, tool_call);
        if matches!(scope.in_ledger().kind(), ScopeKind::Task) {
            let (task, core) = (scope.in_ledger(), scope.core());
            core.open_tasks.add(task, scope.span_context().cloned());
            core.issued_receipts.add(task);
            core.metrics.task_started(task);
            task.check_dimensions();
        }
        Self { scope, span }
    }

    /// Returns the scope, in which calls are made.
    pub const fn scope(&self) -> &TracedScope {
        &self.scope
    }

    /// Makes the scope and its span current on this thread until the guard is dropped.
    pub fn enter(&self) -> EnteredScope<'_> {
        let span = self.span.tracing().enter();
        let context = self.span.context().clone().attach();
        EnteredScope { _scope: self.scope.enter(), _context: context, _span: span }
    }

    /// Like [`enter`](Self::enter), with a guard that owns the scope and finishes it when it is dropped.
    pub fn entered(self) -> OwnedEnteredScope {
        let span = self.span.tracing().clone().entered();
        let context = self.span.context().clone().attach();
        OwnedEnteredScope { _scope: self.scope.enter(), _context: context, _span: span, open: self }
    }

    /// Returns the context of the scope's span, for direct use with OpenTelemetry.
    pub const fn context(&self) -> &Context {
        self.span.context()
    }

    /// Marks the scope as failed. The first reason wins.
    pub fn fail(&self, reason: &str) {
        self.scope.in_ledger().fail(reason);
    }

    /// Sets the outcome of the task. The last outcome wins.
    pub fn set_outcome(&self, outcome: Outcome) {
        self.scope.in_ledger().set_outcome(outcome);
    }

    /// Finishes the scope. Its span ends when nothing in it is open any more. Finishing twice has no effect.
    pub fn finish(&self) {
        self.scope.in_ledger().finish();
    }
}

impl Drop for OpenScope {
    fn drop(&mut self) {
        self.finish();
    }
}

/// A scope that is current on this thread.
#[derive(Debug)]
#[must_use = "the scope is current only while the guard lives"]
pub struct EnteredScope<'a> {
    // Fields are dropped in this order, the reverse of entering.
    _scope: ScopeGuard,
    _context: ContextGuard,
    _span: Entered<'a>,
}

/// A scope that is current on this thread, and is finished when it is dropped.
#[derive(Debug)]
#[must_use = "the scope is current only while the guard lives"]
pub struct OwnedEnteredScope {
    _scope: ScopeGuard,
    _context: ContextGuard,
    _span: EnteredSpan,
    open: OpenScope,
}

impl OwnedEnteredScope {
    /// Returns the scope.
    pub const fn open_scope(&self) -> &OpenScope {
        &self.open
    }
}
