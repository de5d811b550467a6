//! Futures that run in a scope.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use outlay_otel::OpenScope;
use pin_project_lite::pin_project;

use crate::scope_builder::ScopeBuilder;
use crate::task::Task;

/// The failure reason of a scope if its future or closure returns an error. It leaves out the error, which may hold
/// content.
pub(crate) const RETURNED_AN_ERROR: &str = "returned an error";

pin_project! {
    /// A future that runs in its own scope. The scope opens when the future is first polled, and ends with it. Returned by
    /// [`ScopeBuilder::run`].
    #[must_use = "futures do nothing unless polled"]
    pub struct Run<F> {
        #[pin]
        future: F,
        scope: LazyScope,
    }
}

pin_project! {
    /// Like [`Run`], but marks the scope as failed on `Err`. Returned by [`ScopeBuilder::try_run`].
    #[must_use = "futures do nothing unless polled"]
    pub struct TryRun<F> {
        #[pin]
        run: Run<F>,
    }
}

pin_project! {
    /// A future that runs in a task. Returned by [`Task::run`] and [`Task::try_run`].
    #[must_use = "futures do nothing unless polled"]
    pub struct TaskRun<'a, F, O> {
        #[pin]
        future: F,
        task: &'a Task,
        on_output: O,
    }
}

/// A scope that opens on first use.
enum LazyScope {
    Unopened(ScopeBuilder),
    /// `None` if there is no `Outlay` to open it in.
    Open(Option<OpenScope>),
}

impl<F> Run<F> {
    pub(crate) const fn new(scope: ScopeBuilder, future: F) -> Self {
        Self { future, scope: LazyScope::Unopened(scope) }
    }
}

impl<F> TryRun<F> {
    pub(crate) const fn new(scope: ScopeBuilder, future: F) -> Self {
        Self { run: Run::new(scope, future) }
    }
}

impl LazyScope {
    fn open(&mut self) -> Option<&OpenScope> {
        if let Self::Unopened(scope) = self {
            *self = Self::Open(scope.open());
        }
        match self {
            Self::Open(open) => open.as_ref(),
            Self::Unopened(_) => None,
        }
    }
}

impl<F: Future> Run<F> {
    fn poll_then(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        on_output: impl FnOnce(&OpenScope, &F::Output),
    ) -> Poll<F::Output> {
        let this = self.project();
        let Some(open) = this.scope.open() else { return this.future.poll(cx) };
        let output = {
            let _entered = open.enter();
            std::task::ready!(this.future.poll(cx))
        };
        on_output(open, &output);
        // End the scope now: the finished future may be kept for longer.
        open.finish();
        Poll::Ready(output)
    }
}

impl<F: Future> Future for Run<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        self.poll_then(cx, |_, _| {})
    }
}

impl<F: Future<Output = Result<T, E>>, T, E> Future for TryRun<F> {
    type Output = Result<T, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<T, E>> {
        self.project().run.poll_then(cx, |scope, output| {
            if output.is_err() {
                scope.fail(RETURNED_AN_ERROR);
            }
        })
    }
}

impl<'a, F, O> TaskRun<'a, F, O> {
    pub(crate) const fn new(task: &'a Task, future: F, on_output: O) -> Self {
        Self { future, task, on_output }
    }
}

impl<F: Future, O: Fn(&Task, &F::Output)> Future for TaskRun<'_, F, O> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let output = {
            let _entered = this.task.open_scope().enter();
            std::task::ready!(this.future.poll(cx))
        };
        (this.on_output)(this.task, &output);
        Poll::Ready(output)
    }
}

impl<F> fmt::Debug for Run<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run").finish_non_exhaustive()
    }
}

impl<F> fmt::Debug for TryRun<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TryRun").finish_non_exhaustive()
    }
}

impl<F, O> fmt::Debug for TaskRun<'_, F, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskRun").finish_non_exhaustive()
    }
}
