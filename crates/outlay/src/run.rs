//! Futures that run in a scope.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use outlay_otel::OpenScope;
use pin_project_lite::pin_project;

use crate::scope_builder::ScopeBuilder;
use crate::task::Task;

/// Why a scope failed whose future or closure returned an error. The error itself is not told: it may hold content.
pub(crate) const RETURNED_AN_ERROR: &str = "returned an error";

pin_project! {
    /// A future in a scope of its own, which opens when the future is first polled and ends with it. Made by
    /// [`ScopeBuilder::run`].
    #[must_use = "futures do nothing unless polled"]
    pub struct Run<F> {
        #[pin]
        future: F,
        scope: Lazy,
    }
}

pin_project! {
    /// The same for a future of a `Result`: its scope has failed if it is an error. Made by
    /// [`ScopeBuilder::try_run`].
    #[must_use = "futures do nothing unless polled"]
    pub struct TryRun<F> {
        #[pin]
        run: Run<F>,
    }
}

pin_project! {
    /// A future in a task. Made by [`Task::run`] and [`Task::try_run`].
    #[must_use = "futures do nothing unless polled"]
    pub struct TaskRun<'a, F, O> {
        #[pin]
        future: F,
        task: &'a Task,
        on_output: O,
    }
}

/// A scope that is not open yet, open, or over.
enum Lazy {
    Described(ScopeBuilder),
    /// `None` where there is no `Outlay` to open it in.
    Open(Option<OpenScope>),
}

impl<F> Run<F> {
    pub(crate) const fn new(scope: ScopeBuilder, future: F) -> Self {
        Self { future, scope: Lazy::Described(scope) }
    }
}

impl<F> TryRun<F> {
    pub(crate) const fn new(scope: ScopeBuilder, future: F) -> Self {
        Self { run: Run::new(scope, future) }
    }
}

impl Lazy {
    fn open(&mut self) -> Option<&OpenScope> {
        if let Self::Described(scope) = self {
            *self = Self::Open(scope.open());
        }
        match self {
            Self::Open(open) => open.as_ref(),
            Self::Described(_) => None,
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
        // The scope ends with its future, however long the finished future is kept.
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
