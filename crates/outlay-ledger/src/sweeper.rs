//! Closes finished scopes that wait too long for what is open in them.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Weak};
use std::time::{Duration, SystemTime};

use crate::scope::Inner as ScopeInner;
use crate::sync::{Mutex, lock, thread};
use crate::{Clock, Scope};

/// A queue of scopes by when they are due, and a thread that is there only while it holds any.
pub(crate) struct Sweeper {
    queue: Arc<Mutex<Queue>>,
    clock: Arc<dyn Clock>,
}

#[derive(Default)]
struct Queue {
    /// In the order of `due`, for the late limit is the same for all.
    waiting: VecDeque<(SystemTime, Weak<ScopeInner>)>,
    running: bool,
}

impl Sweeper {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { queue: Arc::default(), clock }
    }

    pub(crate) fn add(&self, scope: &Scope, due: SystemTime, every: Duration) {
        let start = {
            let mut queue = lock(&self.queue);
            queue.waiting.push_back((due, Arc::downgrade(&scope.0)));
            !std::mem::replace(&mut queue.running, true)
        };
        if start {
            self.start(every);
        }
    }

    pub(crate) fn close_overdue(&self, now: SystemTime) {
        close_overdue(&self.queue, now);
    }

    fn start(&self, late_limit: Duration) {
        let queue = Arc::downgrade(&self.queue);
        let clock = self.clock.clone();
        let step = (late_limit / 4).clamp(Duration::from_millis(5), Duration::from_secs(5));
        let spawned = thread::Builder::new().name("outlay-sweeper".into()).spawn(move || sweep(&queue, &*clock, step));
        if spawned.is_err() {
            // Without a thread scopes still close when they settle; the next one that waits tries again.
            lock(&self.queue).running = false;
        }
    }
}

fn sweep(queue: &Weak<Mutex<Queue>>, clock: &dyn Clock, step: Duration) {
    loop {
        thread::sleep(step);
        let Some(queue) = queue.upgrade() else { return };
        close_overdue(&queue, clock.now());
        let mut queue = lock(&queue);
        if queue.waiting.is_empty() {
            queue.running = false;
            return;
        }
    }
}

fn close_overdue(queue: &Mutex<Queue>, now: SystemTime) {
    loop {
        let scope = {
            let mut queue = lock(queue);
            // What has closed by itself meanwhile need not be waited for.
            while queue.waiting.front().is_some_and(|(_, scope)| scope.strong_count() == 0) {
                queue.waiting.pop_front();
            }
            match queue.waiting.front() {
                Some((due, _)) if *due <= now => queue.waiting.pop_front(),
                _ => return,
            }
        };
        // One that waits on is closed with its task.
        if let Some(scope) = scope.and_then(|(_, scope)| scope.upgrade()).map(Scope).filter(|scope| !scope.waits_on()) {
            // What is told of the close is the application's code too; if that panics, the other scopes still close.
            let _ = catch_unwind(AssertUnwindSafe(|| scope.close_now()));
        }
    }
}
