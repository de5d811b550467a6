//! The scope that the calling code runs in.
//!
//! It is kept in two places: a thread-local that is set at each poll, and a value in the OpenTelemetry context that
//! `tracing` spans carry into spawned tasks. See [`current`] for their precedence.

use std::cell::RefCell;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};

use opentelemetry::Context;
use outlay_ledger::Hold;
use pin_project_lite::pin_project;

use super::traced_scope::TracedScope;

thread_local! {
    static CURRENT: RefCell<Entered> = const { RefCell::new(Entered { scopes: Vec::new(), next: 0 }) };
}

/// The scopes that the thread has entered and not left, the innermost last. Guards may be dropped in any order: each one
/// removes its own scope.
struct Entered {
    scopes: Vec<(u64, TracedScope)>,
    next: u64,
}

/// A scope as a value in an OpenTelemetry context.
struct Carried(TracedScope);

/// Returns the scope that the calling code runs in.
///
/// This is the thread's own scope, which is set when a scope is entered or polled, or the scope in the current
/// OpenTelemetry context, which a `tracing` span carries along. If one of them is inside the other, the inner one is
/// current. Otherwise it is the thread's own, because then the span is unrelated: it was made before the scope, in another
/// task, or without a parent, like the spans of connections and actors.
pub fn current() -> Option<TracedScope> {
    let own = CURRENT.try_with(|entered| entered.borrow().scopes.last().map(|(_, scope)| scope.clone()));
    // A thread that is being torn down has no scope and cannot use OpenTelemetry.
    let Ok(own) = own else { return None };
    let carried = Context::map_current(carried_by);
    match (own, carried) {
        (Some(own), Some(carried)) if carried.in_ledger().is_within(own.in_ledger()) => Some(carried),
        (Some(own), _) => Some(own),
        (None, carried) => carried,
    }
}

/// Returns the scope that a context carries.
pub(crate) fn carried_by(context: &Context) -> Option<TracedScope> {
    context.get::<Carried>().map(|carried| carried.0.clone())
}

/// Returns the context with the scope in it.
pub(crate) fn carry(context: &Context, scope: &TracedScope) -> Context {
    context.with_value(Carried(scope.clone()))
}

/// A guard that keeps a scope current on its thread until it is dropped.
#[must_use = "the scope is current only while the guard lives"]
pub struct ScopeGuard {
    /// `None` on a thread that is being torn down.
    id: Option<u64>,
    /// The guard must stay on its thread.
    not_send: PhantomData<*const ()>,
}

impl ScopeGuard {
    pub(crate) fn enter(scope: TracedScope) -> Self {
        let enter = |entered: &RefCell<Entered>| {
            let mut entered = entered.borrow_mut();
            let id = entered.next;
            entered.next += 1;
            entered.scopes.push((id, scope));
            id
        };
        Self { id: CURRENT.try_with(enter).ok(), not_send: PhantomData }
    }
}

impl Drop for ScopeGuard {
    fn drop(&mut self) {
        let leave = |entered: &RefCell<Entered>| {
            let mut entered = entered.borrow_mut();
            let index = entered.scopes.iter().rposition(|(id, _)| Some(*id) == self.id)?;
            Some(entered.scopes.remove(index))
        };
        // Dropped after the borrow of the cell, because dropping the scope may run other code.
        drop(CURRENT.try_with(leave));
    }
}

impl fmt::Debug for ScopeGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScopeGuard").finish_non_exhaustive()
    }
}

pin_project! {
    /// A future that runs in a scope, on any thread that polls it.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct InScope<F> {
        #[pin]
        future: F,
        scope: Option<TracedScope>,
        // Keeps the receipt for the caller open until the future's cost is in it.
        hold: Option<Hold>,
    }
}

impl<F: Future> InScope<F> {
    /// Returns `future` in the scope that is current now.
    pub fn current(future: F) -> Self {
        let scope = current();
        let hold = scope.as_ref().and_then(|scope| scope.in_ledger().hold());
        Self { future, scope, hold }
    }
}

impl<F: Future> Future for InScope<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<F::Output> {
        let this = self.project();
        let Some(scope) = this.scope else { return this.future.poll(cx) };
        let output = {
            let _guard = scope.enter();
            std::task::ready!(this.future.poll(cx))
        };
        drop(this.hold.take());
        Poll::Ready(output)
    }
}
