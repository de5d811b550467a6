//! Waiting for what is open, before a process ends.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use outlay_otel::Engine;

/// How often it is checked whether something is still open.
const PAUSE: Duration = Duration::from_millis(5);

/// The error for what was still open after the timeout of [`Outlay::idle`](crate::Outlay::idle).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("after the timeout, {tasks} tasks and {calls} calls outside any task are still open")]
pub struct NotIdleError {
    tasks: usize,
    calls: u64,
}

impl NotIdleError {
    /// Returns the number of open tasks. [`Outlay::open_tasks`](crate::Outlay::open_tasks) lists them.
    pub const fn tasks(&self) -> usize {
        self.tasks
    }

    /// Returns the number of open calls outside any task.
    pub const fn calls(&self) -> u64 {
        self.calls
    }
}

/// The future of [`Outlay::idle`](crate::Outlay::idle). It needs no async runtime.
#[derive(Debug)]
#[must_use = "futures do nothing unless polled"]
pub struct Idle {
    engine: Engine,
    timeout: Duration,
    shared: Option<Arc<Mutex<Shared>>>,
}

/// What the checking thread shares with the future.
#[derive(Debug, Default)]
struct Shared {
    result: Option<Result<(), NotIdleError>>,
    waker: Option<Waker>,
}

impl Idle {
    pub(crate) const fn new(engine: Engine, timeout: Duration) -> Self {
        Self { engine, timeout, shared: None }
    }
}

impl Future for Idle {
    type Output = Result<(), NotIdleError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(shared) = &self.shared else {
            let now = open(&self.engine);
            if now.is_ok() || self.timeout.is_zero() {
                return Poll::Ready(now);
            }
            let shared = Arc::new(Mutex::new(Shared { result: None, waker: Some(cx.waker().clone()) }));
            let (engine, timeout, of_thread) = (self.engine.clone(), self.timeout, Arc::downgrade(&shared));
            let check = move || {
                let started = Instant::now();
                // The thread ends with the future.
                while let Some(shared) = of_thread.upgrade() {
                    let now = open(&engine);
                    if now.is_ok() || started.elapsed() >= timeout {
                        let mut shared = lock(&shared);
                        shared.result = Some(now);
                        let waker = shared.waker.take();
                        drop(shared);
                        waker.into_iter().for_each(Waker::wake);
                        return;
                    }
                    drop(shared);
                    thread::sleep(PAUSE.min(timeout));
                }
            };
            if thread::Builder::new().name("outlay-idle".to_owned()).spawn(check).is_err() {
                return Poll::Ready(now);
            }
            self.shared = Some(shared);
            return Poll::Pending;
        };
        let mut shared = lock(shared);
        match shared.result.take() {
            Some(result) => Poll::Ready(result),
            None => {
                shared.waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

/// Returns an error with what is open now.
fn open(engine: &Engine) -> Result<(), NotIdleError> {
    match (engine.open_tasks_count(), engine.unattributed().pending_calls()) {
        (0, 0) => Ok(()),
        (tasks, calls) => Err(NotIdleError { tasks, calls }),
    }
}

fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
