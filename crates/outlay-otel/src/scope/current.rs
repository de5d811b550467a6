//! Which scope the calling code runs in.
//!
//! It is kept in two places: a thread-local that holds along `.await`, and a value in the OpenTelemetry context that
//! `tracing` spans carry into spawned tasks. See [`current`] for how they agree.

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

/// The scopes that the thread has entered and not left, the innermost last. Guards may be dropped in any order: each
/// takes out its own.
struct Entered {
    scopes: Vec<(u64, TracedScope)>,
    next: u64,
}

/// The scope as a value of an OpenTelemetry context.
struct Carried(TracedScope);

/// The scope that the calling code runs in.
///
/// That is the thread's own, set by whatever polls or enters a scope, or the one in the current OpenTelemetry context,
/// which a `tracing` span has carried along: whichever lies inside the other. If neither does, the thread's own holds,
/// for then the span is foreign: made before the scope, in another task, or without a parent, as those of connections
/// and actors are.
pub fn current() -> Option<TracedScope> {
    let own = CURRENT.try_with(|entered| entered.borrow().scopes.last().map(|(_, scope)| scope.clone()));
    // On a thread that is being torn down there is no scope, and OpenTelemetry must not be asked.
    let Ok(own) = own else { return None };
    let carried = Context::map_current(carried_by);
    match (own, carried) {
        (Some(own), Some(carried)) if carried.in_ledger().is_within(own.in_ledger()) => Some(carried),
        (Some(own), _) => Some(own),
        (None, carried) => carried,
    }
}

/// The scope that a context carries.
pub(crate) fn carried_by(context: &Context) -> Option<TracedScope> {
    context.get::<Carried>().map(|carried| carried.0.clone())
}

/// The context with the scope in it.
pub(crate) fn carry(context: &Context, scope: &TracedScope) -> Context {
    context.with_value(Carried(scope.clone()))
}

/// Makes a scope the thread's own until it is dropped.
#[must_use = "the scope is current only while the guard lives"]
pub struct ScopeGuard {
    /// `None` on a thread that is being torn down.
    id: Option<u64>,
    /// It belongs to the thread that it was made on.
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
            let place = entered.scopes.iter().rposition(|(id, _)| Some(*id) == self.id)?;
            Some(entered.scopes.remove(place))
        };
        // The scope may run code of its own when it is dropped: not while the cell is borrowed.
        drop(CURRENT.try_with(leave));
    }
}

impl fmt::Debug for ScopeGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScopeGuard").finish_non_exhaustive()
    }
}

pin_project! {
    /// A future that runs in a scope, on whatever thread it is polled.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct InScope<F> {
        #[pin]
        future: F,
        scope: Option<TracedScope>,
        // What it spends is to be in the receipt of who asked.
        hold: Option<Hold>,
    }
}

impl<F: Future> InScope<F> {
    /// `future`, in the scope that is current now.
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
