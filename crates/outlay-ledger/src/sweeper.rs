//! Closes finished scopes that wait too long for open work in them.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use crate::clock::{Clock, instant};
use crate::sync::{Mutex, lock, thread};

/// A scope that is closed when it has waited too long.
pub(crate) trait CloseOverdue: Send + Sync {
    /// Closes the scope, unless it has a reason to wait longer.
    fn close_overdue(self: Arc<Self>);
}

/// Closes scopes that have passed their late limit. Its thread runs only while a scope is waiting.
pub(crate) struct Sweeper {
    queue: Arc<Mutex<Queue>>,
    clock: Arc<dyn Clock>,
    /// How long a scope waits.
    limit: Duration,
}

/// The waiting scopes, in the order in which they were added.
#[derive(Default)]
struct Queue {
    waiting: BTreeMap<u64, Waiting>,
    last: u64,
    time: SteadyClock,
    /// When the process last resumed from a suspension. Scopes added earlier wait from then on.
    resumed: Duration,
    running: bool,
}

struct Waiting {
    since: Duration,
    scope: Weak<dyn CloseOverdue>,
}

/// A clock that never goes back, even if the clock that it reads does.
#[derive(Default)]
struct SteadyClock {
    last: Duration,
    /// How far that clock has gone back in total.
    lost: Duration,
}

impl SteadyClock {
    fn advance(&mut self, time: Duration) -> Duration {
        self.lost = self.lost.saturating_add(self.last.saturating_sub(time));
        self.last = time;
        time.saturating_add(self.lost)
    }
}

impl Sweeper {
    pub(crate) fn new(clock: Arc<dyn Clock>, limit: Duration) -> Self {
        Self { queue: Arc::default(), clock, limit }
    }

    /// Adds a scope, to be closed after the limit. Returns its number in the queue, which is never 0.
    pub(crate) fn add(&self, scope: Weak<dyn CloseOverdue>) -> u64 {
        // The process may be suspended even before the thread starts.
        let began = instant();
        let time = self.clock.monotonic();
        let (number, start) = {
            let mut queue = lock(&self.queue);
            let since = queue.time.advance(time);
            queue.last += 1;
            let number = queue.last;
            queue.waiting.insert(number, Waiting { since, scope });
            (number, !std::mem::replace(&mut queue.running, true))
        };
        if start {
            self.start(began);
        }
        number
    }

    /// Removes a scope that has closed on its own.
    pub(crate) fn remove(&self, number: u64) {
        lock(&self.queue).waiting.remove(&number);
    }

    pub(crate) fn close_overdue(&self) {
        close_overdue(&self.queue, &*self.clock, self.limit);
    }

    fn start(&self, began: Instant) {
        let queue = Arc::downgrade(&self.queue);
        let (clock, limit) = (self.clock.clone(), self.limit);
        let spawned =
            thread::Builder::new().name("outlay-sweeper".into()).spawn(move || sweep(&queue, &*clock, limit, began));
        if spawned.is_err() {
            // Without a thread, scopes still close when they settle. The next added scope tries to start it again.
            lock(&self.queue).running = false;
        }
    }
}

fn sweep(queue: &Weak<Mutex<Queue>>, clock: &dyn Clock, limit: Duration, mut last: Instant) {
    let step = (limit / 4).clamp(Duration::from_millis(5), Duration::from_secs(5));
    loop {
        thread::sleep(step);
        let Some(queue) = queue.upgrade() else { return };
        let now = instant();
        let gap = now.saturating_duration_since(std::mem::replace(&mut last, now));
        // The process or the machine was suspended. Open work in a scope could not settle in that time.
        if gap > limit.saturating_add(step) {
            let time = clock.monotonic();
            let mut queue = lock(&queue);
            queue.resumed = queue.time.advance(time);
        }
        close_overdue(&queue, clock, limit);
        let mut queue = lock(&queue);
        if queue.waiting.is_empty() {
            queue.running = false;
            return;
        }
    }
}

fn close_overdue(queue: &Mutex<Queue>, clock: &dyn Clock, limit: Duration) {
    loop {
        let time = clock.monotonic();
        let scope = {
            let mut queue = lock(queue);
            let now = queue.time.advance(time);
            let resumed = queue.resumed;
            match queue.waiting.first_entry() {
                Some(first) if first.get().since.max(resumed).saturating_add(limit) <= now => first.remove().scope,
                _ => return,
            }
        };
        if let Some(scope) = scope.upgrade() {
            scope.close_overdue();
        }
    }
}
